/* taskshim_open(): what has become of a task, and the end of what a dead monitor left. */
#include "shim/task.h"

#include "util/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_STATE;
	return ts_fail(e, err, what, object);
}

int task_is_lost(taskshim_task *task, struct ts_error *e)
{
	int known;
	bool said;

	if (!task->has_id || task->flags & TASKSHIM_UNMONITORED || task_monitor_lives(task))
		return 0;
	/* Without state.json nobody knows what onMonitorDeath was: the task is left to go on. */
	if (task_init_lives(task))
		return task->has_state && task->state.kill_on_monitor_death;
	known = task_end_is_known(task, e);
	if (known < 0)
		return -1;
	said = task->has_exited && task->exited.cause == EXIT_CAUSE_MONITOR_LOST;
	return said ? cgroup_exists(&task->cgroups) : !known;
}

static int lock(taskshim_task *task, struct ts_error *e)
{
	if (task->dir.fd < 0 || statedir_lock(&task->dir, LOCK_TIMEOUT_MS) == 0)
		return 0;
	return fail(e, errno, "lock state directory", task->dir.path);
}

static int finish_lost(taskshim_task *task, struct ts_error *e)
{
	struct exit_record record = {.cause = EXIT_CAUSE_MONITOR_LOST};

	if (task_kill_all(task, e) < 0 ||
	    cgroup_remove(&task->cgroups, true, REMOVE_TIMEOUT_MS, e) < 0)
		return -1;
	if (task->dir.fd >= 0 && !statedir_is_current(&task->dir))
		return 0; /* somebody has removed it meanwhile */
	return task_settle(task, &record, e);
}

int task_finish_lost(taskshim_task *task, struct ts_error *e)
{
	int r = lock(task, e);

	if (r == 0) {
		r = finish_lost(task, e);
		statedir_unlock(&task->dir);
	}
	task_remove_monitors(task);
	return r;
}

bool task_is_unfinished(const taskshim_task *task)
{
	return task->dir.fd >= 0 &&
	       faccessat(task->dir.fd, STATEDIR_UNFINISHED, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int fail_busy(const taskshim_task *task, struct ts_error *e)
{
	return fail(e, EBUSY, "the task is being created or removed", taskshim_task_id(task));
}

/* Ends a start that is over without a state.json, or whose creator has not done its part: with the lock, it is dead. Returns
 * 0, 1 when it is none, or -1 with @e filled. */
static int recover_start(taskshim_task *task, enum taskshim_answer *ret, struct ts_error *e)
{
	struct ts_error ignored;

	if (statedir_lock(&task->dir, LOCK_TIMEOUT_MS) < 0)
		return fail_busy(task, e);
	*ret = TASKSHIM_LOST;
	if (!statedir_is_current(&task->dir))
		return 0;
	if (task_refresh(task, &ignored) == 0 && !task_is_unfinished(task)) {
		statedir_unlock(&task->dir);
		return 1;
	}
	if (task->has_id && task_kill_all(task, e) < 0)
		return -1;
	return task_remove(task, true, e);
}

static int recover(taskshim_task *task, enum taskshim_answer *ret, struct ts_error *e)
{
	int r;

	if (task_await_created(task, ts_boottime_ms() + LOCK_TIMEOUT_MS) < 0)
		return fail_busy(task, e);
	if (!task->has_id || task_is_unfinished(task)) {
		r = recover_start(task, ret, e);
		if (r <= 0)
			return r;
	}
	if (!task_goes_on(task) && task_monitor_lives(task) &&
	    ts_pidfd_wait(task->monitor_pidfd, KILL_TIMEOUT_MS) == 0)
		return fail(e, ETIMEDOUT, "the monitor does not end", taskshim_task_id(task));
	if (!task_goes_on(task)) {
		r = task_end_is_known(task, e);
		if (r < 0)
			return -1;
		if (r == 0)
			task_ask_kernel(task, task_has_gate(task));
	}
	r = task_is_lost(task, e);
	if (r < 0 || (r > 0 && task_finish_lost(task, e) < 0))
		return -1;
	if (task_goes_on(task)) {
		*ret = TASKSHIM_RUNNING;
		return 0;
	}
	if (task_load_exit(task, e) < 0)
		return -1;
	if (task->has_exited)
		*ret = task->exited.cause == EXIT_CAUSE_MONITOR_LOST ? TASKSHIM_LOST
								     : TASKSHIM_EXITED;
	else /* its record went with the state directory */
		*ret = task->dir.fd < 0 ? TASKSHIM_LOST : TASKSHIM_EXITED;
	return task->dir.fd < 0 ? cgroup_remove(&task->cgroups, true, REMOVE_TIMEOUT_MS, e) : 0;
}

/* Kills what runs, which the monitor records, and removes all that the task had. */
static int destroy(taskshim_task *task, enum taskshim_answer *answer, struct ts_error *e)
{
	if (*answer == TASKSHIM_RUNNING) {
		int known;

		task_leave_note(task, SIGKILL, 0);
		if (task_kill_all(task, e) < 0)
			return -1;
		known = task_end_is_known(task, e);
		if (known < 0)
			return -1;
		*answer = known || task->flags & TASKSHIM_UNMONITORED ? TASKSHIM_EXITED
								      : TASKSHIM_LOST;
	}
	if (task_remove(task, true, e) < 0)
		return -1;
	task_remove_monitors(task);
	return 0;
}

/* What an ID string that opens nothing means. Returns false when it is no answer but a failure. */
static bool answer_of_failure(const char *id, const struct ts_error *e, enum taskshim_answer *ret)
{
	if (!id_string_is(id) || (e->err != ENOENT && e->err != ESTALE && e->err != EPERM))
		return false;
	*ret = e->err == EPERM ? TASKSHIM_FOREIGN : TASKSHIM_LOST;
	return true;
}

int taskshim_open(const char *root, const char *id, unsigned flags, enum taskshim_answer *ret,
		  taskshim_task **ret_task, struct taskshim_error *error)
{
	struct ts_error e = {0};
	enum taskshim_answer answer = TASKSHIM_LOST;
	taskshim_task *task;

	if (task_open(root, id, &task, &e) < 0) {
		(void)task_fail_public(&e, error);
		if (!answer_of_failure(id, &e, ret))
			return -1;
		*ret_task = NULL;
		return 0;
	}
	if (recover(task, &answer, &e) < 0 ||
	    (flags & TASKSHIM_DESTROY && destroy(task, &answer, &e) < 0)) {
		taskshim_task_free(task);
		return task_fail_public(&e, error);
	}
	*ret = answer;
	*ret_task = task;
	return 0;
}
