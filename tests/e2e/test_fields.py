#!/usr/bin/env python3
"""Guarantee 8: every property of a config that is accepted is observed in a running task, by one test that names it here.

The properties are those of the decoders' own tables (fields.c prints them). Each must have exactly one row: a config that sets it
and what the probe then says in the task, which it must not say without; or the name of the test elsewhere that observes it; or
a config with it that is refused as not supported yet; or why it has no effect that could be seen."""
import copy
import glob
import os
import re
import subprocess
import sys

from lib import BUILD, MARK, TOP, expect, main, write_json

FIELDS = os.path.join(BUILD, "tests/e2e/fields")
PROBE = os.path.join(BUILD, "tests/integration/probe")


# --- rows ---


class Row:
    def __init__(self, fields):
        self.fields = fields.split()


class Seen(Row):
    """With @edits the output of the probe's @words matches @pattern; with the edits @other, or none, it does not."""

    def __init__(self, fields, edits, words, pattern, other=None, needs=None):
        super().__init__(fields)
        self.edits, self.words, self.pattern, self.other, self.needs = edits, words.split(), pattern, other or {}, needs

    def look(self, tasks):
        if self.needs and not self.needs():
            print(f"     not on this machine: {' '.join(self.fields)}")
            return
        found, without = (tasks.output(edits, self.words) for edits in (self.edits, self.other))
        if not re.search(self.pattern, found, re.M):
            raise AssertionError(f"with {self.edits}: no {self.pattern!r} in {found}")
        if re.search(self.pattern, without, re.M):
            raise AssertionError(f"with {self.other}, and not only with {self.edits}: {self.pattern!r} in {without}")


class Elsewhere(Row):
    """The test that observes it: "integration/test_x.c test_name". Its file speaks of the property."""

    def __init__(self, fields, *tests):
        super().__init__(fields)
        self.tests = tests

    def look(self, _):
        for test in self.tests:
            file, name = test.split()
            with open(f"{TOP}/tests/{file}", encoding="utf-8") as source:
                text = source.read()
            called = {".c": rf"^\t\tIT\({name}\),$", ".py": rf"^def {name}\(", ".sh": rf"^{name}\(\)$"}[os.path.splitext(file)[1]]
            if not re.search(called, text, re.M):
                raise AssertionError(f"{' '.join(self.fields)}: no test {name} in tests/{file}")
        texts = "".join(open(f"{TOP}/tests/{test.split()[0]}", encoding="utf-8").read() for test in self.tests)
        for field in self.fields:
            if field.rpartition(".")[2] not in texts:
                raise AssertionError(f"{field}: {self.tests} say nothing of it")


class Limit(Row):
    """A limit of linux.resources: what a file of the task's own cgroup says, or, on a machine that cannot have it, an error that names
    it. @files: of v1, with the controller, and of v2."""

    def __init__(self, fields, resources, files, pattern, other=None):
        super().__init__(" ".join(f"linux.resources.{field}" for field in fields.split()))
        self.resources, self.files, self.pattern, self.other = resources, files.split(), pattern, other

    def look(self, tasks):
        files = [*self.files, *(f"unified/{file}" for file in self.files if "/" not in file)]
        words = [word for file in files for word in ("cat", f"/cg/{file}")]
        cgroups = {"mounts[+]": {"destination": "/cg", "type": "cgroup"}}
        result = tasks.run({**cgroups, "linux.resources": self.resources}, words)
        name = os.path.commonprefix([f"{field}." for field in self.fields]).rstrip(".")
        if result.status == 125 and name.rpartition(".")[0] in result.err and not result.out:
            print(f"     not on this machine: {name}: {result.err.strip().rpartition(': ')[2]}")
            return
        expect(f"{self.resources}: {result}", 0, result.status)
        if not re.search(self.pattern, result.out, re.M):
            raise AssertionError(f"with {self.resources}: no {self.pattern!r} in {result}")
        without = tasks.run({**cgroups, **({"linux.resources": self.other} if self.other else {})}, words)
        if without.status != 0 or re.search(self.pattern, without.out, re.M):
            raise AssertionError(f"with {self.other}, and not only with {self.resources}: {self.pattern!r} in {without}")


