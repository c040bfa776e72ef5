/* The monitor, the exit record, the state directory's files, and tasks without a monitor. design.md sections 3 and 5. */
#include "tests/integration/harness.h"

#include "util/fd.h"
#include "util/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the record --- */

static void test_exit_record_of_an_exit(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "exit 3", &dir);
	char boot_id[TS_BOOT_ID_LEN + 1];

	assert_int_equal(run_wait(it_run(t, c)), 3);
	struct json_object *record = it_json_file(t, dir, "exit.json");

	assert_int_equal(ts_boot_id(boot_id), 0);
	assert_string_equal(js_str(record, "id"), js_str(c, "taskshim.id"));
	assert_string_equal(js_str(record, "runId"), IT_RUN_ID);
	assert_string_equal(js_str(record, "bootId"), boot_id);
	assert_true(js_bool(record, "known"));
	assert_int_equal(js_int(record, "exitCode"), 3);
	assert_int_equal(js_int(record, "signal"), 0);
	assert_false(js_bool(record, "coreDumped"));
	assert_string_equal(js_str(record, "cause"), "exited");
	assert_true(strcmp(js_str(record, "startedAt"), js_str(record, "finishedAt")) <= 0);
	assert_true(js_int(record, "runtimeMs") >= 0);
	assert_true(js_int(record, "usage.maxRssBytes") > 0);
	assert_int_equal(js_int(record, "version"), 1);
}

static void test_exit_record_of_a_signal(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "kill 15", &dir);

	assert_int_equal(run_wait(it_run(t, c)), 143);
	struct json_object *record = it_json_file(t, dir, "exit.json");

	assert_int_equal(js_int(record, "exitCode"), 143);
	assert_int_equal(js_int(record, "signal"), 15);
	assert_string_equal(js_str(record, "cause"), "exited");
}

/* Who stops a task leaves a note before the first signal: the record and `exited` say so. */
static void test_exit_record_of_a_stop(void **state)
{
	struct it *t = *state;
	const char *dir;
	pid_t pid;
	struct run *r =
		it_start_task(t, it_state_config(t, "trap 15 echo ready pause", &dir), &pid);

	it_wait_ready(t, r);
	write_file(it_text(t, "%s/stop.json", dir), "{\"signal\":15,\"graceMs\":700}", 0600);
	assert_int_equal(kill(pid, SIGTERM), 0);
	struct json_object *said = run_expect(r, "exited"), *record;

	assert_int_equal(run_wait(r), 55);
	record = it_json_file(t, dir, "exit.json");
	assert_string_equal(js_str(said, "cause"), "stopped");
	assert_string_equal(js_str(record, "cause"), "stopped");
	assert_int_equal(js_int(record, "stopSignal"), 15);
	assert_int_equal(js_int(record, "stopGraceMs"), 700);
	assert_int_equal(js_int(record, "exitCode"), 55);
}

static void test_stop_note_that_is_none_changes_nothing(void **state)
{
	struct it *t = *state;
	const char *dir;
	pid_t pid;
	struct run *r =
		it_start_task(t, it_state_config(t, "trap 15 echo ready pause", &dir), &pid);

	it_wait_ready(t, r);
	write_file(it_text(t, "%s/stop.json", dir), "{\"signal\":1", 0600);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(run_wait(r), 55);
	assert_string_equal(js_str(it_json_file(t, dir, "exit.json"), "cause"), "exited");
}

static void test_core_dump_is_recorded(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "chdir /tmp kill 6", &dir);

	cfg_set(c, "process.rlimits", "[{'type':'RLIMIT_CORE','soft':1048576,'hard':1048576}]");
	cfg_set(c, "mounts",
		"[{'destination':'/tmp','type':'tmpfs','source':'t','options':['mode=1777']}]");
	struct run *r = it_run(t, c);

	if (run_wait(r) == 125) /* RLIMIT_CORE is 0 here, and may not be raised */
		it_skip("core dumps are off on this machine");
	assert_int_equal(run_wait(r), 134);
	if (read_file(t, "/proc/sys/kernel/core_pattern")[0] == '|')
		it_skip("core dumps go to a program on this machine");
	assert_true(js_bool(it_json_file(t, dir, "exit.json"), "coreDumped"));
}

