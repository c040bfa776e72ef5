/* Security labels, for the other steps and for tests; step_label() sets those of the command. */
#ifndef SPAWN_LABEL_H
#define SPAWN_LABEL_H

#include "protocol/config.h"

/* Refuses a label whose module this kernel has not enabled. Returns 0, or -1 with @e filled, step included. */
int label_check(const struct config *config, struct ts_error *e);

/* Have the next execve(2) of this thread run under @profile, or with @label. @proc_fd: ts_open_proc()'s. Return 0, or -1 with
 * @e filled. */
int label_apparmor(int proc_fd, const char *profile, struct ts_error *e);
int label_selinux(int proc_fd, const char *label, struct ts_error *e);

/* The same for keys and keyrings that this thread makes; NULL: as if nobody had asked. */
int label_keys(const char *label, struct ts_error *e);

#endif
