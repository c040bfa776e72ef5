/* The section `linux.resources` of the config: what a cgroup is to be limited to. As with runc, a limit of 0 is no limit
 * set; -1 is unlimited where the kernel has that. */
#include "protocol/config.h"
#include "protocol/config_tables.h"

#include <json-c/json.h>
#include <string.h>

#define UNSET_OR_FROM(least) .min = (least), .zero_is_unset = true

/* --- devices --- */

static int check_device_type(const struct json_reader *r, const struct json_path *at,
			     struct json_object *value, const struct json_field *field,
			     void *object)
{
	const char *type = *(const char **)object;
	char quoted[JSON_QUOTED];

	(void)value;
	(void)field;
	if (strlen(type) != 1 || !strchr("abcu", type[0]))
		return json_fail(r, at, "%s: expected \"a\", \"b\", \"c\" or \"u\"",
				 json_quote(type, quoted));
	return 0;
}

static int check_access(const struct json_reader *r, const struct json_path *at,
			struct json_object *value, const struct json_field *field, void *object)
{
	const char *access = *(const char **)object;
	char quoted[JSON_QUOTED];

	(void)value;
	(void)field;
	if (access[strspn(access, "rwm")] != '\0')
		return json_fail(r, at, "%s: expected letters of \"rwm\"",
				 json_quote(access, quoted));
	return 0;
}

static const struct json_field device_rule_fields[] = {
	JSON_ROW(struct oci_device_rule, "allow", allow, json_read_bool, .required = true),
	JSON_ROW(struct oci_device_rule, "type", type, json_read_text, .check = check_device_type),
	JSON_ROW(struct oci_device_rule, "major", major, json_read_opt_i64, .min = -1,
		 .max = UINT32_MAX),
	JSON_ROW(struct oci_device_rule, "minor", minor, json_read_opt_i64, .min = -1,
		 .max = UINT32_MAX),
	JSON_ROW(struct oci_device_rule, "access", access, json_read_text, .check = check_access),
};
static JSON_TABLE(device_rule_table, device_rule_fields, struct oci_device_rule);

/* --- memory --- */

/* Docker wrote -1 as an unsigned number for "as the parent": neither that nor -1 sets anything. */
static int read_swappiness(const struct json_reader *r, const struct json_path *at,
			   struct json_object *value, const struct json_field *field, void *object)
{
	if (json_object_is_type(value, json_type_int) &&
	    (json_object_get_int64(value) == -1 || json_object_get_uint64(value) == UINT64_MAX))
		return 0;
	return json_read_opt_u64(r, at, value, field, object);
}

static int check_memory(const struct json_reader *r, const struct json_path *at, void *object)
{
	const struct oci_memory *memory = object;
	struct json_path swap = {.up = at, .key = "swap"};

	if (!memory->swap_bytes.set || memory->swap_bytes.value < 0)
		return 0;
	if (!memory->limit_bytes.set || memory->limit_bytes.value < 0)
		return json_fail(r, &swap,
				 "needs a memory limit: it limits memory and swap together");
	if (memory->swap_bytes.value < memory->limit_bytes.value)
		return json_fail(r, &swap,
				 "%lld is less than the memory limit %lld: it limits "
				 "memory and swap together",
				 (long long)memory->swap_bytes.value,
				 (long long)memory->limit_bytes.value);
	return 0;
}

