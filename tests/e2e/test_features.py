#!/usr/bin/env python3
"""Each claim of `taskshim features` is put to the test: what it lists works in a task, what it denies is refused. A claim that
no test here looks at fails test_every_claim_is_looked_at."""
import os
import socket
import sys

from lib import BUILD, LIMIT, V1_ONLY, V2_ONLY, Skip, expect, expect_in, id_string, main, write_json

PROBE = os.path.join(BUILD, "tests/integration/probe")
LOOKED_AT = set()  # paths of the document


def claim(root, path):
    """What the document says at @path."""
    LOOKED_AT.add(path)
    value = features(root)
    for key in path.split("."):
        value = value[key]
    return value


def features(root):
    result = root.ts("features")
    expect(f"features: {result}", 0, result.status)
    return result.json()


class Tasks:
    """Runs configs, each as a bundle of its own."""

    def __init__(self, root):
        self.root, self.n = root, 0

    def run(self, *command, edit=lambda config: None, wrapper=()):
        config = self.root.config(command, namespaces=("pid", "mount"))
        config["mounts"].append({"destination": "/proc", "type": "proc"})
        edit(config)
        self.n += 1
        path = f"{self.root.scratch}/bundle-{self.n}"
        os.mkdir(path)
        write_json(f"{path}/config.json", config)
        return self.root.ts("run", "-b", path, self.root.task(f"f{self.n}"), wrapper=wrapper)

    def ok(self, *command, **more):
        result = self.run(*command, **more)
        expect(f"{command}: {result}", 0, result.status)
        return result.out

    def refused(self, edit, part):
        result = self.run("/bin/true", edit=edit)
        if result.status == 0:
            raise AssertionError(f"accepted, and not refused with {part!r}")
        expect_in("the refusal", part, result.err)


def merge(section, **members):
    """An edit that puts @members into the object config[@section]."""
    return lambda config: config.setdefault(section, {}).update(members)


# --- versions, hooks ---


def test_oci_versions(root):
    tasks = Tasks(root)
    for key in ("ociVersionMin", "ociVersionMax"):
        version = claim(root, key)
        tasks.ok("/bin/true", edit=lambda config: config.update(ociVersion=version))
    first, last = (claim(root, key).split(".") for key in ("ociVersionMin", "ociVersionMax"))
    for version in (f"{int(first[0]) - 1}.9.0", f"{last[0]}.{int(last[1]) + 1}.0"):
        tasks.refused(lambda config: config.update(ociVersion=version), "ociVersion")
    expect_in("--version", f"spec: {claim(root, 'ociVersionMax')}", root.ok("--version"))


def test_hooks(root):
    tasks = Tasks(root)
    kinds = claim(root, "hooks")
    expect("number of kinds", 6, len(set(kinds)))
    for kind in kinds:
        log = f"{root.scratch}/{kind}"
        inside = "/w/" + kind if kind == "startContainer" else log
        hook = {"path": "/bin/sh", "args": ["sh", "-c", f"cat >{inside}"]}
        tasks.ok("/bin/true", edit=merge("hooks", **{kind: [hook]}))
        with open(log, encoding="utf-8") as file:
            expect_in(f"what {kind} read", '"ociVersion"', file.read())


# --- mount options ---

