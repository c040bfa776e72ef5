/* The 2015 form: the calls of Nomad 0.1 and 0.2 get the answers that they got then, byte for byte. design.md section 3
 * ("The 2015 form"); behaviours.md 1.1. */
#include "tests/integration/harness.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* exec.Cmd as Go's encoding/json wrote it, and DaemonConfig's own fields. */
static struct json_object *form(struct it *t, const char *words)
{
	struct json_object *c = cfg_parse(t,
					  "{'Path':'/bin/probe','Args':['probe'],'Env':['PATH=/"
					  "bin'],'Dir':'/','Stdin':null,'Stdout':null,"
					  "'Stderr':null,'ExtraFiles':null,'SysProcAttr':null,'"
					  "Process':null,'ProcessState':null,"
					  "'StdoutFile':'%s/out','StdinFile':'/dev/"
					  "null','StderrFile':'%s/err','Chroot':'%s'}",
					  t->dir, t->dir, it_rootfs(t));
	const char *at = words;

	while (*at) {
		size_t n = strcspn(at, " ");

		cfg_set(c, "Args[+]", "'%.*s'", (int)n, at);
		at += n + (at[n] == ' ');
	}
	return c;
}

/* strconv.Quote of a document that holds printable ASCII only. */
static const char *go_quote(struct it *t, struct json_object *c)
{
	const char *text = json_object_to_json_string_ext(c, JSON_C_TO_STRING_PLAIN);
	char *out = malloc(2 * strlen(text) + 8), *at = out;

	assert_non_null(out);
	*at++ = '"';
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			*at++ = '\\';
		*at++ = *text;
	}
	(void)strcpy(at, "\\n\""); /* json.Encoder ended it with a newline */
	const char *kept = it_text(t, "%s", out);

	free(out);
	return kept;
}

/* Runs the call, @gate on standard input; the bytes of standard output. */
static const char *call(struct it *t, const char *argument, const char *input, int *ret_status)
{
	const char *path = it_text(t, "%s/stdout-%u", t->dir, t->n_made++);
	int out = open_fd(t, path, O_RDWR | O_CREAT);
	struct run *r = it_start(t, &(struct start){.args = {argument}, .out_fd = out});

	if (input)
		run_send(r, input);
	run_close_in(r);
	*ret_status = run_wait(r);
	const char *text = read_file(t, path);

	assert_int_equal(unlink(path), 0);
	return text;
}

static const char *task_out(struct it *t)
{
	const char *text = read_file(t, it_text(t, "%s/out", t->dir));

	return text ? text : "";
}

/* The number in {"UserPID":N,...}, which cannot be known before. */
static const char *expect_start_status(struct it *t, const char *out)
{
	long pid = 0;
	int used = 0;

	if (sscanf(out, "{\"UserPID\":%ld,\"ErrorMsg\":\"\"}\n%n", &pid, &used) != 1 || used == 0 ||
	    pid <= 1)
		fail_msg("no start status: %s", out);
	(void)t;
	return out + used;
}

static void expect_failure(const char *out, const char *message)
{
	struct json_object *o = json_tokener_parse(out);

	if (!o || strncmp(out, "{\"UserPID\":0,\"ErrorMsg\":\"", 25) != 0 ||
	    out[strlen(out) - 1] != '\n' || strchr(out, '\n') != out + strlen(out) - 1 ||
	    !strstr(js_str(o, "ErrorMsg"), message)) {
		json_object_put(o);
		fail_msg("expected one failure with \"%s\", got: %s", message, out);
	}
	json_object_put(o);
}

static void test_quoted_argument_start_and_success(void **state)
{
	struct it *t = *state;
	int status;
	const char *out = call(t, go_quote(t, form(t, "cwd echo hello")), "true\n", &status);

	assert_string_equal(expect_start_status(t, out), "{\"Success\":true}\n");
	assert_int_equal(status, 0);
	assert_string_equal(task_out(t), "cwd /\nhello\n");
}

static void test_document_on_standard_input(void **state)
{
	struct it *t = *state;
	int status;
	const char *text = json_object_to_json_string(form(t, "echo hello"));
	const char *out = call(t, NULL, it_text(t, "%s\ntrue\n", text), &status);

	assert_string_equal(expect_start_status(t, out), "{\"Success\":true}\n");
	assert_int_equal(status, 0);
	assert_string_equal(task_out(t), "hello\n");
}

static void test_status_is_the_commands(void **state)
{
	struct it *t = *state;
	int status;
	const char *out = call(t, go_quote(t, form(t, "exit 3")), "true", &status);

	assert_string_equal(expect_start_status(t, out), "{\"Success\":false}\n");
	assert_int_equal(status, 3);
	out = call(t, go_quote(t, form(t, "kill 9")), "true", &status);
	assert_string_equal(expect_start_status(t, out), "{\"Success\":false}\n");
	assert_int_equal(status, 137);
}

