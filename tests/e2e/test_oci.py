#!/usr/bin/env python3
"""The clauses of the OCI runtime specification about states, operations and errors: the tables of docs/oci.md name these tests."""
import json
import os
import shutil
import subprocess
import sys

from lib import boot_id, expect, expect_in, identity, main, read_json, wait_gone, wait_until, write_json

WAITS = ("sh", "-c", "echo up >>/w/up; trap 'exit 9' TERM; while :; do sleep 0.05; done")


def create(root, *flags, command=WAITS, edit=lambda config: None):
    """A created container; its id, and its bundle."""
    path = root.bundle("o", command)
    config = read_json(f"{path}/config.json")
    edit(config)
    write_json(f"{path}/config.json", config)
    root.ok("create", "-b", path, *flags, root.task("o"), stdout=None, stderr=None)
    return root.task("o"), path


def up(root):
    return os.path.exists(f"{root.scratch}/up")


def refused(root, *args):
    """It fails, says why in one line, and prints nothing."""
    result = root.ts(*args)
    expect(f"status of {args}", 1, result.status)
    expect(f"output of {args}", "", result.out)
    expect_in("message", "taskshim: ", result.err)
    return result.err


def snapshot(root, task):
    """All that an operation that fails must leave as it is."""
    state = root.state(task)
    return state["status"], state["pid"], identity(state["pid"]) if state["status"] != "stopped" else None


# --- states ---


def test_state_has_the_required_properties(root):
    task, path = create(root, edit=lambda config: config.update(annotations={"a.b": "c", "d": ""}))
    state = root.state(task)
    expect("ociVersion", "1.2.0", state["ociVersion"])
    expect("id", task, state["id"])
    expect("status", "created", state["status"])
    expect("bundle, an absolute path", path, state["bundle"])
    expect("annotations", {"a.b": "c", "d": ""}, state["annotations"])
    pid_ns = os.readlink(f"/proc/{state['pid']}/ns/pid")
    assert pid_ns != os.readlink("/proc/self/ns/pid"), "the pid is that of the container's process, as the host sees it"


def test_state_and_list_have_the_root_and_the_owner_as_runc(root):
    """An absolute path; absent where the config names none."""

    def with_root(config):
        del config["taskshim"]["chroot"]
        config["root"] = {"path": "rootfs"}
        config["mounts"] += [
            {"destination": path, "type": "bind", "source": path, "options": ["rbind", "ro"]} for path in ("/usr", "/bin", "/lib", "/lib64") if os.path.exists(path)
        ]

    def expect_both(rootfs):
        row = json.loads(root.ok("list", "-f", "json"))[0]
        for what in (root.state(task), row):
            expect("root, owner", (rootfs, "root"), (what.get("rootfs"), what["owner"]))
        expect("column", "root", root.ok("list").splitlines()[1].split()[-1])

    os.makedirs(f"{root.scratch}/bundle-o/rootfs")
    task, path = create(root, edit=with_root)
    expect_both(f"{path}/rootfs")
    root.ok("delete", task)
    task, path = create(root, edit=lambda config: (with_root(config), config["root"].update(path=f"{root.scratch}/bundle-o/rootfs")))
    expect_both(f"{path}/rootfs")
    root.ok("delete", task)
    task, _ = create(root)
    expect_both(None)


def test_state_goes_through_created_running_and_stopped(root):
    task, _ = create(root)
    expect("after create", "created", root.state(task)["status"])
    root.ok("start", task)
    expect("after start", "running", root.state(task)["status"])
    wait_until("it has its handler", lambda: up(root))
    root.ok("pause", task)
    expect("a state of our own", "paused", root.state(task)["status"])
    root.ok("resume", task)
    root.ok("kill", task, "TERM")
    wait_until("it has ended", lambda: root.state(task)["status"] == "stopped")


