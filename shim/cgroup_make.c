/* Makes, marks and limits a task's cgroups. */
#include "shim/cgroup.h"

#include "protocol/state_files.h"
#include "util/fd.h"
#include "util/path.h"
#include "util/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The mark's value on parents that we made: they are removed when empty. */
static const char parent_mark[] = "parent";

enum {
	PARENT_TRIES =
		16 /* another task's end may remove a parent between our mkdir and the next */
};

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_CGROUP;
	return ts_fail(e, err, what, object);
}

static int note_parent(int state_dir_fd, const char *path)
{
	int r = symlinkat(path, state_dir_fd, STATEDIR_PARENT);

	if (r < 0 && errno == EEXIST && unlinkat(state_dir_fd, STATEDIR_PARENT, 0) == 0)
		r = symlinkat(path, state_dir_fd, STATEDIR_PARENT);
	return r;
}

/* Without its mark nobody may remove a parent later, and who dies between mkdir and the mark leaves a note instead. One that
 * is there already is fine. */
static int make_parent(const char *path, int state_dir_fd)
{
	int r;

	if (access(path, F_OK) == 0)
		return 0;
	if (note_parent(state_dir_fd, path) < 0)
		return -1;
	r = mkdir(path, 0755);
	if (r == 0) {
		r = ts_cgroup_set_mark(path, parent_mark, sizeof parent_mark - 1);
		if (r < 0) {
			int keep = errno;

			(void)rmdir(path);
			errno = keep;
		}
	} else if (errno == EEXIST) {
		r = 0;
	}
	if (r == 0)
		(void)unlinkat(state_dir_fd, STATEDIR_PARENT, 0);
	return r;
}

void cgroup_remove_noted(int state_dir_fd, const char *mount)
{
	char path[PATH_MAX];
	ssize_t n = readlinkat(state_dir_fd, STATEDIR_PARENT, path, sizeof path - 1);

	if (n <= 0)
		return;
	path[n] = '\0';
	if (!ts_path_is_normal(path) || !ts_path_is_below(path, mount) || strcmp(path, mount) == 0)
		return;
	/* marked after all, or not; rmdir takes nothing but an empty one, and another task's is marked for whoever is the last */
	if (cgroup_remove_parent(path) < 0 && ts_cgroup_get_mark(path, NULL, 0) < 0 &&
	    errno == ENODATA && rmdir(path) < 0 && errno == EBUSY)
		(void)ts_cgroup_set_mark(path, parent_mark, sizeof parent_mark - 1);
	cgroup_remove_parents(path);
}

/* Makes the missing directories above @path (its own last component excluded) and marks those. */
static int make_parents(const char *path, size_t root_len, int state_dir_fd)
{
	char parent[PATH_MAX];

	if (snprintf(parent, sizeof parent, "%s", path) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (char *slash = parent + root_len; (slash = strchr(slash + 1, '/')); *slash = '/') {
		*slash = '\0';
		if (make_parent(parent, state_dir_fd) < 0)
			return -1;
	}
	return 0;
}

/* Replaces the hierarchy's name in @dir->path by @target. */
static int rename_hierarchy(struct cgroup_dir *dir, const char *target)
{
	size_t parent_len = dir->root_len - strlen(dir->controller);
	char *path;

	if (asprintf(&path, "%.*s%s%s", (int)parent_len, dir->path, target,
		     dir->path + dir->root_len) < 0) {
		errno = ENOMEM;
		return -1;
	}
	dir->root_len = parent_len + strlen(target);
	free(dir->path);
	dir->path = path;
	return 0;
}

/* Returns 1 when the hierarchy is there, 0 when not, -1 and errno. */
static int resolve_hierarchy(struct cgroup_dir *dir)
{
	char root[PATH_MAX], target[NAME_MAX + 1];
	ssize_t n;

	if (snprintf(root, sizeof root, "%.*s", (int)dir->root_len, dir->path) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	n = readlink(root, target, sizeof target - 1);
	if (n < 0)
		return errno == EINVAL ? 1 : errno == ENOENT ? 0 : -1; /* EINVAL: no symlink */
	target[n] = '\0';
	if (strchr(target, '/')) {
		errno = ELOOP;
		return -1;
	}
	return rename_hierarchy(dir, target) < 0 ? -1 : 1;
}

static int fail_unmounted(const struct cgroup_dir *dir, struct ts_error *e)
{
	e->step = TS_STEP_CGROUP;
	return ts_failf(e, ENOENT, "linux.resources.%s: controller is not mounted: %s", dir->field,
			dir->controller);
}

int cgroup_resolve(struct cgroup_plan *plan, struct ts_error *e)
{
	for (size_t i = 0; i < plan->n_dirs;) {
		struct cgroup_dir *dir = &plan->dirs[i];
		int r = dir->v2 ? 1 : resolve_hierarchy(dir); /* v2: statfs(2) has proven it */

		if (r < 0)
			return fail(e, errno, "find hierarchy", dir->path);
		if (r == 0 && dir->field)
			return fail_unmounted(dir, e);
		if (r == 1) {
			i++;
			continue;
		}
		cgroup_plan_drop(plan, i); /* no write refers to it: those come with .field */
	}
	return 0;
}

static int make_dir(const struct cgroup_dir *dir, int state_dir_fd, struct ts_error *e)
{
	int r = -1;

	for (int tries = 0; tries < PARENT_TRIES; tries++) {
		r = mkdir(dir->path, 0755);
		if (r == 0 || errno != ENOENT)
			break;
		if (make_parents(dir->path, dir->root_len, state_dir_fd) < 0 && errno != ENOENT)
			break;
	}
	if (r == 0)
		return 0;
	(void)fail(e, errno, "make cgroup", dir->path);
	cgroup_remove_parents(dir->path);
	return -1;
}

/* --- what a new cgroup must have --- */

/* A new cpuset of v1 has no CPUs and no memory nodes, and no task can join until it has: both come from the parent. */
static int fill_cpuset(const char *dir_path, size_t root_len)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
	char parent[PATH_MAX], text[4096], path[PATH_MAX + 32];
	size_t len = strlen(dir_path);

	if (len <= root_len)
		return 0;
	while (dir_path[len - 1] != '/')
		len--;
	(void)snprintf(parent, sizeof parent, "%.*s", (int)len - 1, dir_path);
	if (fill_cpuset(parent, root_len) < 0)
		return -1;
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", dir_path, files[i]);
		if (ts_read_text_at(AT_FDCWD, path, text, sizeof text) < 0)
			return -1;
		if (text[0] != '\n' && text[0] != '\0')
			continue;
		(void)snprintf(path, sizeof path, "%s/%s", parent, files[i]);
		if (ts_read_text_at(AT_FDCWD, path, text, sizeof text) < 0)
			return -1;
		(void)snprintf(path, sizeof path, "%s/%s", dir_path, files[i]);
		if (ts_write_value_at(AT_FDCWD, path, text) < 0)
			return -1;
	}
	return 0;
}

