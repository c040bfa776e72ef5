/* Standard input, output and error of the task. design.md section 4; behaviours.md (CVE-2026-6959, CVE-2024-1329). */
#include "tests/integration/harness.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_default_is_null(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "read /proc/self/fd/0 echo lost err lost exit 4");

	cfg_del(c, "taskshim.stdout");
	cfg_del(c, "taskshim.stderr");
	struct run *r = it_run(t, c);

	assert_int_equal(run_wait(r), 4);
	assert_string_equal(run_task_out(t, r), "");
	assert_string_equal(run_err(t, r), "");
}

static void test_null_is_the_null_device(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "fds readin");

	cfg_set(c, "taskshim.stdin", "'null'");
	cfg_set(c, "taskshim.stderr", "'null'");
	const char *out = it_output(t, c);

	expect_fact(t, out, "fd 0", "c 1:3 r");
	expect_fact(t, out, "fd 2", "c 1:3 w");
	expect_fact(t, out, "stdin", "0 OK");
}

static void test_path_is_created_0640_and_appended_to(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "fds echo one err two");
	const char *out = it_text(t, "%s/out.log", t->dir), *err = it_text(t, "%s/err.log", t->dir);
	struct stat st;

	cfg_set(c, "taskshim.stdout", "'%s'", out);
	cfg_set(c, "taskshim.stderr", "'%s'", err);
	struct run *r = it_run_with(t, &(struct start){.umask = 077}, c);

	assert_int_equal(run_wait(r), 0);
	assert_int_equal(stat(out, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_uid, 0);
	expect_contains(read_file(t, out), "fd 1 f 0:0 w append\nfd 2 f 0:0 w append\none\n");
	assert_string_equal(read_file(t, err), "two\n");
	(void)it_run(t, c);
	assert_string_equal(read_file(t, err), "two\ntwo\n");
}

static void test_path_for_both_streams(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo one err two echo three");
	const char *log = it_text(t, "%s/both.log", t->dir);

	cfg_set(c, "taskshim.stdout", "'%s'", log);
	cfg_set(c, "taskshim.stderr", "'%s'", log);
	assert_int_equal(run_wait(it_run(t, c)), 0);
	assert_string_equal(read_file(t, log), "one\ntwo\nthree\n");
}

/* A file that is there keeps its mode: nothing of the host is changed (conmon's fchmod). */
static void test_path_that_exists_keeps_its_mode(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo more");
	const char *log = it_text(t, "%s/log", t->dir);
	struct stat st;

	write_file(log, "before\n", 0604);
	cfg_set(c, "taskshim.stdout", "'%s'", log);
	assert_int_equal(run_wait(it_run(t, c)), 0);
	assert_int_equal(stat(log, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	assert_string_equal(read_file(t, log), "before\nmore\n");
}

static void test_stdin_from_a_path(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "readin fds");
	const char *in = it_text(t, "%s/in", t->dir);

	write_file(in, "some input\n", 0600);
	cfg_set(c, "taskshim.stdin", "'%s'", in);
	const char *out = it_output(t, c);

	expect_contains(out, "some input\n");
	expect_fact(t, out, "stdin", "11 OK");
	expect_fact(t, out, "fd 0", "f 0:0 r");
}

static void test_stdin_path_is_never_created(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "readin");

	cfg_set(c, "taskshim.stdin", "'%s/missing'", t->dir);
	(void)it_expect_error(t, c, 125, "stdio", ENOENT, "missing");
}

static void test_fd_is_handed_over(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "readin echo done");
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "through a pipe", 14), 14);
	(void)close(ends[1]);
	(void)own_fd(t, ends[0]);
	cfg_set(c, "taskshim.stdin", "'fd:5'");
	struct run *r = it_run_with(t, &(struct start){.fds = {ends[0]}}, c);

	assert_int_equal(run_wait(r), 0);
	assert_string_equal(run_task_out(t, r), "through a pipe\nstdin 14 OK\ndone\n");
}

static void test_one_fd_for_two_streams(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo one err two fds");

	cfg_set(c, "taskshim.stderr", "'fd:3'");
	expect_contains(it_output(t, c), "one\ntwo\nfd 0 ");
}

static void test_fd_may_have_any_number(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo seen fds");
	int log = open_fd(t, it_text(t, "%s/log", t->dir), O_WRONLY | O_CREAT | O_APPEND);
	struct start how = {.fds = {log, log, log, log, log, log, log, log, log}};

	for (int fd = 5; fd < 14; fd += 4) {
		cfg_set(c, "taskshim.stdout", "'fd:%d'", fd);
		assert_int_equal(run_wait(it_run_with(t, &how, c)), 0);
	}
	const char *text = read_file(t, it_text(t, "%s/log", t->dir));

	expect_contains(text, "seen\n");
	expect_not_contains(text, "fd 3 ");
	expect_not_contains(text, "fd 13 ");
}

