/* The section `linux.seccomp` of the config. What the words mean is for libseccomp to say; their form is checked here. */
#include "protocol/config.h"
#include "protocol/config_tables.h"

#include <json-c/json.h>

static const struct json_field arg_fields[] = {
	JSON_ROW(struct oci_seccomp_arg, "index", index, json_read_u32, .max = 5, .required = true),
	JSON_ROW(struct oci_seccomp_arg, "value", value, json_read_u64, .required = true),
	JSON_ROW(struct oci_seccomp_arg, "valueTwo", value_two, json_read_u64),
	JSON_ROW(struct oci_seccomp_arg, "op", op, json_read_nonempty, .required = true),
};
static JSON_TABLE(arg_table, arg_fields, struct oci_seccomp_arg);

static const struct json_field syscall_fields[] = {
	JSON_ROW(struct oci_seccomp_syscall, "names", names, json_read_strings, .required = true),
	JSON_ROW(struct oci_seccomp_syscall, "action", action, json_read_nonempty,
		 .required = true),
	JSON_ROW(struct oci_seccomp_syscall, "errnoRet", errno_ret, json_read_opt_u64,
		 .max = UINT32_MAX),
	JSON_LIST(struct oci_seccomp_syscall, "args", args, n_args, json_read_array,
		  .table = &arg_table),
};
static JSON_TABLE(syscall_table, syscall_fields, struct oci_seccomp_syscall);

static const struct json_field seccomp_fields[] = {
	JSON_ROW(struct oci_seccomp, "defaultAction", default_action, json_read_nonempty,
		 .required = true),
	JSON_ROW(struct oci_seccomp, "defaultErrnoRet", default_errno_ret, json_read_opt_u64,
		 .max = UINT32_MAX),
	JSON_ROW(struct oci_seccomp, "architectures", architectures, json_read_strings),
	JSON_ROW(struct oci_seccomp, "flags", flags, json_read_strings),
	JSON_ROW(struct oci_seccomp, "listenerPath", listener_path, json_read_text,
		 .check = json_check_absolute),
	JSON_ROW(struct oci_seccomp, "listenerMetadata", listener_metadata, json_read_text),
	JSON_LIST(struct oci_seccomp, "syscalls", syscalls, n_syscalls, json_read_array,
		  .table = &syscall_table),
};
JSON_TABLE(seccomp_table, seccomp_fields, struct oci_seccomp, .has_set = true);
