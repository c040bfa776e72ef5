/* Waits for a task's end: by the monitor's record, by spawn-daemon's own words, or by what the kernel keeps. */
#include "shim/task.h"

#include "util/clock.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>

enum {
	REAP_TIMEOUT_MS = 1000, /* for whoever has to reap an init that has ended */
	CREATE_POLL_MS = 10, /* how often a task that is being created is looked at */
};

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_WAIT;
	return ts_fail(e, err, what, object);
}

static int fail_timeout(const taskshim_task *task, struct ts_error *e)
{
	return fail(e, ETIMEDOUT, "the task is still running", taskshim_task_id(task));
}

/* --- what the kernel keeps --- */

#ifndef PIDFD_GET_INFO
struct pidfd_info {
	uint64_t mask, cgroupid;
	uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
	uint32_t coredump[2];
};
#define PIDFD_GET_INFO _IOWR(0xFF, 11, struct pidfd_info)
#define PIDFD_INFO_EXIT (1UL << 3)
#endif

/* The exit of a process that was reaped, for whoever has its pidfd (Linux 6.15). Returns whether it is known. */
static bool ask_kernel(int pidfd, int *ret_status)
{
	struct pidfd_info info = {.mask = PIDFD_INFO_EXIT};
	struct pollfd reaped = {.fd = pidfd}; /* POLLHUP comes when it is reaped (Linux 6.9) */

	(void)poll(&reaped, 1, REAP_TIMEOUT_MS);
	if (ioctl(pidfd, PIDFD_GET_INFO, &info) < 0 || !(info.mask & PIDFD_INFO_EXIT))
		return false;
	*ret_status = info.exit_code;
	return true;
}

/* init was not the monitor's to reap: its record is written here, by what the kernel says. */
static int record_from_kernel(taskshim_task *task, struct ts_error *e)
{
	struct exit_record record = {.cause = EXIT_CAUSE_EXITED};
	int status, r;

	if (task->init_pidfd < 0 || !ask_kernel(task->init_pidfd, &status))
		return 0;
	record.known = true;
	record.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	record.exit_code = record.signal ? 128 + record.signal : WEXITSTATUS(status);
	record.core_dumped = record.signal && WCOREDUMP(status);
	(void)clock_gettime(CLOCK_REALTIME, &record.finished_at);
	/* Without the lock somebody removes the task: what is known is told all the same. */
	if (task->dir.fd >= 0 && statedir_lock(&task->dir, REAP_TIMEOUT_MS) < 0) {
		task_set_exit(task, &record);
		return 0;
	}
	r = task_settle(task, &record, e);
	statedir_unlock(&task->dir);
	return r;
}

/* --- whose end is waited for --- */

/* Our own child: its lines tell the exit, and its status does when another reads those. */
static int wait_child(taskshim_task *task, int64_t timeout_ms, struct ts_error *e)
{
	int r = ts_pidfd_wait(task->daemon_pidfd, timeout_ms);
	int got;

	if (r == 0)
		return fail_timeout(task, e);
	while ((got = task_take_line(task, e)) != -1)
		if (got == -2 && task_read(task, e) <= 0)
			break;
	if (got == -1)
		return -1;
	return task_reap(task, -1, e);
}

/* A start that is going on has no process yet that can be waited for. Returns 0 once it has, or the start has died. */
static int wait_until_created(taskshim_task *task, int64_t deadline, struct ts_error *e)
{
	const struct timespec pause = {.tv_nsec = CREATE_POLL_MS * 1000000L};

	while (!task->has_id && task->dir.fd >= 0) {
		struct ts_error ignored;
		bool dead = statedir_lock(&task->dir, 0) == 0;

		if (dead)
			statedir_unlock(&task->dir);
		if (task_refresh(task, &ignored) == 0 || dead)
			return 0;
		if (deadline >= 0 && ts_boottime_ms() >= deadline)
			return fail_timeout(task, e);
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

	if (wait_until_created(task, deadline, e) < 0)
		return -1;
	monitor = task_monitor_pidfd(task);
	init = task_init_pidfd(task); /* before it ends: the kernel tells no late-comer */
	if (monitor >= 0 && ts_pidfd_wait(monitor, left(deadline)) == 0)
		return fail_timeout(task, e);
	known = task_end_is_known(task, e);
	if (known != 0)
		return known < 0 ? -1 : 0;
	if (init >= 0 && ts_pidfd_wait(init, left(deadline)) == 0)
		return fail_timeout(task, e);
	return record_from_kernel(task, e);
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
