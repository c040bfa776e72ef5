/* malloc(3) for a program that allocates for a millisecond and then waits for days: blocks are cut from mapped chunks one
 * after the other, free() only takes back the newest, and arena_release() gives all pages back. glibc allows a program to
 * bring its own malloc family ("Replacing malloc" in its manual). The chunk list is this file's only state, and malloc's
 * interface leaves no other place for it. Single-threaded, as spawn-daemon is. */
#include "spawn/arena.h"

#ifdef TASKSHIM_SANITIZED
void arena_release(void)
{
}

/* With the sanitizer's malloc nothing gives the heap back whole, so what the arena would hold at exit looks leaked. Leaks
 * of the decoders are looked for in the unit tests, the fuzzers and the taskshim command. */
const char *__asan_default_options(void);
__attribute__((visibility("default"), used)) const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#else

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 16, CHUNK = 256 * 1024 };

struct chunk {
	struct chunk *older;
	size_t size, used; /* bytes, this header included */
	size_t unused; /* keeps the header a multiple of ALIGNMENT */
};

struct block { /* stands before each block; keeps blocks aligned */
	size_t size;
	size_t unused;
};
_Static_assert(sizeof(struct chunk) % ALIGNMENT == 0, "blocks start aligned");
_Static_assert(sizeof(struct block) == ALIGNMENT, "blocks stay aligned");

static struct chunk *newest;

static struct chunk *chunk_map(size_t payload)
{
	size_t size = payload + sizeof(struct chunk);

	size = size < CHUNK ? CHUNK : (size + 4095) & ~(size_t)4095;
	struct chunk *chunk =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (chunk == MAP_FAILED)
		return NULL;
	chunk->older = newest;
	chunk->size = size;
	chunk->used = sizeof *chunk;
	newest = chunk;
	return chunk;
}

static struct block *block_of(void *p)
{
	return (struct block *)p - 1;
}

static int is_newest(const struct block *block)
{
	return newest && (const char *)(block + 1) + block->size == (char *)newest + newest->used;
}

void *malloc(size_t size)
{
	struct chunk *chunk = newest;

	if (size > PTRDIFF_MAX - 2 * CHUNK) {
		errno = ENOMEM;
		return NULL;
	}
	size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (size == 0)
		size = ALIGNMENT;
	if (!chunk || chunk->size - chunk->used < size + sizeof(struct block))
		chunk = chunk_map(size + sizeof(struct block));
	if (!chunk) {
		errno = ENOMEM;
		return NULL;
	}
	struct block *block = (struct block *)((char *)chunk + chunk->used);

	block->size = size;
	chunk->used += size + sizeof *block;
	return block + 1;
}

void free(void *p)
{
	if (p && is_newest(block_of(p)))
		newest->used -= block_of(p)->size + sizeof(struct block);
}

void *calloc(size_t n, size_t size)
{
	size_t total;
	void *p;

	if (__builtin_mul_overflow(n, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	p = malloc(total);
	if (p)
		memset(p, 0, total); /* a block that was freed may be handed out again */
	return p;
}

void *realloc(void *p, size_t size)
{
	void *moved;

	if (!p)
		return malloc(size);
	if (size == 0) {
		free(p);
		return NULL;
	}
	struct block *block = block_of(p);
	size_t old = block->size;

	if (size <= old)
		return p;
	if (is_newest(
		    block)) { /* grows in place where the chunk has room: string buffers do this all the time */
		newest->used -= old + sizeof *block;
		moved = malloc(size);
		if (moved && moved != p)
			memmove(moved, p, old);
		if (!moved)
			newest->used += old + sizeof *block;
		return moved;
	}
	moved = malloc(size);
	if (moved)
		memcpy(moved, p, old);
	return moved;
}

/* Nobody here asks for more than malloc() gives; who ever does is told so. */
static void *aligned(size_t alignment, size_t size)
{
	if (alignment <= ALIGNMENT)
		return malloc(size);
	errno = ENOMEM;
	return NULL;
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size)
{
	return aligned(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return aligned(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	void *p = aligned(alignment, size);

	if (!p)
		return ENOMEM;
	*ret = p;
	return 0;
}

void arena_release(void)
{
	while (newest && newest->older) {
		struct chunk *older = newest->older;

		(void)munmap(newest, newest->size);
		newest = older;
	}
	if (!newest)
		return;
	/* The last one stays mapped, empty: telling of the task's end shall not need what may be refused by then. */
	size_t size = newest->size;

	(void)madvise(newest, size, MADV_DONTNEED);
	*newest = (struct chunk){.size = size, .used = sizeof *newest};
}
#endif
