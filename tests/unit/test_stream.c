/* document_parse() and stream_read(): what is JSON, where a document ends, how input may arrive. */
#include "tests/unit/unit.h"

#include "protocol/json_scan.h"
#include "util/fd.h"

#include <signal.h>
#include <sys/wait.h>

/* --- document_parse --- */

#define TEXT(literal) (literal), sizeof(literal) - 1

static const struct {
	const char *text;
	size_t len;
	const char *error;
} refused[] = {
	{TEXT(""), "the document is empty"},
	{TEXT(" \n\t\r"), "the document is empty"},
	{TEXT("{"), "line 1, column 2: the document is cut off"},
	{TEXT("{\"a\":1"), "line 1, column 7: the document is cut off"},
	{TEXT("[1,2"), "line 1, column 5: the document is cut off"},
	{TEXT("\"abc"), "line 1, column 5: the document is cut off"},
	{TEXT("\"ab\\"), "line 1, column 5: the document is cut off"},
	{TEXT("tru"), "line 1, column 4: the document is cut off"},
	{TEXT("-"), "line 1, column 2: the document is cut off"},
	{TEXT("1."), "line 1, column 3: the document is cut off"},
	{TEXT("1e"), "line 1, column 3: the document is cut off"},
	{TEXT("\n\n  x"), "line 3, column 3: expected a value"},
	{TEXT("{} x"), "line 1, column 4: text after the end of the document"},
	{TEXT("{}\0"), "line 1, column 3: text after the end of the document"},
	{TEXT("true false"), "line 1, column 6: text after the end of the document"},
	{TEXT("1 2"), "line 1, column 3: text after the end of the document"},
	{TEXT("truE"), "line 1, column 4: expected true, false or null"},
	{TEXT("True"), "line 1, column 1: expected a value"},
	{TEXT("nul "), "line 1, column 4: expected true, false or null"},
	{TEXT("NaN"), "line 1, column 1: NaN and Infinity are not JSON"},
	{TEXT("[NaN]"), "line 1, column 2: NaN and Infinity are not JSON"},
	{TEXT("nan"), "line 1, column 2: expected true, false or null"},
	{TEXT("Infinity"), "line 1, column 1: NaN and Infinity are not JSON"},
	{TEXT("-Infinity"), "line 1, column 2: NaN and Infinity are not JSON"},
	{TEXT("'a'"), "line 1, column 1: expected a value"},
	{TEXT("{'a':1}"), "line 1, column 2: expected a key in quotes"},
	{TEXT("{a:1}"), "line 1, column 2: expected a key in quotes"},
	{TEXT("{\"a\" 1}"), "line 1, column 6: expected :"},
	{TEXT("{\"a\":}"), "line 1, column 6: expected a value"},
	{TEXT("{\"a\":1,}"), "line 1, column 8: expected a key in quotes"},
	{TEXT("{,}"), "line 1, column 2: expected a key in quotes"},
	{TEXT("{\"a\":1 \"b\":2}"), "line 1, column 8: expected , or }"},
	{TEXT("[1,]"), "line 1, column 4: expected a value"},
	{TEXT("[,1]"), "line 1, column 2: expected a value"},
	{TEXT("[1 2]"), "line 1, column 4: expected , or ]"},
	{TEXT("[1}"), "line 1, column 3: unexpected }"},
	{TEXT("{\"a\":1]"), "line 1, column 7: unexpected ]"},
	{TEXT("]"), "line 1, column 1: expected a value"},
	{TEXT("/* x */ 1"), "line 1, column 1: expected a value"},
	{TEXT("// x\n1"), "line 1, column 1: expected a value"},
	{TEXT("\xef\xbb\xbf{}"), "line 1, column 1: expected a value"},
	{TEXT("01"), "line 1, column 2: a number starts with 0"},
	{TEXT("-01"), "line 1, column 3: a number starts with 0"},
	{TEXT("+1"), "line 1, column 1: expected a value"},
	{TEXT(".5"), "line 1, column 1: expected a value"},
	{TEXT("1.e5 "), "line 1, column 3: expected a digit"},
	{TEXT("1e+ "), "line 1, column 4: expected a digit"},
	{TEXT("- 1"), "line 1, column 2: expected a digit"},
	{TEXT("0x10"), "line 1, column 2: text after the end of the document"},
	{TEXT("[0x10]"), "line 1, column 3: expected , or ]"},
	{TEXT("18446744073709551616"), "line 1, column 21: the number does not fit 64 bits"},
	{TEXT("[18446744073709551616]"), "line 1, column 22: the number does not fit 64 bits"},
	{TEXT("[-9223372036854775809]"), "line 1, column 22: the number does not fit 64 bits"},
	{TEXT("[99999999999999999999999]"), "line 1, column 25: the number does not fit 64 bits"},
	{TEXT("[1e999]"), "line 1, column 2: the number does not fit a double"},
	{TEXT("{\"a\":[{\"b\":-1e400}]}"), "line 1, column 12: the number does not fit a double"},
	{TEXT("\"a\0b\""), "line 1, column 3: NUL in a string"},
	{TEXT("\"a\\u0000b\""), "line 1, column 8: NUL in a string"},
	{TEXT("{\"a\\u0000b\":1}"), "line 1, column 9: NUL in a key"},
	{TEXT("\"a\nb\""),
	 "line 1, column 3: control character in a string: write it as an escape"},
	{TEXT("\"a\x1f\""),
	 "line 1, column 3: control character in a string: write it as an escape"},
	{TEXT("\"\\x41\""), "line 1, column 3: unknown escape"},
	{TEXT("\"\\'\""), "line 1, column 3: unknown escape"},
	{TEXT("\"\\\0\""), "line 1, column 3: unknown escape"},
	{TEXT("\"\\u12g4\""), "line 1, column 6: expected a hexadecimal digit"},
	{TEXT("\"\\ud800\""), "line 1, column 8: half of a surrogate pair"},
	{TEXT("\"\\ud800\\n\""), "line 1, column 9: half of a surrogate pair"},
	{TEXT("\"\\ud800\\ud800\""), "line 1, column 13: half of a surrogate pair"},
	{TEXT("\"\\ud800\\u0041\""), "line 1, column 13: half of a surrogate pair"},
	{TEXT("\"\\udc00\""), "line 1, column 7: half of a surrogate pair"},
	{TEXT("\"\x80\""), "line 1, column 2: invalid UTF-8"},
	{TEXT("\"\xff\""), "line 1, column 2: invalid UTF-8"},
	{TEXT("\"\xc3\""), "line 1, column 3: invalid UTF-8"},
	{TEXT("\"\xc0\xaf\""), "line 1, column 2: invalid UTF-8"},
	{TEXT("\"\xe0\x80\xaf\""), "line 1, column 3: invalid UTF-8"},
	{TEXT("\"\xed\xa0\x80\""), "line 1, column 3: invalid UTF-8"},
	{TEXT("\"\xf0\x80\x80\x80\""), "line 1, column 3: invalid UTF-8"},
	{TEXT("\"\xf4\x90\x80\x80\""), "line 1, column 3: invalid UTF-8"},
	{TEXT("\"\xf5\x80\x80\x80\""), "line 1, column 2: invalid UTF-8"},
	{TEXT("{\"\xff\":1}"), "line 1, column 3: invalid UTF-8"},
};

