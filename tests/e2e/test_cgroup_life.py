#!/usr/bin/env -S python3 -B
"""Where a task's cgroups may lie, and what others may do to them while it runs: parents that are there, made, threaded or the
driver's own; another manager that removes or replaces them; strangers in them; a cgroup namespace; no cgroups at all."""
import os
import signal
import subprocess
import sys

from lib import UNIFIED, Bystander, Skip, alive, expect, expect_in, id_string, main, wait_gone, wait_until, write_json

NO_CGROUPS = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"', "-"]


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def bundle(root, name, path=None, command=("/bin/sleep", "1000"), **more):
    """A bundle whose cgroups are below the root's own one, or at @path there."""
    directory = root.bundle(name, command, **more)
    config = root.config(command, **more)
    config["mounts"].append({"destination": "/proc", "type": "proc"})
    config["linux"]["cgroupsPath"] = f"/{root.name}{path or '/' + name}"
    write_json(f"{directory}/config.json", config)
    return directory


def start(root, name, path=None, **more):
    """Runs it, in all its cgroups; the unified one's path."""
    root.ok("run", "-d", "-b", bundle(root, name, path, **more), root.task(name), stdout=None, stderr=None)
    return root.state(root.task(name))["taskshim"]["cgroup"]["unified"]


def leave(root, name):
    """Another manager takes the task's processes out of all its cgroups, and removes these."""
    state = root.state(root.task(name))
    for path in state["taskshim"]["cgroup"].values():
        top = UNIFIED if path.startswith(f"{UNIFIED}/") else "/".join(path.split("/")[:5])
        for pid in read(f"{path}/cgroup.procs").split():
            write(f"{top}/cgroup.procs", pid)
        wait_until("it is empty", lambda path=path: not read(f"{path}/cgroup.procs"))
        os.rmdir(path)
    return state


def test_parents_that_were_made_go_with_the_last_task(root):
    first = start(root, "a", "/x/y/a")
    second = start(root, "b", "/x/b")
    expect("where", (f"{UNIFIED}/{root.name}/x/y/a", f"{UNIFIED}/{root.name}/x/b"), (first, second))
    root.ok("delete", "-f", root.task("a"))
    expect("of the first", False, os.path.exists(os.path.dirname(first)))
    expect("of the second", True, os.path.exists(second))
    root.ok("delete", "-f", root.task("b"))
    root.expect_nothing_left()


def test_parents_that_were_there_stay(root):
    parent = root.make_cgroup(root.name)
    start(root, "a", "/x/a")
    root.ok("delete", "-f", root.task("a"))
    expect("the operator's", [False, True], [os.path.exists(f"{parent}/x"), os.path.exists(parent)])


def test_a_driver_in_a_cgroup_of_its_own(root):
    """The task is neither charged to it, nor does it end with it."""
    own = root.make_cgroup(root.name)
    inside = ["sh", "-c", f'echo 0 >{own}/cgroup.procs && exec "$@"', "-"]
    text = root.run("a", "/bin/sleep", "1000", wrapper=inside)
    pid = id_string(text)["pid"]
    expect("where it is", f"0::/taskshim/{root.task('a')}", read(f"/proc/{pid}/cgroup").splitlines()[-1])
    expect("who else is there", "", read(f"{own}/cgroup.procs"))
    expect("status", "running", root.ts("state", text, wrapper=inside).json()["status"])
    root.ok("pause", text, wrapper=inside)
    root.ok("delete", "-f", text, wrapper=inside)


def test_below_the_cgroup_of_the_driver(root):
    """A delegated one: nothing but its children is touched."""
    own = root.make_cgroup(root.name)
    inside = ["sh", "-c", f'echo $$ >{own}/cgroup.procs; "$@"; exit $?', "-"]  # the shell stays there
    root.ok("run", "-d", "-b", bundle(root, "a"), root.task("a"), wrapper=inside, stdout=None, stderr=None)
    expect("where it is", f"{own}/a", root.state(root.task("a"))["taskshim"]["cgroup"]["unified"])
    expect("what the driver's is", ("domain", ""), (read(f"{own}/cgroup.type"), read(f"{own}/cgroup.subtree_control")))
    root.ok("delete", "-f", root.task("a"), wrapper=inside)
    expect("is left", [], [name for name in os.listdir(own) if os.path.isdir(f"{own}/{name}")])


def test_a_threaded_parent_is_explained(root):
    parent = root.make_cgroup(root.name)
    os.mkdir(f"{parent}/t")
    try:
        write(f"{parent}/t/cgroup.type", "threaded")
        refused = root.ts("run", "-b", bundle(root, "a"), root.task("a"))
        expect(f"{refused}", 125, refused.status)
        expect_in("why", "threaded", refused.err)
        root.expect_nothing_left = lambda: None  # the parent is ours
        expect("is left", ["t"], [name for name in os.listdir(parent) if os.path.isdir(f"{parent}/{name}")])
    finally:
        os.rmdir(f"{parent}/t")


