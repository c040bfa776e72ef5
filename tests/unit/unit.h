/* What every unit test needs: cmocka's own headers, in its order, and a few short cuts. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "protocol/stream.h"
#include "util/error.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Fails naming the row when the condition is false. */
#define assert_row(row, condition)                                                                 \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fail_msg("row %s: %s", (row), #condition);                                 \
	} while (0)

/* Fails naming the row when the texts differ. */
static inline void assert_row_text(const char *row, const char *got, const char *expected)
{
	if (strcmp(got, expected) != 0)
		fail_msg("row %s:\n   got      %s\n   expected %s", row, got, expected);
}

/* Appends to the text in @buf. */
static inline void append(char *buf, size_t size, const char *text)
{
	size_t used = strlen(buf);

	assert_true(used + strlen(text) < size);
	memcpy(buf + used, text, strlen(text) + 1);
}

/* The document of valid JSON. */
static inline struct json_object *parse(const char *text)
{
	struct ts_error e = {0};
	struct json_object *object = NULL;

	if (document_parse(text, strlen(text), &object, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return object;
}

/* The same with ' for ", which is easier on the eye in C. */
static inline struct json_object *parse_quoted(const char *text)
{
	char *copy = strdup(text);
	struct json_object *object;

	assert_non_null(copy);
	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	object = parse(copy);
	free(copy);
	return object;
}

#endif
