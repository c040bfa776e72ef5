"""A world of its own for one worker, in which "nothing is left" can be seen exactly: pid, mount, cgroup and network namespaces.

The worker is process 1 in it: who loses its parent becomes its child, and whoever is in /proc besides it is a left-over.
Its cgroups are a subtree that only it uses, mounted as if they were the machine's; /tmp is a tmpfs of its own. When the
worker ends, the kernel ends all that is in there."""
import ctypes
import fcntl
import os
import select
import signal
import time

CGROUPS = "/sys/fs/cgroup"
PROGRAMS, STATE, OUT, BUNDLE = "/tmp/bin", "/tmp/state", "/tmp/out", "/tmp/bundle"
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x2000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE, MS_SHARED = 2, 4, 8, 1 << 14, 1 << 18, 1 << 20
MNT_DETACH, PR_SET_PDEATHSIG = 2, 1
SYS_PIVOT_ROOT = 155 if os.uname().machine == "x86_64" else 41
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "ASAN_OPTIONS": "detect_leaks=0"}  # LeakSanitizer cannot run in a traced process

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), what)


def mount(source, target, kind, flags=0, data=""):
    check(libc.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()), f"mount {target}")


def read(path):
    with open(path, "rb") as file:
        return file.read().decode(errors="replace")


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


# --- cgroups: made by the parent of the workers, which also removes them ---


class Hierarchy:
    def __init__(self, mountpoint, kind, options, name):
        self.mountpoint, self.kind, self.options = mountpoint, kind, options
        self.path = f"{mountpoint}/{name}"

    def make(self):
        os.mkdir(self.path)
        for file in "cpuset.cpus", "cpuset.mems":
            if self.kind == "cgroup" and os.path.exists(f"{self.path}/{file}"):
                write(f"{self.path}/{file}", read(f"{self.mountpoint}/{file}"))
        if self.kind == "cgroup2":
            for controller in read(f"{self.mountpoint}/cgroup.controllers").split():
                try:
                    write(f"{self.mountpoint}/cgroup.subtree_control", f"+{controller}")
                except OSError:
                    pass  # the operator's cgroups do not let it: taskshim then cannot have it either
            os.mkdir(f"{self.path}/worker")  # an inner cgroup can have no processes

    def join(self):
        write(f"{self.path}{'/worker' if self.kind == 'cgroup2' else ''}/cgroup.procs", "0")

    def remove(self):
        """Its processes have been killed; the last may need a moment to be gone."""
        for _ in range(500):
            for path, _, _ in os.walk(self.path, topdown=False):
                try:
                    os.rmdir(path)
                except OSError:
                    pass
            if not os.path.exists(self.path):
                break
            time.sleep(0.01)


def hierarchies(name):
    found = []
    for line in read("/proc/self/mountinfo").splitlines():
        left, right = line.split(" - ")
        kind, _, options = right.split()[:3]
        if kind in ("cgroup", "cgroup2") and left.split()[3] == "/" and left.split()[4].startswith(CGROUPS):
            options = ",".join(o for o in options.split(",") if o not in ("rw", "ro", "xattr", "clone_children"))
            found.append(Hierarchy(left.split()[4], kind, options if kind == "cgroup" else "", name))
    return found


