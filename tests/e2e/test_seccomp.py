#!/usr/bin/env -S python3 -B
"""`run --seccomp`: ordinary programs do not notice the default profile; strangers do. Profiles from files, docker's included."""
import json
import os
import re
import shutil
import sys

from lib import SANITIZED, TOP, Skip, expect, expect_in, main

PROFILE = "--seccomp", "default"


def run(root, *command, flags=PROFILE):
    return root.ts("run", *flags, "--mount", f"{root.scratch}:/w", "--", *command)


def ok(root, *command, flags=PROFILE):
    result = run(root, *command, flags=flags)
    expect(f"{command}: {result}", 0, result.status)
    return result.out


# --- default ---

ORDINARY = {
    "/bin/sh": ("-c", "echo a | cat; (sleep 0.1 & wait); ulimit -n >/dev/null; kill -0 $$; trap : TERM; umask 077; cd /tmp; mkfifo f"),
    "/bin/bash": ("-c", "exec 3<>/dev/null; for i in {1..20}; do /bin/true; done; cat <(echo x) | tr x y; echo >/tmp/f; [ -s /tmp/f ]"),
    "/usr/bin/perl": ("-e", "use Socket; socket(S, AF_INET, SOCK_STREAM, 0) or die; fork || exit; wait; select(undef, undef, undef, 0.01)"),
    "/usr/bin/find": ("/usr/share/doc", "-maxdepth", "1", "-newer", "/etc/passwd"),
    "/bin/tar": ("-cf", "/tmp/x.tar", "/etc/hosts"),
    "/bin/df": ("/",),
    "/bin/ps": ("aux",),
    "/usr/bin/nproc": (),
    "/usr/bin/git": ("init", "-q", "/tmp/repository"),
    "/usr/bin/make": ("--version",),
    "/usr/bin/timeout": ("5", "/bin/true"),
    "/usr/bin/flock": ("/tmp/lock", "/bin/true"),
    "/usr/bin/gcc": ("-x", "c", "-o", "/tmp/a.out", "/w/hello.c"),
}

PYTHON = """
import asyncio, ctypes, mmap, multiprocessing, os, select, socket, ssl, subprocess, tempfile, threading, time
a, b = socket.socketpair()
a.sendall(b"x"); assert b.recv(1) == b"x"
s = socket.socket(socket.AF_INET6); s.bind(("::1", 0)); s.listen()
socket.create_connection(s.getsockname()[:2]).close()
threads = [threading.Thread(target=time.sleep, args=(0.01,)) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
assert subprocess.run(["true"]).returncode == 0
with multiprocessing.Pool(2) as pool: assert pool.map(abs, [-1, 2]) == [1, 2]
async def f(): await asyncio.sleep(0.01); return await (await asyncio.create_subprocess_exec("true")).wait()
assert asyncio.run(f()) == 0
e = select.epoll(); e.register(a); os.eventfd(0); os.memfd_create("x")
m = mmap.mmap(-1, 8192); m.flush()
with tempfile.NamedTemporaryFile() as t: os.setxattr(t.name, "user.x", b"y") if os.path.exists("/never") else os.fsync(t.fileno())
os.sched_setaffinity(0, os.sched_getaffinity(0)); os.nice(1); os.getrandom(4); os.pidfd_open(os.getpid())
os.sendfile(os.open("/dev/null", 1), os.open("/etc/passwd", 0), 0, 10)
assert os.copy_file_range and time.clock_gettime(time.CLOCK_BOOTTIME) > 0
"""


def test_ordinary_programs_do_not_notice(root):
    with open(f"{root.scratch}/hello.c", "w", encoding="ascii") as file:
        file.write("int main(void) { return 0; }\n")
    tried = 0
    for program, args in ORDINARY.items():
        if not os.path.exists(program):
            continue
        result, bare = run(root, program, *args), run(root, program, *args, flags=())
        expect(f"{program} without a filter: {bare}", 0, bare.status)
        expect(f"{program}: {result}", (0, bare.err), (result.status, result.err))
        tried += 1
    assert tried > 8, tried
    ok(root, shutil.which("python3", path="/usr/bin:/bin"), "-c", PYTHON)
    ok(root, "/bin/grep", "-q", "^Seccomp:.2$", "/proc/self/status")


