#!/usr/bin/env -S python3 -B
"""taskshim.logs: the monitor rotates what the task writes; not a byte is lost that could be written, and the task never waits."""
import os
import signal
import subprocess
import sys
import time

from lib import SPAWN_DAEMON, alive, expect, expect_in, id_string, main, wait_gone, wait_until, write_json

SEQUENCE = "i=0; while [ $i -lt {} ]; do echo line $i of many; i=$((i+1)); done"


def rotated(root, name):
    """The numbers of the files of a log, the newest first, 0 for the one without a number."""
    files = [file for file in os.listdir(root.scratch) if file == name or file.startswith(f"{name}.")]
    return sorted(int(file[len(name) + 1 :] or 0) for file in files)


def path_of(root, name, number):
    return f"{root.scratch}/{name}" + (f".{number}" if number else "")


def content(root, name):
    text = b""
    for number in reversed(rotated(root, name)):
        with open(path_of(root, name, number), "rb") as file:
            text += file.read()
    return text


def record(root, result, task):
    expect(f"status of {result}", 0, result.status)
    logs = root.record(task)["logs"]
    root.ok("delete", task)
    return logs


def run(root, command, *flags, name="t"):
    """In the foreground, with a record that stays."""
    return root.ts("run", "--keep", "--id", root.task(name), *flags, "--", "/bin/sh", "-c", command)


def spawn_daemon(root, config, *wrapper):
    """To its end, from a file."""
    path = f"{root.scratch}/config.json"
    write_json(path, config)
    with open(path, "rb") as file:
        helper = subprocess.run([*wrapper, SPAWN_DAEMON, "--no-gate"], stdin=file, stdout=subprocess.PIPE, check=False, timeout=60)
    expect(f"status of {helper}", 0, helper.returncode)


def to(root, out, size, files):
    return "--stdout", f"{root.scratch}/{out}", "--log-max-size", str(size), "--log-max-files", str(files)


def test_every_byte_over_many_rotations(root):
    count = 20000
    logs = record(root, run(root, SEQUENCE.format(count), *to(root, "out", 4099, 1000)), root.task("t"))
    wanted = "".join(f"line {i} of many\n" for i in range(count)).encode()
    if content(root, "out") != wanted:
        raise AssertionError("the files put together are not what was written")
    sizes = [os.path.getsize(path_of(root, "out", number)) for number in rotated(root, "out")]
    expect("full files", {4099}, set(sizes[1:]))
    expect("record", {"writtenBytes": len(wanted), "droppedBytes": 0, "rotations": len(sizes) - 1}, logs)


def test_64_mib(root):
    logs = record(root, run(root, "head -c 67108864 /dev/zero | tr '\\0' 'x'", *to(root, "out", "7M", 20)), root.task("t"))
    expect("record", {"writtenBytes": 64 << 20, "droppedBytes": 0, "rotations": 9}, logs)
    expect("bytes", 64 << 20, sum(os.path.getsize(path_of(root, "out", number)) for number in rotated(root, "out")))


def test_the_oldest_goes(root):
    for files in 1, 2, 4:
        run(root, "for i in 1 2 3 4 5 6 7; do echo $i; done; sleep 0.05", *to(root, f"out{files}", 2, files))
        expect(f"files of {files}", list(range(files)), rotated(root, f"out{files}"))
        expect("the newest are there", "".join(f"{i}\n" for i in range(8 - files, 8)).encode(), content(root, f"out{files}"))
        root.ok("delete", root.task("t"))


def test_a_file_that_is_there_grows(root):
    with open(f"{root.scratch}/out", "w", encoding="ascii") as file:
        file.write("before\n")
    os.chmod(f"{root.scratch}/out", 0o604)
    os.chown(f"{root.scratch}/out", 5, 6)
    record(root, run(root, "echo 12345678; echo 9", *to(root, "out", 10, 9)), root.task("t"))
    expect("all of it", b"before\n12345678\n9\n", content(root, "out"))
    for number in rotated(root, "out"):
        st = os.stat(path_of(root, "out", number))
        expect(f"owner and mode of {number}", (5, 6, 0o604), (st.st_uid, st.st_gid, st.st_mode & 0o777))