def test_state_is_there_for_other_processes(root):
    """Of the same user and --root; not with another root."""
    task, _ = create(root)
    expect("by list", [task], [row["id"] for row in json.loads(root.ok("list", "-f", "json"))])
    elsewhere = root.ts("--root", f"{root.scratch}/other", "state", task)
    expect(f"with another root {elsewhere}", 1, elsewhere.status)


# --- create ---


def test_create_makes_all_but_runs_nothing(root):
    task, _ = create(root)
    pid = root.state(task)["pid"]
    expect("the program", False, up(root))
    for kind in ("mnt", "pid", "ipc", "uts"):
        assert os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}"), kind
    root.ok("start", task)
    wait_until("the program runs", lambda: up(root))


def test_the_pid_file_is_written_by_each_form_of_run(root):
    path, file = root.bundle("o", WAITS), f"{root.scratch}/pid"
    forms = (("-b", path, root.task("o")), ("--id", root.task("o"), "--", "/bin/sleep", "1000"), ("-d", "-b", path, root.task("o")),
             ("-d", "--id", root.task("o"), "--", "/bin/sleep", "1000"))  # fmt: skip
    for form in forms:
        process = root.start_process("run", "--pid-file", file, *form, stdout=None, stderr=None)
        wait_until(f"the file of {form}", lambda: os.path.exists(file))
        with open(file, encoding="ascii") as pid_file:
            expect(f"pid of {form}", root.state(root.task("o"))["pid"], int(pid_file.read()))
        root.ok("delete", "-f", root.task("o"))
        process.wait()
        os.unlink(file)
    for form in forms:
        result = root.ts("run", "--pid-file", "/nonexistent/pid", *form)
        expect(f"status of {form}", 1 if form[:2] == ("-d", "-b") else 125, result.status)
        expect_in("message", "write the pid file: /nonexistent/pid", result.err)
        expect("what is left", [], root.list())


def test_create_takes_no_notice_of_later_changes(root):
    task, path = create(root)
    write_json(f"{path}/config.json", {"ociVersion": "1.2.0", "process": {"args": ["false"], "cwd": "/"}})
    root.ok("start", task)
    wait_until("the program of before runs", lambda: up(root))


def test_create_wants_an_id_that_is_new_and_valid(root):
    task, path = create(root)
    before = snapshot(root, task)
    expect_in("taken", "File exists", refused(root, "create", "-b", path, task))
    expect("the first", before, snapshot(root, task))
    for bad in ("a/b", "..", "x" * 201, "a b"):
        refused(root, "create", "-b", path, bad)
    refused(root, "create", "-b", path)
    expect("containers", [task], root.list())


def test_create_wants_a_bundle(root):
    expect_in("bundle", "config.json", refused(root, "create", "-b", f"{root.scratch}/none", root.task("o")))
    os.mkdir(f"{root.scratch}/empty")
    expect_in("config", "config.json", refused(root, "create", "-b", f"{root.scratch}/empty", root.task("o")))
    expect("containers", [], root.list())


def test_create_refuses_what_it_cannot_apply(root):
    """Each fails at another step, and leaves nothing."""
    changes = (
        ("hostname of nobody's namespace", lambda c: (c.update(hostname="x"), c["linux"].update(namespaces=[{"type": "mount"}]))),
        ("mount without a source", lambda c: c["mounts"].append({"destination": "/m", "type": "bind", "source": "/no/such", "options": ["bind"]})),
        ("namespace that is none", lambda c: c["linux"]["namespaces"].append({"type": "network", "path": "/etc/passwd"})),
        ("limit of no controller", lambda c: c["linux"].update(resources={"unified": {"no.such": "1"}})),
        ("profile of no module", lambda c: c["process"].update(selinuxLabel="no:such:label")),
        ("command that is missing", lambda c: c["process"].update(args=["/no/such"])),
        ("version of another day", lambda c: c.update(ociVersion="2.0.0")),
    )
    for what, change in changes:
        path = root.bundle("bad", WAITS)
        config = read_json(f"{path}/config.json")
        change(config)
        write_json(f"{path}/config.json", config)
        result = root.ts("create", "-b", path, root.task("bad"))
        assert result.status != 0, what
        expect(f"containers after {what}", [], root.list())
        expect(f"directory after {what}", False, os.path.exists(root.directory(root.task("bad"))))


