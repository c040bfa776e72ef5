/* ID strings, written and read. */
#include "protocol/id_string.h"

#include "protocol/config.h"
#include "protocol/json_write.h"
#include "protocol/record_read.h"
#include "protocol/stream.h"
#include "util/path.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1 };

static const char cgroup_prefix[] = "CGROUP:", pid_prefix[] = "PID:";

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool id_string_is(const char *text)
{
	return has_prefix(text, cgroup_prefix) || has_prefix(text, pid_prefix);
}

void id_string_done(struct id_string *id)
{
	free(id->id);
	free(id->state_dir);
	for (size_t i = 0; i < id->n_cgroups; i++) {
		free(id->cgroups[i].controller);
		free(id->cgroups[i].path);
	}
	free(id->cgroups);
	*id = (struct id_string){0};
}

/* --- encoding --- */

static struct json_object *encode_cgroups(const struct id_string *id)
{
	struct json_writer all = json_writer_new();

	for (size_t i = 0; i < id->n_cgroups; i++) {
		struct json_writer one = json_writer_new();

		json_add_text(&one, "path", id->cgroups[i].path);
		json_add_u64(&one, "inode", id->cgroups[i].inode);
		json_add_copied(&all, id->cgroups[i].controller, one.object);
	}
	return all.object;
}

static struct json_object *encode_object(const struct id_string *id)
{
	struct json_writer w = json_writer_new();

	json_add_i64(&w, "version", VERSION);
	json_add_text(&w, "id", id->id);
	json_add_text(&w, "runId", id->run_id);
	json_add_text(&w, "bootId", id->boot_id);
	json_add_i64(&w, "pid", id->pid);
	json_add_u64(&w, "startTime", id->start_time);
	if (id->pidfd_inode != 0)
		json_add_u64(&w, "pidfdInode", id->pidfd_inode);
	if (id->monitor_pid > 0) {
		json_add_i64(&w, "monitorPid", id->monitor_pid);
		json_add_u64(&w, "monitorStartTime", id->monitor_start_time);
	}
	if (id->state_dir)
		json_add_text(&w, "stateDir", id->state_dir);
	if (id->n_cgroups > 0)
		json_add(&w, "cgroups", encode_cgroups(id));
	return w.object;
}

/* The length of @text inside a JSON string. */
static size_t escaped_len(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '"' || *text == '\\' ? 2 : (unsigned char)*text < 0x20 ? 6 : 1;
	return n;
}

/* A path that is not UTF-8 could not be read back: JSON has no way to write it. */
static int check_paths(const struct id_string *id, struct ts_error *e)
{
	if (id->n_cgroups > ID_STRING_MAX_CGROUPS)
		return ts_fail(e, E2BIG, "ID string: too many cgroups", NULL);
	if (id->state_dir && !text_is_utf8(id->state_dir))
		return ts_fail(e, EILSEQ, "ID string: the state directory's path is not UTF-8",
			       NULL);
	for (size_t i = 0; i < id->n_cgroups; i++)
		if (!text_is_utf8(id->cgroups[i].path))
			return ts_fail(e, EILSEQ, "ID string: a cgroup's path is not UTF-8",
				       id->cgroups[i].controller);
	return 0;
}

static int encode_cgroup_form(const struct id_string *id, char **ret, struct ts_error *e)
{
	const size_t prefix = strlen(cgroup_prefix);
	char text[ID_STRING_MAX + 1], *copy;
	struct json_object *object;
	ssize_t len;

	if (check_paths(id, e) < 0)
		return -1;
	object = encode_object(id);
	if (!object)
		return ts_fail(e, ENOMEM, "out of memory", NULL);
	memcpy(text, cgroup_prefix, prefix);
	len = json_print(object, text + prefix, sizeof text - 1 - prefix);
	json_object_put(object);
	text[len < 0 ? 0 : prefix + (size_t)len] = '\0';
	if (len < 0 || escaped_len(text) > ID_STRING_MAX)
		return ts_fail(e, ENAMETOOLONG, "ID string: the paths in it are too long", NULL);
	copy = strdup(text);
	if (!copy)
		return ts_fail(e, ENOMEM, "out of memory", NULL);
	*ret = copy;
	return 0;
}

