/* Looks at the machine's cgroup hierarchies. */
#include "util/cgroup.h"

#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* *@ret is 0 where @path does not exist. Returns 0, or -1 and errno: a task must not go without cgroups, or get others than
 * it should, because a call failed. */
static int filesystem_type(const char *path, long *ret)
{
	struct statfs fs;
	int r = -1;

	for (int tries = 0; r < 0 && tries < 3; tries++) {
		r = statfs(path, &fs);
		if (r < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES)) {
			*ret = 0;
			return 0;
		}
	}
	if (r == 0)
		*ret = (long)fs.f_type;
	return r;
}

int ts_cgroup_v2_of(pid_t pid, char ret[static PATH_MAX])
{
	_cleanup_free_ char *text = NULL;
	char file[64] = "/proc/self/cgroup";
	size_t len;

	if (pid > 0)
		(void)snprintf(file, sizeof file, "/proc/%d/cgroup", (int)pid);
	if (ts_read_file_at(AT_FDCWD, file, 64 * 1024, &text, &len) < 0)
		return -1;
	for (char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (strncmp(line, "0::/", 4) == 0) {
			(void)snprintf(ret, PATH_MAX, "%.*s", (int)strcspn(line + 3, "\n"),
				       line + 3);
			return 0;
		}
	return -1;
}

enum ts_cgroup_layout ts_cgroup_layout(const char *mount)
{
	static const struct {
		const char *below; /* @mount */
		long magic;
		enum ts_cgroup_layout layout;
	} signs[] = {
		{"", CGROUP2_SUPER_MAGIC, TS_CGROUP_V2},
		{"/unified", CGROUP2_SUPER_MAGIC, TS_CGROUP_HYBRID},
		{"/memory", CGROUP_SUPER_MAGIC, TS_CGROUP_V1},
		{"/freezer", CGROUP_SUPER_MAGIC, TS_CGROUP_V1},
	};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
		long type = 0;

		(void)snprintf(path, sizeof path, "%s%s", mount, signs[i].below);
		if (filesystem_type(path, &type) < 0)
			return TS_CGROUP_UNKNOWN;
		if (type == signs[i].magic)
			return signs[i].layout;
	}
	return TS_CGROUP_NONE;
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

/* Asked only when the first answer was no: root, as it mostly is, makes no call more. */
static bool is_refused(ssize_t r)
{
	bool refused = r < 0 && (errno == EPERM || errno == ENODATA);
	int keep = errno;

	refused = refused && geteuid() != 0;
	errno = keep;
	return refused;
}

int ts_cgroup_set_mark(const char *path, const char *value, size_t len)
{
	int r = setxattr(path, TS_CGROUP_MARK, value, len, 0);

	return is_refused(r) ? setxattr(path, TS_CGROUP_USER_MARK, value, len, 0) : r;
}

ssize_t ts_cgroup_get_mark(const char *path, char *buf, size_t size)
{
	ssize_t n = lgetxattr(path, TS_CGROUP_MARK, buf, size);

	return is_refused(n) ? lgetxattr(path, TS_CGROUP_USER_MARK, buf, size) : n;
}

ssize_t ts_cgroup_get_mark_of(int fd, char *buf, size_t size)
{
	ssize_t n = fgetxattr(fd, TS_CGROUP_MARK, buf, size);

	return is_refused(n) ? fgetxattr(fd, TS_CGROUP_USER_MARK, buf, size) : n;
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
