/* The host's paths that a config names as what a mount or a copy is made from. They are the operator's words, and opened as
 * the host resolves them, but below taskDir, allocDir and root.path: there the task, or an earlier one, can write and lay a
 * trap, and no symlink is followed. */
#ifndef SPAWN_SOURCE_H
#define SPAWN_SOURCE_H

#include "spawn/plan.h"

/* Opens @path. Returns an fd, or -1 and errno. @flags: O_*; O_CLOEXEC is added. */
int source_open(const struct task *task, const char *path, int flags);

/* Clones the mount at @path, as mount_clone() does. Returns an fd, or -1 and errno. */
int source_clone(const struct task *task, const char *path, bool recursive);

/* Fills @e from errno, as the two above have left it. Returns -1. */
int source_fail(struct ts_error *e, const char *what, const char *path);

#endif
