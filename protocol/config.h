/* The task's config: an OCI runtime config (1.0 to 1.3) with one more top-level object, `taskshim`, decoded into plain
 * structs. design.md section 4; taskshim-config(5) documents every field.
 *
 * Lifecycle: config_decode() -> read-only use -> config_free(). Every `const char *` points into the JSON document,
 * which the config holds a reference to. Strings hold no NUL bytes (decoding refuses them). Absent strings are NULL,
 * absent lists have n == 0, absent numbers have .set == false. Units stand in the names. */
#ifndef PROTOCOL_CONFIG_H
#define PROTOCOL_CONFIG_H

#include "util/error.h"

#include <json-c/json_types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct opt_i64 {
	bool set;
	int64_t value;
};
struct opt_u64 {
	bool set;
	uint64_t value;
};
enum opt_bool { OPT_UNSET, OPT_FALSE, OPT_TRUE };

/* A list of strings with a NULL after the last one, so that it can be an argv. v is never NULL after decoding. */
struct str_list {
	const char **v;
	size_t n;
};

struct key_value {
	const char *key, *value;
};
struct key_value_list {
	struct key_value *v;
	size_t n;
};

/* --- process --- */

struct oci_rlimit {
	const char *name; /* "RLIMIT_NOFILE" */
	int resource; /* RLIMIT_NOFILE */
	uint64_t soft, hard; /* UINT64_MAX = RLIM_INFINITY */
};

struct oci_user {
	bool set;
	uint32_t uid, gid;
	struct opt_u64 umask;
	uint32_t *additional_gids;
	size_t n_additional_gids;
	const char *username; /* Windows only; decoded, no effect */
};

struct oci_capabilities { /* bit N = capability number N of linux/capability.h */
	bool set;
	uint64_t bounding, effective, inheritable, permitted, ambient;
};

struct oci_scheduler {
	bool set;
	int policy; /* SCHED_* of the kernel */
	int64_t nice, priority;
	uint64_t flags; /* SCHED_FLAG_* */
	uint64_t runtime, deadline, period; /* nanoseconds */
};

struct oci_io_priority {
	bool set;
	int io_class; /* IOPRIO_CLASS_* of the kernel */
	int64_t priority;
};

struct oci_cpu_affinity { /* for processes that are added to a running task: the command is not concerned */
	bool set;
	const char *initial, *final; /* number_list_parse() takes them */
};

struct oci_process {
	bool set;
	bool terminal;
	struct opt_u64 console_height, console_width;
	struct oci_user user;
	struct str_list args, env;
	const char *cwd;
	struct oci_capabilities capabilities;
	struct oci_rlimit *rlimits;
	size_t n_rlimits;
	bool no_new_privileges;
	const char *apparmor_profile, *selinux_label;
	struct opt_i64 oom_score_adj;
	struct oci_scheduler scheduler;
	struct oci_io_priority io_priority;
	struct oci_cpu_affinity exec_cpu_affinity;
};

/* --- root, mounts --- */

struct oci_root {
	bool set;
	const char *path;
	bool readonly;
};

struct oci_id_mapping {
	uint32_t container_id, host_id, size;
};

/* options[] of a mount, sorted into what each word means (protocol/mount_options.h). */
struct mount_options {
	uint64_t
		flags; /* MS_BIND, MS_REC, MS_SYNCHRONOUS, MS_DIRSYNC, MS_I_VERSION, ...: what is no attribute */
	uint64_t flags_clr; /* what "async", "nolazytime" and the like took back */
	uint64_t attr_set; /* MOUNT_ATTR_* for this mount */
	uint64_t attr_clr;
	uint64_t rec_attr_set; /* MOUNT_ATTR_* for the whole tree (rro, rnosuid, ...) */
	uint64_t rec_attr_clr;
	uint64_t propagation; /* MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE, or 0 */
	bool propagation_rec; /* rshared, rslave, ... */
	bool ro_superblock; /* "ro" also asked of a new superblock */
	bool tmpcopyup;
	bool idmap; /* also with ridmap, and where there are mappings without a word */
	bool ridmap;
	struct str_list data; /* words for the filesystem: "mode=755", "size=64k" */
};

struct oci_mount {
	const char *destination, *type, *source;
	struct str_list options; /* as they stand in the document */
	struct mount_options parsed;
	struct oci_id_mapping *uid_mappings, *gid_mappings;
	size_t n_uid_mappings, n_gid_mappings;
};

/* --- linux --- */