static void test_document_parse_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct json_object *object = NULL;
		struct ts_error e = {0};

		assert_row(refused[i].error,
			   document_parse(refused[i].text, refused[i].len, &object, &e) == -1);
		assert_row_text(refused[i].text, e.msg, refused[i].error);
		assert_int_equal(e.step, TS_STEP_CONFIG);
		assert_int_equal(e.err, EINVAL);
		assert_null(object);
	}
}

static const struct {
	const char *text, *printed;
} accepted[] = {
	{"{}", "{}"},
	{" [ ] \n", "[]"},
	{"true", "true"},
	{"false\n", "false"},
	{"null", "null"},
	{"0", "0"},
	{"-0", "0"},
	{"12 ", "12"},
	{"18446744073709551615", "18446744073709551615"},
	{"-9223372036854775808", "-9223372036854775808"},
	{"[1.5e3,0.5,1E-2]", "[1.5e3,0.5,1E-2]"},
	{"99999999999999999999999.0", "99999999999999999999999.0"},
	{"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}"}, /* the last duplicate wins */
	{"\"\\u0041\\ud83d\\ude00\\n\\/\"", "\"A\xf0\x9f\x98\x80\\n/\""},
	{"\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\"",
	 "\"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\""},
	{"{\"\":{\"\":[]}}", "{\"\":{\"\":[]}}"},
};