def owned_by_somebody(root, mode):
    with open(f"{root.scratch}/out", "w", encoding="ascii") as file:
        file.write("x")
    os.chown(f"{root.scratch}/out", 5, 6)
    os.chmod(f"{root.scratch}/out", mode)


def test_a_new_file_has_no_set_user_id_bit(root):
    owned_by_somebody(root, 0o7745)
    run(root, "echo 1", *to(root, "out", 2, 2))
    expect("a rotation", [0, 1], rotated(root, "out"))
    st = os.stat(f"{root.scratch}/out")
    expect("owner and mode", (5, 6, 0o745), (st.st_uid, st.st_gid, st.st_mode & 0o7777))
    root.ok("delete", root.task("t"))


def test_a_new_file_that_keeps_our_owner_is_for_him_alone(root):
    """Its mode was for others."""
    owned_by_somebody(root, 0o664)
    result = root.ts("run", "--id", root.task("t"), *to(root, "out", 2, 2), "--", "/bin/sh", "-c", "echo 1",
                     wrapper=("env", "ASAN_OPTIONS=detect_leaks=0",  # which cannot be made under strace
                              "strace", "-f", "-qq", "-o", f"{root.scratch}/trace", "-e", "trace=fchown", "-e", "inject=fchown:error=EPERM"))
    expect(f"status of {result}", 0, result.status)
    expect("a rotation", [0, 1], rotated(root, "out"))
    st = os.stat(f"{root.scratch}/out")
    expect("owner and mode", (0, 0, 0o600), (st.st_uid, st.st_gid, st.st_mode & 0o7777))


def test_the_longest_name(root):
    name = "x" * 250  # and ".9999" behind it are all that a name may have
    for lines in "123", "45":
        run(root, "".join(f"echo {line};" for line in lines), *to(root, name, 2, 10000))
        root.ok("delete", root.task("t"))
    expect("its files", list(range(5)), rotated(root, name))
    expect("all of it", b"1\n2\n3\n4\n5\n", content(root, name))


def test_both_streams_in_one_file(root):
    flags = to(root, "out", 1000, 100)
    record(root, run(root, "for i in 1 2 3; do echo o$i; echo e$i >&2; done", *flags, "--stderr", f"{root.scratch}/out"), root.task("t"))
    expect("in their order", b"o1\ne1\no2\ne2\no3\ne3\n", content(root, "out"))


def test_two_files(root):
    logs = record(root, run(root, "echo out; echo err >&2", *to(root, "out", 3, 9), "--stderr", f"{root.scratch}/err"), root.task("t"))
    expect("content", (b"out\n", b"err\n"), (content(root, "out"), content(root, "err")))
    expect("record", {"writtenBytes": 8, "droppedBytes": 0, "rotations": 2}, logs)


def test_detached_in_the_state_directory(root):
    task = root.task("t")
    root.run("t", "/bin/sh", "-c", "echo 123456789; echo abc", flags=["--log-max-size", "8", "--log-max-files", "3"])
    root.ts("wait", task)
    text = b"".join(open(f"{root.directory(task)}/stdout{suffix}", "rb").read() for suffix in (".1", ""))
    expect("content", b"123456789\nabc\n", text)
    expect_in("state", '"rotations": 1', root.ok("state", task))


def test_written_while_it_runs(root):
    root.run("t", "/bin/sh", "-c", "echo first; sleep 1000", flags=to(root, "out", 1000, 3))
    wait_until("it is in the file", lambda: content(root, "out") == b"first\n")


def test_without_logs_the_file_is_the_tasks_own(root):
    root.run("t", "/bin/sh", "-c", "readlink /proc/self/fd/1; sleep 1000", flags=["--stdout", f"{root.scratch}/out"])
    wait_until("it is in the file", lambda: content(root, "out").endswith(b"/out\n"))