def test_create_ignores_properties_that_it_does_not_know(root):
    task, _ = create(root, edit=lambda config: config.update({"x-of-others": {"a": 1}, "windows": {}, "vm": {"hypervisor": {"path": "/x"}}}))
    root.ok("start", task)
    wait_until("it runs", lambda: up(root))


def test_create_without_a_process_is_refused(root):
    """OCI lets create go without and start fail; here nothing is set up in vain."""
    path = root.bundle("p", WAITS)
    config = read_json(f"{path}/config.json")
    del config["process"]
    write_json(f"{path}/config.json", config)
    expect_in("what is missing", "process", refused(root, "create", "-b", path, root.task("p")))


def test_create_goes_without_capabilities_that_cannot_be_granted(root):
    """And warns. runc's own `spec` has ambient ones that are not inheritable, which capabilities(7) does not allow."""
    kill = {"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"], "effective": ["CAP_KILL", "CAP_CHOWN"], "ambient": ["CAP_KILL"]}
    path = root.bundle("o", WAITS)
    config = read_json(f"{path}/config.json")
    config["process"].update(capabilities=kill, user={"uid": 0, "gid": 0})
    write_json(f"{path}/config.json", config)
    with open(f"{root.scratch}/errors", "w+", encoding="ascii") as errors:
        root.ok("run", "-d", "-b", path, root.task("o"), stdout=None, stderr=errors)
        errors.seek(0)
        text = errors.read()
    expect_in("warning", "warning: capabilities 0x1 are to be effective and are not permitted: left out", text)
    expect_in("warning", "warning: capabilities 0x20 are to be ambient and are not permitted and inheritable: left out", text)
    with open(f"/proc/{root.state(root.task('o'))['pid']}/status", encoding="ascii") as file:
        sets = dict(line.split() for line in file if line.startswith("Cap"))
    expect("sets", {"CapInh:": 0, "CapPrm:": 32, "CapEff:": 32, "CapBnd:": 32, "CapAmb:": 0}, {name: int(value, 16) for name, value in sets.items()})


# --- start, kill, delete ---


def test_operations_want_an_id_that_there_is(root):
    for verb, more in (("state", ()), ("start", ()), ("kill", ("TERM",)), ("delete", ()), ("pause", ()), ("resume", ()), ("ps", ())):
        refused(root, verb)
        message = refused(root, verb, root.task("none"), *more)
        expect_in("what podman and CRI-O look for", "does not exist", message)


def test_start_of_what_was_started_changes_nothing(root):
    task, _ = create(root)
    root.ok("start", task)
    wait_until("it runs", lambda: up(root))
    before = snapshot(root, task)
    refused(root, "start", task)
    expect("the container", before, snapshot(root, task))
    root.ok("kill", task, "TERM")
    wait_until("it has ended", lambda: root.state(task)["status"] == "stopped")
    refused(root, "start", task)
    with open(f"{root.scratch}/up", encoding="ascii") as file:
        expect("it has run", "up\n", file.read())


def test_kill_sends_the_signal(root):
    task, _ = create(root, command=("sh", "-c", "trap 'echo got >/w/got' USR1; echo up >/w/up; while :; do sleep 0.05; done"))
    root.ok("start", task)
    wait_until("it runs", lambda: up(root))
    root.ok("kill", task, "USR1")
    wait_until("the signal", lambda: os.path.exists(f"{root.scratch}/got"))
    expect("status", "running", root.state(task)["status"])


