/* The wire: standard input is config and gate, standard output is one JSON line per event, and the exit status is the
 * command's. design.md section 3. */
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void expect_keys(struct json_object *line, const char *keys)
{
	char got[512] = "";

	json_object_object_foreach(line, key, value)
	{
		(void)value;
		(void)strcat(strcat(got, got[0] ? " " : ""), key);
	}
	assert_string_equal(got, keys);
}

/* --- lines --- */

static void test_lines_have_exactly_the_documented_fields(void **state)
{
	struct it *t = *state;
	struct run *r = it_start_config(t, NULL, it_config(t, "exit 0"));
	struct json_object *created = run_expect(r, "created");
	pid_t pid = (pid_t)js_int(created, "pid");
	uint64_t start = start_time(pid);
	char boot_id[TS_BOOT_ID_LEN + 1];

	expect_keys(created, "type pid monitorPid id");
	assert_int_equal(js_int(created, "monitorPid"), r->pid);
	assert_int_equal(ts_boot_id(boot_id), 0);
	assert_string_equal(js_str(created, "id"),
			    it_text(t, "PID:%d:%llu:%s", pid, (unsigned long long)start, boot_id));
	run_send(r, "true");
	struct json_object *started = run_expect(r, "started");

	expect_keys(started, "type pid startTime id");
	assert_int_equal(js_int(started, "pid"), pid);
	assert_int_equal(js_int(started, "startTime"), start);
	assert_string_equal(js_str(started, "id"), js_str(created, "id"));
	struct json_object *exited = run_expect(r, "exited");

	assert_int_equal(js_int(exited, "exitCode"),
			 0); /* these stand in design.md; the record's others may follow */
	assert_int_equal(js_int(exited, "signal"), 0);
	assert_false(js_bool(exited, "coreDumped"));
	assert_true(js_get(exited, "oomKilled") == NULL ||
		    !js_bool(exited, "oomKilled")); /* null: unknown */
	assert_int_equal(strlen(js_str(exited, "startedAt")),
			 strlen("2026-01-01T00:00:00.000000000Z"));
	assert_true(strcmp(js_str(exited, "startedAt"), js_str(exited, "finishedAt")) <= 0);
	assert_non_null(js_get(exited, "usage"));
	run_expect_eof(r);
	assert_int_equal(run_wait(r), 0);
	assert_string_equal(run_err(t, r), "");
}

static void test_created_id_is_a_cgroup_string_with_a_cgroup(void **state)
{
	struct it *t = *state;
	const char *path = it_cgroup(t, "unified");
	struct json_object *c = it_config(t, "exit 0");

	if (!path)
		it_skip("no cgroup2 hierarchy");
	cfg_set(c, "taskshim.cgroup", "{'unified':'%s'}", path);
	cfg_set(c, "taskshim.runId", "'0123456789abcdef0123456789abcdef'");
	struct run *r = it_run(t, c);
	const char *id = js_str(r->lines[0], "id");

	assert_int_equal(strncmp(id, "CGROUP:{", 8), 0);
	expect_contains(id, path);
	expect_contains(id, js_str(c, "taskshim.id"));
	expect_contains(id, "0123456789abcdef0123456789abcdef");
	expect_contains(id, it_text(t, "%lld", (long long)js_int(r->lines[0], "pid")));
	assert_int_equal(run_wait(r), 0);
}

/* --- gate --- */

static void test_command_does_not_run_before_the_gate(void **state)
{
	struct it *t = *state;
	struct run *r = it_start_config(t, NULL, it_config(t, "echo ran"));
	struct json_object *created = run_expect(r, "created");
	pid_t pid = (pid_t)js_int(created, "pid");

	assert_true(alive(pid));
	assert_string_equal(run_task_out(t, r), "");
	expect_not_contains(proc_file(t, pid, "cmdline"), "probe");
	run_send(r, "true");
	(void)run_expect(r, "started");
	(void)run_expect(r, "exited");
	assert_string_equal(run_task_out(t, r), "ran\n");
}

