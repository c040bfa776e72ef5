/* The section `taskshim` of the config: what OCI does not say. An unknown property here is an error. */
#include "protocol/config.h"
#include "protocol/config_tables.h"
#include "protocol/values.h"
#include "util/path.h"
#include "util/proc.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1 };

static int read_version(const struct json_reader *r, const struct json_path *at,
			struct json_object *value, const struct json_field *field, void *object)
{
	(void)field;
	(void)object;
	if (!json_object_is_type(value, json_type_int))
		return json_fail_type(r, at, "an integer", value);
	if (json_object_get_int64(value) != VERSION)
		return json_fail(r, at,
				 "version %s is not supported: this program knows version %d",
				 json_object_get_string(value), VERSION);
	return 0;
}

/* --- names --- */

static int check_id(const struct json_reader *r, const struct json_path *at,
		    struct json_object *value, const struct json_field *field, void *object)
{
	const char *id = *(const char **)object;
	char quoted[JSON_QUOTED];

	(void)value;
	(void)field;
	if (!task_id_is_valid(id))
		return json_fail(r, at,
				 "%s: expected 1 to 200 of A-Z a-z 0-9 _ + . -, not starting "
				 "with -",
				 json_quote(id, quoted));
	return 0;
}

static int check_run_id(const struct json_reader *r, const struct json_path *at,
			struct json_object *value, const struct json_field *field, void *object)
{
	const char *id = *(const char **)object;

	(void)value;
	(void)field;
	if (strlen(id) != TS_RUN_ID_LEN || id[strspn(id, "0123456789abcdef")] != '\0')
		return json_fail(r, at, "expected %d hexadecimal digits", TS_RUN_ID_LEN);
	return 0;
}

static int check_user(const struct json_reader *r, const struct json_path *at,
		      struct json_object *value, const struct json_field *field, void *object)
{
	const char *user = *(const char **)object;
	char quoted[JSON_QUOTED];

	(void)value;
	(void)field;
	if (!user_is_valid(user))
		return json_fail(r, at, "%s: expected NAME, UID, NAME:GROUP or UID:GID",
				 json_quote(user, quoted));
	return 0;
}

static int check_affinity(const struct json_reader *r, const struct json_path *at,
			  struct json_object *value, const struct json_field *field, void *object)
{
	const char *text = *(const char **)object;

	return strcmp(text, "all") == 0 ? 0 : config_check_number_list(r, at, value, field, object);
}

/* --- chroot --- */

static int read_chroot_map(const struct json_reader *r, const struct json_path *at,
			   struct json_object *value, const struct json_field *field, void *object)
{
	struct ts_extension *t = object;
	char quoted[JSON_QUOTED];

	if (json_read_string_map(r, at, value, field, object) < 0)
		return -1;
	for (size_t i = 0; i < t->chroot_map.n; i++) {
		const char *key = t->chroot_map.v[i].key;
		struct json_path here = {.up = at, .key = key};

		if (!ts_path_is_normal(key) || strcmp(key, "/") == 0)
			return json_fail(r, &here,
					 "%s: expected an absolute path in the task, without "
					 "\"//\", \".\", \"..\" and a / at the end",
					 json_quote(key, quoted));
	}
	t->chroot = TS_CHROOT_MAP;
	return 0;
}

/* The preset "host", or {"/bin": "/bin"}. */
static int read_chroot(const struct json_reader *r, const struct json_path *at,
		       struct json_object *value, const struct json_field *field, void *object)
{
	struct ts_extension *t = object;

	if (json_object_is_type(value, json_type_object))
		return read_chroot_map(r, at, value, field, object);
	if (!json_object_is_type(value, json_type_string) ||
	    strcmp(json_object_get_string(value), "host") != 0)
		return json_fail(r, at, "expected \"host\" or an object of paths");
	t->chroot = TS_CHROOT_HOST;
	return 0;
}

/* --- cgroup --- */

static int read_cgroups(const struct json_reader *r, const struct json_path *at,
			struct json_object *value, const struct json_field *field, void *object)
{
	struct ts_extension *t = object;
	char quoted[JSON_QUOTED];

