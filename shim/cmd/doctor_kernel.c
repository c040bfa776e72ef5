/* doctor: what the kernel has. Nothing is concluded from a version: each call is made. */
#include "shim/cmd/doctor.h"

#include "util/fd.h"
#include "util/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

int doctor_try(int (*act)(void *arg), void *arg)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(act(arg));
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- namespaces --- */

static int unshare_it(void *arg)
{
	return unshare(*(const int *)arg) < 0 ? errno : 0;
}

/* A number in /proc/sys; -1: no such file. */
static long sysctl_number(const char *name)
{
	char path[96], text[32];

	(void)snprintf(path, sizeof path, "/proc/sys/%s", name);
	return ts_read_text_at(AT_FDCWD, path, text, sizeof text) > 0 ? strtol(text, NULL, 10) : -1;
}

/* Which knob forbids a new user namespace. */
static const char *user_advice(void)
{
	if (sysctl_number("user/max_user_namespaces") == 0)
		return "sysctl user.max_user_namespaces=15000";
	if (sysctl_number("kernel/unprivileged_userns_clone") == 0)
		return "sysctl kernel.unprivileged_userns_clone=1";
	if (sysctl_number("kernel/apparmor_restrict_unprivileged_userns") == 1)
		return "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor "
		       "profile with `userns,` for taskshim and spawn-daemon";
	return "a kernel with CONFIG_USER_NS, and no seccomp filter or chroot around taskshim that "
	       "forbids it";
}

static const char *namespace_advice(int err, const char *limit)
{
	if (err == ENOSPC)
		return limit;
	if (err == EPERM)
		return "run as root with CAP_SYS_ADMIN, or allow user namespaces";
	return "a kernel that has it";
}

void doctor_namespaces(struct doctor *d)
{
	static const struct {
		int flag;
		const char *name, *disables, *limit;
	} rows[] = {
		{CLONE_NEWNS, "mount", "every task with a root of its own: a default run",
		 "sysctl user.max_mnt_namespaces"},
		{CLONE_NEWPID, "pid", "a default run, --pid private, --init",
		 "sysctl user.max_pid_namespaces"},
		{CLONE_NEWIPC, "ipc", "a default run, --ipc private",
		 "sysctl user.max_ipc_namespaces"},
		{CLONE_NEWUTS, "uts", "a default run, --hostname",
		 "sysctl user.max_uts_namespaces"},
		{CLONE_NEWNET, "network", "--net none", "sysctl user.max_net_namespaces"},
		{CLONE_NEWCGROUP, "cgroup", "a namespace of type cgroup in a config",
		 "sysctl user.max_cgroup_namespaces"},
		{CLONE_NEWTIME, "time", "a namespace of type time, linux.timeOffsets",
		 "Linux 5.6; sysctl user.max_time_namespaces"},
	};
	struct finding f = {.group = "namespaces", .name = "user"};
	bool root = getauxval(AT_EUID) == 0;
	int flag = CLONE_NEWUSER, err = doctor_try(unshare_it, &flag);

	f.disables = root ? "--userns FIRST:SIZE" : "every task of a user who is not root";
	f.get = err ? user_advice() : NULL;
	doctor_add(d, &f, err == 0, "%s", err > 0 ? ts_errno_text(err) : "");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		/* who is not root gets the others in a user namespace of his own, as a task of his does */
		flag = rows[i].flag | (root ? 0 : CLONE_NEWUSER);
		err = doctor_try(unshare_it, &flag);
		f = (struct finding){.group = "namespaces",
				     .name = rows[i].name,
				     .disables = rows[i].disables,
				     .get = namespace_advice(err, rows[i].limit)};
		doctor_add(d, &f, err == 0, "%s", err > 0 ? ts_errno_text(err) : "");
	}
}

/* --- system calls --- */

/* Whether the kernel knows the call: with arguments that it must refuse. */
static bool has_call(long number)
{
	return syscall(number, -1, -1L, -1L, -1L, 0L) >= 0 || errno != ENOSYS;
}

