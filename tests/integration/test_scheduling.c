/* How the kernel treats the command: each field is observed in the running task, and each refusal names its field.
 * process.scheduler, process.ioPriority, taskshim.cpuAffinity, linux.memoryPolicy, linux.personality; labels. */
#include "tests/integration/harness.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/* --- scheduler --- */

static const struct {
	const char *scheduler, *seen; /* as probe prints it */
} schedulers[] = {
	{"{'policy':'SCHED_OTHER'}", "0 flags 0 nice 0"},
	{"{'policy':'SCHED_OTHER','nice':5}", "0 flags 0 nice 5"},
	{"{'policy':'SCHED_OTHER','nice':-10}", "0 flags 0 nice -10"},
	{"{'policy':'SCHED_BATCH','nice':19}", "3 flags 0 nice 19"},
	{"{'policy':'SCHED_IDLE'}", "5 flags 0"},
	{"{'policy':'SCHED_FIFO','priority':1}", "1 flags 0 nice 0 priority 1 "},
	{"{'policy':'SCHED_RR','priority':99}", "2 flags 0 nice 0 priority 99 "},
	{"{'policy':'SCHED_RR','priority':7,'flags':['SCHED_FLAG_RESET_ON_FORK']}",
	 "2 flags 1 nice 0 priority 7 "},
	{"{'policy':'SCHED_DEADLINE','runtime':1000000,'deadline':50000000,'period':100000000}",
	 "6 flags 0 nice 0 priority 0 runtime 1000000 deadline 50000000 period 100000000"},
	/* with time enough: an overrun is SIGXCPU */
	{"{'policy':'SCHED_DEADLINE','runtime':400000000,'deadline':1000000000,'period':1000000000,"
	 "'flags':['SCHED_FLAG_RECLAIM','SCHED_FLAG_DL_OVERRUN','SCHED_FLAG_RESET_ON_FORK']}",
	 "6 flags 7 nice 0 priority 0 runtime 400000000 deadline 1000000000 period 1000000000"},
	{"{'policy':'SCHED_OTHER','nice':3,'flags':['SCHED_FLAG_KEEP_POLICY']}",
	 "0 flags 0 nice 3"},
	{"{'policy':'SCHED_OTHER','nice':3,"
	 "'flags':['SCHED_FLAG_KEEP_POLICY','SCHED_FLAG_KEEP_PARAMS']}",
	 "0 flags 0 nice 0"},
};

static void test_scheduler_is_observed(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "scheduler ids caps");

	for (size_t i = 0; i < sizeof schedulers / sizeof schedulers[0]; i++) {
		cfg_set_text(c, "process.scheduler", schedulers[i].scheduler);
		const char *out = it_output(t, c);

		expect_contains(fact(t, out, "scheduler"), schedulers[i].seen);
		/* set with privileges that the command does not get */
		expect_fact(t, out, "uid", "65534 65534 65534 65534");
		expect_fact(t, out, "permitted", "0000000000000000");
	}
}

/* OCI has the words, and no field for the values: they are 0. */
static void test_utilization_clamps_are_observed_or_refused_by_the_kernel(void **state)
{
	static const struct {
		const char *flag, *seen;
	} clamps[] = {{"SCHED_FLAG_UTIL_CLAMP_MIN", " util 0 1024"},
		      {"SCHED_FLAG_UTIL_CLAMP_MAX", " util 0 0"}};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof clamps / sizeof clamps[0]; i++) {
		struct json_object *c = it_config(t, "scheduler");
		struct run *r;

		cfg_set(c, "process.scheduler", "{'policy':'SCHED_OTHER','flags':['%s']}",
			clamps[i].flag);
		r = it_run(t, c);
		if (run_wait(r) == 0)
			expect_contains(run_task_out(t, r), clamps[i].seen);
		else /* a kernel without CONFIG_UCLAMP_TASK */
			expect_error_line(r->lines[0], "scheduling", EOPNOTSUPP,
					  "process.scheduler: set SCHED_OTHER");
	}
}

static void drop_sys_nice(void *arg)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	(void)arg;
	(void)prctl(PR_CAPBSET_DROP, CAP_SYS_NICE, 0, 0, 0);
	(void)syscall(SYS_capget, &head, data);
	data[0].permitted &= ~(1u << CAP_SYS_NICE);
	data[0].effective &= ~(1u << CAP_SYS_NICE);
	(void)syscall(SYS_capset, &head, data);
}

