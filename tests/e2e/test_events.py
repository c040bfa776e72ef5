#!/usr/bin/env -S python3 -B
"""`taskshim events` and `taskshim ps`: what runc prints, of tasks whose load, deaths and processes are known."""
import json
import os
import shutil
import subprocess
import sys
import time

from lib import LIMIT, UNIFIED, V1_ONLY, V2_ONLY, Bystander, Skip, expect, expect_in, main, wait_until

PURE_V2 = UNIFIED == "/sys/fs/cgroup"
SLEEP = ("/bin/sleep", "1000")
MIB = 1 << 20
EAT = "x=[]\nwhile 1: x.append(bytearray(1<<20))"


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def has_memory(root, name):
    paths = root.state(root.task(name))["taskshim"]["cgroup"]
    return "memory" in paths or os.path.exists(f"{paths.get('unified')}/memory.current")


def events_of(result):
    return [json.loads(line) for line in result.out.splitlines()]


def oom_events(root, name, result):
    """How many there are; each must be one of the task's."""
    found = [event for event in events_of(result) if event["type"] == "oom"]
    for event in found:
        expect("event", {"type": "oom", "id": root.task(name)}, event)
    return len(found)


# --- statistics ---


def test_stats_once(root):
    root.run("a", "/bin/sh", "-c", "while :; do :; done", flags=("--memory", "64m", "--cpus", "0.5", "--pids-limit", "9"))
    wait_until("it has run", lambda: json.loads(root.ok("stats", "-f", "json", root.task("a")))["cpu"]["periods"])
    line = root.ok("events", "--stats", root.task("a"))
    expect("lines", 1, line.count("\n"))
    event = json.loads(line)
    expect("members", ["type", "id", "data"], list(event))
    expect("type, id", ("stats", root.task("a")), (event["type"], event["id"]))
    data = event["data"]
    expect("members of data", ["cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt", "network_interfaces"], list(data))
    stats = json.loads(root.ok("stats", "-f", "json", root.task("a")))
    assert 0 < data["cpu"]["usage"]["total"] <= stats["cpu"]["totalNs"], (data["cpu"], stats["cpu"])
    assert data["cpu"]["usage"]["user"] + data["cpu"]["usage"]["kernel"] <= data["cpu"]["usage"]["total"] + 2e6, data["cpu"]
    assert 1 <= data["cpu"]["throttling"]["periods"] <= stats["cpu"]["periods"], (data["cpu"], stats["cpu"])
    expect("pids", {"current": 1, "limit": 9}, data["pids"])
    memory = data["memory"]
    expect("limit", 64 * MIB, memory["usage"]["limit"])
    assert 0 < memory["usage"]["usage"] <= memory["usage"].get("max", 64 * MIB) <= 64 * MIB, memory
    assert memory["swap"]["usage"] >= memory["usage"]["usage"] - MIB, memory  # both together
    rss = memory["raw"].get("total_rss", memory["raw"].get("anon"))
    assert abs(rss - stats["memory"]["rss"]) < MIB and rss > 0, (memory["raw"], stats["memory"])


def test_what_no_cgroup_tells_is_left_out(root):
    root.run("a", *SLEEP)
    paths = root.state(root.task("a"))["taskshim"]["cgroup"]
    data = json.loads(root.ok("events", "--stats", root.task("a")))["data"]
    if "pids" not in paths and not os.path.exists(f"{paths['unified']}/pids.current"):
        expect("pids", {}, data["pids"])
    if "cpu" not in paths and "nr_periods" not in read(f"{paths['unified']}/cpu.stat"):
        expect("throttling", {}, data["cpu"]["throttling"])
    if "blkio" not in paths and not os.path.exists(f"{paths['unified']}/io.stat"):
        assert "ioServiceBytesRecursive" not in data["blkio"], data["blkio"]


