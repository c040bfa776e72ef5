/* Looks at the machine's cgroup hierarchies. */
#include "util/cgroup.h"

#include "util/fd.h"
#include "util/path.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

enum ts_cgroup_layout ts_cgroup_layout(const char *mount)
{
	char path[PATH_MAX];
	struct statfs fs;

	if (statfs(mount, &fs) < 0)
		return TS_CGROUP_NONE;
	if (fs.f_type == CGROUP2_SUPER_MAGIC)
		return TS_CGROUP_V2;
	(void)snprintf(path, sizeof path, "%s/unified", mount);
	if (statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
		return TS_CGROUP_HYBRID;
	(void)snprintf(path, sizeof path, "%s/memory", mount);
	if (statfs(path, &fs) == 0 && fs.f_type == CGROUP_SUPER_MAGIC)
		return TS_CGROUP_V1;
	(void)snprintf(path, sizeof path, "%s/freezer", mount);
	return statfs(path, &fs) == 0 && fs.f_type == CGROUP_SUPER_MAGIC ? TS_CGROUP_V1
									 : TS_CGROUP_NONE;
}

int ts_cgroup_open(const char *path, bool v2)
{
	_cleanup_fd_ int fd = ts_open_no_symlinks(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return -1;
	if (fs.f_type != (v2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC)) {
		errno = EMEDIUMTYPE;
		return -1;
	}
	return ts_fd_take(&fd);
}

int ts_cgroup_read_u64(int dir_fd, const char *file, uint64_t *ret)
{
	char text[64], *end;

	if (ts_read_text_at(dir_fd, file, text, sizeof text) < 0)
		return -1;
	if (strncmp(text, "max", 3) == 0) {
		*ret = UINT64_MAX;
		return 0;
	}
	errno = 0;
	uint64_t value = strtoull(text, &end, 10);

	if (errno || end == text) {
		errno = errno ? errno : EINVAL;
		return -1;
	}
	*ret = value;
	return 0;
}

int ts_cgroup_read_key(int dir_fd, const char *file, const char *key, uint64_t *ret)
{
	char text[8192];
	int r;

	if (ts_read_text_at(dir_fd, file, text, sizeof text) < 0)
		return -1;
	r = ts_cgroup_key_parse(text, key, ret);
	if (r < 0) {
		errno = -r;
		return -1;
	}
	return 0;
}