static void test_scheduler_that_cannot_be_set_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "scheduler");
	const struct start how = {.prepare = drop_sys_nice};

	cfg_set(c, "process.scheduler", "{'policy':'SCHED_FIFO','priority':1}");
	expect_contains(it_expect_error_with(t, &how, c, 125, "scheduling", EPERM, "SCHED_FIFO"),
			"CAP_SYS_NICE");
	cfg_set(c, "process.scheduler", "{'policy':'SCHED_OTHER','nice':-1}");
	(void)it_expect_error_with(t, &how, c, 125, "scheduling", EPERM, "process.scheduler");
	/* reserved by the kernel, never implemented */
	cfg_set(c, "process.scheduler", "{'policy':'SCHED_ISO'}");
	(void)it_expect_error(t, c, 125, "scheduling", EINVAL, "SCHED_ISO");
	cfg_set(c, "process.scheduler", "{'policy':'SCHED_FIFO'}");
	(void)it_expect_error(t, c, 125, "scheduling", EINVAL, "SCHED_FIFO");
	cfg_set(c, "process.scheduler", "{'policy':'SCHED_DEADLINE','runtime':9,'deadline':5}");
	(void)it_expect_error(t, c, 125, "scheduling", EINVAL, "SCHED_DEADLINE");
}

/* --- I/O priority --- */

static void test_io_priority_is_observed(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "ioprio");

	cfg_set(c, "process.ioPriority", "{'class':'IOPRIO_CLASS_RT','priority':2}");
	expect_fact(t, it_output(t, c), "ioprio", "1 2");
	cfg_set(c, "process.ioPriority", "{'class':'IOPRIO_CLASS_BE','priority':7}");
	expect_fact(t, it_output(t, c), "ioprio", "2 7");
	cfg_set(c, "process.ioPriority", "{'class':'IOPRIO_CLASS_IDLE'}");
	expect_fact(t, it_output(t, c), "ioprio", "3 0");
}

static void drop_io_rights(void *arg)
{
	drop_sys_nice(arg);
	/* CAP_SYS_ADMIN would do, too; without it there are no namespaces: it is given up with the uid. */
	(void)setresuid(1000, 1000, 1000);
}

static void test_io_priority_that_cannot_be_set_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "ioprio");

	cfg_set(c, "process.ioPriority", "{'class':'IOPRIO_CLASS_RT','priority':0}");
	cfg_set(c, "taskshim.isolation", "'none'");
	cfg_del(c, "taskshim.chroot");
	cfg_set(c, "process.args", "['%s/bin/probe','ioprio']", t->dir);
	(void)it_expect_error_with(t, &(struct start){.prepare = drop_io_rights}, c, 125,
				   "scheduling", EPERM, "IOPRIO_CLASS_RT");
}

/* --- cpus --- */

static void pin_to_cpu_0(void *arg)
{
	cpu_set_t set;

	(void)arg;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	(void)sched_setaffinity(0, sizeof set, &set);
}

static void test_cpu_affinity_is_observed(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "affinity");
	const struct start pinned = {.prepare = pin_to_cpu_0};
	const char *all = fact(t, it_output(t, c), "affinity");
	struct run *r;

	if (strcmp(all, "0 1") != 0 && strncmp(all, "0 1 ", 4) != 0)
		it_skip("needs two cpus");
	cfg_set(c, "taskshim.cpuAffinity", "'1'");
	expect_fact(t, it_output(t, c), "affinity", "1");
	cfg_set(c, "taskshim.cpuAffinity", "'0-1,8191'"); /* what there is of it */
	expect_fact(t, it_output(t, c), "affinity", "0 1");
	r = it_run_with(t, &pinned, c);
	expect_fact(t, run_task_out(t, r), "affinity", "0 1");
	cfg_set(c, "taskshim.cpuAffinity", "'all'");
	r = it_run_with(t, &pinned, c);
	expect_fact(t, run_task_out(t, r), "affinity", all);
	cfg_set(c, "taskshim.cpuAffinity", "'8191'");
	(void)it_expect_error(t, c, 125, "scheduling", EINVAL, "8191");
}

/* OCI: "This setting is not applicable to the container's init process." */
static void test_exec_cpu_affinity_does_not_concern_the_command(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "affinity");
	const char *all = fact(t, it_output(t, c), "affinity");

	cfg_set(c, "process.execCPUAffinity", "{'initial':'0','final':'0'}");
	expect_fact(t, it_output(t, c), "affinity", all);
}

/* --- memory policy --- */

