/* Thin calls of the mount API: no plan, no order. */
#include "spawn/mount_sys.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

int mount_clone(int dir_fd, const char *path, bool recursive)
{
	return open_tree(dir_fd, path,
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*path ? 0 : AT_EMPTY_PATH) |
				 (recursive ? AT_RECURSIVE : 0));
}

int mount_set(int mount_fd, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive)
{
	struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = propagation};

	/* The access-time attributes are one field: what sets one must clear the field. */
	if (set & MOUNT_ATTR__ATIME || clear & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	return mount_setattr(mount_fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr,
			     sizeof attr);
}

int mount_map(int mount_fd, int userns_fd, bool recursive)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns_fd};

	return mount_setattr(mount_fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr,
			     sizeof attr);
}

int mount_is_root(int fd)
{
	struct statx st;

	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 0, &st) < 0) /* musl has no wrapper */
		return -1;
	return st.stx_attributes & STATX_ATTR_MOUNT_ROOT ? 1 : 0;
}

int mount_move(int mount_fd, int target_fd)
{
	return move_mount(mount_fd, "", target_fd, "",
			  MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* "devpts" -> "devpts with gid=5,ptmxmode=x". */
static void name_options(const char *type, const struct mount_parameter *parameters, char *ret,
			 size_t size)
{
	size_t len = (size_t)snprintf(ret, size, "%s", type);
	const char *before = " with ";

	for (; parameters && parameters->key && len < size; parameters++) {
		const char *value = parameters->value;

		if (strcmp(parameters->key, "source") == 0)
			continue;
		len += (size_t)snprintf(ret + len, size - len, "%s%s%s%s", before, parameters->key,
					value ? "=" : "", value ? value : "");
		before = ",";
	}
}

/* The kernel explains a refused parameter in a message that is read from the context: "e tmpfs: Unknown parameter 'x'". It
 * does not always name it: "e devpts: Bad value". Filesystems of the older kind (devpts before Linux 6.3) look at @parameters
 * when they are made only, and explain nothing: all are named. */
static int fail_context(int fs_fd, const char *what, const char *object,
			const struct mount_parameter *parameters, struct ts_error *e)
{
	char text[256];
	int err = errno;
	ssize_t n = read(fs_fd, text, sizeof text - 1);

	if (n <= 2) {
		name_options(object, parameters, text, sizeof text);
		return ts_fail(e, err, what, text);
	}
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (strstr(text, object))
		return ts_fail(e, err, what, text + 2);
	return ts_failf(e, err, "%s: %s: %s", what, object, text + 2);
}

static int configure(int fs_fd, const struct mount_parameter *parameters, struct ts_error *e)
{
	for (; parameters && parameters->key; parameters++) {
		unsigned command = parameters->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;

		if (fsconfig(fs_fd, command, parameters->key, parameters->value, 0) < 0)
			return fail_context(fs_fd, "mount option refused", parameters->key, NULL,
					    e);
	}
	return 0;
}

int mount_new(const char *type, const struct mount_parameter *parameters, uint64_t attributes,
	      struct ts_error *e)
{
	_cleanup_fd_ int fs_fd = fsopen(type, FSOPEN_CLOEXEC);
	int fd;

	if (fs_fd < 0)
		return ts_fail(e, errno, errno == ENODEV ? "unknown filesystem type" : "fsopen",
			       type);
	if (configure(fs_fd, parameters, e) < 0)
		return -1;
	if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fail_context(fs_fd, "create filesystem", type, parameters, e);
	fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned)attributes);
	if (fd < 0)
		return fail_context(fs_fd, "mount filesystem", type, NULL, e);
	return fd;
}

int mount_reconfigure(int mount_fd, const struct mount_parameter *parameters, struct ts_error *e)
{
	_cleanup_fd_ int fs_fd = fspick(mount_fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);

	if (fs_fd < 0)
		return ts_fail(e, errno, "fspick", NULL);
	if (configure(fs_fd, parameters, e) < 0)
		return -1;
	if (fsconfig(fs_fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return fail_context(fs_fd, "change filesystem", "options", NULL, e);
	return 0;
}
