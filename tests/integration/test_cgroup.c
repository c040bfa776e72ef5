/* Joining pre-created cgroups: v1, unified, both; the monitor stays out. design.md sections 3 and 4 (`cgroup`). */
#include "tests/integration/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *need(struct it *t, const char *controller)
{
	const char *path = it_cgroup(t, controller);

	if (!path)
		it_skip(it_text(t, "this machine has no %s hierarchy", controller));
	return path;
}

/* Has the task join a cgroup of @controller where the machine has that hierarchy: on v2 alone there is unified only. Its
 * path, or NULL. */
static const char *join_if_there(struct it *t, struct json_object *c, const char *controller)
{
	const char *path = it_cgroup(t, controller);

	if (path)
		cfg_set(c, it_text(t, "taskshim.cgroup.%s", controller), "'%s'", path);
	return path;
}

/* Starts a task that pauses; checks that it, and only it, is in all of the config's cgroups; ends it. */
static void check_joined(struct it *t, struct json_object *c)
{
	struct run *r = it_start_config(t, NULL, c);
	pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");

	for (int round = 0; round < 2; round++) { /* at the gate, and running */
		json_object_object_foreach(js_get(c, "taskshim.cgroup"), key, value)
		{
			const char *path = json_object_get_string(value);

			(void)key;
			if (!cgroup_has(t, path, pid) || cgroup_count(t, path) != 1)
				fail_msg("%s: %s", path,
					 read_file(t, it_text(t, "%s/cgroup.procs", path)));
		}
		if (round == 0) {
			run_send(r, "true");
			(void)run_expect(r, "started");
		}
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(run_wait(r), 137);
}

static void test_v1_controllers_are_joined(void **state)
{
	static const char *const names[] = {"memory", "cpu",	 "cpuacct", "pids",   "freezer",
					    "blkio",  "devices", "cpuset",  "systemd"};
	struct it *t = *state;
	struct json_object *c = it_config(t, "pause");
	unsigned n = 0;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (join_if_there(t, c, names[i]))
			n++;
	if (n == 0)
		it_skip("this machine has no v1 hierarchy");
	check_joined(t, c);
}

static void test_unified_is_joined(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "pause");

	cfg_set(c, "taskshim.cgroup", "{'unified':'%s'}", need(t, "unified"));
	check_joined(t, c);
}

static void test_v1_and_unified_are_joined_together(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "pause");

	cfg_set(c, "taskshim.cgroup", "{'memory':'%s','unified':'%s','pids':'%s'}",
		need(t, "memory"), need(t, "unified"), need(t, "pids"));
	check_joined(t, c);
}

/* The monitor is neither charged to the task's limits nor killed with it. */
static void test_monitor_stays_where_it_was(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "pause");
	const char *unified = need(t, "unified"), *before = proc_file(t, getpid(), "cgroup");

	cfg_set(c, "taskshim.cgroup", "{'unified':'%s'}", unified);
	(void)join_if_there(t, c, "memory");
	struct run *r = it_start_config(t, NULL, c);

	(void)run_expect(r, "created");
	run_send(r, "true");
	(void)run_expect(r, "started");
	assert_string_equal(proc_file(t, r->pid, "cgroup"), before);
	write_file(it_text(t, "%s/cgroup.kill", unified), "1", 0200);
	assert_int_equal(js_int(run_expect(r, "exited"), "signal"), 9);
	assert_int_equal(run_wait(r), 137);
}

static void test_monitor_cgroup_is_joined_by_the_monitor_alone(void **state)
{
	struct it *t = *state;
	static const char *const kinds[] = {"unified", "systemd"};

	for (size_t i = 0; i < 2; i++) {
		struct json_object *c = it_config(t, "pause");
		const char *path = i == 0 ? need(t, kinds[i]) : it_cgroup(t, kinds[i]);
		pid_t pid;

		if (!path)
			continue; /* v2 alone */
		cfg_set(c, "taskshim.monitorCgroup", "'%s'", path);
		struct run *r = it_start_config(t, NULL, c);

		pid = (pid_t)js_int(run_expect(r, "created"), "pid");
		run_send(r, "true");
		(void)run_expect(r, "started");
		assert_true(cgroup_has(t, path, r->pid));
		assert_false(cgroup_has(t, path, pid));
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(run_wait(r), 137);
	}
}