def test_percpu_of_v1(root):
    """What only v1 counts: the time of each CPU."""
    cpuacct = f"/sys/fs/cgroup/cpuacct/{root.task('a')}"
    if not os.path.isdir(os.path.dirname(cpuacct)):
        raise Skip("no cpuacct hierarchy")
    os.mkdir(cpuacct)
    try:
        root.spawn("a", "/bin/sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exec sleep 1000",
                   cgroups={"cpuacct": cpuacct})
        wait_until("it has run", lambda: int(read(f"{cpuacct}/cpuacct.usage")) > 50000000)
        wait_until("it sleeps", lambda: json.loads(root.ok("stats", "-f", "json", root.task("a")))["processes"][0]["comm"] == "sleep")
        usage = json.loads(root.ok("events", "--stats", root.task("a")))["data"]["cpu"]["usage"]
        expect("percpu", [int(n) for n in read(f"{cpuacct}/cpuacct.usage_percpu").split()], usage["percpu"])
        expect("percpu_user", [int(n) for n in read(f"{cpuacct}/cpuacct.usage_percpu_user").split()], usage["percpu_user"])
        expect("CPUs", len(usage["percpu"]), len(usage["percpu_kernel"]))
        assert abs(sum(usage["percpu"]) - usage["total"]) < 5e6, usage
    finally:
        root.ts("delete", "-f", root.task("a"))
        wait_until("the cgroup is empty", lambda: not read(f"{cpuacct}/cgroup.procs"))
        os.rmdir(cpuacct)


def test_stats_every_interval_until_the_end(root):
    root.run("a", "/bin/sleep", "1.5")
    began = time.monotonic()
    result = root.ts("events", "--interval", "200ms", root.task("a"))
    assert time.monotonic() - began < LIMIT, "a hang"
    expect(f"status: {result}", 0, result.status)
    if not has_memory(root, "a"):
        expect_in("warning", "no memory cgroup", result.err)
    events = events_of(result)
    assert 3 <= len(events) <= 7, events
    expect("types", {"stats"}, {event["type"] for event in events})
    totals = [event["data"]["cpu"]["usage"]["total"] for event in events]
    expect("in order", sorted(totals), totals)


def test_the_end_is_told_at_once(root):
    root.run("a", *SLEEP)
    follower = root.start_process("events", "--interval", "1h", root.task("a"))
    time.sleep(0.3)
    expect("still there", None, follower.poll())
    root.ok("stop", "--time", "0", root.task("a"))
    result = root.end_process(follower)
    expect("status, output", (0, ""), (result.status, result.out))


def test_an_unmonitored_task_from_its_gate_to_its_end(root):
    root.create("a", "/bin/sleep", "0.5")
    follower = root.start_process("events", "--interval", "100ms", root.task("a"))
    expect("first", "stats", json.loads(follower.stdout.readline())["type"])
    root.ok("start", root.task("a"), stdout=None, stderr=None)
    result = root.end_process(follower)
    expect(f"status: {result}", 0, result.status)
    assert len(events_of(result)) >= 2, result


# --- OOM kills ---


def follow(root, name, command, flags=("--memory", "40m"), wrapper=()):
    """Follows a task that waits until it is followed. The events, and how many kills its record has."""
    root.run(name, "/bin/sh", "-c", f"while ! [ -e /w/go ]; do sleep 0.02; done; {command}", flags=flags, wrapper=wrapper)
    if not has_memory(root, name):
        raise Skip("no memory controller")
    follower = root.start_process("events", "--interval", "10ms", root.task(name), wrapper=wrapper)
    follower.stdout.readline()  # from the first statistics on, the kills are heard of
    open(f"{root.scratch}/go", "w", encoding="ascii").close()
    result = root.end_process(follower)
    expect(f"status: {result.status}, {result.err}", (0, ""), (result.status, result.err))
    return oom_events(root, name, result), json.loads(root.ts("wait", root.task(name), wrapper=wrapper).out)["oomKills"]


def test_each_oom_kill_of_a_child_is_an_event(root):
    eat = f"for i in 1 2 3; do /usr/bin/python3 -c '{EAT}'; done; sleep 0.3"
    expect("events, kills", (3, 3), follow(root, "a", eat))


def test_the_oom_kill_that_ends_the_task_is_an_event(root):
    expect("events, kills", (1, 1), follow(root, "a", f"exec /usr/bin/python3 -c '{EAT}'"))


