/* The section `process` of the config. */
#include "protocol/config.h"
#include "protocol/config_tables.h"
#include "protocol/fields.h"

#include <ctype.h>
#include <json-c/json.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>
#include <sys/resource.h>

/* --- user --- */

static const struct json_field user_fields[] = {
	JSON_ROW(struct oci_user, "uid", uid, json_read_u32, .max = ID_MAX),
	JSON_ROW(struct oci_user, "gid", gid, json_read_u32, .max = ID_MAX),
	JSON_ROW(struct oci_user, "umask", umask, json_read_opt_u64, .max = 0777),
	JSON_LIST(struct oci_user, "additionalGids", additional_gids, n_additional_gids,
		  json_read_u32_list, .max = ID_MAX),
	JSON_ROW(struct oci_user, "username", username, json_read_text),
};
static JSON_TABLE(user_table, user_fields, struct oci_user, .has_set = true);

/* --- capabilities --- */

/* "CAP_CHOWN" -> its number, or -1. libcap also takes numbers, which are not names, and stops at a space or a comma. */
static int capability_from_name(const char *name)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
	cap_value_t value;

	if (strncasecmp(name, "CAP_", 4) != 0 || isdigit((unsigned char)name[4]) ||
	    name[strspn(name, letters)] != '\0' || cap_from_name(name, &value) < 0 || value < 0 ||
	    value > 63)
		return -1;
	return value;
}

const char *capability_word(unsigned number, char buf[static CAPABILITY_NAME])
{
	char *name = cap_to_name((cap_value_t)number); /* a number as text where it knows none */
	size_t i;

	if (!name)
		return NULL;
	for (i = 0; i + 1 < CAPABILITY_NAME && name[i]; i++)
		buf[i] = (char)toupper((unsigned char)name[i]);
	buf[i] = '\0';
	(void)cap_free(name);
	return capability_from_name(buf) == (int)number ? buf : NULL;
}

static int read_capability_set(const struct json_reader *r, const struct json_path *at,
			       struct json_object *value, const struct json_field *field,
			       void *object)
{
	uint64_t *set = (uint64_t *)((char *)object + field->offset);

	if (!json_object_is_type(value, json_type_array))
		return json_fail_type(r, at, "an array of strings", value);
	*set = 0;
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_path here = {.up = at, .index = i};
		const char *name = json_get_string(r, &here, json_object_array_get_idx(value, i));
		char quoted[JSON_QUOTED];
		int number = name ? capability_from_name(name) : -1;

		if (!name)
			return -1;
		if (number < 0)
			return json_fail(r, &here, "%s: unknown capability",
					 json_quote(name, quoted));
		*set |= (uint64_t)1 << number;
	}
	return 0;
}

static const struct json_field capability_fields[] = {
	JSON_ROW(struct oci_capabilities, "bounding", bounding, read_capability_set),
	JSON_ROW(struct oci_capabilities, "effective", effective, read_capability_set),
	JSON_ROW(struct oci_capabilities, "inheritable", inheritable, read_capability_set),
	JSON_ROW(struct oci_capabilities, "permitted", permitted, read_capability_set),
	JSON_ROW(struct oci_capabilities, "ambient", ambient, read_capability_set),
};
static JSON_TABLE(capabilities_table, capability_fields, struct oci_capabilities, .has_set = true);

/* --- rlimits --- */

