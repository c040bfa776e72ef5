/* Finding a task's cgroups again, killing what is in them, removing them. A cgroup is touched only if it carries our mark with
 * the task's run id (and has the inode that was recorded, where one was): design.md section 5. */
#ifndef UTIL_CGROUP_REMOVE_H
#define UTIL_CGROUP_REMOVE_H

#include "util/error.h"
#include "util/proc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { CGROUP_REFS_MAX = 24 };

/* A task's cgroup as it is found again. */
struct cgroup_ref {
	char *path; /* owned */
	uint64_t inode; /* 0: not recorded */
	bool v2;
	bool freezer; /* v1: can be frozen */
};

struct cgroup_refs {
	struct cgroup_ref v[CGROUP_REFS_MAX];
	size_t n;
	char run_id[TS_RUN_ID_LEN + 1];
	bool half_made; /* of a start that died on the way: the last one may lack its mark */
};

/* Adds a copy. Returns 0, or -1 and errno. */
int cgroup_refs_add(struct cgroup_refs *refs, const char *controller, const char *path,
		    uint64_t inode);
void cgroup_refs_done(struct cgroup_refs *refs);

/* Removes the cgroups with what is below them, and parents that we made and that are empty now. @kill: processes that
 * are left in them are killed. Tries for at most @timeout_ms. A cgroup that is gone, or not ours, is left alone.
 * Returns 0, or -1 with @e filled for the last that could not be removed. */
int cgroup_remove(const struct cgroup_refs *refs, bool kill, int timeout_ms, struct ts_error *e);

/* Removes the cgroup @path if it is empty and carries our mark for parents. Returns 0, or -1 and errno. */
int cgroup_remove_parent(const char *path);

/* The same for everything above @path, from the bottom up. */
void cgroup_remove_parents(const char *path);

/* Kills every process in the cgroups and waits until none is left: cgroup.kill on v2, the freezer on v1. At most
 * @timeout_ms. Returns 0, or -1 with @e filled (ETIMEDOUT: the message names the processes). Here and below a cgroup that
 * is gone or another's is nothing to do; one whose mark cannot be read is a failure. */
int cgroup_kill(const struct cgroup_refs *refs, int timeout_ms, struct ts_error *e);

/* Sends @signo to every process in the cgroups once. Returns how many it reached, or -1 with @e filled. */
int cgroup_signal(const struct cgroup_refs *refs, int signo, struct ts_error *e);

/* Whether process @pid is in a cgroup that is proven to be the task's, or below it. 1, 0, or -1 and errno. */
int cgroup_contains(const struct cgroup_refs *refs, pid_t pid);

/* The cgroup that all processes of the task are in: one is enough, as a task cannot leave one and stay in the other. NULL
 * and errno 0: none is left; another errno: that could not be found out. */
const struct cgroup_ref *cgroup_main_ref(const struct cgroup_refs *refs);

/* Whether the cgroup @path, one of @refs, is there and proven to be the task's. 1, 0, or -1 and errno. */
int cgroup_is_the_tasks(const struct cgroup_refs *refs, const char *path);

/* Whether a cgroup that is proven to be the task's is there. */
bool cgroup_exists(const struct cgroup_refs *refs);

/* The path of a cgroup that is there and is another's; NULL: none. Owned by @refs. */
const char *cgroup_find_stranger(const struct cgroup_refs *refs);

/* Whether the task's v1 freezer cgroup is frozen, as a kill that was cut short leaves it. */
bool cgroup_is_frozen(const struct cgroup_refs *refs);

/* Whether a process is left. 1, 0, or -1 and errno; no cgroup at all is 0. */
int cgroup_populated(const struct cgroup_refs *refs);

#endif
