/* The parent's side of the cgroups: verifying them before the fork. */
#ifndef SPAWN_CGROUP_H
#define SPAWN_CGROUP_H

#include "spawn/plan.h"

/* Opens and verifies every cgroup of taskshim.cgroup. Returns 0, or -1 with @e filled. */
int cgroup_plan(struct plan *plan, struct ts_error *e);

/* Moves the caller (spawn-daemon) into the cgroup @path, v1 or v2. Returns 0, or -1 with @e filled. */
int cgroup_join_monitor(const char *path, struct ts_error *e);

/* Fills @e (step too) for a failed join, by clone3 or by writing: says what the errno means here. Returns -1. */
int cgroup_fail_join(struct ts_error *e, int err, const char *path);

#endif