	if (json_read_string_map(r, at, value, field, object) < 0)
		return -1;
	for (size_t i = 0; i < t->cgroups.n; i++) {
		struct json_path here = {.up = at, .key = t->cgroups.v[i].key};

		if (!ts_path_is_normal(t->cgroups.v[i].value))
			return json_fail(r, &here,
					 "%s: write an absolute path without \"//\", \".\", "
					 "\"..\" and a / at the end",
					 json_quote(t->cgroups.v[i].value, quoted));
	}
	return 0;
}

/* --- stdin, stdout, stderr --- */

/* "fd:N". Returns N, or -1. */
static int parse_fd(const char *text)
{
	char *end;
	long fd;

	if (strncmp(text, "fd:", 3) != 0 || !isdigit((unsigned char)text[3]))
		return -1;
	errno = 0;
	fd = strtol(text + 3, &end, 10);
	return errno || *end || fd > INT32_MAX ? -1 : (int)fd;
}

static int read_stdio(const struct json_reader *r, const struct json_path *at,
		      struct json_object *value, const struct json_field *field, void *object)
{
	struct ts_extension *t = object;
	struct ts_stdio *io = (struct ts_stdio *)((char *)object + field->offset);
	const char *text = json_get_string(r, at, value);
	char quoted[JSON_QUOTED];

	if (!text)
		return -1;
	if (strcmp(text, "null") == 0) {
		io->kind = TS_STDIO_NULL;
	} else if (strcmp(text, "inherit") == 0 && io == &t->stdio[2]) {
		io->kind = TS_STDIO_INHERIT;
	} else if (text[0] == '/') {
		io->kind = TS_STDIO_PATH;
		io->path = text;
	} else if (strncmp(text, "fd:", 3) == 0) {
		io->kind = TS_STDIO_FD;
		io->fd = parse_fd(text);
		if (io->fd < 3)
			return json_fail(r, at, "%s: expected \"fd:N\" with N of 3 or more",
					 json_quote(text, quoted));
	} else {
		return json_fail(r, at, "%s: expected \"null\", an absolute path%s or \"fd:N\"",
				 json_quote(text, quoted),
				 io == &t->stdio[2] ? ", \"inherit\"" : "");
	}
	return 0;
}

static int read_console_socket(const struct json_reader *r, const struct json_path *at,
			       struct json_object *value, const struct json_field *field,
			       void *object)
{
	struct ts_stdio *socket = (struct ts_stdio *)((char *)object + field->offset);
	const char *text = json_get_string(r, at, value);
	char quoted[JSON_QUOTED];

	if (!text)
		return -1;
	socket->kind = text[0] == '/' ? TS_STDIO_PATH : TS_STDIO_FD;
	socket->path = text[0] == '/' ? text : NULL;
	socket->fd = parse_fd(text);
	if (!socket->path && socket->fd < 3)
		return json_fail(r, at,
				 "%s: expected an absolute path, or \"fd:N\" with N of 3 or more",
				 json_quote(text, quoted));
	return 0;
}

/* --- durations, sizes, signals --- */

static int fail_duration(const struct json_reader *r, const struct json_path *at, int err,
			 struct json_object *value)
{
	char quoted[JSON_QUOTED];
	const char *text = json_object_get_string(value);

	return json_fail(r, at, "%s: %s", json_quote(text ? text : "", quoted),
			 err == -ERANGE
				 ? "too long a time"
				 : "expected a time such as \"500ms\", \"5s\", \"2m\" or seconds");
}

static int read_duration(const struct json_reader *r, const struct json_path *at,
			 struct json_object *value, const struct json_field *field, void *object)
{
	uint64_t *ms = (uint64_t *)((char *)object + field->offset);
	const char *text;
	int result;

	switch (json_object_get_type(value)) {
	case json_type_int:
	case json_type_double:
		result = duration_from_seconds(json_object_get_double(value), ms);
		break;
	case json_type_string:
		text = json_get_string(r, at, value);
		if (!text)
			return -1;
		result = duration_parse(text, ms);
		break;
	default:
		return json_fail_type(r, at, "a time", value);
	}
	return result < 0 ? fail_duration(r, at, result, value) : 0;
}

