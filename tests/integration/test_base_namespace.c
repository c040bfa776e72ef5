/* taskshim.baseMountNamespace: the root on top of a copy of an empty namespace, instead of pivot_root(2). */
#include "shim/taskshim.h"
#include "tests/integration/harness.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void set_base(struct json_object *c, int fd)
{
	cfg_set(c, "taskshim.baseMountNamespace", "'/proc/%d/fd/%d'", (int)getpid(), fd);
}

static int make_base(void)
{
	struct taskshim_error error;
	int fd = -1;

	if (taskshim_base_mount_namespace(&fd, &error) < 0)
		fail_msg("%s: %s (%d)", error.step, error.message, error.err);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	return fd;
}

enum { MAX_MOUNTS = 64 };

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Fills @ret with the lines of mountinfo, sorted, without the numbers that differ from one start to the next: mount ids, and
 * devices of new filesystems. Returns how many there are. */
static size_t mounts_of(struct it *t, struct json_object *c, const char *ret[MAX_MOUNTS])
{
	const char *out = it_output(t, c);
	size_t n = 0;

	while (*out) {
		int skip = 0;
		const char *end = strchr(out, '\n');

		(void)sscanf(out, "%*d %*d %*d:%*d %n", &skip);
		assert_non_null(end);
		assert_true(n < MAX_MOUNTS);
		ret[n++] = it_text(t, "%.*s", (int)(end - out - skip), out + skip);
		out = end + 1;
	}
	qsort(ret, n, sizeof *ret, by_text);
	return n;
}

static void test_tasks_mounts_are_the_same(void **state)
{
	struct it *t = *state;
	_cleanup_fd_ int base = make_base();
	const char *copied[MAX_MOUNTS] = {0}, *pivoted[MAX_MOUNTS] = {0};

	for (int i = 0; i < 2; i++) { /* private memory, a directory */
		struct json_object *pivots =
			i ? it_rootfs_config(t, "cat /proc/self/mountinfo", "dp")
			  : it_config(t, "cat /proc/self/mountinfo");
		struct json_object *copies =
			i ? it_rootfs_config(t, "cat /proc/self/mountinfo", "dp")
			  : it_config(t, "cat /proc/self/mountinfo");

		set_base(copies, base);
		size_t n = mounts_of(t, copies, copied);

		assert_true(n > 2);
		assert_int_equal(mounts_of(t, pivots, pivoted), n);
		for (size_t m = 0; m < n; m++)
			assert_string_equal(copied[m], pivoted[m]);
	}
}

static void test_pivot_root_is_not_called_with_a_base_mount_namespace(void **state)
{
	struct it *t = *state;
	_cleanup_fd_ int base = make_base();
	const char *log = it_text(t, "%s/log", t->dir);
	const char *const strace[] = {"strace", "-f", "-qq", "-e", "trace=pivot_root,setns",
				      "-o",	log,  NULL};
	struct start how = {.wrapper = strace};
	char text[4096] = "";

	for (int i = 0; i < 2; i++) {
		struct json_object *c = it_config(t, "cwd");

		if (i == 0)
			set_base(c, base);
		struct run *r = it_start_config(t, &how, c);

		run_send(r, "true\n");
		assert_int_equal(run_wait(r), 0);
		_cleanup_fd_ int fd = open(log, O_RDONLY | O_CLOEXEC);
		ssize_t n = read(fd, text, sizeof text - 1);

		assert_true(n > 0);
		text[n] = '\0';
		assert_int_equal(strstr(text, "pivot_root(") != NULL, i == 1);
		assert_int_equal(strstr(text, "setns(") != NULL, i == 0);
	}
}