def test_what_holds_the_pipe_is_not_waited_for(root):
    """A process that outlives the task, in the host's pid namespace, and has its standard output."""
    pid_file = f"{root.scratch}/pid"
    config = root.config(["/bin/sh", "-c", "setsid sleep 1000 & echo $! >/w/pid; echo end"], namespaces=("mount",),
                         stdout=f"{root.scratch}/out", logs={"maxFiles": 2, "maxFileSize": 100}, strays="keep")
    spawn_daemon(root, config)
    expect("the log", b"end\n", content(root, "out"))
    pid = int(open(pid_file, encoding="ascii").read())
    expect("it lives", True, alive(pid))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_errors(root):
    os.mkfifo(f"{root.scratch}/fifo")
    os.symlink("elsewhere", f"{root.scratch}/link")
    open(f"{root.scratch}/linked", "w", encoding="ascii").close()
    os.link(f"{root.scratch}/linked", f"{root.scratch}/linked2")
    for name, part in (("fifo", "regular file"), ("link", "symlink"), ("linked", "hard links"), ("x" * 251, "suffix"), ("no/such", "directory of log")):
        result = run(root, "exit 0", *to(root, name, 100, 3))
        expect(f"{name}: status of {result}", 125, result.status)
        expect_in(name, part, result.err)
    result = root.ts("run", "--id", root.task("t"), "--log-max-size", "10", "--", "/bin/true")
    expect_in("no path", "neither taskshim.stdout nor taskshim.stderr is a path", result.err)
    result = run(root, "exit 0", "--stdout", f"{root.scratch}/out", "--log-max-files", "0")
    expect_in("none", "maxFiles: 0 is out of range", result.err)
    result = run(root, "exit 0", "--stdout", f"{root.scratch}/out", "--log-max-files", "x")
    expect_in("no number", "--log-max-files: not a number", result.err)


# --- rotations that fail ---


def test_a_full_file_that_cannot_be_renamed_grows(root):
    os.mkdir(f"{root.scratch}/out.1")
    logs = record(root, run(root, "echo 1; echo 234; echo 5", *to(root, "out", 2, 2)), root.task("t"))
    with open(f"{root.scratch}/out", "rb") as file:
        expect("all of it", b"1\n234\n5\n", file.read())
    expect("record", {"writtenBytes": 8, "droppedBytes": 0, "rotations": 0}, logs)


def test_a_full_file_is_rotated_once_it_can_be(root):
    os.mkdir(f"{root.scratch}/out.1")
    script = "echo 12; echo 3; until [ $(stat -c %s /w/out) = 5 ]; do sleep 0.01; done; rmdir /w/out.1; echo 4"
    root.run("t", "/bin/sh", "-c", script, flags=to(root, "out", 2, 2))
    root.ts("wait", root.task("t"))
    expect("files", [0, 1], rotated(root, "out"))
    expect("all of it", b"12\n3\n4\n", content(root, "out"))


def test_a_rotated_file_that_cannot_be_renamed_keeps_its_place(root):
    """What would take it stays, too."""
    os.makedirs(f"{root.scratch}/out.2/full")
    with open(f"{root.scratch}/out.1", "w", encoding="ascii") as file:
        file.write("before\n")
    logs = record(root, run(root, "echo 1; echo 2; echo 3", *to(root, "out", 2, 3)), root.task("t"))
    for name, text in ("out.1", b"before\n"), ("out", b"1\n2\n3\n"):
        with open(f"{root.scratch}/{name}", "rb") as file:
            expect(name, text, file.read())
    expect("record", {"writtenBytes": 6, "droppedBytes": 0, "rotations": 0}, logs)


def test_a_number_that_cannot_be_looked_at_is_not_free(root):
    with open(f"{root.scratch}/out.1", "w", encoding="ascii") as file:
        file.write("before\n")
    config = root.config(["/bin/sh", "-c", "echo 1; echo 2; echo 3"], stdout=f"{root.scratch}/out", logs={"maxFiles": 3, "maxFileSize": 2})
    spawn_daemon(root, config, "strace", "-qq", "-o", f"{root.scratch}/trace", "-e", "trace=faccessat2", "-e", "inject=faccessat2:error=EIO")
    expect("all of it", b"before\n1\n2\n3\n", content(root, "out"))


