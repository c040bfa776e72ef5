#!/usr/bin/env -S python3 -B
"""`taskshim doctor`: what it says of this machine is so, and each line about something missing is seen where that is missing."""
import os
import pty
import shutil
import subprocess
import sys

from lib import SANITIZED, SPAWN_DAEMON, TASKSHIM, V2_ONLY, Skip, expect, expect_in, main

IS_V2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")


def view(script, *unshare):
    """The commands behind it see what the script has changed in a mount namespace."""
    return ["unshare", "-m", *unshare, "sh", "-c", f'{script} && exec "$@"', "-"]


def doctor(root, *options, wrapper=()):
    """Its document, which agrees with its status."""
    result = root.ts(*options, "doctor", "--json", wrapper=wrapper)
    document = result.json()
    expect(f"status beside works: {result}", 0 if document["works"] else 1, result.status)
    expect("works beside the finding", document["works"], document["run"]["default"]["available"])
    return document


def expect_missing(document, group, *names, disables="", get=""):
    for name in names:
        finding = document[group][name]
        expect(f"{group}.{name} {finding}", False, finding["available"])
        assert finding["disables"] and finding["get"], finding
        expect_in(f"what {name} disables", disables, finding["disables"])
        expect_in(f"how to get {name}", get, finding["get"])


def expect_there(document, group, *names):
    for name in names:
        expect(f"{group}.{name} {document[group][name]}", True, document[group][name]["available"])


def findings(document):
    for group, names in document.items():
        if isinstance(names, dict):
            for name, finding in names.items():
                yield group, name, finding


def test_this_machine(root):
    document = doctor(root)
    expect("version of the document", 1, document["version"])
    expect("kernel", os.uname().release, document["kernel"])
    expect("machine", os.uname().machine, document["machine"])
    expect("uid", 0, document["uid"])
    expect("works", True, document["works"])
    assert 0 < document["runMicroseconds"] < 60_000_000, document["runMicroseconds"]
    for group, name, finding in findings(document):
        members = {"available", "detail"} | (set() if finding["available"] else {"disables", "get"})
        expect(f"members of {group}.{name}", members, set(finding))
    for kind in ("mnt", "pid", "ipc", "uts", "net", "user", "cgroup", "time"):
        if os.path.exists(f"/proc/self/ns/{kind}"):
            expect_there(document, "namespaces", {"mnt": "mount", "net": "network"}.get(kind, kind))
    layout = "v2" if IS_V2 else "hybrid" if os.path.isdir("/sys/fs/cgroup/unified") else "v1"
    expect("layout", layout, document["cgroups"]["layout"]["detail"])
    with open("/proc/cgroups", encoding="ascii") as file:
        on = {line.split()[0] for line in file if line.split()[3] == "1"}
    for name in ("memory", "cpu", "cpuset", "pids"):
        expect(f"controller {name}", name in on, document["controllers"][name]["available"])
    expect_there(document, "calls", "open_tree", "move_mount", "fsopen", "mount_setattr", "openat2", "pidfd_open", "clone3")
    with open("/proc/filesystems", encoding="ascii") as file:
        expect("overlay", "\toverlay\n" in file.read(), document["filesystems"]["overlay"]["available"])
    with open("/proc/self/status", encoding="ascii") as file:
        effective = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff"))
    for name, number in (("CAP_SYS_ADMIN", 21), ("CAP_SYS_RESOURCE", 24), ("CAP_MKNOD", 27), ("CAP_SYS_PTRACE", 19)):
        expect(name, bool(effective >> number & 1), document["capabilities"][name]["available"])


def test_the_table_names_all_of_the_document(root):
    document, text = doctor(root), root.ok("doctor")
    for group, name, finding in findings(document):
        if finding["available"]:
            expect_in("the table", name, next(line for line in text.splitlines() if line.startswith(f"{group} ")))
        else:
            expect_in("the table", f"missing       {group} {name}", text)
            expect_in("the table", f"  disables    {finding['disables']}\n", text)
            expect_in("the table", f"  to get it   {finding['get']}\n", text)
    expect("the last line", "a default run works", text.splitlines()[-1])
    expect("colours in a pipe", False, "\033" in text)


