#!/usr/bin/env -S python3 -B
"""A monitor that was killed: what becomes of its task, by onMonitorDeath, and who still learns how the task ended."""
import os
import signal
import socket
import sys
import time

from lib import UNIFIED, Skip, alive, expect, expect_in, id_string, main, reap, stat_fields, wait_gone, wait_until

UNTIL_GO = ["/bin/sh", "-c", "while [ ! -e /w/go ]; do sleep 0.05; done; exit $0", "7"]
GROUP = ["/bin/sh", "-c", "sleep 1000 & sleep 1000 & wait"]


def kill_monitor(created):
    """Kills the monitor of a task that root.spawn() started."""
    created["helper"].kill()
    created["helper"].wait()


def go(root):
    open(f"{root.scratch}/go", "w", encoding="ascii").close()


def members(path):
    with open(f"{path}/cgroup.procs", encoding="ascii") as file:
        return [int(line) for line in file]


def test_delete_waits_for_a_monitor_that_is_late(root):
    """Or the cgroup of monitors were left, which the last one to go removes."""
    monitors = f"{UNIFIED}/taskshim/monitors"
    for verb in (("delete",), ("open", "--destroy")):
        if os.path.isdir(monitors):
            raise Skip("other tasks run on this machine")
        text = root.run("a", "/bin/sleep", "1000")
        says = id_string(text)
        os.kill(says["monitorPid"], signal.SIGSTOP)
        os.kill(says["pid"], signal.SIGKILL)
        wait_until("the task's end", lambda pid=says["pid"]: not alive(pid))
        process = root.start_process(*verb, root.task("a") if verb[0] == "delete" else text)
        time.sleep(0.3)
        expect(f"{verb} waits", None, process.poll())
        os.kill(says["monitorPid"], signal.SIGCONT)
        expect(f"status of {verb}", 0, root.end_process(process).status)
        expect("the cgroup of monitors", False, os.path.isdir(monitors))


# --- kill ---


def test_kill_ends_the_task_and_open_says_lost(root):
    for reaped in (True, False):
        text = root.run("a", *GROUP)
        says = id_string(text)
        path = says["cgroups"]["unified"]["path"]
        wait_until("the task's processes", lambda path=path: len(members(path)) == 3)
        pids = members(path)
        os.kill(says["monitorPid"], 9)
        for pid in pids:  # a pid namespace of its own: the kernel ends all
            wait_gone(pid)
        if reaped:
            reap(says["pid"])
        root.expect_open(text, "lost")
        record = root.record(root.task("a"))
        expect("cause", "monitor-lost", record["cause"])
        expect("known, exitCode", [False, None] if reaped else [True, 137], [record["known"], record["exitCode"]])
        assert not os.path.exists(path)
        root.expect_open(text, "lost")  # and again
        got = root.ts("wait", text)
        expect("status of wait", 125 if reaped else 137, got.status)
        expect("known", record["known"], got.json()["known"])
        if reaped:
            expect_in("message", "nobody saw how the task ended", got.err)
        root.ok("delete", text)


def leave_remainder(root):
    """A task without a pid namespace, whose monitor and first process are dead and two more live. Its ID string."""
    text = root.run("a", *GROUP, flags=["--pid", "host"])
    path = id_string(text)["cgroups"]["unified"]["path"]
    wait_until("the task's processes", lambda: len(members(path)) == 3)
    os.kill(id_string(text)["monitorPid"], 9)
    wait_gone(id_string(text)["pid"])
    expect("remainder", 2, len(members(path)))
    return text


def expect_no_remainder(root, text):
    assert not os.path.exists(id_string(text)["cgroups"]["unified"]["path"])
    expect("cause", "monitor-lost", root.record(root.task("a"))["cause"])


def test_the_next_list_kills_the_remainder(root):
    text = leave_remainder(root)
    root.ok("list")
    expect_no_remainder(root, text)


def test_the_next_open_kills_the_remainder(root):
    text = leave_remainder(root)
    root.expect_open(text, "lost")
    expect_no_remainder(root, text)


def test_the_next_gc_kills_the_remainder(root):
    text = leave_remainder(root)
    expect("report", f"{root.task('a')}: ended: its monitor had died\n", root.ok("gc"))
    expect_no_remainder(root, text)
    expect("second report", "", root.ok("gc"))


# Seen to fail when a record by the kernel's word counted as one of the monitor's: the remainder lived on.
def test_the_remainder_is_killed_also_when_a_waiter_knows_the_end(root):
    text = root.run("a", *GROUP, flags=["--pid", "host"])
    waiter = root.waiting(text)
    os.kill(id_string(text)["monitorPid"], 9)
    expect("status of wait", 137, root.end_process(waiter).status)
    record = root.record(root.task("a"))
    expect("known, cause", [True, "monitor-lost"], [record["known"], record["cause"]])
    root.expect_open(text, "lost")
    expect_no_remainder(root, text)
    expect("the record stays", record, root.record(root.task("a")))


# A first process that has cleared its PDEATHSIG lives on, which is not what the config said.
def test_a_task_that_survives_kill_is_ended_by_the_next_open(root):
    escape = "import ctypes, time; ctypes.CDLL(None).prctl(1, 0, 0, 0, 0); open('/w/go', 'w'); time.sleep(1000)"
    text = root.run("a", "/usr/bin/python3", "-c", escape)
    wait_until("prctl", lambda: os.path.exists(f"{root.scratch}/go"))
    os.kill(id_string(text)["monitorPid"], 9)
    wait_gone(id_string(text)["monitorPid"])
    assert alive(id_string(text)["pid"])
    root.expect_open(text, "lost")
    assert not alive(id_string(text)["pid"])


