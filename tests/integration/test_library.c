/* libtaskshim from inside a driver: any number of waiters of one task, and a thousand tasks that leave the driver as it was.
 * What the driver's processes see is compared with what the command does elsewhere (tests/e2e). */
#include "shim/taskshim.h"
#include "tests/integration/harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAITERS = 50, ROUNDS = 50, UNKNOWN = 255 };

struct driver {
	const char *root; /* of the state directories */
	struct taskshim_options options;
};

static void driver_init(struct driver *d, struct it *t)
{
	d->root = it_text(t, "%s/state", t->dir);
	make_dir(d->root, 0700);
	d->options = (struct taskshim_options)TASKSHIM_OPTIONS_INIT;
	d->options.root = d->root;
	d->options.spawn_daemon = it_text(t, "%s/spawn-daemon", t->build);
}

/* A task of nobody's that runs @script in a root of its own. */
static int create(struct driver *d, const char *script, unsigned flags, taskshim_task **ret,
		  struct taskshim_error *error)
{
	char config[1024];
	int len = snprintf(config, sizeof config,
			   "{\"process\":{\"args\":[\"/bin/sh\",\"-c\",\"%s\"]},"
			   "\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"}]},"
			   "\"taskshim\":{\"chroot\":\"host\",\"monitor\":%s}}",
			   script, flags & TASKSHIM_UNMONITORED ? "false" : "true");

	d->options.flags = flags;
	return taskshim_task_create(&d->options, config, (size_t)len, ret, error);
}

