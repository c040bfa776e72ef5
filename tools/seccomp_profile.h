/* The default seccomp profile: what an ordinary task may call. docs/seccomp.md says why.
 *
 * What is in no group answers ENOSYS, as a kernel would that is older: libc and others then do without. So do calls that became
 * known after this list. An error with capabilities is lifted for a task that may have one of them. */
#ifndef TOOLS_SECCOMP_PROFILE_H
#define TOOLS_SECCOMP_PROFILE_H

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>

#define CAP(name) (1ULL << CAP_##name)

enum check { /* what is looked at besides the number */
	     CHECK_NOTHING,
	     CHECK_CLONE, /* flags for new namespaces */
	     CHECK_UNSHARE,
	     CHECK_SOCKET, /* address family */
	     CHECK_SOCKETCALL, /* i386: its arguments are in memory, out of reach */
	     CHECK_PERSONALITY,
	     CHECK_IOCTL, /* what types into a terminal */
};

struct group {
	const char *names;
	int err; /* 0: allowed */
	uint64_t capabilities;
	enum check check;
};

#define ALLOW(names_)                                                                              \
	{                                                                                          \
		.names = (names_)                                                                  \
	}
#define CHECK(names_, check_)                                                                      \
	{                                                                                          \
		.names = (names_), .check = (check_)                                               \
	}
#define DENY(names_, err_, capabilities_)                                                          \
	{                                                                                          \
		.names = (names_), .err = (err_), .capabilities = (capabilities_)                  \
	}