static void test_state_files_before_and_after_the_gate(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "trap 15 echo ready pause", &dir);
	struct run *r = it_start_config(t, NULL, c);
	struct json_object *created = run_expect(r, "created"),
			   *record = it_json_file(t, dir, "exit.json"),
			   *file = it_json_file(t, dir, "state.json");
	pid_t pid = (pid_t)js_int(created, "pid");
	struct stat st;

	assert_false(js_bool(record, "known"));
	assert_string_equal(js_str(record, "runId"), IT_RUN_ID);
	assert_null(js_get(record, "exitCode"));
	assert_int_equal(js_int(file, "version"), 1);
	assert_string_equal(js_str(file, "id"), js_str(c, "taskshim.id"));
	assert_int_equal(stat(it_text(t, "%s/gate", dir), &st), 0);
	assert_true(S_ISREG(st.st_mode));
	expect_contains(read_file(t, it_text(t, "%s/state.json", dir)), js_str(c, "taskshim.id"));
	run_send(r, "true");
	(void)run_expect(r, "started");
	assert_false(exists(it_text(t, "%s/gate", dir)));
	it_wait_ready(t, r);
	assert_false(js_bool(it_json_file(t, dir, "exit.json"), "known"));
	assert_int_equal(kill(pid, SIGTERM), 0);
	(void)run_expect(r, "exited");
	assert_int_equal(js_int(it_json_file(t, dir, "exit.json"), "exitCode"),
			 55); /* there before the line */
	assert_int_equal(run_wait(r), 55);
	assert_string_equal(it_names(t, dir), "exit.json state.json ");
	assert_int_equal(stat(it_text(t, "%s/exit.json", dir), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(it_text(t, "%s/state.json", dir), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_created_id_names_the_state_directory(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "exit 0", &dir);
	struct run *r = it_run(t, c);

	assert_int_equal(strncmp(js_str(r->lines[0], "id"), "CGROUP:{", 8), 0);
	expect_contains(js_str(r->lines[0], "id"), dir);
	expect_contains(read_file(t, it_text(t, "%s/state.json", dir)), IT_RUN_ID);
}

static void test_abort_leaves_nothing_in_the_state_directory(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct run *r = it_start_config(t, NULL, it_state_config(t, "exit 0", &dir));

	(void)run_expect(r, "created");
	run_send(r, "false");
	(void)run_expect(r, "aborted");
	assert_int_equal(run_wait(r), 0);
	assert_string_equal(it_names(t, dir), "");
}

static void test_failed_start_leaves_nothing_in_the_state_directory(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "exit 0", &dir);

	cfg_set(c, "process.cwd", "'/no-such'");
	(void)it_expect_error(t, c, 125, "cwd", ENOENT, "/no-such");
	assert_string_equal(it_names(t, dir), "");
}

static void test_state_directory_that_is_not_ours_is_refused(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "exit 0", &dir);

	assert_int_equal(chmod(dir, 0755), 0);
	(void)it_expect_error(t, c, 125, "state", EPERM, dir);
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(chown(dir, 1000, 1000), 0);
	(void)it_expect_error(t, c, 125, "state", EPERM, dir);
	assert_int_equal(chown(dir, 0, 0), 0);
	cfg_set(c, "taskshim.id", "'another'");
	(void)it_expect_error(t, c, 125, "state", EINVAL, dir);
	make_link(dir, it_text(t, "%s/another", t->dir));
	cfg_set(c, "taskshim.stateDir", "'%s/another'", t->dir);
	(void)it_expect_error(t, c, 125, "state", ELOOP, "another");
	cfg_set(c, "taskshim.stateDir", "'%s/gone'", t->dir);
	(void)it_expect_error(t, c, 125, "state", ENOENT, "gone");
}

/* A small filesystem as the place for state directories. @options: of tmpfs. Undone by undo_small(). */
static struct json_object *with_small_state(struct it *t, const char *words, const char *options,
					    const char **ret_dir)
{
	struct json_object *c = it_config(t, words);
	const char *place = it_text(t, "%s/small", t->dir);

	if (!exists(place))
		make_dir(place, 0755);
	assert_int_equal(mount("ts-it", place, "tmpfs", 0, options), 0);
	*ret_dir = it_text(t, "%s/%s", place, js_str(c, "taskshim.id"));
	make_dir(*ret_dir, 0700);
	cfg_set(c, "taskshim.stateDir", "'%s'", *ret_dir);
	return c;
}

static void undo_small(struct it *t)
{
	assert_int_equal(umount(it_text(t, "%s/small", t->dir)), 0);
}

/* A task whose record cannot be prepared is not started (F12, and the best rule of Nomad 0.2), and what there was room for is
 * removed. In blocks of a page: none; exit.json; exit.json and the room for its successor. */
static void test_record_that_cannot_be_prepared_is_an_error(void **state)
{
	static const char *const options[] = {"nr_inodes=2", /* the root's and the directory's */
					      "nr_inodes=3", "nr_inodes=4", "nr_inodes=5",
					      "size=4k",     "size=8k"};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
		const char *dir, *names;
		struct json_object *c = with_small_state(t, "echo ran", options[i], &dir);
		struct run *r = it_run(t, c);

		names = it_names(t, dir);
		undo_small(t);
		expect_error_line(r->lines[0], "state", ENOSPC, "");
		assert_int_equal(r->n_lines, 1);
		assert_int_equal(run_wait(r), 125);
		assert_string_equal(run_task_out(t, r), "");
		if (*names)
			fail_msg("%s: left: %s", options[i], names);
	}
}