class Refused(Row):
    """Not supported yet: each of @configs is refused by the name of what it sets. Who supports it makes another row of this."""

    def __init__(self, fields, *configs):
        super().__init__(fields)
        self.configs = configs

    def look(self, tasks):
        for edits in self.configs:
            result = tasks.run(edits, ["exit", "0"])
            path = next(path for path in edits if path != "linux.namespaces")
            section = path.partition("[")[0]
            if result.status == 0:
                raise AssertionError(f"{path} is accepted now: it needs a row that observes it")
            if "not supported" not in result.err or section not in result.err:
                raise AssertionError(f"{path}: {result}")


class Checked(Row):
    """Has no effect, but a wrong value is refused by name."""

    def __init__(self, fields, good, bad):
        super().__init__(fields)
        self.good, self.bad = good, bad

    def look(self, tasks):
        tasks.output(self.good, ["exit", "0"])
        result = tasks.run(self.bad, ["exit", "0"])
        if result.status == 0 or self.fields[0] not in result.err:
            raise AssertionError(f"{self.bad}: {result}")


class Nothing(Row):
    """Accepted without an effect on the task, for the reason that is given: the task is the same as without."""

    def __init__(self, fields, why, edits, words):
        super().__init__(fields)
        self.why, self.edits, self.words = why, edits, words.split()

    def look(self, tasks):
        expect(f"{self.fields} ({self.why})", tasks.output({}, self.words), tasks.output(self.edits, self.words))


# --- what the rows need ---


def swap_is_counted():
    return bool(glob.glob("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes") + glob.glob("/sys/fs/cgroup/*/memory.swap.max"))


def disk():
    """Some disk of this machine, as MAJOR:MINOR."""
    for path in sorted(glob.glob("/sys/block/*/dev")):
        with open(f"{os.path.dirname(path)}/size", encoding="ascii") as size, open(path, encoding="ascii") as dev:
            if int(size.read()) > 0:
                return dev.read().strip()
    return "8:0"


def mapped_mounts():
    """Of what the scratch directory is on: tmpfs has them from Linux 6.3 on, ext4 from 5.12."""
    return tuple(map(int, os.uname().release.split("-")[0].split(".")[:2])) >= (6, 3)


NET, UTS = ({"linux.namespaces[+]": {"type": kind}} for kind in ("network", "uts"))
CGROUPS = {"mounts[+]": {"destination": "/cg", "type": "cgroup"}}
ROOT = {"process.user": {"uid": 0, "gid": 0}}


def hook_rows():
    for kind in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"):
        parts = [f"hooks.{kind}.{part}" for part in ("path", "args", "env", "timeout")]
        yield Elsewhere(" ".join(parts[:3]), "integration/test_hooks.c test_each_kind_has_its_place_and_its_state")
        yield Elsewhere(parts[3], "integration/test_hooks.c test_timeout_ends_the_hook_and_its_children")


MB = 1 << 20
DISK = disk()
DEVICE = dict(zip(("major", "minor"), map(int, DISK.split(":"))))

