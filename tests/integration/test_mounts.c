/* mounts[], word by word, and linux.rootfsPropagation, as a task and the host see them. taskshim-config(5), "ROOT AND
 * MOUNTS". */
#include "tests/integration/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static struct json_object *root_task(struct it *t, const char *words)
{
	struct json_object *c = it_rootfs_config(t, words, "p");

	cfg_set(c, "process.user", "{'uid':0,'gid':0}");
	return c;
}

/* Mounts a tmpfs at @path, below it->dir; the caller unmounts it before it may fail. */
static void mount_tmpfs(const char *path, unsigned long flags)
{
	if (mount("ts-it", path, "tmpfs", flags, "mode=0755") < 0)
		fail_msg("mount on %s: %s", path, strerror(errno));
}

static void unmount(const char *path)
{
	if (umount2(path, MNT_DETACH) < 0)
		fail_msg("umount %s: %s", path, strerror(errno));
}

/* A directory with a mount below it: DIR/src, DIR/src/sub. */
static const char *make_source(struct it *t, unsigned long flags)
{
	const char *src = it_text(t, "%s/src", t->dir), *sub = it_text(t, "%s/sub", src);

	make_dir(src, 0755);
	mount_tmpfs(src, flags);
	if (flags && mount(NULL, src, NULL, MS_REMOUNT | MS_BIND, NULL) < 0)
		fail_msg("remount %s: %s", src, strerror(errno));
	make_dir(sub, 0755);
	mount_tmpfs(sub, flags);
	if (flags && mount(NULL, src, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0)
		fail_msg("remount %s: %s", src, strerror(errno));
	return src;
}

static void remove_source(struct it *t)
{
	unmount(it_text(t, "%s/src/sub", t->dir));
	unmount(it_text(t, "%s/src", t->dir));
}

/* --- words of a new filesystem --- */

/* What stands in the line of the mount: before " - " of the mount, behind it of the filesystem. */
static const struct {
	const char *options, *want, *not_want;
} tmpfs_words[] = {
	{"'ro'", " ro,", NULL},
	{"'rw'", " rw,", NULL},
	{"'nosuid'", "nosuid", NULL},
	{"'nosuid','suid'", " rw,", "nosuid"},
	{"'nodev'", "nodev", NULL},
	{"'nodev','dev'", " rw,", "nodev"},
	{"'noexec'", "noexec", NULL},
	{"'noexec','exec'", " rw,", "noexec"},
	{"'nosymfollow'", "nosymfollow", NULL},
	{"'nosymfollow','symfollow'", " rw,", "nosymfollow"},
	{"'noatime'", "noatime", "relatime"},
	{"'noatime','atime'", "relatime", "noatime"},
	{"'nodiratime'", "nodiratime", NULL},
	{"'nodiratime','diratime'", "relatime", "nodiratime"},
	{"'strictatime'", " rw ", "relatime"},
	{"'strictatime','nostrictatime'", "relatime", NULL},
	{"'strictatime','relatime'", "relatime", NULL},
	{"'noatime','norelatime'", "relatime", "noatime"},
	{"'sync'", "rw,sync", NULL},
	{"'sync','async'", "rw,", "sync"},
	{"'dirsync'", "rw,dirsync", NULL},
	{"'lazytime'", "rw,lazytime", NULL},
	{"'lazytime','nolazytime'", "rw,", "lazytime"},
	{"'mand','nomand','silent','loud','iversion','noiversion','defaults'", "relatime", NULL},
	{"'size=64k','nr_inodes=7','mode=700','uid=3','gid=4'",
	 "size=64k,nr_inodes=7,mode=700,uid=3,gid=4", NULL},
	{"'shared'", " shared:", NULL},
	{"'private'", "relatime - ", "shared:"},
	{"'slave'", "relatime - ", "shared:"},
	{"'unbindable'", " unbindable ", NULL},
	{"'rro'", " ro,", NULL},
};

static void test_each_word_of_a_new_filesystem(void **state)
{
	struct it *t = *state;

	for (size_t i = 0; i < sizeof tmpfs_words / sizeof tmpfs_words[0]; i++) {
		struct json_object *c = root_task(t, "cat /proc/self/mountinfo");

		cfg_set(c, "mounts[+]", "{'destination':'/m','type':'tmpfs','source':'tm'}");
		cfg_set_text(c, "mounts[1].options", it_text(t, "[%s]", tmpfs_words[i].options));
		const char *line = mount_at(t, it_output(t, c), "/m");

		expect_contains(line, tmpfs_words[i].want);
		if (tmpfs_words[i].not_want)
			expect_not_contains(line, tmpfs_words[i].not_want);
		it_forget(t);
	}
}

static void test_words_that_a_filesystem_refuses_are_named(void **state)
{
	static const struct {
		const char *type, *option, *object;
	} rows[] = {
		{"tmpfs", "size=lots", "size"},
		{"tmpfs", "mode=rw", "mode"},
		{"tmpfs", "huge=sometimes", "huge"},
		{"proc", "hidepid=9", "hidepid"},
		{"devpts", "ptmxmode=x", "ptmxmode"},
		{"overlay", "noexce", "\"noexec\""}, /* a type whose words we do not know */
		{"overlay", "lowerdri=/x", "lowerdri"},
		{"overlay", "acl", "acl"},
	};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct json_object *c = root_task(t, "exit 0");

		make_dir(it_text(t, "%s/m%zu", t->root, i), 0755);
		cfg_set(c, "mounts[+]",
			"{'destination':'/m%zu','type':'%s','source':'x','options':['%s']}", i,
			rows[i].type, rows[i].option);
		(void)it_expect_error(t, c, 125, "mount", EINVAL, rows[i].object);
	}
}

