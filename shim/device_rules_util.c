/* Device rules: reading them, what v1 makes of them, and an assembler for v2. Pure. */
#include "shim/device_rules.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ANY = -1,
	MKNOD = BPF_DEVCG_ACC_MKNOD,
};

/* runc's list, which every container has, and users of its configs count on. It comes last: it cannot be taken back. */
static const struct device_rule defaults[] = {
	{true, 'c', ANY, ANY, MKNOD, SIZE_MAX}, /* making is harmless: opening is what is watched */
	{true, 'b', ANY, ANY, MKNOD, SIZE_MAX},
	{true, 'c', 1, 3, DEVICE_ACCESS_ALL, SIZE_MAX}, /* null */
	{true, 'c', 1, 8, DEVICE_ACCESS_ALL, SIZE_MAX}, /* random */
	{true, 'c', 1, 7, DEVICE_ACCESS_ALL, SIZE_MAX}, /* full */
	{true, 'c', 5, 0, DEVICE_ACCESS_ALL, SIZE_MAX}, /* tty */
	{true, 'c', 1, 5, DEVICE_ACCESS_ALL, SIZE_MAX}, /* zero */
	{true, 'c', 1, 9, DEVICE_ACCESS_ALL, SIZE_MAX}, /* urandom */
	{true, 'c', 136, ANY, DEVICE_ACCESS_ALL, SIZE_MAX}, /* pts */
	{true, 'c', 5, 2, DEVICE_ACCESS_ALL, SIZE_MAX}, /* ptmx */
	{true, 'c', 10, 200, DEVICE_ACCESS_ALL, SIZE_MAX}, /* net/tun */
};
enum { N_DEFAULTS = sizeof defaults / sizeof defaults[0] };

/* In a user namespace mknod(2) makes no devices, whatever the capabilities are. */
bool device_rules_needed(const struct config *config)
{
	const struct oci_capabilities *c = &config->process.capabilities;
	uint64_t all = c->bounding | c->permitted | c->effective | c->inheritable | c->ambient;

	return config->linux_.resources.n_devices > 0 ||
	       (all & 1ULL << CAP_MKNOD && !config->linux_.namespaces[OCI_NS_USER].set);
}

static unsigned access_bits(const char *text)
{
	if (!text || !*text)
		return DEVICE_ACCESS_ALL;
	return (strchr(text, 'r') ? BPF_DEVCG_ACC_READ : 0u) |
	       (strchr(text, 'w') ? BPF_DEVCG_ACC_WRITE : 0u) |
	       (strchr(text, 'm') ? BPF_DEVCG_ACC_MKNOD : 0u);
}

int device_rules_build(const struct oci_device_rule *list, size_t n, struct device_rules *ret)
{
	struct device_rules rules = {.v = calloc(2 * n + N_DEFAULTS, sizeof *rules.v)};

	if (!rules.v)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct oci_device_rule *from = &list[i];
		struct device_rule rule = {.allow = from->allow,
					   .type = 'c',
					   .major = from->major.set ? from->major.value : ANY,
					   .minor = from->minor.set ? from->minor.value : ANY,
					   .access = access_bits(from->access),
					   .index = i};
		bool all_types = !from->type || from->type[0] == 'a';

		if (all_types && rule.major == ANY && rule.minor == ANY &&
		    rule.access == DEVICE_ACCESS_ALL) {
			rules.n = 0;
			rules.allow_rest = rule.allow;
			continue;
		}
		if (all_types || from->type[0] != 'b')
			rules.v[rules.n++] = rule;
		rule.type = 'b';
		if (all_types || from->type[0] == 'b')
			rules.v[rules.n++] = rule;
	}
	if (!device_rules_allow_all(&rules)) {
		memcpy(rules.v + rules.n, defaults, sizeof defaults);
		rules.n += N_DEFAULTS;
	}
	*ret = rules;
	return 0;
}

void device_rules_done(struct device_rules *rules)
{
	free(rules->v);
	*rules = (struct device_rules){0};
}

bool device_rules_allow_all(const struct device_rules *rules)
{
	return rules->allow_rest && rules->n == 0;
}

/* --- v1 --- */

static bool number_covers(int64_t outer, int64_t inner)
{
	return outer == ANY || outer == inner;
}

/* Whether @outer is about every device that @inner is about. */
static bool covers(const struct device_rule *outer, const struct device_rule *inner)
{
	return outer->type == inner->type && number_covers(outer->major, inner->major) &&
	       number_covers(outer->minor, inner->minor);
}

static bool numbers_meet(int64_t a, int64_t b)
{
	return a == ANY || b == ANY || a == b;
}

static bool meet(const struct device_rule *a, const struct device_rule *b)
{
	return a->type == b->type && numbers_meet(a->major, b->major) &&
	       numbers_meet(a->minor, b->minor);
}

