#!/usr/bin/env -S python3 -B
"""`taskshim exec` and taskshim_exec(): a command is in the task in every respect, ends with all it has started when it is to, and
harms nothing else."""
import ctypes
import hashlib
import os
import signal
import subprocess
import sys
import time

from lib import BUILD, MARK, TASKSHIM, UNIFIED, Skip, V1_ONLY, V2_ONLY, alive, expect, expect_in, id_string, main, wait_gone, wait_until, write_json

FACTS = r"""
for n in cgroup ipc mnt net pid time user uts; do readlink /proc/self/ns/$n; done
grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|Cpus_allowed_list)' /proc/self/status
cat /proc/self/limits /proc/self/oom_score_adj /proc/self/mountinfo
grep -v :: /proc/self/cgroup | grep -v ':hugetlb:' | sort
umask; pwd; env | grep -v -e ^_= -e ^SHLVL= -e ^OLDPWD= | sort
hostname; ls /proc/self/fd | wc -l
"""
SLEEP = ("/bin/sleep", "1000")


def facts(root, name):
    wait_until(name, lambda: os.path.exists(f"{root.scratch}/{name}.done"))
    with open(f"{root.scratch}/{name}", encoding="utf-8") as file:
        return file.read()


def tell(name):
    return f"{{ {FACTS} }} </dev/null >/w/{name} 2>&1; : >/w/{name}.done"


def same_as_the_task(root, name, *flags):
    root.run(name, "/bin/sh", "-c", f"{tell('own')}; sleep 1000", flags=flags)
    wanted = facts(root, "own")
    root.ok("exec", root.task(name), "/bin/sh", "-c", tell("exec"))
    expect("what the command sees", wanted, facts(root, "exec"))


def test_it_is_in_the_task(root):
    same_as_the_task(root, "t", "--hostname", "inside", "--memory", "64m", "--pids-limit", "50")


def test_with_capabilities_limits_and_a_filter(root):
    same_as_the_task(root, "t", "--user", "1000:1001", "--cap-add", "net_bind_service", "--rlimit", "nofile=123:456",
                     "--seccomp", "default", "--net", "none", "--env", "A=b c", "--cwd", "/tmp", "--read-only")


def test_as_root_with_the_hosts_pids(root):
    same_as_the_task(root, "t", "--user", "0", "--pid", "host", "--cap-add", "kill")


def test_in_a_user_namespace(root):
    same_as_the_task(root, "t", "--userns", "100000:65536", "--user", "7")


def test_with_a_reaper(root):
    same_as_the_task(root, "t", "--init")


def test_in_a_bundle_that_was_created(root):
    root.create("t", "/bin/sh", "-c", "sleep 1000 & wait")
    task = root.task("t")
    expect("before the start", "2\n", root.ok("exec", task, "sh", "-c", "echo $$"))
    root.ok("start", task)
    expect("after it", "nobody\n", root.ok("exec", task, "id", "-un"))
    root.ok("delete", "-f", task)


def status_of(root, task, *words, **more):
    return root.ts("exec", task, *words, **more)


def test_status_and_streams(root):
    root.run("t", *SLEEP)
    task = root.task("t")
    expect("status", 7, status_of(root, task, "sh", "-c", "exit 7").status)
    expect("killed", 143, status_of(root, task, "sh", "-c", "kill -TERM $$").status)
    result = status_of(root, task, "/no/such")
    expect("not found", 127, result.status)
    expect_in("message", "command not found", result.err)
    expect("not executable", 126, status_of(root, task, "/etc/passwd").status)
    result = status_of(root, task, "sh", "-c", "echo out; echo err >&2")
    expect("output", ("out\n", "err\n"), (result.out, result.err))
    process = root.start_process("exec", task, "cat", stdin=subprocess.PIPE)
    out, _ = process.communicate("in\n", timeout=60)
    expect("standard input", "in\n", out)
    expect("no such task", 125, root.ts("exec", root.task("other"), "true").status)
    expect("no command", 125, root.ts("exec", task).status)


