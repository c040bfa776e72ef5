/* A start in namespaces that are there, where a user namespace is among what the task gets. */
#ifndef SPAWN_JOINER_H
#define SPAWN_JOINER_H

#include "spawn/plan.h"

#include <linux/sched.h>
#include <stdbool.h>

bool joiner_is_needed(const struct plan *plan);

/* clone3(2) from within the namespaces that the plan names by path; the child is ours all the same. @args->pidfd is filled.
 * Returns the child's pid, in the child 0; or -1: errno is clone3's, or *@ret_told and @e is filled, step included. */
long joiner_clone(const struct plan *plan, const struct clone_args *args, bool *ret_told,
		  struct ts_error *e);

#endif
