#!/usr/bin/env python3
"""exec -t and `shell ID`: a person at a terminal in a task that runs."""
import hashlib
import os
import signal
import subprocess
import sys

from lib import LIMIT, MARK, TASKSHIM, expect, expect_in, main, read_json, reap, stat_fields, wait_gone, wait_until, write_json
from terminal import Terminal
from test_terminal import Receiver, bundle, read_to_end, read_until
from test_terminal_run import foreground


def start(root, name="t", flags=()):
    """A task in the background, without a TERM of its own; its id."""
    root.run(name, "sleep", "1000", flags=flags, wrapper=["env", "-u", "TERM"])
    return root.task(name)


def command_of(root, task, text):
    """The pid of the process in the task that has @text in its command line, and that of its monitor."""
    def find():
        for pid in root.ok("ps", "-f", "json", task).strip("[]\n ").split(","):
            with open(f"/proc/{int(pid)}/cmdline", encoding="utf-8") as file:
                if text in file.read():
                    return int(pid)
        return None

    return wait_until(f"{text} runs", find)


def test_a_command_has_a_terminal_of_its_own(root):
    task = start(root)
    ask = "tty; stty size; id -u; stat -c %u:%a $(tty); test -t 0 && test -t 1 && test -t 2 && echo all; echo $TERM; echo x >/dev/tty"
    with Terminal(root, "exec", "-t", task, "sh", "-c", ask + "; exit 4", rows=31, columns=97) as terminal:
        expect("screen", "/dev/pts/0\n31 97\n65534\n65534:620\nall\nvt100\nx\n", terminal.read_to_end())
        expect("status", 4, terminal.wait())
        expect("modes", terminal.modes_before, terminal.modes())
    for flags, user in ((("--user", "0"), "0"), (("--userns", "100000:65536"), "65534"), (("--seccomp", "default", "--init"), "65534")):
        task = start(root, f"user{flags[0]}", flags)
        with Terminal(root, "exec", "-t", task, "sh", "-c", "tty; id -u; exit 4") as terminal:
            expect(f"screen with {flags}", f"/dev/pts/0\n{user}\n", terminal.read_to_end())
            expect("status", 4, terminal.wait())


def test_keys_and_sizes_are_the_commands(root):
    task = start(root)
    script = "trap 'stty size' WINCH; trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.05; done"
    with Terminal(root, "exec", "-t", task, "sh", "-c", script) as terminal:
        terminal.read_until("ready\r\n")
        terminal.wait_raw()
        terminal.resize(50, 132)
        terminal.read_until("50 132\r\n")
        terminal.type("\x03")
        expect_in("screen", "caught\n", terminal.read_to_end())
        expect("status", 5, terminal.wait())
        expect("modes", terminal.modes_before, terminal.modes())
    expect("the task", "running", root.status_or_none(task))


def test_the_modes_are_restored_whoever_is_killed(root):
    task = start(root)
    for who in ("command", "spawn-daemon", "task"):
        with Terminal(root, "exec", "-t", task, "sleep", "777") as terminal:
            terminal.wait_raw()
            pid = command = command_of(root, task, "777")
            if who == "spawn-daemon":
                pid = next(int(child) for child in children(terminal.process.pid))
            elif who == "task":
                pid = root.state(task)["pid"]
            os.kill(pid, signal.SIGKILL)
            screen = terminal.read_to_end()
            expect(f"status when {who} was killed: {screen}", 125 if who == "spawn-daemon" else 137, terminal.wait())
            expect(f"modes when {who} was killed", terminal.modes_before, terminal.modes())
        if who == "spawn-daemon":
            reap(command)  # it died with its parent, and is ours now


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return file.read().split()


def test_the_command_ends_with_the_terminal_and_the_task_goes_on(root):
    task = start(root)
    with Terminal(root, "exec", "-t", task, "sh", "-c", "echo ready; exec sleep 777") as terminal:
        terminal.read_until("ready\r\n")
        pid = command_of(root, task, "777")
        terminal.close()
        wait_gone(pid)
        expect("status", 129, terminal.wait())
    expect("the task", "running", root.status_or_none(task))


def test_a_failed_start_leaves_the_modes(root):
    task = start(root)
    with Terminal(root, "exec", "-t", task, "/no/such/program") as terminal:
        expect_in("screen", "taskshim: command: command not found: /no/such/program", terminal.read_to_end())
        expect("status", 127, terminal.wait())
        expect("modes", terminal.modes_before, terminal.modes())


def test_a_detached_command_sends_its_terminal(root):
    task, receiver = start(root), Receiver(root)
    root.ok("exec", "-dt", "--pid-file", f"{root.scratch}/pid", "--console-socket", os.path.relpath(receiver.path), task, "sh", "-c", "stty size; read x; echo got $x", stdout=None,
            stderr=None)
    name, master = receiver.receive()
    expect("name", "/dev/pts/0", name)
    read_until(master, "0 0\r\n")
    os.write(master, b"it\n")
    expect("output", "it\ngot it\n", read_to_end(master))
    os.close(master)
    with open(f"{root.scratch}/pid", encoding="ascii") as file:
        reap(int(file.read()))


