#!/usr/bin/env -S python3 -B
"""`taskshim stats`: its numbers agree with /proc and the cgroups' files for tasks of known load, and what those do not tell is
not made up."""
import ctypes
import json
import os
import shutil
import signal
import sys
import time

import openmetrics
from lib import (BUILD, LIMIT, SANITIZED, SOAK, UNIFIED, V1_ONLY, V2_ONLY, Bystander, Skip, expect, expect_in, main,
                 wait_until)

MIB = 1 << 20
PURE_V2 = UNIFIED == "/sys/fs/cgroup"
SAMPLES = 100000 if SOAK else 1500  # of --watch
SPIN = ("/bin/sh", "-c", "while :; do :; done")
SLEEP = ("/bin/sleep", "1000")


def stats(root, *words, **more):
    """What `stats --format json` says, by task id without the test's prefix."""
    rows = [json.loads(line) for line in root.ok("stats", "-f", "json", *words, **more).splitlines()]
    return {row["id"].removeprefix(root.name + "-"): row for row in rows}


def one(root, name, **more):
    return stats(root, root.task(name), **more)[name]


def cgroups(root, name):
    return root.state(root.task(name))["taskshim"]["cgroup"]


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def keys(path):
    return {key: int(value) for key, value in (line.split() for line in read(path).splitlines() if line.count(" ") == 1)}


def memory_file(root, name, v2, v1):
    """The file of the task's memory cgroup; Skip where the machine has none."""
    paths = cgroups(root, name)
    if os.path.exists(f"{paths.get('unified')}/memory.current"):
        return f"{paths['unified']}/{v2}"
    if "memory" not in paths:
        raise Skip("no memory controller")
    return f"{paths['memory']}/{v1}"


def between(what, low, value, high):
    assert low is not None and value is not None and low <= value <= high, f"{what}: {low} <= {value} <= {high}"


