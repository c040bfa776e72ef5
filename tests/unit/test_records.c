/* exit.json and state.json: round trips, and what is not known stays unknown. */
#include "tests/unit/unit.h"

#include "protocol/exit_record.h"
#include "protocol/state.h"
#include "protocol/stop_note.h"

#include <errno.h>
#include <signal.h>

static char id[] = "web-1";

static const struct exit_record full = {
	.id = id,
	.run_id = "0123456789abcdef0123456789abcdef",
	.boot_id = "01234567-89ab-cdef-0123-456789abcdef",
	.known = true,
	.exit_code = 137,
	.signal = SIGKILL,
	.core_dumped = true,
	.oom_known = true,
	.oom_kills = 3,
	.oom_killed = true,
	.cause = EXIT_CAUSE_STOPPED,
	.stop_signal = SIGTERM,
	.stop_grace_ms = 5000,
	.started_at = {1795428000, 5},
	.finished_at = {1795428001, 999999999},
	.runtime_ms = 1001,
	.usage_known = true,
	.usage = {.user_us = 1,
		  .system_us = 2,
		  .max_rss_bytes = 3,
		  .major_faults = 4,
		  .minor_faults = 5,
		  .voluntary_switches = 6,
		  .involuntary_switches = 7,
		  .memory_peak_bytes = UINT64_MAX,
		  .memory_peak_known = true},
};

static struct exit_record round_trip(const struct exit_record *record)
{
	struct json_object *object = exit_record_encode(record);
	const char *text = json_object_to_json_string(object);
	struct json_object *again = parse(text);
	struct exit_record back;
	struct ts_error e = {0};

