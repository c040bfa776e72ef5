#!/usr/bin/env python3
"""Descriptors that a task is given: taskshim.preserveFds, --preserve-fds and LISTEN_FDS; and that nobody else keeps them."""
import fcntl
import json
import os
import socket
import subprocess
import sys

from lib import LIMIT, SPAWN_DAEMON, expect, expect_in, main, read_json, wait_until, write_json

LIST = ("sh", "-c", "ls /proc/self/fd | wc -l; cat <&3; echo out >&4")  # one more: of ls


class Files:
    """One to read and one to write, as descriptors 3 and 4 of who is started."""

    def __init__(self, root):
        self.input, self.output = f"{root.scratch}/input", f"{root.scratch}/output"
        with open(self.input, "w", encoding="ascii") as file:
            file.write("in\n")

    def wrapper(self, *more):
        """What starts a program with them."""
        return ("sh", "-c", " ".join([f'exec 3<"{self.input}" 4>>"{self.output}"', *more, '; exec "$@"']), "sh")

    def expect_written(self):
        with open(self.output, encoding="ascii") as file:
            expect("what the task wrote", "out\n", file.read())


def spawn(root, config, wrapper):
    """spawn-daemon alone: its lines."""
    helper = subprocess.run([*wrapper, SPAWN_DAEMON], input=json.dumps(config) + "\ntrue\n", capture_output=True, text=True,
                            env=root.env, timeout=LIMIT, check=False)
    return [json.loads(line) for line in helper.stdout.splitlines()]


def test_a_task_gets_them_and_nothing_else(root):
    files = Files(root)
    result = root.ts("run", "--preserve-fds", "2", "--", *LIST, wrapper=files.wrapper("5</etc/passwd"))
    expect(f"output of {result}", "6\nin\n", result.out)
    files.expect_written()


def test_a_bundle_gets_them_when_it_starts(root):
    files = Files(root)
    bundle = root.bundle("b", ("sh", "-c", "ls /proc/self/fd | wc -l >&4; cat <&3 >&4"))
    config = read_json(f"{bundle}/config.json")
    config["mounts"].append({"destination": "/proc", "type": "proc"})
    write_json(f"{bundle}/config.json", config)
    root.ok("create", "--preserve-fds", "2", "-b", bundle, root.task("b"), wrapper=files.wrapper(), stdout=None, stderr=None)
    root.ok("start", root.task("b"))

    def written():
        with open(files.output, encoding="ascii") as file:
            return file.read()
    wait_until("the task has written", lambda: written().endswith("in\n"))
    expect("what it wrote", "6\nin\n", written())


def test_a_command_in_a_task_gets_them(root):
    files = Files(root)
    task = root.run("e", "sleep", "600")
    result = root.ts("exec", "--preserve-fds", "2", task, *LIST, wrapper=files.wrapper())
    expect(f"output of {result}", "6\nin\n", result.out)
    files.expect_written()
    result = root.ts("exec", task, "sh", "-c", "ls /proc/self/fd | wc -l", wrapper=files.wrapper())
    expect(f"without the option {result}", "4\n", result.out)


def test_the_end_of_a_pipe_is_the_task_s_alone(root):
    """When it has closed its own, no monitor still has one."""
    ours, theirs = socket.socketpair()
    fd = fcntl.fcntl(theirs, fcntl.F_DUPFD, 10)
    wrapper = ("bash", "-c", f'exec 3<&{fd} {fd}<&-; exec "$@"', "sh")
    with ours:
        root.ok("run", "-d", "--preserve-fds", "1", "--id", root.task("p"), "--", "sh", "-c",
                "echo hello >&3; exec 3>&-; exec sleep 600", wrapper=wrapper, pass_fds=(fd,))
        theirs.close()
        os.close(fd)
        ours.settimeout(LIMIT)
        text = b""
        while part := ours.recv(100):
            text += part
    expect("until the end of file", b"hello\n", text)


def test_one_can_be_a_stream_as_well(root):
    files = Files(root)
    config = root.config(("sh", "-c", "cat; cat <&3; echo out >&4; echo err >&2"), stdin="fd:3", stdout="fd:4", stderr="fd:4",
                         preserveFds=2)
    lines = spawn(root, config, files.wrapper())
    expect(f"types of {lines}", ["created", "started", "exited"], [line["type"] for line in lines])
    with open(files.output, encoding="ascii") as file:
        expect("output", "in\nout\nerr\n", file.read())