enum oci_namespace_type {
	OCI_NS_PID,
	OCI_NS_NETWORK,
	OCI_NS_MOUNT,
	OCI_NS_IPC,
	OCI_NS_UTS,
	OCI_NS_USER,
	OCI_NS_CGROUP,
	OCI_NS_TIME,
	OCI_NS_COUNT
};

struct oci_namespace {
	bool set;
	const char *path; /* NULL: a new one */
};

struct oci_device {
	const char *path;
	char type; /* 'c' ('u' too), 'b', 'p' */
	struct opt_u64 major, minor; /* set unless type is 'p' */
	struct opt_u64 file_mode, uid, gid;
};

struct oci_device_rule {
	bool allow;
	const char *type; /* "a", "b", "c", "u" (as "c"); NULL: "a" */
	struct opt_i64 major, minor; /* unset or -1: any */
	const char *access; /* of "rwm"; NULL: all of them */
};

struct oci_memory {
	bool set;
	struct opt_i64 limit_bytes, reservation_bytes, swap_bytes, kernel_bytes,
		kernel_tcp_bytes; /* -1: unlimited */
	struct opt_u64 swappiness;
	enum opt_bool disable_oom_killer, use_hierarchy, check_before_update;
};

struct oci_cpu {
	bool set;
	struct opt_u64 shares, burst_us, period_us, realtime_period_us;
	struct opt_i64 quota_us, realtime_runtime_us, idle; /* quota -1: none */
	const char *cpus, *mems;
};

struct oci_weight_device {
	int64_t major, minor;
	struct opt_u64 weight, leaf_weight;
};
struct oci_throttle_device {
	int64_t major, minor;
	uint64_t rate;
};
struct oci_throttle_list {
	struct oci_throttle_device *v;
	size_t n;
};

struct oci_block_io {
	bool set;
	struct opt_u64 weight, leaf_weight;
	struct oci_weight_device *weight_devices;
	size_t n_weight_devices;
	struct oci_throttle_list read_bps, write_bps, read_iops, write_iops;
};

struct oci_hugepage_limit {
	const char *page_size;
	uint64_t limit_bytes;
};

struct oci_rdma {
	const char *device;
	struct opt_u64 hca_handles, hca_objects;
};

struct oci_resources {
	bool set;
	struct oci_device_rule *devices;
	size_t n_devices;
	struct oci_memory memory;
	struct oci_cpu cpu;
	struct opt_i64 pids_limit; /* -1: unlimited */
	struct oci_block_io block_io;
	struct oci_hugepage_limit *hugepage_limits;
	size_t n_hugepage_limits;
	struct opt_u64 network_class_id;
	struct key_value_list network_priorities; /* value: the number's text */
	struct oci_rdma *rdma;
	size_t n_rdma;
	struct key_value_list unified;
};

enum oci_seccomp_action {
	OCI_SECCOMP_KILL_THREAD,
	OCI_SECCOMP_KILL_PROCESS,
	OCI_SECCOMP_TRAP,
	OCI_SECCOMP_ERRNO,
	OCI_SECCOMP_TRACE,
	OCI_SECCOMP_ALLOW,
	OCI_SECCOMP_LOG,
	OCI_SECCOMP_NOTIFY,
};
enum oci_seccomp_op {
	OCI_SECCOMP_NE,
	OCI_SECCOMP_LT,
	OCI_SECCOMP_LE,
	OCI_SECCOMP_EQ,
	OCI_SECCOMP_GE,
	OCI_SECCOMP_GT,
	OCI_SECCOMP_MASKED_EQ,
};

/* Bits, in the order of OCI's list. */
enum oci_seccomp_arch {
	OCI_ARCH_X86,
	OCI_ARCH_X86_64,
	OCI_ARCH_X32,
	OCI_ARCH_ARM,
	OCI_ARCH_AARCH64,
	OCI_ARCH_LOONGARCH64,
	OCI_ARCH_M68K,
	OCI_ARCH_MIPS,
	OCI_ARCH_MIPS64,
	OCI_ARCH_MIPS64N32,
	OCI_ARCH_MIPSEL,
	OCI_ARCH_MIPSEL64,
	OCI_ARCH_MIPSEL64N32,
	OCI_ARCH_PARISC,
	OCI_ARCH_PARISC64,
	OCI_ARCH_PPC,
	OCI_ARCH_PPC64,
	OCI_ARCH_PPC64LE,
	OCI_ARCH_RISCV64,
	OCI_ARCH_S390,
	OCI_ARCH_S390X,
	OCI_ARCH_SH,
	OCI_ARCH_SHEB,
	OCI_ARCH_COUNT
};

