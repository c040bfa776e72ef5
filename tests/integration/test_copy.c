/* taskshim.chrootMethod "copy": the root is filled with copies that share nothing with the host's files. */
#include "tests/integration/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

/* What is copied: it->dir/data. */
static const char *make_data(struct it *t)
{
	const char *data = it_text(t, "%s/data", t->dir);

	make_dir(data, 0755);
	make_dir(it_text(t, "%s/sub", data), 0750);
	write_file(it_text(t, "%s/file", data), "content\n", 0664);
	write_file(it_text(t, "%s/sub/deep", data), "deep\n", 0600);
	assert_int_equal(chown(it_text(t, "%s/sub/deep", data), 1000, 29), 0);
	assert_int_equal(link(it_text(t, "%s/file", data), it_text(t, "%s/other", data)), 0);
	make_link("file", it_text(t, "%s/link", data));
	write_file(it_text(t, "%s/suid", data), "s", 06755);
	return data;
}

static struct json_object *copy_task(struct it *t, const char *words)
{
	struct json_object *c = it_config(t, words);

	cfg_set(c, "taskshim.chroot",
		"{'/bin':'%s/bin','/data':'%s/data','/etc/names':'%s/etc/passwd'}", t->dir, t->dir,
		t->dir);
	cfg_set(c, "taskshim.chrootMethod", "'copy'");
	cfg_set(c, "process.user", "{'uid':0,'gid':0}");
	return c;
}

/* The same in a directory. */
static struct json_object *copy_into_root(struct it *t, const char *words)
{
	struct json_object *c = copy_task(t, words);

	cfg_set(c, "root.path", "'%s'", it_rootfs(t));
	return c;
}

static void test_copies_are_the_tasks_own(void **state)
{
	struct it *t = *state;
	const char *data = make_data(t), *before = it_tree(t, t->dir);
	struct stat host;
	const char *out = it_output(
		t, copy_task(t, "ls /data ls /data/sub stat /etc/names cat /data/link write "
				"/data/file CHANGED cat /data/other touch /data/new touch /bin/new "
				"cat /proc/self/mountinfo"));

	expect_contains(out, "stat file f 0664 0 0 8\n");
	expect_contains(out, "stat other f 0664 0 0 8\n");
	expect_contains(out, "stat link l 0777 0 0 file\n");
	expect_contains(out, "stat suid f 0755 0 0 1\n"); /* a bind mount would be nosuid */
	expect_contains(out, "stat deep f 0600 1000 29 5\n");
	expect_contains(out, "stat sub d 0750 0 0\n");
	expect_contains(out, "content\n");
	expect_fact(t, out, "write /data/file", "OK");
	expect_contains(out, "CHANGED\n"); /* a hard link in the tree is one in the copy */
	expect_fact(t, out, "touch /data/new", "OK");
	expect_fact(t, out, "touch /bin/new", "OK");
	expect_not_contains(out, " /data ");
	expect_not_contains(out, " /bin ");
	assert_string_equal(it_tree(t, t->dir), before);
	assert_string_equal(read_file(t, it_text(t, "%s/file", data)), "content\n");
	assert_int_equal(stat(it_text(t, "%s/bin/probe", t->dir), &host), 0);
	assert_int_equal(host.st_nlink, 1);
}

static void test_copies_are_never_hard_links_of_the_hosts_files(void **state)
{
	struct it *t = *state;
	struct stat host, copy;

	(void)make_data(t);
	(void)it_output(t, copy_into_root(t, "exit 0"));
	assert_int_equal(stat(it_text(t, "%s/data/file", t->dir), &host), 0);
	assert_int_equal(stat(it_text(t, "%s/data/file", t->root), &copy), 0);
	assert_int_equal(host.st_nlink, 2);
	assert_int_equal(copy.st_nlink, 2);
	assert_true(host.st_ino != copy.st_ino);
	assert_int_equal(host.st_dev, copy.st_dev); /* they could have been */
	assert_int_equal(host.st_mtim.tv_nsec, copy.st_mtim.tv_nsec);
	assert_int_equal(stat(it_text(t, "%s/bin/probe", t->dir), &host), 0);
	assert_int_equal(host.st_nlink, 1);
}

static void test_devices_and_file_capabilities_are_not_copied(void **state)
{
	static const unsigned char caps[] = {
		1, 0, 0, 2, 0, 4, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0}; /* cap_net_bind_service+ep */
	struct it *t = *state;
	const char *data = make_data(t);
	char value[64];

	assert_int_equal(mknod(it_text(t, "%s/null", data), S_IFCHR | 0666, makedev(1, 3)), 0);
	assert_int_equal(mknod(it_text(t, "%s/fifo", data), S_IFIFO | 0666, 0), 0);
	assert_int_equal(
		setxattr(it_text(t, "%s/suid", data), "security.capability", caps, sizeof caps, 0),
		0);
	assert_int_equal(setxattr(it_text(t, "%s/suid", data), "trusted.mine", "x", 1, 0), 0);
	(void)it_output(t, copy_into_root(t, "exit 0"));
	assert_false(exists(it_text(t, "%s/data/null", t->root)));
	assert_false(exists(it_text(t, "%s/data/fifo", t->root)));
	assert_int_equal(getxattr(it_text(t, "%s/data/suid", t->root), "security.capability", value,
				  sizeof value),
			 -1);
	assert_int_equal(errno, ENODATA);
	assert_int_equal(
		getxattr(it_text(t, "%s/data/suid", t->root), "trusted.mine", value, sizeof value),
		1);
}

