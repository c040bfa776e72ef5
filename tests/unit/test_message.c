/* The lines of spawn-daemon: as they are printed, read back, and refused. */
#include "tests/unit/unit.h"

#include "protocol/json_write.h"
#include "protocol/message.h"

#include <errno.h>

static char line[MESSAGE_MAX];

/* The text of the line of @len bytes, without its newline. */
static const char *text_of(ssize_t len)
{
	assert_true(len > 1 && len <= MESSAGE_MAX);
	assert_int_equal(line[len - 1], '\n');
	line[len - 1] = '\0';
	assert_int_equal(strlen(line), len - 1);
	return line;
}

static struct message decode(const char *text)
{
	struct message message;
	struct ts_error e = {0};

	if (message_decode(text, strlen(text), &message, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return message;
}

static void test_message_created(void **state)
{
	struct message m;

	(void)state;
	assert_string_equal(text_of(message_created(line, 123, 122, "CGROUP:{\"id\":\"x\"}")),
			    "{\"type\":\"created\",\"pid\":123,\"monitorPid\":122,"
			    "\"id\":\"CGROUP:{\\\"id\\\":\\\"x\\\"}\"}");
	m = decode(line);
	assert_int_equal(m.type, MESSAGE_CREATED);
	assert_int_equal(m.pid, 123);
	assert_int_equal(m.monitor_pid, 122);
	assert_string_equal(m.id_string, "CGROUP:{\"id\":\"x\"}");
	message_done(&m);
	message_done(&m); /* twice does no harm */
}

static void test_message_started(void **state)
{
	struct message m;

	(void)state;
	assert_string_equal(text_of(message_started(line, 5, UINT64_MAX, "PID:5")),
			    "{\"type\":\"started\",\"pid\":5,\"startTime\":18446744073709551615,"
			    "\"id\":\"PID:5\"}");
	m = decode(line);
	assert_int_equal(m.type, MESSAGE_STARTED);
	assert_int_equal(m.pid, 5);
	assert_true(m.start_time == UINT64_MAX);
	assert_string_equal(m.id_string, "PID:5");
	message_done(&m);
}

static void test_message_error(void **state)
{
	struct ts_error e = {.step = TS_STEP_MOUNT};
	struct message m;

	(void)state;
	(void)ts_fail(&e, ENOENT, "mount /x on /y", "no \"such\" thing");
	assert_string_equal(
		text_of(message_error(line, &e)),
		"{\"type\":\"error\",\"step\":\"mount\",\"errno\":2,\"code\":\"ENOENT\","
		"\"message\":\"mount /x on /y: no \\\"such\\\" thing\"}");
	m = decode(line);
	assert_int_equal(m.type, MESSAGE_ERROR);
	assert_int_equal(m.error.step, TS_STEP_MOUNT);
	assert_int_equal(m.error.err, ENOENT);
	assert_string_equal(m.error.msg, e.msg);
	message_done(&m);
}

/* The longest texts, of what grows most in JSON. */
static void test_message_error_always_fits(void **state)
{
	static const unsigned char bytes[] = {'x', '\n', 0x01, 0x7f, '"', '\\', 0x80, 0xff, '/'};

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++) {
		struct ts_error e = {.step = TS_STEP_PROPAGATION, .err = INT32_MAX};
		struct message m;

		memset(e.msg, bytes[i], sizeof e.msg - 1);
		m = decode(text_of(message_error(line, &e)));
		assert_int_equal(m.error.err, INT32_MAX);
		message_done(&m);
	}
}

static void test_message_error_shows_bytes_that_are_not_utf8(void **state)
{
	struct ts_error e = {0};

	(void)state;
	(void)ts_fail(&e, 0, "open", "/\xff\xc3(\xc3\xa9\n");
	assert_string_equal(text_of(message_error(line, &e)),
			    "{\"type\":\"error\",\"step\":\"none\",\"errno\":0,\"code\":\"\","
			    "\"message\":\"open: /\\\\xFF\\\\xC3(\xc3\xa9\\n\"}");
}

static void test_message_aborted(void **state)
{
	struct message m;

	(void)state;
	assert_string_equal(text_of(message_aborted(line, ABORT_GATE_FALSE)),
			    "{\"type\":\"aborted\",\"reason\":\"gate-false\"}");
	m = decode(line);
	assert_int_equal(m.type, MESSAGE_ABORTED);
	assert_int_equal(m.reason, ABORT_GATE_FALSE);
	assert_string_equal(text_of(message_aborted(line, ABORT_PARENT_GONE)),
			    "{\"type\":\"aborted\",\"reason\":\"parent-gone\"}");
	m = decode(line);
	assert_int_equal(m.reason, ABORT_PARENT_GONE);
	message_done(&m);
}

static void test_message_exited(void **state)
{
	struct exit_record record = {.known = true,
				     .exit_code = 137,
				     .signal = 9,
				     .oom_known = true,
				     .oom_killed = true,
				     .oom_kills = 2,
				     .cause = EXIT_CAUSE_EXITED};
	struct message m;

	(void)state;
	m = decode(text_of(message_exited(line, &record)));
	assert_non_null(strstr(line, "{\"type\":\"exited\","));
	assert_non_null(strstr(line, "\"exitCode\":137,\"signal\":9,\"coreDumped\":false,"
				     "\"oomKilled\":true"));
	assert_int_equal(m.type, MESSAGE_EXITED);
	assert_true(m.exited.known);
	assert_int_equal(m.exited.exit_code, 137);
	assert_int_equal(m.exited.signal, 9);
	assert_true(m.exited.oom_killed);
	assert_int_equal(m.exited.oom_kills, 2);
	message_done(&m);
}

static void test_message_that_does_not_fit_is_refused(void **state)
{
	char id[MESSAGE_MAX];

	(void)state;
	memset(id, 'x', sizeof id - 1);
	id[sizeof id - 1] = '\0';
	assert_int_equal(message_created(line, 1, 1, id), -1);
	assert_int_equal(message_started(line, 1, 1, id), -1);
	id[4000] = '\0';
	assert_true(message_created(line, 1, 1, id) > 4000);
}

static const struct {
	const char *text, *error;
} refused[] = {
	{"", "the document is empty"},
	{"{", "line 1, column 2: the document is cut off"},
	{"{} {}", "line 1, column 4: text after the end of the document"},
	{"[]", "document: expected an object, got an array"},
	{"null", "document: expected an object, got null"},
	{"{}", "type: missing"},
	{"{'type':1}", "type: expected a string, got an integer"},
	{"{'type':'x'}",
	 "type: \"x\": expected \"created\", \"started\", \"exited\", \"error\" or \"aborted\""},
	{"{'type':'created'}", "pid: missing"},
	{"{'type':'created','pid':1}", "id: missing"},
	{"{'type':'created','pid':0,'id':'x'}", "pid: 0 is out of range: must be 1 to 4194304"},
	{"{'type':'created','pid':4194305,'id':'x'}",
	 "pid: 4194305 is out of range: must be 1 to 4194304"},
	{"{'type':'created','pid':1,'id':5}", "id: expected a string, got an integer"},
	{"{'type':'started','pid':1,'id':'x'}", "startTime: missing"},
	{"{'type':'started','id':'x','startTime':-1,'pid':1}",
	 "startTime: -1 is out of range: must be at least 0"},
	{"{'type':'exited'}", "known: missing"},
	{"{'type':'exited','id':'x','known':true}", "exitCode: missing, though \"known\" is true"},
	{"{'type':'error','step':'mount','errno':2}", "message: missing"},
	{"{'type':'error','step':'mount','errno':-2,'message':''}",
	 "errno: -2 is out of range: must be 0 to 2147483647"},
	{"{'type':'aborted','reason':'bored'}",
	 "reason: \"bored\": expected \"gate-false\" or \"parent-gone\""},
};

static void test_message_decode_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		char text[256];
		struct message m;
		struct ts_error e = {0};

