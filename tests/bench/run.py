#!/usr/bin/env python3
"""`make bench`: start time and memory of taskshim beside a floor program and the peers that are installed.

usage: run.py BUILD BENCH-PROGRAMS [ROUNDS]
Makes a directory on tmpfs and two or more cgroups, and removes them however it ends. Exit status 0 also when a bar is
missed: a measurement is no test."""
import contextlib
import ctypes
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

NAMESPACES = [{"type": t} for t in ("pid", "ipc", "uts", "mount")]
BACK_TO_BACK, GAP_MS, MONITORS, SAMPLES = 300, 50, 50, 20000
SCALE_TASKS, SCALE_ROUNDS = int(os.environ.get("SCALE_TASKS", "5000")), 100  # SCALE_TASKS=0: leave it out
CGROUPS = "/sys/fs/cgroup"


def make_scratch(stack):
    """A directory on tmpfs for state directories, roots and bundles: /run where it is one, else /dev/shm."""
    on_tmpfs = [line.split()[4] for line in open("/proc/self/mountinfo") if " - tmpfs " in line]
    parent = "/run" if "/run" in on_tmpfs else "/dev/shm"
    scratch = tempfile.mkdtemp(prefix="taskshim-bench.", dir=parent)
    stack.callback(shutil.rmtree, scratch, ignore_errors=True)
    os.chmod(scratch, 0o755)
    return scratch


def make_root(scratch, true):
    root = os.path.join(scratch, "root")
    for name in ("bin", "dev", "proc", "sys", "tmp", "etc"):
        os.makedirs(os.path.join(root, name))
    shutil.copy(true, os.path.join(root, "bin/true"))
    return root


def make_cgroups(stack):
    """The cgroups that `taskshim run` makes by default, by controller name."""
    unified = CGROUPS if os.path.exists(f"{CGROUPS}/cgroup.procs") else f"{CGROUPS}/unified"
    parents = {"memory": f"{CGROUPS}/memory"} if unified != CGROUPS else {}
    if os.path.exists(f"{unified}/cgroup.procs"):
        parents["unified"] = unified
    cgroups = {}
    for name, parent in parents.items():
        if os.path.isdir(parent):
            cgroups[name] = f"{parent}/taskshim-bench.{os.getpid()}"
            os.mkdir(cgroups[name])
            stack.callback(os.rmdir, cgroups[name])
    return cgroups


def cgroup2_namespace(stack):
    """A mount namespace with cgroup2 on /sys/fs/cgroup, for a runtime that refuses the hybrid layout. Its path, or "-"."""
    if os.path.exists(f"{CGROUPS}/cgroup.procs"):
        return "-"
    holder = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", f"mount -t cgroup2 cgroup2 {CGROUPS} && echo ready && read -r end"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    stack.callback(holder.wait)
    stack.callback(holder.stdin.close)
    return f"/proc/{holder.pid}/ns/mnt" if holder.stdout.readline() == b"ready\n" else None


