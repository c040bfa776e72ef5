/* The task's root: what it holds, what of it is read-only, and that nothing done to build it touches the host. design.md
 * sections 4 and 7 (1, 3, 5); behaviours.md 3a. */
#include "tests/integration/harness.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void as_root(struct json_object *c)
{
	cfg_set(c, "process.user", "{'uid':0,'gid':0}");
}

static struct json_object *preset_host(struct it *t, const char *words)
{
	struct json_object *c = it_config(t, words);

	cfg_set(c, "taskshim.chroot", "'host'");
	/* the probe comes in by a mount of its own: the host's tree has none */
	cfg_set(c, "process.args[0]", "'/probe'");
	cfg_set(c, "mounts",
		"[{'destination':'/proc','type':'proc','source':'proc'},"
		"{'destination':'/dev','type':'tmpfs','source':'tmpfs'},"
		"{'destination':'/probe','type':'bind','source':'%s/bin/"
		"probe','options':['bind','ro']}]",
		t->dir);
	return c;
}

/* --- preset host --- */

static void test_preset_host_has_the_hosts_programs_read_only(void **state)
{
	static const char *const names[] = {"bin",    "sbin", "lib", "lib32", "lib64",
					    "libx32", "usr",  "etc", "opt"};
	struct it *t = *state;
	struct json_object *c =
		preset_host(t, "ls / touch /usr/x touch /etc/x cat /proc/self/mountinfo");

	as_root(c);
	const char *out = it_output(t, c);

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct stat st;
		const char *line = fact(t, out, it_text(t, "stat %s", names[i]));

		if (lstat(it_text(t, "/%s", names[i]), &st) < 0)
			assert_null(line);
		else if (S_ISLNK(st.st_mode))
			expect_contains(line, read_link(t, it_text(t, "/%s", names[i])));
		else
			assert_int_equal(line[0], 'd');
	}
	expect_fact(t, out, "touch /usr/x", "EROFS");
	expect_fact(t, out, "touch /etc/x", "EROFS");
	const char *usr = mount_at(t, out, "/usr");

	expect_contains(usr, " ro,");
	expect_contains(usr, "nosuid");
	expect_contains(usr, "nodev");
}

static void test_preset_host_hides_the_rest_of_the_host(void **state)
{
	struct it *t = *state;
	struct json_object *c = preset_host(
		t, "stat /root stat /home stat /var/log stat /boot stat /mnt ls /run ls /var");
	const char *out = it_output(t, c);

	expect_fact(t, out, "stat /root", "ENOENT");
	expect_fact(t, out, "stat /home", "ENOENT");
	expect_fact(t, out, "stat /var/log", "ENOENT");
	expect_fact(t, out, "stat /boot", "ENOENT");
	expect_fact(t, out, "stat /mnt", "ENOENT");
}

static void test_preset_host_has_scratch_directories(void **state)
{
	struct it *t = *state;
	struct json_object *c = preset_host(t, "stat / stat /tmp stat /run stat /var/tmp touch "
					       "/tmp/ts-it-x touch /var/tmp/x touch "
					       "/run/x touch /x cat /proc/self/mountinfo");
	const char *out = it_output(t, c);

	expect_fact(t, out, "stat /", "d 0755 0 0");
	expect_fact(t, out, "stat /tmp", "d 1777 0 0");
	expect_fact(t, out, "stat /var/tmp", "d 1777 0 0");
	expect_fact(t, out, "stat /run", "d 0755 0 0");
	expect_fact(t, out, "touch /tmp/ts-it-x", "OK");
	expect_fact(t, out, "touch /var/tmp/x", "OK");
	expect_fact(t, out, "touch /run/x", "EACCES"); /* nobody */
	expect_fact(t, out, "touch /x", "EACCES");
	expect_contains(mount_at(t, out, "/"), "size="); /* bounded, and of one filesystem */
	assert_null(strstr(out, " /tmp rw")); /* no mount */
	assert_false(exists("/tmp/ts-it-x"));
}

static void test_scratch_directories_of_a_read_only_root_are_writable(void **state)
{
	struct it *t = *state;
	struct json_object *c = preset_host(t, "stat /tmp touch /tmp/x touch /var/tmp/x touch /x "
					       "touch /run/x cat /proc/self/mountinfo");
	const char *out;

	cfg_set(c, "root.readonly", "true");
	cfg_set(c, "taskshim.user", "'0'");
	out = it_output(t, c);
	expect_fact(t, out, "stat /tmp", "d 1777 0 0");
	expect_fact(t, out, "touch /tmp/x", "OK");
	expect_fact(t, out, "touch /var/tmp/x", "OK");
	expect_fact(t, out, "touch /run/x", "OK");
	expect_fact(t, out, "touch /x", "EROFS");
	expect_contains(mount_at(t, out, "/tmp"), "nosuid,nodev");
}

/* The directory on the disk is not to be written to. */
static void test_scratch_directories_in_a_root_path_are_tmpfs(void **state)
{
	struct it *t = *state;
	struct json_object *c = preset_host(t, "touch /tmp/x touch /run/x touch /var/tmp/x "
					       "cat /proc/self/mountinfo");
	const char *out;

	cfg_set(c, "root.path", "'%s'", it_rootfs(t));
	cfg_set(c, "taskshim.user", "'0'");
	out = it_output(t, c);
	expect_fact(t, out, "touch /tmp/x", "OK");
	expect_fact(t, out, "touch /run/x", "OK");
	expect_fact(t, out, "touch /var/tmp/x", "OK");
	expect_contains(mount_at(t, out, "/tmp"), "size=");
	expect_contains(mount_at(t, out, "/run"), "size=");
	expect_contains(mount_at(t, out, "/var/tmp"), "size=");
	assert_false(exists(it_text(t, "%s/tmp/x", t->root)));
}

