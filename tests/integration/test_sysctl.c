/* linux.sysctl: set in the task's own namespaces, never in the host's, whatever the task's root has at /proc. */
#include "tests/integration/harness.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* One of each kind, in both forms of a name. @value: none of them is the kernel's default. */
static const struct {
	const char *name, *path, *value, *namespace;
} kinds[] = {
	{"net.ipv4.ip_default_ttl", "/proc/sys/net/ipv4/ip_default_ttl", "77", "network"},
	{"net/ipv4/conf/lo/forwarding", "/proc/sys/net/ipv4/conf/lo/forwarding", "1", "network"},
	{"net.ipv4.ping_group_range", "/proc/sys/net/ipv4/ping_group_range", "7\t9", "network"},
	{"kernel.shmmax", "/proc/sys/kernel/shmmax", "1234567", "ipc"},
	{"kernel.msgmax", "/proc/sys/kernel/msgmax", "4321", "ipc"},
	{"kernel/sem", "/proc/sys/kernel/sem", "111\t2222\t33\t44", "ipc"},
	{"kernel.shm_rmid_forced", "/proc/sys/kernel/shm_rmid_forced", "1", "ipc"},
	{"fs.mqueue.msg_max", "/proc/sys/fs/mqueue/msg_max", "17", "ipc"},
	{"kernel.domainname", "/proc/sys/kernel/domainname", "a.domain", "uts"},
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

static const char all_namespaces[] = "[{'type':'network'},{'type':'ipc'},{'type':'uts'}]";

static void set_all(struct json_object *c)
{
	struct json_object *linux_, *map = json_object_new_object();

	cfg_set(c, "linux.namespaces", all_namespaces);
	for (size_t i = 0; i < N_KINDS; i++)
		(void)json_object_object_add(map, kinds[i].name,
					     json_object_new_string(kinds[i].value));
	assert_true(json_object_object_get_ex(c, "linux", &linux_));
	(void)json_object_object_add(linux_, "sysctl", map);
}

/* What @out has of `cat` of all kinds, which is nothing but them. */
static void expect_all(const char *out)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		size_t len = strlen(kinds[i].value);

		if (strncmp(out, kinds[i].value, len) != 0 || out[len] != '\n')
			fail_msg("%s: wanted %s, got %s", kinds[i].name, kinds[i].value, out);
		out += len + 1;
	}
	assert_string_equal(out, "");
}

static const char *words_for_all(struct it *t, const char *proc)
{
	const char *words = "";

	for (size_t i = 0; i < N_KINDS; i++)
		words = it_text(t, "%s%scat %s%s", words, i ? " " : "", proc,
				kinds[i].path + strlen("/proc"));
	return words;
}

static const char *host_values(struct it *t)
{
	const char *text = "";

	for (size_t i = 0; i < N_KINDS; i++)
		text = it_text(t, "%s%s", text, read_file(t, kinds[i].path));
	return text;
}

static void test_each_kind_is_set_in_the_task_and_not_on_the_host(void **state)
{
	struct it *t = *state;
	const char *before = host_values(t);
	struct json_object *c = it_config(t, words_for_all(t, "/proc"));

	set_all(c);
	expect_all(it_output(t, c));
	assert_string_equal(host_values(t), before);
}

static void test_isolation_none_has_them_as_well(void **state)
{
	struct it *t = *state;
	const char *before = host_values(t);
	struct json_object *c = it_config(t, words_for_all(t, "/proc"));

	cfg_del(c, "taskshim.chroot");
	cfg_set(c, "taskshim.isolation", "'none'");
	cfg_set(c, "process.args[0]", "'%s/bin/probe'", t->dir);
	set_all(c);
	expect_all(it_output(t, c));
	assert_string_equal(host_values(t), before);
}

static void test_a_user_namespace_sets_those_of_what_it_owns(void **state)
{
	struct it *t = *state;
	const char *before = host_values(t);
	struct json_object *c = it_config(t, words_for_all(t, "/proc"));

	set_all(c);
	cfg_set(c, "linux.namespaces[+]", "{'type':'user'}");
	cfg_set(c, "linux.uidMappings", "[{'containerID':0,'hostID':100000,'size':65536}]");
	cfg_set(c, "linux.gidMappings", "[{'containerID':0,'hostID':100000,'size':65536}]");
	expect_all(it_output(t, c));
	assert_string_equal(host_values(t), before);
}

/* Whatever is at /proc of the task's root: directories, other filesystems, nothing. The values are looked at in a procfs that the
 * task has elsewhere. */
static void test_the_tasks_proc_is_not_where_they_are_written(void **state)
{
	static const char *const covers[] = {
		"{'destination':'/proc','type':'tmpfs'}",
		"{'destination':'/proc/sys','type':'tmpfs'}",
		"{'destination':'/proc','type':'bind','source':'%s','options':['bind']}",
		"{'destination':'/proc/sys/net','type':'bind','source':'%s','options':['bind']}",
	};
	struct it *t = *state;
	const char *decoy = it_text(t, "%s/decoy", t->dir);
	const char *ttl = it_text(t, "%s/ip_default_ttl", decoy);

	make_dir(decoy, 0777);
	write_file(ttl, "64\n", 0666);
	for (size_t i = 0; i < sizeof covers / sizeof covers[0]; i++) {
		struct json_object *c = it_config(t, words_for_all(t, "/real"));

		set_all(c);
		cfg_set(c, "mounts[+]", "{'destination':'/real','type':'proc'}");
		cfg_set(c, "mounts[+]", covers[i], decoy);
		cfg_set(c, "linux.maskedPaths", "['/proc/sys']");
		cfg_set(c, "linux.readonlyPaths", "['/proc']");
		expect_all(it_output(t, c));
		assert_string_equal(read_file(t, ttl), "64\n");
	}
}