#define EXPECT_OK(call)                                                                            \
	do {                                                                                       \
		if ((call) < 0)                                                                    \
			fail_msg("%s: %s: %s (%d)", #call, error.step, error.message, error.err);  \
	} while (0)

/* --- waiters --- */

/* A process that opens the task, says so, and waits for it: its exit status is the task's. */
static pid_t fork_waiter(const struct driver *d, const char *id_string, int ready_fd)
{
	pid_t pid = fork();
	taskshim_task *task;
	struct taskshim_exit end = {0};

	assert_true(pid >= 0);
	if (pid != 0)
		return pid;
	if (taskshim_task_open(d->root, id_string, &task, NULL) < 0)
		_exit(UNKNOWN - 1);
	if (write(ready_fd, "", 1) != 1 || taskshim_task_wait(task, -1, &end, NULL) < 0)
		_exit(UNKNOWN - 2);
	_exit(end.known ? end.exit_code : UNKNOWN);
}

static void await(int ready_fd, unsigned count)
{
	char bytes[WAITERS];

	while (count > 0) {
		ssize_t n = read(ready_fd, bytes, count);

		assert_true(n > 0);
		count -= (unsigned)n;
	}
}

/* Half of the waiters are there before the start; the others come while the task, which takes no time, is over or not. */
static void check_round(struct driver *d, unsigned flags)
{
	struct taskshim_error error;
	taskshim_task *task;
	pid_t waiters[WAITERS], init;
	int ready[2], status;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	EXPECT_OK(create(d, "exit 7", flags, &task, &error));
	init = taskshim_task_pid(task);
	for (unsigned i = 0; i < WAITERS / 2; i++)
		waiters[i] = fork_waiter(d, taskshim_task_id_string(task), ready[1]);
	await(ready[0], WAITERS / 2);
	EXPECT_OK(taskshim_task_start(task, &error));
	for (unsigned i = WAITERS / 2; i < WAITERS; i++)
		waiters[i] = fork_waiter(d, taskshim_task_id_string(task), ready[1]);
	await(ready[0], WAITERS / 2);
	for (unsigned i = 0; i < WAITERS; i++) {
		assert_int_equal(waitpid(waiters[i], &status, 0), waiters[i]);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 7)
			fail_msg("waiter %u: status 0x%x", i, (unsigned)status);
	}
	if (flags & TASKSHIM_UNMONITORED) /* it has come to us */
		assert_int_equal(waitpid(init, &status, 0), init);
	EXPECT_OK(taskshim_task_delete(task, false, &error));
	taskshim_task_free(task);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

static void test_wait_of_a_task_that_ends_at_once_tells_all_waiters(void **state)
{
	struct driver d;

	driver_init(&d, *state);
	for (int i = 0; i < ROUNDS; i++)
		check_round(&d, 0);
}

static void test_wait_of_an_unmonitored_task_that_ends_at_once_tells_all_waiters(void **state)
{
	struct driver d;

	driver_init(&d, *state);
	for (int i = 0; i < ROUNDS / 5; i++)
		check_round(&d, TASKSHIM_UNMONITORED);
}

/* --- pausing and limits, through the handle that has created the task and through another --- */

static void expect_state(taskshim_task *task, const char *part)
{
	struct taskshim_error error;
	char *text;

	EXPECT_OK(taskshim_task_state(task, &text, &error));
	if (!strstr(text, part))
		fail_msg("no %s in %s", part, text);
	free(text);
}

static void check_pause_and_update(taskshim_task *task, const char *limit)
{
	static const char too_few[] = "{\"cpu\":{\"shares\":1}}";
	struct taskshim_error error;
	char resources[64], part[64];

	EXPECT_OK(taskshim_task_pause(task, &error));
	expect_state(task, "\"status\": \"paused\"");
	(void)snprintf(resources, sizeof resources, "{\"memory\":{\"limit\":%s}}", limit);
	EXPECT_OK(taskshim_task_update(task, resources, strlen(resources), &error));
	(void)snprintf(part, sizeof part, "\": \"%s\"", limit);
	expect_state(task, part);
	EXPECT_OK(taskshim_task_resume(task, &error));
	expect_state(task, "\"status\": \"running\"");
	assert_int_equal(taskshim_task_update(task, "{", 1, &error), -1);
	assert_string_equal(error.step, "config");
	assert_int_equal(taskshim_task_update(task, too_few, strlen(too_few), &error), -1);
	if (!strstr(error.message, "linux.resources.cpu.shares: 1 is out of range"))
		fail_msg("%s", error.message);
}

static void test_pause_update_and_resume(void **state)
{
	struct it *t = *state;
	struct taskshim_error error;
	taskshim_task *task, *other;
	struct driver d;

	if (!exists("/sys/fs/cgroup/memory") &&
	    !(exists("/sys/fs/cgroup/cgroup.controllers") &&
	      strstr(read_file(t, "/sys/fs/cgroup/cgroup.controllers"), "memory")))
		it_skip("this machine has no memory controller");
	driver_init(&d, t);
	EXPECT_OK(create(&d, "sleep 1000", TASKSHIM_START, &task, &error));
	check_pause_and_update(task, "268435456");
	EXPECT_OK(taskshim_task_open(d.root, taskshim_task_id(task), &other, &error));
	check_pause_and_update(other, "134217728");
	EXPECT_OK(taskshim_task_kill(task, &error));
	assert_int_equal(taskshim_task_pause(other, &error), -1);
	assert_int_equal(error.err, ESRCH);
	assert_int_equal(taskshim_task_update(task, "{}", 2, &error), -1);
	assert_int_equal(error.err, ESRCH);
	taskshim_task_free(other);
	EXPECT_OK(taskshim_task_delete(task, false, &error));
	taskshim_task_free(task);
}

/* --- a driver that goes on for ever --- */

static unsigned count_entries(const char *path)
{
	DIR *dir = opendir(path);
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

static unsigned count_lines(struct it *t, const char *path)
{
	unsigned n = 0;

	for (const char *at = read_file(t, path); (at = strchr(at, '\n')); at++)
		n++;
	return n;
}

/* Resident memory that is no file's, in kilobytes. */
static unsigned anonymous_kb(struct it *t)
{
	const char *line = strstr(read_file(t, "/proc/self/status"), "RssAnon:");

	assert_non_null(line);
	return (unsigned)strtoul(line + strlen("RssAnon:"), NULL, 10);
}

static const char *tasks_cgroup(struct it *t)
{
	const char *hybrid = "/sys/fs/cgroup/unified";

	return it_text(t, "%s/taskshim", exists(hybrid) ? hybrid : "/sys/fs/cgroup");
}

struct footprint {
	unsigned fds, mounts, children, state, cgroups;
};

static bool is_childless(void *arg)
{
	struct it *t = arg;
	const char *text = read_file(t, it_text(t, "/proc/self/task/%d/children", (int)getpid()));

	return !text || !*text;
}

static struct footprint measure(struct it *t, const struct driver *d)
{
	const char *children = it_text(t, "/proc/self/task/%d/children", (int)getpid());
	const char *cgroups = tasks_cgroup(t);
	struct footprint now = {
		.fds = count_entries("/proc/self/fd"),
		.mounts = count_lines(t, "/proc/self/mountinfo"),
		.state = count_entries(d->root),
	};

	for (const char *at = read_file(t, children); (at = strchr(at, ' ')); at++)
		now.children++;
	/* Other tests' tasks come and go there: only those of ours count, which are named as their state directories. */
	for (int i = 0; i < 4; i++)
		now.cgroups += exists(it_text(t, "%s/soak-%d-%d", cgroups, (int)getpid(), i));
	return now;
}

static void end(taskshim_task *task, bool force)
{
	struct taskshim_error error;
	pid_t init = taskshim_task_pid(task);

	EXPECT_OK(taskshim_task_delete(task, force, &error));
	taskshim_task_free(task);
	(void)waitpid(init, NULL, 0); /* of an unmonitored one */
}

/* What a driver does with a task, in four ways. */
static void cycle(struct driver *d, int way)
{
	static const unsigned flags[] = {TASKSHIM_START, 0, TASKSHIM_START | TASKSHIM_UNMONITORED,
					 TASKSHIM_START | TASKSHIM_DETACHED};
	static const char missing[] =
		"{\"process\":{\"args\":[\"/none\"]},\"taskshim\":{\"chroot\":\"host\"}}";
	struct taskshim_error error;
	struct taskshim_exit exit;
	taskshim_task *task;
	char id[64];

	(void)snprintf(id, sizeof id, "soak-%d-%d", (int)getpid(), way);
	d->options.id = id;
	EXPECT_OK(create(d, way == 3 ? "exit 7" : "sleep 1000", flags[way], &task, &error));
	switch (way) {
	case 0:
		EXPECT_OK(taskshim_task_stop(task, 0, 0, TASKSHIM_STOP_MAIN, &error));
		end(task, false);
		break;
	case 1: /* the start is called off */
		EXPECT_OK(taskshim_task_abort(task, &error));
		taskshim_task_free(task);
		break;
	case 2:
		end(task, true);
		break;
	default:
		EXPECT_OK(taskshim_task_wait(task, -1, &exit, &error));
		assert_int_equal(exit.exit_code, 7);
		end(task, false);
		break;
	}
	/* and one that fails */
	d->options.flags = TASKSHIM_START;
	assert_int_equal(taskshim_task_create(&d->options, missing, strlen(missing), &task, &error),
			 -1);
	assert_int_equal(error.err, ENOENT);
}

static void test_a_thousand_tasks_leave_the_driver_as_it_was(void **state)
{
	const char *soak = getenv("TS_SOAK");
	int cycles = soak && strcmp(soak, "all") == 0 ? 1000 : 100;
	struct it *t = *state;
	struct footprint before, after;
	unsigned kb_before, kb_after;
	struct driver d;

	driver_init(&d, t);
	for (int i = 0; i < 20; i++) /* what is allocated once */
		cycle(&d, i % 4);
	wait_until(is_childless, t, "no child is left");
	before = measure(t, &d);
	kb_before = anonymous_kb(t);
	for (int i = 0; i < cycles; i++)
		cycle(&d, i % 4);
	kb_after = anonymous_kb(t);
	/* An init that nobody watches comes to us when its spawn-daemon has ended, a moment later under load; who is left to
	 * be reaped stays. */
	wait_until(is_childless, t, "no child is left");
	after = measure(t, &d);
	print_message("%d cycles: %u kB before, %u kB after\n", cycles, kb_before, kb_after);
	assert_int_equal(after.fds, before.fds);
	assert_int_equal(after.mounts, before.mounts);
	assert_int_equal(after.children, before.children);
	assert_int_equal(after.state, before.state);
	assert_int_equal(after.cgroups, 0);
	/* A leak of 100 bytes a cycle would be seen in 1000; freed memory is kept for a while by the sanitizers. */
	if (!t->sanitized)
		assert_true(kb_after <= kb_before + 64);
}

/* --- statistics --- */

/* Of a task whose first process is @task's, and which spins. */
static void check_stats(const struct taskshim_stats *stats, const taskshim_task *task)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	assert_true(stats->time.tv_sec <= now.tv_sec && stats->time.tv_sec > now.tv_sec - 60);
	assert_int_equal(stats->n_processes, 1);
	assert_int_equal(stats->processes[0].pid, taskshim_task_pid(task));
	assert_string_equal(stats->processes[0].comm, "sh");
	assert_in_range(stats->processes[0].rss, 4096, 64 << 20);
	assert_true(stats->processes[0].percent >= 0);
	if (stats->cpu.total_ns != TASKSHIM_UNKNOWN)
		assert_true(stats->cpu.percent >= 0);
	if (stats->memory.usage != TASKSHIM_UNKNOWN) {
		assert_in_range(stats->memory.usage, 4096, 64 << 20);
		assert_true(stats->memory.limit == TASKSHIM_NO_LIMIT);
	}
}

static void test_stats_of_a_task_from_its_gate_to_its_end(void **state)
{
	struct it *t = *state;
	const struct taskshim_stats *stats;
	struct taskshim_error error;
	struct driver d;
	taskshim_task *task;
	uint64_t earlier;

	driver_init(&d, t);
	EXPECT_OK(create(&d, "while :; do :; done", 0, &task, &error));
	EXPECT_OK(taskshim_task_stats(task, &stats, &error)); /* it waits at its gate */
	assert_int_equal(stats->n_processes, 1);
	EXPECT_OK(taskshim_task_start(task, &error));
	for (int i = 0; i < 20; i++) {
		earlier = stats->cpu.total_ns;
		(void)usleep(10000);
		EXPECT_OK(taskshim_task_stats(task, &stats, &error));
		assert_true(stats->cpu.total_ns >= earlier);
	}
	check_stats(stats, task);
	EXPECT_OK(taskshim_task_kill(task, &error));
	assert_int_equal(taskshim_task_stats(task, &stats, &error), -1);
	assert_int_equal(error.err, ESRCH);
	assert_string_equal(error.step, "stats");
	assert_int_equal(taskshim_task_stats(task, &stats, NULL), -1);
	EXPECT_OK(taskshim_task_delete(task, false, &error));
	taskshim_task_free(task);
}

/* A handle of each: their files are closed when it is freed. */
static void test_stats_give_their_descriptors_back(void **state)
{
	struct it *t = *state;
	const struct taskshim_stats *stats;
	struct taskshim_error error;
	taskshim_task *task, *again;
	unsigned fds;
	struct driver d;

	driver_init(&d, t);
	EXPECT_OK(create(&d, "while :; do :; done", TASKSHIM_START, &task, &error));
	fds = measure(t, &d).fds;
	for (int i = 0; i < 100; i++) {
		EXPECT_OK(taskshim_task_open(d.root, taskshim_task_id(task), &again, &error));
		EXPECT_OK(taskshim_task_stats(again, &stats, &error));
		/* right after the exec the kernel's count of pages, kept per CPU, may be 0 yet */
		while (i == 0 && stats->processes[0].rss == 0) {
			(void)usleep(1000);
			EXPECT_OK(taskshim_task_stats(again, &stats, &error));
		}
		if (i == 0)
			check_stats(stats, again);
		taskshim_task_free(again);
	}
	assert_int_equal(measure(t, &d).fds, fds);
	EXPECT_OK(taskshim_task_delete(task, true, &error));
	taskshim_task_free(task);
}

/* --- descriptors --- */

static bool is_end_of_file(void *arg)
{
	struct pollfd pipe = {.fd = *(const int *)arg, .events = POLLIN};

	return poll(&pipe, 1, 0) == 1 && !(pipe.revents & POLLIN);
}

/* What is read from it is @c. */
static int pipe_with(char c)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], &c, 1), 1);
	(void)close(ends[1]);
	return ends[0];
}

