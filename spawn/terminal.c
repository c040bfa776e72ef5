/* The task's terminal. */
#include "spawn/terminal.h"
#include "spawn/stdio.h"
#include "spawn/steps.h"

#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <termios.h>

enum { PATIENCE_S = 5 /* with who owns the console socket, and may have stopped */ };

/* --- the console socket, in the parent --- */

int terminal_take_fd(struct plan *plan, struct ts_error *e)
{
	const struct ts_stdio *socket = &plan->config->taskshim.console_socket;
	struct stat st;

	e->step = TS_STEP_TERMINAL;
	if (socket->kind != TS_STDIO_FD)
		return 0;
	if (fcntl(socket->fd, F_SETFD, FD_CLOEXEC) < 0 || fstat(socket->fd, &st) < 0)
		return ts_failf(e, errno, "taskshim.consoleSocket: fd:%d is not open", socket->fd);
	if (!S_ISSOCK(st.st_mode))
		return ts_failf(e, ENOTSOCK, "taskshim.consoleSocket: fd:%d", socket->fd);
	plan->console_fd = socket->fd;
	return 0;
}

/* Through the descriptor, so that what is connected to is what was opened, and its path may be longer than an address. */
static int connect_to(int path_fd)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	(void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", path_fd);
	/* connect(2) waits, so long, for room among those that wait to be accepted */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
		return -1;
	return ts_fd_take(&fd);
}

static int fail_connect(struct ts_error *e, int err, const char *path)
{
	const char *why = err == ECONNREFUSED ? " (nobody listens)"
			  : err == EAGAIN     ? " (nobody accepts)"
			  : err == EPROTOTYPE ? " (not a stream socket)"
					      : "";

	return ts_failf(e, err == EAGAIN ? ETIMEDOUT : err, "connect to the console socket: %s%s",
			path, why);
}

int terminal_plan(struct plan *plan, struct ts_error *e)
{
	const struct ts_stdio *socket = &plan->config->taskshim.console_socket;
	_cleanup_fd_ int fd = -1;
	struct stat st;

	if (!plan->config->process.terminal)
		return 0;
	e->step = TS_STEP_CONFIG;
	if (socket->kind == TS_STDIO_NULL)
		return ts_fail(e, EINVAL, "process.terminal",
			       "true needs taskshim.consoleSocket, which the terminal's master is "
			       "sent to: `taskshim create --console-socket`");
	e->step = TS_STEP_TERMINAL;
	if (socket->kind == TS_STDIO_FD)
		return 0;
	fd = stdio_open_file(plan, socket->path, O_PATH);
	if (fd < 0 || fstat(fd, &st) < 0)
		return ts_fail(e, errno, "open the console socket", socket->path);
	if (!S_ISSOCK(st.st_mode))
		return ts_fail(e, ENOTSOCK, "the console socket is no socket", socket->path);
	plan->console_fd = connect_to(fd);
	return plan->console_fd < 0 ? fail_connect(e, errno, socket->path) : 0;
}

/* --- the terminal, in init --- */

/* Whether the root comes with a mount namespace that is joined, in step_pivot(). */
static bool joins_root(const struct plan *plan)
{
	return plan->namespace_fds[OCI_NS_MOUNT] >= 0;
}

/* Of the devpts that is mounted in the root, so that the terminal has a name there; else of the host's. @root_fd -1: there is no
 * other root than the host's. */
static int open_master(int root_fd, bool joined, struct ts_error *e)
{
	_cleanup_fd_ int pts =
		root_fd < 0 ? -1 : ts_open_in_root(root_fd, "/dev/pts", O_PATH | O_DIRECTORY);
	struct statfs fs;
	int fd;

	if (pts >= 0 && fstatfs(pts, &fs) < 0)
		return ts_fail(e, errno, "statfs", "/dev/pts");
	if (pts >= 0 && fs.f_type == DEVPTS_SUPER_MAGIC)
		fd = openat(pts, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	else if (joined) /* what is called /dev/ptmx there is the task's */
		return ts_fail(e, ENODEV, "the root has no devpts on", "/dev/pts");
	else
		fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return ts_fail(e, errno, "make a pseudo-terminal",
			       pts >= 0 ? "/dev/pts/ptmx" : "/dev/ptmx");
	return fd;
}

static int set_size(int fd, const struct oci_process *process)
{
	const struct winsize size = {.ws_row = (unsigned short)process->console_height.value,
				     .ws_col = (unsigned short)process->console_width.value};

	if (!process->console_height.set || !process->console_width.set)
		return 0;
	return ioctl(fd, TIOCSWINSZ, &size);
}

static int make_terminal(struct task *task, int root_fd, struct ts_error *e)
{
	const struct config *config = task->plan->config;
	int unlocked = 0;

	task->master_fd = open_master(root_fd, joins_root(task->plan), e);
	if (task->master_fd < 0)
		return -1;
	/* The slave by way of the master: a path could be another's. */
	if (ioctl(task->master_fd, TIOCSPTLCK, &unlocked) < 0)
		return ts_fail(e, errno, "unlock", "the terminal");
	task->terminal_fd = ioctl(task->master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (task->terminal_fd < 0)
		return ts_fail(e, errno, "open", "the terminal");
	if (set_size(task->master_fd, &config->process) < 0)
		return ts_fail(e, errno, "process.consoleSize", NULL);
	return 0;
}

int step_terminal(struct task *task, struct ts_error *e)
{
	if (!task->plan->config->process.terminal || joins_root(task->plan))
		return 0;
	return make_terminal(task, task->root_fd, e);
}

int step_joined_terminal(struct task *task, struct ts_error *e)
{
	_cleanup_fd_ int root_fd = -1;

	if (!task->plan->config->process.terminal || !joins_root(task->plan))
		return 0;
	root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root_fd < 0 ? ts_fail(e, errno, "open", "/") : make_terminal(task, root_fd, e);
}

static int give(int fd, uid_t uid)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	return st.st_uid == uid ? 0 : fchown(fd, uid, (gid_t)-1);
}

/* Whoever has the other end may let us wait, but not for ever. */
static int send_master(int socket, int master, struct ts_error *e)
{
	struct pollfd room = {.fd = socket, .events = POLLOUT};
	unsigned number;
	char name[32];
	int n;

	if (ioctl(master, TIOCGPTN, &number) < 0)
		return ts_fail(e, errno, "find the number of", "the terminal");
	(void)snprintf(name, sizeof name, "/dev/pts/%u", number);
	do
		n = poll(&room, 1, PATIENCE_S * 1000);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	if (n <= 0 || ts_send_fd(socket, name, strlen(name), master) < 0)
		return ts_fail(e, errno, "send the terminal to", "the console socket");
	return 0;
}

int step_console(struct task *task, struct ts_error *e)
{
	if (task->terminal_fd < 0)
		return 0;
	if (give(task->terminal_fd, task->credentials.uid) < 0)
		return ts_fail(e, errno, "give the terminal to", "the user");
	if (send_master(task->plan->console_fd, task->master_fd, e) < 0)
		return -1;
	/* step_close() closes all three */
	task->terminal_fd = task->master_fd = -1;
	return 0;
}

int step_control(struct task *task, struct ts_error *e)
{
	if (!task->plan->config->process.terminal || ioctl(STDIN_FILENO, TIOCSCTTY, 0) == 0)
		return 0;
	return ts_fail(e, errno,
		       errno == EIO ? "whoever got the terminal has closed it already"
				    : "make it the controlling one",
		       "the terminal");
}