static const struct group profile[] = {
	/* --- allowed --- */
	/* processes, threads, waiting */
	ALLOW("fork vfork execve execveat exit exit_group wait4 waitid waitpid getpid "
	      "getppid gettid getpgid getpgrp getsid setpgid setsid set_tid_address "
	      "set_robust_list get_robust_list prctl arch_prctl set_thread_area "
	      "get_thread_area set_tls get_tls restart_syscall rseq membarrier getcpu "
	      "pidfd_open pidfd_send_signal process_madvise process_mrelease futex "
	      "futex_time64 futex_waitv futex_wake futex_wait futex_requeue uretprobe "
	      "uprobe"),
	/* signals */
	ALLOW("rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait "
	      "rt_sigtimedwait_time64 rt_sigqueueinfo rt_tgsigqueueinfo rt_sigsuspend "
	      "sigaltstack kill tkill tgkill pause signal sigaction sigprocmask sigreturn "
	      "sigpending sigsuspend sgetmask ssetmask signalfd signalfd4"),
	/* memory */
	ALLOW("brk mmap mmap2 munmap mprotect mremap msync mincore madvise mlock mlock2 "
	      "munlock mlockall munlockall remap_file_pages memfd_create memfd_secret mseal "
	      "map_shadow_stack pkey_mprotect pkey_alloc pkey_free mbind get_mempolicy "
	      "set_mempolicy set_mempolicy_home_node cacheflush"),
	/* files and directories */
	ALLOW("read write open openat openat2 creat close close_range readv writev pread64 "
	      "pwrite64 preadv pwritev preadv2 pwritev2 lseek _llseek dup dup2 dup3 fcntl "
	      "fcntl64 flock access faccessat faccessat2 stat fstat lstat stat64 fstat64 "
	      "lstat64 newfstatat fstatat64 statx readlink readlinkat getdents getdents64 "
	      "getcwd chdir fchdir mkdir mkdirat rmdir mknod mknodat link linkat unlink "
	      "unlinkat symlink symlinkat rename renameat renameat2 chmod fchmod fchmodat "
	      "fchmodat2 chown fchown lchown chown32 fchown32 lchown32 fchownat umask "
	      "truncate ftruncate truncate64 ftruncate64 fallocate utime utimes futimesat "
	      "utimensat utimensat_time64 statfs fstatfs statfs64 fstatfs64 sync syncfs "
	      "fsync fdatasync sync_file_range arm_sync_file_range fadvise64 fadvise64_64 "
	      "arm_fadvise64_64 readahead copy_file_range sendfile sendfile64 splice tee "
	      "vmsplice cachestat name_to_handle_at statmount listmount file_getattr "
	      "file_setattr"),
	ALLOW("setxattr lsetxattr fsetxattr setxattrat getxattr lgetxattr fgetxattr "
	      "getxattrat listxattr llistxattr flistxattr listxattrat removexattr "
	      "lremovexattr fremovexattr removexattrat"),
	/* waiting for events */
	ALLOW("select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 "
	      "epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 "
	      "eventfd eventfd2 inotify_init inotify_init1 inotify_add_watch "
	      "inotify_rm_watch fanotify_mark io_setup io_destroy io_getevents "
	      "io_pgetevents io_pgetevents_time64 io_submit io_cancel pipe pipe2"),
	/* sockets */
	ALLOW("connect accept accept4 bind listen shutdown sendto recvfrom send recv "
	      "sendmsg recvmsg sendmmsg recvmmsg recvmmsg_time64 getsockname getpeername "
	      "setsockopt getsockopt"),
	/* System V and POSIX IPC */
	ALLOW("ipc shmget shmat shmctl shmdt semget semop semctl semtimedop "
	      "semtimedop_time64 msgget msgsnd msgrcv msgctl mq_open mq_unlink mq_timedsend "
	      "mq_timedsend_time64 mq_timedreceive mq_timedreceive_time64 mq_notify "
	      "mq_getsetattr"),
	/* time; adjtimex with something to set needs CAP_SYS_TIME for the kernel already */
	ALLOW("time gettimeofday clock_gettime clock_gettime64 clock_getres "
	      "clock_getres_time64 clock_nanosleep clock_nanosleep_time64 nanosleep alarm "
	      "getitimer setitimer times adjtimex clock_adjtime clock_adjtime64 "
	      "timer_create timer_settime timer_settime64 timer_gettime timer_gettime64 "
	      "timer_getoverrun timer_delete timerfd_create timerfd_settime "
	      "timerfd_settime64 timerfd_gettime timerfd_gettime64"),
	/* ids, capabilities, limits, scheduling: the kernel asks for the capability itself */
	ALLOW("getuid getgid geteuid getegid getresuid getresgid getgroups setuid setgid "
	      "setreuid setregid setresuid setresgid setgroups setfsuid setfsgid getuid32 "
	      "getgid32 geteuid32 getegid32 getresuid32 getresgid32 getgroups32 setuid32 "
	      "setgid32 setreuid32 setregid32 setresuid32 setresgid32 setgroups32 "
	      "setfsuid32 setfsgid32 capget capset getrlimit ugetrlimit setrlimit prlimit64 "
	      "getrusage nice getpriority setpriority sched_yield sched_setparam "
	      "sched_getparam sched_setscheduler sched_getscheduler sched_setattr "
	      "sched_getattr sched_setaffinity sched_getaffinity sched_get_priority_max "
	      "sched_get_priority_min sched_rr_get_interval sched_rr_get_interval_time64 "
	      "ioprio_set ioprio_get"),
	/* about the system; giving up more rights */
	ALLOW("uname sysinfo getrandom seccomp landlock_create_ruleset landlock_add_rule "
	      "landlock_restrict_self lsm_get_self_attr lsm_set_self_attr lsm_list_modules"),
	/* ARM's own */
	ALLOW("breakpoint usr26 usr32"),

	/* --- by argument --- */
	CHECK("clone", CHECK_CLONE),
	CHECK("unshare", CHECK_UNSHARE),
	CHECK("socket socketpair", CHECK_SOCKET),
	CHECK("socketcall", CHECK_SOCKETCALL),
	CHECK("personality", CHECK_PERSONALITY),
	CHECK("ioctl", CHECK_IOCTL),

	/* --- denied --- */
	DENY("mount umount umount2 pivot_root open_tree open_tree_attr move_mount fsopen "
	     "fsconfig fsmount fspick mount_setattr setns swapon swapoff quotactl "
	     "quotactl_fd sethostname setdomainname fanotify_init lookup_dcookie",
	     EPERM, CAP(SYS_ADMIN)),
	DENY("bpf", EPERM, CAP(SYS_ADMIN) | CAP(BPF)),
	DENY("perf_event_open", EPERM, CAP(SYS_ADMIN) | CAP(PERFMON)),
	DENY("ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd userfaultfd", EPERM,
	     CAP(SYS_PTRACE)),
	DENY("init_module finit_module delete_module", EPERM, CAP(SYS_MODULE)),
	DENY("kexec_load kexec_file_load reboot", EPERM, CAP(SYS_BOOT)),
	DENY("settimeofday stime clock_settime clock_settime64", EPERM, CAP(SYS_TIME)),
	DENY("open_by_handle_at", EPERM, CAP(DAC_READ_SEARCH)),
	DENY("chroot", EPERM, CAP(SYS_CHROOT)),
	DENY("acct", EPERM, CAP(SYS_PACCT)),
	DENY("syslog", EPERM, CAP(SYSLOG)),
	DENY("iopl ioperm pciconfig_iobase pciconfig_read pciconfig_write", EPERM, CAP(SYS_RAWIO)),
	DENY("vhangup", EPERM, CAP(SYS_TTY_CONFIG)),
	DENY("move_pages migrate_pages", EPERM, CAP(SYS_NICE)),
	DENY("keyctl add_key request_key modify_ldt", EPERM, 0),

	/* --- not there: what has to be missing for the caller to do something else, and what nobody calls any more --- */
	DENY("clone3", ENOSYS,
	     CAP(SYS_ADMIN)), /* its flags are in memory; libc falls back to clone */
	DENY("io_uring_setup io_uring_enter io_uring_register", ENOSYS, 0),
	DENY("uselib ustat sysfs _sysctl create_module get_kernel_syms query_module "
	     "nfsservctl getpmsg putpmsg afs_syscall tuxcall security vserver "
	     "epoll_ctl_old epoll_wait_old break oldstat oldfstat oldlstat oldolduname "
	     "olduname stty gtty ftime prof profil lock mpx ulimit readdir idle bdflush "
	     "vm86 vm86old",
	     ENOSYS, 0),
};
#undef ALLOW
#undef CHECK
#undef DENY