# fmt: off
ROWS = [
    Checked("ociVersion", {"ociVersion": "1.3.0"}, {"ociVersion": "9.9.9"}),
    Elsewhere("annotations", "integration/test_hooks.c test_each_kind_has_its_place_and_its_state"),
    Seen("hostname", {**UTS, "hostname": "a-name"}, "host", "^hostname a-name$", UTS),
    Seen("domainname", {**UTS, "domainname": "a-domain"}, "host", "^domainname a-domain$", UTS),

    Elsewhere("taskshim.preserveFds", "e2e/test_descriptors.py test_a_task_gets_them_and_nothing_else"),

    # process
    Elsewhere("process.terminal process.consoleSize.height process.consoleSize.width taskshim.consoleSocket",
              "e2e/test_terminal.py test_a_created_task_has_the_terminal_that_its_creator_gets"),
    Seen("process.user.uid", {"process.user": {"uid": 1234, "gid": 5}}, "ids", "^uid 1234 1234 1234 1234$"),
    Seen("process.user.gid", {"process.user": {"uid": 1234, "gid": 5}}, "ids", "^gid 5 5 5 5$",
         {"process.user": {"uid": 1234}}),
    Seen("process.user.umask", {"process.user": {"umask": 0o27}}, "umask", "^umask 0027$"),
    Seen("process.user.additionalGids", {"process.user": {"uid": 1234, "gid": 5, "additionalGids": [7, 8]}}, "ids",
         "^groups .*7 8$", {"process.user": {"uid": 1234, "gid": 5}}),
    Nothing("process.user.username", "OCI: of Windows alone", {"process.user": {"uid": 65534, "gid": 65534, "username": "root"}},
            "ids caps env"),
    Seen("process.args", {}, "args one", "^arg one$", {"process.args": ["/probe/probe", "args", "two"]}),
    Seen("process.env", {"process.env": ["A=b c"]}, "env", "^env A=b c$"),
    Seen("process.cwd", {"process.cwd": "/usr"}, "cwd", "^cwd /usr$"),
    Elsewhere(" ".join(f"process.capabilities.{name}" for name in
                       ("bounding", "effective", "inheritable", "permitted", "ambient")),
              "integration/test_process.c test_capabilities_golden_matrix"),
    Seen("process.rlimits.type process.rlimits.soft process.rlimits.hard",
         {"process.rlimits": [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 88}]}, "rlimits", "^rlimit.NOFILE 77 88$"),
    Seen("process.noNewPrivileges", {"process.noNewPrivileges": True}, "flags", "^nnp 1$", {"process.noNewPrivileges": False}),
    Elsewhere("process.apparmorProfile process.selinuxLabel", "e2e/test_features.py test_security_modules"),
    Seen("process.oomScoreAdj", {"process.oomScoreAdj": 543}, "cat /proc/self/oom_score_adj", "^543$"),
    Elsewhere(" ".join(f"process.scheduler.{name}" for name in
                       ("policy", "nice", "priority", "flags", "runtime", "deadline", "period")),
              "integration/test_scheduling.c test_scheduler_is_observed"),
    Seen("process.ioPriority.class process.ioPriority.priority",
         {"process.ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 7}}, "ioprio", "^ioprio 2 7$"),
    Elsewhere("process.execCPUAffinity.initial process.execCPUAffinity.final", "e2e/test_exec.py test_cpu_affinity"),

    # root, mounts
    Elsewhere("root.path", "integration/test_root.c test_root_path_is_the_root"),
    Elsewhere("root.readonly", "integration/test_root.c test_root_readonly"),
    Seen("mounts.destination mounts.type mounts.source mounts.options",
         {"mounts[+]": {"destination": "/m", "type": "tmpfs", "source": "a-source", "options": ["noexec"]}},
         "cat /proc/self/mountinfo", r" /m rw,noexec\b.* - tmpfs a-source "),
    Seen(" ".join(f"mounts.{kind}Mappings.{part}" for kind in ("uid", "gid") for part in ("containerID", "hostID", "size")),
         {"mounts[+]": {"destination": "/m", "type": "bind", "source": "SCRATCH/owned", "options": ["bind"],
                        "uidMappings": [{"containerID": 5, "hostID": 1000, "size": 3}],
                        "gidMappings": [{"containerID": 6, "hostID": 2000, "size": 3}]}},
         "stat /m", "^stat /m d 0755 1002 2002$",
         {"mounts[+]": {"destination": "/m", "type": "bind", "source": "SCRATCH/owned", "options": ["bind"],
                        "uidMappings": [{"containerID": 5, "hostID": 1000, "size": 2}],
                        "gidMappings": [{"containerID": 6, "hostID": 2000, "size": 2}]}}, mapped_mounts),

    # linux
    Elsewhere("linux.namespaces.type",
              "integration/test_namespaces.c test_each_listed_namespace_is_new_the_others_are_the_callers"),
    Elsewhere("linux.namespaces.path", "integration/test_namespaces.c test_each_namespace_is_joined_by_path"),
    Elsewhere(" ".join(f"linux.{kind}Mappings.{part}" for kind in ("uid", "gid") for part in ("containerID", "hostID", "size")),
              "integration/test_userns.c test_ids_are_mapped", "integration/test_userns.c test_ids_that_start_elsewhere"),
    Elsewhere("linux.timeOffsets.secs linux.timeOffsets.nanosecs", "integration/test_userns.c test_time_offsets"),
    Seen("linux.sysctl", {**NET, "linux.sysctl": {"net.ipv4.ip_default_ttl": "77"}}, "cat /proc/sys/net/ipv4/ip_default_ttl",
         "^77$", NET),
    Elsewhere("linux.netDevices.name", "integration/test_netdevices.c test_a_device_is_moved_with_its_addresses"),
    Elsewhere(" ".join(f"linux.devices.{name}" for name in ("path", "type", "major", "minor", "fileMode", "uid", "gid")),
              "integration/test_devices.c test_each_field_of_a_device"),
    Seen("linux.cgroupsPath", {"linux.cgroupsPath": "/taskshim/NAME-cg"}, "cat /proc/self/cgroup", "NAME-cg$"),
    Elsewhere("linux.rootfsPropagation", "integration/test_mounts.c test_rootfs_propagation"),
    Seen("linux.maskedPaths", {"linux.maskedPaths": ["/proc/meminfo"]}, "read /proc/meminfo", "^read /proc/meminfo 0$"),
    Seen("linux.readonlyPaths", {**ROOT, "linux.readonlyPaths": ["/w"]}, "touch /w/file", "^touch /w/file EROFS$", ROOT),
    Elsewhere("linux.mountLabel", "integration/test_scheduling.c test_labels_without_their_module_are_errors"),
    Elsewhere("linux.personality.domain linux.personality.flags", "integration/test_scheduling.c test_personality_is_observed"),
    Elsewhere("linux.memoryPolicy.mode linux.memoryPolicy.nodes linux.memoryPolicy.flags",
              "integration/test_scheduling.c test_memory_policy_is_observed", "e2e/test_features.py test_memory_policy"),
    Refused(" ".join(f"linux.intelRdt.{name}" for name in ("closID", "schemata", "l3CacheSchema", "memBwSchema", "enableCMT",
                                                           "enableMBM", "enableMonitoring")),
            *({"linux.intelRdt": {name: value}} for name, value in (
                ("closID", "x"), ("schemata", ["L3:0=f"]), ("l3CacheSchema", "L3:0=f"), ("memBwSchema", "MB:0=20"),
                ("enableCMT", True), ("enableMBM", True), ("enableMonitoring", True)))),
    Elsewhere("linux.seccomp.syscalls.names linux.seccomp.syscalls.action linux.seccomp.syscalls.errnoRet",
              "integration/test_seccomp.c test_each_action"),
    Elsewhere("linux.seccomp.defaultAction linux.seccomp.defaultErrnoRet", "integration/test_seccomp.c test_default_action"),
    Elsewhere(" ".join(f"linux.seccomp.syscalls.args.{name}" for name in ("index", "value", "valueTwo", "op")),
              "integration/test_seccomp.c test_each_op"),
    Elsewhere("linux.seccomp.architectures", "integration/test_seccomp.c test_architectures"),
    Elsewhere("linux.seccomp.flags", "integration/test_seccomp.c test_flags"),
    Elsewhere("linux.seccomp.listenerPath linux.seccomp.listenerMetadata",
              "integration/test_seccomp.c test_listener_gets_descriptor_state_and_metadata"),

    # linux.resources
    Elsewhere(" ".join(f"linux.resources.devices.{name}" for name in ("allow", "type", "major", "minor", "access")),
              "e2e/test_devices.sh test_rules_of_a_bundle"),
    Limit("memory.limit", {"memory": {"limit": 64 * MB}}, "memory/memory.limit_in_bytes memory.max", f"^{64 * MB}$"),
    Limit("memory.reservation", {"memory": {"reservation": 32 * MB}}, "memory/memory.soft_limit_in_bytes memory.low",
          f"^{32 * MB}$"),
    Seen("linux.resources.memory.swap", {**CGROUPS, "linux.resources": {"memory": {"limit": 64 * MB, "swap": 80 * MB}}},
         "cat /cg/memory/memory.memsw.limit_in_bytes cat /cg/memory.swap.max", f"^({80 * MB}|{16 * MB})$",
         {**CGROUPS, "linux.resources": {"memory": {"limit": 64 * MB}}}, swap_is_counted),
    Limit("memory.kernel", {"memory": {"kernel": MB}}, "memory/memory.kmem.limit_in_bytes", f"^{MB}$"),
    Limit("memory.kernelTCP", {"memory": {"kernelTCP": MB}}, "memory/memory.kmem.tcp.limit_in_bytes", f"^{MB}$"),
    Limit("memory.swappiness", {"memory": {"swappiness": 7}}, "memory/memory.swappiness", "^7$"),
    Limit("memory.disableOOMKiller", {"memory": {"disableOOMKiller": True}}, "memory/memory.oom_control",
          "^oom_kill_disable 1$"),
    Checked("linux.resources.memory.useHierarchy", {"linux.resources": {"memory": {"useHierarchy": True}}},
            {"linux.resources": {"memory": {"useHierarchy": False}}}),
    Elsewhere("linux.resources.memory.checkBeforeUpdate", "e2e/test_resources.py test_update_below_what_is_in_use"),
    Limit("cpu.shares", {"cpu": {"shares": 512}}, "cpu/cpu.shares cpu.weight", "^(512|20)$"),
    Limit("cpu.quota cpu.period", {"cpu": {"quota": 25000, "period": 50000}},
          "cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us cpu.max", r"^(25000\n50000|25000 50000)$",
          {"cpu": {"quota": 26000, "period": 51000}}),
    Limit("cpu.burst", {"cpu": {"quota": 25000, "burst": 12345}}, "cpu/cpu.cfs_burst_us cpu.max.burst", "^12345$",
          {"cpu": {"quota": 25000}}),
    Limit("cpu.realtimeRuntime cpu.realtimePeriod", {"cpu": {"realtimeRuntime": 5000, "realtimePeriod": 500000}},
          "cpu/cpu.rt_runtime_us cpu/cpu.rt_period_us", r"^5000\n500000$"),
    Limit("cpu.cpus", {"cpu": {"cpus": "0"}}, "cpuset/cpuset.cpus cpuset.cpus", "^0$"),
    Limit("cpu.mems", {"cpu": {"mems": "0"}}, "cpuset/cpuset.mems cpuset.mems", "^0$"),
    Limit("cpu.idle", {"cpu": {"idle": 1}}, "cpu/cpu.idle cpu.idle", "^1$"),
    Limit("pids.limit", {"pids": {"limit": 33}}, "pids/pids.max pids.max", "^33$"),
    Limit("blockIO.weight", {"blockIO": {"weight": 123}},
          "blkio/blkio.weight blkio/blkio.bfq.weight io.bfq.weight io.weight", r"\b(123|1142)$"),
    Limit("blockIO.leafWeight", {"blockIO": {"leafWeight": 123}}, "blkio/blkio.leaf_weight", "^123$"),
    Limit(" ".join(f"blockIO.weightDevice.{name}" for name in ("major", "minor", "weight")),
          {"blockIO": {"weightDevice": [{**DEVICE, "weight": 123}]}},
          "blkio/blkio.weight_device blkio/blkio.bfq.weight_device io.bfq.weight io.weight", rf"^{DISK}\s+123$"),
    Limit("blockIO.weightDevice.leafWeight", {"blockIO": {"weightDevice": [{**DEVICE, "leafWeight": 123}]}},
          "blkio/blkio.leaf_weight_device", rf"^{DISK}\s+123$"),
    *(Limit(" ".join(f"blockIO.{name}.{part}" for part in ("major", "minor", "rate")), {"blockIO": {name: [{**DEVICE, "rate": MB}]}},
            f"blkio/blkio.throttle.{v1}_device io.max", rf"^{DISK} ({MB}$|.*\b{v2}={MB}\b)")
      for name, v1, v2 in (("throttleReadBpsDevice", "read_bps", "rbps"), ("throttleWriteBpsDevice", "write_bps", "wbps"),
                           ("throttleReadIOPSDevice", "read_iops", "riops"), ("throttleWriteIOPSDevice", "write_iops", "wiops"))),
    Limit("hugepageLimits.pageSize hugepageLimits.limit", {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 * MB}]},
          "hugetlb/hugetlb.2MB.limit_in_bytes hugetlb.2MB.max", f"^{4 * MB}$"),
    Limit("network.classID", {"network": {"classID": 1048577}}, "net_cls/net_cls.classid", "^1048577$"),
    Limit("network.priorities.name network.priorities.priority", {"network": {"priorities": [{"name": "lo", "priority": 5}]}},
          "net_prio/net_prio.ifpriomap", "^lo 5$"),
    Limit("rdma.hcaHandles rdma.hcaObjects", {"rdma": {"mlx5_0": {"hcaHandles": 3, "hcaObjects": 4}}}, "rdma/rdma.max rdma.max",
          "^mlx5_0 hca_handle=3 hca_object=4$"),
    Limit("unified", {"unified": {"cgroup.max.descendants": "44"}}, "cgroup.max.descendants", "^44$"),

    *hook_rows(),

    # taskshim
    Checked("taskshim.version", {"taskshim.version": 1}, {"taskshim.version": 2}),
    Elsewhere("taskshim.id", "integration/test_monitor.c test_created_id_names_the_state_directory"),
    Elsewhere("taskshim.runId", "integration/test_monitor.c test_exit_record_of_an_exit"),
    Elsewhere("taskshim.stateDir", "integration/test_monitor.c test_state_files_before_and_after_the_gate"),
    Elsewhere("taskshim.monitor", "integration/test_monitor.c test_unmonitored_gate_true_starts"),
    Elsewhere("taskshim.monitorCgroup", "integration/test_cgroup.c test_monitor_cgroup_is_joined_by_the_monitor_alone"),
    Elsewhere("taskshim.onParentDeath", "integration/test_wire.c test_on_parent_death_kill_kills_the_task"),
    Elsewhere("taskshim.onMonitorDeath", "integration/test_monitor.c test_killed_monitor_keeps_the_task_when_told_so"),
    Elsewhere("taskshim.cleanUp", "integration/test_clean_up.c test_parent_s_death_leaves_nothing"),
    Elsewhere("taskshim.durable", "integration/test_monitor.c test_durable_record"),
    Seen("taskshim.user", {"taskshim.user": "1234:5"}, "ids", r"^uid 1234 1234 1234 1234\ngid 5 5 5 5$"),
    Elsewhere("taskshim.keyring", "integration/test_process.c test_callers_keyring_is_kept_when_told_so"),
    Elsewhere("taskshim.cpuAffinity", "integration/test_scheduling.c test_cpu_affinity_is_observed"),
    Seen("taskshim.shell", {"taskshim.shell": ["/nowhere/sh", "/bin/pwd", "/bin/sh"]}, "echo x", "^/$"),
    Seen("taskshim.interpolate", {"process.env": ["A=b"], "taskshim.interpolate": True}, "args ${A}", "^arg b$",
         {"process.env": ["A=b"]}),
    Elsewhere("taskshim.baseMountNamespace", "integration/test_base_namespace.c test_pivot_root_is_not_called_with_a_base_mount_namespace"),
    Elsewhere("taskshim.isolation", "integration/test_root.c test_isolation_pivot_and_chroot_confine",
              "integration/test_root.c test_isolation_none_is_the_hosts_root"),
    Elsewhere("taskshim.chroot", "integration/test_root.c test_preset_host_has_the_hosts_programs_read_only",
              "integration/test_root.c test_map_binds_directories_and_files_read_only"),
    Elsewhere("taskshim.chrootMethod", "integration/test_copy.c test_copies_are_the_tasks_own"),
    Elsewhere("taskshim.taskDir taskshim.allocDir", "integration/test_root.c test_task_dir_is_made_and_mounted"),
    Elsewhere("taskshim.stdin", "integration/test_stdio.c test_stdin_from_a_path"),
    Elsewhere("taskshim.stdout", "integration/test_stdio.c test_path_is_created_0640_and_appended_to"),
    Elsewhere("taskshim.stderr", "integration/test_stdio.c test_path_for_both_streams"),
    Elsewhere("taskshim.logs.maxFiles taskshim.logs.maxFileSize", "e2e/test_logs.py test_every_byte_over_many_rotations",
              "e2e/test_logs.py test_the_oldest_goes"),
    Elsewhere("taskshim.cgroup", "integration/test_cgroup.c test_unified_is_joined",
              "integration/test_cgroup.c test_v1_controllers_are_joined"),
    Elsewhere("taskshim.killSignal taskshim.killTimeout", "integration/test_monitor.c test_timeout_stops_with_the_kill_signal",
              "integration/test_monitor.c test_timeout_kills_after_the_grace"),
    Elsewhere("taskshim.timeout", "integration/test_monitor.c test_timeout_stops_with_the_kill_signal"),
    Elsewhere("taskshim.seccomp", "integration/test_seccomp.c test_default_profile_refuses_and_capabilities_lift_it"),
    Elsewhere("taskshim.waitFor", "integration/test_monitor.c test_wait_for_all_lets_a_daemon_finish"),
    Elsewhere("taskshim.strays", "integration/test_monitor.c test_strays_are_kept_when_told_so"),
    Elsewhere("taskshim.init", "integration/test_init.c test_the_command_is_a_child_of_process_1"),
]
# fmt: on


