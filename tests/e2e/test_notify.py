#!/usr/bin/env python3
"""sd_notify(3): what a bundle's task says of being ready reaches the service manager that has started taskshim."""
import os
import socket
import sys

from lib import LIMIT, expect, expect_in, main, read_json, wait_until, write_json

SAY = """import os, socket, time
def say(*lines):
    client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    client.connect(os.environ["NOTIFY_SOCKET"])
    client.send("\\n".join(lines).encode())
"""
READY = SAY + 'say("STATUS=loading"); say("NOTREADY=1", "READY=10"); time.sleep(0.2); open("/w/late", "w"); say("STATUS=ok", "READY=1")\n'


class Manager:
    """Listens where systemd does, and answers barriers as it does."""

    def __init__(self, root, address=None):
        self.address = address or f"{root.scratch}/manager"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address.replace("@", "\0"))
        self.socket.settimeout(LIMIT)
        self.env = {**root.env, "NOTIFY_SOCKET": self.address}
        root.env = self.env

    def messages(self, barrier=True):
        """Up to the barrier, or one."""
        if not barrier:
            return [self.socket.recv(4096).decode()]
        got = []
        while True:
            data, descriptors, _, _ = socket.recv_fds(self.socket, 4096, 4)
            for fd in descriptors:
                os.close(fd)
            if data == b"BARRIER=1":
                return got
            got.append(data.decode())

    def expect_silence(self):
        self.socket.setblocking(False)
        try:
            raise AssertionError(f"the manager was told {self.socket.recv(4096)}")
        except BlockingIOError:
            pass


def bundle(root, script, **more):
    return root.bundle("n", ("/usr/bin/python3", "-c", script), **more)


def pid_of(root):
    return root.state(root.task("n"))["pid"]


def test_run_tells_once_and_goes_on(root):
    manager = Manager(root)
    process = root.start_process("run", "-b", bundle(root, READY + "time.sleep(600)"), root.task("n"))
    expect("what the manager hears", [f"READY=1\nMAINPID={pid_of_running(root)}\n"], manager.messages(barrier=False))
    expect("the task is still there", "running", root.state(root.task("n"))["status"])
    process.terminate()
    expect("status", 143, root.end_process(process).status)
    manager.expect_silence()
    expect("what is left", [], root.list())


def pid_of_running(root):
    wait_until("the task runs", lambda: root.status_or_none(root.task("n")) == "running")
    return pid_of(root)


def test_start_returns_when_the_task_is_ready(root):
    manager = Manager(root)
    root.ok("create", "-b", bundle(root, READY + "time.sleep(600)"), root.task("n"), stdout=None, stderr=None)
    process = root.start_process("start", root.task("n"))
    expect("what the manager hears", [f"READY=1\nMAINPID={pid_of(root)}\n"], manager.messages())
    expect("it was late", True, os.path.exists(f"{root.scratch}/late"))
    expect("start", 0, root.end_process(process).status)
    root.ok("delete", "-f", root.task("n"))
    expect("what is left", [], os.listdir(root.path) if os.path.exists(root.path) else [])


def test_a_second_start_takes_nothing_from_the_first(root):
    manager = Manager(root)
    script = READY.replace("import", "import time; time.sleep(1); import", 1) + "time.sleep(600)"
    root.ok("create", "-b", bundle(root, script), root.task("n"), stdout=None, stderr=None)
    process = root.start_process("start", root.task("n"))
    wait_until("the task runs", lambda: root.status_or_none(root.task("n")) == "running")
    second = root.ts("start", root.task("n"))
    expect(f"second start: {second}", 1, second.status)
    expect("what the manager hears", [f"READY=1\nMAINPID={pid_of(root)}\n"], manager.messages())
    expect("first start", 0, root.end_process(process).status)
    root.ok("delete", "-f", root.task("n"))


def test_start_returns_when_the_task_ends_instead(root):
    manager = Manager(root)
    root.ok("create", "-b", bundle(root, SAY + 'say("STATUS=never")'), root.task("n"), stdout=None, stderr=None)
    expect("start", 0, root.ts("start", root.task("n")).status)
    manager.expect_silence()


