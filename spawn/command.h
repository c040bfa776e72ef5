/* Finding the command, and saying why it cannot be executed. */
#ifndef SPAWN_COMMAND_H
#define SPAWN_COMMAND_H

#include "util/error.h"

/* Fills @e (not its step) for @path, or a name that no directory of PATH has, having failed the look-up with @err: names the directory
 * that may not be searched, the mode, the noexec mount, the link that leads nowhere. With the task's rights. Returns -1. */
int command_fail_lookup(struct ts_error *e, int err, const char *path);

/* Fills @e (step too) for execve(2) of @path having failed with @err: names the missing interpreter or loader, the noexec
 * mount, the other architecture. Returns -1. */
int command_fail_exec(struct ts_error *e, int err, const char *path);

/* The exit status that a shell gives for it: 127 not found, 126 found but not executable; 125 for any other step. */
int command_exit_status(const struct ts_error *e);

#endif
