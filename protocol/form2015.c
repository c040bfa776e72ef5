/* The 2015 form: Go's quoting undone, the config decoded, the answers written. */
#include "protocol/form2015.h"

#include "protocol/config.h"
#include "protocol/config_tables.h"
#include "protocol/json_scan.h"
#include "protocol/json_write.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool form2015_is(struct json_object *document)
{
	bool found = false;

	if (!json_object_is_type(document, json_type_object))
		return false;
	json_object_object_foreach(document, key, member)
	{
		(void)member;
		if (strcmp(key, "process") == 0 || strcmp(key, "ociVersion") == 0 ||
		    strcmp(key, "taskshim") == 0)
			return false;
		found |= strcasecmp(key, "Path") == 0;
	}
	return found;
}

/* --- strconv.Unquote --- */

/* Takes @n digits of base 8 or 16. Returns false when there are fewer. */
static bool take_digits(const char **text, const char *end, int n, unsigned base, uint32_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t value = 0;

	for (; n > 0; n--, ++*text) {
		char c = *text < end ? **text : '\0';
		const char *digit = c ? strchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c) : NULL;

		if (!digit || (unsigned)(digit - digits) >= base)
			return false;
		value = value * base + (uint32_t)(digit - digits);
	}
	*ret = value;
	return true;
}