# --- keep ---


def test_keep_goes_on(root):
    created = root.spawn("a", "/bin/sleep", "1000", onMonitorDeath="keep")
    kill_monitor(created)
    for _ in range(2):
        root.expect_open(created["id"], "running")
        expect("gc", "", root.ok("gc"))
        expect("list", root.task("a"), root.ok("list").splitlines()[1].split()[0])
        expect("status", "running", root.state(created["id"])["status"])
    expect("delete of a running one", 1, root.ts("delete", created["id"]).status)
    root.ok("kill", created["id"], "STOP")
    wait_until("the task stops", lambda: stat_fields(created["pid"])[0] == "T")
    root.ok("kill", created["id"], "CONT")
    root.ok("stop", created["id"])
    assert not alive(created["pid"])


def test_keep_and_waiters_that_waited_already_learn_the_status(root):
    created = root.spawn("a", *UNTIL_GO, onMonitorDeath="keep")
    before = [root.waiting(created["id"]) for _ in range(3)]
    kill_monitor(created)
    after = [root.waiting(root.task("a")) for _ in range(3)]
    go(root)
    reap(created["pid"])
    records = []
    for waiter in before + after:
        got = root.end_process(waiter)
        expect(f"status of wait {got}", 7, got.status)
        records.append(got.json())
    expect("records", records[:1] * 6, records)
    expect("exit.json", records[0], root.record(root.task("a")))
    expect("known, exitCode, signal, cause", [True, 7, 0, "exited"],
           [records[0][key] for key in ("known", "exitCode", "signal", "cause")])
    expect("exit code", 7, root.expect_open(created["id"], "exited")["exit"]["exitCode"])
    expect("a later wait", 7, root.ts("wait", created["id"]).status)


def test_keep_and_a_signal_is_told_as_one(root):
    created = root.spawn("a", "/bin/sleep", "1000", onMonitorDeath="keep")
    kill_monitor(created)
    waiter = root.waiting(created["id"])
    root.ok("stop", created["id"])
    got = root.end_process(waiter)
    expect("status of wait", 137, got.status)
    expect("record", [True, 9, "stopped"], [got.json()[key] for key in ("known", "signal", "cause")])


def test_keep_and_a_wait_after_the_end_knows_only_a_zombie(root):
    for verb in ("wait", "open"):
        for reaped in (False, True):
            created = root.spawn(f"{verb}-{reaped}", *UNTIL_GO, onMonitorDeath="keep")
            kill_monitor(created)
            go(root)
            wait_gone(created["pid"])
            if reaped:
                reap(created["pid"])
            if verb == "wait":
                got = root.ts("wait", created["id"])
                expect("status of wait", 125 if reaped else 7, got.status)
                expect("known", not reaped, got.json()["known"])
            root.expect_open(created["id"], "lost" if reaped else "exited")
            expect("exitCode", None if reaped else 7, root.record(root.task(f"{verb}-{reaped}"))["exitCode"])
            os.unlink(f"{root.scratch}/go")


# Seen to fail without may_trace() in exit_sys.c: 0, which the kernel shows to who may not trace.
def test_a_zombie_that_may_not_be_traced_gives_no_status(root):
    created = root.spawn("a", *UNTIL_GO, onMonitorDeath="keep")
    kill_monitor(created)
    go(root)
    wait_gone(created["pid"])
    drop = "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 19, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"
    got = root.ts("wait", created["id"], wrapper=["/usr/bin/python3", "-c", drop])  # without CAP_SYS_PTRACE
    expect(f"status of wait {got}", 125, got.status)


# --- at the gate: the command never ran, so that nobody may say how it ended ---


def expect_no_status(root, waiter):
    got = root.end_process(waiter)
    expect(f"status of wait {got}", 125, got.status)
    assert not got.out or not got.json()["known"], got


def at_gate(root):
    created = root.spawn("a", "/bin/sleep", "1000", gate=False, onMonitorDeath="keep")
    return created, root.waiting(created["id"])


# Seen to fail: 0, the status with which init leaves when nobody opens its gate.
def test_a_monitor_that_dies_at_the_gate_gives_no_status(root):
    created, waiter = at_gate(root)
    kill_monitor(created)
    expect_no_status(root, waiter)
    root.expect_open(created["id"], "lost")


# Seen to fail: 137, as init is killed.
def test_a_start_that_is_called_off_gives_no_status(root):
    created, waiter = at_gate(root)
    created["helper"].stdin.close()
    created["helper"].stdin = open(os.devnull, "wb")  # for Root.close()
    expect_no_status(root, waiter)
    root.expect_open(created["id"], "lost")
    expect("left by spawn-daemon", [], os.listdir(root.directory(root.task("a"))))


# Seen to fail: 0, likewise.
def test_an_unmonitored_start_that_is_called_off_gives_no_status(root):
    root.create("a", "/bin/sleep", "1000")
    text = root.ok("id", root.task("a"))
    waiter = root.waiting(text)
    call_off(root)
    expect_no_status(root, waiter)


def call_off(root):
    """Says `false` at the gate of an unmonitored task, as taskshim_task_abort() does."""
    with socket.socket(socket.AF_UNIX) as client:
        directory = os.open(root.directory(root.task("a")), os.O_PATH)
        client.connect(f"/proc/self/fd/{directory}/gate")
        os.close(directory)
        client.sendall(b"false\n")
        client.recv(1)


if __name__ == "__main__":
    sys.exit(main(globals()))
