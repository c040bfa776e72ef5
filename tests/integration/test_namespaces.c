/* Namespaces: each is new when the config lists it, and the caller's when it does not. design.md section 4. */
#include "tests/integration/harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *type, *file;
} kinds[] = {{"pid", "pid"}, {"network", "net"}, {"mount", "mnt"},
	     {"ipc", "ipc"}, {"uts", "uts"},	 {"cgroup", "cgroup"}};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

static void expect_namespace(struct it *t, const char *out, const char *file, bool own)
{
	const char *ours = read_link(t, it_text(t, "/proc/self/ns/%s", file));
	const char *theirs = fact(t, out, it_text(t, "ns.%s", file));

	assert_non_null(theirs);
	if ((strcmp(ours, theirs) != 0) != own)
		fail_msg("%s: ours %s, the task's %s", file, ours, theirs);
}

static void test_each_listed_namespace_is_new_the_others_are_the_callers(void **state)
{
	struct it *t = *state;

	for (size_t i = 0; i < N_KINDS; i++) {
		struct json_object *c = it_config(t, "ns");

		cfg_set(c, "linux.namespaces", "[{'type':'%s'}]", kinds[i].type);
		const char *out = it_output(t, c);

		for (size_t k = 0; k < N_KINDS;
		     k++) /* with a root, the mount namespace always is */
			expect_namespace(t, out, kinds[k].file,
					 k == i || strcmp(kinds[k].file, "mnt") == 0);
		expect_namespace(t, out, "user", false);
		expect_namespace(t, out, "time", false);
	}
}

static void test_without_a_list_only_the_mount_namespace_is_new(void **state)
{
	struct it *t = *state;
	const char *out = it_output(t, it_config(t, "ns"));

	for (size_t k = 0; k < N_KINDS; k++)
		expect_namespace(t, out, kinds[k].file, strcmp(kinds[k].file, "mnt") == 0);
}

static void test_all_namespaces_at_once(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "ns session");

	cfg_set(c, "linux.namespaces", "[]");
	for (size_t i = 0; i < N_KINDS; i++)
		cfg_set(c, "linux.namespaces[+]", "{'type':'%s'}", kinds[i].type);
	const char *out = it_output(t, c);

	for (size_t k = 0; k < N_KINDS; k++)
		expect_namespace(t, out, kinds[k].file, true);
	expect_fact(t, out, "pid", "1");
}

static void test_isolation_none_with_namespaces(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "ns host");

	cfg_del(c, "taskshim.chroot");
	cfg_set(c, "taskshim.isolation", "'none'");
	cfg_set(c, "process.args[0]", "'%s/bin/probe'", t->dir);
	cfg_set(c, "linux.namespaces", "[{'type':'uts'}]");
	cfg_set(c, "hostname", "'other'");
	const char *out = it_output(t, c);

	expect_namespace(t, out, "uts", true);
	expect_namespace(t, out, "mnt", false);
	expect_fact(t, out, "hostname", "other");
}

static void test_hostname_and_domainname(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "host");
	char before[256], after[256];

	assert_int_equal(gethostname(before, sizeof before), 0);
	cfg_set(c, "linux.namespaces", "[{'type':'uts'}]");
	cfg_set(c, "hostname", "'task-host'");
	cfg_set(c, "domainname", "'example.org'");
	const char *out = it_output(t, c);

	expect_fact(t, out, "hostname", "task-host");
	expect_fact(t, out, "domainname", "example.org");
	assert_int_equal(gethostname(after, sizeof after), 0);
	assert_string_equal(before, after);
}

/* It would be the host's name that changes. */
static void test_hostname_without_its_namespace_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "host");
	char before[256], after[256];

	assert_int_equal(gethostname(before, sizeof before), 0);
	cfg_set(c, "hostname", "'oops'");
	(void)it_expect_error(t, c, 125, "config", EINVAL, "hostname");
	cfg_del(c, "hostname");
	cfg_set(c, "domainname", "'oops'");
	(void)it_expect_error(t, c, 125, "config", EINVAL, "domainname");
	assert_int_equal(gethostname(after, sizeof after), 0);
	assert_string_equal(before, after);
}

static void test_hostname_too_long_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "host");

	cfg_set(c, "linux.namespaces", "[{'type':'uts'}]");
	cfg_set(c, "hostname", "'%065d'", 1);
	struct run *r = it_run(t, c);

	assert_int_equal(r->n_lines, 1);
	expect_contains(js_str(r->lines[0], "message"), "hostname");
	assert_int_equal(run_wait(r), 125);
}

static void test_pid_namespace_the_lines_have_the_hosts_pid(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "session echo ready pause");

	cfg_set(c, "linux.namespaces", "[{'type':'pid'}]");
	struct run *r = it_start_config(t, NULL, c);
	pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");

	run_send(r, "true");
	assert_int_equal(js_int(run_expect(r, "started"), "pid"), pid);
	assert_true(alive(pid));
	assert_true(pid > 1);
	expect_contains(proc_file(t, pid, "status"), it_text(t, "NSpid:\t%d\t1\n", pid));
}

/* Every process of it ends with init, also those that went away from the session. */
static void test_pid_namespace_ends_with_the_command(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "stray session stray group exit 5");

	cfg_set(c, "linux.namespaces", "[{'type':'pid'}]");
	assert_int_equal(run_wait(it_run(t, c)), 5);
}

static void test_network_namespace_has_loopback_only(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "ls /sys/class/net cat /proc/net/dev");

	cfg_set(c, "linux.namespaces", "[{'type':'network'}]");
	const char *out = it_output(t, c);

	expect_contains(out, "lo:");
	expect_not_contains(out, "eth");
	expect_not_contains(out, "ens");
}

static void test_cgroup_namespace_hides_the_path(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "cat /proc/self/cgroup");
	const char *path = it_cgroup(t, "unified");

	if (!path)
		it_skip("no cgroup2 hierarchy");
	cfg_set(c, "taskshim.cgroup", "{'unified':'%s'}", path);
	cfg_set(c, "linux.namespaces", "[{'type':'cgroup'}]");
	expect_contains(it_output(t, c), "0::/\n");
}

static void test_what_is_not_supported_is_refused_by_name(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "ns");

	cfg_set(c, "linux.namespaces", "[{'type':'user'}]");
	expect_contains(it_expect_error(t, c, 125, "config", EINVAL, "linux.namespaces"), "user");
	cfg_set(c, "linux.namespaces", "[{'type':'time'}]");
	expect_contains(it_expect_error(t, c, 125, "config", EINVAL, "linux.namespaces"), "time");
	cfg_set(c, "linux.namespaces", "[{'type':'network','path':'/proc/1/ns/net'}]");
	expect_contains(it_expect_error(t, c, 125, "config", EINVAL, "linux.namespaces"), "path");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_each_listed_namespace_is_new_the_others_are_the_callers),
		IT(test_without_a_list_only_the_mount_namespace_is_new),
		IT(test_all_namespaces_at_once),
		IT(test_isolation_none_with_namespaces),
		IT(test_hostname_and_domainname),
		IT(test_hostname_without_its_namespace_is_an_error),
		IT(test_hostname_too_long_is_an_error),
		IT(test_pid_namespace_the_lines_have_the_hosts_pid),
		IT(test_pid_namespace_ends_with_the_command),
		IT(test_network_namespace_has_loopback_only),
		IT(test_cgroup_namespace_hides_the_path),
		IT(test_what_is_not_supported_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
