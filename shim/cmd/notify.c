/* sd_notify(3) of a task, passed on to the service manager that has started us, as runc does: "READY=1", and no more. */
#include "shim/cmd/cmd.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	MESSAGE_BYTES = 4096,
	BARRIER_MS = 5000, /* how long the service manager may take to read what we said */
};

const char *notify_socket(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	return path && (path[0] == '/' || path[0] == '@') && path[1] ? path : NULL;
}

static int fail(struct ts_error *e, const char *what, const char *object)
{
	e->step = TS_STEP_WAIT;
	return ts_fail(e, errno, what, object);
}

static int connect_to(const char *path)
{
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(path);

	if (len > sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, len);
	if (path[0] == '@') /* an abstract address, which has no end but its length */
		address.sun_path[0] = '\0';
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		return -1;
	return ts_fd_take(&fd);
}

/* Returns when all that was sent is read: the service manager looks the sender up by its pid, which we are about to give back. Its
 * answer is that it closes the descriptor that comes along: sd_notify_barrier(3). */
static void wait_until_read(int fd)
{
	static char text[] = "BARRIER=1";
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec data = {.iov_base = text, .iov_len = strlen(text)};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof control};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	struct pollfd closed;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof ends[1]);
	memcpy(CMSG_DATA(header), &ends[1], sizeof ends[1]);
	closed = (struct pollfd){.fd = ends[0]};
	if (sendmsg(fd, &message, MSG_NOSIGNAL) >= 0) {
		ts_fd_closep(&ends[1]);
		(void)poll(&closed, 1, BARRIER_MS);
	}
	ts_fd_closep(&ends[1]);
	ts_fd_closep(&ends[0]);
}

static int tell(const char *host, pid_t pid, bool leaving, struct ts_error *e)
{
	_cleanup_fd_ int fd = connect_to(host);
	char text[64];
	int n = snprintf(text, sizeof text, "READY=1\nMAINPID=%d\n", (int)pid);

	if (fd < 0 || send(fd, text, (size_t)n, MSG_NOSIGNAL) < 0)
		return fail(e, "tell the service manager that the task is ready", host);
	if (leaving)
		wait_until_read(fd);
	return 0;
}

static bool says_ready(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len == strlen("READY=1") && memcmp(text, "READY=1", len) == 0)
			return true;
		text += len + (text[len] == '\n');
	}
	return false;
}

int notify_read(int fd, pid_t pid, bool leaving, struct ts_error *e)
{
	char text[MESSAGE_BYTES + 1];
	ssize_t n;

	while ((n = recv(fd, text, MESSAGE_BYTES, MSG_DONTWAIT)) >= 0) {
		text[n] = '\0';
		if (says_ready(text))
			return tell(notify_socket(), pid, leaving, e) < 0 ? -1 : 1;
	}
	return 0;
}

/* Waits for that, or for the end of the task. Returns 0, or -1 with @e filled. */
static int await(taskshim_task *task, int fd, struct ts_error *e)
{
	struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
			       {.fd = task_init_pidfd(task), .events = POLLIN}};
	int r = 0;

	while (r == 0 && fds[1].fd >= 0 && !(fds[1].revents & POLLIN)) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return fail(e, "wait for the task to be ready", taskshim_task_id(task));
		r = notify_read(fd, taskshim_task_pid(task), true, e);
	}
	return r < 0 ? -1 : 0;
}

int notify_start(const struct global *global, taskshim_task *task)
{
	struct taskshim_error error;
	struct ts_error e = {0};
	/* only before a start that may succeed: another's socket is not taken away */
	bool listens = notify_socket() && task_status(task) == TASK_CREATED;
	_cleanup_fd_ int fd = listens ? task_listen_notify(task, &e) : -1;

	if (listens && fd < 0 && e.err != ENOENT) { /* which was created without */
		report_error(global, &e);
		return -1;
	}
	if (taskshim_task_start(task, &error) < 0) {
		report_public(global, &error);
		return -1;
	}
	if (fd < 0 || await(task, fd, &e) == 0)
		return 0;
	report_error(global, &e);
	return -1;
}