static void test_memory_policy_is_observed(void **state)
{
	static const struct {
		const char *policy, *seen;
	} policies[] = {
		{"{'mode':'MPOL_DEFAULT'}", "0x0 nodes 0x0"},
		{"{'mode':'MPOL_PREFERRED','nodes':'0'}", "0x1 nodes 0x1"},
		{"{'mode':'MPOL_BIND','nodes':'0','flags':['MPOL_F_STATIC_NODES']}",
		 "0x8002 nodes 0x1"},
		{"{'mode':'MPOL_INTERLEAVE','nodes':'0','flags':['MPOL_F_RELATIVE_NODES']}",
		 "0x4003 nodes 0x1"},
		{"{'mode':'MPOL_LOCAL'}", "0x4 nodes 0x0"},
		{"{'mode':'MPOL_PREFERRED_MANY','nodes':'0'}", "0x5 nodes 0x1"},
		{"{'mode':'MPOL_BIND','nodes':'0','flags':['MPOL_F_NUMA_BALANCING']}",
		 "0x2002 nodes 0x1"},
	};
	struct it *t = *state;
	struct json_object *c = it_config(t, "mempolicy");

	if (strcmp(fact(t, it_output(t, c), "mempolicy"), "ENOSYS") == 0)
		it_skip("this kernel has no NUMA");
	for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
		cfg_set_text(c, "linux.memoryPolicy", policies[i].policy);
		expect_fact(t, it_output(t, c), "mempolicy", policies[i].seen);
	}
	cfg_set(c, "linux.memoryPolicy", "{'mode':'MPOL_BIND'}");
	(void)it_expect_error(t, c, 125, "mempolicy", EINVAL, "MPOL_BIND");
	cfg_set(c, "linux.memoryPolicy", "{'mode':'MPOL_BIND','nodes':'1023'}");
	(void)it_expect_error(t, c, 125, "mempolicy", EINVAL, "1023");
}

/* --- personality --- */

static void test_personality_is_observed(void **state)
{
	static const struct {
		const char *word;
		unsigned bits; /* of <linux/personality.h> */
	} flags[] = {
		{"UNAME26", 0x20000},		{"ADDR_NO_RANDOMIZE", 0x40000},
		{"MMAP_PAGE_ZERO", 0x100000},	{"ADDR_COMPAT_LAYOUT", 0x200000},
		{"ADDR_LIMIT_32BIT", 0x800000}, {"SHORT_INODE", 0x1000000},
		{"WHOLE_SECONDS", 0x2000000},	{"STICKY_TIMEOUTS", 0x4000000},
		{"ADDR_LIMIT_3GB", 0x8000000},
	};
	struct it *t = *state;
	struct json_object *c = it_config(t, "personality");
	struct utsname name;
	const char *out;

	assert_int_equal(uname(&name), 0);
	cfg_set(c, "linux.personality", "{'domain':'LINUX'}");
	out = it_output(t, c);
	expect_fact(t, out, "personality", "0x0");
	expect_fact(t, out, "machine", name.machine);
	cfg_set(c, "linux.personality", "{'domain':'LINUX32'}");
	out = it_output(t, c);
	expect_fact(t, out, "personality", "0x8");
	if (strcmp(name.machine, "x86_64") == 0)
		expect_fact(t, out, "machine", "i686");
	cfg_set(c, "linux.personality",
		"{'domain':'LINUX','flags':['ADDR_NO_RANDOMIZE','UNAME26','ADDR_COMPAT_LAYOUT']}");
	expect_fact(t, it_output(t, c), "personality", "0x260000");
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		cfg_set(c, "linux.personality", "{'domain':'LINUX','flags':['%s']}", flags[i].word);
		expect_fact(t, it_output(t, c), "personality", it_text(t, "0x%x", flags[i].bits));
	}
}

/* --- labels --- */

/* Of the modules that this machine has not. Those that it has: tests/vm, and test_label.c. */
static void test_labels_without_their_module_are_errors(void **state)
{
	static const struct {
		const char *field, *module, *file, *line;
	} labels[] = {
		{"process.apparmorProfile", "AppArmor", "/sys/module/apparmor/parameters/enabled",
		 "Y"},
		{"process.selinuxLabel", "SELinux", "/proc/filesystems", "selinuxfs"},
		{"linux.mountLabel", "SELinux", "/proc/filesystems", "selinuxfs"},
	};
	struct it *t = *state;
	unsigned tried = 0;

	for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
		struct json_object *c = it_config(t, "exit 0");
		const char *text = read_file(t, labels[i].file), *said;

		if (text && strstr(text, labels[i].line))
			continue;
		cfg_set(c, labels[i].field, "'a-label'");
		said = it_expect_error(t, c, 125, "label", ENOTSUP, labels[i].field);
		expect_contains(said, labels[i].module);
		expect_contains(said, "a-label");
		tried++;
	}
	if (tried == 0)
		it_skip("this kernel has both AppArmor and SELinux");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_scheduler_is_observed),
		IT(test_utilization_clamps_are_observed_or_refused_by_the_kernel),
		IT(test_scheduler_that_cannot_be_set_is_an_error),
		IT(test_io_priority_is_observed),
		IT(test_io_priority_that_cannot_be_set_is_an_error),
		IT(test_cpu_affinity_is_observed),
		IT(test_exec_cpu_affinity_does_not_concern_the_command),
		IT(test_memory_policy_is_observed),
		IT(test_personality_is_observed),
		IT(test_labels_without_their_module_are_errors),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
