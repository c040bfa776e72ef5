/* What linux.seccomp is compiled into: the program answers system calls as the config says. */
#include "tests/unit/unit.h"

#include "protocol/config.h"
#include "spawn/seccomp_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <sys/syscall.h>

#define HEAD                                                                                       \
	"{'ociVersion':'1.2.0','process':{'args':['x'],'cwd':'/'},'taskshim':{'chroot':'host'},"

struct program {
	struct sock_filter *filter;
	size_t n;
};

static int compile(const char *seccomp, struct program *ret, struct ts_error *e)
{
	char text[4096];
	struct json_object *document;
	struct config *config;
	int r;

	(void)snprintf(text, sizeof text, "%s'linux':{'seccomp':%s}}", HEAD, seccomp);
	document = parse_quoted(text);
	if (config_decode(document, &config, e) < 0)
		fail_msg("%s: %s", seccomp, e->msg);
	json_object_put(document);
	r = sysfilter_compile(&config->linux_.seccomp, &ret->filter, &ret->n, e);
	config_free(config);
	return r;
}

static struct program compiled(const char *seccomp)
{
	struct program program = {0};
	struct ts_error e = {0};

	if (compile(seccomp, &program, &e) < 0)
		fail_msg("%s: %s", seccomp, e.msg);
	return program;
}

static uint32_t answer(const struct program *program, uint32_t arch, int nr, unsigned index,
		       uint64_t value)
{
	struct seccomp_data data = {.nr = nr, .arch = arch};

	data.args[index] = value;
	return sysfilter_run(program->filter, program->n, &data);
}

static uint32_t own(const struct program *program, int nr, unsigned index, uint64_t value)
{
	return answer(program, sysfilter_own_arch(), nr, index, value);
}

/* --- actions --- */

static const struct {
	const char *action;
	uint32_t answer;
} actions[] = {
	{"'SCMP_ACT_KILL'", SECCOMP_RET_KILL_THREAD},
	{"'SCMP_ACT_KILL_THREAD'", SECCOMP_RET_KILL_THREAD},
	{"'SCMP_ACT_KILL_PROCESS'", SECCOMP_RET_KILL_PROCESS},
	{"'SCMP_ACT_TRAP'", SECCOMP_RET_TRAP},
	{"'SCMP_ACT_ERRNO'", SECCOMP_RET_ERRNO | EPERM},
	{"'SCMP_ACT_ERRNO','errnoRet':0", SECCOMP_RET_ERRNO},
	{"'SCMP_ACT_ERRNO','errnoRet':38", SECCOMP_RET_ERRNO | ENOSYS},
	{"'SCMP_ACT_ERRNO','errnoRet':4094", SECCOMP_RET_ERRNO | 4094},
	{"'SCMP_ACT_TRACE'", SECCOMP_RET_TRACE | EPERM},
	{"'SCMP_ACT_TRACE','errnoRet':65535", SECCOMP_RET_TRACE | 65535},
	{"'SCMP_ACT_LOG'", SECCOMP_RET_LOG},
	{"'SCMP_ACT_NOTIFY'", SECCOMP_RET_USER_NOTIF},
};

static void test_compile_takes_every_action(void **state)
{
	char text[512], name[64];

	(void)state;
	for (size_t i = 0; i < COUNT(actions); i++) {
		struct program p;

		(void)snprintf(text, sizeof text,
			       "{'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'/l',"
			       "'syscalls':[{'names':['mkdirat','no_such_call'],'action':%s}]}",
			       actions[i].action);
		p = compiled(text);
		assert_row(actions[i].action, own(&p, SYS_mkdirat, 0, 0) == actions[i].answer);
		assert_row(actions[i].action, own(&p, SYS_getpid, 0, 0) == SECCOMP_RET_ALLOW);
		free(p.filter);
		/* and as what is done by default; there the errno has another name */
		(void)snprintf(name, sizeof name, "%s", actions[i].action);
		char *errno_ret = strstr(name, "'errnoRet':");

		if (errno_ret)
			*errno_ret = '\0';
		(void)snprintf(text, sizeof text,
			       "{'defaultAction':%s%s%s,'listenerPath':'/l',"
			       "'syscalls':[{'names':['getpid'],'action':'SCMP_ACT_ALLOW'}]}",
			       name, errno_ret ? "'defaultErrnoRet':" : "",
			       errno_ret ? actions[i].action + (errno_ret - name) +
						   strlen("'errnoRet':")
					 : "");
		p = compiled(text);
		assert_row(text, own(&p, SYS_mkdirat, 0, 0) == actions[i].answer);
		assert_row(text, own(&p, SYS_getpid, 0, 0) == SECCOMP_RET_ALLOW);
		free(p.filter);
	}
}