static void test_everything_is_set_up_before_the_gate(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "pause");

	cfg_set(c, "process.user", "{'uid':1000,'gid':1001,'additionalGids':[29]}");
	cfg_set(c, "hostname", "'made-early'");
	cfg_set(c, "linux.namespaces", "[{'type':'mount'},{'type':'uts'}]");
	struct run *r = it_start_config(t, NULL, c);
	pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");
	const char *status = proc_file(t, pid, "status");

	expect_contains(status, "Uid:\t1000\t1000\t1000\t1000");
	expect_contains(status, "Gid:\t1001\t1001\t1001\t1001");
	expect_contains(status, "Groups:\t29");
	expect_contains(status, "CapEff:\t0000000000000000");
	expect_contains(proc_file(t, pid, "mountinfo"), "/proc");
	expect_not_contains(proc_file(t, pid, "mountinfo"), "/sys/fs/cgroup/");
}

static void expect_abort(struct it *t, struct run *r, const char *reason)
{
	struct json_object *aborted = run_expect(r, "aborted");

	expect_keys(aborted, "type reason");
	assert_string_equal(js_str(aborted, "reason"), reason);
	run_expect_eof(r);
	assert_int_equal(run_wait(r), 0);
	assert_string_equal(run_task_out(t, r), "");
}

static void test_gate_false_aborts(void **state)
{
	struct it *t = *state;
	struct run *r = it_start_config(t, NULL, it_config(t, "echo ran"));
	pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");

	run_send(r, "false");
	expect_abort(t, r, "gate-false");
	assert_false(alive(pid));
}

static void test_gate_end_of_file_aborts(void **state)
{
	struct it *t = *state;
	struct run *r = it_start_config(t, NULL, it_config(t, "echo ran"));
	pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");

	run_close_in(r);
	expect_abort(t, r, "parent-gone");
	assert_false(alive(pid));
}

static void test_end_of_file_right_after_the_config_aborts(void **state)
{
	struct it *t = *state;
	struct run *r = it_start_config(t, NULL, it_config(t, "echo ran"));

	run_close_in(r);
	(void)run_expect(r, "created");
	expect_abort(t, r, "parent-gone");
}

static void test_gate_garbage_is_an_error(void **state)
{
	static const char *const gates[] = {"maybe\n",	"1\n",	  "null\n", "{}\n",   "[true]\n",
					    "\"true\"", "True\n", "tru",    "{\"a\":"};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof gates / sizeof gates[0]; i++) {
		struct run *r = it_start_config(t, NULL, it_config(t, "echo ran"));

		(void)run_expect(r, "created");
		run_send(r, gates[i]);
		run_close_in(r);
		struct json_object *error = run_expect(r, "error");

		assert_string_equal(js_str(error, "step"), "gate");
		expect_keys(error, "type step errno code message");
		run_expect_eof(r);
		assert_int_equal(run_wait(r), 125);
		assert_string_equal(run_task_out(t, r), "");
	}
}

static void test_no_gate_starts_at_once(void **state)
{
	struct it *t = *state;
	struct run *r = it_start_config(t, &(struct start){.args = {"--no-gate"}},
					it_config(t, "echo ran"));

	run_close_in(r);
	(void)run_expect(r, "created");
	(void)run_expect(r, "started");
	(void)run_expect(r, "exited");
	assert_int_equal(run_wait(r), 0);
	assert_string_equal(run_task_out(t, r), "ran\n");
}

static void test_config_and_gate_in_one_write(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo ran");
	struct run *r = it_start(t, NULL);

	run_send(r, it_text(t, "%strue", json_object_to_json_string(c)));
	(void)run_expect(r, "created");
	(void)run_expect(r, "started");
	(void)run_expect(r, "exited");
	assert_int_equal(run_wait(r), 0);
}

/* The gate may be passed on to an init that is about to fail: its own words must come through, not that it is gone. */
static void test_config_and_gate_in_one_write_tell_the_failing_step(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_rootfs_config(t, "echo ran", "");

	cfg_set(c, "root.path", "'%s/no-such-root'", t->dir);
	const char *text = it_text(t, "%strue", json_object_to_json_string(c));

	for (int i = 0; i < 200; i++) {
		struct run *r = it_start(t, NULL);

		run_send(r, text);
		expect_error_line(run_expect(r, "error"), "root", ENOENT, "no-such-root");
		run_expect_eof(r);
		assert_int_equal(run_wait(r), 125);
		it_forget(t);
	}
}