SUPERBLOCK = {"async", "dirsync", "lazytime", "mand", "nolazytime", "nomand", "sync"}
# What is seen of a word in mountinfo, where it is not the default: (before " - ", behind it).
SEEN = {
    **dict.fromkeys(("ro", "rro"), ("ro", "")),
    **dict.fromkeys(("nosuid", "rnosuid"), ("nosuid", "")),
    **dict.fromkeys(("nodev", "rnodev"), ("nodev", "")),
    **dict.fromkeys(("noexec", "rnoexec"), ("noexec", "")),
    **dict.fromkeys(("noatime", "rnoatime"), ("noatime", "")),
    **dict.fromkeys(("nodiratime", "rnodiratime"), ("nodiratime", "")),
    **dict.fromkeys(("nosymfollow", "rnosymfollow"), ("nosymfollow", "")),
    **dict.fromkeys(("shared", "rshared"), ("shared:", "")),
    **dict.fromkeys(("unbindable", "runbindable"), ("unbindable", "")),
    **dict.fromkeys(("idmap", "ridmap"), ("idmapped", "")),
    "sync": ("", "sync"),
    "dirsync": ("", "dirsync"),
    "lazytime": ("", "lazytime"),
    "mand": ("", "mand"),
}
# What a word takes back: it is set behind the opposite, which must then not be seen.
TAKES_BACK = {
    "rw": "ro", "suid": "nosuid", "dev": "nodev", "exec": "noexec", "atime": "noatime", "relatime": "noatime",
    "diratime": "nodiratime", "symfollow": "nosymfollow", "norelatime": "noatime", "nostrictatime": "noatime",
    "rrw": "rro", "rsuid": "rnosuid", "rdev": "rnodev", "rexec": "rnoexec", "ratime": "rnoatime", "rrelatime": "rnoatime",
    "rdiratime": "rnodiratime", "rsymfollow": "rnosymfollow", "rnorelatime": "rnoatime", "rnostrictatime": "rnoatime",
    "async": "sync", "nolazytime": "lazytime", "nomand": "mand", "strictatime": "noatime", "rstrictatime": "rnoatime",
    "private": "shared", "rprivate": "rshared", "slave": "shared", "rslave": "rshared",
}  # fmt: skip
# Words of which nothing can be seen in mountinfo. tmpcopyup and remount have cases of their own.
UNSEEN = {"bind", "rbind", "defaults", "iversion", "noiversion", "silent", "loud", "tmpcopyup", "remount"}


def mount_line(out, path):
    """Options before and behind " - " of what is mounted on @path."""
    for line in out.splitlines():
        left, _, right = line.partition(" - ")
        if left.split()[4] == path:
            return left.split()[5:], right.split()[2].split(",")
    raise AssertionError(f"nothing is mounted on {path}: {out}")


def has(seen, words):
    return any(word == seen or (seen.endswith(":") and word.startswith(seen)) for part in words for word in part.split(","))


def mount_of(root, words):
    mount = {"destination": "/m", "type": "tmpfs", "source": "tmpfs", "options": words}
    if {"bind", "rbind", "shared", "rshared", "slave", "rslave", "idmap", "ridmap"} & set(words):
        mount.update(type="bind", source=f"{root.scratch}/source", options=[*words, "rbind"])
    if {"idmap", "ridmap"} & set(words):
        mapping = [{"containerID": 0, "hostID": 1000, "size": 1000}]
        mount.update(uidMappings=mapping, gidMappings=mapping)
    return mount


def kernel():
    return tuple(map(int, os.uname().release.split("-")[0].split(".")[:2]))


def mandatory_locks():
    """Linux 5.15 took them out: what is asked for is then left out by the kernel."""
    return kernel() < (5, 15)


def mapped_mounts():
    """Of what the scratch directory is on: tmpfs has them from Linux 6.3 on."""
    return kernel() >= (6, 3)


def test_mount_options(root):
    tasks = Tasks(root)
    os.mkdir(f"{root.scratch}/source")
    words = claim(root, "mountOptions")
    expect("words that no row is for", set(), set(words) - set(SEEN) - set(TAKES_BACK) - UNSEEN)
    for word in words:
        opposite = TAKES_BACK.get(word)
        options = [opposite, word] if opposite else [word]
        if word == "remount" or (word in ("idmap", "ridmap") and not mapped_mounts()):
            continue
        out = tasks.ok("/bin/cat", "/proc/self/mountinfo", edit=lambda c: c["mounts"].append(mount_of(root, options)))
        before, behind = mount_line(out, "/m")
        wanted_before, wanted_behind = SEEN.get(word, ("", ""))
        if word == "mand" and not mandatory_locks():
            continue
        if wanted_before and not has(wanted_before, before):
            raise AssertionError(f"{word}: {before}")
        if wanted_behind and not has(wanted_behind, behind):
            raise AssertionError(f"{word}: {behind}")
        if opposite and (has(SEEN[opposite][0] or "?", before) or has(SEEN[opposite][1] or "?", behind)):
            raise AssertionError(f"{word} after {opposite}: {before}, {behind}")


