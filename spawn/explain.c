/* Tells `taskshim run --explain` of the steps. */
#include "spawn/explain.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void explain_begin(int fd, struct timespec *ret)
{
	if (fd >= 0)
		(void)clock_gettime(CLOCK_MONOTONIC, ret);
}

void explain_end(int fd, struct timespec *begun, enum ts_step step, const char *does, bool ok)
{
	struct timespec now;
	char line[512];
	long long us;
	int n;

	if (fd < 0)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	us = (now.tv_sec - begun->tv_sec) * 1000000LL + (now.tv_nsec - begun->tv_nsec) / 1000;
	/* by hand: init must not allocate; the words are our own, without anything to escape */
	n = snprintf(line, sizeof line,
		     "{\"step\":\"%s\",\"does\":\"%s\",\"microseconds\":%lld,\"ok\":%s}\n",
		     ts_step_name(step), does, us, ok ? "true" : "false");
	if (n > 0 && (size_t)n < sizeof line)
		(void)!write(fd, line, (size_t)n);
	*begun = now;
}

bool explain_take(int fd)
{
	return fd > STDERR_FILENO && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}
