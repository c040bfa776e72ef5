/* process.terminal: a pseudo-terminal of the task's own. Its slave becomes standard input, output and error and the controlling
 * terminal; its master is sent to a socket of the caller's (SCM_RIGHTS, with the slave's path as the data), as runc does. */
#ifndef SPAWN_TERMINAL_H
#define SPAWN_TERMINAL_H

#include "spawn/plan.h"

/* Takes over the descriptor of taskshim.consoleSocket, if it names one: before the others are closed. Returns 0, or -1 with @e
 * filled. */
int terminal_take_fd(struct plan *plan, struct ts_error *e);

/* Connects to the console socket that is named by its path. Needs task_dir_fd and alloc_dir_fd. Returns 0, or -1 with @e
 * filled. */
int terminal_plan(struct plan *plan, struct ts_error *e);

#endif
