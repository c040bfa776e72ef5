/* The controllers of the cgroup2 hierarchy: which there are, and how they get down to a task's cgroup. */
#include "shim/cgroup.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_CGROUP;
	return ts_fail(e, err, what, object);
}

/* The controllers of @dir_path that can be used there, as bits. */
static int read_controllers(const char *dir_path, unsigned *ret)
{
	char path[PATH_MAX + 32], text[512], *save = NULL;

	(void)snprintf(path, sizeof path, "%s/cgroup.controllers", dir_path);
	if (ts_read_text_at(AT_FDCWD, path, text, sizeof text) < 0)
		return -1;
	*ret = 0;
	for (char *word = strtok_r(text, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
		for (unsigned i = 0; cgroup_controllers[i]; i++)
			if (strcmp(word, cgroup_controllers[i]) == 0)
				*ret |= 1U << i;
	return 0;
}

void cgroup_host_look(struct cgroup_host *host, const struct oci_resources *resources)
{
	char path[PATH_MAX];

	if (host->layout != TS_CGROUP_HYBRID || !cgroup_resources_ask(resources))
		return;
	(void)snprintf(path, sizeof path, "%s/" TS_CGROUP_UNIFIED, host->mount);
	(void)read_controllers(path, &host->unified); /* what is not found there is v1's to have */
}

/* pids, cpu, cpuset: by the order of cgroup_controllers[]. */
static const unsigned cgroup_threaded_controllers = 1U << 1 | 1U << 2 | 1U << 4;

/* What first kept a controller from being enabled for the children of a cgroup. */
struct obstacle {
	unsigned controllers; /* that it, or a like one, concerns; 0: there is none */
	int err;
	char path[PATH_MAX];
};

static void meet(struct obstacle *obstacle, int err, const char *dir_path, unsigned controllers)
{
	if (obstacle->controllers == 0) {
		obstacle->err = err;
		(void)snprintf(obstacle->path, sizeof obstacle->path, "%s", dir_path);
	}
	obstacle->controllers |= controllers;
}

/* One write each: the kernel takes a list whole or not at all, and some may not be available. Returns those that were
 * enabled, or were so before. */
static unsigned enable_each(const char *dir_path, unsigned controllers, struct obstacle *obstacle)
{
	char path[PATH_MAX + 32], text[32];
	unsigned enabled = 0;

	(void)snprintf(path, sizeof path, "%s/cgroup.subtree_control", dir_path);
	for (unsigned i = 0; cgroup_controllers[i]; i++) {
		if (!(controllers & 1U << i))
			continue;
		(void)snprintf(text, sizeof text, "+%s", cgroup_controllers[i]);
		if (ts_write_value_at(AT_FDCWD, path, text) == 0)
			enabled |= 1U << i;
		else if (errno != ENOENT) /* that is the doing of the cgroup above */
			meet(obstacle, errno, dir_path, 1U << i);
	}
	return enabled;
}

/* Whether there are processes in a cgroup that is not the first of all, which alone may have some beside children. */
static bool has_processes(const char *dir_path)
{
	char path[PATH_MAX + 32], text[16];

	(void)snprintf(path, sizeof path, "%s/cgroup.type", dir_path);
	if (ts_read_text_at(AT_FDCWD, path, text, sizeof text) <= 0)
		return false;
	(void)snprintf(path, sizeof path, "%s/cgroup.procs", dir_path);
	return ts_read_text_at(AT_FDCWD, path, text, sizeof text) > 0;
}

/* Where there are processes, those of `threaded` can be enabled all the same: the cgroup is then the root of a threaded subtree,
 * its children can have no processes, and what the operator has there is changed. The others are refused there, and so tell. */
static void enable_in(const char *dir_path, unsigned controllers, struct obstacle *obstacle)
{
	const unsigned threaded = controllers & cgroup_threaded_controllers;
	unsigned before = obstacle->controllers;
	unsigned enabled = enable_each(dir_path, controllers & ~threaded, obstacle);

	if (!threaded)
		return;
	if (enabled == 0 && (obstacle->controllers != before || has_processes(dir_path)))
		meet(obstacle, EBUSY, dir_path, threaded);
	else
		(void)enable_each(dir_path, threaded, obstacle);
}

static const char *obstacle_text(int err)
{
	switch (err) {
	case EBUSY:
		return " has processes of its own, which must be in a cgroup below it";
	case EOPNOTSUPP:
		return " is threaded, or in an invalid domain";
	case EACCES:
	case EPERM:
	case EROFS:
		return " is not ours to change";
	default:
		return " does not pass it on";
	}
}

static int fail_unavailable(const struct cgroup_dir *dir, unsigned i,
			    const struct obstacle *obstacle, struct ts_error *e)
{
	bool known = obstacle->controllers & 1U << i;

	e->step = TS_STEP_CGROUP;
	return ts_failf(e, known ? obstacle->err : ENOENT,
			"controller %s is not available in %s%s%s%s", cgroup_controllers[i],
			dir->path, known ? ": " : "", known ? obstacle->path : "",
			known ? obstacle_text(obstacle->err) : "");
}

int cgroup_enable(const struct cgroup_plan *plan, const struct cgroup_dir *dir, struct ts_error *e)
{
	unsigned wanted = plan->v2_required | plan->v2_wanted, have, top;
	struct obstacle obstacle = {.controllers = 0};
	char path[PATH_MAX];

	if (wanted == 0)
		return 0;
	if (read_controllers(dir->path, &have) < 0)
		return fail(e, errno, "read cgroup.controllers", dir->path);
	if ((wanted & ~have) == 0)
		return 0;
	(void)snprintf(path, sizeof path, "%.*s", (int)dir->root_len, dir->path);
	if (read_controllers(path, &top) < 0)
		return fail(e, errno, "read cgroup.controllers", path);
	if (wanted & ~have & top) {
		enable_in(path, wanted & top, &obstacle);
		for (const char *slash = dir->path + dir->root_len;
		     (slash = strchr(slash + 1, '/'));) {
			(void)snprintf(path, sizeof path, "%.*s", (int)(slash - dir->path),
				       dir->path);
			enable_in(path, wanted & top, &obstacle);
		}
		if (read_controllers(dir->path, &have) < 0)
			return fail(e, errno, "read cgroup.controllers", dir->path);
	}
	for (unsigned i = 0; cgroup_controllers[i]; i++)
		if (plan->v2_required & ~have & 1U << i)
			return fail_unavailable(dir, i, &obstacle, e);
	return 0;
}
