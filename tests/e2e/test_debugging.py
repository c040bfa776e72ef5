#!/usr/bin/env -S python3 -B
"""The transcript in docs/debugging.md: its commands as they stand there, in one shell, and what it shows of their output."""
import os
import re
import subprocess
import sys
import time

from lib import TASKSHIM, TOP, Skip, expect, main


def read_transcript():
    """(command, lines that are shown) for each."""
    steps = []
    with open(os.path.join(TOP, "docs/debugging.md"), encoding="utf-8") as file:
        for line in file:
            if line.startswith("    # "):
                steps.append((line[6:].rstrip("\n"), []))
            elif line.startswith("    "):
                steps[-1][1].append(line[4:].rstrip("\n"))
    return steps


def pattern(line):
    return ".*".join(re.escape(part) for part in line.split("..."))


def run(shell, command):
    """Its lines; the status stays for the next command."""
    shell.stdin.write(f"{{ {command}\n}} </dev/null\n__status=$?; echo '<end>'; (exit $__status)\n")
    shell.stdin.flush()
    lines = []
    for line in shell.stdout:
        if line == "<end>\n":
            return lines
        lines.append(line.rstrip("\n"))
    raise AssertionError(f"the shell ended at {command!r}: {lines}")


def lines_of(shell, command, job):
    return [line.replace(job, "/tmp/job") for line in run(shell, command.replace("/tmp/job", job))]


def test_the_transcript(root):
    steps = read_transcript()
    assert len(steps) > 25, steps
    if os.path.exists("/run/taskshim/import"):
        raise Skip("there is a task with the id of the page")
    job = f"{root.scratch}/job"
    env = {**root.env, "LC_ALL": "C"}
    try:
        with subprocess.Popen(["bash", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env=env) as shell:
            for command, wanted in steps:
                got = lines_of(shell, command, job)
                while command.startswith("taskshim ps") and len(got) < len(wanted):  # the task is on its way still
                    time.sleep(0.05)
                    got = lines_of(shell, command, job)
                expect(f"lines of {command!r}: {got}", len(wanted), len(got))
                for want, line in zip(wanted, got):
                    assert re.fullmatch(pattern(want), line), f"{command!r}: wanted {want!r}, got {line!r}"
        expect("left", False, os.path.exists("/run/taskshim/import"))
    finally:
        if os.path.exists("/run/taskshim/import"):
            subprocess.run([TASKSHIM, "delete", "-f", "import"], check=False)


if __name__ == "__main__":
    sys.exit(main(globals()))
