#!/usr/bin/env python3
"""run -t: a person at a terminal, and programs at pipes, talk to a task that has a terminal of its own."""
import fcntl
import hashlib
import os
import select
import signal
import struct
import subprocess
import sys
import termios

from lib import BUILD, LIMIT, MARK, TASKSHIM, expect, expect_in, main, wait_gone, wait_until, write_json
from terminal import LFLAG, Terminal
from test_terminal import bundle

RUN = ("run", "--env", MARK, "-it")


def task_of(root, name):
    """Waits until the task runs; what `state` says."""
    wait_until("the task runs", lambda: root.status_or_none(root.task(name)) == "running")
    return root.state(root.task(name))


def expect_restored(what, terminal):
    expect(f"modes after {what}", terminal.modes_before, terminal.modes())


# --- at a terminal ---


def test_a_person_sees_a_terminal(root):
    ask = "tty; stty size; id -u; stat -c %u:%a $(tty); test -t 0 && test -t 1 && test -t 2 && echo all; echo $TERM; echo x >/dev/tty"
    with Terminal(root, *RUN, "--", "sh", "-c", ask, rows=31, columns=97) as terminal:
        expect("screen", "/dev/pts/0\n31 97\n65534\n65534:620\nall\nvt100\nx\n", terminal.read_to_end())
        expect("status", 0, terminal.wait())
        expect_restored("the end", terminal)


def test_what_is_typed_arrives_and_is_echoed_once(root):
    with Terminal(root, *RUN, "--", "sh", "-c", "read line; echo \"got $line\"; exit 7") as terminal:
        terminal.wait_raw()
        terminal.type("some words\r")
        expect("screen", "some words\ngot some words\n", terminal.read_to_end())
        expect("status", 7, terminal.wait())
        expect_restored("the end", terminal)


def test_keys_that_send_signals_are_the_tasks(root):
    """^C and ^\\ go to the task, and to it alone: taskshim's own terminal is raw."""
    for key, name in (("\x03", "INT"), ("\x1c", "QUIT")):
        script = f"trap 'echo caught; exit 5' {name}; echo ready; while :; do sleep 0.05; done"
        with Terminal(root, *RUN, "--", "sh", "-c", script) as terminal:
            terminal.read_until("ready\r\n")
            terminal.wait_raw()
            terminal.type(key)
            expect_in("screen", "caught\n", terminal.read_to_end())
            expect("status", 5, terminal.wait())


def test_control_d_ends_input(root):
    with Terminal(root, *RUN, "--", "cat") as terminal:
        terminal.wait_raw()
        terminal.type("line\r\x04")
        expect("screen", "line\nline\n", terminal.read_to_end())
        expect("status", 0, terminal.wait())


def test_a_shell_has_job_control(root):
    with Terminal(root, *RUN, "--", "bash", "--norc", "--noediting", "-i") as terminal:
        terminal.read_until("$ ")
        terminal.type("PS1='> '\r")
        terminal.read_until("\n> ")
        terminal.type("sleep 1000\r")
        terminal.read_until("sleep 1000\r\n")
        pid = task_of_root(root)["pid"]
        wait_until("sleep is in the foreground", lambda: foreground(pid) != pid)
        terminal.type("\x1a")
        terminal.read_until("Stopped")
        terminal.read_until("> ")
        terminal.type("jobs; fg\r")
        terminal.read_until("Stopped")
        terminal.read_until("\r\nsleep 1000\r\n")
        wait_until("sleep is in the foreground", lambda: foreground(pid) != pid)
        terminal.type("\x03")
        terminal.read_until("> ")
        terminal.type("exit 6\r")
        expect("status", 6, terminal.wait())
        expect_restored("the end", terminal)


