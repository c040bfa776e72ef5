/* Waits for a task's end: by the monitor's record, by spawn-daemon's own words, or by what the kernel knows. */
#include "shim/task.h"

#include "util/clock.h"

#include <errno.h>
#include <time.h>

enum { CREATE_POLL_MS = 10 /* how often a task that is being created is looked at */ };

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_WAIT;
	return ts_fail(e, err, what, object);
}

static int fail_timeout(const taskshim_task *task, struct ts_error *e)
{
	return fail(e, ETIMEDOUT, "the task is still running", taskshim_task_id(task));
}

/* --- whose end is waited for --- */

/* Our own child: its lines tell the exit, and its status does when another reads those. */
static int wait_child(taskshim_task *task, int64_t timeout_ms, struct ts_error *e)
{
	int r = ts_pidfd_wait(task->daemon_pidfd, timeout_ms);

	if (r == 0)
		return fail_timeout(task, e);
	if (task_take_all(task, e) < 0)
		return -1;
	return task_reap(task, -1, e);
}

int task_await_created(taskshim_task *task, int64_t deadline)
{
	const struct timespec pause = {.tv_nsec = CREATE_POLL_MS * 1000000L};

	while (!task->has_id && task->dir.fd >= 0) {
		struct ts_error ignored;
		bool dead = statedir_lock(&task->dir, 0) == 0;

		if (dead)
			statedir_unlock(&task->dir);
		if (task_refresh(task, &ignored) == 0 || dead)
			break;
		if (deadline >= 0 && ts_boottime_ms() >= deadline)
			return -1;
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

static int64_t left(int64_t deadline)
{
	int64_t ms = deadline < 0 ? -1 : deadline - ts_boottime_ms();

	return deadline >= 0 && ms < 0 ? 0 : ms;
}

/* The monitor ends after it has written the record. Without one, or when it was killed, init's end is all there is. */
static int wait_other(taskshim_task *task, int64_t deadline, struct ts_error *e)
{
	int monitor, init, known;
	bool had_gate;

	/* A start that is going on has no process yet that can be waited for. */
	if (task_await_created(task, deadline) < 0)
		return fail_timeout(task, e);
	monitor = task_monitor_pidfd(task);
	init = task_init_pidfd(task); /* before it is reaped: the kernel tells no late-comer */
	had_gate = task_has_gate(task);
	if (monitor >= 0 && ts_pidfd_wait(monitor, left(deadline)) == 0)
		return fail_timeout(task, e);
	known = task_end_is_known(task, e);
	if (known != 0)
		return known < 0 ? -1 : 0;
	if (init >= 0 && ts_pidfd_wait(init, left(deadline)) == 0)
		return fail_timeout(task, e);
	task_ask_kernel(task, had_gate);
	return 0;
}

static void to_public(const struct exit_record *record, struct taskshim_exit *ret)
{
	*ret = (struct taskshim_exit){
		.known = record->known,
		.exit_code = record->exit_code,
		.signal = record->signal,
		.core_dumped = record->core_dumped,
		.oom_killed = record->oom_killed,
		.started_at = record->started_at,
		.finished_at = record->finished_at,
	};
}

int taskshim_task_wait(taskshim_task *task, int64_t timeout_ms, struct taskshim_exit *ret,
		       struct taskshim_error *error)
{
	struct ts_error e = {0};
	bool child = task->daemon_pid != 0 && !(task->flags & TASKSHIM_UNMONITORED);
	int64_t deadline = timeout_ms < 0 ? -1 : ts_boottime_ms() + timeout_ms;
	int r = task_end_is_known(task, &e);

	if (r == 1 &&
	    child) /* it has a few calls left: who frees the handle before its end would not reap it */
		(void)task_reap(task, END_TIMEOUT_MS, &e);
	if (r == 0)
		r = child ? wait_child(task, timeout_ms, &e) : wait_other(task, deadline, &e);
	if (r < 0)
		return task_fail_public(&e, error);
	*ret = (struct taskshim_exit){0};
	r = task_load_exit(task, &e);
	if (r < 0)
		return task_fail_public(&e, error);
	if (r > 0)
		to_public(&task->exited, ret);
	return 0;
}
