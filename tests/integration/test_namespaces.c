/* Namespaces: each is new when the config lists it, and the caller's when it does not. design.md section 4. */
#include "tests/integration/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

static void test_network_namespace_loopback_is_up(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "loopback");

	cfg_set(c, "linux.namespaces", "[{'type':'network'}]");
	expect_fact(t, it_output(t, c), "loopback", "OK");
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

/* --- by path --- */

/* A task in new namespaces, to be joined by others. */
static pid_t start_holder(struct it *t, const char *namespaces)
{
	struct json_object *c = it_config(t, "echo ready pause");
	pid_t pid;

	cfg_set_text(c, "linux.namespaces", namespaces);
	(void)it_start_task(t, c, &pid);
	return pid;
}

static const char *link_of(struct it *t, pid_t pid, const char *file)
{
	return read_link(t, it_text(t, "/proc/%d/ns/%s", pid, file));
}

static void join(struct json_object *c, const char *type, pid_t pid, const char *file)
{
	cfg_set(c, "linux.namespaces[+]", "{'type':'%s','path':'/proc/%d/ns/%s'}", type, pid, file);
}

#define ALL_BUT_MOUNT                                                                              \
	"[{'type':'pid'},{'type':'network'},{'type':'ipc'},{'type':'uts'},{'type':'cgroup'}]"

static void test_each_namespace_is_joined_by_path(void **state)
{
	struct it *t = *state;
	pid_t holder = start_holder(t, ALL_BUT_MOUNT);

	for (size_t i = 0; i < N_KINDS; i++) {
		struct json_object *c = it_config(t, "ns");

		if (strcmp(kinds[i].type, "mount") == 0)
			continue;
		join(c, kinds[i].type, holder, kinds[i].file);
		const char *out = it_output(t, c);

		expect_fact(t, out, it_text(t, "ns.%s", kinds[i].file),
			    link_of(t, holder, kinds[i].file));
		for (size_t k = 0; k < N_KINDS; k++)
			if (k != i)
				expect_namespace(t, out, kinds[k].file,
						 strcmp(kinds[k].file, "mnt") == 0);
	}
}

static void test_all_namespaces_are_joined_by_path_at_once(void **state)
{
	struct it *t = *state;
	pid_t holder = start_holder(t, ALL_BUT_MOUNT);
	struct json_object *c = it_config(t, "ns loopback cat /proc/self/status host");

	for (size_t i = 0; i < N_KINDS; i++)
		if (strcmp(kinds[i].type, "mount") != 0)
			join(c, kinds[i].type, holder, kinds[i].file);
	cfg_set(c, "hostname", "'of-both'");
	const char *out = it_output(t, c);

	for (size_t i = 0; i < N_KINDS; i++)
		if (strcmp(kinds[i].type, "mount") != 0)
			expect_fact(t, out, it_text(t, "ns.%s", kinds[i].file),
				    link_of(t, holder, kinds[i].file));
	expect_fact(t, out, "loopback", "OK");
	expect_fact(t, out, "hostname", "of-both");
	expect_contains(out,
			"NSpid:\t2\n"); /* of the joined namespace, in which /proc was mounted */
}

static void test_joined_pid_namespace_that_ends_takes_the_task_along(void **state)
{
	struct it *t = *state;
	pid_t holder = start_holder(t, "[{'type':'pid'}]"), pid;
	struct json_object *c = it_config(t, "echo ready pause");

	join(c, "pid", holder, "pid");
	struct run *r = it_start_task(t, c, &pid);

	assert_int_equal(kill(holder, SIGKILL), 0);
	assert_int_equal(js_int(run_expect(r, "exited"), "signal"), SIGKILL);
	assert_int_equal(run_wait(r), 128 + SIGKILL);
}

/* The monitor comes back out of the namespace: its hooks are not the task's. */
static void test_joined_pid_namespace_is_not_the_hooks(void **state)
{
	struct it *t = *state;
	pid_t holder = start_holder(t, "[{'type':'pid'}]");
	struct json_object *c = it_config(t, "ns");

	join(c, "pid", holder, "pid");
	cfg_set(c, "hooks.poststop",
		"[{'path':'/bin/sh','args':['sh','-c','readlink /proc/self/ns/pid >%s/hook']}]",
		t->dir);
	expect_fact(t, it_output(t, c), "ns.pid", link_of(t, holder, "pid"));
	assert_string_equal(read_file(t, it_text(t, "%s/hook", t->dir)),
			    it_text(t, "%s\n", read_link(t, "/proc/self/ns/pid")));
}

static void test_dead_pid_namespace_is_an_error(void **state)
{
	struct it *t = *state;
	pid_t holder = start_holder(t, "[{'type':'pid'}]");
	int fd = open_fd(t, it_text(t, "/proc/%d/ns/pid", holder), O_RDONLY);
	struct json_object *c = it_config(t, "ns");
	const char *path = it_text(t, "/proc/%d/fd/%d", (int)getpid(), fd);

	assert_int_equal(kill(holder, SIGKILL), 0);
	wait_gone(holder);
	cfg_set(c, "linux.namespaces", "[{'type':'pid','path':'%s'}]", path);
	expect_contains(it_expect_error(t, c, 125, "namespaces", ENOMEM, path), "has ended");
}