static void add_calls(struct doctor *d)
{
	static const struct {
		long number;
		struct finding f;
	} rows[] = {
		{SYS_open_tree,
		 {"calls", "open_tree", .disables = "bind mounts: every task with a root",
		  .get = "Linux 5.2"}},
		{SYS_move_mount,
		 {"calls", "move_mount", .disables = "mounts: every task with a root of its own",
		  .get = "Linux 5.2"}},
		{SYS_fsopen,
		 {"calls", "fsopen", .disables = "new filesystems: every task with a root",
		  .get = "Linux 5.2"}},
		{SYS_mount_setattr,
		 {"calls", "mount_setattr",
		  .disables = "read-only bind mounts: a default run; idmap", .get = "Linux 5.12"}},
		{SYS_openat2,
		 {"calls", "openat2",
		  .disables = "everything: no path of a task is followed "
			      "without it",
		  .get = "Linux 5.6"}},
		{SYS_close_range,
		 {"calls", "close_range", .disables = "everything: descriptors would leak",
		  .get = "Linux 5.9"}},
		{SYS_pidfd_open,
		 {"calls", "pidfd_open",
		  .disables = "everything: no process is signalled without it",
		  .get = "Linux 5.3"}},
		{SYS_pidfd_send_signal,
		 {"calls", "pidfd_send_signal",
		  .disables = "everything: no process is signalled without it",
		  .get = "Linux 5.1"}},
		{SYS_clone3,
		 {"calls", "clone3", .disables = "everything: init is made by it",
		  .get = "Linux 5.3, and no seccomp filter around taskshim that hides it"}},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		doctor_add(d, &rows[i].f, has_call(rows[i].number), "%s", "");
}

/* A descriptor that there is not is looked at only by a kernel that knows the flag. */
static bool has_into_cgroup(void)
{
	struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
	long pid;

	args.cgroup = INT_MAX;
	pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		(void)waitpid((pid_t)pid, NULL, 0);
	return pid > 0 || errno == EBADF;
}

static int exit_7(void *arg)
{
	(void)arg;
	_exit(7);
}

/* The status of a process that somebody else has reaped. */
static bool has_exit_info(void)
{
	uint64_t start = 0;
	int status = -1, pidfd;
	pid_t pid = fork();

	if (pid == 0)
		_exit(exit_7(NULL));
	if (pid < 0)
		return false;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	(void)ts_proc_start_time(pid, &start);
	(void)waitpid(pid, NULL, 0);
	if (pidfd >= 0 && ts_pidfd_exit_status(pidfd, pid, start, &status) < 0)
		status = -1;
	ts_fd_closep(&pidfd);
	return status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

static bool has_seccomp(uint32_t action)
{
	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

/* --- idmapped mounts, tried on / --- */

static int wait_for_end(void *arg)
{
	int *pipes =
		arg; /* [0]: we say that the namespace is there; [1]: its other end; [2], [3]: we wait */
	char byte = 0;

	(void)close(pipes[3]);
	if (unshare(CLONE_NEWUSER) < 0)
		return 1;
	(void)!write(pipes[1], &byte, 1);
	(void)!read(pipes[2], &byte, 1);
	return 0;
}

/* Maps @pid's namespace and a clone of / by it. Returns 0 or an errno. */
static int map_root(pid_t pid)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP};
	_cleanup_fd_ int tree = -1;
	_cleanup_fd_ int ns = -1;
	char path[64];

	(void)snprintf(path, sizeof path, "/proc/%d/uid_map", (int)pid);
	if (ts_write_value_at(AT_FDCWD, path, "0 100000 1000") < 0)
		return errno;
	(void)snprintf(path, sizeof path, "/proc/%d/gid_map", (int)pid);
	if (ts_write_value_at(AT_FDCWD, path, "0 100000 1000") < 0)
		return errno;
	(void)snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | O_CLOEXEC);
	if (ns < 0 || tree < 0)
		return errno;
	attr.userns_fd = (uint64_t)ns;
	return syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof attr) < 0 ? errno
											   : 0;
}

static int try_idmap(void *arg)
{
	int pipes[4], err = 0;
	char byte;
	pid_t pid;

	(void)arg;
	if (pipe2(pipes, O_CLOEXEC) < 0 || pipe2(pipes + 2, O_CLOEXEC) < 0)
		return errno;
	pid = fork();
	if (pid == 0)
		_exit(wait_for_end(pipes));
	if (pid < 0)
		return errno;
	(void)close(pipes[1]);
	err = read(pipes[0], &byte, 1) == 1 ? map_root(pid) : EPERM;
	(void)close(pipes[3]);
	(void)waitpid(pid, NULL, 0);
	return err;
}

