/* config_decode(): every field, every default, every refusal with its JSON path. */
#include "tests/unit/unit.h"

#include "protocol/config.h"
#include "protocol/config_tables.h"
#include "tests/unit/full_config.h"

#include <errno.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/resource.h>

static struct config *decode(const char *quoted)
{
	struct json_object *document = parse_quoted(quoted);
	struct config *config = NULL;
	struct ts_error e = {0};

	if (config_decode(document, &config, &e) < 0)
		fail_msg("%s: %s", quoted, e.msg);
	json_object_put(document); /* the config holds its own reference */
	return config;
}

/* --- every field --- */

enum kind { I32, U32, I64, U64, OPT_I, OPT_U, BOOL, TEXT, COUNT_OF, WORD };

#define FIELD(kind_, member, number_)                                                              \
	{                                                                                          \
#member, kind_, offsetof(struct config, member), (uint64_t)(number_), NULL         \
	}
#define STRING(member, text_)                                                                      \
	{                                                                                          \
#member, TEXT, offsetof(struct config, member), 0, text_                           \
	}

/* What full_config.h says of each member of struct config that is not in an array. */
static const struct {
	const char *name;
	enum kind kind;
	size_t offset;
	uint64_t number;
	const char *text;
} scalars[] = {
	STRING(oci_version, "1.2.0"),
	STRING(hostname, "task"),
	STRING(domainname, "example.org"),
	FIELD(COUNT_OF, annotations.n, 2),
	FIELD(BOOL, root.set, 1),
	STRING(root.path, "rootfs"),
	FIELD(BOOL, root.readonly, 1),
	FIELD(BOOL, process.set, 1),
	FIELD(BOOL, process.terminal, 1),
	FIELD(OPT_U, process.console_height, 24),
	FIELD(OPT_U, process.console_width, 80),
	FIELD(BOOL, process.user.set, 1),
	FIELD(U32, process.user.uid, 1000),
	FIELD(U32, process.user.gid, 1001),
	FIELD(OPT_U, process.user.umask, 18),
	FIELD(COUNT_OF, process.user.n_additional_gids, 2),
	STRING(process.user.username, "jane"),
	FIELD(COUNT_OF, process.args.n, 3),
	FIELD(COUNT_OF, process.env.n, 2),
	STRING(process.cwd, "/srv"),
	FIELD(BOOL, process.capabilities.set, 1),
	FIELD(U64, process.capabilities.bounding, 1u << CAP_CHOWN),
	FIELD(U64, process.capabilities.effective, 1u << CAP_KILL | 1u << CAP_SYS_ADMIN),
	FIELD(U64, process.capabilities.inheritable, 0),
	FIELD(U64, process.capabilities.permitted, 1u << CAP_NET_RAW),
	FIELD(U64, process.capabilities.ambient, (uint64_t)1 << CAP_CHECKPOINT_RESTORE),
	FIELD(COUNT_OF, process.n_rlimits, 2),
	FIELD(BOOL, process.no_new_privileges, 1),
	STRING(process.apparmor_profile, "p"),
	STRING(process.selinux_label, "l"),
	FIELD(OPT_I, process.oom_score_adj, (uint64_t)-1000),
	FIELD(BOOL, process.scheduler.set, 1),
	FIELD(I32, process.scheduler.policy, 6),
	FIELD(I64, process.scheduler.nice, 0),
	FIELD(I64, process.scheduler.priority, 0),
	FIELD(U64, process.scheduler.flags, 2),
	FIELD(U64, process.scheduler.runtime, 1),
	FIELD(U64, process.scheduler.deadline, 2),
	FIELD(U64, process.scheduler.period, 3),
	FIELD(BOOL, process.io_priority.set, 1),
	FIELD(I32, process.io_priority.io_class, 2),
	FIELD(I64, process.io_priority.priority, 7),
	FIELD(BOOL, process.exec_cpu_affinity.set, 1),
	STRING(process.exec_cpu_affinity.initial, "0-1"),
	STRING(process.exec_cpu_affinity.final, "2"),
	FIELD(BOOL, mounts_set, 1),
	FIELD(COUNT_OF, n_mounts, 2),
	FIELD(COUNT_OF, hooks[OCI_HOOK_PRESTART].n, 1),
	FIELD(COUNT_OF, hooks[OCI_HOOK_CREATE_RUNTIME].n, 1),
	FIELD(COUNT_OF, hooks[OCI_HOOK_CREATE_CONTAINER].n, 1),
	FIELD(COUNT_OF, hooks[OCI_HOOK_START_CONTAINER].n, 1),
	FIELD(COUNT_OF, hooks[OCI_HOOK_POSTSTART].n, 1),
	FIELD(COUNT_OF, hooks[OCI_HOOK_POSTSTOP].n, 2),
	FIELD(BOOL, linux_.set, 1),
	FIELD(BOOL, linux_.namespaces_set, 1),
	FIELD(BOOL, linux_.namespaces[OCI_NS_PID].set, 1),
	FIELD(BOOL, linux_.namespaces[OCI_NS_NETWORK].set, 1),
	STRING(linux_.namespaces[OCI_NS_NETWORK].path, "/run/netns/a"),
	STRING(linux_.namespaces[OCI_NS_PID].path, NULL),
	FIELD(BOOL, linux_.namespaces[OCI_NS_MOUNT].set, 1),
	FIELD(BOOL, linux_.namespaces[OCI_NS_IPC].set, 1),
	FIELD(BOOL, linux_.namespaces[OCI_NS_UTS].set, 1),
	FIELD(BOOL, linux_.namespaces[OCI_NS_USER].set, 1),
	FIELD(BOOL, linux_.namespaces[OCI_NS_CGROUP].set, 1),
	FIELD(BOOL, linux_.namespaces[OCI_NS_TIME].set, 1),
	FIELD(COUNT_OF, linux_.n_uid_mappings, 1),
	FIELD(COUNT_OF, linux_.n_gid_mappings, 1),
	FIELD(COUNT_OF, linux_.sysctl.n, 1),
	FIELD(COUNT_OF, linux_.n_devices, 2),
	STRING(linux_.cgroups_path, "/taskshim/x"),
	STRING(linux_.rootfs_propagation, "rslave"),
	FIELD(BOOL, linux_.masked_paths_set, 1),
	FIELD(COUNT_OF, linux_.masked_paths.n, 1),
	FIELD(BOOL, linux_.readonly_paths_set, 1),
	FIELD(COUNT_OF, linux_.readonly_paths.n, 2),
	STRING(linux_.mount_label, "ml"),
	FIELD(BOOL, linux_.intel_rdt.set, 1),
	STRING(linux_.intel_rdt.clos_id, "c"),
	STRING(linux_.intel_rdt.l3_cache_schema, "l3"),
	STRING(linux_.intel_rdt.mem_bw_schema, "mb"),
	FIELD(COUNT_OF, linux_.intel_rdt.schemata.n, 1),
	FIELD(BOOL, linux_.intel_rdt.enable_cmt, 1),
	FIELD(BOOL, linux_.intel_rdt.enable_mbm, 1),
	FIELD(BOOL, linux_.intel_rdt.enable_monitoring, 1),
	FIELD(BOOL, linux_.personality_set, 1),
	FIELD(I32, linux_.personality_domain, 8),
	FIELD(U64, linux_.personality_flags, 0x20000),
	FIELD(COUNT_OF, linux_.n_time_offsets, 1),
	FIELD(COUNT_OF, linux_.n_net_devices, 1),
	FIELD(BOOL, linux_.memory_policy.set, 1),
	FIELD(I32, linux_.memory_policy.mode, 2),
	STRING(linux_.memory_policy.nodes, "0"),
	FIELD(U64, linux_.memory_policy.flags, 1 << 15),
	FIELD(BOOL, linux_.seccomp.set, 1),
	FIELD(I32, linux_.seccomp.default_action, OCI_SECCOMP_ERRNO),
	FIELD(OPT_U, linux_.seccomp.default_errno_ret, 38),
	FIELD(U64, linux_.seccomp.architectures, 1 << OCI_ARCH_X86_64),
	FIELD(U64, linux_.seccomp.flags, 2),
	FIELD(BOOL, linux_.seccomp.notifies, 0),
	STRING(linux_.seccomp.listener_path, "/run/l"),
	STRING(linux_.seccomp.listener_metadata, "md"),
	FIELD(COUNT_OF, linux_.seccomp.n_syscalls, 1),
	FIELD(BOOL, linux_.resources.set, 1),
	FIELD(COUNT_OF, linux_.resources.n_devices, 2),
	FIELD(BOOL, linux_.resources.memory.set, 1),
	FIELD(OPT_I, linux_.resources.memory.limit_bytes, 1000),
	FIELD(OPT_I, linux_.resources.memory.reservation_bytes, 900),
	FIELD(OPT_I, linux_.resources.memory.swap_bytes, 2000),
	FIELD(OPT_I, linux_.resources.memory.kernel_bytes, 3),
	FIELD(OPT_I, linux_.resources.memory.kernel_tcp_bytes, 4),
	FIELD(OPT_U, linux_.resources.memory.swappiness, 60),
	FIELD(WORD, linux_.resources.memory.disable_oom_killer, OPT_TRUE),
	FIELD(WORD, linux_.resources.memory.use_hierarchy, OPT_FALSE),
	FIELD(WORD, linux_.resources.memory.check_before_update, OPT_TRUE),
	FIELD(BOOL, linux_.resources.cpu.set, 1),
	FIELD(OPT_U, linux_.resources.cpu.shares, 1024),
	FIELD(OPT_I, linux_.resources.cpu.quota_us, 50000),
	FIELD(OPT_U, linux_.resources.cpu.burst_us, 7),
	FIELD(OPT_U, linux_.resources.cpu.period_us, 100000),
	FIELD(OPT_I, linux_.resources.cpu.realtime_runtime_us, 8),
	FIELD(OPT_U, linux_.resources.cpu.realtime_period_us, 9),
	STRING(linux_.resources.cpu.cpus, "0-3"),
	STRING(linux_.resources.cpu.mems, "0"),
	FIELD(OPT_I, linux_.resources.cpu.idle, 1),
	FIELD(OPT_I, linux_.resources.pids_limit, 64),
	FIELD(BOOL, linux_.resources.block_io.set, 1),
	FIELD(OPT_U, linux_.resources.block_io.weight, 10),
	FIELD(OPT_U, linux_.resources.block_io.leaf_weight, 1000),
	FIELD(COUNT_OF, linux_.resources.block_io.n_weight_devices, 1),
	FIELD(COUNT_OF, linux_.resources.block_io.read_bps.n, 1),
	FIELD(COUNT_OF, linux_.resources.block_io.write_bps.n, 1),
	FIELD(COUNT_OF, linux_.resources.block_io.read_iops.n, 1),
	FIELD(COUNT_OF, linux_.resources.block_io.write_iops.n, 1),
	FIELD(COUNT_OF, linux_.resources.n_hugepage_limits, 1),
	FIELD(OPT_U, linux_.resources.network_class_id, 1048577),
	FIELD(COUNT_OF, linux_.resources.network_priorities.n, 1),
	FIELD(COUNT_OF, linux_.resources.n_rdma, 1),
	FIELD(COUNT_OF, linux_.resources.unified.n, 1),
	FIELD(BOOL, taskshim.set, 1),
	STRING(taskshim.id, "web-1"),
	STRING(taskshim.run_id, "0123456789abcdef0123456789abcdef"),
	STRING(taskshim.state_dir, "/run/taskshim/web-1"),
	FIELD(BOOL, taskshim.monitor, 1),
	STRING(taskshim.monitor_cgroup, "/sys/fs/cgroup/m"),
	FIELD(BOOL, taskshim.kill_on_parent_death, 1),
	FIELD(BOOL, taskshim.kill_on_monitor_death, 0),
	FIELD(BOOL, taskshim.clean_up, 1),
	FIELD(BOOL, taskshim.durable, 1),
	STRING(taskshim.user, "www:data"),
	FIELD(BOOL, taskshim.inherit_keyring, 1),
	STRING(taskshim.cpu_affinity, "0-3,8"),
	FIELD(BOOL, taskshim.interpolate, 1),
	FIELD(BOOL, taskshim.keep_strays, 1),
	STRING(taskshim.base_mount_ns, "/proc/9/fd/8"),
	FIELD(WORD, taskshim.isolation, TS_ISOLATION_CHROOT),
	FIELD(WORD, taskshim.chroot, TS_CHROOT_MAP),
	FIELD(COUNT_OF, taskshim.chroot_map.n, 2),
	FIELD(WORD, taskshim.chroot_method, TS_CHROOT_COPY),
	STRING(taskshim.task_dir, "/t"),
	STRING(taskshim.alloc_dir, "/a"),
	FIELD(WORD, taskshim.stdio[0].kind, TS_STDIO_NULL),
	FIELD(COUNT_OF, taskshim.shell.n, 1),
	FIELD(WORD, taskshim.console_socket.kind, TS_STDIO_FD),
	FIELD(I32, taskshim.console_socket.fd, 7),
	FIELD(U32, taskshim.preserve_fds, 2),
	FIELD(BOOL, taskshim.logs.set, 1),
	FIELD(U64, taskshim.logs.max_files, 3),
	FIELD(U64, taskshim.logs.max_file_size_bytes, 10 << 20),
	FIELD(COUNT_OF, taskshim.cgroups.n, 2),
	FIELD(I32, taskshim.kill_signal, SIGINT),
	FIELD(U64, taskshim.kill_timeout_ms, 90000),
	FIELD(OPT_U, taskshim.timeout_ms, 2500),
	FIELD(BOOL, taskshim.wait_for_all, 0),
	FIELD(BOOL, taskshim.init, 1),
	FIELD(BOOL, taskshim.seccomp_default, 0),
};

