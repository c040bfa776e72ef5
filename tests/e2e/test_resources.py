#!/usr/bin/env -S python3 -B
"""linux.resources: what each limit does to the task that has it, or, where that cannot be seen, the file that is written; what a
machine has not is refused by name. `update` sets them for a task that runs: all of them or none.

The machine's own layout is what it is; what only cgroup v2 can do is looked at in the virtual machine (tests/vm)."""
import json
import os
import sys
import time

from lib import Skip, expect, expect_in, main, wait_until, write_json

MOUNT = "/sys/fs/cgroup"
V2 = os.path.exists(f"{MOUNT}/cgroup.controllers")
PYTHON = ("/usr/bin/python3", "-c")
TAKE = "x = bytearray({mb} << 20); x[::4096] = b'x' * len(x[::4096])"
BURN = "while True: pass"
RUN = "open('/w/{name}', 'w').close()\nwhile True: pass"


def has(controller):
    """Whether the machine has the controller anywhere."""
    if os.path.isdir(f"{MOUNT}/{'blkio' if controller == 'io' else controller}"):
        return True
    unified = MOUNT if V2 else f"{MOUNT}/unified"
    path = f"{unified}/cgroup.controllers"
    return os.path.exists(path) and controller in read(path).split()


def need(controller):
    if not has(controller):
        raise Skip(f"this machine has no controller {controller}")


def need_v1(controller):
    if not os.path.isdir(f"{MOUNT}/{controller}"):
        raise Skip(f"{controller} is not a hierarchy of v1 here")


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read().strip()


class Limited:
    """Tasks with limits, each a bundle of its own."""

    def __init__(self, root):
        self.root, self.n = root, 0

    def bundle(self, command, resources, edit=lambda config: None):
        config = self.root.config(command)
        config["mounts"].append({"destination": "/proc", "type": "proc"})
        config["linux"]["resources"] = resources
        edit(config)
        self.n += 1
        path = f"{self.root.scratch}/bundle-{self.n}"
        os.mkdir(path)
        write_json(f"{path}/config.json", config)
        return path, self.root.task(f"r{self.n}")

    def run(self, resources, *command, edit=lambda config: None):
        path, name = self.bundle(command, resources, edit)
        return self.root.ts("run", "-b", path, name)

    def ok(self, resources, *command, **more):
        result = self.run(resources, *command, **more)
        expect(f"{resources}: {result}", 0, result.status)
        return result.out.strip()

    def refused(self, resources, *parts):
        result = self.run(resources, "/bin/true")
        if result.status == 0:
            raise AssertionError(f"accepted: {resources}")
        for part in parts:
            expect_in(f"the refusal of {resources}", part, result.err)

    def start(self, resources, *command, edit=lambda config: None):
        """A detached one; its id."""
        path, name = self.bundle(command, resources, edit)
        self.root.ok("run", "-d", "-b", path, name, stdout=None, stderr=None)
        return name

    def limits(self, name):
        return self.root.state(name)["taskshim"]["limits"]

    def files(self, resources, v1, v2):
        """The limits that a task with these has, by the names of v1 or v2."""
        name = self.start(resources, "/bin/sleep", "1000")
        got = self.limits(name)
        wanted = v2 if V2 else v1
        expect(f"{resources}: files", wanted, {key: got.get(key) for key in wanted})
        self.root.ok("delete", "-f", name)


# --- memory ---


def test_memory_limit_kills(root):
    need("memory")
    limited = Limited(root)
    limits = {"memory": {"limit": 32 << 20, "swap": 32 << 20}}
    expect("below", "", limited.ok(limits, *PYTHON, TAKE.format(mb=4)))
    expect("above", 137, limited.run(limits, *PYTHON, TAKE.format(mb=200)).status)


def test_memory_files(root):
    need("memory")
    limits = {"memory": {"limit": 32 << 20, "reservation": 16 << 20, "swap": 48 << 20}}
    v1 = {"memory.limit_in_bytes": "33554432", "memory.soft_limit_in_bytes": "16777216", "memory.memsw.limit_in_bytes": "50331648"}
    v2 = {"memory.max": "33554432", "memory.low": "16777216", "memory.swap.max": "16777216"}
    limited = Limited(root)
    limited.files(limits, v1, v2)
    name = limited.start({"memory": {"limit": -1, "swap": -1}}, "/bin/sleep", "1000")
    expect("unlimited", {}, {k: v for k, v in limited.limits(name).items() if k.startswith("memory.")})