static int read_timeout(const struct json_reader *r, const struct json_path *at,
			struct json_object *value, const struct json_field *field, void *object)
{
	struct ts_extension *t = object;

	if (read_duration(r, at, value, field, object) < 0)
		return -1;
	if (t->timeout_ms.value == 0)
		return json_fail(r, at, "must be more than 0");
	t->timeout_ms.set = true;
	return 0;
}

static int read_signal(const struct json_reader *r, const struct json_path *at,
		       struct json_object *value, const struct json_field *field, void *object)
{
	struct ts_extension *t = object;
	const char *text;
	char quoted[JSON_QUOTED];
	int signo;

	(void)field;
	if (json_object_is_type(value, json_type_int))
		text = json_object_get_string(value);
	else
		text = json_get_string(r, at, value);
	if (!text)
		return -1;
	signo = signal_parse(text);
	if (signo < 0)
		return json_fail(r, at, "%s: unknown signal", json_quote(text, quoted));
	t->kill_signal = signo;
	return 0;
}

static int read_size(const struct json_reader *r, const struct json_path *at,
		     struct json_object *value, const struct json_field *field, void *object)
{
	uint64_t *bytes = (uint64_t *)((char *)object + field->offset);
	const char *text;
	char quoted[JSON_QUOTED];

	if (json_object_is_type(value, json_type_int))
		return json_read_u64(r, at, value, field, object);
	if (!json_object_is_type(value, json_type_string))
		return json_fail_type(r, at, "a size", value);
	text = json_get_string(r, at, value);
	if (!text)
		return -1;
	switch (size_parse(text, bytes)) {
	case 0:
		break;
	case -ERANGE:
		return json_fail(r, at, "%s: does not fit 64 bits", json_quote(text, quoted));
	default:
		return json_fail(r, at, "%s: expected a size such as \"10M\" or bytes",
				 json_quote(text, quoted));
	}
	return *bytes > 0 ? 0 : json_fail(r, at, "must be at least 1");
}

/* --- the tables --- */

static const struct json_field logs_fields[] = {
	JSON_ROW(struct ts_logs, "maxFiles", max_files, json_read_u64, .min = 1, .max = 10000,
		 .required = true),
	JSON_ROW(struct ts_logs, "maxFileSize", max_file_size_bytes, read_size, .min = 1,
		 .required = true),
};
static JSON_TABLE(logs_table, logs_fields, struct ts_logs, .has_set = true, .strict = true);

static const struct json_word on_death[] = {{"keep", 0}, {"kill", 1}, {NULL, 0}};
static const struct json_word keyrings[] = {{"new", 0}, {"inherit", 1}, {NULL, 0}};
static const struct json_word seccomp_profiles[] = {{"none", 0}, {"default", 1}, {NULL, 0}};
static const struct json_word wait_for[] = {{"main", 0}, {"all", 1}, {NULL, 0}};
static const struct json_word strays[] = {{"kill", 0}, {"keep", 1}, {NULL, 0}};
static const struct json_word isolations[] = {
	{"pivot", TS_ISOLATION_PIVOT},
	{"chroot", TS_ISOLATION_CHROOT},
	{"none", TS_ISOLATION_NONE},
	{NULL, 0},
};
static const struct json_word chroot_methods[] = {
	{"bind", TS_CHROOT_BIND},
	{"copy", TS_CHROOT_COPY},
	{NULL, 0},
};

static int check_taskshim(const struct json_reader *r, const struct json_path *at, void *object)
{
	const struct ts_extension *t = object;
	struct json_path monitor = {.up = at, .key = "monitor"};
	struct json_path clean_up = {.up = at, .key = "cleanUp"};

	if (!t->monitor && t->timeout_ms.set)
		return json_fail(r, &monitor,
				 "false contradicts taskshim.timeout, which the monitor "
				 "keeps");
	if (!t->monitor && t->logs.set)
		return json_fail(r, &monitor,
				 "false contradicts taskshim.logs, which the monitor writes");
	if (!t->monitor && t->wait_for_all && !t->init)
		return json_fail(r, &monitor,
				 "false contradicts taskshim.waitFor \"all\": the monitor is who "
				 "waits");
	if (!t->monitor && t->clean_up)
		return json_fail(r, &monitor,
				 "false contradicts taskshim.cleanUp, which the monitor does");
	if (t->clean_up && !t->kill_on_parent_death)
		return json_fail(r, &clean_up,
				 "needs taskshim.onParentDeath \"kill\": it says what is left "
				 "of a task that was ended for its parent's death");
	return 0;
}

