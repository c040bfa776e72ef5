/* util/heap.c: this program's own malloc(3) family is the one it tests. Sanitized builds have the sanitizer's instead, and no
 * test of what heap_release() gives back. */
#include "tests/unit/unit.h"

#include "util/heap.h"

#include <errno.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, LARGE = 3 * 1024 * 1024 };

/* Sizes about each place where the classes change. */
static const size_t sizes[] = {1,    15,   16,	 17,   31,   1008,  1009,  1023, 1024,
			       1025, 2047, 2048, 2049, 4096, 65536, 65537, LARGE};

static unsigned char pattern(const void *p)
{
	return (unsigned char)((uintptr_t)p >> 4 | 1);
}

static void *take(size_t size)
{
	unsigned char *p = malloc(size);

	assert_non_null(p);
	assert_int_equal((uintptr_t)p % 16, 0);
	assert_true(malloc_usable_size(p) >= size);
	memset(p, pattern(p), size);
	return p;
}

static void check(const void *p, size_t size)
{
	const unsigned char *c = p;

	for (size_t i = 0; i < size; i++)
		if (c[i] != pattern(p))
			fail_msg("byte %zu of %zu is not what was written", i, size);
}

static void test_malloc_blocks_do_not_overlap(void **state)
{
	void *blocks[COUNT(sizes)][4];

	(void)state;
	for (int round = 0; round < 4; round++)
		for (size_t i = 0; i < COUNT(sizes); i++)
			blocks[i][round] = take(sizes[i]);
	for (size_t i = 0; i < COUNT(sizes); i++)
		for (int round = 0; round < 4; round += 2)
			free(blocks[i][round]);
	for (size_t i = 0; i < COUNT(sizes); i++)
		for (int round = 0; round < 4; round += 2)
			blocks[i][round] = take(sizes[i]);
	for (size_t i = 0; i < COUNT(sizes); i++)
		for (int round = 0; round < 4; round++) {
			check(blocks[i][round], sizes[i]);
			free(blocks[i][round]);
		}
	free(NULL);
}

static void test_realloc_keeps_what_was_written(void **state)
{
	unsigned char *text = NULL;
	size_t written = 0;

	(void)state;
	for (size_t size = 1; size < LARGE; size += size / 2 + 1) {
		unsigned char *bigger = realloc(text, size);

		assert_non_null(bigger);
		text = bigger;
		for (size_t i = 0; i < written; i++)
			assert_true(text[i] == (unsigned char)(i * 7));
		for (; written < size; written++)
			text[written] = (unsigned char)(written * 7);
	}
	free(text);
}

static void test_calloc_clears_a_block_that_was_used(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		unsigned char *p;

		free(take(sizes[i]));
		p = calloc(sizes[i], 1);
		assert_non_null(p);
		for (size_t c = 0; c < sizes[i]; c++)
			assert_int_equal(p[c], 0);
		free(p);
	}
}

#ifndef TASKSHIM_SANITIZED

static void test_malloc_refuses_what_nobody_has(void **state)
{
	static const size_t too_much[] = {SIZE_MAX, SIZE_MAX - 15, PTRDIFF_MAX, (size_t)1 << 45};
	void *p = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(too_much); i++) {
		volatile size_t size = too_much[i]; /* or the compiler warns of it */

		errno = 0;
		assert_null(malloc(size));
		assert_int_equal(errno, ENOMEM);
	}
	volatile size_t half = SIZE_MAX / 2;

	assert_null(calloc(half, 3));
	assert_int_equal(errno, ENOMEM);
	assert_null(aligned_alloc(64, 64));
	assert_int_equal(posix_memalign(&p, 64, 64), ENOMEM);
	assert_int_equal(posix_memalign(&p, 16, 64), 0);
	free(p);
}

static void test_free_lets_the_class_use_the_block_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		void *first = take(sizes[i]);

		free(first);
		void *second = take(sizes[i]);

		assert_ptr_equal(first, second);
		free(second);
	}
}

static bool is_clear(const volatile unsigned char *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (p[i])
			return false;
	return true;
}

/* In a child: afterwards nothing that cmocka has allocated is there. */
static int release_and_go_on(void)
{
	unsigned char vec[LARGE / PAGE + 2];
	unsigned char *small, *large;
	char *page;

	heap_release(); /* so that the small one lies in the static memory, where it can be looked at again */
	small = take(100);
	large = take(LARGE);
	page = (char *)(large - (uintptr_t)large % PAGE);

	if (mincore(page, LARGE, vec) < 0)
		return 1; /* it was not mapped before */
	for (int round = 0; round < 3; round++) {
		unsigned char *again;

		heap_release();
		if (mincore(page, LARGE, vec) == 0 || errno != ENOMEM)
			return 2;
		if (!is_clear(small, 100))
			return 3;
		again = malloc(50000);
		if (!again || !is_clear(again, 50000))
			return 4;
		memset(again, 1, 50000);
		memset(small, 1, 100);
	}
	return 0;
}

static void test_heap_release_gives_all_back_and_goes_on(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(release_and_go_on());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Page faults of writing to the three pages behind a block's first, which malloc() has written to itself. */
static long faults_of_writing(void)
{
	struct rusage before, after;
	unsigned char *p = malloc((size_t)4 * PAGE);

	(void)getrusage(RUSAGE_SELF, &before); /* for its own */
	(void)getrusage(RUSAGE_SELF, &before);
	for (size_t i = 1; i < 4 && p; i++)
		((volatile unsigned char *)p)[i * PAGE] = 1;
	(void)getrusage(RUSAGE_SELF, &after);
	return p ? after.ru_minflt - before.ru_minflt : -1;
}

static int populate(void)
{
	heap_release();
	if (faults_of_writing() < 3)
		return 1; /* then this test says nothing */
	heap_release();
	errno = EDOM;
	heap_populate(6, 2);
	if (errno != EDOM)
		return 2;
	return faults_of_writing() == 0 ? 0 : 3;
}

static void test_heap_populate_makes_the_pages_at_once(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(populate());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_malloc_blocks_do_not_overlap),
		cmocka_unit_test(test_realloc_keeps_what_was_written),
		cmocka_unit_test(test_calloc_clears_a_block_that_was_used),
#ifndef TASKSHIM_SANITIZED
		cmocka_unit_test(test_malloc_refuses_what_nobody_has),
		cmocka_unit_test(test_free_lets_the_class_use_the_block_again),
		cmocka_unit_test(test_heap_release_gives_all_back_and_goes_on),
		cmocka_unit_test(test_heap_populate_makes_the_pages_at_once),
#endif
	};

	return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
