/* Reads JSON objects into structs by tables. See json_read.h. */
#include "protocol/json_read.h"

#include "protocol/config.h"
#include "protocol/values.h"
#include "util/path.h"

#include <json-c/json.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- memory --- */

struct block {
	struct block *next;
	_Alignas(max_align_t) char data[];
};

void *json_alloc(const struct json_reader *r, size_t n, size_t size)
{
	size_t bytes;
	struct block *block = NULL;

	if (!__builtin_mul_overflow(n, size, &bytes) &&
	    !__builtin_add_overflow(bytes, sizeof(struct block), &bytes))
		block = calloc(1, bytes);
	if (!block) {
		(void)ts_fail(r->e, ENOMEM, "out of memory", NULL);
		return NULL;
	}
	block->next = *r->allocations;
	*r->allocations = block;
	return block->data;
}

void json_free_all(void **allocations)
{
	struct block *block = *allocations;

	while (block) {
		struct block *next = block->next;

		free(block);
		block = next;
	}
	*allocations = NULL;
}

/* --- errors --- */

struct text {
	char *at;
	size_t room; /* without the NUL */
	bool cut;
};

static void text_add(struct text *t, const char *s, size_t n)
{
	size_t take = n < t->room ? n : t->room;

	memcpy(t->at, s, take);
	t->at += take;
	t->room -= take;
	*t->at = '\0';
	t->cut |= take < n;
}

/* Appends what room was left for beyond t->room. */
static void text_end(struct text *t, const char *s)
{
	memcpy(t->at, s, strlen(s) + 1);
}

/* Control bytes and quotes as escapes; the rest as it is: the document is valid UTF-8. */
static void text_add_escaped(struct text *t, const char *s)
{
	for (; *s && !t->cut; s++) {
		unsigned char c = (unsigned char)*s;
		char escape[5];
		int n = 1;

		if (c < 0x20 || c == 0x7f)
			n = snprintf(escape, sizeof escape, "\\x%02x", c);
		else if (c == '"' || c == '\\')
			n = snprintf(escape, sizeof escape, "\\%c", c);
		else
			escape[0] = (char)c;
		if ((size_t)n > t->room)
			t->cut = true;
		else
			text_add(t, escape, (size_t)n);
	}
}

const char *json_quote(const char *text, char ret[static JSON_QUOTED])
{
	struct text t = {.at = ret, .room = JSON_QUOTED - 5};

	text_add(&t, "\"", 1);
	text_add_escaped(&t, text);
	text_end(&t, t.cut ? "...\"" : "\"");
	return ret;
}

static bool is_plain_key(const char *key)
{
	size_t n = strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return n > 0 && key[n] == '\0';
}

static void path_add(struct text *t, const struct json_path *at)
{
	char index[24];

	if (!at)
		return;
	path_add(t, at->up);
	if (!at->key) {
		text_add(t, index, (size_t)snprintf(index, sizeof index, "[%zu]", at->index));
	} else if (is_plain_key(at->key)) {
		if (at->up)
			text_add(t, ".", 1);
		text_add(t, at->key, strlen(at->key));
	} else {
		text_add(t, "[\"", 2);
		text_add_escaped(t, at->key);
		text_add(t, "\"]", 2);
	}
}

void json_path_text(const struct json_path *at, char ret[static JSON_PATH_TEXT])
{
	struct text t = {.at = ret, .room = JSON_PATH_TEXT - 4};

	*ret = '\0';
	path_add(&t, at);
	text_end(&t, !at ? "document" : t.cut ? "..." : "");
}

int json_fail(const struct json_reader *r, const struct json_path *at, const char *format, ...)
{
	char path[JSON_PATH_TEXT], reason[sizeof r->e->msg];
	va_list ap;

	json_path_text(at, path);
	va_start(ap, format);
	(void)vsnprintf(reason, sizeof reason, format, ap);
	va_end(ap);
	(void)ts_fail(r->e, EINVAL, path, reason);
	return -1;
}

int json_fail_type(const struct json_reader *r, const struct json_path *at, const char *what,
		   struct json_object *value)
{
	static const char *const names[] = {
		[json_type_null] = "null",
		[json_type_boolean] = "a boolean",
		[json_type_double] = "a number with a fraction or an exponent",
		[json_type_int] = "an integer",
		[json_type_object] = "an object",
		[json_type_array] = "an array",
		[json_type_string] = "a string",
	};

	return json_fail(r, at, "expected %s, got %s", what, names[json_object_get_type(value)]);
}

/* --- objects --- */