static void assert_text(const char *row, const char *got, const char *expected)
{
	if (!got || !expected)
		assert_row(row, got == expected);
	else
		assert_row_text(row, got, expected);
}

static void assert_scalar(const char *row, enum kind kind, const void *member, uint64_t number,
			  const char *text)
{
	switch (kind) {
	case I32:
	case WORD:
		assert_row(row, *(const int *)member == (int)number);
		break;
	case U32:
		assert_row(row, *(const uint32_t *)member == number);
		break;
	case I64:
	case U64:
	case COUNT_OF:
		assert_row(row, *(const uint64_t *)member == number);
		break;
	case OPT_I:
	case OPT_U:
		assert_row(row, ((const struct opt_u64 *)member)->set);
		assert_row(row, ((const struct opt_u64 *)member)->value == number);
		break;
	case BOOL:
		assert_row(row, *(const bool *)member == (number != 0));
		break;
	case TEXT:
		assert_text(row, *(const char *const *)member, text);
		break;
	}
}

static void test_config_decode_fills_every_scalar(void **state)
{
	struct config *config = decode(full_config);

	(void)state;
	for (size_t i = 0; i < COUNT(scalars); i++)
		assert_scalar(scalars[i].name, scalars[i].kind,
			      (const char *)config + scalars[i].offset, scalars[i].number,
			      scalars[i].text);
	config_free(config);
}

static void assert_list(const struct str_list *list, const char *joined)
{
	char text[256] = "";

	for (size_t i = 0; i < list->n; i++) {
		append(text, sizeof text, i ? "|" : "");
		append(text, sizeof text, list->v[i]);
	}
	assert_string_equal(text, joined);
	assert_null(list->v[list->n]);
}

static void assert_map(const struct key_value_list *list, const char *joined)
{
	char text[256] = "";

	for (size_t i = 0; i < list->n; i++) {
		append(text, sizeof text, i ? "|" : "");
		append(text, sizeof text, list->v[i].key);
		append(text, sizeof text, "=");
		append(text, sizeof text, list->v[i].value);
	}
	assert_string_equal(text, joined);
}

static void test_config_decode_fills_every_list_and_map(void **state)
{
	struct config *c = decode(full_config);
	const struct oci_linux *l = &c->linux_;

	(void)state;
	assert_list(&c->process.args, "/bin/sh||-c");
	assert_list(&c->process.env, "A=|B=c=d");
	assert_list(&l->masked_paths, "/proc/kcore");
	assert_list(&l->readonly_paths, "/proc/sys|/proc/bus");
	assert_list(&l->intel_rdt.schemata, "s");
	assert_map(&c->annotations, "a.b/c=x|empty=");
	assert_map(&l->sysctl, "net.core.somaxconn=256");
	assert_map(&l->resources.unified, "memory.high=1G");
	assert_map(&l->resources.network_priorities, "eth0=500");
	assert_map(&c->taskshim.chroot_map, "/bin=/usr/bin|/lib=/usr/lib");
	assert_map(&c->taskshim.cgroups,
		   "memory=/sys/fs/cgroup/memory/x|unified=/sys/fs/cgroup/unified/x");
	assert_int_equal(c->process.user.additional_gids[0], 5);
	assert_int_equal(c->process.user.additional_gids[1], 4294967294);
	config_free(c);
}

static void test_config_decode_fills_rlimits_and_hooks(void **state)
{
	struct config *c = decode(full_config);
	const struct oci_hook *hook = c->hooks[OCI_HOOK_PRESTART].v;

	(void)state;
	assert_string_equal(c->process.rlimits[0].name, "RLIMIT_NOFILE");
	assert_int_equal(c->process.rlimits[0].resource, RLIMIT_NOFILE);
	assert_int_equal(c->process.rlimits[0].soft, 1024);
	assert_true(c->process.rlimits[0].hard == UINT64_MAX);
	assert_int_equal(c->process.rlimits[1].resource, RLIMIT_CORE);
	assert_string_equal(hook->path, "/h0");
	assert_list(&hook->args, "h0|x");
	assert_list(&hook->env, "E=1");
	assert_true(hook->timeout_s.set);
	assert_int_equal(hook->timeout_s.value, 10);
	assert_string_equal(c->hooks[OCI_HOOK_POSTSTOP].v[1].path, "/h6");
	assert_list(&c->hooks[OCI_HOOK_POSTSTOP].v[1].args, "");
	assert_false(c->hooks[OCI_HOOK_POSTSTOP].v[1].timeout_s.set);
	config_free(c);
}

static void assert_mapping(const struct oci_id_mapping *m, uint32_t container, uint32_t host,
			   uint32_t size)
{
	assert_int_equal(m->container_id, container);
	assert_int_equal(m->host_id, host);
	assert_int_equal(m->size, size);
}

static void test_config_decode_fills_mounts(void **state)
{
	struct config *c = decode(full_config);
	const struct oci_mount *dev = &c->mounts[0], *m = &c->mounts[1];

	(void)state;
	assert_string_equal(dev->destination, "/dev");
	assert_string_equal(dev->type, "tmpfs");
	assert_string_equal(dev->source, "tmpfs");
	assert_list(&dev->options, "nosuid|mode=755|noatime|size=64k");
	assert_list(&dev->parsed.data, "mode=755|size=64k");
	assert_string_equal(m->type, "bind");
	assert_string_equal(m->source, "/srv");
	assert_true(m->parsed.propagation_rec);
	assert_mapping(&m->uid_mappings[0], 0, 1000, 10);
	assert_mapping(&m->gid_mappings[0], 1, 1001, 11);
	assert_int_equal(m->n_uid_mappings, 1);
	assert_int_equal(m->n_gid_mappings, 1);
	config_free(c);
}

static void test_config_decode_fills_linux_arrays(void **state)
{
	struct config *c = decode(full_config);
	const struct oci_linux *l = &c->linux_;

	(void)state;
	assert_mapping(l->uid_mappings, 2, 3, 4);
	assert_mapping(l->gid_mappings, 5, 6, 7);
	assert_string_equal(l->devices[0].path, "/dev/fuse");
	assert_int_equal(l->devices[0].type, 'c');
	assert_int_equal(l->devices[0].major.value, 10);
	assert_int_equal(l->devices[0].minor.value, 229);
	assert_int_equal(l->devices[0].file_mode.value, 0666);
	assert_int_equal(l->devices[0].uid.value, 1);
	assert_int_equal(l->devices[0].gid.value, 2);
	assert_int_equal(l->devices[1].type, 'p');
	assert_false(l->devices[1].file_mode.set);
	assert_string_equal(l->net_devices[0].host_name, "eth0");
	assert_string_equal(l->net_devices[0].name, "eth1");
	assert_string_equal(l->time_offsets[0].clock, "monotonic");
	assert_int_equal(l->time_offsets[0].secs, -5);
	assert_int_equal(l->time_offsets[0].nanosecs, 999999999);
	config_free(c);
}

static void test_config_decode_fills_seccomp(void **state)
{
	struct config *c = decode(full_config);
	const struct oci_seccomp_syscall *s = c->linux_.seccomp.syscalls;

	(void)state;
	assert_list(&s->names, "read|write");
	assert_int_equal(s->action, OCI_SECCOMP_TRACE);
	assert_true(s->errno_ret.set);
	assert_int_equal(s->errno_ret.value, 1);
	assert_int_equal(s->n_args, 1);
	assert_int_equal(s->args[0].index, 5);
	assert_true(s->args[0].value == UINT64_MAX);
	assert_int_equal(s->args[0].value_two, 2);
	assert_int_equal(s->args[0].op, OCI_SECCOMP_MASKED_EQ);
	config_free(c);
}

static void assert_throttle(const struct oci_throttle_list *list, int64_t minor, uint64_t rate)
{
	assert_int_equal(list->v[0].major, 8);
	assert_int_equal(list->v[0].minor, minor);
	assert_int_equal(list->v[0].rate, rate);
}

static void test_config_decode_fills_resource_arrays(void **state)
{
	struct config *c = decode(full_config);
	const struct oci_resources *r = &c->linux_.resources;

	(void)state;
	assert_false(r->devices[0].allow);
	assert_null(r->devices[0].type);
	assert_false(r->devices[0].major.set);
	assert_string_equal(r->devices[0].access, "rwm");
	assert_true(r->devices[1].allow);
	assert_string_equal(r->devices[1].type, "c");
	assert_int_equal(r->devices[1].major.value, 1);
	assert_int_equal(r->devices[1].minor.value, -1);
	assert_int_equal(r->block_io.weight_devices[0].major, 8);
	assert_int_equal(r->block_io.weight_devices[0].minor, 1);
	assert_int_equal(r->block_io.weight_devices[0].weight.value, 500);
	assert_int_equal(r->block_io.weight_devices[0].leaf_weight.value, 300);
	assert_throttle(&r->block_io.read_bps, 2, 600);
	assert_throttle(&r->block_io.write_bps, 3, 601);
	assert_throttle(&r->block_io.read_iops, 4, 602);
	assert_throttle(&r->block_io.write_iops, 5, 603);
	assert_string_equal(r->hugepage_limits[0].page_size, "2MB");
	assert_int_equal(r->hugepage_limits[0].limit_bytes, 9223372036854772000);
	assert_string_equal(r->rdma[0].device, "mlx5_1");
	assert_int_equal(r->rdma[0].hca_handles.value, 3);
	assert_int_equal(r->rdma[0].hca_objects.value, 10000);
	config_free(c);
}

