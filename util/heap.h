/* The heap of the two programs, which can be given back whole. Parsing a config dirties pages that the monitor, which lives as
 * long as its task, would otherwise carry along: design.md section 3 ("The monitor must stay tiny"). */
#ifndef UTIL_HEAP_H
#define UTIL_HEAP_H

#include <stddef.h>

/* Gives back the pages of all that malloc(3) ever returned. No such pointer may be used afterwards; malloc() itself goes on
 * working, and needs no system call for its first 64 KB. Does nothing in sanitizer builds, which need their own malloc. */
void heap_release(void);

/* Has the kernel make what a start will write in any case at once: the first @heap_pages pages, and the @stack_pages ones below the
 * caller's frame. A page fault for each takes longer: 0.3 us more, and in a virtual machine with shadow page tables 7 us. Before
 * Linux 5.14, and in sanitizer builds, it does nothing. */
void heap_populate(size_t heap_pages, size_t stack_pages);

#endif
