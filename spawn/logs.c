/* Moves what the task writes from pipes to files, and rotates these. */
#include "spawn/logs.h"
#include "spawn/plan.h"
#include "spawn/stdio.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

enum {
	PIPE_SIZE = 256 * 1024, /* what the task may be ahead of us */
	NAME_LEN_MAX =
		NAME_MAX - 5, /* of a log: with ".9999" behind it, of maxFiles 10000 at most */
};

/* --- opening --- */

/* The directory of @path, opened as stdio_open_file() would open the file, and its last component. */
static int open_parent(const struct plan *plan, const char *path, char name[static NAME_MAX + 1],
		       struct ts_error *e)
{
	const char *last = strrchr(path, '/') + 1; /* the path is absolute */
	char dir[PATH_MAX];
	int fd;

	if (strlen(last) > NAME_LEN_MAX || (size_t)(last - path) + 2 > sizeof dir)
		return ts_fail(e, ENAMETOOLONG, "no room for the suffix of a rotated log", path);
	(void)snprintf(name, NAME_MAX + 1, "%s", last);
	(void)snprintf(dir, sizeof dir, "%.*s.", (int)(last - path), path);
	fd = stdio_open_file(plan, dir, O_PATH | O_DIRECTORY);
	return fd < 0 ? ts_fail(e, errno, "open the directory of log", path) : fd;
}

