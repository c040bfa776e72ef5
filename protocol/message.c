/* The lines on standard output of spawn-daemon, written and read. */
#include "protocol/message.h"

#include "protocol/json_write.h"
#include "protocol/record_read.h"
#include "protocol/stream.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static const struct json_word types[] = {
	{"created", MESSAGE_CREATED}, {"started", MESSAGE_STARTED}, {"exited", MESSAGE_EXITED},
	{"error", MESSAGE_ERROR},     {"aborted", MESSAGE_ABORTED}, {NULL, 0},
};
static const struct json_word reasons[] = {
	{"gate-false", ABORT_GATE_FALSE},
	{"parent-gone", ABORT_PARENT_GONE},
	{NULL, 0},
};

/* --- writing --- */

static struct json_writer begin(enum message_type type)
{
	struct json_writer w = json_writer_new();

	json_add_text(&w, "type", types[type].name);
	return w;
}

ssize_t message_created(char line[static MESSAGE_MAX], pid_t pid, pid_t monitor_pid,
			const char *id_string)
{
	struct json_writer w = begin(MESSAGE_CREATED);

	json_add_i64(&w, "pid", pid);
	json_add_i64(&w, "monitorPid", monitor_pid);
	json_add_text(&w, "id", id_string);
	return json_line(w.object, line, MESSAGE_MAX);
}

ssize_t message_started(char line[static MESSAGE_MAX], pid_t pid, uint64_t start_time,
			const char *id_string)
{
	struct json_writer w = begin(MESSAGE_STARTED);

	json_add_i64(&w, "pid", pid);
	json_add_u64(&w, "startTime", start_time);
	json_add_text(&w, "id", id_string);
	return json_line(w.object, line, MESSAGE_MAX);
}

ssize_t message_exited(char line[static MESSAGE_MAX], const struct exit_record *record)
{
	return json_line(exit_record_encode_message(record), line, MESSAGE_MAX);
}

/* The longest text is all control bytes, each six characters in JSON. */
_Static_assert(6 * sizeof(((struct ts_error *)0)->msg) + 256 < MESSAGE_MAX, "an error always fits");

ssize_t message_error(char line[static MESSAGE_MAX], const struct ts_error *error)
{
	struct json_writer w = begin(MESSAGE_ERROR);

	json_add_text(&w, "step", ts_step_name(error->step));
	json_add_i64(&w, "errno", error->err);
	json_add_text(&w, "code", ts_errno_name(error->err));
	json_add_text(&w, "message", error->msg);
	return json_line(w.object, line, MESSAGE_MAX);
}

ssize_t message_aborted(char line[static MESSAGE_MAX], enum abort_reason reason)
{
	struct json_writer w = begin(MESSAGE_ABORTED);

	json_add_text(&w, "reason", reasons[reason].name);
	return json_line(w.object, line, MESSAGE_MAX);
}

/* --- reading --- */

static int read_step(const struct json_reader *r, const struct json_path *at,
		     struct json_object *value, const struct json_field *field, void *object)
{
	const char *name = json_get_string(r, at, value);

	(void)field;
	if (!name)
		return -1;
	((struct message *)object)->error.step = ts_step_from_name(name);
	return 0;
}

static int read_error_text(const struct json_reader *r, const struct json_path *at,
			   struct json_object *value, const struct json_field *field, void *object)
{
	struct ts_error *error = &((struct message *)object)->error;
	const char *text = json_get_string(r, at, value);
	int err = error->err;

	(void)field;
	return text ? (ts_fail(error, err, text, NULL), 0) : -1;
}

static const struct json_field created_fields[] = {
	JSON_ROW(struct message, "pid", pid, json_read_pid, .min = 1, .required = true),
	JSON_ROW(struct message, "monitorPid", monitor_pid, json_read_pid),
	JSON_ROW(struct message, "id", id_string, json_read_copy, .required = true),
};
static const struct json_field started_fields[] = {
	JSON_ROW(struct message, "pid", pid, json_read_pid, .min = 1, .required = true),
	JSON_ROW(struct message, "startTime", start_time, json_read_u64, .required = true),
	JSON_ROW(struct message, "id", id_string, json_read_copy, .required = true),
};
static const struct json_field error_fields[] = {
	JSON_ROW(struct message, "step", error.step, read_step, .required = true),
	JSON_ROW(struct message, "errno", error.err, json_read_int, .max = INT32_MAX,
		 .required = true),
	JSON_ROW(struct message, "message", error.msg, read_error_text, .required = true),
};
static const struct json_field aborted_fields[] = {
	JSON_ROW(struct message, "reason", reason, json_read_word, .words = reasons,
		 .required = true),
};
static JSON_TABLE(created_table, created_fields, struct message);
static JSON_TABLE(started_table, started_fields, struct message);
static JSON_TABLE(error_table, error_fields, struct message);
static JSON_TABLE(aborted_table, aborted_fields, struct message);

static const struct json_table *const tables[MESSAGE_TYPE_COUNT] = {
	[MESSAGE_CREATED] = &created_table,
	[MESSAGE_STARTED] = &started_table,
	[MESSAGE_EXITED] = NULL, /* the exit record's own */
	[MESSAGE_ERROR] = &error_table,
	[MESSAGE_ABORTED] = &aborted_table,
};

static const struct json_field type_fields[] = {
	JSON_ROW(struct message, "type", type, json_read_word, .words = types, .required = true),
};
static JSON_TABLE(type_table, type_fields, struct message);

static int decode(struct json_object *object, struct message *m, struct ts_error *e)
{
	void *none = NULL;
	struct json_reader reader = {.e = e, .allocations = &none};

	if (json_read_members(&reader, NULL, object, &type_table, m) < 0)
		return -1;
	if (m->type == MESSAGE_EXITED)
		return exit_record_decode(object, &m->exited, e);
	return json_read_members(&reader, NULL, object, tables[m->type], m);
}

int message_decode(const char *line, size_t len, struct message *ret, struct ts_error *e)
{
	struct message message = {0};
	struct json_object *object;
	int result;

	if (len >= MESSAGE_MAX)
		return ts_fail(e, EMSGSIZE, "the line is longer than 4096 bytes", NULL);
	if (document_parse(line, len, &object, e) < 0)
		return -1;
	result = decode(object, &message, e);
	json_object_put(object);
	if (result < 0) {
		message_done(&message);
		return -1;
	}
	*ret = message;
	return 0;
}

void message_done(struct message *message)
{
	free(message->id_string);
	message->id_string = NULL;
	exit_record_done(&message->exited);
}