static void test_document_parse_accepts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(accepted); i++) {
		struct json_object *object = parse(accepted[i].text);

		assert_row_text(
			accepted[i].text,
			json_object_to_json_string_ext(
				object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
			accepted[i].printed);
		json_object_put(object);
	}
}

static char *nested(unsigned levels, char *buf)
{
	memset(buf, '[', levels);
	memset(buf + levels, ']', levels);
	buf[2 * levels] = '\0';
	return buf;
}

static void test_document_parse_takes_64_levels_and_not_65(void **state)
{
	char buf[256];
	struct json_object *object = parse(nested(64, buf));
	struct ts_error e = {0};

	(void)state;
	json_object_put(object);
	assert_int_equal(document_parse(nested(65, buf), 130, &object, &e), -1);
	assert_string_equal(e.msg, "line 1, column 65: more than 64 levels");
}

/* A string with @len bytes as its document. */
static char *long_document(size_t len)
{
	char *text = malloc(len);

	assert_non_null(text);
	memset(text, 'x', len);
	text[0] = text[len - 1] = '"';
	return text;
}

static void test_document_parse_takes_4_mib_and_no_more(void **state)
{
	char *text = long_document(STREAM_DOCUMENT_MAX + 1);
	struct json_object *object = NULL;
	struct ts_error e = {0};

	(void)state;
	assert_int_equal(document_parse(text, STREAM_DOCUMENT_MAX + 1, &object, &e), -1);
	assert_string_equal(e.msg, "the document is larger than 4 MiB");
	assert_int_equal(e.err, EFBIG);
	text[STREAM_DOCUMENT_MAX - 1] = '"';
	assert_int_equal(document_parse(text, STREAM_DOCUMENT_MAX, &object, &e), 0);
	json_object_put(object);
	free(text);
}

static void test_document_parse_needs_no_nul_after_the_text(void **state)
{
	static const char *const texts[] = {"true", "12", "{\"a\":1}", "\"x\"", "[]"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		size_t len = strlen(texts[i]);
		char *exact = malloc(len); /* ASan and valgrind see a byte too many */
		struct json_object *object = NULL;
		struct ts_error e = {0};

		memcpy(exact, texts[i], len);
		assert_int_equal(document_parse(exact, len, &object, &e), 0);
		json_object_put(object);
		free(exact);
	}
}

static void test_utf8_sequence_len_is_exact(void **state)
{
	(void)state;
	assert_int_equal(utf8_sequence_len("", 0), 0);
	assert_int_equal(utf8_sequence_len("a", 1), 1);
	assert_int_equal(utf8_sequence_len("\xc3\xa9", 2), 2);
	assert_int_equal(utf8_sequence_len("\xc3\xa9", 1), 0);
	assert_int_equal(utf8_sequence_len("\xe2\x82\xac", 3), 3);
	assert_int_equal(utf8_sequence_len("\xf0\x9f\x98\x80", 4), 4);
	assert_int_equal(utf8_sequence_len("\xf0\x9f\x98", 3), 0);
	assert_int_equal(utf8_sequence_len("\xed\xa0\x80", 3), 0);
	assert_int_equal(utf8_sequence_len("\xe2\x82(", 3), 0);
}

/* --- stream_read --- */

/* Writes @text in pieces of @piece bytes. */
static void feed(int fd, const char *text, size_t len, size_t piece)
{
	for (size_t done = 0; done < len; done += piece)
		if (ts_write_all(fd, text + done, len - done < piece ? len - done : piece) < 0)
			break;
}

/* A stream that a child process feeds, then ends. */
struct source {
	struct stream stream;
	pid_t feeder;
};

