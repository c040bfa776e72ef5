/* Finding the command, and saying why it cannot be executed. */
#ifndef SPAWN_COMMAND_H
#define SPAWN_COMMAND_H

#include "util/error.h"

/* Fills @e (step too) for execve(2) of @path having failed with @err: names the missing interpreter or loader, the noexec
 * mount, the other architecture. Returns -1. */
int command_fail_exec(struct ts_error *e, int err, const char *path);

/* The exit status that a shell gives for it: 127 not found, 126 found but not executable; 125 for any other step. */
int command_exit_status(const struct ts_error *e);

#endif
