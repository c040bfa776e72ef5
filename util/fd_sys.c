/* Read and write loops over descriptors and small files. System calls, no policy. */
#include "util/fd.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int ts_write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t ts_read_text(int fd, char *buf, size_t size)
{
	size_t used = 0;

	while (used < size - 1) {
		ssize_t n = read(fd, buf + used, size - 1 - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	buf[used] = '\0';
	return (ssize_t)used;
}

ssize_t ts_read_text_at(int dir_fd, const char *path, char *buf, size_t size)
{
	_cleanup_fd_ int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : ts_read_text(fd, buf, size);
}

int ts_write_value_at(int dir_fd, const char *path, const char *text)
{
	_cleanup_fd_ int fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	do
		n = write(fd, text, strlen(text));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

static int fill_and_rename(int dir_fd, const char *temporary, const char *name, const void *data,
			   size_t len, bool durable)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	_cleanup_fd_ int fd = openat(dir_fd, temporary, flags, 0600);

	/* What has the name is a crash's left-over, or was put there by whoever may write here: never opened. */
	if (fd < 0 && errno == EEXIST && unlinkat(dir_fd, temporary, 0) == 0)
		fd = openat(dir_fd, temporary, flags, 0600);
	if (fd < 0)
		return -1;
	if (ts_write_all(fd, data, len) < 0 || (durable && fsync(fd) < 0) ||
	    renameat(dir_fd, temporary, dir_fd, name) < 0) {
		int keep = errno;

		(void)unlinkat(dir_fd, temporary, 0);
		errno = keep;
		return -1;
	}
	return 0;
}

int ts_write_file_atomic(int dir_fd, const char *name, const void *data, size_t len, bool durable)
{
	char temporary[NAME_MAX + 1];
	int n = snprintf(temporary, sizeof temporary, ".%s.new", name);

	if (n < 0 || (size_t)n >= sizeof temporary) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (fill_and_rename(dir_fd, temporary, name, data, len, durable) < 0)
		return -1;
	return durable ? fsync(dir_fd) : 0;
}

int ts_read_file_at(int dir_fd, const char *path, size_t max, char **ret_data, size_t *ret_len)
{
	_cleanup_fd_ int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *data = NULL;
	struct stat st;
	ssize_t len;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	if (st.st_size > (off_t)max) {
		errno = EFBIG;
		return -1;
	}
	/* procfs and pipes say 0; one byte more than the limit tells a file that is too large from one that fits. */
	size_t room = st.st_size > 0 ? (size_t)st.st_size + 2 : max + 2;

	data = malloc(room);
	if (!data)
		return -1;
	len = ts_read_text(fd, data, room);
	if (len < 0)
		return -1;
	if ((size_t)len > max) {
		errno = EFBIG;
		return -1;
	}
	*ret_data = data;
	*ret_len = (size_t)len;
	data = NULL;
	return 0;
}
