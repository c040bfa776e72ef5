#!/usr/bin/env -S python3 -B
"""Attacks on what `taskshim` starts by default, and on `taskshim` itself: behaviours.md 3a. docs/attacks.md says which attack
is where; tests/defences/run takes each defence out and demands that its test fails."""
import json
import os
import shutil
import stat
import subprocess
import sys

from lib import BUILD, MARK, SANITIZED, SPAWN_DAEMON, TASKSHIM, Skip, alive, expect, expect_in, id_string, main, wait_until

PYTHON = "/usr/bin/python3"

# What one task tries on another, whose process is argv[1] on the host.
SPY = r"""
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def said(result):
    return os.strerror(ctypes.get_errno()) if result < 0 else "OK"
pid = int(sys.argv[1])
print("shmget", said(libc.shmget(0x7453, 0, 0)))
print("msgget", said(libc.msgget(0x7453, 0)))
print("ptrace", said(libc.ptrace(0x4206, pid, 0, 0)))  # PTRACE_SEIZE
try:
    os.kill(pid, 9)
    print("kill OK")
except OSError as error:
    print("kill", error.strerror)
for name in filter(str.isdigit, os.listdir("/proc")):
    try:
        print("environ", open(f"/proc/{name}/environ").read())
    except OSError as error:
        print("environ", error.strerror)
"""

VICTIM = r"""
import ctypes, os, time
libc = ctypes.CDLL(None, use_errno=True)
assert libc.shmget(0x7453, 4096, 0o1666) >= 0 and libc.msgget(0x7453, 0o1666) >= 0
print("ready", flush=True)
time.sleep(1000)
"""


def test_two_tasks_of_one_user_do_not_see_each_other(root):
    """CVE-2021-3283."""
    user = ["--user", "12345:12345"]
    root.run("victim", PYTHON, "-c", VICTIM, flags=[*user, "--env", "SECRET=hunter2"])
    log = f"{root.directory(root.task('victim'))}/stdout"
    wait_until("the victim is ready", lambda: os.path.exists(log) and "ready" in open(log, encoding="ascii").read())
    pid = root.state(root.task("victim"))["pid"]
    out = root.ok("run", "--env", MARK, *user, "--", PYTHON, "-c", SPY, str(pid))
    for call in ("shmget", "msgget"):
        expect_in("the spy", f"{call} No such file or directory\n", out)
    for call in ("ptrace", "kill"):
        expect_in("the spy", f"{call} No such process\n", out)
    expect_in("its own environment", "environ ", out)
    assert "hunter2" not in out, out
    expect("the victim", "running", root.state(root.task("victim"))["status"])


RAW_SOCKET = r"""
import socket
for family in (socket.AF_INET, socket.AF_PACKET):
    try:
        socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        print("OK")
    except OSError as error:
        print(error.strerror)
"""


def test_no_task_gets_raw_sockets_by_default(root):
    """CVE-2021-32575."""
    for user in ("nobody", "root"):
        out = root.ok("run", "--user", user, "--", PYTHON, "-c", RAW_SOCKET)
        expect(f"sockets of {user}", ["Operation not permitted"] * 2, out.splitlines())
    out = root.ok("run", "--user", "root", "--cap-add", "CAP_NET_RAW", "--", PYTHON, "-c", RAW_SOCKET)
    expect("sockets when asked for", ["OK"] * 2, out.splitlines())
    os.mkdir(f"{root.scratch}/bundle")
    for flags in ([], ["-b", f"{root.scratch}/bundle"]):
        text = root.ok("spec", *flags) or open(f"{root.scratch}/bundle/config.json", encoding="utf-8").read()
        for name, capabilities in json.loads(text)["process"].get("capabilities", {}).items():
            for harmful in ("NET_RAW", "SYS_ADMIN", "MKNOD", "SYS_PTRACE", "DAC_OVERRIDE", "DAC_READ_SEARCH"):
                assert f"CAP_{harmful}" not in capabilities, (name, capabilities)


