/* linux.devices: what nodes the task has, where they come from, and that none is ever made on the host. */
#include "tests/integration/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* Root, with the /dev of its own that @mounts ("dp") gives. */
static struct json_object *device_task(struct it *t, const char *words, const char *mounts)
{
	struct json_object *c = it_rootfs_config(t, words, mounts);

	cfg_set(c, "process.user", "{'uid':0,'gid':0}");
	return c;
}

static void add_device(struct json_object *c, const char *path, const char *members)
{
	struct json_object *device;

	cfg_set(c, "linux.devices[+]", "{'path':'%s'}", path);
	device = js_get(c, "linux.devices");
	device = json_object_array_get_idx(device, json_object_array_length(device) - 1);
	struct json_object *more = json_tokener_parse(members);

	assert_non_null(more);
	json_object_object_foreach(more, key, value)(void)
		json_object_object_add(device, key, json_object_get(value));
	json_object_put(more);
}

#define ZERO "{\"type\":\"c\",\"major\":1,\"minor\":5}"
#define KMSG "{\"type\":\"c\",\"major\":1,\"minor\":11}"

static const struct {
	const char *path, *members, *want;
} fields[] = {
	{"/dev/a", "{\"type\":\"c\",\"major\":1,\"minor\":5}", "c 0600 0 0 1:5"},
	{"/dev/b", "{\"type\":\"u\",\"major\":10,\"minor\":229}", "c 0600 0 0 10:229"},
	{"/dev/c", "{\"type\":\"b\",\"major\":7,\"minor\":4095}", "b 0600 0 0 7:4095"},
	{"/dev/d", "{\"type\":\"p\"}", "p 0600 0 0"},
	{"/dev/e", "{\"type\":\"p\",\"major\":1,\"minor\":5}", "p 0600 0 0"},
	{"/dev/f", "{\"type\":\"c\",\"major\":4095,\"minor\":1048575}", "c 0600 0 0 4095:1048575"},
	{"/dev/g", "{\"type\":\"c\",\"major\":1,\"minor\":5,\"fileMode\":438}", "c 0666 0 0 1:5"},
	/* docker writes the type's bits as well */
	{"/dev/h", "{\"type\":\"c\",\"major\":1,\"minor\":5,\"fileMode\":8612}", "c 0644 0 0 1:5"},
	{"/dev/i", "{\"type\":\"c\",\"major\":1,\"minor\":5,\"uid\":7}", "c 0600 7 0 1:5"},
	{"/dev/j", "{\"type\":\"c\",\"major\":1,\"minor\":5,\"gid\":8}", "c 0600 0 8 1:5"},
	{"/dev/deep/er/k", ZERO, "c 0600 0 0 1:5"},
	/* a default device that the config has as well is as the config says */
	{"/dev/zero", "{\"type\":\"c\",\"major\":1,\"minor\":5,\"fileMode\":256,\"uid\":3}",
	 "c 0400 3 0 1:5"},
	/* anywhere: there by a mount, with the same owner and mode */
	{"/elsewhere/l",
	 "{\"type\":\"c\",\"major\":1,\"minor\":5,\"fileMode\":438,\"uid\":5,\"gid\":6}",
	 "c 0666 5 6 1:5"},
	{"/elsewhere/m", "{\"type\":\"b\",\"major\":7,\"minor\":9}", "b 0600 0 0 7:9"},
	{"/elsewhere/n", "{\"type\":\"p\",\"fileMode\":420}", "p 0644 0 0"},
	{"/at-the-top", ZERO, "c 0600 0 0 1:5"},
};

static void test_each_field_of_a_device(void **state)
{
	struct it *t = *state;

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		struct json_object *c = device_task(t, it_text(t, "stat %s", fields[i].path), "dp");

		add_device(c, fields[i].path, fields[i].members);
		expect_fact(t, it_output(t, c), it_text(t, "stat %s", fields[i].path),
			    fields[i].want);
		it_forget(t);
	}
}

static void test_devices_work(void **state)
{
	struct it *t = *state;
	struct json_object *c = device_task(
		t, "read /dev/mine read /other/mine write /other/full x read /dev/null", "dp");

	add_device(c, "/dev/mine", ZERO);
	add_device(c, "/other/mine", ZERO);
	add_device(c, "/other/full", "{\"type\":\"c\",\"major\":1,\"minor\":7}");
	const char *out = it_output(t, c);

	expect_fact(t, out, "read /dev/mine", "16");
	expect_fact(t, out, "read /other/mine", "16");
	expect_fact(t, out, "write /other/full", "ENOSPC");
	expect_fact(t, out, "read /dev/null", "0");
}