def on_terminal(root, **environment):
    """What it prints to a terminal."""
    main_end, other = pty.openpty()
    env = {**root.env, "TERM": "xterm", **environment}
    with subprocess.Popen([TASKSHIM, "--root", root.path, "doctor"], stdin=other, stdout=other, stderr=other, env=env) as process:
        os.close(other)
        text = b""
        while True:
            try:
                part = os.read(main_end, 65536)
            except OSError:  # the other end is closed
                break
            text += part
        os.close(main_end)
        expect("status", 0, process.wait())
    return text.decode()


def test_colours_on_a_terminal_alone(root):
    root.env.pop("NO_COLOR", None)
    expect_in("on a terminal", "\033[32m", on_terminal(root))
    expect("with NO_COLOR", False, "\033" in on_terminal(root, NO_COLOR="1"))
    expect("a dumb terminal", False, "\033" in on_terminal(root, TERM="dumb"))


def test_no_cgroup_filesystem(root):
    document = doctor(root, wrapper=view("mount -t tmpfs none /sys/fs/cgroup"))
    expect("works", False, document["works"])
    expect("layout", "none", document["cgroups"]["layout"]["detail"])
    expect_missing(document, "cgroups", "layout", get="mount -t cgroup2")
    expect_missing(document, "controllers", "memory", "cpu", "cpuset", "io", "pids", "hugetlb", "rdma", "misc")
    expect_missing(document, "controllers", "memory", disables="--memory")
    expect_missing(document, "cgroups", "swapAccounting", disables="--memory-swap", get="swapaccount=1")
    expect_missing(document, "run", "default")
    expect_in("its message", "no cgroup filesystem is mounted", document["run"]["default"]["detail"])
    without = doctor(root, "--cgroup-manager", "disabled", wrapper=view("mount -t tmpfs none /sys/fs/cgroup"))
    expect("works without cgroups", True, without["works"])


def test_cgroup_v2_alone(root):
    document = doctor(root, wrapper=[] if IS_V2 else V2_ONLY)
    expect("layout", "v2", document["cgroups"]["layout"]["detail"])
    expect_there(document, "cgroups", "unified")
    with open("/sys/fs/cgroup/cgroup.controllers" if IS_V2 else "/sys/fs/cgroup/unified/cgroup.controllers", encoding="ascii") as file:
        there = file.read().split()
    for name, finding in document["controllers"].items():
        expect(f"controller {name}", name in there, finding["available"])


def test_controllers_that_are_not_mounted_or_not_writable(root):
    if IS_V2:
        raise Skip("no v1 hierarchies")
    document = doctor(root, wrapper=view("umount /sys/fs/cgroup/pids"))
    expect_missing(document, "controllers", "pids", disables="--pids-limit")
    expect_there(document, "controllers", "memory")
    document = doctor(root, wrapper=view("mount -o remount,ro,bind /sys/fs/cgroup/memory"))
    expect_missing(document, "cgroups", "writable", get="rw")
    expect_in("which", "memory", document["cgroups"]["writable"]["detail"])
    document = doctor(root, wrapper=view("mount -o remount,ro,bind /sys/fs/cgroup/unified"))
    expect_missing(document, "cgroups", "unified", get="root")


