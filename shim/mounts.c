/* Adds to the mounts of a config. */
#include "shim/mounts.h"
#include "shim/json_put.h"

#include "protocol/defaults.h"

#include <json-c/json.h>
#include <string.h>

struct json_object *mounts_list(struct json_object *document)
{
	struct json_object *array;

	if (json_object_object_get_ex(document, "mounts", &array))
		return array;
	array = json_object_new_array();
	return json_put(document, "mounts", array) < 0 ? NULL : array;
}

struct json_object *mounts_in_effect(struct json_object *document)
{
	struct json_object *array = json_object_object_get(document, "mounts"), *taskshim;

	if (array)
		return array;
	array = mounts_list(document);
	taskshim = json_object_object_get(document, "taskshim");
	if (!array || !json_object_object_get(taskshim, "chroot"))
		return array;
	return mounts_add_defaults(array, true) < 0 ? NULL : array;
}

int mounts_add(struct json_object *array, const char *destination, const char *type,
	       const char *source, const char *const *options, size_t n)
{
	struct json_object *mount = json_object_new_object();

	if (json_put_string(mount, "destination", destination) < 0 ||
	    json_put_string(mount, "type", type) < 0 ||
	    json_put_string(mount, "source", source) < 0 ||
	    json_put_words(mount, "options", options, n) < 0) {
		json_object_put(mount);
		return -1;
	}
	return json_append(array, mount);
}

int mounts_add_defaults(struct json_object *array, bool mqueue)
{
	if (!array)
		return -1;
	for (size_t i = 0; i < DEFAULT_MOUNTS; i++) {
		const struct oci_mount *m = &default_mounts[i];

		if (!mqueue && strcmp(m->type, "mqueue") == 0)
			continue;
		if (mounts_add(array, m->destination, m->type, m->source, m->options.v,
			       m->options.n) < 0)
			return -1;
	}
	return 0;
}