static void test_nothing_runs_before_the_gate(void **state)
{
	struct it *t = *state;
	struct run *r = it_start(t, &(struct start){.args = {go_quote(t, form(t, "echo ran"))}});
	char byte;
	struct pollfd p = {.fd = r->out, .events = POLLIN};

	assert_int_equal(poll(&p, 1, 100), 0); /* no `created`: this form has none */
	assert_string_equal(task_out(t), "");
	run_send(r, "false");
	assert_int_equal(run_wait(r), 0);
	assert_int_equal(read(r->out, &byte, 1), 0);
}

static void test_gate_false_is_silent(void **state)
{
	struct it *t = *state;
	int status;

	assert_string_equal(call(t, go_quote(t, form(t, "echo ran")), "false\n", &status), "");
	assert_int_equal(status, 0);
	assert_string_equal(task_out(t), "");
}

static void test_gate_end_of_file_or_garbage_is_an_error(void **state)
{
	struct it *t = *state;
	int status;

	expect_failure(call(t, go_quote(t, form(t, "echo ran")), "", &status), "EOF");
	assert_int_equal(status, 1);
	expect_failure(call(t, go_quote(t, form(t, "echo ran")), "maybe", &status), "");
	assert_int_equal(status, 1);
	expect_failure(call(t, go_quote(t, form(t, "echo ran")), "17\n", &status), "");
	assert_int_equal(status, 1);
	assert_string_equal(task_out(t), "");
}

static void test_exit_status_file(void **state)
{
	struct it *t = *state;
	struct json_object *c = form(t, "exit 5");
	const char *file = it_text(t, "%s/exit-status", t->dir);
	int status;

	write_file(file, "", 0666); /* the parent made it */
	cfg_set(c, "ExitStatusFile", "'%s'", file);
	const char *out = call(t, go_quote(t, c), "true", &status);

	(void)expect_start_status(t, out);
	assert_int_equal(status, 5);
	assert_string_equal(read_file(t, file), "{\"ExitCode\":5}\n");
	assert_int_equal(unlink(file), 0);
	(void)call(t, go_quote(t, c), "true", &status); /* nobody made it */
	assert_string_equal(read_file(t, file), "{\"ExitCode\":5}\n");
}

/* "So we don't start a process whose status we can't capture." */
static void test_exit_status_file_that_cannot_be_written_prevents_the_start(void **state)
{
	struct it *t = *state;
	struct json_object *c = form(t, "echo ran");
	int status;

	cfg_set(c, "ExitStatusFile", "'%s/no-such-dir/file'", t->dir);
	expect_failure(call(t, go_quote(t, c), "true", &status), "no-such-dir");
	assert_int_equal(status, 1);
	assert_string_equal(task_out(t), "");
}

static void test_no_exit_status_file_after_an_abort(void **state)
{
	struct it *t = *state;
	struct json_object *c = form(t, "echo ran");
	const char *file = it_text(t, "%s/exit-status", t->dir);
	int status;

	write_file(file, "", 0666);
	cfg_set(c, "ExitStatusFile", "'%s'", file);
	(void)call(t, go_quote(t, c), "false", &status);
	assert_int_equal(status, 0);
	assert_string_equal(read_file(t, file), "");
}

static void test_chroot_is_the_root(void **state)
{
	struct it *t = *state;
	int status;

	(void)call(t, go_quote(t, form(t, "ls / cwd chdir .. cwd")), "true", &status);
	assert_int_equal(status, 0);
	expect_contains(task_out(t), "stat bin d");
	expect_not_contains(task_out(t), "stat usr");
	assert_string_equal(it_tree(t, it_text(t, "%s/dev", t->root)),
			    ""); /* nothing is made in it */
}

static void test_without_chroot_the_host_is_the_root(void **state)
{
	struct it *t = *state;
	struct json_object *c = form(t, "ns cwd");
	int status;

	cfg_set(c, "Chroot", "''");
	cfg_set(c, "Path", "'%s/bin/probe'", t->dir);
	(void)call(t, go_quote(t, c), "true", &status);
	assert_int_equal(status, 0);
	expect_fact(t, task_out(t), "cwd", "/");
	expect_fact(t, task_out(t), "ns.mnt", read_link(t, "/proc/self/ns/mnt"));
	expect_fact(t, task_out(t), "ns.pid", read_link(t, "/proc/self/ns/pid"));
}

