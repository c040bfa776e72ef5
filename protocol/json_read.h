/* JSON objects into plain structs, driven by tables: one row per property says what it is called, how it is read and
 * where it goes. The same tables tell which properties nobody reads (unknown.c), so that the two cannot disagree.
 *
 * Every reader checks the type before it gets and the range before it narrows; an error names the JSON path. Strings are
 * borrowed from the JSON object; arrays come from json_alloc() and are freed together. `null` is an absent property. */
#ifndef PROTOCOL_JSON_READ_H
#define PROTOCOL_JSON_READ_H

#include "util/error.h"

#include <json-c/json_types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a value stands in the document: a chain on the stack, turned into text only when something is wrong. */
struct json_path {
	const struct json_path *up; /* NULL: the document itself is above */
	const char *key; /* NULL: [index] */
	size_t index;
};

enum { JSON_PATH_TEXT = 256 };

/* Writes "linux.resources.memory.limit", "mounts[2].type", `annotations["a.b"]`; "document" for NULL. What does not fit
 * ends in "...". */
void json_path_text(const struct json_path *at, char ret[static JSON_PATH_TEXT]);

struct json_reader {
	struct ts_error *e;
	void **allocations; /* head of the chain that json_alloc() adds to */
};

/* Zeroed memory for @n elements of @size bytes, freed by json_free_all(). NULL with the error filled. */
void *json_alloc(const struct json_reader *r, size_t n, size_t size);
void json_free_all(void **allocations);

/* Fills the error with "PATH: text", returns -1. */
int json_fail(const struct json_reader *r, const struct json_path *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "expected WHAT, got a string" */
int json_fail_type(const struct json_reader *r, const struct json_path *at, const char *what,
		   struct json_object *value);

/* @text in double quotes for an error: escaped, cut at some 60 bytes. */
enum { JSON_QUOTED = 96 };
const char *json_quote(const char *text, char ret[static JSON_QUOTED]);

struct json_field;
struct json_table;

/* Reads @value, which is not null, into @object as @field says. Returns 0, or -1 with the error filled. */
typedef int json_read_fn(const struct json_reader *r, const struct json_path *at,
			 struct json_object *value, const struct json_field *field, void *object);

struct json_word { /* the last one has name NULL */
	const char *name;
	int value;
};

struct json_field {
	const char *name;
	json_read_fn *read;
	size_t offset; /* of the member in the struct that the table fills */
	size_t n_offset; /* lists: of the member that counts */
	bool required;
	int64_t min; /* numbers; min and max 0: all that the type holds */
	uint64_t max;
	bool zero_is_unset; /* numbers: 0 says "no limit set", as with runc */
	const struct json_table *table; /* objects, and the elements of arrays and maps */
	bool is_map; /* any key, each value is an object of that table */
	const struct json_word *words;
	json_read_fn *check; /* strings and the elements of lists: @object is the const char * */
};

struct json_table {
	const struct json_field *fields;
	size_t n_fields; /* at most 64 */
	size_t size; /* of the struct */
	bool has_set; /* the struct starts with `bool set` */
	bool strict; /* an unknown property is an error */
	bool any_case; /* names match as Go's encoding/json has it */
	/* What concerns several members; @object is filled. May be NULL. */
	int (*check)(const struct json_reader *r, const struct json_path *at, void *object);
};

#define JSON_ROW(type, key, member, reader, ...)                                                   \
	{                                                                                          \
		.name = (key), .read = (reader), .offset = offsetof(type, member), ##__VA_ARGS__   \
	}
#define JSON_LIST(type, key, pointer, count, reader, ...)                                          \
	{                                                                                          \
		.name = (key), .read = (reader), .offset = offsetof(type, pointer),                \
		.n_offset = offsetof(type, count), ##__VA_ARGS__                                   \
	}
#define JSON_TABLE(name, rows, type, ...)                                                          \
	const struct json_table name = {.fields = (rows),                                          \
					.n_fields = sizeof(rows) / sizeof(rows)[0],                \
					.size = sizeof(type),                                      \
					##__VA_ARGS__}

/* The row for @key, or NULL. */
const struct json_field *json_field_find(const struct json_table *table, const char *key);

/* Reads the members of @value into @object (of table->size bytes, zeroed), then checks what is required. */
int json_read_members(const struct json_reader *r, const struct json_path *at,
		      struct json_object *value, const struct json_table *table, void *object);

/* --- readers for the rows --- */

json_read_fn json_read_bool; /* bool */
json_read_fn json_read_opt_bool; /* enum opt_bool */
json_read_fn json_read_string; /* const char *; "" as it is */
json_read_fn json_read_text; /* const char *; "" is NULL: what Go leaves out when empty */
json_read_fn json_read_nonempty; /* const char *; "" is an error */
json_read_fn json_read_absolute; /* const char *; starts with / */
json_read_fn json_read_normal; /* const char *; ts_path_is_normal() */
json_read_fn json_read_copy; /* char *, to free(): for what outlives the document */
json_read_fn json_read_int; /* int */
json_read_fn json_read_i64; /* int64_t */
json_read_fn json_read_u64; /* uint64_t */
json_read_fn json_read_u32; /* uint32_t */
json_read_fn json_read_opt_i64; /* struct opt_i64 */
json_read_fn json_read_opt_u64; /* struct opt_u64 */
json_read_fn json_read_number_text; /* const char *: the number as it is printed */
json_read_fn json_read_strings; /* struct str_list */
json_read_fn json_read_u32_list; /* uint32_t *, size_t */
json_read_fn json_read_string_map; /* struct key_value_list */
json_read_fn json_read_object; /* a struct, by field->table */
json_read_fn json_read_inline; /* an object whose members go to the same struct */
json_read_fn json_read_array; /* T *, size_t, by field->table */
json_read_fn json_read_object_map; /* the same; the key goes to T's first member, a const char * */
json_read_fn json_read_word; /* enum, by field->words */
json_read_fn json_read_word_bool; /* bool, by field->words */
json_read_fn json_read_word_bits; /* uint64_t: a list of words, their values joined by | */

/* The string of @value, or NULL with the error filled. */
const char *json_get_string(const struct json_reader *r, const struct json_path *at,
			    struct json_object *value);

/* field->check for strings that must be absolute paths. */
json_read_fn json_check_absolute;

#endif