/* mount(2) takes these for a bind mount and does nothing. */
static void test_words_that_cannot_be_for_a_bind_mount_are_errors(void **state)
{
	static const char *const words[] = {"sync",	"dirsync",  "lazytime", "mand",
					    "size=64k", "mode=755", "acl",	"tmpcopyup"};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		struct json_object *c = root_task(t, "exit 0");

		cfg_set(c, "mounts[+]",
			"{'destination':'/m','source':'%s/etc','options':['bind','%s']}", t->dir,
			words[i]);
		(void)it_expect_error(t, c, 125, "config", EINVAL, words[i]);
	}
}

/* --- words of a bind mount, for it alone and for the tree --- */

static const unsigned long all_flags =
	MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME;

static const struct {
	const char *word;
	bool from_all; /* from a source that has all flags, else from one that has none */
	const char *mount, *below; /* what is in the line of the mount, and of the one below it */
	const char *not_mount, *not_below;
} bind_words[] = {
	{"ro", false, " ro,", " rw,", NULL, NULL},
	{"rro", false, " ro,", " ro,", NULL, NULL},
	{"nosuid", false, "nosuid", " rw", NULL, "nosuid"},
	{"rnosuid", false, "nosuid", "nosuid", NULL, NULL},
	{"nodev", false, "nodev", " rw", NULL, "nodev"},
	{"rnodev", false, "nodev", "nodev", NULL, NULL},
	{"noexec", false, "noexec", " rw", NULL, "noexec"},
	{"rnoexec", false, "noexec", "noexec", NULL, NULL},
	{"nodiratime", false, "nodiratime", " rw", NULL, "nodiratime"},
	{"rnodiratime", false, "nodiratime", "nodiratime", NULL, NULL},
	{"noatime", false, "noatime", "relatime", "relatime", "noatime"},
	{"rnoatime", false, "noatime", "noatime", "relatime", "relatime"},
	{"strictatime", false, " rw ", "relatime", "relatime", NULL},
	{"rstrictatime", false, " rw ", " rw ", "relatime", "relatime"},
	{"nosymfollow", false, "nosymfollow", " rw", NULL, "nosymfollow"},
	{"rnosymfollow", false, "nosymfollow", "nosymfollow", NULL, NULL},
	{"rw", true, " rw,", " rw,", NULL, NULL},
	{"rrw", true, " rw,", " rw,", NULL, NULL},
	{"suid", true, "nodev", "nosuid", "nosuid", NULL},
	{"rsuid", true, "nodev", "nodev", "nosuid", "nosuid"},
	{"dev", true, "nosuid", "nodev", "nodev", NULL},
	{"rdev", true, "nosuid", "nosuid", "nodev", "nodev"},
	{"exec", true, "nosuid", "noexec", "noexec", NULL},
	{"rexec", true, "nosuid", "nosuid", "noexec", "noexec"},
	{"diratime", true, "nosuid", "nodiratime", "nodiratime", NULL},
	{"rdiratime", true, "nosuid", "nosuid", "nodiratime", "nodiratime"},
	{"atime", true, "relatime", "noatime", "noatime", NULL},
	{"ratime", true, "relatime", "relatime", "noatime", "noatime"},
	{"relatime", true, "relatime", "noatime", "noatime", NULL},
	{"rrelatime", true, "relatime", "relatime", "noatime", "noatime"},
	{"rnorelatime", true, "relatime", "relatime", "noatime", "noatime"},
	{"rnostrictatime", true, "relatime", "relatime", "noatime", "noatime"},
	{"rsymfollow", true, "nosuid", "nosuid", "nosymfollow", "nosymfollow"},
};