static const struct json_word rlimit_names[] = {
	{"RLIMIT_AS", RLIMIT_AS},
	{"RLIMIT_CORE", RLIMIT_CORE},
	{"RLIMIT_CPU", RLIMIT_CPU},
	{"RLIMIT_DATA", RLIMIT_DATA},
	{"RLIMIT_FSIZE", RLIMIT_FSIZE},
	{"RLIMIT_LOCKS", RLIMIT_LOCKS},
	{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
	{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
	{"RLIMIT_NICE", RLIMIT_NICE},
	{"RLIMIT_NOFILE", RLIMIT_NOFILE},
	{"RLIMIT_NPROC", RLIMIT_NPROC},
	{"RLIMIT_RSS", RLIMIT_RSS},
	{"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
	{"RLIMIT_RTTIME", RLIMIT_RTTIME},
	{"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
	{"RLIMIT_STACK", RLIMIT_STACK},
	{NULL, 0},
};

static int read_rlimit_type(const struct json_reader *r, const struct json_path *at,
			    struct json_object *value, const struct json_field *field, void *object)
{
	struct oci_rlimit *limit = object;
	const char *name = json_get_string(r, at, value);
	char quoted[JSON_QUOTED];

	if (!name)
		return -1;
	for (const struct json_word *w = field->words; w->name; w++) {
		if (strcmp(w->name, name) == 0) {
			limit->name = w->name;
			limit->resource = w->value;
			return 0;
		}
	}
	return json_fail(r, at, "%s: unknown rlimit", json_quote(name, quoted));
}

static int check_rlimit(const struct json_reader *r, const struct json_path *at, void *object)
{
	const struct oci_rlimit *limit = object;
	struct json_path soft = {.up = at, .key = "soft"};

	if (limit->soft > limit->hard)
		return json_fail(r, &soft, "%llu is more than the hard limit %llu",
				 (unsigned long long)limit->soft, (unsigned long long)limit->hard);
	return 0;
}

static const struct json_field rlimit_fields[] = {
	JSON_ROW(struct oci_rlimit, "type", name, read_rlimit_type, .words = rlimit_names,
		 .required = true),
	JSON_ROW(struct oci_rlimit, "soft", soft, json_read_u64, .required = true),
	JSON_ROW(struct oci_rlimit, "hard", hard, json_read_u64, .required = true),
};
static JSON_TABLE(rlimit_table, rlimit_fields, struct oci_rlimit, .check = check_rlimit);

static int check_rlimits_differ(const struct json_reader *r, const struct json_path *at,
				const struct oci_process *process)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < process->n_rlimits; i++) {
		struct json_path list = {.up = at, .key = "rlimits"};
		struct json_path element = {.up = &list, .index = i};
		struct json_path type = {.up = &element, .key = "type"};
		uint32_t bit = (uint32_t)1 << process->rlimits[i].resource;

		if (seen & bit)
			return json_fail(r, &type, "%s is set twice", process->rlimits[i].name);
		seen |= bit;
	}
	return 0;
}

/* --- process --- */

static const struct json_field console_fields[] = {
	JSON_ROW(struct oci_process, "height", console_height, json_read_opt_u64, .max = UINT16_MAX,
		 .required = true),
	JSON_ROW(struct oci_process, "width", console_width, json_read_opt_u64, .max = UINT16_MAX,
		 .required = true),
};
static JSON_TABLE(console_table, console_fields, struct oci_process);

/* The value may be a secret: it is never shown. */
static int check_env(const struct json_reader *r, const struct json_path *at,
		     struct json_object *value, const struct json_field *field, void *object)
{
	const char *entry = *(const char **)object;
	const char *equals = strchr(entry, '=');

	(void)value;
	(void)field;
	if (!equals || equals == entry)
		return json_fail(r, at, "expected NAME=VALUE");
	return 0;
}

static int check_process(const struct json_reader *r, const struct json_path *at, void *object)
{
	struct oci_process *process = object;
	struct json_path args = {.up = at, .key = "args"};
	struct json_path first = {.up = &args, .index = 0};

	if (process->args.n == 0)
		return json_fail(r, &args, "empty: name the command");
	if (process->args.v[0][0] == '\0')
		return json_fail(r, &first, "empty: name the command");
	return check_rlimits_differ(r, at, process);
}

static const struct json_field process_fields[] = {
	JSON_ROW(struct oci_process, "terminal", terminal, json_read_bool),
	JSON_ROW(struct oci_process, "consoleSize", console_height, json_read_inline,
		 .table = &console_table),
	JSON_ROW(struct oci_process, "user", user, json_read_object, .table = &user_table),
	JSON_ROW(struct oci_process, "args", args, json_read_strings, .required = true),
	JSON_ROW(struct oci_process, "env", env, json_read_strings, .check = check_env),
	JSON_ROW(struct oci_process, "cwd", cwd, json_read_absolute),
	JSON_ROW(struct oci_process, "capabilities", capabilities, json_read_object,
		 .table = &capabilities_table),
	JSON_LIST(struct oci_process, "rlimits", rlimits, n_rlimits, json_read_array,
		  .table = &rlimit_table),
	JSON_ROW(struct oci_process, "noNewPrivileges", no_new_privileges, json_read_bool),
	JSON_ROW(struct oci_process, "apparmorProfile", apparmor_profile, json_read_text),
	JSON_ROW(struct oci_process, "selinuxLabel", selinux_label, json_read_text),
	JSON_ROW(struct oci_process, "oomScoreAdj", oom_score_adj, json_read_opt_i64, .min = -1000,
		 .max = 1000),
	JSON_ROW(struct oci_process, "scheduler", scheduler, json_read_object,
		 .table = &scheduler_table),
	JSON_ROW(struct oci_process, "ioPriority", io_priority, json_read_object,
		 .table = &io_priority_table),
	JSON_ROW(struct oci_process, "execCPUAffinity", exec_cpu_affinity, json_read_object,
		 .table = &affinity_table),
};
JSON_TABLE(process_table, process_fields, struct oci_process, .has_set = true,
	   .check = check_process);
