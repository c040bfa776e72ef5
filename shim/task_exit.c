/* A task's exit record: read, and written where nobody else is left to write it. */
#include "shim/task.h"

#include "protocol/stop_note.h"
#include "protocol/stream.h"
#include "util/fd.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_STATE;
	return ts_fail(e, err, what, object);
}

int task_read_json(const taskshim_task *task, const char *name, size_t max,
		   struct json_object **ret, struct ts_error *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (ts_read_file_at(task->dir.fd, name, max, &text, &len) < 0)
		return fail(e, errno, "read", name);
	if (document_parse(text, len, ret, e) < 0) {
		e->step = TS_STEP_STATE;
		return -1;
	}
	return 0;
}

/* A task without a monitor ends unseen by who could have read the note that `stop` has left. */
static void add_stop(const taskshim_task *task, struct exit_record *record)
{
	char text[STOP_NOTE_MAX];
	ssize_t n = ts_read_text_at(task->dir.fd, STATEDIR_STOP, text, sizeof text);

	if (n > 0)
		exit_record_add_stop(record, text, (size_t)n);
}

void task_set_exit(taskshim_task *task, struct exit_record *record)
{
	if (task->has_exited)
		exit_record_done(&task->exited);
	task->exited = *record;
	task->has_exited = true;
	*record = (struct exit_record){0};
}

/* Returns 1 with *@ret, 0 when there is no record or none that can be read as one, or -1 with @e filled. */
static int read_record(const taskshim_task *task, struct exit_record *ret, struct ts_error *e)
{
	struct json_object *object = NULL;
	int r;

	if (task_read_json(task, STATEDIR_EXIT, TASK_FILE_MAX, &object, e) < 0)
		return e->err == ENOENT || e->err == EINVAL ? 0 : -1;
	r = exit_record_decode(object, ret, e);
	json_object_put(object);
	return r == 0;
}

int task_load_exit(taskshim_task *task, struct ts_error *e)
{
	struct exit_record record;
	int r = task->dir.fd < 0 ? 0 : read_record(task, &record, e);

	if (r <= 0)
		return r < 0 ? -1 : task->has_exited;
	/* The record of one run is never returned for another. */
	if (strcmp(record.run_id, task->cgroups.run_id) != 0 ||
	    (task->has_exited && task->exited.known && !record.known)) {
		exit_record_done(&record);
		return task->has_exited;
	}
	add_stop(task, &record);
	task_set_exit(task, &record);
	return 1;
}

int task_end_is_known(taskshim_task *task, struct ts_error *e)
{
	int r;

	if (task->has_exited && task->exited.known)
		return 1;
	r = task_load_exit(task, e);
	return r <= 0 ? r : task->exited.known;
}

static int write_record(const taskshim_task *task, struct ts_error *e)
{
	struct json_object *object = exit_record_encode(&task->exited);
	const char *text =
		object ? json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN) : NULL;
	int r = 0;

	if (!text)
		r = fail(e, ENOMEM, "encode", STATEDIR_EXIT);
	else if (ts_write_file_atomic(task->dir.fd, STATEDIR_EXIT, text, strlen(text), false) < 0)
		r = fail(e, errno, "write", STATEDIR_EXIT);
	json_object_put(object);
	return r;
}

int task_settle(taskshim_task *task, struct exit_record *record, struct ts_error *e)
{
	int has = task_load_exit(task, e);
	bool settled =
		has > 0 && (task->exited.known ||
			    (task->exited.cause == EXIT_CAUSE_MONITOR_LOST && !record->known));

	/* Nobody who knows less overwrites what somebody knew. */
	if (has < 0 || settled) {
		exit_record_done(record);
		return has < 0 ? -1 : 0;
	}
	memcpy(record->run_id, task->cgroups.run_id, sizeof record->run_id);
	memcpy(record->boot_id, task->id.boot_id, sizeof record->boot_id);
	if (!record->id && taskshim_task_id(task)[0])
		record->id = strdup(taskshim_task_id(task));
	task_set_exit(task, record);
	return task->dir.fd < 0 ? 0 : write_record(task, e);
}