def test_mount_options_that_have_cases_of_their_own(root):
    tasks = Tasks(root)
    words = claim(root, "mountOptions")
    expect("both are listed", [True, True], [word in words for word in ("tmpcopyup", "remount")])
    copied = {"destination": "/etc", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}
    expect_in("/etc", "root:", tasks.ok("/bin/cat", "/etc/passwd", edit=lambda c: c["mounts"].append(copied)))
    again = {"destination": "/dev", "options": ["remount", "noexec"]}
    out = tasks.ok("/bin/cat", "/proc/self/mountinfo", edit=lambda c: c["mounts"].append(again))
    expect_in("/dev", "noexec", mount_line(out, "/dev")[0][0].split(","))
    out = tasks.ok("/bin/cat", "/proc/self/mountinfo")
    expect("/dev without it", False, "noexec" in mount_line(out, "/dev")[0][0].split(","))


def test_what_is_no_mount_option_is_refused(root):
    tasks = Tasks(root)
    words = claim(root, "mountOptions")
    for word in ("acl", "noacl", "nosiud", "rbnd", "user", "x-systemd.automount"):
        expect(f"{word} is not listed", False, word in words)
        tasks.refused(lambda config: config["mounts"].append(mount_of(root, [word])), word)


# --- linux ---

NAMESPACES = {"pid": "pid", "network": "net", "mount": "mnt", "ipc": "ipc", "uts": "uts", "user": "user", "cgroup": "cgroup",
              "time": "time"}  # fmt: skip