def test_kill_reaches_a_container_that_is_only_created(root):
    task, _ = create(root)
    root.ok("kill", task, "KILL")
    wait_until("it has ended", lambda: root.state(task)["status"] == "stopped")
    expect("the program", False, up(root))


def test_kill_of_what_has_stopped_is_an_error(root):
    task, _ = create(root, command=("true",))
    root.ok("start", task)
    wait_until("it has ended", lambda: root.state(task)["status"] == "stopped")
    refused(root, "kill", task, "TERM")
    expect("status", "stopped", root.state(task)["status"])


def test_delete_of_what_runs_is_an_error(root):
    task, _ = create(root)
    root.ok("start", task)
    before = snapshot(root, task)
    refused(root, "delete", task)
    expect("the container", before, snapshot(root, task))


def test_delete_of_what_is_only_created_ends_it(root):
    """As runc has it; OCI would have this refused, too."""
    task, _ = create(root)
    root.ok("delete", task)
    expect("containers", [], root.list())
    expect("the program", False, up(root))


def test_delete_removes_what_create_has_made_and_nothing_else(root):
    os.mkdir(f"{root.scratch}/theirs")
    task, path = create(root, command=("true",))
    state = root.state(task)
    root.ok("start", task)
    wait_until("it has ended", lambda: root.state(task)["status"] == "stopped")
    root.ok("delete", task)
    for cgroup in state["taskshim"]["cgroup"].values():
        expect(f"cgroup {cgroup}", False, os.path.exists(cgroup))
    expect("state directory", False, os.path.exists(root.directory(task)))
    expect("the bundle and what was mounted", [True, True], [os.path.exists(f"{path}/config.json"), os.path.exists(f"{root.scratch}/theirs")])
    refused(root, "state", task)


def test_an_id_is_free_after_delete(root):
    task, path = create(root, command=("true",))
    root.ok("delete", "-f", task)
    root.ok("create", "-b", path, task, stdout=None, stderr=None)
    expect("status", "created", root.state(task)["status"])


def test_delete_by_force_ends_it_first(root):
    task, _ = create(root)
    root.ok("start", task)
    pid = root.state(task)["pid"]
    root.ok("delete", "-f", task)
    wait_gone(pid)
    root.ok("delete", "-f", task)  # as runc: what is gone is gone


# --- what an older program has left ---

RUN = "b18fd21fd66c573cf5617533b5349302"
STATE_1 = """{"version":1,"ociVersion":"1.2.0","id":"ID","bundle":"/b","created":"2026-11-27T08:48:17.266301627Z","owner":null,"idString":
"CGROUP:{\\"version\\":1,\\"id\\":\\"ID\\",\\"runId\\":\\"RUN\\",\\"bootId\\":\\"BOOT\\",\\"pid\\":PID,\\"startTime\\":1,
\\"pidfdInode\\":550594,\\"monitorPid\\":PID,\\"monitorStartTime\\":1,\\"stateDir\\":\\"DIR\\",\\"cgroups\\":{}}",
"killSignal":15,"killTimeoutMs":5000,"onMonitorDeath":"kill","cleanUp":false}"""
EXIT_1 = """{"version":1,"id":"ID","runId":"RUN","bootId":"BOOT","known":true,"exitCode":7,"signal":0,"coreDumped":false,"oomKilled":false,
"oomKills":0,"cause":"exited","startedAt":"2026-11-27T08:48:17.274563966Z","finishedAt":"2026-11-27T08:48:17.275399322Z","runtimeMs":0,
"usage":{"userUs":3083,"systemUs":0,"maxRssBytes":1499136,"majorFaults":1,"minorFaults":83,"voluntarySwitches":5,"involuntarySwitches":6,
"memoryPeakBytes":520192}}"""