/* In another order than they have, so that their numbers are in each other's way. */
static void test_descriptors_become_the_task_s(void **state)
{
	static const char *const args[] = {"/bin/sh", "-c", "cat <&3; cat <&4; cat <&5", NULL};
	struct it *t = *state;
	struct taskshim_exec_options options = TASKSHIM_EXEC_OPTIONS_INIT;
	struct taskshim_exec_result result;
	struct taskshim_error error;
	taskshim_task *task;
	struct driver d;
	const int a = pipe_with('a'), b = pipe_with('b'), c = pipe_with('c');
	const int of_task[] = {c, a, b}, of_exec[] = {pipe_with('x'), c, pipe_with('y')};

	driver_init(&d, t);
	d.options.fds = of_task;
	d.options.n_fds = 3;
	EXPECT_OK(create(&d, "test $(cat <&3; cat <&4; cat <&5) = cab && exec sleep 1000",
			 TASKSHIM_START, &task, &error));
	wait_until(is_end_of_file, (void *)&of_task[2], "the task reads nothing");
	options.spawn_daemon = d.options.spawn_daemon;
	options.args = args;
	options.fds = of_exec;
	options.n_fds = 3;
	EXPECT_OK(taskshim_exec(task, &options, &result, &error));
	assert_string_equal(result.output, "xy"); /* of the task's the first is empty */
	free(result.output);
	options.n_fds = 1025;
	assert_int_equal(taskshim_exec(task, &options, &result, &error), -1);
	assert_non_null(strstr(error.message, "more descriptors than a task can be given"));
	EXPECT_OK(taskshim_task_delete(task, true, &error));
	taskshim_task_free(task);
	for (size_t i = 0; i < 3; i++)
		(void)close(of_task[i]);
	(void)close(of_exec[0]);
	(void)close(of_exec[2]);
}