static void test_monitor_cgroup_missing_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo ran");

	cfg_set(c, "taskshim.monitorCgroup", "'%s/no-such'", need(t, "unified"));
	(void)it_expect_error(t, c, 125, "cgroup", ENOENT, "no-such");
}

static void test_task_sees_its_cgroups(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "cat /proc/self/cgroup");
	const char *path = need(t, "unified"), *name = strrchr(path, '/');

	assert_non_null(name);
	cfg_set(c, "taskshim.cgroup", "{'unified':'%s'}", path);
	expect_contains(it_output(t, c), it_text(t, "0::%s\n", name));
}

/* What the task leaves behind in its cgroup is charged there, and so are all its processes. */
static void test_children_of_the_task_are_in_its_cgroups(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "stray session stray group echo ready pause");
	const char *path = need(t, "unified");
	pid_t pid;

	cfg_set(c, "taskshim.cgroup", "{'unified':'%s'}", path);
	struct run *r = it_start_config(t, NULL, c);

	pid = (pid_t)js_int(run_expect(r, "created"), "pid");
	run_send(r, "true");
	(void)run_expect(r, "started");
	while (!strstr(run_task_out(t, r), "ready") || cgroup_count(t, path) != 3)
		(void)poll(NULL, 0, 2);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(run_wait(r), 137);
	assert_int_equal(cgroup_count(t, path), 0); /* strays are ended */
}

/* --- what cannot be joined --- */

static void expect_cgroup_error(struct it *t, const char *map, int err, const char *object)
{
	struct json_object *c = it_config(t, "echo ran");

	cfg_set_text(c, "taskshim.cgroup", map);
	(void)it_expect_error(t, c, 125, "cgroup", err, object);
}

static void test_missing_cgroup_is_explained(void **state)
{
	struct it *t = *state;
	const char *v2 = need(t, "unified"), *memory = it_cgroup(t, "memory");

	expect_cgroup_error(t, it_text(t, "{'unified':'%s/gone'}", v2), ENOENT,
			    it_text(t, "does not exist: %s/gone", v2));
	if (memory)
		expect_cgroup_error(t, it_text(t, "{'memory':'%s/gone'}", memory), ENOENT, "/gone");
}

static void test_inner_cgroup_is_explained(void **state)
{
	struct it *t = *state;
	const char *parent = need(t, "unified"),
		   *controllers = read_file(t, it_text(t, "%s/cgroup.controllers", parent));

	(void)it_cgroup_below(t, parent, "child");
	/* not any controller: cpu, cpuset and pids can be threaded, and leave room for processes */
	if (!strstr(controllers, "memory"))
		it_skip("the cgroup2 hierarchy has no memory controller here (it is in v1)");
	write_file(it_text(t, "%s/cgroup.subtree_control", parent), "+memory", 0644);
	expect_cgroup_error(t, it_text(t, "{'unified':'%s'}", parent), EBUSY, parent);
}

static void test_threaded_cgroup_is_explained(void **state)
{
	struct it *t = *state;
	const char *parent = need(t, "unified"), *child = it_cgroup_below(t, parent, "child"),
		   *other = it_cgroup_below(t, parent, "other");

	write_file(it_text(t, "%s/cgroup.type", child), "threaded", 0644);
	/* below a domain threaded cgroup, one that was not made threaded is "domain invalid" */
	expect_cgroup_error(t, it_text(t, "{'unified':'%s'}", other), EOPNOTSUPP, other);
}

static void test_empty_cpuset_is_explained(void **state)
{
	struct it *t = *state;
	const char *path = need(t, "cpuset"), *child = it_cgroup_below(t, path, "empty");

	expect_cgroup_error(t, it_text(t, "{'cpuset':'%s'}", child), ENOSPC, child);
}

static void test_wrong_filesystem_is_explained(void **state)
{
	struct it *t = *state;
	const char *v2 = need(t, "unified"), *memory = it_cgroup(t, "memory");

	expect_cgroup_error(t, it_text(t, "{'unified':'%s/bin'}", t->dir), EMEDIUMTYPE, "/bin");
	expect_cgroup_error(t, it_text(t, "{'memory':'%s/bin'}", t->dir), EMEDIUMTYPE, "/bin");
	if (memory)
		expect_cgroup_error(t, it_text(t, "{'unified':'%s'}", memory), EMEDIUMTYPE, memory);
	expect_cgroup_error(t, it_text(t, "{'memory':'%s'}", v2), EMEDIUMTYPE, v2);
	expect_cgroup_error(t, "{'unified':'/proc/self'}", ELOOP, "/proc/self");
	expect_cgroup_error(t, it_text(t, "{'unified':'%s/cgroup.procs'}", v2), ENOTDIR,
			    "cgroup.procs");
}