static void test_preset_host_runs_the_hosts_programs(void **state)
{
	struct it *t = *state;
	struct json_object *c = preset_host(t, "");

	cfg_set(c, "process.args",
		"['/bin/sh','-c','echo $((6*7)); cat /etc/hostname >/dev/null; exit 0']");
	assert_string_equal(it_output(t, c), "42\n");
}

static void test_preset_host_has_resolv_conf_and_hosts(void **state)
{
	struct it *t = *state;
	char real[PATH_MAX];
	struct json_object *c = preset_host(t, "cat /etc/hosts");

	if (!realpath("/etc/hosts", real))
		it_skip("this machine has no /etc/hosts");
	assert_string_equal(it_output(t, c), read_file(t, "/etc/hosts"));
}

/* --- a map --- */

static void test_map_binds_directories_and_files_read_only(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(
		t, "cat /data/deep/file cat /names touch /data/x touch /bin/x ls / write /names x "
		   "cat /proc/self/mountinfo");

	make_dir(it_text(t, "%s/data", t->dir), 0777);
	make_dir(it_text(t, "%s/data/deep", t->dir), 0755);
	write_file(it_text(t, "%s/data/deep/file", t->dir), "in the file\n", 0644);
	cfg_set(c, "taskshim.chroot",
		"{'/bin':'%s/bin','/data':'%s/data','/names':'%s/etc/passwd','/a/b/c':'%s/etc'}",
		t->dir, t->dir, t->dir, t->dir);
	as_root(c);
	const char *out = it_output(t, c);

	expect_contains(out, "in the file\n");
	expect_contains(out, "alice:x:1000");
	expect_fact(t, out, "touch /data/x", "EROFS");
	expect_fact(t, out, "touch /bin/x", "EROFS");
	expect_fact(t, out, "write /names", "EROFS");
	expect_contains(mount_at(t, out, "/data"), "nosuid,nodev");
	expect_contains(mount_at(t, out, "/names"), "nosuid,nodev");
	expect_contains(mount_at(t, out, "/a/b/c"), "ro,");
	assert_false(exists(it_text(t, "%s/data/x", t->dir)));
}

/* What is mounted below a source comes along, read-only as well. */
static void test_map_is_recursive(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "cat /data/sub/file touch /data/sub/x");

	make_dir(it_text(t, "%s/data", t->dir), 0755);
	make_dir(it_text(t, "%s/data/sub", t->dir), 0755);
	assert_int_equal(mount("ts-it", it_text(t, "%s/data/sub", t->dir), "tmpfs", 0, NULL), 0);
	write_file(it_text(t, "%s/data/sub/file", t->dir), "below\n", 0644);
	cfg_set(c, "taskshim.chroot", "{'/bin':'%s/bin','/data':'%s/data'}", t->dir, t->dir);
	as_root(c);
	const char *out = it_output(t, c);

	assert_int_equal(umount(it_text(t, "%s/data/sub", t->dir)), 0);
	expect_contains(out, "below\n");
	expect_fact(t, out, "touch /data/sub/x", "EROFS");
}

static void test_map_source_missing_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 0");

	cfg_set(c, "taskshim.chroot", "{'/bin':'%s/bin','/x':'%s/not-there'}", t->dir, t->dir);
	(void)it_expect_error(t, c, 125, "root", ENOENT, it_text(t, "%s/not-there", t->dir));
}

static void test_map_mount_point_inside_a_read_only_bind_is_named(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 0");

	cfg_set(c, "taskshim.chroot", "{'/bin':'%s/bin','/bin/sub':'%s/etc'}", t->dir, t->dir);
	(void)it_expect_error(t, c, 125, "root", EROFS, "/bin/sub");
}

static void test_map_with_a_root_path_is_filled_there(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "cat /extra/passwd ls /", "");

	cfg_set(c, "taskshim.chroot", "{'/extra':'%s/etc'}", t->dir);
	expect_contains(it_output(t, c), "alice:x:1000");
	assert_true(exists(it_text(t, "%s/extra", t->root))); /* the mount point stays ... */
	assert_false(exists(it_text(t, "%s/extra/passwd", t->root))); /* ... empty */
}

static void test_root_of_a_map_is_private_memory(void **state)
{
	struct it *t = *state;
	const char *before = it_tree(t, t->dir);
	struct json_object *c = it_config(t, "stat / touch /x stat /x cat /proc/self/mountinfo");

	as_root(c);
	const char *out = it_output(t, c);

	expect_fact(t, out, "stat /", "d 0755 0 0");
	expect_fact(t, out, "touch /x", "OK");
	expect_contains(mount_at(t, out, "/"), "tmpfs");
	assert_string_equal(it_tree(t, t->dir), before);
}

/* --- a directory --- */

static void test_root_path_is_the_root(void **state)
{
	struct it *t = *state;
	struct json_object *c =
		it_rootfs_config(t, "ls / touch /tmp/made chdir ../../.. cwd", "dp");

	as_root(c);
	cfg_set(c, "process.cwd", "'/tmp'");
	const char *out = it_output(t, c);

	expect_contains(out, "stat bin d");
	expect_not_contains(out, "stat usr");
	expect_fact(t, out, "touch /tmp/made", "OK");
	expect_fact(t, out, "cwd", "/");
	assert_true(exists(it_text(t, "%s/tmp/made", t->root)));
}

