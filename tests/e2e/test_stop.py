#!/usr/bin/env -S python3 -B
"""`taskshim stop`: whom the first signal reaches, the grace, the end of what does not want to end, and what the record says.

On each kind of machine: cgroup.kill of a unified hierarchy beside v1, the v1 freezer alone, cgroup v2 alone."""
import os
import signal
import sys

from lib import V1_ONLY, V2_ONLY, Skip, alive, expect, expect_in, id_string, main, wait_gone, wait_until

V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
LAYOUTS = {"v2": []} if V2 else {"hybrid": [], "v1": V1_ONLY, "v2": V2_ONLY}

# Three processes that say when SIGTERM reaches them: the command, one of its group, one of another session.
THREE = """
note() { echo $1 >>/w/got; }
loop='while :; do sleep 0.05; done'
sh -c "trap 'echo child >>/w/got' TERM; : >/w/ready-child; $loop" &
setsid sh -c "trap 'echo session >>/w/got' TERM; : >/w/ready-session; $loop" &
trap 'note main' TERM
: >/w/ready-main
while :; do sleep 0.05; done
"""
# Takes its time to end, and ends by itself.
SLOW = "trap 'sleep 0.3; exit 5' TERM; : >/w/ready; while :; do sleep 0.05; done"
DEAF = "trap '' TERM; : >/w/ready; while :; do sleep 0.05; done"
BOMB = """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""


def ready(root, *names):
    for name in names or ("ready",):
        wait_until(name, lambda name=name: os.path.exists(f"{root.scratch}/{name}"))


def clean(root):
    for name in os.listdir(root.scratch):
        os.unlink(f"{root.scratch}/{name}")


def expect_record(root, text, code, sig, **more):
    record = root.expect_open(text, "exited")["exit"]
    wanted = {"known": True, "exitCode": code, "signal": sig, "cause": "stopped", "stopSignal": signal.SIGTERM, **more}
    expect("record", wanted, {key: record[key] for key in wanted})


def gone(root, layout, text):
    """No process of the task's, and nothing of it after `delete`."""
    wait_gone(id_string(text)["pid"])
    wait_gone(id_string(text)["monitorPid"])
    root.ok("delete", text, wrapper=LAYOUTS[layout])
    clean(root)
    root.expect_nothing_left()


def each_layout(root, test):
    for layout in LAYOUTS:
        if layout == "v1" and not os.path.isdir("/sys/fs/cgroup/freezer"):
            print("no v1 hierarchies here: cgroup v2 alone was tested")
            continue
        test(root, layout)


# --- scope ---


def test_scope(root):
    for scope, wanted in (("main", ["main"]), ("pgrp", ["child", "main"]), ("cgroup", ["child", "main", "session"])):
        text = root.run("a", "/bin/sh", "-c", THREE)
        ready(root, "ready-main", "ready-child", "ready-session")
        stop = root.start_process("stop", "--scope", scope, "--time", "60s", text)

        def got():
            try:
                with open(f"{root.scratch}/got", encoding="ascii") as file:
                    return sorted(file.read().split())
            except FileNotFoundError:
                return []

        wait_until(f"signals of scope {scope}", lambda got=got, wanted=wanted: got() == wanted)
        root.ok("kill", text, "KILL")
        expect("status of stop", 0, root.end_process(stop).status)
        expect(f"signals of scope {scope}", wanted, got())
        expect_record(root, text, 137, 9, stopGraceMs=60000)
        gone(root, next(iter(LAYOUTS)), text)


# --- grace ---


def test_a_handler_has_its_time(root):
    for scope in ("main", "pgrp"):
        text = root.run("a", "/bin/sh", "-c", SLOW)
        ready(root)
        root.ok("stop", "--scope", scope, "--time", "60s", text)
        expect_record(root, text, 5, 0, stopGraceMs=60000)
        gone(root, next(iter(LAYOUTS)), text)


def test_the_configs_signal_and_time_are_the_defaults(root):
    created = root.spawn("a", "/bin/sh", "-c", SLOW.replace("TERM", "USR1"), killSignal="SIGUSR1", killTimeout="61s")
    ready(root)
    root.ok("stop", created["id"])
    expect_record(root, created["id"], 5, 0, stopGraceMs=61000, stopSignal=signal.SIGUSR1)
    root.ok("delete", created["id"])


def test_what_is_deaf_is_killed(root):
    def one(root, layout):
        text = root.run("a", "/bin/sh", "-c", DEAF, wrapper=LAYOUTS[layout])
        ready(root)
        root.ok("stop", "--time", "300ms", text, wrapper=LAYOUTS[layout])
        expect_record(root, text, 137, 9, stopGraceMs=300)
        gone(root, layout, text)

    each_layout(root, one)


