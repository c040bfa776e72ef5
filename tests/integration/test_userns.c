/* User and time namespaces: linux.uidMappings, gidMappings, timeOffsets; what the other fields are to a task that has no rights
 * on the host; and user namespaces that are joined. */
#include "tests/integration/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_UID = 100000, FIRST_GID = 200000 };

/* Ids 0 to 65535 of the task are nobody's on the host. */
static void map_ids(struct json_object *c)
{
	cfg_set(c, "linux.uidMappings", "[{'containerID':0,'hostID':%d,'size':65536}]", FIRST_UID);
	cfg_set(c, "linux.gidMappings", "[{'containerID':0,'hostID':%d,'size':65536}]", FIRST_GID);
}

static struct json_object *user_config(struct it *t, const char *words)
{
	struct json_object *c = it_config(t, words);

	cfg_set_text(c, "linux.namespaces",
		     "[{'type':'user'},{'type':'pid'},{'type':'network'},{'type':'ipc'},"
		     "{'type':'uts'},{'type':'cgroup'},{'type':'mount'}]");
	map_ids(c);
	return c;
}

static void as_root(struct json_object *c, const char *capabilities)
{
	cfg_set(c, "process.user", "{'uid':0,'gid':0}");
	cfg_set(c, "process.capabilities", "{'bounding':[%s],'permitted':[%s],'effective':[%s]}",
		capabilities, capabilities, capabilities);
}

/* --- mappings --- */

static void test_ids_are_mapped(void **state)
{
	struct it *t = *state;
	struct json_object *c =
		user_config(t, "ids cat /proc/self/uid_map cat /proc/self/gid_map touch /m/new ns");
	const char *dir = it_text(t, "%s/shared", t->dir);
	struct stat st;

	make_dir(dir, 0777);
	assert_int_equal(chmod(dir, 0777), 0);
	cfg_set(c, "process.user", "{'uid':1000,'gid':1001,'additionalGids':[7,9]}");
	cfg_set(c, "mounts[+]", "{'destination':'/proc','type':'proc'}");
	cfg_set(c, "mounts[+]", "{'destination':'/m','source':'%s','options':['bind']}", dir);
	const char *out = it_output(t, c);

	expect_fact(t, out, "uid", "1000 1000 1000 1000");
	expect_fact(t, out, "gid", "1001 1001 1001 1001");
	expect_fact(t, out, "groups", "7 9");
	expect_contains(out, "         0     100000      65536\n");
	expect_contains(out, "         0     200000      65536\n");
	expect_fact(t, out, "touch /m/new", "OK");
	assert_int_equal(stat(it_text(t, "%s/new", dir), &st), 0);
	assert_int_equal(st.st_uid, FIRST_UID + 1000);
	assert_int_equal(st.st_gid, FIRST_GID + 1001);
	if (strcmp(fact(t, out, "ns.user"), read_link(t, "/proc/self/ns/user")) == 0)
		fail_msg("the user namespace is the host's");
}

static void test_ids_that_start_elsewhere(void **state)
{
	struct it *t = *state;
	struct json_object *c = user_config(t, "ids stat /etc");

	cfg_set(c, "linux.uidMappings",
		"[{'containerID':1000,'hostID':100000,'size':1},{'containerID':5,'hostID':0,'size':"
		"1}]");
	cfg_set(c, "linux.gidMappings", "[{'containerID':1000,'hostID':100000,'size':1}]");
	cfg_set(c, "process.user", "{'uid':1000,'gid':1000}");
	const char *out = it_output(t, c);

	expect_fact(t, out, "uid", "1000 1000 1000 1000");
	expect_fact(t, out, "groups", "");
	expect_contains(fact(t, out, "stat /etc"), "d 0755 5 65534"); /* the host's root is 5 */
}

static void test_user_that_is_not_mapped_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = user_config(t, "ids");

	cfg_set(c, "process.user", "{'uid':65536,'gid':0}");
	(void)it_expect_error(t, c, 125, "user", EINVAL, "set uid 65536");
	cfg_set(c, "process.user", "{'uid':0,'gid':70000}");
	(void)it_expect_error(t, c, 125, "user", EINVAL, "set gid 70000");
	cfg_set(c, "process.user", "{'uid':0,'gid':0,'additionalGids':[70000]}");
	(void)it_expect_error(t, c, 125, "user", EINVAL, "supplementary");
}