static void test_config_and_gate_byte_by_byte(void **state)
{
	struct it *t = *state;
	const char *text =
		it_text(t, " \n%s \n\t true", json_object_to_json_string(it_config(t, "echo ran")));
	struct run *r = it_start(t, NULL);

	for (size_t i = 0; text[i]; i++)
		run_send_bytes(r, text + i, 1);
	(void)run_expect(r, "created");
	(void)run_expect(r, "started");
	(void)run_expect(r, "exited");
	assert_int_equal(run_wait(r), 0);
	assert_string_equal(run_task_out(t, r), "ran\n");
}

/* A task of uid 0 is started by a second spawn-daemon, executed by the first: that one waits. */
static const char *const awaiting_users[] = {"{'uid':65534,'gid':65534}", "{'uid':0,'gid':0}"};

static struct run *start_awaiting(struct it *t, struct json_object *c, size_t user)
{
	cfg_set(c, "process.user", "%s", awaiting_users[user]);
	struct run *r = it_start(t, &(struct start){.args = {"--await-cgroups"}});
	struct pollfd out = {.fd = r->out, .events = POLLIN};

	run_send(r, json_object_to_json_string(c));
	assert_int_equal(poll(&out, 1, 300), 0); /* not a word, not even of what is missing */
	return r;
}

static void test_await_cgroups_opens_them_after_the_newline(void **state)
{
	struct it *t = *state;

	for (size_t i = 0; i < 2; i++) {
		struct json_object *c = it_config(t, "echo ran");
		const char *path = it_cgroup(t, "unified");

		if (!path)
			it_skip("no cgroup2 hierarchy");
		cfg_set(c, "taskshim.cgroup", "{'unified':'%s'}", path);
		assert_int_equal(rmdir(path), 0);
		struct run *r = start_awaiting(t, c, i);

		assert_int_equal(mkdir(path, 0755), 0);
		run_send(r, "\n");
		pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");

		expect_contains(proc_file(t, pid, "cgroup"), strrchr(path, '/'));
		run_send(r, "true");
		(void)run_expect(r, "started");
		(void)run_expect(r, "exited");
		assert_int_equal(run_wait(r), 0);
		assert_string_equal(run_task_out(t, r), "ran\n");
		it_forget(t);
	}
}

static void test_await_cgroups_takes_the_gate_with_the_newline(void **state)
{
	struct it *t = *state;

	for (size_t i = 0; i < 2; i++) {
		struct run *r = start_awaiting(t, it_config(t, "echo ran"), i);

		run_send(r, "\ntrue\n");
		(void)run_expect(r, "created");
		(void)run_expect(r, "started");
		(void)run_expect(r, "exited");
		assert_int_equal(run_wait(r), 0);
		it_forget(t);
	}
}

static void test_await_cgroups_end_of_file_aborts(void **state)
{
	struct it *t = *state;

	for (size_t i = 0; i < 2; i++) {
		struct run *r = start_awaiting(t, it_config(t, "echo ran"), i);

		run_close_in(r);
		expect_abort(t, r, "parent-gone");
		it_forget(t);
	}
}

/* The parent may hold the pipe open and never end the document "true": it is whole after the newline, at least. */
static void test_gate_needs_no_end_of_file(void **state)
{
	struct it *t = *state;
	struct run *r = it_start_config(t, NULL, it_config(t, "echo ran"));

	(void)run_expect(r, "created");
	run_send(r, "tr");
	(void)poll(NULL, 0, 20);
	run_send(r, "ue\n");
	(void)run_expect(r, "started");
	(void)run_expect(r, "exited");
	assert_int_equal(run_wait(r), 0);
}

static void test_large_config_is_read_whole(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo ran");
	char *big = malloc((4 << 20) - 4096);

	assert_non_null(big);
	memset(big, 'x', (4 << 20) - 4096);
	big[(4 << 20) - 4097] = '\0';
	cfg_set(c, "annotations", "{'org.example.big':'%s'}", big);
	free(big);
	assert_string_equal(it_output(t, c), "ran\n");
}

