/* state.json, written and read. */
#include "protocol/state.h"

#include "protocol/exit_record.h"
#include "protocol/json_write.h"
#include "protocol/record_read.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

struct json_object *state_encode(const struct state *state)
{
	struct json_writer w = json_writer_new();
	char created[32];

	time_format(&state->created_at, created);
	json_add_i64(&w, "version", STATE_VERSION);
	json_add_text(&w, "ociVersion", "1.2.0");
	json_add_text(&w, "id", state->id);
	json_add_text(&w, "bundle", state->bundle);
	json_add_text(&w, "created", created);
	json_add_text(&w, "owner", state->owner);
	json_add_text(&w, "idString", state->id_string);
	json_add_i64(&w, "killSignal", state->kill_signal);
	json_add_u64(&w, "killTimeoutMs", state->kill_timeout_ms);
	json_add_text(&w, "onMonitorDeath", state->kill_on_monitor_death ? "kill" : "keep");
	json_add_bool(&w, "cleanUp", state->clean_up);
	if (state->annotations)
		json_add(&w, "annotations", json_object_get(state->annotations));
	return w.object;
}

static int read_annotations(const struct json_reader *r, const struct json_path *at,
			    struct json_object *value, const struct json_field *field, void *object)
{
	(void)field;
	if (!json_object_is_type(value, json_type_object))
		return json_fail_type(r, at, "an object", value);
	((struct state *)object)->annotations = json_object_get(value);
	return 0;
}

static const struct json_word on_death[] = {{"keep", 0}, {"kill", 1}, {NULL, 0}};

static const struct json_field state_fields[] = {
	JSON_ROW(struct state, "id", id, json_read_copy, .required = true),
	JSON_ROW(struct state, "bundle", bundle, json_read_copy),
	JSON_ROW(struct state, "created", created_at, json_read_time, .required = true),
	JSON_ROW(struct state, "owner", owner, json_read_copy),
	JSON_ROW(struct state, "idString", id_string, json_read_copy, .required = true),
	JSON_ROW(struct state, "killSignal", kill_signal, json_read_int, .min = 1, .max = 64,
		 .required = true),
	JSON_ROW(struct state, "killTimeoutMs", kill_timeout_ms, json_read_u64, .required = true),
	JSON_ROW(struct state, "onMonitorDeath", kill_on_monitor_death, json_read_word_bool,
		 .words = on_death),
	JSON_ROW(struct state, "cleanUp", clean_up, json_read_bool),
	JSON_ROW(struct state, "annotations", annotations, read_annotations),
};
static JSON_TABLE(state_table, state_fields, struct state);

int state_decode(struct json_object *object, struct state *ret, struct ts_error *e)
{
	void *none = NULL;
	struct json_reader reader = {.e = e, .allocations = &none};
	/* What an older spawn-daemon did not write, it did by default. */
	struct state state = {.kill_on_monitor_death = true};

	/* The version first: in another one the rest may mean anything. */
	if (json_check_version(&reader, object, STATE_VERSION) < 0 ||
	    json_read_members(&reader, NULL, object, &state_table, &state) < 0) {
		state_done(&state);
		return -1;
	}
	*ret = state;
	return 0;
}

void state_done(struct state *state)
{
	free(state->id);
	free(state->bundle);
	free(state->id_string);
	free(state->owner);
	json_object_put(state->annotations);
	*state = (struct state){0};
}