static void test_capabilities_are_those_of_the_namespace(void **state)
{
	struct it *t = *state;
	struct json_object *c = user_config(t, "caps mknod /tmp/x setuid 77");

	cfg_set(c, "mounts[+]", "{'destination':'/tmp','type':'tmpfs'}");
	as_root(c, "\"CAP_MKNOD\",\"CAP_SETUID\",\"CAP_SYS_RESOURCE\"");
	const char *out = it_output(t, c);

	/* CAP_SYS_RESOURCE: also where spawn-daemon itself has it not */
	expect_fact(t, out, "effective", "0000000009000080");
	expect_fact(t, out, "bounding", "0000000009000080");
	expect_fact(t, out, "mknod /tmp/x", "EPERM"); /* on the host they are none */
	expect_fact(t, out, "setuid 77", "OK");
}

static ino_t owner_of(struct it *t, pid_t pid, const char *file)
{
	int fd = open_fd(t, it_text(t, "/proc/%d/ns/%s", pid, file), O_RDONLY);
	int owner = own_fd(t, ioctl(fd, NS_GET_USERNS));
	struct stat st;

	assert_true(owner >= 0);
	assert_int_equal(fstat(owner, &st), 0);
	return st.st_ino;
}

/* Else the task's capabilities would be good for nothing in them. */
static void test_the_other_namespaces_belong_to_it(void **state)
{
	static const char *const files[] = {"pid", "net", "ipc", "uts", "cgroup", "mnt", "time"};
	struct it *t = *state;
	struct json_object *c = user_config(t, "echo ready pause");
	struct stat st;
	pid_t pid;

	cfg_set(c, "linux.namespaces[+]", "{'type':'time'}");
	struct run *r = it_start_task(t, c, &pid);

	assert_int_equal(stat(it_text(t, "/proc/%d/ns/user", pid), &st), 0);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		assert_int_equal(owner_of(t, pid, files[i]), st.st_ino);
	assert_int_equal(kill(pid, SIGKILL), 0);
	(void)run_wait(r);
}

static void test_loopback_is_up(void **state)
{
	struct it *t = *state;

	expect_fact(t, it_output(t, user_config(t, "loopback")), "loopback", "OK");
}

static void test_no_descriptor_of_the_set_up_is_left(void **state)
{
	struct it *t = *state;

	expect_not_contains(it_output(t, user_config(t, "fds")), "fd 3");
}

static void test_oom_score_adj_is_written_by_the_parent(void **state)
{
	struct it *t = *state;
	struct json_object *c = user_config(t, "cat /proc/self/oom_score_adj");

	cfg_set(c, "process.oomScoreAdj", "321");
	expect_contains(it_output(t, c), "321\n");
}

static void test_init_and_hooks_in_a_user_namespace(void **state)
{
	struct it *t = *state;
	struct json_object *c = user_config(t, "session exit 5");

	cfg_set(c, "taskshim.init", "true");
	cfg_set(c, "hooks.createContainer",
		"[{'path':'/bin/sh','args':['sh','-c','test $(id -u) = 0 && test $(id -g) = 0']}]");
	struct run *r = it_run(t, c);

	assert_int_equal(run_wait(r), 5);
	expect_fact(t, run_task_out(t, r), "ppid", "1");
}

/* --- the root of such a task --- */

static void test_devices_are_the_hosts(void **state)
{
	struct it *t = *state;
	struct json_object *c = user_config(t, "stat /dev/null open /dev/null");
	const char *out = it_output(t, c);

	expect_contains(fact(t, out, "stat /dev/null"), "c 0666 65534 65534");
	expect_fact(t, out, "open /dev/null", "OK");
}

static void test_masked_and_read_only_paths(void **state)
{
	struct it *t = *state;
	struct json_object *c = user_config(
		t, "cat /proc/timer_list write /proc/sys/net/ipv4/ip_forward x open /sys/x");

	as_root(c, "\"CAP_NET_ADMIN\"");
	const char *out = it_output(t, c);

	expect_not_contains(out, "Timer List");
	expect_fact(t, out, "write /proc/sys/net/ipv4/ip_forward", "EROFS");
}

static const char *mounted_type(struct it *t, const char *mountinfo, const char *path)
{
	const char *line = mount_at(t, mountinfo, path);

	return it_text(t, "%.*s", (int)strcspn(strstr(line, " - ") + 3, " "),
		       strstr(line, " - ") + 3);
}

