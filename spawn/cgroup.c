/* Joins the task's cgroups, which exist already: spawn-daemon never makes one. design.md section 4, `cgroup`. */
#include "spawn/cgroup.h"
#include "spawn/namespaces.h"
#include "spawn/steps.h"

#include "util/cgroup.h"
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

static const char *open_reason(int err)
{
	switch (err) {
	case ENOENT:
		return "cgroup does not exist";
	case ELOOP:
		return "cgroup path goes through a symlink";
	case ENOTDIR:
		return "cgroup is not a directory";
	case EMEDIUMTYPE:
		return "not a directory of that cgroup hierarchy";
	default:
		return "open cgroup";
	}
}

static const char *join_reason(int err)
{
	switch (err) {
	case EBUSY:
		return "cgroup is an inner node (its children have controllers enabled)";
	case EOPNOTSUPP:
		return "cgroup is threaded, or in an invalid domain";
	case ENOSPC:
		return "cpuset cgroup has no cpus or no mems";
	case ENODEV:
		return "cgroup has been removed";
	case EAGAIN:
		return "cgroup's pids limit is reached";
	default:
		return "join cgroup";
	}
}

int cgroup_fail_join(struct ts_error *e, int err, const char *path)
{
	e->step = TS_STEP_CGROUP;
	return ts_fail(e, err, join_reason(err), path);
}

static int open_one(struct plan_cgroup *cgroup, const struct key_value *entry, struct ts_error *e)
{
	bool v2 = strcmp(entry->key, TS_CGROUP_UNIFIED) == 0;
	_cleanup_fd_ int fd = ts_cgroup_open(entry->value, v2);
	struct stat st;

	if (fd < 0)
		return ts_fail(e, errno, open_reason(errno), entry->value);
	if (fstat(fd, &st) < 0)
		return ts_fail(e, errno, "stat cgroup", entry->value);
	*cgroup = (struct plan_cgroup){
		.controller = entry->key,
		.path = entry->value,
		.inode = st.st_ino,
		.fd = ts_fd_take(&fd),
	};
	return 0;
}

/* Whether the cgroup was made for this run: another's may hold whoever else was put there. */
static bool is_marked(int fd, const char *run_id)
{
	char mark[TS_RUN_ID_LEN];

	return run_id && ts_cgroup_get_mark_of(fd, mark, sizeof mark) == TS_RUN_ID_LEN &&
	       memcmp(mark, run_id, TS_RUN_ID_LEN) == 0;
}

int cgroup_plan(struct plan *plan, struct ts_error *e)
{
	const struct key_value_list *map = &plan->config->taskshim.cgroups;

	e->step = TS_STEP_CGROUP;
	if (map->n > PLAN_MAX_CGROUPS)
		return ts_fail(e, E2BIG, "too many cgroups", "taskshim.cgroup");
	for (size_t i = 0; i < map->n; i++) {
		struct plan_cgroup *cgroup = &plan->cgroups[i];

		if (open_one(cgroup, &map->v[i], e) < 0)
			return -1;
		plan->n_cgroups++;
		if (strcmp(cgroup->controller, TS_CGROUP_UNIFIED) == 0)
			plan->unified_fd = cgroup->fd;
		else if (strcmp(cgroup->controller, "memory") == 0)
			plan->memory_fd = cgroup->fd;
	}
	if (plan->unified_fd >= 0 && is_marked(plan->unified_fd, plan->config->taskshim.run_id))
		plan->kill_fd = plan->unified_fd;
	plan->memory_is_v2 = plan->memory_fd < 0;
	if (plan->memory_is_v2)
		plan->memory_fd = plan->unified_fd;
	return 0;
}

/* "tasks", not "cgroup.procs": init has one thread, so both move the same, but moving oneself through "tasks" spares the
 * kernel its lock over all thread groups, for which a writer waits an RCU grace period, 5 to 15 ms after idle (Linux
 * 5.7, cgroup_procs_write_start()). */
int step_cgroup(struct task *task, struct ts_error *e)
{
	const struct oci_namespace *own = &task->plan->config->linux_.namespaces[OCI_NS_CGROUP];

	for (size_t i = 0; i < task->plan->n_cgroups; i++) {
		const struct plan_cgroup *cgroup = &task->plan->cgroups[i];

		if (cgroup->fd == task->plan->unified_fd)
			continue; /* CLONE_INTO_CGROUP */
		if (ts_write_value_at(cgroup->fd, "tasks", "0") < 0)
			return cgroup_fail_join(e, errno, cgroup->path);
	}
	if (own->path)
		return namespaces_join(task->plan, OCI_NS_CGROUP, e);
	if (own->set && unshare(CLONE_NEWCGROUP) < 0)
		return ts_fail(e, errno, "unshare", "cgroup namespace");
	return 0;
}

int cgroup_join_monitor(const char *path, struct ts_error *e)
{
	_cleanup_fd_ int fd = ts_cgroup_open(path, true);
	bool v2 = fd >= 0;

	e->step = TS_STEP_CGROUP;
	if (fd < 0 && errno == EMEDIUMTYPE)
		fd = ts_cgroup_open(path, false);
	if (fd < 0)
		return ts_fail(e, errno, open_reason(errno), path);
	if (ts_write_value_at(fd, v2 ? "cgroup.procs" : "tasks", "0") < 0)
		return cgroup_fail_join(e, errno, path);
	return 0;
}