static void test_user_is_the_callers_unless_credential_says_otherwise(void **state)
{
	struct it *t = *state;
	struct json_object *c = form(t, "ids caps flags");
	const char *caps;
	int status;

	(void)call(t, go_quote(t, c), "true", &status);
	expect_fact(t, task_out(t), "uid", "0 0 0 0");
	caps = fact(t, task_out(t), "effective");
	assert_string_not_equal(caps, "0000000000000000");
	expect_fact(t, task_out(t), "nnp", "0");
	assert_int_equal(unlink(it_text(t, "%s/out", t->dir)), 0);
	cfg_set(c, "SysProcAttr",
		"{'Chroot':'','Credential':{'Uid':1000,'Gid':1001,'Groups':[29,100]},'Ptrace':"
		"false,"
		"'Setsid':false,'Pdeathsig':0,'Cloneflags':0,'UidMappings':null}");
	(void)call(t, go_quote(t, c), "true", &status);
	assert_int_equal(status, 0);
	expect_fact(t, task_out(t), "uid", "1000 1000 1000 1000");
	expect_fact(t, task_out(t), "gid", "1001 1001 1001 1001");
	expect_fact(t, task_out(t), "groups", "29 100");
	expect_fact(t, task_out(t), "effective", "0000000000000000");
}

static void test_keys_in_any_case_and_unknown_ones(void **state)
{
	struct it *t = *state;
	struct json_object *c = cfg_parse(
		t,
		"{'pAtH':'/bin/probe','ARGS':['probe','echo','hello'],'env':null,'stdoutfile':'%s/"
		"out','CHROOT':'%s',"
		"'Groups':{'name':'x'},'Err':null,'Whatever':[1,{'a':2}]}",
		t->dir, it_rootfs(t));
	int status;

	(void)expect_start_status(t, call(t, go_quote(t, c), "true", &status));
	assert_int_equal(status, 0);
	assert_string_equal(task_out(t), "hello\n");
}

static void test_env_absent_is_the_callers(void **state)
{
	static const char *const env[] = {"FROM=the-caller", NULL};
	struct it *t = *state;
	struct json_object *c = form(t, "env");
	struct run *r;

	cfg_set(c, "Env", "null");
	r = it_start(t, &(struct start){.args = {go_quote(t, c)}, .env = env});
	run_send(r, "true");
	run_close_in(r);
	assert_int_equal(run_wait(r), 0);
	expect_contains(task_out(t), "env FROM=the-caller\n");
	assert_int_equal(unlink(it_text(t, "%s/out", t->dir)), 0);
	cfg_set(c, "Env", "['ONLY=this','TWO=a=b']");
	r = it_start(t, &(struct start){.args = {go_quote(t, c)}, .env = env});
	run_send(r, "true");
	run_close_in(r);
	assert_int_equal(run_wait(r), 0);
	assert_string_equal(task_out(t), "env ONLY=this\nenv TWO=a=b\n");
}

static void test_path_is_executed_args_0_is_only_a_name(void **state)
{
	struct it *t = *state;
	struct json_object *c = form(t, "cat /proc/self/cmdline");
	int status;

	make_dir(it_text(t, "%s/other", t->root), 0755);
	cfg_set(c, "Args", "['a name that is no file','echo','hello']");
	(void)call(t, go_quote(t, c), "true", &status);
	assert_int_equal(status, 0);
	assert_string_equal(task_out(t), "hello\n");
	cfg_del(c, "Args");
	(void)call(t, go_quote(t, c), "true",
		   &status); /* {Path}: probe without words ends at once */
	assert_int_equal(status, 0);
}

static void test_files_are_appended_to_and_stdin_is_read(void **state)
{
	struct it *t = *state;
	struct json_object *c = form(t, "readin err problem");
	int status;

	write_file(it_text(t, "%s/in", t->dir), "input", 0644);
	write_file(it_text(t, "%s/out", t->dir), "before\n", 0644);
	cfg_set(c, "StdinFile", "'%s/in'", t->dir);
	(void)call(t, go_quote(t, c), "true", &status);
	assert_int_equal(status, 0);
	assert_string_equal(task_out(t), "before\ninput\nstdin 5 OK\n");
	assert_string_equal(read_file(t, it_text(t, "%s/err", t->dir)), "problem\n");
}

static void test_failed_starts_are_status_documents(void **state)
{
	static const struct {
		const char *path, *value, *message;
	} rows[] = {
		{"Path", "'/bin/not-there'", "/bin/not-there"},
		{"Path", "'/bin'", "/bin"},
		{"Chroot", "'/no/such/root'", "/no/such/root"},
		{"StdoutFile", "'/no/such/dir/out'", "/no/such/dir/out"},
		{"StderrFile", "'/no/such/dir/err'", "/no/such/dir/err"},
		{"Path", "17", "Path"},
		{"Path", "''", "Path"},
		{"Args", "'x'", "Args"},
		{"Args", "[1]", "Args"},
		{"SysProcAttr", "{'Credential':{'Uid':-1}}", "Uid"},
		{"SysProcAttr", "{'Credential':{'Uid':'root'}}", "Uid"},
	};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct json_object *c = form(t, "echo ran");
		int status;

		cfg_set_text(c, rows[i].path, rows[i].value);
		const char *out = call(t, go_quote(t, c), "true", &status);

		if (status != 1)
			fail_msg("%s = %s: status %d, %s", rows[i].path, rows[i].value, status,
				 out);
		expect_failure(out, rows[i].message);
		assert_string_equal(task_out(t), "");
	}
}

