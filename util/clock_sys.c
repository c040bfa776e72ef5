/* CLOCK_BOOTTIME, and waiting by it. */
#include "util/clock.h"

#include "util/fd.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <time.h>

int64_t ts_boottime_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

enum { ROUNDS_WITHOUT_MEMORY = 50, ROUND_MS = 10 };

/* poll(2)'s own time-out stands still while the machine sleeps. Returns a timer that does not, or -1. */
static int arm(int64_t timeout_ms)
{
	struct itimerspec at = {.it_value = {.tv_sec = timeout_ms / 1000,
					     .tv_nsec = timeout_ms % 1000 * 1000000 + 1}};
	_cleanup_fd_ int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);

	if (fd < 0 || timerfd_settime(fd, 0, &at, NULL) < 0)
		return -1;
	return ts_fd_take(&fd);
}

/* A wait that ended early would be taken for the end of the process, so want of memory is sat out for a while. */
static int poll_patiently(struct pollfd *fds, nfds_t n, int limit_ms)
{
	const struct timespec pause = {.tv_nsec = ROUND_MS * 1000000L};
	int rounds = 0, r;

	while ((r = poll(fds, n, limit_ms)) < 0) {
		if (errno == ENOMEM && rounds++ < ROUNDS_WITHOUT_MEMORY)
			(void)nanosleep(&pause, NULL);
		else if (errno != EINTR)
			break;
	}
	return r;
}

int ts_pidfd_wait(int pidfd, int64_t timeout_ms)
{
	_cleanup_fd_ int timer = -1;
	struct pollfd fds[] = {{.fd = pidfd, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
	int limit = -1, r = poll_patiently(fds, 1, 0);

	if (r != 0 || timeout_ms == 0)
		return r;
	if (timeout_ms > 0)
		fds[1].fd = timer = arm(timeout_ms);
	if (timeout_ms > 0 &&
	    timer < 0) /* no descriptor is left: poll's own time-out is the next best */
		limit = timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
	r = poll_patiently(fds, 2, limit);
	return r < 0 ? -1 : fds[0].revents != 0;
}
