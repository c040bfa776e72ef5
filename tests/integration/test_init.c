/* taskshim.init: a reaper is process 1 of the task's pid namespace; the command is its child, and what is told is the command's. */
#include "tests/integration/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void with_init(struct json_object *c)
{
	cfg_set(c, "taskshim.init", "true");
	cfg_set(c, "linux.namespaces", "[{'type':'pid'},{'type':'mount'}]");
}

static struct json_object *init_config(struct it *t, const char *words)
{
	struct json_object *c = it_config(t, words);

	with_init(c);
	return c;
}

static void test_the_command_is_a_child_of_process_1(void **state)
{
	struct it *t = *state;
	const char *out = it_output(t, init_config(t, "session cat /proc/1/comm ns fds"));

	expect_fact(t, out, "pid", "2");
	expect_fact(t, out, "ppid", "1");
	expect_fact(t, out, "sid", "2");
	expect_fact(t, out, "pgid", "2");
	expect_contains(out, "\nspawn-daemon\n");
	expect_contains(out, "fd 2 ");
	assert_null(strstr(strstr(out, "fd 2 ") + 1, "\nfd "));
}

static void test_needs_a_pid_namespace(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 0");

	cfg_set(c, "taskshim.init", "true");
	expect_contains(it_expect_error(t, c, 125, "config", EINVAL, "taskshim.init"),
			"pid namespace");
	cfg_set(c, "linux.namespaces", "[{'type':'uts'}]");
	(void)it_expect_error(t, c, 125, "config", EINVAL, "taskshim.init");
}

/* --- what is told is the command's --- */

static void test_status_is_the_commands(void **state)
{
	static const int statuses[] = {0, 1, 7, 125, 126, 127, 255};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
		struct run *r = it_run(t, init_config(t, it_text(t, "exit %d", statuses[i])));

		assert_int_equal(run_wait(r), statuses[i]);
		assert_int_equal(js_int(r->lines[2], "exitCode"), statuses[i]);
		assert_int_equal(js_int(r->lines[2], "signal"), 0);
	}
}

static void test_death_by_a_signal_is_the_commands(void **state)
{
	static const int signals[] = {SIGKILL, SIGTERM, SIGSEGV, SIGABRT};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		struct json_object *c = init_config(t, it_text(t, "kill %d", signals[i]));

		cfg_set(c, "process.rlimits", "[{'type':'RLIMIT_CORE','soft':0,'hard':0}]");
		struct run *r = it_run(t, c);

		assert_int_equal(run_wait(r), 128 + signals[i]);
		assert_int_equal(js_int(r->lines[2], "exitCode"), 128 + signals[i]);
		assert_int_equal(js_int(r->lines[2], "signal"), signals[i]);
		assert_string_equal(js_str(r->lines[2], "cause"), "exited");
	}
}

static void test_usage_counts_the_command(void **state)
{
	struct it *t = *state;
	struct run *r = it_run(t, init_config(t, "alloc 64"));

	assert_true(js_int(r->lines[2], "usage.maxRssBytes") > 64 << 20);
	assert_true(js_int(r->lines[2], "usage.minorFaults") > 10000);
}

static void test_failures_of_the_command_are_told(void **state)
{
	struct it *t = *state;
	struct json_object *c = init_config(t, "exit 0");

	write_file(it_text(t, "%s/bin/script", t->dir), "#!/no/interpreter\n", 0755);
	cfg_set(c, "process.args", "['/bin/script']");
	struct run *r = it_run(t, c);

	assert_int_equal(run_wait(r), 126);
	expect_error_line(r->lines[r->n_lines - 1], "exec", ENOENT, "/no/interpreter");
	cfg_set(c, "process.args", "['/bin/nothing']");
	(void)it_expect_error(t, c, 127, "command", ENOENT, "/bin/nothing");
	cfg_set(c, "process.args", "['/bin/probe']");
	cfg_set(c, "process.cwd", "'/nowhere'");
	(void)it_expect_error(t, c, 125, "cwd", ENOENT, "/nowhere");
}

static void test_abort_at_the_gate(void **state)
{
	struct it *t = *state;
	struct run *r = it_start_config(t, NULL, init_config(t, "echo ran"));

	(void)run_expect(r, "created");
	run_send(r, "false");
	(void)run_expect(r, "aborted");
	assert_int_equal(run_wait(r), 0);
	assert_string_equal(run_task_out(t, r), "");
}