const struct json_field *json_field_find(const struct json_table *table, const char *key)
{
	for (size_t i = 0; i < table->n_fields; i++) {
		const char *name = table->fields[i].name;

		/* The first byte decides nearly always. */
		if (table->any_case ? strcasecmp(name, key) == 0
				    : name[0] == key[0] && strcmp(name, key) == 0)
			return &table->fields[i];
	}
	return NULL;
}

static int fail_unknown(const struct json_reader *r, const struct json_path *at,
			const struct json_table *table)
{
	const char *best = NULL;
	unsigned best_distance = 3;

	for (size_t i = 0; i < table->n_fields; i++) {
		unsigned distance = text_distance(at->key, table->fields[i].name);

		if (distance < best_distance && distance < strlen(table->fields[i].name)) {
			best_distance = distance;
			best = table->fields[i].name;
		}
	}
	if (best)
		return json_fail(r, at, "unknown field; did you mean \"%s\"?", best);
	return json_fail(r, at, "unknown field");
}

static int check_required(const struct json_reader *r, const struct json_path *at,
			  const struct json_table *table, uint64_t seen)
{
	for (size_t i = 0; i < table->n_fields; i++) {
		struct json_path field = {.up = at, .key = table->fields[i].name};

		if (table->fields[i].required && !(seen >> i & 1))
			return json_fail(r, &field, "missing");
	}
	return 0;
}

int json_read_members(const struct json_reader *r, const struct json_path *at,
		      struct json_object *value, const struct json_table *table, void *object)
{
	uint64_t seen = 0;

	if (!json_object_is_type(value, json_type_object))
		return json_fail_type(r, at, "an object", value);
	json_object_object_foreach(value, key, member)
	{
		const struct json_field *field = json_field_find(table, key);
		struct json_path here = {.up = at, .key = key};

		if (!field && table->strict)
			return fail_unknown(r, &here, table);
		if (!field || !member)
			continue;
		seen |= (uint64_t)1 << (field - table->fields);
		if (field->read(r, &here, member, field, object) < 0)
			return -1;
	}
	if (check_required(r, at, table, seen) < 0)
		return -1;
	if (table->has_set)
		*(bool *)object = true;
	return table->check ? table->check(r, at, object) : 0;
}

static void *member_at(void *object, size_t offset)
{
	return (char *)object + offset;
}

int json_read_object(const struct json_reader *r, const struct json_path *at,
		     struct json_object *value, const struct json_field *field, void *object)
{
	return json_read_members(r, at, value, field->table, member_at(object, field->offset));
}

int json_read_inline(const struct json_reader *r, const struct json_path *at,
		     struct json_object *value, const struct json_field *field, void *object)
{
	return json_read_members(r, at, value, field->table, object);
}

int json_read_array(const struct json_reader *r, const struct json_path *at,
		    struct json_object *value, const struct json_field *field, void *object)
{
	size_t n;
	char *v;

	if (!json_object_is_type(value, json_type_array))
		return json_fail_type(r, at, "an array", value);
	n = json_object_array_length(value);
	v = json_alloc(r, n, field->table->size);
	if (!v)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct json_path here = {.up = at, .index = i};

		if (json_read_members(r, &here, json_object_array_get_idx(value, i), field->table,
				      v + i * field->table->size) < 0)
			return -1;
	}
	*(void **)member_at(object, field->offset) = v;
	*(size_t *)member_at(object, field->n_offset) = n;
	return 0;
}

int json_read_object_map(const struct json_reader *r, const struct json_path *at,
			 struct json_object *value, const struct json_field *field, void *object)
{
	char *v, *next;

	if (!json_object_is_type(value, json_type_object))
		return json_fail_type(r, at, "an object", value);
	v = next = json_alloc(r, (size_t)json_object_object_length(value), field->table->size);
	if (!v)
		return -1;
	json_object_object_foreach(value, key, member)
	{
		struct json_path here = {.up = at, .key = key};

		if (json_read_members(r, &here, member, field->table, next) < 0)
			return -1;
		*(const char **)next = key;
		next += field->table->size;
	}
	*(void **)member_at(object, field->offset) = v;
	*(size_t *)member_at(object, field->n_offset) = (size_t)json_object_object_length(value);
	return 0;
}

/* --- booleans and words --- */

int json_read_bool(const struct json_reader *r, const struct json_path *at,
		   struct json_object *value, const struct json_field *field, void *object)
{
	if (!json_object_is_type(value, json_type_boolean))
		return json_fail_type(r, at, "true or false", value);
	*(bool *)member_at(object, field->offset) = json_object_get_boolean(value);
	return 0;
}