def flat(value, path=""):
    """Every number of a JSON document, as (path, value)."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flat(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from flat(item, f"{path}[]")
    else:
        yield path, value


# --- memory ---


def hold(root, name, mib, *flags):
    """A task whose process has written to @mib MiB, and read nothing from a disk while it sleeps."""
    script = f"x = bytearray({mib} * 1048576)\nfor i in range(0, len(x), 4096): x[i] = 1\nopen('/w/{name}', 'w')\nimport time\ntime.sleep(1000)"
    root.run(name, "/usr/bin/python3", "-c", script, flags=flags)
    wait_until("the memory is written", lambda: os.path.exists(f"{root.scratch}/{name}"))


def test_memory_of_a_task_that_holds_64_mib(root):
    hold(root, "a", 64, "--memory", "256m")
    usage = memory_file(root, "a", "memory.current", "memory.usage_in_bytes")
    before = int(read(usage))
    got = one(root, "a")["memory"]
    after = int(read(usage))
    between("usage", min(before, after) - MIB, got["usage"], max(before, after) + MIB)
    between("rss", 64 * MIB, got["rss"], 96 * MIB)
    says = keys(memory_file(root, "a", "memory.stat", "memory.stat"))
    between("rss by memory.stat", got["rss"] - MIB, says.get("total_rss", says.get("anon")), got["rss"] + MIB)
    between("cache by memory.stat", got["cache"] - MIB, says.get("total_cache", says.get("file")), got["cache"] + MIB)
    between("usage of all", got["rss"], got["usage"], 256 * MIB)
    if got["maxUsage"] is not None:
        between("maxUsage", got["usage"] - MIB, got["maxUsage"], 256 * MIB)
    between("kernel", 1, got["kernel"], got["usage"])
    expect("limit", 256 * MIB, got["limit"])
    expect("oomKills, swap", (0, 0), (got["oomKills"], got["swap"] or 0))


def test_memory_maximum_stays_when_the_memory_is_freed(root):
    script = ("x = bytearray(48 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\ndel x\nopen('/w/done', 'w')\n"
              "import time\ntime.sleep(1000)")
    root.run("a", "/usr/bin/python3", "-c", script)
    wait_until("the memory is freed", lambda: os.path.exists(f"{root.scratch}/done"))
    peak = memory_file(root, "a", "memory.peak", "memory.max_usage_in_bytes")
    if not os.path.exists(peak):
        raise Skip("this kernel does not keep the maximum")
    got = one(root, "a")["memory"]
    between("rss", 0, got["rss"], 24 * MIB)
    between("maxUsage", 48 * MIB, got["maxUsage"], 96 * MIB)
    expect("maxUsage by its file", int(read(peak)), got["maxUsage"])


def test_limits_and_their_absence(root):
    root.run("a", *SLEEP)
    memory_file(root, "a", "memory.max", "memory.limit_in_bytes")
    expect("limit", -1, one(root, "a")["memory"]["limit"])
    root.run("b", *SLEEP, flags=("--memory", "64m", "--memory-swap", "96m"))
    got = one(root, "b")["memory"]
    expect("limit", 64 * MIB, got["limit"])
    if os.path.exists(memory_file(root, "b", "memory.swap.max", "memory.memsw.limit_in_bytes")):
        expect("swapLimit", 32 * MIB, got["swapLimit"])
    else:
        expect("swapLimit", None, got["swapLimit"])
    expect_in("table", "64.0M", root.ok("stats", root.task("b")))
    expect_in("table", "none", root.ok("stats", root.task("a")))


def test_oom_kills_are_counted(root):
    eat = "x = []\nwhile True: x.append(bytearray(1 << 20))"
    script = f"import os, subprocess, time\nsubprocess.call(['/usr/bin/python3', '-c', '''{eat}'''])\nopen('/w/done', 'w')\ntime.sleep(1000)"
    root.run("a", "/usr/bin/python3", "-c", script, flags=("--memory", "48m"))
    wait_until("the child is killed", lambda: os.path.exists(f"{root.scratch}/done"))
    memory_file(root, "a", "", "")
    got = one(root, "a")["memory"]
    expect("oomKills", 1, got["oomKills"])
    assert got["limitHits"] >= 1, got


# --- CPU ---


def cpu_usec(root, name):
    return keys(f"{cgroups(root, name)['unified']}/cpu.stat")["usage_usec"]


def test_cpu_of_a_task_that_spins(root):
    root.run("a", *SPIN)
    wait_until("it has run", lambda: cpu_usec(root, "a") > 300000)
    before = cpu_usec(root, "a")
    got = one(root, "a")
    after = cpu_usec(root, "a")
    cpu, process = got["cpu"], got["processes"][0]
    between("totalNs", before * 1000, cpu["totalNs"], after * 1000)
    between("user and system", cpu["totalNs"] - 2e6, cpu["userNs"] + cpu["systemNs"], cpu["totalNs"] + 2e6)
    between("percent since the start", 1, cpu["percent"], 110)
    between("its process", cpu["totalNs"] - 60e6, process["userNs"] + process["systemNs"], cpu["totalNs"] + 60e6)
    between("the process's percent", 1, process["percent"], 120)
    expect("comm, threads", ("sh", 1), (process["comm"], process["threads"]))
    if cpu["ticks"] is not None:  # MHz
        between("ticks", 10 * cpu["percent"] / 10, cpu["ticks"], 100 * cpu["percent"])


def test_percent_is_of_the_time_between_two_samples(root):
    root.run("a", *SPIN)
    time.sleep(0.5)
    watcher = root.start_process("stats", "-f", "json", "--watch", "300ms", root.task("a"))
    rows = [json.loads(watcher.stdout.readline()) for _ in range(3)]
    for earlier, row in zip(rows, rows[1:]):
        used = row["cpu"]["totalNs"] - earlier["cpu"]["totalNs"]
        percent = used / (seconds(row["time"]) - seconds(earlier["time"])) / 1e7
        between(f"percent ({rows})", percent * 0.97 - 0.2, row["cpu"]["percent"], percent * 1.03 + 0.2)
        process = [r["processes"][0]["userNs"] + r["processes"][0]["systemNs"] for r in (earlier, row)]
        percent = (process[1] - process[0]) / (seconds(row["time"]) - seconds(earlier["time"])) / 1e7
        between("the process's", percent * 0.97 - 0.2, row["processes"][0]["percent"], percent * 1.03 + 0.2)
    root.ok("delete", "-f", root.task("a"))
    result = root.end_process(watcher)
    expect(f"status of --watch when the task has ended: {result}", (0, ""), (result.status, result.err))


def seconds(text):
    """Of a time such as 2026-11-26T06:23:23.626683536Z, since midnight."""
    hours, minutes, rest = text[text.index("T") + 1 : -1].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def test_throttling(root):
    root.run("a", *SPIN, flags=("--cpus", "0.1"))
    got = wait_until("throttled", lambda: one(root, "a")["cpu"] if one(root, "a")["cpu"]["throttledPeriods"] else None)
    paths = cgroups(root, "a")
    says = keys(f"{paths.get('cpu', paths.get('unified'))}/cpu.stat")
    between("periods", 1, got["periods"], says["nr_periods"])
    between("throttledPeriods", 1, got["throttledPeriods"], says["nr_throttled"])
    throttled = says["throttled_usec"] * 1000 if "throttled_usec" in says else says["throttled_time"]
    between("throttledNs", 1, got["throttledNs"], throttled)


# --- pids, disks, pressure ---


def test_pids(root):
    root.run("a", "/bin/sh", "-c", "sleep 1000 & sleep 1000 & wait", flags=("--pids-limit", "17"))
    got = wait_until("three processes", lambda: one(root, "a") if len(one(root, "a")["processes"]) == 3 else None)
    expect("pids", {"current": 3, "limit": 17}, got["pids"])
    root.run("b", *SLEEP, flags=("--pids-limit", "-1"))
    expect("pids", {"current": 1, "limit": -1}, one(root, "b")["pids"])


def test_threads_are_pids(root):
    script = "import threading, time\nfor _ in range(4): threading.Thread(target=time.sleep, args=(1000,)).start()"
    root.run("a", "/usr/bin/python3", "-c", script, flags=("--pids-limit", "50"))
    got = wait_until("five threads", lambda: one(root, "a") if one(root, "a")["pids"]["current"] == 5 else None)
    expect("one process of five threads", [5], [p["threads"] for p in got["processes"]])


def disk_of(path):
    """The disk that a directory is on, as "8:0"."""
    device = os.stat(path).st_dev
    device = os.major(device), os.minor(device)
    if device not in [tuple(map(int, line.split()[:2])) for line in read("/proc/partitions").splitlines()[2:]]:
        raise Skip("the scratch directory is on no disk")
    return f"{device[0]}:{device[1]}"


def test_disk_traffic_by_v1(root):
    """Which counts for a disk only once there is a limit on it."""
    disk, blkio = disk_of(root.scratch), f"/sys/fs/cgroup/blkio/{root.task('a')}"
    if PURE_V2:
        raise Skip("no v1 hierarchy here")
    os.mkdir(blkio)
    try:
        root.spawn("a", "/bin/sh", "-c", "while ! [ -e /w/go ]; do sleep 0.01; done; dd if=/dev/zero of=/w/f bs=64k count=32 "
                   "oflag=direct; dd if=/w/f of=/dev/null bs=64k count=16 iflag=direct; > /w/done; sleep 1000",
                   cgroups={"blkio": blkio})
        expect("io of a disk without a limit", None, one(root, "a")["io"])
        with open(f"{blkio}/blkio.throttle.read_bps_device", "w", encoding="ascii") as file:
            file.write(f"{disk} {1 << 40}")
        open(f"{root.scratch}/go", "w", encoding="ascii").close()
        wait_until("the file is read", lambda: os.path.exists(f"{root.scratch}/done"))
        rows = [row for row in one(root, "a")["io"] if row["device"] == disk]
        expect(f"one row for the disk: {rows}", 1, len(rows))
        between("wbytes", 2 * MIB, rows[0]["wbytes"], 3 * MIB)
        between("rbytes", MIB, rows[0]["rbytes"], 4 * MIB)
        between("wios", 32, rows[0]["wios"], 200)
        between("rios", 16, rows[0]["rios"], 200)
        samples = openmetrics.check(root.ok("stats", "-f", "openmetrics", root.task("a")))
        label = frozenset([f'id="{root.task("a")}"', f'device="{disk}"'])
        expect("io_written_bytes", rows[0]["wbytes"], samples["taskshim_io_written_bytes_total", label])
        expect("io_reads", rows[0]["rios"], samples["taskshim_io_reads_total", label])
    finally:
        root.ts("delete", "-f", root.task("a"))
        wait_until("the cgroup is empty", lambda: not read(f"{blkio}/cgroup.procs"))
        os.rmdir(blkio)


def test_pressure(root):
    root.run("a", *SPIN)
    path = cgroups(root, "a")["unified"]
    if not os.path.exists(f"{path}/cpu.pressure"):
        expect("pressure", {"cpu": None, "memory": None, "io": None}, one(root, "a")["pressure"])
        raise Skip("no pressure stall information")
    time.sleep(0.3)
    for name in ("cpu", "memory", "io"):
        total = [int(read(f"{path}/{name}.pressure").split()[4].removeprefix("total="))]
        got = one(root, "a")["pressure"][name]["some"]
        total.append(int(read(f"{path}/{name}.pressure").split()[4].removeprefix("total=")))
        between(f"{name}: totalUs", total[0], got["totalUs"], total[1])
        between(f"{name}: avg10", 0, got["avg10"], 100)


# --- processes ---


def test_processes_agree_with_proc(root):
    hold(root, "a", 16)
    process = one(root, "a")["processes"][0]
    expect("pid", root.state(root.task("a"))["pid"], process["pid"])
    resident = int(read(f"/proc/{process['pid']}/statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    between("rss", resident - MIB, process["rss"], resident + MIB)
    expect("comm", read(f"/proc/{process['pid']}/comm").strip(), process["comm"])
    expect("state", "S", process["state"])


def test_processes_in_cgroups_below_the_tasks_own(root):
    root.run("a", "/bin/sh", "-c", "sleep 1000 & sleep 1000 & wait")
    pids = wait_until("three", lambda: (p := [p["pid"] for p in one(root, "a")["processes"]]) and len(p) == 3 and p)
    path = cgroups(root, "a")["unified"]
    os.makedirs(f"{path}/below/deeper")
    for pid, where in zip(pids[1:], ("below", "below/deeper")):
        with open(f"{path}/{where}/cgroup.procs", "w", encoding="ascii") as file:
            file.write(str(pid))
    expect("pids", pids, [p["pid"] for p in one(root, "a")["processes"]])


def test_a_name_that_is_meant_to_confuse(root):
    name = 'a"b\\c\n) R\xff'
    shutil.copy("/bin/sleep", os.fsencode(f"{root.scratch}/").decode() + name[:-1])
    script = f"import os\nos.execv(b'/w/' + {name[:-1].encode()!r}, ['x', '1000'])"
    root.run("a", "/usr/bin/python3", "-c", script)
    got = wait_until("exec", lambda: (p := one(root, "a")["processes"][0])["comm"] != "python3" and p)
    expect("comm", name[:-1], got["comm"])
    line = root.ok("stats", "-p", root.task("a")).splitlines()[-1]
    expect_in("table", 'a"b\\c?) R', line)
    samples = openmetrics.check(root.ok("stats", "-p", "-f", "openmetrics", root.task("a")))
    assert any('comm="a\\"b\\\\c\\n) R"' in labels for _, labels in samples), samples


# --- what is not known ---


def test_what_no_cgroup_tells_is_null_and_never_0(root):
    root.run("a", *SLEEP)
    got, paths = one(root, "a"), cgroups(root, "a")
    wanted = {path for path, value in flat(got) if value is None}
    for names, there in {
        ("memory.usage", "memory.limit", "memory.rss", "memory.cache", "memory.oomKills"):
            "memory" in paths or os.path.exists(f"{paths['unified']}/memory.current"),
        ("pids.current", "pids.limit"): "pids" in paths or os.path.exists(f"{paths['unified']}/pids.current"),
        ("cpu.periods", "cpu.throttledPeriods", "cpu.throttledNs"):
            "cpu" in paths or "nr_periods" in read(f"{paths['unified']}/cpu.stat"),
        ("io",): "blkio" in paths or os.path.exists(f"{paths['unified']}/io.stat"),
        ("cpu.totalNs", "cpu.userNs", "cpu.systemNs", "cpu.percent"): True,
    }.items():
        for name in names:
            assert (name in wanted) != there, f"{name}: {'null' if name in wanted else 'not null'} in {got}"
    samples = {name for name, _ in openmetrics.check(root.ok("stats", "-f", "openmetrics", root.task("a")))}
    expect("taskshim_pids", got["pids"]["current"] is not None, "taskshim_pids" in samples)
    expect("taskshim_cpu_seconds_total", True, "taskshim_cpu_seconds_total" in samples)


def test_v1_alone(root):
    if PURE_V2:
        raise Skip("no v1 hierarchy here")
    root.run("a", *SLEEP, flags=("--memory", "64m", "--cpus", "1"), wrapper=V1_ONLY)
    got = one(root, "a", wrapper=V1_ONLY)
    expect("limit", 64 * MIB, got["memory"]["limit"])
    assert got["memory"]["rss"] > 0 and got["memory"]["usage"] > 0, got
    expect("cpu.totalNs without cpuacct", None, got["cpu"]["totalNs"])
    expect("cpu.periods", 0, got["cpu"]["throttledPeriods"])
    expect("pressure", {"cpu": None, "memory": None, "io": None}, got["pressure"])
    expect("processes", ["sleep"], [p["comm"] for p in got["processes"]])


def test_v2_alone(root):
    if PURE_V2:
        raise Skip("all other tests are that here")
    root.run("a", *SPIN, wrapper=V2_ONLY)
    time.sleep(0.2)
    got = one(root, "a", wrapper=V2_ONLY)
    assert got["cpu"]["totalNs"] > 0, got
    expect("processes", ["sh"], [p["comm"] for p in got["processes"]])
    root.ok("delete", "-f", root.task("a"), wrapper=V2_ONLY)


def test_no_cgroups_at_all(root):
    """Then only the processes are known: those that the monitor's task has forked."""
    root.ok("--cgroup-manager", "disabled", "run", "-d", "--id", root.task("a"), "--env", f"{root.config([])['process']['env'][1]}",
            "--", "/bin/sh", "-c", "(sleep 1000 &) ; exec sleep 1000")
    expect("cgroups", {}, cgroups(root, "a"))
    got = wait_until("two", lambda: (g := one(root, "a")) and [p["comm"] for p in g["processes"]] == ["sleep"] * 2 and g)
    for path, value in flat(got):
        if path.split(".")[0] in ("memory", "cpu", "pids", "io", "pressure"):
            expect(path, None, value)