static int open_file(struct log *log, const char *path, struct ts_error *e)
{
	struct stat st;

	/* no O_APPEND: splice(2) refuses that; we alone write to it */
	log->file_fd =
		openat(log->dir_fd, log->name,
		       O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
	if ((log->file_fd < 0 && errno == ENXIO) || /* a FIFO that nobody reads */
	    (log->file_fd >= 0 && fstat(log->file_fd, &st) == 0 && !S_ISREG(st.st_mode)))
		return ts_fail(e, EINVAL, "a log that is rotated must be a regular file", path);
	if (log->file_fd < 0 || fstat(log->file_fd, &st) < 0)
		return ts_failf(e, errno, "open log: %s%s", path,
				errno == ELOOP ? " (a symlink)" : "");
	if (st.st_nlink != 1)
		return ts_fail(e, EMLINK, "file has other hard links", path);
	log->offset = (uint64_t)st.st_size;
	log->device = st.st_dev;
	log->inode = st.st_ino;
	return 0;
}

static void close_log(struct log *log)
{
	ts_fd_closep(&log->pipe_fd);
	ts_fd_closep(&log->dir_fd);
	ts_fd_closep(&log->file_fd);
}

static int open_log(const struct plan *plan, const char *path, struct log *log, struct ts_error *e)
{
	int ends[2];

	*log = (struct log){.pipe_fd = -1, .file_fd = -1, .write_fd = -1};
	log->dir_fd = open_parent(plan, path, log->name, e);
	if (log->dir_fd < 0)
		return -1;
	if (open_file(log, path, e) < 0) {
		close_log(log);
		return -1;
	}
	if (pipe2(ends, O_CLOEXEC) < 0) {
		close_log(log);
		return ts_fail(e, errno, "pipe", "log");
	}
	(void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE); /* less will do */
	log->pipe_fd = ends[0];
	log->write_fd = ends[1];
	return 0;
}

int logs_open(struct plan *plan, const char *path, struct ts_error *e)
{
	struct logs *logs = &plan->logs;
	struct log log;

	logs->max_files = plan->config->taskshim.logs.max_files;
	logs->max_size = plan->config->taskshim.logs.max_file_size_bytes;
	if (logs->null_fd < 0)
		logs->null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (logs->null_fd < 0)
		return ts_fail(e, errno, "open", "/dev/null");
	if (open_log(plan, path, &log, e) < 0)
		return -1;
	for (size_t i = 0; i < logs->n; i++) {
		if (logs->v[i].device != log.device || logs->v[i].inode != log.inode)
			continue;
		close_log(&log);
		ts_fd_closep(&log.write_fd);
		log.write_fd = fcntl(logs->v[i].write_fd, F_DUPFD_CLOEXEC, 3);
		return log.write_fd < 0 ? ts_fail(e, errno, "duplicate the pipe of log", path)
					: log.write_fd;
	}
	logs->v[logs->n++] = log;
	return log.write_fd;
}

void logs_done(struct logs *logs)
{
	for (size_t i = 0; i < logs->n; i++)
		close_log(&logs->v[i]);
	ts_fd_closep(&logs->null_fd);
	logs->n = 0;
}

/* --- rotating --- */

static void suffixed(const struct log *log, uint64_t number, char ret[static NAME_MAX + 1])
{
	(void)snprintf(ret, NAME_MAX + 1, number ? "%.*s.%u" : "%.*s", NAME_LEN_MAX, log->name,
		       (unsigned)number);
}

/* name.1 becomes name.2, and so on: up to the first number that is free, or the last that may be, whose file goes. Returns 0, or
 * -1: a file that cannot be moved keeps its place, and so do the younger ones. */
static int shift(const struct logs *logs, const struct log *log)
{
	char from[NAME_MAX + 1], to[NAME_MAX + 1];
	uint64_t last = 1;

	if (logs->max_files == 1)
		return unlinkat(log->dir_fd, log->name, 0) == 0 || errno == ENOENT ? 0 : -1;
	for (; last + 1 < logs->max_files; last++) {
		suffixed(log, last, to);
		if (faccessat(log->dir_fd, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (errno != ENOENT)
			return -1;
		break;
	}
	for (uint64_t number = last; number > 0; number--) {
		suffixed(log, number - 1, from);
		suffixed(log, number, to);
		/* one that is not there any more does not lie under what comes next */
		if (renameat(log->dir_fd, from, log->dir_fd, to) < 0 && errno != ENOENT)
			return -1;
	}
	return 0;
}

static int create(const struct log *log)
{
	return openat(log->dir_fd, log->name,
		      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, 0600);
}

/* Returns 0, or -1: there is no new file. The old one has its name yet, or the next one. */
static int rotate(struct logs *logs, struct log *log)
{
	struct stat st;
	int fd;

	if (!log->is_shifted && shift(logs, log) < 0)
		return -1;
	log->is_shifted = true;
	fd = create(log);
	if (fd < 0 && errno == EEXIST && unlinkat(log->dir_fd, log->name, 0) == 0)
		fd = create(log);
	if (fd < 0)
		return -1;
	/* The mode is for that owner; set-user-ID bits would be for what the task writes. */
	if (fstat(log->file_fd, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0)
		(void)fchmod(fd, st.st_mode & 0777);
	(void)close(log->file_fd);
	log->file_fd = fd;
	log->offset = 0;
	log->is_shifted = false;
	logs->rotations++;
	return 0;
}

/* --- moving --- */

static size_t drop(struct logs *logs, const struct log *log, size_t n)
{
	ssize_t got = splice(log->pipe_fd, NULL, logs->null_fd, NULL, n, SPLICE_F_NONBLOCK);

	if (got <= 0)
		return 0;
	logs->dropped += (uint64_t)got;
	return (size_t)got;
}

/* What is in the pipe now, bytes; -1: not known. */
static int unread(const struct log *log)
{
	int n;

	if (log->pipe_fd < 0)
		return 0;
	return ioctl(log->pipe_fd, FIONREAD, &n) == 0 ? n : -1;
}

/* Nobody could read what is written to it. */
static bool is_nameless(const struct log *log)
{
	struct stat st;

	return fstat(log->file_fd, &st) == 0 && st.st_nlink == 0;
}

static size_t move(struct logs *logs, struct log *log, size_t n)
{
	off_t offset;
	ssize_t got;

	/* What cannot be rotated grows, and whatever comes next is another try. */
	if (log->offset >= logs->max_size && rotate(logs, log) < 0 && is_nameless(log))
		return drop(logs, log, n);
	offset = (off_t)log->offset;
	if (log->offset < logs->max_size && n > logs->max_size - log->offset)
		n = (size_t)(logs->max_size - log->offset);
	got = splice(log->pipe_fd, NULL, log->file_fd, &offset, n, SPLICE_F_NONBLOCK);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (got <=
	    0) /* a full disk, a quota, a limit of file sizes, a broken disk: all signals are blocked */
		return drop(logs, log, n);
	log->offset = (uint64_t)offset;
	logs->written += (uint64_t)got;
	return (size_t)got;
}

size_t logs_relay(struct logs *logs, size_t i, short revents)
{
	struct log *log = &logs->v[i];
	int n = unread(log);

	/* In older kernels a write(2) from a bad address leaves an empty buffer: readable, and splice(2) takes it away. */
	if (n > 0 || revents & POLLIN)
		return move(logs, log, n > 0 ? (size_t)n : PIPE_SIZE);
	/* The only read end: closed too early, it would be the death of who writes next. */
	if (n == 0 && revents & POLLHUP)
		ts_fd_closep(&log->pipe_fd);
	return 0;
}

void logs_finish(struct logs *logs)
{
	for (size_t i = 0; i < logs->n; i++) {
		int n = unread(&logs->v[i]);
		size_t left = n >= 0 ? (size_t)n : PIPE_SIZE;

		for (int tries = 16; left > 0 && tries > 0;) {
			size_t moved = move(logs, &logs->v[i], left);

			left -= moved;
			tries -= moved == 0;
		}
	}
}