def test_another_manager_removes_the_cgroups(root):
    start(root, "a")
    name = root.task("a")
    state = leave(root, "a")
    expect("status", "running", root.state(name)["status"])
    for verb, words in (("pause", ()), ("update", ("--memory", "1g"))):
        refused = root.ts(verb, *words, name)
        expect(f"{verb}: {refused}", 1, refused.status)
        expect_in(f"why not {verb}", "it is gone", refused.err)
    root.ok("resume", name)
    expect("limits", {}, root.state(name)["taskshim"]["limits"])
    root.ok("stop", "--time", "100ms", name)
    wait_gone(state["pid"])
    root.ok("delete", name)


def test_another_manager_replaces_the_cgroups(root):
    start(root, "a")
    name = root.task("a")
    state = leave(root, "a")
    stranger = state["taskshim"]["cgroup"]["unified"]
    os.makedirs(stranger, exist_ok=True)
    with Bystander() as bystander:
        write(f"{stranger}/cgroup.procs", str(bystander.pid))
        for verb, words in (("pause", ()), ("update", ("--memory", "1g"))):
            refused = root.ts(verb, *words, name)
            expect(f"{verb}: {refused}", 1, refused.status)
        expect("status", "running", root.state(name)["status"])
        expect("frozen", "0", read(f"{stranger}/cgroup.freeze"))
        root.ok("stop", "--time", "100ms", name)
        root.ok("delete", name)
        expect("the stranger lives", True, alive(bystander.pid))
        expect("in its cgroup", str(bystander.pid), read(f"{stranger}/cgroup.procs"))
    wait_until("it is empty", lambda: not read(f"{stranger}/cgroup.procs"))
    os.rmdir(stranger)
    parent = os.path.dirname(stranger)
    if os.path.isdir(parent):
        os.rmdir(parent)


def test_cgroups_that_the_task_made_below_its_own(root):
    path = start(root, "a")
    os.makedirs(f"{path}/x/y")
    with open("/dev/null", "rb") as null:
        inner = subprocess.Popen(["/bin/sleep", "1000"], stdin=null)  # pylint: disable=consider-using-with
    write(f"{path}/x/y/cgroup.procs", str(inner.pid))
    root.ok("delete", "-f", root.task("a"))
    expect("who is in a task's cgroup ends with it", -signal.SIGKILL, inner.wait())
    root.expect_nothing_left()


def test_in_a_cgroup_namespace(root):
    text = "cat /proc/self/cgroup >/w/seen; exec sleep 1000"
    start(root, "a", command=("/bin/sh", "-c", text), namespaces=("pid", "mount", "cgroup"))
    name = root.task("a")
    wait_until("it has looked", lambda: os.path.exists(f"{root.scratch}/seen") and read(f"{root.scratch}/seen"))
    expect_in("what it sees", "0::/\n", read(f"{root.scratch}/seen") + "\n")
    root.ok("pause", name)
    expect("status", "paused", root.state(name)["status"])
    root.ok("update", "--memory", "1g", name)
    root.ok("resume", name)
    root.ok("stop", name)


def test_without_a_cgroup_filesystem(root):
    refused = root.ts("run", "--", "/bin/true", wrapper=NO_CGROUPS)
    expect(f"{refused}", 125, refused.status)
    expect_in("why", "no cgroup filesystem is mounted", refused.err)
    expect_in("what else", "--cgroup-manager disabled", refused.err)
    root.ok("--cgroup-manager", "disabled", "run", "--", "/bin/true", wrapper=NO_CGROUPS)
    refused = root.ts("--cgroup-manager", "disabled", "run", "--memory", "64m", "--", "/bin/true")
    expect(f"{refused}", 125, refused.status)
    expect_in("why", "linux.resources needs cgroups, and none are to be made", refused.err)
    name = root.task("a")
    root.ok("--cgroup-manager", "disabled", "run", "-d", "--id", name, "--", "/bin/sleep", "1000")
    for verb, words in (("pause", ()), ("update", ("--memory", "64m"))):
        refused = root.ts(verb, *words, name)
        expect(f"{verb}: {refused}", 1, refused.status)
        expect_in(f"why not {verb}", "started without", refused.err)
    root.ok("stop", name)


def test_managers(root):
    for words, part in ((["--cgroup-manager", "systemd"], "not supported yet"), (["--cgroup-manager", "x"], "expected cgroupfs"),
                        (["--systemd-cgroup"], "not supported yet")):  # fmt: skip
        refused = root.ts(*words, "run", "--", "/bin/true")
        expect(f"{words}: {refused}", 1, refused.status)
        expect_in(f"{words}", part, refused.err)
    root.ok("--cgroup-manager", "cgroupfs", "run", "--", "/bin/true")


def test_explain_shows_the_writes(root):
    if not os.path.isdir("/sys/fs/cgroup/memory"):
        raise Skip("memory is no hierarchy of v1 here")
    config = root.config(["/bin/true"])
    config["linux"]["resources"] = {"memory": {"limit": 1 << 26, "swappiness": 3}}
    write_json(f"{root.scratch}/config.json", config)
    out = root.ok("explain", "--id", "x", f"{root.scratch}/config.json")
    for file, value in (("limit_in_bytes", 1 << 26), ("swappiness", 3)):
        expect_in("explain", f'write "{value}" to /sys/fs/cgroup/memory/taskshim-x/memory.{file}\n', out)


if __name__ == "__main__":
    sys.exit(main(globals()))