# --- which tasks ---


def test_ids_and_id_strings(root):
    text = root.run("a", *SLEEP)
    root.run("b", *SLEEP)
    pid = root.state(root.task("b"))["pid"]
    expect("order", ["b", "a"], list(stats(root, root.task("b"), root.task("a"))))
    expect("ID string", ["a"], list(stats(root, text)))
    expect("PID: string", ["b"], list(stats(root, f"PID:{pid}")))
    expect("twice", 1, len(root.ok("stats", "-f", "json", text, root.task("a")).splitlines()))


def test_a_string_without_its_state_directory(root):
    text = root.run("a", *SLEEP)
    os.rename(root.path, f"{root.path}-away")
    try:
        expect("id", ["a"], list(stats(root, text)))
    finally:
        os.rename(f"{root.path}-away", root.path)


def test_without_an_id_all_that_run(root):
    expect("none", "", root.ok("stats", "-f", "json"))
    for name in "cab":
        root.run(name, *SLEEP)
    root.ok("stop", "--time", "0", root.task("c"))
    root.create("d", *SLEEP)  # waits at its gate
    expect("ids", ["a", "b", "d"], list(stats(root)))
    table = root.ok("stats").splitlines()
    expect("table", ["ID", *(root.task(name) for name in "abd")], [line.split()[0] for line in table])