static void test_fd_that_is_not_open_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo x");

	cfg_set(c, "taskshim.stdout", "'fd:77'");
	expect_contains(it_expect_error(t, c, 125, "stdio", EBADF, "fd:77"), "stdout");
	cfg_set(c, "taskshim.stdout", "'fd:100000'");
	(void)it_expect_error(t, c, 125, "stdio", EBADF, "fd:100000");
}

static void test_stderr_inherit(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "err hello");

	cfg_set(c, "taskshim.stderr", "'inherit'");
	struct run *r = it_run(t, c);

	assert_int_equal(run_wait(r), 0);
	assert_string_equal(run_err(t, r), "hello\n");
}

static void test_symlink_as_last_component_is_refused(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo x");
	const char *link = it_text(t, "%s/link", t->dir);

	write_file(it_text(t, "%s/target", t->dir), "", 0644);
	make_link(it_text(t, "%s/target", t->dir), link);
	cfg_set(c, "taskshim.stdout", "'%s'", link);
	(void)it_expect_error(t, c, 125, "stdio", ELOOP, link);
	make_link(it_text(t, "%s/created-through", t->dir), it_text(t, "%s/dangling", t->dir));
	cfg_set(c, "taskshim.stdout", "'%s/dangling'", t->dir);
	(void)it_expect_error(t, c, 125, "stdio", ELOOP, "dangling");
	cfg_del(c, "taskshim.stdout");
	cfg_set(c, "taskshim.stdin", "'%s'", link);
	(void)it_expect_error(t, c, 125, "stdio", ELOOP, link);
}

static void test_missing_directory_is_an_error(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo x");

	cfg_set(c, "taskshim.stdout", "'%s/no-such-dir/log'", t->dir);
	expect_contains(it_expect_error(t, c, 125, "stdio", ENOENT, "no-such-dir/log"), "stdout");
	cfg_del(c, "taskshim.stdout");
	cfg_set(c, "taskshim.stderr", "'%s/no-such-dir/log'", t->dir);
	expect_contains(it_expect_error(t, c, 125, "stdio", ENOENT, "no-such-dir/log"), "stderr");
}

static void test_directory_socket_and_hard_link_are_refused(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo x");
	const char *file = it_text(t, "%s/file", t->dir);

	cfg_set(c, "taskshim.stdout", "'%s/etc'", t->dir);
	(void)it_expect_error(t, c, 125, "stdio", EISDIR, "etc");
	cfg_set(c, "taskshim.stdin", "'%s/etc'", t->dir);
	cfg_set(c, "taskshim.stdout", "'null'");
	(void)it_expect_error(t, c, 125, "stdio", EINVAL, "etc");
	cfg_del(c, "taskshim.stdin");
	write_file(file, "", 0644);
	assert_int_equal(link(file, it_text(t, "%s/other-name", t->dir)), 0);
	cfg_set(c, "taskshim.stdout", "'%s'", file);
	(void)it_expect_error(t, c, 125, "stdio", EMLINK, "file");
	assert_int_equal(mknod(it_text(t, "%s/socket", t->dir), S_IFSOCK | 0666, 0), 0);
	cfg_set(c, "taskshim.stdout", "'%s/socket'", t->dir);
	struct run *r = it_run(t, c);

	assert_string_equal(js_str(r->lines[0], "step"), "stdio");
	assert_int_equal(run_wait(r), 125);
}

/* Nomad's log FIFOs: nobody reads yet, and nobody may ever. */
static void test_fifo_does_not_block_the_start(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "fds echo x");
	const char *fifo = it_text(t, "%s/fifo", t->dir);
	char buf[4096];
	int reader;

	assert_int_equal(mkfifo(fifo, 0600), 0);
	cfg_set(c, "taskshim.stdin", "'%s'", fifo);
	cfg_set(c, "taskshim.stdout", "'%s'", fifo);
	cfg_set(c, "taskshim.stderr", "'%s'", fifo);
	reader = open_fd(t, fifo, O_RDONLY | O_NONBLOCK);
	assert_int_equal(run_wait(it_run(t, c)), 0);
	ssize_t n = read(reader, buf, sizeof buf - 1);

	assert_true(n > 0);
	buf[n] = '\0';
	expect_contains(buf, "fd 1 p 0:0 rw");
	expect_not_contains(buf, "nonblock");
	expect_contains(buf, "x\n");
}

static void test_fifo_without_a_reader_does_not_block_the_start(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo x exit 3");
	const char *fifo = it_text(t, "%s/fifo", t->dir);

	assert_int_equal(mkfifo(fifo, 0600), 0);
	cfg_set(c, "taskshim.stdout", "'%s'", fifo);
	assert_int_equal(run_wait(it_run(t, c)), 3);
}

