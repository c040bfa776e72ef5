/* What the config says of the kernel's treatment of the process: scheduler, I/O priority, cpus, memory nodes, personality. The
 * words are OCI's; the kernel's numbers stand beside them. */
#include "protocol/config.h"
#include "protocol/config_tables.h"

#include <errno.h>
#include <json-c/json.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/personality.h>
#include <linux/sched.h>

/* --- scheduler --- */

enum {
	POLICY_ISO = 4, /* reserved by the kernel, known to OCI */
	NICE_MIN = -20,
	NICE_MAX = 19,
	PRIORITY_MAX = 99,
	MODE_WEIGHTED_INTERLEAVE = 6, /* MPOL_WEIGHTED_INTERLEAVE, Linux 6.9 */
};

static const struct json_word policies[] = {
	{"SCHED_OTHER", SCHED_NORMAL},
	{"SCHED_FIFO", SCHED_FIFO},
	{"SCHED_RR", SCHED_RR},
	{"SCHED_BATCH", SCHED_BATCH},
	{"SCHED_ISO", POLICY_ISO},
	{"SCHED_IDLE", SCHED_IDLE},
	{"SCHED_DEADLINE", SCHED_DEADLINE},
	{NULL, 0},
};

static const struct json_word scheduler_flags[] = {
	{"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
	{"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
	{"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
	{"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
	{"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
	{"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
	{"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX},
	{NULL, 0},
};

static const char *name_of(const struct json_word *words, int value)
{
	for (; words->name; words++)
		if (words->value == value)
			return words->name;
	return "?";
}

const char *scheduler_policy_name(int policy)
{
	return name_of(policies, policy);
}

/* The kernel ignores what does not belong to the policy: here it is an error. 0 is what Go writes for "not given". */
static int check_scheduler(const struct json_reader *r, const struct json_path *at, void *object)
{
	const struct oci_scheduler *s = object;
	struct json_path nice = {.up = at, .key = "nice"};
	struct json_path priority = {.up = at, .key = "priority"};
	struct json_path runtime = {.up = at, .key = "runtime"};

	if (s->nice != 0 && s->policy != SCHED_NORMAL && s->policy != SCHED_BATCH)
		return json_fail(r, &nice, "only for SCHED_OTHER and SCHED_BATCH");
	if (s->priority != 0 && s->policy != SCHED_FIFO && s->policy != SCHED_RR)
		return json_fail(r, &priority, "only for SCHED_FIFO and SCHED_RR");
	if ((s->runtime || s->deadline || s->period) && s->policy != SCHED_DEADLINE)
		return json_fail(r, &runtime, "as deadline and period, only for SCHED_DEADLINE");
	return 0;
}

static const struct json_field scheduler_fields[] = {
	JSON_ROW(struct oci_scheduler, "policy", policy, json_read_word, .words = policies,
		 .required = true),
	JSON_ROW(struct oci_scheduler, "nice", nice, json_read_i64, .min = NICE_MIN,
		 .max = NICE_MAX),
	JSON_ROW(struct oci_scheduler, "priority", priority, json_read_i64, .max = PRIORITY_MAX),
	JSON_ROW(struct oci_scheduler, "flags", flags, json_read_word_bits,
		 .words = scheduler_flags),
	JSON_ROW(struct oci_scheduler, "runtime", runtime, json_read_u64),
	JSON_ROW(struct oci_scheduler, "deadline", deadline, json_read_u64),
	JSON_ROW(struct oci_scheduler, "period", period, json_read_u64),
};
JSON_TABLE(scheduler_table, scheduler_fields, struct oci_scheduler, .has_set = true,
	   .check = check_scheduler);

/* --- I/O priority --- */

static const struct json_word io_classes[] = {
	{"IOPRIO_CLASS_RT", IOPRIO_CLASS_RT},
	{"IOPRIO_CLASS_BE", IOPRIO_CLASS_BE},
	{"IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE},
	{NULL, 0},
};

const char *io_class_name(int io_class)
{
	return name_of(io_classes, io_class);
}

static const struct json_field io_priority_fields[] = {
	JSON_ROW(struct oci_io_priority, "class", io_class, json_read_word, .words = io_classes,
		 .required = true),
	JSON_ROW(struct oci_io_priority, "priority", priority, json_read_i64, .max = 7),
};
JSON_TABLE(io_priority_table, io_priority_fields, struct oci_io_priority, .has_set = true);

/* --- lists of numbers --- */

int config_check_number_list(const struct json_reader *r, const struct json_path *at,
			     struct json_object *value, const struct json_field *field,
			     void *object)
{
	const char *text = *(const char **)object;
	uint8_t bits[NUMBER_LIST_BYTES];
	char quoted[JSON_QUOTED];

	(void)value;
	(void)field;
	switch (number_list_parse(text, bits)) {
	case 0:
		return 0;
	case -ERANGE:
		return json_fail(r, at, "%s: a number is greater than %d", json_quote(text, quoted),
				 NUMBER_LIST_MAX);
	default:
		return json_fail(r, at, "%s: expected a list such as \"0-3,7\"",
				 json_quote(text, quoted));
	}
}

static const struct json_field affinity_fields[] = {
	JSON_ROW(struct oci_cpu_affinity, "initial", initial, json_read_text,
		 .check = config_check_number_list),
	JSON_ROW(struct oci_cpu_affinity, "final", final, json_read_text,
		 .check = config_check_number_list),
};
JSON_TABLE(affinity_table, affinity_fields, struct oci_cpu_affinity, .has_set = true);

/* --- memory policy --- */

static const struct json_word memory_modes[] = {
	{"MPOL_DEFAULT", MPOL_DEFAULT},
	{"MPOL_PREFERRED", MPOL_PREFERRED},
	{"MPOL_BIND", MPOL_BIND},
	{"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
	{"MPOL_LOCAL", MPOL_LOCAL},
	{"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
	{"MPOL_WEIGHTED_INTERLEAVE", MODE_WEIGHTED_INTERLEAVE},
	{NULL, 0},
};

const char *memory_mode_name(int mode)
{
	return name_of(memory_modes, mode);
}

static const struct json_word memory_flags[] = {
	{"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
	{"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
	{"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING},
	{NULL, 0},
};

static const struct json_field memory_policy_fields[] = {
	JSON_ROW(struct oci_memory_policy, "mode", mode, json_read_word, .words = memory_modes,
		 .required = true),
	JSON_ROW(struct oci_memory_policy, "nodes", nodes, json_read_text,
		 .check = config_check_number_list),
	JSON_ROW(struct oci_memory_policy, "flags", flags, json_read_word_bits,
		 .words = memory_flags),
};
JSON_TABLE(memory_policy_table, memory_policy_fields, struct oci_memory_policy, .has_set = true);

/* --- personality --- */

static const struct json_word domains[] = {
	{"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}, {NULL, 0}};

/* OCI names none yet. READ_IMPLIES_EXEC is left out: what it asks for is a hole, and 64-bit programs lose it at their exec. */
static const struct json_word personality_flags[] = {
	{"ADDR_NO_RANDOMIZE", ADDR_NO_RANDOMIZE}, {"ADDR_COMPAT_LAYOUT", ADDR_COMPAT_LAYOUT},
	{"ADDR_LIMIT_32BIT", ADDR_LIMIT_32BIT},	  {"ADDR_LIMIT_3GB", ADDR_LIMIT_3GB},
	{"MMAP_PAGE_ZERO", MMAP_PAGE_ZERO},	  {"SHORT_INODE", SHORT_INODE},
	{"STICKY_TIMEOUTS", STICKY_TIMEOUTS},	  {"UNAME26", UNAME26},
	{"WHOLE_SECONDS", WHOLE_SECONDS},	  {NULL, 0},
};

static const struct json_field personality_fields[] = {
	JSON_ROW(struct oci_linux, "domain", personality_domain, json_read_word, .words = domains,
		 .required = true),
	JSON_ROW(struct oci_linux, "flags", personality_flags, json_read_word_bits,
		 .words = personality_flags),
};
JSON_TABLE(personality_table, personality_fields, struct oci_linux);