	if (exit_record_decode(again, &back, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	json_object_put(object);
	json_object_put(again);
	return back;
}

static void test_exit_record_round_trip(void **state)
{
	struct exit_record back = round_trip(&full);

	(void)state;
	assert_string_equal(back.id, full.id);
	free(back.id);
	back.id = id;
	assert_memory_equal(&back.usage, &full.usage, sizeof full.usage);
	assert_string_equal(back.run_id, full.run_id);
	assert_string_equal(back.boot_id, full.boot_id);
	assert_true(back.known && back.core_dumped && back.oom_known && back.oom_killed);
	assert_int_equal(back.exit_code, 137);
	assert_int_equal(back.signal, SIGKILL);
	assert_int_equal(back.oom_kills, 3);
	assert_int_equal(back.cause, EXIT_CAUSE_STOPPED);
	assert_int_equal(back.stop_signal, SIGTERM);
	assert_int_equal(back.stop_grace_ms, 5000);
	assert_int_equal(back.started_at.tv_sec, 1795428000);
	assert_int_equal(back.started_at.tv_nsec, 5);
	assert_int_equal(back.finished_at.tv_sec, 1795428001);
	assert_int_equal(back.finished_at.tv_nsec, 999999999);
	assert_int_equal(back.runtime_ms, 1001);
}

/* Before the gate: nobody has seen anything. */
static void test_exit_record_unknown_stays_unknown(void **state)
{
	struct exit_record record = {.exit_code = 99, .signal = 9, .core_dumped = true};
	struct json_object *object = exit_record_encode(&record);
	struct exit_record back = round_trip(&record);

	(void)state;
	assert_string_equal(
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN),
		"{\"version\":1,\"id\":null,\"runId\":\"\",\"bootId\":\"\",\"known\":false,"
		"\"exitCode\":null,\"signal\":null,\"coreDumped\":null,\"oomKilled\":null,"
		"\"oomKills\":null,\"cause\":\"unknown\",\"startedAt\":null,\"finishedAt\":null,"
		"\"runtimeMs\":null,\"usage\":null}");
	assert_false(back.usage_known);
	assert_false(back.known);
	assert_int_equal(back.exit_code, 0);
	assert_int_equal(back.signal, 0);
	assert_false(back.oom_known);
	assert_false(back.usage.memory_peak_known);
	assert_int_equal(back.started_at.tv_sec, 0);
	assert_null(back.id);
	json_object_put(object);
}

static void test_exit_record_every_cause_survives(void **state)
{
	(void)state;
	for (int cause = 0; cause < EXIT_CAUSE_COUNT; cause++) {
		struct exit_record record = {.cause = (enum exit_cause)cause};
		struct exit_record back = round_trip(&record);

		assert_int_equal(back.cause, cause);
	}
}

static const struct {
	const char *text, *error;
} bad_records[] = {
	{"null", "document: expected an object, got null"},
	{"[]", "document: expected an object, got an array"},
	{"{}", "known: missing"},
	{"{'known':null}", "known: missing"},
	{"{'known':1}", "known: expected true or false, got an integer"},
	{"{'version':2,'known':'x'}",
	 "version: version 2 is not supported: this program knows version 1"},
	{"{'version':'1','known':true}", "version: expected an integer, got a string"},
	{"{'known':true}", "exitCode: missing, though \"known\" is true"},
	{"{'known':true,'exitCode':null}", "exitCode: missing, though \"known\" is true"},
	{"{'known':true,'exitCode':256}", "exitCode: 256 is out of range: must be 0 to 255"},
	{"{'known':true,'exitCode':-1}", "exitCode: -1 is out of range: must be 0 to 255"},
	{"{'known':false,'signal':65}", "signal: 65 is out of range: must be 0 to 64"},
	{"{'known':false,'runId':'x'}", "runId: \"x\": malformed"},
	{"{'known':false,'bootId':'01234567-89ab-cdef-0123-456789abcdeg'}",
	 "bootId: \"01234567-89ab-cdef-0123-456789abcdeg\": malformed"},
	{"{'known':false,'bootId':'01234567089ab-cdef-0123-456789abcdef'}",
	 "bootId: \"01234567089ab-cdef-0123-456789abcdef\": malformed"},
	{"{'known':false,'id':'leak?','cause':'bored'}",
	 "cause: \"bored\": expected \"unknown\", \"exited\", \"stopped\", \"timeout\" or "
	 "\"monitor-lost\""},
	{"{'known':false,'startedAt':'yesterday'}",
	 "startedAt: \"yesterday\": expected a time such as \"2026-01-02T03:04:05.6Z\""},
	{"{'known':false,'usage':{'userUs':-1}}",
	 "usage.userUs: -1 is out of range: must be at least 0"},
	{"{'known':false,'usage':[]}", "usage: expected an object, got an array"},
};

static void test_exit_record_decode_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_records); i++) {
		struct json_object *object = parse_quoted(bad_records[i].text);
		struct exit_record record;
		struct ts_error e = {0};

		assert_row(bad_records[i].text, exit_record_decode(object, &record, &e) == -1);
		assert_row_text(bad_records[i].text, e.msg, bad_records[i].error);
		json_object_put(object);
	}
}

/* --- stop.json --- */

static const struct {
	const char *text;
	enum exit_cause before, after;
	int signal;
	uint64_t grace_ms;
} notes[] = {
	{"{'signal':15,'graceMs':5000}", EXIT_CAUSE_EXITED, EXIT_CAUSE_STOPPED, 15, 5000},
	{"{'signal':9}\n", EXIT_CAUSE_EXITED, EXIT_CAUSE_STOPPED, 9, 0},
	{"{'signal':64,'graceMs':0,'by':'x'}", EXIT_CAUSE_EXITED, EXIT_CAUSE_STOPPED, 64, 0},
	/* who has another cause knows better */
	{"{'signal':15,'graceMs':5000}", EXIT_CAUSE_TIMEOUT, EXIT_CAUSE_TIMEOUT, 0, 0},
	{"{'signal':15,'graceMs':5000}", EXIT_CAUSE_STOPPED, EXIT_CAUSE_STOPPED, 0, 0},
	/* what is no note, or was read while it was written */
	{"", EXIT_CAUSE_EXITED, EXIT_CAUSE_EXITED, 0, 0},
	{"{'signal':15,'graceMs':50", EXIT_CAUSE_EXITED, EXIT_CAUSE_EXITED, 0, 0},
	{"{'signal':0}", EXIT_CAUSE_EXITED, EXIT_CAUSE_EXITED, 0, 0},
	{"{'signal':65}", EXIT_CAUSE_EXITED, EXIT_CAUSE_EXITED, 0, 0},
	{"{'signal':'TERM'}", EXIT_CAUSE_EXITED, EXIT_CAUSE_EXITED, 0, 0},
	{"{'signal':15,'graceMs':-1}", EXIT_CAUSE_EXITED, EXIT_CAUSE_EXITED, 0, 0},
	{"{'graceMs':5000}", EXIT_CAUSE_EXITED, EXIT_CAUSE_EXITED, 0, 0},
	{"[15]", EXIT_CAUSE_EXITED, EXIT_CAUSE_EXITED, 0, 0},
	{"null", EXIT_CAUSE_EXITED, EXIT_CAUSE_EXITED, 0, 0},
};

