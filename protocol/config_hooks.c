/* The section `hooks` of the config. */
#include "protocol/config.h"
#include "protocol/config_tables.h"

#include <json-c/json.h>

static const struct json_field hook_fields[] = {
	JSON_ROW(struct oci_hook, "path", path, json_read_absolute, .required = true),
	JSON_ROW(struct oci_hook, "args", args, json_read_strings),
	JSON_ROW(struct oci_hook, "env", env, json_read_strings),
	JSON_ROW(struct oci_hook, "timeout", timeout_s, json_read_opt_i64, .min = 1,
		 .max = INT32_MAX),
};
JSON_TABLE(hook_table, hook_fields, struct oci_hook);

#define HOOKS(key, kind)                                                                           \
	JSON_LIST(struct config, key, hooks[kind].v, hooks[kind].n, json_read_array,               \
		  .table = &hook_table)

static const struct json_field hooks_fields[] = {
	HOOKS("prestart", OCI_HOOK_PRESTART),
	HOOKS("createRuntime", OCI_HOOK_CREATE_RUNTIME),
	HOOKS("createContainer", OCI_HOOK_CREATE_CONTAINER),
	HOOKS("startContainer", OCI_HOOK_START_CONTAINER),
	HOOKS("poststart", OCI_HOOK_POSTSTART),
	HOOKS("poststop", OCI_HOOK_POSTSTOP),
};
JSON_TABLE(hooks_table, hooks_fields, struct config);
