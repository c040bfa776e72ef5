/* Reads the kernel's log. */
#include "util/oom.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	RECORD_MAX = 8192, /* CONSOLE_EXT_LOG_MAX: a shorter buffer is refused */
	SLACK_US = 60000000, /* the log's clock is not disciplined as CLOCK_MONOTONIC is */
	TRIES = 5,
	PAUSE_MS = 5,
};

/* The log has the numbers of the machine's first pid namespace, whose inode is PROC_PID_INIT_INO for ever. */
static bool in_first_pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino == 0xEFFFFFFC;
}

static uint64_t start_us(uint64_t runtime_ms)
{
	struct timespec t;
	uint64_t now, back = runtime_ms * 1000 + SLACK_US;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
	return now > back ? now - back : 0;
}

/* One pass. *@complete: whether the log goes back to @since_us without a gap. */
static bool find_kill(int fd, pid_t pid, uint64_t since_us, bool *complete)
{
	char record[RECORD_MAX + 1];
	bool first = true;
	uint64_t at_us;

	*complete = false;
	for (;;) {
		ssize_t n = read(fd, record, RECORD_MAX);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE) { /* overwritten while we read */
			*complete = first = false;
			continue;
		}
		if (n <= 0) {
			*complete = *complete && n < 0 && errno == EAGAIN; /* all was read */
			return false;
		}
		record[n] = '\0';
		if (ts_kmsg_time(record, &at_us) < 0)
			continue;
		if (first)
			*complete = at_us <= since_us || since_us == 0;
		first = false;
		if (at_us >= since_us && ts_kmsg_is_oom_kill(record, pid))
			return true;
	}
}

enum ts_oom ts_oom_has_killed(pid_t pid, uint64_t runtime_ms)
{
	uint64_t since_us = start_us(runtime_ms);
	bool complete = false;

	if (!in_first_pid_namespace())
		return TS_OOM_UNKNOWN;
	/* The kernel kills first and writes then: what is not in the log may be about to be. */
	for (int tries = 0; tries < TRIES; tries++) {
		_cleanup_fd_ int fd =
			open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

		if (fd < 0)
			return TS_OOM_UNKNOWN;
		if (find_kill(fd, pid, since_us, &complete))
			return TS_OOM_YES;
		if (!complete)
			return TS_OOM_UNKNOWN;
		if (tries + 1 < TRIES)
			(void)poll(NULL, 0, PAUSE_MS);
	}
	return TS_OOM_NO;
}