def mount_cgroups(found):
    links = {e.name: os.readlink(e.path) for e in os.scandir(CGROUPS) if e.is_symlink()}
    check(libc.umount2(CGROUPS.encode(), MNT_DETACH), "umount")  # cgroup2 cannot be mounted upon itself
    if not any(h.mountpoint == CGROUPS for h in found):
        mount("tmpfs", CGROUPS, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755")
        for name, target in links.items():
            os.symlink(target, f"{CGROUPS}/{name}")
    for h in found:
        if not os.path.isdir(h.mountpoint):
            os.mkdir(h.mountpoint)
        mount("cgroup", h.mountpoint, h.kind, MS_NOSUID | MS_NODEV | MS_NOEXEC, h.options)


def enter(found, programs, main):
    """Never returns: the calling process waits for the worker, which runs @main as process 1."""
    parent = os.getppid()
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    contents = {name: open(path, "rb").read() for name, path in programs.items()}
    for h in found:
        h.join()
    check(libc.unshare(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWPID | CLONE_NEWNET), "unshare")
    pid = os.fork()
    if pid != 0:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount_cgroups(found)
    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    # What a task's mounts let escape is seen here, whatever this machine's propagation is.
    mount("none", "/", "", MS_REC | MS_SHARED)
    for path, mode in ((PROGRAMS, 0o755), (STATE, 0o700), (OUT, 0o777), (BUNDLE, 0o755)):
        os.mkdir(path)
        os.chmod(path, mode)
    for name, content in contents.items():
        with open(f"{PROGRAMS}/{name}", "wb") as file:
            file.write(content)
        os.chmod(f"{PROGRAMS}/{name}", 0o755)
    for signo in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(signo, signal.SIG_DFL)
    os.chdir("/")
    os._exit(main())


def empty_namespace():
    """A mount namespace with nothing but an empty root: a descriptor of it."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        check(libc.unshare(CLONE_NEWNS), "unshare")
        mount("none", "/", "", MS_REC | MS_PRIVATE)
        mount("tmpfs", OUT, "tmpfs", 0, "nr_inodes=1")
        os.chdir(OUT)
        check(libc.syscall(SYS_PIVOT_ROOT, b".", b"."), "pivot_root")
        check(libc.umount2(b".", MNT_DETACH), "umount")
        os.write(write_end, b"x")
        signal.pause()
    os.read(read_end, 1)
    fd = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(read_end)
    os.close(write_end)
    return fd


# --- in the box ---


class Hang(Exception):
    pass


class Step:
    """One command that was run: its status (as a shell's, negative for a signal), its output."""

    def __init__(self, argv):
        self.argv, self.status, self.out, self.err, self.pid = argv, None, "", "", 0
        self.report = None

    def __str__(self):
        return f"{' '.join(self.argv[:9])}: status {self.status}, stderr {self.err!r}, stdout {self.out[-300:]!r}"


class Report:
    """What the tracer says (inject.c has the words); it goes on when the step has ended, while anything is traced."""

    def __init__(self, fd):
        self.fd, self.text = fd, b""
        self.first, self.fault, self.calls, self.trouble = None, "", [], ""

    def take(self):
        """What there is to read. False at the end of file."""
        data = os.read(self.fd, 65536)
        self.text += data
        *lines, self.text = self.text.split(b"\n")
        for line in lines:
            word, _, rest = line.decode(errors="replace").partition(" ")
            if word == "first":
                self.first = os.waitstatus_to_exitcode(int(rest))
            elif word == "fault":
                self.fault = rest
            elif word == "call":
                self.calls.append(rest)
            elif word == "error":
                self.trouble = rest
        return bool(data)

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1


class Box:
    def __init__(self):
        self.wake_read, wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.signal(signal.SIGCHLD, lambda signo, frame: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        self.ends = {}  # what was reaped: pid -> wait status
        self.before = self.snapshot()

    def reap(self):
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                self.ends[pid] = status
        except ChildProcessError:
            pass

    def wait(self, fds, deadline):
        """Until one of @fds can be read, a child has ended, or it is late. Returns those that can be read."""
        poll = select.poll()
        for fd in (self.wake_read, *fds):
            poll.register(fd, select.POLLIN)
        ready = [fd for fd, _ in poll.poll(max(0, deadline - time.monotonic()) * 1000)]
        try:
            while os.read(self.wake_read, 512):
                pass
        except BlockingIOError:
            pass
        self.reap()
        return [fd for fd in ready if fd != self.wake_read]

    def sleep(self, seconds):
        """That long, or until a child has ended."""
        self.wait((), time.monotonic() + seconds)

    environment = {}  # more of it for what is run

    def run(self, step, seconds, trace=None, stdin=b"", to_file=False, poke=None):
        """Runs @step.argv; it must end within @seconds and, unless @to_file, let go of its output with its end. @trace: the
        words of inject.c for a fault, () to list the calls: then the tracer stays on as long as it has something to do.
        @poke is called now and then, until it returns true."""
        argv = step.argv
        source, sink = os.pipe()
        os.write(sink, stdin)  # less than a pipe holds: it does not block
        os.close(sink)
        theirs, ours = {0: source}, {}
        for fd, name in ((1, "out"), (2, "err")):
            if to_file:
                theirs[fd] = os.memfd_create(name)
                ours[fd] = os.dup(theirs[fd])
            else:
                ours[fd], theirs[fd] = os.pipe()
        if trace is not None:
            report, theirs[3] = os.pipe()
            step.report = Report(report)
            argv = [f"{PROGRAMS}/inject", "3", *trace, "--", *argv]
        # Out of the way of 0 to 3, which they become.
        high = {fd: fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for fd, end in theirs.items()}
        actions = [(os.POSIX_SPAWN_DUP2, end, fd) for fd, end in high.items()]
        try:
            step.pid = os.posix_spawn(argv[0], argv, {**ENVIRONMENT, **self.environment}, file_actions=actions)
            for end in (*high.values(), *theirs.values()):
                os.close(end)
            texts = self.collect(step, ours, time.monotonic() + seconds, to_file, poke)
        finally:
            for fd in ours.values():
                os.close(fd)
        step.out, step.err = (texts[fd].decode(errors="replace") for fd in (1, 2))
        return step

    def collect(self, step, ours, deadline, to_file, poke):
        texts = {1: b"", 2: b""}
        waiting = {} if to_file else {end: fd for fd, end in ours.items()}
        while step.status is None or waiting:
            report = [step.report.fd] if step.report and step.status is None else []
            if poke and poke():
                poke = None
            ready = self.wait([*waiting, *report], time.monotonic() + 0.002 if poke else deadline)
            for end in ready:
                if end in waiting:
                    data = os.read(end, 65536)
                    texts[waiting[end]] += data
                    if not data:
                        del waiting[end]
                elif not step.report.take() and step.report.first is None:
                    raise RuntimeError(f"the tracer ended: {step.report.trouble}")
            if step.report:
                step.status = step.report.first
            elif step.pid in self.ends:
                step.status = os.waitstatus_to_exitcode(self.ends[step.pid])
            if time.monotonic() > deadline and (step.status is None or waiting):
                held = step.status is not None
                what = f"ended with {step.status}, but somebody holds its output" if held else "hangs"
                raise Hang(f"{' '.join(step.argv[1:9])} {what}: {', '.join(map(self.name, self.processes()))}")
        if to_file:
            texts = {fd: os.pread(end, 1 << 20, 0) for fd, end in ours.items()}
        return texts

    def finish_report(self, report, seconds):
        """Reads on until the tracer has ended: all that it traced is gone then."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.wait([report.fd], deadline) and not report.take():
                break
        report.close()

    # --- what there is ---

    def processes(self):
        self.reap()
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]

    @staticmethod
    def name(pid):
        try:
            return f"{pid} ({read(f'/proc/{pid}/comm').strip()})"
        except OSError:
            return f"{pid}"

    def snapshot(self):
        cgroups = []

        def walk(path):
            for entry in os.scandir(path):
                if entry.is_dir(follow_symlinks=False):
                    cgroups.append(f"cgroup {entry.path}")
                    walk(entry.path)

        walk(CGROUPS)
        files = []
        for top, directories, names in os.walk("/tmp"):
            files += [f"file {top}/{name}" for name in directories + names]
            if top == "/tmp":
                directories[:] = ["state", "bundle"]
        mounts = [f"mount {line}" for line in read("/proc/self/mountinfo").splitlines()]
        return set(cgroups + files + mounts)

    def left(self):
        """What there is now and was not before, or the other way round. Processes apart: see processes()."""
        now = self.snapshot()
        return sorted(now - self.before) + [f"missing: {item}" for item in sorted(self.before - now)]

    def wait_empty(self, seconds):
        """Until only the worker is left. Returns the names of the others."""
        deadline = time.monotonic() + seconds
        while True:
            pids = self.processes()
            if not pids:
                return []
            if time.monotonic() > deadline:
                return [self.name(pid) for pid in pids]
            self.sleep(0.02)

    def clear(self):
        """After a failed case: ends every process in the box and removes what is there."""
        for _ in range(100):
            pids = self.processes()
            if not pids:
                break
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.sleep(0.02)
        for line in reversed(self.left()):
            word, _, path = line.partition(" ")
            try:
                if word == "cgroup" or (word == "file" and os.path.isdir(path)):
                    os.rmdir(path)
                elif word == "file":
                    os.unlink(path)
                elif word == "mount":
                    libc.umount2(path.split(" ")[4].encode(), MNT_DETACH)
            except OSError:
                pass
