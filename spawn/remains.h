/* What is left of a task when its parent has died: its cgroups and its state directory. With taskshim.cleanUp nobody else is to
 * remove them. design.md section 5.
 *
 * Lifecycle: remains_read() or remains_from_config() -> remains_kill(), remains_remove() -> remains_done(). */
#ifndef SPAWN_REMAINS_H
#define SPAWN_REMAINS_H

#include "protocol/config.h"
#include "util/cgroup_remove.h"

struct remains {
	struct cgroup_refs cgroups;
	char *state_dir; /* path */
};

/* Reads them from the task's own state.json: while it idles the monitor holds no path. Returns 0 and fills *@ret, or -1. */
int remains_read(int state_dir_fd, struct remains *ret);

/* Those of a start that has failed, and has removed its state.json or has not yet written any. Returns 0, or -1. */
int remains_from_config(const struct config *config, struct remains *ret);

/* Kills every process in the cgroups, as far as they are proven to be the task's. Waits for a second at most. */
void remains_kill(const struct remains *remains);

/* Removes the cgroups with all that is in them, then the directory, if its name still is that of @state_dir_fd. Nothing is
 * touched when somebody holds the directory's lock for longer than @lock_ms: who does so lives, and will remove it. What
 * cannot be removed stays for `taskshim gc`. */
void remains_remove(const struct remains *remains, int state_dir_fd, int lock_ms);

void remains_done(struct remains *remains);

#endif