# The tests that take each word of a choice. (Those of linux.seccomp.architectures are all tried by test_features.py, from the document.)
FEATURES = "e2e/test_features.py"
WORDS = {
    "process.rlimits.type": "integration/test_process.c",
    "process.scheduler.policy": "integration/test_scheduling.c",
    "process.scheduler.flags": "integration/test_scheduling.c",
    "process.ioPriority.class": "integration/test_scheduling.c",
    "linux.namespaces.type": FEATURES,
    "linux.memoryPolicy.mode": FEATURES,
    "linux.memoryPolicy.flags": FEATURES,
    "linux.personality.domain": "integration/test_scheduling.c",
    "linux.personality.flags": "integration/test_scheduling.c",
    "linux.seccomp.defaultAction": FEATURES,
    "linux.seccomp.flags": f"integration/test_seccomp.c {FEATURES}",
    "linux.seccomp.syscalls.action": FEATURES,
    "linux.seccomp.syscalls.args.op": FEATURES,
    "taskshim.onParentDeath": "integration/test_clean_up.c integration/test_wire.c",
    "taskshim.onMonitorDeath": "integration/test_monitor.c",
    "taskshim.keyring": "integration/test_process.c",
    "taskshim.isolation": "integration/test_root.c",
    "taskshim.chrootMethod": "integration/test_copy.c",
    "taskshim.waitFor": "integration/test_monitor.c",
    "taskshim.strays": "integration/test_monitor.c",
    "taskshim.seccomp": "integration/test_seccomp.c",
}