def foreground(pid):
    """The process group in the foreground of the process's terminal."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return int(file.read().rsplit(")", 1)[1].split()[5])


def task_of_root(root):
    """The only one."""
    return root.state(root.list()[0])


def test_the_size_follows(root):
    script = "trap 'stty size' WINCH; echo ready; while [ ! -e /w/done ]; do sleep 0.05; done"
    with Terminal(root, *RUN, "--mount", f"{root.scratch}:/w", "--", "sh", "-c", script) as terminal:
        terminal.read_until("ready\r\n")
        terminal.resize(50, 132)
        terminal.read_until("50 132\r\n")
        terminal.resize(25, 81)
        terminal.read_until("25 81\r\n")
        write_json(f"{root.scratch}/done", 1)
        expect("status", 0, terminal.wait())


def test_the_modes_are_restored_whoever_is_killed(root):
    for who in ("task", "spawn-daemon"):
        with Terminal(root, *RUN, "--id", root.task(who), "--", "sleep", "1000") as terminal:
            terminal.wait_raw()
            state = task_of(root, who)
            os.kill(state["pid"] if who == "task" else state["taskshim"]["monitorPid"], signal.SIGKILL)
            screen = terminal.read_to_end()
            expect(f"status when {who} was killed: {screen}", 137 if who == "task" else 125, terminal.wait())
            expect_restored(f"SIGKILL of {who}", terminal)
            # what is said comes after that: its lines begin where lines begin
            expect(f"raw lines in {screen!r}", 0, screen.replace("\r\n", "").count("\n\n"))


def test_the_modes_are_restored_after_a_signal_to_taskshim(root):
    for signo in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        with Terminal(root, *RUN, "--", "sleep", "1000") as terminal:
            terminal.wait_raw()
            terminal.process.send_signal(signo)
            expect(f"status after {signo}", 128 + signo, terminal.wait())
            expect_restored(signo.name, terminal)


def test_a_start_that_fails_leaves_the_modes(root):
    with Terminal(root, *RUN, "--", "/no/such/program") as terminal:
        expect_in("screen", "taskshim: command: command not found: /no/such/program", terminal.read_to_end())
        expect("status", 127, terminal.wait())
        expect_restored("a failed start", terminal)


def test_a_taskshim_that_was_stopped_takes_the_terminal_again(root):
    """The shell that sees it stopped takes the terminal, and sets modes of its own."""
    with Terminal(root, *RUN, "--", "cat") as terminal:
        terminal.wait_raw()
        terminal.process.send_signal(signal.SIGSTOP)
        wait_until("it is stopped", lambda: os.waitid(os.P_PID, terminal.process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT))
        modes = terminal.modes()
        modes[LFLAG] |= termios.ICANON | termios.ECHO | termios.ISIG
        termios.tcsetattr(terminal.slave, termios.TCSANOW, modes)
        terminal.resize(10, 20)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_raw()
        terminal.type("x\r\x04")
        expect("screen", "x\nx\n", terminal.read_to_end())
        expect_restored("the end", terminal)


def test_in_the_background_it_waits_for_the_terminal(root):
    """As every program that takes the terminal: it stops, and goes on with fg."""
    command = f"{TASKSHIM} --root {root.path} run --env {MARK} -it -- sh -c 'read x; echo \"<$x>\"'"
    with Terminal(root, argv=["bash", "--norc", "--noediting", "-i"]) as terminal:
        terminal.type("PS1='#''> '; set -b\r")
        terminal.read_until("#> ")
        terminal.type(f"{command} &\r")
        terminal.read_until("Stopped")
        expect("modes", terminal.modes_before, terminal.modes())
        terminal.type("fg\r")
        terminal.wait_raw()
        terminal.type("hi\r")
        terminal.read_until("<hi>\r\n")
        terminal.read_until("#> ")
        terminal.type("exit 3\r")
        expect("status", 3, terminal.wait())
        expect("modes", terminal.modes_before, terminal.modes())


def test_the_task_ends_with_the_terminal(root):
    with Terminal(root, *RUN, "--id", root.task("gone"), "--", "sh", "-c", "echo ready; exec sleep 1000") as terminal:
        terminal.read_until("ready\r\n")
        pid = task_of(root, "gone")["pid"]
        terminal.close()
        wait_gone(pid)
        expect("status", 129, terminal.wait())
    expect("tasks that are left", [], root.list())


def test_a_terminal_that_stands_still_does_not_keep_the_task_from_its_end(root):
    """Nobody reads what is shown: writes to the terminal would block."""
    with Terminal(root, *RUN, "--id", root.task("full"), "--", "sh", "-c", "yes; :") as terminal:
        task_of(root, "full")
        wait_until("the terminal is full", lambda: is_full(terminal))
        terminal.process.send_signal(signal.SIGTERM)
        expect("status", 143, terminal.wait())
        expect_restored("the end", terminal)


def is_full(terminal):
    """taskshim polls, and the terminal has no room."""
    return not select.select([], [terminal.slave], [], 0)[1]


def test_input_that_nobody_reads_does_not_keep_the_task_from_its_end(root):
    with Terminal(root, *RUN, "--id", root.task("deaf"), "--", "sleep", "1000") as terminal:
        terminal.wait_raw()
        task_of(root, "deaf")
        os.set_blocking(terminal.master, False)
        for _ in range(64):
            try:
                os.write(terminal.master, b"some line\r" * 100)
            except BlockingIOError:
                break
        terminal.process.send_signal(signal.SIGTERM)
        expect("status", 143, terminal.wait())
        expect_restored("the end", terminal)


def test_without_i_the_callers_terminal_stays_his(root):
    """-t alone: nothing is read, ^C is taskshim's signal, which it passes on."""
    with Terminal(root, "run", "--env", MARK, "-t", "--id", root.task("t"), "--", "sh", "-c",
                  "trap 'echo caught; exit 4' INT; echo ready; while :; do sleep 0.05; done") as terminal:
        terminal.read_until("ready")
        task_of(root, "t")
        expect("modes", terminal.modes_before, terminal.modes())
        terminal.type("\x03")
        terminal.read_until("caught")
        expect("status", 4, terminal.wait())


