/* Signals, stops and kills a task. */
#include "shim/task.h"

#include "util/cgroup_freeze.h"
#include "util/clock.h"
#include "util/proc.h"

#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <string.h>

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_WAIT;
	return ts_fail(e, err, what, object);
}

/* --- signal --- */

/* A frozen process acts on no signal, on v1 not even on SIGKILL. That it cannot be let go is no reason to give up: cgroup_kill()
 * has means of its own. */
static void thaw(taskshim_task *task)
{
	struct ts_error e;

	/* other than 0: it is, or that cannot be read */
	if (cgroup_is_paused(&task->cgroups) != 0 && task_thaw(task, &e) < 0)
		task_warn(task, &e);
}

int taskshim_task_signal(taskshim_task *task, int signo, struct taskshim_error *error)
{
	int pidfd = task_init_pidfd(task);
	struct ts_error e = {0};

	if (pidfd >= 0 &&
	    !task_init_lives(
		    task)) { /* nobody has reaped it yet: the kernel would take the signal */
		pidfd = -1;
		errno = ESRCH;
	}
	if (pidfd >= 0 && signo == SIGKILL)
		task_leave_note(task, signo, 0);
	if (pidfd >= 0 && ts_pidfd_kill(pidfd, signo) == 0) {
		if (signo == SIGKILL)
			thaw(task);
		return 0;
	}
	(void)fail(&e, errno, errno == ESRCH ? "the task is not running" : "signal",
		   taskshim_task_id(task));
	return task_fail_public(&e, error);
}

int task_terminate(taskshim_task *task, int signo)
{
	int pidfd = task_init_pidfd(task);

	return pidfd < 0 ? -1 : ts_pidfd_terminate(pidfd, task->id.pid, signo);
}

static bool ends_by_default(int signo)
{
	return signo == SIGTERM || signo == SIGINT || signo == SIGHUP || signo == SIGQUIT;
}

static int signal_group(taskshim_task *task, int signo, struct ts_error *e)
{
	/* init leads its own session and group; with its pidfd open and init alive, its number is no other group's. */
	int pidfd = task_init_pidfd(task);

	if (pidfd < 0 || ts_pidfd_kill(pidfd, 0) < 0)
		return fail(e, ESRCH, "the task is not running", taskshim_task_id(task));
	return kill(-task->id.pid, signo) < 0
		       ? fail(e, errno, "signal the process group of", taskshim_task_id(task))
		       : 0;
}

/* --- kill and stop --- */

/* Tried again once: what a failing call left alive would outlive the task. */
static int kill_processes(taskshim_task *task, int init, struct ts_error *e)
{
	if (init >= 0 && ts_pidfd_kill(init, SIGKILL) < 0 && errno != ESRCH)
		(void)ts_pidfd_kill(init, SIGKILL);
	if (cgroup_kill(&task->cgroups, KILL_TIMEOUT_MS, e) == 0)
		return 0;
	return e->err == ETIMEDOUT ? -1 : cgroup_kill(&task->cgroups, KILL_TIMEOUT_MS, e);
}

int task_kill_all(taskshim_task *task, struct ts_error *e)
{
	int init = task_init_pidfd(task), monitor;

	if (kill_processes(task, init, e) < 0)
		return -1;
	if (init >= 0 && ts_pidfd_wait(init, KILL_TIMEOUT_MS) == 0)
		return fail(e, ETIMEDOUT, "cannot be killed", taskshim_task_id(task));
	/* The monitor ends after it has written the record. */
	monitor = task_monitor_pidfd(task);
	if (monitor >= 0 && ts_pidfd_wait(monitor, KILL_TIMEOUT_MS) == 0)
		return fail(e, ETIMEDOUT, "the monitor does not end", taskshim_task_id(task));
	return 0;
}

int taskshim_task_kill(taskshim_task *task, struct taskshim_error *error)
{
	struct ts_error e = {0};

	if (task_init_lives(task))
		task_leave_note(task, SIGKILL, 0);
	return task_kill_all(task, &e) < 0 ? task_fail_public(&e, error) : 0;
}

void task_leave_note(const taskshim_task *task, int signo, int64_t grace_ms)
{
	struct json_object *note = json_object_new_object();
	struct ts_error ignored;
	const char *text = NULL;

	if (task->dir.fd >= 0 && note &&
	    json_object_object_add(note, "signal", json_object_new_int(signo)) == 0 &&
	    json_object_object_add(note, "graceMs", json_object_new_int64(grace_ms)) == 0)
		text = json_object_to_json_string_ext(note, JSON_C_TO_STRING_PLAIN);
	if (text)
		(void)statedir_write(&task->dir, STATEDIR_STOP, text, strlen(text), &ignored);
	json_object_put(note);
}

static int first_signal(taskshim_task *task, int signo, enum taskshim_stop_scope scope,
			struct ts_error *e)
{
	int pidfd;

	if (!task_init_lives(task)) /* it goes on without: for whoever is left */
		scope = TASKSHIM_STOP_CGROUP;
	switch (scope) {
	case TASKSHIM_STOP_PGRP:
		return signal_group(task, signo, e);
	case TASKSHIM_STOP_CGROUP:
		if (task->cgroups.n > 0)
			return cgroup_signal(&task->cgroups, signo, e) < 0 ? -1 : 0;
		/* fall through */
	case TASKSHIM_STOP_MAIN:
		break;
	}
	if (ends_by_default(signo))
		return task_terminate(task, signo) < 0
			       ? fail(e, errno, "signal", taskshim_task_id(task))
			       : 0;
	pidfd = task_init_pidfd(task);
	return pidfd < 0 || ts_pidfd_kill(pidfd, signo) < 0
		       ? fail(e, errno, "signal", taskshim_task_id(task))
		       : 0;
}

/* The monitor ends with the task, which is not always over with init. */
static void wait_for_end(taskshim_task *task, int64_t timeout_ms)
{
	int monitor = task_monitor_pidfd(task);
	int pidfd = monitor >= 0 ? monitor : task_init_pidfd(task);

	if (pidfd >= 0)
		(void)ts_pidfd_wait(pidfd, timeout_ms);
}

int taskshim_task_stop(taskshim_task *task, int signo, int64_t grace_ms,
		       enum taskshim_stop_scope scope, struct taskshim_error *error)
{
	struct ts_error e = {0};

	if (signo == 0)
		signo = task->has_state && task->state.kill_signal ? task->state.kill_signal
								   : SIGTERM;
	if (grace_ms < 0)
		grace_ms = task->has_state ? (int64_t)task->state.kill_timeout_ms : 5000;
	if (task_status(task) == TASK_RUNNING) {
		if (task_init_lives(task)) /* the record is init's */
			task_leave_note(task, signo, grace_ms);
		if (first_signal(task, signo, scope, &e) < 0 && e.err != ESRCH)
			return task_fail_public(&e, error);
		thaw(task);
		wait_for_end(task, grace_ms);
	}
	return task_kill_all(task, &e) < 0 ? task_fail_public(&e, error) : 0;
}
