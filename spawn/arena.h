/* The heap of spawn-daemon, which can be given back whole. Parsing a config dirties pages that the monitor, which lives as
 * long as its task, would otherwise carry along: design.md section 3 ("The monitor must stay tiny"). */
#ifndef SPAWN_ARENA_H
#define SPAWN_ARENA_H

/* Gives back the pages of all that malloc(3) ever returned. No such pointer may be used afterwards; malloc() itself goes on working.
 * Does nothing in sanitizer builds, which need their own malloc. */
void arena_release(void);

#endif