/* Before the task is born there: it never runs without them. */
static int attach_devices(const struct cgroup_plan *plan, const struct cgroup_dir *dir,
			  struct ts_error *e)
{
	_cleanup_fd_ int fd = -1;

	if (!plan->devices.v)
		return 0;
	fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(e, errno, "open cgroup", dir->path);
	return device_rules_attach(&plan->devices, fd, e);
}

/* Of several controllers that are mounted together one has made the cgroup of all. */
static bool is_made(const struct cgroup_plan *plan, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (strcmp(plan->dirs[i].path, plan->dirs[index].path) == 0)
			return true;
	return false;
}

/* By the names of the hierarchy's directory: "cpuset", "cpu,cpuset". */
static bool has_cpuset(const struct cgroup_dir *dir)
{
	char name[NAME_MAX + 1], *save = NULL;
	const char *start = dir->path + dir->root_len;

	if (dir->v2)
		return false;
	while (start > dir->path && start[-1] != '/')
		start--;
	(void)snprintf(name, sizeof name, "%.*s", (int)(dir->path + dir->root_len - start), start);
	for (char *word = strtok_r(name, ",", &save); word; word = strtok_r(NULL, ",", &save))
		if (strcmp(word, "cpuset") == 0)
			return true;
	return false;
}

int cgroup_make(const struct cgroup_plan *plan, struct cgroup_refs *refs, int state_dir_fd,
		const struct warner *warner, struct ts_error *e)
{
	for (size_t i = 0; i < plan->n_dirs; i++) {
		const struct cgroup_dir *dir = &plan->dirs[i];

		if (is_made(plan, i))
			continue;
		if (make_dir(dir, state_dir_fd, e) < 0)
			return -1;
		if (cgroup_refs_add(refs, dir->controller, dir->path, 0) < 0) {
			(void)rmdir(dir->path);
			return fail(e, errno, "cgroup", dir->path);
		}
		if (ts_cgroup_set_mark(dir->path, refs->run_id, TS_RUN_ID_LEN) < 0) {
			(void)fail(e, errno, "mark cgroup", dir->path);
			(void)rmdir(dir->path); /* without the mark nobody may remove it later */
			cgroup_remove_parents(dir->path);
			return -1;
		}
		if (dir->v2 &&
		    (cgroup_enable(plan, dir, e) < 0 || attach_devices(plan, dir, e) < 0))
			return -1;
		if (has_cpuset(dir) && fill_cpuset(dir->path, dir->root_len) < 0)
			return fail(e, errno, "fill cpuset of", dir->path);
	}
	return cgroup_write_limits(plan, warner, e);
}