def test_refusals(root):
    files = Files(root)
    config = root.config(("true",), preserveFds=3)
    lines = spawn(root, config, files.wrapper())
    expect("not open", {"type": "error", "step": "stdio", "errno": 9, "code": "EBADF",
                        "message": "taskshim.preserveFds: fd:5 is not open"}, lines[0])
    lines = spawn(root, config, files.wrapper("5</"))
    expect("a directory of the host", ("stdio", "EISDIR", "taskshim.preserveFds: fd:5"),
           tuple(lines[0][key] for key in ("step", "code", "message")))
    for number, part in (("3", "want descriptors 3 to 5: 5 is not open"), ("-1", "expected a number of 0 to 1024"),
                         ("1025", "expected a number of 0 to 1024"), ("x", "expected a number of 0 to 1024")):
        result = root.ts("run", f"--preserve-fds={number}", "--", "true", wrapper=files.wrapper())
        expect(f"status of {result}", 125, result.status)
        expect_in("reason", part, result.err)
    result = root.ts("run", "-b", root.bundle("r", ("true",), preserveFds=2), root.task("r"), wrapper=files.wrapper())
    expect(f"status of {result}", 125, result.status)
    expect_in("reason", "taskshim.preserveFds: 2, but 0 are handed over (--preserve-fds)", result.err)
    expect("tasks that are left", [], root.list())


def test_what_we_have_open_ourselves_is_none_of_them(root):
    """The state directory is open by then, and has the number that is missing."""
    root.run("a", "/bin/sleep", "1000")
    result = root.ts("exec", "--preserve-fds", "1", root.task("a"), "--", "true")
    expect(f"status of {result}", 125, result.status)
    expect_in("reason", "want descriptors 3 to 3: 3 is not open", result.err)


def test_many(root):
    """More than there are numbers between; each arrives as what it was."""
    script = "for i in range(3, 203):\n  assert os.fstat(i).st_ino == os.stat(f'/w/f{i}').st_ino, i\nprint(len(os.listdir('/proc/self/fd')))"
    opening = "".join(f"os.dup2(os.open('{root.scratch}/f{i}', os.O_CREAT | os.O_RDONLY), {i} + 300);" for i in range(3, 203))
    moving = "".join(f"os.dup2({i} + 300, {i});" for i in range(3, 203))
    start = f"import os, sys; {opening} os.closerange(3, 300); {moving} os.closerange(203, 600); os.execvp(sys.argv[1], sys.argv[1:])"
    result = root.ts("run", "--preserve-fds", "200", "--mount", f"{root.scratch}:/w", "--", "/usr/bin/python3", "-c",
                     f"import os\n{script}", wrapper=(sys.executable, "-c", start))
    expect(f"output of {result}", "204\n", result.out)


def activated(root, *verb, pid="$$"):
    """taskshim with one socket of systemd's, on which a client waits. Returns its result, and what the client got."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        client = socket.create_connection(listening.getsockname(), LIMIT)
        fd = fcntl.fcntl(listening, fcntl.F_DUPFD, 10)
        start = f'exec 3<&{fd} {fd}<&-; LISTEN_PID={pid} LISTEN_FDS=1 exec "$@"'
        result = root.ts(*verb, wrapper=("bash", "-c", start, "bash"), pass_fds=(fd,))
        os.close(fd)
    with client:
        client.settimeout(LIMIT)
        try:
            return result, client.recv(100)
        except ConnectionResetError:
            return result, b""


SERVER = """import os, socket
assert os.environ["LISTEN_FDS"] == "1" and os.environ["LISTEN_PID"] == str(os.getpid()), os.environ
socket.socket(fileno=3).accept()[0].sendall(b"hello")
"""


def test_a_socket_of_the_service_manager_goes_on_to_a_bundle_s_task(root):
    bundle = root.bundle("s", ("/usr/bin/python3", "-c", SERVER))
    result, got = activated(root, "run", "-b", bundle, root.task("s"))
    expect(f"status of {result}", 0, result.status)
    expect("what the client got", b"hello", got)


def test_a_socket_that_is_for_another_process_does_not(root):
    bundle = root.bundle("o", ("sh", "-c", 'test -z "$LISTEN_FDS" && ! true <&3'))
    result, got = activated(root, "run", "-b", bundle, root.task("o"), pid="1")
    expect(f"status of {result}", 0, result.status)
    expect("what the client got", b"", got)
    result, got = activated(root, "run", "--", "sh", "-c", 'test -z "$LISTEN_FDS"')
    expect(f"status of the form with flags, {result}", 0, result.status)


def test_more_sockets_than_a_task_can_get_are_refused(root):
    """And what is no number: the task would wait for sockets, and others for it."""
    bundle = root.bundle("m", ("true",))
    for number in ("1025", "99999999999999999999", "-1", "x"):
        for status, verb in ((125, ("run",)), (1, ("run", "-d")), (1, ("create",))):
            start = f'LISTEN_PID=$$ LISTEN_FDS={number} exec "$@"'
            result = root.ts(*verb, "-b", bundle, root.task("m"), wrapper=("bash", "-c", start, "bash"))
            expect(f"status of {verb}: {result}", status, result.status)
            expect_in("message", f"taskshim: usage: LISTEN_FDS={number}: expected a number of 0 to 1024", result.err)
    expect("containers", [], root.list())


if __name__ == "__main__":
    sys.exit(main(globals()))
