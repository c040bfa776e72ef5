/* Signals, stops, kills and waits for a task. */
#include "shim/task.h"

#include "util/proc.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_WAIT;
	return ts_fail(e, err, what, object);
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_BOOTTIME,
			    &t); /* a machine that sleeps lets a grace run out all the same */
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until @pidfd's process has ended. Returns 1, 0 on timeout, or -1. */
static int wait_pidfd(int pidfd, int64_t timeout_ms)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int64_t end = now_ms() + timeout_ms;
	int r;

	do {
		int64_t left = timeout_ms < 0 ? -1 : end - now_ms();

		r = poll(&p, 1,
			 left < 0	  ? (timeout_ms < 0 ? -1 : 0)
			 : left > 1000000 ? 1000000
					  : (int)left);
	} while ((r < 0 && errno == EINTR) || (r == 0 && (timeout_ms < 0 || now_ms() < end)));
	return r;
}

/* --- signal --- */

int taskshim_task_signal(taskshim_task *task, int signo, struct taskshim_error *error)
{
	int pidfd = task_init_pidfd(task);
	struct ts_error e = {0};

	if (pidfd >= 0 && ts_pidfd_kill(pidfd, signo) == 0)
		return 0;
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

static int kill_all(taskshim_task *task, struct ts_error *e)
{
	int pidfd = task_init_pidfd(task);
	int r;

	if (pidfd >= 0)
		(void)ts_pidfd_kill(pidfd, SIGKILL);
	if (cgroup_kill(&task->cgroups, KILL_TIMEOUT_MS, e) < 0)
		return -1;
	if (pidfd >= 0) {
		r = wait_pidfd(pidfd, KILL_TIMEOUT_MS);
		if (r == 0)
			return fail(e, ETIMEDOUT, "cannot be killed", taskshim_task_id(task));
	}
	/* The monitor ends after it has written the record. */
	pidfd = task_monitor_pidfd(task);
	if (pidfd >= 0 && wait_pidfd(pidfd, KILL_TIMEOUT_MS) == 0)
		return fail(e, ETIMEDOUT, "the monitor does not end", taskshim_task_id(task));
	return 0;
}

int taskshim_task_kill(taskshim_task *task, struct taskshim_error *error)
{
	struct ts_error e = {0};

	return kill_all(task, &e) < 0 ? task_fail_public(&e, error) : 0;
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

int taskshim_task_stop(taskshim_task *task, int signo, int64_t grace_ms,
		       enum taskshim_stop_scope scope, struct taskshim_error *error)
{
	struct ts_error e = {0};
	int pidfd = task_init_pidfd(task);

	if (signo == 0)
		signo = task->has_state && task->state.kill_signal ? task->state.kill_signal
								   : SIGTERM;
	if (grace_ms < 0)
		grace_ms = task->has_state ? (int64_t)task->state.kill_timeout_ms : 5000;
	if (pidfd >= 0 && task_status(task) == TASK_RUNNING) {
		task_leave_note(task, signo, grace_ms);
		if (first_signal(task, signo, scope, &e) < 0 && e.err != ESRCH)
			return task_fail_public(&e, error);
		(void)wait_pidfd(pidfd, grace_ms);
	}
	return kill_all(task, &e) < 0 ? task_fail_public(&e, error) : 0;
}

/* --- wait --- */

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

/* Unmonitored: the kernel keeps the exit of a reaped process for whoever has its pidfd (Linux 6.15). */
static void ask_kernel(taskshim_task *task)
{
	struct pidfd_info info = {.mask = PIDFD_INFO_EXIT};
	int pidfd = task->init_pidfd;

	if (pidfd < 0 || task->has_exited)
		return;
	/* It is told only once somebody has reaped the process. */
	for (int tries = 0; tries < 200; tries++) {
		struct timespec pause = {.tv_nsec = 1000000};

		info.mask = PIDFD_INFO_EXIT;
		if (ioctl(pidfd, PIDFD_GET_INFO, &info) < 0)
			return;
		if (info.mask & PIDFD_INFO_EXIT)
			break;
		(void)nanosleep(&pause, NULL);
	}
	if (!(info.mask & PIDFD_INFO_EXIT))
		return;
	task->has_exited = true;
	task->exited = (struct exit_record){
		.known = true,
		.exit_code = WIFSIGNALED(info.exit_code) ? 128 + WTERMSIG(info.exit_code)
							 : WEXITSTATUS(info.exit_code),
		.signal = WIFSIGNALED(info.exit_code) ? WTERMSIG(info.exit_code) : 0,
		.core_dumped = WIFSIGNALED(info.exit_code) && WCOREDUMP(info.exit_code),
		.cause = EXIT_CAUSE_EXITED,
	};
	memcpy(task->exited.run_id, task->id.run_id, sizeof task->exited.run_id);
	memcpy(task->exited.boot_id, task->id.boot_id, sizeof task->exited.boot_id);
}

/* Our own child: its lines tell the exit, and its status does when another reads those. */
static int wait_child(taskshim_task *task, int64_t timeout_ms, struct ts_error *e)
{
	int r = wait_pidfd(task->daemon_pidfd, timeout_ms);
	int got;

	if (r == 0)
		return fail(e, ETIMEDOUT, "the task is still running", taskshim_task_id(task));
	while ((got = task_take_line(task, e)) != -1)
		if (got == -2 && task_read(task, e) <= 0)
			break;
	if (got == -1)
		return -1;
	return task_reap(task, -1, e);
}

static int wait_other(taskshim_task *task, int64_t timeout_ms, struct ts_error *e)
{
	/* The monitor ends after it has written the record; without one, init's end is all there is. */
	int pidfd = task_monitor_pidfd(task);

	if (pidfd < 0)
		pidfd = task_init_pidfd(task);
	if (pidfd >= 0 && wait_pidfd(pidfd, timeout_ms) == 0)
		return fail(e, ETIMEDOUT, "the task is still running", taskshim_task_id(task));
	return 0;
}

int taskshim_task_wait(taskshim_task *task, int64_t timeout_ms, struct taskshim_exit *ret,
		       struct taskshim_error *error)
{
	struct ts_error e = {0};
	bool child = task->daemon_pid != 0 && !(task->flags & TASKSHIM_UNMONITORED);

	if (!task->has_exited || !task->exited.known) {
		if ((child ? wait_child(task, timeout_ms, &e) : wait_other(task, timeout_ms, &e)) <
		    0)
			return task_fail_public(&e, error);
		if ((!task_load_exit(task) || !task->exited.known) &&
		    task->flags & TASKSHIM_UNMONITORED) {
			if (task->has_exited)
				exit_record_done(&task->exited);
			task->has_exited = false;
			ask_kernel(task);
		}
	}
	*ret = (struct taskshim_exit){0};
	if (!task->has_exited)
		return 0;
	*ret = (struct taskshim_exit){
		.known = task->exited.known,
		.exit_code = task->exited.exit_code,
		.signal = task->exited.signal,
		.core_dumped = task->exited.core_dumped,
		.oom_killed = task->exited.oom_killed,
		.started_at = task->exited.started_at,
		.finished_at = task->exited.finished_at,
	};
	return 0;
}