/* Whether the line has and has not what it should; says so when not. */
static bool check_line(const char *word, const char *line, const char *want, const char *not_want)
{
	if (strstr(line, want) && (!not_want || !strstr(line, not_want)))
		return true;
	(void)fprintf(stderr, "%s: wanted \"%s\", not \"%s\": %s\n", word, want,
		      not_want ? not_want : "", line);
	return false;
}

static void check_bind_words(struct it *t, bool from_all)
{
	unsigned wrong = 0;

	(void)make_source(t, from_all ? all_flags : 0);
	for (size_t i = 0; i < sizeof bind_words / sizeof bind_words[0]; i++) {
		struct json_object *c = root_task(t, "cat /proc/self/mountinfo");

		if (bind_words[i].from_all != from_all)
			continue;
		cfg_set(c, "mounts[+]",
			"{'destination':'/m','source':'%s/src','options':['rbind','%s']}", t->dir,
			bind_words[i].word);
		struct run *r = it_run(t, c);
		const char *out = run_task_out(t, r);

		if (run_wait(r) != 0 || !strstr(out, " /m/sub ")) {
			(void)fprintf(stderr, "%s: %s\n", bind_words[i].word,
				      json_object_to_json_string(r->lines[0]));
			wrong++;
			continue;
		}
		wrong += !check_line(bind_words[i].word, mount_at(t, out, "/m"),
				     bind_words[i].mount, bind_words[i].not_mount);
		wrong += !check_line(bind_words[i].word, mount_at(t, out, "/m/sub"),
				     bind_words[i].below, bind_words[i].not_below);
		it_forget(t);
	}
	remove_source(t);
	assert_int_equal(wrong, 0);
}

static void test_each_word_that_sets_for_one_mount_and_for_a_tree(void **state)
{
	check_bind_words(*state, false);
}

static void test_each_word_that_clears_for_one_mount_and_for_a_tree(void **state)
{
	check_bind_words(*state, true);
}

static void test_read_only_trees_cannot_be_written(void **state)
{
	struct it *t = *state;
	struct json_object *c =
		root_task(t, "touch /one/x touch /one/sub/x touch /all/y touch /all/sub/y");

	(void)make_source(t, 0);
	cfg_set(c, "mounts[+]", "{'destination':'/one','source':'%s/src','options':['rbind','ro']}",
		t->dir);
	cfg_set(c, "mounts[+]",
		"{'destination':'/all','source':'%s/src','options':['rbind','rro']}", t->dir);
	struct run *r = it_run(t, c);
	const char *out = run_task_out(t, r);

	remove_source(t);
	expect_fact(t, out, "touch /one/x", "EROFS");
	expect_fact(t, out, "touch /one/sub/x", "OK");
	expect_fact(t, out, "touch /all/y", "EROFS");
	expect_fact(t, out, "touch /all/sub/y", "EROFS");
}

/* --- remount --- */

static void test_remount_changes_a_mount_of_the_task(void **state)
{
	struct it *t = *state;
	struct json_object *c = root_task(t, "touch /a/x touch /b/x cat /proc/self/mountinfo");

	cfg_set(c, "mounts[+]", "{'destination':'/a','type':'tmpfs','source':'a'}");
	cfg_set(c, "mounts[+]",
		"{'destination':'/"
		"b','type':'tmpfs','source':'b','options':['ro','nosuid','sync']}");
	cfg_set(c, "mounts[+]",
		"{'destination':'/"
		"a','type':'tmpfs','options':['remount','ro','size=64k','lazytime']}");
	cfg_set(c, "mounts[+]", "{'destination':'/b','options':['remount','rw','async']}");
	const char *out = it_output(t, c);

	expect_fact(t, out, "touch /a/x", "EROFS");
	expect_fact(t, out, "touch /b/x", "OK");
	expect_contains(mount_at(t, out, "/a"), "size=64k");
	expect_contains(mount_at(t, out, "/a"), "lazytime");
	expect_contains(mount_at(t, out, "/b"), " rw,nosuid"); /* what is not named stays */
	expect_not_contains(mount_at(t, out, "/b"), "sync");
}