static void test_exit_record_add_stop(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(notes); i++) {
		struct exit_record record = {.known = true, .cause = notes[i].before};
		char text[128];
		size_t len = strlen(notes[i].text);

		for (size_t k = 0; k < len; k++)
			text[k] = notes[i].text[k] == '\'' ? '"' : notes[i].text[k];
		exit_record_add_stop(&record, text, len);
		assert_row(notes[i].text, record.cause == notes[i].after);
		assert_row(notes[i].text, record.stop_signal == notes[i].signal);
		assert_row(notes[i].text, record.stop_grace_ms == notes[i].grace_ms);
	}
}

static void test_exit_record_add_stop_leaves_the_unknown_alone(void **state)
{
	struct exit_record record = {.cause = EXIT_CAUSE_EXITED};

	(void)state;
	exit_record_add_stop(&record, "{\"signal\":15}", 13);
	assert_int_equal(record.cause, EXIT_CAUSE_EXITED);
	assert_int_equal(record.stop_signal, 0);
}

/* --- state.json --- */

static void test_state_round_trip(void **state)
{
	char bundle[] = "/srv/b", id_string[] = "PID:1", owner[] = "jane";
	struct state s = {.id = id,
			  .bundle = bundle,
			  .id_string = id_string,
			  .owner = owner,
			  .created_at = {1795428000, 123},
			  .kill_signal = SIGINT,
			  .kill_timeout_ms = 7000,
			  .clean_up = true,
			  .annotations = parse("{\"a.b\":\"c\"}")};
	struct json_object *object = state_encode(&s);
	struct state back;
	struct ts_error e = {0};

	(void)state;
	assert_string_equal(
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
							       JSON_C_TO_STRING_NOSLASHESCAPE),
		"{\"version\":1,\"ociVersion\":\"1.2.0\",\"id\":\"web-1\","
		"\"bundle\":\"/srv/b\",\"created\":\"2026-11-23T10:00:00.000000123Z\","
		"\"owner\":\"jane\",\"idString\":\"PID:1\",\"killSignal\":2,"
		"\"killTimeoutMs\":7000,\"onMonitorDeath\":\"keep\",\"cleanUp\":true,"
		"\"annotations\":{\"a.b\":\"c\"}}");
	json_object_put(s.annotations);
	assert_int_equal(state_decode(object, &back, &e), 0);
	json_object_put(object);
	assert_string_equal(back.id, "web-1");
	assert_string_equal(back.bundle, "/srv/b");
	assert_string_equal(back.id_string, "PID:1");
	assert_string_equal(back.owner, "jane");
	assert_int_equal(back.created_at.tv_sec, 1795428000);
	assert_int_equal(back.created_at.tv_nsec, 123);
	assert_int_equal(back.kill_signal, SIGINT);
	assert_int_equal(back.kill_timeout_ms, 7000);
	assert_false(back.kill_on_monitor_death);
	assert_true(back.clean_up);
	assert_int_equal(json_object_object_length(back.annotations), 1);
	state_done(&back);
	state_done(&back); /* twice does no harm */
}

