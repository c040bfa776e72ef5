#!/usr/bin/env -S python3 -B
"""`taskshim run --explain`: each step as spawn-daemon has it, in its order, with its result; and nothing of that for the task.
`taskshim explain`: the same steps in the same order, with what will be."""
import json
import os
import re
import subprocess
import sys

from lib import SANITIZED, SPAWN_DAEMON, Skip, expect, expect_in, main, write_json

LINE = re.compile(r"^ *(\d+)\.(\d{3}) ms  (ok|FAILED) +([a-z]+) +(\S.*)$")
OURS = [("state", "claim the state directory"), ("monitor", "start spawn-daemon"),
        ("cgroup", "make and limit the cgroups, hand the config over")]


def steps_of_spawn_daemon():
    """Of the table: (word, what it does)."""
    text = subprocess.run([SPAWN_DAEMON, "--help"], capture_output=True, text=True, check=True).stdout
    return [tuple(line.split(None, 1)) for line in text.split("steps, in order:\n")[1].splitlines()]


def explained(root, *args, status=0):
    """The lines as (result, step, does), and the rest of standard error."""
    result = root.ts("run", "--explain", *args)
    expect(f"status: {result}", status, result.status)
    lines, rest = [], []
    for text in result.err.splitlines():
        match = LINE.match(text)
        if match:
            lines.append(match.group(3, 4, 5))
        else:
            rest.append(text)
    return lines, rest, result.out


def inits(lines):
    """The steps of init's table."""
    table = set(steps_of_spawn_daemon())
    return [(step, does) for _, step, does in lines if (step, does) in table]


def test_all_steps_in_their_order(root):
    lines, rest, out = explained(root, "--", "echo", "hello")
    expect("output", "hello\n", out)
    expect("beside the lines", [], rest)
    expect("init's steps", steps_of_spawn_daemon(), inits(lines))
    assert len(steps_of_spawn_daemon()) > 30
    expect("results", {"ok"}, {result for result, _, _ in lines})
    for step in OURS:
        assert step in [line[1:] for line in lines], (step, lines)
    expect("the last line", "exec", lines[-1][1])


def test_other_ways_to_start(root):
    """As uid 0 spawn-daemon executes itself anew; with --init two processes take steps; a user namespace is set up from outside."""
    for flags in (["--user", "root"], ["--init"], ["--userns", "100000:65536"], ["--init", "--user", "root", "--seccomp", "default"],
                  ["--chroot", "none"]):
        lines, rest, out = explained(root, *flags, "--", "echo", "hello")
        expect(f"{flags}: output", "hello\n", out)
        expect(f"{flags}: beside the lines", [], rest)
        expect(f"{flags}: init's steps", steps_of_spawn_daemon(), inits(lines))
        expect(f"{flags}: the last line", ("ok", "exec"), lines[-1][:2])


def test_a_bundle(root):
    result = root.ts("run", "--explain", "-b", root.bundle("b", ["/bin/true"]), root.task("b"))
    expect(f"status {result}", 0, result.status)
    expect("lines", len(steps_of_spawn_daemon()), sum(1 for text in result.err.splitlines()
                                                      if (m := LINE.match(text)) and m.group(4, 5) in steps_of_spawn_daemon()))


def fails(root, step, part, *args, status):
    lines, rest, out = explained(root, *args, status=status)
    failed = [line for line in lines if line[0] == "FAILED"]
    expect(f"{args}: one step fails, and it is the last: {lines[-3:]}", [lines[-1]], failed)
    expect(f"{args}: the step", step, lines[-1][1])
    expect_in(f"{args}: the message", f"taskshim: {step}: ", rest[0])
    expect_in(f"{args}: the reason", part, "\n".join(rest))
    expect("output", "", out)


def test_the_step_that_fails_is_the_last(root):
    fails(root, "command", "nope", "--", "nope", status=127)
    fails(root, "user", "nobody-here", "--user", "nobody-here", "--", "true", status=125)
    fails(root, "cwd", "/nowhere", "--cwd", "/nowhere", "--", "true", status=125)
    fails(root, "mount", "/nowhere", "--mount", "/nowhere:/mnt", "--", "true", status=125)
    script = f"{root.scratch}/script"
    with open(script, "w", encoding="ascii") as file:
        file.write("#!/nowhere/sh\n")
    os.chmod(script, 0o755)
    fails(root, "exec", "interpreter is not in the root: /nowhere/sh", "--mount", f"{root.scratch}:/w", "--", "/w/script", status=126)
    expect("left of them", [], root.list())


def test_a_spawn_daemon_that_cannot_be_started(root):
    result = root.ts("--spawn-daemon", f"{root.scratch}/none", "run", "--explain", "--", "true")
    expect("status", 125, result.status)
    expect("lines", [("ok", "state"), ("FAILED", "monitor")], [LINE.match(t).group(3, 4) for t in result.err.splitlines()[:2]])
    expect_in("message", f"{root.scratch}/none", result.err.splitlines()[2])