/* The host's filesystem that is bound in stays as it is. */
static void test_remount_of_a_bind_mount_leaves_the_filesystem(void **state)
{
	struct it *t = *state;
	struct json_object *c = root_task(t, "touch /m/x cat /proc/self/mountinfo");
	const char *src = make_source(t, 0);

	cfg_set(c, "mounts[+]", "{'destination':'/m','source':'%s','options':['bind']}", src);
	cfg_set(c, "mounts[+]", "{'destination':'/m','options':['remount','ro','noexec']}");
	struct run *r = it_run(t, c);
	const char *host = mount_at(t, read_file(t, "/proc/self/mountinfo"), src);

	remove_source(t);
	assert_int_equal(run_wait(r), 0);
	expect_fact(t, run_task_out(t, r), "touch /m/x", "EROFS");
	expect_contains(mount_at(t, run_task_out(t, r), "/m"), "noexec");
	expect_contains(host, " rw,");
	expect_contains(host, " - tmpfs ts-it rw");
}

static void test_remount_of_the_root(void **state)
{
	struct it *t = *state;
	struct json_object *c = root_task(t, "touch /x touch /tmp/x");

	cfg_set(c, "mounts[+]", "{'destination':'/','options':['remount','bind','ro']}");
	expect_fact(t, it_output(t, c), "touch /x", "EROFS");
}

static void test_remount_of_nothing_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = root_task(t, "exit 0");

	cfg_set(c, "mounts[+]", "{'destination':'/tmp','options':['remount','ro']}");
	(void)it_expect_error(t, c, 125, "mount", EINVAL, "/tmp");
	cfg_set(c, "mounts[1]", "{'destination':'/nowhere','options':['remount','ro']}");
	(void)it_expect_error(t, c, 125, "mount", ENOENT, "/nowhere");
	cfg_set(c, "mounts[1]", "{'destination':'/proc','options':['remount','hidepid=nine']}");
	(void)it_expect_error(t, c, 125, "mount", EINVAL, "hidepid");
}

/* --- idmap, ridmap, mappings --- */

static struct json_object *mapped_task(struct it *t, const char *option)
{
	struct json_object *c = root_task(
		t, "stat /m/root stat /m/alice stat /m/stranger stat /m/sub/root touch /m/new");

	cfg_set(c, "mounts[+]", "{'destination':'/m','source':'%s/src','options':['rbind'%s]}",
		t->dir, option);
	cfg_set(c, "mounts[1].uidMappings",
		"[{'containerID':0,'hostID':100000,'size':1},{'containerID':1000,'hostID':0,'size':"
		"1}]");
	cfg_set(c, "mounts[1].gidMappings",
		"[{'containerID':0,'hostID':200000,'size':1000},{'containerID':1000,'hostID':0,'"
		"size':1}]");
	return c;
}

static void check_mapped(struct it *t, const char *option, bool below)
{
	struct stat st;
	const char *src = make_source(t, 0);

	assert_int_equal(chmod(src, 0777), 0);
	write_file(it_text(t, "%s/root", src), "", 0644);
	write_file(it_text(t, "%s/alice", src), "", 0644);
	write_file(it_text(t, "%s/stranger", src), "", 0644);
	write_file(it_text(t, "%s/sub/root", src), "", 0644);
	assert_int_equal(chown(it_text(t, "%s/alice", src), 1000, 29), 0);
	assert_int_equal(chown(it_text(t, "%s/stranger", src), 7, 2000), 0);
	struct run *r = it_run(t, mapped_task(t, option));
	const char *out = run_task_out(t, r);
	int status = run_wait(r), found = lstat(it_text(t, "%s/new", src), &st);

	remove_source(t);
	if (status != 0 && strstr(js_str(r->lines[0], "message"), "map the ids") &&
	    js_int(r->lines[0], "errno") == EINVAL)
		it_skip("this kernel has no mapped mounts of tmpfs (Linux 6.3)");
	assert_int_equal(status, 0);
	expect_fact(t, out, "stat /m/root", "f 0644 100000 200000 0");
	expect_fact(t, out, "stat /m/alice", "f 0644 0 200029 0");
	expect_fact(t, out, "stat /m/stranger", "f 0644 65534 65534 0"); /* no mapping */
	expect_fact(t, out, "stat /m/sub/root", below ? "f 0644 100000 200000 0" : "f 0644 0 0 0");
	expect_fact(t, out, "touch /m/new", "OK"); /* uid 0 of the task is 1000 of the disk */
	assert_int_equal(found, 0);
	assert_int_equal(st.st_uid, 1000);
	assert_int_equal(st.st_gid, 1000);
}

static void test_idmap_maps_one_mount(void **state)
{
	check_mapped(*state, ",'idmap'", false);
}

static void test_ridmap_maps_the_tree(void **state)
{
	check_mapped(*state, ",'ridmap'", true);
}

