/* Names in the root that change places while tasks start: what runc's CVE-2019-19921, CVE-2021-30465, CVE-2023-27561,
 * CVE-2024-45310, CVE-2025-31133 and CVE-2025-52565 and crun's CVE-2019-18837 had in common. A process exchanges a directory
 * of the root and a symlink to a directory of the host, without a pause, tens of thousands of times, while tasks are
 * started that mount, make and cover below it. Whatever becomes of the tasks, the host's directory sees nothing (inotify
 * tells of what was undone, too), and the host's mounts are the same.
 *
 * Seen to fail, with RESOLVE_IN_ROOT taken out of ts_open_in_root() (openat(2) below the root's descriptor instead):
 * test_targets_that_are_symlinks and all races but four, with entries in outside/ and events of them. The race of a bind
 * source fails when is_tasks_own() of mounts.c says no. Those of remount, masks and /proc make nothing: what goes astray
 * there is hidden by the mount namespace, which is the second lock. */
#include "tests/integration/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TASKS = 60, SWAPS = 20000 };

struct race {
	struct it *t;
	const char *outside; /* the host's directory */
	const char *before; /* what is in it */
	const char *mounts;
	int watch_fd;
	atomic_uint *swaps; /* shared with the racer */
	pid_t racer;
};

/* it->root/race is a directory, it->root/link leads out. Both have what the tasks' paths name. */
static void race_prepare(struct it *t, struct race *race)
{
	static const char *const dirs[] = {"sub", "dev", "full"};
	const char *inside = it_text(t, "%s/race", it_rootfs(t));

	*race = (struct race){.t = t, .outside = it_text(t, "%s/outside", t->dir)};
	make_dir(race->outside, 0777);
	make_dir(inside, 0777);
	make_link(race->outside, it_text(t, "%s/link", t->root));
	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
		make_dir(it_text(t, "%s/%s", race->outside, dirs[i]), 0777);
		make_dir(it_text(t, "%s/%s", inside, dirs[i]), 0777);
	}
	write_file(it_text(t, "%s/secret", race->outside), "the host's\n", 0644);
	write_file(it_text(t, "%s/full/file", race->outside), "the host's\n", 0644);
	write_file(it_text(t, "%s/secret", inside), "the task's\n", 0644);
	write_file(it_text(t, "%s/full/file", inside), "the task's\n", 0644);
	race->before = it_tree(t, race->outside);
	race->mounts = read_file(t, "/proc/self/mountinfo");
	race->watch_fd = own_fd(t, inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
	assert_true(race->watch_fd >= 0);
	for (size_t i = 0; i <= sizeof dirs / sizeof dirs[0]; i++)
		assert_true(inotify_add_watch(race->watch_fd,
					      i ? it_text(t, "%s/%s", race->outside, dirs[i - 1])
						: race->outside,
					      IN_CREATE | IN_DELETE | IN_MODIFY | IN_ATTRIB |
						      IN_MOVE | IN_OPEN) >= 0);
}

static void race_begin(struct race *race)
{
	const char *a = it_text(race->t, "%s/race", race->t->root),
		   *b = it_text(race->t, "%s/link", race->t->root);

	race->swaps = mmap(NULL, sizeof *race->swaps, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(race->swaps != MAP_FAILED);
	race->racer = fork();
	if (race->racer == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;; atomic_fetch_add(race->swaps, 1))
			(void)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b,
				      2 /* RENAME_EXCHANGE */);
	}
}

/* What the host's directory saw, but that it was opened: the test's own look does that, and so may open_tree(2) of a source. */
static const char *race_events(struct race *race)
{
	_Alignas(struct inotify_event) char buf[65536];
	const char *text = "";
	ssize_t n;

	while ((n = read(race->watch_fd, buf, sizeof buf)) > 0) {
		for (char *at = buf; at < buf + n;) {
			const struct inotify_event *event = (void *)at;

			if (event->mask & ~(uint32_t)(IN_OPEN | IN_ISDIR))
				text = it_text(race->t, "%s0x%x %s\n", text, event->mask,
					       event->len ? event->name : "");
			at += sizeof *event + event->len;
		}
	}
	return text;
}

static void race_end(struct race *race, unsigned ran)
{
	unsigned swaps;

	(void)kill(race->racer, SIGKILL);
	(void)waitpid(race->racer, NULL, 0);
	swaps = atomic_load(race->swaps);
	(void)munmap(race->swaps, sizeof *race->swaps);
	assert_string_equal(race_events(race), "");
	assert_string_equal(it_tree(race->t, race->outside), race->before);
	assert_string_equal(read_file(race->t, "/proc/self/mountinfo"), race->mounts);
	(void)fprintf(stderr, "%u swaps, %u tasks ran\n", swaps, ran);
	assert_true(swaps >= SWAPS);
}

