/* The task's root: a private tmpfs or a directory, attached on top of "/" of the new mount namespace and filled from the
 * host by bind mounts or copies. Until the pivot "/" still names the host's tree: a path walk from the root does not step onto what
 * is mounted on the root itself. So nothing on the host's disk is needed as a mount point. */
#include "spawn/copy_tree.h"
#include "spawn/mount_sys.h"
#include "spawn/source.h"
#include "spawn/steps.h"

#include "protocol/defaults.h"
#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static int attach_root(int root_fd, struct ts_error *e)
{
	_cleanup_fd_ int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (top < 0 || mount_move(root_fd, top) < 0)
		return ts_fail(e, errno, "attach root", "/");
	return 0;
}

/* What is copied in may take as much as the kernel gives a tmpfs. With preset "host" it holds /tmp, too. */
static int make_tmpfs_root(const struct config *config, struct ts_error *e)
{
	const char *label = config->linux_.mount_label;
	const char *size = config->taskshim.chroot == TS_CHROOT_HOST ? "512m" : "64m";
	bool limited = config->taskshim.chroot_method != TS_CHROOT_COPY;
	struct mount_parameter parameters[5] = {{"mode", "0755"}, {"source", "taskshim"}};
	size_t n = 2;

	if (limited)
		parameters[n++] = (struct mount_parameter){"size", size};
	if (label)
		parameters[n] = (struct mount_parameter){"context", label};
	return mount_new("tmpfs", parameters, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, e);
}

/* Slaves of the host's mounts show what the host mounts below the root later: see step_propagation(). */
static bool stays_slave(const struct config *config)
{
	const char *word = config->linux_.rootfs_propagation;

	return word && (strcmp(word, "slave") == 0 || strcmp(word, "rslave") == 0);
}

/* O_NOFOLLOW alone would let a symlink through with O_PATH; with O_DIRECTORY it is ENOTDIR. */
static int open_directory_root(const struct config *config, struct ts_error *e)
{
	const char *path = config->root.path;
	_cleanup_fd_ int dir = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_fd_ int tree = -1;
	struct stat st;

	if (dir < 0 || fstat(dir, &st) < 0)
		return ts_fail(e, errno, "open root", path);
	if (S_ISLNK(st.st_mode))
		return ts_fail(e, ELOOP, "root is a symlink", path);
	if (!S_ISDIR(st.st_mode))
		return ts_fail(e, ENOTDIR, "root is not a directory", path);
	tree = mount_clone(dir, "", true);
	if (tree < 0 || (!stays_slave(config) && mount_set(tree, 0, 0, MS_PRIVATE, true) < 0))
		return ts_fail(e, errno, "clone the mount of root", path);
	return ts_fd_take(&tree);
}

static int fail_target(const char *path, struct ts_error *e)
{
	return ts_fail(e, errno, "make mount point", path);
}

/* Opens, or makes, the mount point at @path for a source that is a directory or not. */
static int open_target(int root_fd, const char *path, bool directory)
{
	return directory ? ts_mkdir_in_root(root_fd, path, 0755, NULL)
			 : ts_mkfile_in_root(root_fd, path);
}

/* Binds the host's @source at @path in the task: with what is mounted below it, read-only, nosuid, nodev. */
static int bind_read_only(const struct task *task, const char *source, const char *path,
			  struct ts_error *e)
{
	_cleanup_fd_ int tree = source_clone(task, source, true);
	_cleanup_fd_ int target = -1;
	struct stat st;

	if (tree < 0 || fstat(tree, &st) < 0)
		return source_fail(e, "bind source", source);
	if (mount_set(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, MS_PRIVATE,
		      true) < 0)
		return ts_fail(e, errno, "make bind mount read-only", source);
	target = open_target(task->root_fd, path, S_ISDIR(st.st_mode));
	if (target < 0)
		return fail_target(path, e);
	if (mount_move(tree, target) < 0)
		return ts_fail(e, errno, "bind mount on", path);
	return 0;
}

/* Opens the directory that a copy is made in, and finds the copy's name in it: @path without its last component. */
static int open_parent(int root_fd, const char *path, const char **ret_name)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (slash - path >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(parent, path, (size_t)(slash - path));
	parent[slash - path] = '\0';
	*ret_name = slash + 1;
	return ts_mkdir_in_root(root_fd, parent, 0755, NULL);
}

