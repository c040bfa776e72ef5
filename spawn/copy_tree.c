/* A recursive copy by descriptors. Every name is one component, opened from its directory's descriptor with O_NOFOLLOW. */
#include "spawn/copy_tree.h"

#include "util/fd.h"
#include "util/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum {
	DEPTH_MAX = 200, /* each level holds three descriptors */
	XATTRS = 64 * 1024, /* the kernel's limit of a list, and of a value */
};

struct hard_link { /* a file with more names than one, and where its copy is */
	dev_t dev, to_dev;
	ino_t ino, to_ino;
	char *path; /* below copier.to_fd */
};

struct copier {
	enum copy_what what;
	int to_fd;
	struct stat to; /* of to_fd */
	char path[PATH_MAX]; /* of what is being copied, relative: for messages and hard links */
	struct hard_link *links;
	size_t n_links;
	char *xattr_names, *xattr_value; /* XATTRS each; NULL until a file has some */
	struct ts_error *e;
};

static int fail(const struct copier *c, const char *what)
{
	return ts_fail(c->e, errno, what, c->path[0] ? c->path : ".");
}

static void copier_done(struct copier *c)
{
	for (size_t i = 0; i < c->n_links; i++)
		free(c->links[i].path);
	free(c->links);
	free(c->xattr_names);
	free(c->xattr_value);
}

/* --- extended attributes --- */

/* A file by its descriptor, or, as symlinks and devices cannot be opened, by the path of its directory's descriptor and its
 * name: /proc/self/fd/N/NAME, of which NAME is not followed. */
struct place {
	int fd;
	const char *path;
};

static ssize_t list_xattrs(const struct place *from, char *names, size_t size)
{
	return from->path ? llistxattr(from->path, names, size) : flistxattr(from->fd, names, size);
}

static int copy_xattr(struct copier *c, const struct place *from, const struct place *to,
		      const char *name)
{
	ssize_t len = from->path ? lgetxattr(from->path, name, c->xattr_value, XATTRS)
				 : fgetxattr(from->fd, name, c->xattr_value, XATTRS);
	int r;

	if (len < 0)
		return errno == ENODATA ? 0 : fail(c, "read extended attribute of");
	r = to->path ? lsetxattr(to->path, name, c->xattr_value, (size_t)len, 0)
		     : fsetxattr(to->fd, name, c->xattr_value, (size_t)len, 0);
	/* a filesystem without this kind of attribute */
	return r < 0 && errno != EOPNOTSUPP ? fail(c, "set extended attribute of") : 0;
}

static int copy_xattrs(struct copier *c, const struct place *from, const struct place *to)
{
	ssize_t len = list_xattrs(from, NULL, 0);

	if (len == 0 || (len < 0 && errno == EOPNOTSUPP))
		return 0;
	if (!c->xattr_names) {
		c->xattr_names = malloc(XATTRS);
		c->xattr_value = malloc(XATTRS);
	}
	if (!c->xattr_names || !c->xattr_value) {
		errno = ENOMEM;
		return fail(c, "copy");
	}
	len = list_xattrs(from, c->xattr_names, XATTRS);
	if (len < 0)
		return fail(c, "list extended attributes of");
	for (const char *name = c->xattr_names; name < c->xattr_names + len;
	     name += strlen(name) + 1) {
		if (c->what == COPY_HARMLESS && strcmp(name, "security.capability") == 0)
			continue;
		if (copy_xattr(c, from, to, name) < 0)
			return -1;
	}
	return 0;
}

static int copy_xattrs_of_name(struct copier *c, int from_dir, int to_dir, const char *name)
{
	char from[NAME_MAX + 32], to[NAME_MAX + 32];

	(void)snprintf(from, sizeof from, "/proc/self/fd/%d/%s", from_dir, name);
	(void)snprintf(to, sizeof to, "/proc/self/fd/%d/%s", to_dir, name);
	return copy_xattrs(c, &(struct place){.path = from}, &(struct place){.path = to});
}

/* --- owner, mode, times: in this order, as a change of owner takes setuid bits and file capabilities away --- */

static int copy_metadata(struct copier *c, int from, int to, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};
	mode_t mode = st->st_mode & 07777;

	if (c->what == COPY_HARMLESS && !S_ISDIR(st->st_mode))
		mode &= ~(mode_t)(S_ISUID | S_ISGID);
	if (fchown(to, st->st_uid, st->st_gid) < 0)
		return fail(c, "set owner of");
	if (copy_xattrs(c, &(struct place){.fd = from}, &(struct place){.fd = to}) < 0)
		return -1;
	if (fchmod(to, mode) < 0)
		return fail(c, "set mode of");
	return futimens(to, times) < 0 ? fail(c, "set times of") : 0;
}