int json_read_opt_bool(const struct json_reader *r, const struct json_path *at,
		       struct json_object *value, const struct json_field *field, void *object)
{
	if (!json_object_is_type(value, json_type_boolean))
		return json_fail_type(r, at, "true or false", value);
	*(enum opt_bool *)member_at(object, field->offset) =
		json_object_get_boolean(value) ? OPT_TRUE : OPT_FALSE;
	return 0;
}

/* The words as a list: "a", "b" or "c". */
static int fail_word(const struct json_reader *r, const struct json_path *at,
		     const struct json_word *words, const char *text)
{
	char quoted[JSON_QUOTED], list[768];
	struct text t = {.at = list, .room = sizeof list - 1};

	for (const struct json_word *w = words; w->name; w++) {
		const char *before = w == words ? "" : w[1].name ? ", " : " or ";

		text_add(&t, before, strlen(before));
		text_add(&t, "\"", 1);
		text_add(&t, w->name, strlen(w->name));
		text_add(&t, "\"", 1);
	}
	return json_fail(r, at, "%s: expected %s", json_quote(text, quoted), list);
}

static const struct json_word *find_word(const struct json_reader *r, const struct json_path *at,
					 struct json_object *value, const struct json_word *words)
{
	const char *text = json_get_string(r, at, value);

	if (!text)
		return NULL;
	for (const struct json_word *w = words; w->name; w++)
		if (strcmp(w->name, text) == 0)
			return w;
	(void)fail_word(r, at, words, text);
	return NULL;
}

int json_read_word(const struct json_reader *r, const struct json_path *at,
		   struct json_object *value, const struct json_field *field, void *object)
{
	const struct json_word *word = find_word(r, at, value, field->words);

	if (!word)
		return -1;
	*(int *)member_at(object, field->offset) = word->value;
	return 0;
}

int json_read_word_bool(const struct json_reader *r, const struct json_path *at,
			struct json_object *value, const struct json_field *field, void *object)
{
	const struct json_word *word = find_word(r, at, value, field->words);

	if (!word)
		return -1;
	*(bool *)member_at(object, field->offset) = word->value != 0;
	return 0;
}

int json_read_word_bits(const struct json_reader *r, const struct json_path *at,
			struct json_object *value, const struct json_field *field, void *object)
{
	uint64_t *bits = (uint64_t *)member_at(object, field->offset);

	if (!json_object_is_type(value, json_type_array))
		return json_fail_type(r, at, "an array of strings", value);
	*bits = 0;
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_path here = {.up = at, .index = i};
		const struct json_word *word =
			find_word(r, &here, json_object_array_get_idx(value, i), field->words);

		if (!word)
			return -1;
		*bits |= (uint64_t)word->value;
	}
	return 0;
}

/* --- strings --- */

const char *json_get_string(const struct json_reader *r, const struct json_path *at,
			    struct json_object *value)
{
	const char *text;

	if (!json_object_is_type(value, json_type_string)) {
		(void)json_fail_type(r, at, "a string", value);
		return NULL;
	}
	text = json_object_get_string(value);
	/* document_parse() refuses these; an object that a program built by hand may still hold one. */
	if (strlen(text) != (size_t)json_object_get_string_len(value)) {
		(void)json_fail(r, at, "NUL in a string");
		return NULL;
	}
	return text;
}

int json_read_string(const struct json_reader *r, const struct json_path *at,
		     struct json_object *value, const struct json_field *field, void *object)
{
	const char *text = json_get_string(r, at, value);

	if (!text || (field->check && field->check(r, at, value, field, (void *)&text) < 0))
		return -1;
	*(const char **)member_at(object, field->offset) = text;
	return 0;
}

int json_read_text(const struct json_reader *r, const struct json_path *at,
		   struct json_object *value, const struct json_field *field, void *object)
{
	const char *text = json_get_string(r, at, value);

	if (!text)
		return -1;
	return *text ? json_read_string(r, at, value, field, object) : 0;
}

int json_read_nonempty(const struct json_reader *r, const struct json_path *at,
		       struct json_object *value, const struct json_field *field, void *object)
{
	const char *text = json_get_string(r, at, value);

	if (!text)
		return -1;
	return *text ? json_read_string(r, at, value, field, object) : json_fail(r, at, "empty");
}

int json_read_copy(const struct json_reader *r, const struct json_path *at,
		   struct json_object *value, const struct json_field *field, void *object)
{
	const char *text = json_get_string(r, at, value);
	char *copy;