def test_what_cannot_hear_is_killed_at_once(root):
    """Process 1 without a handler: the kernel would drop the signal, and the grace would be for nothing."""
    text = root.run("a", "/bin/sleep", "1000")
    root.ok("stop", "--time", "1h", text)
    expect_record(root, text, 137, 9)


def test_a_stopped_task_is_killed(root):
    text = root.run("a", "/bin/sh", "-c", SLOW)
    ready(root)
    os.kill(id_string(text)["pid"], signal.SIGSTOP)
    root.ok("stop", "--time", "300ms", text)
    expect_record(root, text, 137, 9)


def test_without_cgroups_the_command_is_stopped(root):
    text = root.ok("--cgroup-manager", "disabled", "run", "-d", "--id", root.task("a"), "--mount", f"{root.scratch}:/w",
                   "--", "/bin/sh", "-c", SLOW).strip()
    ready(root)
    root.ok("stop", "--scope", "cgroup", "--time", "60s", text)
    expect_record(root, text, 5, 0)


def test_an_unmonitored_task(root):
    root.create("a", "/bin/sh", "-c", SLOW)
    text = root.ok("id", root.task("a")).strip()
    root.ok("start", text)
    ready(root)
    root.ok("stop", "--time", "60s", text)
    expect_record(root, text, 5, 0)


# --- frozen, and many ---


def freeze(text):
    for controller, cgroup in id_string(text)["cgroups"].items():
        if controller in ("unified", "freezer"):
            name, value = ("cgroup.freeze", "1") if controller == "unified" else ("freezer.state", "FROZEN")
            path = cgroup["path"]
            if not V2:  # as we see it
                path = path.replace("/sys/fs/cgroup/taskshim", "/sys/fs/cgroup/unified/taskshim")
            with open(f"{path}/{name}", "w", encoding="ascii") as file:
                file.write(value)


def test_a_frozen_task_is_killed(root):
    def one(root, layout):
        text = root.run("a", "/bin/sh", "-c", DEAF, wrapper=LAYOUTS[layout])
        ready(root)
        freeze(text)
        root.ok("stop", "--time", "100ms", text, wrapper=LAYOUTS[layout])
        expect_record(root, text, 137, 9)
        gone(root, layout, text)

    each_layout(root, one)


def test_what_cannot_die_is_named(root):
    """Frozen by an operator, in a v1 freezer cgroup that is none of the task's."""
    if not os.path.isdir("/sys/fs/cgroup/freezer"):
        raise Skip("no v1 freezer")
    freezer = f"/sys/fs/cgroup/freezer/{root.name}"
    os.mkdir(freezer)
    root.cgroups.append(freezer)
    text = root.run("a", "/bin/sleep", "1000")
    pid = id_string(text)["pid"]
    for name, value in (("cgroup.procs", str(pid)), ("freezer.state", "FROZEN")):
        with open(f"{freezer}/{name}", "w", encoding="ascii") as file:
            file.write(value)
    got = root.ts("stop", text)
    expect("status", 125, got.status)
    expect_in("message", f"cannot be killed: {pid} (sleep, state ", got.err)
    root.expect_open(text, "running")
    with open(f"{freezer}/freezer.state", "w", encoding="ascii") as file:
        file.write("THAWED")
    root.ok("stop", text)
    root.ok("delete", text)
    wait_gone(pid)


def test_a_fork_bomb_is_gone(root):
    def one(root, layout):
        for namespace in ("private", "host"):
            if layout == "v2" and not V2:
                continue  # the pids controller is v1's here
            flags = ["--pids-limit", "100", "--pid", namespace]
            text = root.run("a", "/usr/bin/python3", "-c", BOMB, flags=flags, wrapper=LAYOUTS[layout])
            pids = id_string(text)["cgroups"]["unified" if V2 else "pids"]["path"]

            def full(pids=pids):
                with open(f"{pids}/pids.current", encoding="ascii") as file:
                    return int(file.read()) >= 99

            wait_until("the bomb", full)
            root.ok("stop", "--time", "100ms", text, wrapper=LAYOUTS[layout])
            with open(f"{pids}/cgroup.procs", encoding="ascii") as file:
                expect("processes", "", file.read())
            expect_record(root, text, *((137, 9) if namespace == "private" else (143, 15)))
            gone(root, layout, text)

    each_layout(root, one)


# --- again ---


def test_stop_of_what_has_ended(root):
    text = root.run("a", "/bin/sh", "-c", "exit 3")
    root.ts("wait", text)
    for _ in range(2):
        root.ok("stop", text)
        record = root.record(root.task("a"))
        expect("record", [3, "exited"], [record["exitCode"], record["cause"]])
    assert not alive(id_string(text)["pid"])


if __name__ == "__main__":
    sys.exit(main(globals()))