static void test_root_readonly(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "touch /tmp/made touch /x touch /dev/x", "d");

	as_root(c);
	cfg_set(c, "root.readonly", "true");
	const char *out = it_output(t, c);

	expect_fact(t, out, "touch /tmp/made", "EROFS");
	expect_fact(t, out, "touch /x", "EROFS");
	expect_fact(t, out, "touch /dev/x", "OK"); /* a mount of its own */
	assert_false(exists(it_text(t, "%s/tmp/made", t->root)));
	write_file(it_text(t, "%s/tmp/host", t->root), "the host still can\n", 0644);
}

static void test_root_readonly_of_a_private_root(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "touch /x");

	as_root(c);
	cfg_set(c, "root", "{'readonly':true}");
	struct run *r = it_run(t, c);

	if (r->n_lines == 1) /* OCI wants root.path where there is a root */
		expect_error_line(r->lines[0], "config", EINVAL, "root.path");
	else
		expect_fact(t, run_task_out(t, r), "touch /x", "EROFS");
}

static void test_root_path_is_relative_to_the_start_directory(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "ls /", "");

	assert_int_equal(rename(t->root, it_text(t, "%s/a-root", t->dir)), 0);
	cfg_set(c, "root.path", "'a-root'");
	expect_contains(it_output(t, c), "stat bin d");
	struct run *r = it_run_with(t, &(struct start){.cwd = "/"}, c);

	expect_error_line(r->lines[0], "root", ENOENT, "a-root");
}

static void test_root_missing_file_or_symlink_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "exit 0", "");

	cfg_set(c, "root.path", "'%s/not-there'", t->dir);
	(void)it_expect_error(t, c, 125, "root", ENOENT, "not-there");
	cfg_set(c, "root.path", "'%s/etc/passwd'", t->dir);
	(void)it_expect_error(t, c, 125, "root", ENOTDIR, "passwd");
	make_link(t->root, it_text(t, "%s/link", t->dir));
	cfg_set(c, "root.path", "'%s/link'", t->dir);
	(void)it_expect_error(t, c, 125, "root", ELOOP, "link");
}

static void test_root_neither_path_nor_chroot_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 0");

	cfg_del(c, "taskshim.chroot");
	(void)it_expect_error(t, c, 125, "config", EINVAL, "root.path");
}

/* --- isolation --- */

static void check_isolated(struct it *t, const char *isolation)
{
	struct json_object *c = it_rootfs_config(
		t, "cwd ls / ls /.. stat /proc/1/root/work cat /proc/self/mountinfo", "dp");

	as_root(c);
	cfg_set(c, "taskshim.isolation", "'%s'", isolation);
	cfg_set(c, "process.cwd", "'/tmp'");
	const char *out = it_output(t, c);

	expect_fact(t, out, "cwd", "/tmp");
	expect_contains(out, "stat bin d");
	expect_not_contains(out, "stat usr");
	expect_not_contains(out, "/sys/fs/cgroup");
}

static void test_isolation_pivot_and_chroot_confine(void **state)
{
	check_isolated(*state, "pivot");
	check_isolated(*state, "chroot");
}

static void test_isolation_pivot_leaves_nothing_of_the_host_mounted(void **state)
{
	struct it *t = *state;
	static const char *const points[] = {"/",	 "/bin",     "/etc",	    "/proc", "/dev",
					     "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys"};
	struct json_object *c = it_config(t, "cat /proc/self/mountinfo");
	size_t lines = 0;

	cfg_set(c, "linux", "{'maskedPaths':[],'readonlyPaths':[]}");
	const char *out = it_output(t, c);

	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
		(void)mount_at(t, out, points[i]);
	for (const char *at = out; *at; at++)
		lines += *at == '\n';
	assert_int_equal(lines, sizeof points / sizeof points[0]);
}

static void test_isolation_none_is_the_hosts_root(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "cwd ids ns");

	cfg_del(c, "taskshim.chroot");
	cfg_set(c, "taskshim.isolation", "'none'");
	cfg_set(c, "process.args[0]", "'%s/bin/probe'", t->dir);
	cfg_set(c, "process.cwd", "'%s'", t->dir);
	const char *out = it_output(t, c);

	expect_fact(t, out, "cwd", t->dir);
	expect_fact(t, out, "ns.mnt",
		    read_link(t, "/proc/self/ns/mnt")); /* no mount namespace of its own */
	expect_not_contains(out, "uid 0");
}

/* --- taskDir, allocDir --- */

static struct json_object *with_dirs(struct it *t, const char *words)
{
	struct json_object *c = it_config(t, words);

	make_dir(it_text(t, "%s/task", t->dir), 0755);
	make_dir(it_text(t, "%s/alloc", t->dir), 0777);
	cfg_set(c, "taskshim.taskDir", "'%s/task'", t->dir);
	cfg_set(c, "taskshim.allocDir", "'%s/alloc'", t->dir);
	cfg_set(c, "taskshim.user", "'alice'");
	return c;
}

