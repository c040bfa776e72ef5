/* Mounts whose owners are mapped: the user namespaces that hold the mappings of mounts[].uidMappings and gidMappings. */
#ifndef SPAWN_IDMAP_H
#define SPAWN_IDMAP_H

#include "spawn/plan.h"

/* Makes (or opens) what the plan's mapped mounts need: plan->idmap_fds. In the parent, since a mapping is written by pid,
 * and init does not know those of the host. Returns 0, or -1 with @e filled, step included. */
int idmap_plan(struct plan *plan, struct ts_error *e);

/* Whether idmap_fds[i] is, in the end, no user namespace but the mount itself, cloned and mapped: a bind mount for a task with a
 * user namespace, in which init has no right to map what is mounted on the host. */
bool idmap_is_done_before(const struct config *config, const struct oci_mount *mount);

/* In the parent, when init has been born: clones and maps those mounts, in init's mount namespace, where the kernel has locked
 * what the host forbids of them, and sends them to init. Returns 0, or -1 with @e filled, step included. */
int idmap_hand_over(const struct plan *plan, int pidfd, int channel, struct ts_error *e);

/* Closes and frees them. */
void idmap_done(struct plan *plan);

#endif