/* --- signals --- */

/* Every one that can be caught; what is sent to init is what the command gets. */
static void test_signals_are_passed_on(void **state)
{
	struct it *t = *state;

	for (int signo = 1; signo <= 64; signo++) {
		if (signo == SIGKILL || signo == SIGSTOP || signo == 32 || signo == 33)
			continue; /* the last two are libc's own: probe cannot catch them */
		pid_t pid;
		struct run *r = it_start_task(
			t, init_config(t, it_text(t, "trap %d echo ready pause", signo)), &pid);

		it_wait_ready(t, r);
		assert_int_equal(kill(pid, signo), 0);
		assert_int_equal(run_wait(r), 40 + signo);
		it_forget(t);
	}
}

static void test_default_action_is_the_commands(void **state)
{
	struct it *t = *state;
	pid_t pid;
	struct run *r = it_start_task(t, init_config(t, "echo ready pause"), &pid);

	it_wait_ready(t, r);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(run_wait(r), 143);
	while (run_line(r))
		;
	assert_int_equal(js_int(r->lines[2], "signal"), SIGTERM);
}

static void test_value_of_a_queued_signal_is_passed_on(void **state)
{
	struct it *t = *state;
	pid_t pid;
	struct run *r = it_start_task(t, init_config(t, "sigvalue 40"), &pid);

	it_wait_ready(t, r);
	assert_int_equal(sigqueue(pid, 40, (union sigval){.sival_int = 4711}), 0);
	assert_int_equal(run_wait(r), 0);
	expect_fact(t, run_task_out(t, r), "sigvalue", "4711");
}

static void test_timeout_stops_the_command(void **state)
{
	struct it *t = *state;

	for (int ignores = 0; ignores <= 1; ignores++) {
		struct json_object *c = init_config(t, ignores ? "ignore 15 echo ready pause"
							       : "trap 15 echo ready pause");

		cfg_set(c, "taskshim.timeout", "'300ms'");
		cfg_set(c, "taskshim.killTimeout", "'300ms'");
		struct run *r = it_run(t, c);

		assert_int_equal(run_wait(r), ignores ? 137 : 55);
		assert_string_equal(js_str(r->lines[2], "cause"), "timeout");
	}
}

/* --- reaping, and the end --- */

static void test_orphans_are_reaped(void **state)
{
	struct it *t = *state;

	expect_fact(t, it_output(t, init_config(t, "orphans 50")), "processes", "2");
}

static void test_the_end_of_the_command_ends_all(void **state)
{
	struct it *t = *state;
	struct run *r = it_run(t, init_config(t, "stray session stray child exit 9"));

	assert_int_equal(run_wait(r), 9);
	/* the teardown proves that none is left */
}

static void test_wait_for_all_waits_in_the_namespace(void **state)
{
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "daemon 5 sleep 200 echo finished", &dir);

	with_init(c);
	cfg_set(c, "taskshim.waitFor", "'all'");
	struct run *r = it_run(t, c);

	assert_int_equal(run_wait(r), 5);
	expect_contains(run_task_out(t, r), "finished");
	assert_int_equal(js_int(it_json_file(t, dir, "exit.json"), "exitCode"), 5);
	assert_string_equal(js_str(it_json_file(t, dir, "exit.json"), "cause"), "exited");
}

/* Signals go to who is left; and that they were needed is not the command's. */
static void test_wait_for_all_and_a_timeout_after_the_command(void **state)
{
	static const char *const words[] = {"daemon 5 trap 15 echo ready pause",
					    "daemon 5 ignore 15 echo ready pause"};
	struct it *t = *state;

	for (size_t i = 0; i < 2; i++) {
		struct json_object *c = init_config(t, words[i]);

		cfg_set(c, "taskshim.waitFor", "'all'");
		cfg_set(c, "taskshim.timeout", "'400ms'");
		cfg_set(c, "taskshim.killTimeout", "'200ms'");
		struct run *r = it_run(t, c);

		assert_int_equal(run_wait(r), 5);
		expect_contains(run_task_out(t, r), "ready");
		assert_string_equal(js_str(r->lines[2], "cause"), "exited");
	}
}