def plant(root, edit=lambda text: text):
    """A task's directory as version 0.1.0 has written it, with the numbers of a process that there was."""
    task = root.task("old")
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    os.makedirs(root.path, 0o700, exist_ok=True)
    os.mkdir(root.directory(task), 0o700)
    for name, text in (("state.json", STATE_1), ("exit.json", EXIT_1), ("config.json", json.dumps(root.config(("true",))))):
        for word, value in (("ID", task), ("RUN", RUN), ("BOOT", boot_id()), ("PID", str(child)), ("DIR", root.directory(task))):
            text = text.replace(f'"{word}"', f'"{value}"').replace(f'\\"{word}\\"', f'\\"{value}\\"').replace(f":{word},", f":{value},")
        with open(f"{root.directory(task)}/{name}", "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o600)
            text = text.replace("\n", "")
            file.write(edit(text) if name != "config.json" else text)
    return task


def test_a_state_directory_of_version_1_is_read(root):
    """Whatever a later program writes: this is what it finds after an upgrade."""
    task = plant(root)
    state = root.state(task)
    expect("state", ("stopped", "/b", 0), (state["status"], state["bundle"], state["pid"]))
    expect("list", [task], root.list())
    wait = root.ts("wait", task)
    expect(f"wait {wait}", 7, wait.status)
    root.expect_open(task, "exited")
    root.ok("delete", task)
    expect("left", [], root.list())


def test_a_state_directory_of_a_later_version_is_named(root):
    task = plant(root, lambda text: text.replace('{"version":1,', '{"version":2,', 1))
    result = root.ts("state", task)
    assert result.status != 0, result
    for part in ("version", "2", "1"):
        expect_in("message", part, result.err)
    expect("its files", True, os.path.exists(f"{root.directory(task)}/state.json"))
    shutil.rmtree(root.directory(task))


# --- errors ---


def test_an_error_is_one_json_object_in_the_log(root):
    """What podman and containerd parse: level and msg."""
    log = f"{root.scratch}/log.json"
    result = root.ts("--log", log, "--log-format", "json", "create", "-b", root.bundle("l", ("/no/such",)), root.task("l"))
    expect(f"status of {result}", 1, result.status)
    with open(log, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    expect("lines", 1, len(lines))
    expect("level", "error", lines[0]["level"])
    expect_in("msg", "/no/such", lines[0]["msg"])
    assert lines[0]["time"].endswith("Z") or "+" in lines[0]["time"], lines[0]


def test_a_detached_run_fails_with_1(root):
    """Whatever is wrong: nobody waits for the command, so its status cannot be meant. In the foreground and with flags it is 125."""
    path, task = root.bundle("d", ("true",)), root.task("d")
    for args in (
        ("-d", "-b", path, "--preserve-fds", "1", task),
        ("-d", "-b", path, "--no-such", task),
        ("-d", "-b", path, "--preserve-fds", "x", task),
        ("-d", "-b", path, "--memory", "1m", task),
        ("-d", "-b", path, "--explain", task),
        ("-d", "-b", path),
        ("-d", "-b", f"{root.scratch}/none", task),
        ("-d", "-b", path, "--pid-file", "/no/such/file", task),
    ):
        refused(root, "run", *args)
    for args in (
        ("-b", path, "--preserve-fds", "1", task),
        ("-b", path, "--no-such", task),
        ("-d", "--preserve-fds", "1", "--", "true"),
        ("-d", "--no-such", "--", "true"),
        ("-d", "-i", "--", "true"),
    ):
        result = root.ts("run", *args)
        expect(f"status of {args}: {result}", 125, result.status)
    expect("containers", [], root.list())


def logged(root, *args, **more):
    """What taskshim with these arguments has logged as JSON, and its result. LOG stands for the log's name."""
    log = f"{root.scratch}/log.json"
    result = root.ts(*(log if arg == "LOG" else arg for arg in args), **more)
    with open(log, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    os.unlink(log)
    return lines, result


def test_a_usage_error_is_in_the_log_too(root):
    """Whatever the order: what is refused before the verb is often refused before --log has been read."""
    log = ("--log", "LOG", "--log-format", "json")
    create = ("create", "-b", "/no/such", root.task("u"))
    systemd = "usage: --systemd-cgroup: not supported yet: taskshim makes cgroups itself"
    for args, status, message, verb in (
        ((*log, "--systemd-cgroup", *create), 1, systemd, ""),
        (("--systemd-cgroup", "--no-such", *log, *create), 1, systemd, ""),
        (("--log-format", "xml", *log, *create), 1, "usage: --log-format xml: expected text or json", ""),
        (("--no-such", *log), 1, "usage: --no-such: unknown option", ""),
        ((*log, "--root"), 1, "usage: --root: needs a value", ""),
        (log, 1, "usage: no verb given", ""),
        ((*log, "no-such"), 1, "usage: no-such: no such verb", ""),
        ((*log, "create", "--no-such"), 1, "usage: --no-such: unknown option", "create "),
        ((*log, "state"), 1, "usage: an argument is missing", "state "),
        ((*log, "run", "--memory"), 125, "usage: --memory: needs a value", "run "),
        ((*log, "shell", "--", "--no-such"), 125, "usage: --no-such: unknown option", "run "),
        ((*log, "exec", "--preserve-fds", "x", "id"), 125, "usage: --preserve-fds=x: expected a number of 0 to 1024", "exec "),
    ):
        lines, result = logged(root, *args)
        expect(f"status of {args}", status, result.status)
        expect(f"message of {args}", f"taskshim: {message} (see `taskshim {verb}--help`)\n", result.err)
        expect(f"log of {args}", [("error", message)], [(line["level"], line["msg"]) for line in lines])
    expect("nothing is refused twice", 1, root.ts("--no-such", "--help").status)


def test_every_record_of_the_log_is_whole(root):
    """Also one of control characters alone, and the next one."""
    log, name = f"{root.scratch}/log.json", "\x01" * 1000 + "z"
    for verb in (name, "x"):
        root.ts("--log", log, "--log-format", "json", verb)
    with open(log, encoding="utf-8") as file:
        text = file.read()
    expect("ends in a newline", "\n", text[-1])
    expect("messages", [f"usage: {verb}: no such verb" for verb in (name, "x")], [json.loads(line)["msg"] for line in text.splitlines()])


def test_what_is_not_utf_8_is_json_in_the_log(root):
    lines, _ = logged(root, "--log", "LOG", "--log-format", "json", b"a\xff\xc3\xa9", stderr=subprocess.DEVNULL)
    expect("message", "usage: a\\xFF\xe9: no such verb", lines[0]["msg"])


def test_text_in_the_log_is_quoted_as_runc_has_it(root):
    """That is, as Go's %q has it."""
    log = f"{root.scratch}/log"
    for verb, quoted in (
        (b"plain", rb"plain"),
        (b'a"b\\c', rb'a\"b\\c'),
        (b'\n" level=error msg="x', rb'\n\" level=error msg=\"x'),
        (b"\a\b\f\n\r\t\v\x01\x7f", rb"\a\b\f\n\r\t\v\x01\x7f"),
        ("\xe9\u20ac\u0085\xa0\xad\xa1".encode(), "\xe9\u20ac".encode() + rb"\u0085\u00a0\u00ad" + "\xa1".encode()),
        (b"\xff\xc3(", rb"\xff\xc3("),
    ):
        root.ts("--log", log, verb, stderr=subprocess.DEVNULL)
        with open(log, "rb") as file:
            line = file.read()
        os.unlink(log)
        expect(f"lines of {verb!r}", 1, line.count(b"\n"))
        expect(f"message of {verb!r}", b'level=error msg="usage: ' + quoted + b': no such verb"\n', line[line.index(b"level="):])


if __name__ == "__main__":
    sys.exit(main(globals()))