def test_a_task_that_closes_its_terminal_may_open_it_again(root):
    script = "exec <&- >&- 2>&-; sleep 0.3; echo back >/dev/tty"
    with Terminal(root, *RUN, "--", "sh", "-c", script) as terminal:
        expect("screen", "back\n", terminal.read_to_end())
        expect("status", 0, terminal.wait())


def test_a_bundle_with_a_terminal_is_run_like_that(root):
    path = bundle(root, "b", "sh", "-c", "tty; stty size; read x; echo got $x", size=(1, 2))
    with Terminal(root, "run", "-b", path, root.task("b"), rows=40, columns=90) as terminal:
        terminal.wait_raw()
        expect("screen", "/dev/pts/0\r\n", terminal.read_until("40 90\r\n"))
        terminal.type("it\r")
        expect("screen", "it\ngot it\n", terminal.read_to_end())
        expect("status", 0, terminal.wait())
        expect_restored("the end", terminal)


def test_a_bundle_without_one_has_the_callers_streams(root):
    path = root.bundle("n", ["sh", "-c", "trap 'echo winch; exit 3' WINCH; echo ready; while :; do sleep 0.05; done"])
    process = root.start_process("run", "-b", path, root.task("n"))
    expect("line", "ready\n", process.stdout.readline())
    process.send_signal(signal.SIGWINCH)  # is passed on, as there is no terminal to size
    expect("result", (3, "winch\n"), (lambda result: (result.status, result.out))(root.end_process(process)))


def test_steps_are_told_before_the_terminal_is_taken(root):
    with Terminal(root, *RUN, "--explain", "--", "true") as terminal:
        screen = terminal.read_to_end()
        expect_in("screen", "make it the controlling terminal", screen)
        expect("status", 0, terminal.wait())
        expect("lines without a return", 0, screen.replace("\n", "").count("\r"))


def test_what_the_task_types_into_its_terminal_stays_there(root):
    """CVE-2017-5226: TIOCSTI and TIOCLINUX on a terminal of its own do not reach the one that the caller's shell reads."""
    with Terminal(root, *RUN, "--mount", f"{BUILD}/tests/integration:/probe:ro", "--", "/probe/probe", "terminal", "0") as terminal:
        screen = terminal.read_to_end()
        expect("status", 0, terminal.wait())
        expect_in("screen", "isatty OK\n", screen)
        expect("what the caller's shell would read", 0, struct.unpack("i", fcntl.ioctl(terminal.slave, termios.FIONREAD, bytes(4)))[0])


# --- at pipes ---


def piped(root, *command, flags="-it", **more):
    """`run -it` with pipes; what it prints, as bytes, and its status."""
    argv = [TASKSHIM, "--root", root.path, "run", "--env", MARK, flags, "--", *command]
    done = subprocess.run(argv, env=root.env, capture_output=True, timeout=LIMIT, check=False, **more)
    expect("messages", b"", done.stderr)
    return done.stdout, done.returncode