static void test_an_empty_value_is_written_as_well(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "cat /proc/sys/kernel/domainname");

	cfg_set(c, "linux.namespaces", all_namespaces);
	cfg_set(c, "linux.sysctl", "{'kernel.domainname':''}");
	assert_string_equal(it_output(t, c), "\n");
}

/* As in a container, where /proc/sys is read-only or covered. */
static void cover_proc_sys(void *arg)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("cover", "/proc/sys/net", "tmpfs", 0, arg) < 0)
		_exit(96);
}

static void test_a_covered_proc_of_the_host_does_not_matter(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, words_for_all(t, "/proc"));
	struct run *r;

	set_all(c);
	r = it_run_with(t, &(struct start){.prepare = cover_proc_sys}, c);
	assert_int_equal(run_wait(r), 0);
	expect_all(run_task_out(t, r));
}

static void test_each_needs_its_namespace(void **state)
{
	struct it *t = *state;
	const char *before = host_values(t);

	for (size_t i = 0; i < N_KINDS; i++) {
		struct json_object *c = it_config(t, "echo ran");
		const char *said;

		set_all(c);
		cfg_set(c, "linux.namespaces", "[]");
		for (size_t k = 0; k < N_KINDS; k++) /* all but its own, once each */
			if (strcmp(kinds[k].namespace, kinds[i].namespace) != 0 &&
			    (k == 0 || strcmp(kinds[k].namespace, kinds[k - 1].namespace) != 0))
				cfg_set(c, "linux.namespaces[+]", "{'type':'%s'}",
					kinds[k].namespace);
		said = it_expect_error(t, c, 125, "config", EINVAL, "linux.sysctl[");
		expect_contains(said, it_text(t, "%s namespace", kinds[i].namespace));
	}
	assert_string_equal(host_values(t), before);
}

static void test_what_is_in_no_namespace_is_refused(void **state)
{
	static const char *const names[] = {"kernel.panic", "kernel.core_pattern", "vm.swappiness",
					    "fs.file-max", "kernel/pid_max"};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct json_object *c = it_config(t, "echo ran");

		cfg_set(c, "linux.namespaces", all_namespaces);
		cfg_set(c, "linux.sysctl", "{'%s':'1'}", names[i]);
		expect_contains(it_expect_error(t, c, 125, "config", EINVAL, names[i]),
				"would change the host");
	}
}

/* The kernel's errno, with what was to be set. */
static void test_what_the_kernel_refuses_is_named(void **state)
{
	static const struct {
		const char *name, *value;
		int err;
		const char *said;
	} rows[] = {
		{"net.ipv4.ip_default_ttl", "1000", EINVAL, "net.ipv4.ip_default_ttl to 1000"},
		{"net.ipv4.ip_default_ttl", "x", EINVAL, "net.ipv4.ip_default_ttl to x"},
		{"net.ipv4.ip_default_ttl", "", EINVAL, "net.ipv4.ip_default_ttl to "},
		{"net.ipv4.no_such", "1", ENOENT, "no such sysctl in the task's namespace: net."},
		{"net/ipv4", "1", EISDIR, "net/ipv4 to 1"},
		{"net.core.somaxconn.x", "1", ENOTDIR, "net.core.somaxconn.x to 1"},
	};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct json_object *c = it_config(t, "echo ran");

		cfg_set(c, "linux.namespaces", all_namespaces);
		cfg_set(c, "linux.sysctl", "{'%s':'%s'}", rows[i].name, rows[i].value);
		(void)it_expect_error(t, c, 125, "sysctl", rows[i].err, rows[i].said);
	}
}

/* A namespace that is joined by path: another's may be changed, since the config says so; the caller's own is the host's. */
static void test_a_joined_namespace_is_changed_but_not_the_hosts(void **state)
{
	static const struct {
		const char *type, *file;
	} joined[] = {{"network", "net"}, {"ipc", "ipc"}, {"uts", "uts"}};
	struct it *t = *state;
	struct json_object *holder = it_config(t, "echo ready pause");
	const char *before = host_values(t);
	pid_t pid;

	cfg_set(holder, "linux.namespaces", all_namespaces);
	(void)it_start_task(t, holder, &pid);
	for (size_t i = 0; i < sizeof joined / sizeof joined[0]; i++) {
		struct json_object *c = it_config(t, words_for_all(t, "/proc"));

		set_all(c);
		cfg_set(c, it_text(t, "linux.namespaces[%zu].path", i), "'/proc/%d/ns/%s'", pid,
			joined[i].file);
		expect_all(it_output(t, c));
		cfg_set(c, it_text(t, "linux.namespaces[%zu].path", i), "'/proc/self/ns/%s'",
			joined[i].file);
		(void)it_expect_error(t, c, 125, "sysctl", EINVAL,
				      it_text(t, "/proc/self/ns/%s", joined[i].file));
	}
	assert_string_equal(host_values(t), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_each_kind_is_set_in_the_task_and_not_on_the_host),
		IT(test_isolation_none_has_them_as_well),
		IT(test_a_user_namespace_sets_those_of_what_it_owns),
		IT(test_the_tasks_proc_is_not_where_they_are_written),
		IT(test_an_empty_value_is_written_as_well),
		IT(test_a_covered_proc_of_the_host_does_not_matter),
		IT(test_each_needs_its_namespace),
		IT(test_a_joined_namespace_is_changed_but_not_the_hosts),
		IT(test_what_is_in_no_namespace_is_refused),
		IT(test_what_the_kernel_refuses_is_named),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