struct oci_seccomp_arg {
	uint32_t index;
	uint64_t value, value_two; /* MASKED_EQ: the mask, and what must be left */
	enum oci_seccomp_op op;
};
struct oci_seccomp_syscall {
	struct str_list names;
	enum oci_seccomp_action action;
	struct opt_u64 errno_ret;
	struct oci_seccomp_arg *args;
	size_t n_args;
};
struct oci_seccomp {
	bool set;
	enum oci_seccomp_action default_action;
	struct opt_u64 default_errno_ret;
	uint64_t architectures; /* bits: 1 << enum oci_seccomp_arch */
	uint64_t flags; /* SECCOMP_FILTER_FLAG_* */
	bool notifies; /* an action is NOTIFY; then there is a listener_path */
	const char *listener_path, *listener_metadata;
	struct oci_seccomp_syscall *syscalls;
	size_t n_syscalls;
};

struct oci_intel_rdt {
	bool set;
	const char *clos_id, *l3_cache_schema, *mem_bw_schema;
	struct str_list schemata;
	bool enable_cmt, enable_mbm, enable_monitoring;
};

struct oci_time_offset {
	const char *clock; /* "monotonic", "boottime" */
	int64_t secs;
	uint32_t nanosecs;
};

struct oci_net_device {
	const char *host_name, *name;
};

struct oci_memory_policy {
	bool set;
	int mode; /* MPOL_* of the kernel */
	const char *nodes; /* number_list_parse() takes it; NULL: none */
	uint64_t flags; /* MPOL_F_* */
};

struct oci_linux {
	bool set;
	bool namespaces_set;
	struct oci_namespace namespaces[OCI_NS_COUNT];
	struct oci_id_mapping *uid_mappings, *gid_mappings;
	size_t n_uid_mappings, n_gid_mappings;
	struct oci_device *devices;
	size_t n_devices;
	const char *cgroups_path;
	struct oci_resources resources;
	const char *rootfs_propagation;
	struct oci_seccomp seccomp;
	struct key_value_list sysctl;
	bool masked_paths_set, readonly_paths_set;
	struct str_list masked_paths, readonly_paths;
	const char *mount_label;
	struct oci_intel_rdt intel_rdt;
	bool personality_set;
	int personality_domain; /* PER_* of the kernel */
	uint64_t personality_flags; /* ADDR_NO_RANDOMIZE, ... */
	struct oci_time_offset *time_offsets;
	size_t n_time_offsets;
	struct oci_net_device *net_devices;
	size_t n_net_devices;
	struct oci_memory_policy memory_policy;
};

/* --- hooks --- */

enum oci_hook_kind {
	OCI_HOOK_PRESTART,
	OCI_HOOK_CREATE_RUNTIME,
	OCI_HOOK_CREATE_CONTAINER,
	OCI_HOOK_START_CONTAINER,
	OCI_HOOK_POSTSTART,
	OCI_HOOK_POSTSTOP,
	OCI_HOOK_COUNT
};

struct oci_hook {
	const char *path;
	struct str_list args, env;
	struct opt_i64 timeout_s;
};
struct oci_hook_list {
	struct oci_hook *v;
	size_t n;
};

/* --- taskshim --- */

enum ts_isolation { TS_ISOLATION_PIVOT, TS_ISOLATION_CHROOT, TS_ISOLATION_NONE };
enum ts_chroot_kind { TS_CHROOT_NONE, TS_CHROOT_HOST, TS_CHROOT_MAP };
enum ts_chroot_method { TS_CHROOT_BIND, TS_CHROOT_COPY };
enum ts_stdio_kind { TS_STDIO_NULL, TS_STDIO_PATH, TS_STDIO_FD, TS_STDIO_INHERIT };

struct ts_stdio {
	enum ts_stdio_kind kind;
	const char *path; /* for _PATH */
	int fd; /* for _FD: 3 or more */
};

struct ts_logs {
	bool set;
	uint64_t max_files, max_file_size_bytes;
};

enum { CONFIG_PRESERVE_FDS_MAX = 1024 };

