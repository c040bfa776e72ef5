/* Read and write loops over descriptors and small files. System calls, no policy. */
#include "util/fd.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

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

union fd_message {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

int ts_send_fd(int socket, const void *data, size_t len, int fd)
{
	union fd_message control = {.head = {.cmsg_len = CMSG_LEN(sizeof fd),
					     .cmsg_level = SOL_SOCKET,
					     .cmsg_type = SCM_RIGHTS}};
	struct iovec io = {(void *)data, len};
	struct msghdr message = {.msg_iov = &io,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof control};
	ssize_t n;

	memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	do
		n = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

ssize_t ts_recv_fd(int socket, void *data, size_t size, int *ret_fd)
{
	union fd_message control;
	struct iovec io = {data, size};
	struct msghdr message;
	ssize_t n;

	*ret_fd = -1;
	do {
		message = (struct msghdr){.msg_iov = &io,
					  .msg_iovlen = 1,
					  .msg_control = &control,
					  .msg_controllen = sizeof control};
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n >= 0 && message.msg_controllen >= CMSG_LEN(sizeof *ret_fd) &&
	    control.head.cmsg_level == SOL_SOCKET && control.head.cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(&control.head), sizeof *ret_fd);
	return n;
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

int ts_close_all_but(unsigned from, const int *keep, size_t n)
{
	for (;;) { /* the smallest kept descriptor at or above @from ends each gap */
		int next = -1;

		for (size_t i = 0; i < n; i++)
			if (keep[i] >= 0 && (unsigned)keep[i] >= from &&
			    (next < 0 || keep[i] < next))
				next = keep[i];
		if (next < 0)
			return (int)syscall(SYS_close_range, from, ~0U, 0);
		if ((unsigned)next > from &&
		    syscall(SYS_close_range, from, (unsigned)next - 1, 0) < 0)
			return -1;
		from = (unsigned)next + 1;
	}
}

int ts_read_file_at(int dir_fd, const char *path, size_t max, char **ret_data, size_t *ret_len)
{
	_cleanup_fd_ int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	return fd < 0 ? -1 : ts_read_file(fd, max, ret_data, ret_len);
}

int ts_read_file(int fd, size_t max, char **ret_data, size_t *ret_len)
{
	_cleanup_free_ char *data = NULL;
	struct stat st;
	ssize_t len;

	if (fstat(fd, &st) < 0)
		return -1;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	if (st.st_size > (off_t)max) {
		errno = EFBIG;
		return -1;
	}
	/* With room for what it has and a NUL there is no second read for the end. procfs and pipes say 0: there one byte more than
	 * the limit tells what is too large from what fits. */
	size_t room = st.st_size > 0 ? (size_t)st.st_size + 1 : max + 2;

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