/* --- full_config.h is full, and each of its values must have its type --- */

static void assert_full(const char *path, struct json_object *value,
			const struct json_table *table);

static void assert_full_field(const char *path, struct json_object *value,
			      const struct json_field *field)
{
	if (!value)
		fail_msg("full_config.h has no %s", path);
	if (!field->table)
		return;
	if (json_object_is_type(value, json_type_array))
		value = json_object_array_get_idx(value, 0);
	else if (field->is_map)
		value = json_object_get_object(value)->head
				? json_object_iter_peek_value(&(struct json_object_iterator){
					  json_object_get_object(value)->head})
				: NULL;
	assert_full(path, value, field->table);
}

static void assert_full(const char *path, struct json_object *value, const struct json_table *table)
{
	for (size_t i = 0; i < table->n_fields; i++) {
		char here[256];
		struct json_object *member = NULL;

		snprintf(here, sizeof here, "%s.%s", path, table->fields[i].name);
		(void)json_object_object_get_ex(value, table->fields[i].name, &member);
		if (strcmp(here, ".mounts") == 0) /* the second has all */
			assert_full(here, json_object_array_get_idx(member, 1), &mount_table);
		else if (strcmp(here, ".mounts.type") == 0)
			continue;
		else if (strcmp(here, ".linux.resources.devices") == 0 ||
			 strcmp(here, ".linux.namespaces") == 0)
			assert_full(here, json_object_array_get_idx(member, 1),
				    table->fields[i].table);
		else
			assert_full_field(here, member, &table->fields[i]);
	}
}

static void test_full_config_has_every_field_of_the_tables(void **state)
{
	struct json_object *document = parse_quoted(full_config);

	(void)state;
	assert_full("", document, &config_table);
	json_object_put(document);
}

/* A value of a type that the place of @value cannot have. */
static struct json_object *wrong_type(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_string:
		return json_object_new_boolean(1);
	case json_type_boolean:
		return json_object_new_string("true");
	case json_type_object:
		return json_object_new_array();
	case json_type_array:
		return json_object_new_object();
	default:
		return json_object_new_boolean(0);
	}
}

static void assert_refused_at(struct json_object *document, const struct json_path *at)
{
	char path[JSON_PATH_TEXT], prefix[JSON_PATH_TEXT + 16];
	struct config *config = NULL;
	struct ts_error e = {0};

	json_path_text(at, path);
	snprintf(prefix, sizeof prefix, "%s: expected ", path);
	if (config_decode(document, &config, &e) == 0)
		fail_msg("%s: a wrong type was accepted", path);
	if (strncmp(e.msg, prefix, strlen(prefix)) != 0)
		fail_msg("%s: a wrong type was answered with: %s", path, e.msg);
	assert_int_equal(e.err, EINVAL);
	assert_int_equal(e.step, TS_STEP_CONFIG);
}

/* Puts a wrong value in the place of each member and element below @value in turn. */
static void try_wrong_types(struct json_object *document, const struct json_path *up,
			    struct json_object *value)
{
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			struct json_path at = {.up = up, .index = i};
			struct json_object *old =
				json_object_get(json_object_array_get_idx(value, i));

			json_object_array_put_idx(value, i, wrong_type(old));
			assert_refused_at(document, &at);
			json_object_array_put_idx(value, i, old);
			try_wrong_types(document, &at, old);
		}
	} else if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, key, member)
		{
			struct json_path at = {.up = up, .key = key};
			struct json_object *old = json_object_get(member);

			json_object_object_add(value, key, wrong_type(old));
			assert_refused_at(document, &at);
			json_object_object_add(value, key, old);
			try_wrong_types(document, &at, old);
		}
	}
}

static void test_config_decode_names_the_path_of_every_wrong_type(void **state)
{
	struct json_object *document = parse_quoted(full_config);
	struct config *config = NULL;
	struct ts_error e = {0};

	(void)state;
	try_wrong_types(document, NULL, document);
	assert_int_equal(config_decode(document, &config, &e), 0); /* all is back in its place */
	config_free(config);
	json_object_put(document);
}

/* `null` is an absent member: only those that are required may then be missed, in these words. */
static void try_nulls(struct json_object *document, const struct json_path *up,
		      struct json_object *value)
{
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			struct json_path at = {.up = up, .index = i};

			try_nulls(document, &at, json_object_array_get_idx(value, i));
		}
		return;
	}
	if (!json_object_is_type(value, json_type_object))
		return;
	json_object_object_foreach(value, key, member)
	{
		struct json_path at = {.up = up, .key = key};
		struct json_object *old = json_object_get(member);
		struct config *config = NULL;
		struct ts_error e = {0};
		char path[JSON_PATH_TEXT];

		json_path_text(&at, path);
		json_object_object_add(value, key, NULL);
		if (config_decode(document, &config, &e) < 0 && !strstr(e.msg, "missing") &&
		    !strstr(e.msg, "expected a string, got null") && !strstr(e.msg, "empty") &&
		    !strstr(e.msg, "expected an object, got null") && !strstr(e.msg, "needs "))
			fail_msg("%s: null was answered with: %s", path, e.msg);
		config_free(config);
		json_object_object_add(value, key, old);
		try_nulls(document, &at, old);
	}
}

static void test_config_decode_takes_null_as_absent(void **state)
{
	struct json_object *document = parse_quoted(full_config);

	(void)state;
	try_nulls(document, NULL, document);
	json_object_put(document);
}

/* --- defaults --- */

static void test_config_decode_defaults(void **state)
{
	struct config *c = decode("{'process':{'args':['x']},'taskshim':{'chroot':'host'}}");

	(void)state;
	assert_null(c->oci_version);
	assert_string_equal(c->process.cwd, "/");
	assert_false(c->process.user.set);
	assert_false(c->process.capabilities.set);
	assert_non_null(c->process.env.v);
	assert_int_equal(c->process.env.n, 0);
	assert_false(c->mounts_set);
	assert_false(c->linux_.set);
	assert_false(c->linux_.namespaces_set);
	assert_false(c->linux_.masked_paths_set);
	assert_non_null(c->linux_.masked_paths.v);
	assert_true(c->taskshim.monitor);
	assert_false(c->taskshim.kill_on_parent_death);
	assert_true(c->taskshim.kill_on_monitor_death);
	assert_false(c->taskshim.clean_up);
	assert_false(c->taskshim.durable);
	assert_int_equal(c->taskshim.isolation, TS_ISOLATION_PIVOT);
	assert_int_equal(c->taskshim.chroot, TS_CHROOT_HOST);
	assert_int_equal(c->taskshim.chroot_method, TS_CHROOT_BIND);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(c->taskshim.stdio[i].kind, TS_STDIO_NULL);
	assert_int_equal(c->taskshim.kill_signal, SIGTERM);
	assert_int_equal(c->taskshim.kill_timeout_ms, 5000);
	assert_false(c->taskshim.timeout_ms.set);
	assert_false(c->taskshim.wait_for_all);
	assert_null(c->taskshim.run_id);
	config_free(c);
}

/* Not in full_config.h, which has a terminal. */
static void test_config_decode_streams(void **state)
{
	struct config *c = decode("{'process':{'args':['x']},'taskshim':{'chroot':'host',"
				  "'stdin':'/dev/zero','stdout':'fd:7','stderr':'inherit'}}");

	(void)state;
	assert_int_equal(c->taskshim.stdio[0].kind, TS_STDIO_PATH);
	assert_string_equal(c->taskshim.stdio[0].path, "/dev/zero");
	assert_int_equal(c->taskshim.stdio[1].kind, TS_STDIO_FD);
	assert_int_equal(c->taskshim.stdio[1].fd, 7);
	assert_int_equal(c->taskshim.stdio[2].kind, TS_STDIO_INHERIT);
	assert_int_equal(c->taskshim.console_socket.kind, TS_STDIO_NULL);
	config_free(c);
}

static void test_config_decode_console_socket_by_path(void **state)
{
	struct config *c = decode("{'process':{'args':['x'],'terminal':true},'taskshim':{'chroot':"
				  "'host','consoleSocket':'/run/c'}}");

	(void)state;
	assert_int_equal(c->taskshim.console_socket.kind, TS_STDIO_PATH);
	assert_string_equal(c->taskshim.console_socket.path, "/run/c");
	config_free(c);
}

static void test_config_decode_wait_for_all(void **state)
{
	struct config *c = decode("{'process':{'args':['x']},'taskshim':{'chroot':'host',"
				  "'waitFor':'all'},'linux':{'namespaces':[{'type':'mount'}]}}");

	(void)state;
	assert_true(c->taskshim.wait_for_all);
	config_free(c);
}

static void test_config_decode_an_empty_list_is_not_an_absent_one(void **state)
{
	struct config *c = decode("{'process':{'args':['x']},'taskshim':{'chroot':{}},'mounts':[],"
				  "'linux':{'maskedPaths':[],'readonlyPaths':[],'namespaces':[]}}");

	(void)state;
	assert_true(c->mounts_set);
	assert_int_equal(c->n_mounts, 0);
	assert_true(c->linux_.masked_paths_set);
	assert_true(c->linux_.readonly_paths_set);
	assert_true(c->linux_.namespaces_set);
	assert_int_equal(c->taskshim.chroot, TS_CHROOT_MAP);
	config_free(c);
}

static void test_config_decode_zero_limits_are_not_set(void **state)
{
	struct config *c = decode(
		"{'process':{'args':['x']},'taskshim':{'chroot':'host'},'linux':{'resources':{"
		"'memory':{'limit':0,'reservation':0,'swap':0,'swappiness':18446744073709551615},"
		"'cpu':{'shares':0,'quota':0,'period':0},'pids':{'limit':0},'blockIO':{'weight':0}}"
		"}}");
	const struct oci_resources *r = &c->linux_.resources;

	(void)state;
	assert_false(r->memory.limit_bytes.set);
	assert_false(r->memory.reservation_bytes.set);
	assert_false(r->memory.swap_bytes.set);
	assert_false(r->memory.swappiness.set);
	assert_false(r->cpu.shares.set);
	assert_false(r->cpu.quota_us.set);
	assert_false(r->cpu.period_us.set);
	assert_false(r->pids_limit.set);
	assert_false(r->block_io.weight.set);
	config_free(c);
}

/* --- bad input --- */

/* %s is what the row says, put into a document that is good without it. */
#define PROCESS "{'ociVersion':'1.0.2','root':{'path':'r'},'process':{'args':['x'],'cwd':'/',%s}}"
#define SECCOMP "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW',"
#define SECCOMP_ARGS SECCOMP "'syscalls':[{'names':[],'action':'SCMP_ACT_LOG','args':[{"
#define LINUX                                                                                      \
	"{'ociVersion':'1.0.2','root':{'path':'r'},'process':{'args':['x'],'cwd':'/'},"            \
	"'linux':{%s}}"
#define TASKSHIM "{'process':{'args':['x']},'root':{'path':'r'},'taskshim':{%s}}"
#define TOP "{'root':{'path':'r'},'process':{'args':['x']},'taskshim':{},%s}"
#define MOUNT "{'root':{'path':'r'},'process':{'args':['x']},'taskshim':{},'mounts':[{%s}]}"
#define BARE "%s"