def test_user_namespaces_that_a_sysctl_forbids(root):
    wrapper = ["unshare", "-U", "-r", "sh", "-c", 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"', "-"]
    document = doctor(root, wrapper=wrapper)
    expect_missing(document, "namespaces", "user", get="user.max_user_namespaces")
    expect("why", "No space left on device", document["namespaces"]["user"]["detail"])


def test_namespaces_that_cannot_be_made(root):
    if SANITIZED:
        raise Skip("LeakSanitizer does not work under ptrace")
    names = ("user", "mount", "pid", "ipc", "uts", "network", "cgroup", "time")
    document = doctor(root, wrapper=["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=unshare:error=EINVAL"])
    expect_missing(document, "namespaces", *names, get="a kernel")
    expect_missing(document, "namespaces", "pid", disables="--init")
    expect_missing(document, "namespaces", "network", disables="--net none")
    document = doctor(root, wrapper=["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=unshare:error=ENOSPC"])
    expect_missing(document, "namespaces", "network", get="user.max_net_namespaces")
    document = doctor(root, wrapper=["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=unshare:error=EPERM"])
    expect_missing(document, "namespaces", "mount", get="CAP_SYS_ADMIN")


def test_system_calls_that_the_kernel_has_not(root):
    if SANITIZED:
        raise Skip("LeakSanitizer does not work under ptrace")
    calls = {"open_tree": "5.2", "move_mount": "5.2", "fsopen": "5.2", "mount_setattr": "5.12", "openat2": "5.6",
             "close_range": "5.9", "pidfd_open": "5.3", "pidfd_send_signal": "5.1", "clone3": "5.3"}
    wrapper = ["strace", "-qq", "-o", "/dev/null", *(f"-einject={call}:error=ENOSYS" for call in calls)]
    document = doctor(root, wrapper=wrapper)
    for call, version in calls.items():
        expect_missing(document, "calls", call, get=f"Linux {version}")
    expect_missing(document, "calls", "clone_into_cgroup", get="5.7")
    wrapper = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=ioctl:error=ENOTTY", "-e", "inject=mount_setattr:error=EINVAL",
               "-e", "inject=seccomp:error=EINVAL"]
    document = doctor(root, wrapper=wrapper)
    expect_missing(document, "calls", "pidfd_exit_info", get="6.15")
    expect_missing(document, "calls", "idmap", get="ext4")
    expect_missing(document, "seccomp", "filter", get="CONFIG_SECCOMP_FILTER")
    expect_missing(document, "seccomp", "notify", get="5.0")
    expect("works", False, document["works"])


def test_filesystems_and_lsms(root):
    empty = f"{root.scratch}/filesystems"
    with open(empty, "w", encoding="ascii") as file:
        file.write("nodev\tproc\n")
    document = doctor(root, wrapper=view(f"mount --bind {empty} /proc/filesystems"))
    expect_missing(document, "filesystems", "devpts", "mqueue", "tmpfs", "overlay")
    expect_missing(document, "filesystems", "overlay", get="modprobe overlay")
    parameters = "/sys/module/apparmor/parameters"
    there = view(f"mount -t tmpfs none /sys/module && mkdir -p {parameters} && echo Y >{parameters}/enabled && "
                 "mount -t tmpfs none /sys/fs && mkdir /sys/fs/selinux && echo 1 >/sys/fs/selinux/enforce")
    document = doctor(root, wrapper=there)
    expect_there(document, "lsm", "apparmor", "selinux")
    expect("mode", "enforcing", document["lsm"]["selinux"]["detail"])
    document = doctor(root, wrapper=view("mount -t tmpfs none /sys/module; mount -t tmpfs none /sys/fs"))
    expect_missing(document, "lsm", "apparmor", disables="apparmorProfile", get="apparmor=1")
    expect_missing(document, "lsm", "selinux", disables="selinuxLabel", get="selinux=1")


def test_each_capability(root):
    if not shutil.which("setpriv"):
        raise Skip("no setpriv")
    names = list(doctor(root)["capabilities"])
    assert len(names) >= 14, names
    for name in names:
        word = "-" + name.removeprefix("CAP_").lower()
        document = doctor(root, wrapper=["setpriv", "--bounding-set", word, "--inh-caps", word])
        expect_missing(document, "capabilities", name, get="CapabilityBoundingSet")
        if name == "CAP_SYS_ADMIN":
            expect("works", False, document["works"])
            expect_missing(document, "namespaces", "mount", get="CAP_SYS_ADMIN")