def test_a_mebibyte_comes_through_byte_by_byte(root):
    script = ("stty raw -echo; awk 'BEGIN { for (i = 0; i < 131072; i++) printf \"%07d\\n\", i }' | tee /w/sent")
    argv = [TASKSHIM, "--root", root.path, "run", "--env", MARK, "--mount", f"{root.scratch}:/w", "-t", "--", "sh", "-c", script]
    done = subprocess.run(argv, env=root.env, stdout=subprocess.PIPE, timeout=LIMIT, check=True)
    with open(f"{root.scratch}/sent", "rb") as file:
        sent = file.read()
    expect("length", 1048576, len(sent))
    expect("digest", hashlib.sha256(sent).hexdigest(), hashlib.sha256(done.stdout).hexdigest())


def test_every_byte_comes_through_both_ways(root):
    data = bytes(range(256)) * 16
    script = f"stty raw -echo; printf R; head -c {len(data)}"
    argv = [TASKSHIM, "--root", root.path, "run", "--env", MARK, "-it", "--", "sh", "-c", script]
    with subprocess.Popen(argv, env=root.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        expect("the task has set its modes", b"R", process.stdout.read(1))
        process.stdin.write(data)
        process.stdin.flush()
        expect("what came back", data, process.stdout.read(len(data)))
        process.stdin.close()
        expect("status", 0, process.wait(LIMIT))


def test_the_end_of_a_pipe_is_the_end_of_input(root):
    for text in (b"", b"line\n", b"line\nno end"):
        out, status = piped(root, "sh", "-c", "stty -echo; cat; echo over", input=text)
        expect(f"status after {text!r}", 0, status)
        # what came before stty was echoed
        expect(f"end of {out!r}", True, out.endswith(text.replace(b"\n", b"\r\n") + b"over\r\n"))


def test_a_reader_that_leaves_ends_the_task(root):
    """As with any terminal that goes away. Process 1 does not get the kernel's SIGHUP, so that it comes from taskshim."""
    line = f"{TASKSHIM} --root {root.path} run --env {MARK} -t -- yes | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], env=root.env, capture_output=True, text=True, timeout=LIMIT, check=False)
    expect("what head and bash say", ("y\n129\n", ""), (done.stdout, done.stderr))


def test_a_reader_that_leaves_ends_a_task_without_a_terminal(root):
    # process 1 is not killed by SIGPIPE: yes says why it ends
    line = f"{TASKSHIM} --root {root.path} run --env {MARK} -- yes | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], env=root.env, capture_output=True, text=True, timeout=LIMIT, check=False)
    expect("what head and bash say", "y\n1\n", done.stdout)


def test_output_that_cannot_be_written_is_told(root):
    with open("/dev/full", "w", encoding="ascii") as full:
        argv = [TASKSHIM, "--root", root.path, "run", "--env", MARK, "-t", "--", "sh", "-c", "echo x; exec sleep 1000"]
        done = subprocess.run(argv, env=root.env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=LIMIT, check=False)
    expect_in("message", "taskshim: terminal: write to: standard output: No space left", done.stderr)
    expect("status", 125, done.returncode)


def test_a_writer_that_does_not_end_is_left(root):
    line = f"yes | {TASKSHIM} --root {root.path} run --env {MARK} -it -- sh -c 'stty -echo; head -1 >/dev/null; echo done'"
    done = subprocess.run(["bash", "-c", line], env=root.env, capture_output=True, text=True, timeout=LIMIT, check=False)
    expect_in("output", "done", done.stdout)


def test_a_slow_reader_gets_all(root):
    line = f"{TASKSHIM} --root {root.path} run --env {MARK} -t -- seq 100000 | (sleep 0.5; tr -d '\\r' | sha256sum)"
    done = subprocess.run(["bash", "-c", line], env=root.env, capture_output=True, text=True, timeout=LIMIT, check=False)
    wanted = subprocess.run(["bash", "-c", "seq 100000 | sha256sum"], capture_output=True, text=True, check=True)
    expect("digest", wanted.stdout, done.stdout)


def test_a_terminal_and_d_exclude_each_other(root):
    result = root.ts("run", "-dt", "--", "true")
    expect_in("message", "-t and -d exclude each other", result.err)
    result = root.ts("run", "-t", "--stdout", "/dev/null", "--", "true")
    expect_in("message", "taskshim.stdout: contradicts process.terminal", result.err)


if __name__ == "__main__":
    sys.exit(main(globals()))