static void add_idmap(struct doctor *d)
{
	static const struct finding f = {
		.group = "calls",
		.name = "idmap",
		.disables = "mounts of option idmap on such a filesystem, and --task-dir and "
			    "--alloc-dir whose files keep their owners in a user namespace",
		.get = "Linux 5.12, root, and a filesystem that can: ext4, xfs, btrfs; tmpfs and "
		       "overlay since 6.3"};
	int err = doctor_try(try_idmap, NULL);

	doctor_add(d, &f, err == 0, "on the filesystem of /%s%s", err > 0 ? ": " : "",
		   err > 0 ? ts_errno_text(err) : "");
}

/* --- the rest --- */

static bool is_filesystem(const char *name)
{
	char word[32];
	_cleanup_free_ char *text = NULL;
	size_t len;

	(void)snprintf(word, sizeof word, "\t%s\n", name);
	return ts_read_file_at(AT_FDCWD, "/proc/filesystems", 1 << 16, &text, &len) == 0 &&
	       strstr(text, word);
}

static void add_filesystems(struct doctor *d)
{
	static const struct finding rows[] = {
		{"filesystems", "devpts", .disables = "terminals, /dev/pts: a default run",
		 .get = "CONFIG_UNIX98_PTYS"},
		{"filesystems", "mqueue", .disables = "/dev/mqueue: a default run",
		 .get = "CONFIG_POSIX_MQUEUE"},
		{"filesystems", "tmpfs", .disables = "every task without root.path",
		 .get = "CONFIG_TMPFS"},
		{"filesystems", "overlay", .disables = "mounts of type overlay",
		 .get = "modprobe overlay (CONFIG_OVERLAY_FS)"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		doctor_add(d, &rows[i], is_filesystem(rows[i].name), "%s", "");
}

static void add_lsms(struct doctor *d)
{
	static const struct finding apparmor = {
		.group = "lsm",
		.name = "apparmor",
		.disables = "process.apparmorProfile",
		.get = "boot with apparmor=1 security=apparmor (CONFIG_SECURITY_APPARMOR)"};
	static const struct finding selinux = {
		.group = "lsm",
		.name = "selinux",
		.disables = "process.selinuxLabel, linux.mountLabel",
		.get = "boot with selinux=1 security=selinux (CONFIG_SECURITY_SELINUX)"};
	char text[128];
	bool on = ts_read_text_at(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", text,
				  sizeof text) > 0 &&
		  text[0] == 'Y';

	doctor_add(d, &apparmor, on, "%s", "");
	on = ts_read_text_at(AT_FDCWD, "/sys/fs/selinux/enforce", text, sizeof text) > 0;
	doctor_add(d, &selinux, on, "%s", !on ? "" : text[0] == '1' ? "enforcing" : "permissive");
}

void doctor_kernel(struct doctor *d)
{
	static const struct finding into_cgroup = {.group = "calls",
						   .name = "clone_into_cgroup",
						   .disables = "tasks in a cgroup2 hierarchy",
						   .get = "Linux 5.7"};
	static const struct finding exit_info = {
		.group = "calls",
		.name = "pidfd_exit_info",
		.disables = "`wait` and `open` for the end of a task without a monitor, as "
			    "`create` and `run -d` of a bundle make: they say that it is not known",
		.get = "Linux 6.15"};
	static const struct finding filter = {.group = "seccomp",
					      .name = "filter",
					      .disables = "--seccomp, linux.seccomp",
					      .get = "CONFIG_SECCOMP_FILTER"};
	static const struct finding notify = {.group = "seccomp",
					      .name = "notify",
					      .disables = "SCMP_ACT_NOTIFY, listenerPath",
					      .get = "Linux 5.0"};

	add_calls(d);
	doctor_add(d, &into_cgroup, has_into_cgroup(), "%s", "");
	doctor_add(d, &exit_info, has_exit_info(), "%s", "");
	add_idmap(d);
	doctor_add(d, &filter, has_seccomp(SECCOMP_RET_ERRNO), "%s", "");
	doctor_add(d, &notify, has_seccomp(SECCOMP_RET_USER_NOTIF), "%s", "");
	add_lsms(d);
	add_filesystems(d);
}
