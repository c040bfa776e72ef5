/* Signals and ends our children. */
#include "spawn/children.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

/* Signals our children, whoever they are: none is reaped but by us, so that no number can be another's. Returns how many. */
size_t children_signal(int signo)
{
	_cleanup_fd_ int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	char text[4096];
	size_t n = 0, held = 0;
	ssize_t got;

	while (fd >= 0 && (got = read(fd, text + held, sizeof text - 1 - held)) > 0) {
		char *at = text, *end;

		text[held + (size_t)got] = '\0';
		for (;; at = end, n++) {
			long pid = strtol(at, &end, 10);

			/* One that was cut off has no space behind it: it is read on. */
			if (end == at || *end != ' ' || pid <= 0)
				break;
			(void)kill((pid_t)pid, signo);
		}
		held = strlen(at);
		memmove(text, at, held + 1);
	}
	return n;
}

/* Reaps @n children that were killed, or fewer when no more die within a second: one may be stuck in the kernel. Returns
 * whether any died. */
static bool reap_killed(int signal_fd, size_t n)
{
	struct pollfd child = {.fd = signal_fd, .events = POLLIN};
	bool any = false;

	for (int idle = 0; n > 0 && idle < 10;) {
		struct signalfd_siginfo ignored;
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid > 0) {
			any = true;
			n--;
			continue;
		}
		if (pid < 0 && errno == ECHILD)
			return any;
		idle++;
		(void)poll(&child, 1, 100);
		(void)!read(signal_fd, &ignored, sizeof ignored);
	}
	return any;
}

void children_end(int signal_fd)
{
	size_t n;

	/* Each round ends at least one generation; what forks faster than that is the cgroup's business. */
	for (int rounds = 0; rounds < 1000 && (n = children_signal(SIGKILL)) > 0; rounds++)
		if (!reap_killed(signal_fd, n))
			return;
}
