/* The task's standard streams: opened in the parent, before the root is entered. */
#ifndef SPAWN_STDIO_H
#define SPAWN_STDIO_H

#include "spawn/plan.h"

/* Refuses to run with 0, 1 or 2 closed: what is opened next would take their place. Writes to whichever of 1 and 2 is
 * open is the caller's business. Returns 0, or -1 with @e filled. */
int stdio_check_own(struct ts_error *e);

/* Takes over the descriptors that the config names ("fd:N") and closes every other one from 3 up: what the caller left
 * open by mistake is neither the monitor's nor the task's. To be called before anything else is opened. Returns 0, or -1
 * with @e filled. */
int stdio_take_fds(struct plan *plan, struct ts_error *e);

/* Opens the paths and /dev/null. Needs task_dir_fd and alloc_dir_fd. Returns 0, or -1 with @e filled. */
int stdio_open(struct plan *plan, struct ts_error *e);

#endif
