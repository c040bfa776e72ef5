/* linux.sysctl: settings of the task's own namespaces. */
#ifndef SPAWN_SYSCTL_H
#define SPAWN_SYSCTL_H

#include "spawn/plan.h"

/* Refuses a task that joins namespaces by path which are our own, where sysctls are to be set in them. Returns 0, or -1 with @e
 * filled. */
int sysctl_plan(const struct plan *plan, struct ts_error *e);

#endif