		snprintf(text, sizeof text, "%s", refused[i].text);
		for (char *c = text; *c; c++)
			*c = *c == '\'' ? '"' : *c;
		assert_row(text, message_decode(text, strlen(text), &m, &e) == -1);
		assert_row_text(text, e.msg, refused[i].error);
	}
}

static void test_message_decode_refuses_a_line_that_is_too_long(void **state)
{
	char text[MESSAGE_MAX + 8];
	struct message m;
	struct ts_error e = {0};

	(void)state;
	memset(text, ' ', sizeof text);
	assert_int_equal(message_decode(text, MESSAGE_MAX, &m, &e), -1);
	assert_string_equal(e.msg, "the line is longer than 4096 bytes");
}

static void test_message_decode_ignores_what_it_does_not_know(void **state)
{
	struct message m = decode("{\"new\":[1],\"type\":\"started\",\"pid\":7,\"startTime\":8,"
				  "\"id\":\"PID:7\",\"newer\":{}}");

	(void)state;
	assert_int_equal(m.pid, 7);
	message_done(&m);
	m = decode("{\"type\":\"error\",\"message\":\"m\",\"errno\":5,\"step\":\"of-the-future\"}");
	assert_int_equal(m.error.step, TS_STEP_NONE);
	assert_int_equal(m.error.err, 5);
	assert_string_equal(m.error.msg, "m");
	message_done(&m);
}

/* --- json_write --- */

static void test_json_line_that_does_not_fit_is_refused(void **state)
{
	char buf[8];
	struct json_writer w = json_writer_new();

	(void)state;
	json_add_u64(&w, "a", 1);
	assert_int_equal(json_line(json_object_get(w.object), buf, 8), 8);
	assert_memory_equal(buf, "{\"a\":1}\n", 8);
	assert_int_equal(json_line(w.object, buf, 7), -1);
	assert_int_equal(json_line(NULL, buf, 8), -1);
}

static void test_json_writer_failure_sticks(void **state)
{
	struct json_writer w = json_writer_new();

	(void)state;
	json_add_bool(&w, "a", true);
	json_add(&w, "b", NULL); /* what a failed allocation looks like */
	assert_null(w.object);
	json_add_text(&w, "c", "x");
	json_add_null(&w, "d");
	json_add_copied(&w, "e", json_object_new_object());
	json_add_copied(&w, "f", NULL);
	assert_null(w.object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message_created),
		cmocka_unit_test(test_message_started),
		cmocka_unit_test(test_message_error),
		cmocka_unit_test(test_message_error_always_fits),
		cmocka_unit_test(test_message_error_shows_bytes_that_are_not_utf8),
		cmocka_unit_test(test_message_aborted),
		cmocka_unit_test(test_message_exited),
		cmocka_unit_test(test_message_that_does_not_fit_is_refused),
		cmocka_unit_test(test_message_decode_refuses),
		cmocka_unit_test(test_message_decode_refuses_a_line_that_is_too_long),
		cmocka_unit_test(test_message_decode_ignores_what_it_does_not_know),
		cmocka_unit_test(test_json_line_that_does_not_fit_is_refused),
		cmocka_unit_test(test_json_writer_failure_sticks),
	};

	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
