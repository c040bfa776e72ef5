/* Enters the root that rootfs.c attached on "/", and the working directory in it. */
#include "spawn/mount_sys.h"
#include "spawn/steps.h"

#include "util/fd.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

int step_pivot(struct task *task, struct ts_error *e)
{
	const struct config *config = task->plan->config;

	if (task->root_fd < 0)
		return 0;
	if (config->root.readonly && mount_set(task->root_fd, MOUNT_ATTR_RDONLY, 0, 0, false) < 0)
		return ts_fail(e, errno, "make root read-only", config->root.path);
	if (fchdir(task->root_fd) < 0)
		return ts_fail(e, errno, "enter root", config->root.path);
	if (config->taskshim.isolation == TS_ISOLATION_CHROOT) {
		/* The root lies on top of "/", as after MS_MOVE: there is no way back under it. */
		if (chroot(".") < 0)
			return ts_fail(e, errno, "chroot", config->root.path);
	} else {
		/* pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one and is detached. */
		if (syscall(SYS_pivot_root, ".", ".") < 0)
			return ts_fail(e, errno, "pivot_root", config->root.path);
		if (umount2(".", MNT_DETACH) < 0)
			return ts_fail(e, errno, "detach the host's root", NULL);
	}
	if (chdir("/") < 0)
		return ts_fail(e, errno, "enter", "/");
	ts_fd_closep(&task->root_fd);
	return 0;
}

int step_cwd(struct task *task, struct ts_error *e)
{
	const char *cwd = task->plan->config->process.cwd;
	char path[PATH_MAX];

	if (chdir(cwd) < 0)
		return ts_fail(e, errno, "change to working directory", cwd);
	/* The kernel's own answer, not the C library's, which may walk: "(unreachable)" means outside the root
	 * (CVE-2024-21626). */
	long n = syscall(SYS_getcwd, path, sizeof path);

	if (n < 0)
		return ts_fail(e, errno, "find working directory", cwd);
	if (path[0] != '/')
		return ts_fail(e, EXDEV, "working directory is outside the root", cwd);
	return 0;
}