/* --- the cgroup of detached monitors --- */

/* Where the cgroup of monitors is, by layout. */
static const char *const monitors_hierarchy[] = {
	[TS_CGROUP_V1] = "/systemd", [TS_CGROUP_HYBRID] = "/unified", [TS_CGROUP_V2] = ""};

static void monitors_path(const char *mount, enum ts_cgroup_layout layout,
			  char ret[static PATH_MAX], size_t *root_len)
{
	*root_len = strlen(mount) + strlen(monitors_hierarchy[layout]);
	(void)snprintf(ret, PATH_MAX, "%s%s/taskshim/monitors", mount, monitors_hierarchy[layout]);
}

int cgroup_open_monitors(const char *mount, enum ts_cgroup_layout layout, int state_dir_fd,
			 int *ret_dir_fd, int *ret_tasks_fd, struct ts_error *e)
{
	char path[PATH_MAX];
	size_t root_len;
	int fd = -1;

	*ret_dir_fd = *ret_tasks_fd = -1;
	if (layout == TS_CGROUP_NONE)
		return 0;
	monitors_path(mount, layout, path, &root_len);
	if (layout == TS_CGROUP_V1) {
		path[root_len] = '\0';
		if (access(path, F_OK) < 0)
			return 0; /* no name=systemd: no service manager that would kill by it */
		path[root_len] = '/';
	}
	for (int tries = 0; fd < 0 && tries < PARENT_TRIES; tries++) {
		if (make_parents(path, root_len, state_dir_fd) < 0 && errno != ENOENT)
			break;
		if (make_parent(path, state_dir_fd) < 0 && errno != ENOENT)
			break;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0) {
		(void)fail(e, errno, "make cgroup", path);
		cgroup_remove_parents(path);
		return -1;
	}
	if (layout != TS_CGROUP_V1) {
		*ret_dir_fd = fd;
		return 0;
	}
	*ret_tasks_fd = openat(fd, "tasks", O_WRONLY | O_CLOEXEC);
	if (*ret_tasks_fd < 0)
		(void)fail(e, errno, "open tasks of", path);
	(void)close(fd);
	return *ret_tasks_fd < 0 ? -1 : 0;
}

static bool is_dead(pid_t pid)
{
	char path[64], text[4096], state = '?';

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (ts_read_text_at(AT_FDCWD, path, text, sizeof text) < 0)
		return errno == ENOENT || errno == ESRCH;
	return ts_proc_stat_parse(text, &(uint64_t){0}, &state) == 0 &&
	       (state == 'Z' || state == 'X');
}

/* Whether the cgroup @path lists nobody but the dead, which it may do for a moment. */
static bool lists_nobody(const char *path)
{
	char procs[PATH_MAX + 16], text[4096], *at = text, *end;

	(void)snprintf(procs, sizeof procs, "%s/cgroup.procs", path);
	if (ts_read_text_at(AT_FDCWD, procs, text, sizeof text) < 0)
		return false; /* or there are so many that some live */
	for (long pid; (pid = strtol(at, &end, 10)) != 0 || end != at; at = end)
		if (pid > 0 &&
		    !is_dead((pid_t)pid)) /* 0: of a pid namespace elsewhere, or reaped */
			return false;
	return true;
}

/* A monitor that has ended counts until the kernel has switched away from it for the last time (Linux 6.18), which is
 * after its pidfd has told: rmdir answers EBUSY though nobody lives there. That takes a moment, not 100 ms. */
static int remove_monitors(const char *path)
{
	int r = cgroup_remove_parent(path);

	for (int tries = 0; r < 0 && errno == EBUSY && tries < 100 && lists_nobody(path); tries++) {
		(void)usleep(1000);
		r = cgroup_remove_parent(path);
	}
	return r;
}

void cgroup_remove_monitors(const char *mount)
{
	char path[PATH_MAX];
	size_t root_len;

	/* One of them is there at most, and nothing is removed without its mark. */
	for (enum ts_cgroup_layout layout = TS_CGROUP_V1; layout <= TS_CGROUP_V2; layout++) {
		monitors_path(mount, layout, path, &root_len);
		if (remove_monitors(path) == 0)
			cgroup_remove_parents(path);
	}
}

void cgroup_sweep_parents(const char *mount)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	cgroup_remove_monitors(mount);
	(void)snprintf(path, sizeof path, "%s/taskshim",
		       mount); /* v2: the mount is the hierarchy */
	(void)cgroup_remove_parent(path);
	dir = opendir(mount);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.' &&
		    snprintf(path, sizeof path, "%s/%s/taskshim", mount, entry->d_name) < PATH_MAX)
			(void)cgroup_remove_parent(path);
	}
	if (dir)
		(void)closedir(dir);
}
