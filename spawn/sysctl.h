/* linux.sysctl: settings of the task's own namespaces. */
#ifndef SPAWN_SYSCTL_H
#define SPAWN_SYSCTL_H

#include "spawn/plan.h"

/* Notes which namespaces are the caller's, for a task that joins some by path. Returns 0, or -1 with @e filled. */
int sysctl_plan(struct plan *plan, struct ts_error *e);

#endif