/* With every right that a task can be given. */
static void test_below_the_root_is_nothing(void **state)
{
	struct it *t = *state;
	_cleanup_fd_ int base = make_base();

	for (int i = 0; i < 2; i++) {
		struct json_object *c = i ? it_rootfs_config(t, "", "p") : it_config(t, "");

		cfg_set(c, "process.user", "{'uid':0,'gid':0}");
		cfg_set(c, "process.args",
			"['/bin/probe','uncover','cwd','ls','/','stat','/usr','stat','/..',"
			"'stat','/../usr','touch','/x','mkdir','/x']");
		cfg_set(c, "process.capabilities",
			"{'bounding':['CAP_SYS_ADMIN','CAP_SYS_CHROOT'],"
			"'permitted':['CAP_SYS_ADMIN','CAP_SYS_CHROOT'],"
			"'effective':['CAP_SYS_ADMIN','CAP_SYS_CHROOT']}");
		set_base(c, base);
		const char *out = it_output(t, c);

		expect_fact(t, out, "detach", "OK");
		expect_fact(t, out, "setns", "OK");
		expect_fact(t, out, "cwd", "/");
		expect_fact(t, out, "stat /usr", "ENOENT");
		expect_fact(t, out, "stat /../usr", "ENOENT");
		expect_contains(fact(t, out, "stat /.."), "d 0555");
		expect_fact(t, out, "touch /x", "EROFS");
		expect_fact(t, out, "mkdir /x", "EROFS");
		expect_not_contains(out, "stat bin"); /* what "ls /" says */
	}
}

/* What it cannot do is done by pivot_root(2). */
static void test_where_it_cannot_be_used(void **state)
{
	static const struct {
		const char *path, *value, *expected;
	} rows[] = {
		{"linux.rootfsPropagation", "'rshared'", "/root / rw"},
		{"mounts[+]",
		 "{'destination':'/x','type':'tmpfs','source':'x','options':['unbindable']}",
		 " unbindable "},
		{"hooks.createContainer", "[{'path':'/bin/true'}]", "/root / rw"},
		{"taskshim.isolation", "'chroot'", "/root / rw"},
	};
	struct it *t = *state;
	_cleanup_fd_ int base = make_base();

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct json_object *c = it_rootfs_config(t, "cat /proc/self/mountinfo", "dp");

		cfg_set_text(c, rows[i].path, rows[i].value);
		set_base(c, base);
		expect_contains(it_output(t, c), rows[i].expected);
	}
}

static void test_other_namespaces_are_refused(void **state)
{
	static const struct {
		const char *path, *message;
	} rows[] = {
		{"/proc/self/ns/mnt", "base mount namespace has more than an empty root"},
		{"/proc/self/ns/uts", "namespace is of type uts, not mount"},
		{"/dev/null", "not a namespace"},
		{"/no/such", "open namespace"},
	};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct json_object *c = it_config(t, "cwd");

		cfg_set(c, "taskshim.baseMountNamespace", "'%s'", rows[i].path);
		struct run *r = it_start_config(t, &(struct start){0}, c);

		expect_contains(json_object_to_json_string(run_expect(r, "error")),
				rows[i].message);
		assert_int_equal(run_wait(r), 125);
	}
}

/* --- the call --- */

static void *make_many(void *arg)
{
	for (int i = 0; i < 20; i++) {
		int fd;

		if (taskshim_base_mount_namespace(&fd, NULL) < 0)
			return arg;
		(void)close(fd);
	}
	return NULL;
}

/* The teardown looks for what is left of descriptors, mounts and processes. */
static void test_threads_make_their_own(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_many, threads), 0);
	for (size_t i = 0; i < 4; i++) {
		void *failed;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
}

static void test_caller_without_the_right(void **state)
{
	struct taskshim_error error = {0};
	int status, fd;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		if (setuid(65534) < 0)
			_exit(1);
		_exit(taskshim_base_mount_namespace(&fd, &error) < 0 && error.err == EPERM ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A driver that ignores SIGCHLD, or collects every child it has, is told the truth all the same. */
static void test_caller_that_reaps_every_child_is_told_the_truth(void **state)
{
	void (*old)(int) = signal(SIGCHLD, SIG_IGN);
	_cleanup_fd_ int fd = make_base();

	(void)state;
	(void)signal(SIGCHLD, old);
	assert_true(fd >= 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_tasks_mounts_are_the_same),
		IT(test_pivot_root_is_not_called_with_a_base_mount_namespace),
		IT(test_below_the_root_is_nothing),
		IT(test_where_it_cannot_be_used),
		IT(test_other_namespaces_are_refused),
		IT(test_threads_make_their_own),
		IT(test_caller_without_the_right),
		IT(test_caller_that_reaps_every_child_is_told_the_truth),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