def test_json(root):
    result = root.ts("run", "--explain=json", "--", "false")
    expect("status", 1, result.status)
    lines = [json.loads(text) for text in result.err.splitlines()]
    expect("members", {("step", "does", "microseconds", "ok")}, {tuple(line) for line in lines})
    assert all(isinstance(line["microseconds"], int) and line["microseconds"] >= 0 and line["ok"] is True for line in lines), lines
    expect("init's steps", steps_of_spawn_daemon(), inits([(True, line["step"], line["does"]) for line in lines]))


def test_the_task_has_nothing_of_it(root):
    expect("descriptors", "0\n1\n2\n3\n", explained(root, "--", "ls", "/proc/self/fd")[2])  # 3 is that of ls
    expect("signals", explained(root, "--", "grep", "^Sig", "/proc/self/status")[2].split("SigQ")[0],
           root.ok("run", "--", "grep", "^Sig", "/proc/self/status").split("SigQ")[0])


def test_nothing_is_told_where_nobody_asks(root):
    """No more system calls than without the feature: the descriptor's option is what makes them, and it is not there."""
    if SANITIZED:
        raise Skip("LeakSanitizer does not work under ptrace")
    trace = f"{root.scratch}/trace"
    root.ok("run", "--", "true", wrapper=["strace", "-f", "-qq", "-v", "-s", "400", "-o", trace, "-e", "trace=execve,write"])
    with open(trace, encoding="utf-8", errors="replace") as file:
        text = file.read()
    expect_in("the trace", "spawn-daemon", text)
    for word in ("explain", "microseconds"):
        expect(f"{word} in the trace", False, word in text)


# --- taskshim explain ---


def plan(root, config, *options):
    """The steps of `explain --json` as (step, does); they are those of the text."""
    path = f"{root.scratch}/config.json"
    write_json(path, config)
    document = json.loads(root.ok("explain", "--json", *options, path))
    expect("version", 1, document["version"])
    steps = [(step["step"], step["does"]) for step in document["steps"]]
    text = root.ok("explain", *options, path).splitlines()
    expect("the text", [f"{i + 1:2}  {step:<12} {does}" for i, (step, does) in enumerate(steps)], text)
    return steps


def full_config(root):
    """With something for nearly every step."""
    os.makedirs(f"{root.scratch}/task", exist_ok=True)
    config = root.config(["echo", "hello"], namespaces=("pid", "ipc", "uts", "mount", "network", "time"), taskDir=f"{root.scratch}/task",
                         init=True, user="daemon", cpuAffinity="0", seccomp="default")
    config["hostname"] = "box"
    config["process"].update(oomScoreAdj=100, rlimits=[{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 64}],
                             scheduler={"policy": "SCHED_BATCH"}, env=["PATH=/bin:/usr/bin", "SECRET=hunter2"],
                             capabilities={"bounding": ["CAP_KILL", "CAP_CHOWN"], "permitted": ["CAP_KILL"], "effective": ["CAP_KILL"],
                                           "inheritable": ["CAP_KILL"]})
    config["linux"].update(sysctl={"net.ipv4.ip_forward": "1"}, personality={"domain": "LINUX"},
                           timeOffsets={"boottime": {"secs": 5}}, memoryPolicy={"mode": "MPOL_DEFAULT", "nodes": ""})
    config["hooks"] = {"createContainer": [{"path": "/bin/true"}]}
    config["linux"]["devices"] = [{"path": "/dev/nul2", "type": "c", "major": 1, "minor": 3}]
    config["process"].update(terminal=True, consoleSize={"height": 24, "width": 80})
    return config


def test_explain_has_the_order_of_the_table(root):
    config = full_config(root)
    del config["linux"]["memoryPolicy"]
    steps = [step for step, _ in plan(root, config)]
    after = steps[steps.index("namespaces") + 1 : steps.index("gate")]
    table = iter(step for step, _ in steps_of_spawn_daemon())
    previous = None
    for step in after:
        if step != previous:
            assert any(step == row for row in table), f"{step} is not where the table has it: {after}"
        previous = step
    said = set(after)
    for step in ("cgroup", "oom", "namespaces", "session", "hostname", "propagation", "root", "taskdir", "mount", "terminal", "devices", "mask",
                 "hook", "sysctl", "pivot", "user", "init", "rlimits", "scheduling", "personality", "capabilities", "privileges",
                 "cwd", "command", "deathsig", "seccomp"):
        assert step in said, step


def test_explain_hides_values_of_the_environment(root):
    config = full_config(root)
    del config["linux"]["memoryPolicy"]
    steps = plan(root, config)
    assert ("exec", "environment: PATH SECRET") in steps, steps[-4:]
    expect("the value", False, "hunter2" in str(steps))


def test_explain_tells_of_a_terminal_and_of_a_shell(root):
    config = root.config(["app"], consoleSocket="/no/socket", shell=["/bin/bash", "/bin/sh"])
    config["process"].update(terminal=True, consoleSize={"height": 24, "width": 80})
    steps = plan(root, config)
    expect("terminal", ["connect to the console socket /no/socket (missing)", "make one in the root's /dev/pts, 24 rows of 80",
                        "give it to the user, send its master to the console socket", "make it the controlling terminal"],
           [does for step, does in steps if step == "terminal"])
    expect("streams", [], [does for step, does in steps if step == "stdio"])
    expect("command", ["the first that is there of /bin/bash /bin/sh"], [does for step, does in steps if step == "command"])