def test_what_is_the_same_for_all_is_asked_for_once(root):
    """A thousandth task costs what the first did: the root, the boot id and what the parents' cgroups add up are asked for once."""
    if not shutil.which("strace") or SANITIZED:
        raise Skip("needs strace and no sanitizers")
    for name in "abc":
        root.run(name, *SLEEP)
    trace = f"{root.scratch}/trace"
    parents = {os.path.dirname(path) for path in cgroups(root, "a").values()}
    # cpu.stat of a v1 parent is nobody's business, nor is memory.stat where memory is not the hierarchy's.
    once = [f'"{parent}/{file}"' for parent in parents for file in ("cpu.stat", "memory.stat")]
    for words in (("stats",), ("list",)):
        root.ok(*words, wrapper=["strace", "-qq", "-o", trace, "-e", "trace=openat,openat2"])
        opened = read(trace).splitlines()
        expect(f"{words}: boot_id", 1, sum("boot_id" in line for line in opened))
        expect(f"{words}: the tasks", 3, sum(f'"{root.name}-' in line for line in opened))
        counts = [sum(name in line for line in opened) for name in once]
        assert max(counts) == (1 if words == ("stats",) else 0), f"{words}: {dict(zip(once, counts))}"
        # the directory is listed by one descriptor, and searched by the other
        assert sum(f'"{root.path}"' in line for line in opened) <= 2, opened