def test_memory_of_v1_alone(root):
    limited = Limited(root)
    if V2:
        for key, value in (("kernel", 1 << 20), ("kernelTCP", 1 << 20), ("swappiness", 1), ("disableOOMKiller", True),
                           ("useHierarchy", False)):  # fmt: skip
            limited.refused({"memory": {key: value}}, f"linux.resources.memory.{key}: cgroup v2")
        limited.ok({"memory": {"kernel": -1, "kernelTCP": -1, "useHierarchy": True, "disableOOMKiller": False}}, "/bin/true")
        return
    need_v1("memory")
    limited.files({"memory": {"kernelTCP": 1 << 20, "swappiness": 7, "useHierarchy": True}},
                  {"memory.kmem.tcp.limit_in_bytes": "1048576", "memory.swappiness": "7"}, {})  # fmt: skip
    limited.refused({"memory": {"swappiness": 101}}, "linux.resources.memory.swappiness: 101 is not within 0 to 100")
    version = tuple(map(int, os.uname().release.split("-")[0].split(".")[:2]))
    if version >= (5, 16):
        limited.refused({"memory": {"kernel": 1 << 20}}, "linux.resources.memory.kernel", "no longer")
    if version >= (5, 11):
        limited.refused({"memory": {"useHierarchy": False}}, "linux.resources.memory.useHierarchy", "always counts")


def test_without_the_oom_killer_a_task_waits_for_memory(root):
    need_v1("memory")
    limits = {"memory": {"limit": 16 << 20, "swap": 16 << 20, "disableOOMKiller": True}}
    name = Limited(root).start(limits, *PYTHON, TAKE.format(mb=100))
    control = f"{root.state(name)['taskshim']['cgroup']['memory']}/memory.oom_control"
    wait_until("it waits", lambda: "under_oom 1" in read(control))
    expect("status", "running", root.state(name)["status"])
    root.ok("stop", "--time", "100ms", name)
    expect("status", "stopped", root.state(name)["status"])


# --- cpu ---


def test_cpu_quota_throttles(root):
    need("cpu")
    limited = Limited(root)
    name = limited.start({"cpu": {"quota": 10000, "period": 100000}}, *PYTHON, BURN)
    other = limited.start({"cpu": {"quota": 100000, "period": 100000}}, "/bin/sleep", "1000")

    def throttled(task):
        return json.loads(root.ok("stats", "-f", "json", task))["cpu"]["throttledPeriods"]

    wait_until("it is held back again and again", lambda: throttled(name) >= 5)
    expect("one that uses less than its quota", 0, throttled(other))


