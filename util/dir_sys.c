/* Locks, recognises and empties directories. */
#include "util/dir.h"

#include "util/clock.h"
#include "util/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

enum {
	TRIES = 3,
	LOCK_POLL_MS = 2, /* flock(2) has no time limit */
};

static int try_lock(int fd)
{
	int r, tries = 0;

	do
		r = flock(fd, LOCK_EX | LOCK_NB);
	while (r < 0 && (errno == EINTR || (errno != EWOULDBLOCK && ++tries < TRIES)));
	return r;
}

int ts_dir_lock(int fd, int timeout_ms)
{
	const struct timespec pause = {.tv_nsec = LOCK_POLL_MS * 1000000L};
	int64_t deadline = 0;
	int r;

	while ((r = try_lock(fd)) < 0 && errno == EWOULDBLOCK && timeout_ms > 0) {
		int64_t now = ts_boottime_ms();

		deadline = deadline ? deadline : now + timeout_ms;
		if (now >= deadline) {
			errno = EWOULDBLOCK;
			return -1;
		}
		(void)nanosleep(&pause, NULL);
	}
	return r;
}

bool ts_dir_has_name(int fd, int parent_fd, const char *name)
{
	struct stat named, held;
	bool known = false;

	for (int tries = 0; tries < TRIES && !known; tries++) {
		known = fstatat(parent_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
			fstat(fd, &held) == 0;
		if (!known && errno == ENOENT)
			return false;
	}
	return known && named.st_ino == held.st_ino && named.st_dev == held.st_dev;
}

static int remove_file(int fd, const char *name)
{
	return unlinkat(fd, name, 0);
}

static int remove_each(int fd, int (*remove)(int fd, const char *name))
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3), err = 0;
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;

	if (!dir) {
		ts_fd_closep(&copy);
		return -1;
	}
	rewinddir(dir);
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (remove(fd, entry->d_name) < 0 && errno != ENOENT)
			err = errno;
	}
	(void)closedir(dir);
	errno = err;
	return err ? -1 : 0;
}

static int remove_any(int fd, const char *name)
{
	_cleanup_fd_ int sub = -1;

	if (unlinkat(fd, name, 0) == 0)
		return 0;
	if (errno != EISDIR)
		return -1;
	sub = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub < 0 || remove_each(sub, remove_file) < 0)
		return -1;
	return unlinkat(fd, name, AT_REMOVEDIR);
}

int ts_dir_clear(int fd)
{
	return remove_each(fd, remove_any);
}
