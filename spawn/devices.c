/* linux.devices, and the default devices and links of OCI ("Default Devices", "Dev symbolic links").
 *
 * Nodes are made only in a /dev that is the task's own, a tmpfs that mounts[] put there, and that is reached by the
 * descriptor of that mount. Default devices are made nowhere else. Those of the config may be anywhere: there, where a node
 * would lie on the host's disk or in the host's /dev, or on a mount that is nodev, one is made in a tmpfs that nobody sees
 * and bound onto an empty file. Where mknod(2) is not allowed, as in a user namespace, the host's own node is bound. */
#include "spawn/mount_sys.h"
#include "spawn/steps.h"

#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* A device to be made. */
struct node {
	const char *path; /* in the task; the host's may have it there too */
	mode_t type; /* S_IFCHR, S_IFBLK, S_IFIFO */
	dev_t device;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

struct maker {
	const struct task *task;
	dev_t dev; /* st_dev of the task's own /dev */
	int scratch_fd; /* the tmpfs that nobody sees; -1: not needed yet */
	unsigned n_scratch;
};

static bool is_node(const struct stat *st, const struct node *node)
{
	return (st->st_mode & S_IFMT) == node->type &&
	       (node->type == S_IFIFO || st->st_rdev == node->device);
}

/* --- the host's node --- */

static int open_host_node(const struct node *node, const char *path)
{
	_cleanup_fd_ int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (is_node(&st, node))
		return ts_fd_take(&fd);
	errno = ENODEV;
	return -1;
}

/* The path at which devtmpfs has the device, from sysfs; -1 if the kernel knows no such device. */
static int find_host_path(const struct node *node, char ret[static PATH_MAX])
{
	char path[64], text[1024], *name;

	(void)snprintf(path, sizeof path, "/sys/dev/%s/%u:%u/uevent",
		       node->type == S_IFBLK ? "block" : "char", major(node->device),
		       minor(node->device));
	if (ts_read_text_at(AT_FDCWD, path, text, sizeof text) < 0)
		return -1;
	name = strstr(text, "DEVNAME=");
	if (!name)
		return -1;
	name += strlen("DEVNAME=");
	(void)snprintf(ret, PATH_MAX, "/dev/%.*s", (int)strcspn(name, "\n"), name);
	return 0;
}

/* A detached bind mount of the host's node: at the same path, or where the kernel says that it is. Read-only, which a device
 * is not hindered by: its owner in the task must not change its mode on the host. */
static int clone_host_node(const struct node *node, struct ts_error *e)
{
	_cleanup_fd_ int fd = open_host_node(node, node->path);
	_cleanup_fd_ int tree = -1;
	char path[PATH_MAX];

	if (fd < 0 && find_host_path(node, path) == 0)
		fd = open_host_node(node, path);
	if (fd < 0)
		return ts_fail(e, EPERM, "mknod is not allowed, and the host has no such device",
			       node->path);
	tree = mount_clone(fd, "", false);
	if (tree < 0 || mount_set(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
				  0, MS_PRIVATE, false) < 0)
		return ts_fail(e, errno, "clone the host's device", node->path);
	return ts_fd_take(&tree);
}

/* --- a node of its own that is bound --- */

/* The scratch tmpfs lies on the root itself, where no path leads: see rootfs.c. It has to be attached to be cloned from. */
static int open_scratch(struct maker *maker, struct ts_error *e)
{
	const char *label = maker->task->plan->config->linux_.mount_label;
	const struct mount_parameter parameters[] = {
		{"mode", "0700"}, {"size", "64k"}, {label ? "context" : NULL, label}, {NULL, NULL}};
	_cleanup_fd_ int fd = -1;

	if (maker->scratch_fd >= 0)
		return 0;
	fd = mount_new("tmpfs", parameters, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, e);
	if (fd < 0)
		return -1;
	if (mount_move(fd, maker->task->root_fd) < 0)
		return ts_fail(e, errno, "attach the tmpfs for", "linux.devices");
	maker->scratch_fd = ts_fd_take(&fd);
	return 0;
}

static int close_scratch(struct maker *maker, struct ts_error *e)
{
	char path[48];

	if (maker->scratch_fd < 0)
		return 0;
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", maker->scratch_fd);
	if (umount2(path, MNT_DETACH) < 0)
		return ts_fail(e, errno, "detach the tmpfs for", "linux.devices");
	ts_fd_closep(&maker->scratch_fd);
	return 0;
}

static int make_node(int dir_fd, const char *name, const struct node *node)
{
	if (mknodat(dir_fd, name, node->type | node->mode, node->device) < 0)
		return -1;
	return fchownat(dir_fd, name, node->uid, node->gid, AT_SYMLINK_NOFOLLOW);
}

/* A detached mount of the device. */
static int clone_node(struct maker *maker, const struct node *node, struct ts_error *e)
{
	_cleanup_fd_ int fd = -1;
	_cleanup_fd_ int tree = -1;
	char name[16];

	if (open_scratch(maker, e) < 0)
		return -1;
	(void)snprintf(name, sizeof name, "%u", maker->n_scratch++);
	if (make_node(maker->scratch_fd, name, node) < 0)
		return errno == EPERM ? clone_host_node(node, e)
				      : ts_fail(e, errno, "make device", node->path);
	fd = openat(maker->scratch_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	tree = fd < 0 ? -1 : mount_clone(fd, "", false);
	if (tree < 0)
		return ts_fail(e, errno, "clone device", node->path);
	return ts_fd_take(&tree);
}

/* --- where it goes --- */

/* Opens what @name in @dir_fd is, made as an empty file if it is missing; an empty file may be an earlier start's. Returns
 * an fd, -2 when the device is there already, or -1 with @e filled. */
static int open_mount_point(int dir_fd, const char *name, const struct node *node,
			    struct ts_error *e)
{
	_cleanup_fd_ int fd = -1;
	struct stat st;

	if (mknodat(dir_fd, name, S_IFREG | 0644, 0) < 0 && errno != EEXIST)
		return ts_fail(e, errno, "make mount point", node->path);
	fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return ts_fail(e, errno, "open mount point", node->path);
	if (is_node(&st, node))
		return -2;
	if (!S_ISREG(st.st_mode) || st.st_size > 0)
		return ts_fail(e, EEXIST, "something else is where a device is to be", node->path);
	return ts_fd_take(&fd);
}

/* Moves the device that is mounted at @tree onto @name in @dir_fd. */
static int bind_node(int tree, int dir_fd, const char *name, const struct node *node,
		     struct ts_error *e)
{
	_cleanup_fd_ int target = -1;
	int fd = open_mount_point(dir_fd, name, node, e);

	if (fd < 0)
		return fd == -2 ? 0 : -1;
	target = fd;
	if (mount_move(tree, target) < 0)
		return ts_fail(e, errno, "bind device on", node->path);
	return 0;
}

static int bind_host_node(int dir_fd, const char *name, const struct node *node, struct ts_error *e)
{
	_cleanup_fd_ int tree = clone_host_node(node, e);

	return tree < 0 ? -1 : bind_node(tree, dir_fd, name, node, e);
}

/* In the task's own /dev. What is there and is the device gets owner and mode, unless it is a mount. */
static int make_in_own_dev(struct maker *maker, int dir_fd, const char *name,
			   const struct node *node, struct ts_error *e)
{
	struct stat st;

	if (make_node(dir_fd, name, node) == 0)
		return 0;
	if (errno == EPERM)
		return bind_host_node(dir_fd, name, node, e);
	if (errno != EEXIST || fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return ts_fail(e, errno, "make device", node->path);
	if (!is_node(&st, node))
		return ts_fail(e, EEXIST, "something else is where a device is to be", node->path);
	if (st.st_dev != maker->dev)
		return 0;
	if (fchmodat(dir_fd, name, node->mode, 0) < 0 ||
	    fchownat(dir_fd, name, node->uid, node->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return ts_fail(e, errno, "set owner and mode of device", node->path);
	return 0;
}

/* Opens the directory of @path in the root, made if it is missing, and finds the last component. */
static int open_directory(int root_fd, const char *path, char name[static NAME_MAX + 1])
{
	const char *end = path + strlen(path), *start;
	char directory[PATH_MAX];

	while (end > path && end[-1] == '/')
		end--;
	for (start = end; start > path && start[-1] != '/'; start--)
		;
	if (start == end || end - start > NAME_MAX || start - path >= PATH_MAX) {
		errno = start == end ? EINVAL : ENAMETOOLONG;
		return -1;
	}
	memcpy(name, start, (size_t)(end - start));
	name[end - start] = '\0';
	memcpy(directory, path, (size_t)(start - path));
	directory[start - path] = '\0';
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		errno = EINVAL;
		return -1;
	}
	return ts_mkdir_in_root(root_fd, directory, 0755, NULL);
}

static int make_one(struct maker *maker, const struct node *node, struct ts_error *e)
{
	char name[NAME_MAX + 1];
	_cleanup_fd_ int dir = open_directory(maker->task->root_fd, node->path, name);
	_cleanup_fd_ int tree = -1;
	struct stat st;

	if (dir < 0 || fstat(dir, &st) < 0)
		return ts_fail(e, errno, "make directory of device", node->path);
	if (maker->task->dev_fd >= 0 && st.st_dev == maker->dev)
		return make_in_own_dev(maker, dir, name, node, e);
	tree = clone_node(maker, node, e);
	return tree < 0 ? -1 : bind_node(tree, dir, name, node, e);
}

static struct node node_of(const struct oci_device *device)
{
	return (struct node){
		.path = device->path,
		.type = device->type == 'c'   ? S_IFCHR
			: device->type == 'b' ? S_IFBLK
					      : S_IFIFO,
		.device = makedev((unsigned)device->major.value, (unsigned)device->minor.value),
		.mode = device->file_mode.set ? (mode_t)device->file_mode.value & 07777 : 0600,
		.uid = (uid_t)device->uid.value,
		.gid = (gid_t)device->gid.value,
	};
}

static int make_configured(const struct task *task, struct ts_error *e)
{
	const struct oci_linux *l = &task->plan->config->linux_;
	struct maker maker = {.task = task, .scratch_fd = -1};
	struct stat st;
	int r = 0;

	if (l->n_devices == 0)
		return 0;
	if (task->dev_fd >= 0) {
		if (fstat(task->dev_fd, &st) < 0)
			return ts_fail(e, errno, "stat", "/dev");
		maker.dev = st.st_dev;
	}
	for (size_t i = 0; r == 0 && i < l->n_devices; i++) {
		struct node node = node_of(&l->devices[i]);

		r = make_one(&maker, &node, e);
	}
	if (r == 0)
		r = close_scratch(&maker, e);
	ts_fd_closep(&maker.scratch_fd);
	return r;
}

/* --- the default ones --- */

static const struct {
	const char *path;
	unsigned major, minor;
} devices[] = {{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
	       {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0}};

static const struct {
	const char *name, *target;
} links[] = {{"fd", "/proc/self/fd"},
	     {"stdin", "/proc/self/fd/0"},
	     {"stdout", "/proc/self/fd/1"},
	     {"stderr", "/proc/self/fd/2"}};

static bool has_mount(const struct plan *plan, const char *destination)
{
	for (size_t i = 0; i < plan->n_mounts; i++)
		if (strcmp(plan->mounts[i].destination, destination) == 0)
			return true;
	return false;
}

static int make_link(int dev_fd, const char *target, const char *name, struct ts_error *e)
{
	if (symlinkat(target, dev_fd, name) < 0 && errno != EEXIST)
		return ts_fail(e, errno, "make link in /dev", name);
	return 0;
}

static int make_default(const struct task *task, size_t i, struct ts_error *e)
{
	const char *name = devices[i].path + sizeof "/dev/" - 1;
	struct node node = {.path = devices[i].path,
			    .type = S_IFCHR,
			    .device = makedev(devices[i].major, devices[i].minor)};

	/* EEXIST: linux.devices has one of its own, or mounts[] bound one there */
	if (mknodat(task->dev_fd, name, S_IFCHR | 0666, node.device) == 0 || errno == EEXIST)
		return 0;
	if (errno == EPERM)
		return bind_host_node(task->dev_fd, name, &node, e);
	return ts_fail(e, errno, "make device in /dev", name);
}

static int make_defaults(const struct task *task, struct ts_error *e)
{
	for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++)
		if (make_default(task, i, e) < 0)
			return -1;
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
		if (make_link(task->dev_fd, links[i].target, links[i].name, e) < 0)
			return -1;
	return has_mount(task->plan, "/dev/pts") ? make_link(task->dev_fd, "pts/ptmx", "ptmx", e)
						 : 0;
}

/* OCI: the terminal is the console. An empty file carries the mount, or the device that linux.devices has there; a symlink, which
 * the /dev of an image may have (tmpcopyup), would lead away (CVE-2025-52565). */
static int bind_console(const struct task *task, struct ts_error *e)
{
	_cleanup_fd_ int target = -1;
	_cleanup_fd_ int tree = -1;
	struct stat st;

	if (task->terminal_fd < 0 || has_mount(task->plan, "/dev/console"))
		return 0;
	if (mknodat(task->dev_fd, "console", S_IFREG | 0600, 0) < 0 && errno != EEXIST)
		return ts_fail(e, errno, "make mount point", "/dev/console");
	target = openat(task->dev_fd, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0 || fstat(target, &st) < 0)
		return ts_fail(e, errno, "open mount point", "/dev/console");
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return ts_fail(e, EEXIST, "something else is where the terminal is to be",
			       "/dev/console");
	tree = mount_clone(task->terminal_fd, "", false);
	if (tree < 0 || mount_move(tree, target) < 0)
		return ts_fail(e, errno, "bind the terminal on", "/dev/console");
	return 0;
}

/* The /dev that mounts[] asked to be read-only can be it now: see mounts.c. */
static int finish_dev(const struct task *task, struct ts_error *e)
{
	bool read_only = false;

	for (size_t i = 0; i < task->plan->n_mounts; i++)
		if (strcmp(task->plan->mounts[i].destination, "/dev") == 0)
			read_only = task->plan->mounts[i].parsed.attr_set & MOUNT_ATTR_RDONLY;
	if (read_only && mount_set(task->dev_fd, MOUNT_ATTR_RDONLY, 0, 0, false) < 0)
		return ts_fail(e, errno, "make read-only", "/dev");
	return 0;
}

int step_devices(struct task *task, struct ts_error *e)
{
	if (task->root_fd < 0)
		return 0;
	if (make_configured(task, e) < 0)
		return -1;
	if (task->dev_fd < 0)
		return 0;
	if (make_defaults(task, e) < 0 || bind_console(task, e) < 0 || finish_dev(task, e) < 0)
		return -1;
	ts_fd_closep(&task->dev_fd);
	return 0;
}
