/* Making, killing and removing a task's cgroups. A cgroup is touched only if it carries our mark with the task's run id
 * (and has the inode that was recorded, where one was): design.md section 5. */
#ifndef SHIM_CGROUP_H
#define SHIM_CGROUP_H

#include "shim/cgroup_plan.h"
#include "util/error.h"
#include "util/proc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Where messages about what is missing but no error go. */
struct warner {
	void (*warn)(const char *message, void *arg); /* NULL: nowhere */
	void *arg;
};

/* A task's cgroup as it is found again. */
struct cgroup_ref {
	char *path; /* owned */
	uint64_t inode; /* 0: not recorded */
	bool v2;
	bool freezer; /* v1: can be frozen */
};

struct cgroup_refs {
	struct cgroup_ref v[CGROUP_DIRS_MAX * 2];
	size_t n;
	char run_id[TS_RUN_ID_LEN + 1];
	bool half_made; /* of a start that died on the way: the last one may lack its mark */
};

/* Adds a copy. Returns 0, or -1 and errno. */
int cgroup_refs_add(struct cgroup_refs *refs, const char *controller, const char *path,
		    uint64_t inode);
void cgroup_refs_done(struct cgroup_refs *refs);

/* Finds the planned hierarchies on this machine: names that are symlinks ("cpu" to "cpu,cpuacct") are written out, since
 * whoever opens the paths later refuses symlinks, and a cgroup that no limit needs is left out of @plan where its
 * hierarchy is not mounted. Returns 0, or -1 with @e filled (ENOENT: a needed one is not mounted). */
int cgroup_resolve(struct cgroup_plan *plan, struct ts_error *e);

/* Makes the planned and resolved cgroups, marks them with @refs->run_id, writes the limits, and adds each to @refs as soon as it is
 * made, also when a later step fails: the caller then removes what is in @refs. An existing cgroup is an error (EEXIST).
 * Returns 0, or -1 with @e filled. */
int cgroup_make(const struct cgroup_plan *plan, struct cgroup_refs *refs,
		const struct warner *warner, struct ts_error *e);

/* Makes (or finds) the cgroup for monitors of detached tasks and opens what a monitor is started with: a directory to
 * be born in (*@ret_dir_fd, cgroup2) or a `tasks` file to write to (*@ret_tasks_fd, v1 name=systemd); both -1 when the
 * machine has neither. Returns 0, or -1 with @e filled. */
int cgroup_open_monitors(const char *mount, enum ts_cgroup_layout layout, int *ret_dir_fd,
			 int *ret_tasks_fd, struct ts_error *e);

/* Removes that cgroup if no monitor is left in it. */
void cgroup_remove_monitors(const char *mount, enum ts_cgroup_layout layout);

/* Removes the cgroups with what is below them, and parents that we made and that are empty now. @kill: processes that
 * are left in them are killed. Tries for at most @timeout_ms. A cgroup that is gone, or not ours, is left alone.
 * Returns 0, or -1 with @e filled for the last that could not be removed. */
int cgroup_remove(const struct cgroup_refs *refs, bool kill, int timeout_ms, struct ts_error *e);

/* Kills every process in the cgroups and waits until none is left: cgroup.kill on v2, the freezer on v1. At most
 * @timeout_ms. Returns 0, or -1 with @e filled (ETIMEDOUT: the message names the processes). */
int cgroup_kill(const struct cgroup_refs *refs, int timeout_ms, struct ts_error *e);

/* Sends @signo to every process in the cgroups once. Returns how many it reached, or -1 with @e filled. */
int cgroup_signal(const struct cgroup_refs *refs, int signo, struct ts_error *e);

/* Whether process @pid is in a cgroup that is proven to be the task's, or below it. 1, 0, or -1 and errno. */
int cgroup_contains(const struct cgroup_refs *refs, pid_t pid);

/* Whether a cgroup that is proven to be the task's is there. */
bool cgroup_exists(const struct cgroup_refs *refs);

/* The path of a cgroup that is there and is another's; NULL: none. Owned by @refs. */
const char *cgroup_find_stranger(const struct cgroup_refs *refs);

/* Whether the task's v1 freezer cgroup is frozen, as a kill that was cut short leaves it. */
bool cgroup_is_frozen(const struct cgroup_refs *refs);

/* Whether a process is left. 1, 0, or -1 and errno; no cgroup at all is 0. */
int cgroup_populated(const struct cgroup_refs *refs);

#endif
