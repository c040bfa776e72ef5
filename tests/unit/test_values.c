/* Durations, sizes, signals, ids, versions, users, times: the words of the wire. */
#include "tests/unit/unit.h"

#include "protocol/config.h"
#include "protocol/exit_record.h"
#include "protocol/values.h"

#include <errno.h>
#include <math.h>
#include <signal.h>

static const struct {
	const char *text;
	int result;
	uint64_t ms;
} durations[] = {
	{"500ms", 0, 500},
	{"5s", 0, 5000},
	{"2m", 0, 120000},
	{"1h", 0, 3600000},
	{"1d", 0, 86400000},
	{"5", 0, 5000},
	{"0", 0, 0},
	{"0ms", 0, 0},
	{"1.5s", 0, 1500},
	{"0.0005s", 0, 1},
	{"0.0004s", 0, 0},
	{"2.5", 0, 2500},
	{"1m30s", 0, 90000},
	{"1h0m0.25s", 0, 3600250},
	{"1.0000000000000000000001s", 0, 1000},
	{"9223372036854ms", 0, 9223372036854},
	{"9223372036855ms", -ERANGE, 0},
	{"99999999999999999999s", -ERANGE, 0},
	{"18446744073709551615s", -ERANGE, 0},
	{"9223372036854ms1ms", -ERANGE, 0},
	{"", -EINVAL, 0},
	{"s", -EINVAL, 0},
	{"-1s", -EINVAL, 0},
	{"+1s", -EINVAL, 0},
	{" 1s", -EINVAL, 0},
	{"1 s", -EINVAL, 0},
	{"1s ", -EINVAL, 0},
	{"1.s", -EINVAL, 0},
	{".5s", -EINVAL, 0},
	{"1x", -EINVAL, 0},
	{"1us", -EINVAL, 0},
	{"1S", -EINVAL, 0},
	{"1e3s", -EINVAL, 0},
	{"0x10s", -EINVAL, 0},
	{"nan", -EINVAL, 0},
};

static void test_duration_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(durations); i++) {
		uint64_t ms = 0;

		assert_row(durations[i].text,
			   duration_parse(durations[i].text, &ms) == durations[i].result);
		if (durations[i].result == 0)
			assert_row(durations[i].text, ms == durations[i].ms);
	}
}

static void test_duration_from_seconds(void **state)
{
	uint64_t ms = 7;

	(void)state;
	assert_int_equal(duration_from_seconds(0.0, &ms), 0);
	assert_int_equal(ms, 0);
	assert_int_equal(duration_from_seconds(1.2345, &ms), 0);
	assert_int_equal(ms, 1235);
	assert_int_equal(duration_from_seconds(-0.1, &ms), -EINVAL);
	assert_int_equal(duration_from_seconds((double)NAN, &ms), -EINVAL);
	assert_int_equal(duration_from_seconds((double)INFINITY, &ms), -EINVAL);
	assert_int_equal(duration_from_seconds(1e15, &ms), -ERANGE);
}

static const struct {
	const char *text;
	int result;
	uint64_t bytes;
} sizes[] = {
	{"0", 0, 0},
	{"4096", 0, 4096},
	{"64k", 0, 65536},
	{"64K", 0, 65536},
	{"10M", 0, 10 << 20},
	{"2G", 0, (uint64_t)2 << 30},
	{"1T", 0, (uint64_t)1 << 40},
	{"18446744073709551615", 0, UINT64_MAX},
	{"18014398509481983k", 0, 18014398509481983u << 10},
	{"18014398509481984k", -ERANGE, 0},
	{"18446744073709551616", -ERANGE, 0},
	{"", -EINVAL, 0},
	{"M", -EINVAL, 0},
	{"-1", -EINVAL, 0},
	{"+1", -EINVAL, 0},
	{" 1", -EINVAL, 0},
	{"1 M", -EINVAL, 0},
	{"10MB", -EINVAL, 0},
	{"1.5G", -EINVAL, 0},
	{"0x10", -EINVAL, 0},
};

static void test_size_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		uint64_t bytes = 0;

		assert_row(sizes[i].text, size_parse(sizes[i].text, &bytes) == sizes[i].result);
		if (sizes[i].result == 0)
			assert_row(sizes[i].text, bytes == sizes[i].bytes);
	}
}

static const struct {
	const char *text;
	int number;
} signals[] = {
	{"SIGTERM", SIGTERM},
	{"TERM", SIGTERM},
	{"sigterm", SIGTERM},
	{"Kill", SIGKILL},
	{"15", 15},
	{"1", 1},
	{"31", 31},
	{"34", 34},
	{"64", 64},
	{"SIGRTMIN", 34},
	{"SIGRTMIN+0", 34},
	{"SIGRTMIN+3", 37},
	{"rtmin+30", 64},
	{"SIGRTMAX", 64},
	{"SIGRTMAX-1", 63},
	{"SIGRTMAX-30", 34},
	{"IOT", SIGABRT},
	{"CLD", SIGCHLD},
	{"POLL", SIGIO},
	{"SIGIO", SIGIO},
	{"SIGSTKFLT", 16},
	{"WINCH", SIGWINCH},
	{"", -EINVAL},
	{"SIG", -EINVAL},
	{"SIGSIGTERM", -EINVAL},
	{"0", -EINVAL},
	{"32", -EINVAL},
	{"33", -EINVAL},
	{"65", -EINVAL},
	{"-9", -EINVAL},
	{"9x", -EINVAL},
	{"99999999999999999999", -EINVAL},
	{"SIGRTMIN+31", -EINVAL},
	{"SIGRTMIN-1", -EINVAL},
	{"SIGRTMIN+", -EINVAL},
	{"SIGRTMIN+-1", -EINVAL},
	{"SIGRTMAX+1", -EINVAL},
	{"SIGFOO", -EINVAL},
};

