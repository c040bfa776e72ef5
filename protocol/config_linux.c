/* The section `linux` of the config; its resources and seccomp have files of their own. */
#include "protocol/config.h"
#include "protocol/config_tables.h"

#include <json-c/json.h>
#include <string.h>

/* --- namespaces --- */

static const struct json_word namespace_types[] = {
	{"pid", OCI_NS_PID},	   {"network", OCI_NS_NETWORK}, {"mount", OCI_NS_MOUNT},
	{"ipc", OCI_NS_IPC},	   {"uts", OCI_NS_UTS},		{"user", OCI_NS_USER},
	{"cgroup", OCI_NS_CGROUP}, {"time", OCI_NS_TIME},	{NULL, 0},
};

struct namespace_entry {
	enum oci_namespace_type type;
	const char *path;
};

static const struct json_field namespace_fields[] = {
	JSON_ROW(struct namespace_entry, "type", type, json_read_word, .words = namespace_types,
		 .required = true),
	JSON_ROW(struct namespace_entry, "path", path, json_read_text,
		 .check = json_check_absolute),
};
static JSON_TABLE(namespace_table, namespace_fields, struct namespace_entry);

static int read_namespaces(const struct json_reader *r, const struct json_path *at,
			   struct json_object *value, const struct json_field *field, void *object)
{
	struct oci_linux *l = object;

	(void)field;
	if (!json_object_is_type(value, json_type_array))
		return json_fail_type(r, at, "an array", value);
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_path here = {.up = at, .index = i};
		struct json_path type = {.up = &here, .key = "type"};
		struct namespace_entry entry = {0};

		if (json_read_members(r, &here, json_object_array_get_idx(value, i),
				      &namespace_table, &entry) < 0)
			return -1;
		if (l->namespaces[entry.type].set)
			return json_fail(r, &type, "\"%s\" is there twice",
					 namespace_types[entry.type].name);
		l->namespaces[entry.type].set = true;
		l->namespaces[entry.type].path = entry.path;
	}
	l->namespaces_set = true;
	return 0;
}

/* --- devices --- */

/* type: one letter; "u" (unbuffered) is "c" to Linux. */
static int read_device_type(const struct json_reader *r, const struct json_path *at,
			    struct json_object *value, const struct json_field *field, void *object)
{
	struct oci_device *device = object;
	const char *type = json_get_string(r, at, value);
	char quoted[JSON_QUOTED];

	(void)field;
	if (!type)
		return -1;
	if (strlen(type) != 1 || !strchr("cubp", type[0]))
		return json_fail(r, at, "%s: expected \"c\", \"u\", \"b\" or \"p\"",
				 json_quote(type, quoted));
	device->type = type[0] == 'u' ? 'c' : type[0];
	return 0;
}

/* OCI requires the numbers of all but FIFOs. */
static int check_device(const struct json_reader *r, const struct json_path *at, void *object)
{
	const struct oci_device *device = object;
	struct json_path number = {.up = at, .key = device->major.set ? "minor" : "major"};

	if (device->type != 'p' && !(device->major.set && device->minor.set))
		return json_fail(r, &number, "missing: only a FIFO has none");
	return 0;
}

static const struct json_field device_fields[] = {
	JSON_ROW(struct oci_device, "path", path, json_read_absolute, .required = true),
	JSON_ROW(struct oci_device, "type", type, read_device_type, .required = true),
	JSON_ROW(struct oci_device, "major", major, json_read_opt_u64, .max = DEVICE_MAJOR_MAX),
	JSON_ROW(struct oci_device, "minor", minor, json_read_opt_u64, .max = DEVICE_MINOR_MAX),
	JSON_ROW(struct oci_device, "fileMode", file_mode, json_read_opt_u64, .max = UINT32_MAX),
	JSON_ROW(struct oci_device, "uid", uid, json_read_opt_u64, .max = ID_MAX),
	JSON_ROW(struct oci_device, "gid", gid, json_read_opt_u64, .max = ID_MAX),
};
static JSON_TABLE(device_table, device_fields, struct oci_device, .check = check_device);

static const struct json_field net_device_fields[] = {
	JSON_ROW(struct oci_net_device, "name", name, json_read_text),
};
static JSON_TABLE(net_device_table, net_device_fields, struct oci_net_device);

/* --- the rest --- */