/* --- commands in a task --- */

static void test_exec_keeps_the_last_of_the_output(void **state)
{
	static const char *const seq[] = {"/bin/sh", "-c", "seq 1 3000; echo end", NULL};
	static const char *const slow[] = {"/bin/sh", "-c", "echo x; sleep 1000 & sleep 1000",
					   NULL};
	static const char *const none[] = {"/no/such", NULL};
	static const char *const env[] = {"A=b", NULL};
	static const char *const ask[] = {"/bin/sh", "-c", "echo $A; pwd; exit 5", NULL};
	struct it *t = *state;
	struct taskshim_exec_options options = TASKSHIM_EXEC_OPTIONS_INIT;
	struct taskshim_exec_result result;
	struct taskshim_error error;
	taskshim_task *task;
	struct driver d;

	driver_init(&d, t);
	options.spawn_daemon = d.options.spawn_daemon;
	EXPECT_OK(create(&d, "sleep 1000", TASKSHIM_START, &task, &error));
	options.args = seq;
	for (options.output_max = 0; options.output_max < 3; options.output_max++) {
		EXPECT_OK(taskshim_exec(task, &options, &result, &error));
		assert_int_equal(result.output_len, options.output_max);
		assert_int_equal(result.output_len + result.output_dropped, 13893 + 4);
		free(result.output);
	}
	options.output_max = 9;
	EXPECT_OK(taskshim_exec(task, &options, &result, &error));
	assert_string_equal(result.output, "3000\nend\n");
	free(result.output);
	options.output_max = 10000; /* more than is made room for at first */
	EXPECT_OK(taskshim_exec(task, &options, &result, &error));
	assert_int_equal(result.output_len, 10000);
	assert_int_equal(result.output_dropped, 3897);
	assert_string_equal(result.output + 10000 - 9, "3000\nend\n");
	free(result.output);
	options.output_max = SIZE_MAX; /* all of it */
	EXPECT_OK(taskshim_exec(task, &options, &result, &error));
	assert_int_equal(result.output_len, 13897);
	assert_int_equal(result.output_dropped, 0);
	assert_int_equal(strncmp(result.output, "1\n2\n3\n", 6), 0);
	assert_string_equal(result.output + 13897 - 9, "3000\nend\n");
	free(result.output);
	options.args = ask;
	options.env = env;
	options.cwd = "/tmp";
	options.output_max = 100;
	EXPECT_OK(taskshim_exec(task, &options, &result, &error));
	assert_string_equal(result.output, "b\n/tmp\n");
	assert_true(result.exit.known && result.exit.exit_code == 5 && !result.timed_out);
	free(result.output);
	options.args = slow;
	options.timeout_ms = 200;
	EXPECT_OK(taskshim_exec(task, &options, &result, &error));
	assert_true(result.timed_out && result.exit.signal == SIGKILL);
	assert_string_equal(result.output, "x\n");
	free(result.output);
	options.args = none;
	assert_int_equal(taskshim_exec(task, &options, &result, &error), -1);
	assert_string_equal(error.step, "command");
	assert_int_equal(error.err, ENOENT);
	options.size--;
	assert_int_equal(taskshim_exec(task, &options, &result, &error), -1);
	assert_string_equal(error.step, "usage");
	EXPECT_OK(taskshim_task_delete(task, true, &error));
	taskshim_task_free(task);
}

