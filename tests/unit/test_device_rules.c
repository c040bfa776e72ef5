/* Device rules: what runc's list means, as exceptions of v1 and as a program of v2. Both are run here, by what the kernel's
 * documentation says of them, and compared with the rules themselves for many lists and every access. */
#include "tests/unit/unit.h"

#include "protocol/config.h"
#include "shim/device_rules.h"

#include <errno.h>

enum { R = BPF_DEVCG_ACC_READ, W = BPF_DEVCG_ACC_WRITE, M = BPF_DEVCG_ACC_MKNOD };

struct access {
	char type;
	uint32_t major, minor;
	unsigned bits;
};

static bool matches(const struct device_rule *rule, const struct access *a)
{
	return rule->type == a->type && (rule->major < 0 || rule->major == a->major) &&
	       (rule->minor < 0 || rule->minor == a->minor);
}

/* What the header says: the last rule that matches decides, for each kind of access by itself. */
static bool by_rules(const struct device_rules *rules, const struct access *a)
{
	for (unsigned bit = 1; bit <= DEVICE_ACCESS_ALL; bit <<= 1) {
		bool allow = rules->allow_rest;

		for (size_t i = 0; i < rules->n; i++)
			if (rules->v[i].access & bit && matches(&rules->v[i], a))
				allow = rules->v[i].allow;
		if (a->bits & bit && !allow)
			return false;
	}
	return true;
}

/* security/device_cgroup.c: one exception must cover the access to allow it; any that touches it denies it. */
static bool by_exceptions(const struct device_rules *rules, const struct access *a)
{
	for (size_t i = 0; i < rules->n; i++) {
		if (!matches(&rules->v[i], a))
			continue;
		if (rules->allow_rest ? a->bits & rules->v[i].access
				      : !(a->bits & ~rules->v[i].access))
			return !rules->allow_rest;
	}
	return rules->allow_rest;
}