static void test_task_dir_is_made_and_mounted(void **state)
{
	struct it *t = *state;
	struct json_object *c = with_dirs(
		t, "touch /local/l touch /secrets/s touch /tmp/t touch /alloc/a stat /tmp "
		   "cat /proc/self/mountinfo");
	const char *out = it_output(t, c);

	expect_fact(t, out, "touch /local/l", "OK");
	expect_fact(t, out, "touch /secrets/s", "OK");
	expect_fact(t, out, "touch /tmp/t", "OK");
	expect_fact(t, out, "touch /alloc/a", "OK");
	expect_contains(fact(t, out, "stat /tmp"), "d 1777");
	assert_true(exists(it_text(t, "%s/task/local/l", t->dir)));
	assert_true(exists(it_text(t, "%s/task/secrets/s", t->dir)));
	assert_true(exists(it_text(t, "%s/task/tmp/t", t->dir)));
	assert_true(exists(it_text(t, "%s/alloc/a", t->dir)));
	expect_contains(mount_at(t, out, "/local"), "nosuid,nodev");
	expect_contains(mount_at(t, out, "/alloc"), "nosuid,nodev");
	expect_not_contains(it_tree(t, it_text(t, "%s/task", t->dir)),
			    " 40777 "); /* 2015 made them 0777 */
	/* a second start finds them made; mount ids and device numbers differ */
	expect_fact(t, it_output(t, c), "touch /local/l", "OK");
}

static void test_task_dir_brings_the_command(void **state)
{
	struct it *t = *state;
	struct json_object *c = with_dirs(t, "echo found");

	make_dir(it_text(t, "%s/task/local", t->dir), 0755);
	copy_file(it_text(t, "%s/bin/probe", t->dir), it_text(t, "%s/task/local/mine", t->dir),
		  0755);
	cfg_set(c, "process.args[0]", "'mine'");
	assert_string_equal(it_output(t, c), "found\n");
	cfg_set(c, "process.args[0]", "'bin/probe'"); /* in the root */
	assert_string_equal(it_output(t, c), "found\n");
	cfg_set(c, "process.args[0]", "'probe'"); /* then PATH */
	assert_string_equal(it_output(t, c), "found\n");
}

/* CVE-2019-14803: a setuid program that was downloaded into the task's directory. */
static void test_task_dir_ignores_setuid_bits(void **state)
{
	struct it *t = *state;
	struct json_object *c = with_dirs(t, "exec /local/suid ids");

	make_dir(it_text(t, "%s/task/local", t->dir), 0755);
	copy_file(it_text(t, "%s/bin/probe", t->dir), it_text(t, "%s/task/local/suid", t->dir),
		  04755);
	cfg_set(c, "process.noNewPrivileges", "false");
	expect_fact(t, it_output(t, c), "uid", "1000 1000 1000 1000");
}

static void test_task_dir_missing_or_with_symlinks_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = with_dirs(t, "exit 0");

	make_link("/etc", it_text(t, "%s/task/local", t->dir));
	(void)it_expect_error(t, c, 125, "taskdir", ELOOP, "local");
	assert_int_equal(unlink(it_text(t, "%s/task/local", t->dir)), 0);
	make_link(it_text(t, "%s/task", t->dir), it_text(t, "%s/task-link", t->dir));
	cfg_set(c, "taskshim.taskDir", "'%s/task-link'", t->dir);
	(void)it_expect_error(t, c, 125, "taskdir", ELOOP, "task-link");
	cfg_set(c, "taskshim.taskDir", "'%s/etc/passwd'", t->dir);
	(void)it_expect_error(t, c, 125, "taskdir", ENOTDIR, "passwd");
	cfg_del(c, "taskshim.taskDir");
	cfg_set(c, "taskshim.allocDir", "'%s/nowhere'", t->dir);
	(void)it_expect_error(t, c, 125, "taskdir", ENOENT, "nowhere");
}

/* --- /dev, /proc, /sys --- */

static void test_dev_is_minimal(void **state)
{
	struct it *t = *state;
	const char *out = it_output(t, it_config(t, "ls /dev"));
	static const char want[] = "stat fd l 0777 0 0 /proc/self/fd\n"
				   "stat full c 0666 0 0 1:7\n"
				   "stat mqueue d 1777 0 0\n"
				   "stat null c 0666 0 0 1:3\n"
				   "stat ptmx l 0777 0 0 pts/ptmx\n"
				   "stat pts d 0755 0 0\n"
				   "stat random c 0666 0 0 1:8\n"
				   "stat shm d 1777 0 0\n"
				   "stat stderr l 0777 0 0 /proc/self/fd/2\n"
				   "stat stdin l 0777 0 0 /proc/self/fd/0\n"
				   "stat stdout l 0777 0 0 /proc/self/fd/1\n"
				   "stat tty c 0666 0 0 5:0\n"
				   "stat urandom c 0666 0 0 1:9\n"
				   "stat zero c 0666 0 0 1:5\n";

	assert_string_equal(out, want);
}

static void test_dev_devices_work(void **state)
{
	struct it *t = *state;
	const char *out = it_output(
		t,
		it_config(t, "read /dev/zero read /dev/null write /dev/null x write /dev/full x "
			     "read /dev/urandom open /dev/ptmx touch /dev/shm/x mknod /dev/shm/n"));

	expect_fact(t, out, "read /dev/zero", "16");
	expect_fact(t, out, "read /dev/null", "0");
	expect_fact(t, out, "write /dev/null", "OK");
	expect_fact(t, out, "write /dev/full", "ENOSPC");
	expect_fact(t, out, "read /dev/urandom", "16");
	expect_fact(t, out, "open /dev/ptmx", "OK");
	expect_fact(t, out, "touch /dev/shm/x", "OK");
	expect_fact(t, out, "mknod /dev/shm/n", "EPERM");
	assert_false(exists("/dev/shm/x"));
}