def test_a_process_file_may_ask_for_a_terminal(root):
    task = start(root)
    write_json(f"{root.scratch}/process", {"args": ["sh", "-c", "tty; stty size"], "cwd": "/", "terminal": True,
                                           "env": ["PATH=/usr/bin:/bin"], "consoleSize": {"height": 1, "width": 2}})
    with Terminal(root, "exec", "-p", f"{root.scratch}/process", task, rows=44, columns=99) as terminal:
        expect("screen", "/dev/pts/0\n44 99\n", terminal.read_to_end())
        expect("status", 0, terminal.wait())


def test_what_cannot_be_is_told(root):
    task = start(root)
    for args, reason in ((("-t", "--console-socket", "/x", task, "true"), "--console-socket is for -d"),
                         (("-dt", task, "true"), "process.terminal: true needs taskshim.consoleSocket"),
                         (("-d", "--console-socket", "/x", task, "true"), "taskshim.consoleSocket: needs process.terminal true")):
        result = root.ts("exec", *args)
        expect(f"status of {result}", 125, result.status)
        expect_in("message", reason, result.err)
    bare = root.bundle("bare", ["sleep", "1000"])
    root.ok("run", "-d", "-b", bare, root.task("bare"), stdout=None, stderr=None)
    result = root.ts("exec", "-t", root.task("bare"), "true")
    expect_in("message", "terminal: the root has no devpts on: /dev/pts", result.err)


def test_a_mebibyte_comes_through_byte_by_byte(root):
    task = start(root)
    script = "stty raw -echo; awk 'BEGIN { for (i = 0; i < 131072; i++) printf \"%07d\\n\", i }' | tee /w/sent"
    argv = [TASKSHIM, "--root", root.path, "exec", "-t", task, "sh", "-c", script]
    done = subprocess.run(argv, env=root.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=LIMIT, check=True)
    with open(f"{root.scratch}/sent", "rb") as file:
        sent = file.read()
    expect("length", 1048576, len(sent))
    # the end of standard input, which is echoed if it comes before stty
    expect("digest", hashlib.sha256(sent).hexdigest(), hashlib.sha256(done.stdout[-len(sent):]).hexdigest())


def test_a_reader_that_leaves_ends_the_command(root):
    task = start(root)
    line = f"{TASKSHIM} --root {root.path} exec -t {task} yes </dev/null | head -2 | tail -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], env=root.env, capture_output=True, text=True, timeout=LIMIT, check=False)
    expect("what head and bash say", "y\n129\n", done.stdout.replace("\r", ""))
    expect("the task", "running", root.status_or_none(task))


# --- shell ID ---


def test_a_shell_in_a_task_that_runs(root):
    task = start(root, flags=("--env", "A=b c", "--user", "daemon", "--cwd", "/usr"))
    with Terminal(root, "shell", task) as terminal:
        terminal.wait_raw()
        terminal.type("PS1=; stty -echo; echo BEG''IN\r")
        terminal.read_until("BEGIN\r\n")
        terminal.type("id -un; pwd; echo $A; tty; tr '\\0' ' ' </proc/1/cmdline; echo; exit 9\r")
        screen = terminal.read_to_end()
        expect("status", 9, terminal.wait())
        expect("modes", terminal.modes_before, terminal.modes())
    expect_in("screen", "daemon\n/usr\nb c\n/dev/pts/0\nsleep 1000 \n", screen)
    expect("the task", "running", root.status_or_none(task))


def test_a_shell_has_job_control_there(root):
    task = start(root)
    with Terminal(root, "shell", task) as terminal:
        terminal.wait_raw()
        terminal.type("bind 'set enable-bracketed-paste off'; PS1='#''> '\r")
        terminal.read_until("#> ")
        terminal.type("sleep 777\r")
        pid = command_of(root, task, "777")
        wait_until("sleep is in the foreground", lambda: foreground(pid) == pid)
        terminal.type("\x1a")
        terminal.read_until("Stopped")
        terminal.read_until("#> ")
        terminal.type("fg\r")
        wait_until("sleep is in the foreground", lambda: foreground(pid) == pid and stat_fields(pid)[0] == "S")
        terminal.type("\x03")
        terminal.read_until("#> ")
        terminal.type("exit 3\r")
        expect("status", 3, terminal.wait())


def test_shell_of_no_task_or_no_shell_is_told(root):
    result = root.ts("shell", root.task("none"))
    expect("status", 125, result.status)
    expect_in("message", "the task does not exist", result.err)
    task = start(root)
    result = root.ts("shell", "--busybox", task)
    expect_in("message", "--busybox is not for a task that runs", result.err)
    rootfs = f"{root.scratch}/rootfs"
    os.mkdir(rootfs)
    path = bundle(root, "static", "/dev/busybox", "sleep", "1000")
    config = read_json(f"{path}/config.json")
    config["process"]["terminal"] = False
    config["root"] = {"path": rootfs}
    del config["taskshim"]["chroot"]
    config["mounts"].append({"destination": "/dev/busybox", "type": "bind", "source": "/bin/busybox", "options": ["bind", "ro"]})
    config["process"]["env"].append(MARK)
    write_json(f"{path}/config.json", config)
    root.ok("run", "-d", "-b", path, root.task("static"), stdout=None, stderr=None)
    result = root.ts("shell", root.task("static"))
    expect("status", 127, result.status)
    expect_in("message", "no shell in the root: /bin/bash", result.err)


if __name__ == "__main__":
    sys.exit(main(globals()))
