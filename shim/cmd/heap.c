/* malloc(3) for a command that lives for milliseconds: size classes cut from one block of static memory, then from large
 * mapped ones. musl's own allocator makes about thirty mmap and munmap calls for one `run`, which is a twentieth of its
 * time. Freed blocks are used again by their class and never given back. The free lists are this file's only state, and
 * malloc's interface leaves no other place for it. Single-threaded, as the command is. */
#ifndef TASKSHIM_SANITIZED

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	ALIGNMENT = 16,
	CLASS_MIN = 5, /* 32 bytes, header included */
	CLASS_MAX = 40,
	FIRST_CHUNK = 64 * 1024,
	CHUNK = 1024 * 1024,
};

struct block { /* stands before each allocation and keeps it aligned */
	size_t size_class; /* the block has 1 << size_class bytes */
	struct block *next; /* while it is free */
};
_Static_assert(sizeof(struct block) == ALIGNMENT, "allocations stay aligned");

static _Alignas(ALIGNMENT) char first_chunk[FIRST_CHUNK];
static char *chunk_at = first_chunk, *chunk_end = first_chunk + FIRST_CHUNK;
static struct block *free_blocks[CLASS_MAX + 1];

static size_t class_of(size_t size)
{
	size_t whole = size + sizeof(struct block);
	size_t c = CLASS_MIN;

	while (c <= CLASS_MAX && ((size_t)1 << c) < whole)
		c++;
	return c;
}

static struct block *cut(size_t size_class)
{
	size_t size = (size_t)1 << size_class;
	struct block *block;

	if ((size_t)(chunk_end - chunk_at) < size) {
		size_t room = size > CHUNK ? size : CHUNK;
		void *chunk = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				   -1, 0);

		if (chunk == MAP_FAILED)
			return NULL;
		chunk_at = chunk;
		chunk_end = chunk_at + room;
	}
	block = (struct block *)(void *)chunk_at;
	chunk_at += size;
	block->size_class = size_class;
	return block;
}

/* Apart from malloc(), which gcc knows: malloc and memset together would become a call of calloc, in calloc. */
static void *allocate(size_t size)
{
	size_t c = class_of(size);
	struct block *block;

	if (size > PTRDIFF_MAX || c > CLASS_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	block = free_blocks[c];
	if (block)
		free_blocks[c] = block->next;
	else
		block = cut(c);
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
	block->next = free_blocks[block->size_class];
	free_blocks[block->size_class] = block;
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
	const struct block *block = (const struct block *)p - 1;

	return ((size_t)1 << block->size_class) - sizeof *block;
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
	*ret = aligned_alloc(alignment, size);
	return *ret ? 0 : ENOMEM;
}

size_t malloc_usable_size(void *p);
size_t malloc_usable_size(void *p)
{
	return p ? room_of(p) : 0;
}

#endif