/* The private root is nodev, and so would a node in it be. */
static void test_devices_work_in_a_private_root(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "read /mine stat /mine read /dev/deep/mine");

	cfg_set(c, "process.user", "{'uid':0,'gid':0}");
	add_device(c, "/mine", ZERO);
	add_device(c, "/dev/deep/mine", ZERO);
	const char *out = it_output(t, c);

	expect_fact(t, out, "read /mine", "16");
	expect_fact(t, out, "stat /mine", "c 0600 0 0 1:5");
	expect_fact(t, out, "read /dev/deep/mine", "16");
}

/* A root's directory, or the host's, gets a mount point and no node. */
static void test_no_node_is_made_on_the_hosts_disk(void **state)
{
	struct it *t = *state;
	struct json_object *c = device_task(t, "read /dev/mine read /bound/mine", "p");
	const char *bound = it_text(t, "%s/bound", t->dir);

	make_dir(bound, 0755);
	cfg_set(c, "mounts[+]", "{'destination':'/bound','source':'%s','options':['bind']}", bound);
	add_device(c, "/dev/mine", ZERO);
	add_device(c, "/bound/mine", ZERO);
	for (int i = 0; i < 2; i++) { /* a second start finds the mount points */
		const char *out = it_output(t, c);

		expect_fact(t, out, "read /dev/mine", "16");
		expect_fact(t, out, "read /bound/mine", "16");
		assert_string_equal(it_tree(t, it_text(t, "%s/dev", t->root)),
				    it_text(t, "%s/dev/mine 100644 0:0 0\n", t->root));
		assert_string_equal(it_tree(t, bound), it_text(t, "%s/mine 100644 0:0 0\n", bound));
	}
}

static void test_the_scratch_mount_is_gone(void **state)
{
	struct it *t = *state;
	struct json_object *c = device_task(t, "ls / cat /proc/self/mountinfo", "dp");
	size_t lines = 0;

	add_device(c, "/mine", ZERO);
	const char *out = it_output(t, c);

	for (const char *at = out; (at = strstr(at, " - ")); at += 3)
		lines++;
	expect_contains(out, "stat bin d");
	(void)mount_at(t, out, "/mine");
	assert_int_equal(lines, 4); /* root, /proc, /dev, /mine */
}

static void test_what_is_in_the_way_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = device_task(t, "exit 0", "dp");
	const char *root = it_rootfs(t);

	write_file(it_text(t, "%s/file", root), "not empty", 0644);
	make_dir(it_text(t, "%s/dir", root), 0755);
	make_link("/tmp/target", it_text(t, "%s/link", root));
	assert_int_equal(mknod(it_text(t, "%s/other", root), S_IFCHR | 0600, makedev(1, 3)), 0);
	static const char *const paths[] = {"/file", "/dir", "/link", "/other", "/dev/stdin"};

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		cfg_set(c, "linux", "{'devices':[]}");
		if (strcmp(paths[i], "/dev/stdin") == 0)
			cfg_set(c, "mounts[+]",
				"{'destination':'/dev/stdin','source':'%s/etc/"
				"group','options':['bind']}",
				t->dir);
		add_device(c, paths[i], ZERO);
		(void)it_expect_error(t, c, 125, "devices", EEXIST, paths[i]);
	}
	cfg_set(c, "linux", "{'devices':[]}");
	add_device(c, "/..", ZERO);
	(void)it_expect_error(t, c, 125, "devices", EINVAL, "/..");
	assert_false(exists(it_text(t, "%s/tmp/target", root)));
}

