/* Pauses and resumes a task: its cgroup is frozen and thawed. The kernel's cgroup files are what says whether it is paused, so that
 * a pause that is killed on its way leaves a task that is paused, or not, and can be resumed, stopped or deleted. */
#include "shim/task.h"

#include "util/cgroup_freeze.h"
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { THAW_TIMEOUT_MS = 1000 };

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_CGROUP;
	return ts_fail(e, err, what, object);
}

/* A v1 cgroup that is frozen may have been left so by a kill that died: the note tells that it was a pause. Without the note
 * nothing is lost but that, for a task that was to be stopped once before. */
static void note_pause(const taskshim_task *task)
{
	int fd = task->dir.fd < 0 ? -1
				  : openat(task->dir.fd, STATEDIR_PAUSED,
					   O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	ts_fd_closep(&fd);
}

static void drop_note(const taskshim_task *task)
{
	if (task->dir.fd >= 0)
		(void)unlinkat(task->dir.fd, STATEDIR_PAUSED, 0);
}

bool task_has_pause_note(const taskshim_task *task)
{
	return task->dir.fd >= 0 &&
	       faccessat(task->dir.fd, STATEDIR_PAUSED, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int task_thaw(const taskshim_task *task, struct ts_error *e)
{
	int r = cgroup_thaw(&task->cgroups, THAW_TIMEOUT_MS, e);

	if (r == 0)
		drop_note(task);
	return r;
}

static int check_running(taskshim_task *task, struct ts_error *e)
{
	enum task_status status;

	if (task_look(task, e) < 0)
		return -1;
	status = task_status(task);
	return status == TASK_RUNNING || status == TASK_CREATED
		       ? 0
		       : fail(e, ESRCH, "the task is not running", taskshim_task_id(task));
}

static int pause_task(taskshim_task *task, struct ts_error *e)
{
	if (check_running(task, e) < 0)
		return -1;
	note_pause(task);
	if (cgroup_freeze(&task->cgroups, PAUSE_TIMEOUT_MS, e) == 0)
		return 0;
	drop_note(task);
	return -1;
}

int taskshim_task_pause(taskshim_task *task, struct taskshim_error *error)
{
	struct ts_error e = {0};

	return pause_task(task, &e) < 0 ? task_fail_public(&e, error) : 0;
}

int taskshim_task_resume(taskshim_task *task, struct taskshim_error *error)
{
	struct ts_error e = {0};

	return check_running(task, &e) < 0 || task_thaw(task, &e) < 0 ? task_fail_public(&e, error)
								      : 0;
}