/* Starts @c again and again; its output must not have the host's file in it. */
static void run_race(struct it *t, struct json_object *c)
{
	struct race race;
	unsigned ran = 0;

	race_prepare(t, &race);
	race_begin(&race);
	for (int i = 0; i < TASKS || atomic_load(race.swaps) < SWAPS; i++) {
		struct run *r = it_run(t, c);

		if (run_wait(r) != 0) /* a step said that it cannot be done, and nothing ran */
			assert_int_equal(run_wait(r), 125);
		ran += run_wait(r) == 0;
		if (strstr(run_task_out(t, r), "the host's")) {
			(void)kill(race.racer, SIGKILL);
			(void)waitpid(race.racer, NULL, 0);
			fail_msg("the task reads the host's file: %s", run_task_out(t, r));
		}
		it_forget(t);
	}
	race_end(&race, ran);
}

static struct json_object *race_task(struct it *t, const char *words)
{
	struct json_object *c = it_rootfs_config(t, words, "p");

	cfg_set(c, "process.user", "{'uid':0,'gid':0}");
	return c;
}

static void test_race_of_new_filesystems(void **state)
{
	struct json_object *c = race_task(*state, "cat /race/secret");

	cfg_set(c, "mounts[+]", "{'destination':'/race/new/deep','type':'tmpfs','source':'evil'}");
	cfg_set(c, "mounts[+]", "{'destination':'/race/sub','type':'tmpfs','source':'evil'}");
	cfg_set(c, "mounts[+]", "{'destination':'/race/proc','type':'proc','source':'evil'}");
	run_race(*state, c);
}

static void test_race_of_bind_mounts(void **state)
{
	struct it *t = *state;
	struct json_object *c = race_task(t, "cat /race/secret");

	cfg_set(c, "mounts[+]",
		"{'destination':'/race/file','source':'%s/etc/group','options':['bind']}", t->dir);
	cfg_set(c, "mounts[+]",
		"{'destination':'/race/dir','source':'%s/etc','options':['rbind','ro']}", t->dir);
	cfg_set(c, "mounts[+]",
		"{'destination':'/race/sub','source':'%s/etc','options':['bind','rshared']}",
		t->dir);
	run_race(t, c);
}

static void test_race_of_the_tasks_directories(void **state)
{
	struct it *t = *state;
	struct json_object *c = race_task(t, "cat /race/secret");

	make_dir(it_text(t, "%s/alloc", t->dir), 0777);
	make_link("/race", it_text(t, "%s/alloc", it_rootfs(t)));
	cfg_set(c, "taskshim.allocDir", "'%s/alloc'", t->dir);
	cfg_set(c, "taskshim.chroot", "{'/race/etc':'%s/etc','/race/full':'%s/etc'}", t->dir,
		t->dir);
	run_race(t, c);
}

/* A source in the root that is exchanged with a symlink to the host's. */
static void test_race_of_a_bind_source(void **state)
{
	struct it *t = *state;
	struct json_object *c = race_task(t, "cat /m/secret cat /m/file");

	cfg_set(c, "mounts[+]", "{'destination':'/m','source':'%s/race','options':['bind']}",
		it_rootfs(t));
	cfg_set(c, "mounts[+]", "{'destination':'/m','source':'%s/race/full','options':['rbind']}",
		t->root);
	run_race(t, c);
}

static void test_race_of_tmpcopyup(void **state)
{
	struct json_object *c = race_task(*state, "cat /race/full/file cat /race/secret");

	cfg_set(c, "mounts[+]",
		"{'destination':'/race/full','type':'tmpfs','options':['tmpcopyup']}");
	cfg_set(c, "mounts[+]", "{'destination':'/race','type':'tmpfs','options':['tmpcopyup']}");
	run_race(*state, c);
}

static void test_race_of_remount(void **state)
{
	struct json_object *c = race_task(*state, "cat /race/secret");

	cfg_set(c, "mounts[+]", "{'destination':'/race/sub','type':'tmpfs','source':'evil'}");
	cfg_set(c, "mounts[+]",
		"{'destination':'/race/sub','options':['remount','ro','size=64k']}");
	run_race(*state, c);
}

static void test_race_of_devices(void **state)
{
	struct json_object *c = race_task(*state, "cat /race/secret");

	cfg_set(c, "mounts[+]", "{'destination':'/race/dev','type':'tmpfs'}");
	cfg_set(c, "mounts[+]", "{'destination':'/dev','type':'tmpfs'}");
	cfg_set(c, "linux.devices",
		"[{'path':'/race/null','type':'c','major':1,'minor':3},"
		"{'path':'/race/dev/zero','type':'c','major':1,'minor':5},"
		"{'path':'/race/sub/fifo','type':'p'},{'path':'/dev/"
		"console','type':'c','major':5,'minor':1}]");
	run_race(*state, c);
}

