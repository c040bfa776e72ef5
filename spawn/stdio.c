/* Standard input, output and error of the task: design.md section 4. */
#include "spawn/stdio.h"
#include "spawn/seccomp.h"
#include "spawn/steps.h"
#include "spawn/terminal.h"

#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

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

/* The first descriptor that is not one the task is given as it is. */
static unsigned first_own(const struct plan *plan)
{
	return 3 + plan->n_preserved;
}

static int take_fd(int fd, const char *field, struct ts_error *e)
{
	struct stat st;

	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fstat(fd, &st) < 0)
		return ts_failf(e, errno, "taskshim.%s: fd:%d is not open", field, fd);
	if (S_ISDIR(st.st_mode)) /* the host's: a way out of the root, see step_close() */
		return ts_failf(e, EISDIR, "taskshim.%s: fd:%d", field, fd);
	return 0;
}

int stdio_take_fds(struct plan *plan, struct ts_error *e)
{
	const struct ts_stdio *streams = plan->config->taskshim.stdio;
	int keep[5] = {plan->explain_fd};
	size_t n = 1;

	e->step = TS_STEP_STDIO;
	for (; plan->n_preserved < plan->config->taskshim.preserve_fds; plan->n_preserved++)
		if (take_fd((int)first_own(plan), "preserveFds", e) < 0)
			return -1;
	for (int i = 0; i < 3; i++) {
		if (streams[i].kind != TS_STDIO_FD)
			continue;
		if (take_fd(streams[i].fd, stream_name[i], e) < 0)
			return -1;
		keep[n++] = streams[i].fd;
	}
	if (terminal_take_fd(plan, e) < 0)
		return -1;
	keep[n++] = plan->console_fd;
	if (ts_close_all_but(first_own(plan), keep, n) < 0)
		return ts_fail(e, errno, "close inherited descriptors", NULL);
	for (int i = 0; i < 3; i++) {
		bool shared = streams[i].fd < (int)first_own(plan);

		if (streams[i].kind != TS_STDIO_FD)
			continue;
		for (int j = 0; j < i; j++)
			shared |= plan->stdio_fd[j] == streams[i].fd;
		/* one descriptor for two: each owns its own */
		plan->stdio_fd[i] =
			shared ? fcntl(streams[i].fd, F_DUPFD_CLOEXEC, 3) : streams[i].fd;
		if (plan->stdio_fd[i] < 0)
			return ts_fail(e, errno, "duplicate descriptor for", stream_name[i]);
	}
	return 0;
}

int stdio_open_file(const struct plan *plan, const char *path, uint64_t flags)
{
	const char *root = plan->config->root.path;
	_cleanup_fd_ int root_fd = root ? open(root, O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;
	const int dirs[] = {plan->task_dir_fd, plan->alloc_dir_fd, root_fd};

	return ts_open_entering(path, dirs, sizeof dirs / sizeof dirs[0], flags, 0640);
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
	fd = stdio_open_file(plan, path, flags | O_NONBLOCK | O_NOCTTY);
	/* A FIFO without a reader refuses O_WRONLY. O_RDWR never blocks, and keeps it open for both sides. */
	if ((fd < 0 && errno == ENXIO) ||
	    (fd >= 0 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))) {
		ts_fd_closep(&fd);
		fd = stdio_open_file(plan, path, O_RDWR | O_NONBLOCK | O_NOCTTY);
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

static int refuse_logs(struct ts_error *e, const char *why)
{
	e->step = TS_STEP_CONFIG;
	return ts_fail(e, EINVAL, "taskshim.logs", why);
}

int stdio_open(struct plan *plan, struct ts_error *e)
{
	e->step = TS_STEP_STDIO;
	if (plan->config->process.terminal && plan->config->taskshim.logs.set)
		return refuse_logs(e, "contradicts process.terminal");
	if (plan->config->process.terminal)
		return 0;
	for (int i = 0; i < 3; i++) {
		const struct ts_stdio *stream = &plan->config->taskshim.stdio[i];

		if (stream->kind == TS_STDIO_NULL) {
			plan->stdio_fd[i] =
				open("/dev/null", (i == 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
			if (plan->stdio_fd[i] < 0)
				return ts_fail(e, errno, "open", "/dev/null");
		} else if (stream->kind == TS_STDIO_PATH) {
			plan->stdio_fd[i] = i > 0 && plan->config->taskshim.logs.set
						    ? logs_open(plan, stream->path, e)
						    : open_path(plan, i, stream->path, e);
			if (plan->stdio_fd[i] < 0)
				return -1;
		}
	}
	if (plan->config->taskshim.logs.set && plan->logs.n == 0)
		return refuse_logs(e, "neither taskshim.stdout nor taskshim.stderr is a path");
	return 0;
}

int step_stdio(struct task *task, struct ts_error *e)
{
	/* every one is 3 or more, so that no dup2 overwrites one that is still to come */
	for (int i = 0; i < 3; i++) {
		int fd = task->terminal_fd >= 0 ? task->terminal_fd : task->plan->stdio_fd[i];

		if (fd >= 0 && dup2(fd, i) < 0)
			return ts_fail(e, errno, "put in place", stream_name[i]);
	}
	return 0;
}

/* As runc: else who is not root could not open /dev/stdout. Only what has no name: a FIFO in a directory is its owner's. Where it may
 * not be given away (a user namespace that does not have its owner) it works all the same, as it is. */
int step_give(struct task *task, struct ts_error *e)
{
	uid_t uid = task->credentials.uid;

	(void)e;
	for (int i = 0; i < 3 && !task->plan->keep_credentials; i++) {
		struct stat st;
		struct statfs fs;

		if (fstat(i, &st) == 0 && S_ISFIFO(st.st_mode) && st.st_uid != uid &&
		    fstatfs(i, &fs) == 0 && fs.f_type == PIPEFS_MAGIC)
			(void)fchown(i, uid, (gid_t)-1);
	}
	return 0;
}

void stdio_close_preserved(struct plan *plan)
{
	for (; plan->n_preserved > 0; plan->n_preserved--)
		(void)close((int)first_own(plan) - 1);
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

	if (ts_close_all_but(first_own(task->plan), keep, sizeof keep / sizeof keep[0]) < 0)
		return ts_fail(e, errno, "close descriptors of the host", NULL);
	for (int fd = 3; fd < (int)first_own(task->plan); fd++)
		if (fcntl(fd, F_SETFD, 0) < 0)
			return ts_fail(e, errno, "keep the descriptors of", "taskshim.preserveFds");
	return 0;
}