static int copy_metadata_of_name(struct copier *c, int from_dir, int to_dir, const char *name,
				 const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};

	if (fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(c, "set owner of");
	if (copy_xattrs_of_name(c, from_dir, to_dir, name) < 0)
		return -1;
	return utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? fail(c, "set times of")
								       : 0;
}

/* --- hard links --- */

static int remember_link(struct copier *c, const struct stat *st, const struct stat *to)
{
	struct hard_link *links = reallocarray(c->links, c->n_links + 1, sizeof *links);

	if (!links)
		return fail(c, "copy");
	c->links = links;
	links[c->n_links] = (struct hard_link){.dev = st->st_dev,
					       .ino = st->st_ino,
					       .to_dev = to->st_dev,
					       .to_ino = to->st_ino,
					       .path = strdup(c->path)};
	if (!links[c->n_links].path)
		return fail(c, "copy");
	c->n_links++;
	return 0;
}

/* Gives an earlier copy of the file one more name, having proven that what has the old name is that copy. Returns whether
 * there was one; if not, the file is copied. */
static bool make_link(struct copier *c, const struct stat *st, int to_dir, const char *name)
{
	for (size_t i = 0; i < c->n_links; i++) {
		const struct hard_link *link = &c->links[i];
		struct stat to;

		if (link->dev != st->st_dev || link->ino != st->st_ino)
			continue;
		_cleanup_fd_ int fd = ts_open_beneath(c->to_fd, link->path, O_PATH | O_NOFOLLOW, 0);

		if (fd < 0 || fstat(fd, &to) < 0 || to.st_dev != link->to_dev ||
		    to.st_ino != link->to_ino)
			return false;
		if (linkat(fd, "", to_dir, name, AT_EMPTY_PATH) == 0)
			return true;
		return errno == EEXIST && unlinkat(to_dir, name, 0) == 0 &&
		       linkat(fd, "", to_dir, name, AT_EMPTY_PATH) == 0;
	}
	return false;
}

/* --- regular files --- */

static int copy_range(int in, int out, off_t at, off_t end)
{
	char buf[16384];

	while (at < end) {
		off_t from = at, to = at;
		ssize_t n = copy_file_range(in, &from, out, &to, (size_t)(end - at), 0);

		/* Other filesystems, or files that the kernel makes up: by hand. */
		if (n < 0 && errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP &&
		    errno != ENOSYS)
			return -1;
		if (n <= 0) {
			n = pread(in, buf, sizeof buf, at);
			if (n > end - at)
				n = end - at;
			if (n > 0)
				n = pwrite(out, buf, (size_t)n, at);
			if (n < 0)
				return -1;
		}
		if (n == 0)
			return 0; /* it has become shorter */
		at += n;
	}
	return 0;
}

/* Copies what is data, so that holes stay holes. */
static int copy_data(int in, int out, off_t size)
{
	off_t at = 0;

	while (at < size) {
		off_t start = lseek(in, at, SEEK_DATA), end;

		if (start < 0 && errno == ENXIO)
			break;
		if (start < 0)
			start = at; /* it cannot tell: all is data */
		end = lseek(in, start, SEEK_HOLE);
		if (end <= start)
			end = size;
		if (copy_range(in, out, start, end) < 0)
			return -1;
		at = end;
	}
	return ftruncate(out, size);
}

static bool is_same(int to_dir, const char *name, const struct stat *st)
{
	struct stat to;

	return fstatat(to_dir, name, &to, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(to.st_mode) &&
	       to.st_size == st->st_size && to.st_mtim.tv_sec == st->st_mtim.tv_sec &&
	       to.st_mtim.tv_nsec == st->st_mtim.tv_nsec;
}

/* The time comes last: a copy that was cut short is not taken for a whole one. */
static int fill_file(struct copier *c, int in, int out, const struct stat *st)
{
	struct stat to;

	if (ioctl(out, FICLONE, in) < 0 && copy_data(in, out, st->st_size) < 0)
		return fail(c, "copy");
	if (copy_metadata(c, in, out, st) < 0)
		return -1;
	if (st->st_nlink < 2)
		return 0;
	return fstat(out, &to) < 0 ? fail(c, "stat copy of") : remember_link(c, st, &to);
}

static int copy_regular(struct copier *c, int in, const struct stat *st, int to_dir,
			const char *name)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	_cleanup_fd_ int out = -1;

	if (is_same(to_dir, name, st))
		return 0;
	if (st->st_nlink > 1 && make_link(c, st, to_dir, name))
		return 0;
	out = openat(to_dir, name, flags, 0600);
	if (out < 0 && errno == EEXIST && unlinkat(to_dir, name, 0) == 0)
		out = openat(to_dir, name, flags, 0600);
	if (out < 0)
		return fail(c, "make copy of");
	if (fill_file(c, in, out, st) == 0)
		return 0;
	(void)unlinkat(to_dir, name, 0);
	return -1;
}

