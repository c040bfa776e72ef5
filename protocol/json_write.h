/* Building JSON objects with json-c. A failure (out of memory) sticks: callers add all members and look once. */
#ifndef PROTOCOL_JSON_WRITE_H
#define PROTOCOL_JSON_WRITE_H

#include <json-c/json_types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct json_writer {
	struct json_object *object; /* NULL once something failed */
};

struct json_writer json_writer_new(void);

/* @key must be a string constant, new to the object. */
void json_add_text(struct json_writer *w, const char *key, const char *text); /* NULL: null */
void json_add_u64(struct json_writer *w, const char *key, uint64_t value);
void json_add_i64(struct json_writer *w, const char *key, int64_t value);
void json_add_bool(struct json_writer *w, const char *key, bool value);
void json_add_null(struct json_writer *w, const char *key);

/* Takes over @value; NULL is a failure. */
void json_add(struct json_writer *w, const char *key, struct json_object *value);

/* The same for a key that is not a constant. */
void json_add_copied(struct json_writer *w, const char *key, struct json_object *value);

/* A string object of @text, in which every byte that is not valid UTF-8 became the four characters \xHH, for JSON has
 * no other way to show it. NULL: out of memory. */
struct json_object *json_text_new(const char *text);

/* Whether @text needs no such change. */
bool text_is_utf8(const char *text);

/* Prints @object without white space into @buf (@size bytes, no NUL). json-c's printing drops what it finds no memory
 * for; this allocates nothing. Returns the length, or -1 when it does not fit, or a number with a fraction is in it: what
 * we write has none. */
ssize_t json_print(struct json_object *object, char *buf, size_t size);

/* The same as a text of its own, with a NUL: to free(). NULL: out of memory, or larger than any document of ours. */
char *json_print_new(struct json_object *object);

/* Writes @object, which is released, and a newline into @line. Returns the length, or -1 when it does not fit in @size or
 * @object is NULL. There is no NUL. */
ssize_t json_line(struct json_object *object, char *line, size_t size);

#endif