static void test_read_only_state_directory_is_an_error(void **state)
{
	struct it *t = *state;
	const char *dir, *names;
	struct json_object *c = with_small_state(t, "echo ran", "", &dir);

	assert_int_equal(
		mount(NULL, it_text(t, "%s/small", t->dir), NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	struct run *r = it_run(t, c);

	names = it_names(t, dir);
	undo_small(t);
	expect_error_line(r->lines[0], "state", EROFS, ".json");
	assert_int_equal(run_wait(r), 125);
	assert_string_equal(run_task_out(t, r), "");
	assert_string_equal(names, "");
}

/* The record's blocks are there before the task starts: a full disk does not lose the exit. */
static void test_record_survives_a_full_disk(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = with_small_state(t, "trap 15 echo ready pause", "size=64k", &dir);
	pid_t pid;
	struct run *r = it_start_task(t, c, &pid);
	char block[4096] = {0};
	int fd = open_fd(t, it_text(t, "%s/small/filler", t->dir), O_WRONLY | O_CREAT);

	it_wait_ready(t, r);
	while (write(fd, block, sizeof block) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(run_wait(r), 55);
	struct json_object *record = it_json_file(t, dir, "exit.json");

	(void)close(fd);
	t->n_fds--;
	undo_small(t);
	assert_true(js_bool(record, "known"));
	assert_int_equal(js_int(record, "exitCode"), 55);
}

/* Starts @c under strace with the words @e1 and @e2 for its -e, its output in @output. */
static struct run *start_traced(struct it *t, struct json_object *c, const char *output,
				const char *e1, const char *e2)
{
	const char *const words[] = {"strace", "-qq", "-y", "-o", output, "-e", e1, "-e", e2, NULL};

	if (system("command -v strace >/dev/null") != 0)
		it_skip("needs strace");
	struct run *r = it_start_config(t, &(struct start){.wrapper = words}, c);

	(void)run_expect(r, "created");
	run_send(r, "true");
	(void)run_expect(r, "started");
	return r;
}

/* The filesystem has become read-only between start and exit, as ext4 does on an error: a remount would be refused while the
 * successor is open for writing. Whoever listens is told, and the file claims nothing that it cannot know. */
static void test_exit_is_told_when_the_record_cannot_be_written(void **state)
{
	static const char *const faults[] = {
		"inject=pwrite64:error=EROFS",
		"inject=renameat:error=EROFS:when=3+", /* 1 and 2: exit.json, state.json */
	};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		const char *dir;
		struct json_object *c = it_state_config(t, "exit 6", &dir);
		struct run *r =
			start_traced(t, c, "/dev/null", "trace=pwrite64,renameat", faults[i]);
		struct json_object *exited = run_expect(r, "exited");

		assert_true(js_bool(exited, "known"));
		assert_int_equal(js_int(exited, "exitCode"), 6);
		assert_int_equal(run_wait(r), 6);
		assert_false(js_bool(it_json_file(t, dir, "exit.json"), "known"));
		assert_null(js_get(it_json_file(t, dir, "exit.json"), "exitCode"));
	}
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

/* Each file before its rename, the directory after it; and none of it without `durable`. */
static void test_durable_record(void **state)
{
	struct it *t = *state;

	for (int durable = 0; durable < 2; durable++) {
		const char *dir, *trace, *output = it_text(t, "%s/trace", t->dir);
		struct json_object *c = it_state_config(t, "exit 6", &dir);

		cfg_set(c, "taskshim.durable", durable ? "true" : "false");
		assert_int_equal(
			run_wait(start_traced(t, c, output, "trace=fsync,renameat", "signal=none")),
			6);
		assert_int_equal(js_int(it_json_file(t, dir, "exit.json"), "exitCode"), 6);
		trace = read_file(t, output);
		assert_int_equal(count(trace, "renameat("), 3);
		if (!durable) {
			assert_int_equal(count(trace, "fsync("), 0);
			continue;
		}
		for (int i = 0; i < 3; i++) { /* exit.json, state.json, exit.json again */
			const char *synced = strstr(trace, "fsync("), *renamed, *dir_synced;

			assert_non_null(synced);
			renamed = strstr(synced, "renameat(");
			assert_non_null(renamed);
			assert_int_equal(
				count(it_text(t, "%.*s", (int)strcspn(synced, "\n"), synced),
				      ".json."),
				1);
			dir_synced = strstr(renamed, "fsync(");
			assert_non_null(dir_synced);
			assert_non_null(strstr(
				it_text(t, "%.*s", (int)strcspn(dir_synced, "\n"), dir_synced),
				it_text(t, "<%s>", dir)));
			trace = dir_synced + strlen("fsync(");
		}
	}
}

/* F17: nothing of the state directory can be reached from inside. */
static void test_task_cannot_reach_its_record(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "", &dir);

	cfg_set(c, "process.user", "{'uid':0,'gid':0}");
	cfg_set(c, "process.args",
		"['/bin/probe','ls','%s','touch','%s/exit.json','ls','/proc/self/fd','exit','9']",
		dir, dir);
	struct run *r = it_run(t, c);

	expect_contains(run_task_out(t, r), "touch ");
	expect_not_contains(run_task_out(t, r), "OK");
	assert_int_equal(js_int(it_json_file(t, dir, "exit.json"), "exitCode"), 9);
}

/* Its proc shows the monitor, without a pid namespace, and the links of that lead to the state directory and the host's root;
 * a task of uid 0 without capabilities may not follow them. */
static void test_task_cannot_reach_its_record_through_the_monitor(void **state)
{
	struct it *t = *state;
	const char *dir;
	const char *words = "ls /bin/monitor/cwd/ ls /bin/monitor/root/";

	for (int fd = 0; fd < 16; fd++)
		words = it_text(t, "%s ls /bin/monitor/fd/%d/", words, fd);
	struct json_object *c = it_state_config(t, it_text(t, "%s echo done", words), &dir);

	cfg_set(c, "process.user", "{'uid':0,'gid':0}");
	struct run *r = it_start_config(t, NULL, c);

	(void)run_expect(r, "created");
	make_link(it_text(t, "/proc/%d", r->pid), it_text(t, "%s/bin/monitor", t->dir));
	run_send(r, "true");
	assert_int_equal(run_wait(r), 0);
	const char *out = run_task_out(t, r);

	expect_contains(out, "done\n");
	expect_contains(out, "ls /bin/monitor/cwd/ EACCES");
	expect_contains(out, "ls /bin/monitor/root/ EACCES");
	expect_contains(out, "ls /bin/monitor/fd/3/ EACCES"); /* it is there, whatever it is */
	expect_not_contains(out, "stat "); /* a name that was listed */
}

/* The host's root and everything in it, and still not the directory: it is root's alone. */
static void test_task_of_another_user_cannot_reach_its_record(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "", &dir);

	cfg_del(c, "taskshim.chroot");
	cfg_set(c, "taskshim.isolation", "'none'");
	cfg_set(c, "process.user", "{'uid':65534,'gid':65534}");
	cfg_set(c, "process.args",
		"['%s/bin/probe','ls','%s','touch','%s/exit.json','ls','%s','exit','9']", t->dir,
		dir, dir, t->dir);
	struct run *r = it_run(t, c);

	assert_int_equal(run_wait(r), 9);
	expect_contains(run_task_out(t, r), it_text(t, "ls %s EACCES", dir));
	expect_contains(run_task_out(t, r), it_text(t, "touch %s/exit.json EACCES", dir));
	assert_int_equal(js_int(it_json_file(t, dir, "exit.json"), "exitCode"), 9);
}

/* --- deaths --- */

/* A driver with all its descriptors goes; nobody reads or waits. */
static void test_task_outlives_its_driver(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "trap 15 echo ready pause", &dir);
	int told[2], status;
	pid_t driver, pids[2] = {0};

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	driver = fork();
	assert_true(driver >= 0);
	if (driver == 0) {
		struct run *r = it_start_task(t, c, &pids[1]);

		it_wait_ready(t, r);
		pids[0] = r->pid;
		(void)!write(told[1], pids, sizeof pids);
		for (;;)
			(void)pause();
	}
	(void)close(told[1]);
	assert_int_equal(read(own_fd(t, told[0]), pids, sizeof pids), sizeof pids);
	assert_int_equal(kill(driver, SIGKILL), 0);
	assert_int_equal(waitpid(driver, &status, 0), driver);
	(void)poll(NULL, 0, 50);
	assert_true(alive(pids[0]));
	assert_true(alive(pids[1]));
	assert_int_equal(kill(pids[1], SIGTERM), 0);
	assert_int_equal(waitpid(pids[0], &status, 0), pids[0]); /* it has become our child */
	assert_int_equal(WEXITSTATUS(status), 55);
	assert_int_equal(js_int(it_json_file(t, dir, "exit.json"), "exitCode"), 55);
}

