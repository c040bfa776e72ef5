/* Reads stop.json into the exit record. */
#include "protocol/stop_note.h"

#include "protocol/json_read.h"
#include "protocol/stream.h"

#include <json-c/json.h>

struct stop_note {
	int signal;
	uint64_t grace_ms;
};

static const struct json_field note_fields[] = {
	JSON_ROW(struct stop_note, "signal", signal, json_read_int, .min = 1, .max = 64,
		 .required = true),
	JSON_ROW(struct stop_note, "graceMs", grace_ms, json_read_u64),
};
static JSON_TABLE(note_table, note_fields, struct stop_note);

static int decode(const char *text, size_t len, struct stop_note *ret)
{
	void *none = NULL;
	struct ts_error ignored;
	struct json_reader reader = {.e = &ignored, .allocations = &none};
	struct json_object *object;
	int r;

	if (document_parse(text, len, &object, &ignored) < 0)
		return -1;
	r = json_read_members(&reader, NULL, object, &note_table, ret);
	json_object_put(object);
	return r;
}

void exit_record_add_stop(struct exit_record *record, const char *text, size_t len)
{
	struct stop_note note = {0};

	if (!record->known || record->cause != EXIT_CAUSE_EXITED || decode(text, len, &note) < 0)
		return;
	record->cause = EXIT_CAUSE_STOPPED;
	record->stop_signal = note.signal;
	record->stop_grace_ms = note.grace_ms;
}