/* Root and mounts come with it, and stay as they are. */
static void test_mount_namespace_is_joined_by_path(void **state)
{
	struct it *t = *state;
	pid_t holder = start_holder(t, "[{'type':'mount'}]");
	const char *before = proc_file(t, holder, "mountinfo");
	struct json_object *c = it_config(t, "ns ls / ids cwd");

	cfg_del(c, "taskshim.chroot");
	cfg_set(c, "taskshim.isolation", "'none'");
	cfg_set(c, "linux.namespaces", "[]");
	join(c, "mount", holder, "mnt");
	const char *out = it_output(t, c);

	expect_fact(t, out, "ns.mnt", link_of(t, holder, "mnt"));
	expect_fact(t, out, "cwd", "/");
	expect_contains(out, "bin"); /* and that is what /bin/probe was found in */
	expect_not_contains(out, "usr");
	expect_fact(t, out, "uid", "65534 65534 65534 65534");
	assert_string_equal(proc_file(t, holder, "mountinfo"), before);
}

/* A root would be built, and pivoted to, among the mounts of others. */
static void test_mount_namespace_by_path_with_a_root_is_refused(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "ns");

	cfg_set(c, "linux.namespaces", "[{'type':'mount','path':'/proc/1/ns/mnt'}]");
	expect_contains(it_expect_error(t, c, 125, "config", EINVAL, "linux.namespaces"),
			"isolation");
}

static void test_path_that_is_no_such_namespace_is_an_error(void **state)
{
	struct it *t = *state;
	const char *file = it_text(t, "%s/file", t->dir), *fifo = it_text(t, "%s/fifo", t->dir);
	const struct {
		const char *type, *path;
		int err;
		const char *reason;
	} cases[] = {
		{"network", it_text(t, "%s/missing", t->dir), ENOENT, "open namespace"},
		{"network", file, EINVAL, "not a namespace"},
		{"network", fifo, EINVAL, "not a namespace"}, /* to open it would block */
		{"network", "/dev/null", EINVAL, "not a namespace"},
		{"network", "/proc/self/status", EINVAL, "not a namespace"},
		{"network", "/proc/self/ns", EINVAL, "not a namespace"},
		{"network", "/proc/self/ns/uts", EINVAL, "of type uts, not network"},
		{"pid", "/proc/self/ns/net", EINVAL, "of type network, not pid"},
		{"cgroup", "/proc/self/ns/time", EINVAL, "of type time, not cgroup"},
	};

	write_file(file, "x", 0644);
	assert_int_equal(mkfifo(fifo, 0644), 0);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct json_object *c = it_config(t, "ns");

		cfg_set(c, "linux.namespaces", "[{'type':'uts'},{'type':'%s','path':'%s'}]",
			cases[i].type, cases[i].path);
		expect_contains(
			it_expect_error(t, c, 125, "namespaces", cases[i].err, cases[i].path),
			cases[i].reason);
	}
}

static bool is_there(void *path)
{
	return exists(path);
}

/* Whoever may change where the path leads while we look gets a namespace of the right type or an error. Seen to fail (a task
 * in the host's network namespace) where the path was checked, then opened a second time, and joined with setns(fd, 0). */
static void test_path_that_is_swapped_meanwhile(void **state)
{
	struct it *t = *state;
	const char *path = it_text(t, "%s/ns", t->dir), *next = it_text(t, "%s/next", t->dir);
	unsigned joined = 0, refused = 0;
	pid_t flipper = fork();

	if (flipper == 0) {
		const char *good = it_text(t, "/proc/%d/ns/net", (int)getpid());

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) < 0)
			_exit(1);
		for (unsigned i = 0;; i++) {
			(void)symlink(i % 2 ? "/proc/self/ns/uts" : good, next);
			(void)rename(next, path);
		}
	}
	wait_until(is_there, (void *)path, "the first link");
	const char *want = link_of(t, flipper, "net");
	for (unsigned i = 0; i < 100; i++, it_forget(t)) {
		struct json_object *c = it_config(t, "ns");

		cfg_set(c, "linux.namespaces", "[{'type':'network','path':'%s'}]", path);
		struct run *r = it_run(t, c);

		if (run_wait(r) == 0) {
			expect_fact(t, run_task_out(t, r), "ns.net", want);
			joined++;
		} else {
			assert_string_equal(js_str(r->lines[0], "step"), "namespaces");
			refused++;
		}
	}
	assert_int_equal(kill(flipper, SIGKILL), 0);
	assert_int_equal(waitpid(flipper, NULL, 0), flipper);
	if (joined == 0 || refused == 0)
		fail_msg("the swap was never seen: joined %u, refused %u", joined, refused);
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
		IT(test_network_namespace_loopback_is_up),
		IT(test_network_namespace_has_loopback_only),
		IT(test_cgroup_namespace_hides_the_path),
		IT(test_each_namespace_is_joined_by_path),
		IT(test_all_namespaces_are_joined_by_path_at_once),
		IT(test_joined_pid_namespace_that_ends_takes_the_task_along),
		IT(test_joined_pid_namespace_is_not_the_hooks),
		IT(test_dead_pid_namespace_is_an_error),
		IT(test_mount_namespace_is_joined_by_path),
		IT(test_mount_namespace_by_path_with_a_root_is_refused),
		IT(test_path_that_is_no_such_namespace_is_an_error),
		IT(test_path_that_is_swapped_meanwhile),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
