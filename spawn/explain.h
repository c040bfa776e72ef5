/* For `taskshim run --explain`: what each step of a start did and how long it took, told on a descriptor of its own. Where there is
 * none, which is the rule, nothing here makes a system call. */
#ifndef SPAWN_EXPLAIN_H
#define SPAWN_EXPLAIN_H

#include "util/error.h"

#include <stdbool.h>
#include <time.h>

/* The option that names the descriptor. */
#define EXPLAIN_OPTION "--explain-fd="

/* What the first line of init's says. */
#define EXPLAIN_FORK "fork init with new namespaces, in the task's v2 cgroup"

/* The time now; nothing is asked with @fd -1. */
void explain_begin(int fd, struct timespec *ret);

/* Writes the line of a step that took from *@begun to now, and sets *@begun to now. No malloc: also for init. @does: a constant.
 * taskshim-protocol(7) has the form. */
void explain_end(int fd, struct timespec *begun, enum ts_step step, const char *does, bool ok);

/* Makes @fd close-on-exec. Returns whether it is one that we were given: neither a standard one nor closed. */
bool explain_take(int fd);

#endif