static const struct json_field intel_rdt_fields[] = {
	JSON_ROW(struct oci_intel_rdt, "closID", clos_id, json_read_text),
	JSON_ROW(struct oci_intel_rdt, "schemata", schemata, json_read_strings),
	JSON_ROW(struct oci_intel_rdt, "l3CacheSchema", l3_cache_schema, json_read_text),
	JSON_ROW(struct oci_intel_rdt, "memBwSchema", mem_bw_schema, json_read_text),
	JSON_ROW(struct oci_intel_rdt, "enableCMT", enable_cmt, json_read_bool),
	JSON_ROW(struct oci_intel_rdt, "enableMBM", enable_mbm, json_read_bool),
	JSON_ROW(struct oci_intel_rdt, "enableMonitoring", enable_monitoring, json_read_bool),
};
static JSON_TABLE(intel_rdt_table, intel_rdt_fields, struct oci_intel_rdt, .has_set = true);

static const struct json_field time_offset_fields[] = {
	JSON_ROW(struct oci_time_offset, "secs", secs, json_read_i64),
	JSON_ROW(struct oci_time_offset, "nanosecs", nanosecs, json_read_u32, .max = 999999999),
};
static JSON_TABLE(time_offset_table, time_offset_fields, struct oci_time_offset);

/* A list whose absence differs from its being empty. */
static int read_masked_paths(const struct json_reader *r, const struct json_path *at,
			     struct json_object *value, const struct json_field *field,
			     void *object)
{
	((struct oci_linux *)object)->masked_paths_set = true;
	return json_read_strings(r, at, value, field, object);
}

static int read_readonly_paths(const struct json_reader *r, const struct json_path *at,
			       struct json_object *value, const struct json_field *field,
			       void *object)
{
	((struct oci_linux *)object)->readonly_paths_set = true;
	return json_read_strings(r, at, value, field, object);
}

static int check_propagation(const struct json_reader *r, const struct json_path *at,
			     struct json_object *value, const struct json_field *field,
			     void *object)
{
	static const char *const known[] = {"private", "rprivate", "slave",	 "rslave",
					    "shared",  "rshared",  "unbindable", "runbindable"};
	const char *word = *(const char **)object;
	char quoted[JSON_QUOTED];

	(void)value;
	(void)field;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcmp(known[i], word) == 0)
			return 0;
	return json_fail(r, at,
			 "%s: expected private, slave, shared or unbindable, or one with r "
			 "before it",
			 json_quote(word, quoted));
}

static int read_personality(const struct json_reader *r, const struct json_path *at,
			    struct json_object *value, const struct json_field *field, void *object)
{
	((struct oci_linux *)object)->personality_set = true;
	return json_read_inline(r, at, value, field, object);
}

static const struct json_field linux_fields[] = {
	JSON_LIST(struct oci_linux, "uidMappings", uid_mappings, n_uid_mappings, json_read_array,
		  .table = &id_mapping_table),
	JSON_LIST(struct oci_linux, "gidMappings", gid_mappings, n_gid_mappings, json_read_array,
		  .table = &id_mapping_table),
	JSON_ROW(struct oci_linux, "sysctl", sysctl, json_read_string_map),
	JSON_ROW(struct oci_linux, "resources", resources, json_read_object,
		 .table = &resources_table),
	JSON_ROW(struct oci_linux, "cgroupsPath", cgroups_path, json_read_text),
	JSON_ROW(struct oci_linux, "namespaces", namespaces, read_namespaces,
		 .table = &namespace_table),
	JSON_LIST(struct oci_linux, "devices", devices, n_devices, json_read_array,
		  .table = &device_table),
	JSON_LIST(struct oci_linux, "netDevices", net_devices, n_net_devices, json_read_object_map,
		  .table = &net_device_table, .is_map = true),
	JSON_ROW(struct oci_linux, "seccomp", seccomp, json_read_object, .table = &seccomp_table),
	JSON_ROW(struct oci_linux, "rootfsPropagation", rootfs_propagation, json_read_text,
		 .check = check_propagation),
	JSON_ROW(struct oci_linux, "maskedPaths", masked_paths, read_masked_paths,
		 .check = json_check_absolute),
	JSON_ROW(struct oci_linux, "readonlyPaths", readonly_paths, read_readonly_paths,
		 .check = json_check_absolute),
	JSON_ROW(struct oci_linux, "mountLabel", mount_label, json_read_text),
	JSON_ROW(struct oci_linux, "intelRdt", intel_rdt, json_read_object,
		 .table = &intel_rdt_table),
	JSON_ROW(struct oci_linux, "personality", personality_set, read_personality,
		 .table = &personality_table),
	JSON_LIST(struct oci_linux, "timeOffsets", time_offsets, n_time_offsets,
		  json_read_object_map, .table = &time_offset_table, .is_map = true),
	JSON_ROW(struct oci_linux, "memoryPolicy", memory_policy, json_read_object,
		 .table = &memory_policy_table),
};
JSON_TABLE(linux_table, linux_fields, struct oci_linux, .has_set = true);