static void test_signal_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(signals); i++)
		assert_row(signals[i].text, signal_parse(signals[i].text) == signals[i].number);
}

static void test_signal_name_is_what_signal_parse_reads(void **state)
{
	char buf[16];

	(void)state;
	for (int signo = -1; signo <= 70; signo++) {
		const char *name = signal_name(signo, buf);
		bool exists = (signo >= 1 && signo <= 31) || (signo >= 34 && signo <= 64);

		assert_int_equal(name != NULL, exists);
		if (name)
			assert_int_equal(signal_parse(name), signo);
	}
	assert_string_equal(signal_name(15, buf), "SIGTERM");
	assert_string_equal(signal_name(34, buf), "SIGRTMIN");
	assert_string_equal(signal_name(37, buf), "SIGRTMIN+3");
}

static void test_task_id_is_valid(void **state)
{
	static const char *const good[] = {"a", "web-1", "A.b_c+d-e", "...", "0", "+", "_", ".x"};
	static const char *const bad[] = {"",	 ".",	"..",	    "-a",  "a/b", "a b",
					  "a:b", "a\n", "\xc3\xa9", "a\\", "a*",  "/"};
	char id[202];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_row(good[i], task_id_is_valid(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_row(bad[i], !task_id_is_valid(bad[i]));
	memset(id, 'x', sizeof id);
	id[200] = '\0';
	assert_true(task_id_is_valid(id));
	id[200] = 'x';
	id[201] = '\0';
	assert_false(task_id_is_valid(id));
}

static void test_oci_version_is_known(void **state)
{
	static const char *const good[] = {"1.0.0",	"1.0.2",     "1.1.0",	  "1.2.1",
					   "1.0.0-rc5", "1.0.2-dev", "1.1.0+dev", "1.2.0-rc.1",
					   "1.0.10",	"1.3.0",     "1.3.1-rc.1"};
	static const char *const bad[] = {"",	    "1",      "1.0",	"1.0.",
					  "1.4.0",  "2.0.0",  "0.9.0",	"1.10.0",
					  "1.0.0-", "1.0.0x", " 1.0.0", "v1.0.0"};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_row(good[i], oci_version_is_known(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_row(bad[i], !oci_version_is_known(bad[i]));
}

static void test_user_is_valid(void **state)
{
	static const char *const good[] = {"root",	 "1000", "1000:1000", "www:data",  "0",
					   "4294967294", "0x0",	 "-1",	      "1000:data", "root "};
	static const char *const bad[] = {
		"", ":", "a:", ":5", "a:b:c", "4294967295", "1:4294967295", "99999999999999999999"};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_row(good[i], user_is_valid(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_row(bad[i], !user_is_valid(bad[i]));
}

/* Bits as "0 1 2 3 7"; what does not parse gives its error. */
static const struct {
	const char *text;
	int result;
	const char *bits;
} number_lists[] = {
	{"0", 0, "0"},	       {"0-3,7", 0, "0 1 2 3 7"}, {"7,0-1,1-2", 0, "0 1 2 7"},
	{"5-5", 0, "5"},       {"8191", 0, "8191"},	  {"0008", 0, "8"},
	{"8192", -ERANGE, ""}, {"0-8192", -ERANGE, ""},	  {"99999999999999999999", -ERANGE, ""},
	{"", -EINVAL, ""},     {",", -EINVAL, ""},	  {"0,", -EINVAL, ""},
	{",0", -EINVAL, ""},   {"0-", -EINVAL, ""},	  {"-1", -EINVAL, ""},
	{"3-1", -EINVAL, ""},  {"0-1-2", -EINVAL, ""},	  {"0 ", -EINVAL, ""},
	{" 0", -EINVAL, ""},   {"0x1", -EINVAL, ""},	  {"a", -EINVAL, ""},
};

static void test_number_list_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(number_lists); i++) {
		uint8_t bits[NUMBER_LIST_BYTES];
		char text[256] = "", number[16];

		memset(bits, 0xff, sizeof bits);
		assert_row(number_lists[i].text,
			   number_list_parse(number_lists[i].text, bits) == number_lists[i].result);
		for (unsigned n = 0; number_lists[i].result == 0 && n <= NUMBER_LIST_MAX; n++) {
			if (!(bits[n / 8] & 1u << n % 8))
				continue;
			snprintf(number, sizeof number, "%s%u", *text ? " " : "", n);
			append(text, sizeof text, number);
		}
		assert_row_text(number_lists[i].text, text, number_lists[i].bits);
	}
}

static void test_text_distance(void **state)
{
	(void)state;
	assert_int_equal(text_distance("", ""), 0);
	assert_int_equal(text_distance("abc", "abc"), 0);
	assert_int_equal(text_distance("", "abc"), 3);
	assert_int_equal(text_distance("abc", ""), 3);
	assert_int_equal(text_distance("chrot", "chroot"), 1);
	assert_int_equal(text_distance("noexce", "noexec"), 1);
	assert_int_equal(text_distance("kitten", "sitting"), 3);
	assert_int_equal(text_distance("ca", "abc"), 3);
	assert_true(text_distance("0123456789012345678901234567890123456789", "x") == UINT32_MAX);
}

/* --- times --- */

static const struct {
	const char *text;
	int64_t seconds;
	long nanoseconds;
} times[] = {
	{"1970-01-01T00:00:00.000000000Z", 0, 0},
	{"1970-01-01T00:00:01.000000001Z", 1, 1},
	{"1999-12-31T23:59:59.999999999Z", 946684799, 999999999},
	{"2000-02-29T12:00:00.500000000Z", 951825600, 500000000},
	{"2026-11-23T10:00:00.123456789Z", 1795428000, 123456789},
	{"2038-01-19T03:14:08.000000000Z", 2147483648, 0},
	{"2100-02-28T23:59:59.000000000Z", 4107542399, 0},
	{"2100-03-01T00:00:00.000000000Z", 4107542400, 0},
	{"9999-12-31T23:59:59.000000000Z", 253402300799, 0},
};

static void test_time_format_and_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(times); i++) {
		struct timespec t = {times[i].seconds, times[i].nanoseconds}, back = {0};
		char text[32];

		time_format(&t, text);
		assert_row_text(times[i].text, text, times[i].text);
		assert_int_equal(time_parse(text, &back), 0);
		assert_int_equal(back.tv_sec, t.tv_sec);
		assert_int_equal(back.tv_nsec, t.tv_nsec);
	}
}

/* Against the C library, a day and a bit further each time. */
static void test_time_format_agrees_with_the_c_library(void **state)
{
	(void)state;
	for (time_t at = 0; at < 253402300799; at += 86400 * 37 + 12345) {
		struct timespec t = {at, 0};
		struct tm tm;
		char expected[32], text[32];

		gmtime_r(&at, &tm);
		strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.000000000Z", &tm);
		time_format(&t, text);
		assert_row_text(expected, text, expected);
	}
}

static void test_time_format_stays_within_its_years(void **state)
{
	struct timespec early = {-5, 0}, late = {INT64_MAX, 0};
	char text[32];

	(void)state;
	time_format(&early, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000000000Z");
	time_format(&late, text);
	assert_string_equal(text, "9999-12-31T23:59:59.000000000Z");
}

static void test_time_parse_refuses(void **state)
{
	static const char *const bad[] = {
		"",
		"2026-11-23",
		"2026-11-23T10:00:00",
		"2026-11-23T10:00:00+01:00",
		"2026-11-23 10:00:00Z",
		"2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z",
		"2026-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z",
		"2026-01-00T00:00:00Z",
		"2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z",
		"2026-01-01T00:00:60Z",
		"2026-01-01T00:00:00.Z",
		"2026-01-01T00:00:00Zx",
		"1969-12-31T23:59:59Z",
		"26-01-01T00:00:00Z",
		"2026-1-01T00:00:00Z",
	};
	struct timespec t = {7, 8};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_row(bad[i], time_parse(bad[i], &t) == -EINVAL);
	assert_int_equal(t.tv_sec, 7); /* untouched */
	assert_int_equal(time_parse("2026-01-01T00:00:00Z", &t), 0);
	assert_int_equal(t.tv_nsec, 0);
	assert_int_equal(time_parse("2026-01-01T00:00:00.5Z", &t), 0);
	assert_int_equal(t.tv_nsec, 500000000);
	assert_int_equal(time_parse("2026-01-01T00:00:00.1234567891234Z", &t), 0);
	assert_int_equal(t.tv_nsec, 123456789);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration_parse),
		cmocka_unit_test(test_duration_from_seconds),
		cmocka_unit_test(test_size_parse),
		cmocka_unit_test(test_signal_parse),
		cmocka_unit_test(test_signal_name_is_what_signal_parse_reads),
		cmocka_unit_test(test_task_id_is_valid),
		cmocka_unit_test(test_oci_version_is_known),
		cmocka_unit_test(test_user_is_valid),
		cmocka_unit_test(test_number_list_parse),
		cmocka_unit_test(test_text_distance),
		cmocka_unit_test(test_time_format_and_parse),
		cmocka_unit_test(test_time_format_agrees_with_the_c_library),
		cmocka_unit_test(test_time_format_stays_within_its_years),
		cmocka_unit_test(test_time_parse_refuses),
	};

	return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