static const struct json_field taskshim_fields[] = {
	JSON_ROW(struct ts_extension, "version", set, read_version),
	JSON_ROW(struct ts_extension, "id", id, json_read_string, .check = check_id),
	JSON_ROW(struct ts_extension, "runId", run_id, json_read_string, .check = check_run_id),
	JSON_ROW(struct ts_extension, "stateDir", state_dir, json_read_normal),
	JSON_ROW(struct ts_extension, "monitor", monitor, json_read_bool),
	JSON_ROW(struct ts_extension, "monitorCgroup", monitor_cgroup, json_read_normal),
	JSON_ROW(struct ts_extension, "onParentDeath", kill_on_parent_death, json_read_word_bool,
		 .words = on_death),
	JSON_ROW(struct ts_extension, "onMonitorDeath", kill_on_monitor_death, json_read_word_bool,
		 .words = on_death),
	JSON_ROW(struct ts_extension, "cleanUp", clean_up, json_read_bool),
	JSON_ROW(struct ts_extension, "durable", durable, json_read_bool),
	JSON_ROW(struct ts_extension, "user", user, json_read_string, .check = check_user),
	JSON_ROW(struct ts_extension, "keyring", inherit_keyring, json_read_word_bool,
		 .words = keyrings),
	JSON_ROW(struct ts_extension, "cpuAffinity", cpu_affinity, json_read_string,
		 .check = check_affinity),
	JSON_ROW(struct ts_extension, "interpolate", interpolate, json_read_bool),
	JSON_ROW(struct ts_extension, "baseMountNamespace", base_mount_ns, json_read_normal),
	JSON_ROW(struct ts_extension, "shell", shell, json_read_strings,
		 .check = json_check_absolute),
	JSON_ROW(struct ts_extension, "isolation", isolation, json_read_word, .words = isolations),
	JSON_ROW(struct ts_extension, "chroot", chroot_map, read_chroot,
		 .check = json_check_absolute),
	JSON_ROW(struct ts_extension, "chrootMethod", chroot_method, json_read_word,
		 .words = chroot_methods),
	JSON_ROW(struct ts_extension, "taskDir", task_dir, json_read_absolute),
	JSON_ROW(struct ts_extension, "allocDir", alloc_dir, json_read_absolute),
	JSON_ROW(struct ts_extension, "stdin", stdio[0], read_stdio),
	JSON_ROW(struct ts_extension, "stdout", stdio[1], read_stdio),
	JSON_ROW(struct ts_extension, "stderr", stdio[2], read_stdio),
	JSON_ROW(struct ts_extension, "consoleSocket", console_socket, read_console_socket),
	JSON_ROW(struct ts_extension, "preserveFds", preserve_fds, json_read_u32,
		 .max = CONFIG_PRESERVE_FDS_MAX),
	JSON_ROW(struct ts_extension, "logs", logs, json_read_object, .table = &logs_table),
	JSON_ROW(struct ts_extension, "cgroup", cgroups, read_cgroups),
	JSON_ROW(struct ts_extension, "killSignal", kill_signal, read_signal),
	JSON_ROW(struct ts_extension, "killTimeout", kill_timeout_ms, read_duration),
	JSON_ROW(struct ts_extension, "timeout", timeout_ms.value, read_timeout),
	JSON_ROW(struct ts_extension, "waitFor", wait_for_all, json_read_word_bool,
		 .words = wait_for),
	JSON_ROW(struct ts_extension, "strays", keep_strays, json_read_word_bool, .words = strays),
	JSON_ROW(struct ts_extension, "init", init, json_read_bool),
	JSON_ROW(struct ts_extension, "seccomp", seccomp_default, json_read_word_bool,
		 .words = seccomp_profiles),
};
JSON_TABLE(taskshim_table, taskshim_fields, struct ts_extension, .has_set = true, .strict = true,
	   .check = check_taskshim);
