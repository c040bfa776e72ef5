"""Sourced by the end-to-end tests in Python: a root for state directories, tasks in it, and the proof that nothing is left.

Every function test_*(root) of the program that calls main() gets a Root of its own. After it, what remains of its tasks is
removed with `taskshim delete -f`; a process, cgroup, mount or state directory that is then left fails the test."""
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("TS_BUILD", os.path.join(TOP, "build")))
TASKSHIM = os.path.join(BUILD, "taskshim")
SPAWN_DAEMON = os.path.join(BUILD, "spawn-daemon")
SANITIZED = os.path.basename(BUILD) == "asan"
SOAK = os.environ.get("TS_SOAK") == "all"  # the long form of what CI does a part of
MARK = f"TS_E2E_MARK=python-{os.getpid()}"  # in the environment of all that we start
LIMIT = int(os.environ.get("TS_LIMIT", "120"))  # seconds that anything may take: more is a hang
UNIFIED = "/sys/fs/cgroup/unified" if os.path.isdir("/sys/fs/cgroup/unified") else "/sys/fs/cgroup"

# A view of the cgroups as on a machine of another kind, for the commands behind it.
V1_ONLY = ["unshare", "-m", "sh", "-c", 'umount /sys/fs/cgroup/unified && exec "$@"', "-"]
V2_ONLY = ["unshare", "-m", "sh", "-c", 'mount -t cgroup2 none /sys/fs/cgroup && exec "$@"', "-"]


# Orphans come to us, and stay zombies until we reap them: until then /proc knows how they ended.
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


class Skip(Exception):
    """This machine cannot run the test; the message says why."""


class Result:
    """How a command ended."""

    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    def __repr__(self):
        return f"<status {self.status}, out {self.out!r}, err {self.err!r}>"

    def json(self):
        return json.loads(self.out)


def expect(what, wanted, got):
    if wanted != got:
        raise AssertionError(f"{what}: wanted {wanted!r}, got {got!r}")


def expect_in(what, part, text):
    if part not in text:
        raise AssertionError(f"{what}: no {part!r} in {text!r}")


def wait_until(what, condition):
    """Waits until condition() is true, and returns what it returned."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        got = condition()
        if got:
            return got
        time.sleep(0.01)
    raise AssertionError(f"hang: {what}")


# --- processes ---


def stat_fields(pid):
    """The fields of /proc/PID/stat from the third on; None when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def start_time(pid):
    return int(stat_fields(pid)[19])


def identity(pid, prefix="pid"):
    """What an ID string would say of the process: the members `pid` and `startTime`, or `monitorPid` and `monitorStartTime`."""
    if prefix != "pid":
        return {"monitorPid": pid, "monitorStartTime": start_time(pid)}
    pidfd = os.pidfd_open(pid)
    inode = os.fstat(pidfd).st_ino
    os.close(pidfd)
    return {"pid": pid, "startTime": start_time(pid), "pidfdInode": inode}


def alive(pid):
    fields = stat_fields(pid)
    return fields is not None and fields[0] not in "ZX"


def wait_gone(pid):
    wait_until(f"process {pid} ends", lambda: not alive(pid))


def reap(pid):
    """An orphan, if it has come to us: a monitor that ends at once has its parent yet."""
    wait_gone(pid)
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        wait_until(f"process {pid} is reaped", lambda: stat_fields(pid) is None)


def boot_id():
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def processes():
    """Those that live, as (pid, name)."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                name = file.read().strip()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if alive(pid):
            yield pid, name


def is_marked(pid):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return MARK.encode() in file.read().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


def holds(pid, path):
    """Whether a descriptor of the process is of something below `path`."""
    try:
        return any(os.readlink(f"/proc/{pid}/fd/{fd}").startswith(path) for fd in os.listdir(f"/proc/{pid}/fd"))
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


class Bystander:
    """A process that is nobody's task: it must outlive whatever is done with ID strings that name it."""

    def __init__(self, *argv):
        self.process = subprocess.Popen(argv or ["/bin/sleep", "1000"], env={"PATH": "/usr/bin:/bin"})
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        lived = self.process.poll() is None
        self.process.kill()
        self.process.wait()
        if not lived and kind is None:
            raise AssertionError(f"the bystander {self.pid} was killed")


# --- tasks ---


