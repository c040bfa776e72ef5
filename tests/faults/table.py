"""Which faults a system call can have: two or three errnos each that a machine in trouble, a limit or a policy may give."""
import errno
from collections import namedtuple

# What fails for want of memory, of descriptors, of room; what a policy refuses; what a broken disk says.
OPEN = ("EMFILE", "ENOSPC", "EACCES")
STAT = ("ENOMEM", "EIO")
MOUNT = ("ENOMEM", "EPERM", "ENOSPC")
DESCRIPTOR = ("EMFILE", "ENOMEM")
ERRNOS = {
    "accept4": ("EMFILE", "ENOBUFS", "EINTR"),
    "access": STAT,
    "bind": ("ENOMEM", "EACCES"),
    "capget": ("EINVAL", "EPERM"),
    "capset": ("EPERM", "EINVAL"),
    "chdir": ("EACCES", "ENOMEM"),
    "chroot": ("EPERM", "EACCES"),
    "clone": ("EAGAIN", "ENOMEM"),
    "clone3": ("EAGAIN", "ENOMEM", "EPERM"),
    "close_range": ("ENOMEM", "EMFILE"),
    "connect": ("EAGAIN", "ENOMEM", "EACCES"),
    "dup2": ("EBUSY", "EINTR"),
    "dup3": ("EBUSY", "EINTR"),
    "execve": ("ENOMEM", "EACCES", "ENOENT"),
    "faccessat": STAT,
    "faccessat2": STAT,
    "fallocate": ("ENOSPC", "EIO", "EINTR"),
    "fchdir": ("EACCES", "EIO"),
    "fchmod": ("EPERM", "EIO"),
    "fchmodat": ("EPERM", "EIO"),
    "fchown": ("EPERM", "EIO"),
    "fchownat": ("EPERM", "EIO"),
    "fcntl": ("EMFILE", "ENOLCK"),
    "flock": ("ENOLCK", "EINTR"),
    "fsconfig": MOUNT,
    "fsmount": ("EMFILE", "EPERM"),
    "fsopen": ("EMFILE", "EPERM"),
    "fspick": ("EMFILE", "EPERM"),
    "fstat": STAT,
    "fstatfs": STAT,
    "fsync": ("EIO", "ENOSPC"),
    "ftruncate": ("EIO", "EFBIG"),
    "getcwd": ("ENOENT", "ENOMEM"),
    "getdents64": ("EIO", "ENOMEM"),
    "getgroups": ("EINVAL", "EPERM"),
    "getrandom": ("EAGAIN", "ENOSYS"),
    "getresgid": ("EFAULT", "EPERM"),
    "getresuid": ("EFAULT", "EPERM"),
    "getsockopt": ("ENOBUFS", "ENOMEM"),
    "ioctl": ("EINVAL", "ENOTTY"),
    "keyctl": ("EDQUOT", "EPERM"),
    "kill": ("EPERM", "EAGAIN"),
    "lgetxattr": ("EIO", "EPERM"),
    "listen": ("EADDRINUSE", "ENOMEM"),
    "listxattr": ("EIO", "EPERM"),
    "lstat": STAT,
    "mkdir": ("ENOSPC", "EAGAIN", "EACCES"),
    "mkdirat": ("ENOSPC", "EDQUOT", "EACCES"),
    "mknodat": ("EIO", "ENOSPC"),
    "mmap": ("ENOMEM",),
    "mount": MOUNT,
    "mount_setattr": ("EPERM", "ENOMEM"),
    "move_mount": MOUNT,
    "mremap": ("ENOMEM",),
    "nanosleep": ("EINTR",),
    "newfstatat": STAT,
    "open": OPEN,
    "open_tree": ("EMFILE", "ENOMEM", "EPERM"),
    "openat": OPEN,
    "openat2": ("EMFILE", "EAGAIN", "EACCES"),
    "pidfd_open": DESCRIPTOR,
    "pidfd_send_signal": ("EPERM", "ENOMEM"),
    "pipe2": ("EMFILE", "ENFILE"),
    "pivot_root": ("EBUSY", "EPERM"),
    "poll": ("ENOMEM", "EINTR"),
    "ppoll": ("ENOMEM", "EINTR"),
    "prctl": ("EINVAL", "EPERM"),
    "prlimit64": ("EPERM", "EINVAL"),
    "pread64": ("EIO", "EINTR"),
    "pwrite64": ("ENOSPC", "EIO", "EINTR"),
    "read": ("EIO", "EINTR"),
    "readlink": ("EIO", "EACCES"),
    "readlinkat": ("EIO", "EACCES"),
    "recvfrom": ("ENOMEM", "EINTR"),
    "recvmsg": ("ENOMEM", "EINTR"),
    "renameat": ("EIO", "ENOSPC"),
    "renameat2": ("EIO", "ENOSPC"),
    "rmdir": ("EBUSY", "EIO"),
    "sched_setaffinity": ("EPERM", "EINVAL"),
    "sendmsg": ("EPIPE", "ENOBUFS", "EINTR"),
    "sendto": ("ECONNRESET", "ENOBUFS", "EINTR"),
    "setdomainname": ("EPERM", "EFAULT"),
    "setgroups": ("EPERM", "ENOMEM"),
    "sethostname": ("EPERM", "EFAULT"),
    "setns": ("EPERM", "ENOMEM"),
    "setpriority": ("EACCES", "EPERM"),
    "setresgid": ("EPERM", "EAGAIN"),
    "setresuid": ("EPERM", "EAGAIN"),
    "setsid": ("EPERM",),
    "setsockopt": ("ENOMEM", "ENOPROTOOPT"),
    "setxattr": ("ENOSPC", "EPERM"),
    "signalfd4": DESCRIPTOR,
    "socket": ("EMFILE", "ENOBUFS"),
    "socketpair": ("EMFILE", "ENOBUFS"),
    "stat": STAT,
    "statfs": STAT,
    "statx": STAT,
    "symlinkat": ("ENOSPC", "EIO"),
    "timerfd_create": DESCRIPTOR,
    "timerfd_settime": ("ECANCELED", "EINVAL"),
    "umount2": ("EBUSY", "EINVAL"),
    "unlinkat": ("EIO", "EBUSY"),
    "wait4": ("EINTR",),
    "waitid": ("EINTR", "ECHILD"),
    "waitpid": ("EINTR",),
    "write": ("ENOSPC", "EIO", "EINTR"),
}
OTHERS = ("ENOMEM", "EPERM")