/* What belongs to namespaces that are the host's is the host's own mount. */
static void test_filesystems_of_host_namespaces_are_bound(void **state)
{
	struct it *t = *state;
	struct json_object *c = user_config(t, "cat /proc/self/mountinfo stat /proc/1 ls /sys");

	cfg_set_text(c, "linux.namespaces", "[{'type':'user'},{'type':'mount'}]");
	const char *out = it_output(t, c);

	assert_string_equal(mounted_type(t, out, "/proc"), "proc");
	assert_string_equal(mounted_type(t, out, "/sys"), "sysfs");
	expect_contains(mount_at(t, out, "/sys"), " ro,");
	expect_contains(mount_at(t, out, "/proc"), "noexec");
	expect_contains(out, "kernel");
	/* its process 1 is the host's, and not one of the task */
	expect_contains(fact(t, out, "stat /proc/1"), " 65534 65534");
}

static void test_devpts_group_that_is_not_mapped_is_left_out(void **state)
{
	struct it *t = *state;
	struct json_object *c = user_config(t, "cat /proc/self/mountinfo");

	expect_contains(mount_at(t, it_output(t, c), "/dev/pts"), "gid=200005");
	cfg_set(c, "linux.gidMappings", "[{'containerID':0,'hostID':300000,'size':2}]");
	cfg_set(c, "process.user", "{'uid':0,'gid':0}");
	expect_not_contains(mount_at(t, it_output(t, c), "/dev/pts"), "gid=");
}

static void test_root_directory_belongs_to_whom_it_is_mapped(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "stat / touch /new stat /new", "dps");
	struct stat st;

	cfg_set_text(c, "linux.namespaces",
		     "[{'type':'user'},{'type':'pid'},{'type':'network'},{'type':'mount'}]");
	map_ids(c);
	as_root(c, "");
	/* nobody's of the namespace: mount points can be made by nobody */
	assert_int_equal(chown(t->root, FIRST_UID, FIRST_GID), 0);
	const char *out = it_output(t, c);

	expect_contains(fact(t, out, "stat /"), "d 0755 0 0");
	expect_fact(t, out, "touch /new", "OK");
	assert_int_equal(stat(it_text(t, "%s/new", t->root), &st), 0);
	assert_int_equal(st.st_uid, FIRST_UID);
}

static void test_root_that_cannot_be_reached_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "ids", "");

	cfg_set_text(c, "linux.namespaces", "[{'type':'user'},{'type':'mount'}]");
	map_ids(c);
	cfg_set(c, "root.path", "'%s/inner/root'", t->dir);
	make_dir(it_text(t, "%s/inner", t->dir), 0700);
	make_dir(it_text(t, "%s/inner/root", t->dir), 0755);
	(void)it_expect_error(t, c, 125, "root", EACCES, "inner/root");
}

/* In a directory of the host's root, where the task's may make none. */
static void test_task_directories_are_made_for_the_user(void **state)
{
	struct it *t = *state;
	struct json_object *c = user_config(
		t,
		"touch /local/x touch /secrets/x touch /tmp/x stat /local stat /secrets stat /tmp");
	const char *dir = it_text(t, "%s/task", t->dir);
	struct stat st;

	make_dir(dir, 0755);
	cfg_set(c, "taskshim.taskDir", "'%s'", dir);
	cfg_set(c, "process.user", "{'uid':1000,'gid':1001}");
	const char *out = it_output(t, c);

	expect_fact(t, out, "touch /local/x", "OK");
	expect_fact(t, out, "touch /secrets/x", "OK");
	expect_fact(t, out, "touch /tmp/x", "OK");
	expect_contains(fact(t, out, "stat /local"), "d 0755 1000 1001");
	expect_contains(fact(t, out, "stat /secrets"), "d 0700 1000 1001");
	expect_contains(fact(t, out, "stat /tmp"), "d 1777 1000 1001");
	assert_int_equal(stat(it_text(t, "%s/secrets/x", dir), &st), 0);
	assert_int_equal(st.st_uid, FIRST_UID + 1000);
	assert_int_equal(st.st_gid, FIRST_GID + 1001);
	/* another run, with another user: what is there stays its owner's */
	cfg_set(c, "process.user", "{'uid':5,'gid':6}");
	out = it_output(t, c);
	expect_contains(fact(t, out, "stat /local"), "d 0755 1000 1001");
	expect_fact(t, out, "touch /local/x", "EACCES");
}