/* Copies the host's @source to @path in the task. */
static int copy_in(const struct task *task, const char *source, const char *path,
		   struct ts_error *e)
{
	_cleanup_fd_ int from = source_open(task, source, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	_cleanup_fd_ int to = -1;
	const char *name;
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return source_fail(e, "copy source", source);
	if (S_ISDIR(st.st_mode)) {
		to = ts_mkdir_in_root(task->root_fd, path, 0755, NULL);
		if (to < 0)
			return fail_target(path, e);
		if (copy_tree(from, to, COPY_HARMLESS, e) < 0)
			return -1;
		if (fchownat(to, "", st.st_uid, st.st_gid, AT_EMPTY_PATH) < 0 ||
		    fchmodat(to, ".", st.st_mode & 07777, 0) < 0)
			return ts_fail(e, errno, "set owner and mode of", path);
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return ts_fail(e, EINVAL, "can copy files and directories only", source);
	to = open_parent(task->root_fd, path, &name);
	return to < 0 ? fail_target(path, e) : copy_file(from, to, name, COPY_HARMLESS, e);
}

static int bring_in(const struct task *task, const char *source, const char *path,
		    struct ts_error *e)
{
	if (task->plan->config->taskshim.chroot_method == TS_CHROOT_COPY)
		return copy_in(task, source, path, e);
	return bind_read_only(task, source, path, e);
}

/* A tmpfs of its own: what root.path is on must not be written to. */
static int mount_scratch(const struct task *task, const char *path, const char *mode,
			 struct ts_error *e)
{
	const char *label = task->plan->config->linux_.mount_label;
	const struct mount_parameter parameters[] = {{"mode", mode},
						     {"size", "512m"},
						     {"source", "tmpfs"},
						     {label ? "context" : NULL, label},
						     {NULL, NULL}};
	_cleanup_fd_ int fd =
		mount_new("tmpfs", parameters, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, e);
	_cleanup_fd_ int target = -1;

	if (fd < 0)
		return -1;
	target = ts_mkdir_in_root(task->root_fd, path, 0755, NULL);
	if (target < 0)
		return fail_target(path, e);
	if (mount_move(fd, target) < 0)
		return ts_fail(e, errno, "mount tmpfs on", path);
	return 0;
}

/* In the private tmpfs a directory will do: each superblock costs this start, and with thousands of tasks the removal of
 * every memory cgroup, which visits them all. It is bound on itself where the root is to be read-only and it is not. */
static int make_scratch(const struct task *task, const char *path, mode_t mode, struct ts_error *e)
{
	_cleanup_fd_ int dir = ts_mkdir_in_root(task->root_fd, path, mode, NULL);
	_cleanup_fd_ int tree = -1;

	if (dir < 0)
		return ts_fail(e, errno, "make directory", path);
	if (!task->plan->config->root.readonly)
		return 0;
	tree = mount_clone(dir, "", false);
	if (tree < 0 || mount_move(tree, dir) < 0)
		return ts_fail(e, errno, "bind directory on itself", path);
	return 0;
}

static int fill_scratch(const struct task *task, struct ts_error *e)
{
	static const struct {
		const char *path, *octal;
		mode_t mode;
	} dirs[] = {{"/tmp", "1777", 01777}, {"/run", "0755", 0755}, {"/var/tmp", "1777", 01777}};
	const struct plan *plan = task->plan;

	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++) {
		if (i == 0 && plan->task_dir_fd >= 0)
			continue; /* taskDir mounts its own /tmp there */
		if (plan->config->root.path
			    ? mount_scratch(task, dirs[i].path, dirs[i].octal, e) < 0
			    : make_scratch(task, dirs[i].path, dirs[i].mode, e) < 0)
			return -1;
	}
	return 0;
}

/* Where /etc/resolv.conf or /etc/hosts leads out of /etc, brings in the file it leads to under the same name. */
static int bring_in_resolved(const struct task *task, const char *path, struct ts_error *e)
{
	char real[PATH_MAX];

	if (!realpath(path, real) || ts_path_is_below(real, "/etc") ||
	    ts_path_is_below(real, "/usr") || ts_path_is_below(real, "/opt"))
		return 0; /* nowhere, or in what is bound anyway */
	return bring_in(task, real, real, e);
}

static int fill_one_preset(const struct task *task, const char *name, struct ts_error *e)
{
	char source[16] = "/", link[PATH_MAX];
	struct stat st;
	ssize_t n;

	strncat(source, name, sizeof source - 2);
	if (lstat(source, &st) < 0)
		return errno == ENOENT ? 0 : ts_fail(e, errno, "stat", source);
	if (!S_ISLNK(st.st_mode))
		return bring_in(task, source, source, e);
	n = readlink(source, link, sizeof link - 1);
	if (n < 0)
		return ts_fail(e, errno, "read link", source);
	link[n] = '\0';
	if (symlinkat(link, task->root_fd, name) < 0 && errno != EEXIST)
		return ts_fail(e, errno, "make link", source);
	return 0;
}

static int fill_preset_host(const struct task *task, struct ts_error *e)
{
	for (size_t i = 0; default_host_names[i]; i++)
		if (fill_one_preset(task, default_host_names[i], e) < 0)
			return -1;
	if (fill_scratch(task, e) < 0)
		return -1;
	if (bring_in_resolved(task, "/etc/resolv.conf", e) < 0)
		return -1;
	return bring_in_resolved(task, "/etc/hosts", e);
}

static int fill_map(const struct task *task, struct ts_error *e)
{
	const struct key_value_list *map = &task->plan->config->taskshim.chroot_map;

	for (size_t i = 0; i < map->n; i++)
		if (bring_in(task, map->v[i].value, map->v[i].key, e) < 0)
			return -1;
	return 0;
}

int step_root(struct task *task, struct ts_error *e)
{
	const struct config *config = task->plan->config;
	_cleanup_fd_ int root_fd = -1;

	if (config->taskshim.isolation == TS_ISOLATION_NONE)
		return 0;
	root_fd = config->root.path ? open_directory_root(config, e) : make_tmpfs_root(config, e);
	if (root_fd < 0 || attach_root(root_fd, e) < 0)
		return -1;
	task->root_fd = ts_fd_take(&root_fd);
	switch (config->taskshim.chroot) {
	case TS_CHROOT_HOST:
		return fill_preset_host(task, e);
	case TS_CHROOT_MAP:
		return fill_map(task, e);
	default:
		return 0;
	}
}