/* Whoever reads the output sees its end with that of those who write, not with process 1. */
static void test_process_1_holds_nothing_of_the_task(void **state)
{
	struct it *t = *state;
	pid_t pid;
	struct run *r = it_start_task(t, init_config(t, "echo ready pause"), &pid);
	const char *fds = "", *name;

	it_wait_ready(t, r);
	for (int fd = 0; fd < 64; fd++)
		if ((name = read_link(t, it_text(t, "/proc/%d/fd/%d", pid, fd))))
			fds = it_text(t, "%s%s ", fds, name);
	expect_contains(fds, "pipe:"); /* to the monitor */
	expect_contains(fds, "signalfd");
	assert_ptr_equal(strchr(strchr(fds, ' ') + 1, ' '), fds + strlen(fds) - 1);
	assert_string_equal(read_link(t, it_text(t, "/proc/%d/cwd", pid)), "/");
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(run_wait(r), 137);
}

/* --- its rights, and its death --- */

static void test_process_1_has_no_more_rights_than_the_command(void **state)
{
	struct it *t = *state;
	struct json_object *c = init_config(t, "echo ready pause");
	pid_t pid;

	cfg_set(c, "taskshim.user", "'alice'");
	cfg_set(c, "process.noNewPrivileges", "true");
	cfg_set(c, "process.capabilities", "{'bounding':['CAP_KILL']}");
	struct run *r = it_start_task(t, c, &pid);

	it_wait_ready(t, r);
	const char *status = proc_file(t, pid, "status");

	expect_contains(status, "Uid:\t1000\t1000\t1000\t1000\n");
	expect_contains(status, "Gid:\t1001\t1001\t1001\t1001\n");
	expect_contains(status, "CapPrm:\t0000000000000000\n");
	expect_contains(status, "CapEff:\t0000000000000000\n");
	expect_contains(status, "CapBnd:\t0000000000000020\n");
	expect_contains(status, "NoNewPrivs:\t1\n");
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(run_wait(r), 137);
}

static void test_process_1_cannot_be_traced_nor_ended_from_inside(void **state)
{
	struct it *t = *state;

	for (int as_root = 0; as_root <= 1; as_root++) {
		struct json_object *c =
			init_config(t, "ptrace 1 read /proc/1/environ open /proc/1/mem stat "
				       "/proc/1/exe signal 1 9 signal 1 "
				       "19 echo alive exit 4");

		if (as_root)
			cfg_set(c, "process.user", "{'uid':0,'gid':0}");
		struct run *r = it_run(t, c);
		const char *out = run_task_out(t, r);

		assert_int_equal(run_wait(r), 4);
		expect_fact(t, out, "ptrace 1", "EPERM");
		expect_fact(t, out, "read /proc/1/environ", "EACCES");
		expect_fact(t, out, "open /proc/1/mem", "EACCES");
		expect_fact(t, out, "signal 1 9", "OK"); /* and the kernel drops it */
		expect_contains(out, "alive\n");
	}
}

static void test_death_of_the_monitor_ends_the_task(void **state)
{
	struct it *t = *state;
	pid_t pid;
	struct run *r =
		it_start_task(t, init_config(t, "stray session ignore 15 echo ready pause"), &pid);

	it_wait_ready(t, r);
	assert_int_equal(kill(r->pid, SIGKILL), 0);
	assert_int_equal(run_wait(r), IT_KILLED + SIGKILL);
	wait_gone(pid); /* the others: teardown */
}

static void test_death_of_process_1_ends_the_task_and_is_told(void **state)
{
	struct it *t = *state;
	pid_t pid;
	struct run *r =
		it_start_task(t, init_config(t, "stray session ignore 15 echo ready pause"), &pid);

	it_wait_ready(t, r);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(run_wait(r), 137);
	while (run_line(r))
		;
	assert_int_equal(js_int(r->lines[2], "signal"), SIGKILL);
}

/* --- together with other things --- */

