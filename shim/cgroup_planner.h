/* Inside of the planning of a task's cgroups: cgroup_plan_util.c has the frame, cgroup_limits_util.c turns linux.resources
 * into writes. Pure. */
#ifndef SHIM_CGROUP_PLANNER_H
#define SHIM_CGROUP_PLANNER_H

#include "shim/cgroup_plan.h"

#include <stdarg.h>

/* Those before CTL_V1_ONLY have a name on v2 as well, and their bit in cgroup_controllers[]. */
enum controller {
	CTL_MEMORY,
	CTL_PIDS,
	CTL_CPU,
	CTL_IO,
	CTL_CPUSET,
	CTL_HUGETLB,
	CTL_RDMA,
	CTL_MISC,
	CTL_V1_ONLY,
	CTL_DEVICES = CTL_V1_ONLY,
	CTL_NET_CLS,
	CTL_NET_PRIO,
	CTL_COUNT
};

/* The plan and what is constant while it is made. */
struct planner {
	struct cgroup_plan *plan;
	const struct cgroup_host *host;
	const char *
		path; /* below cgroup2, with a leading slash; NULL: the cgroups are there, and none is added */
	const char *v1_path; /* the same below each hierarchy of v1 */
	struct ts_error *e;
};

/* Fill e and return -1. */
int planner_fail(struct planner *p, int err, const char *what, const char *object);
int planner_invalid(struct planner *p, const char *field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Whether the limits of @controller are set in the cgroup2 hierarchy. */
bool planner_is_v2(const struct planner *p, enum controller controller);

/* Whether the task runs already. */
bool planner_is_update(const struct planner *p);

/* Plans one write. NULL with e filled. */
struct cgroup_write *planner_add(struct planner *p, enum controller controller, const char *field,
				 const char *file, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* The same for what may be called another thing: @file and @value are copied if they are not NULL. Returns 0, or -1 with e
 * filled. */
int planner_alternative(struct planner *p, struct cgroup_write *w, const char *file,
			const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Plans one write into the cgroup2 directory, whatever controllers it has. NULL with e filled. */
struct cgroup_write *planner_add_unified(struct planner *p, const char *field, const char *file,
					 const char *value, size_t len);

/* Plans the cgroup of @controller, into which no limit is written yet. Returns 0, or -1 with e filled. */
int planner_want(struct planner *p, enum controller controller);

/* All of linux.resources but devices. Returns 0, or -1 with e filled. */
int planner_limits(struct planner *p, const struct oci_resources *r);

#endif