/* Flags of clone(2); of unshare(2) also the last. */
#define NEW_NAMESPACES 0x7e020000U
#define NEW_TIME_NAMESPACE 0x00000080U

/* Unix, internet, netlink and packet sockets; packets need CAP_NET_RAW anyway. */
static const uint32_t address_families[] = {1, 2, 10, 16, 17};

/* PER_LINUX, PER_LINUX32, both with UNAME26; and the question what it is. */
static const uint32_t personalities[] = {0, 8, 0x20000, 0x20008, 0xffffffff};

/* TIOCSTI, TIOCLINUX: a task that got a terminal would give commands to whoever reads it next. */
static const uint32_t typing_ioctls[] = {0x5412, 0x541c};

/* SYS_SOCKET and SYS_SOCKETPAIR of socketcall(2). */
static const uint32_t socketcalls[] = {1, 8};

/* What libseccomp 2.5 does not know yet. Calls have the same number everywhere since 424. */
static const struct {
	const char *name;
	int nr;
} newer[] = {
	{"cachestat", 451},	    {"fchmodat2", 452},	       {"map_shadow_stack", 453},
	{"futex_wake", 454},	    {"futex_wait", 455},       {"futex_requeue", 456},
	{"statmount", 457},	    {"listmount", 458},	       {"lsm_get_self_attr", 459},
	{"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
	{"setxattrat", 463},	    {"getxattrat", 464},       {"listxattrat", 465},
	{"removexattrat", 466},	    {"open_tree_attr", 467},   {"file_getattr", 468},
	{"file_setattr", 469},
#ifdef __x86_64__
	{"uretprobe", 335},	    {"uprobe", 336},
#endif
};

#endif
