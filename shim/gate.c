/* The gate of an unmonitored task: a socket in its state directory on which init waits. */
#include "shim/task.h"

#include "util/cgroup_freeze.h"
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_GATE;
	return ts_fail(e, err, what, object);
}

/* @type: SOCK_NONBLOCK, or 0 to wait where others knock. */
static int gate_connect(taskshim_task *task, int type, struct ts_error *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | type, 0);

	if (fd < 0)
		return fail(e, errno, "socket", NULL);
	/* sun_path is short and state directories may be deep: by way of the descriptor. */
	(void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s",
		       task->dir.fd, STATEDIR_GATE);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return ts_fd_take(&fd);
	switch (errno) {
	case ENOENT:
		return fail(e, ENOENT, "the task was started already, or has ended",
			    taskshim_task_id(task));
	case ECONNREFUSED:
		return (task->id.monitor_pid && task_monitor_lives(task))
			       ? fail(e, EPERM,
				      "the task is started by the process that created it",
				      taskshim_task_id(task))
			       : fail(e, ECONNREFUSED, "the task has ended",
				      taskshim_task_id(task));
	default:
		return fail(e, errno, "connect to the gate of", taskshim_task_id(task));
	}
}

bool gate_is_closed(taskshim_task *task)
{
	struct ts_error ignored = {0};
	_cleanup_fd_ int fd = gate_connect(task, SOCK_NONBLOCK, &ignored);

	/* init takes a client that says nothing for none, and goes on waiting. One that is frozen takes none, and each that has left
	 * keeps its place in the queue; EAGAIN: it is full. */
	return fd >= 0 || ignored.err == EAGAIN;
}

/* Reads to the end: exec closes init's side. The last line counts: `started` goes out just before execve(2), and an
 * error follows if that fails. */
static int read_answer(int fd, struct message *ret, struct ts_error *e)
{
	_cleanup_free_ char *text = malloc(LINES_MAX);
	ssize_t len = text ? ts_read_text(fd, text, LINES_MAX) : -1;
	char *line;

	if (len < 0)
		return fail(e, errno, "read from the gate", NULL);
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	if (len == 0)
		return fail(e, 0, "the task ended at its gate", NULL);
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	if (message_decode(line, strlen(line), ret, e) == 0)
		return 0;
	e->step = TS_STEP_GATE;
	return -1;
}

int gate_send(taskshim_task *task, bool start, struct ts_error *e)
{
	const char *text = start ? "true\n" : "false\n";
	_cleanup_fd_ int fd = -1;
	struct message message = {0};
	int r = 0;

	if (task->dir.fd < 0)
		return fail(e, ENOENT, "the ID string names no state directory", task->id_string);
	if (start && cgroup_is_paused(&task->cgroups) > 0)
		return fail(e, EBUSY, "the task is paused", taskshim_task_id(task));
	fd = gate_connect(task, 0, e);
	if (fd < 0)
		return -1;
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return fail(e, errno, "write to the gate of", taskshim_task_id(task));
	if (!start)
		return 0;
	if (read_answer(fd, &message, e) < 0)
		return -1;
	if (message.type == MESSAGE_ERROR) {
		*e = message.error;
		r = -1;
	} else {
		task->started = true;
		(void)unlinkat(task->dir.fd, STATEDIR_GATE, 0);
		task_run_poststart(task);
	}
	message_done(&message);
	return r;
}