static void test_state_without_owner_bundle_and_annotations(void **state)
{
	char id_string[] = "PID:1";
	struct state s = {.id = id, .id_string = id_string, .kill_signal = 15}, back;
	struct json_object *object = state_encode(&s);
	struct ts_error e = {0};

	(void)state;
	assert_int_equal(state_decode(object, &back, &e), 0);
	assert_null(back.owner);
	assert_null(back.bundle);
	assert_null(back.annotations);
	state_done(&back);
	json_object_put(object);
}

#define STATE                                                                                      \
	"{'id':'x','idString':'PID:1','created':'2026-01-01T00:00:00Z','killSignal':15,'"          \
	"killTimeoutMs':1"

static const struct {
	const char *text, *error;
} bad_states[] = {
	{"{}", "id: missing"},
	{"{'version':7,'id':[]}",
	 "version: version 7 is not supported: this program knows version 1"},
	{"{'version':-1}", "version: version -1 is not supported: this program knows version 1"},
	{STATE ",'killSignal':0}", "killSignal: 0 is out of range: must be 1 to 64"},
	{STATE ",'killTimeoutMs':-1}", "killTimeoutMs: -1 is out of range: must be at least 0"},
	{STATE ",'created':'x'}",
	 "created: \"x\": expected a time such as \"2026-01-02T03:04:05.6Z\""},
	{STATE ",'annotations':[]}", "annotations: expected an object, got an array"},
	{STATE ",'owner':1}", "owner: expected a string, got an integer"},
	{STATE ",'idString':null}", "idString: missing"},
	{STATE ",'onMonitorDeath':'die'}",
	 "onMonitorDeath: \"die\": expected \"keep\" or \"kill\""},
	{STATE ",'cleanUp':'yes'}", "cleanUp: expected true or false, got a string"},
};

static void test_state_decode_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_states); i++) {
		struct json_object *object = parse_quoted(bad_states[i].text);
		struct state s;
		struct ts_error e = {0};

		assert_row(bad_states[i].text, state_decode(object, &s, &e) == -1);
		assert_row_text(bad_states[i].text, e.msg, bad_states[i].error);
		json_object_put(object);
	}
}

static void test_state_words_of_monitor_death(void **state)
{
	static const struct {
		const char *text;
		bool kill, clean_up;
	} rows[] = {
		{STATE "}", true, false}, /* as an older spawn-daemon wrote it */
		{STATE ",'onMonitorDeath':null,'cleanUp':null}", true, false},
		{STATE ",'onMonitorDeath':'kill','cleanUp':false}", true, false},
		{STATE ",'onMonitorDeath':'keep','cleanUp':true}", false, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct json_object *object = parse_quoted(rows[i].text);
		struct state s;
		struct ts_error e = {0};

		assert_row(rows[i].text, state_decode(object, &s, &e) == 0);
		assert_row(rows[i].text, s.kill_on_monitor_death == rows[i].kill);
		assert_row(rows[i].text, s.clean_up == rows[i].clean_up);
		state_done(&s);
		json_object_put(object);
	}
}

static void test_state_decode_ignores_what_it_does_not_know(void **state)
{
	struct json_object *object = parse_quoted(STATE ",'new':{'x':1}}");
	struct state s;
	struct ts_error e = {0};

	(void)state;
	assert_int_equal(state_decode(object, &s, &e), 0);
	state_done(&s);
	json_object_put(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exit_record_round_trip),
		cmocka_unit_test(test_exit_record_unknown_stays_unknown),
		cmocka_unit_test(test_exit_record_every_cause_survives),
		cmocka_unit_test(test_exit_record_decode_refuses),
		cmocka_unit_test(test_exit_record_add_stop),
		cmocka_unit_test(test_exit_record_add_stop_leaves_the_unknown_alone),
		cmocka_unit_test(test_state_round_trip),
		cmocka_unit_test(test_state_without_owner_bundle_and_annotations),
		cmocka_unit_test(test_state_decode_refuses),
		cmocka_unit_test(test_state_words_of_monitor_death),
		cmocka_unit_test(test_state_decode_ignores_what_it_does_not_know),
	};

	return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