def test_strangers_do(root):
    if not os.path.exists("/usr/bin/strace"):
        raise Skip("needs strace")
    result = run(root, "/usr/bin/strace", "-o", "/dev/null", "/bin/true")
    assert result.status != 0, result
    expect_in("strace", "Operation not permitted", result.err)
    if not SANITIZED:  # whose own leak checker wants it as well
        ok(root, "/usr/bin/strace", "-o", "/dev/null", "/bin/true", flags=(*PROFILE, "--cap-add", "SYS_PTRACE"))
    for command in (("unshare", "-U", "true"), ("setarch", "-R", "true"), ("mount", "-t", "tmpfs", "x", "/tmp")):
        result = run(root, f"/usr/bin/{command[0]}", *command[1:])
        assert result.status not in (0, 125, 126, 127), (command, result)
    result = run(root, "/usr/bin/unshare", "-m", "true", flags=(*PROFILE, "--user", "0:0", "--cap-add", "SYS_ADMIN"))
    expect(f"unshare with the capability: {result}", 0, result.status)


def test_every_refused_call_is_on_the_page(root):
    with open(f"{TOP}/tools/seccomp_profile.h", encoding="ascii") as file:
        table = file.read()
    with open(f"{TOP}/docs/seccomp.md", encoding="ascii") as file:
        page = set(re.findall(r"\w+", file.read()))
    refused = re.findall(r'(?:DENY|CHECK)\(((?:\s*"[^"]*")+)', table)
    assert len(refused) > 15, refused
    names = {name for strings in refused for text in re.findall(r'"([^"]*)"', strings) for name in text.split()}
    expect("calls that docs/seccomp.md does not name", set(), names - page)
    assert root  # the table is the source's, no task is needed


# --- files ---

MKDIR = "import os, errno\ntry: os.mkdir('/tmp/d')\nexcept OSError as e: print(errno.errorcode[e.errno])"


def mkdir_says(root, profile, *flags):
    path = f"{root.scratch}/profile.json"
    with open(path, "w", encoding="ascii") as file:
        json.dump(profile, file)
    return ok(root, "/usr/bin/python3", "-c", MKDIR, flags=("--seccomp", path, *flags)).strip()


def with_rule(**more):
    return {"defaultAction": "SCMP_ACT_ALLOW",
            "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 33, **more}]}  # fmt: skip


def test_a_file_as_oci_has_it(root):
    expect("the rule", "EDOM", mkdir_says(root, with_rule()))
    expect("with all else", "EDOM", mkdir_says(root, {
        "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "flags": ["SECCOMP_FILTER_FLAG_LOG"],
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 33, "args": []}]}))  # fmt: skip
    os.chdir(root.scratch)
    result = run(root, "/bin/true", flags=("--seccomp", "profile.json"))
    expect(f"a relative path: {result}", 0, result.status)


