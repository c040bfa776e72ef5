/* memcpy() and memmove() of the programs that are linked with musl, against this machine's libc. */
#include "tests/unit/unit.h"

#include <string.h>

#define memcpy ours_memcpy
#define memmove ours_memmove
#include "util/musl/memory.c" /* NOLINT(bugprone-suspicious-include): libc's names */
#undef memcpy
#undef memmove

enum { LONGEST = 130, SHIFT = 40, SIZE = LONGEST + 2 * SHIFT };

static void fill(unsigned char buffer[static SIZE])
{
	for (size_t i = 0; i < SIZE; i++)
		buffer[i] = (unsigned char)(i * 7 + 1);
}

static void test_memcpy_copies_each_length_at_each_alignment(void **state)
{
	unsigned char from[SIZE], to[SIZE], wanted[SIZE];

	(void)state;
	fill(from);
	for (size_t n = 0; n <= LONGEST; n++) {
		for (size_t at = 0; at < 16; at++) {
			memset(to, 0, sizeof to);
			memset(wanted, 0, sizeof wanted);
			memcpy(wanted + at, from + 15 - at, n);
			assert_ptr_equal(ours_memcpy(to + at, from + 15 - at, n), to + at);
			assert_memory_equal(to, wanted, sizeof to);
		}
	}
}

static void test_memmove_copies_what_overlaps(void **state)
{
	unsigned char got[SIZE], wanted[SIZE];

	(void)state;
	for (size_t n = 0; n <= LONGEST; n++) {
		for (size_t to = 0; to <= 2 * SHIFT; to++) {
			fill(got);
			fill(wanted);
			memmove(wanted + to, wanted + SHIFT, n);
			assert_ptr_equal(ours_memmove(got + to, got + SHIFT, n), got + to);
			assert_memory_equal(got, wanted, sizeof got);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memcpy_copies_each_length_at_each_alignment),
		cmocka_unit_test(test_memmove_copies_what_overlaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