struct ts_extension {
	bool set;
	const char *id; /* NULL: none given */
	const char *run_id; /* 32 hex digits; NULL: spawn-daemon makes one */
	const char *state_dir;
	bool monitor;
	const char *monitor_cgroup;
	bool kill_on_parent_death; /* onParentDeath: "kill" */
	bool kill_on_monitor_death; /* onMonitorDeath: "kill" */
	bool clean_up; /* with kill_on_parent_death: the parent's death leaves no cgroup and no state directory */
	bool durable;
	const char *user; /* as given: "name", "1000", "name:group", "1:2" */
	bool inherit_keyring; /* keyring: "inherit" */
	const char *cpu_affinity; /* "all", or what number_list_parse() takes; NULL: as inherited */
	bool interpolate;
	const char *
		base_mount_ns; /* what the task's mount namespace is copied from; NULL: the host's */
	enum ts_isolation isolation;
	enum ts_chroot_kind chroot;
	struct key_value_list chroot_map; /* key: task path, value: host path */
	enum ts_chroot_method chroot_method;
	const char *task_dir, *alloc_dir;
	struct ts_stdio stdio[3];
	struct str_list shell; /* paths; the first that is there is the command, not process.args */
	struct ts_stdio console_socket; /* _PATH or _FD; _NULL: none */
	uint32_t preserve_fds; /* so many from 3 on are the task's, too */
	struct ts_logs logs;
	struct key_value_list
		cgroups; /* key: v1 controller, "systemd" or "unified"; value: absolute path */
	int kill_signal;
	uint64_t kill_timeout_ms;
	struct opt_u64 timeout_ms;
	bool wait_for_all; /* waitFor: "all" */
	bool keep_strays; /* strays: "keep" */
	bool init;
	bool seccomp_default; /* seccomp: "default" */
};

struct config {
	struct json_object *document; /* owned: what the strings point into */
	const char *oci_version;
	struct oci_process process;
	struct oci_root root;
	bool mounts_set; /* an absent list is not an empty one: see protocol/defaults.h */
	struct oci_mount *mounts;
	size_t n_mounts;
	const char *hostname, *domainname;
	struct key_value_list annotations;
	struct oci_linux linux_; /* `linux` is a predefined macro in gnu11 */
	struct oci_hook_list hooks[OCI_HOOK_COUNT];
	struct ts_extension taskshim;
	void *allocations; /* arrays, freed together */
};

/* Decodes @document and checks all that can be checked without a system call: types, ranges, names, required fields,
 * unknown fields of `taskshim`. Errors name the JSON path: "taskshim.chrot: unknown field", "process.cwd: "x" is not an
 * absolute path". Takes its own reference to @document. Defaults of taskshim.* are filled in, also when the object is
 * absent. Returns 0 and *@ret (to config_free()), or -1 with @e filled (step TS_STEP_CONFIG, err EINVAL or ENOMEM). */
int config_decode(struct json_object *document, struct config **ret, struct ts_error *e);

/* Refuses, by its JSON path, the first field that is decoded but that spawn-daemon does not enforce yet:
 * "linux.seccomp: not supported yet". Returns 0, or -1 with @e filled. */
int config_check_supported(const struct config *config, struct ts_error *e);

/* Calls @found with the JSON path of every property that no part of taskshim reads (OCI says to ignore them): what
 * `taskshim validate` lists. @path is valid during the call only. */
void config_list_unknown(struct json_object *document, void (*found)(const char *path, void *arg),
			 void *arg);

void config_free(struct config *config);

/* Whether @id is a task id: [A-Za-z0-9_+.][A-Za-z0-9_+.-]{0,199}, not "." or "..". */
enum { TASK_ID_MAX = 200 };
bool task_id_is_valid(const char *id);

/* "500ms", "5s", "2m", "1h", "5" (seconds) -> milliseconds. Returns 0, or -EINVAL, or -ERANGE. */
int duration_parse(const char *text, uint64_t *ret_ms);

/* "0-3,7" -> bits 0 to 3 and 7, as the kernel writes lists of cpus and of memory nodes. @bits is filled whole. Returns 0, -EINVAL,
 * or -ERANGE for a number greater than NUMBER_LIST_MAX. */
enum { NUMBER_LIST_MAX = 8191, NUMBER_LIST_BYTES = (NUMBER_LIST_MAX + 1) / 8 };
int number_list_parse(const char *text, uint8_t bits[static NUMBER_LIST_BYTES]);

/* The word that the config has for a number of the kernel: "SCHED_FIFO" for SCHED_FIFO. "?" for one that it has no word for. */
const char *scheduler_policy_name(int policy);
const char *io_class_name(int io_class);
const char *memory_mode_name(int mode);

/* "SIGTERM", "TERM", "15", "SIGRTMIN+3" -> 15. Returns the number, or -EINVAL. */
int signal_parse(const char *text);

/* 15 -> "SIGTERM"; "SIGRTMIN+3"; NULL when there is no such signal. Static storage or @buf. */
const char *signal_name(int signo, char buf[static 16]);

#endif