def test_what_is_asked_for_otherwise(root):
    root.run("t", *SLEEP, flags=["--env", "A=1", "--env", "B=2"])
    task = root.task("t")

    def out(*words):
        return root.ok("exec", *words)

    expect("env", "3,2,4\n", out("-e", "A=3", "-e", "C=4", task, "sh", "-c", "echo $A,$B,$C"))
    expect("cwd", "/usr/bin\n", out("--cwd", "/usr/bin", task, "pwd"))
    expect("uid", "12 13\n", out("-u", "12:13", task, "sh", "-c", "echo $(id -u) $(id -g)"))
    expect("user by name", "root\n", out("--user", "root", task, "id", "-un"))
    expect_in("capability", "CapEff:\t0000000000000020", out("-c", "kill", task, "cat", "/proc/self/status"))
    result = status_of(root, "--user", "nobody-there", task, "true")
    expect_in("an unknown user", "user not found", result.err)
    result = status_of(root, "--cwd", "/no/such", task, "true")
    expect_in("no such directory", "/no/such", result.err)
    expect("status", 125, result.status)
    for words, part in (("-e", "A"), "want NAME=VALUE"), (("--timeout", "x"), "not a time"), (("--cgroup", "a/../b"), "below the task's"):
        result = root.ts("exec", *words, task, "true")
        expect(f"{words}: status", 125, result.status)
        expect_in(f"{words}", part, result.err)


def test_no_new_privs(root):
    root.run("t", *SLEEP, flags=["--no-new-privs", "false"])
    words = [root.task("t"), "grep", "NoNewPrivs", "/proc/self/status"]
    expect_in("the task's", "\t0", root.ok("exec", *words))
    expect_in("asked for", "\t1", root.ok("exec", "--no-new-privs", *words))


