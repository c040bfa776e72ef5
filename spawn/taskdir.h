/* The parent's side of taskDir and allocDir. */
#ifndef SPAWN_TASKDIR_H
#define SPAWN_TASKDIR_H

#include "spawn/plan.h"

/* Opens both directories where the config names them. Returns 0, or -1 with @e filled. */
int taskdir_plan(struct plan *plan, struct ts_error *e);

/* For a task in a user namespace: makes the missing directories of taskDir with our own rights, as those of the host's @uid and @gid,
 * and sends them to init. Returns 0, or -1 with @e filled. */
int taskdir_make_for(const struct plan *plan, uid_t uid, gid_t gid, int channel,
		     struct ts_error *e);

/* Gives the directories that step_taskdir made to the task's user. Returns 0, or -1 with @e filled. */
int taskdir_give(const struct task *task, uid_t uid, gid_t gid, struct ts_error *e);

#endif
