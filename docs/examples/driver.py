#!/usr/bin/env python3
"""A small driver: starts tasks with spawn-daemon and follows them. Python standard library only.

    driver.py [--spawn-daemon PATH] [--journal FILE] CONFIG.json...   run each config, print its records
    driver.py [--spawn-daemon PATH] [--journal FILE] -- COMMAND ARG...  run one command with the safe defaults

The wire is in taskshim-protocol(7). The config and the gate go to the helper's standard input, JSON lines come back.
Before a task may start, its ID string is in the journal: whoever reads the journal after a crash can find every task
("taskshim open IDSTRING").
"""
import argparse
import json
import os
import subprocess
import sys


def command_config(args, output):
    """One command: the host's programs read-only, nobody, private pid, ipc, uts and mount namespaces.

    Descriptor `output` (3 or more), which the helper inherits, becomes the command's output."""
    return {
        "ociVersion": "1.2.0",
        "process": {
            "args": args,
            "cwd": "/",
            "env": ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"],
            "noNewPrivileges": True,
        },
        "linux": {"namespaces": [{"type": t} for t in ("pid", "ipc", "uts", "mount")]},
        "taskshim": {"version": 1, "chroot": "host", "stdout": f"fd:{output}", "stderr": f"fd:{output}"},
    }


class Journal:
    """ID strings of the tasks that may be running, one JSON object a line, on disk before the task starts."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8") if path else None

    def write(self, **entry):
        if self.file:
            print(json.dumps(entry), file=self.file, flush=True)
            os.fsync(self.file.fileno())


class Task:
    """One spawn-daemon."""

    def __init__(self, spawn_daemon, config, output):
        self.helper = subprocess.Popen(
            [spawn_daemon], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[output]
        )
        self.send(config)

    def send(self, document):
        try:
            self.helper.stdin.write(json.dumps(document).encode() + b"\n")
            self.helper.stdin.flush()
        except BrokenPipeError:
            pass  # it has failed already; the error line says why

    def lines(self):
        for line in self.helper.stdout:
            yield json.loads(line)

    def wait(self):
        self.helper.stdin.close()
        self.helper.stdout.close()
        return self.helper.wait()


def run(spawn_daemon, config, journal, output):
    """Runs one task to its end. Returns the helper's exit status: the command's own, or 125 to 127."""
    task = Task(spawn_daemon, config, output)
    id_string = None
    for message in task.lines():
        print(json.dumps(message), flush=True)
        if message["type"] == "created":
            id_string = message["id"]
            journal.write(event="created", id=id_string)
            task.send(True)  # the gate: false would abort
        elif message["type"] == "exited":
            journal.write(event="exited", id=id_string, exitCode=message["exitCode"])
        elif message["type"] == "error":
            reason = message["message"] + (": " + os.strerror(message["errno"]) if message["errno"] else "")
            print(f"driver: {message['step']}: {reason}", file=sys.stderr)
    return task.wait()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--spawn-daemon", default="spawn-daemon")
    parser.add_argument("--journal")
    parser.add_argument("configs", nargs="*")
    words = sys.argv[1:]
    at = words.index("--") if "--" in words else len(words)
    options, command = parser.parse_args(words[:at]), words[at + 1 :]
    output = os.dup(sys.stderr.fileno())  # 3 or more; our own standard output is for the messages
    configs = [command_config(command, output)] if command else []
    for path in options.configs:
        with open(path, encoding="utf-8") as file:
            configs.append(json.load(file))
    if not configs:
        parser.error("no CONFIG.json and no COMMAND")
    journal, status = Journal(options.journal), 0
    for config in configs:
        status = run(options.spawn_daemon, config, journal, output) or status
    return status


if __name__ == "__main__":
    sys.exit(main())
