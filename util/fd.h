/* File descriptors and memory that clean up after themselves, and the few read and write loops that all sides need.
 * Every descriptor made here is O_CLOEXEC. */
#ifndef UTIL_FD_H
#define UTIL_FD_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static inline void ts_fd_closep(int *fd)
{
	if (*fd >= 0) {
		int keep = errno;

		(void)close(*fd);
		errno = keep;
		*fd = -1;
	}
}

/* Hands the descriptor over: the caller's variable no longer owns it. */
static inline int ts_fd_take(int *fd)
{
	int value = *fd;

	*fd = -1;
	return value;
}

static inline void ts_freep(void *p)
{
	int keep = errno;

	free(*(void **)p);
	errno = keep;
}

#define _cleanup_fd_ __attribute__((cleanup(ts_fd_closep)))
#define _cleanup_free_ __attribute__((cleanup(ts_freep)))

/* Writes all @len bytes, going on after EINTR and short writes. Returns 0, or -1 and errno. Blocks as the fd does. */
int ts_write_all(int fd, const void *data, size_t len);

/* Reads until @size - 1 bytes or end of file, NUL-terminates. Returns the length, or -1 and errno. */
ssize_t ts_read_text(int fd, char *buf, size_t size);

/* Opens @path below @dir_fd (AT_FDCWD too) and reads it as ts_read_text() does. */
ssize_t ts_read_text_at(int dir_fd, const char *path, char *buf, size_t size);

/* Writes @text to the existing file @path below @dir_fd in one write(2): for cgroup and /proc files, where the kernel
 * takes the value whole or not at all. Returns 0, or -1 and errno. */
int ts_write_value_at(int dir_fd, const char *path, const char *text);

/* Creates @name below @dir_fd (mode 0600, never through a symlink) with @len bytes of @data: to a temporary name
 * first, then renamed, so that a reader sees all of it or nothing. @durable: fsync file and directory as well.
 * Returns 0, or -1 and errno with no temporary file left. */
int ts_write_file_atomic(int dir_fd, const char *name, const void *data, size_t len, bool durable);

/* Sends @fd over a socket, along with @len bytes of @data. Returns 0, or -1 and errno. Blocks as the socket does; no SIGPIPE. */
int ts_send_fd(int socket, const void *data, size_t len, int fd);

/* Receives up to @size bytes of data and *@ret_fd, O_CLOEXEC, -1 when none came along. Returns the length, 0 at end of file, or
 * -1 and errno, with *@ret_fd -1. */
ssize_t ts_recv_fd(int socket, void *data, size_t size, int *ret_fd);

/* Closes every descriptor from @from on but those of @keep (negative ones are none). Returns 0, or -1 and errno. */
int ts_close_all_but(unsigned from, const int *keep, size_t n);

/* Reads a whole regular file of at most @max bytes into *@ret_data (malloc'ed, NUL-terminated, *@ret_len without the
 * NUL). Returns 0, or -1 and errno (EFBIG when larger). */
int ts_read_file_at(int dir_fd, const char *path, size_t max, char **ret_data, size_t *ret_len);

/* The same of an open file, which is not closed. */
int ts_read_file(int fd, size_t max, char **ret_data, size_t *ret_len);

#endif