/* As much as a pipe may hold, so that it is never found empty. `timeout` says how the writer ends: of SIGPIPE when we stop reading, or
 * of itself, had it been waited for. */
static void test_exec_does_not_wait_for_who_writes_for_ever(void **state)
{
	static const char writer[] = "import fcntl, os\n"
				     "fcntl.fcntl(1, 1031, 1 << 20)\n" /* F_SETPIPE_SZ */
				     "while True: os.write(1, b'x' * 65536)\n";
	static const char script[] =
		"(timeout 20 python3 -c \"$0\" 2>/dev/null; echo $? >&3) & sleep 0.5; exit 5";
	static const char *const args[] = {"/bin/sh", "-c", script, writer, NULL};
	struct it *t = *state;
	struct taskshim_exec_options options = TASKSHIM_EXEC_OPTIONS_INIT;
	struct taskshim_exec_result result;
	struct taskshim_error error;
	taskshim_task *task;
	struct driver d;
	char status[8] = "";
	int ends[2];

	driver_init(&d, t);
	EXPECT_OK(create(&d, "sleep 1000", TASKSHIM_START, &task, &error));
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	options.spawn_daemon = d.options.spawn_daemon;
	options.args = args;
	options.timeout_ms = 10000;
	options.fds = &ends[1];
	options.n_fds = 1;
	EXPECT_OK(taskshim_exec(task, &options, &result, &error));
	assert_true(result.exit.known && result.exit.exit_code == 5 && !result.timed_out);
	free(result.output);
	(void)close(ends[1]);
	assert_true(read(ends[0], status, sizeof status - 1) > 0);
	assert_string_not_equal(status, "124\n");
	(void)close(ends[0]);
	EXPECT_OK(taskshim_task_delete(task, true, &error));
	taskshim_task_free(task);
}