class Root:
    """A root for state directories, and a scratch directory that tasks may write to."""

    count = 0

    def __init__(self):
        Root.count += 1
        self.name = f"ts-e2e-{os.getpid()}-{Root.count}"
        self.path = f"/run/{self.name}"
        self.scratch = tempfile.mkdtemp(prefix="taskshim-e2e.")
        os.chmod(self.scratch, 0o777)
        self.mounts = self.read_mounts()
        self.cgroups = []  # that we made
        self.helpers = []  # spawn-daemons that we started
        self.env = dict(os.environ, SPAWN_DAEMON=SPAWN_DAEMON, PATH=BUILD + ":" + os.environ["PATH"])
        self.env.update([MARK.split("=")])

    def task(self, name):
        """A task id that is nobody else's, also as a cgroup's name."""
        return f"{self.name}-{name}"

    def directory(self, task):
        return f"{self.path}/{task}"

    def start_process(self, *args, wrapper=(), **more):
        """taskshim in the background."""
        argv = [*wrapper, TASKSHIM, "--root", self.path, *args]
        more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        return subprocess.Popen(argv, env=self.env, text=True, **more)

    def end_process(self, process):
        out, err = process.communicate(timeout=LIMIT)
        return Result(subprocess.CompletedProcess(process.args, process.returncode, out, err))

    def ts(self, *args, wrapper=(), **more):
        """taskshim to its end."""
        return self.end_process(self.start_process(*args, wrapper=wrapper, **more))

    def ok(self, *args, **more):
        """The same; it must succeed. Its output."""
        result = self.ts(*args, **more)
        expect(f"taskshim {' '.join(args)}: {result}", 0, result.status)
        return result.out

    def run(self, name, *command, flags=(), wrapper=()):
        """A detached task; its ID string."""
        flags = ["--env", MARK, "--mount", f"{self.scratch}:/w", *flags]
        return self.ok("run", "-d", "--id", self.task(name), *flags, "--", *command, wrapper=wrapper).strip()

    def config(self, command, namespaces=("pid", "ipc", "uts", "mount"), **taskshim):
        return {
            "ociVersion": "1.2.0",
            "process": {"args": list(command), "cwd": "/", "env": ["PATH=/usr/bin:/bin", MARK], "noNewPrivileges": True},
            "mounts": [
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                {"destination": "/w", "type": "bind", "source": self.scratch, "options": ["bind"]},
            ],
            "linux": {"namespaces": [{"type": kind} for kind in namespaces]},
            "taskshim": {"version": 1, "chroot": "host", **taskshim},
        }

    def bundle(self, name, command, **more):
        """A bundle's directory for `create` and `run -b`."""
        path = f"{self.scratch}/bundle-{name}"
        os.makedirs(path, exist_ok=True)
        write_json(f"{path}/config.json", self.config(command, **more))
        return path

    def create(self, name, *command, **more):
        """A task without a monitor, at its gate."""
        self.ok("create", "-b", self.bundle(name, command, **more), self.task(name), stdout=None, stderr=None)

    def spawn(self, name, *command, gate=True, cgroup=True, cgroups=(), namespaces=("pid", "ipc", "uts", "mount"), **taskshim):
        """A monitored task as a driver starts it, by spawn-daemon alone, in a marked cgroup, and in those of the map @cgroups,
        which the caller removes. Its `created` line."""
        directory, run_id = self.directory(self.task(name)), os.urandom(16).hex()
        os.makedirs(self.path, 0o700, exist_ok=True)
        os.mkdir(directory, 0o700)
        if cgroup:
            path = self.make_cgroup(self.task(name))
            os.setxattr(path, "trusted.taskshim.run", run_id.encode())
            taskshim["cgroup"] = {"unified": path, **dict(cgroups)}
        config = self.config(command, namespaces=namespaces, id=self.task(name), stateDir=directory, runId=run_id, **taskshim)
        helper = subprocess.Popen([SPAWN_DAEMON], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.env)
        self.helpers.append(helper)
        helper.stdin.write(json.dumps(config).encode() + b"\n")
        helper.stdin.flush()
        created = json.loads(helper.stdout.readline())
        expect(f"first line {created}", "created", created["type"])
        created["helper"] = helper
        if gate:
            helper.stdin.write(b"true\n")
            helper.stdin.flush()
            expect("second line", "started", json.loads(helper.stdout.readline())["type"])
        return created

    def make_cgroup(self, name):
        path = f"{UNIFIED}/{name}"
        os.mkdir(path)
        self.cgroups.append(path)
        return path

    def open(self, id_or_string, *flags):
        """What `open --json` says, with its exit status as "status"."""
        result = self.ts("open", "--json", *flags, id_or_string)
        answer = json.loads(result.out) if result.out else {"answer": None, "message": result.err}
        return {**answer, "status": result.status}

    def expect_open(self, id_or_string, answer, *flags):
        got = self.open(id_or_string, *flags)
        expect(f"answer of open {id_or_string} ({got})", answer, got["answer"])
        expect("exit status of open", {"running": 0, "exited": 0, "lost": 3, "foreign": 4}[answer], got["status"])
        return got

    def expect_any_open(self, id_or_string):
        """An answer, whichever it is: its word."""
        got = self.open(id_or_string)
        assert got["answer"], got
        return got["answer"]

    def waiting(self, word):
        """A `wait` that has got as far as waiting."""
        waiter = self.start_process("wait", word)

        def calls_poll():
            with open(f"/proc/{waiter.pid}/wchan", encoding="ascii") as file:
                return "poll" in file.read()

        wait_until("the waiter waits", calls_poll)
        return waiter

    def state(self, task):
        return json.loads(self.ok("state", task))

    def status_or_none(self, task):
        got = self.ts("state", task)
        return got.json()["status"] if got.status == 0 else None

    def record(self, task):
        return read_json(f"{self.directory(task)}/exit.json")

    def list(self):
        return sorted(self.ok("list", "-q").split())

    # --- the end of a test ---

    @staticmethod
    def read_mounts():
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            # the kernel mounts tracefs by itself when somebody looks below debugfs
            return sorted(line.split(" ", 3)[3] for line in file if " - tracefs " not in line)

    def processes(self):
        """Our processes, those of our tasks, and their monitors."""
        return [(pid, name) for pid, name in processes()
                if is_marked(pid) or (name == "spawn-daemon" and holds(pid, self.path))]

    def left(self):
        """What is there that was not there before."""
        left = [f"process {pid} {name}" for pid, name in self.processes()]
        left += [f"mount {line.strip()}" for line in self.read_mounts() if line not in self.mounts]
        if os.path.isdir(self.path):
            left += [f"{self.path}/{name}" for name in os.listdir(self.path)]
        for directory, names, _ in os.walk("/sys/fs/cgroup"):
            left += [f"{directory}/{name}" for name in names if self.name in name]
        return left

    def expect_nothing_left(self):
        """The kernel needs a moment after a kill."""
        try:
            wait_until("something is left", lambda: not self.left())
        except AssertionError as error:
            raise AssertionError(f"left: {self.left()}") from error

    def close(self):
        """Removes all tasks. After a failed test that may be in vain: the caller does not look then."""
        for name in os.listdir(self.path) if os.path.isdir(self.path) else ():
            self.ts("delete", "-f", name)
        for helper in self.helpers:
            helper.stdin.close()
            helper.stdout.close()
            helper.wait(LIMIT)
        for path in self.cgroups:
            if os.path.isdir(path):
                os.rmdir(path)
        shutil.rmtree(self.scratch)

    def clear(self):
        """All of it by force, after a failed test."""
        for name in os.listdir(self.path) if os.path.isdir(self.path) else ():
            self.ts("delete", "-f", name)
        for pid, _ in self.processes():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        for path in [*self.cgroups, *(line for line in self.left() if line.startswith("/sys/fs/cgroup"))]:
            subprocess.run(["rmdir", path], stderr=subprocess.DEVNULL, check=False)
        for path in (self.scratch, self.path, f"{self.path}-away"):
            shutil.rmtree(path, ignore_errors=True)


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write_json(path, document):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file)


