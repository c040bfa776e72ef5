/* Opening and making paths below a descriptor with openat2(2). */
#include "util/path.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

static int open_how(int dir_fd, const char *path, uint64_t flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};
	int tries = 16; /* EAGAIN = a rename raced the walk; bounded, or the task could stall us */
	long fd;

	do
		fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof how);
	while (fd < 0 && (errno == EAGAIN || errno == EINTR) && --tries > 0);
	return (int)fd;
}

int ts_open_in_root(int root_fd, const char *path, uint64_t flags)
{
	return open_how(root_fd, path, flags, 0, RESOLVE_IN_ROOT);
}

int ts_open_no_symlinks(int dir_fd, const char *path, uint64_t flags, mode_t mode)
{
	return open_how(dir_fd, path, flags, mode, RESOLVE_NO_SYMLINKS);
}

int ts_open_beneath(int dir_fd, const char *path, uint64_t flags, mode_t mode)
{
	return open_how(dir_fd, path, flags, mode, RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
}

const char *ts_path_enters(const char *path, const int *dirs, size_t n, int *ret_dir)
{
	char prefix[PATH_MAX];
	struct stat here, dir;
	bool any = false;

	for (size_t i = 0; i < n; i++)
		any |= dirs[i] >= 0;
	for (const char *slash = path; any && (slash = strchr(slash + 1, '/'));) {
		if ((size_t)(slash - path) >= sizeof prefix)
			return NULL;
		memcpy(prefix, path, (size_t)(slash - path));
		prefix[slash - path] = '\0';
		if (stat(prefix, &here) < 0)
			return NULL;
		for (size_t i = 0; i < n; i++) {
			if (dirs[i] < 0 || fstat(dirs[i], &dir) < 0 || dir.st_dev != here.st_dev ||
			    dir.st_ino != here.st_ino)
				continue;
			*ret_dir = dirs[i];
			return slash + strspn(slash, "/");
		}
	}
	return NULL;
}

int ts_open_entering(const char *path, const int *dirs, size_t n, uint64_t flags, mode_t mode)
{
	int dir;
	const char *rest = ts_path_enters(path, dirs, n, &dir);

	return rest ? ts_open_beneath(dir, rest, flags, mode)
		    : open(path, (int)flags | O_NOFOLLOW | O_CLOEXEC, mode);
}

int ts_open_here(const char *path, uint64_t flags)
{
	return open_how(AT_FDCWD, path, flags, 0, 0);
}

int ts_open_proc(void)
{
	enum { PROC_ROOT_INODE = 1 };
	_cleanup_fd_ int fd = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;
	struct stat st;

	if (fd < 0 || fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return -1;
	if (fs.f_type == PROC_SUPER_MAGIC && st.st_ino == PROC_ROOT_INODE)
		return ts_fd_take(&fd);
	errno = EMEDIUMTYPE;
	return -1;
}

int ts_open_proc_file(int proc_fd, const char *path, uint64_t flags)
{
	/* symlinks: "thread-self" is one */
	return open_how(proc_fd, path, flags, 0, RESOLVE_BENEATH | RESOLVE_NO_XDEV);
}

int ts_open_sysctl(int proc_fd, const char *name, uint64_t flags)
{
	char path[PATH_MAX] = "sys/";
	size_t prefix = strlen(path), len = strlen(name);

	if (len >= sizeof path - prefix) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(path + prefix, name, len + 1);
	return open_how(proc_fd, path, flags, 0,
			RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
}

/* Opens @path, or makes its last component when it is missing; all but that component exist. */
static int open_or_make(int root_fd, char *path, bool directory, mode_t mode, bool *created)
{
	uint64_t flags = O_PATH | (directory ? O_DIRECTORY : 0);
	int fd = ts_open_in_root(root_fd, path, flags);
	char *slash = strrchr(path, '/');
	_cleanup_fd_ int parent = -1;
	const char *name = slash ? slash + 1 : path;

	*created = false;
	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (slash)
		*slash = '\0';
	parent = ts_open_in_root(root_fd, slash && *path ? path : "/", O_PATH | O_DIRECTORY);
	if (slash)
		*slash = '/';
	if (parent < 0)
		return -1;
	/* A dangling symlink of that name answers EEXIST: nothing is made through it. Another task that fills the same
	 * root may have made the name in between, which is as good. */
	int made =
		directory ? mkdirat(parent, name, mode) : mknodat(parent, name, S_IFREG | mode, 0);

	if (made < 0 && errno != EEXIST)
		return -1;
	*created = made == 0;
	return ts_open_in_root(root_fd, path, flags);
}

/* Copies @path to @buf without trailing or doubled slashes. Returns 0, or -1 with ENAMETOOLONG or ENOENT. */
static int tidy(const char *path, char buf[static PATH_MAX])
{
	size_t n = 0;

	for (; *path; path++) {
		if (*path == '/' && (path[1] == '/' || path[1] == '\0'))
			continue;
		if (n + 1 >= PATH_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		buf[n++] = *path;
	}
	buf[n] = '\0';
	return 0;
}

static int make_in_root(int root_fd, const char *path, bool directory, mode_t mode,
			bool *ret_created)
{
	char buf[PATH_MAX];
	bool created = false;
	int fd;

	if (tidy(path, buf) < 0)
		return -1;
	if (buf[0] == '\0')
		return ts_open_in_root(root_fd, "/", O_PATH | O_DIRECTORY);
	fd = open_or_make(root_fd, buf, directory, mode, &created);
	for (char *slash = buf; fd < 0 && errno == ENOENT && (slash = strchr(slash + 1, '/'));) {
		bool ignored;

		*slash = '\0';
		_cleanup_fd_ int parent = open_or_make(root_fd, buf, true, 0755, &ignored);

		*slash = '/';
		if (parent < 0)
			return -1;
		errno = ENOENT;
	}
	if (fd < 0 && errno == ENOENT)
		fd = open_or_make(root_fd, buf, directory, mode, &created);
	if (fd >= 0 && ret_created)
		*ret_created = created;
	return fd;
}

int ts_mkdir_in_root(int root_fd, const char *path, mode_t mode, bool *ret_created)
{
	return make_in_root(root_fd, path, true, mode, ret_created);
}

int ts_mkfile_in_root(int root_fd, const char *path)
{
	return make_in_root(root_fd, path, false, 0644, NULL);
}