def test_explain_tells_the_final_credentials(root):
    """What it says is what the task is."""
    def told(**taskshim):
        config = root.config(["sh", "-c", "true"], **taskshim)
        return [does for step, does in plan(root, config) if step == "user"][-1]

    for user in ("daemon", "0", "12345", "nobody:daemon", "12345:54321"):
        numbers = root.ok("run", "--user", user, "--", "sh", "-c", "id -u; id -g; id -G").split("\n")
        more = [group for group in numbers[2].split() if group != numbers[1]]
        said = told(user=user)
        expect_in(f"{user}: {said}", f"uid {numbers[0]}, gid {numbers[1]}, ", said)
        expect(f"{user}: {said}", bool(more), "no more groups" not in said and said.split("groups ")[1] != numbers[1])
    expect("a name that is not there", "nobody-here: not found in the root's files as they are now", told(user="nobody-here"))
    expect("nobody", "uid 65534, gid 65534, no more groups", told())
    etc = f"{root.scratch}/root/etc"
    os.makedirs(etc)
    with open(f"{etc}/passwd", "w", encoding="ascii") as file:
        file.write("carla:x:700:701::/:/bin/sh\n")
    with open(f"{etc}/group", "w", encoding="ascii") as file:
        file.write("wheel:x:800:bob,carla\n")
    config = root.config(["true"], user="carla")
    del config["taskshim"]["chroot"]
    config["root"] = {"path": "root"}
    steps = plan(root, config)
    assert ("user", "look up carla in the root") in steps and ("user", "uid 700, gid 701, groups 800") in steps, steps
    assert ("root", f"{root.scratch}/root") in steps, steps
    config = root.config(["true"], user="carla", chroot={"/etc/passwd": f"{etc}/passwd"})
    assert ("user", "uid 700, gid 701, no more groups") in plan(root, config)
    config["process"]["user"] = {"uid": 5, "gid": 6, "additionalGids": [7, 8]}
    del config["taskshim"]["user"]
    config["process"]["capabilities"] = {"bounding": ["CAP_KILL", "CAP_CHOWN"], "permitted": ["CAP_KILL"], "effective": ["CAP_KILL"]}
    steps = plan(root, config)
    assert ("user", "uid 5, gid 6, groups 7 8") in steps, steps
    for words in ("bounding cap_chown cap_kill", "permitted cap_kill", "effective cap_kill", "inheritable none", "ambient none"):
        assert ("capabilities", words) in [(step, does.lower()) for step, does in steps], (words, steps)


def test_explain_looks_what_there_is(root):
    os.symlink("/usr", f"{root.scratch}/usr")
    config = root.config(["true"], chroot={"/bin": "/nowhere/bin", "/usr": f"{root.scratch}/usr"}, allocDir=f"{root.scratch}/none")
    config["mounts"] += [{"destination": "/m", "type": "bind", "source": "away", "options": ["bind"]}]
    steps = plan(root, config)
    for line in (("root", "bind /nowhere/bin at /bin, read-only (missing)"), ("root", f"bind {root.scratch}/usr at /usr, read-only (is /usr)"),
                 ("taskdir", f"{root.scratch}/none at /alloc (missing)"), ("mount", f"bind {root.scratch}/away on /m (bind) (missing)"),
                 ("mount", f"bind {root.scratch} on /w (bind)")):
        assert line in steps, (line, steps)
    steps = plan(root, root.config(["true"]))
    for name in ("bin", "sbin", "lib", "usr", "etc"):
        what = f"link /{name} to {os.readlink('/' + name)}" if os.path.islink("/" + name) else f"bind /{name}, read-only"
        assert ("root", what) in steps, (what, steps)
    config = {"process": {"args": ["true"]}, "taskshim": {"chroot": "host"}}
    steps = plan(root, config)
    mounts = [does.split(" on ")[1].split()[0] for step, does in steps if step == "mount"]
    expect("default mounts", ["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys"], mounts)
    expect("default masks", 2, sum(1 for step, _ in steps if step == "mask"))


def test_what_excludes_it(root):
    result = root.ts("run", "--explain", "-d", "--", "true")
    expect("status", 125, result.status)
    expect_in("message", "--explain and -d exclude each other", result.err)
    result = root.ts("run", "--explain=xml", "--", "true")
    expect("status", 125, result.status)
    expect_in("message", "--explain=xml", result.err)


def test_a_descriptor_that_is_none(root):
    for number in ("1", "77", "x"):
        done = subprocess.run([SPAWN_DAEMON, f"--explain-fd={number}"], input="{}", capture_output=True, text=True, check=False)
        if number == "x":  # 0
            number = "0"
        expect(f"status of {number}", 125, done.returncode)
        expect_in(f"line of {number}", '"message":"--explain-fd"', done.stdout)
    expect("left", [], root.list() if os.path.isdir(root.path) else [])


if __name__ == "__main__":
    sys.exit(main(globals()))