static void test_broken_arguments_are_status_documents(void **state)
{
	static const struct {
		const char *argument, *message;
	} rows[] = {
		{"{\"Path\":\"/bin/true\"}", "Failed to unquote json input"}, /* not quoted */
		{"\"", "Failed to unquote json input"},
		{"\"\\q\"", "Failed to unquote json input"},
		{"\"{\"", ""},
		{"\"\"", ""},
		{"\"[]\"", ""},
		{"\"{}\"", "Path"},
		{"\"{\\\"Path\\\":\\\"/bin/true\\\"\"", ""},
	};
	struct it *t = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int status;
		const char *out = call(t, rows[i].argument, "true", &status);

		if (status != 1)
			fail_msg("%s: status %d, %s", rows[i].argument, status, out);
		expect_failure(out, rows[i].message);
	}
}

static void test_quoting_of_go_is_undone(void **state)
{
	struct it *t = *state;
	const char *root = it_rootfs(t), *argument;
	int status;

	/* \u00e9, \x2f ('/'), \057 ('/'), \U0001f600, a tab, and what JSON's own escapes make of a doubled backslash */
	argument = it_text(t,
			   "\"{\\\"Path\\\":\\\"\\x2fbin\\057probe\\\",\\\"Args\\\":[\\\"p\\\","
			   "\\\"args\\\",\\\"\\u00e9\\U0001f600\\\",\\\"\\\\t\\\"],"
			   "\\\"StdoutFile\\\":\\\"%s/out\\\",\\t\\\"Chroot\\\":\\\"%s\\\"}\"",
			   t->dir, root);
	(void)expect_start_status(t, call(t, argument, "true", &status));
	assert_int_equal(status, 0);
	assert_string_equal(task_out(t), "arg \\xc3\\xa9\\xf0\\x9f\\x98\\x80\narg \\x09\n");
}

/* A document with any of ours is ours, whatever else it has. */
static void test_which_documents_are_in_the_form(void **state)
{
	struct it *t = *state;
	struct json_object *c = it_config(t, "exit 4");

	cfg_set(c, "Path", "'/bin/nothing'");
	struct run *r = it_run(t, c);

	assert_string_equal(js_str(r->lines[0], "type"), "created");
	assert_int_equal(run_wait(r), 4);
}

static void test_exec_failure_after_the_gate(void **state)
{
	struct it *t = *state;
	struct json_object *c = form(t, "");
	int status;

	write_file(it_text(t, "%s/bin/script", it_rootfs(t)), "#!/no/interpreter\n", 0755);
	cfg_set(c, "Path", "'/bin/script'");
	expect_failure(call(t, go_quote(t, c), "true", &status), "/no/interpreter");
	assert_int_equal(status, 1);
}

static void test_more_than_one_argument_is_an_error(void **state)
{
	struct it *t = *state;
	const char *argument = go_quote(t, form(t, "echo ran"));
	struct run *r = it_start(t, &(struct start){.args = {argument, argument}});

	run_send(r, "true");
	run_close_in(r);
	assert_true(run_wait(r) != 0);
	assert_string_equal(task_out(t), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_quoted_argument_start_and_success),
		IT(test_document_on_standard_input),
		IT(test_status_is_the_commands),
		IT(test_nothing_runs_before_the_gate),
		IT(test_gate_false_is_silent),
		IT(test_gate_end_of_file_or_garbage_is_an_error),
		IT(test_exit_status_file),
		IT(test_exit_status_file_that_cannot_be_written_prevents_the_start),
		IT(test_no_exit_status_file_after_an_abort),
		IT(test_chroot_is_the_root),
		IT(test_without_chroot_the_host_is_the_root),
		IT(test_user_is_the_callers_unless_credential_says_otherwise),
		IT(test_keys_in_any_case_and_unknown_ones),
		IT(test_env_absent_is_the_callers),
		IT(test_path_is_executed_args_0_is_only_a_name),
		IT(test_files_are_appended_to_and_stdin_is_read),
		IT(test_failed_starts_are_status_documents),
		IT(test_broken_arguments_are_status_documents),
		IT(test_quoting_of_go_is_undone),
		IT(test_which_documents_are_in_the_form),
		IT(test_exec_failure_after_the_gate),
		IT(test_more_than_one_argument_is_an_error),
	};

	return cmocka_run_group_tests(tests, it_group_setup, it_group_teardown);
}
