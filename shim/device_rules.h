/* linux.resources.devices: which devices a task may open and make. The list is the config's, with runc's default rules behind
 * it; the last rule that matches decides, for each kind of access by itself. On v1 it becomes writes to devices.allow and
 * devices.deny, on v2 a small eBPF program. */
#ifndef SHIM_DEVICE_RULES_H
#define SHIM_DEVICE_RULES_H

#include "protocol/config.h"
#include "util/error.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DEVICE_ACCESS_ALL = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE };

struct device_rule {
	bool allow;
	char type; /* 'c', 'b' */
	int64_t major, minor; /* -1: any */
	unsigned access; /* BPF_DEVCG_ACC_* */
	size_t index; /* in the config's list; SIZE_MAX: one of the default ones */
};

struct device_rules {
	bool allow_rest; /* what no rule is about */
	struct device_rule *v;
	size_t n;
};

/* Whether @config asks for rules, or its task could make devices: then it gets them. */
bool device_rules_needed(const struct config *config);

/* Reads @list. Rules before one that is about everything are left out, since nothing reaches them. Returns 0, or -1 and
 * ENOMEM. */
int device_rules_build(const struct oci_device_rule *list, size_t n, struct device_rules *ret);
void device_rules_done(struct device_rules *rules);

/* Whether everything is allowed: there is nothing to do then. */
bool device_rules_allow_all(const struct device_rules *rules);

/* --- v1 --- */

/* Replaces the rules by exceptions from allow_rest, in the meaning of v1, where one exception must cover an access. Returns
 * 0, or -1 and errno; EINVAL, and *@ret_index: a rule takes back a part of what an earlier one allows, which v1 cannot
 * express. */
int device_rules_to_exceptions(struct device_rules *rules, size_t *ret_index);

/* "c 1:* rwm" */
enum { DEVICE_RULE_TEXT = 40 };
void device_rule_text(const struct device_rule *rule, char ret[static DEVICE_RULE_TEXT]);

/* --- v2 --- */

/* Assembles the program into *@ret (to free()). Returns its number of instructions, or -1 and ENOMEM. */
ssize_t device_rules_assemble(const struct device_rules *rules, struct bpf_insn **ret);

/* Loads the program and attaches it to the cgroup2 directory @dir_fd, which keeps it as long as it is there. Others that are
 * attached there, or above, stay, and all must allow an access. Returns 0, or -1 with @e filled. */
int device_rules_attach(const struct device_rules *rules, int dir_fd, struct ts_error *e);

#endif
