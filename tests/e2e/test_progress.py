#!/usr/bin/env -S python3 -B
"""Long work says on a terminal how far it is, takes that away when it is done, and says nothing where there is no terminal."""
import os
import pty
import subprocess
import sys

from lib import TASKSHIM, expect, expect_in, main, write_json

CLEAR = "\r\033[K"


def on_terminal(root, *args):
    """All that comes on a terminal that is standard error, and the status."""
    main_end, other = pty.openpty()
    with subprocess.Popen([TASKSHIM, "--root", root.path, *args], stdin=subprocess.DEVNULL, stdout=other, stderr=other,
                          env=root.env) as process:
        os.close(other)
        text = b""
        while True:
            try:
                part = os.read(main_end, 65536)
            except OSError:  # the other end is closed
                break
            text += part
        os.close(main_end)
        return text.decode(), process.wait()


def screen(text):
    """What is left on a screen: each line from its last clearing on."""
    return [line.split(CLEAR)[-1].rstrip("\r") for line in text.split("\n")]


def slow_bundle(root, argument, seconds, **taskshim):
    """A start that takes its time: a hook stands for a large tree on a slow disk."""
    path = root.bundle("b", [argument])
    config = root.config([argument], **taskshim)
    config["hooks"] = {"prestart": [{"path": "/bin/sleep", "args": ["sleep", str(seconds)]}]}
    config["mounts"] = []
    write_json(f"{path}/config.json", config)
    return path


def test_a_start_that_copies_its_root(root):
    bundle = slow_bundle(root, "/nope", 2, chrootMethod="copy", chroot={"/etc/hosts": "/etc/hosts"})
    text, status = on_terminal(root, "run", "-b", bundle, root.task("b"))
    expect("status", 127, status)
    expect_in("on the terminal", f"{CLEAR}copying the root: 0 s", text)
    expect_in("on the terminal", f"{CLEAR}copying the root: 1 s", text)
    left = [line for line in screen(text) if line]
    expect("what is left", "taskshim: command: command not found: /nope: No such file or directory", left[0])
    expect("of the progress", [], [line for line in left if "copying" in line])
    result = root.ts("run", "-b", bundle, root.task("b"))
    expect("without a terminal", False, "copying" in result.err or "\033" in result.err)


def test_a_start_that_copies_nothing_shows_nothing(root):
    bundle = slow_bundle(root, "/bin/true", 1)
    expect("on the terminal", ("", 0), on_terminal(root, "run", "-b", bundle, root.task("b")))


def test_gc_of_many(root):
    """Starts that died: to remove so many takes longer than nothing is shown for."""
    os.makedirs(root.path, 0o700, exist_ok=True)
    for i in range(12000):
        os.mkdir(f"{root.path}/dead-{i}", 0o700)
    text, status = on_terminal(root, "gc")
    expect("status", 0, status)
    left = [line for line in screen(text) if line]
    expect("lines", 12000, len(left))
    expect("of the progress", [], [line for line in left if "gc:" in line])
    if CLEAR not in text:
        raise AssertionError("it took less than half a second: there must be more tasks in this test")
    expect_in("on the terminal", " of 12000 tasks", text)
    os.mkdir(f"{root.path}/dead", 0o700)
    expect("without a terminal", "", root.ts("gc").err)


if __name__ == "__main__":
    sys.exit(main(globals()))