/* --- exit statuses --- */

static void expect_exit(struct it *t, const char *words, int status, int signo)
{
	struct run *r = it_run(t, it_config(t, words));

	if (r->n_lines != 3)
		fail_msg("%s: %zu lines", words, r->n_lines);
	assert_string_equal(js_str(r->lines[2], "type"), "exited");
	assert_int_equal(js_int(r->lines[2], "exitCode"), status);
	assert_int_equal(js_int(r->lines[2], "signal"), signo);
	assert_int_equal(run_wait(r), status);
}

static void test_exit_status_is_the_commands(void **state)
{
	struct it *t = *state;

	expect_exit(t, "exit 0", 0, 0);
	expect_exit(t, "exit 1", 1, 0);
	expect_exit(t, "exit 42", 42, 0);
	expect_exit(t, "exit 125", 125, 0);
	expect_exit(t, "exit 255", 255, 0);
}

static void test_exit_status_of_a_killed_command_is_128_and_the_signal(void **state)
{
	struct it *t = *state;

	expect_exit(t, "kill 15", 143, 15);
	expect_exit(t, "kill 9", 137, 9);
	expect_exit(t, "kill 11", 139, 11);
	expect_exit(t, "kill 1", 129, 1);
	expect_exit(t, "kill 13", 141, 13);
	expect_exit(t, "kill 34", 162, 34);
}

/* The end of the very first instruction is not lost: a task that is over before anybody looks. */
static void test_immediate_exits_are_all_seen(void **state)
{
	struct it *t = *state;

	for (int i = 0; i < 40; i++) {
		struct run *r = it_run(t, it_config(t, "exit 7"));

		assert_int_equal(r->n_lines, 3);
		assert_int_equal(run_wait(r), 7);
	}
}

static void test_command_missing_is_127_before_the_gate(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "");

	cfg_set(c, "process.args", "['/bin/not-there']");
	(void)it_expect_error(t, c, 127, "command", ENOENT, "/bin/not-there");
	cfg_set(c, "process.args", "['not-there-either']");
	(void)it_expect_error(t, c, 127, "command", ENOENT, "not-there-either");
}

static void test_command_not_executable_is_126_before_the_gate(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "");

	write_file(it_text(t, "%s/bin/plain", t->dir), "#!/bin/probe\n", 0644);
	cfg_set(c, "process.args", "['/bin/plain']");
	(void)it_expect_error(t, c, 126, "command", EACCES, "/bin/plain");
	cfg_set(c, "process.args", "['plain']");
	(void)it_expect_error(t, c, 126, "command", EACCES, "plain");
}

static void test_command_directory_is_126(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "");

	cfg_set(c, "process.args", "['/bin']");
	const char *message = it_expect_error(t, c, 126, "command", EISDIR, "/bin");

	expect_contains(message, "directory");
}

/* Fails in execve itself, which is after the gate: created, then error. */
static void expect_exec_error(struct it *t, const char *file, int status, int err,
			      const char *reason)
{
	struct json_object *c = it_config(t, "");

	cfg_set(c, "process.args", "['%s']", file);
	struct run *r = it_start_config(t, NULL, c);

	(void)run_expect(r, "created");
	run_send(r, "true");
	struct json_object *error = run_expect(r, "error");

	expect_error_line(error, "exec", err, file);
	expect_contains(js_str(error, "message"), reason);
	run_expect_eof(r);
	assert_int_equal(run_wait(r), status);
}

static void test_exec_failure_after_the_gate_is_an_error_line(void **state)
{
	struct it *t = *state;

	write_file(it_text(t, "%s/bin/script", t->dir), "#!/bin/no-interpreter\n", 0755);
	expect_exec_error(t, "/bin/script", 126, ENOENT, "interpreter");
	write_file(it_text(t, "%s/bin/garbage", t->dir), "not a program at all\n", 0755);
	expect_exec_error(t, "/bin/garbage", 126, ENOEXEC, "");
	write_file(it_text(t, "%s/bin/empty", t->dir), "", 0755);
	expect_exec_error(t, "/bin/empty", 126, ENOEXEC, "");
	copy_file("/bin/true", it_text(t, "%s/bin/dynamic", t->dir),
		  0755); /* no loader in this root */
	expect_exec_error(t, "/bin/dynamic", 126, ENOENT, "ld-linux");
}

