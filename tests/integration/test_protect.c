/* Guarantee 4: the helper's binary cannot be overwritten from inside a task (CVE-2019-5736), also once no process executes it.
 *
 * Seen to fail without the defence (spawn/run.c, the call of protect() taken out): in both attacks "reopen OK", "overwrite OK",
 * and another content of the file. */
#include "tests/integration/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* A spawn-daemon of the test's own, to be attacked. */
static const char *own_program(struct it *t)
{
	const char *path = it_text(t, "%s/spawn-daemon", t->dir);

	copy_file(it_text(t, "%s/spawn-daemon", t->build), path, 0755);
	return path;
}

static void assert_unchanged(struct it *t, const char *program)
{
	const char *diff[] = {"cmp", "-s", program, it_text(t, "%s/spawn-daemon", t->build), NULL};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)execvp(diff[0], (char **)(uintptr_t)diff);
		_exit(124);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* uid 0 of the host, in its pid namespace: whatever capabilities @caps says. */
static struct json_object *root_config(struct it *t, const char *words, const char *caps)
{
	struct json_object *c = it_config(t, words);

	cfg_set(c, "process.user", "{'uid':0,'gid':0}");
	cfg_set(c, "process.capabilities",
		"{'bounding':[%s],'permitted':[%s],'effective':[%s],'inheritable':[],'ambient':[]}",
		caps, caps, caps);
	cfg_set(c, "taskshim.chroot./run", "'%s'", t->dir);
	return c;
}

struct wanted {
	struct it *t;
	pid_t pid;
	const char *comm;
};

static bool has_comm(void *arg)
{
	const struct wanted *w = arg;

	return strcmp(proc_file(w->t, w->pid, "comm"), w->comm) == 0;
}