static const struct json_field memory_fields[] = {
	JSON_ROW(struct oci_memory, "limit", limit_bytes, json_read_opt_i64, UNSET_OR_FROM(-1)),
	JSON_ROW(struct oci_memory, "reservation", reservation_bytes, json_read_opt_i64,
		 UNSET_OR_FROM(-1)),
	JSON_ROW(struct oci_memory, "swap", swap_bytes, json_read_opt_i64, UNSET_OR_FROM(-1)),
	JSON_ROW(struct oci_memory, "kernel", kernel_bytes, json_read_opt_i64, UNSET_OR_FROM(-1)),
	JSON_ROW(struct oci_memory, "kernelTCP", kernel_tcp_bytes, json_read_opt_i64,
		 UNSET_OR_FROM(-1)),
	JSON_ROW(struct oci_memory, "swappiness", swappiness, read_swappiness, .max = 200),
	JSON_ROW(struct oci_memory, "disableOOMKiller", disable_oom_killer, json_read_opt_bool),
	JSON_ROW(struct oci_memory, "useHierarchy", use_hierarchy, json_read_opt_bool),
	JSON_ROW(struct oci_memory, "checkBeforeUpdate", check_before_update, json_read_opt_bool),
};
static JSON_TABLE(memory_table, memory_fields, struct oci_memory, .has_set = true,
		  .check = check_memory);

/* --- cpu --- */

static int check_cpu(const struct json_reader *r, const struct json_path *at, void *object)
{
	const struct oci_cpu *cpu = object;
	struct json_path quota = {.up = at, .key = "quota"};

	if (cpu->quota_us.set && cpu->quota_us.value != -1 && cpu->quota_us.value < 1000)
		return json_fail(
			r, &quota,
			"%lld is out of range: must be at least 1000 (microseconds), or -1",
			(long long)cpu->quota_us.value);
	return 0;
}

static const struct json_field cpu_fields[] = {
	JSON_ROW(struct oci_cpu, "shares", shares, json_read_opt_u64, UNSET_OR_FROM(2)),
	JSON_ROW(struct oci_cpu, "quota", quota_us, json_read_opt_i64, UNSET_OR_FROM(-1)),
	JSON_ROW(struct oci_cpu, "burst", burst_us, json_read_opt_u64),
	JSON_ROW(struct oci_cpu, "period", period_us, json_read_opt_u64, UNSET_OR_FROM(1000),
		 .max = 1000000),
	JSON_ROW(struct oci_cpu, "realtimeRuntime", realtime_runtime_us, json_read_opt_i64,
		 UNSET_OR_FROM(-1)),
	JSON_ROW(struct oci_cpu, "realtimePeriod", realtime_period_us, json_read_opt_u64,
		 .zero_is_unset = true),
	JSON_ROW(struct oci_cpu, "cpus", cpus, json_read_text),
	JSON_ROW(struct oci_cpu, "mems", mems, json_read_text),
	JSON_ROW(struct oci_cpu, "idle", idle, json_read_opt_i64, .max = 1),
};
static JSON_TABLE(cpu_table, cpu_fields, struct oci_cpu, .has_set = true, .check = check_cpu);

static const struct json_field pids_fields[] = {
	JSON_ROW(struct oci_resources, "limit", pids_limit, json_read_opt_i64, UNSET_OR_FROM(-1)),
};
static JSON_TABLE(pids_table, pids_fields, struct oci_resources);

/* --- blockIO --- */

#define IO_WEIGHT UNSET_OR_FROM(10), .max = 1000
#define DEVICE_NUMBER .max = UINT32_MAX, .required = true

static const struct json_field weight_device_fields[] = {
	JSON_ROW(struct oci_weight_device, "major", major, json_read_i64, DEVICE_NUMBER),
	JSON_ROW(struct oci_weight_device, "minor", minor, json_read_i64, DEVICE_NUMBER),
	JSON_ROW(struct oci_weight_device, "weight", weight, json_read_opt_u64, IO_WEIGHT),
	JSON_ROW(struct oci_weight_device, "leafWeight", leaf_weight, json_read_opt_u64, IO_WEIGHT),
};
static JSON_TABLE(weight_device_table, weight_device_fields, struct oci_weight_device);

static const struct json_field throttle_device_fields[] = {
	JSON_ROW(struct oci_throttle_device, "major", major, json_read_i64, DEVICE_NUMBER),
	JSON_ROW(struct oci_throttle_device, "minor", minor, json_read_i64, DEVICE_NUMBER),
	JSON_ROW(struct oci_throttle_device, "rate", rate, json_read_u64, .required = true),
};
static JSON_TABLE(throttle_device_table, throttle_device_fields, struct oci_throttle_device);