/* F13: devices of the host keep mode and owner, whatever umask and user there are. */
static void test_dev_of_the_host_is_untouched(void **state)
{
	struct it *t = *state;
	struct stat before, after;

	assert_int_equal(stat("/dev/null", &before), 0);
	(void)it_run_with(t, &(struct start){.umask = 0777}, it_config(t, "exit 0"));
	assert_int_equal(stat("/dev/null", &after), 0);
	assert_int_equal(before.st_mode, after.st_mode);
	assert_int_equal(before.st_uid, after.st_uid);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void test_proc_is_fresh(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "session ls /proc cat /proc/self/mountinfo");

	cfg_set(c, "linux.namespaces", "[{'type':'mount'},{'type':'pid'}]");
	const char *out = it_output(t, c);

	expect_fact(t, out, "pid", "1");
	expect_contains(out, "stat 1 d");
	expect_not_contains(out, "stat 2 d");
	expect_contains(mount_at(t, out, "/proc"), "nosuid,nodev,noexec");
}

static void test_sys_is_read_only(void **state)
{
	struct it *t = *state;
	struct json_object *c =
		it_config(t, "touch /sys/x mkdir /sys/fs/cgroup/x cat /proc/self/mountinfo "
			     "write /sys/kernel/uevent_helper x");

	as_root(c);
	const char *out = it_output(t, c);

	expect_fact(t, out, "touch /sys/x", "EROFS");
	expect_not_contains(out, "mkdir /sys/fs/cgroup/x OK");
	expect_not_contains(out, "write /sys/kernel/uevent_helper OK");
	expect_contains(mount_at(t, out, "/sys"), " ro,nosuid,nodev,noexec");
}

/* --- masked and read-only paths --- */

static void test_default_paths_are_masked_and_read_only(void **state)
{
	static const char *const masked[] = {"/proc/kcore",	    "/proc/keys",
					     "/proc/timer_list",    "/proc/sched_debug",
					     "/proc/latency_stats", "/proc/timer_stats"};
	static const char *const masked_dirs[] = {"/proc/acpi", "/proc/scsi", "/proc/asound",
						  "/sys/firmware"};
	static const char *const readonly[] = {"/proc/sysrq-trigger", "/proc/sys/kernel/hostname",
					       "/proc/sys/kernel/core_pattern",
					       "/proc/irq/default_smp_affinity"};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof masked / sizeof masked[0]; i++) {
		struct json_object *c =
			it_config(t, it_text(t, "read %s chmod %s", masked[i], masked[i]));

		as_root(c);
		if (exists(masked[i])) {
			expect_fact(t, it_output(t, c), it_text(t, "read %s", masked[i]), "0");
			expect_fact(t, it_output(t, c), it_text(t, "chmod %s", masked[i]), "EROFS");
		}
	}
	for (size_t i = 0; i < sizeof masked_dirs / sizeof masked_dirs[0]; i++) {
		struct json_object *c = it_config(
			t, it_text(t, "ls %s touch %s/x", masked_dirs[i], masked_dirs[i]));

		as_root(c);
		if (exists(masked_dirs[i]))
			assert_string_equal(it_output(t, c),
					    it_text(t, "touch %s/x EROFS\n", masked_dirs[i]));
	}
	for (size_t i = 0; i < sizeof readonly / sizeof readonly[0]; i++) {
		struct json_object *c = it_config(t, it_text(t, "open %s", readonly[i]));

		as_root(c);
		if (exists(readonly[i]))
			expect_fact(t, it_output(t, c), it_text(t, "open %s", readonly[i]),
				    "EROFS");
	}
}

static void test_given_paths_are_masked_and_read_only(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t,
						 "cat /file ls /dir touch /ro/x touch /dir/x write "
						 "/file x chmod /file touch /w/x stat /gone",
						 "");

	as_root(c);
	write_file(it_text(t, "%s/file", t->root), "secret\n", 0644);
	make_dir(it_text(t, "%s/dir", t->root), 0755);
	write_file(it_text(t, "%s/dir/inside", t->root), "secret\n", 0644);
	make_dir(it_text(t, "%s/ro", t->root), 0755);
	make_dir(it_text(t, "%s/w", t->root), 0755);
	cfg_set(c, "linux.maskedPaths", "['/file','/dir','/not-there','/not/there']");
	cfg_set(c, "linux.readonlyPaths", "['/ro','/not-there']");
	const char *out = it_output(t, c);

	expect_not_contains(out, "secret");
	expect_not_contains(out, "stat inside");
	expect_fact(t, out, "touch /dir/x", "EROFS");
	expect_fact(t, out, "touch /ro/x", "EROFS");
	expect_fact(t, out, "touch /w/x", "OK");
	expect_fact(t, out, "stat /gone", "ENOENT");
	expect_fact(t, out, "chmod /file", "EROFS"); /* it covers with the host's /dev/null */
	assert_string_equal(read_file(t, it_text(t, "%s/file", t->root)), "secret\n");
}

static void test_empty_lists_mask_nothing(void **state)
{
	struct it *t = *state;
	struct json_object *c =
		it_config(t, "open /proc/sysrq-trigger open /proc/timer_list ls /proc/scsi");

	as_root(c);
	cfg_set(c, "linux", "{'maskedPaths':[],'readonlyPaths':[]}");
	const char *out = it_output(t, c);

	expect_not_contains(out, "EROFS");
}

static void test_masked_path_that_loops_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "exit 0", "");

	make_link("b", it_text(t, "%s/a", t->root));
	make_link("a", it_text(t, "%s/b", t->root));
	cfg_set(c, "linux.maskedPaths", "['/a']");
	(void)it_expect_error(t, c, 125, "mask", ELOOP, "/a");
	cfg_set(c, "linux.maskedPaths", "[]");
	cfg_set(c, "linux.readonlyPaths", "['/a']");
	(void)it_expect_error(t, c, 125, "mask", ELOOP, "/a");
}