static void test_mappings_without_a_word_map_one_mount(void **state)
{
	check_mapped(*state, "", false);
}

static void test_mappings_that_overlap_are_errors(void **state)
{
	struct it *t = *state;
	struct json_object *c = mapped_task(t, ",'idmap'");

	make_dir(it_text(t, "%s/src", t->dir), 0755);
	make_dir(it_text(t, "%s/m", t->root), 0755);
	cfg_set(c, "mounts[1].uidMappings", /* they overlap */
		"[{'containerID':0,'hostID':5,'size':10},{'containerID':3,'hostID':50,'size':10}]");
	(void)it_expect_error(t, c, 125, "config", EINVAL, "mounts[1].uidMappings[1]");
	assert_int_equal(reap_children(t), 0);
}

/* --- tmpcopyup --- */

static void fill_under(struct it *t, const char *dir)
{
	int fd;

	make_dir(dir, 0751);
	assert_int_equal(chown(dir, 11, 12), 0);
	write_file(it_text(t, "%s/file", dir), "content\n", 0646);
	assert_int_equal(chown(it_text(t, "%s/file", dir), 1000, 29), 0);
	if (setxattr(it_text(t, "%s/file", dir), "user.mine", "value", 5, 0) < 0) {
		assert_int_equal(errno, EOPNOTSUPP);
		it_skip("no user.* attributes here (tmpfs before Linux 6.6)");
	}
	assert_int_equal(setxattr(it_text(t, "%s/file", dir), "trusted.mine", "other", 5, 0), 0);
	write_file(it_text(t, "%s/suid", dir), "s", 04755);
	assert_int_equal(link(it_text(t, "%s/file", dir), it_text(t, "%s/linked", dir)), 0);
	make_link("file", it_text(t, "%s/symlink", dir));
	make_link("/etc/../outside", it_text(t, "%s/dangling", dir));
	assert_int_equal(lchown(it_text(t, "%s/symlink", dir), 5, 6), 0);
	make_dir(it_text(t, "%s/sub", dir), 01777);
	write_file(it_text(t, "%s/sub/deep", dir), "deep\n", 0600);
	assert_int_equal(link(it_text(t, "%s/file", dir), it_text(t, "%s/sub/linked-too", dir)), 0);
	assert_int_equal(mknod(it_text(t, "%s/fifo", dir), S_IFIFO | 0620, 0), 0);
	assert_int_equal(mknod(it_text(t, "%s/null", dir), S_IFCHR | 0606, makedev(1, 3)), 0);
	fd = open_fd(t, it_text(t, "%s/sparse", dir), O_WRONLY | O_CREAT);
	assert_int_equal(ftruncate(fd, 64 << 20), 0);
	assert_int_equal(pwrite(fd, "end", 3, (64 << 20) - 3), 3);
	const struct timespec times[2] = {{.tv_sec = 86400}, {.tv_sec = 1000, .tv_nsec = 5}};

	assert_int_equal(utimensat(AT_FDCWD, it_text(t, "%s/sub", dir), times, 0), 0);
	assert_int_equal(utimensat(AT_FDCWD, it_text(t, "%s/file", dir), times, 0), 0);
}

