/* The task's user namespace: user_namespaces(7). */
#ifndef SPAWN_USERNS_H
#define SPAWN_USERNS_H

#include "spawn/plan.h"

#include <stdbool.h>

/* Whether the task is in a user namespace that the config asks for, a new one or one that is joined. */
static inline bool userns_is_set(const struct config *config)
{
	return config->linux_.namespaces[OCI_NS_USER].set;
}

/* Writes @n of @mappings to @file ("uid_map", "gid_map") of process @pid below @proc_fd. Returns 0, or -1 with @e filled. */
int userns_write_map(int proc_fd, pid_t pid, const char *file,
		     const struct oci_id_mapping *mappings, size_t n, struct ts_error *e);

/* In the parent, when init @pid has been born and waits: maps the ids of its new namespace, and does what init has no right
 * to any more. Returns 0, or -1 with @e filled, step included. */
int userns_set_up(const struct plan *plan, pid_t pid, struct ts_error *e);

/* In the parent too, where it is root: makes what is missing of taskDir, where uid 0 of the namespace may not be allowed to.
 * Returns 0, or -1 with @e filled, step included. */
int userns_make_task_dirs(const struct plan *plan, pid_t pid, int channel, struct ts_error *e);

/* Writes process.oomScoreAdj of process @pid; nothing where it is not set. Returns 0, or -1 with @e filled, step included. */
int userns_set_oom_score_adj(const struct config *config, pid_t pid, struct ts_error *e);

/* In init, when that is done: becomes uid and gid 0 of the namespace, or those that are mapped first where 0 is not. Returns
 * 0, or -1 with @e filled. */
int userns_enter(struct task *task, struct ts_error *e);

/* Whether @gid is mapped in the namespace that this process is in. What cannot be read is taken for yes. */
bool userns_has_gid(unsigned gid);

#endif