/* Writes @rune as UTF-8 at *@out. Returns false when it is none. */
static bool put_rune(char **out, uint32_t rune)
{
	if (rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
		return false;
	*out = utf8_put(*out, rune);
	return true;
}

static bool take_octal(const char **text, const char *end, char **out)
{
	uint32_t byte;

	if (!take_digits(text, end, 3, 8, &byte) || byte > 0xff)
		return false;
	*(*out)++ = (char)byte;
	return true;
}

/* What follows a backslash. */
static bool take_escape(const char **text, const char *end, char **out)
{
	static const char letters[] = "abfnrtv\\\"", meanings[] = "\a\b\f\n\r\t\v\\\"";
	char c = *text < end ? **text : '\0';
	const char *letter = c ? strchr(letters, c) : NULL;
	uint32_t value;

	if (letter) {
		++*text;
		*(*out)++ = meanings[letter - letters];
		return true;
	}
	if (c >= '0' && c <= '7')
		return take_octal(text, end, out);
	++*text;
	switch (c) {
	case 'x':
		if (!take_digits(text, end, 2, 16, &value))
			return false;
		*(*out)++ = (char)value;
		return true;
	case 'u':
		return take_digits(text, end, 4, 16, &value) && put_rune(out, value);
	case 'U':
		return take_digits(text, end, 8, 16, &value) && put_rune(out, value);
	default:
		return false;
	}
}

/* The text between double quotes. Nothing grows: the longest rune has four bytes for ten of its escape. */
static bool unquote_double(const char *text, const char *end, char **out)
{
	while (text < end) {
		char c = *text++;

		if (c == '"' || c == '\n')
			return false;
		if (c != '\\')
			*(*out)++ = c;
		else if (!take_escape(&text, end, out))
			return false;
	}
	return true;
}

/* The text between back quotes: as it is, but for carriage returns, which Go drops. */
static bool unquote_raw(const char *text, const char *end, char **out)
{
	for (; text < end; text++) {
		if (*text == '`')
			return false;
		if (*text != '\r')
			*(*out)++ = *text;
	}
	return true;
}

int form2015_unquote(const char *text, char **ret, size_t *ret_len, struct ts_error *e)
{
	size_t len = strlen(text);
	char *buf = malloc(len + 1), *out = buf;
	bool ok = false;

	if (!buf) {
		e->step = TS_STEP_CONFIG;
		return ts_fail(e, ENOMEM, "out of memory", NULL);
	}
	if (len >= 2 && text[0] == text[len - 1]) {
		if (text[0] == '"')
			ok = unquote_double(text + 1, text + len - 1, &out);
		else if (text[0] == '`')
			ok = unquote_raw(text + 1, text + len - 1, &out);
	}
	if (!ok) {
		free(buf);
		e->step = TS_STEP_CONFIG;
		return ts_fail(e, EINVAL, "Failed to unquote json input", "invalid syntax");
	}
	*out = '\0';
	*ret = buf;
	*ret_len = (size_t)(out - buf);
	return 0;
}

/* --- decoding --- */

struct form_box {
	struct form2015 form; /* first: what the caller holds */
	void *allocations;
};

static int read_string_array(const struct json_reader *r, const struct json_path *at,
			     struct json_object *value, const struct json_field *field,
			     void *object)
{
	static const struct json_field whole = {.offset = 0};
	struct str_list list = {0};

	if (json_read_strings(r, at, value, &whole, &list) < 0)
		return -1;
	*(const char ***)((char *)object + field->offset) = list.v;
	return 0;
}

static int read_credential(const struct json_reader *r, const struct json_path *at,
			   struct json_object *value, const struct json_field *field, void *object)
{
	((struct form2015 *)object)->credential_set = true;
	return json_read_inline(r, at, value, field, object);
}

static const struct json_field credential_fields[] = {
	JSON_ROW(struct form2015, "Uid", uid, json_read_u32, .max = ID_MAX),
	JSON_ROW(struct form2015, "Gid", gid, json_read_u32, .max = ID_MAX),
	JSON_LIST(struct form2015, "Groups", groups, n_groups, json_read_u32_list, .max = ID_MAX),
};
static JSON_TABLE(credential_table, credential_fields, struct form2015, .any_case = true);

static const struct json_field attr_fields[] = {
	JSON_ROW(struct form2015, "Credential", credential_set, read_credential,
		 .table = &credential_table),
	JSON_ROW(struct form2015, "Setsid", setsid_set, json_read_bool),
};
static JSON_TABLE(attr_table, attr_fields, struct form2015, .any_case = true);

static const struct json_field form_fields[] = {
	JSON_ROW(struct form2015, "Path", path, json_read_nonempty, .required = true),
	JSON_ROW(struct form2015, "Args", args, read_string_array),
	JSON_ROW(struct form2015, "Env", env, read_string_array),
	JSON_ROW(struct form2015, "SysProcAttr", setsid_set, json_read_inline,
		 .table = &attr_table),
	JSON_ROW(struct form2015, "StdinFile", stdin_file, json_read_text),
	JSON_ROW(struct form2015, "StdoutFile", stdout_file, json_read_text),
	JSON_ROW(struct form2015, "StderrFile", stderr_file, json_read_text),
	JSON_ROW(struct form2015, "Chroot", chroot, json_read_text),
	JSON_ROW(struct form2015, "ExitStatusFile", exit_status_file, json_read_text),
};
static JSON_TABLE(form_table, form_fields, struct form2015, .any_case = true);

/* Go runs {Path} when there are no Args. */
static int default_args(const struct json_reader *r, struct form2015 *form)
{
	const char **args;

	if (form->args && form->args[0])
		return 0;
	args = json_alloc(r, 2, sizeof *args);
	if (!args)
		return -1;
	args[0] = form->path;
	form->args = args;
	return 0;
}

int form2015_decode(struct json_object *document, struct form2015 **ret, struct ts_error *e)
{
	struct form_box *box = calloc(1, sizeof *box);

	if (!box) {
		e->step = TS_STEP_CONFIG;
		return ts_fail(e, ENOMEM, "out of memory", NULL);
	}
	struct json_reader reader = {.e = e, .allocations = &box->allocations};

	box->form.document = json_object_get(document);
	if (json_read_members(&reader, NULL, document, &form_table, &box->form) < 0 ||
	    default_args(&reader, &box->form) < 0) {
		form2015_free(&box->form);
		e->step = TS_STEP_CONFIG;
		return -1;
	}
	*ret = &box->form;
	return 0;
}

void form2015_free(struct form2015 *form)
{
	struct form_box *box = (struct form_box *)form;

	if (!box)
		return;
	json_free_all(&box->allocations);
	json_object_put(form->document);
	free(box);
}

/* --- answers --- */

ssize_t form2015_start_status(char *line, size_t size, pid_t pid, const char *error_message)
{
	struct json_writer w = json_writer_new();

	json_add_i64(&w, "UserPID", pid);
	json_add_text(&w, "ErrorMsg", error_message);
	return json_line(w.object, line, size);
}

ssize_t form2015_exit_status(char *line, size_t size, bool success)
{
	struct json_writer w = json_writer_new();

	json_add_bool(&w, "Success", success);
	return json_line(w.object, line, size);
}

ssize_t form2015_exit_code(char *line, size_t size, int exit_code)
{
	struct json_writer w = json_writer_new();

	json_add_i64(&w, "ExitCode", exit_code);
	return json_line(w.object, line, size);
}