/* A mapped mount is prepared by who has the right to: the parent. */
static void test_mapped_mounts(void **state)
{
	struct it *t = *state;
	struct json_object *c = user_config(t, "stat /m/root stat /m/alice touch /m/new");
	const char *src = it_text(t, "%s/src", t->dir);
	struct stat st;

	make_dir(src, 0755);
	write_file(it_text(t, "%s/root", src), "", 0644);
	write_file(it_text(t, "%s/alice", src), "", 0644);
	assert_int_equal(chown(it_text(t, "%s/alice", src), 1000, 29), 0);
	cfg_set(c, "mounts[+]", "{'destination':'/m','source':'%s','options':['rbind','idmap']}",
		src);
	as_root(c, "");
	struct run *r = it_run(t, c);

	if (run_wait(r) != 0 && strstr(js_str(r->lines[0], "message"), "map the ids"))
		it_skip("the filesystem of /tmp has no mapped mounts");
	assert_int_equal(run_wait(r), 0);
	const char *out = run_task_out(t, r);

	expect_fact(t, out, "stat /m/root", "f 0644 0 0 0");
	expect_fact(t, out, "stat /m/alice", "f 0644 1000 29 0");
	expect_fact(t, out, "touch /m/new", "OK");
	assert_int_equal(stat(it_text(t, "%s/new", src), &st), 0);
	assert_int_equal(st.st_uid, 0);
}

/* The kernel locks what a mount of the host forbids. */
static void check_locks(struct it *t, const char *word)
{
	const char *src = it_text(t, "%s/src", t->dir);
	struct json_object *c = user_config(t, "remount /m 0 remount /own 0 umount /m/below");

	make_dir(src, 0755);
	assert_int_equal(mount("x", src, "tmpfs", MS_NODEV | MS_NOSUID, "mode=755"), 0);
	make_dir(it_text(t, "%s/below", src), 0755);
	assert_int_equal(mount("y", it_text(t, "%s/below", src), "tmpfs", 0, NULL), 0);
	assert_int_equal(mount(NULL, src, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV, NULL),
			 0);
	cfg_set(c, "mounts[+]", "{'destination':'/m','source':'%s','options':['rbind'%s]}", src,
		word);
	cfg_set(c, "mounts[+]", "{'destination':'/own','type':'tmpfs','options':['ro']}");
	as_root(c, "\"CAP_SYS_ADMIN\"");
	struct run *r = it_run(t, c);
	const char *out = run_task_out(t, r);

	assert_int_equal(umount2(it_text(t, "%s/below", src), MNT_DETACH), 0);
	assert_int_equal(umount2(src, MNT_DETACH), 0);
	if (run_wait(r) != 0 && strstr(js_str(r->lines[0], "message"), "map the ids"))
		it_skip("this kernel has no mapped mounts of tmpfs (Linux 6.3)");
	assert_int_equal(run_wait(r), 0);
	expect_fact(t, out, "remount /m", "EPERM");
	expect_fact(t, out, "remount /own", "OK"); /* not for want of a capability */
	expect_fact(t, out, "umount /m/below", "EINVAL");
}

static void test_what_the_host_forbids_stays_forbidden(void **state)
{
	check_locks(*state, "");
}

static void test_what_the_host_forbids_of_a_mapped_mount_stays_forbidden(void **state)
{
	check_locks(*state, ",'ridmap'");
}

/* Options that are locked stay as they are when others are added, and to take one back is an error. */
static void test_options_beside_those_that_are_locked(void **state)
{
	struct it *t = *state;
	const char *src = it_text(t, "%s/src", t->dir);
	struct json_object *c = user_config(t, "cat /proc/self/mountinfo");

	make_dir(src, 0755);
	assert_int_equal(mount("x", src, "tmpfs", MS_NODEV | MS_NOEXEC, "mode=755"), 0);
	cfg_set(c, "mounts[+]", "{'destination':'/proc','type':'proc'}");
	cfg_set(c, "mounts[+]", "{'destination':'/m','source':'%s','options':['bind','ro']}", src);
	cfg_set(c, "mounts[+]", "{'destination':'/m','options':['remount','nosuid']}");
	struct run *good = it_run(t, c);

	cfg_set(c, "mounts[2].options", "['remount','dev']");
	struct run *bad = it_run(t, c);

	assert_int_equal(umount2(src, MNT_DETACH), 0);
	assert_int_equal(run_wait(good), 0);
	expect_contains(mount_at(t, run_task_out(t, good), "/m"), " ro,nosuid,nodev,noexec,");
	assert_int_equal(run_wait(bad), 125);
	expect_error_line(bad->lines[0], "mount", EPERM, "set options of the mount on: /m");
}

