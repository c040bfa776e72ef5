/* Asks the kernel how a process ended that is not our child. */
#include "util/proc.h"

#include "util/fd.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>

enum { REAP_TIMEOUT_MS = 1000 /* between the two: it is being reaped */ };

#ifndef PIDFD_GET_INFO
struct pidfd_info {
	uint64_t mask, cgroupid;
	uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	int32_t exit_code;
	uint32_t coredump[2];
};
#define PIDFD_GET_INFO _IOWR(0xFF, 11, struct pidfd_info)
#define PIDFD_INFO_EXIT (1UL << 3)
#endif

/* To who may not trace the process the kernel shows the status 0: the same right is asked of for the link. */
static bool may_trace(pid_t pid)
{
	char path[32], target[64];

	(void)snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
	return readlink(path, target, sizeof target) > 0;
}

static int ask_zombie(int pidfd, pid_t pid, uint64_t start, int *ret_status)
{
	char path[32], line[2048], state;
	bool permitted = may_trace(pid);
	struct pollfd reaped = {.fd = pidfd};
	uint64_t started;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (!permitted || ts_read_text_at(AT_FDCWD, path, line, sizeof line) < 0 ||
	    ts_proc_stat_parse(line, &started, &state) < 0 || started != start || state != 'Z')
		return -1;
	/* Not reaped even now, it was whom the number meant (before Linux 6.9: by its start time). */
	return poll(&reaped, 1, 0) != 0 ? -1 : ts_proc_stat_exit_code(line, ret_status);
}

int ts_pidfd_exit_status(int pidfd, pid_t pid, uint64_t start, int *ret_status)
{
	struct pidfd_info info = {.mask = PIDFD_INFO_EXIT};
	struct pollfd reaped = {.fd = pidfd}; /* POLLHUP comes when it is reaped (Linux 6.9) */

	if (ask_zombie(pidfd, pid, start, ret_status) == 0)
		return 0;
	(void)poll(&reaped, 1, REAP_TIMEOUT_MS);
	if (ioctl(pidfd, PIDFD_GET_INFO, &info) < 0 || !(info.mask & PIDFD_INFO_EXIT))
		return -1;
	*ret_status = info.exit_code;
	return 0;
}
