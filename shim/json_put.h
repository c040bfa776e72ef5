/* Making and editing JSON documents, where each step may be out of memory and the document stays the caller's. */
#ifndef SHIM_JSON_PUT_H
#define SHIM_JSON_PUT_H

#include <json-c/json_types.h>
#include <stddef.h>

/* Puts @value (taken over in any case) at @key, in the place of what is there; at the end of @array. NULL of @object, @array or
 * @value is what a call that was out of memory has returned. Return 0, or -1 (ENOMEM). */
int json_put(struct json_object *object, const char *key, struct json_object *value);
int json_append(struct json_object *array, struct json_object *value);

/* The same of a string, and of an array of @n strings. */
int json_put_string(struct json_object *object, const char *key, const char *value);
int json_put_words(struct json_object *object, const char *key, const char *const *words, size_t n);

/* The object at @key of @parent, made if missing or null. NULL: no memory. */
struct json_object *json_section(struct json_object *parent, const char *key);

#endif
