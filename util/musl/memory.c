/* memcpy() and memmove() for a start's many short strings. musl's on x86-64 are one `rep movsq`, which takes 15 to 30 ns for any
 * length, these 5: a hundredth of a start. */
#include <stddef.h>
#include <stdint.h>

/* Or the loops became calls of what they are. */
#pragma GCC optimize("no-tree-loop-distribute-patterns")

/* Loads and stores of any alignment and of anything's type. */
#define WORD(name, type) typedef type name __attribute__((aligned(1), may_alias))
WORD(word2, uint16_t);
WORD(word4, uint32_t);
WORD(word8, uint64_t);
typedef uint64_t word16 __attribute__((vector_size(16), aligned(1), may_alias));

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);

/* Two words, the first and the last of @n bytes, where they may overlap each other: all is loaded before anything is stored. */
#define COPY_ENDS(type)                                                                            \
	do {                                                                                       \
		type first = *(const type *)from, last = *(const type *)(from + n - sizeof last);  \
                                                                                                   \
		*(type *)to = first;                                                               \
		*(type *)(to + n - sizeof last) = last;                                            \
	} while (0)

static void copy_short(char *to, const char *from, size_t n)
{
	if (n > 16)
		COPY_ENDS(word16);
	else if (n >= 8)
		COPY_ENDS(word8);
	else if (n >= 4)
		COPY_ENDS(word4);
	else if (n >= 2)
		COPY_ENDS(word2);
	else if (n)
		*to = *from;
}

static void copy_forward(char *to, const char *from, size_t n)
{
	word16 last = *(const word16 *)(from + n - sizeof last);
	char *end = to + n - sizeof last;

	for (; to < end; to += sizeof last, from += sizeof last)
		*(word16 *)to = *(const word16 *)from;
	*(word16 *)end = last;
}

static void copy_backward(char *to, const char *from, size_t n)
{
	word16 first = *(const word16 *)from;

	for (; n > sizeof first; n -= sizeof first)
		*(word16 *)(to + n - sizeof first) = *(const word16 *)(from + n - sizeof first);
	*(word16 *)to = first;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	if (n <= 32)
		copy_short(to, from, n);
	else
		copy_forward(to, from, n);
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	if (n <= 32)
		copy_short(to, from, n);
	else if ((uintptr_t)to - (uintptr_t)from >= n)
		copy_forward(to, from, n);
	else
		copy_backward(to, from, n);
	return to;
}