static bool same_but_for_numbers(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       (S_ISDIR(a->st_mode) || a->st_size == b->st_size) && a->st_rdev == b->st_rdev &&
	       (S_ISDIR(a->st_mode) || a->st_nlink == b->st_nlink) &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void test_tmpcopyup_fills_the_tmpfs(void **state)
{
	static const char *const names[] = {"file",	"suid",	  "linked",	   "symlink",
					    "dangling", "sub",	  "sub/deep",	   "fifo",
					    "null",	"sparse", "sub/linked-too"};
	struct it *t = *state;
	struct json_object *c =
		root_task(t, "touch /up/new write /up/file changed echo ready pause");
	const char *under = it_text(t, "%s/up", it_rootfs(t)), *copy, *before;
	struct stat a, b;
	char value[8];
	pid_t pid;

	fill_under(t, under);
	before = it_tree(t, under);
	cfg_set(c, "mounts[+]",
		"{'destination':'/up','type':'tmpfs','source':'t','options':['tmpcopyup','nosuid',"
		"'size=1m']}"); /* the hole of 64 MiB stays one */
	struct run *r = it_start_task(t, c, &pid);

	it_wait_ready(t, r);
	copy = it_text(t, "/proc/%d/root/up", (int)pid);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		assert_int_equal(lstat(it_text(t, "%s/%s", under, names[i]), &a), 0);
		assert_int_equal(lstat(it_text(t, "%s/%s", copy, names[i]), &b), 0);
		if (!same_but_for_numbers(&a, &b) && strncmp(names[i], "file", 4) != 0 &&
		    !strstr(names[i], "linked")) /* those three are one, which the task wrote to */
			fail_msg("%s: mode %o %o, owner %u:%u %u:%u, links %lu %lu", names[i],
				 a.st_mode, b.st_mode, a.st_uid, a.st_gid, b.st_uid, b.st_gid,
				 (unsigned long)a.st_nlink, (unsigned long)b.st_nlink);
	}
	assert_int_equal(stat(copy, &b), 0);
	assert_int_equal(b.st_mode & 07777, 0751);
	assert_int_equal(b.st_uid, 11);
	assert_int_equal(b.st_gid, 12);
	assert_string_equal(read_file(t, it_text(t, "%s/linked", copy)), "changed\n");
	assert_string_equal(read_file(t, it_text(t, "%s/sub/linked-too", copy)), "changed\n");
	assert_int_equal(getxattr(it_text(t, "%s/file", copy), "trusted.mine", value, 8), 5);
	assert_memory_equal(value, "other", 5);
	if (getxattr(it_text(t, "%s/file", copy), "user.mine", value, 8) != 5)
		assert_int_equal(errno, EOPNOTSUPP); /* tmpfs has these since Linux 6.6 */
	assert_string_equal(read_link(t, it_text(t, "%s/dangling", copy)), "/etc/../outside");
	assert_int_equal(kill(pid, SIGKILL), 0);
	(void)run_wait(r);
	assert_string_equal(it_tree(t, under), before);
}

static void test_tmpcopyup_with_other_words(void **state)
{
	struct it *t = *state;
	struct json_object *c = root_task(t, "stat /up cat /up/file touch /up/x ls /none");

	make_dir(it_text(t, "%s/up", t->root), 0700);
	write_file(it_text(t, "%s/up/file", t->root), "content\n", 0644);
	cfg_set(c, "mounts[+]",
		"{'destination':'/up','type':'tmpfs','options':['tmpcopyup','ro','mode=1770']}");
	cfg_set(c, "mounts[+]",
		"{'destination':'/none','type':'tmpfs','options':['tmpcopyup']}"); /* not there */
	const char *out = it_output(t, c);

	expect_fact(t, out, "stat /up", "d 1770 0 0");
	expect_contains(out, "content\n");
	expect_fact(t, out, "touch /up/x", "EROFS");
}

static void test_tmpcopyup_that_does_not_fit_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = root_task(t, "exit 0");
	int fd;

	make_dir(it_text(t, "%s/up", t->root), 0755);
	fd = open_fd(t, it_text(t, "%s/up/large", t->root), O_WRONLY | O_CREAT);
	for (int i = 0; i < 64; i++)
		assert_int_equal(write(fd, t->dir, sizeof t->dir), sizeof t->dir);
	assert_int_equal(fallocate(fd, 0, 0, 1 << 20), 0);
	cfg_set(c, "mounts[+]",
		"{'destination':'/up','type':'tmpfs','options':['tmpcopyup','nr_inodes=1']}");
	(void)it_expect_error(t, c, 125, "mount", ENOSPC, "large");
}

/* A symlink under the target leads nowhere else, and one in it is copied, not followed. */
static void test_tmpcopyup_follows_nothing_out_of_the_root(void **state)
{
	struct it *t = *state;
	struct json_object *c = root_task(t, "ls /up ls /real");
	const char *outside = it_text(t, "%s/outside", t->dir);

	make_dir(outside, 0755);
	write_file(it_text(t, "%s/secret", outside), "secret\n", 0644);
	make_dir(it_text(t, "%s/real", t->root), 0755);
	make_link(outside, it_text(t, "%s/real/link", t->root));
	make_link(outside, it_text(t, "%s/up", t->root));
	cfg_set(c, "mounts[+]", "{'destination':'/real','type':'tmpfs','options':['tmpcopyup']}");
	const char *out = it_output(t, c);

	expect_contains(out, it_text(t, "stat link l 0777 0 0 %s\n", outside));
	expect_not_contains(out, "secret");
	cfg_set(c, "mounts[1]", "{'destination':'/up','type':'tmpfs','options':['tmpcopyup']}");
	struct run *r = it_run(t, c);

	expect_not_contains(run_task_out(t, r), "secret");
	assert_string_equal(it_tree(t, outside), it_text(t, "%s/secret 100644 0:0 7\n", outside));
}

/* --- a filesystem on a disk --- */