def test_oom_events_of_v1_alone(root):
    if PURE_V2:
        raise Skip("no v1 hierarchy here")
    eat = f"/usr/bin/python3 -c '{EAT}'; exec /usr/bin/python3 -c '{EAT}'"
    expect("events, kills", (2, 2), follow(root, "a", eat, wrapper=V1_ONLY))


def test_a_limit_that_is_hit_without_a_kill_is_no_event(root):
    """Pages of a file make room for each other, unless the file is in memory alone."""
    mounts = [line.split() for line in read("/proc/self/mountinfo").splitlines()]
    device = os.stat(root.scratch).st_dev
    if any(f"{os.major(device)}:{os.minor(device)}" == m[2] and "tmpfs" in m[m.index("-") + 1 :] for m in mounts):
        raise Skip("the scratch directory is on no disk")
    read_file = "dd if=/dev/zero of=/w/file bs=1M count=120; cat /w/file >/dev/null; sleep 0.3"
    expect("events, kills", (0, 0), follow(root, "a", read_file))


def test_kills_before_are_no_events(root):
    root.run("a", "/bin/sh", "-c", f"/usr/bin/python3 -c '{EAT}'; > /w/killed; exec sleep 1000", flags=("--memory", "40m"))
    if not has_memory(root, "a"):
        raise Skip("no memory controller")
    wait_until("killed", lambda: os.path.exists(f"{root.scratch}/killed"))
    follower = root.start_process("events", "--interval", "20ms", root.task("a"))
    for _ in range(5):
        expect("type", "stats", json.loads(follower.stdout.readline())["type"])
    root.ok("stop", "--time", "0", root.task("a"))
    expect("events", 0, oom_events(root, "a", root.end_process(follower)))


def test_many_follow_one_task(root):
    root.run("a", "/bin/sh", "-c", f"while ! [ -e /w/go ]; do sleep 0.02; done; exec /usr/bin/python3 -c '{EAT}'", flags=("--memory", "40m"))
    if not has_memory(root, "a"):
        raise Skip("no memory controller")
    followers = [root.start_process("events", "--interval", "50ms", root.task("a")) for _ in range(5)]
    for follower in followers:
        follower.stdout.readline()
    open(f"{root.scratch}/go", "w", encoding="ascii").close()
    for follower in followers:
        result = root.end_process(follower)
        expect("status, events", (0, 1), (result.status, oom_events(root, "a", result)))


def test_without_a_memory_cgroup(root):
    mark = root.config([])["process"]["env"][1]
    root.ok("--cgroup-manager", "disabled", "run", "-d", "--id", root.task("a"), "--env", mark, "--", "/bin/sleep", "0.5")
    result = root.ts("events", "--interval", "50ms", root.task("a"))
    expect(f"status: {result}", 0, result.status)
    expect_in("warning", "the task has no memory cgroup that tells of OOM kills", result.err)
    event = events_of(result)[0]
    expect("memory", {}, event["data"]["memory"]["usage"])


# --- ps ---


def pids(root, *words, **more):
    return json.loads(root.ok("ps", "-f", "json", *words, **more))


def family(root, name, *flags, **more):
    """A task of three processes. Their numbers on the host, first the task's own."""
    root.run(name, "/bin/sh", "-c", "sleep 1000 & (sleep 1000; :) & wait", flags=flags, **more)
    return wait_until("four processes", lambda: (p := pids(root, root.task(name), **more)) and len(p) == 4 and p)


def test_ps_json_is_the_list_of_pids(root):
    got = family(root, "a")
    with open(f"{root.state(root.task('a'))['taskshim']['cgroup']['unified']}/cgroup.procs", encoding="ascii") as file:
        expect("pids", sorted(int(line) for line in file), got)
    assert root.state(root.task("a"))["pid"] in got
    expect("form", f"[{','.join(map(str, got))}]\n", root.ok("ps", "--format", "json", root.task("a")))


