/* malloc(3) for programs that allocate for a millisecond and then end, or wait for days: size classes cut from one block of
 * static memory, then from large mapped ones. musl's own allocator makes about thirty mmap and munmap calls for one `run`,
 * which is a twentieth of its time. A freed block is used again for its class; heap_release() gives back all pages. glibc
 * allows a program to bring its own malloc family ("Replacing malloc" in its manual). The chunks and the free lists are this
 * file's only state, and malloc's interface leaves no other place for it. Single-threaded, as the programs are. */
#include "util/heap.h"

#ifdef TASKSHIM_SANITIZED
void heap_release(void)
{
}

void heap_populate(size_t heap_pages, size_t stack_pages)
{
	(void)heap_pages;
	(void)stack_pages;
}
#else

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* linux/mman.h, since Linux 5.14 */
#endif

/* A class for every 16 bytes up to 1 KB (json-c's tables have 640), above for every power of two. */
enum {
	ALIGNMENT = 16,
	PAGE = 4096,
	SMALL_SHIFT = 10,
	SMALL = 1 << SMALL_SHIFT,
	SMALL_CLASSES = SMALL / ALIGNMENT, /* class c holds c * 16 bytes */
	LARGE_SHIFT_MAX = 40,
	CLASSES = SMALL_CLASSES + 1 + LARGE_SHIFT_MAX - SMALL_SHIFT,
	STATIC_MEMORY = 64 * 1024,
	CHUNK = 1024 * 1024,
};

struct block { /* stands before each allocation and keeps it aligned */
	size_t size_class;
	struct block *next; /* while it is free */
};
_Static_assert(sizeof(struct block) == ALIGNMENT, "allocations stay aligned");

struct chunk { /* stands at the start of what was mapped */
	struct chunk *older;
	size_t size;
};
_Static_assert(sizeof(struct chunk) % ALIGNMENT == 0, "blocks start aligned");

struct state {
	struct chunk *chunk; /* the newest of those that were mapped */
	char *at, *end; /* what is left of it, or of the static memory */
	struct block *free[CLASSES];
};

/* All zeros is the empty heap. Not aligned to a page: its first one is shared with the program's other data. */
static _Alignas(ALIGNMENT) union {
	struct state state;
	char bytes[STATIC_MEMORY];
} heap;

static size_t class_of(size_t size)
{
	if (size <= SMALL)
		return (size + ALIGNMENT - 1) / ALIGNMENT;
	return SMALL_CLASSES + 64 - (size_t)__builtin_clzl(size - 1) - SMALL_SHIFT;
}

static size_t class_size(size_t c)
{
	return c <= SMALL_CLASSES ? c * ALIGNMENT : (size_t)SMALL << (c - SMALL_CLASSES);
}

static struct chunk *map_chunk(size_t room)
{
	size_t size = room + sizeof(struct chunk);
	struct chunk *chunk;

	size = size < CHUNK ? CHUNK : (size + PAGE - 1) & ~(size_t)(PAGE - 1);
	chunk = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (chunk == MAP_FAILED)
		return NULL;
	*chunk = (struct chunk){heap.state.chunk, size};
	return chunk;
}

static char *page_of(char *p)
{
	return p - (uintptr_t)p % PAGE;
}

/* Makes room for @size bytes between at and end. */
static int make_room(size_t size)
{
	struct state *h = &heap.state;

	if (!h->at) {
		h->at = heap.bytes + ((sizeof *h + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1));
		h->end = page_of(heap.bytes + sizeof heap.bytes);
	}
	if ((size_t)(h->end - h->at) < size) {
		struct chunk *chunk = map_chunk(size);

		if (!chunk)
			return -1;
		h->chunk = chunk;
		h->at = (char *)(chunk + 1);
		h->end = (char *)chunk + chunk->size;
	}
	return 0;
}

static struct block *cut(size_t c)
{
	size_t size = class_size(c) + sizeof(struct block);
	struct block *block;

	if (make_room(size) < 0)
		return NULL;
	block = (struct block *)(void *)heap.state.at;
	heap.state.at += size;
	block->size_class = c;
	return block;
}

/* Apart from malloc(), which gcc knows: malloc and memset together would become a call of calloc, in calloc. */
static void *allocate(size_t size)
{
	size_t c = class_of(size);
	struct block *block = NULL;

	if (c < CLASSES) {
		block = heap.state.free[c];
		if (block)
			heap.state.free[c] = block->next;
		else
			block = cut(c);
	}
	if (!block)
		errno = ENOMEM;
	return block ? block + 1 : NULL;
}

void *malloc(size_t size)
{
	return allocate(size);
}

void free(void *p)
{
	struct block *block;

	if (!p)
		return;
	block = (struct block *)p - 1;
	block->next = heap.state.free[block->size_class];
	heap.state.free[block->size_class] = block;
}

void *calloc(size_t n, size_t size)
{
	size_t total;
	void *p;

	if (__builtin_mul_overflow(n, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	p = allocate(total);
	return p ? memset(p, 0, total) : NULL;
}

static size_t room_of(const void *p)
{
	return class_size(((const struct block *)p - 1)->size_class);
}

void *realloc(void *p, size_t size)
{
	void *bigger;

	if (!p)
		return malloc(size);
	if (size <= room_of(p))
		return p;
	bigger = malloc(size);
	if (!bigger)
		return NULL;
	memcpy(bigger, p, room_of(p));
	free(p);
	return bigger;
}

/* Nothing that is linked in asks for more than malloc's own alignment; whoever does gets an error, not a surprise. */
void *aligned_alloc(size_t alignment, size_t size)
{
	if (alignment <= ALIGNMENT)
		return malloc(size);
	errno = ENOMEM;
	return NULL;
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size)
{
	return aligned_alloc(alignment, size);
}

int posix_memalign(void **ret, size_t alignment, size_t size)
{
	void *p = aligned_alloc(alignment, size);

	if (!p)
		return ENOMEM;
	*ret = p;
	return 0;
}

size_t malloc_usable_size(void *p);
size_t malloc_usable_size(void *p)
{
	return p ? room_of(p) : 0;
}

/* Not inlined: its frame is the caller's last page, or the one below. */
__attribute__((noinline)) void heap_populate(size_t heap_pages, size_t stack_pages)
{
	char *stack = page_of(__builtin_frame_address(0));
	int keep = errno;

	(void)madvise(page_of(heap.bytes), heap_pages * PAGE, MADV_POPULATE_WRITE);
	(void)madvise(stack - stack_pages * PAGE, stack_pages * PAGE, MADV_POPULATE_WRITE);
	errno = keep;
}

void heap_release(void)
{
	struct chunk *older;

	for (struct chunk *chunk = heap.state.chunk; chunk; chunk = older) {
		older = chunk->older;
		(void)munmap(chunk, chunk->size);
	}
	/* The static memory stays: telling of the task's end shall not need what may be refused by then. */
	char *whole = page_of(heap.bytes + PAGE - 1),
	     *end = page_of(heap.bytes + sizeof heap.bytes);
	int r = madvise(whole, (size_t)(end - whole), MADV_DONTNEED);

	memset(&heap, 0, (size_t)((r < 0 ? end : whole) - heap.bytes));
}
#endif
