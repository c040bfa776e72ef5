/* Standard input, output and error of the task: design.md section 4. */
#include "spawn/stdio.h"
#include "spawn/seccomp.h"
#include "spawn/steps.h"

#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static const char *const stream_name[3] = {"stdin", "stdout", "stderr"};

int stdio_check_own(struct ts_error *e)
{
	e->step = TS_STEP_STDIO;
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			return ts_fail(e, errno,
				       "spawn-daemon was started with a closed descriptor",
				       stream_name[fd]);
	return 0;
}

int stdio_take_fds(struct plan *plan, struct ts_error *e)
{
	struct stat st;
	int keep[4] = {plan->explain_fd};
	size_t n = 1;

	e->step = TS_STEP_STDIO;
	for (int i = 0; i < 3; i++) {
		const struct ts_stdio *stream = &plan->config->taskshim.stdio[i];

		if (stream->kind != TS_STDIO_FD)
			continue;
		if (fcntl(stream->fd, F_SETFD, FD_CLOEXEC) < 0 || fstat(stream->fd, &st) < 0)
			return ts_failf(e, errno, "taskshim.%s: fd:%d is not open", stream_name[i],
					stream->fd);
		if (S_ISDIR(st.st_mode)) /* the host's: a way out of the root, see step_close() */
			return ts_failf(e, EISDIR, "taskshim.%s: fd:%d", stream_name[i],
					stream->fd);
		keep[n++] = stream->fd;
	}
	if (ts_close_all_but(3, keep, n) < 0)
		return ts_fail(e, errno, "close inherited descriptors", NULL);
	for (int i = 0; i < 3; i++) {
		const struct ts_stdio *stream = &plan->config->taskshim.stdio[i];

		if (stream->kind != TS_STDIO_FD)
			continue;
		plan->stdio_fd[i] = stream->fd;
		for (int j = 0; j < i; j++) /* one descriptor for two streams: each owns its own */
			if (plan->stdio_fd[j] == stream->fd)
				plan->stdio_fd[i] = fcntl(stream->fd, F_DUPFD_CLOEXEC, 3);
		if (plan->stdio_fd[i] < 0)
			return ts_fail(e, errno, "duplicate descriptor for", stream_name[i]);
	}
	return 0;
}

/* Below taskDir, allocDir and root.path the task owns the directories and could swap any component: no symlink at all
 * there. In other places the path is the operator's, and only its last component must not be a symlink. */
static int open_file(const struct plan *plan, const char *path, uint64_t flags)
{
	const char *root = plan->config->root.path;
	_cleanup_fd_ int root_fd = root ? open(root, O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;
	const int dirs[] = {plan->task_dir_fd, plan->alloc_dir_fd, root_fd};
	int dir;
	const char *rest = ts_path_enters(path, dirs, sizeof dirs / sizeof dirs[0], &dir);

	if (rest)
		return ts_open_beneath(dir, rest, flags, 0640);
	return open(path, (int)flags | O_NOFOLLOW | O_CLOEXEC, 0640);
}

static int check_kind(int fd, const char *path, struct ts_error *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ts_fail(e, errno, "stat", path);
	if (S_ISREG(st.st_mode) && st.st_nlink != 1)
		return ts_fail(e, EMLINK, "file has other hard links", path);
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
		return ts_fail(e, EINVAL, "not a regular file, FIFO or character device", path);
	return 0;
}

static int open_path(const struct plan *plan, int stream, const char *path, struct ts_error *e)
{
	_cleanup_fd_ int fd = -1;
	uint64_t flags = stream == 0 ? O_RDONLY : O_WRONLY | O_APPEND | O_CREAT;
	struct stat st;

	/* O_NONBLOCK: a FIFO without its other end must not block us, nor a device; it is taken off again below. */
	fd = open_file(plan, path, flags | O_NONBLOCK | O_NOCTTY);
	/* A FIFO without a reader refuses O_WRONLY. O_RDWR never blocks, and keeps it open for both sides. */
	if ((fd < 0 && errno == ENXIO) ||
	    (fd >= 0 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))) {
		ts_fd_closep(&fd);
		fd = open_file(plan, path, O_RDWR | O_NONBLOCK | O_NOCTTY);
	}
	if (fd < 0)
		return ts_failf(e, errno, "open %s: %s%s", stream_name[stream], path,
				errno == ELOOP ? " (a symlink)" : "");
	if (check_kind(fd, path, e) < 0)
		return -1;
	int status = fcntl(fd, F_GETFL);

	if (status < 0 || fcntl(fd, F_SETFL, status & ~O_NONBLOCK) < 0)
		return ts_fail(e, errno, "clear O_NONBLOCK", path);
	return ts_fd_take(&fd);
}

int stdio_open(struct plan *plan, struct ts_error *e)
{
	e->step = TS_STEP_STDIO;
	for (int i = 0; i < 3; i++) {
		const struct ts_stdio *stream = &plan->config->taskshim.stdio[i];

		if (stream->kind == TS_STDIO_NULL) {
			plan->stdio_fd[i] =
				open("/dev/null", (i == 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
			if (plan->stdio_fd[i] < 0)
				return ts_fail(e, errno, "open", "/dev/null");
		} else if (stream->kind == TS_STDIO_PATH) {
			plan->stdio_fd[i] = open_path(plan, i, stream->path, e);
			if (plan->stdio_fd[i] < 0)
				return -1;
		}
	}
	return 0;
}

int step_stdio(struct task *task, struct ts_error *e)
{
	/* every stdio_fd is 3 or more, so that no dup2 overwrites one that is still to come */
	for (int i = 0; i < 3; i++)
		if (task->plan->stdio_fd[i] >= 0 && dup2(task->plan->stdio_fd[i], i) < 0)
			return ts_fail(e, errno, "put in place", stream_name[i]);
	return 0;
}

/* What is still open are directories and files of the host. The root may have a program, or an interpreter, that is a link to
 * /proc/self/fd/N/../..: execve(2) follows it while N is open, close-on-exec or not (CVE-2024-21626). What is opened later is ours. */
int step_close(struct task *task, struct ts_error *e)
{
	bool hooks = task->plan->hooks[OCI_HOOK_START_CONTAINER];
	const int keep[] = {task->channel,
			    task->gate_fd,
			    task->end_fd,
			    hooks ? task->proc_fd : -1,
			    task->plan->seccomp ? task->plan->seccomp->listener.fd : -1,
			    task->plan->explain_fd};

	if (ts_close_all_but(3, keep, sizeof keep / sizeof keep[0]) < 0)
		return ts_fail(e, errno, "close descriptors of the host", NULL);
	return 0;
}