def id_string(text):
    """What a CGROUP: ID string says."""
    assert text.startswith("CGROUP:{"), text
    return json.loads(text[len("CGROUP:") :])


def edited(text, **changes):
    """The ID string with other values; None: without the member."""
    says = {**id_string(text), **changes}
    return "CGROUP:" + json.dumps({key: value for key, value in says.items() if value is not None}, separators=(",", ":"))


def run_one(test):
    root = Root()
    try:
        test(root)
        root.close()
        root.expect_nothing_left()
        if os.path.isdir(root.path):
            os.rmdir(root.path)
    except BaseException:
        root.clear()
        raise


def main(tests):
    """Runs the test_* functions of `tests`, or those that the command line or TS_TEST names."""
    passed = failed = skipped = 0
    wanted = sys.argv[1:] + os.environ.get("TS_TEST", "").split()
    for name, test in list(tests.items()):
        if not name.startswith("test_") or (wanted and name not in wanted):
            continue
        try:
            run_one(test)
            print("ok  ", name, flush=True)
            passed += 1
        except Skip as reason:
            print(f"SKIP: {reason}\nskip", name, flush=True)
            skipped += 1
        except Exception:  # pylint: disable=broad-except
            print("FAIL", name)
            traceback.print_exc(limit=-4, file=sys.stdout)
            failed += 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return failed != 0