def test_ps_prints_the_lines_of_ps(root):
    if not shutil.which("ps"):
        raise Skip("no ps(1)")
    with Bystander() as bystander:
        got = family(root, "a")
        lines = root.ok("ps", root.task("a")).splitlines()
        expect("head", subprocess.run(["ps", "-ef"], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[0].split(),
               lines[0].split())
        expect("pids", got, sorted(int(line.split()[1]) for line in lines[1:]))
        assert bystander.pid not in got
        for words in (["-e", "-o", "ppid,pid,comm"], ["aux"]):
            lines = root.ok("ps", root.task("a"), *words).splitlines()
            column = lines[0].split().index("PID")
            expect(f"pids by ps {words}", got, sorted(int(line.split()[column]) for line in lines[1:]))


def test_ps_failures(root):
    root.run("a", *SLEEP)
    for words, message in (
        (["-e", "-o", "comm"], "there is no column PID in what ps prints"),
        (["--nonsense"], "ps has failed with status 1"),
    ):
        result = root.ts("ps", root.task("a"), *words)
        expect(f"status of ps {words}: {result}", 1, result.status)
        expect_in("message", message, result.err)
    result = root.ts("ps", root.task("a"), wrapper=["env", "PATH=/nowhere"])
    expect(f"status without ps: {result}", 1, result.status)
    expect_in("message", "taskshim: stats: run ps: No such file or directory", result.err)
    expect("json without ps", 1, len(pids(root, root.task("a"), wrapper=["env", "PATH=/nowhere"])))


def test_ps_on_each_layout(root):
    """The same on v1 alone, on v2 alone and without cgroups, where who is an orphan belongs to the monitor or to process 1."""
    if not PURE_V2:
        for name, wrapper in (("a", V1_ONLY), ("b", V2_ONLY)):
            family(root, name, wrapper=wrapper)
            root.ok("delete", "-f", root.task(name), wrapper=wrapper)
    mark = root.config([])["process"]["env"][1]
    for name, flags in (("c", ()), ("d", ("--pid", "host"))):
        root.ok("--cgroup-manager", "disabled", "run", "-d", "--id", root.task(name), "--env", mark, *flags, "--", "/bin/sh", "-c",
                "(sleep 1000 & (sleep 1000; :) &); exec sleep 1000")
        got = wait_until("four processes", lambda name=name: (p := pids(root, root.task(name))) and len(p) == 4 and p)
        assert root.state(root.task(name))["pid"] in got, got
        root.ok("stop", "--time", "0", root.task(name))
        for pid in got:
            if os.path.exists(f"/proc/{pid}"):
                os.kill(pid, 9)  # without a cgroup, stop reaches the command alone


# --- which task ---


def test_tasks_that_are_not_there(root):
    text = root.run("a", *SLEEP)
    expect("ID string", pids(root, root.task("a")), pids(root, text))
    expect("ID string", root.task("a"), json.loads(root.ok("events", "--stats", text))["id"])
    root.ok("stop", "--time", "0", root.task("a"))
    with Bystander() as bystander:
        for word, message in (
            (root.task("none"), "the task does not exist"),
            (root.task("a"), f"taskshim: stats: the task is not running: {root.task('a')}"),
            (text, "the task is not running"),
            (f"PID:{bystander.pid}", "no task below this root is proven"),
        ):
            for verb in (["ps"], ["ps", "-f", "json"], ["events"], ["events", "--stats"]):
                result = root.ts(*verb, word)
                expect(f"status of {verb} {word}: {result}", (1, ""), (result.status, result.out))
                expect_in("message", message, result.err)


def test_usage(root):
    for words, message in (
        (["ps"], "an argument is missing"),
        (["ps", "-f", "xml", "a"], "--format xml: expected table or json"),
        (["events"], "an argument is missing"),
        (["events", "a", "b"], "too many arguments"),
        (["events", "--interval", "0", "a"], "--interval 0: expected a time"),
        (["events", "--interval", "soon", "a"], "--interval soon: expected a time"),
    ):
        result = root.ts(*words)
        expect(f"status of {words}: {result}", 1, result.status)
        expect_in("message", message, result.err)


if __name__ == "__main__":
    sys.exit(main(globals()))