int id_string_encode(const struct id_string *id, char **ret, struct ts_error *e)
{
	if (id->n_cgroups > 0 || id->state_dir)
		return encode_cgroup_form(id, ret, e);
	if (asprintf(ret, "%s%d:%llu:%s", pid_prefix, id->pid, (unsigned long long)id->start_time,
		     id->boot_id) < 0)
		return ts_fail(e, ENOMEM, "out of memory", NULL);
	return 0;
}

/* --- decoding: the PID forms --- */

static int fail_form(struct ts_error *e, const char *reason)
{
	return ts_fail(e, EINVAL, "ID string", reason);
}

/* Takes digits that make a number of 1 to @max. Returns it, or 0. */
static uint64_t take_number(const char **text, uint64_t max)
{
	uint64_t value = 0;

	for (; **text >= '0' && **text <= '9'; ++*text)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(**text - '0'), &value))
			return 0;
	return value <= max ? value : 0;
}

static int decode_pid_form(const char *text, struct id_string *id, struct ts_error *e)
{
	id->pid = (pid_t)take_number(&text, PID_LARGEST);
	if (id->pid == 0)
		return fail_form(e, "expected PID:<pid> or PID:<pid>:<start time>:<boot id>");
	if (*text == '\0')
		return 0;
	if (*text++ != ':')
		return fail_form(e, "text after the process id");
	id->start_time = take_number(&text, UINT64_MAX);
	if (id->start_time == 0 || *text++ != ':')
		return fail_form(e, "expected a start time and a boot id after the process id");
	if (!boot_id_is_valid(text))
		return fail_form(e, "malformed boot id");
	memcpy(id->boot_id, text, sizeof id->boot_id); /* its length is checked */
	return 0;
}

/* --- decoding: CGROUP:{ours} --- */

static int check_task_id(const struct json_reader *r, const struct json_path *at,
			 struct json_object *value, const struct json_field *field, void *object)
{
	(void)value;
	(void)field;
	return task_id_is_valid(*(const char **)object) ? 0 : json_fail(r, at, "not a task id");
}

static int check_normal(const struct json_reader *r, const struct json_path *at,
			struct json_object *value, const struct json_field *field, void *object)
{
	const char *path = *(const char **)object;
	char quoted[JSON_QUOTED];

	(void)value;
	(void)field;
	if (!ts_path_is_normal(path))
		return json_fail(r, at,
				 "%s: expected an absolute path without \"//\", \".\" and \"..\"",
				 json_quote(path, quoted));
	return 0;
}

static bool controller_is_valid(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-.=");

	return n > 0 && n <= 64 && name[n] == '\0';
}

static const struct json_field cgroup_fields[] = {
	JSON_ROW(struct id_cgroup, "path", path, json_read_copy, .check = check_normal,
		 .required = true),
	JSON_ROW(struct id_cgroup, "inode", inode, json_read_u64, .required = true),
};
static JSON_TABLE(cgroup_table, cgroup_fields, struct id_cgroup);

/* Makes room for the members of @value, which must be an object of at most ID_STRING_MAX_CGROUPS. */
static int begin_cgroups(const struct json_reader *r, const struct json_path *at,
			 struct json_object *value, struct id_string *id)
{
	int n;

	if (!json_object_is_type(value, json_type_object))
		return json_fail_type(r, at, "an object", value);
	n = json_object_object_length(value);
	if (n > ID_STRING_MAX_CGROUPS)
		return json_fail(r, at, "more than %d", ID_STRING_MAX_CGROUPS);
	id->cgroups = calloc((size_t)n + 1, sizeof *id->cgroups);
	return id->cgroups ? 0 : ts_fail(r->e, ENOMEM, "out of memory", NULL);
}