/* The instructions that the assembler uses, as the kernel runs them. */
static bool by_program(const struct bpf_insn *program, size_t n, const struct access *a)
{
	struct bpf_cgroup_dev_ctx context = {
		.access_type =
			a->bits << 16 | (a->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
		.major = a->major,
		.minor = a->minor,
	};
	uint64_t reg[11] = {[1] = (uintptr_t)&context};

	for (size_t at = 0; at < n; at++) {
		const struct bpf_insn *in = &program[at];
		uint64_t *dst = &reg[in->dst_reg], imm = (uint64_t)(int64_t)in->imm;
		uint32_t word;

		switch (in->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			memcpy(&word, (const char *)(uintptr_t)reg[in->src_reg] + in->off, 4);
			*dst = word;
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			*dst = imm;
			break;
		case BPF_ALU64 | BPF_AND | BPF_K:
			*dst &= imm;
			break;
		case BPF_ALU64 | BPF_RSH | BPF_K:
			*dst >>= imm;
			break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			at += (uint32_t)*dst != (uint32_t)in->imm ? (size_t)in->off : 0;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			at += *dst & imm ? (size_t)in->off : 0;
			break;
		case BPF_JMP | BPF_JA:
			at += (size_t)in->off;
			break;
		case BPF_JMP | BPF_EXIT:
			return reg[0];
		default:
			fail_msg("instruction %zu has the code 0x%x", at, in->code);
		}
	}
	fail_msg("the program runs off its end");
	return false;
}

static void show(const struct device_rules *rules, const struct access *a, char *text, size_t size)
{
	char rule[DEVICE_RULE_TEXT];

	(void)snprintf(text, size, "%c %u:%u %u, rest %d:", a->type, a->major, a->minor, a->bits,
		       rules->allow_rest);
	for (size_t i = 0; i < rules->n; i++) {
		device_rule_text(&rules->v[i], rule);
		append(text, size, rules->v[i].allow ? " +" : " -");
		append(text, size, rule);
	}
}

/* Compares all three for every access to devices that rules are about, and to others. @crossing: rules such as "c 1:*" and
 * "c *:3" may be among them, of which v1 allows less. */
static void check_list(const struct oci_device_rule *list, size_t n, bool crossing)
{
	static const uint32_t numbers[] = {0, 1, 2, 3, 10, 0xffffffff};
	struct device_rules rules, exceptions;
	struct bpf_insn *program;
	ssize_t length;
	size_t index = 0;
	char text[4096];

	assert_int_equal(device_rules_build(list, n, &rules), 0);
	assert_int_equal(device_rules_build(list, n, &exceptions), 0);
	length = device_rules_assemble(&rules, &program);
	assert_true(length > 0);
	bool v1 = device_rules_to_exceptions(&exceptions, &index) == 0;

	if (!v1)
		assert_true(index < n || index == SIZE_MAX);
	for (size_t k = 0; k < 2 * COUNT(numbers) * COUNT(numbers) * DEVICE_ACCESS_ALL; k++) {
		struct access a = {.type = k & 1 ? 'b' : 'c',
				   .major = numbers[k / 2 % COUNT(numbers)],
				   .minor = numbers[k / 2 / COUNT(numbers) % COUNT(numbers)],
				   .bits = 1 + (unsigned)(k / 2 / COUNT(numbers) / COUNT(numbers))};
		bool allowed = by_rules(&rules, &a);

		if (by_program(program, (size_t)length, &a) != allowed) {
			show(&rules, &a, text, sizeof text);
			fail_msg("the program says %d: %s", !allowed, text);
		}
		if (v1 && by_exceptions(&exceptions, &a) != allowed && (!crossing || !allowed)) {
			show(&rules, &a, text, sizeof text);
			append(text, sizeof text, "\n   v1 ");
			show(&exceptions, &a, text + strlen(text), sizeof text - strlen(text));
			fail_msg("v1 says %d: %s", !allowed, text);
		}
	}
	free(program);
	device_rules_done(&rules);
	device_rules_done(&exceptions);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 16;
}

static const char *const accesses[] = {"r", "w", "m", "rw", "rm", "wm", "rwm", "", NULL};
static const char *const types[] = {"a", "b", "c", "u", NULL, "c", "b", "c"};

static struct oci_device_rule random_rule(uint32_t *seed, bool crossing)
{
	static const int64_t numbers[] = {-1, -1, 1, 2, 3, 10};
	struct oci_device_rule rule = {
		.allow = next_random(seed) & 1,
		.type = types[next_random(seed) % COUNT(types)],
		.access = accesses[next_random(seed) % COUNT(accesses)],
		.major = {.set = next_random(seed) % 8, .value = numbers[next_random(seed) % 6]},
		.minor = {.set = next_random(seed) % 8, .value = numbers[next_random(seed) % 6]},
	};

	if (!crossing && (!rule.major.set || rule.major.value < 0))
		rule.minor.set = false;
	return rule;
}

static void test_device_rules_mean_the_same_on_v1_and_v2(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 4000; round++) {
		struct oci_device_rule list[8];
		size_t n = next_random(&seed) % 9;

		for (size_t i = 0; i < n; i++)
			list[i] = random_rule(&seed, round & 1);
		check_list(list, n, round & 1);
	}
}

/* --- by hand --- */

#define DEFAULTS                                                                                   \
	" c *:* m| b *:* m| c 1:3 rwm| c 1:8 rwm| c 1:7 rwm| c 5:0 rwm| c 1:5 rwm| c 1:9 rwm|"     \
	" c 136:* rwm| c 5:2 rwm| c 10:200 rwm|"

static const struct {
	const char *devices; /* linux.resources.devices */
	const char *v1; /* the rest, then the exceptions; or the rule that v1 cannot do */
} rows[] = {
	{"[]", "deny" DEFAULTS},
	{"[{'allow':false,'access':'rwm'}]", "deny" DEFAULTS},
	{"[{'allow':true,'access':'rwm'}]", "allow"},
	{"[{'allow':true}]", "allow"},
	{"[{'allow':false},{'allow':true,'type':'c','major':1,'minor':11,'access':'r'}]",
	 "deny c 1:11 rm|" DEFAULTS}, /* one exception has to do for all of an access */
	/* what comes before a rule about everything counts no more */
	{"[{'allow':true,'type':'c','major':1,'minor':11},{'allow':false,'type':'a'}]",
	 "deny" DEFAULTS},
	/* the default devices cannot be taken back, nor can making any */
	{"[{'allow':false,'type':'c','major':1,'minor':3,'access':'rwm'}]", "deny" DEFAULTS},
	{"[{'allow':true,'access':'r'}]",
	 "deny c *:* rm| b *:* rm| c 1:3 rwm| c 1:8 rwm| c 1:7 rwm| c 5:0 rwm| c 1:5 rwm| "
	 "c 1:9 rwm| c 136:* rwm| c 5:2 rwm| c 10:200 rwm|"},
	{"[{'allow':true,'type':'b','major':8},{'allow':false,'type':'b','major':8,'access':'w'}]",
	 "deny b 8:* rm| c *:* m| b *:* m| c 1:3 rwm| c 1:8 rwm| c 1:7 rwm| c 5:0 rwm| c 1:5 rwm| "
	 "c 1:9 rwm| c 136:* rwm| c 5:2 rwm| c 10:200 rwm|"},
	{"[{'allow':true},{'allow':false,'type':'b','access':'rw'}]", "allow b *:* rw|"},
	{"[{'allow':true},{'allow':false,'type':'c','major':1,'minor':11}]", "allow c 1:11 rw|"},
	{"[{'allow':true,'type':'c','major':1},"
	 "{'allow':false,'type':'c','major':1,'minor':11,'access':'r'}]",
	 "not: rule 1"},
	{"[{'allow':true},{'allow':false,'type':'c','major':1}]", "not: default"},
};