def test_no_inode_for_a_new_file(root):
    """The full one has its next name, and grows. Where it has none any more, what comes is dropped, and counted."""
    for files, text, logs in (2, "1\n2\n3\n", (6, 0)), (1, "", (2, 4)):
        small = f"{root.scratch}/small{files}"
        os.mkdir(small)
        wrapper = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o nr_inodes=2 none "$0" && "$@"; cat "$0"/*', small]
        script = "for i in 1 2 3; do echo $i; sleep 0.05; done"
        result = root.ts("run", "--keep", "--id", root.task("t"), *to(root, f"small{files}/out", 2, files), "--", "/bin/sh", "-c", script, wrapper=wrapper)
        expect(f"{files} files: {result}", text, result.out)
        expect("record", (*logs, 0), tuple(root.record(root.task("t"))["logs"][field] for field in ("writtenBytes", "droppedBytes", "rotations")))
        root.ok("delete", root.task("t"))


# --- the verb ---


def test_verb_prints_all_files(root):
    task = root.task("t")
    root.run("t", "/bin/sh", "-c", SEQUENCE.format(1000) + "; echo err >&2", flags=["--log-max-size", "1000", "--log-max-files", "100"])
    root.ts("wait", task)
    wanted = "".join(f"line {i} of many\n" for i in range(1000))
    result = root.ts("logs", task)
    expect("streams", (wanted, "err\n", 0), (result.out, result.err, result.status))
    expect("one of them", "", root.ts("logs", "--stream", "stderr", task).out)
    for lines in 0, 1, 2, 70, 999, 1000, 5000:
        expect(f"the last {lines}", "".join(wanted.splitlines(True)[1000 - min(lines, 1000) :]), root.ts("logs", "--stream", "stdout", "-n", str(lines), task).out)
    expect("by its ID string", wanted, root.ts("logs", root.ok("id", task).strip()).out)


def test_verb_without_rotation_and_a_last_line_without_end(root):
    root.run("t", "/bin/sh", "-c", "printf 'a\\nb\\nc'")
    root.ts("wait", root.task("t"))
    expect("all", "a\nb\nc", root.ok("logs", root.task("t")))
    expect("the last", "c", root.ok("logs", "-n", "1", root.task("t")))
    expect("the last two", "b\nc", root.ok("logs", "-n2", root.task("t")))


def test_verb_follows_over_rotations(root):
    script = "i=0; while [ $i -lt 3000 ]; do echo line $i of many; i=$((i+1)); [ $((i % 100)) = 0 ] && sleep 0.01; done"
    root.run("t", "/bin/sh", "-c", script, flags=["--log-max-size", "3000", "--log-max-files", "50"])
    out = root.ok("logs", "-f", root.task("t"))
    expect("all lines", "".join(f"line {i} of many\n" for i in range(3000)), out)


def test_verb_follows_a_thousand_rotations(root):
    """As fast as the task writes: none of the windows between two calls may lose, repeat or skip a file."""
    root.run("t", "/bin/sh", "-c", SEQUENCE.format(20000), flags=["--log-max-size", "400", "--log-max-files", "2000"])
    out = root.ok("logs", "-f", root.task("t"))
    if out != "".join(f"line {i} of many\n" for i in range(20000)):
        raise AssertionError(f"{len(out)} bytes that are not what was written")


def test_verb_begins_with_the_oldest_file(root):
    """Also when that gets another number between the look for it, here the last of four, and the open."""
    script = "echo 1; echo 2; echo 3; until [ -e /w/go ]; do sleep 0.01; done; echo 4; echo 5"
    task = root.run("t", "/bin/sh", "-c", script, flags=["--log-max-size", "2", "--log-max-files", "50"])
    files = root.directory(root.task("t"))
    wait_until("three files", lambda: os.path.exists(f"{files}/stdout.2"))
    slow = ("strace", "-qq", "-o", f"{root.scratch}/trace", "-e", "trace=faccessat,faccessat2",
            "-e", "inject=faccessat,faccessat2:delay_exit=2000000:when=4")
    process = root.start_process("logs", "-f", task, wrapper=slow)
    wait_until("the look for the oldest", lambda: os.path.exists(f"{root.scratch}/trace") and b"stdout.4" in content(root, "trace"))
    open(f"{root.scratch}/go", "w", encoding="ascii").close()
    expect("all lines", "1\n2\n3\n4\n5\n", root.end_process(process).out)


def test_verb_counts_no_file_twice(root):
    """A rotation between the looks at two files: the first of them is then the second as well."""
    script = "echo 1; echo 2; echo 3; until [ -e /w/go ]; do sleep 0.01; done; echo 4; echo 5"
    task = root.run("t", "/bin/sh", "-c", script, flags=["--log-max-size", "2", "--log-max-files", "50"])
    wait_until("three files", lambda: os.path.exists(f"{root.directory(root.task('t'))}/stdout.2"))
    slow = ("strace", "-qq", "-o", f"{root.scratch}/trace", "-e", "trace=faccessat,faccessat2",
            "-e", "inject=faccessat,faccessat2:delay_exit=2000000:when=1")
    process = root.start_process("logs", "-n", "3", task, wrapper=slow)
    wait_until("the first file is counted", lambda: os.path.exists(f"{root.scratch}/trace") and content(root, "trace"))
    open(f"{root.scratch}/go", "w", encoding="ascii").close()
    expect("three lines before the rotations, and what came since", "1\n2\n3\n4\n5\n", root.end_process(process).out)


def test_verb_ends_with_its_reader(root):
    root.run("t", "/bin/sh", "-c", "while :; do echo text; sleep 0.01; done")
    process = root.start_process("logs", "-f", root.task("t"))
    expect("a line", "text\n", process.stdout.readline())
    process.stdout.close()
    expect("status", 0, process.wait(timeout=60))
    process.stderr.close()
    process = root.start_process("logs", "-f", root.task("t"))
    expect("a line", "text\n", process.stdout.readline())
    root.ok("kill", root.task("t"), "KILL")
    expect("it ends with the task", 0, root.end_process(process).status)


def test_slow_reader_holds_up_nobody(root):
    root.run("t", "/bin/sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end", flags=["--log-max-size", "100000", "--log-max-files", "100"])
    process = root.start_process("logs", "-f", root.task("t"))
    expect("the task ends", 0, root.ts("wait", root.task("t")).status)
    out, _ = process.communicate(timeout=60)
    expect("all of it", (3000005, "end\n"), (len(out), out[-4:]))


def test_verb_errors(root):
    root.run("t", "/bin/sleep", "1000", flags=["--stdout", f"{root.scratch}/out"])
    os.rename(f"{root.scratch}/out", f"{root.scratch}/gone")
    os.symlink("/etc/shadow", f"{root.scratch}/out")
    expect("a symlink is not followed", "", root.ok("logs", "--stream", "stdout", root.task("t")))
    root.create("b", "/bin/true")
    result = root.ts("logs", root.task("b"))
    expect("status", 1, result.status)
    expect_in("no file", "the output is not in a file", result.err)
    root.ok("delete", "-f", root.task("b"))
    expect_in("usage", "--stream: expected", root.ts("logs", "--stream", "x", root.task("t")).err)
    expect_in("usage", "--tail: not a number", root.ts("logs", "-n", "x", root.task("t")).err)
    expect_in("none", "the task does not exist", root.ts("logs", root.task("none")).err)


# --- attacks ---

SMALL = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=64k none "$0" && exec "$@"']


def test_full_disk_neither_blocks_nor_kills(root):
    os.mkdir(f"{root.scratch}/small")
    script = "head -c 1000000 /dev/zero; echo alive >&2"
    result = root.ts("run", "--keep", "--id", root.task("t"), *to(root, "small/out", "20k", 100), "--", "/bin/sh", "-c", script,
                     wrapper=[*SMALL, f"{root.scratch}/small"])
    expect(f"status {result}", (0, "alive\n"), (result.status, result.err))
    logs = root.record(root.task("t"))["logs"]
    expect("all is accounted for", 1000000, logs["writtenBytes"] + logs["droppedBytes"])
    if not 40000 <= logs["writtenBytes"] <= 65536:
        raise AssertionError(f"{logs}")
    root.ok("delete", root.task("t"))


def test_it_goes_on_when_the_disk_has_room_again(root):
    os.mkdir(f"{root.scratch}/small")
    script = "head -c 200000 /dev/zero; rm /w/big; sleep 0.1; echo after; sleep 0.1"  # all of it has room then, also if the monitor is late
    wrapper = ["unshare", "-m", "sh", "-c", f'mount -t tmpfs -o size=512k,mode=777 none "$0" && head -c 500000 /dev/zero >"$0/big"; "$@"; tail -c 6 "$0/out"', f"{root.scratch}/small"]
    result = root.ts("run", "--id", root.task("t"), "--mount", f"{root.scratch}/small:/w", *to(root, "small/out", "1M", 2), "--", "/bin/sh", "-c", script, wrapper=wrapper)
    expect(f"{result}", "after\n", result.out)


def test_limit_of_file_sizes_is_no_death(root):
    wrapper = ["sh", "-c", 'ulimit -f 8; exec "$@"', "-"]
    task = root.task("t")
    result = root.ts("run", "--keep", "--id", task, *to(root, "out", "1M", 2), "--", "/bin/sh", "-c", "head -c 100000 /dev/zero; exit 0", wrapper=wrapper)
    expect(f"status of {result}", 0, result.status)
    logs = root.record(task)["logs"]
    expect("all is accounted for", 100000, logs["writtenBytes"] + logs["droppedBytes"])
    root.ok("delete", task)


def test_log_that_is_swapped_by_the_task(root):
    """The task owns the directory: it puts symlinks to a file of the host's in the place of the log, of the next one, of all."""
    os.makedirs(f"{root.scratch}/alloc/logs")
    os.chmod(f"{root.scratch}/alloc/logs", 0o777)
    victim = f"{root.scratch}/victim"
    with open(victim, "w", encoding="ascii") as file:
        file.write("the host's\n")
    os.chmod(victim, 0o600)
    before = os.stat(victim)
    script = f"""(while :; do ln -sfn {victim} /alloc/logs/x; mv -fT /alloc/logs/x /alloc/logs/out; ln -sfn {victim} /alloc/logs/out.1; done) 2>/dev/null &
    i=0; while [ $i -lt 3000 ]; do echo some text that fills files; i=$((i+1)); done; kill $!"""
    result = root.ts("run", "--id", root.task("t"), "--alloc-dir", f"{root.scratch}/alloc", "--stdout", f"{root.scratch}/alloc/logs/out",
                     "--log-max-size", "500", "--log-max-files", "3", "--", "/bin/sh", "-c", script)
    expect(f"status of {result}", 0, result.status)
    after = os.stat(victim)
    expect("the victim", [getattr(before, f) for f in ("st_size", "st_mode", "st_uid", "st_nlink", "st_mtime_ns")],
           [getattr(after, f) for f in ("st_size", "st_mode", "st_uid", "st_nlink", "st_mtime_ns")])


def test_killed_monitor_ends_the_task(root):
    says = id_string(root.run("t", "/bin/sh", "-c", "while :; do echo text; done", flags=to(root, "out", 10000, 3)))
    wait_until("files", lambda: len(rotated(root, "out")) == 3)
    os.kill(says["monitorPid"], signal.SIGKILL)
    wait_gone(says["pid"])
    root.ts("delete", "-f", root.task("t"))


def test_a_writer_is_not_held_up_by_a_stopped_reader(root):
    """Nobody reads the files: that is nothing to the task. A monitor that is stopped makes it wait, and it goes on after."""
    says = id_string(root.run("t", "/bin/sh", "-c", SEQUENCE.format(20000) + "; echo end", flags=to(root, "out", "1M", 3)))
    os.kill(says["monitorPid"], signal.SIGSTOP)
    time.sleep(0.1)
    os.kill(says["monitorPid"], signal.SIGCONT)
    root.ts("wait", root.task("t"))
    expect("the end", b"end\n", content(root, "out")[-4:])


if __name__ == "__main__":
    sys.exit(main(globals()))
