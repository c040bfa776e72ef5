#!/usr/bin/env python3
"""process.terminal: a task with a pseudo-terminal of its own, whose master goes to who asked for it."""
import array
import json
import os
import select
import shutil
import socket
import subprocess
import sys

from lib import LIMIT, SPAWN_DAEMON, TASKSHIM, Skip, expect, expect_in, main, read_json, wait_gone, wait_until, write_json

PTS = {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
       "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]}


def bundle(root, name, *command, size=(33, 101), mounts=(PTS,), **taskshim):
    """One with a terminal."""
    path = root.bundle(name, command, **taskshim)
    config = read_json(f"{path}/config.json")
    config["process"]["terminal"] = True
    config["process"]["consoleSize"] = {"height": size[0], "width": size[1]}
    config["mounts"] += [{"destination": "/proc", "type": "proc"}, *mounts]
    write_json(f"{path}/config.json", config)
    return path


def spawn(root, config, fds=()):
    """spawn-daemon alone, as a driver starts it."""
    helper = subprocess.Popen([SPAWN_DAEMON], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=root.env, pass_fds=fds)
    helper.stdin.write(json.dumps(config).encode() + b"\ntrue\n")
    helper.stdin.close()
    return helper


def refused(root, path, part, *flags):
    """`create` of the bundle fails for this reason, and leaves nothing."""
    result = root.ts("create", "-b", path, *flags, root.task("refused"))
    expect(f"status of {result}", 1, result.status)
    expect_in("reason", part, result.err)
    expect("tasks that are left", [], root.list())


class Receiver:
    """Listens on a console socket, as conmon does."""

    def __init__(self, root, name="console", backlog=4):
        self.path = f"{root.scratch}/{name}"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        self.socket.listen(backlog)
        self.socket.settimeout(LIMIT)

    def receive(self):
        """The name that came, and the master."""
        connection = self.socket.accept()[0]
        connection.settimeout(LIMIT)
        data, control, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
        connection.close()
        expect("kind of the message", [(socket.SOL_SOCKET, socket.SCM_RIGHTS)], [message[:2] for message in control])
        return data.decode(), array.array("i", control[0][2])[0]


def read_to_end(master):
    """All that comes, until the last slave is closed."""
    text = b""
    while True:
        if not select.select([master], [], [], LIMIT)[0]:
            raise AssertionError(f"hang after {text!r}")
        try:
            text += os.read(master, 4096)
        except OSError:  # EIO: nobody has it open
            return text.decode().replace("\r\n", "\n")


def read_until(master, part):
    text = ""
    while part not in text:
        if not select.select([master], [], [], LIMIT)[0]:
            raise AssertionError(f"hang after {text!r}")
        text += os.read(master, 4096).decode()
    return text


ASK = ("tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo all three; id -u; stat -c '%u %a %F' $(tty); "
       "stat -c '%t:%T %F' /dev/console; echo through console >/dev/console; echo through tty >/dev/tty; "
       "ps -o pid=,pgid=,sid=,tpgid= -p $$ | tr -s ' '; ls /proc/self/fd | wc -l")


def test_a_created_task_has_the_terminal_that_its_creator_gets(root):
    receiver = Receiver(root)
    root.ok("create", "-b", bundle(root, "a", "sh", "-c", ASK, user="1234"), "--console-socket", receiver.path, root.task("a"),
            stdout=None, stderr=None)
    name, master = receiver.receive()
    expect("name", "/dev/pts/0", name)
    root.ok("start", root.task("a"), stdout=None, stderr=None)
    lines = read_to_end(master).split("\n")
    os.close(master)
    # height and width of process.consoleSize; 0, 1, 2 and what ls has open
    expect("what it is", ["/dev/pts/0", "33 101", "all three", "1234", "1234 620 character special file",
                          "88:0 character special file", "through console", "through tty", " 1 1 1 1", "4", ""], lines)


def test_the_terminal_goes_to_a_descriptor_too(root):
    """taskshim.consoleSocket: fd:N of spawn-daemon."""
    ours, theirs = socket.socketpair()
    helper_fd = 9
    config = read_json(f"{bundle(root, 'fd', 'sh', '-c', 'tty', consoleSocket='fd:9')}/config.json")
    os.dup2(theirs.fileno(), helper_fd)
    theirs.close()
    result = spawn(root, config, (helper_fd,))
    os.close(helper_fd)
    data, control, _, _ = ours.recvmsg(4096, socket.CMSG_SPACE(4))
    expect("name", b"/dev/pts/0", data)
    master = array.array("i", control[0][2])[0]
    expect("output", "/dev/pts/0\n", read_to_end(master))
    expect("end of the socket", b"", ours.recv(1))
    os.close(master)
    ours.close()
    expect("status", 0, result.wait(LIMIT))
    result.stdout.close()


def test_a_detached_bundle_and_one_with_a_reaper_have_a_terminal(root):
    receiver = Receiver(root)
    for init in (False, True):
        task = root.task(f"init-{init}")
        path = bundle(root, f"init-{init}", "sh", "-c", "tty; ps -o sid=,tpgid= -p $$ | tr -s ' '; kill -INT $$", init=init)
        root.ok("run", "-d", "-b", path, "--console-socket", os.path.relpath(receiver.path), task, stdout=None, stderr=None)
        master = receiver.receive()[1]
        pid = 2 if init else 1
        # what process 1 of a pid namespace does to itself is dropped
        expect("output", f"/dev/pts/0\n {pid} {pid}\n", read_to_end(master))
        os.close(master)


def test_a_task_with_a_user_namespace_has_a_terminal(root):
    receiver = Receiver(root)
    path = bundle(root, "user", "sh", "-c", "tty; id -u; stat -c '%u %g' $(tty) /dev/console", user="5",
                  namespaces=("pid", "ipc", "uts", "mount", "user"))
    config = read_json(f"{path}/config.json")
    config["linux"].update({f"{kind}Mappings": [{"containerID": 0, "hostID": 300000, "size": 1000}] for kind in ("uid", "gid")})
    write_json(f"{path}/config.json", config)
    root.ok("run", "-d", "-b", path, "--console-socket", receiver.path, root.task("user"), stdout=None, stderr=None)
    master = receiver.receive()[1]
    expect("output", "/dev/pts/0\n5\n5 0\n5 0\n", read_to_end(master))
    os.close(master)


def test_without_a_devpts_the_terminal_is_the_hosts(root):
    """It works, and is /dev/console alone in the root."""
    receiver = Receiver(root)
    path = bundle(root, "host", "sh", "-c", "test -t 0 && stty size; tty; echo x >/dev/tty", mounts=())
    root.ok("run", "-d", "-b", path, "--console-socket", receiver.path, root.task("host"), stdout=None, stderr=None)
    master = receiver.receive()[1]
    expect("output", "33 101\n/dev/console\nx\n", read_to_end(master))
    os.close(master)


def test_a_task_in_the_root_of_another_has_a_terminal_there(root):
    """As a command of `exec` has it: by the mount namespace of a task that runs."""
    receiver = Receiver(root)
    root.run("other", "sleep", "1000")
    pid = root.state(root.task("other"))["pid"]
    config = {"process": {"args": ["sh", "-c", "tty; stat -c %a $(tty); ls -1 /dev/pts; stat -c %u:%a $(tty) >/dev/tty"], "terminal": True,
                          "env": ["PATH=/usr/bin:/bin"]},
              "linux": {"namespaces": [{"type": "mount", "path": f"/proc/{pid}/ns/mnt"}]},
              "taskshim": {"isolation": "none", "user": "0", "consoleSocket": receiver.path}}
    helper = spawn(root, config)
    name, master = receiver.receive()
    expect("name", "/dev/pts/0", name)
    expect("output", "/dev/pts/0\n620\n0\nptmx\n0:620\n", read_to_end(master))
    expect("status", 0, helper.wait(LIMIT))
    helper.stdout.close()
    os.close(master)
    # one whose root has none says so: what is called ptmx there may be anything
    root.ok("stop", "--time", "0s", root.task("other"))
    bare = root.bundle("bare", ["sleep", "1000"])
    root.ok("run", "-d", "-b", bare, root.task("bare"), stdout=None, stderr=None)
    pid = root.state(root.task("bare"))["pid"]
    config["linux"]["namespaces"][0]["path"] = f"/proc/{pid}/ns/mnt"
    helper = spawn(root, config)
    line = json.loads(helper.stdout.readline())
    expect("error", ("error", "terminal", "ENODEV"), (line["type"], line["step"], line["code"]))
    helper.wait(LIMIT)
    helper.stdout.close()


def test_the_task_is_hung_up_when_the_master_is_closed(root):
    receiver = Receiver(root)
    path = bundle(root, "hup", "sh", "-c", "trap 'echo hung up >/w/hup; exit 3' HUP; echo ready; while :; do sleep 0.05; done")
    root.ok("run", "-d", "-b", path, "--console-socket", receiver.path, root.task("hup"), stdout=None, stderr=None)
    master = receiver.receive()[1]
    read_until(master, "ready")
    pid = root.state(root.task("hup"))["pid"]
    os.close(master)
    wait_gone(pid)
    with open(f"{root.scratch}/hup", encoding="ascii") as file:
        expect("what the task saw", "hung up\n", file.read())


def test_conmon_gets_the_terminal(root):
    """The receiver that podman has, from end to end: its log, and the status that it sees."""
    if not shutil.which("conmon"):
        raise Skip("conmon is not installed")
    path, task = bundle(root, "c", "sh", "-c", "tty; while [ ! -e /w/go ]; do sleep 0.05; done; exit 3"), root.task("c")
    for name in ("exits", "sockets"):
        os.mkdir(f"{root.scratch}/{name}")
    conmon = ["conmon", "-c", task, "-u", task, "-n", task, "-r", TASKSHIM, "--runtime-arg", f"--root={root.path}", "-b", path, "-t",
              "-p", f"{root.scratch}/pid", "-l", f"k8s-file:{root.scratch}/log", "--exit-dir", f"{root.scratch}/exits",
              "--socket-dir-path", f"{root.scratch}/sockets"]
    subprocess.run(conmon, env=root.env, check=True, timeout=LIMIT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # conmon goes to the background before the runtime has done its part
    wait_until("the task is created", lambda: root.status_or_none(task) == "created")
    root.ok("start", task, stdout=None, stderr=None)
    log = wait_until("conmon logs", lambda: read_text(f"{root.scratch}/log"))
    expect_in("log", "stdout F /dev/pts/0", log)
    write_json(f"{root.scratch}/go", 1)
    expect("status that conmon saw", "3", wait_until("conmon sees the end", lambda: read_text(f"{root.scratch}/exits/{task}")))


def read_text(path):
    """Empty if it is not there yet."""
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def test_a_terminal_needs_a_console_socket_and_the_other_way_round(root):
    path = bundle(root, "t", "true")
    refused(root, path, "process.terminal: true needs taskshim.consoleSocket")
    refused(root, root.bundle("n", ["true"]), "taskshim.consoleSocket: needs process.terminal true", "--console-socket", "/x")
    refused(root, bundle(root, "s", "true", stdout="/dev/null"), "taskshim.stdout: contradicts process.terminal")
    result = root.ts("run", "-b", path, "--console-socket", "/x", root.task("x"))
    expect_in("message", "--console-socket is for -d", result.err)


def test_bad_console_sockets_are_named(root):
    path = bundle(root, "t", "true")
    place = root.scratch
    listening = Receiver(root)
    os.symlink(listening.path, f"{place}/link")
    write_json(f"{place}/file", 0)
    dead = Receiver(root, "dead")
    dead.socket.close()
    datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    datagrams.bind(f"{place}/datagrams")
    for name, reason in (("missing", "No such file"), ("link", "is no socket"), ("file", "is no socket"),
                         ("dead", "nobody listens"), ("datagrams", "not a stream socket")):
        refused(root, path, f"{place}/{name}", "--console-socket", f"{place}/{name}")
        result = root.ts("create", "-b", path, "--console-socket", f"{place}/{name}", root.task("again"))
        expect_in(name, reason.lower(), result.err.lower())
        expect_in(name, "taskshim: terminal: ", result.err)
    datagrams.close()
    # below a directory that the task may write no component may be a link
    os.makedirs(f"{place}/task/real")
    os.symlink("real", f"{place}/task/sub")
    shutil.copytree(path, f"{place}/bundle-d")
    inside = Receiver(root, "task/real/c")
    config = read_json(f"{path}/config.json")
    config["taskshim"]["taskDir"] = f"{place}/task"
    write_json(f"{place}/bundle-d/config.json", config)
    refused(root, f"{place}/bundle-d", "ymbolic link", "--console-socket", f"{place}/task/sub/c")
    inside.socket.close()
    listening.socket.close()


def test_a_receiver_that_never_accepts_ends_the_wait(root):
    """Its queue is full: connect(2) would wait for ever."""
    receiver = Receiver(root, backlog=0)
    waiting = socket.socket(socket.AF_UNIX)
    waiting.connect(receiver.path)
    refused(root, bundle(root, "t", "true"), "(nobody accepts)", "--console-socket", receiver.path)
    waiting.close()
    receiver.socket.close()


def test_a_receiver_that_closes_fails_the_start(root):
    """What it has not read is closed with it: the terminal is hung up before the task has it."""
    ours, theirs = socket.socketpair()
    config = read_json(f"{bundle(root, 'fd', 'true', consoleSocket=f'fd:{theirs.fileno()}')}/config.json")
    ours.close()
    helper = spawn(root, config, (theirs.fileno(),))
    theirs.close()
    line = json.loads(helper.stdout.readline())
    expect("error", ("error", "terminal", "EPIPE"), (line["type"], line["step"], line["code"]))
    expect("status", 125, helper.wait(LIMIT))
    helper.stdout.close()


def test_a_receiver_that_does_not_read_ends_the_wait(root):
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    try:
        while True:
            theirs.send(bytes(4096))
    except BlockingIOError:
        theirs.setblocking(True)
    config = read_json(f"{bundle(root, 'fd', 'true', consoleSocket=f'fd:{theirs.fileno()}')}/config.json")
    helper = spawn(root, config, (theirs.fileno(),))
    theirs.close()
    line = json.loads(helper.stdout.readline())
    expect("error", ("error", "terminal", "ETIMEDOUT"), (line["type"], line["step"], line["code"]))
    helper.wait(LIMIT)
    helper.stdout.close()
    ours.close()


if __name__ == "__main__":
    sys.exit(main(globals()))