# Left out of the failures, not of the kills: what cannot fail, or whose failure says nothing.
INFALLIBLE = {
    "arch_prctl": "libc's, before main()",
    "brk": "malloc(3) falls back to mmap",
    "clock_gettime": "cannot fail with the clocks that are used",
    "clock_nanosleep": "see nanosleep",
    "close": "frees the descriptor whatever it returns, which a call that is not made cannot imitate",
    "exit": "does not return",
    "exit_group": "does not return",
    "getegid": "cannot fail",
    "geteuid": "cannot fail",
    "getgid": "cannot fail",
    "getpid": "cannot fail",
    "getppid": "cannot fail",
    "gettid": "cannot fail",
    "getuid": "cannot fail",
    "madvise": "a hint",
    "mprotect": "libc's, before main()",
    "munmap": "memory that is not given back costs nothing that could be seen",
    "rseq": "libc's, before main()",
    "rt_sigaction": "cannot fail for signals that exist; those that do not are tried as well",
    "rt_sigprocmask": "cannot fail",
    "rt_sigreturn": "does not return",
    "sched_yield": "a hint",
    "set_robust_list": "libc's, before main()",
    "set_tid_address": "libc's, before main()",
    "umask": "cannot fail",
}

# What the sanitizers and the loader of a sanitized build call as well, and end over: the plain build has these.
SANITIZERS = {"mmap", "munmap", "mremap", "ioctl", "futex", "read", "readlink", "newfstatat", "openat", "prlimit64"}
SANITIZERS |= {"access", "getrandom", "pread64", "sigaltstack"}

# What undoes: where one fails once it is tried again; where it fails for good the caller is told and `gc` removes it.
CLEAN_UP = {"rmdir": ("EBUSY", "EIO"), "unlinkat": ("EIO",), "lgetxattr": ("EIO",)}
LASTING_ROLES = ("taskshim", "spawn-daemon")


# In loops that wait for something: how often is chance, and the first few are enough.
WAITING = {"nanosleep": 4, "flock": 8, "poll": 16, "waitid": 8}


class Fault(namedtuple("Fault", "role call k what")):
    """The @k-th @call of @role: an errno's name, with + for that call and all later ones of its name; kill; killed."""

    @property
    def is_kill(self):
        return self.what in ("kill", "killed")

    @property
    def is_lasting(self):
        return self.what.endswith("+")

    @property
    def words(self):
        what = self.what
        if not self.is_kill:
            what = f"{getattr(errno, what.rstrip('+'))}{'+' if self.is_lasting else ''}"
        return (self.role, self.call, str(self.k), what)

    def __str__(self):
        return f"{self.role}:{self.call}#{self.k}:{self.what}"

    @staticmethod
    def parse(text):
        role, call, what = text.split(":")
        name, _, k = call.partition("#")
        return Fault(role, name, int(k), what)


def faults_of(role, call, k):
    """All of one call."""
    if k > WAITING.get(call, k):
        return
    if call not in INFALLIBLE:
        for what in ERRNOS.get(call, OTHERS):
            yield Fault(role, call, k, what)
        for what in CLEAN_UP.get(call, ()) if role in LASTING_ROLES else ():
            yield Fault(role, call, k, what + "+")
    yield Fault(role, call, k, "kill")
    if call not in ("exit", "exit_group"):
        yield Fault(role, call, k, "killed")
