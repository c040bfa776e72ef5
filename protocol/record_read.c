/* Readers of values that stand in messages, records and state files. */
#include "protocol/record_read.h"

#include "protocol/exit_record.h"
#include "util/proc.h"

#include <json-c/json.h>
#include <string.h>
#include <sys/types.h>

static bool is_hex(const char *text, size_t n)
{
	return strspn(text, "0123456789abcdef") >= n;
}

bool run_id_is_valid(const char *text)
{
	return strlen(text) == TS_RUN_ID_LEN && is_hex(text, TS_RUN_ID_LEN);
}

bool boot_id_is_valid(const char *text)
{
	static const unsigned char groups[] = {8, 4, 4, 4, 12};

	if (strlen(text) != TS_BOOT_ID_LEN)
		return false;
	for (size_t i = 0; i < sizeof groups; i++) {
		if (!is_hex(text, groups[i]) ||
		    text[groups[i]] != (i + 1 < sizeof groups ? '-' : '\0'))
			return false;
		text += groups[i] + 1;
	}
	return true;
}

int json_read_pid(const struct json_reader *r, const struct json_path *at,
		  struct json_object *value, const struct json_field *field, void *object)
{
	struct json_field range = {.min = field->min, .max = PID_LARGEST};
	uint32_t pid;

	if (json_read_u32(r, at, value, &range, &pid) < 0)
		return -1;
	*(pid_t *)((char *)object + field->offset) = (pid_t)pid;
	return 0;
}

int json_read_time(const struct json_reader *r, const struct json_path *at,
		   struct json_object *value, const struct json_field *field, void *object)
{
	const char *text = json_get_string(r, at, value);
	char quoted[JSON_QUOTED];

	if (!text)
		return -1;
	if (time_parse(text, (struct timespec *)((char *)object + field->offset)) < 0)
		return json_fail(r, at, "%s: expected a time such as \"2026-01-02T03:04:05.6Z\"",
				 json_quote(text, quoted));
	return 0;
}

static int read_id(const struct json_reader *r, const struct json_path *at,
		   struct json_object *value, bool (*is_valid)(const char *), char *ret)
{
	const char *text = json_get_string(r, at, value);
	char quoted[JSON_QUOTED];

	if (!text)
		return -1;
	if (*text && !is_valid(text))
		return json_fail(r, at, "%s: malformed", json_quote(text, quoted));
	memcpy(ret, text, strlen(text) + 1); /* its length is checked */
	return 0;
}

int json_read_run_id(const struct json_reader *r, const struct json_path *at,
		     struct json_object *value, const struct json_field *field, void *object)
{
	return read_id(r, at, value, run_id_is_valid, (char *)object + field->offset);
}

int json_read_boot_id(const struct json_reader *r, const struct json_path *at,
		      struct json_object *value, const struct json_field *field, void *object)
{
	return read_id(r, at, value, boot_id_is_valid, (char *)object + field->offset);
}

int json_check_version(const struct json_reader *r, struct json_object *object, int known)
{
	struct json_path at = {.key = "version"};
	struct json_object *version;

	if (!json_object_object_get_ex(object, "version", &version) || !version)
		return 0;
	if (!json_object_is_type(version, json_type_int))
		return json_fail_type(r, &at, "an integer", version);
	if (json_object_get_int64(version) != known)
		return json_fail(r, &at,
				 "version %s is not supported: this program knows version %d",
				 json_object_get_string(version), known);
	return 0;
}