def refused(root, message, *words):
    result = root.ts("stats", *words)
    expect(f"status of stats {words}: {result}", 1, result.status)
    expect_in("message", message, result.err)
    return result


def test_tasks_that_are_not_there(root):
    text = root.run("a", *SLEEP)
    refused(root, "the task does not exist", root.task("none"))
    root.ok("stop", "--time", "0", root.task("a"))
    refused(root, f"taskshim: stats: the task is not running: {root.task('a')}", root.task("a"))
    refused(root, "the task is not running", text)
    root.ok("delete", root.task("a"))
    refused(root, "the task does not exist", text)
    with Bystander() as bystander:
        refused(root, "no task below this root is proven", f"PID:{bystander.pid}")


def test_one_of_several_is_not_there(root):
    root.run("a", *SLEEP)
    result = refused(root, "the task does not exist", "-f", "json", root.task("none"), root.task("a"))
    expect("the other", root.task("a"), json.loads(result.out)["id"])


def test_usage(root):
    refused(root, "--format xml: expected table, json or openmetrics", "--format", "xml")
    refused(root, "--watch never: expected a time", "--watch", "never")
    refused(root, "--watch 0: expected a time", "--watch", "0")
    refused(root, "has an end", "--watch", "1s", "--format", "openmetrics")


