#!/usr/bin/env python3
"""The calls that Nomad 0.1 and 0.2 made of `nomad spawn-daemon`, word for word, and the answers they read."""
import json
import os
import subprocess
import sys
import tempfile
import traceback

SPAWN_DAEMON = os.path.join(os.environ.get("TS_BUILD", "build"), "spawn-daemon")


def go_quote(text):
    """Go's strconv.Quote."""
    out = ['"']
    for char in text:
        if char in '\\"':
            out.append("\\" + char)
        elif char in "\a\b\f\n\r\t\v":
            out.append("\\" + "abfnrtv"["\a\b\f\n\r\t\v".index(char)])
        elif char < " " or char == "\x7f":
            out.append("\\x%02x" % ord(char))
        else:
            out.append(char)
    return "".join(out) + '"'


def exec_cmd(directory, *args, **more):
    """What encoding/json made of DaemonConfig: exec.Cmd flattened, all its fields, then Nomad's own."""
    document = {
        "Path": args[0],
        "Args": list(args),
        "Env": ["PATH=/usr/bin:/bin", "NOMAD_ALLOC_DIR=/alloc", "EQUALS=a=b"],
        "Dir": "",
        "Stdin": None,
        "Stdout": None,
        "Stderr": None,
        "ExtraFiles": None,
        "SysProcAttr": None,
        "Process": None,
        "ProcessState": None,
        "StdoutFile": os.path.join(directory, "stdout"),
        "StdinFile": "/dev/null",
        "StderrFile": os.path.join(directory, "stderr"),
        "Chroot": "",
    }
    document.update(more)
    return document