static void test_other_failures_are_125(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 0");

	cfg_set(c, "process.cwd", "'/not-there'");
	(void)it_expect_error(t, c, 125, "cwd", ENOENT, "/not-there");
}

/* --- the reader of standard output --- */

static int full_pipe(struct it *t)
{
	char block[4096] = {0};
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(ends[1], block, sizeof block) > 0)
		;
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
	(void)own_fd(t, ends[0]);
	return own_fd(t, ends[1]);
}

/* Behind the config in one piece, the gate is read before anything is reported; late, after "created". */
static void run_gated(struct it *t, int out, const char *words, int status, bool late)
{
	struct run *r = it_start_config(t, &(struct start){.out_fd = out}, it_config(t, words));

	if (late)
		(void)poll(NULL, 0, 100);
	run_send(r, "true");
	assert_int_equal(run_wait(r), status);
	assert_int_equal(fcntl(out, F_GETFL) & O_NONBLOCK, 0); /* left alone */
	assert_string_equal(run_task_out(t, r), "ran\n");
}

static void run_against(struct it *t, int out, const char *words, int status)
{
	run_gated(t, out, words, status, false);
	run_gated(t, out, words, status, true);
}

static void test_reader_that_never_reads_does_not_stop_the_task(void **state)
{
	struct it *t = *state;

	run_against(t, full_pipe(t), "echo ran exit 9", 9);
}

static void test_reader_that_vanished_does_not_stop_the_task(void **state)
{
	struct it *t = *state;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	(void)close(ends[0]);
	run_against(t, own_fd(t, ends[1]), "echo ran exit 9", 9);
}

static void test_full_socket_as_output_does_not_stop_the_task(void **state)
{
	struct it *t = *state;
	char block[512] = {0};
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	while (send(ends[1], block, sizeof block, MSG_DONTWAIT) > 0)
		;
	(void)own_fd(t, ends[0]);
	run_against(t, own_fd(t, ends[1]), "echo ran exit 9", 9);
}

static void test_full_device_as_output_does_not_stop_the_task(void **state)
{
	struct it *t = *state;

	run_against(t, open_fd(t, "/dev/full", O_WRONLY), "echo ran exit 9", 9);
}

static void test_reader_that_vanishes_during_the_task(void **state)
{
	struct it *t = *state;
	struct run *r = it_start_config(t, NULL, it_config(t, "trap 15 echo ready pause"));
	pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");

	run_send(r, "true");
	(void)run_expect(r, "started");
	run_close_out(r);
	while (strcmp(run_task_out(t, r), "ready\n") != 0)
		(void)poll(NULL, 0, 2);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(run_wait(r), 55);
}

/* --- standard input after the start --- */

static void test_input_after_the_start_is_ignored(void **state)
{
	struct it *t = *state;
	struct run *r = it_start_config(t, NULL, it_config(t, "trap 15 echo ready pause"));
	pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");

	run_send(r, "true\n");
	(void)run_expect(r, "started");
	run_send(r, "false\n{\"garbage\":");
	run_close_in(r);
	while (strcmp(run_task_out(t, r), "ready\n") != 0)
		(void)poll(NULL, 0, 2);
	(void)poll(NULL, 0, 50);
	assert_true(alive(pid)); /* onParentDeath: keep */
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(js_int(run_expect(r, "exited"), "exitCode"), 55);
	assert_int_equal(run_wait(r), 55);
}

static struct run *start_ready(struct it *t, struct json_object *c, pid_t *ret_pid)
{
	struct run *r = it_start_config(t, NULL, c);

	*ret_pid = (pid_t)js_int(run_expect(r, "created"), "pid");
	run_send(r, "true\n");
	(void)run_expect(r, "started");
	while (!strstr(run_task_out(t, r), "ready\n"))
		(void)poll(NULL, 0, 2);
	return r;
}