def test_detached_run_returns_when_the_task_is_ready(root):
    manager = Manager(root, "@ts-e2e-" + root.name)
    process = root.start_process("run", "-d", "--pid-file", f"{root.scratch}/pid", "-b",
                                 bundle(root, READY + "time.sleep(600)"), root.task("n"), stdout=None, stderr=None)
    heard = manager.messages()
    with open(f"{root.scratch}/pid", encoding="ascii") as file:
        expect("what the manager hears", [f"READY=1\nMAINPID={file.read()}\n"], heard)
    expect("status of run", 0, process.wait(LIMIT))


def test_a_task_by_another_user_reaches_it_and_changes_nothing(root):
    manager = Manager(root)
    script = SAY + """
assert os.getuid() == 1234
for act in (lambda: os.unlink("/run/notify/notify.sock"), lambda: open("/run/notify/x", "w"), lambda: os.mkdir("/run/notify/d")):
    try:
        act()
    except OSError:
        continue
    raise SystemExit("done")
say("READY=1")
"""
    result = root.ts("run", "-b", bundle(root, script, user="1234"), root.task("n"))
    expect(f"status of {result}", 0, result.status)
    expect("the message", True, manager.messages(barrier=False)[0].startswith("READY=1\n"))


def test_who_made_the_environment_before_is_replaced(root):
    manager = Manager(root)
    path = bundle(root, SAY + 'assert sum(k == "NOTIFY_SOCKET" for k in os.environ) == 1; say("READY=1")')
    config = read_json(f"{path}/config.json")
    config["process"]["env"].append("NOTIFY_SOCKET=/no/where")
    write_json(f"{path}/config.json", config)
    result = root.ts("run", "-b", path, root.task("n"))
    expect(f"status of {result}", 0, result.status)
    expect("the message", True, manager.messages(barrier=False)[0].startswith("READY=1\n"))


def test_a_manager_that_is_gone_does_not_end_the_task(root):
    manager = Manager(root)
    manager.socket.close()
    result = root.ts("run", "-b", bundle(root, READY + 'print("on")'), root.task("n"))
    expect(f"status and output of {result}", (0, "on\n"), (result.status, result.out))
    expect_in("message", "wait: tell the service manager that the task is ready: ", result.err)


def test_without_a_manager_there_is_none(root):
    script = 'import os; assert "NOTIFY_SOCKET" not in os.environ and not os.path.exists("/run/notify")'
    root.ok("create", "-b", bundle(root, script), root.task("n"), stdout=None, stderr=None)
    expect("no directory", False, os.path.exists(f"{root.directory(root.task('n'))}/notify"))
    manager = Manager(root)
    expect("start of a task that was created without", 0, root.ts("start", root.task("n")).status)
    manager.expect_silence()
    result = root.ts("run", "--", "sh", "-c", 'test -z "$NOTIFY_SOCKET" && ! test -e /run/notify')
    expect(f"status of the form with flags, {result}", 0, result.status)


def test_it_takes_no_connection_of_a_killed_creator(root):
    """Its socket is made by who starts: until then, and when that is gone, the task is told so."""
    manager = Manager(root)
    script = SAY + """
open("/w/up", "w")
while not os.path.exists("/w/go"):
    time.sleep(0.01)
try:
    say("READY=1")
except ConnectionRefusedError:
    open("/w/refused", "w")
time.sleep(600)
"""
    root.ok("create", "-b", bundle(root, script), root.task("n"), stdout=None, stderr=None)
    process = root.start_process("start", root.task("n"))
    wait_until("it runs", lambda: os.path.exists(f"{root.scratch}/up"))
    process.kill()
    root.end_process(process)
    open(f"{root.scratch}/go", "w", encoding="ascii").close()
    wait_until("it was refused", lambda: os.path.exists(f"{root.scratch}/refused"))
    manager.expect_silence()


if __name__ == "__main__":
    sys.exit(main(globals()))
