#!/usr/bin/env -S python3 -B
"""docs/examples/driver.py loses no exit status, whenever it is killed."""
import json
import os
import random
import signal
import subprocess
import sys

from lib import LIMIT, SOAK, SPAWN_DAEMON, TASKSHIM, TOP, expect, id_string, main, wait_gone, wait_until

DRIVER = os.path.join(TOP, "docs/examples/driver.py")
ROUNDS = 100 if SOAK else 25  # of a driver that is killed at a random moment
SEED = os.environ.get("TS_SEED", str(random.randrange(10**6)))


class Driver:
    """The driver with a journal, a state root and a directory for output of its own."""

    def __init__(self, root):
        self.root, self.journal, self.output = root, f"{root.scratch}/journal", f"{root.scratch}/output"
        os.mkdir(self.output)
        self.options = ["--spawn-daemon", SPAWN_DAEMON, "--taskshim", TASKSHIM, "--journal", self.journal]
        self.options += ["--state-root", root.path, "--output", self.output]

    def start(self, *args, wrapper=()):
        argv = [*wrapper, DRIVER, *self.options, *args]
        return subprocess.Popen(argv, env=self.root.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    def start_many(self, count, command, **more):
        return self.start("--tasks", str(count), "--", "/bin/sh", "-c", command, **more)

    @staticmethod
    def end(driver):
        """What it has said: one dict a task, by the task's number."""
        out = driver.communicate(timeout=LIMIT)[0]
        said = [json.loads(line) for line in out.splitlines()]
        ends = {number(end["task"]): end for end in said}
        expect("tasks that were told of twice", len(said), len(ends))
        return ends

    def recover(self):
        driver = self.start("--recover")
        ends = self.end(driver)
        expect("status of the recovery", 0, driver.returncode)
        return ends

    def entries(self, event):
        """Those of the journal, by the task's number."""
        if not os.path.exists(self.journal):
            return {}
        with open(self.journal, "rb") as file:
            lines = file.read().split(b"\n")[:-1]
        found = [entry for entry in map(json.loads, lines) if entry["event"] == event]
        by_number = {number(entry["task"]): entry for entry in found}
        expect(f"tasks with two entries {event}", len(found), len(by_number))
        return by_number

    def output_of(self, n):
        for name in os.listdir(self.output):
            if number(name) == n:
                with open(f"{self.output}/{name}", encoding="ascii") as file:
                    return file.read()
        return ""

    def signal(self, n, signo):
        os.kill(id_string(self.entries("created")[n]["id"])["pid"], signo)

    def expect_all_done(self):
        expect("not deleted", {}, {n: entry for n, entry in self.entries("claimed").items()
                                   if n not in self.entries("deleted")})
        expect("left in the state root", [], os.listdir(self.root.path) if os.path.isdir(self.root.path) else [])
        self.root.expect_nothing_left()
        expect("a second recovery", {}, self.recover())


def number(task):
    return int(task.split("-")[0].removeprefix("task"))


# --- N tasks, and a driver that is killed while they run ---

# By the number modulo 4: ends at once; ends when it is told to; dies of a fault; runs until it is killed.
KINDS = """
case $((TASK % 4)) in
0) exit $TASK ;;
1) trap 'exit $TASK' USR1 ;;
2) exec /usr/bin/python3 -c 'import ctypes; ctypes.string_at(0)' ;;
esac
echo ready
while :; do sleep 0.05; done
"""


def expected_end(n):
    code, sig = ((n, 0), (n, 0), (139, 11), (137, 9))[n % 4]
    return {"answer": "exited", "exitCode": code, "signal": sig, "cause": "exited"}


def expect_ends(ends, count):
    expect("ends", {n: expected_end(n) for n in range(count)},
           {n: {key: ends[n][key] for key in expected_end(n)} for n in sorted(ends)})


def let_end(driver, n):
    if n % 4 == 1:
        driver.signal(n, signal.SIGUSR1)
    elif n % 4 == 3:
        driver.signal(n, signal.SIGKILL)


def test_all_statuses_after_the_driver_was_killed(root):
    driver, count = Driver(root), 20
    first = driver.start_many(count, KINDS)
    at_once = [n for n in range(count) if n % 2 == 0]
    wait_until("the driver waits", lambda: set(at_once) <= set(driver.entries("deleted")))
    for n in range(1, count, 2):
        wait_until(f"task {n}", lambda n=n: driver.output_of(n) == "ready\n")
    first.kill()
    ends = driver.end(first)
    expect("told before", at_once, sorted(ends))
    for n in range(1, count // 2, 2):  # end while no driver runs
        let_end(driver, n)
    for n in range(1, count // 2, 2):
        wait_gone(id_string(driver.entries("created")[n]["id"])["monitorPid"])
    second = driver.start("--recover")
    wait_until("recovery", lambda: set(range(count // 2)) <= set(driver.entries("deleted")))
    for n in range(count // 2 + 1, count, 2):  # and while the next one waits
        let_end(driver, n)
    ends.update(driver.end(second))
    expect("told by the next", list(range(1, count, 2)), sorted(set(ends) - set(at_once)))
    expect_ends(ends, count)
    driver.expect_all_done()


def test_without_a_crash(root):
    driver = Driver(root)
    run = driver.start_many(6, "exit $TASK")
    expect("exit codes", {n: n for n in range(6)}, {n: end["exitCode"] for n, end in driver.end(run).items()})
    expect("status", 0, run.returncode)
    driver.expect_all_done()


def test_a_start_that_fails_is_told(root):
    driver = Driver(root)
    run = driver.start("--tasks", "2", "--", "/nonexistent")
    expect("answers", ["failed", "failed"], [end["answer"] for end in driver.end(run).values()])
    driver.expect_all_done()


# --- a driver that is killed while it starts a task: at the fsync(2) of an entry, which is in the file then ---


def killed_at(driver, fsync):
    kill = ["strace", "-f", "-o", "/dev/null", "-e", f"inject=fsync:signal=KILL:when={fsync}"]
    run = driver.start_many(2, "echo ran; exit 3", wrapper=kill)
    driver.end(run)


def test_a_task_that_never_came_to_its_gate_is_aborted(root):
    driver = Driver(root)
    killed_at(driver, 2)  # of `claimed`; the first one is the directory's
    expect("entries", [0], list(driver.entries("claimed")))
    expect("answer", "aborted", driver.recover()[0]["answer"])
    driver.expect_all_done()


def test_a_task_whose_gate_was_not_opened_is_lost(root):
    driver = Driver(root)
    killed_at(driver, 3)  # of `created`
    expect("entries", [0], list(driver.entries("created")))
    expect("answer", "lost", driver.recover()[0]["answer"])
    expect("output", "", driver.output_of(0))
    driver.expect_all_done()


def test_a_line_that_was_cut_off_is_ignored(root):
    driver = Driver(root)
    killed_at(driver, 4)  # of the second task's `claimed`: the first one runs
    with open(driver.journal, "ab") as file:
        file.write(b'{"event": "created", "task": "task1-0123')
    ends = driver.recover()
    expect("answers", ["exited", "aborted"], [ends[n]["answer"] for n in (0, 1)])
    expect("exit code", 3, ends[0]["exitCode"])
    driver.expect_all_done()


def test_an_answer_that_was_written_but_not_acted_on(root):
    driver = Driver(root)
    killed_at(driver, 6)  # two tasks claimed and created: `ended` of the first
    expect("ended", [0], list(driver.entries("ended")))
    expect("told again", [1], list(driver.recover()))
    driver.expect_all_done()


# --- at any moment ---

SOME = """
echo ran
case $((TASK % 3)) in 1) sleep 0.1 ;; 2) sleep 0.4 ;; esac
echo end
exit $((TASK + 10))
"""


def one_round(root, moments, count):
    driver = Driver(root)
    run = driver.start_many(count, SOME)
    for _ in range(moments.randrange(1, 4)):
        try:
            run.wait(moments.uniform(0, 0.5))
        except subprocess.TimeoutExpired:
            pass
        run.kill()
        run.communicate()
        run = driver.start("--recover")
    run.communicate(timeout=LIMIT)
    expect("status of the last recovery", 0, run.returncode)
    ends = driver.entries("ended")
    expect("tasks", sorted(driver.entries("claimed")), sorted(ends))
    for n, end in ends.items():
        ran = driver.output_of(n)
        wanted = ("exited", n + 10, 0) if ran else (end["answer"], None, None)
        expect(f"task {n}, which wrote {ran!r}", wanted, (end["answer"], end["exitCode"], end["signal"]))
        if ran:
            expect("output", "ran\nend\n", ran)
        else:
            assert end["answer"] in ("aborted", "lost"), end
    driver.expect_all_done()
    for name in os.listdir(root.scratch):
        subprocess.run(["rm", "-r", f"{root.scratch}/{name}"], check=True)
    return len([n for n in ends if ends[n]["answer"] == "exited"]), len(ends)


def test_a_driver_that_is_killed_at_random_moments_loses_nothing(root):
    print(f"TS_SEED={SEED}")
    moments, ran, of = random.Random(SEED), 0, 0
    for _ in range(ROUNDS):
        got = one_round(root, moments, 5)
        ran, of = ran + got[0], of + got[1]
    print(f"{ROUNDS} rounds: {ran} of {of} tasks ran, and all of these were told")
    assert 0 < ran


if __name__ == "__main__":
    sys.exit(main(globals()))
