/* Making a task's cgroups. They are found again, killed and removed by util/cgroup_remove.h. design.md section 5. */
#ifndef SHIM_CGROUP_H
#define SHIM_CGROUP_H

#include "shim/cgroup_plan.h"
#include "util/cgroup_remove.h"
#include "util/error.h"

/* Where messages about what is missing but no error go. */
struct warner {
	void (*warn)(const char *message, void *arg); /* NULL: nowhere */
	void *arg;
};

/* Looks which controllers the cgroup2 hierarchy has beside those of v1, if @resources ask for limits. What cannot be read is
 * not there. */
void cgroup_host_look(struct cgroup_host *host, const struct oci_resources *resources);

/* Finds the planned hierarchies on this machine: names that are symlinks ("cpu" to "cpu,cpuacct") are written out, since
 * whoever opens the paths later refuses symlinks, and a cgroup that no limit needs is left out of @plan where its
 * hierarchy is not mounted. Returns 0, or -1 with @e filled (ENOENT: a needed one is not mounted). */
int cgroup_resolve(struct cgroup_plan *plan, struct ts_error *e);

/* Builds and resolves a plan of what this process may make. Who is not root: cgroups of cgroup2 that are delegated to him,
 * without linux.cgroupsPath beside his own, and no device rules. None is a warning, unless a limit or linux.cgroupsPath asks
 * for one. Returns 0, or -1 with @e filled. */
int cgroup_plan_rootless(const struct cgroup_host *host, const struct config *config,
			 const char *id, const struct warner *warner, struct cgroup_plan *ret,
			 struct ts_error *e);

/* Makes the planned and resolved cgroups, marks them with @refs->run_id, writes the limits, and adds each to @refs as soon as it is
 * made, also when a later step fails: the caller then removes what is in @refs. An existing cgroup is an error (EEXIST).
 * @state_dir_fd: where a parent is
 * noted until it has its mark. Returns 0, or -1 with @e filled. */
int cgroup_make(const struct cgroup_plan *plan, struct cgroup_refs *refs, int state_dir_fd,
		const struct warner *warner, struct ts_error *e);

/* Switches the controllers that @plan needs on, from the top down to the parent of the cgroup2 directory @dir. Returns 0, or -1
 * with @e filled: one that is required is not available there, and why. */
int cgroup_enable(const struct cgroup_plan *plan, const struct cgroup_dir *dir, struct ts_error *e);

/* Writes the limits into cgroups that are there. Those that the kernel takes only after others (memory and swap, quota and
 * period, raised or lowered) are tried again behind them. Returns 0, or -1 with @e filled. */
int cgroup_write_limits(const struct cgroup_plan *plan, const struct warner *warner,
			struct ts_error *e);

/* The same for a task that runs: after a failure what was written before it is taken back, but for limits of single
 * devices and interfaces. */
int cgroup_update_limits(const struct cgroup_plan *plan, const struct warner *warner,
			 struct ts_error *e);

/* Removes the parent that a start which died was making, by the note in its state directory. */
void cgroup_remove_noted(int state_dir_fd, const char *mount);

/* Makes (or finds) the cgroup for monitors of detached tasks and opens what a monitor is started with: a directory to
 * be born in (*@ret_dir_fd, cgroup2) or a `tasks` file to write to (*@ret_tasks_fd, v1 name=systemd); both -1 when the
 * machine has neither. Returns 0, or -1 with @e filled. */
int cgroup_open_monitors(const char *mount, enum ts_cgroup_layout layout, int state_dir_fd,
			 int *ret_dir_fd, int *ret_tasks_fd, struct ts_error *e);

/* Removes that cgroup if no monitor is left in it. */
void cgroup_remove_monitors(const char *mount);

/* The same, and in every hierarchy below @mount the parent "taskshim" that we made, where no task is left in it: what a
 * crash or a failing call may leave when the last task is gone. */
void cgroup_sweep_parents(const char *mount);

#endif
