/* Turns scanned JSON text into json-c objects. See json_build.h. */
#include "protocol/json_build.h"

#include "protocol/json_scan.h"
#include "util/fd.h"

#include <errno.h>
#include <json-c/json.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ARRAY_FIRST = 4 };

struct builder {
	const char *at, *end;
	char *scratch; /* a string whose escapes are undone, or a number */
	size_t size;
};

static int build_value(struct builder *b, struct json_object **ret);

static void skip_space(struct builder *b)
{
	while (b->at < b->end &&
	       (*b->at == ' ' || *b->at == '\n' || *b->at == '\t' || *b->at == '\r'))
		b->at++;
}

static int reserve(struct builder *b, size_t n)
{
	char *scratch;

	if (b->scratch && n <= b->size)
		return 0;
	n = n < 256 ? 256 : n < 2 * b->size ? 2 * b->size : n;
	scratch = realloc(b->scratch, n);
	if (!scratch)
		return -1;
	b->scratch = scratch;
	b->size = n;
	return 0;
}

/* --- strings --- */

/* Four hexadecimal digits, which the scan has seen. */
static uint32_t take_hex(struct builder *b)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++, b->at++) {
		char c = *b->at;

		value = value << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return value;
}

/* \uXXXX, of which b->at stands behind the u; both halves of a pair. */
static char *take_unicode(struct builder *b, char *out)
{
	uint32_t rune = take_hex(b);

	if (rune >= 0xd800 && rune <= 0xdbff) {
		b->at += strlen("\\u");
		rune = 0x10000 + ((rune - 0xd800) << 10) + (take_hex(b) - 0xdc00);
	}
	return utf8_put(out, rune);
}

static char *take_escape(struct builder *b, char *out)
{
	static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
	char c = *b->at++;
	const char *letter = strchr(letters, c);

	if (c == 'u')
		return take_unicode(b, out);
	*out++ = letter ? meanings[letter - letters] : c;
	return out;
}

/* Reads the string at b->at into scratch, its quotes taken off, its escapes undone, a NUL after it. There is room: no
 * escape is shorter than what it stands for. */
static int take_copy(struct builder *b, const char *end, size_t *ret_len)
{
	char *out;

	if (reserve(b, (size_t)(end - b->at) + 1) < 0)
		return -1;
	for (out = b->scratch; b->at < end;) {
		if (*b->at++ == '\\')
			out = take_escape(b, out);
		else
			*out++ = b->at[-1];
	}
	*out = '\0';
	b->at = end + 1;
	*ret_len = (size_t)(out - b->scratch);
	return 0;
}

/* The quote that ends the string at b->at, which is moved behind the first quote. */
static const char *find_end(struct builder *b, bool *ret_escaped)
{
	const char *end = ++b->at;

	*ret_escaped = false;
	while (*end != '"') {
		*ret_escaped |= *end == '\\';
		end += *end == '\\' ? 2 : 1;
	}
	return end;
}

static int build_string(struct builder *b, struct json_object **ret)
{
	bool escaped;
	const char *end = find_end(b, &escaped), *text = b->at;
	size_t len = (size_t)(end - text);

	if (escaped) {
		if (take_copy(b, end, &len) < 0)
			return -1;
		text = b->scratch;
	} else {
		b->at = end + 1;
	}
	*ret = json_object_new_string_len(text, (int)len);
	return *ret ? 0 : -1;
}

/* --- numbers --- */

/* strtod(3) as in the C locale: a driver that our library is linked into may have set another. */
static double to_double(const char *text)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	locale_t before = uselocale(c);
	double value = strtod(text, NULL);

	(void)uselocale(before);
	if (c)
		freelocale(c);
	return value;
}

static int build_double(struct builder *b, const char *start, struct json_object **ret)
{
	size_t len = (size_t)(b->at - start);
	double value;

	if (reserve(b, len + 1) < 0)
		return -1;
	memcpy(b->scratch, start, len);
	b->scratch[len] = '\0';
	value = to_double(b->scratch);
	if (!isfinite(value)) {
		b->at = start;
		errno = ERANGE;
		return -1;
	}
	*ret = json_object_new_double_s(value, b->scratch); /* prints as it came */
	return *ret ? 0 : -1;
}