static void test_on_parent_death_kill_kills_the_task(void **state)
{
	struct it *t = *state;
	struct json_object *c =
		it_config(t, "ignore 15 stray session stray group echo ready pause");
	pid_t pid;

	cfg_set(c, "taskshim.onParentDeath", "'kill'");
	struct run *r = start_ready(t, c, &pid);

	run_close_in(r);
	assert_int_equal(js_int(run_expect(r, "exited"), "signal"), 9);
	assert_int_equal(run_wait(r), 137);
	assert_false(alive(pid)); /* and of the strays the teardown would tell */
}

static void test_on_parent_death_kill_is_not_triggered_by_data(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "trap 15 echo ready pause");
	pid_t pid;

	cfg_set(c, "taskshim.onParentDeath", "'kill'");
	struct run *r = start_ready(t, c, &pid);

	run_send(r, "some more bytes\n");
	(void)poll(NULL, 0, 50);
	assert_true(alive(pid));
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(run_wait(r), 55);
	pid = -1;
	r = start_ready(t, c, &pid);
	run_send(r, "unread bytes before the end of file do not hide it\n");
	run_close_in(r);
	assert_int_equal(run_wait(r), 137);
}

/* --- the command line --- */

static void test_version_and_help(void **state)
{
	struct it *t = *state;
	static const char *const options[] = {"--version", "--help"};

	for (size_t i = 0; i < 2; i++) {
		int out = open_fd(t, it_text(t, "%s/out%zu", t->dir, i), O_RDWR | O_CREAT);
		struct run *r = it_start(t, &(struct start){.args = {options[i]}, .out_fd = out});

		assert_int_equal(run_wait(r), 0);
		expect_contains(read_file(t, it_text(t, "%s/out%zu", t->dir, i)), "spawn-daemon");
	}
}

static void test_unknown_option_is_a_usage_error(void **state)
{
	struct it *t = *state;
	struct run *r = it_start(t, &(struct start){.args = {"--no-such-option"}});

	run_expect_eof(r);
	assert_int_equal(run_wait(r), 125);
	expect_contains(run_err(t, r), "usage: spawn-daemon");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_lines_have_exactly_the_documented_fields),
		IT(test_created_id_is_a_cgroup_string_with_a_cgroup),
		IT(test_command_does_not_run_before_the_gate),
		IT(test_everything_is_set_up_before_the_gate),
		IT(test_gate_false_aborts),
		IT(test_gate_end_of_file_aborts),
		IT(test_end_of_file_right_after_the_config_aborts),
		IT(test_gate_garbage_is_an_error),
		IT(test_no_gate_starts_at_once),
		IT(test_config_and_gate_in_one_write),
		IT(test_config_and_gate_in_one_write_tell_the_failing_step),
		IT(test_config_and_gate_byte_by_byte),
		IT(test_await_cgroups_opens_them_after_the_newline),
		IT(test_await_cgroups_takes_the_gate_with_the_newline),
		IT(test_await_cgroups_end_of_file_aborts),
		IT(test_gate_needs_no_end_of_file),
		IT(test_large_config_is_read_whole),
		IT(test_exit_status_is_the_commands),
		IT(test_exit_status_of_a_killed_command_is_128_and_the_signal),
		IT(test_immediate_exits_are_all_seen),
		IT(test_command_missing_is_127_before_the_gate),
		IT(test_command_not_executable_is_126_before_the_gate),
		IT(test_command_directory_is_126),
		IT(test_exec_failure_after_the_gate_is_an_error_line),
		IT(test_other_failures_are_125),
		IT(test_reader_that_never_reads_does_not_stop_the_task),
		IT(test_reader_that_vanished_does_not_stop_the_task),
		IT(test_full_socket_as_output_does_not_stop_the_task),
		IT(test_full_device_as_output_does_not_stop_the_task),
		IT(test_reader_that_vanishes_during_the_task),
		IT(test_input_after_the_start_is_ignored),
		IT(test_on_parent_death_kill_kills_the_task),
		IT(test_on_parent_death_kill_is_not_triggered_by_data),
		IT(test_version_and_help),
		IT(test_unknown_option_is_a_usage_error),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