/* Begins the next cgroup, so that id_string_done() frees what is filled of it. */
static struct id_cgroup *next_cgroup(const struct json_reader *r, const struct json_path *at,
				     struct id_string *id, const char *controller)
{
	struct id_cgroup *cgroup = &id->cgroups[id->n_cgroups];

	if (!controller_is_valid(controller)) {
		(void)json_fail(r, at, "not the name of a controller");
		return NULL;
	}
	cgroup->controller = strdup(controller);
	if (!cgroup->controller) {
		(void)ts_fail(r->e, ENOMEM, "out of memory", NULL);
		return NULL;
	}
	id->n_cgroups++;
	return cgroup;
}

static int read_cgroups(const struct json_reader *r, const struct json_path *at,
			struct json_object *value, const struct json_field *field, void *object)
{
	struct id_string *id = object;

	(void)field;
	if (begin_cgroups(r, at, value, id) < 0)
		return -1;
	json_object_object_foreach(value, key, member)
	{
		struct json_path here = {.up = at, .key = key};
		struct id_cgroup *cgroup = next_cgroup(r, &here, id, key);

		if (!cgroup || json_read_members(r, &here, member, &cgroup_table, cgroup) < 0)
			return -1;
	}
	return 0;
}

static int check_id_string(const struct json_reader *r, const struct json_path *at, void *object)
{
	const struct id_string *id = object;
	struct json_path monitor = {.up = at, .key = "monitorStartTime"};

	if (id->monitor_pid > 0 && id->monitor_start_time == 0)
		return json_fail(r, &monitor, "missing");
	return 0;
}

static const struct json_field id_fields[] = {
	JSON_ROW(struct id_string, "id", id, json_read_copy, .check = check_task_id),
	JSON_ROW(struct id_string, "runId", run_id, json_read_run_id, .required = true),
	JSON_ROW(struct id_string, "bootId", boot_id, json_read_boot_id, .required = true),
	JSON_ROW(struct id_string, "pid", pid, json_read_pid, .min = 1, .required = true),
	JSON_ROW(struct id_string, "startTime", start_time, json_read_u64, .min = 1,
		 .required = true),
	JSON_ROW(struct id_string, "pidfdInode", pidfd_inode, json_read_u64, .min = 1),
	JSON_ROW(struct id_string, "monitorPid", monitor_pid, json_read_pid, .min = 1),
	JSON_ROW(struct id_string, "monitorStartTime", monitor_start_time, json_read_u64, .min = 1),
	JSON_ROW(struct id_string, "stateDir", state_dir, json_read_copy, .check = check_normal),
	JSON_ROW(struct id_string, "cgroups", cgroups, read_cgroups),
};
static JSON_TABLE(id_table, id_fields, struct id_string, .check = check_id_string);

/* --- decoding: CGROUP:{libcontainer's configs.Cgroup of 2015} --- */

struct form2015_cgroup {
	struct id_string *id;
	const char *name, *parent;
};

/* Whether no component of @path is "..": Go's filepath.Join would have resolved it, we refuse it. */
static bool stays_below(const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.')
			return false;
		path += n;
		path += strspn(path, "/");
	}
	return true;
}

/* "/parent/name", without doubled slashes. NULL: out of memory. */
static char *join(const char *parent, const char *name)
{
	size_t len;
	char *path;

	parent += strspn(parent, "/");
	len = strlen(parent);
	while (len > 0 && parent[len - 1] == '/')
		len--;
	if (asprintf(&path, "/%.*s%s%s", (int)len, parent, len > 0 ? "/" : "", name) < 0)
		return NULL;
	return path;
}

/* `paths`: controller -> path on the host, where libcontainer had already found them. */
static int read_paths(const struct json_reader *r, const struct json_path *at,
		      struct json_object *value, const struct json_field *field, void *object)
{
	struct id_string *id = ((struct form2015_cgroup *)object)->id;

