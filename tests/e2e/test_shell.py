#!/usr/bin/env python3
"""shell: an interactive shell in exactly the environment that a task would have."""
import os
import re
import sys

from lib import MARK, expect, expect_in, main, read_json, write_json
from terminal import Terminal

BUSYBOX = "/bin/busybox"  # of `make deps`

# What a task is, from inside. What differs from one run to the next by nature is left out: pids, numbers of mounts and devices.
FACTS = ("grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status; pwd; umask; ulimit -a; hostname; "
         "tr '\\0' '\\n' </proc/1/environ; cut -d' ' -f4- /proc/self/mountinfo | sed 's/shared:[0-9]*//'; "
         "ls /sys/fs/cgroup /proc/self/fd >/dev/null; cat /proc/self/oom_score_adj; ls /; ls -l /dev | tr -s ' ' | cut -d' ' -f1,3-6,10")
FLAGS = ("--env", MARK, "--env", "A=b c", "--user", "daemon", "--rlimit", "RLIMIT_NOFILE=77:88", "--cap-add", "CAP_KILL", "--cwd", "/usr",
         "--hostname", "a-host", "--seccomp", "default", "--mount", "/etc:/x:ro", "--memory", "64m")


def at_shell(root, *args, script, **more):
    """What the lines of @script, a file that the task can read, print at the shell's prompt; and the exit status."""
    write_script(root, script)
    with Terminal(root, "shell", *args, **more) as terminal:
        terminal.wait_raw()
        terminal.type("PS1=; stty -echo; echo BEG''IN; . /w/script >/w/output 2>&1; exit 7\r")
        terminal.read_until("BEGIN\r\n")
        screen = terminal.read_to_end()
        status = terminal.wait()
        expect(f"modes after {screen!r}", terminal.modes_before, terminal.modes())
    with open(f"{root.scratch}/output", encoding="utf-8") as file:
        return file.read(), status


def write_script(root, script):
    with open(f"{root.scratch}/script", "w", encoding="utf-8") as file:
        file.write(script + "\n")


def differences(one, other):
    """Lines that are in one of them only."""
    return sorted(set(one.split("\n")) ^ set(other.split("\n")))


def test_a_shell_is_what_the_task_would_be(root):
    """Only the terminal differs: /dev/console, and what the shell itself does to its limits."""
    mount = ("--mount", f"{root.scratch}:/w")
    write_script(root, FACTS)
    wanted = root.ok("run", *FLAGS, *mount, "--", "bash", "-c", ". /w/script")
    got, status = at_shell(root, "--", *FLAGS, *mount, "--", "/app/server", "--port", "1", script=FACTS)
    expect("status", 7, status)
    expect("facts", True, "\nA=b c\n" in wanted and "Uid:\t1\t1" in wanted and "\n/usr\n" in wanted and " /x " in wanted)
    left = [line for line in differences(wanted, got) if "console" not in line and not line.startswith("TERM=")]
    expect("differences", [], left)


def test_a_bundles_shell_too(root):
    path = root.bundle("b", ["/no/such/server"], stdout="/no/where", monitor=False, user="daemon")
    config = read_json(f"{path}/config.json")
    config["mounts"].append({"destination": "/proc", "type": "proc"})
    config["hostname"] = "from-bundle"
    config["linux"]["cgroupsPath"] = f"/{root.name}-taken"
    write_json(f"{path}/config.json", config)
    got, status = at_shell(root, "-b", path, script="id -un; hostname; tty")
    expect("status", 7, status)
    expect("output", ["daemon", "from-bundle"], got.split("\n")[:2])
    expect("the file", config, read_json(f"{path}/config.json"))


def empty_root(root):
    path = f"{root.scratch}/rootfs"
    os.makedirs(path, exist_ok=True)
    return path


def test_a_root_without_a_shell_says_so(root):
    result = root.ts("shell", "--", "--env", MARK, "--user", "0", "--chroot", empty_root(root))
    expect("status", 127, result.status)
    expect_in("message", "taskshim: command: no shell in the root: /bin/bash", result.err)
    expect_in("hint", "--busybox binds a static one in", result.err)


def test_a_shell_that_cannot_be_executed_is_named(root):
    path = empty_root(root)
    os.mkdir(f"{path}/bin")
    with open(f"{path}/bin/sh", "w", encoding="ascii"):
        os.chmod(f"{path}/bin/sh", 0o600)
    result = root.ts("shell", "--", "--env", MARK, "--chroot", path, "--user", "0")
    expect("status", 126, result.status)
    expect_in("message", "/bin/sh", result.err)


def test_a_static_shell_is_brought_in(root):
    """Nothing of it stays in the root but the mount points of the default mounts."""
    path = empty_root(root)
    root.ts("shell", "--", "--env", MARK, "--user", "0", "--chroot", path)
    before = sorted(os.listdir(path))
    with Terminal(root, "shell", "--busybox", "--", "--env", MARK, "--user", "0", "--chroot", path) as terminal:
        terminal.wait_raw()
        terminal.type("tty; /dev/busybox id -u; /dev/busybox touch /dev/busybox; exit 9\r")
        screen = terminal.read_to_end()
        expect("status", 9, terminal.wait())
    expect_in("screen", "/dev/pts/0\n0\n", screen)
    expect_in("screen", "Read-only file system", screen)
    expect("what is in the root", before, sorted(os.listdir(path)))


def test_a_bundle_without_mounts_gets_a_static_shell(root):
    path = root.bundle("b", ["x"])
    config = read_json(f"{path}/config.json")
    del config["mounts"]
    write_json(f"{path}/config.json", config)
    with Terminal(root, "shell", f"--busybox={BUSYBOX}", "-b", path) as terminal:
        terminal.wait_raw()
        terminal.type("ls -d /dev/busybox /proc/1; exit\r")
        expect_in("screen", "/dev/busybox\n/proc/1\n", terminal.read_to_end().replace("  ", "\n"))
        expect("status", 0, terminal.wait())


def test_a_busybox_must_be_static_and_there(root):
    for name, reason in (("/no/busybox", "No such file"), ("/bin/ls", "not a static program"), ("/etc/passwd", "not a static program")):
        result = root.ts("shell", f"--busybox={name}", "--", "--env", MARK)
        expect("status", 125, result.status)
        expect_in("message", f"--busybox={name}: ", result.err)
        expect_in("message", reason, result.err)


def test_wrong_usage_is_told(root):
    for args, reason in (((), "expected an ID, -b DIR, or --"), (("-b", "x", "y"), "expected an ID, -b DIR, or --"),
                         (("--", "-d"), "-d is not for a shell"), (("--", "word"), "a command needs -- before it")):
        result = root.ts("shell", *args)
        expect("status", 125, result.status)
        expect_in("message", reason, result.err)


def test_a_shell_without_a_terminal_reads_a_pipe(root):
    """Its own terminal is still one."""
    process = root.start_process("shell", "--", "--env", MARK, stdin=-1)
    out, _ = process.communicate("tty | tr a-z A-Z; exit 4\n")
    expect("status", 4, process.returncode)
    expect("output", True, bool(re.search("/DEV/PTS/0", out)))


if __name__ == "__main__":
    sys.exit(main(globals()))
