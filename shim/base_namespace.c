/* The mount namespace that those of tasks can be copied from instead of the host's: taskshim.baseMountNamespace. */
#include "shim/task.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child leaves, in memory that both share. */
struct made {
	int fd; /* of the table of descriptors, which they share as well; -1: see err */
	int err;
	const char *what;
};

static int fail(struct made *made, const char *what)
{
	made->err = errno;
	made->what = what;
	return -1;
}

/* With one inode, its root, it is empty and stays so. */
static int make_empty(struct made *made)
{
	_cleanup_fd_ int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "source", "taskshim", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0555", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_STRING, "nr_inodes", "1", 0) < 0 ||
	    fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fail(made, "make an empty tmpfs");
	fd = fsmount(fs, FSMOUNT_CLOEXEC,
		     MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? fail(made, "mount an empty tmpfs") : fd;
}

/* In the child, which is in the new namespace: system calls only. */
static int set_up(struct made *made)
{
	_cleanup_fd_ int fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	_cleanup_fd_ int root = -1;

	if (fd < 0)
		return fail(made, "open /proc/self/ns/mnt");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return fail(made, "make mounts private");
	root = make_empty(made);
	if (root < 0)
		return -1;
	if (move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 || fchdir(root) < 0)
		return fail(made, "attach an empty root");
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return fail(made, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		return fail(made, "detach the host's root");
	made->fd = ts_fd_take(&fd);
	return 0;
}

/* A process without an exit signal, so that a caller who waits for any child does not take it from us; it has ended when this
 * returns. Returns 0, or -1 and errno. */
static int run_child(struct made *made)
{
	struct clone_args args = {.flags = CLONE_VFORK | CLONE_FILES | CLONE_NEWNS};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);

	if (pid == 0)
		_exit(set_up(made) < 0);
	if (pid < 0)
		return -1;
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return 0;
}

static int make_namespace(int *ret_fd, struct ts_error *e)
{
	struct made *made =
		mmap(NULL, sizeof *made, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sigset_t all, old;
	int r;

	if (made == MAP_FAILED)
		return ts_fail(e, errno, "allocate", "base mount namespace");
	*made = (struct made){.fd = -1, .err = ECHILD, .what = "its process was killed"};
	/* A handler of the caller's must not run in the child, on the caller's descriptors. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = run_child(made);
	if (r < 0)
		(void)ts_fail(e, errno, "clone", "base mount namespace");
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0 && made->fd < 0)
		r = ts_fail(e, made->err, made->what, "base mount namespace");
	*ret_fd = made->fd;
	(void)munmap(made, sizeof *made);
	return r;
}

int taskshim_base_mount_namespace(int *ret_fd, struct taskshim_error *error)
{
	struct ts_error e = {.step = TS_STEP_NAMESPACES};

	return make_namespace(ret_fd, &e) < 0 ? task_fail_public(&e, error) : 0;
}