/* "ro" reaches the filesystem: one on a disk that is read-only cannot be mounted otherwise. */
static void test_ro_reaches_a_filesystem_on_a_read_only_disk(void **state)
{
	struct it *t = *state;
	struct json_object *c = root_task(t, "cat /m/file touch /m/x");
	const char *image = it_text(t, "%s/image", t->dir), *log = it_text(t, "%s/log", t->dir);
	char device[64] = "";

	if (access("/usr/sbin/mkfs.ext4", X_OK) < 0 || access("/usr/sbin/losetup", X_OK) < 0 ||
	    access("/dev/loop-control", R_OK | W_OK) < 0)
		it_skip("needs mkfs.ext4 and losetup");
	make_dir(it_text(t, "%s/content", t->dir), 0755);
	write_file(it_text(t, "%s/content/file", t->dir), "on the disk\n", 0644);
	if (system(it_text(t,
			   "mkfs.ext4 -q -d %s/content %s 2M >%s 2>&1 && losetup -r -f --show "
			   "%s >%s 2>&1",
			   t->dir, image, log, image, log)) != 0 ||
	    sscanf(read_file(t, log), "%63s", device) != 1)
		it_skip("no loop device to be had");
	cfg_set(c, "mounts[+]",
		"{'destination':'/m','type':'ext4','source':'%s','options':['ro','errors=panic']}",
		device);
	struct run *r = it_run(t, c);

	assert_int_equal(system(it_text(t, "losetup -d %s", device)), 0);
	if (run_wait(r) != 0)
		fail_msg("%s", json_object_to_json_string(r->lines[0]));
	expect_contains(run_task_out(t, r), "on the disk\n");
	expect_fact(t, run_task_out(t, r), "touch /m/x", "EROFS");
}

/* --- sources --- */

/* What an earlier task could write to may hold a trap: no symlink is followed there. Seen to fail with is_tasks_own()
 * always false: the task then reads the host's file. */
static void test_bind_source_in_a_tasks_directory_follows_no_symlink(void **state)
{
	struct it *t = *state;
	struct json_object *c = root_task(t, "ls /m");
	const char *alloc = it_text(t, "%s/alloc", t->dir),
		   *outside = it_text(t, "%s/outside", t->dir);

	make_dir(alloc, 0777);
	make_dir(outside, 0755);
	write_file(it_text(t, "%s/secret", outside), "secret\n", 0644);
	make_link(outside, it_text(t, "%s/data", alloc));
	make_link(outside, it_text(t, "%s/data", it_rootfs(t)));
	make_dir(it_text(t, "%s/m", t->root), 0755);
	make_dir(it_text(t, "%s/alloc", t->root), 0755);
	cfg_set(c, "taskshim.allocDir", "'%s'", alloc);
	cfg_set(c, "mounts[+]", "{'destination':'/m','source':'%s/data','options':['bind']}",
		alloc);
	(void)it_expect_error(t, c, 125, "mount", ELOOP, "alloc/data");
	cfg_set(c, "mounts[1].source", "'%s/data'", t->root);
	(void)it_expect_error(t, c, 125, "mount", ELOOP, "root/data");
	make_link(outside, it_text(t, "%s/by-the-operator", t->dir));
	cfg_set(c, "mounts[1].source", "'%s/by-the-operator'", t->dir);
	expect_contains(it_output(t, c), "stat secret f");
}

/* --- linux.rootfsPropagation --- */

/* Starts a task that waits, with the host's it->root on a mount of its own; the pid. */
static pid_t start_with(struct it *t, const char *propagation, struct run **ret)
{
	struct json_object *c = root_task(t, "touch /ready echo ready pause");
	pid_t pid;

	cfg_set(c, "linux.rootfsPropagation", "'%s'", propagation);
	cfg_set(c, "mounts[+]",
		"{'destination':'/peer','source':'%s/peer','options':['rbind','rshared']}", t->dir);
	*ret = it_start_task(t, c, &pid);
	it_wait_ready(t, *ret);
	return pid;
}

/* Mounts a tmpfs at @path in the task's mount namespace, and says whether that worked. */
static bool mount_inside(pid_t pid, const char *path)
{
	char ns[64];
	int status;
	pid_t child = fork();

	if (child == 0) {
		(void)snprintf(ns, sizeof ns, "/proc/%d/ns/mnt", (int)pid);
		int fd = open(ns, O_RDONLY | O_CLOEXEC);

		_exit(fd < 0 || setns(fd, CLONE_NEWNS) < 0 ||
		      mount("inside", path, "tmpfs", 0, NULL) < 0);
	}
	return waitpid(child, &status, 0) == child && status == 0;
}