static const struct {
	const char *form, *part, *error;
} refused[] = {
	{BARE, "[]", "document: expected an object, got an array"},
	{BARE, "null", "document: expected an object, got null"},
	{BARE, "1", "document: expected an object, got an integer"},
	{BARE, "{}", "process: missing"},
	{BARE, "{'process':{'args':['x'],'cwd':'/'},'root':{'path':'r'}}", "ociVersion: missing"},
	{BARE, "{'ociVersion':'1.0.0','process':{'args':['x']},'root':{'path':'r'}}",
	 "process.cwd: missing"},
	{BARE, "{'process':{'args':['x']},'taskshim':{}}",
	 "root.path: missing: name a directory, or set taskshim.chroot or taskshim.isolation "
	 "\"none\""},
	{BARE, "{'process':{'args':['x']},'root':{'path':''},'taskshim':{}}",
	 "root.path: missing: name a directory, or set taskshim.chroot or taskshim.isolation "
	 "\"none\""},
	{TOP, "'ociVersion':'0.9.0'",
	 "ociVersion: \"0.9.0\" is not supported: this program knows 1.0 to 1.3"},
	{TOP, "'ociVersion':'1.4.0'",
	 "ociVersion: \"1.4.0\" is not supported: this program knows 1.0 to 1.3"},
	{TOP, "'ociVersion':''",
	 "ociVersion: \"\" is not supported: this program knows 1.0 to 1.3"},
	{TOP, "'hostname':'h'", "hostname: needs a uts namespace: list one in linux.namespaces"},
	{TOP, "'domainname':'d'",
	 "domainname: needs a uts namespace: list one in linux.namespaces"},
	{TOP, "'hostname':'12345678901234567890123456789012345678901234567890123456789012345'",
	 "hostname: longer than 64 bytes"},
	{TOP, "'annotations':{'':'x'}", "annotations[\"\"]: empty name"},
	{TOP, "'annotations':{'a.b':1}", "annotations[\"a.b\"]: expected a string, got an integer"},
	/* process */
	{BARE, "{'process':{},'taskshim':{}}", "process.args: missing"},
	{BARE, "{'process':{'args':[]},'taskshim':{}}", "process.args: empty: name the command"},
	{BARE, "{'process':{'args':null},'taskshim':{}}", "process.args: missing"},
	{BARE, "{'process':{'args':['','x']},'taskshim':{}}",
	 "process.args[0]: empty: name the command"},
	{BARE, "{'process':{'args':['x',null]},'taskshim':{}}",
	 "process.args[1]: expected a string, got null"},
	{PROCESS, "'cwd':'srv'", "process.cwd: \"srv\" is not an absolute path"},
	{PROCESS, "'cwd':''", "process.cwd: \"\" is not an absolute path"},
	{PROCESS, "'env':['A=1','SECRET']", "process.env[1]: expected NAME=VALUE"},
	{PROCESS, "'env':['=x']", "process.env[0]: expected NAME=VALUE"},
	{PROCESS, "'env':['']", "process.env[0]: expected NAME=VALUE"},
	{PROCESS, "'user':{'uid':-1}",
	 "process.user.uid: -1 is out of range: must be 0 to 4294967294"},
	{PROCESS, "'user':{'uid':4294967295}",
	 "process.user.uid: 4294967295 is out of range: must be 0 to 4294967294"},
	{PROCESS, "'user':{'gid':4294967296}",
	 "process.user.gid: 4294967296 is out of range: must be 0 to 4294967294"},
	{PROCESS, "'user':{'uid':1.5}",
	 "process.user.uid: expected an integer, got a number with a fraction or an exponent"},
	{PROCESS, "'user':{'uid':1e3}",
	 "process.user.uid: expected an integer, got a number with a fraction or an exponent"},
	{PROCESS, "'user':{'uid':'0'}", "process.user.uid: expected an integer, got a string"},
	{PROCESS, "'user':{'umask':512}",
	 "process.user.umask: 512 is out of range: must be 0 to 511"},
	{PROCESS, "'user':{'additionalGids':[1,4294967295]}",
	 "process.user.additionalGids[1]: 4294967295 is out of range: must be 0 to 4294967294"},
	{PROCESS, "'capabilities':{'bounding':['CAP_CHOWN','CAP_FOO']}",
	 "process.capabilities.bounding[1]: \"CAP_FOO\": unknown capability"},
	{PROCESS, "'capabilities':{'ambient':['cap_44']}",
	 "process.capabilities.ambient[0]: \"cap_44\": unknown capability"},
	{PROCESS, "'capabilities':{'ambient':['5']}",
	 "process.capabilities.ambient[0]: \"5\": unknown capability"},
	{PROCESS, "'capabilities':{'ambient':['CHOWN']}",
	 "process.capabilities.ambient[0]: \"CHOWN\": unknown capability"},
	{PROCESS, "'capabilities':{'ambient':['CAP_']}",
	 "process.capabilities.ambient[0]: \"CAP_\": unknown capability"},
	{PROCESS, "'capabilities':{'ambient':['all']}",
	 "process.capabilities.ambient[0]: \"all\": unknown capability"},
	{PROCESS, "'capabilities':{'effective':['CAP_CHOWN ']}",
	 "process.capabilities.effective[0]: \"CAP_CHOWN \": unknown capability"},
	{PROCESS, "'rlimits':[{'type':'RLIMIT_FOO','soft':1,'hard':1}]",
	 "process.rlimits[0].type: \"RLIMIT_FOO\": unknown rlimit"},
	{PROCESS, "'rlimits':[{'type':'NOFILE','soft':1,'hard':1}]",
	 "process.rlimits[0].type: \"NOFILE\": unknown rlimit"},
	{PROCESS, "'rlimits':[{'soft':1,'hard':1}]", "process.rlimits[0].type: missing"},
	{PROCESS, "'rlimits':[{'type':'RLIMIT_AS','soft':1}]", "process.rlimits[0].hard: missing"},
	{PROCESS, "'rlimits':[{'type':'RLIMIT_AS','soft':-1,'hard':1}]",
	 "process.rlimits[0].soft: -1 is out of range: must be at least 0"},
	{PROCESS, "'rlimits':[{'type':'RLIMIT_AS','soft':2,'hard':1}]",
	 "process.rlimits[0].soft: 2 is more than the hard limit 1"},
	{PROCESS,
	 "'rlimits':[{'type':'RLIMIT_AS','soft':1,'hard':1},{'type':'RLIMIT_AS','soft':1,"
	 "'hard':1}]",
	 "process.rlimits[1].type: RLIMIT_AS is set twice"},
	{PROCESS, "'oomScoreAdj':1001",
	 "process.oomScoreAdj: 1001 is out of range: must be -1000 to 1000"},
	{PROCESS, "'oomScoreAdj':-1001",
	 "process.oomScoreAdj: -1001 is out of range: must be -1000 to 1000"},
	{PROCESS, "'consoleSize':{'height':24}", "process.consoleSize.width: missing"},
	{PROCESS, "'scheduler':{'nice':1}", "process.scheduler.policy: missing"},
	{PROCESS, "'scheduler':{'policy':'SCHED_NICE'}",
	 "process.scheduler.policy: \"SCHED_NICE\": expected \"SCHED_OTHER\", \"SCHED_FIFO\", "
	 "\"SCHED_RR\", \"SCHED_BATCH\", \"SCHED_ISO\", \"SCHED_IDLE\" or \"SCHED_DEADLINE\""},
	{PROCESS, "'scheduler':{'policy':'SCHED_OTHER','nice':20}",
	 "process.scheduler.nice: 20 is out of range: must be -20 to 19"},
	{PROCESS, "'scheduler':{'policy':'SCHED_IDLE','nice':1}",
	 "process.scheduler.nice: only for SCHED_OTHER and SCHED_BATCH"},
	{PROCESS, "'scheduler':{'policy':'SCHED_OTHER','priority':1}",
	 "process.scheduler.priority: only for SCHED_FIFO and SCHED_RR"},
	{PROCESS, "'scheduler':{'policy':'SCHED_FIFO','priority':100}",
	 "process.scheduler.priority: 100 is out of range: must be 0 to 99"},
	{PROCESS, "'scheduler':{'policy':'SCHED_RR','period':1}",
	 "process.scheduler.runtime: as deadline and period, only for SCHED_DEADLINE"},
	{PROCESS, "'scheduler':{'policy':'SCHED_RR','flags':'x'}",
	 "process.scheduler.flags: expected an array of strings, got a string"},
	{PROCESS, "'scheduler':{'policy':'SCHED_RR','flags':['SCHED_FLAG_RECLAIM',7]}",
	 "process.scheduler.flags[1]: expected a string, got an integer"},
	{PROCESS, "'ioPriority':{'class':'IOPRIO_CLASS_BE','priority':8}",
	 "process.ioPriority.priority: 8 is out of range: must be 0 to 7"},
	{PROCESS, "'ioPriority':{'class':'BE'}",
	 "process.ioPriority.class: \"BE\": expected \"IOPRIO_CLASS_RT\", \"IOPRIO_CLASS_BE\" or "
	 "\"IOPRIO_CLASS_IDLE\""},
	{PROCESS, "'ioPriority':{'priority':0}", "process.ioPriority.class: missing"},
	{PROCESS, "'execCPUAffinity':{'initial':'0-'}",
	 "process.execCPUAffinity.initial: \"0-\": expected a list such as \"0-3,7\""},
	{PROCESS, "'execCPUAffinity':{'final':'8192'}",
	 "process.execCPUAffinity.final: \"8192\": a number is greater than 8191"},
	/* mounts */
	{MOUNT, "'type':'proc'", "mounts[0].destination: missing"},
	{MOUNT, "'destination':'proc','type':'proc'",
	 "mounts[0].destination: \"proc\" is not an absolute path"},
	{MOUNT, "'destination':'/x'",
	 "mounts[0].type: missing: name a filesystem, or bind among the options"},
	{MOUNT, "'destination':'/x','options':['bind']",
	 "mounts[0].source: missing: a bind mount needs one"},
	{MOUNT, "'destination':'/x','source':'/y','options':['ro','bind','noexce']",
	 "mounts[0].options[2]: \"noexce\": unknown mount option; did you mean \"noexec\"?"},
	{MOUNT, "'destination':'/x','source':'/y','options':['rbind','mode=755']",
	 "mounts[0].options[1]: \"mode=755\": unknown mount option for type bind"},
	{MOUNT, "'destination':'/x','type':'tmpfs','options':['mdoe=755']",
	 "mounts[0].options[0]: \"mdoe=755\": unknown mount option for type tmpfs"},
	{MOUNT, "'destination':'/x','type':'proc','options':['nosuid','nodve']",
	 "mounts[0].options[1]: \"nodve\": unknown mount option; did you mean \"nodev\"?"},
	{MOUNT, "'destination':'/x','type':'sysfs','options':['']",
	 "mounts[0].options[0]: \"\": unknown mount option for type sysfs"},
	{MOUNT, "'destination':'/x','type':'tmpfs','uidMappings':[{'hostID':1}]",
	 "mounts[0].uidMappings[0].size: missing"},
	{MOUNT, "'destination':'/x','type':'tmpfs','uidMappings':[{'size':0}]",
	 "mounts[0].uidMappings[0].size: 0 is out of range: must be 1 to 4294967295"},
	{MOUNT, "'destination':'/x','type':'tmpfs','uidMappings':[{'size':1}]",
	 "mounts[0].gidMappings: missing: uidMappings is there"},
	{MOUNT, "'destination':'/x','type':'tmpfs','gidMappings':[{'size':1}]",
	 "mounts[0].uidMappings: missing: gidMappings is there"},
	{MOUNT, "'destination':'/x','type':'tmpfs','options':['ridmap']",
	 "mounts[0].uidMappings: missing: the mount is to be mapped, and the task has no mappings "
	 "of its own"},
	{MOUNT, "'destination':'/x','source':'/y','options':['bind','lazytime']",
	 "mounts[0].options[1]: \"lazytime\": belongs to the filesystem: a bind mount cannot "
	 "change it"},
	{MOUNT, "'destination':'/x','source':'/y','options':['bind','acl']",
	 "mounts[0].options[1]: \"acl\": unknown mount option for type bind"},
	{MOUNT, "'destination':'/x','source':'/y','options':['bind','tmpcopyup']",
	 "mounts[0].options[1]: \"tmpcopyup\": only for a new tmpfs"},
	{MOUNT, "'destination':'/x','type':'proc','options':['tmpcopyup']",
	 "mounts[0].options[0]: \"tmpcopyup\": only for a new tmpfs"},
	{MOUNT, "'destination':'/x','type':'tmpfs','options':['remount','idmap']",
	 "mounts[0].options[1]: \"idmap\": a mount that is there already cannot be mapped"},
	{TOP, "'mounts':[{'destination':'/x','type':'proc'},null]",
	 "mounts[1]: expected an object, got null"},
	/* hooks */
	{TOP, "'hooks':{'poststop':[{'path':'/ok'},{}]}", "hooks.poststop[1].path: missing"},
	{TOP, "'hooks':{'prestart':[{'path':'x'}]}",
	 "hooks.prestart[0].path: \"x\" is not an absolute path"},
	{TOP, "'hooks':{'prestart':[{'path':'/x','timeout':0}]}",
	 "hooks.prestart[0].timeout: 0 is out of range: must be 1 to 2147483647"},
	/* linux */
	{LINUX, "'namespaces':[{'type':'pid'},{'type':'process'}]",
	 "linux.namespaces[1].type: \"process\": expected \"pid\", \"network\", \"mount\", "
	 "\"ipc\", "
	 "\"uts\", \"user\", \"cgroup\" or \"time\""},
	{LINUX, "'namespaces':[{'type':'pid'},{'type':'pid'}]",
	 "linux.namespaces[1].type: \"pid\" is there twice"},
	{LINUX, "'namespaces':[{}]", "linux.namespaces[0].type: missing"},
	{LINUX, "'namespaces':[{'type':'network','path':'netns'}]",
	 "linux.namespaces[0].path: \"netns\" is not an absolute path"},
	/* user and time namespaces */
	{LINUX, "'uidMappings':[{'size':1}]",
	 "linux.uidMappings: needs a user namespace: list one in linux.namespaces"},
	{LINUX, "'gidMappings':[{'size':1}]",
	 "linux.gidMappings: needs a user namespace: list one in linux.namespaces"},
	{LINUX, "'namespaces':[{'type':'user'}]",
	 "linux.uidMappings: missing: a new user namespace has no ids without them"},
	{LINUX, "'namespaces':[{'type':'user'}],'uidMappings':[{'size':1}]",
	 "linux.gidMappings: missing: a new user namespace has no ids without them"},
	{LINUX, "'namespaces':[{'type':'user','path':'/u'}],'uidMappings':[{'size':1}]",
	 "linux.uidMappings: the user namespace that is joined has mappings already"},
	{LINUX,
	 "'namespaces':[{'type':'user'}],'uidMappings':[{'size':10},{'containerID':9,'hostID':10,"
	 "'size':1}]",
	 "linux.uidMappings[1]: the ids of the container overlap with those of [0]"},
	{LINUX,
	 "'namespaces':[{'type':'user'}],'uidMappings':[{'size':1}],'gidMappings':[{'size':1},"
	 "{'containerID':3,'hostID':3,'size':5},{'containerID':1,'hostID':2,'size':2}]",
	 "linux.gidMappings[2]: the ids of the host overlap with those of [1]"},
	{LINUX,
	 "'namespaces':[{'type':'user'}],'uidMappings':[{'containerID':1,'size':4294967295}]",
	 "linux.uidMappings[0].size: 4294967295: ids end at 4294967294"},
	{LINUX, "'namespaces':[{'type':'user'}],'uidMappings':[{'hostID':2,'size':4294967294}]",
	 "linux.uidMappings[0].size: 4294967294: ids end at 4294967294"},
	{MOUNT,
	 "'destination':'/x','type':'bind','source':'/y','gidMappings':[{'size':1},{'size':1}],"
	 "'uidMappings':[{'size':1}]",
	 "mounts[0].gidMappings[1]: the ids of the container overlap with those of [0]"},
	{LINUX, "'timeOffsets':{'boottime':{'secs':1}}",
	 "linux.timeOffsets: needs a new time namespace: list one in linux.namespaces"},
	{LINUX, "'namespaces':[{'type':'time','path':'/t'}],'timeOffsets':{'boottime':{'secs':1}}",
	 "linux.timeOffsets: needs a new time namespace: list one in linux.namespaces"},
	{LINUX, "'namespaces':[{'type':'time'}],'timeOffsets':{'realtime':{'secs':1}}",
	 "linux.timeOffsets.realtime: no such clock: expected \"monotonic\" or \"boottime\""},
	{LINUX, "'devices':[{'path':'/dev/x','type':'z'}]",
	 "linux.devices[0].type: \"z\": expected \"c\", \"u\", \"b\" or \"p\""},
	{LINUX, "'devices':[{'path':'dev/x','type':'c'}]",
	 "linux.devices[0].path: \"dev/x\" is not an absolute path"},
	{LINUX, "'devices':[{'path':'/dev/x','type':'c','major':-1}]",
	 "linux.devices[0].major: -1 is out of range: must be 0 to 4095"},
	{LINUX, "'devices':[{'path':'/dev/x','type':'c','major':1,'minor':1048576}]",
	 "linux.devices[0].minor: 1048576 is out of range: must be 0 to 1048575"},
	{LINUX, "'devices':[{'path':'/dev/x','type':'b','minor':1}]",
	 "linux.devices[0].major: missing: only a FIFO has none"},
	{LINUX, "'devices':[{'path':'/dev/x','type':'u','major':1}]",
	 "linux.devices[0].minor: missing: only a FIFO has none"},
	{LINUX, "'rootfsPropagation':'privat'",
	 "linux.rootfsPropagation: \"privat\": expected private, slave, shared or unbindable, or "
	 "one with r before it"},
	{LINUX, "'maskedPaths':['/a','b']", "linux.maskedPaths[1]: \"b\" is not an absolute path"},
	{LINUX, "'readonlyPaths':['b']", "linux.readonlyPaths[0]: \"b\" is not an absolute path"},
	{LINUX, "'netDevices':{'d0':{}}",
	 "linux.netDevices: needs a network namespace: list one in linux.namespaces"},
	{LINUX, "'namespaces':[{'type':'network'}],'netDevices':{'0123456789abcdef':{}}",
	 "linux.netDevices.0123456789abcdef: not the name of a network device"},
	{LINUX, "'namespaces':[{'type':'network'}],'netDevices':{'..':{}}",
	 "linux.netDevices[\"..\"]: not the name of a network device"},
	{LINUX, "'namespaces':[{'type':'network'}],'netDevices':{'d%d':{}}",
	 "linux.netDevices[\"d%d\"]: not the name of a network device"},
	{LINUX, "'namespaces':[{'type':'network'}],'netDevices':{'a/b':{}}",
	 "linux.netDevices[\"a/b\"]: not the name of a network device"},
	{LINUX, "'namespaces':[{'type':'network'}],'netDevices':{'d0':{'name':'a b'}}",
	 "linux.netDevices.d0.name: \"a b\": not a name for a network device"},
	{LINUX, "'namespaces':[{'type':'network'}],'netDevices':{'d0':{'name':'eth%d%d'}}",
	 "linux.netDevices.d0.name: \"eth%d%d\": not a name for a network device"},
	{LINUX, "'namespaces':[{'type':'network'}],'netDevices':{'d0':{'name':'%d'}}",
	 "linux.netDevices.d0.name: \"%d\": not a name for a network device"},
	{LINUX, "'namespaces':[{'type':'network'}],'netDevices':{'d0':{'name':'e%sh'}}",
	 "linux.netDevices.d0.name: \"e%sh\": not a name for a network device"},
	{LINUX, "'sysctl':{'net.x':'1'}",
	 "linux.sysctl[\"net.x\"]: needs a network namespace: list one in linux.namespaces"},
	{LINUX, "'namespaces':[{'type':'network'}],'sysctl':{'kernel/shmmax':'1'}",
	 "linux.sysctl[\"kernel/shmmax\"]: needs an ipc namespace: list one in linux.namespaces"},
	{LINUX, "'namespaces':[{'type':'network'}],'sysctl':{'fs.mqueue.msg_max':'1'}",
	 "linux.sysctl[\"fs.mqueue.msg_max\"]: needs an ipc namespace: list one in "
	 "linux.namespaces"},
	{LINUX, "'sysctl':{'kernel.domainname':'d'}",
	 "linux.sysctl[\"kernel.domainname\"]: needs a uts namespace: list one in "
	 "linux.namespaces"},
	{LINUX, "'namespaces':[{'type':'uts'}],'sysctl':{'kernel.hostname':'h'}",
	 "linux.sysctl[\"kernel.hostname\"]: contradicts the field hostname, which says it"},
	{BARE,
	 "{'process':{'args':['x']},'taskshim':{'chroot':'host'},'domainname':'d','linux':{"
	 "'namespaces':[{'type':'uts'}],'sysctl':{'kernel.domainname':'d'}}}",
	 "linux.sysctl[\"kernel.domainname\"]: contradicts the field domainname, which says it"},
	{LINUX, "'sysctl':{'vm.swappiness':'1'}",
	 "linux.sysctl[\"vm.swappiness\"]: is in no namespace: it would change the host"},
	{LINUX, "'namespaces':[{'type':'network'}],'sysctl':{'net/../kernel/panic':'1'}",
	 "linux.sysctl[\"net/../kernel/panic\"]: not the name of a sysctl"},
	{LINUX, "'sysctl':{'net.x':1}",
	 "linux.sysctl[\"net.x\"]: expected a string, got an integer"},
	{LINUX, "'personality':{}", "linux.personality.domain: missing"},
	{LINUX, "'personality':{'domain':'BSD'}",
	 "linux.personality.domain: \"BSD\": expected \"LINUX\" or \"LINUX32\""},
	{LINUX, "'personality':{'domain':'LINUX','flags':['UNAME26','READ_IMPLIES_EXEC']}",
	 "linux.personality.flags[1]: \"READ_IMPLIES_EXEC\": expected \"ADDR_NO_RANDOMIZE\", "
	 "\"ADDR_COMPAT_LAYOUT\", \"ADDR_LIMIT_32BIT\", \"ADDR_LIMIT_3GB\", \"MMAP_PAGE_ZERO\", "
	 "\"SHORT_INODE\", \"STICKY_TIMEOUTS\", \"UNAME26\" or \"WHOLE_SECONDS\""},
	{LINUX, "'memoryPolicy':{'nodes':'0'}", "linux.memoryPolicy.mode: missing"},
	{LINUX, "'memoryPolicy':{'mode':'MPOL_BIND','nodes':'a'}",
	 "linux.memoryPolicy.nodes: \"a\": expected a list such as \"0-3,7\""},
	{LINUX, "'memoryPolicy':{'mode':'MPOL_BIND','flags':['MPOL_F_NODE']}",
	 "linux.memoryPolicy.flags[0]: \"MPOL_F_NODE\": expected \"MPOL_F_STATIC_NODES\", "
	 "\"MPOL_F_RELATIVE_NODES\" or \"MPOL_F_NUMA_BALANCING\""},
	{LINUX, "'timeOffsets':{'boottime':{'nanosecs':1000000000}}",
	 "linux.timeOffsets.boottime.nanosecs: 1000000000 is out of range: must be 0 to 999999999"},
	{LINUX, "'timeOffsets':{'boottime':null}",
	 "linux.timeOffsets.boottime: expected an object, got null"},
	{LINUX, "'seccomp':{}", "linux.seccomp.defaultAction: missing"},
	{LINUX, "'seccomp':{'defaultAction':'ALLOW'}",
	 "linux.seccomp.defaultAction: \"ALLOW\": expected \"SCMP_ACT_KILL\", "
	 "\"SCMP_ACT_KILL_THREAD\", \"SCMP_ACT_KILL_PROCESS\", \"SCMP_ACT_TRAP\", "
	 "\"SCMP_ACT_ERRNO\", \"SCMP_ACT_TRACE\", \"SCMP_ACT_ALLOW\", \"SCMP_ACT_LOG\" or "
	 "\"SCMP_ACT_NOTIFY\""},
	{LINUX, SECCOMP "'defaultErrnoRet':1}",
	 "linux.seccomp.defaultErrnoRet: only SCMP_ACT_ERRNO and SCMP_ACT_TRACE have one"},
	{LINUX, SECCOMP "'architectures':['SCMP_ARCH_X86','x86_64']}",
	 "linux.seccomp.architectures[1]: \"x86_64\": expected \"SCMP_ARCH_X86\", "
	 "\"SCMP_ARCH_X86_64\", \"SCMP_ARCH_X32\", \"SCMP_ARCH_ARM\", \"SCMP_ARCH_AARCH64\", "
	 "\"SCMP_ARCH_LOONGARCH64\", \"SCMP_ARCH_M68K\", \"SCMP_ARCH_MIPS\", \"SCMP_ARCH_MIPS64\", "
	 "\"SCMP_ARCH_MIPS64N32\", \"SCMP_ARCH_MIPSEL\", \"SCMP_ARCH_MIPSEL64\", "
	 "\"SCMP_ARCH_MIPSEL64N32\", \"SCMP_ARCH_PARISC\", \"SCMP_ARCH_PARISC64\", "
	 "\"SCMP_ARCH_PPC\", \"SCMP_ARCH_PPC64\", \"SCMP_ARCH_PPC64LE\", \"SCMP_ARCH_RISCV64\", "
	 "\"SCMP_ARCH_S390\", \"SCMP_ARCH_S390X\", \"SCMP_ARCH_SH\" or \"SCMP_ARCH_..."},
	{LINUX, SECCOMP "'flags':['SECCOMP_FILTER_FLAG_LOG','TSYNC']}",
	 "linux.seccomp.flags[1]: \"TSYNC\": expected \"SECCOMP_FILTER_FLAG_TSYNC\", "
	 "\"SECCOMP_FILTER_FLAG_LOG\", \"SECCOMP_FILTER_FLAG_SPEC_ALLOW\" or "
	 "\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\""},
	{LINUX, SECCOMP "'flags':['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']}",
	 "linux.seccomp.flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs SCMP_ACT_NOTIFY"},
	{LINUX, SECCOMP "'listenerPath':'run/l'}",
	 "linux.seccomp.listenerPath: \"run/l\" is not an absolute path"},
	{LINUX, SECCOMP "'listenerMetadata':'m'}",
	 "linux.seccomp.listenerMetadata: needs listenerPath"},
	{LINUX, SECCOMP "'syscalls':[{'names':['mkdir'],'action':'SCMP_ACT_NOTIFY'}]}",
	 "linux.seccomp.listenerPath: missing: SCMP_ACT_NOTIFY needs one"},
	{LINUX, "'seccomp':{'defaultAction':'SCMP_ACT_NOTIFY'}",
	 "linux.seccomp.listenerPath: missing: SCMP_ACT_NOTIFY needs one"},
	{LINUX, SECCOMP "'syscalls':[{'action':'SCMP_ACT_LOG'}]}",
	 "linux.seccomp.syscalls[0].names: missing"},
	{LINUX, SECCOMP "'syscalls':[{'names':['a',''],'action':'SCMP_ACT_LOG'}]}",
	 "linux.seccomp.syscalls[0].names[1]: empty name"},
	{LINUX, SECCOMP "'syscalls':[{'names':[],'action':'SCMP_ACT_DENY'}]}",
	 "linux.seccomp.syscalls[0].action: \"SCMP_ACT_DENY\": expected \"SCMP_ACT_KILL\", "
	 "\"SCMP_ACT_KILL_THREAD\", \"SCMP_ACT_KILL_PROCESS\", \"SCMP_ACT_TRAP\", "
	 "\"SCMP_ACT_ERRNO\", \"SCMP_ACT_TRACE\", \"SCMP_ACT_ALLOW\", \"SCMP_ACT_LOG\" or "
	 "\"SCMP_ACT_NOTIFY\""},
	{LINUX, SECCOMP "'syscalls':[{'names':[],'action':'SCMP_ACT_KILL','errnoRet':1}]}",
	 "linux.seccomp.syscalls[0].errnoRet: only SCMP_ACT_ERRNO and SCMP_ACT_TRACE have one"},
	{LINUX, SECCOMP "'syscalls':[{'names':[],'action':'SCMP_ACT_ERRNO','errnoRet':4095}]}",
	 "linux.seccomp.syscalls[0].errnoRet: 4095 is out of range: must be 0 to 4094"},
	{LINUX, SECCOMP "'syscalls':[{'names':[],'action':'SCMP_ACT_TRACE','errnoRet':65536}]}",
	 "linux.seccomp.syscalls[0].errnoRet: 65536 is out of range: must be 0 to 65535"},
	{LINUX, SECCOMP_ARGS "'index':6,'value':0,'op':'SCMP_CMP_EQ'}]}]}",
	 "linux.seccomp.syscalls[0].args[0].index: 6 is out of range: must be 0 to 5"},
	{LINUX, SECCOMP_ARGS "'index':0,'value':-1,'op':'SCMP_CMP_EQ'}]}]}",
	 "linux.seccomp.syscalls[0].args[0].value: -1 is out of range: must be at least 0"},
	{LINUX, SECCOMP_ARGS "'index':0,'op':'SCMP_CMP_EQ'}]}]}",
	 "linux.seccomp.syscalls[0].args[0].value: missing"},
	{LINUX, SECCOMP_ARGS "'index':0,'value':0,'op':'EQ'}]}]}",
	 "linux.seccomp.syscalls[0].args[0].op: \"EQ\": expected \"SCMP_CMP_NE\", "
	 "\"SCMP_CMP_LT\", \"SCMP_CMP_LE\", \"SCMP_CMP_EQ\", \"SCMP_CMP_GE\", \"SCMP_CMP_GT\" "
	 "or \"SCMP_CMP_MASKED_EQ\""},
	/* resources */
	{LINUX, "'resources':{'memory':{'limit':'12'}}",
	 "linux.resources.memory.limit: expected an integer, got a string"},
	{LINUX, "'resources':{'memory':{'limit':-2}}",
	 "linux.resources.memory.limit: -2 is out of range: must be at least -1"},
	{LINUX, "'resources':{'memory':{'limit':9223372036854775808}}",
	 "linux.resources.memory.limit: 9223372036854775808 is out of range: must be -1 to "
	 "9223372036854775807"},
	{LINUX, "'resources':{'memory':{'limit':100,'swap':99}}",
	 "linux.resources.memory.swap: 99 is less than the memory limit 100: it limits memory and "
	 "swap together"},
	{LINUX, "'resources':{'memory':{'swap':99}}",
	 "linux.resources.memory.swap: needs a memory limit: it limits memory and swap together"},
	{LINUX, "'resources':{'memory':{'swappiness':201}}",
	 "linux.resources.memory.swappiness: 201 is out of range: must be 0 to 200"},
	{LINUX, "'resources':{'cpu':{'shares':1}}",
	 "linux.resources.cpu.shares: 1 is out of range: must be at least 2"},
	{LINUX, "'resources':{'cpu':{'shares':-1}}",
	 "linux.resources.cpu.shares: -1 is out of range: must be at least 2"},
	{LINUX, "'resources':{'cpu':{'quota':999}}",
	 "linux.resources.cpu.quota: 999 is out of range: must be at least 1000 (microseconds), or "
	 "-1"},
	{LINUX, "'resources':{'cpu':{'period':999}}",
	 "linux.resources.cpu.period: 999 is out of range: must be 1000 to 1000000"},
	{LINUX, "'resources':{'cpu':{'period':1000001}}",
	 "linux.resources.cpu.period: 1000001 is out of range: must be 1000 to 1000000"},
	{LINUX, "'resources':{'cpu':{'idle':2}}",
	 "linux.resources.cpu.idle: 2 is out of range: must be 0 to 1"},
	{LINUX, "'resources':{'pids':{'limit':-2}}",
	 "linux.resources.pids.limit: -2 is out of range: must be at least -1"},
	{LINUX, "'resources':{'blockIO':{'weight':9}}",
	 "linux.resources.blockIO.weight: 9 is out of range: must be 10 to 1000"},
	{LINUX, "'resources':{'blockIO':{'weight':1001}}",
	 "linux.resources.blockIO.weight: 1001 is out of range: must be 10 to 1000"},
	{LINUX, "'resources':{'blockIO':{'throttleReadBpsDevice':[{'major':8,'minor':0}]}}",
	 "linux.resources.blockIO.throttleReadBpsDevice[0].rate: missing"},
	{LINUX, "'resources':{'devices':[{'access':'r'}]}",
	 "linux.resources.devices[0].allow: missing"},
	{LINUX, "'resources':{'devices':[{'allow':true,'access':'rx'}]}",
	 "linux.resources.devices[0].access: \"rx\": expected letters of \"rwm\""},
	{LINUX, "'resources':{'devices':[{'allow':true,'type':'block'}]}",
	 "linux.resources.devices[0].type: \"block\": expected \"a\", \"b\", \"c\" or \"u\""},
	{LINUX, "'resources':{'network':{'priorities':[{'name':'eth0','priority':-1}]}}",
	 "linux.resources.network.priorities[0].priority: -1 is out of range: must be 0 to "
	 "4294967295"},
	/* taskshim */
	{TASKSHIM, "'version':2",
	 "taskshim.version: version 2 is not supported: this program knows version 1"},
	{TASKSHIM, "'version':18446744073709551615",
	 "taskshim.version: version 18446744073709551615 is not supported: this program knows "
	 "version 1"},
	{TASKSHIM, "'version':'1'", "taskshim.version: expected an integer, got a string"},
	{TASKSHIM, "'chrot':'host'", "taskshim.chrot: unknown field; did you mean \"chroot\"?"},
	{TASKSHIM, "'x':null", "taskshim.x: unknown field"},
	{TASKSHIM, "'Id':'x'", "taskshim.Id: unknown field; did you mean \"id\"?"},
	{TASKSHIM, "'a b':1", "taskshim[\"a b\"]: unknown field"},
	{TASKSHIM, "'logs':{'maxFiles':1,'maxFileSize':1,'compress':true}",
	 "taskshim.logs.compress: unknown field"},
	{TASKSHIM, "'id':''",
	 "taskshim.id: \"\": expected 1 to 200 of A-Z a-z 0-9 _ + . -, not starting with -"},
	{TASKSHIM, "'id':'../x'",
	 "taskshim.id: \"../x\": expected 1 to 200 of A-Z a-z 0-9 _ + . -, not starting with -"},
	{TASKSHIM, "'runId':'0123'", "taskshim.runId: expected 32 hexadecimal digits"},
	{TASKSHIM, "'runId':'0123456789ABCDEF0123456789abcdef'",
	 "taskshim.runId: expected 32 hexadecimal digits"},
	{TASKSHIM, "'stateDir':'x'", "taskshim.stateDir: \"x\" is not an absolute path"},
	{TASKSHIM, "'stateDir':'/a/../b'",
	 "taskshim.stateDir: \"/a/../b\": write the path without \"//\", \".\", \"..\" and a / at "
	 "the "
	 "end"},
	{TASKSHIM, "'monitorCgroup':'x'", "taskshim.monitorCgroup: \"x\" is not an absolute path"},
	{TASKSHIM, "'taskDir':'x'", "taskshim.taskDir: \"x\" is not an absolute path"},
	{TASKSHIM, "'allocDir':''", "taskshim.allocDir: \"\" is not an absolute path"},
	{TASKSHIM, "'onParentDeath':'die'",
	 "taskshim.onParentDeath: \"die\": expected \"keep\" or \"kill\""},
	{TASKSHIM, "'onMonitorDeath':true",
	 "taskshim.onMonitorDeath: expected a string, got a boolean"},
	{TASKSHIM, "'isolation':'vm'",
	 "taskshim.isolation: \"vm\": expected \"pivot\", \"chroot\" or \"none\""},
	{TASKSHIM, "'chrootMethod':'link'",
	 "taskshim.chrootMethod: \"link\": expected \"bind\" or \"copy\""},
	{TASKSHIM, "'chroot':'hosts'", "taskshim.chroot: expected \"host\" or an object of paths"},
	{TASKSHIM, "'chroot':{'bin':'/bin'}",
	 "taskshim.chroot.bin: \"bin\": expected an absolute path in the task, without \"//\", "
	 "\".\", \"..\" and a / at the end"},
	{TASKSHIM, "'chroot':{'/a/../..':'/bin'}",
	 "taskshim.chroot[\"/a/../..\"]: \"/a/../..\": expected an absolute path in the task, "
	 "without \"//\", \".\", \"..\" and a / at the end"},
	{TASKSHIM, "'chroot':{'/':'/srv'}",
	 "taskshim.chroot[\"/\"]: \"/\": expected an absolute path in the task, without \"//\", "
	 "\".\", \"..\" and a / at the end"},
	{TASKSHIM, "'chroot':{'/bin':'bin'}",
	 "taskshim.chroot[\"/bin\"]: \"bin\" is not an absolute path"},
	{TASKSHIM, "'user':''", "taskshim.user: \"\": expected NAME, UID, NAME:GROUP or UID:GID"},
	{TASKSHIM, "'user':'1000:'",
	 "taskshim.user: \"1000:\": expected NAME, UID, NAME:GROUP or UID:GID"},
	{TASKSHIM, "'user':':5'",
	 "taskshim.user: \":5\": expected NAME, UID, NAME:GROUP or UID:GID"},
	{TASKSHIM, "'user':'4294967295'",
	 "taskshim.user: \"4294967295\": expected NAME, UID, NAME:GROUP or UID:GID"},
	{TASKSHIM, "'keyring':'old'", "taskshim.keyring: \"old\": expected \"new\" or \"inherit\""},
	{TASKSHIM, "'cpuAffinity':''",
	 "taskshim.cpuAffinity: \"\": expected a list such as \"0-3,7\""},
	{TASKSHIM, "'stdin':'inherit'",
	 "taskshim.stdin: \"inherit\": expected \"null\", an absolute path or \"fd:N\""},
	{TASKSHIM, "'stdout':'out.log'",
	 "taskshim.stdout: \"out.log\": expected \"null\", an absolute path or \"fd:N\""},
	{TASKSHIM, "'shell':['sh']", "taskshim.shell[0]: \"sh\" is not an absolute path"},
	{TASKSHIM, "'consoleSocket':'x'",
	 "taskshim.consoleSocket: \"x\": expected an absolute path, or \"fd:N\" with N of 3 or "
	 "more"},
	{TASKSHIM, "'consoleSocket':'fd:2'",
	 "taskshim.consoleSocket: \"fd:2\": expected an absolute path, or \"fd:N\" with N of 3 or "
	 "more"},
	{TASKSHIM, "'preserveFds':-1",
	 "taskshim.preserveFds: -1 is out of range: must be 0 to "
	 "1024"},
	{TASKSHIM, "'preserveFds':1025",
	 "taskshim.preserveFds: 1025 is out of range: must be 0 to "
	 "1024"},
	{TASKSHIM, "'consoleSocket':'/x'",
	 "taskshim.consoleSocket: needs process.terminal true: there is no terminal to send there"},
	{BARE,
	 "{'process':{'args':['x'],'terminal':true},'taskshim':{'chroot':'host','stdout':'/x'}}",
	 "taskshim.stdout: contradicts process.terminal, which is all three streams"},
	{TASKSHIM, "'stderr':'x'",
	 "taskshim.stderr: \"x\": expected \"null\", an absolute path, \"inherit\" or \"fd:N\""},
	{TASKSHIM, "'stdout':'fd:2'",
	 "taskshim.stdout: \"fd:2\": expected \"fd:N\" with N of 3 or more"},
	{TASKSHIM, "'stdout':'fd:3x'",
	 "taskshim.stdout: \"fd:3x\": expected \"fd:N\" with N of 3 or more"},
	{TASKSHIM, "'stdout':'fd:-3'",
	 "taskshim.stdout: \"fd:-3\": expected \"fd:N\" with N of 3 or more"},
	{TASKSHIM, "'stdout':'fd:99999999999999999999'",
	 "taskshim.stdout: \"fd:99999999999999999999\": expected \"fd:N\" with N of 3 or more"},
	{TASKSHIM, "'cgroup':{'memory':'x'}",
	 "taskshim.cgroup.memory: \"x\": write an absolute path without \"//\", \".\", \"..\" and "
	 "a / "
	 "at the end"},
	{TASKSHIM, "'cgroup':{'memory':'/sys/fs/cgroup/../..'}",
	 "taskshim.cgroup.memory: \"/sys/fs/cgroup/../..\": write an absolute path without \"//\", "
	 "\".\", \"..\" and a / at the end"},
	{TASKSHIM, "'killSignal':'SIGFOO'", "taskshim.killSignal: \"SIGFOO\": unknown signal"},
	{TASKSHIM, "'killSignal':0", "taskshim.killSignal: \"0\": unknown signal"},
	{TASKSHIM, "'killTimeout':'5x'",
	 "taskshim.killTimeout: \"5x\": expected a time such as \"500ms\", \"5s\", \"2m\" or "
	 "seconds"},
	{TASKSHIM, "'killTimeout':-1",
	 "taskshim.killTimeout: \"-1\": expected a time such as \"500ms\", \"5s\", \"2m\" or "
	 "seconds"},
	{TASKSHIM, "'killTimeout':1e300", "taskshim.killTimeout: \"1e300\": too long a time"},
	{TASKSHIM, "'killTimeout':[]", "taskshim.killTimeout: expected a time, got an array"},
	{TASKSHIM, "'timeout':'0s'", "taskshim.timeout: must be more than 0"},
	{TASKSHIM, "'monitor':false,'timeout':1",
	 "taskshim.monitor: false contradicts taskshim.timeout, which the monitor keeps"},
	{TASKSHIM, "'monitor':false,'logs':{'maxFiles':1,'maxFileSize':1}",
	 "taskshim.monitor: false contradicts taskshim.logs, which the monitor writes"},
	{TASKSHIM, "'waitFor':'none'", "taskshim.waitFor: \"none\": expected \"main\" or \"all\""},
	{TASKSHIM, "'waitFor':'all','monitor':false",
	 "taskshim.monitor: false contradicts taskshim.waitFor \"all\": the monitor is who waits"},
	{TASKSHIM, "'cleanUp':1", "taskshim.cleanUp: expected true or false, got an integer"},
	{TASKSHIM, "'cleanUp':true",
	 "taskshim.cleanUp: needs taskshim.onParentDeath \"kill\": it says what is left of a task "
	 "that was ended for its parent's death"},
	{TASKSHIM, "'cleanUp':true,'onParentDeath':'keep'",
	 "taskshim.cleanUp: needs taskshim.onParentDeath \"kill\": it says what is left of a task "
	 "that was ended for its parent's death"},
	{TASKSHIM, "'cleanUp':true,'onParentDeath':'kill','monitor':false",
	 "taskshim.monitor: false contradicts taskshim.cleanUp, which the monitor does"},
	{TASKSHIM, "'logs':{'maxFiles':1}", "taskshim.logs.maxFileSize: missing"},
	{TASKSHIM, "'logs':{'maxFiles':0,'maxFileSize':1}",
	 "taskshim.logs.maxFiles: 0 is out of range: must be 1 to 10000"},
	{TASKSHIM, "'logs':{'maxFiles':1,'maxFileSize':0}",
	 "taskshim.logs.maxFileSize: 0 is out of range: must be at least 1"},
	{TASKSHIM, "'logs':{'maxFiles':1,'maxFileSize':'0k'}",
	 "taskshim.logs.maxFileSize: must be at least 1"},
	{TASKSHIM, "'logs':{'maxFiles':1,'maxFileSize':'10 M'}",
	 "taskshim.logs.maxFileSize: \"10 M\": expected a size such as \"10M\" or bytes"},
	{TASKSHIM, "'logs':{'maxFiles':1,'maxFileSize':'99999999999G'}",
	 "taskshim.logs.maxFileSize: \"99999999999G\": does not fit 64 bits"},
	{BARE,
	 "{'process':{'args':['x']},'linux':{'namespaces':[{'type':'pid'}]},"
	 "'taskshim':{'chroot':'host','waitFor':'all'}}",
	 "taskshim.waitFor: \"all\" contradicts \"pid\" in linux.namespaces, but with "
	 "taskshim.init: nothing outlives process 1 of a pid namespace"},
	{BARE,
	 "{'process':{'args':['x']},'linux':{'seccomp':{'defaultAction':'SCMP_ACT_LOG'}},"
	 "'taskshim':{'chroot':'host','seccomp':'default'}}",
	 "taskshim.seccomp: \"default\" contradicts linux.seccomp"},
	{BARE, "{'process':{'args':['x']},'taskshim':{'chroot':'host','seccomp':'docker'}}",
	 "taskshim.seccomp: \"docker\": expected \"none\" or \"default\""},
	{BARE, "{'process':{'args':['x']},'taskshim':{'chroot':'host','init':true}}",
	 "taskshim.init: needs a new pid namespace: list one in linux.namespaces"},
	{BARE,
	 "{'process':{'args':['x']},'linux':{'namespaces':[{'type':'pid','path':'/proc/1/ns/"
	 "pid'}]},"
	 "'taskshim':{'chroot':'host','init':true}}",
	 "taskshim.init: needs a new pid namespace: list one in linux.namespaces"},
	/* isolation "none" */
	{TASKSHIM, "'isolation':'none'",
	 "root.path: contradicts taskshim.isolation \"none\", which has no root of its own"},
	{BARE, "{'process':{'args':['x']},'taskshim':{'isolation':'none','chroot':'host'}}",
	 "taskshim.chroot: contradicts taskshim.isolation \"none\", which has no root of its own"},
	{BARE, "{'process':{'args':['x']},'taskshim':{'isolation':'none','taskDir':'/t'}}",
	 "taskshim.taskDir: contradicts taskshim.isolation \"none\", which has no root of its own"},
	{BARE, "{'process':{'args':['x']},'taskshim':{'isolation':'none','allocDir':'/t'}}",
	 "taskshim.allocDir: contradicts taskshim.isolation \"none\", which has no root of its "
	 "own"},
	{BARE,
	 "{'process':{'args':['x']},'root':{'readonly':true},'taskshim':{'isolation':'none'}}",
	 "root.readonly: contradicts taskshim.isolation \"none\", which has no root of its own"},
	{BARE,
	 "{'process':{'args':['x']},'mounts':[{'destination':'/p','type':'proc'}],"
	 "'taskshim':{'isolation':'none'}}",
	 "mounts: contradicts taskshim.isolation \"none\", which has no root of its own"},
	{BARE,
	 "{'process':{'args':['x']},'linux':{'namespaces':[{'type':'mount'}]},"
	 "'taskshim':{'isolation':'none'}}",
	 "linux.namespaces: \"mount\" without a path contradicts taskshim.isolation \"none\""},
	{BARE,
	 "{'process':{'args':['x']},'linux':{'maskedPaths':['/x']},"
	 "'taskshim':{'isolation':'none'}}",
	 "linux.maskedPaths: contradicts taskshim.isolation \"none\", which has no root of its "
	 "own"},
	{BARE,
	 "{'process':{'args':['x']},'linux':{'readonlyPaths':['/x']},"
	 "'taskshim':{'isolation':'none'}}",
	 "linux.readonlyPaths: contradicts taskshim.isolation \"none\", which has no root of its "
	 "own"},
	{BARE,
	 "{'process':{'args':['x']},'linux':{'rootfsPropagation':'slave'},"
	 "'taskshim':{'isolation':'none'}}",
	 "linux.rootfsPropagation: contradicts taskshim.isolation \"none\", which has no root of "
	 "its own"},
	{BARE,
	 "{'process':{'args':['x']},'linux':{'mountLabel':'l'},'taskshim':{'isolation':'none'}}",
	 "linux.mountLabel: contradicts taskshim.isolation \"none\", which has no root of its own"},
};

