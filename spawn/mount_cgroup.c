/* mounts[] of type cgroup where hierarchies of v1 are mounted: a tmpfs with a directory for each hierarchy in which the task
 * has a cgroup of its own, bound there. Of the other hierarchies nothing is shown: they hold the host's cgroups. */
#include "spawn/mount_sys.h"
#include "spawn/mounts.h"

#include "util/cgroup.h"
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* Opens the cgroup again in init's own mount namespace, which alone may clone its mounts, and proves that it is still the
 * one that the parent verified. */
static int clone_one(const struct plan_cgroup *cgroup, struct ts_error *e)
{
	_cleanup_fd_ int fd =
		ts_cgroup_open(cgroup->path, strcmp(cgroup->controller, TS_CGROUP_UNIFIED) == 0);
	_cleanup_fd_ int tree = -1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ts_fail(e, errno, "open cgroup", cgroup->path);
	if (st.st_ino != cgroup->inode)
		return ts_fail(e, ESTALE, "cgroup was replaced during the start", cgroup->path);
	tree = mount_clone(fd, "", false);
	if (tree < 0 || mount_set(tree, MOUNTS_CGROUP_ALWAYS, 0, MS_PRIVATE, false) < 0)
		return ts_fail(e, errno, "clone the mount of cgroup", cgroup->path);
	return ts_fd_take(&tree);
}

int mounts_clone_cgroup(const struct plan *plan, const char *controller, struct ts_error *e)
{
	for (size_t i = 0; i < plan->n_cgroups; i++)
		if (strcmp(plan->cgroups[i].controller, controller) == 0)
			return clone_one(&plan->cgroups[i], e);
	return ts_fail(e, ENOENT, "the task has no cgroup of", controller);
}

/* "cpu,cpuacct" of /sys/fs/cgroup/cpu,cpuacct/x: as the host names the hierarchy. */
static void hierarchy_name(const struct plan_cgroup *cgroup, char ret[static NAME_MAX + 1])
{
	static const char top[] = "/sys/fs/cgroup/";
	const char *name = cgroup->path + sizeof top - 1;

	if (strncmp(cgroup->path, top, sizeof top - 1) != 0)
		name = cgroup->controller;
	(void)snprintf(ret, NAME_MAX + 1, "%.*s", (int)strcspn(name, "/"), name);
}

/* "cpu" and "cpuacct" -> "cpu,cpuacct", as on the host. */
static int make_links(int dir_fd, const char *name, struct ts_error *e)
{
	char word[NAME_MAX + 1];

	if (!strchr(name, ','))
		return 0;
	for (const char *at = name; *at; at += *at == ',') {
		size_t len = strcspn(at, ",");

		(void)snprintf(word, sizeof word, "%.*s", (int)len, at);
		if (symlinkat(name, dir_fd, word) < 0 && errno != EEXIST)
			return ts_fail(e, errno, "make link to cgroup hierarchy", word);
		at += len;
	}
	return 0;
}

/* A hierarchy of two controllers is there once. */
static int attach_one(int dir_fd, const struct plan_cgroup *cgroup, bool read_only,
		      struct ts_error *e)
{
	char name[NAME_MAX + 1];
	_cleanup_fd_ int tree = -1;
	_cleanup_fd_ int target = -1;

	hierarchy_name(cgroup, name);
	if (mkdirat(dir_fd, name, 0755) < 0)
		return errno == EEXIST
			       ? 0
			       : ts_fail(e, errno, "make directory for cgroup hierarchy", name);
	tree = clone_one(cgroup, e);
	if (tree < 0)
		return -1;
	if (read_only && mount_set(tree, MOUNT_ATTR_RDONLY, 0, 0, false) < 0)
		return ts_fail(e, errno, "make read-only the cgroup", cgroup->path);
	target = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
	if (target < 0 || mount_move(tree, target) < 0)
		return ts_fail(e, errno, "mount cgroup hierarchy", name);
	return make_links(dir_fd, name, e);
}

int mounts_attach_cgroups(const struct task *task, const struct oci_mount *mount,
			  struct ts_error *e)
{
	const char *label = task->plan->config->linux_.mount_label;
	const struct mount_parameter parameters[] = {{"mode", "0755"},
						     {"size", "64k"},
						     {"source", "cgroup"},
						     {label ? "context" : NULL, label},
						     {NULL, NULL}};
	const struct mount_options *o = &mount->parsed;
	uint64_t all = o->attr_set | o->rec_attr_set;
	bool read_only = all & MOUNT_ATTR_RDONLY;
	_cleanup_fd_ int fd = mount_new("tmpfs", parameters, MOUNTS_CGROUP_ALWAYS, e);

	if (fd < 0)
		return -1;
	/* attached first: before Linux 6.15 nothing can be mounted below a detached mount */
	if (mounts_attach(task, fd, mount, e) < 0)
		return -1;
	for (size_t i = 0; i < task->plan->n_cgroups; i++)
		if (attach_one(fd, &task->plan->cgroups[i], read_only, e) < 0)
			return -1;
	if (mount_set(fd, (all | MOUNTS_CGROUP_ALWAYS) & ~(uint64_t)MOUNT_ATTR_IDMAP,
		      o->attr_clr & ~(uint64_t)MOUNTS_CGROUP_ALWAYS, o->propagation, false) < 0)
		return ts_fail(e, errno, "set options of the mount on", mount->destination);
	return 0;
}
