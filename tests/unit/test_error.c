/* Error records: texts cut with dots, names of steps and errno values. */
#include "tests/unit/unit.h"

#include <errno.h>

static void test_ts_fail_joins_what_and_object(void **state)
{
	struct ts_error e = {.step = TS_STEP_MOUNT};

	(void)state;
	assert_int_equal(ts_fail(&e, ENOENT, "open cgroup", "/sys/x"), -1);
	assert_string_equal(e.msg, "open cgroup: /sys/x");
	assert_int_equal(e.err, ENOENT);
	assert_int_equal(e.step, TS_STEP_MOUNT); /* kept */
	assert_int_equal(ts_fail(&e, 0, "alone", NULL), -1);
	assert_string_equal(e.msg, "alone");
	assert_int_equal(e.err, 0);
	assert_int_equal(ts_fail(&e, 0, "", ""), -1);
	assert_string_equal(e.msg, ": ");
}

/* Around the size of msg, each length: what fits is whole, what does not ends in dots. */
static void test_ts_fail_cuts_with_dots(void **state)
{
	enum { ROOM = sizeof(((struct ts_error *)0)->msg) - 1 };
	char object[2 * ROOM];

	(void)state;
	memset(object, 'x', sizeof object);
	for (size_t len = ROOM - 10; len < ROOM + 10; len++) {
		struct ts_error e;

		memset(&e, 0x55, sizeof e);
		object[len] = '\0';
		(void)ts_fail(&e, 0, "w", object);
		assert_int_equal(strlen(e.msg), len + 3 <= ROOM ? len + 3 : ROOM);
		assert_string_equal(e.msg + strlen(e.msg) - 3, len + 3 <= ROOM ? "xxx" : "...");
		(void)ts_fail(&e, 0, object, "o"); /* a text too long before the object */
		assert_true(strlen(e.msg) <= ROOM);
		object[len] = 'x';
	}
}

static void test_ts_failf_formats_and_cuts(void **state)
{
	char text[1000];
	struct ts_error e = {.step = TS_STEP_CWD};

	(void)state;
	assert_int_equal(ts_failf(&e, EPERM, "%s %d", "x", 7), -1);
	assert_string_equal(e.msg, "x 7");
	assert_int_equal(e.err, EPERM);
	assert_int_equal(e.step, TS_STEP_CWD);
	memset(text, 'y', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	(void)ts_failf(&e, 0, "%s", text);
	assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
	assert_string_equal(e.msg + sizeof e.msg - 4, "...");
}

/* A cut in the middle of a character would make the JSON show its bytes. */
static void test_ts_fail_cuts_between_characters(void **state)
{
	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		char object[600] = "abc";
		struct ts_error e;
		size_t len;

		object[shift] = '\0';
		while (strlen(object) < 550)
			append(object, sizeof object, "\xf0\x9f\x98\x80");
		(void)ts_fail(&e, 0, "w", object);
		len = strlen(e.msg);
		assert_true(len > sizeof e.msg - 8);
		assert_string_equal(e.msg + len - 4, "\x80...");
		assert_int_equal((len - 3 - 3 - shift) % 4,
				 0); /* "w: ", the letters, whole fours */
		(void)ts_failf(&e, 0, "w: %s", object);
		assert_int_equal(strlen(e.msg), len);
	}
}

static void test_ts_step_names_are_unique_and_found_again(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < TS_STEP_COUNT; i++) {
		assert_non_null(ts_step_name(i));
		assert_true(ts_step_name(i)[0] != '\0');
		assert_int_equal(ts_step_from_name(ts_step_name(i)), i);
	}
	assert_string_equal(ts_step_name(TS_STEP_COUNT), "none");
	assert_string_equal(ts_step_name(UINT32_MAX), "none");
	assert_int_equal(ts_step_from_name("nothing"), TS_STEP_NONE);
	assert_int_equal(ts_step_from_name(""), TS_STEP_NONE);
}

static void test_ts_errno_name(void **state)
{
	(void)state;
	assert_string_equal(ts_errno_name(0), "");
	assert_string_equal(ts_errno_name(ENOENT), "ENOENT");
	assert_string_equal(ts_errno_name(EAGAIN), "EAGAIN");
	assert_string_equal(ts_errno_name(99999), "E?");
	assert_string_equal(ts_errno_name(-1), "E?");
	for (int err = 1; err < 134; err++)
		if (strerrorname_np(err))
			assert_string_equal(ts_errno_name(err), strerrorname_np(err));
	assert_string_equal(ts_errno_text(0), "");
	assert_string_equal(ts_errno_text(ENOENT), "No such file or directory");
	assert_non_null(ts_errno_text(99999));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ts_fail_joins_what_and_object),
		cmocka_unit_test(test_ts_fail_cuts_with_dots),
		cmocka_unit_test(test_ts_failf_formats_and_cuts),
		cmocka_unit_test(test_ts_fail_cuts_between_characters),
		cmocka_unit_test(test_ts_step_names_are_unique_and_found_again),
		cmocka_unit_test(test_ts_errno_name),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