/* Nobody has ever read a line, and the pipe is full before the first: the record is what tells. */
static void test_record_without_a_reader(void **state)
{
	struct it *t = *state;
	char block[4096] = {0};

	for (int closed = 0; closed < 2; closed++) {
		const char *dir;
		struct json_object *c = it_state_config(t, "exit 6", &dir);
		int ends[2];

		assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
		while (!closed && write(ends[1], block, sizeof block) > 0)
			;
		assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
		if (closed)
			(void)close(ends[0]);
		else
			(void)own_fd(t, ends[0]);
		struct run *r =
			it_start_config(t, &(struct start){.out_fd = own_fd(t, ends[1])}, c);

		run_send(r, "true");
		assert_int_equal(run_wait(r), 6);
		assert_int_equal(js_int(it_json_file(t, dir, "exit.json"), "exitCode"), 6);
	}
}

static void test_killed_monitor_takes_the_task_along(void **state)
{
	struct it *t = *state;
	pid_t pid;
	struct run *r = it_start_task(t, it_config(t, "ignore 15 echo ready pause"), &pid);

	it_wait_ready(t, r);
	assert_int_equal(kill(r->pid, SIGKILL), 0);
	assert_int_equal(run_wait(r), IT_KILLED + SIGKILL);
	wait_gone(pid);
}

static void test_killed_monitor_takes_a_pid_namespace_along(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "stray session stray group echo ready pause");
	pid_t pid;

	cfg_set(c, "linux.namespaces", "[{'type':'mount'},{'type':'pid'}]");
	struct run *r = it_start_task(t, c, &pid);

	it_wait_ready(t, r);
	assert_int_equal(kill(r->pid, SIGKILL), 0);
	assert_int_equal(run_wait(r), IT_KILLED + SIGKILL);
	wait_gone(pid); /* the strays: teardown */
}

static void test_killed_monitor_leaves_the_record_unknown(void **state)
{
	struct it *t = *state;
	const char *dir;
	pid_t pid;
	struct run *r = it_start_task(t, it_state_config(t, "echo ready pause", &dir), &pid);

	it_wait_ready(t, r);
	assert_int_equal(kill(r->pid, SIGKILL), 0);
	wait_gone(pid);
	assert_false(js_bool(it_json_file(t, dir, "exit.json"), "known"));
}

static void test_killed_monitor_keeps_the_task_when_told_so(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "trap 15 echo ready pause");
	pid_t pid;
	int status;

	cfg_set(c, "taskshim.onMonitorDeath", "'keep'");
	struct run *r = it_start_task(t, c, &pid);

	it_wait_ready(t, r);
	assert_int_equal(kill(r->pid, SIGKILL), 0);
	assert_int_equal(run_wait(r), IT_KILLED + SIGKILL);
	(void)poll(NULL, 0, 50);
	assert_true(alive(pid));
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid); /* it has become our child */
	assert_int_equal(WEXITSTATUS(status), 55);
}

static bool is_read(void *arg)
{
	int unread = -1;

	assert_int_equal(ioctl(((struct run *)arg)->in, FIONREAD, &unread), 0);
	return unread == 0;
}

static void test_init_killed_at_the_gate_is_an_error(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct run *r = it_start_config(t, NULL, it_state_config(t, "echo ran", &dir));
	pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");

	run_send(
		r,
		"\n \n"); /* no gate yet: it is waited for, not read for, or the death would not be seen */
	wait_until(is_read, r, "the white space is read");
	assert_int_equal(kill(pid, SIGKILL), 0);
	struct json_object *error = run_expect(r, "error"); /* at once: not when the gate opens */

	assert_string_equal(js_str(error, "step"), "gate");
	expect_contains(js_str(error, "message"), "signal 9");
	run_expect_eof(r);
	assert_int_equal(run_wait(r), 125);
	assert_string_equal(it_names(t, dir), "");
}

/* F9: the command ends, what it left behind is ended, and the status is the command's. */
static void test_strays_are_ended_with_the_command(void **state)
{
	struct it *t = *state;

	assert_int_equal(
		run_wait(it_run(t, it_config(t, "stray session stray group stray session exit 5"))),
		5);
	/* the teardown proves that none is left */
}

