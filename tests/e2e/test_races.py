#!/usr/bin/env -S python3 -B
"""Several at once: starts of one id, deletes, stops, opens, and a delete beside those who wait."""
import subprocess
import sys

from lib import expect, main

ROUNDS = 5


def all_of(root, starts):
    return [root.end_process(start) for start in starts]


def test_of_many_starts_of_one_id_exactly_one_wins(root):
    mark = root.config([])["process"]["env"][1]
    args = ["run", "-d", "--id", root.task("a"), "--env", mark, "--", "/bin/sleep", "1000"]
    for count in [2] * ROUNDS + [16] * ROUNDS:
        results = all_of(root, [root.start_process(*args) for _ in range(count)])
        won = [result for result in results if result.status == 0]
        expect(f"winners {results}", 1, len(won))
        for result in results:
            if result.status != 0:
                error = f"taskshim: state: task id exists already: {root.task('a')}: File exists"
                expect("who lost", (125, "", error), (result.status, result.out, result.err.split("\n")[0]))
        expect("the winner's", won[0].out.strip(), root.expect_open(root.task("a"), "running")["idString"])
        root.ok("delete", "-f", won[0].out.strip())
        root.expect_nothing_left()


def test_of_many_creates_of_one_id_exactly_one_wins(root):
    bundle = root.bundle("a", ["/bin/sleep", "1000"])
    for _ in range(ROUNDS):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # the task's too
        starts = [root.start_process("create", "-b", bundle, root.task("a"), **quiet) for _ in range(8)]
        expect("statuses", [0] + [1] * 7, sorted(result.status for result in all_of(root, starts)))
        starts = [root.start_process("start", root.task("a")) for _ in range(8)]
        expect("starts", [0] + [1] * 7, sorted(result.status for result in all_of(root, starts)))
        root.expect_open(root.task("a"), "running")
        root.ok("delete", "-f", root.task("a"))
        root.expect_nothing_left()


def test_two_deletes_at_once(root):
    for _ in range(ROUNDS):
        text = root.run("a", "/bin/sleep", "1000")
        results = all_of(root, [root.start_process("delete", "-f", word) for word in (text, root.task("a"), text)])
        expect(f"failed {results}", [0, 0, 0], [result.status for result in results])
        root.expect_nothing_left()
        text = root.run("a", "/bin/sh", "-c", "exit 3")
        root.ts("wait", text)
        results = all_of(root, [root.start_process("delete", text) for _ in range(3)])
        for result in results:
            assert result.status == 0 or "the task does not exist" in result.err, result
        root.expect_nothing_left()


def test_delete_beside_wait_tells_the_waiter(root):
    for n in range(2 * ROUNDS):
        if n % 2:
            root.create("a", "/bin/sleep", "1000")
            root.ok("start", root.task("a"))
        else:
            root.run("a", "/bin/sleep", "1000")
        waiters = [root.waiting(root.task("a")) for _ in range(3)]
        root.ok("delete", "-f", root.task("a"))
        for result in all_of(root, waiters):
            expect(f"waiter {result}", 137, result.status)
            expect("signal", 9, result.json()["signal"])


def test_stops_and_opens_at_once(root):
    for _ in range(ROUNDS):
        text = root.run("a", "/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done")
        verbs = [["stop", "--time", "100ms", text], ["stop", text], ["open", text], ["kill", text, "KILL"], ["gc"], ["list"]]
        results = all_of(root, [root.start_process(*verb) for verb in verbs * 2])
        for verb, result in zip(verbs * 2, results):
            if verb[0] == "kill":  # too late, perhaps
                assert result.status == 0 or "not running" in result.err, result
            else:
                expect(f"{verb[0]}: {result}", (0, ""), (result.status, result.err))
        record = root.expect_open(text, "exited")["exit"]
        expect("record", [True, 9, "stopped"], [record[key] for key in ("known", "signal", "cause")])
        root.ok("delete", text)


def test_destroys_at_once(root):
    for _ in range(ROUNDS):
        text = root.run("a", "/bin/sleep", "1000")
        results = all_of(root, [root.start_process("open", "--destroy", word) for word in [text, root.task("a")] * 3])
        for result in results:  # the id of a task that is gone is no task's; its string is that of a lost one
            assert result.status in (0, 3) or "the task does not exist" in result.err, result
        root.expect_nothing_left()


if __name__ == "__main__":
    sys.exit(main(globals()))
