/* Gives memory back. */
#include "spawn/slim.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096 };

static char *page_of(const void *address)
{
	return (char *)((uintptr_t)address & ~(uintptr_t)(PAGE - 1));
}

/* Inlined, the frames would be the callers', with locals on the wrong side of the address that is taken. */
__attribute__((noinline)) void trim_stack_above(void)
{
	char *start = page_of(__builtin_frame_address(0)) + 2 * (size_t)PAGE;
	char *end = page_of(environ);

	if (start < end)
		(void)madvise(start, (size_t)(end - start), MADV_DONTNEED);
}

__attribute__((noinline)) void trim_stack(void)
{
	enum { DEEPEST = 256 * 1024 };
	char *end = page_of(__builtin_frame_address(0)) - PAGE;

	(void)madvise(end - DEEPEST, DEEPEST, MADV_DONTNEED);
}