static void open_gate(struct it *t, const char *dir)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = own_fd(t, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	int dir_fd = open_fd(t, dir, O_PATH | O_DIRECTORY);
	char text[8192];

	(void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/gate", dir_fd);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(write(fd, "true", 4), 4);
	while (read(fd, text, sizeof text) > 0)
		;
}

/* A task whose command is /proc/self/exe: the kernel executes the helper as the command, with the task's credentials. Another
 * task of uid 0 takes hold of its file, and writes to it when nothing executes it any more. */
static void test_file_executed_as_the_command_cannot_be_overwritten(void **state)
{
	struct it *t = *state;

	if (t->sanitized)
		it_skip("the sanitized helper is not static: it does not run inside of the root");

	const char *program = own_program(t), *dir;
	struct json_object *victim = it_state_config(t, "", &dir), *attacker;
	int pipes[2];
	pid_t pid;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	make_link("/proc/self/exe", it_text(t, "%s/bin/self", t->dir));
	cfg_set(victim, "process.args", "['/bin/self']");
	cfg_set(victim, "process.user", "{'uid':0,'gid':0}");
	cfg_set(victim, "taskshim.monitor", "false");
	cfg_set(victim, "taskshim.stdin", "'fd:5'"); /* where the helper waits for a config */
	struct run *r =
		it_start_config(t, &(struct start){.program = program, .fds = {pipes[0]}}, victim);

	pid = (pid_t)js_int(run_expect(r, "created"), "pid");
	assert_int_equal(run_wait(r), 0);
	open_gate(t, dir);
	wait_until(has_comm, &(struct wanted){t, pid, "self\n"}, "/proc/self/exe to be executed");
	attacker = root_config(t, it_text(t, "overwrite /proc/%d/exe /run/go", pid), "");
	r = it_start_task(t, attacker, &(pid_t){0});
	it_wait_ready(t, r);
	assert_int_equal(close(pipes[0]), 0);
	assert_int_equal(close(pipes[1]), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	write_file(it_text(t, "%s/go", t->dir), "", 0644);
	assert_int_equal(run_wait(r), 0);
	expect_fact(t, run_task_out(t, r), "hold", "OK");
	expect_fact(t, run_task_out(t, r), "reopen", "EROFS");
	assert_unchanged(t, program);
}

/* A task that sees the monitor takes hold of its file, and outlives it. */
static void test_file_of_the_monitor_cannot_be_overwritten(void **state)
{
	struct it *t = *state;
	const char *program = own_program(t);
	struct json_object *c =
		root_config(t, "overwrite parent /run/go", "'CAP_SYS_PTRACE','CAP_DAC_OVERRIDE'");
	int status;
	pid_t pid;

	cfg_set(c, "taskshim.onMonitorDeath", "'keep'");
	struct run *r = it_start_config(t, &(struct start){.program = program}, c);

	pid = (pid_t)js_int(run_expect(r, "created"), "pid");
	run_send(r, "true");
	(void)run_expect(r, "started");
	it_wait_ready(t, r);
	assert_int_equal(kill(r->pid, SIGKILL), 0);
	assert_int_equal(run_wait(r), IT_KILLED + SIGKILL);
	write_file(it_text(t, "%s/go", t->dir), "", 0644);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	expect_fact(t, run_task_out(t, r), "hold", "OK");
	expect_fact(t, run_task_out(t, r), "reopen", "EROFS");
	assert_unchanged(t, program);
}

/* --- by what, and for whom --- */

static bool is_read_only(struct it *t, pid_t pid)
{
	struct statvfs fs;

	assert_int_equal(statvfs(it_text(t, "/proc/%d/exe", pid), &fs), 0);
	return fs.f_flag & ST_RDONLY;
}

/* Where the mount cannot be cloned: a copy in memory that is sealed. */
static void test_without_a_clone_it_is_a_sealed_copy(void **state)
{
	static const char *const wrapper[] = {"strace", "-qq",
					      "-o",	"/dev/null",
					      "-e",	"trace=open_tree",
					      "-e",	"inject=open_tree:error=EPERM:when=1",
					      NULL};
	struct it *t = *state;
	struct json_object *c = root_config(t, "echo ready pause", "");
	pid_t monitor;

	if (access("/usr/bin/strace", X_OK) < 0)
		it_skip("needs strace");
	struct run *r = it_start_config(t, &(struct start){.wrapper = wrapper}, c);

	monitor = (pid_t)js_int(run_expect(r, "created"), "monitorPid");
	run_send(r, "true");
	(void)run_expect(r, "started");
	it_wait_ready(t, r);
	expect_contains(read_link(t, it_text(t, "/proc/%d/exe", monitor)), "memfd:spawn-daemon");
	int fd = open_fd(t, it_text(t, "/proc/%d/exe", monitor), O_RDONLY);

	assert_int_equal(fcntl(fd, F_GET_SEALS),
			 F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	assert_string_equal(proc_file(t, monitor, "comm"), "spawn-daemon\n");
	assert_int_equal(kill(monitor, SIGKILL), 0);
	(void)run_wait(r);
}

/* Who cannot become uid 0 pays for no second exec. */
static void test_only_tasks_that_may_be_root_pay(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo ready pause");

	cfg_set(c, "process.noNewPrivileges", "true");
	for (int as_root = 0; as_root <= 1; as_root++) {
		struct run *r = it_start_task(t, c, &(pid_t){0});

		assert_int_equal(is_read_only(t, r->pid), as_root);
		assert_string_equal(proc_file(t, r->pid, "comm"), "spawn-daemon\n");
		assert_int_equal(kill(r->pid, SIGKILL), 0);
		(void)run_wait(r);
		cfg_set(c, "taskshim.user", "'root'");
	}
}

/* What was read before the second exec is not lost: all of it in one write, byte by byte, as an argument. */
static void test_everything_read_is_handed_over(void **state)
{
	struct it *t = *state;
	struct json_object *c = root_config(t, "ids readin", "");
	const char *text;

	cfg_set(c, "process.env", "['PATH=/bin','A=\\u00e9\\n','B=/']");
	cfg_set(c, "process.args", "['/bin/probe','ids','env']");
	text = json_object_to_json_string(c);
	for (int way = 0; way < 3; way++) {
		const struct start how = {.args = {way == 1 ? "--no-gate" : NULL}};
		struct run *r = it_start(t, &how);

		for (const char *at = text; *at && way == 2; at++)
			run_send_bytes(r, at, 1);
		run_send(r, way == 0 ? it_text(t, "%s true", text) : way == 1 ? text : " true ");
		if (way == 1)
			run_close_in(r);
		(void)run_expect(r, "created");
		(void)run_expect(r, "started");
		assert_int_equal(run_wait(r), 0);
		expect_fact(t, run_task_out(t, r), "uid", "0 0 0 0");
		expect_contains(run_task_out(t, r), "env A=\\xc3\\xa9\\x0a\nenv B=/\n");
	}
}

/* By hand, with an option that is not for hands. */
static void test_handed_over_option_opens_no_way_round(void **state)
{
	struct it *t = *state;
	const char *const words[] = {"--handed-over=0", "--handed-over=5", "--handed-over=x"};
	int fd = open_fd(t, "/dev/zero", O_RDONLY);

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		struct run *r = it_start(t, &(struct start){.args = {words[i]}, .fds = {fd}});

		run_close_in(r);
		expect_error_line(run_expect(r, "error"), "monitor", EPERM, "/proc/self/exe");
		assert_int_equal(run_wait(r), 125);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_file_executed_as_the_command_cannot_be_overwritten),
		IT(test_file_of_the_monitor_cannot_be_overwritten),
		IT(test_without_a_clone_it_is_a_sealed_copy),
		IT(test_only_tasks_that_may_be_root_pay),
		IT(test_everything_read_is_handed_over),
		IT(test_handed_over_option_opens_no_way_round),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