static void test_a_second_start_repairs_what_differs(void **state)
{
	struct it *t = *state;
	struct timespec zero[2] = {0};
	struct stat kept, again;

	(void)make_data(t);
	(void)it_output(t, copy_into_root(t, "exit 0"));
	assert_int_equal(stat(it_text(t, "%s/data/sub/deep", t->root), &kept), 0);
	/* changed by the task; half a copy, of a start that was killed; of another type */
	write_file(it_text(t, "%s/data/file", t->root), "changed\n", 0644);
	write_file(it_text(t, "%s/etc/names", t->root), "", 0600);
	assert_int_equal(utimensat(AT_FDCWD, it_text(t, "%s/etc/names", t->root), zero, 0), 0);
	assert_int_equal(unlink(it_text(t, "%s/data/suid", t->root)), 0);
	make_link("/etc/names", it_text(t, "%s/data/suid", t->root));
	assert_int_equal(unlink(it_text(t, "%s/data/link", t->root)), 0);
	write_file(it_text(t, "%s/data/link", t->root), "no link\n", 0644);
	const char *out = it_output(
		t,
		copy_into_root(t, "cat /data/file cat /etc/names stat /data/suid stat /data/link"));

	expect_contains(out, "content\n");
	expect_contains(out, "alice:x:1000");
	expect_fact(t, out, "stat /data/suid", "f 0755 0 0 1");
	expect_fact(t, out, "stat /data/link", "l 0777 0 0 file");
	assert_int_equal(stat(it_text(t, "%s/data/sub/deep", t->root), &again), 0);
	assert_int_equal(again.st_ino, kept.st_ino); /* what is the same stays */
}

static void test_copies_that_cannot_be_are_errors(void **state)
{
	struct it *t = *state;
	struct json_object *c = copy_task(t, "exit 0");

	(void)make_data(t);
	cfg_set(c, "taskshim.chroot", "{'/x':'%s/not-there'}", t->dir);
	(void)it_expect_error(t, c, 125, "root", ENOENT, "not-there");
	cfg_set(c, "taskshim.chroot", "{'/x':'/dev/null'}");
	(void)it_expect_error(t, c, 125, "root", EINVAL, "/dev/null");
	cfg_set(c, "root.path", "'%s/data/sub'", t->dir);
	cfg_set(c, "taskshim.chroot", "{'/x':'%s/data'}", t->dir);
	struct run *r = it_run(t, c); /* into itself */

	assert_int_equal(run_wait(r), 125);
	expect_error_line(r->lines[0], "root", ELOOP, "sub/x");
}

/* Where the root's directory has a symlink, the copy is made inside of the root. */
static void test_symlinks_in_the_root_lead_nowhere_else(void **state)
{
	struct it *t = *state;
	const char *outside = it_text(t, "%s/outside", t->dir);

	(void)make_data(t);
	make_dir(outside, 0777);
	make_link(outside, it_text(t, "%s/data", it_rootfs(t)));
	(void)it_run(t, copy_into_root(t, "exit 0"));
	assert_string_equal(it_tree(t, outside), "");
	assert_int_equal(unlink(it_text(t, "%s/data", t->root)), 0);
	make_dir(it_text(t, "%s/data", t->root), 0755);
	make_link(outside, it_text(t, "%s/data/sub", t->root)); /* where a directory is to be */
	struct run *r = it_run(t, copy_into_root(t, "exit 0"));

	assert_int_equal(run_wait(r), 125);
	expect_error_line(r->lines[0], "root", ENOTDIR, "sub");
	assert_string_equal(it_tree(t, outside), "");
}

static void exchange_forever(const char *a, const char *b)
{
	for (;;)
		(void)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2 /* RENAME_EXCHANGE */);
}

/* CVE-2024-45310: a directory that is being filled and a symlink change places all the while. Seen to fail, with files
 * of the task in outside/, with O_NOFOLLOW taken out of copy_directory(). */
static void test_a_racing_symlink_leaves_the_host_untouched(void **state)
{
	struct it *t = *state;
	const char *data = make_data(t), *outside = it_text(t, "%s/outside", t->dir), *before;
	pid_t racer;

	make_dir(outside, 0777);
	write_file(it_text(t, "%s/file-0", outside), "the host's\n", 0644);
	for (int i = 0; i < 40; i++)
		write_file(it_text(t, "%s/sub/file-%d", data, i), "of the task\n", 0644);
	make_dir(it_text(t, "%s/data", it_rootfs(t)), 0755);
	make_dir(it_text(t, "%s/data/sub", t->root), 0755);
	make_link(outside, it_text(t, "%s/link", t->root));
	before = it_tree(t, outside);
	racer = fork();
	if (racer == 0)
		exchange_forever(it_text(t, "%s/data/sub", t->root),
				 it_text(t, "%s/link", t->root));
	for (int i = 0; i < 100; i++) {
		struct run *r = it_run(t, copy_into_root(t, "exit 0"));

		(void)run_wait(r);
		it_forget(t);
	}
	(void)kill(racer, SIGKILL);
	(void)waitpid(racer, NULL, 0);
	assert_string_equal(it_tree(t, outside), before);
	assert_string_equal(read_file(t, it_text(t, "%s/file-0", outside)), "the host's\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_copies_are_the_tasks_own),
		IT(test_copies_are_never_hard_links_of_the_hosts_files),
		IT(test_devices_and_file_capabilities_are_not_copied),
		IT(test_a_second_start_repairs_what_differs),
		IT(test_copies_that_cannot_be_are_errors),
		IT(test_symlinks_in_the_root_lead_nowhere_else),
		IT(test_a_racing_symlink_leaves_the_host_untouched),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
