/* Lists the properties of a config that no table reads. It walks the tables that decode, so that the two agree. */
#include "protocol/config.h"
#include "protocol/config_tables.h"

#include <json-c/json.h>

struct listing {
	void (*found)(const char *path, void *arg);
	void *arg;
};

static void walk_value(const struct listing *l, const struct json_path *at,
		       struct json_object *value, const struct json_field *field);

static void walk_members(const struct listing *l, const struct json_path *at,
			 struct json_object *object, const struct json_table *table)
{
	if (!json_object_is_type(object, json_type_object))
		return;
	json_object_object_foreach(object, key, member)
	{
		const struct json_field *field = json_field_find(table, key);
		struct json_path here = {.up = at, .key = key};
		char path[JSON_PATH_TEXT];

		if (field) {
			walk_value(l, &here, member, field);
		} else {
			json_path_text(&here, path);
			l->found(path, l->arg);
		}
	}
}

static void walk_map(const struct listing *l, const struct json_path *at,
		     struct json_object *object, const struct json_table *table)
{
	if (!json_object_is_type(object, json_type_object))
		return;
	json_object_object_foreach(object, key, member)
	{
		struct json_path here = {.up = at, .key = key};

		walk_members(l, &here, member, table);
	}
}

static void walk_value(const struct listing *l, const struct json_path *at,
		       struct json_object *value, const struct json_field *field)
{
	if (!field->table)
		return;
	if (field->is_map) {
		walk_map(l, at, value, field->table);
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			struct json_path here = {.up = at, .index = i};

			walk_members(l, &here, json_object_array_get_idx(value, i), field->table);
		}
	} else {
		walk_members(l, at, value, field->table);
	}
}

void config_list_unknown(struct json_object *document, void (*found)(const char *path, void *arg),
			 void *arg)
{
	const struct listing listing = {.found = found, .arg = arg};

	walk_members(&listing, NULL, document, &config_table);
}
