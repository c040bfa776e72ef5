/* Mounts whose owners are mapped: the user namespaces that hold the mappings of mounts[].uidMappings and gidMappings. */
#ifndef SPAWN_IDMAP_H
#define SPAWN_IDMAP_H

#include "spawn/plan.h"

/* Makes (or opens) what the plan's mapped mounts need: plan->idmap_fds. In the parent, since a mapping is written by pid,
 * and init does not know those of the host. Returns 0, or -1 with @e filled, step included. */
int idmap_plan(struct plan *plan, struct ts_error *e);

/* Whether idmap_fds[i] is no user namespace but the mount itself, cloned and mapped. */
bool idmap_is_done_before(const struct config *config, const struct oci_mount *mount);

/* Closes and frees them. */
void idmap_done(struct plan *plan);

#endif