/* What would make a fork fail, or process 1 run as the command shall, is the command's alone. */
static void test_limits_and_scheduler_are_the_commands_alone(void **state)
{
	struct it *t = *state;
	struct json_object *c = init_config(t, "scheduler rlimits echo ready readin");
	int input[2];
	pid_t pid;

	assert_int_equal(pipe2(input, O_CLOEXEC), 0);
	cfg_set(c, "taskshim.stdin", "'fd:5'");
	cfg_set(c, "process.scheduler",
		"{'policy':'SCHED_DEADLINE','runtime':5000000,'deadline':50000000,'period':"
		"100000000}");
	cfg_set(c, "process.rlimits",
		"[{'type':'RLIMIT_NOFILE','soft':3,'hard':3},{'type':'RLIMIT_NPROC','soft':2,'hard'"
		":2}]");
	cfg_set(c, "taskshim.user", "'70000:70000'");
	struct run *r = it_start_config(t, &(struct start){.fds = {input[0]}}, c);

	pid = (pid_t)js_int(run_expect(r, "created"), "pid");
	run_send(r, "true");
	(void)run_expect(r, "started");
	it_wait_ready(t, r);
	expect_contains(fact(t, run_task_out(t, r), "scheduler"), "6 flags 0");
	expect_fact(t, run_task_out(t, r), "rlimit.NOFILE", "3 3");
	assert_int_equal(sched_getscheduler(pid), SCHED_OTHER);
	assert_int_equal(close(input[0]), 0);
	assert_int_equal(close(input[1]), 0);
	assert_int_equal(run_wait(r), 0);
}

static void test_start_container_hooks_know_process_1(void **state)
{
	struct it *t = *state;
	struct json_object *c = init_config(t, "exit 0");

	make_dir(it_text(t, "%s/alloc", t->dir), 0777);
	assert_int_equal(chmod(it_text(t, "%s/alloc", t->dir), 0777), 0);
	cfg_set(c, "taskshim.allocDir", "'%s/alloc'", t->dir);
	cfg_set(c, "hooks.startContainer",
		"[{'path':'/bin/probe','args':['h','to','/alloc/"
		"log','readin','stray','session']}]");
	assert_int_equal(run_wait(it_run(t, c)), 0);
	const char *log = read_file(t, it_text(t, "%s/alloc/log", t->dir));

	expect_contains(log, "\"status\":\"created\",\"pid\":1,");
	cfg_set(c, "hooks.startContainer[0].args", "['h','exit','3']");
	struct run *r = it_run(t, c);

	expect_error_line(r->lines[r->n_lines - 1], "hook", 0, "startContainer[0]");
	assert_int_equal(run_wait(r), 125);
}

static void test_unmonitored_task_with_init(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct it *t = *state;
	const char *dir;
	struct json_object *c = it_state_config(t, "session trap 15 echo ready pause", &dir);
	char text[8192];
	int status;
	pid_t pid;

	with_init(c);
	cfg_set(c, "taskshim.monitor", "false");
	struct run *r = it_start_config(t, NULL, c);
	int gate = own_fd(t, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));

	pid = (pid_t)js_int(run_expect(r, "created"), "pid");
	run_expect_eof(r);
	assert_int_equal(run_wait(r), 0);
	(void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/gate",
		       open_fd(t, dir, O_PATH | O_DIRECTORY));
	assert_int_equal(connect(gate, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(write(gate, "true", 4), 4);
	while (read(gate, text, sizeof text) > 0)
		; /* its end: process 1 does not hold it either */
	it_wait_ready(t, r);
	expect_fact(t, run_task_out(t, r), "ppid", "1");
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 55);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_the_command_is_a_child_of_process_1),
		IT(test_needs_a_pid_namespace),
		IT(test_status_is_the_commands),
		IT(test_death_by_a_signal_is_the_commands),
		IT(test_usage_counts_the_command),
		IT(test_failures_of_the_command_are_told),
		IT(test_abort_at_the_gate),
		IT(test_signals_are_passed_on),
		IT(test_default_action_is_the_commands),
		IT(test_value_of_a_queued_signal_is_passed_on),
		IT(test_timeout_stops_the_command),
		IT(test_orphans_are_reaped),
		IT(test_the_end_of_the_command_ends_all),
		IT(test_wait_for_all_waits_in_the_namespace),
		IT(test_wait_for_all_and_a_timeout_after_the_command),
		IT(test_process_1_holds_nothing_of_the_task),
		IT(test_process_1_has_no_more_rights_than_the_command),
		IT(test_process_1_cannot_be_traced_nor_ended_from_inside),
		IT(test_death_of_the_monitor_ends_the_task),
		IT(test_death_of_process_1_ends_the_task_and_is_told),
		IT(test_limits_and_scheduler_are_the_commands_alone),
		IT(test_start_container_hooks_know_process_1),
		IT(test_unmonitored_task_with_init),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