/* @form with its %s replaced by @part. */
static struct json_object *fill_form(const char *form, const char *part)
{
	const char *hole = strstr(form, "%s");
	char *text = NULL;
	struct json_object *document;

	assert_true(asprintf(&text, "%.*s%s%s", (int)(hole - form), form, part, hole + 2) > 0);
	document = parse_quoted(text);
	free(text);
	return document;
}

static void test_config_decode_refuses_by_path(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct json_object *document = fill_form(refused[i].form, refused[i].part);
		struct config *config = NULL;
		struct ts_error e = {0};

		if (config_decode(document, &config, &e) == 0)
			fail_msg("accepted: %s", refused[i].part);
		assert_row_text(refused[i].part, e.msg, refused[i].error);
		assert_int_equal(e.step, TS_STEP_CONFIG);
		assert_int_equal(e.err, EINVAL);
		assert_null(config);
		json_object_put(document);
	}
}

static const struct {
	const char *form, *part;
} accepted[] = {
	{TOP, "'ociVersion':'1.0.0-rc5'"},
	{TOP, "'ociVersion':'1.1.0+dev'"},
	{TOP, "'ociVersion':'1.2.1','windows':{'x':1},'vm':null,'process2':1"},
	{TOP, "'linux':{'rootfsPropagation':'','cgroupsPath':'','mountLabel':''}"},
	{TOP, "'hooks':null,'mounts':null,'annotations':null,'linux':null"},
	{TOP, "'hostname':'h','linux':{'namespaces':[{'type':'uts','path':''}]}"},
	{PROCESS, "'capabilities':{'bounding':['cap_chown']}"},
	{PROCESS, "'args':['x'],'args':['y']"},
	{TOP, "'linux':{'namespaces':[{'type':'user'},{'type':'time'}],'uidMappings':[{'size':"
	      "4294967295}],"
	      "'gidMappings':[{'containerID':1,'hostID':1,'size':2},{'size':1},{'containerID':3,"
	      "'hostID':3,'size':1}]}"},
	{PROCESS, "'user':{}"},
	{MOUNT, "'destination':'/x','type':'none','source':'/y','options':['bind','ro']"},
	{MOUNT, "'destination':'/x','type':'bind','source':'/y'"},
	{MOUNT, "'destination':'/x','type':'ext4','source':'/dev/x','options':['whatever']"},
	{MOUNT,
	 "'destination':'/x','type':'tmpfs','options':['context=\\u0022a\\u0022','size=1k']"},
	{MOUNT, "'destination':'/x','type':'proc','options':['hidepid=2','subset=pid']"},
	{TASKSHIM, "'version':1,'killSignal':15,'killTimeout':0,'timeout':'1h'"},
	{TASKSHIM, "'isolation':'chroot','chroot':'host','stdin':'null','stderr':'null'"},
	{BARE, "{'process':{'args':['x']},'taskshim':{'isolation':'none'},'mounts':[],"
	       "'linux':{'maskedPaths':[],'namespaces':[{'type':'pid'}]}}"},
	{LINUX, "'resources':{'memory':{'limit':-1,'swap':-1},'cpu':{'shares':2,'quota':-1}}"},
	{LINUX, "'resources':{'memory':{'swappiness':-1}}"},
};

