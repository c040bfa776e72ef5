/* The 2015 form: Go's quoting, exec.Cmd as JSON, the answers. */
#include "tests/unit/unit.h"

#include "protocol/form2015.h"

#include <errno.h>

/* --- strconv.Unquote: the rows of Go's own documentation and of its corner cases --- */

#define BYTES(literal) (literal), sizeof(literal) - 1

static const struct {
	const char *quoted, *text;
	size_t len;
} unquoted[] = {
	{"\"\"", BYTES("")},
	{"``", BYTES("")},
	{"\"abc\"", BYTES("abc")},
	{"\"{\\\"Path\\\":\\\"/bin/true\\\"}\\n\"", BYTES("{\"Path\":\"/bin/true\"}\n")},
	{"\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\"", BYTES("\a\b\f\n\r\t\v\\\"")},
	{"\"'\"", BYTES("'")},
	{"\"\\x00\\x41\\xff\\xFF\"", BYTES("\0A\xff\xff")},
	{"\"\\000\\101\\377\"", BYTES("\0A\xff")},
	{"\"\\u00e9\\u20AC\\ufffd\"", BYTES("\xc3\xa9\xe2\x82\xac\xef\xbf\xbd")},
	{"\"\\u007f\\u0080\\u07ff\\u0800\"", BYTES("\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80")},
	{"\"\\U0001F600\\U0010ffff\\U00010000\"",
	 BYTES("\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\xf0\x90\x80\x80")},
	{"\"\xc3\xa9\"", BYTES("\xc3\xa9")},
	{"`a\\n\"b'\n\r`", BYTES("a\\n\"b'\n")},
	{"`\xc3\xa9`", BYTES("\xc3\xa9")},
};

static void test_form2015_unquote_undoes_go_quoting(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(unquoted); i++) {
		char *text = NULL;
		size_t len = 0;
		struct ts_error e = {0};

		assert_row(unquoted[i].quoted,
			   form2015_unquote(unquoted[i].quoted, &text, &len, &e) == 0);
		assert_row(unquoted[i].quoted, len == unquoted[i].len);
		assert_memory_equal(text, unquoted[i].text, len + 1);
		free(text);
	}
}

static void test_form2015_unquote_refuses(void **state)
{
	static const char *const bad[] = {
		"",
		"\"",
		"`",
		"abc",
		"\"abc",
		"abc\"",
		"\"a\"b\"",
		"`a`b`",
		"\"a\nb\"",
		"\"\\\"",
		"\"\\",
		"\"\\q\"",
		"\"\\'\"",
		"\"\\x4\"",
		"\"\\xg0\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"\\ud800\"",
		"\"\\udfff\"",
		"\"\\U00110000\"",
		"\"\\Uffffffff\"",
		"\"\\U0000d800\"",
		"\"\\400\"",
		"\"\\08\"",
		"\"\\12\"",
		"\"\\8\"",
		"'a'",
		"''",
		"\"a`",
		" \"a\"",
		"\"a\" ",
		"{\"Path\":1}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		char *text = NULL;
		size_t len = 0;
		struct ts_error e = {0};

		assert_row(bad[i], form2015_unquote(bad[i], &text, &len, &e) == -1);
		assert_string_equal(e.msg, "Failed to unquote json input: invalid syntax");
		assert_int_equal(e.step, TS_STEP_CONFIG);
		assert_null(text);
	}
}

/* --- recognising --- */

static const struct {
	const char *text;
	bool is;
} forms[] = {
	{"{'Path':'/bin/true'}", true},
	{"{'path':'/bin/true','x':1}", true},
	{"{'x':1,'PATH':null}", true},
	{"{'Path':'/x','process':{}}", false},
	{"{'Path':'/x','ociVersion':'1.0.0'}", false},
	{"{'taskshim':{},'Path':'/x'}", false},
	{"{'Path':'/x','Process':null,'ProcessState':null}", true}, /* exec.Cmd has these */
	{"{}", false},
	{"[]", false},
	{"null", false},
	{"{'root':{'path':'/'}}", false},
};

static void test_form2015_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		struct json_object *document = parse_quoted(forms[i].text);

		assert_row(forms[i].text, form2015_is(document) == forms[i].is);
		json_object_put(document);
	}
}

/* --- decoding --- */

static struct form2015 *decode(const char *quoted)
{
	struct json_object *document = parse_quoted(quoted);
	struct form2015 *form = NULL;
	struct ts_error e = {0};

	if (form2015_decode(document, &form, &e) < 0)
		fail_msg("%s: %s", quoted, e.msg);
	json_object_put(document); /* the form holds its own reference */
	return form;
}

/* What Nomad 0.2.0 sent, as encoding/json wrote it. */
static void test_form2015_decode_what_nomad_sent(void **state)
{
	struct form2015 *f = decode(
		"{'Path':'/bin/sleep','Args':['/bin/sleep','10'],'Env':['A=b','C='],'Dir':'/',"
		"'Stdin':null,'Stdout':null,'Stderr':null,'ExtraFiles':null,'SysProcAttr':{"
		"'Chroot':'','Credential':{'Uid':65534,'Gid':65533,'Groups':[1,2]},'Ptrace':false,"
		"'Setsid':true,'Setpgid':false,'Cloneflags':0,'UidMappings':null},'Process':null,"
		"'ProcessState':null,'StdoutFile':'/a/out','StdinFile':'/dev/null',"
		"'StderrFile':'/a/err','Chroot':'/a/root','ExitStatusFile':'/a/exit'}");

	(void)state;
	assert_string_equal(f->path, "/bin/sleep");
	assert_string_equal(f->args[0], "/bin/sleep");
	assert_string_equal(f->args[1], "10");
	assert_null(f->args[2]);
	assert_string_equal(f->env[1], "C=");
	assert_null(f->env[2]);
	assert_true(f->credential_set);
	assert_int_equal(f->uid, 65534);
	assert_int_equal(f->gid, 65533);
	assert_int_equal(f->n_groups, 2);
	assert_int_equal(f->groups[1], 2);
	assert_true(f->setsid_set);
	assert_string_equal(f->stdin_file, "/dev/null");
	assert_string_equal(f->stdout_file, "/a/out");
	assert_string_equal(f->stderr_file, "/a/err");
	assert_string_equal(f->chroot, "/a/root");
	assert_string_equal(f->exit_status_file, "/a/exit");
	form2015_free(f);
}