	if (!text || (field->check && field->check(r, at, value, field, (void *)&text) < 0))
		return -1;
	copy = strdup(text);
	if (!copy)
		return ts_fail(r->e, ENOMEM, "out of memory", NULL);
	*(char **)member_at(object, field->offset) = copy;
	return 0;
}

int json_check_absolute(const struct json_reader *r, const struct json_path *at,
			struct json_object *value, const struct json_field *field, void *object)
{
	const char *text = *(const char **)object;
	char quoted[JSON_QUOTED];

	(void)value;
	(void)field;
	if (text[0] != '/')
		return json_fail(r, at, "%s is not an absolute path", json_quote(text, quoted));
	return 0;
}

int json_read_absolute(const struct json_reader *r, const struct json_path *at,
		       struct json_object *value, const struct json_field *field, void *object)
{
	const char *text = json_get_string(r, at, value);

	if (!text || json_check_absolute(r, at, value, field, (void *)&text) < 0)
		return -1;
	*(const char **)member_at(object, field->offset) = text;
	return 0;
}

int json_read_normal(const struct json_reader *r, const struct json_path *at,
		     struct json_object *value, const struct json_field *field, void *object)
{
	const char *text = json_get_string(r, at, value);
	char quoted[JSON_QUOTED];

	if (!text || json_check_absolute(r, at, value, field, (void *)&text) < 0)
		return -1;
	if (!ts_path_is_normal(text))
		return json_fail(
			r, at,
			"%s: write the path without \"//\", \".\", \"..\" and a / at the end",
			json_quote(text, quoted));
	*(const char **)member_at(object, field->offset) = text;
	return 0;
}

int json_read_strings(const struct json_reader *r, const struct json_path *at,
		      struct json_object *value, const struct json_field *field, void *object)
{
	struct str_list *list = member_at(object, field->offset);
	const char **v;
	size_t n;

	if (!json_object_is_type(value, json_type_array))
		return json_fail_type(r, at, "an array of strings", value);
	n = json_object_array_length(value);
	v = json_alloc(r, n + 1, sizeof *v);
	if (!v)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct json_path here = {.up = at, .index = i};
		struct json_object *element = json_object_array_get_idx(value, i);

		v[i] = json_get_string(r, &here, element);
		if (!v[i] ||
		    (field->check && field->check(r, &here, element, field, (void *)&v[i]) < 0))
			return -1;
	}
	list->v = v;
	list->n = n;
	return 0;
}

int json_read_string_map(const struct json_reader *r, const struct json_path *at,
			 struct json_object *value, const struct json_field *field, void *object)
{
	struct key_value_list *list = member_at(object, field->offset);
	struct key_value *v;
	size_t n = 0;

	if (!json_object_is_type(value, json_type_object))
		return json_fail_type(r, at, "an object of strings", value);
	v = json_alloc(r, (size_t)json_object_object_length(value), sizeof *v);
	if (!v)
		return -1;
	json_object_object_foreach(value, key, member)
	{
		struct json_path here = {.up = at, .key = key};

		v[n].key = key;
		v[n].value = json_get_string(r, &here, member);
		if (!v[n].value || (field->check &&
				    field->check(r, &here, member, field, (void *)&v[n].value) < 0))
			return -1;
		n++;
	}
	list->v = v;
	list->n = n;
	return 0;
}

/* --- numbers --- */

/* An integer of -2^63 to 2^64 - 1, as sign and the value's bits. */
struct integer {
	bool negative;
	uint64_t bits;
};

static bool integer_is_within(struct integer i, int64_t min, uint64_t max)
{
	if (i.negative)
		return (int64_t)i.bits >= min;
	return i.bits <= max && (min < 0 || i.bits >= (uint64_t)min);
}

static int fail_range(const struct json_reader *r, const struct json_path *at,
		      struct json_object *value, int64_t min, uint64_t max)
{
	const char *text = json_object_get_string(value);
	bool above = json_object_get_int64(value) >= 0 && json_object_get_uint64(value) > max;

	if (max >= INT64_MAX && !above) /* a type's largest number tells nobody anything */
		return json_fail(r, at, "%s is out of range: must be at least %lld",
				 text ? text : "the number", (long long)min);
	return json_fail(r, at, "%s is out of range: must be %lld to %llu",
			 text ? text : "the number", (long long)min, (unsigned long long)max);
}

