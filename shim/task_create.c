/* A start as one call: taskshim_task_create(), and how a failed one is undone. */
#include "shim/task.h"

#include "protocol/stream.h"
#include "util/fd.h"

#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

void task_warn(const taskshim_task *task, const struct ts_error *e)
{
	char text[sizeof e->msg + 128];

	if (!task->warner.warn)
		return;
	(void)snprintf(text, sizeof text, "%s: %s%s%s", ts_step_name(e->step), e->msg,
		       e->err ? ": " : "", ts_errno_text(e->err));
	task->warner.warn(text, task->warner.arg);
}

/* An unmonitored init does not end with spawn-daemon. What spawn-daemon last said names it. */
static void end_init(taskshim_task *task)
{
	struct ts_error e;

	(void)task_take_all(task, &e);
	if (task->has_id && task_kill_all(task, &e) < 0)
		task_warn(task, &e);
}

void task_discard(taskshim_task *task)
{
	struct ts_error e;

	task_end_daemon(task);
	if (task->flags & TASKSHIM_UNMONITORED && task->status_fd >= 0)
		end_init(task);
	if (task_remove(task, true, &e) < 0)
		task_warn(task, &e);
	if (task->flags & TASKSHIM_DETACHED)
		cgroup_remove_monitors(CGROUP_MOUNT);
}

/* From here on an unmonitored task is its caller's; before, a creator's death leaves it to be swept. */
static int finish_unmonitored(taskshim_task *task, struct ts_error *e)
{
	if (task_reap(task, END_TIMEOUT_MS, e) < 0)
		return -1;
	if (renameat(task->dir.fd, STATEDIR_UNFINISHED, task->dir.fd, STATEDIR_CONFIG) == 0)
		return 0;
	e->step = TS_STEP_STATE;
	return ts_fail(e, errno, "rename " STATEDIR_UNFINISHED " of", taskshim_task_id(task));
}

static int configure(taskshim_task *task, const struct taskshim_options *options,
		     struct json_object *document, struct ts_error *e)
{
	bool start = options->flags & TASKSHIM_START;

	if (!json_object_is_type(document, json_type_object)) {
		e->step = TS_STEP_CONFIG;
		return ts_fail(e, EINVAL, "the config is not a JSON object", NULL);
	}
	if (task_spawn(task, options, e) < 0)
		return -1;
	if (task_configure(task, options, document, NULL, e) < 0)
		return -1;
	if (task_await(task, MESSAGE_CREATED, e) < 0)
		return -1;
	if (task->flags & TASKSHIM_UNMONITORED) {
		/* spawn-daemon has done its work; init is the subreaper's now */
		if (finish_unmonitored(task, e) < 0)
			return -1;
		return start ? gate_send(task, true, e) : 0;
	}
	if (start &&
	    (task_send_gate(task, true, e) < 0 || task_await(task, MESSAGE_STARTED, e) < 0))
		return -1;
	return 0;
}

static bool options_fit(const struct taskshim_options *options)
{
	return options && options->size == sizeof(struct taskshim_options);
}

int taskshim_task_create(const struct taskshim_options *options, const char *config, size_t len,
			 taskshim_task **ret, struct taskshim_error *error)
{
	struct ts_error e = {.step = TS_STEP_CONFIG};
	struct json_object *document = NULL;
	taskshim_task *task;
	int r;

	if (!options_fit(options)) {
		e.step = TS_STEP_USAGE;
		(void)ts_fail(&e, EINVAL, "options.size is not of this library",
			      taskshim_version());
		return task_fail_public(&e, error);
	}
	if (document_parse(config, len, &document, &e) < 0)
		return task_fail_public(&e, error);
	r = task_claim(options, &task, &e);
	if (r == 0) {
		r = configure(task, options, document, &e);
		if (r < 0) {
			task_discard(task);
			taskshim_task_free(task);
		} else {
			statedir_unlock(&task->dir);
			(void)task_load_state(
				task,
				&e); /* for stop's defaults; without it, those of the documentation */
			*ret = task;
		}
	}
	json_object_put(document);
	return r < 0 ? task_fail_public(&e, error) : 0;
}

static int fail_started(const taskshim_task *task, struct taskshim_error *error)
{
	struct ts_error e = {.step = TS_STEP_GATE};

	(void)ts_fail(&e, EALREADY, "the task was started already", taskshim_task_id(task));
	return task_fail_public(&e, error);
}

int taskshim_task_abort(taskshim_task *task, struct taskshim_error *error)
{
	struct ts_error e = {0};
	int r;

	if (task->started || (task->daemon_pid == 0 && task_status(task) == TASK_RUNNING))
		return fail_started(task, error);
	if (task->daemon_pid == 0 && gate_send(task, false, &e) < 0 && e.err != ENOENT &&
	    e.err != ECONNREFUSED)
		return task_fail_public(&e, error);
	task_end_daemon(task);
	r = task_remove(task, true, &e);
	return r < 0 ? task_fail_public(&e, error) : 0;
}

int taskshim_task_start(taskshim_task *task, struct taskshim_error *error)
{
	struct ts_error e = {0};

	if (task->started)
		return fail_started(task, error);
	if (task->daemon_pid != 0 ? task_send_gate(task, true, &e) < 0 ||
					    task_await(task, MESSAGE_STARTED, &e) < 0
				  : gate_send(task, true, &e) < 0)
		return task_fail_public(&e, error);
	return 0;
}
