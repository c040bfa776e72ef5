/* The heap of the two programs, which can be given back whole. Parsing a config dirties pages that the monitor, which lives as
 * long as its task, would otherwise carry along: design.md section 3 ("The monitor must stay tiny"). */
#ifndef UTIL_HEAP_H
#define UTIL_HEAP_H

/* Gives back the pages of all that malloc(3) ever returned. No such pointer may be used afterwards; malloc() itself goes on
 * working, and needs no system call for its first 64 KB. Does nothing in sanitizer builds, which need their own malloc. */
void heap_release(void);

#endif