/* Gets an integer within the field's range, or within @type_min and @type_max when it has none. */
static int get_integer(const struct json_reader *r, const struct json_path *at,
		       struct json_object *value, const struct json_field *field, int64_t type_min,
		       uint64_t type_max, uint64_t *ret_bits)
{
	bool has_range = field->min != 0 || field->max != 0;
	int64_t min = has_range ? field->min : type_min;
	uint64_t max = has_range && field->max != 0 ? field->max : type_max;
	struct integer i;
	int64_t number;

	if (!json_object_is_type(value, json_type_int))
		return json_fail_type(r, at, "an integer", value);
	number = json_object_get_int64(value);
	i.negative = number < 0;
	/* json_object_get_int64() clamps what is above INT64_MAX. */
	i.bits = i.negative ? (uint64_t)number : json_object_get_uint64(value);
	if (field->zero_is_unset && i.bits == 0) {
		*ret_bits = 0;
		return 0;
	}
	if (!integer_is_within(i, min, max))
		return fail_range(r, at, value, min, max);
	*ret_bits = i.bits;
	return 0;
}

int json_read_int(const struct json_reader *r, const struct json_path *at,
		  struct json_object *value, const struct json_field *field, void *object)
{
	uint64_t bits;

	if (get_integer(r, at, value, field, INT32_MIN, INT32_MAX, &bits) < 0)
		return -1;
	*(int *)member_at(object, field->offset) = (int)(int64_t)bits;
	return 0;
}

int json_read_i64(const struct json_reader *r, const struct json_path *at,
		  struct json_object *value, const struct json_field *field, void *object)
{
	uint64_t bits;

	if (get_integer(r, at, value, field, INT64_MIN, INT64_MAX, &bits) < 0)
		return -1;
	*(int64_t *)member_at(object, field->offset) = (int64_t)bits;
	return 0;
}

int json_read_u64(const struct json_reader *r, const struct json_path *at,
		  struct json_object *value, const struct json_field *field, void *object)
{
	return get_integer(r, at, value, field, 0, UINT64_MAX, member_at(object, field->offset));
}

int json_read_u32(const struct json_reader *r, const struct json_path *at,
		  struct json_object *value, const struct json_field *field, void *object)
{
	uint64_t bits;

	if (get_integer(r, at, value, field, 0, UINT32_MAX, &bits) < 0)
		return -1;
	*(uint32_t *)member_at(object, field->offset) = (uint32_t)bits;
	return 0;
}

int json_read_opt_i64(const struct json_reader *r, const struct json_path *at,
		      struct json_object *value, const struct json_field *field, void *object)
{
	struct opt_i64 *number = member_at(object, field->offset);
	uint64_t bits;

	if (get_integer(r, at, value, field, INT64_MIN, INT64_MAX, &bits) < 0)
		return -1;
	number->set = bits != 0 || !field->zero_is_unset;
	number->value = (int64_t)bits;
	return 0;
}

int json_read_opt_u64(const struct json_reader *r, const struct json_path *at,
		      struct json_object *value, const struct json_field *field, void *object)
{
	struct opt_u64 *number = member_at(object, field->offset);
	uint64_t bits;

	if (get_integer(r, at, value, field, 0, UINT64_MAX, &bits) < 0)
		return -1;
	number->set = bits != 0 || !field->zero_is_unset;
	number->value = bits;
	return 0;
}

int json_read_number_text(const struct json_reader *r, const struct json_path *at,
			  struct json_object *value, const struct json_field *field, void *object)
{
	uint64_t bits;
	const char *text;

	if (get_integer(r, at, value, field, 0, UINT32_MAX, &bits) < 0)
		return -1;
	text = json_object_get_string(value); /* stays with the value */
	if (!text)
		return ts_fail(r->e, ENOMEM, "out of memory", NULL);
	*(const char **)member_at(object, field->offset) = text;
	return 0;
}

int json_read_u32_list(const struct json_reader *r, const struct json_path *at,
		       struct json_object *value, const struct json_field *field, void *object)
{
	uint32_t *v;
	size_t n;

	if (!json_object_is_type(value, json_type_array))
		return json_fail_type(r, at, "an array of integers", value);
	n = json_object_array_length(value);
	v = json_alloc(r, n, sizeof *v);
	if (!v)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct json_path here = {.up = at, .index = i};
		uint64_t bits = 0;

		if (get_integer(r, &here, json_object_array_get_idx(value, i), field, 0, UINT32_MAX,
				&bits) < 0)
			return -1;
		v[i] = (uint32_t)bits;
	}
	*(uint32_t **)member_at(object, field->offset) = v;
	*(size_t *)member_at(object, field->n_offset) = n;
	return 0;
}