/* CVE-2025-31133: a root that brings its own /dev/null, which is something else. */
static void test_mask_does_not_come_from_the_roots_dev_null(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "read /file write /file x chmod /file", "");

	as_root(c);
	write_file(it_text(t, "%s/file", t->root), "secret\n", 0644);
	write_file(it_text(t, "%s/trap", t->root), "trap\n", 0666);
	make_link("/trap", it_text(t, "%s/dev/null", t->root));
	cfg_set(c, "linux.maskedPaths", "['/file']");
	const char *out = it_output(t, c);

	expect_fact(t, out, "read /file", "0");
	expect_fact(t, out, "chmod /file", "EROFS");
	assert_string_equal(read_file(t, it_text(t, "%s/trap", t->root)), "trap\n");
}

/* --- mounts[] --- */

static void test_mounts_have_their_options(void **state)
{
	static const struct {
		const char *options, *want;
	} rows[] = {
		{"['nosuid','nodev','noexec','size=128k','mode=1770']",
		 "rw,nosuid,nodev,noexec,relatime"},
		{"['ro']", " ro,relatime"},
		{"['noatime']", "rw,noatime"},
		{"['nodiratime']", "rw,nodiratime"},
		{"['strictatime']", " rw "},
		{"['nosymfollow']", "nosymfollow"},
		{"['ro','rw','nosuid','suid']", " rw,relatime "},
		{"['defaults','size=64k']", "size=64k"},
		{"['mode=700']", "mode=700"},
		{"['nr_inodes=10']", "nr_inodes=10"},
		{"['shared']", " shared:"},
		{"['sync']", "sync"},
	};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct json_object *c = it_rootfs_config(t, "cat /proc/self/mountinfo", "p");

		cfg_set(c, "mounts[+]",
			"{'destination':'/made/here','type':'tmpfs','source':'tm'}");
		cfg_set_text(c, "mounts[1].options", rows[i].options);
		const char *line = mount_at(t, it_output(t, c), "/made/here");

		expect_contains(line, rows[i].want);
		expect_contains(line, "- tmpfs tm");
	}
}

static void test_bind_mounts_have_their_options(void **state)
{
	struct it *t = *state;
	struct json_object *c =
		it_rootfs_config(t, "touch /rw/x touch /ro/x cat /f exec /noexec/probe ids", "p");

	as_root(c);
	make_dir(it_text(t, "%s/src", t->dir), 0755);
	cfg_set(c, "mounts[+]",
		"{'destination':'/rw','type':'bind','source':'%s/src','options':['bind']}", t->dir);
	cfg_set(c, "mounts[+]",
		"{'destination':'/ro','type':'none','source':'%s/src','options':['rbind','ro']}",
		t->dir);
	cfg_set(c, "mounts[+]",
		"{'destination':'/f','source':'%s/etc/group','options':['bind','ro']}", t->dir);
	cfg_set(c, "mounts[+]",
		"{'destination':'/"
		"noexec','type':'bind','source':'bin','options':['rbind','noexec']}");
	const char *out = it_output(t, c);

	expect_fact(t, out, "touch /rw/x", "OK");
	expect_fact(t, out, "touch /ro/x", "EROFS");
	expect_contains(out, "audio:x:29");
	expect_fact(t, out, "exec /noexec/probe", "EACCES");
	assert_true(exists(it_text(t, "%s/src/x", t->dir)));
}

static void test_bind_without_rbind_leaves_submounts_out(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(
		t, "ls /one ls /all/sub touch /all/sub/x touch /rro/sub/x cat /proc/self/mountinfo",
		"p");

	as_root(c);
	make_dir(it_text(t, "%s/src", t->dir), 0755);
	make_dir(it_text(t, "%s/src/sub", t->dir), 0755);
	assert_int_equal(mount("ts-it", it_text(t, "%s/src/sub", t->dir), "tmpfs", 0, NULL), 0);
	write_file(it_text(t, "%s/src/sub/file", t->dir), "", 0644);
	cfg_set(c, "mounts[+]",
		"{'destination':'/one','type':'bind','source':'%s/src','options':['bind']}",
		t->dir);
	cfg_set(c, "mounts[+]",
		"{'destination':'/all','type':'bind','source':'%s/src','options':['rbind','ro']}",
		t->dir);
	cfg_set(c, "mounts[+]",
		"{'destination':'/rro','type':'bind','source':'%s/src','options':['rbind','rro']}",
		t->dir);
	const char *out = it_output(t, c);

	assert_int_equal(umount(it_text(t, "%s/src/sub", t->dir)), 0);
	expect_contains(out, "stat file f");
	expect_not_contains(out, " /one/sub ");
	expect_fact(t, out, "touch /all/sub/x",
		    "OK"); /* "ro" is for one mount, "rro" for the tree */
	expect_fact(t, out, "touch /rro/sub/x", "EROFS");
}

static void test_mounts_follow_the_order_of_the_list(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "ls /a cat /a/etc/group", "");

	cfg_set(c, "mounts[+]", "{'destination':'/a','type':'tmpfs','source':'tmpfs'}");
	cfg_set(c, "mounts[+]",
		"{'destination':'/a/etc','type':'bind','source':'%s/etc','options':['bind']}",
		t->dir);
	expect_contains(it_output(t, c), "audio:x:29");
}

static void test_empty_mounts_are_none(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "ls /");

	cfg_set(c, "mounts", "[]");
	assert_string_equal(it_output(t, c), "stat bin d 0755 0 0\nstat etc d 0755 0 0\n");
}

