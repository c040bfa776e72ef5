/* Builds JSON objects and lines. See json_write.h. */
#include "protocol/json_write.h"

#include "protocol/json_scan.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json_writer json_writer_new(void)
{
	return (struct json_writer){.object = json_object_new_object()};
}

static void add(struct json_writer *w, const char *key, struct json_object *value, unsigned flags)
{
	if (w->object && json_object_object_add_ex(w->object, key, value, flags) == 0)
		return;
	json_object_put(value);
	json_object_put(w->object);
	w->object = NULL;
}

static void fail(struct json_writer *w)
{
	json_object_put(w->object);
	w->object = NULL;
}

void json_add(struct json_writer *w, const char *key, struct json_object *value)
{
	if (value)
		add(w, key, value, JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY);
	else
		fail(w);
}

void json_add_copied(struct json_writer *w, const char *key, struct json_object *value)
{
	if (value)
		add(w, key, value, 0);
	else
		fail(w);
}

void json_add_null(struct json_writer *w, const char *key)
{
	add(w, key, NULL, JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY);
}

void json_add_text(struct json_writer *w, const char *key, const char *text)
{
	if (text)
		json_add(w, key, json_text_new(text));
	else
		json_add_null(w, key);
}

void json_add_u64(struct json_writer *w, const char *key, uint64_t value)
{
	json_add(w, key, json_object_new_uint64(value));
}

void json_add_i64(struct json_writer *w, const char *key, int64_t value)
{
	json_add(w, key, json_object_new_int64(value));
}

void json_add_bool(struct json_writer *w, const char *key, bool value)
{
	json_add(w, key, json_object_new_boolean(value));
}

bool text_is_utf8(const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		size_t n = utf8_sequence_len(text, len);

		if (n == 0)
			return false;
		text += n;
		len -= n;
	}
	return true;
}

struct json_object *json_text_new(const char *text)
{
	size_t len = strlen(text);
	struct json_object *object;
	char *clean, *at;

	if (text_is_utf8(text))
		return json_object_new_string_len(text, (int)len);
	clean = at = malloc(4 * len + 1);
	if (!clean)
		return NULL;
	while (len > 0) {
		size_t n = utf8_sequence_len(text, len);

		if (n == 0) {
			at += sprintf(at, "\\x%02X", (unsigned char)*text);
			n = 1;
		} else {
			memcpy(at, text, n);
			at += n;
		}
		text += n;
		len -= n;
	}
	object = json_object_new_string_len(clean, (int)(at - clean));
	free(clean);
	return object;
}

ssize_t json_line(struct json_object *object, char *line, size_t size)
{
	const char *text;
	size_t len = 0;
	ssize_t result = -1;

	if (!object)
		return -1;
	text = json_object_to_json_string_length(
		object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	if (text && len + 1 <= size) {
		memcpy(line, text, len);
		line[len] = '\n';
		result = (ssize_t)len + 1;
	}
	json_object_put(object);
	return result;
}