def test_cpu_files(root):
    need("cpu")
    limited = Limited(root)
    limited.files({"cpu": {"shares": 512, "quota": 50000, "period": 50000, "burst": 20000}},
                  {"cpu.shares": "512", "cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "50000", "cpu.cfs_burst_us": "20000"},
                  {"cpu.weight": "20", "cpu.max": "50000 50000", "cpu.max.burst": "20000"})  # fmt: skip
    limited.files({"cpu": {"idle": 1}}, {"cpu.idle": "1"}, {"cpu.idle": "1"})


def compete(root, first, second):
    """How much more two tasks with these limits get done, both on processor 0: first / second."""
    need("cpu")
    need("cpuset")
    limited = Limited(root)
    names = []
    for name, cpu in (("first", first), ("second", second)):
        names.append(limited.start({"cpu": {**cpu, "cpus": "0"}}, *PYTHON, RUN.format(name=name)))
        wait_until("it runs", lambda path=f"{root.scratch}/{name}": os.path.exists(path))
    before = [usage(root, name) for name in names]
    time.sleep(1.5)
    got = [usage(root, name) - was for name, was in zip(names, before)]
    for name in names:
        root.ok("delete", "-f", name)
    return got[0] / max(got[1], 1)


def usage(root, name):
    """Ticks of processor time of the command."""
    with open(f"/proc/{root.state(name)['pid']}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_cpu_shares_weigh(root):
    ratio = compete(root, {"shares": 4096}, {"shares": 256})
    if ratio < 4:
        raise AssertionError(f"4096 shares get {ratio} times as much as 256")


def test_cpu_idle_runs_when_nothing_else_does(root):
    ratio = compete(root, {"idle": 1}, {"idle": 0})
    if ratio > 0.2:
        raise AssertionError(f"an idle task gets {ratio} times as much as a normal one")


def test_cpus_and_mems(root):
    need("cpuset")
    limited = Limited(root)
    last = os.cpu_count() - 1
    command = "import os; print(os.sched_getaffinity(0), *(l for l in open('/proc/self/status') if 'Mems_allowed_list' in l))"
    out = limited.ok({"cpu": {"cpus": str(last), "mems": "0"}}, *PYTHON, command)
    expect("where it runs", f"{{{last}}} Mems_allowed_list:\t0", out)
    limited.refused({"cpu": {"cpus": "4000"}}, "linux.resources.cpu.cpus", "this machine does not have them")


def test_realtime(root):
    limited = Limited(root)
    if V2:
        limited.refused({"cpu": {"realtimeRuntime": 1000}}, "linux.resources.cpu.realtimeRuntime: cgroup v2 has none")
        return
    need_v1("cpu")
    if not os.path.exists(f"{MOUNT}/cpu/cpu.rt_runtime_us"):
        limited.refused({"cpu": {"realtimeRuntime": 1000}}, "RT_GROUP_SCHED")
        return
    limited.refused({"cpu": {"realtimeRuntime": 999999}}, "less real-time runtime to give")
    limited.ok({"cpu": {"realtimeRuntime": 1000}}, "/bin/true")
    parent = f"{MOUNT}/cpu/{root.name}"
    os.mkdir(parent)
    root.cgroups.append(parent)
    with open(f"{parent}/cpu.rt_runtime_us", "w", encoding="ascii") as file:
        file.write("200000")  # the kernel counts a cgroup for a while after its end

    def edit(config):
        config["linux"]["cgroupsPath"] = f"/{root.name}/task"
        config["process"]["capabilities"] = {kind: ["CAP_SYS_NICE"] for kind in
                                             ("bounding", "effective", "permitted", "inheritable", "ambient")}  # fmt: skip

    limits = {"cpu": {"realtimeRuntime": 20000, "realtimePeriod": 500000}}
    out = limited.ok(limits, "/bin/sh", "-c", "chrt -f 1 echo first in, first out", edit=edit)
    expect("a real-time process", "first in, first out", out)
    name = limited.start(limits, "/bin/sleep", "1000", edit=edit)
    got = limited.limits(name)
    expect("files", ("20000", "500000"), (got["cpu.rt_runtime_us"], got["cpu.rt_period_us"]))
    root.ok("update", "--cpu-rt-runtime", "10000", "--cpu-rt-period", "100000", name)
    got = limited.limits(name)
    expect("updated", ("10000", "100000"), (got["cpu.rt_runtime_us"], got["cpu.rt_period_us"]))
    root.ok("delete", "-f", name)


# --- pids, blockIO ---


def test_pids_limit_holds(root):
    need("pids")
    script = "import os\ntry:\n  [os.fork() or os._exit(0) for i in range(9)]\nexcept OSError as e: print(e.errno)"
    expect("errno of fork", "11", Limited(root).ok({"pids": {"limit": 4}}, *PYTHON, script))


def disk_of(path):
    """Major and minor of the whole disk that @path is on."""
    number = os.stat(path).st_dev
    name = f"/sys/dev/block/{os.major(number)}:{os.minor(number)}"
    if not os.path.exists(name):
        raise Skip(f"{path} is on no disk")
    if os.path.exists(f"{name}/partition"):
        name = os.path.dirname(os.path.realpath(name))
    major, minor = map(int, read(f"{name}/dev").split(":"))
    return {"major": major, "minor": minor}


# Writes and reads 2 MiB past the cache, in pieces of 128 KiB; prints the seconds of both.
DIRECT = """
import mmap, os, time
block = mmap.mmap(-1, 1 << 17)
fd = os.open('/w/direct', os.O_RDWR | os.O_CREAT | os.O_DIRECT)
start = time.monotonic()
for i in range(16): os.pwrite(fd, block, i << 17)
middle = time.monotonic()
for i in range(16): os.preadv(fd, [block], i << 17)
print(middle - start, time.monotonic() - middle)
"""


def test_throttles_slow_down(root):
    need("io")
    disk = disk_of(root.scratch)
    limited = Limited(root)
    for kind, rate, slow in (("WriteBps", 2 << 20, 0), ("ReadBps", 2 << 20, 1), ("WriteIOPS", 16, 0), ("ReadIOPS", 16, 1)):
        limits = {"blockIO": {f"throttle{kind}Device": [{**disk, "rate": rate}]}}
        seconds = list(map(float, limited.ok(limits, *PYTHON, DIRECT).split()))
        if seconds[slow] < 0.7:
            raise AssertionError(f"{kind}: {seconds[slow]} s for what should take one")


def test_throttles_of_no_disk_are_explained(root):
    need("io")
    limits = {"blockIO": {"throttleReadBpsDevice": [{"major": 4095, "minor": 77, "rate": 1}]}}
    Limited(root).refused(limits, "linux.resources.blockIO.throttleReadBpsDevice", "4095:77", "no such disk")


def test_io_weights(root):
    need("io")
    limited = Limited(root)
    file = limited.run({"blockIO": {"weight": 300}}, "/bin/true")
    if file.status != 0:
        expect_in("why", "no I/O scheduler with weights", file.err)
    else:
        name = limited.start({"blockIO": {"weight": 300}}, "/bin/sleep", "1000")
        got = [value for key, value in limited.limits(name).items() if key.endswith("weight")]
        if got not in (["300"], ["default 300"], ["default 2930"]):
            raise AssertionError(f"weight: {got}")
        root.ok("update", "--blkio-weight", "200", name)
        got = [value for key, value in limited.limits(name).items() if key.endswith("weight")]
        if got not in (["200"], ["default 200"], ["default 1920"]):
            raise AssertionError(f"weight after the update: {got}")
        root.ok("delete", "-f", name)
    limited.refused({"blockIO": {"leafWeight": 300}}, "linux.resources.blockIO.leafWeight", "none" if V2 else "CFQ")
    device = {"major": 4095, "minor": 77, "weight": 300}
    limited.refused({"blockIO": {"weightDevice": [device]}}, "linux.resources.blockIO.weightDevice", "4095:77 ")


# --- the rest ---


def test_hugepages(root):
    need("hugetlb")
    limited = Limited(root)
    sizes = [int(name.split("-")[1][:-2]) for name in os.listdir("/sys/kernel/mm/hugepages")]
    if 2048 not in sizes:
        raise Skip("no huge pages of 2 MB")
    v2 = has("hugetlb") and not os.path.isdir(f"{MOUNT}/hugetlb")
    name = limited.start({"hugepageLimits": [{"pageSize": "2MB", "limit": 4 << 20}]}, "/bin/sleep", "1000")
    word = "max" if v2 else "limit_in_bytes"
    got = {key: value for key, value in limited.limits(name).items() if key.startswith("hugetlb.2MB")}
    expect("files", {f"hugetlb.2MB.{word}": "4194304", f"hugetlb.2MB.rsvd.{word}": "4194304"}, got)
    root.ok("delete", "-f", name)
    limited.refused({"hugepageLimits": [{"pageSize": "3MB", "limit": 0}]}, "no huge pages of that size")
    limited.refused({"hugepageLimits": [{"pageSize": "2M", "limit": 0}]}, 'linux.resources.hugepageLimits: "2M"')


def test_network(root):
    limited = Limited(root)
    for key, value, controller in (("classID", 5, "net_cls"), ("priorities", [{"name": "lo", "priority": 3}], "net_prio")):
        if V2:
            limited.refused({"network": {key: value}}, f"linux.resources.network.{key}: cgroup v2 has none")
        elif not os.path.isdir(f"{MOUNT}/{controller}"):
            limited.refused({"network": {key: value}}, f"network.{key}: controller is not mounted: {controller}")
        else:
            expect(key, "", limited.ok({"network": {key: value}}, "/bin/true"))


def test_unified(root):
    limited = Limited(root)
    if not V2 and not os.path.isdir(f"{MOUNT}/unified"):
        limited.refused({"unified": {"memory.high": "1"}}, "there is no cgroup v2")
        return
    name = limited.start({"unified": {"cgroup.max.descendants": "3", "cgroup.max.depth": "2"}}, "/bin/sleep", "1000")
    path = root.state(name)["taskshim"]["cgroup"]["unified"]
    expect("descendants", "3", read(f"{path}/cgroup.max.descendants"))
    expect("state", "2", limited.limits(name)["cgroup.max.depth"])
    root.ok("update", "-r", "/dev/stdin", name, stdin=heredoc(root, {"unified": {"cgroup.max.depth": "1"}}))
    expect("updated", "1", read(f"{path}/cgroup.max.depth"))
    root.ok("delete", "-f", name)
    limited.refused({"unified": {"cgroup.max.depths": "3"}}, "cgroup.max.depths", "no such file")
    limited.refused({"unified": {"cgroup.procs": "1"}}, "taskshim's own")
    limited.refused({"unified": {"../x.y": "1"}}, "no file of a cgroup")
    if not V2:
        limited.refused({"unified": {"memory.high": "1"}}, "controller memory is not available in")


def heredoc(root, document):
    write_json(f"{root.scratch}/resources.json", document)
    return open(f"{root.scratch}/resources.json", encoding="ascii")  # pylint: disable=consider-using-with


def test_validate_knows_this_machine(root):
    path = f"{root.scratch}/config.json"
    config = root.config(["/bin/true"])
    config["linux"]["resources"] = {"memory": {"swappiness": 10}}
    write_json(path, config)
    got = root.ts("validate", path)
    expect(f"swappiness ({got})", V2, got.status != 0)


# --- update ---


def test_update_bites(root):
    need("pids")
    limited = Limited(root)
    script = ("import os, time\nwhile not os.path.exists('/w/go'): time.sleep(0.01)\n"
              "try:\n  [os.fork() or os._exit(0) for i in range(9)]\nexcept OSError as e: open('/w/errno', 'w').write(str(e.errno))")
    name = limited.start({"pids": {"limit": 50}}, *PYTHON, script)
    root.ok("update", "--pids-limit", "4", name)
    expect("state", "4", limited.limits(name)["pids.max"])
    open(f"{root.scratch}/go", "w", encoding="ascii").close()
    wait_until("it has tried", lambda: os.path.exists(f"{root.scratch}/errno") and read(f"{root.scratch}/errno"))
    expect("errno of fork", "11", read(f"{root.scratch}/errno"))


def test_update_raises_and_lowers_memory_and_swap(root):
    need("memory")
    limited = Limited(root)
    name = limited.start({"memory": {"limit": 64 << 20, "swap": 128 << 20}}, "/bin/sleep", "1000")
    files = ("memory.max", "memory.swap.max") if V2 else ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")

    def expect_limits(memory, swap):
        got = limited.limits(name)
        wanted = [None if number < 0 else str(number << 20) for number in (memory, swap - memory if V2 and swap > 0 else swap)]
        expect(f"{memory}, {swap}", wanted, [got.get(file) for file in files])

    expect_limits(64, 128)
    for memory, swap in ((256, 512), (32, 48), (512, 512), (16, 1024), (700, 701)):
        root.ok("update", "--memory", f"{memory}m", "--memory-swap", f"{swap}m", name)
        expect_limits(memory, swap)
    root.ok("update", "--memory-swap", "800m", name)
    expect_limits(700, 800)
    root.ok("update", "--memory-swap", "-1", name)
    expect_limits(700, -1)
    root.ok("update", "--memory", "100m", name)
    expect_limits(100, -1)
    root.ok("update", "--memory", "-1", name)
    expect_limits(-1, -1)
    refused = root.ts("update", "--memory-swap", "50m", name)
    expect(f"{refused}", 1, refused.status)
    expect_in("why", "linux.resources.memory.swap: needs a memory limit", refused.err)


def test_update_below_what_is_in_use(root):
    need("memory")
    limited = Limited(root)
    name = limited.start({"memory": {"limit": 128 << 20}}, *PYTHON, TAKE.format(mb=30) + "; open('/w/up', 'w'); import time; time.sleep(1000)")
    wait_until("it has its memory", lambda: os.path.exists(f"{root.scratch}/up"))
    check = {"memory": {"limit": 8 << 20, "checkBeforeUpdate": True}}
    refused = root.ts("update", "-r", "-", name, stdin=heredoc(root, check))
    expect(f"{refused}", 1, refused.status)
    expect_in("why", "is not above the", refused.err)
    expect("it runs", "running", root.state(name)["status"])
    file = "memory.max" if V2 else "memory.limit_in_bytes"
    expect("and has its limit", str(128 << 20), limited.limits(name)[file])


def test_update_is_done_whole_or_not_at_all(root):
    need("memory")
    need("cpu")
    need("cpuset")
    limited = Limited(root)
    name = limited.start({"memory": {"limit": 64 << 20}, "cpu": {"shares": 512, "quota": 20000, "cpus": "0"}}, "/bin/sleep", "1000")
    before = limited.limits(name)
    refused = root.ts("update", "--memory", "32m", "--cpu-share", "1024", "--cpu-quota", "50000", "--cpuset-cpus", "4000", name)
    expect(f"{refused}", 1, refused.status)
    expect_in("why", "linux.resources.cpu.cpus", refused.err)
    expect("limits", before, limited.limits(name))
    root.ok("update", "--memory", "32m", "--cpu-share", "2048", "--cpu-quota", "50000", "--cpu-idle", "0", "--cpu-burst", "0", name)
    after = limited.limits(name)
    expect("other limits", True, after != before)
    expect("and the processors are as before", before["cpuset.cpus"], after["cpuset.cpus"])


def test_update_keeps_the_other_half_of_a_quota(root):
    need("cpu")
    limited = Limited(root)
    name = limited.start({"cpu": {"quota": 20000, "period": 50000}}, "/bin/sleep", "1000")

    def now():
        got = limited.limits(name)
        return got.get("cpu.max") or f"{got['cpu.cfs_quota_us']} {got['cpu.cfs_period_us']}"

    root.ok("update", "--cpu-period", "60000", name)
    expect("other period", "20000 60000", now())
    root.ok("update", "--cpu-quota", "30000", name)
    expect("other quota", "30000 60000", now())


def test_update_of_a_section_that_was_empty(root):
    need("cpu")
    limited = Limited(root)
    name = limited.start({"cpu": {}, "blockIO": {}}, "/bin/sleep", "1000")
    root.ok("update", "--cpu-share", "2048", name)
    expect("limits", "2048" if not V2 else "79", limited.limits(name)["cpu.weight" if V2 else "cpu.shares"])
    if not V2:
        name = limited.start({}, "/bin/sleep", "1000")
        refused = root.ts("update", "--cpu-share", "2048", name)
        expect_in(f"{refused}", "the task has no cgroup in the hierarchy of cpu", refused.err)


def test_update_takes_no_notice_of_devices(root):
    """containerd sends all of linux.resources, as runc's callers may."""
    limited = Limited(root)
    name = limited.start({"pids": {"limit": 20}}, "/bin/sleep", "1000")
    document = {"devices": [{"allow": False, "access": "rwm"}], "pids": {"limit": 30}}
    root.ok("update", "-r", "-", name, stdin=heredoc(root, document))
    expect("limit", "30", root.state(name)["taskshim"]["limits"]["pids.max"])


def test_update_of_a_foreground_run(root):
    """`run` holds the lock of the state directory for as long as its task runs."""
    name = root.task("f")
    process = root.start_process("run", "--id", name, "--pids-limit", "20", "--", "/bin/sleep", "1000")
    wait_until("it runs", lambda: root.status_or_none(name) == "running")
    root.ok("update", "--pids-limit", "30", name)
    expect("limit", "30", root.state(name)["taskshim"]["limits"]["pids.max"])
    process.terminate()
    root.end_process(process)


def test_update_refuses(root):
    limited = Limited(root)
    name = limited.start({}, "/bin/sleep", "1000")
    for args, part in ((["--memory", "x"], "--memory x: expected a number"), (["--cpus", "1"], "unknown option"),
                       (["--pids-limit", "1.5"], "--pids-limit 1.5: expected a number"),
                       (["--cpu-quota", "10"], "linux.resources.cpu.quota: 10 is out of range"),
                       (["-r", "/nonexistent"], "/nonexistent")):  # fmt: skip
        refused = root.ts("update", *args, name)
        expect(f"{args}: {refused}", 1, refused.status)
        expect_in(f"{args}", part, refused.err)
    for document, part in (([], "not a JSON object"), ({"cpu": {"shares": 1}}, "linux.resources.cpu.shares: 1 is out of range")):
        refused = root.ts("update", "-r", "-", name, stdin=heredoc(root, document))
        expect(f"{document}: {refused}", 1, refused.status)
        expect_in(f"{document}", part, refused.err)
    root.ok("stop", name)
    refused = root.ts("update", "--memory", "1g", name)
    expect_in(f"{refused}", "the task is not running", refused.err)
    refused = root.ts("update", "--memory", "1g", root.task("none"))
    expect_in(f"{refused}", "the task does not exist", refused.err)


if __name__ == "__main__":
    sys.exit(main(globals()))