static void test_dev_that_is_bound_in_is_left_alone(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "ls /dev", "");

	make_dir(it_text(t, "%s/my-dev", t->dir), 0755);
	cfg_set(c, "mounts[+]",
		"{'destination':'/dev','type':'bind','source':'%s/my-dev','options':['rbind']}",
		t->dir);
	assert_string_equal(it_output(t, c), "");
	assert_string_equal(it_tree(t, it_text(t, "%s/my-dev", t->dir)), "");
	assert_string_equal(it_tree(t, it_text(t, "%s/dev", t->root)),
			    ""); /* nor is the root's directory filled */
}

static void test_mount_failures_name_the_mount(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "exit 0", "");

	make_dir(it_text(t, "%s/x", t->root), 0755);
	cfg_set(c, "mounts",
		"[{'destination':'/x','type':'bind','source':'/no/such/"
		"source','options':['bind']}]");
	(void)it_expect_error(t, c, 125, "mount", ENOENT, "/no/such/source");
	cfg_set(c, "mounts", "[{'destination':'/x','type':'nosuchfs','source':'a'}]");
	expect_contains(it_expect_error(t, c, 125, "mount", ENODEV, "nosuchfs"), "/x");
	cfg_set(c, "mounts",
		"[{'destination':'/x','type':'tmpfs','source':'a','options':['size=lots']}]");
	(void)it_expect_error(t, c, 125, "mount", EINVAL, "/x");
	cfg_set(c, "mounts", "[{'destination':'/bin/probe/below','type':'tmpfs','source':'a'}]");
	(void)it_expect_error(t, c, 125, "mount", ENOTDIR, "/bin/probe/below");
	cfg_set(c, "mounts",
		"[{'destination':'/bin/probe','type':'tmpfs','source':'a'}]"); /* a file */
	(void)it_expect_error(t, c, 125, "mount", ENOTDIR, "/bin/probe");
}

static void test_unknown_mount_option_is_an_error_with_a_hint(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "exit 0", "");

	make_dir(it_text(t, "%s/x", t->root), 0755);
	cfg_set(c, "mounts",
		"[{'destination':'/x','type':'tmpfs','source':'a','options':['noexce']}]");
	expect_contains(it_expect_error(t, c, 125, "config", EINVAL, "noexce"), "\"noexec\"");
	cfg_set(c, "mounts",
		"[{'destination':'/x','type':'bind','source':'%s/"
		"etc','options':['bind','noexce']}]",
		t->dir);
	(void)it_expect_error(t, c, 125, "config", EINVAL, "mounts[0].options[1]");
	cfg_set(c, "mounts",
		"[{'destination':'/x','type':'tmpfs','source':'a','options':['nr_inodes=lots']}]");
	(void)it_expect_error(t, c, 125, "mount", EINVAL,
			      "/x"); /* what only the filesystem can refuse */
}

/* F27: what the host mounts later reaches a slave mount, and never the other way round. */
static void test_propagation_of_a_mount(void **state)
{
	static const struct {
		const char *word, *want;
		bool contains;
	} rows[] = {
		{"rslave", " master:", true},	     {"rshared", " shared:", true},
		{"rprivate", "shared:", false},	     {"slave", " master:", true},
		{"private", "master:", false},	     {"bind", "shared:", false},
		{"unbindable", " unbindable", true},
	};
	struct it *t = *state;

	make_dir(it_text(t, "%s/src", t->dir), 0755);
	assert_int_equal(mount("ts-it", it_text(t, "%s/src", t->dir), "tmpfs", 0, NULL),
			 0); /* shared, as all here are */
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct json_object *c = it_rootfs_config(t, "cat /proc/self/mountinfo", "p");

		cfg_set(c, "mounts[+]",
			"{'destination':'/m','type':'bind','source':'%s/"
			"src','options':['rbind','%s']}",
			t->dir, rows[i].word);
		struct run *r = it_run(t, c);
		const char *line = r->n_lines == 3 ? mount_at(t, run_task_out(t, r), "/m") : "";

		if ((strstr(line, rows[i].want) != NULL) != rows[i].contains || !*line) {
			(void)umount(it_text(t, "%s/src", t->dir));
			fail_msg("%s: %s", rows[i].word,
				 *line ? line : json_object_to_json_string(r->lines[0]));
		}
	}
	assert_int_equal(umount(it_text(t, "%s/src", t->dir)), 0);
}

/* --- paths that lead astray --- */

/* CVE-2019-19921, CVE-2026-41579 and many more: every link in the root that leads out of it stays inside. */
static void test_mount_target_symlink_leaves_the_host_untouched(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "ls /", "");
	const char *outside = it_text(t, "%s/outside", t->dir);

	make_dir(outside, 0777);
	make_link(outside, it_text(t, "%s/abs", t->root));
	make_link("../../../../../../../../../../../../../../..", it_text(t, "%s/up", t->root));
	make_link(it_text(t, "../../../../../../../../..%s", outside),
		  it_text(t, "%s/rel", t->root));
	static const char *const targets[] = {"/abs",	  "/abs/new", "/rel",
					      "/rel/new", "/up/new",  "/up"};

	for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
		cfg_set(c, "mounts", "[{'destination':'%s','type':'tmpfs','source':'evil'}]",
			targets[i]);
		struct run *r = it_run(t, c);

		if (r->n_lines == 1)
			assert_string_equal(js_str(r->lines[0], "step"), "mount");
		assert_string_equal(it_tree(t, outside), "");
		expect_not_contains(read_file(t, "/proc/self/mountinfo"), "evil");
	}
}

