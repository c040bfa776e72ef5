/* Which namespaces the task gets. */
#ifndef SPAWN_NAMESPACES_H
#define SPAWN_NAMESPACES_H

#include "spawn/plan.h"

#include <stdbool.h>

/* Decides on the CLONE_NEW* flags of clone3(2), and opens the namespaces that linux.namespaces names by path, each proven
 * to be one of its kind: plan->namespace_fds. Nothing is joined yet. Returns 0, or -1 with @e filled, step included. */
int namespaces_plan(struct plan *plan, struct ts_error *e);

/* Closes them. */
void namespaces_done(struct plan *plan);

/* Between the two, the children of this process are born in the pid namespace that the plan names by path. The first returns
 * an fd that the second takes, borrowed; or -1 with @e filled. The second returns 0, or -1 with @e filled. */
int namespaces_enter_pid(const struct plan *plan, struct ts_error *e);
int namespaces_leave_pid(int own, struct ts_error *e);

/* Joins the namespace of that kind, if one is named by path. Returns 0, or -1 with @e filled. */
int namespaces_join(const struct plan *plan, enum oci_namespace_type type, struct ts_error *e);

/* Whether the mounts of the task's namespace stay peers of the host's: linux.rootfsPropagation "shared", "rshared". */
bool namespaces_stay_shared(const struct config *config);

#endif
