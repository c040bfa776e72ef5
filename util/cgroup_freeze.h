/* Freezing a task's cgroup, and thawing it: cgroup.freeze on v2, the freezer on v1. As with all of a task's cgroups, only one
 * that is proven to be the task's is touched (util/cgroup_remove.h). */
#ifndef UTIL_CGROUP_FREEZE_H
#define UTIL_CGROUP_FREEZE_H

#include "util/cgroup_remove.h"
#include "util/error.h"

/* Stops every process of the task and waits until all stand still, at most @timeout_ms; after a failure they are let go again.
 * Returns 0, or -1 with @e filled (ENOENT: the task has no cgroup that could be frozen; ETIMEDOUT: some do not stand still;
 * EDEADLK: the caller is one of them). Frozen already is fine. */
int cgroup_freeze(const struct cgroup_refs *refs, int timeout_ms, struct ts_error *e);

/* Lets them go on and waits until they do. Returns 0, or -1 with @e filled (EBUSY: a cgroup above is frozen). Not frozen is
 * fine, and so is no cgroup. */
int cgroup_thaw(const struct cgroup_refs *refs, int timeout_ms, struct ts_error *e);

/* Whether the task's own cgroup was told to freeze. 1, 0, or -1 and errno; no cgroup is 0. */
int cgroup_is_paused(const struct cgroup_refs *refs);

#endif
