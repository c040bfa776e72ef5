#!/usr/bin/env python3
"""A small driver: starts tasks with spawn-daemon and follows them. Python standard library only.

    driver.py [OPTIONS] CONFIG.json...                         run each config to its end, print its messages
    driver.py [OPTIONS] -- COMMAND ARG...                      the same for one command with the safe defaults
    driver.py [OPTIONS] --tasks N --journal FILE -- COMMAND ARG...   run N at once, which outlive this driver
    driver.py [OPTIONS] --recover --journal FILE               after a restart, or SIGKILL at any moment: how these ended

OPTIONS are --spawn-daemon PATH, --taskshim PATH, --journal FILE; for many tasks --state-root DIR, and --output DIR for what
they print.

The wire is in taskshim-protocol(7): the config and the gate go to the helper's standard input, JSON lines come back. Before
a task may start, its ID string is in the journal: whoever reads the journal after a crash can find every task.
"""
import argparse
import fcntl
import json
import os
import subprocess
import sys
import uuid


def command_config(args, env=(), **taskshim):
    """One command: the host's programs read-only, nobody, private pid, ipc, uts and mount namespaces."""
    return {
        "ociVersion": "1.2.0",
        "process": {
            "args": args,
            "cwd": "/",
            "env": ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", *env],
            "noNewPrivileges": True,
        },
        "linux": {"namespaces": [{"type": t} for t in ("pid", "ipc", "uts", "mount")]},
        "taskshim": {"version": 1, "chroot": "host", **taskshim},
    }


class Journal:
    """What must survive the driver: one JSON object a line, on disk before it counts."""

    def __init__(self, path):
        self.file, self.lines = None, []
        if not path:
            return
        self.file = open(path, "a+b")
        fcntl.flock(self.file, fcntl.LOCK_EX)  # one driver at a time
        self.file.seek(0)
        self.lines = self.file.read().split(b"\n")
        half = self.lines.pop()  # of a driver that was killed while it wrote; nothing was done for it yet
        self.file.truncate(self.file.tell() - len(half))
        directory = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
        os.fsync(directory)  # the file's name, when it is new
        os.close(directory)

    def write(self, **entry):
        if self.file:
            self.lines.append(json.dumps(entry).encode())
            self.file.write(self.lines[-1] + b"\n")
            self.file.flush()
            os.fsync(self.file.fileno())

    def unfinished(self):
        """The last entry of each task that is not done with."""
        tasks = {}
        for entry in map(json.loads, self.lines):
            if entry["event"] == "deleted":
                tasks.pop(entry["task"], None)
            elif "task" in entry:
                tasks[entry["task"]] = entry
        return tasks