/* The scan has seen that it fits. */
static int build_integer(const char *at, const char *end, struct json_object **ret)
{
	bool negative = *at == '-';
	uint64_t magnitude = 0;

	for (at += negative; at < end; at++)
		magnitude = magnitude * 10 + (uint64_t)(*at - '0');
	if (negative)
		*ret = json_object_new_int64((int64_t)-magnitude);
	else if (magnitude <= INT64_MAX)
		*ret = json_object_new_int64((int64_t)magnitude);
	else
		*ret = json_object_new_uint64(magnitude);
	return *ret ? 0 : -1;
}

static int build_number(struct builder *b, struct json_object **ret)
{
	const char *start = b->at;
	bool is_double = false;

	for (; b->at < b->end && *b->at && strchr("0123456789+-.eE", *b->at); b->at++)
		is_double |= *b->at == '.' || *b->at == 'e' || *b->at == 'E';
	return is_double ? build_double(b, start, ret) : build_integer(start, b->at, ret);
}

/* --- objects and arrays --- */

static void object_putp(struct json_object **object)
{
	json_object_put(*object);
}
#define _cleanup_object_ __attribute__((cleanup(object_putp)))

/* Skips white space and, when it is there, @c. At the end of the text nothing is looked at. */
static bool take(struct builder *b, char c)
{
	skip_space(b);
	if (b->at == b->end || *b->at != c)
		return false;
	b->at++;
	return true;
}

/* Reads the key at @key into scratch. */
static int read_key(struct builder *b, const char *key)
{
	const char *after = b->at, *end;
	bool escaped;
	size_t len;

	b->at = key;
	end = find_end(b, &escaped);
	if (take_copy(b, end, &len) < 0)
		return -1;
	b->at = after;
	return 0;
}

static int build_member(struct builder *b, struct json_object *object)
{
	_cleanup_object_ struct json_object *value = NULL;
	const char *key = b->at;
	bool escaped;

	b->at = find_end(b, &escaped) + 1;
	(void)take(b, ':');
	/* The key is read after the value, which needs the scratch too. */
	if (build_value(b, &value) < 0 || read_key(b, key) < 0 ||
	    json_object_object_add(object, b->scratch, value) < 0)
		return -1;
	value = NULL; /* the object's now; of equal keys the last wins */
	return 0;
}

static int build_object(struct builder *b, struct json_object **ret)
{
	_cleanup_object_ struct json_object *object = json_object_new_object();

	if (!object)
		return -1;
	(void)take(b, '{');
	while (!take(b, '}')) {
		if (build_member(b, object) < 0)
			return -1;
		(void)take(b, ',');
	}
	*ret = object;
	object = NULL;
	return 0;
}

static int build_array(struct builder *b, struct json_object **ret)
{
	_cleanup_object_ struct json_object *array = json_object_new_array_ext(ARRAY_FIRST);

	if (!array)
		return -1;
	(void)take(b, '[');
	while (!take(b, ']')) {
		_cleanup_object_ struct json_object *value = NULL;

		if (build_value(b, &value) < 0 || json_object_array_add(array, value) < 0)
			return -1;
		value = NULL;
		(void)take(b, ',');
	}
	*ret = array;
	array = NULL;
	return 0;
}

static int build_literal(struct builder *b, struct json_object **ret)
{
	char c = *b->at;

	b->at += strlen(c == 'f' ? "false" : "true"); /* null is as long as true */
	*ret = c == 'n' ? NULL : json_object_new_boolean(c == 't');
	return *ret || c == 'n' ? 0 : -1;
}

static int build_value(struct builder *b, struct json_object **ret)
{
	skip_space(b);
	switch (*b->at) {
	case '{':
		return build_object(b, ret);
	case '[':
		return build_array(b, ret);
	case '"':
		return build_string(b, ret);
	case 't':
	case 'f':
	case 'n':
		return build_literal(b, ret);
	default:
		return build_number(b, ret);
	}
}

int json_build(const char *text, size_t len, struct json_object **ret, size_t *ret_offset)
{
	struct builder b = {.at = text, .end = text + len};
	int result;

	errno = ENOMEM; /* json-c does not always set it */
	result = build_value(&b, ret);
	*ret_offset = (size_t)(b.at - text);
	free(b.scratch);
	return result;
}
