/* Reads identities from /proc and opens processes by them. */
#include "util/proc.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#ifndef PID_FS_MAGIC
#define PID_FS_MAGIC 0x50494446 /* linux/magic.h, since Linux 6.9 */
#endif

int ts_proc_start_time(pid_t pid, uint64_t *ret_start)
{
	char path[32], line[1024];
	int r;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (ts_read_text_at(AT_FDCWD, path, line, sizeof line) < 0)
		return -1;
	r = ts_proc_stat_parse(line, ret_start, NULL);
	if (r < 0) {
		errno = -r;
		return -1;
	}
	return 0;
}

bool ts_proc_drops_signal(pid_t pid, int signo)
{
	char path[32], status[4096];
	ssize_t n = -1;

	(void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	for (int tries = 0; n < 0 && tries < 3; tries++) { /* a task would outlive the signal */
		n = ts_read_text_at(AT_FDCWD, path, status, sizeof status);
		if (n < 0 && (errno == ENOENT || errno == ESRCH))
			break;
	}
	return n > 0 && ts_proc_status_drops_signal(status, signo);
}

int ts_boot_id(char ret[TS_BOOT_ID_LEN + 1])
{
	char text[TS_BOOT_ID_LEN + 2];

	if (ts_read_text_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof text) <
	    TS_BOOT_ID_LEN)
		return -1;
	memcpy(ret, text, TS_BOOT_ID_LEN);
	ret[TS_BOOT_ID_LEN] = '\0';
	return 0;
}

int ts_run_id_new(char ret[TS_RUN_ID_LEN + 1])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char bytes[TS_RUN_ID_LEN / 2];

	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return -1;
	for (size_t i = 0; i < sizeof bytes; i++) {
		ret[2 * i] = hex[bytes[i] >> 4];
		ret[2 * i + 1] = hex[bytes[i] & 15];
	}
	ret[TS_RUN_ID_LEN] = '\0';
	return 0;
}

/* There a pidfd's inode is its process's alone until the next boot (Linux 6.9; 32-bit kernels cut it off). */
static bool is_on_pidfs(int pidfd)
{
	struct statfs fs;

	return sizeof(long) == 8 && fstatfs(pidfd, &fs) == 0 && fs.f_type == PID_FS_MAGIC;
}

int ts_pidfd_open_checked(pid_t pid, uint64_t start, uint64_t inode)
{
	_cleanup_fd_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct stat st;
	uint64_t now;

	/* EINVAL, ENOENT: the number is a thread's by now */
	if (fd < 0 && (errno == EINVAL || errno == ENOENT))
		errno = ESRCH;
	if (fd < 0)
		return -1;
	if (inode != 0) {
		if (fstat(fd, &st) < 0)
			return -1;
		if (st.st_ino != inode) {
			errno = ESRCH;
			return -1;
		}
		if (is_on_pidfs(fd))
			return ts_fd_take(&fd);
	}
	if (ts_proc_start_time(pid, &now) < 0) {
		if (errno == ENOENT)
			errno = ESRCH;
		return -1;
	}
	if (now == start)
		return ts_fd_take(&fd);
	errno = ESRCH;
	return -1;
}

int ts_pidfd_kill(int pidfd, int signo)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0);
}

int ts_pidfd_terminate(int pidfd, pid_t pid, int signo)
{
	bool dropped = ts_proc_drops_signal(pid, signo);

	if (ts_pidfd_kill(pidfd, signo) < 0)
		return -1;
	if (!dropped)
		return 0;
	/* A handler that came in between may have come too late for the signal: once more. */
	if (!ts_proc_drops_signal(pid, signo))
		return ts_pidfd_kill(pidfd, signo) < 0 && errno != ESRCH ? -1 : 0;
	return ts_pidfd_kill(pidfd, SIGKILL) < 0 && errno != ESRCH ? -1 : 1;
}
