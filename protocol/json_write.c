/* Builds JSON objects and lines. See json_write.h. */
#include "protocol/json_write.h"

#include "protocol/stream.h"

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
	for (const char *end = text + strlen(text); text < end;) {
		size_t n = (unsigned char)*text < 0x80
				   ? 1
				   : utf8_sequence_len(text, (size_t)(end - text));

		if (n == 0)
			return false;
		text += n;
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

/* --- printing --- */

struct printer {
	char *at;
	size_t room;
	bool failed;
};

static void print_value(struct printer *p, struct json_object *value);

static void print_bytes(struct printer *p, const char *bytes, size_t n)
{
	if (n > p->room) {
		p->failed = true;
		p->room = 0;
		return;
	}
	memcpy(p->at, bytes, n);
	p->at += n;
	p->room -= n;
}

static void print_text(struct printer *p, const char *text)
{
	print_bytes(p, text, strlen(text));
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

static void print_escape(struct printer *p, char c)
{
	static const char letters[] = "bfnrt\"\\", meanings[] = "\b\f\n\r\t\"\\";
	const char *meaning = c ? strchr(meanings, c) : NULL;
	char escape[8] = {'\\', meaning ? letters[meaning - meanings] : '\0'};

	if (!meaning)
		(void)snprintf(escape, sizeof escape, "\\u%04x", (unsigned char)c);
	print_text(p, escape);
}

static void print_string(struct printer *p, const char *text, size_t len)
{
	const char *end = text + len;

	print_text(p, "\"");
	while (text < end) {
		size_t n = 0;

		while (text + n < end && is_plain((unsigned char)text[n]))
			n++;
		print_bytes(p, text, n);
		text += n;
		if (text < end)
			print_escape(p, *text++);
	}
	print_text(p, "\"");
}

static void print_object(struct printer *p, struct json_object *object)
{
	const char *before = "{";

	json_object_object_foreach(object, key, value)
	{
		print_text(p, before);
		print_string(p, key, strlen(key));
		print_text(p, ":");
		print_value(p, value);
		before = ",";
	}
	print_text(p, *before == '{' ? "{}" : "}");
}

static void print_array(struct printer *p, struct json_object *array)
{
	print_text(p, "[");
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		print_text(p, i ? "," : "");
		print_value(p, json_object_array_get_idx(array, i));
	}
	print_text(p, "]");
}

static void print_integer(struct printer *p, struct json_object *value)
{
	char text[24];

	if (json_object_get_int64(value) < 0)
		(void)snprintf(text, sizeof text, "%lld", (long long)json_object_get_int64(value));
	else
		(void)snprintf(text, sizeof text, "%llu",
			       (unsigned long long)json_object_get_uint64(value));
	print_text(p, text);
}

static void print_value(struct printer *p, struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		print_text(p, "null");
		break;
	case json_type_boolean:
		print_text(p, json_object_get_boolean(value) ? "true" : "false");
		break;
	case json_type_int:
		print_integer(p, value);
		break;
	case json_type_string:
		print_string(p, json_object_get_string(value),
			     (size_t)json_object_get_string_len(value));
		break;
	case json_type_array:
		print_array(p, value);
		break;
	case json_type_object:
		print_object(p, value);
		break;
	default:
		p->failed = true;
	}
}

ssize_t json_print(struct json_object *object, char *buf, size_t size)
{
	struct printer p = {.at = buf, .room = size};

	print_value(&p, object);
	return p.failed ? -1 : (ssize_t)(p.at - buf);
}

char *json_print_new(struct json_object *object)
{
	enum { FIRST = 4096, LARGEST = 2 * STREAM_DOCUMENT_MAX };

	for (size_t size = FIRST; object && size <= LARGEST; size *= 2) {
		char *text = malloc(size);
		ssize_t len = text ? json_print(object, text, size - 1) : 0;

		if (!text)
			return NULL;
		if (len >= 0) {
			text[len] = '\0';
			return text;
		}
		free(text);
	}
	return NULL;
}

ssize_t json_line(struct json_object *object, char *line, size_t size)
{
	ssize_t len = object && size > 0 ? json_print(object, line, size - 1) : -1;

	json_object_put(object);
	if (len < 0)
		return -1;
	line[len] = '\n';
	return len + 1;
}
