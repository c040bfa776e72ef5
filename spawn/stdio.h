/* The task's standard streams: opened in the parent, before the root is entered. */
#ifndef SPAWN_STDIO_H
#define SPAWN_STDIO_H

#include "spawn/plan.h"

/* Refuses to run with 0, 1 or 2 closed: what is opened next would take their place. Writes to whichever of 1 and 2 is
 * open is the caller's business. Returns 0, or -1 with @e filled. */
int stdio_check_own(struct ts_error *e);

/* Takes over the descriptors that the config names ("fd:N", preserveFds) and closes every other one from 3 up: what the caller left
 * open by mistake is neither the monitor's nor the task's. To be called before anything else is opened. Returns 0, or -1
 * with @e filled. */
int stdio_take_fds(struct plan *plan, struct ts_error *e);

/* Opens @path of the host for the task, which owns taskDir, allocDir and root.path: ts_open_entering(). Needs task_dir_fd and alloc_dir_fd. Returns an fd, or -1 and errno. */
int stdio_open_file(const struct plan *plan, const char *path, uint64_t flags);

/* Closes the parent's copies of those that the task keeps. */
void stdio_close_preserved(struct plan *plan);

/* Opens the paths and /dev/null. Needs task_dir_fd and alloc_dir_fd. Returns 0, or -1 with @e filled. */
int stdio_open(struct plan *plan, struct ts_error *e);

#endif