static const struct json_field block_io_fields[] = {
	JSON_ROW(struct oci_block_io, "weight", weight, json_read_opt_u64, IO_WEIGHT),
	JSON_ROW(struct oci_block_io, "leafWeight", leaf_weight, json_read_opt_u64, IO_WEIGHT),
	JSON_LIST(struct oci_block_io, "weightDevice", weight_devices, n_weight_devices,
		  json_read_array, .table = &weight_device_table),
	JSON_LIST(struct oci_block_io, "throttleReadBpsDevice", read_bps.v, read_bps.n,
		  json_read_array, .table = &throttle_device_table),
	JSON_LIST(struct oci_block_io, "throttleWriteBpsDevice", write_bps.v, write_bps.n,
		  json_read_array, .table = &throttle_device_table),
	JSON_LIST(struct oci_block_io, "throttleReadIOPSDevice", read_iops.v, read_iops.n,
		  json_read_array, .table = &throttle_device_table),
	JSON_LIST(struct oci_block_io, "throttleWriteIOPSDevice", write_iops.v, write_iops.n,
		  json_read_array, .table = &throttle_device_table),
};
static JSON_TABLE(block_io_table, block_io_fields, struct oci_block_io, .has_set = true);

/* --- the rest --- */

static const struct json_field hugepage_fields[] = {
	JSON_ROW(struct oci_hugepage_limit, "pageSize", page_size, json_read_nonempty,
		 .required = true),
	JSON_ROW(struct oci_hugepage_limit, "limit", limit_bytes, json_read_u64, .required = true),
};
static JSON_TABLE(hugepage_table, hugepage_fields, struct oci_hugepage_limit);

static const struct json_field priority_fields[] = {
	JSON_ROW(struct key_value, "name", key, json_read_nonempty, .required = true),
	JSON_ROW(struct key_value, "priority", value, json_read_number_text, .required = true),
};
static JSON_TABLE(priority_table, priority_fields, struct key_value);

static const struct json_field network_fields[] = {
	JSON_ROW(struct oci_resources, "classID", network_class_id, json_read_opt_u64,
		 .max = UINT32_MAX),
	JSON_LIST(struct oci_resources, "priorities", network_priorities.v, network_priorities.n,
		  json_read_array, .table = &priority_table),
};
static JSON_TABLE(network_table, network_fields, struct oci_resources);

static const struct json_field rdma_fields[] = {
	JSON_ROW(struct oci_rdma, "hcaHandles", hca_handles, json_read_opt_u64, .max = UINT32_MAX),
	JSON_ROW(struct oci_rdma, "hcaObjects", hca_objects, json_read_opt_u64, .max = UINT32_MAX),
};
static JSON_TABLE(rdma_table, rdma_fields, struct oci_rdma);

static const struct json_field resources_fields[] = {
	JSON_LIST(struct oci_resources, "devices", devices, n_devices, json_read_array,
		  .table = &device_rule_table),
	JSON_ROW(struct oci_resources, "memory", memory, json_read_object, .table = &memory_table),
	JSON_ROW(struct oci_resources, "cpu", cpu, json_read_object, .table = &cpu_table),
	JSON_ROW(struct oci_resources, "pids", pids_limit, json_read_inline, .table = &pids_table),
	JSON_ROW(struct oci_resources, "blockIO", block_io, json_read_object,
		 .table = &block_io_table),
	JSON_LIST(struct oci_resources, "hugepageLimits", hugepage_limits, n_hugepage_limits,
		  json_read_array, .table = &hugepage_table),
	JSON_ROW(struct oci_resources, "network", network_class_id, json_read_inline,
		 .table = &network_table),
	JSON_LIST(struct oci_resources, "rdma", rdma, n_rdma, json_read_object_map,
		  .table = &rdma_table, .is_map = true),
	JSON_ROW(struct oci_resources, "unified", unified, json_read_string_map),
};
JSON_TABLE(resources_table, resources_fields, struct oci_resources, .has_set = true);
