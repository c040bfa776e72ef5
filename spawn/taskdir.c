/* taskDir and allocDir: a task's own directories on the host, mounted at /local, /secrets, /tmp and /alloc. The task, and
 * on a shared host whoever owns them, can write there: they are opened once, before the fork, and only by descriptor. */
#include "spawn/taskdir.h"
#include "spawn/init.h"
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

/* Opens @path again in init's own mount namespace, which alone may clone its mounts, and proves that it is still the
 * directory that the parent opened as @same_fd. */
static int open_again(const char *path, int same_fd, struct ts_error *e)
{
	_cleanup_fd_ int fd = open_host_dir(path, e);
	struct stat now, then;

	if (fd < 0)
		return -1;
	if (fstat(fd, &now) < 0 || fstat(same_fd, &then) < 0)
		return ts_fail(e, errno, "stat", path);
	if (now.st_dev != then.st_dev || now.st_ino != then.st_ino)
		return ts_fail(e, ESTALE, "directory was replaced during the start", path);
	return ts_fd_take(&fd);
}

/* Mounts the directory @name of @dir_fd ("": itself) at @path in the task, writable. */
static int mount_below(const struct task *task, int dir_fd, const char *name, const char *path,
		       struct ts_error *e)
{
	_cleanup_fd_ int dir = *name ? ts_open_beneath(dir_fd, name, O_PATH | O_DIRECTORY, 0) : -1;
	_cleanup_fd_ int tree = -1;
	_cleanup_fd_ int target = -1;

	if (*name && dir < 0)
		return ts_fail(e, errno, "open in taskDir", name);
	tree = mount_clone(*name ? dir : dir_fd, "", true);
	if (tree < 0 ||
	    mount_set(tree, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, MS_PRIVATE, true) < 0)
		return ts_fail(e, errno, "clone the directory for", path);
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

/* What has the name later may be something else, if taskDir lies where another task may write: it must not be given away. */
static int make_task_dir(struct task *task, size_t i, struct ts_error *e)
{
	int task_dir = task->plan->task_dir_fd, fd;

	if (mkdirat(task_dir, dirs[i].name, dirs[i].mode) < 0)
		return errno == EEXIST
			       ? 0
			       : ts_fail(e, errno, "make directory in taskDir", dirs[i].name);
	fd = ts_open_beneath(task_dir, dirs[i].name, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return ts_fail(e, errno, "open in taskDir", dirs[i].name);
	task->made_task_dir_fds[i] = fd;
	task->made_task_dirs |= 1u << i;
	return 0;
}

/* Looks at all of them before it makes one: a start that fails here leaves none. */
static int make_task_dirs(struct task *task, struct ts_error *e)
{
	int task_dir = task->plan->task_dir_fd;
	struct stat st;

	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
		if (fstatat(task_dir, dirs[i].name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    !S_ISDIR(st.st_mode))
			return ts_fail(e, S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR, "open in taskDir",
				       dirs[i].name);
	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
		if (make_task_dir(task, i, e) < 0)
			return -1;
	return 0;
}

int taskdir_make_for(const struct plan *plan, uid_t uid, gid_t gid, int channel, struct ts_error *e)
{
	struct task task = {.plan = plan};
	mode_t old = umask(0);
	int r = make_task_dirs(&task, e);

	(void)umask(old);
	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
		if (!(task.made_task_dirs & 1u << i))
			continue;
		if (r == 0 &&
		    (fchownat(task.made_task_dir_fds[i], "", uid, gid, AT_EMPTY_PATH) < 0 ||
		     channel_send_fd(channel, CHANNEL_TASKDIR, (uint32_t)i,
				     task.made_task_dir_fds[i]) < 0))
			r = ts_fail(e, errno, "hand over directory in taskDir", dirs[i].name);
		ts_fd_closep(&task.made_task_dir_fds[i]);
	}
	return r;
}

int step_taskdir(struct task *task, struct ts_error *e)
{
	const struct ts_extension *taskshim = &task->plan->config->taskshim;
	_cleanup_fd_ int task_dir = -1;
	_cleanup_fd_ int alloc_dir = -1;

	if (taskshim->task_dir && make_task_dirs(task, e) < 0)
		return -1;
	if (task->root_fd < 0)
		return 0;
	if (taskshim->task_dir) {
		task_dir = open_again(taskshim->task_dir, task->plan->task_dir_fd, e);
		if (task_dir < 0)
			return -1;
		for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
			if (mount_below(task, task_dir, dirs[i].name, dirs[i].path, e) < 0)
				return -1;
	}
	if (taskshim->alloc_dir) {
		alloc_dir = open_again(taskshim->alloc_dir, task->plan->alloc_dir_fd, e);
		return alloc_dir < 0 ? -1 : mount_below(task, alloc_dir, "", "/alloc", e);
	}
	return 0;
}

int taskdir_give(const struct task *task, uid_t uid, gid_t gid, struct ts_error *e)
{
	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
		if (task->made_task_dirs & 1u << i &&
		    fchownat(task->made_task_dir_fds[i], "", uid, gid, AT_EMPTY_PATH) < 0)
			return ts_fail(e, errno, "give directory in taskDir to the user",
				       dirs[i].name);
	return 0;
}