static void test_special_directories_that_are_symlinks_leave_the_host_untouched(void **state)
{
	static const char *const names[] = {"dev",   "proc", "sys", "alloc",
					    "local", "tmp",  "etc", "extra"};
	struct it *t = *state;
	const char *outside = it_text(t, "%s/outside", t->dir);

	make_dir(outside, 0777);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct json_object *c = it_rootfs_config(t, "ls /", "");
		const char *path = it_text(t, "%s/%s", t->root, names[i]),
			   *aside = it_text(t, "%s/aside", t->root);

		cfg_del(c, "mounts");
		cfg_set(c, "taskshim.chroot", "{'/%s/below':'%s/etc','/extra':'%s/etc'}", names[i],
			t->dir, t->dir); /* a mount point that is to be made in it, and one on it */
		cfg_set(c, "taskshim.allocDir", "'%s/etc'", t->dir);
		make_dir(it_text(t, "%s/task%zu", t->dir, i), 0755);
		cfg_set(c, "taskshim.taskDir", "'%s/task%zu'", t->dir, i);
		if (exists(path))
			assert_int_equal(rename(path, aside), 0);
		make_link(outside, path);
		struct run *r = it_run(t, c);

		assert_string_equal(it_tree(t, outside), "");
		if (r->n_lines == 1)
			assert_int_equal(run_wait(r), 125);
		assert_int_equal(unlink(path), 0);
		if (exists(aside))
			assert_int_equal(rename(aside, path), 0);
	}
}

static void exchange_forever(const char *a, const char *b)
{
	for (;;)
		(void)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2 /* RENAME_EXCHANGE */);
}

/* CVE-2021-30465: a directory and a symlink change places while mounts are made. */
static void test_racing_symlink_leaves_the_host_untouched(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "exit 0", "");
	const char *outside = it_text(t, "%s/outside", t->dir), *a = it_text(t, "%s/race", t->root),
		   *b = it_text(t, "%s/link", t->root);
	pid_t racer;

	make_dir(outside, 0777);
	make_dir(a, 0755);
	make_link(outside, b);
	cfg_set(c, "mounts",
		"[{'destination':'/race/deep/er','type':'tmpfs','source':'evil'},"
		"{'destination':'/race/f','type':'bind','source':'%s/etc/"
		"passwd','options':['bind']}]",
		t->dir);
	cfg_set(c, "linux.maskedPaths", "['/race/deep']");
	racer = fork();
	if (racer == 0)
		exchange_forever(a, b);
	for (int i = 0; i < 60; i++) {
		struct run *r = it_run(t, c);

		if (r->n_lines == 1)
			assert_int_equal(run_wait(r), 125);
		it_forget(t);
	}
	(void)kill(racer, SIGKILL);
	(void)waitpid(racer, NULL, 0);
	assert_string_equal(it_tree(t, outside), "");
	expect_not_contains(read_file(t, "/proc/self/mountinfo"), "evil");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_preset_host_has_the_hosts_programs_read_only),
		IT(test_preset_host_hides_the_rest_of_the_host),
		IT(test_preset_host_has_scratch_directories),
		IT(test_scratch_directories_of_a_read_only_root_are_writable),
		IT(test_scratch_directories_in_a_root_path_are_tmpfs),
		IT(test_preset_host_runs_the_hosts_programs),
		IT(test_preset_host_has_resolv_conf_and_hosts),
		IT(test_map_binds_directories_and_files_read_only),
		IT(test_map_is_recursive),
		IT(test_map_source_missing_is_an_error),
		IT(test_map_mount_point_inside_a_read_only_bind_is_named),
		IT(test_map_with_a_root_path_is_filled_there),
		IT(test_root_of_a_map_is_private_memory),
		IT(test_root_path_is_the_root),
		IT(test_root_readonly),
		IT(test_root_readonly_of_a_private_root),
		IT(test_root_path_is_relative_to_the_start_directory),
		IT(test_root_missing_file_or_symlink_is_an_error),
		IT(test_root_neither_path_nor_chroot_is_an_error),
		IT(test_isolation_pivot_and_chroot_confine),
		IT(test_isolation_pivot_leaves_nothing_of_the_host_mounted),
		IT(test_isolation_none_is_the_hosts_root),
		IT(test_task_dir_is_made_and_mounted),
		IT(test_task_dir_brings_the_command),
		IT(test_task_dir_ignores_setuid_bits),
		IT(test_task_dir_missing_or_with_symlinks_is_an_error),
		IT(test_dev_is_minimal),
		IT(test_dev_devices_work),
		IT(test_dev_of_the_host_is_untouched),
		IT(test_proc_is_fresh),
		IT(test_sys_is_read_only),
		IT(test_default_paths_are_masked_and_read_only),
		IT(test_given_paths_are_masked_and_read_only),
		IT(test_empty_lists_mask_nothing),
		IT(test_masked_path_that_loops_is_an_error),
		IT(test_mask_does_not_come_from_the_roots_dev_null),
		IT(test_mounts_have_their_options),
		IT(test_bind_mounts_have_their_options),
		IT(test_bind_without_rbind_leaves_submounts_out),
		IT(test_mounts_follow_the_order_of_the_list),
		IT(test_empty_mounts_are_none),
		IT(test_dev_that_is_bound_in_is_left_alone),
		IT(test_mount_failures_name_the_mount),
		IT(test_unknown_mount_option_is_an_error_with_a_hint),
		IT(test_propagation_of_a_mount),
		IT(test_mount_target_symlink_leaves_the_host_untouched),
		IT(test_special_directories_that_are_symlinks_leave_the_host_untouched),
		IT(test_racing_symlink_leaves_the_host_untouched),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