static void test_symlink_to_a_cgroup_is_explained(void **state)
{
	struct it *t = *state;
	const char *v2 = need(t, "unified");

	make_link(v2, it_text(t, "%s/link", t->dir));
	make_link("/sys/fs", it_text(t, "%s/sysfs", t->dir));
	expect_cgroup_error(t, it_text(t, "{'unified':'%s/link'}", t->dir), ELOOP, "link");
	expect_cgroup_error(t,
			    it_text(t, "{'unified':'%s/sysfs%s'}", t->dir, v2 + strlen("/sys/fs")),
			    ELOOP, "sysfs");
}

static void test_removed_cgroup_is_explained(void **state)
{
	struct it *t = *state;
	const char *path = need(t, "unified");

	assert_int_equal(rmdir(path), 0);
	t->n_cgroups--;
	expect_cgroup_error(t, it_text(t, "{'unified':'%s'}", path), ENOENT, path);
}

/* Guarantee 1: a start that fails after the join has left the cgroup empty. */
static void test_failed_start_leaves_the_cgroups_empty(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo ran");
	const char *v2 = need(t, "unified"), *memory;

	cfg_set(c, "taskshim.cgroup", "{'unified':'%s'}", v2);
	memory = join_if_there(t, c, "memory");
	cfg_set(c, "process.cwd", "'/no-such'");
	(void)it_expect_error(t, c, 125, "cwd", ENOENT, "/no-such");
	assert_int_equal(cgroup_count(t, v2), 0);
	if (memory)
		assert_int_equal(cgroup_count(t, memory), 0);
}

/* --- what the record reads --- */

/* Has the task join a cgroup with the memory controller, of v1 or v2. */
static const char *join_memory(struct it *t, struct json_object *c)
{
	const char *path = join_if_there(t, c, "memory");

	if (path)
		return path;
	path = join_if_there(t, c, "unified");
	if (!path || !exists(it_text(t, "%s/memory.max", path)))
		it_skip("the memory controller is not enabled on this machine");
	return path;
}

/* The same, with a limit. */
static void limit_memory(struct it *t, struct json_object *c, const char *bytes)
{
	const char *path = join_memory(t, c);
	bool v2 = exists(it_text(t, "%s/memory.max", path));
	const char *swap =
		it_text(t, "%s/%s", path, v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes");

	write_file(it_text(t, "%s/%s", path, v2 ? "memory.max" : "memory.limit_in_bytes"), bytes,
		   0644);
	if (exists(swap))
		write_file(swap, v2 ? "0" : bytes, 0644);
}

static struct json_object *exited_line(struct run *r)
{
	struct json_object *exited = r->lines[r->n_lines - 1];

	assert_string_equal(js_str(exited, "type"), "exited");
	return exited;
}

/* Of the command, also where process 1 is another. */
static void check_oom_kill(struct it *t, bool init)
{
	struct json_object *c = it_config(t, "sleep 100 alloc 200 exit 0");

	if (init) {
		cfg_set(c, "taskshim.init", "true");
		cfg_set(c, "linux.namespaces", "[{'type':'mount'},{'type':'pid'}]");
	}
	limit_memory(t, c, "20971520");
	struct run *r = it_run(t, c);
	struct json_object *exited = exited_line(r);

	assert_int_equal(js_int(exited, "signal"), 9);
	assert_true(js_bool(exited, "oomKilled"));
	assert_int_equal(js_int(exited, "oomKills"), 1);
	assert_string_equal(js_str(exited, "cause"), "exited");
	assert_true(js_int(exited, "usage.memoryPeakBytes") > 1 << 20);
	assert_int_equal(run_wait(r), 137);
}

static void test_oom_kill_of_the_command_is_reported(void **state)
{
	check_oom_kill(*state, false);
}

static void test_oom_kill_of_the_command_is_reported_with_init(void **state)
{
	check_oom_kill(*state, true);
}

/* F10: the command goes on and ends well. */
static void test_oom_kill_of_a_child_is_not_the_command_s(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "child_alloc 200 exit 0");

	limit_memory(t, c, "20971520");
	struct run *r = it_run(t, c);
	struct json_object *exited = exited_line(r);

	expect_contains(run_task_out(t, r), "child signal 9\n");
	assert_int_equal(js_int(exited, "exitCode"), 0);
	assert_false(js_bool(exited, "oomKilled"));
	assert_int_equal(js_int(exited, "oomKills"), 1);
}