# --- OpenMetrics ---


def test_the_checker_refuses_what_is_wrong(root):
    for text in openmetrics.REFUSED:
        try:
            openmetrics.check(text)
        except AssertionError:
            continue
        raise AssertionError(f"accepted: {text!r} ({root.name})")


def test_openmetrics_is_valid_and_says_what_json_says(root):
    expect("no tasks", {}, openmetrics.check(root.ok("stats", "-f", "openmetrics")))
    root.run("a", *SLEEP, flags=("--memory", "64m", "--pids-limit", "9", "--cpus", "1"))
    root.run("b", *SLEEP)
    samples = openmetrics.check(root.ok("stats", "-p", "-f", "openmetrics"))
    label = {name: f'id="{root.task(name)}"' for name in "ab"}
    got = stats(root)

    def value(name, *labels):
        return samples.get((f"taskshim_{name}", frozenset(labels)))

    for name in "ab":
        memory = got[name]["memory"]
        limit = memory["limit"]
        expect("memory_limit_bytes", float("inf") if limit == -1 else limit, value("memory_limit_bytes", label[name]))
        for metric, key in (("memory_rss_bytes", "rss"), ("memory_cache_bytes", "cache")):
            if memory[key] is None:
                expect(metric, None, value(metric, label[name]))
            else:
                between(metric, memory[key] - MIB, value(metric, label[name]), memory[key] + MIB)
        between("cpu", 0, value("cpu_seconds_total", label[name]), got[name]["cpu"]["totalNs"] / 1e9)
        process = got[name]["processes"][0]
        of_process = (label[name], f'pid="{process["pid"]}"', 'comm="sleep"')
        between("process_rss_bytes", process["rss"] - MIB, value("process_rss_bytes", *of_process), process["rss"] + MIB)
    expect("pids_limit", 9, value("pids_limit", label["a"]))
    expect("pids", got["b"]["pids"]["current"], value("pids", label["b"]))


# --- watching ---


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_kb(pid):
    return next(int(line.split()[1]) for line in read(f"/proc/{pid}/status").splitlines() if line.startswith("VmRSS"))