static void test_config_decode_accepts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(accepted); i++) {
		struct json_object *document = fill_form(accepted[i].form, accepted[i].part);
		struct config *config = NULL;
		struct ts_error e = {0};

		if (config_decode(document, &config, &e) < 0)
			fail_msg("%s: %s", accepted[i].part, e.msg);
		config_free(config);
		json_object_put(document);
	}
}

static void test_config_decode_error_never_shows_env(void **state)
{
	struct json_object *document =
		fill_form(PROCESS, "'env':['OK=1','my-secret-without-equals']");
	struct config *config = NULL;
	struct ts_error e = {0};

	(void)state;
	assert_int_equal(config_decode(document, &config, &e), -1);
	assert_null(strstr(e.msg, "secret"));
	json_object_put(document);
}

/* A program may hand us an object that no scan has seen. */
static void test_config_decode_refuses_nul_in_a_built_object(void **state)
{
	struct json_object *document = fill_form(PROCESS, "'env':[]");
	struct json_object *process, *args;
	struct config *config = NULL;
	struct ts_error e = {0};

	(void)state;
	assert_true(json_object_object_get_ex(document, "process", &process));
	assert_true(json_object_object_get_ex(process, "args", &args));
	json_object_array_add(args, json_object_new_string_len("a\0b", 3));
	assert_int_equal(config_decode(document, &config, &e), -1);
	assert_string_equal(e.msg, "process.args[1]: NUL in a string");
	json_object_put(document);
}

