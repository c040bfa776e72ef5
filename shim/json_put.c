/* json-c with the checks that each call of it wants. */
#include "shim/json_put.h"

#include <json-c/json.h>

int json_put(struct json_object *object, const char *key, struct json_object *value)
{
	if (!object || !value || json_object_object_add(object, key, value) < 0) {
		json_object_put(value);
		return -1;
	}
	return 0;
}

int json_append(struct json_object *array, struct json_object *value)
{
	if (!array || !value || json_object_array_add(array, value) < 0) {
		json_object_put(value);
		return -1;
	}
	return 0;
}

int json_put_string(struct json_object *object, const char *key, const char *value)
{
	return json_put(object, key, json_object_new_string(value));
}

int json_put_words(struct json_object *object, const char *key, const char *const *words, size_t n)
{
	struct json_object *array = json_object_new_array_ext(n > 0 ? (int)n : 1);

	for (size_t i = 0; i < n; i++)
		if (json_append(array, json_object_new_string(words[i])) < 0) {
			json_object_put(array);
			return -1;
		}
	return json_put(object, key, array);
}

struct json_object *json_section(struct json_object *parent, const char *key)
{
	struct json_object *object = parent ? json_object_object_get(parent, key) : NULL;

	if (object)
		return object;
	object = json_object_new_object();
	return json_put(parent, key, object) < 0 ? NULL : object;
}
