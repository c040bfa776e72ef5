/* Removes what a task had: its cgroups, then its state directory, which names them until they are gone. */
#include "shim/task.h"

#include "util/clock.h"
#include "util/fd.h"
#include "util/proc.h"

#include <errno.h>

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_DELETE;
	return ts_fail(e, err, what, object);
}

int task_remove(taskshim_task *task, bool kill, struct ts_error *e)
{
	if (task->dir.fd >= 0) {
		/* Two at once: the second finds that the name is gone, or is another task's by now. */
		if (statedir_lock(&task->dir, LOCK_TIMEOUT_MS) < 0)
			return errno == EWOULDBLOCK
				       ? fail(e, EBUSY, "another process creates or removes it",
					      task->dir.path)
				       : fail(e, errno, "lock state directory", task->dir.path);
		if (!statedir_is_current(&task->dir))
			return 0;
	}
	if (!task->has_id && task->dir.fd >= 0)
		cgroup_remove_noted(task->dir.fd, CGROUP_MOUNT);
	if (cgroup_remove(&task->cgroups, kill, REMOVE_TIMEOUT_MS, e) < 0)
		return -1;
	task_run_poststop(task);
	return statedir_remove(&task->dir, e);
}

void task_remove_monitors(taskshim_task *task)
{
	int monitor = task_monitor_pidfd(task);

	if (monitor >= 0)
		(void)ts_pidfd_wait(monitor, END_TIMEOUT_MS);
	cgroup_remove_monitors(CGROUP_MOUNT);
}

int taskshim_task_delete(taskshim_task *task, bool force, struct taskshim_error *error)
{
	struct ts_error e = {0};
	enum task_status status;
	bool lives;

	if (task_await_created(task, ts_boottime_ms() + LOCK_TIMEOUT_MS) < 0) {
		(void)fail(&e, EBUSY, "the task is being created or removed",
			   taskshim_task_id(task));
		return task_fail_public(&e, error);
	}
	status = task_status(task);
	lives = status == TASK_CREATED || status == TASK_RUNNING;
	if (status == TASK_RUNNING &&
	    !force) { /* a created one has run nothing yet: runc kills it too */
		(void)fail(&e, EBUSY, "the task is running", taskshim_task_id(task));
		return task_fail_public(&e, error);
	}
	if (lives && taskshim_task_kill(task, error) < 0)
		return -1;
	if (task->daemon_pid != 0) /* nothing of it is left to do, and nobody else reaps it */
		(void)task_reap(task, END_TIMEOUT_MS, &e);
	if (task_remove(task, true, &e) < 0)
		return task_fail_public(&e, error);
	task_remove_monitors(task);
	return 0;
}