static void test_config_decode_cuts_long_values_in_errors(void **state)
{
	char part[5000] = "'cwd':'", *at = part + strlen(part);
	struct json_object *document;
	struct config *config = NULL;
	struct ts_error e = {0};

	(void)state;
	memset(at, 'y', 4000);
	append(part, sizeof part, "'");
	document = fill_form(PROCESS, part);
	assert_int_equal(config_decode(document, &config, &e), -1);
	assert_non_null(strstr(e.msg, "yyy...\" is not an absolute path"));
	json_object_put(document);
}

static void test_config_decode_cuts_long_paths_in_errors(void **state)
{
	char part[5000] = "'annotations':{'", *at = part + strlen(part);
	struct json_object *document;
	struct config *config = NULL;
	struct ts_error e = {0};

	(void)state;
	memset(at, 'k', 4000);
	append(part, sizeof part, "':1}");
	document = fill_form(TOP, part);
	assert_int_equal(config_decode(document, &config, &e), -1);
	assert_non_null(strstr(e.msg, "kkk...: expected a string, got an integer"));
	json_object_put(document);
}

/* As many as the kernel takes, and one more. */
static void test_config_decode_counts_mappings(void **state)
{
	enum { MOST = 340 };
	static char part[64 * MOST];

	(void)state;
	for (int n = MOST; n <= MOST + 1; n++) {
		struct json_object *document;
		struct config *config = NULL;
		struct ts_error e = {0};

		(void)snprintf(part, sizeof part,
			       "'namespaces':[{'type':'user'}],'gidMappings':[{'size':1}],"
			       "'uidMappings':[{'size':1}");
		for (int i = 1; i < n; i++) {
			char one[64];

			(void)snprintf(one, sizeof one, ",{'containerID':%d,'hostID':%d,'size':1}",
				       i, i);
			append(part, sizeof part, one);
		}
		append(part, sizeof part, "]");
		document = fill_form(LINUX, part);
		assert_int_equal(config_decode(document, &config, &e), n == MOST ? 0 : -1);
		if (n > MOST)
			assert_string_equal(
				e.msg, "linux.uidMappings: 341 mappings: the kernel takes 340");
		config_free(config);
		json_object_put(document);
	}
}