static void test_strays_are_kept_when_told_so(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "stray session exit 5");
	bool came = false;

	cfg_set(c, "taskshim.strays", "'keep'");
	assert_int_equal(run_wait(it_run(t, c)), 5);
	/* We are the subreaper: it comes to us, and what it was forked by, which is dead or about to be. */
	for (int left = 5000; left > 0 && !(waitpid(-1, NULL, WNOHANG) < 0 && came); left--) {
		const char *children =
			read_file(t, it_text(t, "/proc/self/task/%d/children", (int)getpid()));
		char *end;

		for (long pid; children && (pid = strtol(children, &end, 10)) > 0; children = end)
			came |= alive((pid_t)pid) && kill((pid_t)pid, SIGKILL) == 0;
		(void)poll(NULL, 0, 2);
	}
	assert_true(came);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_strays_that_end_first_are_not_taken_for_the_command(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "stray session echo ready trap 15 pause");
	pid_t pid;
	struct run *r = it_start_task(t, c, &pid);
	const char *children;

	it_wait_ready(t, r);
	do /* the stray becomes the monitor's child */
		children = read_file(t, it_text(t, "/proc/%d/task/%d/children", r->pid, r->pid));
	while (children && !strchr(children, ' '));
	for (int left = 5000;
	     left > 0 && (!children || strchr(children, ' ') == strrchr(children, ' ')); left--) {
		(void)poll(NULL, 0, 2);
		children = read_file(t, it_text(t, "/proc/%d/task/%d/children", r->pid, r->pid));
	}
	for (const char *at = children; *at; at = strchr(at, ' ') + 1)
		if (atoi(at) != pid)
			assert_int_equal(kill(atoi(at), SIGKILL), 0);
	(void)poll(NULL, 0, 20);
	assert_true(alive(pid));
	assert_false(run_ended(r));
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(run_wait(r), 55);
}

/* --- waitFor (F9) --- */

/* A config whose task is probe with @words, and @wait_for. */
static struct json_object *waiting_for(struct it *t, const char *wait_for, const char *words,
				       const char **ret_dir)
{
	struct json_object *c = it_state_config(t, words, ret_dir);

	cfg_set(c, "taskshim.waitFor", "'%s'", wait_for);
	return c;
}

static void test_wait_for_main_ends_a_daemon(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct run *r = it_run(t, waiting_for(t, "main", "daemon 5 ignore 15 pause", &dir));

	assert_int_equal(run_wait(r), 5);
	assert_int_equal(js_int(it_json_file(t, dir, "exit.json"), "exitCode"), 5);
	/* the teardown proves that none is left */
}

static void test_wait_for_all_lets_a_daemon_finish(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = waiting_for(t, "all", "daemon 5 sleep 200 echo finished", &dir);
	struct run *r = it_run(t, c);

	assert_int_equal(run_wait(r), 5);
	expect_contains(run_task_out(t, r), "finished");
	struct json_object *record = it_json_file(t, dir, "exit.json");

	assert_int_equal(js_int(record, "exitCode"), 5);
	assert_string_equal(js_str(record, "cause"), "exited");
	assert_true(js_int(record, "runtimeMs") >= 200);
}

/* Several generations, ended in any order, the last one a daemon of a daemon. */
static void test_wait_for_all_waits_for_daemons_of_daemons(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = waiting_for(
		t, "all", "daemon 6 sleep 50 daemon 1 sleep 50 daemon 2 sleep 50 echo finished",
		&dir);
	struct run *r = it_run(t, c);

	assert_int_equal(run_wait(r), 6);
	expect_contains(run_task_out(t, r), "finished");
}

static void test_wait_for_all_without_others_is_the_main_process(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct run *r = it_run(t, waiting_for(t, "all", "kill 15", &dir));

	assert_int_equal(run_wait(r), 143);
	assert_int_equal(js_int(it_json_file(t, dir, "exit.json"), "signal"), 15);
}

/* The record is not there before the end of all. */
static void test_wait_for_all_records_at_the_end_of_all(void **state)
{
	struct it *t = *state;
	const char *dir;
	pid_t pid;
	struct json_object *c = waiting_for(t, "all", "daemon 5 trap 15 echo ready pause", &dir);
	struct run *r = it_start_task(t, c, &pid);
	const char *children;

	it_wait_ready(t, r);
	wait_gone(pid);
	assert_false(js_bool(it_json_file(t, dir, "exit.json"), "known"));
	assert_false(run_ended(r));
	do { /* the daemon's parent, which has ended as well, may be there for a moment */
		children = read_file(t, it_text(t, "/proc/%d/task/%d/children", r->pid, r->pid));
		if (children && atoi(children) > 0)
			(void)kill(atoi(children), SIGTERM);
	} while (!run_ended(r));
	assert_int_equal(run_wait(r), 5);
	assert_true(js_bool(it_json_file(t, dir, "exit.json"), "known"));
}

static void test_wait_for_all_and_a_timeout_after_main(void **state)
{
	static const char *const words[] = {
		"daemon 5 trap 15 echo ready pause", /* handles the first signal */
		"daemon 5 ignore 15 echo ready pause", /* has to be killed after the grace */
	};
	struct it *t = *state;

	for (size_t i = 0; i < 2; i++) {
		const char *dir;
		struct json_object *c = waiting_for(t, "all", words[i], &dir);

		cfg_set(c, "taskshim.timeout", "'400ms'");
		cfg_set(c, "taskshim.killTimeout", "%s", i == 0 ? "'1h'" : "'20ms'");
		struct run *r = it_run(t, c);

		assert_int_equal(run_wait(r), 5);
		expect_contains(run_task_out(t, r), "ready");
		assert_string_equal(js_str(it_json_file(t, dir, "exit.json"), "cause"), "exited");
	}
}

/* Main handles the signal, what it left does not: that has the rest of the grace, and no more. */
static void test_wait_for_all_and_a_timeout_that_ends_main_first(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c =
		waiting_for(t, "all", "stray session trap 15 echo ready pause", &dir);

	cfg_set(c, "taskshim.timeout", "'400ms'");
	cfg_set(c, "taskshim.killTimeout", "'50ms'");
	assert_int_equal(run_wait(it_run(t, c)), 55);
	assert_string_equal(js_str(it_json_file(t, dir, "exit.json"), "cause"), "timeout");
}

