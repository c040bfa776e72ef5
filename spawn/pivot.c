/* Enters the root that rootfs.c attached on "/", and the working directory in it. */
#include "spawn/mount_sys.h"
#include "spawn/namespaces.h"
#include "spawn/steps.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one and is detached. Its mounts that are
 * peers of the host's become slaves first, or the host would lose them as well. */
static int pivot(const struct config *config, struct ts_error *e)
{
	bool shared = namespaces_stay_shared(config);
	_cleanup_fd_ int old = shared ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (shared && old < 0)
		return ts_fail(e, errno, "open", "/");
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return ts_fail(e, errno, "pivot_root", config->root.path);
	if (shared && mount_set(old, 0, 0, MS_SLAVE, true) < 0)
		return ts_fail(e, errno, "make slaves the host's mounts", NULL);
	if (umount2(".", MNT_DETACH) < 0)
		return ts_fail(e, errno, "detach the host's root", NULL);
	return 0;
}

/* Without pivot_root(2), which looks at every process of the machine for one whose root it has to change: a copy of the tree
 * goes on top of a copy of the base namespace's root. Should a task that may umount(2) take it away from over that, it finds
 * the base, an empty directory, and nothing of the host's. */
static int enter_base(struct task *task, struct ts_error *e)
{
	const char *base = task->plan->config->taskshim.base_mount_ns;
	_cleanup_fd_ int tree = mount_clone(task->root_fd, "", true);
	_cleanup_fd_ int top = -1;
	struct statfs fs;

	if (tree < 0)
		return ts_fail(e, errno, "clone the mounts of the root", NULL);
	if (setns(task->plan->base_ns_fd, CLONE_NEWNS) < 0)
		return ts_fail(e, errno, "join base mount namespace", base);
	if (unshare(CLONE_NEWNS) < 0)
		return ts_fail(e, errno, "unshare", "mount namespace");
	top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (top < 0 || fstatfs(top, &fs) < 0)
		return ts_fail(e, errno, "open the root of", base);
	/* as taskshim_base_mount_namespace() makes it: the one inode is the root, so that there is nothing else */
	if (fs.f_type != TMPFS_MAGIC || fs.f_files != 1)
		return ts_fail(e, EINVAL, "base mount namespace has more than an empty root", base);
	if (mount_move(tree, top) < 0)
		return ts_fail(e, errno, "attach root", base);
	if (fchdir(tree) < 0 || chroot(".") < 0)
		return ts_fail(e, errno, "chroot", task->plan->config->root.path);
	return 0;
}

/* linux.rootfsPropagation, as far as it is about the new root: a shared one could not have been pivoted to. */
static int set_propagation(const struct config *config, struct ts_error *e)
{
	static const struct {
		const char *word;
		unsigned long flags;
	} words[] = {{"shared", MS_SHARED},
		     {"rshared", MS_SHARED | MS_REC},
		     {"unbindable", MS_UNBINDABLE},
		     {"runbindable", MS_UNBINDABLE | MS_REC}};
	const char *word = config->linux_.rootfs_propagation;

	for (size_t i = 0; word && i < sizeof words / sizeof words[0]; i++)
		if (strcmp(words[i].word, word) == 0 &&
		    mount(NULL, "/", NULL, words[i].flags, NULL) < 0)
			return ts_fail(e, errno, "set propagation of the root", word);
	return 0;
}

int step_pivot(struct task *task, struct ts_error *e)
{
	const struct config *config = task->plan->config;

	if (task->root_fd < 0) /* a namespace that is joined brings its root along */
		return namespaces_join(task->plan, OCI_NS_MOUNT, e);
	if (config->root.readonly && mount_set(task->root_fd, MOUNT_ATTR_RDONLY, 0, 0, false) < 0)
		return ts_fail(e, errno, "make root read-only", config->root.path);
	if (fchdir(task->root_fd) < 0)
		return ts_fail(e, errno, "enter root", config->root.path);
	if (task->plan->base_ns_fd >= 0) {
		if (enter_base(task, e) < 0)
			return -1;
	} else if (config->taskshim.isolation == TS_ISOLATION_CHROOT) {
		/* The root lies on top of "/", as after MS_MOVE: there is no way back under it. */
		if (chroot(".") < 0)
			return ts_fail(e, errno, "chroot", config->root.path);
	} else if (pivot(config, e) < 0) {
		return -1;
	}
	if (chdir("/") < 0)
		return ts_fail(e, errno, "enter", "/");
	if (set_propagation(config, e) < 0)
		return -1;
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