def test_process_of_a_file(root):
    root.run("t", *SLEEP)
    process = {"args": ["sh", "-c", "echo $X $(id -u) $(pwd); ulimit -n"], "cwd": "/tmp", "env": ["PATH=/bin", "X=y", MARK],
               "user": {"uid": 5, "gid": 6}, "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 77}]}
    path = f"{root.scratch}/process.json"
    write_json(path, process)
    expect("output", "y 5 /tmp\n77\n", root.ok("exec", "--process", path, root.task("t")))
    result = root.ts("exec", "--process", path, root.task("t"), "true")
    expect_in("both", "--process brings its own command", result.err)
    for text, part in (("[]", "not a JSON object"), ('{"args": 7}', "process.args"), ("{", "cut off")):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        result = root.ts("exec", "--process", path, root.task("t"))
        expect(f"{text}: {result}", 125, result.status)
        expect_in(text, part, result.err)


def test_cpu_affinity(root):
    """execCPUAffinity of the config, and of a process."""
    if os.cpu_count() < 2:
        raise Skip("one CPU")
    config = root.config(SLEEP)
    config["process"]["execCPUAffinity"] = {"initial": "0", "final": "1"}
    config["mounts"].append({"destination": "/proc", "type": "proc", "source": "proc"})
    os.makedirs(f"{root.scratch}/bundle-a")
    write_json(f"{root.scratch}/bundle-a/config.json", config)
    root.ok("create", "-b", f"{root.scratch}/bundle-a", root.task("a"), stdout=None, stderr=None)
    words = ["grep", "Cpus_allowed_list", "/proc/self/status"]
    expect_in("final", "\t1\n", root.ok("exec", root.task("a"), *words))
    process = {"args": words, "cwd": "/", "env": ["PATH=/bin", MARK], "user": {"uid": 0, "gid": 0}, "execCPUAffinity": {"initial": "0"}}
    write_json(f"{root.scratch}/process.json", process)
    expect_in("initial alone", "\t0\n", root.ok("exec", "--process", f"{root.scratch}/process.json", root.task("a")))
    root.ok("delete", "-f", root.task("a"))


def test_additional_gids(root):
    root.create("t", *SLEEP)
    bundle = f"{root.scratch}/bundle-g"
    config = root.config(SLEEP)
    config["process"]["user"] = {"uid": 1, "gid": 2, "additionalGids": [3]}
    os.makedirs(bundle)
    write_json(f"{bundle}/config.json", config)
    root.ok("create", "-b", bundle, root.task("g"), stdout=None, stderr=None)
    expect("groups", "2 3 44\n", root.ok("exec", "-g", "44", root.task("g"), "id", "-G"))
    for name in "t", "g":
        root.ok("delete", "-f", root.task(name))


# --- its end ---


def children_of_exec(root, task, *flags):
    """An exec whose command has started a child and a session of its own: its process, and all three pids."""
    script = "setsid sleep 1001 & sleep 1002 & echo $$ $! >/w/pids.new; mv /w/pids.new /w/pids; wait"
    process = root.start_process("exec", *flags, task, "sh", "-c", script)
    wait_until("it runs", lambda: os.path.exists(f"{root.scratch}/pids"))
    os.unlink(f"{root.scratch}/pids")
    return process


def strangers(task_pid):
    """Those in the task's pid namespace but its first process."""
    ns = os.readlink(f"/proc/{task_pid}/ns/pid")
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/ns/pid") == ns and int(pid) != task_pid and alive(int(pid)):
                found.append(int(pid))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            pass
    return found


def exec_cgroups(root, task):
    return [name for name in os.listdir(f"{UNIFIED}/taskshim/{task}") if name.startswith("exec-")]


def expect_the_task_alone(root, task, pid):
    wait_until("only the task is left", lambda: not strangers(pid))
    wait_until("no cgroup is left", lambda: not exec_cgroups(root, task))
    expect("the task", "running", root.state(task)["status"])


def test_timeout_kills_all_that_it_started(root):
    pid = id_string(root.run("t", *SLEEP))["pid"]
    task = root.task("t")
    process = children_of_exec(root, task, "--timeout", "3s")  # time to get that far, in a virtual machine too
    expect("status", 137, root.end_process(process).status)
    expect_the_task_alone(root, task, pid)


def test_killed_exec_takes_its_command_along(root):
    pid = id_string(root.run("t", *SLEEP))["pid"]
    task = root.task("t")
    process = children_of_exec(root, task)
    process.kill()
    process.communicate()
    wait_until("only the task is left", lambda: not strangers(pid))
    expect("the task", "running", root.state(task)["status"])
    root.ok("exec", task, "true")
    root.ok("delete", "-f", task)


def test_killed_monitor(root):
    pid = id_string(root.run("t", *SLEEP))["pid"]
    task = root.task("t")
    process = children_of_exec(root, task)
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
        monitor = int(file.read().split()[0])
    os.kill(monitor, signal.SIGKILL)
    result = root.end_process(process)
    expect(f"status {result}", 125, result.status)
    expect_in("message", "how the command ended is not known", result.err)
    expect_the_task_alone(root, task, pid)
    while os.waitpid(-1, os.WNOHANG)[0]:  # orphans are ours
        pass
    root.ok("delete", "-f", task)
    wait_until("all are gone", lambda: not os.path.exists(f"/proc/{pid}"))


def test_signals_are_passed_on(root):
    root.run("t", *SLEEP)
    script = "trap 'exit 9' TERM; : >/w/ready; while :; do sleep 0.01; done"
    process = root.start_process("exec", root.task("t"), "sh", "-c", script)
    wait_until("it runs", lambda: os.path.exists(f"{root.scratch}/ready"))
    process.terminate()
    expect("status", 9, root.end_process(process).status)


def test_what_it_leaves_goes_on(root):
    id_text = root.run("t", *SLEEP)
    pid, task = id_string(id_text)["pid"], root.task("t")
    root.ok("exec", task, "sh", "-c", "sleep 1003 >/dev/null 2>&1 & :")
    left = strangers(pid)
    expect("what goes on", 1, len(left))
    expect("cgroups of commands", [], exec_cgroups(root, task))
    with open(f"/proc/{left[0]}/cgroup", encoding="ascii") as file:
        expect_in("its cgroup", f"/taskshim/{task}\n", file.read())
    root.ok("delete", "-f", task)
    wait_gone(left[0])


def test_in_a_task_that_manages_its_cgroup(root):
    """As systemd in a container: the task's own cgroup is an inner node, in which no process may be."""
    controller, resources = ("memory", {}) if UNIFIED == "/sys/fs/cgroup" else ("hugetlb", {"hugepageLimits": [{"pageSize": "2MB", "limit": 0}]})
    path, task = root.bundle("t", SLEEP), root.task("t")
    config = root.config(SLEEP)
    config["linux"]["resources"] = resources
    write_json(f"{path}/config.json", config)
    root.ok("run", "-d", "-b", path, task, stdout=None, stderr=None)
    own, pid = f"{UNIFIED}/taskshim/{task}", root.state(task)["pid"]
    with open(f"{own}/cgroup.controllers", encoding="ascii") as file:
        if controller not in file.read():
            raise Skip(f"no {controller} in cgroup2")
    os.mkdir(f"{own}/init.scope")
    for name, text in (("init.scope/cgroup.procs", str(pid)), ("cgroup.subtree_control", f"+{controller}")):
        with open(f"{own}/{name}", "w", encoding="ascii") as file:
            file.write(text)
    root.ok("exec", "-d", task, "sleep", "1004", stdout=None, stderr=None)
    detached = strangers(pid)[0]
    with open(f"/proc/{detached}/cgroup", encoding="ascii") as file:
        expect_in("where it is", f"0::/taskshim/{task}/init.scope\n", file.read())
    os.kill(detached, signal.SIGKILL)
    os.waitpid(detached, 0)  # orphans are ours
    started = time.monotonic()
    root.ok("exec", task, "sh", "-c", "sleep 1003 >/dev/null 2>&1 & :")
    left = strangers(pid)
    with open(f"/proc/{left[0]}/cgroup", encoding="ascii") as file:
        expect_in("what it leaves", f"0::/taskshim/{task}/init.scope\n", file.read())
    os.kill(left[0], signal.SIGKILL)
    expect("cgroups of commands", [], [name for name in os.listdir(f"{own}/init.scope") if name.startswith("exec-")])
    expect("it did not wait", True, time.monotonic() - started < 5)
    root.ok("delete", "-f", task)


def test_a_command_that_makes_cgroups(root):
    root.run("t", *SLEEP)
    task = root.task("t")
    process = root.start_process("exec", task, "sh", "-c", "sleep 1003 >/dev/null 2>&1 & : >/w/ready; while [ ! -e /w/go ]; do sleep 0.01; done")
    wait_until("it runs", lambda: os.path.exists(f"{root.scratch}/ready"))
    wait_until("what it leaves runs", lambda: any(read_args(pid) == ["sleep", "1003"] for pid in strangers(root.state(task)["pid"])))
    own = f"{UNIFIED}/taskshim/{task}"
    os.makedirs(f"{own}/{exec_cgroups(root, task)[0]}/a/b")
    left = next(int(pid) for pid in strangers(root.state(task)["pid"]) if read_args(pid) == ["sleep", "1003"])
    with open(f"{own}/{exec_cgroups(root, task)[0]}/a/b/cgroup.procs", "w", encoding="ascii") as file:
        file.write(str(left))
    with open(f"{root.scratch}/go", "w", encoding="ascii"):
        pass
    expect("status", 0, root.end_process(process).status)
    expect("cgroups of commands", [], exec_cgroups(root, task))
    with open(f"/proc/{left}/cgroup", encoding="ascii") as file:
        expect_in("what it leaves", f"/taskshim/{task}\n", file.read())


def read_args(pid):
    with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
        return file.read().split("\0")[:-1]


def test_it_waits_until_the_task_is_set_up(root):
    hook = {"path": "/bin/sh", "args": ["sh", "-c", f": >{root.scratch}/hook; sleep 1; : >{root.scratch}/set-up"]}
    path, task = root.bundle("t", SLEEP), root.task("t")
    config = root.config(SLEEP)
    config["hooks"] = {"createRuntime": [hook]}
    write_json(f"{path}/config.json", config)
    process = root.start_process("run", "-b", path, task)
    wait_until("the hook", lambda: os.path.exists(f"{root.scratch}/hook"))
    root.ok("exec", task, "ls", "/w/set-up")
    root.ok("delete", "-f", task)
    root.end_process(process)


def test_a_start_that_is_given_up(root):
    """A command of a frozen task does not get far."""
    root.run("t", *SLEEP)
    task = root.task("t")
    root.ok("pause", task)
    result = root.ts("exec", "--ignore-paused", "--timeout", "300ms", task, "true")
    expect(f"{result}", 125, result.status)
    expect_in("message", "the start takes longer than its timeout", result.err)
    for detach in ((), ("-d",)):
        process = root.start_process("exec", *detach, "--ignore-paused", task, "true", stdout=None, stderr=None)
        wait_until("it is there", lambda: children_pids(process.pid))
        process.terminate()
        expect("status", 143, root.end_process(process).status)
    root.ok("resume", task)
    wait_until("no cgroup is left", lambda: not exec_cgroups(root, task))
    wait_until("only the task is left", lambda: not strangers(root.state(task)["pid"]))


def children_pids(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return file.read().split()


def test_a_process_that_is_wrong(root):
    root.run("t", *SLEEP)
    task, process = root.task("t"), {"args": ["id"], "cwd": "/"}
    for more, flags, part in (({"user": 5}, ("-g", "1"), "process.user"),
                              ({"user": {"uid": 0, "gid": 0, "additionalGids": 1}}, ("-g", "1"), "process.user.additionalGids"),
                              ({"capabilities": []}, ("-c", "kill"), "process.capabilities")):  # fmt: skip
        write_json(f"{root.scratch}/process", {**process, **more})
        result = root.ts("exec", "-p", f"{root.scratch}/process", *flags, task)
        expect(f"{more}: {result}", 125, result.status)
        expect_in(f"{more}", part, result.err)


def test_streams_that_are_opened_by_name(root):
    """nobody may open /dev/stdout of a pipe, as with runc."""
    for args in (("run", "--"), ("exec", root.task("t"))):
        if args[0] == "exec":
            root.run("t", *SLEEP)
        result = root.ts(*args, "sh", "-c", "echo out >/dev/stdout; echo err >/dev/stderr; id -u")
        expect(f"{args}", ("out\n65534\n", "err\n", 0), (result.out, result.err, result.status))


def test_detached(root):
    root.run("t", *SLEEP)
    task, pid_file = root.task("t"), f"{root.scratch}/pid"
    with open("/dev/null", "w", encoding="ascii") as null:
        root.ok("exec", "-d", "--pid-file", pid_file, task, "sh", "-c", "sleep 0.2; exit 5", stdout=null, stderr=null)
    with open(pid_file, encoding="ascii") as file:
        pid = int(file.read())
    expect("it is ours to reap, as a subreaper's", 5, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    result = root.ts("exec", "-d", "--timeout", "5s", task, "true")
    expect_in("a timeout", "needs who waits", result.err)


def test_pid_file_that_cannot_be_written(root):
    pid = id_string(root.run("t", *SLEEP))["pid"]
    result = root.ts("exec", "--pid-file", "/no/such/file", root.task("t"), "sleep", "1000")
    expect("status", 125, result.status)
    expect_in("message", "/no/such", result.err)
    expect_the_task_alone(root, root.task("t"), pid)


def test_paused(root):
    root.run("t", *SLEEP)
    task = root.task("t")
    root.ok("pause", task)
    result = root.ts("exec", task, "true")
    expect("status", 125, result.status)
    expect_in("message", "the task is paused", result.err)
    process = root.start_process("exec", "--ignore-paused", task, "echo", "on")
    time.sleep(0.2)
    expect("it waits", None, process.poll())
    root.ok("resume", task)
    expect("then it runs", "on\n", root.end_process(process).out)


def test_ended(root):
    root.run("t", "/bin/true")
    task = root.task("t")
    root.ts("wait", task)
    result = root.ts("exec", task, "true")
    expect("status", 125, result.status)
    expect_in("message", "not running", result.err)


def test_task_that_ends_meanwhile(root):
    root.run("t", *SLEEP)
    process = root.start_process("exec", root.task("t"), "sh", "-c", ": >/w/ready; exec sleep 1000")
    wait_until("it runs", lambda: os.path.exists(f"{root.scratch}/ready"))
    root.ok("kill", root.task("t"), "KILL")
    expect("status", 137, root.end_process(process).status)


def test_task_that_ends_while_it_starts(root):
    for i in range(8):
        root.run(f"t{i}", "/bin/sleep", f"0.0{i}")
        result = root.ts("exec", root.task(f"t{i}"), "true")
        if result.status not in (0, 125, 137):
            raise AssertionError(f"{result}")
        root.ts("wait", root.task(f"t{i}"))


def test_many_at_once(root):
    pid = id_string(root.run("t", *SLEEP))["pid"]
    task = root.task("t")
    processes = [root.start_process("exec", task, "sh", "-c", f"exit {i}") for i in range(20)]
    expect("statuses", list(range(20)), [root.end_process(process).status for process in processes])
    expect_the_task_alone(root, task, pid)


def test_without_a_monitor_and_by_id_string(root):
    root.create("t", *SLEEP)
    root.ok("start", root.task("t"))
    state = root.state(root.task("t"))
    expect("by its ID string", "in\n", root.ok("exec", state["taskshim"]["idString"], "echo", "in"))
    root.ok("delete", "-f", root.task("t"))


def test_other_layouts(root):
    """On cgroup v1 alone and on v2 alone: the end takes along what the command has started, and leaves what it left behind."""
    if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        return
    for name, wrapper in ("v1", V1_ONLY), ("v2", V2_ONLY):
        pid = id_string(root.run(name, *SLEEP, wrapper=wrapper))["pid"]
        task = root.task(name)
        expect("status", 3, root.ts("exec", task, "sh", "-c", "exit 3", wrapper=wrapper).status)
        script = "setsid sleep 1001 & sleep 1002 & wait"
        expect("timeout", 137, root.ts("exec", "--timeout", "200ms", task, "sh", "-c", script, wrapper=wrapper).status)
        expect(f"what it had started, {name}", [], strangers(pid))
        root.ok("exec", task, "sh", "-c", "sleep 1003 >/dev/null 2>&1 & :", wrapper=wrapper)
        expect(f"what it left behind, {name}", 1, len(strangers(pid)))
        with open(f"/proc/{strangers(pid)[0]}/cgroup", encoding="ascii") as file:
            expect(f"a cgroup of the command's, {name}", False, "/exec-" in file.read())
        root.ok("delete", "-f", task, wrapper=wrapper)


def test_cgroup_below_the_tasks(root):
    root.run("t", *SLEEP)
    task = root.task("t")
    path = f"{UNIFIED}/taskshim/{task}/sub"
    os.mkdir(path)
    expect_in("its cgroup", f"/taskshim/{task}/sub", root.ok("exec", "--cgroup", "unified:sub", task, "cat", "/proc/self/cgroup"))
    result = root.ts("exec", "--cgroup", "unified:none", task, "true")
    expect_in("one that is not there", "cgroup does not exist", result.err)
    root.ok("delete", "-f", task)
    expect("it went with the task", False, os.path.exists(path))


# --- attacks ---


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def test_helper_is_out_of_the_tasks_reach(root):
    """CVE-2019-5736: root in the task executes what executes it, and opens it for writing meanwhile."""
    root.run("t", *SLEEP, flags=["--user", "0"])
    task = root.task("t")
    mine = [digest(path) for path in (TASKSHIM, f"{BUILD}/spawn-daemon")]
    script = "for i in 1 2 3 4 5 6 7 8 9; do for p in /proc/[0-9]*/exe; do : >>$p && echo WROTE $p; done; done 2>/dev/null; :"
    writer = root.start_process("exec", task, "sh", "-c", script)
    for _ in range(20):
        root.ts("exec", task, "/proc/self/exe", "--version")
    result = root.end_process(writer)
    expect("programs", mine, [digest(path) for path in (TASKSHIM, f"{BUILD}/spawn-daemon")])
    if "WROTE" in result.out:
        raise AssertionError(result.out)


def test_hosts_files_are_not_open(root):
    root.run("t", *SLEEP, flags=["--user", "0"])
    out = root.ok("exec", root.task("t"), "sh", "-c", "ls -l /proc/self/fd | sed 1d")
    for line in out.splitlines():
        if not any(part in line for part in ("pipe:", "/dev/null", "/proc/")):
            raise AssertionError(f"open in the task: {line}")


# --- the library ---


class Options(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("flags", ctypes.c_uint), ("args", ctypes.POINTER(ctypes.c_char_p)),
                ("env", ctypes.POINTER(ctypes.c_char_p)), ("cwd", ctypes.c_char_p), ("user", ctypes.c_char_p),
                ("process", ctypes.c_char_p), ("spawn_daemon", ctypes.c_char_p), ("timeout_ms", ctypes.c_int64),
                ("stdio", ctypes.c_int * 3), ("output_max", ctypes.c_size_t), ("fds", ctypes.POINTER(ctypes.c_int)),
                ("n_fds", ctypes.c_size_t)]


class Exit(ctypes.Structure):
    _fields_ = [("known", ctypes.c_bool), ("exit_code", ctypes.c_int), ("signal", ctypes.c_int), ("core", ctypes.c_bool),
                ("oom", ctypes.c_bool), ("times", ctypes.c_long * 4)]


class Answer(ctypes.Structure):
    _fields_ = [("exit", Exit), ("pid", ctypes.c_int), ("timed_out", ctypes.c_bool), ("output", ctypes.c_char_p),
                ("output_len", ctypes.c_size_t), ("output_dropped", ctypes.c_uint64)]


class Error(ctypes.Structure):
    _fields_ = [("step", ctypes.c_char_p), ("err", ctypes.c_int), ("message", ctypes.c_char * 504)]


def words(*values):
    return (ctypes.c_char_p * (len(values) + 1))(*[value.encode() for value in values], None)


class Library:
    def __init__(self, root, task):
        self.lib = ctypes.CDLL(f"{BUILD}/libtaskshim.so.0")
        self.task = ctypes.c_void_p()
        expect("open", 0, self.lib.taskshim_task_open(root.path.encode(), task.encode(), ctypes.byref(self.task), None))

    def exec(self, *args, env=None, timeout=-1, stdio=(-1, -1, -1), output_max=65536, flags=0, **more):
        options = Options(ctypes.sizeof(Options), flags, words(*args), words(*env) if env else None,
                          spawn_daemon=f"{BUILD}/spawn-daemon".encode(), timeout_ms=timeout, stdio=(ctypes.c_int * 3)(*stdio),
                          output_max=output_max, **more)
        answer, error = Answer(), Error()
        if self.lib.taskshim_exec(self.task, ctypes.byref(options), ctypes.byref(answer), ctypes.byref(error)) != 0:
            return error
        return answer

    def close(self):
        self.lib.taskshim_task_free(self.task)


def test_library(root):
    if "asan" in BUILD:
        return  # python has no AddressSanitizer
    pid = id_string(root.run("t", *SLEEP))["pid"]
    library, before = Library(root, root.task("t")), sorted(os.listdir("/proc/self/fd"))
    answer = library.exec("sh", "-c", "echo out; echo err >&2; exit 4")
    expect("exit", (True, 4, 0, False), (answer.exit.known, answer.exit.exit_code, answer.exit.signal, answer.timed_out))
    expect("output", b"out\nerr\n", answer.output)
    answer = library.exec("sh", "-c", "echo $A; pwd", env=["A=b"], cwd=b"/tmp", user=b"3")
    expect("edits", b"b\n/tmp\n", answer.output)
    answer = library.exec("sh", "-c", "seq 1 100000; echo end")
    wanted = "".join(f"{i}\n" for i in range(1, 100001)) + "end\n"
    expect("the last of it", wanted[-65536:].encode(), answer.output)
    expect("dropped", len(wanted) - 65536, answer.output_dropped)
    answer = library.exec("sh", "-c", "echo x; setsid sleep 1000 & sleep 1000", timeout=300)
    expect("timeout", (True, 9, b"x\n"), (answer.timed_out, answer.exit.signal, answer.output))
    expect_the_task_alone(root, root.task("t"), pid)
    for long in (2**32 + 1, 100 * 365 * 86400 * 1000):  # more than poll(2) takes
        expect(f"timeout {long}", b"z\n", library.exec("echo", "z", timeout=long).output)
    answer = library.exec("sh", "-c", "sleep 1000 & echo y")  # who holds the pipe is not waited for
    expect("left behind", b"y\n", answer.output)
    error = library.exec("/no/such")
    expect("error", (b"command", 2), (error.step, error.err))
    read, write = os.pipe()
    answer = library.exec("echo", "streamed", stdio=(-1, write, write))
    expect("streamed", (b"streamed\n", None), (os.read(read, 100), answer.output))
    os.close(read)
    os.close(write)
    answer = library.exec("sh", "-c", "exit 6", flags=1)
    expect("detached", 6, os.waitstatus_to_exitcode(os.waitpid(answer.pid, 0)[1]))
    error = library.exec("true", process=b'{"args":["true"],"cwd":"relative"}')
    expect_in("a process that is none", b"cwd", error.message)
    expect("descriptors", before, sorted(os.listdir("/proc/self/fd")))
    library.close()


if __name__ == "__main__":
    sys.exit(main(globals()))
