/* The cgroups of a task whose shim may not be allowed to make any: --rootless. As runc has it, what is not allowed is left out
 * unless a limit needs it. Cgroups of v1 are root's alone: they take no mark from anybody else. */
#include "shim/cgroup.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_CGROUP;
	return ts_fail(e, err, what, object);
}

/* Takes the last component away: "/a/b" -> "/a", "/a" -> "". */
static void cut(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
}

/* What a service manager leaves to a user is below the user's own cgroup; and as processes are in that, it can pass no
 * controllers on: beside it. */
static int default_path(const char *id, char ret[static PATH_MAX])
{
	char own[PATH_MAX];

	if (ts_cgroup_v2_of(0, own) < 0)
		return -1;
	cut(own);
	return snprintf(ret, PATH_MAX, "%s/taskshim/%s", own, id) < PATH_MAX ? 0 : -1;
}

/* Whether a directory can be made at @path, its parents included. */
static bool may_make(const char *path)
{
	char parent[PATH_MAX];

	(void)snprintf(parent, sizeof parent, "%s", path);
	do
		cut(parent);
	while (*parent && access(parent, F_OK) < 0);
	return *parent && access(parent, W_OK | X_OK) == 0;
}

/* Whether a process may go from the caller's cgroup to one at @path: the kernel asks for the right to write to cgroup.procs of
 * what is above both. */
static bool may_enter(const struct cgroup_dir *dir)
{
	char own[PATH_MAX], procs[PATH_MAX + 16];
	const char *path = dir->path + dir->root_len;
	size_t same = 0;

	if (ts_cgroup_v2_of(0, own) < 0)
		return false;
	for (size_t i = 0;; i++) {
		bool own_ends = own[i] == '/' || own[i] == '\0';

		if (own_ends && (path[i] == '/' || path[i] == '\0'))
			same = i;
		if (own[i] != path[i] || own[i] == '\0')
			break;
	}
	(void)snprintf(procs, sizeof procs, "%.*s/cgroup.procs", (int)(dir->root_len + same),
		       dir->path);
	return access(procs, W_OK) == 0;
}

static int fail_needed(const struct cgroup_plan *plan, const struct cgroup_dir *dir,
		       struct ts_error *e)
{
	const char *field = dir->field;

	for (size_t i = 0; !field && i < plan->n_writes; i++)
		if (&plan->dirs[plan->writes[i].dir] == dir)
			field = plan->writes[i].field;
	e->step = TS_STEP_CGROUP;
	return ts_failf(e, EACCES, "linux.resources.%s needs a cgroup that is not ours to make: %s",
			field ? field : "devices", dir->path);
}

static bool is_needed(const struct cgroup_plan *plan, size_t i)
{
	if (plan->dirs[i].field || (plan->dirs[i].v2 && (plan->v2_required || plan->devices.v)))
		return true;
	for (size_t k = 0; k < plan->n_writes; k++)
		if (plan->writes[k].dir == i)
			return true;
	return false;
}

static int keep_allowed(struct cgroup_plan *plan, bool root, struct ts_error *e)
{
	for (size_t i = 0; i < plan->n_dirs;) {
		const struct cgroup_dir *dir = &plan->dirs[i];

		if (may_make(dir->path) && (root || (dir->v2 && may_enter(dir)))) {
			i++;
			continue;
		}
		if (is_needed(plan, i))
			return fail_needed(plan, dir, e);
		cgroup_plan_drop(plan, i);
	}
	return 0;
}

int cgroup_plan_rootless(const struct cgroup_host *host, const struct config *config,
			 const char *id, const struct warner *warner, struct cgroup_plan *ret,
			 struct ts_error *e)
{
	struct oci_resources resources = config->linux_.resources;
	const char *path = config->linux_.cgroups_path;
	bool root = geteuid() == 0, devices = root && device_rules_needed(config);
	char beside[PATH_MAX];

	/* No device can be made in a user namespace, and no program attached without rights. */
	if (!devices)
		resources.n_devices = 0;
	if (!root && !path && default_path(id, beside) == 0)
		path = beside;
	if (cgroup_plan_build(host, path, id, &resources, devices, ret, e) < 0)
		return -1;
	if (cgroup_resolve(ret, e) < 0 || keep_allowed(ret, root, e) < 0) {
		cgroup_plan_done(ret);
		return -1;
	}
	if (ret->n_dirs > 0 || host->layout == TS_CGROUP_NONE)
		return 0;
	if (config->linux_.cgroups_path) {
		cgroup_plan_done(ret);
		return fail(e, EACCES, "linux.cgroupsPath is not ours to make", path);
	}
	if (warner && warner->warn)
		warner->warn("cgroup: none is ours to make: the task has none "
			     "(--cgroup-manager disabled asks for none)",
			     warner->arg);
	return 0;
}