def call(document, gate, on_stdin=False):
    """Runs the helper as the 2015 parent did. Returns its exit status and the documents it wrote."""
    encoded = json.dumps(document) + "\n"  # json.Encoder ends with a newline
    argv = [SPAWN_DAEMON] if on_stdin else [SPAWN_DAEMON, go_quote(encoded)]
    sent = (encoded if on_stdin else "") + gate
    done = subprocess.run(argv, input=sent.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    return done.returncode, [json.loads(line) for line in done.stdout.decode().splitlines()]


def expect(what, wanted, got):
    if wanted != got:
        raise AssertionError(f"{what}: wanted {wanted!r}, got {got!r}")


def read(directory, name):
    with open(os.path.join(directory, name), encoding="utf-8") as file:
        return file.read()


def expect_started(documents, success):
    expect("number of documents", 2, len(documents))
    expect("keys of the start status", ["UserPID", "ErrorMsg"], list(documents[0]))
    expect("ErrorMsg", "", documents[0]["ErrorMsg"])
    assert documents[0]["UserPID"] > 1, documents[0]
    expect("exit status document", {"Success": success}, documents[1])


def expect_failed(documents, part):
    expect("number of documents", 1, len(documents))
    expect("UserPID", 0, documents[0]["UserPID"])
    assert part in documents[0]["ErrorMsg"], documents[0]


def test_quoted_argument_and_true_on_stdin(directory):
    status, documents = call(exec_cmd(directory, "/bin/sh", "-c", "echo out; echo err >&2; env"), "true\n")
    expect("status", 0, status)
    expect_started(documents, True)
    lines = read(directory, "stdout").splitlines()
    expect("stdout", "out", lines[0])
    assert "EQUALS=a=b" in lines and "NOMAD_ALLOC_DIR=/alloc" in lines, lines
    expect("stderr", "err\n", read(directory, "stderr"))


def test_document_on_stdin(directory):
    status, documents = call(exec_cmd(directory, "/bin/echo", "hello"), "true", on_stdin=True)
    expect("status", 0, status)
    expect_started(documents, True)
    expect("stdout", "hello\n", read(directory, "stdout"))


def test_keys_in_any_case_and_unknown_ones(directory):
    document = {"path": "/bin/echo", "ARGS": ["/bin/echo", "x"], "stdoutfile": directory + "/stdout", "Nonsense": {}}
    status, documents = call(document, "true", on_stdin=True)
    expect("status", 0, status)
    expect_started(documents, True)
    expect("stdout", "x\n", read(directory, "stdout"))


def test_status_is_the_commands(directory):
    status, documents = call(exec_cmd(directory, "/bin/sh", "-c", "exit 9"), "true")
    expect("status", 9, status)
    expect_started(documents, False)


def test_runs_as_the_caller_in_the_root_directory(directory):
    status, _ = call(exec_cmd(directory, "/bin/sh", "-c", "id -u; pwd; readlink /proc/self/ns/pid"), "true")
    expect("status", 0, status)
    own = os.readlink("/proc/self/ns/pid")
    expect("stdout", f"{os.getuid()}\n/\n{own}\n", read(directory, "stdout"))


def test_credential(directory):
    attributes = {"Credential": {"Uid": 1234, "Gid": 4321, "Groups": [7, 8]}}
    document = exec_cmd(directory, "/bin/sh", "-c", "id -u; id -g; id -G", SysProcAttr=attributes)
    status, _ = call(document, "true")
    expect("status", 0, status)
    expect("stdout", "1234\n4321\n4321 7 8\n", read(directory, "stdout"))


def test_output_is_appended(directory):
    for _ in range(2):
        call(exec_cmd(directory, "/bin/echo", "line"), "true")
    expect("stdout", "line\nline\n", read(directory, "stdout"))


def test_exit_status_file(directory):
    path = os.path.join(directory, "exit")
    with open(path, "w"):
        pass  # the parent made it before the start
    status, _ = call(exec_cmd(directory, "/bin/sh", "-c", "exit 3", ExitStatusFile=path), "true")
    expect("status", 3, status)
    expect("file", {"ExitCode": 3}, json.loads(read(directory, "exit")))


def test_false_aborts_without_a_document(directory):
    expect("result", (0, []), call(exec_cmd(directory, "/bin/echo", "no"), "false"))
    expect("stdout", "", read(directory, "stdout") if os.path.exists(directory + "/stdout") else "")


def test_end_of_file_does_not_start_it(directory):
    call(exec_cmd(directory, "/bin/echo", "no"), "")
    expect("stdout", "", read(directory, "stdout") if os.path.exists(directory + "/stdout") else "")


def test_missing_command(directory):
    status, documents = call(exec_cmd(directory, "/nonexistent"), "true")
    expect("status", 1, status)
    expect_failed(documents, "/nonexistent")


def test_missing_output_directory(directory):
    document = exec_cmd(directory, "/bin/true", StdoutFile=directory + "/none/stdout")
    status, documents = call(document, "true")
    expect("status", 1, status)
    expect_failed(documents, "/none/stdout")


def test_bad_quoting(directory):
    del directory
    done = subprocess.run([SPAWN_DAEMON, '"{'], input=b"true", stdout=subprocess.PIPE, timeout=60)
    expect("status", 1, done.returncode)
    expect_failed([json.loads(done.stdout)], "Failed to unquote json input")


def test_chroot(directory):
    root = os.path.join(directory, "root")
    os.makedirs(root + "/bin")
    probe = os.path.join(os.environ.get("TS_BUILD", "build"), "tests/integration/probe")
    subprocess.run(["cp", probe, root + "/bin/probe"], check=True)
    document = exec_cmd(directory, "/bin/probe", "cwd", Chroot=root)
    status, documents = call(document, "true")
    expect("documents", 2, len(documents))
    expect("status", 0, status)


def main():
    passed = failed = 0
    for name, test in sorted(globals().items()):
        if not name.startswith("test_"):
            continue
        with tempfile.TemporaryDirectory(prefix="taskshim-e2e.") as directory:
            os.chmod(directory, 0o755)
            try:
                test(directory)
                print("ok  ", name)
                passed += 1
            except Exception:  # pylint: disable=broad-except
                print("FAIL", name)
                traceback.print_exc(file=sys.stdout)
                failed += 1
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
