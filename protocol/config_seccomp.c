/* The section `linux.seccomp` of the config: the words of OCI, which are those of libseccomp. Which names of system calls there are
 * is for libseccomp to say. */
#include "protocol/config.h"
#include "protocol/config_tables.h"

#include <errno.h>
#include <json-c/json.h>
#include <linux/seccomp.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* Linux 5.19 */
#endif

static const struct json_word actions[] = {
	{"SCMP_ACT_KILL", OCI_SECCOMP_KILL_THREAD},
	{"SCMP_ACT_KILL_THREAD", OCI_SECCOMP_KILL_THREAD},
	{"SCMP_ACT_KILL_PROCESS", OCI_SECCOMP_KILL_PROCESS},
	{"SCMP_ACT_TRAP", OCI_SECCOMP_TRAP},
	{"SCMP_ACT_ERRNO", OCI_SECCOMP_ERRNO},
	{"SCMP_ACT_TRACE", OCI_SECCOMP_TRACE},
	{"SCMP_ACT_ALLOW", OCI_SECCOMP_ALLOW},
	{"SCMP_ACT_LOG", OCI_SECCOMP_LOG},
	{"SCMP_ACT_NOTIFY", OCI_SECCOMP_NOTIFY},
	{NULL, 0},
};

static const struct json_word ops[] = {
	{"SCMP_CMP_NE", OCI_SECCOMP_NE},
	{"SCMP_CMP_LT", OCI_SECCOMP_LT},
	{"SCMP_CMP_LE", OCI_SECCOMP_LE},
	{"SCMP_CMP_EQ", OCI_SECCOMP_EQ},
	{"SCMP_CMP_GE", OCI_SECCOMP_GE},
	{"SCMP_CMP_GT", OCI_SECCOMP_GT},
	{"SCMP_CMP_MASKED_EQ", OCI_SECCOMP_MASKED_EQ},
	{NULL, 0},
};