static void test_bind_that_would_uncover_is_an_error(void **state)
{
	struct it *t = *state;
	const char *src = it_text(t, "%s/src", t->dir);
	struct json_object *c = user_config(t, "ids");

	make_dir(src, 0755);
	make_dir(it_text(t, "%s/below", src), 0755);
	assert_int_equal(mount("y", it_text(t, "%s/below", src), "tmpfs", 0, NULL), 0);
	cfg_set(c, "mounts[+]", "{'destination':'/m','source':'%s','options':['bind']}", src);
	struct run *r = it_run(t, c);

	assert_int_equal(umount2(it_text(t, "%s/below", src), MNT_DETACH), 0);
	assert_int_equal(run_wait(r), 125);
	expect_error_line(r->lines[0], "mount", EINVAL, src);
	expect_contains(js_str(r->lines[0], "message"), "rbind");
}

/* --- joined --- */

static pid_t start_holder(struct it *t, const char *namespaces, bool user)
{
	struct json_object *c = it_config(t, "echo ready pause");
	pid_t pid;

	cfg_set_text(c, "linux.namespaces", namespaces);
	if (user)
		map_ids(c);
	struct run *r = it_start_task(t, c, &pid);

	it_wait_ready(t, r);
	return pid;
}

static const struct {
	const char *type, *file;
} kinds[] = {{"user", "user"}, {"network", "net"},   {"ipc", "ipc"},  {"uts", "uts"},
	     {"pid", "pid"},   {"cgroup", "cgroup"}, {"time", "time"}};

static void join(struct json_object *c, size_t kind, pid_t pid)
{
	cfg_set(c, "linux.namespaces[+]", "{'type':'%s','path':'/proc/%d/ns/%s'}", kinds[kind].type,
		pid, kinds[kind].file);
}

static const char *ns_of(struct it *t, pid_t pid, size_t kind)
{
	return read_link(t, it_text(t, "/proc/%d/ns/%s", pid, kinds[kind].file));
}

static void expect_joined(struct it *t, const char *out, size_t kind, pid_t pid)
{
	expect_fact(t, out, it_text(t, "ns.%s", kinds[kind].file), ns_of(t, pid, kind));
}

static void test_user_namespace_is_joined_with_what_it_owns(void **state)
{
	struct it *t = *state;
	pid_t holder = start_holder(
		t,
		"[{'type':'user'},{'type':'network'},{'type':'ipc'},{'type':'uts'},{'type':'pid'},"
		"{'type':'cgroup'},{'type':'time'}]",
		true);
	struct json_object *c =
		it_config(t, "ns ids fds cat /proc/self/uid_map loopback cat /proc/self/status");

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		join(c, i, holder);
	cfg_set(c, "process.user", "{'uid':3,'gid':4,'additionalGids':[5]}");
	cfg_set(c, "process.oomScoreAdj", "33");
	const char *out = it_output(t, c);

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		expect_joined(t, out, i, holder);
	expect_fact(t, out, "uid", "3 3 3 3");
	expect_fact(t, out, "groups", "5");
	expect_contains(out, "         0     100000      65536\n");
	expect_fact(t, out, "loopback", "OK");
	expect_not_contains(out, "fd 3");
	expect_contains(out, "NSpid:\t2\n");
}

static void test_user_namespace_is_joined_and_owns_what_is_new(void **state)
{
	struct it *t = *state;
	pid_t holder = start_holder(t, "[{'type':'user'}]", true), pid;
	struct json_object *c = it_config(t, "echo ready pause");
	struct stat st;

	cfg_set_text(c, "linux.namespaces", "[{'type':'network'},{'type':'pid'},{'type':'uts'}]");
	join(c, 0, holder);
	struct run *r = it_start_task(t, c, &pid);

	assert_int_equal(stat(it_text(t, "/proc/%d/ns/user", holder), &st), 0);
	assert_int_equal(owner_of(t, pid, "net"), st.st_ino);
	assert_int_equal(owner_of(t, pid, "pid"), st.st_ino);
	assert_int_equal(owner_of(t, pid, "mnt"), st.st_ino);
	expect_contains(proc_file(t, pid, "status"), it_text(t, "NSpid:\t%d\t1\n", pid));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(run_wait(r), 128 + SIGKILL);
}

