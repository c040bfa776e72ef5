/* taskshim_exec(): a command in a task from its start to its end, with the last of its output. */
#include "shim/exec.h"

#include "protocol/stream.h"
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LEFT_MAX = 1024 * 1024 /* what a pipe holds at most, unless root has made that more */ };

/* The last bytes of what was written: a ring of @max bytes, and until there are so many an array that grows. */
struct tail {
	char *data;
	size_t max, size, used; /* size: of what is allocated */
	size_t next; /* where the next byte goes, and where the oldest is once the ring is full */
	uint64_t dropped;
};

/* Makes room for @n more bytes, or up to what may be kept. Without memory that is what there is. */
static void tail_grow(struct tail *t, size_t n)
{
	size_t wanted = n < t->max - t->used ? t->used + n : t->max;
	char *data;

	if (wanted <= t->size)
		return;
	if (wanted < t->max / 2) /* not for each few bytes again */
		wanted *= 2;
	data = realloc(t->data, wanted);
	if (!data) {
		t->max = t->size;
		return;
	}
	t->data = data;
	t->size = wanted;
}

static void tail_add(struct tail *t, const char *data, size_t n)
{
	tail_grow(t, n);
	if (t->max == 0) {
		t->dropped += n;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (t->used == t->max)
			t->dropped++;
		else
			t->used++;
		if (t->next == t->max)
			t->next = 0;
		t->data[t->next++] = data[i];
	}
}

/* In order, NUL-terminated: malloc'ed; NULL: no memory. */
static char *tail_text(const struct tail *t)
{
	size_t first = t->used < t->max ? 0 : t->next;
	char *text = malloc(t->used + 1);

	if (!text)
		return NULL;
	if (t->used > 0) {
		memcpy(text, t->data + first, t->used - first);
		memcpy(text + t->used - first, t->data, first);
	}
	text[t->used] = '\0';
	return text;
}

/* Takes some of what is in the pipe now. Returns how much; 0: nothing yet; -1: it has ended. */
static ssize_t take_output(int fd, struct tail *tail)
{
	char data[16384];
	ssize_t n = read(fd, data, sizeof data);

	if (n > 0)
		tail_add(tail, data, (size_t)n);
	else
		n = n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
	return n;
}

/* What the command has written before its end: more comes from others, who may write for ever. */
static void take_rest(int fd, struct tail *tail)
{
	int left = LEFT_MAX;
	ssize_t n;

	(void)ioctl(fd, FIONREAD, &left); /* failing, it leaves the number as it is */
	while (left > 0 && (n = take_output(fd, tail)) > 0)
		left -= (int)n;
}

/* Until the monitor has ended: who else holds the pipe open, a process that the command has left behind, is not waited for. */
static void follow(taskshim_task *exec, int output, struct tail *tail)
{
	struct pollfd fds[] = {{.fd = exec->daemon_pidfd, .events = POLLIN},
			       {.fd = output, .events = POLLIN}};

	while (!(fds[0].revents & POLLIN)) {
		fds[0].revents = fds[1].revents = 0;
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents && take_output(output, tail) < 0)
			fds[1].fd = -1;
	}
	if (output >= 0)
		take_rest(output, tail);
}

static int edit(const struct taskshim_exec_options *options, struct json_object *document,
		struct ts_error *e)
{
	struct json_object *process = NULL;
	size_t n = 0;
	int r;

	if (options->timeout_ms >= 0 &&
	    exec_set_timeout(document, options->timeout_ms > 0 ? options->timeout_ms : 1, e) < 0)
		return -1;
	if (options->process) {
		if (document_parse(options->process, strlen(options->process), &process, e) < 0)
			return -1;
		r = exec_set_process(document, process, e);
		json_object_put(process);
		return r;
	}
	while (options->args && options->args[n])
		n++;
	for (const char *const *variable = options->env; variable && *variable; variable++)
		if (exec_set_env(document, *variable, e) < 0)
			return -1;
	if ((options->cwd && exec_set_cwd(document, options->cwd, e) < 0) ||
	    (options->user && exec_set_user(document, options->user, e) < 0))
		return -1;
	return exec_set_args(document, options->args, n, e);
}