	(void)field;
	if (id->cgroups)
		return json_fail(r, at, "there twice");
	if (begin_cgroups(r, at, value, id) < 0)
		return -1;
	json_object_object_foreach(value, key, member)
	{
		static const struct json_field path_field = {
			.offset = offsetof(struct id_cgroup, path), .check = check_normal};
		struct json_path here = {.up = at, .key = key};
		struct id_cgroup *cgroup = next_cgroup(r, &here, id, key);

		if (!cgroup || json_read_copy(r, &here, member, &path_field, cgroup) < 0)
			return -1;
	}
	return 0;
}

static const struct json_field form2015_fields[] = {
	JSON_ROW(struct form2015_cgroup, "name", name, json_read_nonempty, .required = true),
	JSON_ROW(struct form2015_cgroup, "parent", parent, json_read_text),
	JSON_ROW(struct form2015_cgroup, "paths", id, read_paths),
};
static JSON_TABLE(form2015_table, form2015_fields, struct form2015_cgroup, .any_case = true);

static int decode_2015(const struct json_reader *r, struct json_object *object,
		       struct id_string *id)
{
	struct form2015_cgroup cgroup = {.id = id};
	struct id_cgroup *one;

	id->is_2015 = true;
	if (json_read_members(r, NULL, object, &form2015_table, &cgroup) < 0)
		return -1;
	if (strchr(cgroup.name, '/') || strcmp(cgroup.name, ".") == 0 || !stays_below(cgroup.name))
		return fail_form(r->e, "the cgroup's name is not one path component");
	if (cgroup.parent && !stays_below(cgroup.parent))
		return fail_form(r->e, "the cgroup's parent has \"..\" in it");
	if (id->n_cgroups > 0)
		return 0;
	free(id->cgroups);
	id->cgroups = one = calloc(1, sizeof *one);
	if (!one)
		return ts_fail(r->e, ENOMEM, "out of memory", NULL);
	id->n_cgroups = 1;
	one->controller = strdup("");
	one->path = join(cgroup.parent ? cgroup.parent : "", cgroup.name);
	return one->controller && one->path ? 0 : ts_fail(r->e, ENOMEM, "out of memory", NULL);
}

/* --- decoding --- */

static int decode_cgroup_form(const char *text, struct id_string *id, struct ts_error *e)
{
	void *none = NULL;
	struct json_reader reader = {.e = e, .allocations = &none};
	struct json_object *object;
	int result;

	if (document_parse(text, strlen(text), &object, e) < 0)
		return -1;
	if (json_object_object_get_ex(object, "version", NULL))
		result = json_check_version(&reader, object, VERSION) < 0
				 ? -1
				 : json_read_members(&reader, NULL, object, &id_table, id);
	else
		result = decode_2015(&reader, object, id);
	json_object_put(object);
	return result;
}

/* @text without the newline that 2015 wrote. */
static int decode_line(const char *text, struct id_string *id, struct ts_error *e)
{
	if (has_prefix(text, cgroup_prefix))
		return decode_cgroup_form(text + strlen(cgroup_prefix), id, e);
	if (has_prefix(text, pid_prefix))
		return decode_pid_form(text + strlen(pid_prefix), id, e);
	return fail_form(e, "starts with neither CGROUP: nor PID:");
}

int id_string_decode(const char *text, struct id_string *ret, struct ts_error *e)
{
	size_t len = strnlen(text, 2 * ID_STRING_MAX);
	char line[2 * ID_STRING_MAX];
	struct id_string id = {0};

	if (len == sizeof line)
		return fail_form(e, "too long");
	memcpy(line, text, len);
	if (len > 0 && line[len - 1] == '\n')
		len--;
	line[len] = '\0';
	if (decode_line(line, &id, e) < 0) {
		id_string_done(&id);
		return -1;
	}
	*ret = id;
	return 0;
}
