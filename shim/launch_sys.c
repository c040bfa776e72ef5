/* Starts spawn-daemon with as few system calls as it takes. */
#include "shim/launch.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { CHILD_STACK = 16 * 1024 };

#ifdef TASKSHIM_SANITIZED
enum {
	SHARE_MEMORY = 0
}; /* AddressSanitizer would keep the child's frames poisoned in the parent */
#else
enum { SHARE_MEMORY = 1 };
#endif

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_MONITOR;
	return ts_fail(e, err, what, object);
}

/* What the child needs. @err lies in memory that both share. */
struct child {
	const struct launch *launch;
	char *const *argv, *const *envp;
	int *err;
};

/* Gives fds[i] the number i. A target that a later row still needs as its source is moved out of the way first. */
static int arrange(const struct launch *launch)
{
	int *fds = launch->scratch; /* a start in a cgroup may be tried again */
	unsigned n = launch->n_fds;

	memcpy(fds, launch->fds, n * sizeof *fds);
	for (unsigned i = 0; i < n; i++) {
		int moved = -1;

		for (unsigned k = i + 1; k < n; k++) {
			if (fds[k] != (int)i || fds[i] == (int)i)
				continue;
			if (moved < 0)
				moved = fcntl((int)i, F_DUPFD_CLOEXEC, (int)n);
			if (moved < 0)
				return -1;
			fds[k] = moved;
		}
		if (fds[i] == (int)i ? fcntl((int)i, F_SETFD, 0) < 0 : dup2(fds[i], (int)i) < 0)
			return -1;
	}
	return (int)syscall(SYS_close_range, n, ~0U, 0);
}

/* Between clone and exec: system calls only. The memory is the parent's, which sleeps meanwhile. */
static int child_main(void *arg)
{
	const struct child *child = arg;
	const struct launch *launch = child->launch;

	if (launch->cwd_fd >= 0 && fchdir(launch->cwd_fd) < 0)
		goto fail;
	if (launch->tasks_fd >= 0 && write(launch->tasks_fd, "0", 1) < 0)
		goto fail;
	if (arrange(launch) < 0)
		goto fail;
	execve(launch->path, child->argv, child->envp);
fail:
	*child->err = errno;
	_exit(127);
}

static pid_t clone_vfork(struct child *child, int *pidfd)
{
	_Alignas(16) char stack[CHILD_STACK];

	return clone(child_main, stack + sizeof stack,
		     CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, child, pidfd);
}

/* clone(2) cannot name a cgroup and clone3(2) has no wrapper that takes a stack: a plain fork, for detached tasks. */
static pid_t clone_copy(struct child *child, int *pidfd)
{
	bool into_cgroup = child->launch->cgroup_fd >= 0;
	struct clone_args args = {
		.flags = CLONE_VFORK | CLONE_PIDFD | (into_cgroup ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = into_cgroup ? (uint64_t)child->launch->cgroup_fd : 0,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);

	if (pid == 0)
		_exit(child_main(child));
	return pid;
}

/* Returns the child's pid and *@ret_err, the errno of what failed before its exec (0: nothing); or -1 and errno. */
static pid_t start_child(const struct child *template, int *pidfd, int *ret_err)
{
	struct child child = *template;
	int *shared;
	pid_t pid;

	*ret_err = 0;
	if (SHARE_MEMORY && child.launch->cgroup_fd < 0) {
		child.err = ret_err;
		return clone_vfork(&child, pidfd);
	}
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return -1;
	child.err = shared;
	pid = clone_copy(&child, pidfd);
	*ret_err = *shared;
	(void)munmap(shared, sizeof *shared);
	return pid;
}

int launch_start(const struct launch *launch, pid_t *ret_pid, int *ret_pidfd, struct ts_error *e)
{
	char name[] = "spawn-daemon", await_cgroups[] = "--await-cgroups", explain[32];
	char *const argv[] = {name, await_cgroups, launch->explain_fd ? explain : NULL, NULL};
	char *const no_env[] = {NULL};
	struct child child = {.launch = launch, .argv = argv, .envp = no_env};
	sigset_t all, old;
	int pidfd = -1, err;
	pid_t pid;

	if (launch->explain_fd)
		(void)snprintf(explain, sizeof explain, "--explain-fd=%d", launch->explain_fd);
#ifdef TASKSHIM_SANITIZED
	child.envp = environ; /* ASAN_OPTIONS */
#endif
	/* A handler of the driver's must not run in the child, on the driver's memory. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = start_child(&child, &pidfd, &err);
	if (pid < 0)
		err = errno;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return fail(e, err, "start", launch->path);
	if (err) {
		(void)waitpid(pid, NULL, 0);
		ts_fd_closep(&pidfd);
		return fail(e, err, "execute", launch->path);
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	return 0;
}

int launch_find(const char *given, char *buf, size_t size, struct ts_error *e)
{
	static const char name[] = "spawn-daemon";
	const char *path = given ? given : secure_getenv("TASKSHIM_SPAWN_DAEMON");
	ssize_t n;
	char *slash;

	if (path && path[0] != '/') { /* the child changes its directory before it executes it */
		char *real = realpath(path, NULL);

		if (!real)
			return fail(e, errno, "find spawn-daemon", path);
		n = snprintf(buf, size, "%s", real);
		free(real);
		return (size_t)n >= size ? fail(e, ENAMETOOLONG, "spawn-daemon", path) : 0;
	}
	if (path) {
		if ((size_t)snprintf(buf, size, "%s", path) >= size)
			return fail(e, ENAMETOOLONG, "spawn-daemon", path);
		return 0;
	}
	n = readlink("/proc/self/exe", buf, size - 1);
	if (n < 0)
		return fail(e, errno, "readlink", "/proc/self/exe");
	buf[n] = '\0';
	slash = strrchr(buf, '/');
	if (!slash || (size_t)(slash + 1 - buf) + sizeof name > size)
		return fail(e, ENAMETOOLONG, "spawn-daemon", buf);
	memcpy(slash + 1, name, sizeof name);
	return 0;
}