/* libseccomp would call it an error. */
static void test_compile_takes_a_rule_that_says_what_default_says(void **state)
{
	struct program p = compiled("{'defaultAction':'SCMP_ACT_ERRNO','syscalls':["
				    "{'names':['mkdirat'],'action':'SCMP_ACT_ERRNO'},"
				    "{'names':['mkdirat'],'action':'SCMP_ACT_ERRNO','errnoRet':38},"
				    "{'names':['getpid','getpid'],'action':'SCMP_ACT_ALLOW'},"
				    "{'names':['getpid'],'action':'SCMP_ACT_ALLOW'}]}");

	(void)state;
	assert_int_equal(own(&p, SYS_mkdirat, 0, 0), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(own(&p, SYS_getpid, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(own(&p, SYS_getppid, 0, 0), SECCOMP_RET_ERRNO | EPERM);
	free(p.filter);
}

/* --- arguments --- */

#define BIG 0x100000000ULL

static const struct {
	const char *op;
	uint64_t value, value_two;
	struct {
		uint64_t value;
		bool matches;
	} cases[6];
	size_t n_cases;
} ops[] = {
	{"NE", 5, 0, {{5, false}, {4, true}, {BIG + 5, true}}, 3},
	{"EQ", 5, 0, {{5, true}, {4, false}, {BIG + 5, false}}, 3},
	{"EQ", BIG + 1, 0, {{BIG + 1, true}, {1, false}, {BIG, false}}, 3},
	{"LT", BIG, 0, {{BIG, false}, {BIG - 1, true}, {0, true}, {BIG + 1, false}}, 4},
	{"LE", BIG, 0, {{BIG, true}, {BIG - 1, true}, {BIG + 1, false}, {2 * BIG, false}}, 4},
	{"GE", BIG, 0, {{BIG, true}, {BIG - 1, false}, {UINT64_MAX, true}, {0, false}}, 4},
	{"GT", BIG, 0, {{BIG, false}, {BIG + 1, true}, {BIG - 1, false}, {2 * BIG, true}}, 4},
	{"MASKED_EQ",
	 0xf0,
	 0x50,
	 {{0x50, true}, {0x5f, true}, {0x40, false}, {0x150, true}, {0xd0, false}},
	 5},
	{"MASKED_EQ",
	 BIG | 1,
	 BIG,
	 {{BIG, true}, {BIG + 2, true}, {BIG + 1, false}, {0, false}, {1, false}},
	 5},
};

static void test_compile_takes_every_op_on_every_argument(void **state)
{
	char text[512];

	(void)state;
	for (size_t i = 0; i < COUNT(ops); i++)
		for (unsigned index = 0; index < 6; index++) {
			struct program p;

			(void)snprintf(text, sizeof text,
				       "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['"
				       "mkdirat'],"
				       "'action':'SCMP_ACT_ERRNO','errnoRet':7,'args':[{'index':%u,"
				       "'value':%llu,'valueTwo':%llu,'op':'SCMP_CMP_%s'}]}]}",
				       index, (unsigned long long)ops[i].value,
				       (unsigned long long)ops[i].value_two, ops[i].op);
			p = compiled(text);
			for (size_t j = 0; j < ops[i].n_cases; j++)
				assert_row(text,
					   own(&p, SYS_mkdirat, index, ops[i].cases[j].value) ==
						   (ops[i].cases[j].matches
							    ? (SECCOMP_RET_ERRNO | 7)
							    : SECCOMP_RET_ALLOW));
			free(p.filter);
		}
}

static void test_compile_takes_conditions_on_several_arguments_as_all(void **state)
{
	struct program p = compiled(
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['mkdirat'],"
		"'action':'SCMP_ACT_TRAP','args':[{'index':0,'value':1,'op':'SCMP_CMP_EQ'},"
		"{'index':3,'value':2,'op':'SCMP_CMP_GE'}]}]}");
	struct seccomp_data data = {
		.nr = SYS_mkdirat, .arch = sysfilter_own_arch(), .args = {1, 0, 0, 2}};

	(void)state;
	assert_int_equal(sysfilter_run(p.filter, p.n, &data), SECCOMP_RET_TRAP);
	data.args[3] = 1;
	assert_int_equal(sysfilter_run(p.filter, p.n, &data), SECCOMP_RET_ALLOW);
	data.args[0] = 2;
	data.args[3] = 2;
	assert_int_equal(sysfilter_run(p.filter, p.n, &data), SECCOMP_RET_ALLOW);
	free(p.filter);
}

static void test_compile_takes_conditions_on_one_argument_as_any(void **state)
{
	struct program p = compiled(
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['mkdirat'],"
		"'action':'SCMP_ACT_TRAP','args':[{'index':1,'value':1,'op':'SCMP_CMP_EQ'},"
		"{'index':1,'value':3,'op':'SCMP_CMP_EQ'}]}]}");

	(void)state;
	assert_int_equal(own(&p, SYS_mkdirat, 1, 1), SECCOMP_RET_TRAP);
	assert_int_equal(own(&p, SYS_mkdirat, 1, 2), SECCOMP_RET_ALLOW);
	assert_int_equal(own(&p, SYS_mkdirat, 1, 3), SECCOMP_RET_TRAP);
	free(p.filter);
}

/* --- architectures --- */

#ifdef __x86_64__
static void test_compile_knows_what_a_call_is_called_elsewhere(void **state)
{
	enum { MKDIR_OF_I386 = 39, GETPPID_OF_I386 = 64, X32 = 0x40000000 };
	struct program own_alone = compiled("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':["
					    "{'names':['mkdir'],'action':'SCMP_ACT_TRAP'}]}");
	struct program p =
		compiled("{'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_X86_64',"
			 "'SCMP_ARCH_X86','SCMP_ARCH_X32','SCMP_ARCH_X86'],'syscalls':["
			 "{'names':['mkdir'],'action':'SCMP_ACT_TRAP'}]}");

	(void)state;
	assert_int_equal(answer(&p, AUDIT_ARCH_X86_64, SYS_mkdir, 0, 0), SECCOMP_RET_TRAP);
	assert_int_equal(answer(&p, AUDIT_ARCH_I386, MKDIR_OF_I386, 0, 0), SECCOMP_RET_TRAP);
	assert_int_equal(answer(&p, AUDIT_ARCH_I386, GETPPID_OF_I386, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(&p, AUDIT_ARCH_X86_64, X32 | SYS_mkdir, 0, 0), SECCOMP_RET_TRAP);
	assert_int_equal(answer(&p, AUDIT_ARCH_AARCH64, 34, 0, 0), SECCOMP_RET_KILL_THREAD);
	/* what is not listed is no way around the filter */
	assert_int_equal(answer(&own_alone, AUDIT_ARCH_I386, GETPPID_OF_I386, 0, 0),
			 SECCOMP_RET_KILL_THREAD);
	assert_int_equal(answer(&own_alone, AUDIT_ARCH_X86_64, X32 | SYS_getppid, 0, 0),
			 SECCOMP_RET_KILL_THREAD);
	free(own_alone.filter);
	free(p.filter);
}
#endif

/* Of another byte order, or unknown to libseccomp: no program of these runs here. */
static void test_compile_leaves_out_architectures_that_do_not_run_here(void **state)
{
	struct program p = compiled("{'defaultAction':'SCMP_ACT_ALLOW','architectures':["
				    "'SCMP_ARCH_S390X','SCMP_ARCH_SHEB','SCMP_ARCH_MIPS']}"),
		       q = compiled("{'defaultAction':'SCMP_ACT_ALLOW'}");

	(void)state;
	assert_int_equal(p.n, q.n);
	assert_memory_equal(p.filter, q.filter, p.n * sizeof *p.filter);
	free(p.filter);
	free(q.filter);
}

/* One rule for each of many values of an argument. */
static void test_compile_refuses_more_instructions_than_the_kernel_takes(void **state)
{
	enum { RULES = 4200, RULE = 120 };
	char *text = malloc((size_t)RULES * RULE);
	struct json_object *document;
	struct config *config;
	struct program p;
	struct ts_error e = {0};
	int used = sprintf(text,
			   "%s'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW',"
			   "'syscalls':[{'names':['mkdirat'],'action':'SCMP_ACT_TRAP','args':[",
			   HEAD);

	(void)state;
	for (int i = 0; i < RULES; i++)
		used += sprintf(text + used, "%s{'index':1,'value':%d,'op':'SCMP_CMP_EQ'}",
				i ? "," : "", i);
	(void)strcpy(text + used, "]}]}}}");
	document = parse_quoted(text);
	free(text);
	assert_int_equal(config_decode(document, &config, &e), 0);
	json_object_put(document);
	assert_int_equal(sysfilter_compile(&config->linux_.seccomp, &p.filter, &p.n, &e), -1);
	config_free(config);
	assert_int_equal(e.err, E2BIG);
	assert_non_null(strstr(e.msg, "linux.seccomp: a filter of "));
}

/* --- the machine --- */

static void test_run_knows_every_instruction(void **state)
{
	const struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), /* 64 */
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_IMM, 1000),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0), /* 936 */
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 64), /* 1000 */
		BPF_STMT(BPF_ST, 3),
		BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 3), /* 333 */
		BPF_STMT(BPF_LDX | BPF_MEM, 3),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_X, 0), /* 333000 = 0x514c8 */
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfff0), /* 0x14c0 */
		BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 0xf), /* 0x14cf */
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 0x1), /* 0x14ce */
		BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 8), /* 0x14ce00 */
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4), /* 0x14ce0 */
		BPF_STMT(BPF_ALU | BPF_NEG, 0),
		BPF_STMT(BPF_ALU | BPF_NEG, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 0x14ce0, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 1),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x14ce0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 2),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0xf, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 3),
		BPF_STMT(BPF_JMP | BPF_JA, 1),
		BPF_STMT(BPF_RET | BPF_K, 4),
		BPF_STMT(BPF_STX, 15),
		BPF_STMT(BPF_LD | BPF_MEM, 15), /* 1000 */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 5),
		BPF_STMT(BPF_LDX | BPF_IMM, 77),
		BPF_STMT(BPF_MISC | BPF_TXA, 0),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	const struct sock_filter outside[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(struct seccomp_data)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct seccomp_data data = {0};

	(void)state;
	assert_int_equal(sysfilter_run(filter, COUNT(filter), &data), 77);
	assert_int_equal(sysfilter_run(outside, COUNT(outside), &data), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(sysfilter_run(filter, 3, &data), SECCOMP_RET_KILL_PROCESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compile_takes_every_action),
		cmocka_unit_test(test_compile_takes_a_rule_that_says_what_default_says),
		cmocka_unit_test(test_compile_takes_every_op_on_every_argument),
		cmocka_unit_test(test_compile_takes_conditions_on_several_arguments_as_all),
		cmocka_unit_test(test_compile_takes_conditions_on_one_argument_as_any),
#ifdef __x86_64__
		cmocka_unit_test(test_compile_knows_what_a_call_is_called_elsewhere),
#endif
		cmocka_unit_test(test_compile_leaves_out_architectures_that_do_not_run_here),
		cmocka_unit_test(test_compile_refuses_more_instructions_than_the_kernel_takes),
		cmocka_unit_test(test_run_knows_every_instruction),
	};

	return cmocka_run_group_tests_name("seccomp", tests, NULL, NULL);
}