# --- running them ---


def put(config, path, value):
    """Sets config["a"]["b"] for "a.b"; "a.b[+]" appends."""
    *up, last = path.split(".")
    for key in up:
        config = config.setdefault(key, {})
    if last.endswith("[+]"):
        config.setdefault(last[:-3], []).append(value)
    else:
        config[last] = value


class Tasks:
    """Runs configs, each as a bundle of its own, by `taskshim run`."""

    def __init__(self, root):
        self.root, self.n = root, 0
        os.mkdir(f"{root.scratch}/owned", 0o755)
        os.chown(f"{root.scratch}/owned", 7, 8)

    def own(self, value):
        """Without what differs from run to run."""
        if isinstance(value, str):
            return value.replace("SCRATCH", self.root.scratch).replace("NAME", self.root.name)
        if isinstance(value, list):
            return [self.own(item) for item in value]
        return {key: self.own(item) for key, item in value.items()} if isinstance(value, dict) else value

    def run(self, edits, words):
        config = self.root.config(["/probe/probe", *words], namespaces=("pid", "mount"))
        config["process"]["env"] = [MARK]
        config["mounts"] += [
            {"destination": "/proc", "type": "proc"},
            {"destination": "/probe", "type": "bind", "source": os.path.dirname(PROBE), "options": ["bind", "ro"]},
        ]
        for path, value in copy.deepcopy(edits).items():
            put(config, path, self.own(value))
        self.n += 1
        path = f"{self.root.scratch}/bundle-{self.n}"
        os.mkdir(path)
        write_json(f"{path}/config.json", config)
        return self.root.ts("run", "-b", path, self.root.task(f"f{self.n}"))

    def output(self, edits, words):
        result = self.run(edits, words)
        expect(f"{edits}: {result}", 0, result.status)
        return result.out.replace(self.root.name, "NAME")