static void test_device_rules_to_exceptions_by_hand(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char document[512], text[1024], rule[DEVICE_RULE_TEXT];
		struct device_rules rules;
		struct config *config;
		struct ts_error e = {0};
		size_t index;

		(void)snprintf(document, sizeof document,
			       "{'process':{'args':['x']},'taskshim':{'chroot':'host'},"
			       "'linux':{'resources':{'devices':%s}}}",
			       rows[i].devices);
		struct json_object *json = parse_quoted(document);

		if (config_decode(json, &config, &e) < 0)
			fail_msg("%s: %s", document, e.msg);
		assert_int_equal(device_rules_build(config->linux_.resources.devices,
						    config->linux_.resources.n_devices, &rules),
				 0);
		if (device_rules_to_exceptions(&rules, &index) < 0) {
			assert_int_equal(errno, EINVAL);
			(void)snprintf(text, sizeof text,
				       index == SIZE_MAX ? "not: default" : "not: rule %zu", index);
		} else {
			(void)snprintf(text, sizeof text, "%s",
				       rules.allow_rest ? "allow" : "deny");
			for (size_t k = 0; k < rules.n; k++) {
				device_rule_text(&rules.v[k], rule);
				append(text, sizeof text, " ");
				append(text, sizeof text, rule);
				append(text, sizeof text, "|");
			}
		}
		assert_row_text(rows[i].devices, text, rows[i].v1);
		device_rules_done(&rules);
		config_free(config);
		json_object_put(json);
	}
}

/* --- who gets rules --- */

static const struct {
	const char *process, *linux_;
	bool needed;
} needs[] = {
	{"'noNewPrivileges':true", "'resources':{}", false},
	{"'noNewPrivileges':true", "'resources':{'devices':[{'allow':false}]}", true},
	{"'capabilities':{'bounding':['CAP_CHOWN']}", "'resources':{}", false},
	{"'capabilities':{'bounding':['CAP_MKNOD']}", "'resources':{}", true},
	{"'capabilities':{'permitted':['CAP_MKNOD']}", "'resources':{}", true},
	{"'capabilities':{'bounding':['CAP_MKNOD']}",
	 "'namespaces':[{'type':'user'}],'uidMappings':[{'size':1}],'gidMappings':[{'size':1}]",
	 false},
};

static void test_device_rules_needed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(needs); i++) {
		char text[512];
		struct config *config;
		struct ts_error e = {0};

		(void)snprintf(text, sizeof text,
			       "{'process':{'args':['x'],%s},'taskshim':{'chroot':'host'},"
			       "'linux':{%s}}",
			       needs[i].process, needs[i].linux_);
		struct json_object *json = parse_quoted(text);

		if (config_decode(json, &config, &e) < 0)
			fail_msg("%s: %s", text, e.msg);
		assert_row(text, device_rules_needed(config) == needs[i].needed);
		config_free(config);
		json_object_put(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device_rules_mean_the_same_on_v1_and_v2),
		cmocka_unit_test(test_device_rules_to_exceptions_by_hand),
		cmocka_unit_test(test_device_rules_needed),
	};

	return cmocka_run_group_tests_name("device_rules", tests, NULL, NULL);
}