def with_namespace(kind):
    def edit(config):
        listed = [kind] if kind == "mount" else ["mount", kind]
        config["linux"]["namespaces"] = [{"type": name} for name in listed]
        if kind == "user":
            config["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 0, "size": 65536}]
            config["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 0, "size": 65536}]
        if kind not in ("pid", "user"):
            config["mounts"] = [mount for mount in config["mounts"] if mount["destination"] != "/proc"]
            config["mounts"].append({"destination": "/proc", "type": "bind", "source": "/proc", "options": ["rbind"]})

    return edit


def test_namespaces(root):
    tasks = Tasks(root)
    listed = claim(root, "linux.namespaces")
    expect("what OCI does not know", set(), set(listed) - set(NAMESPACES))
    for kind, name in NAMESPACES.items():
        if kind not in listed:
            tasks.refused(with_namespace(kind), "not supported yet")
            continue
        link = tasks.ok("/bin/readlink", f"/proc/self/ns/{name}", edit=with_namespace(kind)).strip()
        expect_in(kind, f"{name}:[", link)
        if link == os.readlink(f"/proc/self/ns/{name}"):
            raise AssertionError(f"{kind}: {link} is ours")
    tasks.refused(with_namespace("process"), "linux.namespaces")


def test_capabilities(root):
    """The bounding set of a task with one of them is that one, where it is ours to give."""
    tasks = Tasks(root)
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        last = int(file.read())
    with open("/proc/self/status", encoding="utf-8") as file:
        ours = [int(line.split()[1], 16) for line in file if line.startswith(("CapPrm", "CapBnd"))]
    names = claim(root, "linux.capabilities")
    if last >= len(names):
        raise AssertionError(f"this kernel has {last + 1} capabilities, {len(names)} are listed")
    for number, name in enumerate(names):
        edit = merge("process", capabilities={"bounding": [name]}, user={"uid": 0, "gid": 0})
        out = tasks.ok("/bin/grep", "CapBnd", "/proc/self/status", edit=edit)
        expect(name, 1 << number & ours[0] & ours[1], int(out.split()[1], 16))
    tasks.refused(merge("process", capabilities={"bounding": ["CAP_NONE_SUCH"]}), "CAP_NONE_SUCH")


def cgroups_of_a_task(root, wrapper):
    word = root.run("cgroups", "/bin/sleep", "1000", wrapper=wrapper)
    named = id_string(word)
    with open(f"/proc/{named['pid']}/cgroup", encoding="ascii") as file:
        member = {line.split(":", 2)[1]: line.strip().split(":", 2)[2] for line in file}
    root.ok("delete", "-f", root.task("cgroups"), wrapper=wrapper)
    return named["cgroups"], member


def test_cgroup_v1(root):
    expect("v1", True, claim(root, "linux.cgroup.v1"))
    if not os.path.isdir("/sys/fs/cgroup/unified"):
        raise Skip("no hybrid layout to see v1 in")
    named, member = cgroups_of_a_task(root, V1_ONLY)
    expect("unified without one", False, "unified" in named)
    in_v1 = [path for controllers, path in member.items() if controllers and root.name in path]
    if not in_v1:
        raise AssertionError(f"in no v1 cgroup: {member}, {named}")


def test_cgroup_v2(root):
    expect("v2", True, claim(root, "linux.cgroup.v2"))
    named, member = cgroups_of_a_task(root, V2_ONLY if os.path.isdir("/sys/fs/cgroup/unified") else ())
    expect("cgroups on v2 alone", ["unified"], list(named))
    expect_in("path on v2", root.name, member[""])


def test_cgroup_managers(root):
    for key in ("systemd", "systemdUser"):
        expect(key, False, claim(root, f"linux.cgroup.{key}"))
    result = root.ts("--systemd-cgroup", "run", "--", "/bin/true")
    expect(f"--systemd-cgroup: {result}", 1, result.status)
    expect_in("--systemd-cgroup", "not supported yet", result.err)


def test_cgroup_rdma(root):
    expect("rdma", True, claim(root, "linux.cgroup.rdma"))
    edit = lambda config: config["linux"].update(resources={"rdma": {"mlx5_0": {"hcaHandles": 1}}})
    Tasks(root).refused(edit, "rdma")  # there is no such device, or no such controller


# swapoff("/"), of which nothing comes in any task: as a status its errno, or 0.
SWAPOFF = "import ctypes; libc = ctypes.CDLL(None, use_errno=True); libc.swapoff(b'/'); exit(ctypes.get_errno())"
SIGSYS = 128 + 31
ENDS = {
    "SCMP_ACT_ALLOW": 1, "SCMP_ACT_LOG": 1, "SCMP_ACT_ERRNO": 99, "SCMP_ACT_TRACE": 38, "SCMP_ACT_TRAP": SIGSYS,
    "SCMP_ACT_KILL": SIGSYS, "SCMP_ACT_KILL_THREAD": SIGSYS, "SCMP_ACT_KILL_PROCESS": SIGSYS, "SCMP_ACT_NOTIFY": None,
}  # fmt: skip
OPERATORS = {"SCMP_CMP_NE": 0, "SCMP_CMP_LT": 99, "SCMP_CMP_LE": 7, "SCMP_CMP_EQ": 7, "SCMP_CMP_GE": 7, "SCMP_CMP_GT": 5,
             "SCMP_CMP_MASKED_EQ": 7}  # fmt: skip # with what the 7 of swapoff(7) must be compared to be denied


def with_seccomp(**more):
    return lambda config: config["linux"].update(seccomp={"defaultAction": "SCMP_ACT_ALLOW", **more})


def listen(root):
    """A socket for the descriptor of SCMP_ACT_NOTIFY."""
    path = f"{root.scratch}/listener"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen()
    listener.settimeout(LIMIT)
    return path, listener


def notified(root, tasks, **more):
    """Of a rule with SCMP_ACT_NOTIFY the descriptor arrives."""
    path, listener = listen(root)
    rule = {"names": ["swapoff"], "action": "SCMP_ACT_NOTIFY"}
    tasks.ok("/bin/true", edit=with_seccomp(syscalls=[rule], listenerPath=path, **more))
    connection = listener.accept()[0]
    _, fds, _, _ = socket.recv_fds(connection, 65536, 1)
    expect("descriptors", 1, len(fds))
    os.close(fds[0])
    connection.close()
    listener.close()
    os.unlink(path)


def test_seccomp(root):
    tasks = Tasks(root)
    if not claim(root, "linux.seccomp.enabled"):
        expect("members", ["enabled"], list(features(root)["linux"]["seccomp"]))
        tasks.refused(with_seccomp(), "linux.seccomp: not supported yet")
        return
    actions = claim(root, "linux.seccomp.actions")
    expect("actions", set(ENDS), set(actions))
    for action in actions:
        if action == "SCMP_ACT_NOTIFY":
            notified(root, tasks)
            continue
        rule = {"names": ["swapoff"], "action": action}
        if action == "SCMP_ACT_ERRNO":
            rule["errnoRet"] = 99
        result = tasks.run("/usr/bin/python3", "-c", SWAPOFF, edit=with_seccomp(syscalls=[rule]))
        expect(f"{action}: {result}", ENDS[action], result.status)


def test_seccomp_operators(root):
    if not claim(root, "linux.seccomp.enabled"):
        return  # test_seccomp has seen that it is refused
    tasks = Tasks(root)
    operators = claim(root, "linux.seccomp.operators")
    expect("operators", set(OPERATORS), set(operators))
    probe = "import ctypes; libc = ctypes.CDLL(None, use_errno=True); libc.swapoff(ctypes.c_void_p(7)); exit(ctypes.get_errno())"
    for op in operators:
        compared = {"index": 0, "value": 0xFF if op == "SCMP_CMP_MASKED_EQ" else OPERATORS[op], "op": op}
        if op == "SCMP_CMP_MASKED_EQ":
            compared["valueTwo"] = OPERATORS[op]
        rule = {"names": ["swapoff"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99, "args": [compared]}
        result = tasks.run("/usr/bin/python3", "-c", probe, edit=with_seccomp(syscalls=[rule]))
        expect(f"{op}: {result}", 99, result.status)
    rule["args"][0]["op"] = "SCMP_CMP_ABOUT"
    tasks.refused(with_seccomp(syscalls=[rule]), "SCMP_CMP_ABOUT")


def test_seccomp_architectures_and_flags(root):
    if not claim(root, "linux.seccomp.enabled"):
        return  # test_seccomp has seen that it is refused
    tasks = Tasks(root)
    for arch in claim(root, "linux.seccomp.archs"):
        rule = {"names": ["swapoff"], "action": "SCMP_ACT_ERRNO"}
        tasks.ok("/bin/true", edit=with_seccomp(architectures=[arch], syscalls=[rule]))
    tasks.refused(with_seccomp(architectures=["SCMP_ARCH_PDP11"]), "SCMP_ARCH_PDP11")
    known, supported = claim(root, "linux.seccomp.knownFlags"), claim(root, "linux.seccomp.supportedFlags")
    expect("supported, but not known", set(), set(supported) - set(known))
    for flag in supported:
        if flag == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV":
            notified(root, tasks, flags=[flag])
        else:
            tasks.ok("/bin/true", edit=with_seccomp(flags=[flag], syscalls=[rule]))
    tasks.refused(with_seccomp(flags=["SECCOMP_FILTER_FLAG_NONE_SUCH"]), "SECCOMP_FILTER_FLAG_NONE_SUCH")


def test_security_modules(root):
    """Where the kernel has the module, its say is seen; where not, the error says that, and no task runs without its label."""
    tasks = Tasks(root)
    for module, field in (("apparmor", "apparmorProfile"), ("selinux", "selinuxLabel")):
        expect(module, True, claim(root, f"linux.{module}.enabled"))
        result = tasks.run("/bin/cat", "/proc/self/attr/current", edit=merge("process", **{field: "ts-no-such-label"}))
        expect(f"{field}: {result}", (125, ""), (result.status, result.out))
        expect_in(field, "label: ", result.err)
        expect_in(field, "ts-no-such-label", result.err)


POLICIES = {
    "MPOL_DEFAULT": "default", "MPOL_PREFERRED": "prefer:0", "MPOL_BIND": "bind:0", "MPOL_INTERLEAVE": "interleave:0",
    "MPOL_LOCAL": "local", "MPOL_PREFERRED_MANY": "prefer (many):0", "MPOL_WEIGHTED_INTERLEAVE": "weighted interleave:0",
}  # fmt: skip
POLICY_FLAGS = {
    "MPOL_F_STATIC_NODES": "bind=static:0", "MPOL_F_RELATIVE_NODES": "bind=relative:0", "MPOL_F_NUMA_BALANCING": "bind=balancing:0",
}  # fmt: skip


def test_memory_policy(root):
    tasks = Tasks(root)
    modes, flags = claim(root, "linux.memoryPolicy.modes"), claim(root, "linux.memoryPolicy.flags")
    expect("modes", set(POLICIES), set(modes))
    expect("flags", set(POLICY_FLAGS), set(flags))
    if not os.path.exists("/proc/self/numa_maps"):
        raise Skip("this kernel has no NUMA")
    if kernel() < (6, 9):
        modes.remove("MPOL_WEIGHTED_INTERLEAVE")
    cases = [(mode, [], POLICIES[mode]) for mode in modes] + [("MPOL_BIND", [flag], POLICY_FLAGS[flag]) for flag in flags]
    for mode, with_flags, seen in cases:
        policy = {"mode": mode, "flags": with_flags}
        if mode not in ("MPOL_DEFAULT", "MPOL_LOCAL"):
            policy["nodes"] = "0"
        out = tasks.ok("/bin/cat", "/proc/self/numa_maps", edit=lambda c: c["linux"].update(memoryPolicy=policy))
        if not any(f" {seen} " in line for line in out.splitlines()):
            raise AssertionError(f"{policy}: wanted {seen!r} in {out}")


def test_intel_rdt(root):
    claims = [claim(root, f"linux.intelRdt.{key}") for key in ("enabled", "schemata", "monitoring")]
    expect("all of it", [False] * 3, claims)
    Tasks(root).refused(lambda c: c["linux"].update(intelRdt={"closID": "x"}), "linux.intelRdt: not supported")


def test_idmapped_mounts(root):
    expect("idmap", True, claim(root, "linux.mountExtensions.idmap.enabled"))
    if not mapped_mounts():
        raise Skip("this kernel has no mapped mounts of tmpfs (Linux 6.3)")
    os.mkdir(f"{root.scratch}/source")
    os.chown(f"{root.scratch}/source", 7, 8)
    mount = mount_of(root, ["idmap"])
    out = Tasks(root).ok("/usr/bin/stat", "-c", "%u:%g", "/m", edit=lambda c: c["mounts"].append(mount))
    expect("owner", "1007:1008\n", out)


def test_net_devices(root):
    """In a network namespace of its own: the machine's devices are not touched."""
    expect("netDevices", True, claim(root, "linux.netDevices.enabled"))
    script = f'{PROBE} veth d0 p0 add-addr d0 192.0.2.1 24 0 >&2 && exec "$@"'
    mounts = [{"destination": "/probe", "type": "bind", "source": os.path.dirname(PROBE), "options": ["bind"]}]

    def edit(config):
        config["linux"]["namespaces"].append({"type": "network"})
        config["linux"]["netDevices"] = {"d0": {"name": "eth0"}}
        config["mounts"] += mounts

    out = Tasks(root).ok("/probe/probe", "links", edit=edit, wrapper=["unshare", "-n", "sh", "-c", script, "-"])
    expect_in("links", "link eth0 up\n", out)
    expect_in("links", "addr eth0 192.0.2.1/24\n", out)


def test_annotations(root):
    version = claim(root, "annotations")["org.taskshim.version"]
    expect_in("--version", f"taskshim version {version}\n", root.ok("--version"))
    expect("annotations that do something", [], claim(root, "potentiallyUnsafeConfigAnnotations"))


# --- the document itself ---


def paths_of(value, up=""):
    if isinstance(value, dict) and up != "annotations":
        for key, member in value.items():
            yield from paths_of(member, f"{up}.{key}" if up else key)
    else:
        yield up


def test_every_claim_is_looked_at(root):
    """Last: the tests before have looked."""
    paths = set(paths_of(features(root)))
    if len(sys.argv) > 1:
        raise Skip("only with all tests before it")
    expect("claims that no test looks at", set(), paths - LOOKED_AT)
    expect("what is looked at, and not claimed", set(), LOOKED_AT - paths)


if __name__ == "__main__":
    sys.exit(main(dict(globals())))