def docker_like_profile(architectures):
    """What our default profile allows, some 340 names, for libseccomp to compile; with what docker asks of an argument."""
    with open(os.path.join(os.path.dirname(__file__), "../../tools/seccomp_profile.h"), encoding="ascii") as file:
        strings = re.findall(r'ALLOW\(((?:\s*"[^"]*")+)', file.read())
    names = [name for text in strings for part in re.findall(r'"([^"]*)"', text) for name in part.split()]
    clone = {"index": 0, "value": 0x7E020000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": architectures,
        "syscalls": [
            {"names": [*names, "ioctl", "socket"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [clone]},
        ],
    }


def make_bundle(scratch, root, seccomp=None, name="bundle"):
    """For crun and runc: the mounts, masks, user and (no) capabilities that `taskshim run` gives a task."""
    bundle = os.path.join(scratch, name)
    os.mkdir(bundle)
    safe = ["nosuid", "noexec", "nodev"]
    pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
    rows = [
        ("/proc", "proc", safe),
        ("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=64k"]),
        ("/dev/pts", "devpts", pts),
        ("/dev/shm", "tmpfs", [*safe, "mode=1777", "size=65536k"]),
        ("/dev/mqueue", "mqueue", safe),
        ("/sys", "sysfs", [*safe, "ro"]),
    ]
    nothing = {name: [] for name in ("bounding", "effective", "permitted", "inheritable", "ambient")}
    config = {
        "ociVersion": "1.0.2",
        "process": {
            "args": ["/bin/true"],
            "cwd": "/",
            "env": ["PATH=/bin"],
            "user": {"uid": 65534, "gid": 65534},
            "capabilities": nothing,
            "noNewPrivileges": True,
        },
        "root": {"path": root},
        "hostname": "task",
        "mounts": [{"destination": d, "type": t, "source": t, "options": o} for d, t, o in rows],
        "linux": {
            "namespaces": NAMESPACES,
            "maskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                            "/proc/sched_debug", "/proc/scsi", "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    }
    if seccomp:
        config["linux"]["seccomp"] = seccomp
    with open(os.path.join(bundle, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)
    return bundle


def make_input(scratch, cgroups):
    """What spawn-daemon reads: the config and the gate."""
    config = {
        "ociVersion": "1.2.0",
        "process": {"args": ["/bin/true"], "cwd": "/", "env": ["PATH=/bin"], "noNewPrivileges": True},
        "hostname": "task",
        "linux": {"namespaces": NAMESPACES},
        "taskshim": {"version": 1, "chroot": "host", "cgroup": cgroups},
    }
    path = os.path.join(scratch, "input")
    with open(path, "w") as file:
        file.write(json.dumps(config) + "\ntrue\n")
    return path


def run_contenders(build, scratch, root, namespace):
    """Start to exit of the same static program with private mount, pid, ipc and uts namespaces."""
    same_root = ["--ro-bind", root, "/", "--proc", "/proc", "--dev", "/dev"]
    namespaces = ["--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    bundle = make_bundle(scratch, root)
    state = [f"--root={scratch}/state"]
    run = [f"{build}/taskshim", *state, "run", "--chroot", root, "--", "/bin/true"]
    run_bundle = [f"{build}/taskshim", *state, "run", "-b", bundle, "taskshim-bench"]
    rows = [["taskshim", "exit", "-", *run], ["taskshim-bundle", "exit", "-", *run_bundle]]
    if namespace not in ("-", None):  # what crun has there: one cgroup, and no memory controller
        rows.append(["taskshim-as-crun", "exit", namespace, *run])
        rows.append(["taskshim-bundle-as-crun", "exit", namespace, *run_bundle])
    rows.append(["taskshim-host-root", "exit", "-", f"{build}/taskshim", *state, "run", "--", "/bin/true"])
    if bwrap := shutil.which("bwrap"):
        rows.append(["bubblewrap", "exit", "-", bwrap, *namespaces, *same_root, "/bin/true"])
        host = [w for d in ("/usr", "/etc", "/opt") if os.path.isdir(d) for w in ("--ro-bind", d, d)]
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            if os.path.islink("/" + name):
                host += ["--symlink", os.readlink("/" + name), "/" + name]
        scratches = ["--perms", "1777", "--dir", "/tmp", "--dir", "/run", "--perms", "1777", "--dir", "/var/tmp"]
        host += scratches + ["--proc", "/proc", "--dev", "/dev", "--ro-bind", "/sys", "/sys"]
        rows.append(["bubblewrap-host-root", "exit", "-", bwrap, *namespaces, *host, "/bin/true"])
    for name in ("crun", "runc"):
        program, ns = shutil.which(name), namespace if name == "crun" else "-"
        if program and ns:
            rows.append([name, "exit", ns, program, f"--root={scratch}/{name}", "run", "-b", bundle, "taskshim-bench"])
    return rows


def filtered_contenders(build, scratch, root, namespace):
    """The same under a seccomp filter: ours, which is compiled already, and one that libseccomp compiles at each start."""
    run = [f"{build}/taskshim", f"--root={scratch}/state", "run", "--chroot", root]
    rows = [
        ["taskshim", "exit", "-", *run, "--", "/bin/true"],
        ["taskshim-default", "exit", "-", *run, "--seccomp", "default", "--", "/bin/true"],
    ]
    for suffix, words in (("1", []), ("3", ["SCMP_ARCH_X86", "SCMP_ARCH_X32"])):
        profile = docker_like_profile(["SCMP_ARCH_X86_64", *words])
        path = f"{scratch}/profile-{suffix}.json"
        with open(path, "w", encoding="ascii") as file:
            json.dump(profile, file)
        rows.append([f"taskshim-{suffix}-arch", "exit", "-", *run, "--seccomp", path, "--", "/bin/true"])
        bundle = make_bundle(scratch, root, profile, f"bundle-{suffix}")
        for name in ("crun", "runc"):
            program, ns = shutil.which(name), namespace if name == "crun" else "-"
            if program and ns:
                words = [program, f"--root={scratch}/{name}", "run", "-b", bundle, "taskshim-bench"]
                rows.append([f"{name}-{suffix}-arch", "exit", ns, *words])
    return rows


def start_contenders(build, programs, scratch, cgroups):
    """From the start to the command's exec, in cgroups that exist already."""
    joins = [w for name, path in cgroups.items() for w in ("-u" if name == "unified" else "-c", path)]
    return [
        ["spawn-daemon", make_input(scratch, cgroups), "-", f"{build}/spawn-daemon"],
        ["floor", "eof", "-", f"{programs}/floor", *joins, "/bin/true"],
    ]


def works(programs, row):
    result = subprocess.run([f"{programs}/bench", "1", "0", *row], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if result.returncode != 0:
        print(f"left out: {row[0]}: {result.stderr.decode().strip()[-300:]}")
    return result.returncode == 0


def measure(programs, rounds, gap_ms, rows):
    """{name: (median, min, p90, p99)} in microseconds."""
    words = [word for row in rows for word in (*row, "%%")][:-1]
    out = subprocess.run([f"{programs}/bench", str(rounds), str(gap_ms), *words], stdout=subprocess.PIPE, check=True)
    lines = [line.split() for line in out.stdout.decode().splitlines()]
    return {name: tuple(map(float, numbers)) for name, *numbers in lines}


def bar(text, value, limit, applies=True):
    verdict = "      " if not applies else "met   " if value <= limit else "MISSED"
    print(f"  {verdict}  {text}: {value:.2f} ({f'bar: at most {limit:g}' if applies else 'no bar'})")


def print_times(title, times):
    print(f"\n{title}\n  {'us':24}{'median':>9}{'min':>9}{'p90':>9}{'p99':>9}")
    for name, numbers in times.items():
        print(f"  {name:24}" + "".join(f"{n:9.0f}" for n in numbers))


def judge_run(times, bars=True):
    for row, of in (("taskshim", ""), ("taskshim-bundle", " of the bundle")):
        for peer, limit in (("bubblewrap", 1.0), ("crun", 0.4), ("runc", 0.12)):
            if peer in times and row in times and (peer != "bubblewrap" or not of):
                bar(f"taskshim run{of} : {peer}", times[row][0] / times[peer][0], limit, bars)
        if "crun" in times and f"{row}-as-crun" in times:
            ratio = times[f"{row}-as-crun"][0] / times["crun"][0]
            bar(f"taskshim run{of} : crun, both in one cgroup2 without memory cgroups", ratio, 0.4, bars)
    if "bubblewrap-host-root" in times and "taskshim-host-root" in times:
        ratio = times["taskshim-host-root"][0] / times["bubblewrap-host-root"][0]
        print(f"          with the default root, bubblewrap given the same binds: {ratio:.2f} (no bar)")


@contextlib.contextmanager
def another_task(build, scratch):
    """A task runs meanwhile: the cgroups above its own are there, which the first task makes and the last one removes."""
    command = [f"{build}/taskshim", f"--root={scratch}/another"]
    subprocess.run([*command, "run", "-d", "--id", "another", "--", "/bin/sleep", "3600"], stdout=subprocess.DEVNULL, check=True)
    try:
        yield
    finally:
        subprocess.run([*command, "delete", "-f", "another"], check=False)


def judge_start(times, bars):
    if len(times) == 2:
        bar("spawn-daemon : floor", times["spawn-daemon"][0] / times["floor"][0], 2.0, bars)


def smaps_kb(pid):
    fields = (line.split() for line in open(f"/proc/{pid}/smaps_rollup"))
    return {f[0].rstrip(":"): int(f[1]) for f in fields if len(f) == 3 and f[2] == "kB"}


def idle_memory(build, cgroups):
    """Mean PSS and private dirty memory of MONITORS monitors whose tasks sleep."""
    config = {
        "ociVersion": "1.2.0",
        "process": {"args": ["sleep", "600"], "cwd": "/", "env": ["PATH=/bin:/usr/bin"], "noNewPrivileges": True},
        "linux": {"namespaces": NAMESPACES},
        "taskshim": {"version": 1, "chroot": "host", "cgroup": cgroups},
    }
    os.sync()  # or the pages of a program that was just built count as dirty
    monitors, tasks, sizes = [], [], []
    try:
        for _ in range(MONITORS):
            monitor = subprocess.Popen([f"{build}/spawn-daemon"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            monitors.append(monitor)
            monitor.stdin.write(json.dumps(config).encode() + b"\ntrue\n")
            monitor.stdin.flush()
            tasks.append(json.loads(monitor.stdout.readline())["pid"])  # of the line created
            monitor.stdout.readline()
        sizes = [smaps_kb(monitor.pid) for monitor in monitors]
    finally:
        for pid in tasks:  # children of monitors that wait for them: the numbers are not reused yet
            os.kill(pid, signal.SIGKILL)
        for monitor in monitors:
            monitor.communicate()
    return [sum(size[key] for size in sizes) / len(sizes) for key in ("Pss", "Private_Dirty")]


def elapsed_ms(command):
    """Wall-clock time of one command whose output nobody reads."""
    start = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return (time.monotonic() - start) * 1e3


def recover_ms(build, root, id_strings):
    """taskshim_open() of every ID string, as a driver does that was restarted. Every task must be running."""
    library = ctypes.CDLL(f"{build}/libtaskshim.so.0")
    answer, task = ctypes.c_int(), ctypes.c_void_p()
    start = time.monotonic()
    for text in id_strings:
        r = library.taskshim_open(root.encode(), text, 0, ctypes.byref(answer), ctypes.byref(task), None)
        if r != 0 or answer.value != 0:
            sys.exit(f"bench: taskshim_open: {r}, answer {answer.value}: {text.decode()}")
        library.taskshim_task_free(task)
    return (time.monotonic() - start) * 1e3


def sample_us(build, scratch):
    """Mean time of taskshim_task_stats() on a handle that is kept, as a driver does that watches its tasks."""
    library = ctypes.CDLL(f"{build}/libtaskshim.so.0")
    root, task, stats = f"{scratch}/sampled", ctypes.c_void_p(), ctypes.c_void_p()
    command = [f"{build}/taskshim", f"--root={root}"]
    limits = ["--memory", "64m", "--pids-limit", "100", "--cpus", "1"]
    subprocess.run([*command, "run", "-d", "--id", "t", *limits, "--", "/bin/sleep", "3600"], stdout=subprocess.DEVNULL, check=True)
    try:
        if library.taskshim_task_open(root.encode(), b"t", ctypes.byref(task), None) != 0:
            sys.exit("bench: taskshim_task_open")
        start = time.monotonic()
        for _ in range(SAMPLES):
            if library.taskshim_task_stats(task, ctypes.byref(stats), None) != 0:
                sys.exit("bench: taskshim_task_stats")
        us = (time.monotonic() - start) * 1e6 / SAMPLES
        library.taskshim_task_free(task)
    finally:
        subprocess.run([*command, "delete", "-f", "t"], check=False)
    return us


def log_seconds(build, scratch):
    """Seconds per GB that a task writes to a log that is rotated, and, for comparison, to a pipe whose reader throws it away."""
    directory = f"{scratch}/logs"
    os.makedirs(directory, exist_ok=True)
    writer = ["/bin/dd", "if=/dev/zero", "bs=256k", "count=8192", "status=none"]
    run = [f"{build}/taskshim", f"--root={scratch}/logged", "run", "--stdout", f"{directory}/out", "--log-max-size", "16M", "--log-max-files", "2", "--"]
    gb = 8192 * 0.000262144
    rotated = min(elapsed_ms([*run, *writer]) for _ in range(3)) / 1e3 / gb
    piped = min(elapsed_ms(["/bin/sh", "-c", f"{' '.join(writer)} | cat >/dev/null"]) for _ in range(3)) / 1e3 / gb
    shutil.rmtree(directory)
    return rotated, piped


class Options(ctypes.Structure):
    """struct taskshim_options"""

    _fields_ = [("size", ctypes.c_size_t), ("flags", ctypes.c_uint), ("root", ctypes.c_char_p), ("id", ctypes.c_char_p),
                ("bundle", ctypes.c_char_p), ("spawn_daemon", ctypes.c_char_p), ("stdio", ctypes.c_int * 3),
                ("monitor_stderr", ctypes.c_int), ("warn", ctypes.c_void_p), ("warn_arg", ctypes.c_void_p),
                ("fds", ctypes.c_void_p), ("n_fds", ctypes.c_size_t)]


def start_ms(build, scratch, root, base):
    """The median of what a driver waits until a command runs: taskshim_task_create() with TASKSHIM_START, 50 ms between, so that
    the end of the one before is over. @base: a descriptor for taskshim.baseMountNamespace, or -1."""
    library, task, times = ctypes.CDLL(f"{build}/libtaskshim.so.0"), ctypes.c_void_p(), []
    options = Options(ctypes.sizeof(Options), 1, f"{scratch}/driver".encode(), None, None, f"{build}/spawn-daemon".encode(),
                      (ctypes.c_int * 3)(-1, -1, -1), -1, None, None, None, 0)
    config = {
        "ociVersion": "1.2.0",
        "process": {"args": ["/bin/true"], "cwd": "/", "user": {"uid": 65534, "gid": 65534}},
        "root": {"path": root},
        "linux": {"namespaces": NAMESPACES},
        "taskshim": {"version": 1, **({"baseMountNamespace": f"/proc/{os.getpid()}/fd/{base}"} if base >= 0 else {})},
    }
    text = json.dumps(config).encode()
    for _ in range(SCALE_ROUNDS):
        time.sleep(0.05)
        start = time.monotonic()
        if library.taskshim_task_create(ctypes.byref(options), text, len(text), ctypes.byref(task), None) != 0:
            sys.exit("bench: taskshim_task_create")
        times.append((time.monotonic() - start) * 1e3)
        if library.taskshim_task_delete(task, True, None) != 0:
            sys.exit("bench: taskshim_task_delete")
        library.taskshim_task_free(task)
    return statistics.median(times)


def at_scale(build, programs, scratch, root_of_task, row):
    """What the tasks that run cost the next start, and how long it takes to look at them all."""
    root = f"{scratch}/many"
    command = [f"{build}/taskshim", f"--root={root}"]
    alone = measure(programs, SCALE_ROUNDS, 0, [row])[row[0]][0]
    base = ctypes.c_int(-1)
    if ctypes.CDLL(f"{build}/libtaskshim.so.0").taskshim_base_mount_namespace(ctypes.byref(base), None) != 0:
        sys.exit("bench: taskshim_base_mount_namespace")
    starts = {fd: [start_ms(build, scratch, root_of_task, fd)] for fd in (-1, base.value)}
    id_strings = []
    try:
        for i in range(SCALE_TASKS):
            run = [*command, "run", "-d", "--id", f"t{i}", "--", "/bin/sleep", "3600"]
            id_strings.append(subprocess.run(run, stdout=subprocess.PIPE, check=True).stdout.strip())
        among = measure(programs, SCALE_ROUNDS, 0, [row])[row[0]][0]
        for fd, times in starts.items():
            times.append(start_ms(build, scratch, root_of_task, fd))
        times = {
            "list": elapsed_ms([*command, "list"]),
            "gc": elapsed_ms([*command, "gc"]),
            "stats": elapsed_ms([*command, "stats"]),
            "recovery (taskshim_open)": recover_ms(build, root, id_strings),
        }
    finally:
        for i in range(SCALE_TASKS):
            subprocess.run([*command, "delete", "-f", f"t{i}"], check=False)
        os.close(base.value)
    print(f"\nwith {SCALE_TASKS} tasks running:")
    print(f"  a driver's start until the command runs, 50 ms between: {starts[-1][1]:.2f} ms, {starts[-1][0]:.2f} without them")
    print(f"  the same with taskshim.baseMountNamespace: {starts[base.value][1]:.2f} ms, {starts[base.value][0]:.2f} without them")
    print(f"  taskshim run, start to exit, back to back: {among / 1e3:.2f} ms, {alone / 1e3:.2f} without them ({among / alone:.1f})")
    bar(f"start with {SCALE_TASKS} tasks : with none", starts[base.value][1] / starts[base.value][0], 1.3)
    for name, ms in times.items():
        bar(f"{name} of {SCALE_TASKS}, ms", ms, 1000)


def first_line(command):
    out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout.decode()
    return out.splitlines()[0] if out else "?"


def describe_machine(scratch):
    info = open("/proc/cpuinfo").read().splitlines()
    model = next((line.split(": ")[1] for line in info if line.startswith("model name")), platform.machine())
    virtual = "virtual" if any("hypervisor" in line for line in info) else "not virtual"
    memory = int(open("/proc/meminfo").readline().split()[1]) // 1048576
    pure = os.path.exists(f"{CGROUPS}/cgroup.procs")
    layout = "v2" if pure else "hybrid" if os.path.exists(f"{CGROUPS}/unified/cgroup.procs") else "v1"
    print(f"machine: {os.cpu_count()} x {model}, {virtual}, {memory} GiB, Linux {platform.release()}, cgroup {layout}")
    print(f"load: {os.getloadavg()[0]:.2f} at the start; state directories on tmpfs: {os.path.dirname(scratch)}")
    for name in ("bwrap", "crun", "runc"):
        print(f"{name}: {first_line([name, '--version']) if shutil.which(name) else 'not installed (make deps-bench)'}")


def bench(stack, build, programs, rounds):
    libc = ctypes.CDLL(None)
    libc.prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: what a broken contender leaves can be seen
    scratch = make_scratch(stack)
    describe_machine(scratch)
    root = make_root(scratch, f"{programs}/true")
    cgroups = make_cgroups(stack)
    namespace = cgroup2_namespace(stack)
    rows = run_contenders(build, scratch, root, namespace)
    rows = [row for row in rows if works(programs, row)]
    filtered = filtered_contenders(build, scratch, root, namespace) if platform.machine() == "x86_64" else []
    filtered = [row for row in filtered if works(programs, row)]
    starts = [row for row in start_contenders(build, programs, scratch, cgroups) if works(programs, row)]
    for gap_ms, count in ((0, rounds), (GAP_MS, max(rounds // 3, 10))):
        how = f"{gap_ms} ms between starts" if gap_ms else "back to back"
        times = measure(programs, count, gap_ms, rows)
        print_times(f"start to exit of a static program, {how}, {count} rounds", times)
        judge_run(times, not gap_ms)  # after a pause the kernel's own sleep counts: printed, and no bar
        times = measure(programs, count, gap_ms, starts)
        print_times(f"start to the command's exec, cgroups made before, {how}, {count} rounds", times)
        judge_start(times, not gap_ms)
    count = max(rounds // 3, 10)
    with another_task(build, scratch):
        times = measure(programs, count, 0, [row for row in rows if "host-root" not in row[0]])
    print_times(f"beside another task: start to exit of a static program, back to back, {count} rounds", times)
    judge_run(times)
    if filtered:
        count = max(rounds // 10, 10)
        print_times(f"with a seccomp filter: start to exit, {count} rounds", measure(programs, count, 0, filtered))
    pss, dirty = idle_memory(build, cgroups)
    print(f"\nidle monitor, mean of {MONITORS}: PSS {pss:.1f} KB, private dirty {dirty:.1f} KB")
    bar("PSS, KB", pss, 80)
    bar("private dirty, KB", dirty, 64)
    print(f"\none sample of a task's statistics, mean of {SAMPLES}, a task with limits on memory, CPU and pids")
    bar("taskshim_task_stats, us", sample_us(build, scratch), 100)
    rotated, piped = log_seconds(build, scratch)
    print(f"\na log that is rotated at 16 MB, on tmpfs: {1 / rotated:.2f} GB/s; the same bytes through a pipe to cat: {1 / piped:.2f} GB/s")
    bar("seconds per GB of a log", rotated, 1.0)
    if SCALE_TASKS > 0:
        at_scale(build, programs, scratch, root, rows[0])


def main():
    if os.geteuid() != 0:
        sys.exit("make bench: namespaces, mounts and cgroups need root")
    build, programs = (os.path.abspath(path) for path in sys.argv[1:3])
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else BACK_TO_BACK
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with contextlib.ExitStack() as stack:
        bench(stack, build, programs, rounds)


if __name__ == "__main__":
    main()
