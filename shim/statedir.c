/* Claims, opens and removes state directories. */
#include "shim/statedir.h"

#include "protocol/config.h"
#include "util/dir.h"
#include "util/fd.h"
#include "util/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum {
	CLEANUP_TRIES = 3, /* clean-up goes on after an error that does not last */
	CREATE_TRIES = 16,
	LOCK_TIMEOUT_MS = 1000, /* for a sweep that looks at a new directory */
};

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_STATE;
	return ts_fail(e, err, what, object);
}

int statedir_root(const char *root, char ret[static PATH_MAX], struct ts_error *e)
{
	char absolute[PATH_MAX];
	const char *base;

	if (!root) {
		base = geteuid() == 0 ? "/run" : secure_getenv("XDG_RUNTIME_DIR");
		if (!base || !ts_path_is_normal(base))
			return fail(e, 0, "XDG_RUNTIME_DIR is not set: use --root", NULL);
		if (snprintf(ret, PATH_MAX, "%s/taskshim", base) >= PATH_MAX)
			return fail(e, ENAMETOOLONG, "state root", base);
		return 0;
	}
	if (realpath(root, ret))
		return 0;
	if (errno != ENOENT)
		return fail(e, errno, "state root", root);
	/* It is made when the first task is: text alone can be made absolute. */
	if (root[0] == '/')
		base = "";
	else if (getcwd(absolute, sizeof absolute))
		base = absolute;
	else /* no ENOENT, which would mean that the task is not there */
		return fail(e, errno == ENOENT ? 0 : errno,
			    "the working directory is not to be found: state root", root);
	if (snprintf(ret, PATH_MAX, "%s%s%s", base, *base ? "/" : "", root) >= PATH_MAX)
		return fail(e, ENAMETOOLONG, "state root", root);
	for (size_t n = strlen(ret); n > 1 && ret[n - 1] == '/'; n--)
		ret[n - 1] = '\0';
	return ts_path_is_normal(ret) ? 0 : fail(e, EINVAL, "state root", root);
}

static int set_path(struct statedir *dir, const char *root, const char *id, struct ts_error *e)
{
	int n = snprintf(dir->path, sizeof dir->path, "%s/%s", root, id);

	if (!task_id_is_valid(id))
		return fail(e, EINVAL, "no task id ([A-Za-z0-9_+.-], at most 200 characters)", id);
	if (n < 0 || n >= PATH_MAX - 32)
		return fail(e, ENAMETOOLONG, "state directory", root);
	dir->root_len = strlen(root);
	return 0;
}