/* The root's /dev is exchanged itself: default devices and links, /dev/console. */
static void test_race_of_dev(void **state)
{
	struct it *t = *state;
	struct json_object *c = race_task(t, "cat /race/secret stat /dev/null");

	assert_int_equal(rmdir(it_text(t, "%s/dev", it_rootfs(t))), 0);
	make_link("race/dev", it_text(t, "%s/dev", t->root));
	cfg_set(c, "mounts[+]", "{'destination':'/dev','type':'tmpfs'}");
	cfg_set(c, "mounts[+]", "{'destination':'/dev/pts','type':'devpts'}");
	cfg_set(c, "linux.devices", "[{'path':'/dev/console','type':'c','major':5,'minor':1}]");
	run_race(t, c);
}

static void test_race_of_masks(void **state)
{
	struct json_object *c = race_task(*state, "cat /race/secret cat /race/full/file");

	cfg_set(c, "linux.maskedPaths", "['/race/secret','/race/full','/race/dev','/race/gone']");
	cfg_set(c, "linux.readonlyPaths", "['/race/sub','/race','/race/gone/deep']");
	run_race(*state, c);
}

/* The root's /proc is exchanged: what covers /proc/... covers it in the root. */
static void test_race_of_proc(void **state)
{
	struct it *t = *state;
	struct json_object *c = race_task(t, "cat /race/secret");

	assert_int_equal(rmdir(it_text(t, "%s/proc", it_rootfs(t))), 0);
	make_link("race/sub", it_text(t, "%s/proc", t->root));
	cfg_set(c, "linux.maskedPaths", "['/proc/kcore','/proc/secret','/proc/scsi']");
	cfg_set(c, "linux.readonlyPaths", "['/proc/sys','/proc']");
	run_race(t, c);
}

static void test_race_of_a_cgroup_mount(void **state)
{
	struct it *t = *state;
	struct json_object *c = race_task(t, "cat /race/secret");
	const char *unified = it_cgroup(t, "unified"), *memory = it_cgroup(t, "memory");

	if (unified)
		cfg_set(c, "taskshim.cgroup.unified", "'%s'", unified);
	if (memory)
		cfg_set(c, "taskshim.cgroup.memory", "'%s'", memory);
	cfg_set(c, "mounts[+]",
		"{'destination':'/race/cg/deep','type':'cgroup','source':'cgroup'}");
	run_race(t, c);
}

/* --- without a race: the targets simply are symlinks --- */

static void test_targets_that_are_symlinks(void **state)
{
	static const char *const links[] = {"abs", "up", "chain", "dangling"};
	struct it *t = *state;
	struct race race;

	race_prepare(t, &race);
	make_link(race.outside, it_text(t, "%s/abs", t->root));
	make_link(it_text(t, "../../../../../../../../..%s", race.outside),
		  it_text(t, "%s/up", t->root));
	make_link("abs", it_text(t, "%s/chain", t->root));
	make_link(it_text(t, "%s/new", race.outside), it_text(t, "%s/dangling", t->root));
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
		struct json_object *c = race_task(
			t, it_text(t, "cat /%s/secret cat /%s/full/file", links[i], links[i]));

		cfg_set(c, "mounts[+]", "{'destination':'/%s/sub','type':'tmpfs'}", links[i]);
		cfg_set(c, "mounts[+]", "{'destination':'/%s/a/b','type':'tmpfs'}", links[i]);
		cfg_set(c, "mounts[+]",
			"{'destination':'/%s/full','type':'tmpfs','options':['tmpcopyup']}",
			links[i]);
		cfg_set(c, "linux.devices", "[{'path':'/%s/null','type':'c','major':1,'minor':3}]",
			links[i]);
		cfg_set(c, "linux.maskedPaths", "['/%s/secret']", links[i]);
		cfg_set(c, "linux.readonlyPaths", "['/%s/dev']", links[i]);
		struct run *r = it_run(t, c);

		if (run_wait(r) != 0)
			assert_int_equal(run_wait(r), 125);
		expect_not_contains(run_task_out(t, r), "the host's");
		assert_string_equal(race_events(&race), "");
		assert_string_equal(it_tree(t, race.outside), race.before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_targets_that_are_symlinks),
		IT(test_race_of_new_filesystems),
		IT(test_race_of_bind_mounts),
		IT(test_race_of_the_tasks_directories),
		IT(test_race_of_a_bind_source),
		IT(test_race_of_tmpcopyup),
		IT(test_race_of_remount),
		IT(test_race_of_devices),
		IT(test_race_of_dev),
		IT(test_race_of_masks),
		IT(test_race_of_proc),
		IT(test_race_of_a_cgroup_mount),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