static void test_character_device_is_accepted(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "fds");

	cfg_set(c, "taskshim.stdin", "'/dev/zero'");
	cfg_set(c, "taskshim.stderr", "'/dev/full'");
	const char *out = it_output(t, c);

	expect_fact(t, out, "fd 0", "c 1:5 r");
	expect_contains(fact(t, out, "fd 2"), "c 1:7 w");
}

static struct json_object *with_task_dir(struct it *t, const char *words)
{
	struct json_object *c = it_config(t, words);

	make_dir(it_text(t, "%s/task", t->dir), 0755);
	make_dir(it_text(t, "%s/task/logs", t->dir), 0755);
	make_dir(it_text(t, "%s/elsewhere", t->dir), 0755);
	cfg_set(c, "taskshim.taskDir", "'%s/task'", t->dir);
	return c;
}

/* Below taskDir the task owns the directories: a link in any component is its doing. */
static void test_below_task_dir_no_symlink_at_all(void **state)
{
	struct it *t = *state;
	struct json_object *c = with_task_dir(t, "echo x");

	make_link(it_text(t, "%s/elsewhere", t->dir), it_text(t, "%s/task/out", t->dir));
	make_link("logs", it_text(t, "%s/task/alias", t->dir));
	cfg_set(c, "taskshim.stdout", "'%s/task/out/log'", t->dir);
	(void)it_expect_error(t, c, 125, "stdio", ELOOP, "task/out/log");
	cfg_set(c, "taskshim.stdout", "'%s/task/alias/log'",
		t->dir); /* even one that stays inside */
	(void)it_expect_error(t, c, 125, "stdio", ELOOP, "task/alias/log");
	cfg_set(c, "taskshim.stdout", "'%s/task/logs/../../elsewhere/log'", t->dir);
	struct run *r = it_run(t, c);

	assert_string_equal(js_str(r->lines[0], "type"), "error");
	assert_int_equal(run_wait(r), 125);
	assert_string_equal(it_tree(t, it_text(t, "%s/elsewhere", t->dir)), "");
}

static void test_below_task_dir_a_plain_path_works(void **state)
{
	struct it *t = *state;
	struct json_object *c = with_task_dir(t, "echo x");

	cfg_set(c, "taskshim.stdout", "'%s/task/logs/log'", t->dir);
	struct run *r = it_run(t, c);

	if (run_wait(r) != 0)
		fail_msg("%s", json_object_to_json_string(r->lines[r->n_lines - 1]));
	assert_string_equal(read_file(t, it_text(t, "%s/task/logs/log", t->dir)), "x\n");
}

/* A path with "..", or "//", that names taskDir in another spelling must not get around the rule. */
static void test_below_task_dir_by_another_spelling(void **state)
{
	struct it *t = *state;
	struct json_object *c = with_task_dir(t, "echo x");
	static const char *const spellings[] = {"//task/out/log", "/./task/out/log",
						"/bin/../task/out/log", "/task//out/log",
						"/task/./out/log"};

	make_link(it_text(t, "%s/elsewhere", t->dir), it_text(t, "%s/task/out", t->dir));
	for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
		cfg_set(c, "taskshim.stdout", "'%s%s'", t->dir, spellings[i]);
		struct run *r = it_run(t, c);

		if (strcmp(js_str(r->lines[0], "type"), "error") != 0)
			fail_msg("%s was accepted", spellings[i]);
		assert_int_equal(run_wait(r), 125);
		assert_string_equal(it_tree(t, it_text(t, "%s/elsewhere", t->dir)), "");
	}
}

/* Paths are the host's: opened before the root is entered. */
static void test_paths_are_opened_outside_the_root(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "echo outside");

	cfg_set(c, "taskshim.stdout", "'%s/etc/log'", t->dir);
	assert_int_equal(run_wait(it_run(t, c)), 0);
	assert_string_equal(read_file(t, it_text(t, "%s/etc/log", t->dir)), "outside\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_default_is_null),
		IT(test_null_is_the_null_device),
		IT(test_path_is_created_0640_and_appended_to),
		IT(test_path_for_both_streams),
		IT(test_path_that_exists_keeps_its_mode),
		IT(test_stdin_from_a_path),
		IT(test_stdin_path_is_never_created),
		IT(test_fd_is_handed_over),
		IT(test_one_fd_for_two_streams),
		IT(test_fd_may_have_any_number),
		IT(test_fd_that_is_not_open_is_an_error),
		IT(test_stderr_inherit),
		IT(test_symlink_as_last_component_is_refused),
		IT(test_missing_directory_is_an_error),
		IT(test_directory_socket_and_hard_link_are_refused),
		IT(test_fifo_does_not_block_the_start),
		IT(test_fifo_without_a_reader_does_not_block_the_start),
		IT(test_character_device_is_accepted),
		IT(test_below_task_dir_no_symlink_at_all),
		IT(test_below_task_dir_a_plain_path_works),
		IT(test_below_task_dir_by_another_spelling),
		IT(test_paths_are_opened_outside_the_root),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
