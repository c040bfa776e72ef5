/* Reads what spawn-daemon says on its standard output, and how it ended. */
#include "shim/task.h"

#include "util/clock.h"
#include "util/fd.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_MONITOR;
	return ts_fail(e, err, what, object);
}

/* Until @deadline_ms, 0: none; as poll(2) takes it, which may be earlier. */
static int poll_timeout(int64_t deadline_ms)
{
	int64_t left = deadline_ms - ts_boottime_ms();

	if (deadline_ms == 0)
		return -1;
	return left <= 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX;
}

/* Waits as long as the start may take. Returns 0 when there is something to read, or -1 with @e filled. */
static int await_word(const taskshim_task *task, struct ts_error *e)
{
	struct pollfd fds[] = {{.fd = task->status_fd, .events = POLLIN},
			       {.fd = task->cancel_fd, .events = POLLIN}};

	if (task->cancel_fd < 0 && task->start_deadline_ms == 0)
		return 0;
	for (;;) {
		int timeout = poll_timeout(task->start_deadline_ms);
		int n = poll(fds, 2, timeout);

		if (fds[0].revents || (n < 0 && errno != EINTR))
			return 0; /* the read waits as well */
		if (n > 0 && fds[1].revents)
			return fail(e, ECANCELED, "the start was given up", NULL);
		if (n == 0 && timeout < INT_MAX)
			return fail(e, ETIMEDOUT, "the start takes longer than its timeout", NULL);
	}
}

int task_read(taskshim_task *task, struct ts_error *e)
{
	int tries = 3;
	ssize_t n;

	if (!task->lines && !(task->lines = malloc(LINES_MAX)))
		return fail(e, ENOMEM, "read from spawn-daemon", NULL);
	if (task->lines_read > 0 && task->lines_len == LINES_MAX) {
		task->lines_len -= task->lines_read;
		memmove(task->lines, task->lines + task->lines_read, task->lines_len);
		task->lines_read = 0;
	}
	if (task->lines_len == LINES_MAX)
		return fail(e, EPROTO, "spawn-daemon says too much", NULL);
	if (await_word(task, e) < 0)
		return -1;
	do /* spawn-daemon says a thing once */
		n = read(task->status_fd, task->lines + task->lines_len,
			 LINES_MAX - task->lines_len);
	while (n < 0 && (errno == EINTR || --tries > 0));
	if (n < 0)
		return fail(e, errno, "read from spawn-daemon", NULL);
	task->lines_len += (size_t)n;
	return n > 0;
}

/* Keeps what @message says; takes over what it owns. */
static void keep(taskshim_task *task, struct message *message)
{
	struct ts_error ignored;

	switch (message->type) {
	case MESSAGE_STARTED:
		task->started = true;
		/* fall through */
	case MESSAGE_CREATED:
		if (!message->id_string || task->has_id)
			break;
		task->has_id = id_string_decode(message->id_string, &task->id, &ignored) == 0;
		free(task->id_string);
		task->id_string = message->id_string;
		message->id_string = NULL;
		break;
	case MESSAGE_EXITED:
		if (task->has_exited)
			exit_record_done(&task->exited);
		task->exited = message->exited;
		message->exited = (struct exit_record){0};
		task->has_exited = true;
		break;
	default:
		break;
	}
}

int task_take_line(taskshim_task *task, struct ts_error *e)
{
	const char *line = task->lines + task->lines_read;
	size_t rest = task->lines_len - task->lines_read;
	const char *end = rest > 0 ? memchr(line, '\n', rest) : NULL;
	struct message message;
	int type;

	if (!end)
		return -2;
	task->lines_read += (size_t)(end - line) + 1;
	if (message_decode(line, (size_t)(end - line), &message, e) < 0) {
		e->step = TS_STEP_MONITOR;
		return -1;
	}
	type = (int)message.type;
	keep(task, &message);
	if (type == MESSAGE_ERROR)
		*e = message.error;
	message_done(&message);
	return type == MESSAGE_ERROR ? -1 : type;
}

int task_await(taskshim_task *task, enum message_type type, struct ts_error *e)
{
	for (;;) {
		int got = task_take_line(task, e), r;

		if (got == -1)
			return -1;
		if (got == MESSAGE_ABORTED)
			return fail(e, 0, "spawn-daemon gave up", NULL);
		if (got == (int)type)
			return 0;
		if (got >= 0)
			continue;
		r = task_read(task, e);
		if (r < 0)
			return -1;
		if (r == 0)
			return fail(e, 0, "spawn-daemon ended without a word", NULL);
	}
}

int task_take_all(taskshim_task *task, struct ts_error *e)
{
	int got;

	while ((got = task_take_line(task, e)) != -1)
		if (got == -2 && task_read(task, e) <= 0)
			return 0;
	return -1;
}

int task_reap(taskshim_task *task, int timeout_ms, struct ts_error *e)
{
	struct pollfd end = {.fd = task->daemon_pidfd, .events = POLLIN};
	siginfo_t info = {0};
	int r;

	if (task->daemon_ended || task->daemon_pid == 0)
		return 0;
	if (timeout_ms >= 0) {
		do
			r = poll(&end, 1, timeout_ms);
		while (r < 0 && errno == EINTR);
		if (r == 0)
			return fail(e, ETIMEDOUT, "spawn-daemon does not end", NULL);
	}
	do
		r = waitid(P_PIDFD, (id_t)task->daemon_pidfd, &info, WEXITED);
	while (r < 0 && errno == EINTR);
	task->daemon_ended = true;
	task->daemon_pid = 0;
	/* ECHILD: the driver ignores SIGCHLD or reaps everything; the record and the `exited` line remain. */
	task->daemon_status = r == 0 && info.si_code == CLD_EXITED ? info.si_status : -1;
	task->daemon_signal = r == 0 && info.si_code != CLD_EXITED ? info.si_status : 0;
	return 0;
}

void task_end_daemon(taskshim_task *task)
{
	struct ts_error e;

	if (task->daemon_pid == 0)
		return;
	ts_fd_closep(&task->control_fd);
	if (task_reap(task, END_TIMEOUT_MS, &e) == 0)
		return;
	task_warn(task, &e);
	(void)ts_pidfd_kill(task->daemon_pidfd, SIGKILL);
	if (task_reap(task, END_TIMEOUT_MS, &e) < 0)
		task_warn(task, &e);
}
