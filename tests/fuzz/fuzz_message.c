/* Fuzzes the lines of spawn-daemon, exit.json and state.json: what decodes must encode, and decode to the same again; and
 * hooks.json, whose hooks must be fit to run. */
#include "protocol/hooks_record.h"
#include "protocol/message.h"
#include "protocol/state.h"
#include "protocol/stream.h"

#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ssize_t encode(char line[static MESSAGE_MAX], const struct message *m)
{
	switch (m->type) {
	case MESSAGE_CREATED:
		return message_created(line, m->pid, m->monitor_pid, m->id_string);
	case MESSAGE_STARTED:
		return message_started(line, m->pid, m->start_time, m->id_string);
	case MESSAGE_EXITED:
		return message_exited(line, &m->exited);
	case MESSAGE_ERROR:
		return message_error(line, &m->error);
	default:
		return message_aborted(line, m->reason);
	}
}

static void check_message(const char *text, size_t len)
{
	char line[MESSAGE_MAX], line2[MESSAGE_MAX];
	struct message m, again;
	struct ts_error e = {0};
	ssize_t n;

	if (message_decode(text, len, &m, &e) < 0) {
		if (e.msg[0] == '\0')
			abort();
		return;
	}
	n = encode(line, &m);
	if (n > 0) {
		if (message_decode(line, (size_t)n - 1, &again, &e) < 0 || again.type != m.type ||
		    encode(line2, &again) != n || memcmp(line, line2, (size_t)n) != 0)
			abort();
		message_done(&again);
	} else if (m.type == MESSAGE_ERROR) {
		abort(); /* an error always fits */
	}
	message_done(&m);
}

static void check_record(struct json_object *object)
{
	struct exit_record record, again;
	struct json_object *encoded;
	struct ts_error e = {0};

	if (exit_record_decode(object, &record, &e) < 0)
		return;
	encoded = exit_record_encode(&record);
	if (exit_record_decode(encoded, &again, &e) < 0)
		abort();
	exit_record_done(&again);
	exit_record_done(&record);
	json_object_put(encoded);
}

static void check_state(struct json_object *object)
{
	struct state state, again;
	struct json_object *encoded;
	struct ts_error e = {0};

	if (state_decode(object, &state, &e) < 0)
		return;
	encoded = state_encode(&state);
	if (state_decode(encoded, &again, &e) < 0)
		abort();
	state_done(&again);
	state_done(&state);
	json_object_put(encoded);
}

static void check_hooks(struct json_object *object)
{
	struct hooks_record record;
	struct ts_error e = {0};
	struct hook *hooks;

	if (hooks_record_decode(object, &record, &e) < 0)
		return;
	hooks = hooks_prepare(&record.poststop);
	for (size_t i = 0; hooks && i < record.poststop.n; i++)
		if (hooks[i].path[0] != '/' || !hooks[i].args[0] || !hooks[i].env)
			abort();
	free(hooks);
	hooks_record_done(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *object = NULL;
	struct ts_error e = {0};

	check_message((const char *)data, size);
	if (document_parse((const char *)data, size, &object, &e) == 0) {
		check_record(object);
		check_state(object);
		check_hooks(object);
		json_object_put(object);
	}
	return 0;
}