static const struct json_word flags[] = {
	{"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
	{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
	{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
	{NULL, 0},
};

static const struct json_word architectures[] = {
#define ARCH(name)                                                                                 \
	{                                                                                          \
		"SCMP_ARCH_" #name, 1 << OCI_ARCH_##name                                           \
	}
	ARCH(X86),	   ARCH(X86_64),   ARCH(X32),	      ARCH(ARM),     ARCH(AARCH64),
	ARCH(LOONGARCH64), ARCH(M68K),	   ARCH(MIPS),	      ARCH(MIPS64),  ARCH(MIPS64N32),
	ARCH(MIPSEL),	   ARCH(MIPSEL64), ARCH(MIPSEL64N32), ARCH(PARISC),  ARCH(PARISC64),
	ARCH(PPC),	   ARCH(PPC64),	   ARCH(PPC64LE),     ARCH(RISCV64), ARCH(S390),
	ARCH(S390X),	   ARCH(SH),	   ARCH(SHEB),
#undef ARCH
	{NULL, 0},
};

static int check_name(const struct json_reader *r, const struct json_path *at,
		      struct json_object *value, const struct json_field *field, void *object)
{
	(void)value;
	(void)field;
	return **(const char **)object ? 0 : json_fail(r, at, "empty name");
}

/* The kernel lowers a greater errno to MAX_ERRNO, and cuts what it tells a tracer to 16 bits, without a word. */
static int check_errno(const struct json_reader *r, const struct json_path *at, const char *key,
		       enum oci_seccomp_action action, const struct opt_u64 *value)
{
	enum { ERRNO_MAX = 4094 /* libseccomp: less than MAX_ERRNO */, TRACE_MAX = 0xffff };
	struct json_path here = {.up = at, .key = key};
	uint64_t max = action == OCI_SECCOMP_TRACE ? TRACE_MAX : ERRNO_MAX;

	if (!value->set)
		return 0;
	if (action != OCI_SECCOMP_ERRNO && action != OCI_SECCOMP_TRACE)
		return json_fail(r, &here, "only SCMP_ACT_ERRNO and SCMP_ACT_TRACE have one");
	if (value->value > max)
		return json_fail(r, &here, "%llu is out of range: must be 0 to %llu",
				 (unsigned long long)value->value, (unsigned long long)max);
	return 0;
}

static int check_syscall(const struct json_reader *r, const struct json_path *at, void *object)
{
	const struct oci_seccomp_syscall *s = object;

	return check_errno(r, at, "errnoRet", s->action, &s->errno_ret);
}

static bool has_notify(const struct oci_seccomp *s)
{
	for (size_t i = 0; i < s->n_syscalls; i++)
		if (s->syscalls[i].action == OCI_SECCOMP_NOTIFY)
			return true;
	return s->default_action == OCI_SECCOMP_NOTIFY;
}

static int check_seccomp(const struct json_reader *r, const struct json_path *at, void *object)
{
	struct oci_seccomp *s = object;
	struct json_path path = {.up = at, .key = "listenerPath"};
	struct json_path metadata = {.up = at, .key = "listenerMetadata"};
	struct json_path here = {.up = at, .key = "flags"};

	if (check_errno(r, at, "defaultErrnoRet", s->default_action, &s->default_errno_ret) < 0)
		return -1;
	s->notifies = has_notify(s);
	if (s->notifies && !s->listener_path)
		return json_fail(r, &path, "missing: SCMP_ACT_NOTIFY needs one");
	if (s->listener_metadata && !s->listener_path)
		return json_fail(r, &metadata, "needs listenerPath");
	if (s->flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV && !s->notifies)
		return json_fail(r, &here,
				 "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs SCMP_ACT_NOTIFY");
	return 0;
}

static const struct json_field arg_fields[] = {
	JSON_ROW(struct oci_seccomp_arg, "index", index, json_read_u32, .max = 5, .required = true),
	JSON_ROW(struct oci_seccomp_arg, "value", value, json_read_u64, .required = true),
	JSON_ROW(struct oci_seccomp_arg, "valueTwo", value_two, json_read_u64),
	JSON_ROW(struct oci_seccomp_arg, "op", op, json_read_word, .words = ops, .required = true),
};
static JSON_TABLE(arg_table, arg_fields, struct oci_seccomp_arg);

static const struct json_field syscall_fields[] = {
	JSON_ROW(struct oci_seccomp_syscall, "names", names, json_read_strings, .check = check_name,
		 .required = true),
	JSON_ROW(struct oci_seccomp_syscall, "action", action, json_read_word, .words = actions,
		 .required = true),
	JSON_ROW(struct oci_seccomp_syscall, "errnoRet", errno_ret, json_read_opt_u64,
		 .max = UINT32_MAX),
	JSON_LIST(struct oci_seccomp_syscall, "args", args, n_args, json_read_array,
		  .table = &arg_table),
};
static JSON_TABLE(syscall_table, syscall_fields, struct oci_seccomp_syscall,
		  .check = check_syscall);

static const struct json_field seccomp_fields[] = {
	JSON_ROW(struct oci_seccomp, "defaultAction", default_action, json_read_word,
		 .words = actions, .required = true),
	JSON_ROW(struct oci_seccomp, "defaultErrnoRet", default_errno_ret, json_read_opt_u64,
		 .max = UINT32_MAX),
	JSON_ROW(struct oci_seccomp, "architectures", architectures, json_read_word_bits,
		 .words = architectures),
	JSON_ROW(struct oci_seccomp, "flags", flags, json_read_word_bits, .words = flags),
	JSON_ROW(struct oci_seccomp, "listenerPath", listener_path, json_read_text,
		 .check = json_check_absolute),
	JSON_ROW(struct oci_seccomp, "listenerMetadata", listener_metadata, json_read_text),
	JSON_LIST(struct oci_seccomp, "syscalls", syscalls, n_syscalls, json_read_array,
		  .table = &syscall_table),
};
JSON_TABLE(seccomp_table, seccomp_fields, struct oci_seccomp, .has_set = true,
	   .check = check_seccomp);