static bool is_same_device(const struct device_rule *a, const struct device_rule *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

static int take_back(struct device_rules *out, const struct device_rule *rule)
{
	for (size_t i = 0; i < out->n; i++) {
		struct device_rule *exception = &out->v[i];

		if (covers(rule, exception))
			exception->access &= ~rule->access;
		else if (meet(rule, exception) && exception->access & rule->access)
			return -1;
	}
	return 0;
}

static void add_exception(struct device_rules *out, const struct device_rule *rule)
{
	for (size_t i = 0; i < out->n; i++) {
		if (is_same_device(&out->v[i], rule)) {
			out->v[i].access |= rule->access;
			return;
		}
	}
	out->v[out->n++] = *rule;
}

int device_rules_to_exceptions(struct device_rules *rules, size_t *ret_index)
{
	struct device_rules out = {.allow_rest =
					   rules->allow_rest}; /* in place: it never gets ahead */
	size_t kept = 0;

	out.v = rules->v;
	for (size_t i = 0; i < rules->n; i++) {
		struct device_rule rule = rules->v[i];

		if (rule.allow != out.allow_rest) {
			add_exception(&out, &rule);
		} else if (take_back(&out, &rule) < 0) {
			*ret_index = rule.index;
			errno = EINVAL;
			return -1;
		}
	}
	/* "c 1:* r" and "c 1:3 w" allow to open 1:3 for both, but v1 wants one exception that does. */
	for (size_t i = 0; i < out.n; i++)
		for (size_t k = 0; k < out.n; k++)
			if (covers(&out.v[k], &out.v[i]))
				out.v[i].access |= out.v[i].access ? out.v[k].access : 0;
	for (size_t i = 0; i < out.n; i++)
		if (out.v[i].access)
			out.v[kept++] = out.v[i];
	rules->n = kept;
	return 0;
}

void device_rule_text(const struct device_rule *rule, char ret[static DEVICE_RULE_TEXT])
{
	char major[16] = "*", minor[16] = "*";

	if (rule->major != ANY)
		(void)snprintf(major, sizeof major, "%" PRId64, rule->major);
	if (rule->minor != ANY)
		(void)snprintf(minor, sizeof minor, "%" PRId64, rule->minor);
	(void)snprintf(ret, DEVICE_RULE_TEXT, "%c %s:%s %s%s%s", rule->type, major, minor,
		       rule->access & BPF_DEVCG_ACC_READ ? "r" : "",
		       rule->access & BPF_DEVCG_ACC_WRITE ? "w" : "",
		       rule->access & BPF_DEVCG_ACC_MKNOD ? "m" : "");
}

/* --- v2: the program is asked once for each open or mknod, and returns whether it may be ---
 *
 *	r3 = access of struct bpf_cgroup_dev_ctx: what is not decided yet
 *	for each rule, from the last to the first:
 *		if its type, major, minor are others: next
 *		deny:	if r3 & access: return 0
 *		allow:	r3 &= ~access; if r3 == 0: return 1
 *	return allow_rest
 *
 * Each rule loads type and numbers anew: the verifier then knows nothing of them that differs from path to path, and its
 * work grows with the number of rules, not with its square. */

enum {
	RULE_MAX = 3 + 2 + 2 + 4, /* instructions of one rule: type, major, minor, deciding */
	FRAME = 2 + 2, /* before and behind them */
};

struct assembler {
	struct bpf_insn *v;
	size_t n;
};

static void emit(struct assembler *a, unsigned code, unsigned dst, unsigned src, size_t offset,
		 uint32_t immediate)
{
	a->v[a->n++] = (struct bpf_insn){.code = (uint8_t)code,
					 .dst_reg = dst & 15,
					 .src_reg = src & 15,
					 .off = (int16_t)offset,
					 .imm = (int32_t)immediate};
}

static void emit_load(struct assembler *a, unsigned dst, size_t offset)
{
	emit(a, BPF_LDX | BPF_MEM | BPF_W, dst, BPF_REG_1, offset, 0);
}

/* Of 32 bits: a number may have the highest one. */
static void emit_unless(struct assembler *a, unsigned reg, uint32_t value, size_t target)
{
	emit(a, BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, target - a->n - 1, value);
}

static void emit_return(struct assembler *a, bool allow)
{
	emit(a, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, allow);
	emit(a, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void emit_rule(struct assembler *a, const struct device_rule *rule)
{
	bool whole = rule->access == DEVICE_ACCESS_ALL;
	size_t next = a->n + 3 + (rule->major != ANY ? 2 : 0) + (rule->minor != ANY ? 2 : 0) +
		      (whole ? 2 : 4);

	emit_load(a, BPF_REG_2, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(a, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	emit_unless(a, BPF_REG_2, rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR,
		    next);
	if (rule->major != ANY) {
		emit_load(a, BPF_REG_2, offsetof(struct bpf_cgroup_dev_ctx, major));
		emit_unless(a, BPF_REG_2, (uint32_t)rule->major, next);
	}
	if (rule->minor != ANY) {
		emit_load(a, BPF_REG_2, offsetof(struct bpf_cgroup_dev_ctx, minor));
		emit_unless(a, BPF_REG_2, (uint32_t)rule->minor, next);
	}
	if (!whole && rule->allow) {
		emit(a, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_3, 0, 0,
		     DEVICE_ACCESS_ALL & ~rule->access);
		emit_unless(a, BPF_REG_3, 0, next);
	} else if (!whole) {
		/* JSET has no opposite: over the jump that is over the return */
		emit(a, BPF_JMP | BPF_JSET | BPF_K, BPF_REG_3, 0, 1, rule->access);
		emit(a, BPF_JMP | BPF_JA, 0, 0, next - a->n - 1, 0);
	}
	emit_return(a, rule->allow);
}

ssize_t device_rules_assemble(const struct device_rules *rules, struct bpf_insn **ret)
{
	struct assembler a = {.v = calloc(rules->n * RULE_MAX + FRAME, sizeof *a.v)};

	if (!a.v)
		return -1;
	emit_load(&a, BPF_REG_3, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(&a, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
	for (size_t i = rules->n; i-- > 0;)
		emit_rule(&a, &rules->v[i]);
	emit_return(&a, rules->allow_rest);
	*ret = a.v;
	return (ssize_t)a.n;
}
