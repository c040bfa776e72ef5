/* Hooks for those who run them, and hooks.json. */
#include "protocol/hooks_record.h"

#include "protocol/config_tables.h"
#include "protocol/json_write.h"
#include "protocol/record_read.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[OCI_HOOK_COUNT] = {
	[OCI_HOOK_PRESTART] = "prestart",
	[OCI_HOOK_CREATE_RUNTIME] = "createRuntime",
	[OCI_HOOK_CREATE_CONTAINER] = "createContainer",
	[OCI_HOOK_START_CONTAINER] = "startContainer",
	[OCI_HOOK_POSTSTART] = "poststart",
	[OCI_HOOK_POSTSTOP] = "poststop",
};

const char *hooks_kind_name(enum oci_hook_kind kind)
{
	return kind_names[kind];
}

bool hooks_has(const struct config *config, enum oci_hook_kind kind)
{
	return config->hooks[kind].n > 0;
}

bool hooks_has_any(const struct config *config)
{
	for (int kind = 0; kind < OCI_HOOK_COUNT; kind++)
		if (hooks_has(config, (enum oci_hook_kind)kind))
			return true;
	return false;
}

struct hook *hooks_prepare(const struct oci_hook_list *list)
{
	static const char *const nothing[] = {NULL};
	enum { ARGS = 2 /* without args, argv[0] is the path */ };
	size_t n = list->n, bytes = n * sizeof(struct hook) + n * ARGS * sizeof(char *);
	struct hook *hooks = malloc(bytes);
	const char **args = hooks ? (const char **)(void *)(hooks + n) : NULL;

	for (size_t i = 0; hooks && i < n; i++, args += ARGS) {
		const struct oci_hook *from = &list->v[i];

		args[0] = from->path;
		args[1] = NULL;
		hooks[i] = (struct hook){
			.path = from->path,
			.args = from->args.n ? from->args.v : args,
			.env = from->env.n ? from->env.v : nothing,
			.timeout_ms = from->timeout_s.set ? from->timeout_s.value * 1000 : -1,
		};
	}
	return hooks;
}

/* --- the task's state --- */

static struct json_object *state_object(const struct config *config, const char *id,
					const char *bundle)
{
	struct json_writer w = json_writer_new(), annotations;

	json_add_text(&w, "ociVersion", "1.2.0");
	json_add_text(&w, "id", id);
	json_add_text(&w, "bundle", bundle);
	if (config->annotations.n == 0)
		return w.object;
	annotations = json_writer_new();
	for (size_t i = 0; i < config->annotations.n; i++)
		json_add_copied(&annotations, config->annotations.v[i].key,
				json_object_new_string(config->annotations.v[i].value));
	json_add(&w, "annotations", annotations.object);
	return w.object;
}

/* Its text without the brace at the start. */
static char *rest_of(struct json_object *state)
{
	char *text = json_print_new(state);

	if (text)
		memmove(text, text + 1, strlen(text));
	return text;
}

char *hooks_state(const struct config *config, const char *id, const char *bundle)
{
	struct json_object *state = state_object(config, id, bundle);
	char *rest = rest_of(state);

	json_object_put(state);
	return rest;
}

/* --- hooks.json --- */

static void add_words(struct json_writer *w, const char *key, const struct str_list *list)
{
	struct json_object *array = json_object_new_array_ext((int)list->n + 1);

	for (size_t i = 0; array && i < list->n; i++) {
		struct json_object *word = json_object_new_string(list->v[i]);

		if (!word || json_object_array_add(array, word) < 0) {
			json_object_put(word);
			json_object_put(array);
			array = NULL;
		}
	}
	json_add(w, key, array);
}

static struct json_object *hook_object(const struct oci_hook *hook)
{
	struct json_writer w = json_writer_new();

	json_add_text(&w, "path", hook->path);
	add_words(&w, "args", &hook->args);
	add_words(&w, "env", &hook->env);
	if (hook->timeout_s.set)
		json_add_i64(&w, "timeout", hook->timeout_s.value);
	return w.object;
}

static void add_kind(struct json_writer *w, const struct config *config, enum oci_hook_kind kind)
{
	const struct oci_hook_list *list = &config->hooks[kind];
	struct json_object *array = json_object_new_array_ext((int)list->n + 1);

	for (size_t i = 0; array && i < list->n; i++) {
		struct json_object *hook = hook_object(&list->v[i]);

		if (!hook || json_object_array_add(array, hook) < 0) {
			json_object_put(hook);
			json_object_put(array);
			array = NULL;
		}
	}
	json_add_copied(w, kind_names[kind], array);
}

struct json_object *hooks_record_encode(const struct config *config, const char *id,
					const char *bundle, bool poststart)
{
	struct json_writer w = json_writer_new();

	json_add_i64(&w, "version", HOOKS_RECORD_VERSION);
	json_add(&w, "state", state_object(config, id, bundle));
	if (poststart)
		add_kind(&w, config, OCI_HOOK_POSTSTART);
	add_kind(&w, config, OCI_HOOK_POSTSTOP);
	return w.object;
}

static int read_state(const struct json_reader *r, const struct json_path *at,
		      struct json_object *value, const struct json_field *field, void *object)
{
	struct hooks_record *record = object;

	(void)field;
	if (!json_object_is_type(value, json_type_object) || json_object_object_length(value) == 0)
		return json_fail_type(r, at, "the task's state", value);
	record->bundle = json_object_get_string(json_object_object_get(value, "bundle"));
	record->state = rest_of(value);
	return record->state ? 0 : json_fail(r, at, "out of memory");
}

static const struct json_field record_fields[] = {
	JSON_ROW(struct hooks_record, "state", state, read_state, .required = true),
	JSON_LIST(struct hooks_record, "poststart", poststart.v, poststart.n, json_read_array,
		  .table = &hook_table),
	JSON_LIST(struct hooks_record, "poststop", poststop.v, poststop.n, json_read_array,
		  .table = &hook_table),
};
static JSON_TABLE(record_table, record_fields, struct hooks_record);

int hooks_record_decode(struct json_object *object, struct hooks_record *ret, struct ts_error *e)
{
	struct hooks_record record = {.document = json_object_get(object)};
	struct json_reader reader = {.e = e, .allocations = &record.allocations};

	if (json_check_version(&reader, object, HOOKS_RECORD_VERSION) < 0 ||
	    json_read_members(&reader, NULL, object, &record_table, &record) < 0) {
		hooks_record_done(&record);
		return -1;
	}
	*ret = record;
	return 0;
}

void hooks_record_done(struct hooks_record *record)
{
	json_free_all(&record->allocations);
	json_object_put(record->document);
	free(record->state);
	*record = (struct hooks_record){0};
}