static void source_open(struct source *s, const char *text, size_t len, size_t piece)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	*s = (struct source){.stream.fd = ends[0], .feeder = fork()};
	if (s->feeder == 0) {
		close(ends[0]); /* or the write to a reader that is gone would never fail */
		feed(ends[1], text, len, piece);
		_exit(0);
	}
	assert_true(s->feeder > 0);
	close(ends[1]);
}

static void source_close(struct source *s)
{
	close(s->stream.fd);
	assert_int_equal(waitpid(s->feeder, NULL, 0), s->feeder);
	stream_done(&s->stream);
	stream_done(&s->stream); /* twice does no harm */
}

static void test_stream_read_takes_documents_one_after_the_other(void **state)
{
	static const char text[] = " {\"a\":[1,2,{\"b\":\"}\\\"\"}]}true\n12 \"x\"false";
	static const char *const expected[] = {"{\"a\":[1,2,{\"b\":\"}\\\"\"}]}", "true", "12",
					       "\"x\"", "false"};

	(void)state;
	for (size_t piece = 1; piece <= sizeof text; piece++) {
		struct source s;
		struct ts_error e = {0};
		struct json_object *object = NULL;

		source_open(&s, text, sizeof text - 1, piece);
		for (size_t i = 0; i < COUNT(expected); i++) {
			assert_int_equal(stream_read(&s.stream, &object, &e), STREAM_DOCUMENT);
			assert_string_equal(
				json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN),
				expected[i]);
			json_object_put(object);
		}
		assert_int_equal(stream_read(&s.stream, &object, &e), STREAM_EOF);
		source_close(&s);
	}
}

/* The gate must not wait for a byte after `true`: the parent keeps the pipe open. */
static void test_stream_read_sees_the_gate_without_a_newline(void **state)
{
	struct stream s = {0};
	struct json_object *object = NULL;
	struct ts_error e = {0};
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	s.fd = ends[0];
	assert_int_equal(ts_write_all(ends[1], "{}true", 6), 0);
	assert_int_equal(stream_read(&s, &object, &e), STREAM_DOCUMENT);
	json_object_put(object);
	assert_int_equal(stream_read(&s, &object, &e), STREAM_DOCUMENT);
	assert_true(json_object_get_boolean(object));
	json_object_put(object);
	stream_done(&s);
	close(ends[0]);
	close(ends[1]);
}

/* What lies behind the last document is not read again. */
static void test_stream_has_more(void **state)
{
	struct stream s = {0};
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	s.fd = ends[0];
	assert_int_equal(ts_write_all(ends[1], "\n", 1), 0);
	assert_true(stream_has_more(&s));
	assert_true(stream_has_more(&s)); /* reads nothing more */
	assert_int_equal(s.used, 1);
	s.used = 0;
	close(ends[1]);
	assert_false(stream_has_more(&s));
	close(ends[0]);
	assert_false(stream_has_more(&s)); /* EBADF */
	stream_done(&s);
}

/* What is asked before a read that blocks: white space alone is no reason for one. */
static void test_stream_begins_with_what_is_no_white_space(void **state)
{
	struct stream s = {0};
	struct json_object *object = NULL;
	struct ts_error e = {0};
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	s.fd = ends[0];
	assert_int_equal(ts_write_all(ends[1], "\n \t", 3), 0);
	assert_false(stream_begins(&s));
	assert_int_equal(ts_write_all(ends[1], " false", 6), 0);
	assert_true(stream_begins(&s));
	assert_true(stream_begins(&s)); /* reads nothing more */
	assert_int_equal(stream_read(&s, &object, &e), STREAM_DOCUMENT);
	assert_false(json_object_get_boolean(object));
	json_object_put(object);
	close(ends[1]);
	assert_true(stream_begins(&s));
	assert_int_equal(stream_read(&s, &object, &e), STREAM_EOF);
	stream_done(&s);
	close(ends[0]);
}

static void test_stream_read_null_is_a_document(void **state)
{
	struct source s;
	struct json_object *object = (struct json_object *)1;
	struct ts_error e = {0};

	(void)state;
	source_open(&s, "null", 4, 4);
	assert_int_equal(stream_read(&s.stream, &object, &e), STREAM_DOCUMENT);
	assert_null(object);
	source_close(&s);
}