/* Who is root of the namespace sees a task that is set up in it, with descriptors of the host, and may not trace it
 * (CVE-2016-9962). Seen to fail without the two PR_SET_DUMPABLE, of joiner.c and step_session(), and a setresuid(2) that clears
 * the flag as well. */
static void test_joined_user_namespace_cannot_trace_the_start(void **state)
{
	struct it *t = *state;
	pid_t holder = start_holder(t, "[{'type':'user'},{'type':'pid'}]", true);
	struct json_object *victim = it_config(t, "ids"), *c;

	cfg_set(victim, "linux.namespaces", "[]");
	join(victim, 0, holder);
	join(victim, 4, holder);
	as_root(victim, ""); /* to change to another user would clear the flag as well */
	struct run *r = it_start_config(t, NULL, victim);
	pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid"); /* it waits at its gate */
	const char *status = proc_file(t, pid, "status");
	const char *inside = strstr(status, it_text(t, "NSpid:\t%d\t", pid));

	assert_non_null(inside);
	inside = strchr(inside + strlen("NSpid:\t"), '\t') + 1;
	c = it_config(t, it_text(t, "ptrace %.*s ptrace 1", (int)strcspn(inside, "\n"), inside));
	cfg_set(c, "linux.namespaces", "[]");
	join(c, 0, holder);
	join(c, 4, holder);
	as_root(c, "\"CAP_SYS_PTRACE\",\"CAP_KILL\"");
	const char *out = it_output(t, c);

	expect_fact(t, out, it_text(t, "ptrace %.*s", (int)strcspn(inside, "\n"), inside), "EPERM");
	expect_fact(t, out, "ptrace 1", "OK"); /* not for want of rights */
	run_send(r, "true");
	(void)run_expect(r, "started");
	assert_int_equal(run_wait(r), 0);
}

/* As root may: in its own namespace it would have no right to. The kernel mounts no proc of such a pid namespace there, and of the
 * host's sysfs all but its devices is true. */
static void test_new_user_namespace_with_namespaces_of_the_host_joined(void **state)
{
	struct it *t = *state;
	pid_t pid, holder = start_holder(t,
					 "[{'type':'network'},{'type':'ipc'},{'type':'uts'},"
					 "{'type':'pid'}]",
					 false);
	struct json_object *c = it_config(t, "loopback ls /sys echo ready pause");

	cfg_set_text(c, "linux.namespaces", "[{'type':'user'}]");
	for (size_t i = 1; i < 5; i++)
		join(c, i, holder);
	map_ids(c);
	cfg_set(c, "mounts", "[{'destination':'/sys','type':'sysfs'}]");
	struct run *r = it_start_task(t, c, &pid);

	it_wait_ready(t, r);
	for (size_t i = 1; i < 5; i++)
		assert_string_equal(ns_of(t, pid, i), ns_of(t, holder, i));
	if (strcmp(ns_of(t, pid, 0), ns_of(t, holder, 0)) == 0)
		fail_msg("the user namespace is the host's");
	expect_fact(t, run_task_out(t, r), "loopback", "OK");
	expect_contains(run_task_out(t, r), "kernel");
}

static void test_user_namespace_that_is_our_own_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "ns");

	cfg_set(c, "linux.namespaces", "[{'type':'user','path':'/proc/self/ns/user'}]");
	(void)it_expect_error(t, c, 125, "namespaces", EINVAL, "join user namespace");
}

/* --- time --- */

static long seconds(clockid_t clock)
{
	struct timespec now;

	assert_int_equal(clock_gettime(clock, &now), 0);
	return now.tv_sec;
}

/* @now: what the clock should be now, a moment after the task has told it; to the second, which each file rounds its way. */
static void expect_clock(struct it *t, const char *out, const char *name, long now)
{
	long got = strtol(fact(t, out, name), NULL, 10);

	if (got < now - 60 || got > now + 1)
		fail_msg("%s: %ld s, now it is %ld s", name, got, now);
}

static void check_offsets(struct it *t, struct json_object *c)
{
	const char *out = it_output(t, c);

	expect_clock(t, out, "monotonic", seconds(CLOCK_MONOTONIC) + 864000);
	expect_clock(t, out, "boottime", seconds(CLOCK_BOOTTIME) + 7200);
	expect_clock(t, out, "uptime", seconds(CLOCK_BOOTTIME) + 7200);
}