def decoded():
    """Each property, and the words that it takes."""
    out = subprocess.run([FIELDS], stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    return {line.split()[0]: line.split()[1:] for line in out}


def fields():
    """The properties that hold no others."""
    known = list(decoded())
    return [path for path in known if not any(other.startswith(f"{path}.") for other in known)]


def test_every_field_has_one_row(_):
    known, rows = fields(), [field for row in ROWS for field in row.fields]
    if len(known) < 190:
        raise AssertionError(f"{FIELDS} says {known}")
    expect("fields without a row", [], sorted(set(known) - set(rows)))
    expect("rows without a field", [], sorted(set(rows) - set(known)))
    expect("fields with more rows than one", [], sorted({field for field in rows if rows.count(field) > 1}))


def test_every_word_is_used_by_a_test(_):
    """Where a property is a choice of words, each of them, not one alone."""
    choices = {path: words for path, words in decoded().items() if words and path != "linux.seccomp.architectures"}
    expect("choices that no test is named for", set(), set(choices) - set(WORDS))
    expect("what is no choice", set(), set(WORDS) - set(choices))
    for path, words in choices.items():
        texts = "".join(open(f"{TOP}/tests/{file}", encoding="utf-8").read() for file in WORDS[path].split())
        unused = [word for word in words if not re.search(rf"\b({word}|{re.sub('^(RLIMIT|SCMP_CMP)_', '', word)})\b", texts)]
        expect(f"words of {path} that {WORDS[path]} does not use", [], unused)


def look_at(kind):
    def test(root):
        tasks, problems = Tasks(root), []
        for row in ROWS:
            if isinstance(row, kind):
                try:
                    row.look(tasks)
                except AssertionError as error:
                    problems.append(f"{' '.join(row.fields)}: {error}")
        if problems:
            raise AssertionError("\n".join(problems))

    return test


test_fields_that_are_seen_in_the_task = look_at(Seen)
test_limits_that_are_seen_in_the_task = look_at(Limit)
test_fields_that_are_seen_by_tests_elsewhere = look_at(Elsewhere)
test_fields_that_are_refused = look_at(Refused)
test_fields_that_are_only_checked = look_at(Checked)
test_fields_that_change_nothing = look_at(Nothing)


if __name__ == "__main__":
    sys.exit(main(dict(globals())))