static const struct {
	const char *word;
	const char *root; /* in the line of the task's root */
	const char *not_root;
	bool host_reaches_task,
		task_reaches_host; /* below the root; through the bind mount "rshared" */
} propagations[] = {
	{"private", " - ", "shared:", false, false},
	{"rprivate", " - ", "master:", false, false},
	{"slave", " master:", "shared:", true, false},
	{"rslave", " master:", "shared:", true, false},
	{"shared", " shared:", "master:", false, true},
	{"rshared", " shared:", "master:", false, true},
	{"unbindable", " unbindable", "shared:", false, false},
	{"runbindable", " unbindable", "shared:", false, false},
};

static void check_propagation(struct it *t, size_t i, const char *root)
{
	struct run *r;
	pid_t pid = start_with(t, propagations[i].word, &r);
	const char *line = mount_at(t, proc_file(t, pid, "mountinfo"), "/");
	const char *late = it_text(t, "%s/tmp", root), *host;
	bool reached, inside;

	mount_tmpfs(late, 0);
	reached = strstr(proc_file(t, pid, "mountinfo"), " /tmp ") != NULL;
	unmount(late);
	inside = mount_inside(pid, "/peer/below") && mount_inside(pid, "/sys");
	host = read_file(t, "/proc/self/mountinfo");
	assert_int_equal(kill(pid, SIGKILL), 0);
	(void)run_wait(r);
	(void)umount2(it_text(t, "%s/peer/below", t->dir), MNT_DETACH);
	if (!strstr(line, propagations[i].root) || strstr(line, propagations[i].not_root) ||
	    reached != propagations[i].host_reaches_task || !inside ||
	    (strstr(host, "/peer/below ") != NULL) != propagations[i].task_reaches_host ||
	    strstr(host, it_text(t, "%s/sys ", root)))
		fail_msg("%s: %s, from the host: %d, from inside: %d, host:\n%s",
			 propagations[i].word, line, reached, inside, host);
}

/* All of it is seen from outside: the mounts of the host are shared here (see harness.h). */
static void test_rootfs_propagation(void **state)
{
	struct it *t = *state;
	const char *root = it_rootfs(t), *peer = it_text(t, "%s/peer", t->dir);

	make_dir(peer, 0755);
	assert_int_equal(mount(root, root, NULL, MS_BIND, NULL), 0);
	mount_tmpfs(peer, 0);
	make_dir(it_text(t, "%s/below", peer), 0755);
	for (size_t i = 0; i < sizeof propagations / sizeof propagations[0]; i++)
		check_propagation(t, i, root);
	unmount(peer);
	unmount(root);
}

static void test_rootfs_propagation_of_a_private_root(void **state)
{
	static const char *const words[] = {"shared", "rslave", "unbindable"};
	static const char *const want[] = {" shared:", " - ", " unbindable"};
	struct it *t = *state;

	for (size_t i = 0; i < 3; i++) {
		struct json_object *c = it_config(t, "cat /proc/self/mountinfo");

		cfg_set(c, "linux.rootfsPropagation", "'%s'", words[i]);
		expect_contains(mount_at(t, it_output(t, c), "/"), want[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_each_word_of_a_new_filesystem),
		IT(test_words_that_a_filesystem_refuses_are_named),
		IT(test_words_that_cannot_be_for_a_bind_mount_are_errors),
		IT(test_each_word_that_sets_for_one_mount_and_for_a_tree),
		IT(test_each_word_that_clears_for_one_mount_and_for_a_tree),
		IT(test_read_only_trees_cannot_be_written),
		IT(test_remount_changes_a_mount_of_the_task),
		IT(test_remount_of_a_bind_mount_leaves_the_filesystem),
		IT(test_remount_of_the_root),
		IT(test_remount_of_nothing_is_an_error),
		IT(test_idmap_maps_one_mount),
		IT(test_ridmap_maps_the_tree),
		IT(test_mappings_without_a_word_map_one_mount),
		IT(test_mappings_that_overlap_are_errors),
		IT(test_tmpcopyup_fills_the_tmpfs),
		IT(test_tmpcopyup_with_other_words),
		IT(test_tmpcopyup_that_does_not_fit_is_an_error),
		IT(test_tmpcopyup_follows_nothing_out_of_the_root),
		IT(test_ro_reaches_a_filesystem_on_a_read_only_disk),
		IT(test_bind_source_in_a_tasks_directory_follows_no_symlink),
		IT(test_rootfs_propagation),
		IT(test_rootfs_propagation_of_a_private_root),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