def test_devices_and_programs_of_a_directory_are_powerless(root):
    """A root that was unpacked from an image may hold a node of the host's disk that everybody may write to."""
    directory = f"{root.scratch}/image"
    for name in ("bin", "dev", "proc", "sys", "tmp"):
        os.makedirs(f"{directory}/{name}")
    for mode, name in ((0o755, "probe"), (0o6755, "suid")):
        shutil.copy(f"{BUILD}/tests/integration/probe", f"{directory}/bin/{name}")
        os.chmod(f"{directory}/bin/{name}", mode)
    os.mknod(f"{directory}/zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    os.chmod(f"{directory}/zero", 0o666)
    out = root.ok("run", "--chroot", directory, "--", "/bin/probe", "read", "/zero", "read", "/dev/zero", "cat",
                  "/proc/self/mountinfo", "exec", "/bin/suid", "ids")
    expect("the node and our own", ["read /zero EACCES", "read /dev/zero 16"], out.splitlines()[:2])
    expect_in("the root's mount", "/image / rw,nosuid,nodev,", out)
    expect_in("the program", "uid 65534 65534 65534 65534\n", out)


MISCHIEF = r"""
cd /tmp
chown 1 /etc/passwd || chown 1 / || mknod n c 1 3 || mount -t tmpfs x /tmp || mkdir /sys/fs/cgroup/x ||
echo x >/proc/sys/kernel/core_pattern || echo x >/proc/sysrq-trigger || echo x >/sys/kernel/uevent_helper || touch /usr/x
"""


def test_root_without_capabilities_is_powerless(root):
    """CVE-2019-12618, CVE-2022-0492: each command fails, or the shell would end with 0."""
    result = root.ts("run", "--user", "root", "--", "/bin/sh", "-c", MISCHIEF)
    assert result.status not in (0, 125), result
    assert len(result.err.splitlines()) >= 9, result


def test_setuid_taskshim_is_refused(root):
    """CVE-2020-5291."""
    if SANITIZED:
        raise Skip("the sanitizers' libraries do not run set-user-ID")
    for program, mode in ((TASKSHIM, 0o4755), (TASKSHIM, 0o2755), (SPAWN_DAEMON, 0o2755)):
        copy = shutil.copy(program, f"{root.scratch}/setuid")
        os.chmod(copy, mode)
        args = ["--root", f"{root.scratch}/root", "run", "--", "/bin/id"] if program == TASKSHIM else []
        config = json.dumps(root.config(["/bin/id"])) + "true"
        done = subprocess.run([copy, *args], input=config, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              user=65534, group=65534, extra_groups=[], check=False)
        expect(f"status {done}", 1 if program == TASKSHIM else 125, done.returncode)
        expect_in("message", "setuid", done.stdout)
        assert not os.path.exists(f"{root.scratch}/root")
        os.unlink(copy)


def test_file_capabilities_on_spawn_daemon_are_refused(root):
    """The same: whoever gives it CAP_SYS_ADMIN makes everybody root."""
    if SANITIZED:
        raise Skip("the sanitizers' libraries do not run with file capabilities")
    copy = shutil.copy(SPAWN_DAEMON, f"{root.scratch}/caps")
    # VFS_CAP_REVISION_2 with the effective bit; permitted is CAP_SYS_ADMIN
    os.setxattr(copy, "security.capability", bytes.fromhex("01000002" "00002000" "00000000" "00000000" "00000000"))
    done = subprocess.run([copy], input=json.dumps(root.config(["/bin/id"])) + "true", stdout=subprocess.PIPE, text=True,
                          user=65534, group=65534, extra_groups=[], check=False)
    expect(f"status {done}", 125, done.returncode)
    expect_in("message", "file capabilities", done.stdout)


def test_closed_standard_descriptors_are_nobody_elses(root):
    """CVE-2021-44717: what is opened next would be 0, 1 or 2, and be written to."""
    for closed in range(1, 8):
        def close(mask=closed):
            for fd in range(3):
                if mask & 1 << fd:
                    os.close(fd)
        task = root.task(f"closed-{closed}")
        done = subprocess.run([TASKSHIM, "--root", root.path, "run", "--keep", "--id", task, "--env", MARK, "--stdout",
                               f"{root.scratch}/out", "--", "/bin/sh", "-c", "echo out; echo err >&2; exit 7"], env=root.env,
                              preexec_fn=close, check=False)
        expect(f"status with {closed:03b} closed", 7, done.returncode)
        expect("output", "out\n", open(f"{root.scratch}/out", encoding="ascii").read())
        expect("record", 7, root.record(task)["exitCode"])
        expect("state", task, json.load(open(f"{root.directory(task)}/state.json", encoding="utf-8"))["id"])
        root.ok("delete", task)
        os.unlink(f"{root.scratch}/out")


def test_no_netlink_is_spoken(root):
    """CVE-2021-43784: there is no length to overflow."""
    if not shutil.which("strace") or SANITIZED:
        raise Skip("needs strace and no sanitizers")
    root.ok("run", "--net", "none", "--memory", "64m", "--", "/bin/true",
            wrapper=["strace", "-f", "-qq", "-e", "trace=socket,socketpair", "-o", f"{root.scratch}/trace"])
    trace = open(f"{root.scratch}/trace", encoding="ascii").read()
    expect_in("trace", "AF_UNIX", trace)
    assert "NETLINK" not in trace, trace


def test_names_that_lead_elsewhere_are_no_tasks(root):
    """CVE-2020-27195: ids become names of directories and cgroups."""
    outside = f"{root.scratch}/outside"
    os.mkdir(outside, 0o700)
    os.makedirs(root.path, 0o700, exist_ok=True)
    os.symlink(outside, f"{root.path}/link")
    lead = "../" * 8
    for name in ("..", ".", "", "../x", f"{lead}{outside[1:]}", outside, "a/b", "link", "link/x", "-x", "a\nb", "a b"):
        for verb in (["run", "--id", name, "--", "/bin/true"], ["state", name], ["delete", "-f", name], ["kill", name], ["stop", name]):
            result = root.ts(*verb)
            if verb[:2] == ["delete", "-f"] and "the task does not exist" not in result.err and result.status == 0:
                continue  # what is not there is deleted
            assert result.status != 0, (verb, result)
    expect("outside", [], os.listdir(outside))
    expect("the root", ["link"], os.listdir(root.path))
    os.unlink(f"{root.path}/link")


def hierarchies():
    """The top of each hierarchy of cgroups."""
    with open("/proc/self/mountinfo", encoding="ascii") as file:
        return [line.split()[4] for line in file if " - cgroup" in line]


def test_a_task_whose_cgroups_were_taken_is_still_stopped(root):
    """F11: a service manager moves its processes elsewhere and removes what it thinks its own."""
    text = root.run("a", "/bin/sleep", "1000")
    state = root.state(root.task("a"))
    for top in hierarchies():
        if os.access(f"{top}/cgroup.procs", os.W_OK):
            with open(f"{top}/cgroup.procs", "w", encoding="ascii") as file:
                file.write(str(state["pid"]))
    cgroups = id_string(text)["cgroups"]
    assert cgroups, text
    for cgroup in cgroups.values():
        os.rmdir(cgroup["path"])
    expect("status", "running", root.expect_open(text, "running")["answer"])
    root.ok("stop", "--time", "100ms", text)  # process 1 of a namespace that does not listen to SIGTERM
    wait_until("the task ends", lambda: not alive(state["pid"]))
    expect("cause", ["stopped", 9], [root.record(root.task("a"))[key] for key in ("cause", "signal")])
    root.ok("delete", text)


def test_devices_of_the_host_stay_as_they_are(root):
    """F13: of runc 1.1.1, and of conmon's chmod of its standard streams."""
    def look():
        names = ("/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/ptmx", "/dev/urandom", "/bin/sh", "/etc/passwd")
        return {name: [getattr(os.stat(name), field) for field in ("st_mode", "st_uid", "st_gid", "st_nlink", "st_ino")]
                for name in names}

    before = look()
    mask = os.umask(0o777)
    try:
        for flags in ([], ["--user", "1000"], ["--user", "root", "--cap-add", "CAP_MKNOD"]):
            root.ok("run", *flags, "--", "/bin/sh", "-c", "chmod 777 /dev/null /dev/zero; rm -f /dev/null; ln /bin/sh /tmp/x; true")
    finally:
        os.umask(mask)
        after = look()
        for name in before:  # a failure is put right: the machine needs its devices
            if before[name][0] != after[name][0]:
                os.chmod(name, before[name][0] & 0o7777)
    expect("the host's files", before, after)


if __name__ == "__main__":
    sys.exit(main(globals()))
