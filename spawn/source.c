/* Opening what a mount or a copy is made from. */
#include "spawn/source.h"
#include "spawn/mount_sys.h"

#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>

static bool is_tasks_own(const struct task *task, const char *path)
{
	const struct plan *plan = task->plan;
	const int dirs[] = {plan->task_dir_fd, plan->alloc_dir_fd,
			    plan->config->root.path ? task->root_fd : -1};
	int ignored;

	return ts_path_enters(path, dirs, sizeof dirs / sizeof dirs[0], &ignored);
}

int source_open(const struct task *task, const char *path, int flags)
{
	return is_tasks_own(task, path) ? ts_open_no_symlinks(AT_FDCWD, path, (uint64_t)flags, 0)
					: open(path, flags | O_CLOEXEC);
}

int source_clone(const struct task *task, const char *path, bool recursive)
{
	_cleanup_fd_ int fd = -1;

	if (!is_tasks_own(task, path))
		return mount_clone(AT_FDCWD, path, recursive);
	fd = ts_open_no_symlinks(AT_FDCWD, path, O_PATH, 0);
	return fd < 0 ? -1 : mount_clone(fd, "", recursive);
}

int source_fail(struct ts_error *e, const char *what, const char *path)
{
	if (errno == ELOOP)
		return ts_failf(e, ELOOP, "%s goes through a symlink: %s", what, path);
	return ts_fail(e, errno, what, path);
}