def test_watch_does_not_grow(root):
    """Not in descriptors, and not in memory, while processes come and go."""
    root.run("a", "/bin/sh", "-c", "while :; do sleep 0.01 & sleep 0.01; done", flags=("--pids-limit", "50"))
    watcher = root.start_process("stats", "-f", "json", "--watch", "1ms", root.task("a"))
    for _ in range(SAMPLES // 3):
        watcher.stdout.readline()
    before = descriptors(watcher.pid), resident_kb(watcher.pid)
    for _ in range(SAMPLES - SAMPLES // 3):
        assert watcher.stdout.readline().startswith("{")
    after = descriptors(watcher.pid), resident_kb(watcher.pid)
    watcher.send_signal(signal.SIGKILL)
    watcher.communicate()
    # A process's row may be read at the moment of either count: one descriptor, of its file in /proc.
    between("descriptors", before[0] - 2, after[0], before[0] + 2)
    if not SANITIZED:  # which keeps freed memory
        between("resident memory, KB", 0, after[1], before[1] + 64)


def test_the_library_does_not_grow(root):
    root.run("a", *SLEEP)
    library = ctypes.CDLL(f"{BUILD}/libtaskshim.so.0") if not SANITIZED else None
    if not library:
        raise Skip("a sanitized library cannot be loaded here")
    task, result = ctypes.c_void_p(), ctypes.c_void_p()
    expect("open", 0, library.taskshim_task_open(root.path.encode(), root.task("a").encode(), ctypes.byref(task), None))
    none = descriptors("self")
    for i in range(100000 if SOAK else 10000):
        expect("stats", 0, library.taskshim_task_stats(task, ctypes.byref(result), None))
        if i == 1000:
            before = descriptors("self"), resident_kb("self")
    expect("descriptors", before[0], descriptors("self"))
    between("resident memory, KB", 0, resident_kb("self"), before[1] + 64)
    between("files that are kept open", 1, before[0] - none, 30)
    library.taskshim_task_free(task)
    assert descriptors("self") < none, "descriptors are left when the handle is freed"


def test_watching_all_sees_tasks_come_and_go(root):
    watcher = root.start_process("stats", "-f", "json", "--watch", "20ms")
    try:
        root.run("a", *SLEEP)
        root.run("b", *SLEEP)
        seen = set()
        while len(seen) < 2:
            seen.add(json.loads(watcher.stdout.readline())["id"])
        root.ok("delete", "-f", root.task("a"))
        time.sleep(0.1)
        root.run("c", *SLEEP)
        while json.loads(watcher.stdout.readline())["id"] != root.task("c"):
            pass
        rows = [json.loads(watcher.stdout.readline())["id"] for _ in range(10)]
        assert root.task("a") not in rows and root.task("b") in rows, rows
        expect("still there", None, watcher.poll())
    finally:
        watcher.kill()
        _, err = watcher.communicate()
    expect("errors", "", err)


def test_watch_ends_with_the_last_task(root):
    root.run("a", *SLEEP)
    root.run("b", *SLEEP)
    watcher = root.start_process("stats", "--watch", "1h", root.task("a"), root.task("b"))
    wait_until("its first table", lambda: watcher.stdout.readline().startswith(root.task("b")))
    root.ok("stop", "--time", "0", root.task("a"))
    time.sleep(0.2)
    expect("still there", None, watcher.poll())
    root.ok("stop", "--time", "0", root.task("b"))
    result = root.end_process(watcher)
    expect("status, errors", (0, ""), (result.status, result.err))


def test_many_ends_and_samples_at_once(root):
    """A sample of a task that is just ending is a whole one, or says that it does not run; never half of one."""
    for i in range(100 if SOAK else 15):
        name = f"t{i}"
        root.run(name, "/bin/sleep", "0.05")
        end = time.monotonic() + LIMIT
        while (result := root.ts("stats", "-f", "json", root.task(name))).status == 0:
            assert time.monotonic() < end, "a hang"
            got = result.json()
            assert got["processes"] and got["memory"]["usage"] != 0 and got["cpu"]["totalNs"], got
        expect_in("message", "is not running", result.err)
        root.ok("delete", root.task(name))


if __name__ == "__main__":
    sys.exit(main(globals()))
