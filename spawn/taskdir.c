/* taskDir and allocDir: a task's own directories on the host, mounted at /local, /secrets, /tmp and /alloc. The task, and
 * on a shared host whoever owns them, can write there: they are opened once, before the fork, and only by descriptor. */
#include "spawn/taskdir.h"
#include "spawn/mount_sys.h"
#include "spawn/steps.h"

#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static int open_host_dir(const char *path, struct ts_error *e)
{
	int fd = ts_open_no_symlinks(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);

	if (fd < 0)
		return ts_fail(e, errno,
			       errno == ELOOP ? "path goes through a symlink" : "open directory",
			       path);
	return fd;
}

int taskdir_plan(struct plan *plan, struct ts_error *e)
{
	const struct ts_extension *taskshim = &plan->config->taskshim;

	e->step = TS_STEP_TASKDIR;
	if (taskshim->task_dir) {
		plan->task_dir_fd = open_host_dir(taskshim->task_dir, e);
		if (plan->task_dir_fd < 0)
			return -1;
	}
	if (taskshim->alloc_dir) {
		plan->alloc_dir_fd = open_host_dir(taskshim->alloc_dir, e);
		if (plan->alloc_dir_fd < 0)
			return -1;
	}
	return 0;
}

/* A clone of the directory @name below @dir_fd, as a mount that the task may write to. */
static int clone_below(int dir_fd, const char *name, struct ts_error *e)
{
	_cleanup_fd_ int dir = *name ? ts_open_beneath(dir_fd, name, O_PATH | O_DIRECTORY, 0) : -1;
	_cleanup_fd_ int tree = -1;

	if (*name && dir < 0)
		return ts_fail(e, errno, "open in taskDir", name);
	tree = mount_clone(*name ? dir : dir_fd, "", true);
	if (tree < 0 || mount_set(tree, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, 0, true) < 0)
		return ts_fail(e, errno, "clone directory", *name ? name : "allocDir");
	return ts_fd_take(&tree);
}

static int mount_below(const struct task *task, int dir_fd, const char *name, const char *path,
		       struct ts_error *e)
{
	_cleanup_fd_ int tree = clone_below(dir_fd, name, e);
	_cleanup_fd_ int target = -1;

	if (tree < 0)
		return -1;
	target = ts_mkdir_in_root(task->root_fd, path, 0755, NULL);
	if (target < 0)
		return ts_fail(e, errno, "make mount point", path);
	if (mount_move(tree, target) < 0)
		return ts_fail(e, errno, "bind mount on", path);
	return 0;
}

static const struct {
	const char *name, *path;
	mode_t mode;
} dirs[] = {{"local", "/local", 0755}, {"secrets", "/secrets", 0700}, {"tmp", "/tmp", 01777}};

int step_taskdir(struct task *task, struct ts_error *e)
{
	int task_dir = task->plan->task_dir_fd;

	for (size_t i = 0; task_dir >= 0 && i < sizeof dirs / sizeof dirs[0]; i++) {
		if (mkdirat(task_dir, dirs[i].name, dirs[i].mode) == 0)
			task->made_task_dirs |= 1u << i;
		else if (errno != EEXIST)
			return ts_fail(e, errno, "make directory in taskDir", dirs[i].name);
		if (task->root_fd >= 0 &&
		    mount_below(task, task_dir, dirs[i].name, dirs[i].path, e) < 0)
			return -1;
	}
	if (task->plan->alloc_dir_fd >= 0 && task->root_fd >= 0)
		return mount_below(task, task->plan->alloc_dir_fd, "", "/alloc", e);
	return 0;
}

int taskdir_give(const struct task *task, uid_t uid, gid_t gid, struct ts_error *e)
{
	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
		if (task->made_task_dirs & 1u << i &&
		    fchownat(task->plan->task_dir_fd, dirs[i].name, uid, gid, AT_SYMLINK_NOFOLLOW) <
			    0)
			return ts_fail(e, errno, "give directory in taskDir to the user",
				       dirs[i].name);
	return 0;
}