def test_a_profile_of_docker(root):
    hit, missed = "EDOM", ""
    kernel = {"minKernel": "4.8"}, {"minKernel": "99.0"}
    for filters, flags, wanted in (
        ({"includes": {}, "excludes": {}}, (), hit),
        ({"includes": None, "excludes": None, "comment": "x", "args": None}, (), hit),
        ({"includes": {"caps": ["CAP_KILL"]}}, (), missed),
        ({"includes": {"caps": ["CAP_KILL"]}}, ("--cap-add", "KILL"), hit),
        ({"includes": {"caps": ["CAP_KILL", "CAP_SYS_ADMIN"]}}, ("--cap-add", "KILL"), missed),
        ({"excludes": {"caps": ["CAP_KILL", "CAP_SYS_ADMIN"]}}, ("--cap-add", "KILL"), missed),
        ({"excludes": {"caps": ["CAP_KILL"]}}, (), hit),
        ({"includes": kernel[0]}, (), hit),
        ({"includes": kernel[1]}, (), missed),
        ({"excludes": kernel[0]}, (), missed),
        ({"excludes": kernel[1]}, (), hit),
        ({"includes": {"arches": ["amd64", "arm64", "riscv64", "s390x", "ppc64le"]}}, (), hit),
        ({"includes": {"arches": ["mips"]}}, (), missed),
        ({"excludes": {"arches": ["mips"]}}, (), hit),
        ({"excludes": {"arches": ["amd64", "arm64", "riscv64", "s390x", "ppc64le"]}}, (), missed),
    ):
        expect(f"{filters} {flags}", wanted, mkdir_says(root, with_rule(**filters), *flags))
    # names of errnos, as podman has them; one name, as docker had it
    rule = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errno": "EDOM"}
    expect("errno", "EDOM", mkdir_says(root, {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))
    rules = [{"name": name, "action": "SCMP_ACT_ERRNO", "errnoRet": 33} for name in ("mkdir", "mkdirat")]
    expect("name", "EDOM", mkdir_says(root, {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}))


def test_arch_map(root):
    """The list of what the machine's own stands for becomes the architectures."""
    maps = [{"architecture": "SCMP_ARCH_" + own, "subArchitectures": ["SCMP_ARCH_" + other]}
            for own, other in (("X86_64", "X86"), ("AARCH64", "ARM"), ("MIPS", "PDP11"))]  # fmt: skip
    expect("archMap", "EDOM", mkdir_says(root, {**with_rule(), "archMap": maps}))
    for entry in maps[:2]:
        entry["subArchitectures"] = ["SCMP_ARCH_PDP11"]
    result = run_file(root, {**with_rule(), "archMap": maps})
    expect_in("an unknown one", "linux.seccomp.architectures[0]", result.err)


def run_file(root, profile):
    path = f"{root.scratch}/profile.json"
    with open(path, "w", encoding="ascii") as file:
        json.dump(profile, file)
    return run(root, "/bin/true", flags=("--seccomp", path))


def test_what_is_wrong_is_named(root):
    for profile, part in (
        ({}, "expected an object with defaultAction"),
        ([], "not a JSON object"),
        ({"defaultAction": "ALLOW"}, "linux.seccomp.defaultAction"),
        ({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": {}}, "linux.seccomp.syscalls"),
        ({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [1]}, "syscalls: expected objects"),
        ({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"]}]}, "linux.seccomp.syscalls[0].action"),
        ({**with_rule(), "architectures": ["SCMP_ARCH_X86"], "archMap": []}, "contradict"),
        ({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "ENONE"}, "unknown name of an errno"),
    ):
        result = run_file(root, profile)
        expect(f"{profile}: {result}", 125, result.status)
        expect_in("the message", part, result.err)
    result = run(root, "/bin/true", flags=("--seccomp", f"{root.scratch}/none"))
    expect_in("a missing file", f"{root.scratch}/none", result.err)


def test_none(root):
    for word in ("none", "unconfined"):
        ok(root, "/bin/grep", "-q", "^Seccomp:.0$", "/proc/self/status", flags=("--seccomp", word))
    ok(root, "/bin/grep", "-q", "^Seccomp:.0$", "/proc/self/status", flags=())


def test_explain_and_validate_tell(root):
    config = root.config(["/bin/true"], seccomp="default")
    path = f"{root.scratch}/config.json"
    with open(path, "w", encoding="ascii") as file:
        json.dump(config, file)
    expect_in("explain", "the default profile", root.ok("explain", path))
    del config["taskshim"]["seccomp"]
    config["linux"]["seccomp"] = with_rule(names=["mkdir", "makedir"])
    with open(path, "w", encoding="ascii") as file:
        json.dump(config, file)
    expect_in("explain", "SCMP_ACT_ERRNO: mkdir, ...", root.ok("explain", path))
    result = root.ts("validate", path)
    expect(f"validate: {result}", 0, result.status)
    expect_in("validate", "linux.seccomp.syscalls[0].names[1]: left out", result.err)
    expect_in("validate", "makedir", result.err)
    assert "names[0]" not in result.err, result.err


if __name__ == "__main__":
    sys.exit(main(dict(globals())))
