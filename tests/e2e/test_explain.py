#!/usr/bin/env -S python3 -B
"""`taskshim run --explain`: each step as spawn-daemon has it, in its order, with its result; and nothing of that for the task."""
import json
import os
import re
import subprocess
import sys

from lib import SANITIZED, SPAWN_DAEMON, Skip, expect, expect_in, main

LINE = re.compile(r"^ *(\d+)\.(\d{3}) ms  (ok|FAILED) +([a-z]+) +(\S.*)$")
OURS = [("state", "claim the state directory"), ("monitor", "start spawn-daemon"),
        ("cgroup", "make and limit the cgroups, hand the config over")]


def steps_of_spawn_daemon():
    """Of the table: (word, what it does)."""
    text = subprocess.run([SPAWN_DAEMON, "--help"], capture_output=True, text=True, check=True).stdout
    return [tuple(line.split(None, 1)) for line in text.split("steps, in order:\n")[1].splitlines()]


def explained(root, *args, status=0):
    """The lines as (result, step, does), and the rest of standard error."""
    result = root.ts("run", "--explain", *args)
    expect(f"status: {result}", status, result.status)
    lines, rest = [], []
    for text in result.err.splitlines():
        match = LINE.match(text)
        if match:
            lines.append(match.group(3, 4, 5))
        else:
            rest.append(text)
    return lines, rest, result.out


def inits(lines):
    """The steps of init's table."""
    table = set(steps_of_spawn_daemon())
    return [(step, does) for _, step, does in lines if (step, does) in table]


def test_all_steps_in_their_order(root):
    lines, rest, out = explained(root, "--", "echo", "hello")
    expect("output", "hello\n", out)
    expect("beside the lines", [], rest)
    expect("init's steps", steps_of_spawn_daemon(), inits(lines))
    assert len(steps_of_spawn_daemon()) > 30
    expect("results", {"ok"}, {result for result, _, _ in lines})
    for step in OURS:
        assert step in [line[1:] for line in lines], (step, lines)
    expect("the last line", "exec", lines[-1][1])


def test_other_ways_to_start(root):
    """As uid 0 spawn-daemon executes itself anew; with --init two processes take steps; a user namespace is set up from outside."""
    for flags in (["--user", "root"], ["--init"], ["--userns", "100000:65536"], ["--init", "--user", "root", "--seccomp", "default"],
                  ["--chroot", "none"]):
        lines, rest, out = explained(root, *flags, "--", "echo", "hello")
        expect(f"{flags}: output", "hello\n", out)
        expect(f"{flags}: beside the lines", [], rest)
        expect(f"{flags}: init's steps", steps_of_spawn_daemon(), inits(lines))
        expect(f"{flags}: the last line", ("ok", "exec"), lines[-1][:2])


def test_a_bundle(root):
    result = root.ts("run", "--explain", "-b", root.bundle("b", ["/bin/true"]), root.task("b"))
    expect(f"status {result}", 0, result.status)
    expect("lines", len(steps_of_spawn_daemon()), sum(1 for text in result.err.splitlines()
                                                      if (m := LINE.match(text)) and m.group(4, 5) in steps_of_spawn_daemon()))


def fails(root, step, part, *args, status):
    lines, rest, out = explained(root, *args, status=status)
    failed = [line for line in lines if line[0] == "FAILED"]
    expect(f"{args}: one step fails, and it is the last: {lines[-3:]}", [lines[-1]], failed)
    expect(f"{args}: the step", step, lines[-1][1])
    expect_in(f"{args}: the message", f"taskshim: {step}: ", rest[0])
    expect_in(f"{args}: the reason", part, "\n".join(rest))
    expect("output", "", out)


def test_the_step_that_fails_is_the_last(root):
    fails(root, "command", "nope", "--", "nope", status=127)
    fails(root, "user", "nobody-here", "--user", "nobody-here", "--", "true", status=125)
    fails(root, "cwd", "/nowhere", "--cwd", "/nowhere", "--", "true", status=125)
    fails(root, "mount", "/nowhere", "--mount", "/nowhere:/mnt", "--", "true", status=125)
    script = f"{root.scratch}/script"
    with open(script, "w", encoding="ascii") as file:
        file.write("#!/nowhere/sh\n")
    os.chmod(script, 0o755)
    fails(root, "exec", "interpreter is not in the root: /nowhere/sh", "--mount", f"{root.scratch}:/w", "--", "/w/script", status=126)
    expect("left of them", [], root.list())


def test_a_spawn_daemon_that_cannot_be_started(root):
    result = root.ts("--spawn-daemon", f"{root.scratch}/none", "run", "--explain", "--", "true")
    expect("status", 125, result.status)
    expect("lines", [("ok", "state"), ("FAILED", "monitor")], [LINE.match(t).group(3, 4) for t in result.err.splitlines()[:2]])
    expect_in("message", f"{root.scratch}/none", result.err.splitlines()[2])


def test_json(root):
    result = root.ts("run", "--explain=json", "--", "false")
    expect("status", 1, result.status)
    lines = [json.loads(text) for text in result.err.splitlines()]
    expect("members", {("step", "does", "microseconds", "ok")}, {tuple(line) for line in lines})
    assert all(isinstance(line["microseconds"], int) and line["microseconds"] >= 0 and line["ok"] is True for line in lines), lines
    expect("init's steps", steps_of_spawn_daemon(), inits([(True, line["step"], line["does"]) for line in lines]))


def test_the_task_has_nothing_of_it(root):
    expect("descriptors", "0\n1\n2\n3\n", explained(root, "--", "ls", "/proc/self/fd")[2])  # 3 is that of ls
    expect("signals", explained(root, "--", "grep", "^Sig", "/proc/self/status")[2].split("SigQ")[0],
           root.ok("run", "--", "grep", "^Sig", "/proc/self/status").split("SigQ")[0])


def test_nothing_is_told_where_nobody_asks(root):
    """No more system calls than without the feature: the descriptor's option is what makes them, and it is not there."""
    if SANITIZED:
        raise Skip("LeakSanitizer does not work under ptrace")
    trace = f"{root.scratch}/trace"
    root.ok("run", "--", "true", wrapper=["strace", "-f", "-qq", "-v", "-s", "400", "-o", trace, "-e", "trace=execve,write,clock_gettime,pipe2"])
    with open(trace, encoding="utf-8", errors="replace") as file:
        text = file.read()
    expect_in("the trace", "spawn-daemon", text)
    for word in ("explain", "microseconds", "clock_gettime(CLOCK_MONOTONIC"):
        expect(f"{word} in the trace", False, word in text)


def test_what_excludes_it(root):
    result = root.ts("run", "--explain", "-d", "--", "true")
    expect("status", 125, result.status)
    expect_in("message", "--explain and -d exclude each other", result.err)
    result = root.ts("run", "--explain=xml", "--", "true")
    expect("status", 125, result.status)
    expect_in("message", "--explain=xml", result.err)


def test_a_descriptor_that_is_none(root):
    for number in ("1", "77", "x"):
        done = subprocess.run([SPAWN_DAEMON, f"--explain-fd={number}"], input="{}", capture_output=True, text=True, check=False)
        if number == "x":  # 0
            number = "0"
        expect(f"status of {number}", 125, done.returncode)
        expect_in(f"line of {number}", '"message":"--explain-fd"', done.stdout)
    expect("left", [], root.list() if os.path.isdir(root.path) else [])


if __name__ == "__main__":
    sys.exit(main(globals()))
