/* maskedPaths and readonlyPaths: OCI "Masked Paths", "Readonly Paths". A path that is not there needs no cover. */
#include "spawn/mount_sys.h"
#include "spawn/steps.h"

#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* What covers a file: the host's /dev/null, proven to be it. The root's own could be anything (CVE-2025-31133). */
static int open_null(struct ts_error *e)
{
	_cleanup_fd_ int fd = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return ts_fail(e, errno, "open", "/dev/null");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return ts_fail(e, ENODEV, "not the null device", "/dev/null");
	return ts_fd_take(&fd);
}

struct covers {
	int null_fd; /* the host's /dev/null */
	int directory_fd; /* an empty, read-only tmpfs, made for the first directory and attached there */
};

static int clone_cover(struct covers *covers, bool directory, struct ts_error *e)
{
	static const struct mount_parameter parameters[] = {
		{"mode", "0755"}, {"size", "0"}, {"nr_inodes", "1"}, {NULL, NULL}};
	_cleanup_fd_ int fd = -1;

	if (directory && covers->directory_fd < 0) {
		covers->directory_fd = mount_new("tmpfs", parameters,
						 MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
							 MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
						 e);
		if (covers->directory_fd < 0)
			return -1;
		/* The first directory gets the filesystem itself: to close a mount that was never attached
		 * takes the kernel an RCU grace period (0.1 ms). */
		fd = fcntl(covers->directory_fd, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? ts_fail(e, errno, "duplicate cover", NULL) : ts_fd_take(&fd);
	}
	if (!directory && covers->null_fd < 0) {
		covers->null_fd = open_null(e);
		if (covers->null_fd < 0)
			return -1;
	}
	fd = mount_clone(directory ? covers->directory_fd : covers->null_fd, "", false);
	if (fd < 0)
		return ts_fail(e, errno, "clone cover", NULL);
	/* no nodev: reading a masked file shall give nothing, not an error */
	if (!directory && mount_set(fd, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
				    0, MS_PRIVATE, false) < 0)
		return ts_fail(e, errno, "make cover read-only", NULL);
	return ts_fd_take(&fd);
}

static int mask_one(int root_fd, const char *path, struct covers *covers, struct ts_error *e)
{
	_cleanup_fd_ int target = ts_open_in_root(root_fd, path, O_PATH);
	_cleanup_fd_ int cover = -1;
	struct stat st;

	if (target < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : ts_fail(e, errno, "open masked path", path);
	if (fstat(target, &st) < 0)
		return ts_fail(e, errno, "stat masked path", path);
	cover = clone_cover(covers, S_ISDIR(st.st_mode), e);
	if (cover < 0)
		return -1;
	if (mount_move(cover, target) < 0)
		return ts_fail(e, errno, "cover masked path", path);
	return 0;
}

static int make_read_only(int root_fd, const char *path, struct ts_error *e)
{
	_cleanup_fd_ int target = ts_open_in_root(root_fd, path, O_PATH);
	_cleanup_fd_ int tree = -1;

	if (target < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : ts_fail(e, errno, "open read-only path", path);
	tree = mount_clone(target, "", true);
	if (tree < 0 || mount_set(tree, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE, true) < 0)
		return ts_fail(e, errno, "clone read-only path", path);
	if (mount_move(tree, target) < 0)
		return ts_fail(e, errno, "mount read-only path", path);
	return 0;
}

static int mask_all(const struct task *task, struct covers *covers, struct ts_error *e)
{
	const struct str_list *masked = &task->plan->masked_paths;
	const struct str_list *readonly = &task->plan->readonly_paths;

	for (size_t i = 0; i < masked->n; i++)
		if (mask_one(task->root_fd, masked->v[i], covers, e) < 0)
			return -1;
	for (size_t i = 0; i < readonly->n; i++)
		if (make_read_only(task->root_fd, readonly->v[i], e) < 0)
			return -1;
	return 0;
}

int step_mask(struct task *task, struct ts_error *e)
{
	struct covers covers = {.null_fd = -1, .directory_fd = -1};
	int r;

	if (task->root_fd < 0)
		return 0;
	r = mask_all(task, &covers, e);
	ts_fd_closep(&covers.null_fd);
	ts_fd_closep(&covers.directory_fd);
	return r;
}