static const struct {
	const char *text, *error;
} cut[] = {
	{"{\"a\":", "line 1, column 6: the document is cut off"},
	{"{\n\"a\":1,\n", "line 3, column 1: the document is cut off"},
	{"tru", "line 1, column 4: the document is cut off"},
	{"{]", "line 1, column 2: expected a key in quotes"},
	{"99999999999999999999", "line 1, column 21: the number does not fit 64 bits"},
	{"1e999", "line 1, column 1: the number does not fit a double"},
};

static void test_stream_read_error_says_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cut); i++) {
		struct source s;
		struct json_object *object = NULL;
		struct ts_error e = {0};

		source_open(&s, cut[i].text, strlen(cut[i].text), 2);
		assert_int_equal(stream_read(&s.stream, &object, &e), STREAM_ERROR);
		assert_row_text(cut[i].text, e.msg, cut[i].error);
		assert_int_equal(e.step, TS_STEP_CONFIG);
		source_close(&s);
	}
}

static void test_stream_read_end_of_file_with_blanks_only_is_eof(void **state)
{
	struct source s;
	struct json_object *object = NULL;
	struct ts_error e = {0};

	(void)state;
	source_open(&s, " \n\t ", 4, 1);
	assert_int_equal(stream_read(&s.stream, &object, &e), STREAM_EOF);
	source_close(&s);
}

static void test_stream_read_failing_read_is_an_error(void **state)
{
	struct stream s = {.fd = -1};
	struct json_object *object = NULL;
	struct ts_error e = {0};

	(void)state;
	assert_int_equal(stream_read(&s, &object, &e), STREAM_ERROR);
	assert_int_equal(e.err, EBADF);
	assert_string_equal(e.msg, "read");
	stream_done(&s);
}

static void test_stream_read_takes_4_mib_and_no_more(void **state)
{
	(void)state;
	for (size_t over = 0; over < 2; over++) {
		size_t len = STREAM_DOCUMENT_MAX + over;
		char *text = long_document(len);
		struct source s;
		struct json_object *object = NULL;
		struct ts_error e = {0};

		source_open(&s, text, len, 65536);
		assert_int_equal(stream_read(&s.stream, &object, &e),
				 over ? STREAM_ERROR : STREAM_DOCUMENT);
		if (over)
			assert_string_equal(e.msg, "the document is larger than 4 MiB");
		json_object_put(object);
		source_close(&s);
		free(text);
	}
}

static void test_stream_read_endless_document_is_refused(void **state)
{
	size_t len = 3 * (size_t)STREAM_DOCUMENT_MAX;
	char *text = long_document(len);
	struct source s;
	struct json_object *object = NULL;
	struct ts_error e = {0};

	(void)state;
	source_open(&s, text, len, 65536);
	assert_int_equal(stream_read(&s.stream, &object, &e), STREAM_ERROR);
	assert_string_equal(e.msg, "the document is larger than 4 MiB");
	source_close(&s);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_document_parse_refuses),
		cmocka_unit_test(test_document_parse_accepts),
		cmocka_unit_test(test_document_parse_takes_64_levels_and_not_65),
		cmocka_unit_test(test_document_parse_takes_4_mib_and_no_more),
		cmocka_unit_test(test_document_parse_needs_no_nul_after_the_text),
		cmocka_unit_test(test_utf8_sequence_len_is_exact),
		cmocka_unit_test(test_stream_read_takes_documents_one_after_the_other),
		cmocka_unit_test(test_stream_read_sees_the_gate_without_a_newline),
		cmocka_unit_test(test_stream_has_more),
		cmocka_unit_test(test_stream_begins_with_what_is_no_white_space),
		cmocka_unit_test(test_stream_read_null_is_a_document),
		cmocka_unit_test(test_stream_read_error_says_what_is_wrong),
		cmocka_unit_test(test_stream_read_end_of_file_with_blanks_only_is_eof),
		cmocka_unit_test(test_stream_read_failing_read_is_an_error),
		cmocka_unit_test(test_stream_read_takes_4_mib_and_no_more),
		cmocka_unit_test(test_stream_read_endless_document_is_refused),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
