#!/usr/bin/env -S python3 -B
"""Process numbers that were used again: an ID string that names an impostor's signals nobody and is never "running".

The tests were seen to fail, most with their impostors killed, without the comparison of start times in ts_pidfd_open_checked()."""
import ctypes
import os
import sys
import time

from lib import Bystander, Skip, edited, expect, id_string, main, read_json, reap, start_time, wait_until, write_json

LIBC = ctypes.CDLL(None, use_errno=True)
SYS_CLONE3 = 435


class Impostor(Bystander):
    """A process with a number of our choice. It starts in another clock tick than whoever had that before, as it would in
    life: the kernel hands numbers out in a circle, and it takes thousands of forks to meet one again."""

    def __init__(self, pid):  # pylint: disable=super-init-not-called
        time.sleep(2 / os.sysconf("SC_CLK_TCK"))
        tid = (ctypes.c_int * 1)(pid)
        args = (ctypes.c_uint64 * 11)()
        args[4], args[8], args[9] = 17, ctypes.addressof(tid), 1  # SIGCHLD, set_tid, its length
        self.pid = LIBC.syscall(SYS_CLONE3, args, ctypes.sizeof(args))
        if self.pid == 0:
            os.execv("/bin/sleep", ["sleep", "1000"])
        expect(f"clone3 (errno {ctypes.get_errno()})", pid, self.pid)
        self.process = self
        wait_until("exec", lambda: os.readlink(f"/proc/{pid}/exe") != os.readlink("/proc/self/exe"))

    def poll(self):
        return None if os.waitpid(self.pid, os.WNOHANG)[0] == 0 else True

    def kill(self):
        os.kill(self.pid, 9)

    def wait(self):
        os.waitpid(self.pid, 0)


def try_everything(root, word, answer):
    root.expect_open(word, answer)
    root.ts("kill", word, "KILL")
    root.ts("kill", "-a", word, "KILL")
    for scope in ("main", "pgrp", "cgroup"):
        root.ts("stop", "--scope", scope, "--time", "0s", word)
    root.ts("wait", "--timeout", "1s", word)
    root.ok("list")
    root.ok("gc")
    root.expect_open(word, answer, "--destroy")
    root.ts("delete", "-f", word)


def test_the_number_of_an_ended_task(root):
    text = root.run("a", "/bin/sh", "-c", "exit 3")
    says = id_string(text)
    expect("status of wait", 3, root.ts("wait", text).status)
    reap(says["monitorPid"])
    with Impostor(says["pid"]) as impostor:
        expect("status", "stopped", root.state(text)["status"])
        root.expect_open(f"PID:{impostor.pid}", "foreign")
        root.expect_open(f"PID:{says['pid']}:{says['startTime']}:{says['bootId']}", "lost")
        try_everything(root, text, "exited")


def test_the_number_of_an_ended_monitor(root):
    text = root.run("a", "/bin/sh", "-c", "exit 3")
    says = id_string(text)
    root.ts("wait", text)
    reap(says["monitorPid"])
    with Impostor(says["monitorPid"]) as impostor:
        root.expect_open(f"PID:{impostor.pid}", "foreign")
        try_everything(root, text, "exited")


def test_the_number_of_an_unmonitored_task(root):
    root.create("a", "/bin/sleep", "1000")
    text = root.ok("id", root.task("a")).strip()
    os.kill(id_string(text)["pid"], 9)
    reap(id_string(text)["pid"])
    with Impostor(id_string(text)["pid"]):
        expect("start", 1, root.ts("start", text).status)
        try_everything(root, text, "exited")


def test_the_number_of_a_task_that_is_gone(root):
    text = root.run("a", "/bin/sleep", "1000")
    says = id_string(text)
    root.ok("delete", "-f", text)
    reap(says["monitorPid"])
    with Impostor(says["pid"]), Impostor(says["monitorPid"]):
        try_everything(root, text, "lost")


def test_both_numbers_of_a_lost_task(root):
    text = root.run("a", "/bin/sleep", "1000")
    says = id_string(text)
    os.kill(says["monitorPid"], 9)
    reap(says["monitorPid"])
    reap(says["pid"])
    with Impostor(says["pid"]), Impostor(says["monitorPid"]):
        try_everything(root, text, "lost")


def test_the_monitors_number_of_a_task_that_goes_on(root):
    created = root.spawn("a", "/bin/sleep", "1000", onMonitorDeath="keep")
    created["helper"].kill()
    created["helper"].wait()
    with Impostor(created["monitorPid"]):
        root.expect_open(created["id"], "running")
        expect("gc", "", root.ok("gc"))
        waiter = root.waiting(created["id"])
        root.ok("stop", created["id"])
        expect("status of wait", 137, root.end_process(waiter).status)  # not when the impostor ends
        root.ok("delete", created["id"])


# Seen to fail without the comparison of inodes there: the impostor was killed.
def test_a_number_that_is_used_again_in_the_same_clock_tick(root):
    """Start times have ticks of 10 ms: when they are the same, the inode of pidfds is not."""
    pidfd = os.pidfd_open(os.getpid())
    pidfs = os.fstat(pidfd).st_ino != os.fstat(os.eventfd(0)).st_ino  # Linux 6.9: no longer the inode of all such files
    os.close(pidfd)
    if not pidfs:
        raise Skip("pidfds have no inodes of their own here")
    text = root.run("a", "/bin/sh", "-c", "exit 3")
    says = id_string(text)
    root.ts("wait", text)
    reap(says["monitorPid"])
    with Impostor(says["pid"]) as impostor:  # it did not start in that tick, but may as well have: the task says it did
        state = f"{root.directory(root.task('a'))}/state.json"
        text = edited(text, startTime=start_time(impostor.pid))
        write_json(state, {**read_json(state), "idString": text})
        expect("status", "stopped", root.state(text)["status"])
        try_everything(root, text, "exited")


if __name__ == "__main__":
    sys.exit(main(globals()))