static void test_wait_for_all_and_the_parent_death(void **state)
{
	struct it *t = *state;
	const char *dir;
	pid_t pid;
	struct json_object *c = waiting_for(t, "all", "daemon 5 ignore 15 echo ready pause", &dir);

	cfg_set(c, "taskshim.onParentDeath", "'kill'");
	struct run *r = it_start_task(t, c, &pid);

	it_wait_ready(t, r);
	wait_gone(pid);
	assert_false(run_ended(r));
	run_close_in(r);
	assert_int_equal(run_wait(r), 5);
	assert_string_equal(js_str(it_json_file(t, dir, "exit.json"), "cause"), "exited");
}

/* --- the wall-clock limit --- */

static void test_timeout_stops_with_the_kill_signal(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "trap 10 echo ready pause", &dir);

	cfg_set(c, "taskshim.timeout", "'400ms'");
	cfg_set(c, "taskshim.killSignal", "'SIGUSR1'");
	assert_int_equal(run_wait(it_run(t, c)), 50);
	struct json_object *record = it_json_file(t, dir, "exit.json");

	assert_string_equal(js_str(record, "cause"), "timeout");
	assert_int_equal(js_int(record, "stopSignal"), SIGUSR1);
	assert_int_equal(js_int(record, "exitCode"), 50);
}

static void test_timeout_kills_after_the_grace(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "ignore 15 echo ready pause", &dir);

	cfg_set(c, "taskshim.timeout", "'300ms'");
	cfg_set(c, "taskshim.killTimeout", "'20ms'");
	assert_int_equal(run_wait(it_run(t, c)), 137);
	assert_string_equal(js_str(it_json_file(t, dir, "exit.json"), "cause"), "timeout");
}

static void test_timeout_with_no_grace_kills(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "ignore 15 pause");

	cfg_set(c, "taskshim.timeout", "'100ms'");
	cfg_set(c, "taskshim.killTimeout", "0");
	assert_int_equal(run_wait(it_run(t, c)), 137);
}

/* Process 1 of a pid namespace never gets a signal that it does not handle: there is nothing to wait for. */
static void test_timeout_kills_process_1_at_once_when_the_signal_would_be_dropped(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "stray session echo ready pause", &dir);

	cfg_set(c, "linux.namespaces", "[{'type':'mount'},{'type':'pid'}]");
	cfg_set(c, "taskshim.timeout", "'200ms'");
	cfg_set(c, "taskshim.killTimeout", "'1h'");
	assert_int_equal(run_wait(it_run(t, c)), 137);
	struct json_object *record = it_json_file(t, dir, "exit.json");

	assert_string_equal(js_str(record, "cause"), "timeout");
	assert_int_equal(js_int(record, "stopSignal"), SIGTERM);
}

static void test_timeout_gives_process_1_that_handles_the_signal_its_grace(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "trap 10 echo ready pause");

	cfg_set(c, "linux.namespaces", "[{'type':'mount'},{'type':'pid'}]");
	cfg_set(c, "taskshim.timeout", "'400ms'");
	cfg_set(c, "taskshim.killSignal", "'SIGUSR1'");
	cfg_set(c, "taskshim.killTimeout", "'1h'");
	assert_int_equal(run_wait(it_run(t, c)), 50);
}

/* Without a pid namespace and without cgroup.kill: what left the session ignores the signal and dies all the same. */
static void test_timeout_ends_strays_in_a_v1_cgroup(void **state)
{
	struct it *t = *state;
	struct json_object *c =
		it_config(t, "stray session stray group ignore 15 stray session echo ready pause");
	const char *memory = it_cgroup(t, "memory");

	if (!memory)
		it_skip("this machine has no v1 memory hierarchy");
	cfg_set(c, "taskshim.cgroup", "{'memory':'%s'}", memory);
	cfg_set(c, "taskshim.timeout", "'400ms'");
	cfg_set(c, "taskshim.killTimeout", "'20ms'");
	struct run *r = it_run(t, c);

	assert_int_equal(run_wait(r), 137);
	expect_contains(run_task_out(t, r), "ready");
	assert_int_equal(cgroup_count(t, memory), 0);
}

static void test_timeout_not_reached_changes_nothing(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "exit 8", &dir);

	cfg_set(c, "taskshim.timeout", "'1h'");
	assert_int_equal(run_wait(it_run(t, c)), 8);
	assert_string_equal(js_str(it_json_file(t, dir, "exit.json"), "cause"), "exited");
}

/* --- what the monitor is --- */

static void test_monitor_keeps_nothing_of_the_caller(void **state)
{
	struct it *t = *state;
	int null = open_fd(t, "/dev/null", O_RDWR),
	    dir = open_fd(t, t->dir, O_RDONLY | O_DIRECTORY);
	struct json_object *c = it_config(t, "echo ready pause");
	struct run *r = it_start_config(t, &(struct start){.fds = {null, dir, null, dir}}, c);
	const char *status;

	(void)run_expect(r, "created");
	run_send(r, "true");
	(void)run_expect(r, "started");
	it_wait_ready(t, r);
	for (int tries = 0;
	     tries < 500 && strcmp(read_link(t, it_text(t, "/proc/%d/cwd", r->pid)), "/") != 0;
	     tries++)
		(void)poll(NULL, 0, 2); /* `started` is told before it lets go */
	assert_string_equal(read_link(t, it_text(t, "/proc/%d/cwd", r->pid)), "/");
	assert_string_equal(read_link(t, it_text(t, "/proc/%d/fd/0", r->pid)), "/dev/null");
	assert_string_equal(read_link(t, it_text(t, "/proc/%d/fd/2", r->pid)), "/dev/null");
	for (int fd = 3; fd < 64; fd++) {
		const char *link = read_link(t, it_text(t, "/proc/%d/fd/%d", r->pid, fd));

		if (link && strncmp(link, "anon_inode:", 11) != 0)
			fail_msg("descriptor %d: %s", fd, link);
	}
	status = proc_file(t, r->pid, "status");
	expect_contains(status, "Threads:\t1\n");
	expect_contains(status, "Name:\tspawn-daemon\n");
	expect_contains(status, it_text(t, "NSsid:\t%d\n", r->pid));
}