static void test_config_free_takes_null(void **state)
{
	(void)state;
	config_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_decode_fills_every_scalar),
		cmocka_unit_test(test_config_decode_fills_every_list_and_map),
		cmocka_unit_test(test_config_decode_fills_rlimits_and_hooks),
		cmocka_unit_test(test_config_decode_fills_mounts),
		cmocka_unit_test(test_config_decode_fills_linux_arrays),
		cmocka_unit_test(test_config_decode_fills_seccomp),
		cmocka_unit_test(test_config_decode_fills_resource_arrays),
		cmocka_unit_test(test_full_config_has_every_field_of_the_tables),
		cmocka_unit_test(test_config_decode_names_the_path_of_every_wrong_type),
		cmocka_unit_test(test_config_decode_takes_null_as_absent),
		cmocka_unit_test(test_config_decode_defaults),
		cmocka_unit_test(test_config_decode_streams),
		cmocka_unit_test(test_config_decode_console_socket_by_path),
		cmocka_unit_test(test_config_decode_wait_for_all),
		cmocka_unit_test(test_config_decode_an_empty_list_is_not_an_absent_one),
		cmocka_unit_test(test_config_decode_zero_limits_are_not_set),
		cmocka_unit_test(test_config_decode_refuses_by_path),
		cmocka_unit_test(test_config_decode_accepts),
		cmocka_unit_test(test_config_decode_error_never_shows_env),
		cmocka_unit_test(test_config_decode_refuses_nul_in_a_built_object),
		cmocka_unit_test(test_config_decode_cuts_long_values_in_errors),
		cmocka_unit_test(test_config_decode_cuts_long_paths_in_errors),
		cmocka_unit_test(test_config_decode_counts_mappings),
		cmocka_unit_test(test_config_free_takes_null),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