static void set_offsets(struct json_object *c)
{
	cfg_set(c, "linux.namespaces[+]", "{'type':'time'}");
	cfg_set(c, "linux.timeOffsets",
		"{'monotonic':{'secs':863999,'nanosecs':999999999},'boottime':{'secs':7200}}");
}

static void test_time_offsets(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "clocks ns");

	set_offsets(c);
	check_offsets(t, c);
	/* offsets of none at all: a namespace all the same */
	cfg_del(c, "linux.timeOffsets");
	const char *out = it_output(t, c);

	expect_clock(t, out, "boottime", seconds(CLOCK_BOOTTIME));
	if (strcmp(fact(t, out, "ns.time"), read_link(t, "/proc/self/ns/time")) == 0)
		fail_msg("the time namespace is the host's");
}

static void test_time_offsets_in_a_user_namespace(void **state)
{
	struct it *t = *state;
	struct json_object *c = user_config(t, "clocks");

	set_offsets(c);
	check_offsets(t, c);
}

static void test_time_namespace_is_joined_by_path(void **state)
{
	struct it *t = *state;
	struct json_object *holder = it_config(t, "echo ready pause"), *c = it_config(t, "clocks");
	pid_t pid;

	set_offsets(holder);
	(void)it_start_task(t, holder, &pid);
	cfg_set(c, "linux.namespaces", "[{'type':'time','path':'/proc/%d/ns/time'}]", pid);
	check_offsets(t, c);
}

static void test_time_offset_that_the_kernel_refuses_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "ns");

	cfg_set(c, "linux.namespaces", "[{'type':'time'}]");
	cfg_set(c, "linux.timeOffsets", "{'boottime':{'secs':-1000000000}}");
	expect_contains(it_expect_error(t, c, 125, "namespaces", ERANGE, "boottime -1000000000"),
			"below zero");
}

/* The limit of a task's time runs on the host's clock. */
static void test_time_offsets_do_not_move_the_timeout(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "trap 15 pause");

	set_offsets(c);
	cfg_set(c, "taskshim.timeout", "'300ms'");
	struct run *r = it_run(t, c);

	assert_int_equal(run_wait(r), 55);
	assert_true(js_int(r->lines[r->n_lines - 1], "runtimeMs") >= 300);
	assert_true(js_int(r->lines[r->n_lines - 1], "runtimeMs") < 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_ids_are_mapped),
		IT(test_ids_that_start_elsewhere),
		IT(test_user_that_is_not_mapped_is_an_error),
		IT(test_capabilities_are_those_of_the_namespace),
		IT(test_the_other_namespaces_belong_to_it),
		IT(test_loopback_is_up),
		IT(test_no_descriptor_of_the_set_up_is_left),
		IT(test_oom_score_adj_is_written_by_the_parent),
		IT(test_init_and_hooks_in_a_user_namespace),
		IT(test_devices_are_the_hosts),
		IT(test_masked_and_read_only_paths),
		IT(test_filesystems_of_host_namespaces_are_bound),
		IT(test_devpts_group_that_is_not_mapped_is_left_out),
		IT(test_root_directory_belongs_to_whom_it_is_mapped),
		IT(test_root_that_cannot_be_reached_is_an_error),
		IT(test_task_directories_are_made_for_the_user),
		IT(test_mapped_mounts),
		IT(test_what_the_host_forbids_stays_forbidden),
		IT(test_what_the_host_forbids_of_a_mapped_mount_stays_forbidden),
		IT(test_options_beside_those_that_are_locked),
		IT(test_bind_that_would_uncover_is_an_error),
		IT(test_user_namespace_is_joined_with_what_it_owns),
		IT(test_user_namespace_is_joined_and_owns_what_is_new),
		IT(test_joined_user_namespace_cannot_trace_the_start),
		IT(test_new_user_namespace_with_namespaces_of_the_host_joined),
		IT(test_user_namespace_that_is_our_own_is_an_error),
		IT(test_time_offsets),
		IT(test_time_offsets_in_a_user_namespace),
		IT(test_time_namespace_is_joined_by_path),
		IT(test_time_offset_that_the_kernel_refuses_is_an_error),
		IT(test_time_offsets_do_not_move_the_timeout),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