static void test_the_same_device_that_is_there_already_is_kept(void **state)
{
	struct it *t = *state;
	struct json_object *c = device_task(t, "stat /mine stat /dev/null stat /dev/twice", "dp");

	assert_int_equal(mknod(it_text(t, "%s/mine", it_rootfs(t)), S_IFCHR | 0640, makedev(1, 5)),
			 0);
	cfg_set(c, "mounts[+]",
		"{'destination':'/dev/null','source':'/dev/null','options':['bind']}");
	add_device(c, "/mine", ZERO);
	add_device(c, "/dev/null", "{\"type\":\"c\",\"major\":1,\"minor\":3,\"fileMode\":0}");
	add_device(c, "/dev/twice", ZERO);
	add_device(c, "/dev/twice", "{\"type\":\"c\",\"major\":1,\"minor\":5,\"fileMode\":438}");
	const char *out = it_output(t, c);

	expect_fact(t, out, "stat /mine", "c 0640 0 0 1:5");
	expect_contains(fact(t, out, "stat /dev/null"), "c 0666"); /* the host's, untouched */
	expect_fact(t, out, "stat /dev/twice", "c 0666 0 0 1:5");
}

static void test_a_read_only_dev_is_filled_first(void **state)
{
	struct it *t = *state;
	struct json_object *c = device_task(t, "ls /dev touch /dev/x write /dev/null x", "p");

	cfg_set(c, "mounts[+]",
		"{'destination':'/dev','type':'tmpfs','options':['ro','mode=755']}");
	cfg_set(c, "mounts[+]", "{'destination':'/dev/pts','type':'devpts'}");
	add_device(c, "/dev/mine", ZERO);
	const char *out = it_output(t, c);

	expect_contains(out, "stat mine c 0600 0 0 1:5\n");
	expect_contains(out, "stat null c 0666 0 0 1:3\n");
	expect_contains(out, "stat ptmx l");
	expect_fact(t, out, "touch /dev/x", "EROFS");
	expect_fact(t, out, "write /dev/null", "OK");
}

/* --- without CAP_MKNOD, as in a user namespace --- */

static void drop_mknod(void *arg)
{
	(void)arg;
	(void)prctl(PR_CAPBSET_DROP, CAP_MKNOD, 0, 0, 0);
}

static const struct start without_mknod = {.prepare = drop_mknod};

/* A failure is put right: the machine needs its devices. */
static bool is_untouched(const char *path, const struct stat *before)
{
	struct stat after;

	assert_int_equal(stat(path, &after), 0);
	if (after.st_mode != before->st_mode)
		(void)chmod(path, before->st_mode & 07777);
	return after.st_mode == before->st_mode && after.st_ctim.tv_nsec == before->st_ctim.tv_nsec;
}

static void test_the_hosts_nodes_are_bound_where_none_can_be_made(void **state)
{
	static const char *const names[] = {"null", "zero", "full", "random", "urandom", "tty"};
	struct it *t = *state;
	struct json_object *c = device_task(
		t,
		"ls /dev read /dev/zero write /dev/full x read /dev/mine read /other/zero mknod "
		"/dev/x chmod /dev/full chmod /dev/null cat /proc/self/mountinfo",
		"dp");
	struct stat null, full;

	assert_int_equal(stat("/dev/null", &null), 0);
	assert_int_equal(stat("/dev/full", &full), 0);
	add_device(c, "/dev/kmsg", KMSG);
	add_device(c, "/other/zero", ZERO);
	struct run *r = it_run_with(t, &without_mknod, c);
	const char *out = run_task_out(t, r);

	bool untouched = is_untouched("/dev/null", &null);

	untouched &= is_untouched("/dev/full", &full);
	if (run_wait(r) != 0 && strstr(js_str(r->lines[0], "message"), "no such device"))
		it_skip("this machine has no /dev/kmsg");
	assert_int_equal(run_wait(r), 0);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		expect_contains(out, it_text(t, "stat %s c 0666", names[i]));
		expect_contains(mount_at(t, out, it_text(t, "/dev/%s", names[i])), "nosuid,noexec");
	}
	expect_contains(out, "stat kmsg c ");
	expect_fact(t, out, "read /dev/zero", "16");
	expect_fact(t, out, "write /dev/full", "ENOSPC");
	expect_fact(t, out, "mknod /dev/x", "EPERM");
	expect_fact(t, out, "chmod /dev/full", "EROFS");
	expect_fact(t, out, "chmod /dev/null", "EROFS");
	assert_true(untouched);
}

static void test_a_device_that_the_host_has_not_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = device_task(t, "exit 0", "dp");

	add_device(c, "/dev/zero",
		   "{\"type\":\"c\",\"major\":240,\"minor\":77}"); /* another's path */
	(void)it_expect_error_with(t, &without_mknod, c, 125, "devices", EPERM, "/dev/zero");
}