class Helper:
    """One spawn-daemon."""

    def __init__(self, spawn_daemon, config, pass_fds=()):
        self.process = subprocess.Popen(
            [spawn_daemon], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=pass_fds
        )
        self.send(config)

    def send(self, document):
        try:
            self.process.stdin.write(json.dumps(document).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has failed already; the error line says why

    def read(self):
        """The next message; None when there are no more."""
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def wait(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait()


def complain(message):
    reason = message["message"] + (": " + os.strerror(message["errno"]) if message["errno"] else "")
    print(f"driver: {message['step']}: {reason}", file=sys.stderr)


# --- one task at a time, which this driver follows to its end ---


def run(spawn_daemon, config, journal, output):
    """Returns the helper's exit status: the command's own, or 125 to 127."""
    helper = Helper(spawn_daemon, config, [output])
    id_string = None
    while message := helper.read():
        print(json.dumps(message), flush=True)
        if message["type"] == "created":
            id_string = message["id"]
            journal.write(event="created", id=id_string)
            helper.send(True)  # the gate: false would abort
        elif message["type"] == "exited":
            journal.write(event="exited", id=id_string, exitCode=message["exitCode"])
        elif message["type"] == "error":
            complain(message)
    return helper.wait()


# --- many tasks, which outlive the driver: each has a state directory, where its exit record waits for the next one ---


class Tasks:
    """The tasks of a journal. A task's entries are claimed, created (with its ID string), ended, deleted."""

    def __init__(self, options, journal):
        self.options, self.journal = options, journal

    def taskshim(self, *args):
        return [self.options.taskshim, "--root", self.options.state_root, *args]

    def start(self, number, command):
        """Returns the helper, or None when the start has failed."""
        task = f"task{number}-{uuid.uuid4().hex[:12]}"  # never used before, as the journal outlives a reboot
        directory = os.path.join(self.options.state_root, task)
        self.journal.write(event="claimed", task=task)
        os.makedirs(self.options.state_root, 0o700, exist_ok=True)
        os.mkdir(directory, 0o700)
        lock = os.open(directory, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)  # so that `taskshim gc` does not take it for a dead start's
        # onParentDeath "keep" is the default: written out, as all depends on it here
        own = {"id": task, "stateDir": directory, "onParentDeath": "keep"}
        if self.options.output:
            own["stdout"] = own["stderr"] = os.path.join(os.path.abspath(self.options.output), task)
        helper = Helper(self.options.spawn_daemon, command_config(command, [f"TASK={number}"], **own))
        message = helper.read()
        os.close(lock)
        if message and message["type"] == "created":
            self.journal.write(event="created", task=task, id=message["id"])
            helper.send(True)
            message = helper.read()
        if message and message["type"] == "started":
            return helper  # its further lines go unread: the exit record says the same
        complain(message or {"step": "monitor", "message": "spawn-daemon has died", "errno": 0})
        helper.wait()
        self.finish(task, "failed")
        return None

    def finish(self, task, answer, record=None):
        """Tells how a task ended, and removes what it had. Who dies before the entry is written says it again."""
        record = record or {}
        end = {"task": task, "answer": answer, **{key: record.get(key) for key in ("exitCode", "signal", "cause")}}
        print(json.dumps(end), flush=True)
        self.journal.write(event="ended", **end)
        self.delete(task, answer)

    def delete(self, task, answer):
        if answer != "foreign":  # not proven to be ours, so it is not ours to delete
            subprocess.run(self.taskshim("delete", "--force", task), check=True)  # also when nothing is left
        self.journal.write(event="deleted", task=task)

    def open(self, id_string):
        done = subprocess.run(self.taskshim("open", "--json", id_string), stdout=subprocess.PIPE, check=False)
        if not done.stdout:
            sys.exit(f"driver: no answer for {id_string}: try again")
        return json.loads(done.stdout)

    def collect(self, entries):
        """Waits for these tasks, whether they were started just now or by a driver that is dead."""
        waiting = []
        for task, entry in entries.items():
            if entry["event"] == "ended":  # and the driver died before it was deleted
                self.delete(task, entry["answer"])
                continue
            if entry["event"] == "claimed":  # nothing has run: spawn-daemon gives up when its parent dies at the gate
                self.finish(task, "aborted")
                continue
            found = self.open(entry["id"])
            if found["answer"] == "running":
                waiting.append((task, self.wait(entry["id"])))
            else:  # exited, with the record; lost, its monitor and record are gone; foreign
                self.finish(task, found["answer"], found.get("exit"))
        for task, waiter in waiting:
            record = json.loads(waiter.communicate()[0] or "{}")
            self.finish(task, "exited" if record.get("known") else "lost", record)
        # A start that died so early that the journal has nothing of it but its name.
        subprocess.run(self.taskshim("gc"), stdout=subprocess.DEVNULL, check=True)

    def wait(self, id_string):
        # The same without the command: os.pidfd_open() of the ID string's monitorPid (no such process: it is over); compare
        # monitorStartTime with field 22 of /proc/PID/stat, and bootId; poll() the pidfd; then read stateDir/exit.json, whose
        # runId must be the ID string's, and whose known may be false.
        return subprocess.Popen(self.taskshim("wait", id_string), stdout=subprocess.PIPE)


def run_many(options, command, journal):
    tasks = Tasks(options, journal)
    helpers = [tasks.start(number, command) for number in range(options.tasks)]
    tasks.collect(journal.unfinished())
    for helper in filter(None, helpers):
        helper.wait()
    return 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--spawn-daemon", default="spawn-daemon")
    parser.add_argument("--taskshim", default="taskshim")
    parser.add_argument("--journal")
    parser.add_argument("--state-root", default="/run/taskshim-driver")
    parser.add_argument("--output")
    parser.add_argument("--tasks", type=int, default=0)
    parser.add_argument("--recover", action="store_true")
    parser.add_argument("configs", nargs="*")
    words = sys.argv[1:]
    at = words.index("--") if "--" in words else len(words)
    options, command = parser.parse_args(words[:at]), words[at + 1 :]
    if (options.tasks or options.recover) and not options.journal:
        parser.error("--tasks and --recover need a --journal")
    journal = Journal(options.journal)
    if options.recover:
        Tasks(options, journal).collect(journal.unfinished())
        return 0
    if options.tasks and command:
        return run_many(options, command, journal)
    output = os.dup(sys.stderr.fileno())  # 3 or more; our own standard output is for the messages
    own = {"stdout": f"fd:{output}", "stderr": f"fd:{output}"}
    configs = [command_config(command, **own)] if command else []
    for path in options.configs:
        with open(path, encoding="utf-8") as file:
            configs.append(json.load(file))
    if not configs:
        parser.error("no CONFIG.json and no COMMAND")
    status = 0
    for config in configs:
        status = run(options.spawn_daemon, config, journal, output) or status
    return status


if __name__ == "__main__":
    sys.exit(main())