/* --- the rest --- */

static int copy_symlink(struct copier *c, int from_dir, int to_dir, const char *name,
			const struct stat *st)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, target, sizeof target - 1);

	if (n < 0)
		return fail(c, "read link");
	target[n] = '\0';
	if (symlinkat(target, to_dir, name) < 0 &&
	    (errno != EEXIST || unlinkat(to_dir, name, 0) < 0 ||
	     symlinkat(target, to_dir, name) < 0))
		return fail(c, "make link");
	return copy_metadata_of_name(c, from_dir, to_dir, name, st);
}

static int copy_special(struct copier *c, int from_dir, int to_dir, const char *name,
			const struct stat *st)
{
	if (c->what != COPY_ALL || S_ISSOCK(st->st_mode))
		return 0;
	if (mknodat(to_dir, name, st->st_mode, st->st_rdev) < 0)
		return fail(c, "make device");
	return copy_metadata_of_name(c, from_dir, to_dir, name, st);
}

static int copy_contents(struct copier *c, int from, int to, unsigned depth);

static int copy_directory(struct copier *c, int from_dir, int to_dir, const char *name,
			  unsigned depth)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	_cleanup_fd_ int from = openat(from_dir, name, flags);
	_cleanup_fd_ int to = -1;
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return fail(c, "open directory");
	if (depth == DEPTH_MAX || (st.st_dev == c->to.st_dev && st.st_ino == c->to.st_ino)) {
		errno = ELOOP;
		return fail(c, "the copy would hold itself, or is too deep");
	}
	if (mkdirat(to_dir, name, 0700) < 0 && errno != EEXIST)
		return fail(c, "make directory");
	to = openat(to_dir, name, flags);
	if (to < 0)
		return fail(c, "open copy of directory");
	if (copy_contents(c, from, to, depth + 1) < 0)
		return -1;
	return copy_metadata(c, from, to, &st);
}

static int open_regular(const struct copier *c, int dir, const char *name, struct stat *ret)
{
	_cleanup_fd_ int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, ret) < 0)
		return fail(c, "open");
	if (!S_ISREG(ret->st_mode)) {
		errno = ESTALE;
		return fail(c, "it was replaced during the copy");
	}
	return ts_fd_take(&fd);
}

static int copy_entry(struct copier *c, int from, int to, const char *name, unsigned depth)
{
	_cleanup_fd_ int in = -1;
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(c, "stat"); /* gone meanwhile */
	if (S_ISDIR(st.st_mode))
		return copy_directory(c, from, to, name, depth);
	if (S_ISLNK(st.st_mode))
		return copy_symlink(c, from, to, name, &st);
	if (!S_ISREG(st.st_mode))
		return copy_special(c, from, to, name, &st);
	in = open_regular(c, from, name, &st);
	return in < 0 ? -1 : copy_regular(c, in, &st, to, name);
}

/* Puts @name behind the path of its directory, calls for it, takes it away again. */
static int copy_named(struct copier *c, int from, int to, const char *name, unsigned depth)
{
	size_t len = strlen(c->path);
	int n = snprintf(c->path + len, sizeof c->path - len, "%s%s", len ? "/" : "", name);
	int r;

	if (n < 0 || (size_t)n >= sizeof c->path - len) {
		c->path[len] = '\0';
		errno = ENAMETOOLONG;
		return fail(c, "copy what is in");
	}
	r = copy_entry(c, from, to, name, depth);
	c->path[len] = '\0';
	return r;
}

static int copy_contents(struct copier *c, int from, int to, unsigned depth)
{
	int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;

	if (!dir) {
		ts_fd_closep(&again);
		return fail(c, "read directory");
	}
	while (r == 0 && (errno = 0, entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = copy_named(c, from, to, entry->d_name, depth);
	}
	if (r == 0 && errno)
		r = fail(c, "read directory");
	(void)closedir(dir);
	return r;
}

int copy_tree(int from_fd, int to_fd, enum copy_what what, struct ts_error *e)
{
	struct copier c = {.what = what, .to_fd = to_fd, .e = e};
	int r = fstat(to_fd, &c.to) < 0 ? fail(&c, "stat") : copy_contents(&c, from_fd, to_fd, 0);

	copier_done(&c);
	return r;
}

int copy_file(int from_fd, int to_fd, const char *name, enum copy_what what, struct ts_error *e)
{
	struct copier c = {.what = what, .to_fd = to_fd, .e = e};
	struct stat st;
	int r;

	(void)snprintf(c.path, sizeof c.path, "%s", name);
	r = fstat(from_fd, &st) < 0 ? fail(&c, "stat")
				    : copy_regular(&c, from_fd, &st, to_fd, name);
	copier_done(&c);
	return r;
}