static void lead_a_group(void *arg)
{
	(void)arg;
	(void)setpgid(0, 0);
}

/* Signals to the caller's process group or from its terminal are not the monitor's, nor are those to its own. A caller may
 * have made it the leader of a group, so that it cannot make a session of its own. */
static void test_monitor_survives_signals(void **state)
{
	static const int signals[] = {SIGHUP,  SIGINT,	SIGTERM, SIGPIPE, SIGUSR1,
				      SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGALRM};
	struct it *t = *state;

	for (int leads = 0; leads < 2; leads++) {
		struct json_object *c = it_config(t, "trap 15 echo ready pause");
		struct run *r = it_start_config(
			t, &(struct start){.prepare = leads ? lead_a_group : NULL}, c);
		pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");

		run_send(r, "true");
		(void)run_expect(r, "started");
		it_wait_ready(t, r);
		assert_int_equal(getpgid(r->pid), r->pid);
		assert_int_equal(getsid(r->pid), leads ? getsid(0) : r->pid);
		assert_int_equal(getsid(pid), pid);
		for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
			assert_int_equal(kill(r->pid, signals[i]), 0);
			assert_int_equal(kill(-r->pid, signals[i]), 0); /* its group, its session */
		}
		(void)poll(NULL, 0, 30);
		assert_false(run_ended(r));
		expect_not_contains(proc_file(t, r->pid, "status"), "State:\tT");
		assert_true(alive(pid));
		assert_int_equal(kill(pid, SIGTERM), 0);
		assert_int_equal(run_wait(r), 55);
	}
}

/* --- without a monitor --- */

static struct run *start_unmonitored(struct it *t, struct json_object *c, pid_t *ret_pid)
{
	cfg_set(c, "taskshim.monitor", "false");
	struct run *r = it_start_config(t, NULL, c);
	struct json_object *created = run_expect(r, "created");

	*ret_pid = (pid_t)js_int(created, "pid");
	run_expect_eof(r); /* init holds no end of it */
	assert_int_equal(run_wait(r), 0);
	assert_true(alive(*ret_pid));
	expect_contains(proc_file(t, *ret_pid, "status"), it_text(t, "PPid:\t%d\n", getpid()));
	return r;
}

static int connect_gate(struct it *t, const char *dir)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = own_fd(t, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	int dir_fd = open_fd(t, dir, O_PATH | O_DIRECTORY);

	(void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/gate", dir_fd);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		fail_msg("connect to the gate: %s", strerror(errno));
	return fd;
}

/* Everything up to the end of file. */
static const char *read_all(struct it *t, int fd)
{
	char buf[16384];
	size_t used = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (poll(&p, 1, it_timeout_ms()) == 0)
			fail_msg("hang: no end of file from the gate");
		ssize_t n = read(fd, buf + used, sizeof buf - 1 - used);

		if (n < 0 && errno == ECONNRESET)
			n = 0;
		assert_true(n >= 0);
		if (n == 0)
			break;
		used += (size_t)n;
	}
	buf[used] = '\0';
	return it_text(t, "%s", buf);
}

static int reap_status(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_unmonitored_gate_true_starts(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "flags fds exit 7", &dir);
	pid_t pid;
	struct run *r = start_unmonitored(t, c, &pid);
	struct stat st;
	uint64_t since = start_time(pid);

	assert_int_equal(stat(it_text(t, "%s/gate", dir), &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_string_equal(run_task_out(t, r), "");
	int gate = connect_gate(t, dir);

	assert_int_equal(write(gate, "true", 4), 4);
	struct json_object *line = cfg_parse(t, "%s", read_all(t, gate));

	assert_string_equal(js_str(line, "type"), "started");
	assert_int_equal(js_int(line, "pid"), pid);
	assert_int_equal(js_int(line, "startTime"), since);
	assert_string_equal(js_str(line, "id"), js_str(r->lines[0], "id"));
	assert_int_equal(reap_status(pid), 7);
	expect_fact(t, run_task_out(t, r), "pdeathsig", "0");
	assert_null(strstr(strstr(run_task_out(t, r), "fd 2 ") + 1, "\nfd "));
	assert_false(js_bool(it_json_file(t, dir, "exit.json"), "known"));
}

static void test_unmonitored_gate_false_aborts(void **state)
{
	struct it *t = *state;
	const char *dir;
	pid_t pid;
	struct run *r = start_unmonitored(t, it_state_config(t, "echo ran", &dir), &pid);
	int gate = connect_gate(t, dir);

	assert_int_equal(write(gate, "false", 5), 5);
	assert_string_equal(read_all(t, gate), "");
	assert_int_equal(reap_status(pid), 0);
	assert_string_equal(run_task_out(t, r), "");
}

static void test_unmonitored_exec_failure_is_told_at_the_gate(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "", &dir);
	pid_t pid;

	write_file(it_text(t, "%s/bin/script", t->dir), "#!/no/interpreter\n", 0755);
	cfg_set(c, "process.args", "['/bin/script']");
	(void)start_unmonitored(t, c, &pid);
	int gate = connect_gate(t, dir);

	assert_int_equal(write(gate, "true\n", 5), 5);
	const char *text = read_all(t, gate), *second = strchr(text, '\n');

	assert_non_null(second);
	expect_contains(text, "\"started\"");
	struct json_object *error = cfg_parse(t, "%s", second + 1);

	expect_error_line(error, "exec", ENOENT, "/no/interpreter");
	assert_int_equal(reap_status(pid), 126);
}

/* A client that hangs up, or says something else, does not start the task and does not use up the gate. */
static void test_unmonitored_gate_takes_no_garbage(void **state)
{
	static const char *const words[] = {"",	  "tru",  "yes please, quite a long one",
					    "{}", "TRUE", "\0\0\0\0"};
	struct it *t = *state;
	const char *dir;
	pid_t pid;
	struct run *r = start_unmonitored(t, it_state_config(t, "exit 4", &dir), &pid);

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		int gate = connect_gate(t, dir);

		(void)!write(gate, words[i], strlen(words[i]));
		(void)shutdown(gate, SHUT_WR);
		assert_string_equal(read_all(t, gate), "");
		assert_true(alive(pid));
	}
	int gate = connect_gate(t, dir);

	assert_int_equal(write(gate, "true", 4), 4);
	expect_contains(read_all(t, gate), "started");
	assert_int_equal(reap_status(pid), 4);
	(void)r;
}