/* The child was killed by the OOM killer, the command later by a stranger: the count alone cannot tell that from the OOM
 * killer's doing, the kernel's log can. */
static void test_oom_kill_of_a_child_before_a_stranger_s_kill_is_not_the_command_s(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "child_alloc 200 pause");

	if (access("/dev/kmsg", R_OK) < 0 ||
	    strcmp(read_link(t, "/proc/self/ns/pid"), "pid:[4026531836]") != 0)
		it_skip("the kernel's log cannot be read here, or has other process numbers");
	limit_memory(t, c, "20971520");
	struct run *r = it_start_config(t, NULL, c);
	pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");

	run_send(r, "true");
	(void)run_expect(r, "started");
	while (!strstr(run_task_out(t, r), "child signal 9"))
		(void)poll(NULL, 0, 2);
	assert_int_equal(kill(pid, SIGKILL), 0);
	struct json_object *exited = run_expect(r, "exited");

	assert_int_equal(js_int(exited, "signal"), 9);
	assert_false(js_bool(exited, "oomKilled"));
	assert_int_equal(js_int(exited, "oomKills"), 1);
	assert_int_equal(run_wait(r), 137);
}

/* What killed the command is told by the cgroup's count after its end, and not by a notification that may come too late. */
static void test_no_oom_kill_of_fifty_is_missed(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "alloc 40 exit 0");

	limit_memory(t, c, "16777216");
	for (int i = 0; i < 50; i++) {
		struct run *r = it_run(t, c);
		struct json_object *exited = exited_line(r);

		if (!js_bool(exited, "oomKilled") || js_int(exited, "oomKills") != 1)
			fail_msg("run %d: %s", i, json_object_to_json_string(exited));
		assert_int_equal(run_wait(r), 137);
		it_forget(t);
	}
}

static void test_kill_without_oom_is_not_called_oom(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "kill 9");

	(void)join_memory(t, c);
	struct run *r = it_run(t, c);

	assert_false(js_bool(r->lines[2], "oomKilled"));
	assert_int_equal(js_int(r->lines[2], "signal"), 9);
}

/* --- refused here: `taskshim` does it --- */

static void test_making_cgroups_is_refused_naming_taskshim_run(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo ran");

	cfg_set(c, "linux.cgroupsPath", "'/x'");
	expect_contains(it_expect_error(t, c, 125, "config", EINVAL, "linux.cgroupsPath"),
			"taskshim run");
	cfg_del(c, "linux.cgroupsPath");
	cfg_set(c, "linux.resources", "{'memory':{'limit':1000000}}");
	expect_contains(it_expect_error(t, c, 125, "config", EINVAL, "linux.resources"),
			"taskshim run");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_v1_controllers_are_joined),
		IT(test_unified_is_joined),
		IT(test_v1_and_unified_are_joined_together),
		IT(test_monitor_stays_where_it_was),
		IT(test_monitor_cgroup_is_joined_by_the_monitor_alone),
		IT(test_monitor_cgroup_missing_is_an_error),
		IT(test_task_sees_its_cgroups),
		IT(test_children_of_the_task_are_in_its_cgroups),
		IT(test_missing_cgroup_is_explained),
		IT(test_inner_cgroup_is_explained),
		IT(test_threaded_cgroup_is_explained),
		IT(test_empty_cpuset_is_explained),
		IT(test_wrong_filesystem_is_explained),
		IT(test_symlink_to_a_cgroup_is_explained),
		IT(test_removed_cgroup_is_explained),
		IT(test_failed_start_leaves_the_cgroups_empty),
		IT(test_oom_kill_of_the_command_is_reported),
		IT(test_oom_kill_of_the_command_is_reported_with_init),
		IT(test_oom_kill_of_a_child_is_not_the_command_s),
		IT(test_oom_kill_of_a_child_before_a_stranger_s_kill_is_not_the_command_s),
		IT(test_no_oom_kill_of_fifty_is_missed),
		IT(test_kill_without_oom_is_not_called_oom),
		IT(test_making_cgroups_is_refused_naming_taskshim_run),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