def test_not_root(root):
    home = f"{root.scratch}/home"
    os.mkdir(home)
    os.chown(home, 65534, 65534)
    document = doctor(root, "--root", f"{home}/root", wrapper=["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"])
    expect("uid", 65534, document["uid"])
    expect_missing(document, "capabilities", *document["capabilities"], get="user namespace")
    expect_missing(document, "ids", "subuid", get="--add-subuids")
    expect_missing(document, "ids", "subgid", get="--add-subgids")
    expect_missing(document, "calls", "idmap", get="root")
    if not IS_V2:
        expect_missing(document, "cgroups", "writable", "unified")
    rows = f"{root.scratch}/rows"
    with open(rows, "w", encoding="ascii") as file:
        file.write("65534:300000:1000\n")
    wrapper = view(f"mount --bind {rows} /etc/subuid")
    document = doctor(root, "--root", f"{home}/root",
                      wrapper=[*wrapper, "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"])
    expect("the range", "1000 ids from 300000 on", document["ids"]["subuid"]["detail"])
    expect_missing(document, "ids", "subgid")


def test_programs(root):
    document = doctor(root, "--spawn-daemon", f"{root.scratch}/none")
    expect_missing(document, "programs", "spawn-daemon", get="--spawn-daemon")
    expect("detail", f"{root.scratch}/none: no such file", document["programs"]["spawn-daemon"]["detail"])
    expect("works", False, document["works"])
    other = f"{root.scratch}/other"
    with open(other, "w", encoding="ascii") as file:
        file.write(f'#!/bin/sh\n[ "$*" != --version ] || {{ echo spawn-daemon 9.9; exit; }}\nexec {SPAWN_DAEMON} "$@"\n')
    document = doctor(root, "--spawn-daemon", other)
    expect_in("detail", "not executable", document["programs"]["spawn-daemon"]["detail"])
    os.chmod(other, 0o755)
    document = doctor(root, "--spawn-daemon", other)
    expect_there(document, "programs", "spawn-daemon")
    expect_missing(document, "programs", "sameVersion", get="one package")
    expect_in("both versions", "spawn-daemon 9.9", document["programs"]["sameVersion"]["detail"])
    expect("works", True, document["works"])
    document = doctor(root, "--spawn-daemon", "/bin/false")
    expect_in("detail", "does not say", document["programs"]["spawn-daemon"]["detail"])
    document = doctor(root, wrapper=["env", "PATH=/nowhere"])
    expect_missing(document, "ids", "newuidmap", "newgidmap", get="uidmap")


def test_storage(root):
    script = f"mkdir {root.scratch}/t && mount -t tmpfs none {root.scratch}/t"
    document = doctor(root, "--root", f"{root.scratch}/t/root", wrapper=view(script))
    expect_there(document, "storage", "stateRoot")
    expect_missing(document, "storage", "lasting", disables="reboot", get="disk")
    document = doctor(root, "--root", f"{root.scratch}/t/root", wrapper=view(f"mount -t tmpfs -o ro none {root.scratch}/t"))
    expect_missing(document, "storage", "stateRoot", get="--root")
    expect("works", False, document["works"])


def test_arguments(root):
    result = root.ts("doctor", "now")
    expect("status", 1, result.status)
    expect_in("message", "too many arguments", result.err)
    expect("nothing is printed", "", result.out)


def test_documentation_has_each_name(root):
    """A driver reads the names: each is on the page."""
    page = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "doctor.md")
    with open(page, encoding="utf-8") as file:
        text = file.read()
    document = doctor(root)
    for group, name, _ in findings(document):
        expect_in("docs/doctor.md", f"`{group}`", text)
        expect_in("docs/doctor.md", f"`{name}`", text)
    for member in document:
        expect_in("docs/doctor.md", f"`{member}`", text)


if __name__ == "__main__":
    sys.exit(main(globals()))