static int delete_one(const char *id, void *arg)
{
	const char *root = arg;
	taskshim_task *task;

	if (taskshim_task_open(root, id, &task, NULL) < 0)
		return 0;
	(void)taskshim_task_delete(task, true, NULL);
	taskshim_task_free(task);
	return 0;
}

/* What a failed assertion has left of tasks goes, before the teardown of all tests looks for what is left. */
static int teardown(void **state)
{
	struct it *t = *state;
	const char *root = it_text(t, "%s/state", t->dir);

	(void)taskshim_task_list(root, delete_one, (void *)root, NULL);
	return it_teardown(state);
}

#undef IT
#define IT(test) cmocka_unit_test_setup_teardown(test, it_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_stats_of_a_task_from_its_gate_to_its_end),
		IT(test_stats_give_their_descriptors_back),
		IT(test_wait_of_a_task_that_ends_at_once_tells_all_waiters),
		IT(test_wait_of_an_unmonitored_task_that_ends_at_once_tells_all_waiters),
		IT(test_pause_update_and_resume),
		IT(test_exec_keeps_the_last_of_the_output),
		IT(test_exec_does_not_wait_for_who_writes_for_ever),
		IT(test_descriptors_become_the_task_s),
		IT(test_a_thousand_tasks_leave_the_driver_as_it_was),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