/* --- paths that lead astray --- */

/* CVE-2026-41579, CVE-2025-52565: /dev is a symlink, /dev/console and /dev/null are; every node stays in the root. */
static void test_symlinks_leave_the_host_untouched(void **state)
{
	static const char *const mounts[] = {"dp", "p"};
	struct it *t = *state;
	const char *outside = it_text(t, "%s/outside", t->dir);

	make_dir(outside, 0777);
	assert_int_equal(rmdir(it_text(t, "%s/dev", it_rootfs(t))), 0);
	make_link(outside, it_text(t, "%s/dev", t->root));
	for (size_t i = 0; i < 2; i++) {
		struct json_object *c = device_task(t, "exit 0", mounts[i]);

		add_device(c, "/dev/console", "{\"type\":\"c\",\"major\":5,\"minor\":1}");
		add_device(c, "/dev/kmsg", KMSG);
		struct run *r = it_run(t, c);

		if (run_wait(r) != 0)
			assert_int_equal(run_wait(r), 125);
		assert_string_equal(it_tree(t, outside), "");
	}
	assert_int_equal(unlink(it_text(t, "%s/dev", t->root)), 0);
	make_dir(it_text(t, "%s/dev", t->root), 0755);
	static const char *const names[] = {"console", "null", "fd", "ptmx"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		make_link(it_text(t, "%s/%s", outside, names[i]),
			  it_text(t, "%s/dev/%s", t->root, names[i]));
	for (size_t i = 0; i < 2; i++) {
		struct json_object *c = device_task(t, "stat /dev/console", mounts[i]);

		add_device(c, "/dev/console", "{\"type\":\"c\",\"major\":5,\"minor\":1}");
		struct run *r = it_run(t, c);

		if (i == 0) /* a /dev of its own covers them */
			expect_fact(t, run_task_out(t, r), "stat /dev/console", "c 0600 0 0 5:1");
		else
			expect_error_line(r->lines[0], "devices", EEXIST, "/dev/console");
		assert_string_equal(it_tree(t, outside), "");
	}
}

static void exchange_forever(const char *a, const char *b)
{
	for (;;)
		(void)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2 /* RENAME_EXCHANGE */);
}

/* Device paths whose directory and a symlink to a directory of the host change places all the while. Seen to fail, with
 * mount points in outside/, with the directory opened by openat(2) instead of ts_mkdir_in_root(). */
static void test_racing_symlinks_leave_the_host_untouched(void **state)
{
	struct it *t = *state;
	struct json_object *c = device_task(t, "exit 0", "dp");
	const char *outside = it_text(t, "%s/outside", t->dir);
	unsigned ran = 0;
	pid_t racer;

	make_dir(outside, 0777);
	make_dir(it_text(t, "%s/race", it_rootfs(t)), 0755);
	make_link(outside, it_text(t, "%s/link", t->root));
	add_device(c, "/race/a", ZERO);
	add_device(c, "/race/b", "{\"type\":\"p\"}");
	add_device(c, "/dev/c", ZERO);
	racer = fork();
	if (racer == 0)
		exchange_forever(it_text(t, "%s/race", t->root), it_text(t, "%s/link", t->root));
	for (int i = 0; i < 200; i++) {
		struct run *r = it_run(t, c);

		ran += run_wait(r) == 0;
		it_forget(t);
	}
	(void)kill(racer, SIGKILL);
	(void)waitpid(racer, NULL, 0);
	assert_string_equal(it_tree(t, outside), "");
	(void)fprintf(stderr, "%u of 200 tasks ran\n", ran);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_each_field_of_a_device),
		IT(test_devices_work),
		IT(test_devices_work_in_a_private_root),
		IT(test_no_node_is_made_on_the_hosts_disk),
		IT(test_the_scratch_mount_is_gone),
		IT(test_what_is_in_the_way_is_an_error),
		IT(test_the_same_device_that_is_there_already_is_kept),
		IT(test_a_read_only_dev_is_filled_first),
		IT(test_the_hosts_nodes_are_bound_where_none_can_be_made),
		IT(test_a_device_that_the_host_has_not_is_an_error),
		IT(test_symlinks_leave_the_host_untouched),
		IT(test_racing_symlinks_leave_the_host_untouched),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