/* Fills @ret from the monitor's words. */
static int take_end(taskshim_task *exec, struct taskshim_exec_result *ret,
		    struct taskshim_error *error)
{
	if (taskshim_task_wait(exec, -1, &ret->exit, error) < 0)
		return -1;
	ret->timed_out = exec->has_exited && exec->exited.cause == EXIT_CAUSE_TIMEOUT;
	return 0;
}

static int run(taskshim_task *task, const struct taskshim_exec_options *options,
	       struct json_object *document, struct taskshim_exec_result *ret,
	       struct taskshim_error *error)
{
	struct taskshim_options start = TASKSHIM_OPTIONS_INIT;
	bool captures = (options->stdio[1] < 0 || options->stdio[2] < 0) &&
			!(options->flags & TASKSHIM_EXEC_DETACHED);
	struct tail tail = {.max = options->output_max};
	struct ts_error e = {.step = TS_STEP_MONITOR};
	const struct exec_how how = {
		-1, -1, options->timeout_ms > 0 ? options->timeout_ms : options->timeout_ms == 0};
	int output[2] = {-1, -1}, status, r = -1;
	taskshim_task *exec;

	memcpy(start.stdio, options->stdio, sizeof start.stdio);
	start.fds = options->fds;
	start.n_fds = options->n_fds;
	start.spawn_daemon = options->spawn_daemon;
	start.flags = options->flags & TASKSHIM_EXEC_DETACHED ? TASKSHIM_UNMONITORED
							      : TASKSHIM_KILL_ON_PARENT_DEATH;
	if (captures &&
	    (pipe2(output, O_CLOEXEC) < 0 || fcntl(output[0], F_SETFL, O_NONBLOCK) < 0)) {
		(void)ts_fail(&e, errno, "make a pipe for the output", NULL);
		goto out;
	}
	for (int i = 1; captures && i < 3; i++)
		if (start.stdio[i] < 0)
			start.stdio[i] = output[1];
	if (exec_start(task, &start, document, &how, &exec, &status, &e) < 0)
		goto out;
	ts_fd_closep(&output[1]);
	ret->pid = taskshim_task_pid(exec);
	r = 0;
	if (!(options->flags & TASKSHIM_EXEC_DETACHED)) {
		follow(exec, output[0], &tail);
		r = take_end(exec, ret, error);
	}
	exec_end(exec);
	if (r == 0 && captures) {
		ret->output = tail_text(&tail);
		ret->output_len = ret->output ? tail.used : 0;
		ret->output_dropped = tail.dropped + tail.used - ret->output_len;
	}
out:
	ts_fd_closep(&output[0]);
	ts_fd_closep(&output[1]);
	free(tail.data);
	return r < 0 && e.msg[0] ? task_fail_public(&e, error) : r;
}

int taskshim_exec(taskshim_task *task, const struct taskshim_exec_options *options,
		  struct taskshim_exec_result *ret, struct taskshim_error *error)
{
	struct ts_error e = {.step = TS_STEP_USAGE};
	struct json_object *document = NULL;
	int r;

	if (!options || options->size != sizeof *options) {
		(void)ts_fail(&e, EINVAL, "options.size is not of this library",
			      taskshim_version());
		return task_fail_public(&e, error);
	}
	*ret = (struct taskshim_exec_result){0};
	if (exec_document(task, options->flags & TASKSHIM_EXEC_WHILE_PAUSED, &document, &e) < 0)
		return task_fail_public(&e, error);
	r = edit(options, document, &e) < 0 ? task_fail_public(&e, error)
					    : run(task, options, document, ret, error);
	json_object_put(document);
	return r;
}