static void test_unmonitored_failure_before_created(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "exit 0", &dir);

	cfg_set(c, "taskshim.monitor", "false");
	cfg_set(c, "process.cwd", "'/no-such'");
	(void)it_expect_error(t, c, 125, "cwd", ENOENT, "/no-such");
	assert_string_equal(it_names(t, dir), "");
}

/* Then the gate is spawn-daemon's, as with a monitor. */
static void test_unmonitored_without_a_state_directory(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo ran exit 6");

	cfg_set(c, "taskshim.monitor", "false");
	struct run *r = it_start_config(t, NULL, c);
	struct json_object *created = run_expect(r, "created");
	pid_t pid = json_object_get_int(json_object_object_get(created, "pid"));

	assert_int_equal(json_object_get_int(json_object_object_get(created, "monitorPid")), 0);
	assert_string_equal(run_task_out(t, r), "");
	run_send(r, "true\n");
	(void)run_expect(r, "started");
	assert_int_equal(run_wait(r), 0);
	assert_int_equal(reap_status(pid), 6);
	assert_string_equal(run_task_out(t, r), "ran\n");
}

static void test_unmonitored_without_a_state_directory_has_no_hooks(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo ran");

	cfg_set(c, "taskshim.monitor", "false");
	cfg_set(c, "hooks.poststop", "[{'path':'/bin/true'}]");
	struct run *r = it_start_config(t, NULL, c);

	expect_error_line(run_expect(r, "error"), "config", EINVAL, "stateDir");
	assert_int_equal(run_wait(r), 125);
}

static void test_unmonitored_end_of_input_is_no_abort(void **state)
{
	struct it *t = *state;
	const char *dir;
	pid_t pid;
	struct run *r = start_unmonitored(t, it_state_config(t, "exit 0", &dir), &pid);

	run_close_in(r);
	(void)poll(NULL, 0, 30);
	assert_true(alive(pid));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(reap_status(pid), 137);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_exit_record_of_an_exit),
		IT(test_exit_record_of_a_signal),
		IT(test_exit_record_of_a_stop),
		IT(test_stop_note_that_is_none_changes_nothing),
		IT(test_core_dump_is_recorded),
		IT(test_state_files_before_and_after_the_gate),
		IT(test_created_id_names_the_state_directory),
		IT(test_abort_leaves_nothing_in_the_state_directory),
		IT(test_failed_start_leaves_nothing_in_the_state_directory),
		IT(test_state_directory_that_is_not_ours_is_refused),
		IT(test_record_that_cannot_be_prepared_is_an_error),
		IT(test_read_only_state_directory_is_an_error),
		IT(test_record_survives_a_full_disk),
		IT(test_exit_is_told_when_the_record_cannot_be_written),
		IT(test_durable_record),
		IT(test_task_cannot_reach_its_record),
		IT(test_task_cannot_reach_its_record_through_the_monitor),
		IT(test_task_of_another_user_cannot_reach_its_record),
		IT(test_task_outlives_its_driver),
		IT(test_record_without_a_reader),
		IT(test_killed_monitor_takes_the_task_along),
		IT(test_killed_monitor_takes_a_pid_namespace_along),
		IT(test_killed_monitor_leaves_the_record_unknown),
		IT(test_killed_monitor_keeps_the_task_when_told_so),
		IT(test_init_killed_at_the_gate_is_an_error),
		IT(test_strays_are_ended_with_the_command),
		IT(test_strays_are_kept_when_told_so),
		IT(test_strays_that_end_first_are_not_taken_for_the_command),
		IT(test_wait_for_main_ends_a_daemon),
		IT(test_wait_for_all_lets_a_daemon_finish),
		IT(test_wait_for_all_waits_for_daemons_of_daemons),
		IT(test_wait_for_all_without_others_is_the_main_process),
		IT(test_wait_for_all_records_at_the_end_of_all),
		IT(test_wait_for_all_and_a_timeout_after_main),
		IT(test_wait_for_all_and_a_timeout_that_ends_main_first),
		IT(test_wait_for_all_and_the_parent_death),
		IT(test_timeout_stops_with_the_kill_signal),
		IT(test_timeout_kills_after_the_grace),
		IT(test_timeout_with_no_grace_kills),
		IT(test_timeout_kills_process_1_at_once_when_the_signal_would_be_dropped),
		IT(test_timeout_gives_process_1_that_handles_the_signal_its_grace),
		IT(test_timeout_ends_strays_in_a_v1_cgroup),
		IT(test_timeout_not_reached_changes_nothing),
		IT(test_monitor_keeps_nothing_of_the_caller),
		IT(test_monitor_survives_signals),
		IT(test_unmonitored_gate_true_starts),
		IT(test_unmonitored_gate_false_aborts),
		IT(test_unmonitored_exec_failure_is_told_at_the_gate),
		IT(test_unmonitored_gate_takes_no_garbage),
		IT(test_unmonitored_failure_before_created),
		IT(test_unmonitored_without_a_state_directory),
		IT(test_unmonitored_without_a_state_directory_has_no_hooks),
		IT(test_unmonitored_end_of_input_is_no_abort),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