static void test_form2015_decode_takes_keys_in_any_case(void **state)
{
	struct form2015 *f =
		decode("{'PATH':'/x','aRgS':['y'],'env':[],'stdoutfile':'/o',"
		       "'sysprocattr':{'CREDENTIAL':{'UID':5,'gId':6}},'chroot':'/r'}");

	(void)state;
	assert_string_equal(f->path, "/x");
	assert_string_equal(f->args[0], "y");
	assert_non_null(f->env);
	assert_null(f->env[0]);
	assert_string_equal(f->stdout_file, "/o");
	assert_int_equal(f->uid, 5);
	assert_int_equal(f->gid, 6);
	assert_string_equal(f->chroot, "/r");
	form2015_free(f);
}

static void test_form2015_decode_null_and_empty_are_absent(void **state)
{
	static const char *const forms_of_nothing[] = {
		"{'Path':'/x'}",
		"{'Path':'/x','Args':null,'Env':null,'SysProcAttr':null,'StdinFile':null,"
		"'StdoutFile':'','StderrFile':'','Chroot':'','ExitStatusFile':''}",
		"{'Path':'/x','Args':[],'SysProcAttr':{'Credential':null}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(forms_of_nothing); i++) {
		struct form2015 *f = decode(forms_of_nothing[i]);

		assert_string_equal(f->args[0], "/x"); /* Go: {Path} */
		assert_null(f->args[1]);
		assert_null(f->env);
		assert_false(f->credential_set);
		assert_null(f->stdin_file);
		assert_null(f->stdout_file);
		assert_null(f->stderr_file);
		assert_null(f->chroot);
		assert_null(f->exit_status_file);
		form2015_free(f);
	}
}

static const struct {
	const char *text, *error;
} refused[] = {
	{"[]", "document: expected an object, got an array"},
	{"{}", "Path: missing"},
	{"{'Path':null}", "Path: missing"},
	{"{'Path':''}", "Path: empty"},
	{"{'Path':1}", "Path: expected a string, got an integer"},
	{"{'Path':'/x','Args':'y'}", "Args: expected an array of strings, got a string"},
	{"{'Path':'/x','args':['y',1]}", "args[1]: expected a string, got an integer"},
	{"{'Path':'/x','Env':{}}", "Env: expected an array of strings, got an object"},
	{"{'Path':'/x','SysProcAttr':[]}", "SysProcAttr: expected an object, got an array"},
	{"{'Path':'/x','SysProcAttr':{'Credential':{'Uid':-1}}}",
	 "SysProcAttr.Credential.Uid: -1 is out of range: must be 0 to 4294967294"},
	{"{'Path':'/x','SysProcAttr':{'Credential':{'Groups':[4294967295]}}}",
	 "SysProcAttr.Credential.Groups[0]: 4294967295 is out of range: must be 0 to 4294967294"},
	{"{'Path':'/x','Chroot':true}", "Chroot: expected a string, got a boolean"},
};

static void test_form2015_decode_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct json_object *document = parse_quoted(refused[i].text);
		struct form2015 *form = NULL;
		struct ts_error e = {0};

		assert_row(refused[i].text, form2015_decode(document, &form, &e) == -1);
		assert_row_text(refused[i].text, e.msg, refused[i].error);
		assert_int_equal(e.step, TS_STEP_CONFIG);
		json_object_put(document);
	}
	form2015_free(NULL);
}

/* --- answers --- */

static void assert_line(const char *line, ssize_t len, const char *expected)
{
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(line, expected, (size_t)len);
}

static void test_form2015_answers(void **state)
{
	char line[128];

	(void)state;
	assert_line(line, form2015_start_status(line, sizeof line, 123, ""),
		    "{\"UserPID\":123,\"ErrorMsg\":\"\"}\n");
	assert_line(line, form2015_start_status(line, sizeof line, 0, "no \"x\" \xff"),
		    "{\"UserPID\":0,\"ErrorMsg\":\"no \\\"x\\\" \\\\xFF\"}\n");
	assert_line(line, form2015_exit_status(line, sizeof line, true), "{\"Success\":true}\n");
	assert_line(line, form2015_exit_status(line, sizeof line, false), "{\"Success\":false}\n");
	assert_line(line, form2015_exit_code(line, sizeof line, 0), "{\"ExitCode\":0}\n");
	assert_line(line, form2015_exit_code(line, sizeof line, 143), "{\"ExitCode\":143}\n");
	assert_int_equal(form2015_exit_code(line, 5, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form2015_unquote_undoes_go_quoting),
		cmocka_unit_test(test_form2015_unquote_refuses),
		cmocka_unit_test(test_form2015_is),
		cmocka_unit_test(test_form2015_decode_what_nomad_sent),
		cmocka_unit_test(test_form2015_decode_takes_keys_in_any_case),
		cmocka_unit_test(test_form2015_decode_null_and_empty_are_absent),
		cmocka_unit_test(test_form2015_decode_refuses),
		cmocka_unit_test(test_form2015_answers),
	};

	return cmocka_run_group_tests_name("form2015", tests, NULL, NULL);
}