/* Makes @root and its parents; the last component is for its owner alone. */
static int make_root(const char *root)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof path, "%s", root);
	for (char *slash = path; (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -1;
		*slash = '/';
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

static int open_root(const char *root, bool make, struct ts_error *e)
{
	_cleanup_fd_ int fd = ts_open_no_symlinks(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0);
	struct stat st;

	if (fd < 0 && errno == ENOENT && make && make_root(root) == 0)
		fd = ts_open_no_symlinks(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(e, errno, "open state root", root);
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return fail(e, EPERM, "state root is not ours alone to write", root);
	return ts_fd_take(&fd);
}

int statedir_open_root(const char *root, struct ts_error *e)
{
	return open_root(root, false, e);
}

static int open_dir(struct statedir *dir, struct ts_error *e)
{
	struct stat st;

	dir->fd = openat(dir->root_fd, dir->path + dir->root_len + 1,
			 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir->fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return fail(e, EPERM, "state directory is no directory", dir->path);
	if (dir->fd < 0 || fstat(dir->fd, &st) < 0)
		return fail(e, errno, "open state directory", dir->path);
	if (st.st_uid != geteuid() || (st.st_mode & 0777) != 0700)
		return fail(e, EPERM, "state directory is not ours alone", dir->path);
	return 0;
}

/* Makes, opens and locks it. A sweep may find the directory before it is locked and, since it is empty, remove it: then
 * e->err is ENOENT. */
static int make_dir(struct statedir *dir, const char *id, struct ts_error *e)
{
	struct stat st;

	if (mkdirat(dir->root_fd, id, 0700) < 0)
		return errno == EEXIST ? fail(e, EEXIST, "task id exists already", id)
				       : fail(e, errno, "make state directory", dir->path);
	if (open_dir(dir, e) == 0) {
		if (statedir_lock(dir, LOCK_TIMEOUT_MS) == 0 && fstat(dir->fd, &st) == 0) {
			if (st.st_nlink > 0)
				return 0;
			errno = ENOENT;
		}
		(void)fail(e, errno, "lock state directory", dir->path);
	}
	(void)unlinkat(dir->root_fd, id, AT_REMOVEDIR);
	ts_fd_closep(&dir->fd);
	return -1;
}

int statedir_create(const char *root, const char *id, struct statedir *ret, struct ts_error *e)
{
	int r = -1;

	if (set_path(ret, root, id, e) < 0)
		return -1;
	ret->root_fd = open_root(root, true, e);
	if (ret->root_fd < 0)
		return -1;
	for (int tries = 0; r < 0 && tries < CREATE_TRIES; tries++) {
		r = make_dir(ret, id, e);
		if (r < 0 && e->err != ENOENT)
			break;
	}
	if (r < 0)
		statedir_done(ret);
	return r;
}

int statedir_find(const char *root, int root_fd, const char *id, struct statedir *ret,
		  struct ts_error *e)
{
	if (set_path(ret, root, id, e) < 0)
		return -1;
	ret->root_is_borrowed = root_fd >= 0;
	ret->root_fd = root_fd >= 0 ? root_fd : open_root(root, false, e);
	if (ret->root_fd >= 0 && open_dir(ret, e) == 0)
		return 0;
	statedir_done(ret);
	return e->err == ENOENT ? fail(e, ENOENT, "the task does not exist", id) : -1;
}

int statedir_lock(const struct statedir *dir, int timeout_ms)
{
	return ts_dir_lock(dir->fd, timeout_ms);
}

void statedir_unlock(const struct statedir *dir)
{
	if (dir->fd >= 0)
		(void)flock(dir->fd, LOCK_UN);
}

bool statedir_is_current(const struct statedir *dir)
{
	return ts_dir_has_name(dir->fd, dir->root_fd, dir->path + dir->root_len + 1);
}

int statedir_write(const struct statedir *dir, const char *name, const void *data, size_t len,
		   struct ts_error *e)
{
	_cleanup_fd_ int fd =
		openat(dir->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || ts_write_all(fd, data, len) < 0) {
		e->step = TS_STEP_STATE;
		return ts_failf(e, errno, "write %s/%s", dir->path, name);
	}
	return 0;
}

int statedir_remove(struct statedir *dir, struct ts_error *e)
{
	const char *id = dir->path + dir->root_len + 1;
	/* What every task has; the directory is listed only when there is more. */
	static const char *const usual[] = {STATEDIR_CONFIG, STATEDIR_STATE, STATEDIR_EXIT};

	if (dir->fd < 0)
		return 0;
	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
		(void)unlinkat(dir->fd, usual[i], 0);
	for (int tries = 0; unlinkat(dir->root_fd, id, AT_REMOVEDIR) < 0; tries++) {
		if (errno == ENOENT)
			return 0;
		if (tries == CLEANUP_TRIES || !statedir_is_current(dir))
			return fail(e, errno, "remove state directory", dir->path);
		/* files of an older or newer version, temporary ones of a killed writer; what fails is tried again */
		(void)ts_dir_clear(dir->fd);
	}
	return 0;
}

int statedir_each(const char *root, int (*found)(const char *id, void *arg), void *arg,
		  struct ts_error *e)
{
	int fd = ts_open_no_symlinks(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0);
	struct dirent *entry;
	DIR *dir;
	int err;

	if (fd < 0)
		return errno == ENOENT ? 0 : fail(e, errno, "open state root", root);
	dir = fdopendir(fd);
	if (!dir) {
		ts_fd_closep(&fd);
		return fail(e, errno, "read state root", root);
	}
	while ((errno = 0, entry = readdir(dir)))
		if (task_id_is_valid(entry->d_name) && found(entry->d_name, arg) != 0)
			break;
	err = entry ? 0 : errno; /* else a failure looks like the end */
	(void)closedir(dir);
	return err ? fail(e, err, "read state root", root) : 0;
}

void statedir_done(struct statedir *dir)
{
	ts_fd_closep(&dir->fd);
	if (dir->root_is_borrowed)
		dir->root_fd = -1;
	ts_fd_closep(&dir->root_fd);
}
