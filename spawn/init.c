/* Forks init, and all that init does: the steps, the gate, exec. Nothing in here returns in the child but by _exit. */
#include "spawn/init.h"
#include "spawn/cgroup.h"
#include "spawn/command.h"
#include "spawn/explain.h"
#include "spawn/hooks.h"
#include "spawn/hygiene.h"
#include "spawn/idmap.h"
#include "spawn/joiner.h"
#include "spawn/namespaces.h"
#include "spawn/reaper.h"
#include "spawn/seccomp.h"
#include "spawn/steps.h"
#include "spawn/userns.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

int channel_read(int channel, struct channel_record *ret)
{
	int tries = 3;
	ssize_t n;

	/* An end that was closed with our word unread answers ECONNRESET once, then what it said before. And the status of a
	 * command that runs may hang on this call: what does not last is no reason to give up. */
	do
		n = read(channel, ret, sizeof *ret);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET || --tries > 0));
	if (n < 0)
		return -1;
	return n == (ssize_t)sizeof *ret ? 1 : 0;
}

/* Returns 0, or -1 and errno: a parent that is gone cannot be told. */
static int tell(int channel, enum channel_kind kind, const struct ts_error *e)
{
	struct channel_record record = {.kind = kind};

	if (e)
		record.error = *e;
	return write(channel, &record, sizeof record) < 0 ? -1 : 0;
}

static void fail(const struct task *task, const struct ts_error *e) __attribute__((noreturn));
static void fail(const struct task *task, const struct ts_error *e)
{
	if (tell(task->channel, CHANNEL_FAILED, e) < 0)
		(void)tell(task->channel, CHANNEL_FAILED, e);
	_exit(command_exit_status(e));
}

/* The exec has failed, with the filter loaded. */
static void fail_filtered(const struct task *task, const struct ts_error *e)
	__attribute__((noreturn));
static void fail_filtered(const struct task *task, const struct ts_error *e)
{
	sysfilter_tell(task->plan->seccomp, e);
	sysfilter_exit(task->plan->seccomp, command_exit_status(e));
}

/* Reads what the parent says: end of file is never "go". */
static void hear_or_end(const struct task *task, enum channel_kind kind, struct channel_go *ret)
{
	ssize_t n;

	do
		n = read(task->channel, ret, sizeof *ret);
	while (n < 0 && errno == EINTR);
	if (n < (ssize_t)offsetof(struct channel_go, line) || ret->kind != (uint32_t)kind)
		_exit(0); /* aborted, or the parent died */
}

static int await(const struct task *task, enum channel_kind asked, enum channel_kind done,
		 struct ts_error *e)
{
	struct channel_go go;

	if (tell(task->channel, asked, NULL) < 0)
		return ts_fail(e, errno, "write to", "the monitor");
	hear_or_end(task, done, &go);
	return 0;
}

int init_await_hooks(const struct task *task, struct ts_error *e)
{
	return await(task, CHANNEL_HOOKS, CHANNEL_HOOKS_DONE, e);
}

int init_await_netdevices(const struct task *task, struct ts_error *e)
{
	return await(task, CHANNEL_NETDEVICES, CHANNEL_NETDEVICES_DONE, e);
}

/* kind and length of struct channel_go */
enum { KIND, LENGTH, HEAD_WORDS };

int channel_send_fd(int channel, enum channel_kind kind, uint32_t i, int fd)
{
	const uint32_t head[HEAD_WORDS] = {kind, i};

	return ts_send_fd(channel, head, sizeof head, fd);
}

/* Returns an fd, or -1 when none came along. */
static int hear_set_up(const struct task *task, uint32_t head[static HEAD_WORDS])
{
	const size_t len = HEAD_WORDS * sizeof *head;
	int fd;

	if (ts_recv_fd(task->channel, head, len, &fd) < (ssize_t)len)
		_exit(0); /* aborted, or the parent died */
	return fd;
}

/* Puts @fd, which is not -1, where it belongs. */
static int take_fd(struct task *task, enum channel_kind kind, uint32_t i, int *fd)
{
	switch (kind) {
	case CHANNEL_MOUNT:
		return dup3(*fd, task->plan->idmap_fds[i], O_CLOEXEC);
	case CHANNEL_TASKDIR:
		task->made_task_dir_fds[i] = ts_fd_take(fd);
		task->made_task_dirs |= 1u << i;
		return 0;
	default:
		_exit(0);
	}
}

int init_await_set_up(struct task *task, struct ts_error *e)
{
	for (;;) {
		uint32_t head[HEAD_WORDS];
		_cleanup_fd_ int fd = hear_set_up(task, head);

		if (head[KIND] == CHANNEL_SET_UP)
			return 0;
		if (fd < 0)
			return ts_fail(e, EMFILE, "take what the parent has opened", NULL);
		if (take_fd(task, (enum channel_kind)head[KIND], head[LENGTH], &fd) < 0)
			return ts_fail(e, errno, "take what the parent has opened", NULL);
	}
}

/* The parent waits for these words: without them nothing goes on. */
static void tell_or_end(const struct task *task, enum channel_kind kind)
{
	struct ts_error e = {.step = TS_STEP_GATE};

	if (tell(task->channel, kind, NULL) == 0)
		return;
	(void)ts_fail(&e, errno, "write to", "the monitor");
	fail(task, &e);
}

/* --- the gate of an unmonitored task: a socket in its state directory --- */

/* Reads the JSON text `true` or `false`, with white space around it: all that is there, since closing a socket with
 * bytes unread resets the connection under the client. Returns 1, 0, or -1 when the client went away or said something
 * else. */
static int read_gate(int fd)
{
	char text[32], word[8] = "";
	size_t used = 0, letters = 0;

	while (used < sizeof text) {
		ssize_t n = read(fd, text + used, sizeof text - used);

		if (n <= 0)
			return -1;
		for (; n > 0; n--, used++) {
			if (strchr(" \t\r\n", text[used]))
				continue;
			if (letters + 1 == sizeof word)
				return -1;
			word[letters++] = text[used];
		}
		if (strcmp(word, "true") == 0)
			return 1;
		if (strcmp(word, "false") == 0)
			return 0;
	}
	return -1;
}

/* Only who may start tasks in this state directory may connect: root, or whoever ran spawn-daemon. In a user namespace nobody of
 * the host has a number that tells; that the directory is its owner's alone has to do. */
static bool is_trusted(const struct task *task, int fd, uid_t owner)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (userns_is_set(task->plan->config))
		return true;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == owner);
}

/* Waits for a client that says `true`; returns its connection. One that says `false` ends us. */
static int wait_at_gate(const struct task *task, uid_t owner)
{
	const struct timeval patience = {.tv_sec = 1};

	for (;;) {
		_cleanup_fd_ int client = accept4(task->gate_fd, NULL, NULL, SOCK_CLOEXEC);
		int answer;

		if (client < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EAGAIN))
			continue;
		if (client < 0)
			_exit(125);
		if (!is_trusted(task, client, owner))
			continue;
		/* a client that says nothing must not keep the others out */
		(void)setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
		answer = read_gate(client);
		if (answer == 0)
			_exit(0);
		if (answer == 1)
			return ts_fd_take(&client);
	}
}

/* Whether what command_fail_exec() does is let by the filter, which may kill whoever does it, or ask a listener that says nothing. */
static bool can_explain(const struct seccomp *seccomp)
{
	static const long calls[] = {
#ifdef SYS_open
		SYS_open,   SYS_access,
#endif
		SYS_openat, SYS_faccessat, SYS_statfs, SYS_pread64, SYS_close,
	};

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		if (!sysfilter_lets(seccomp, calls[i]))
			return false;
	return true;
}

static void exec_command(const struct task *task, struct ts_error *e)
{
	const struct plan *plan = task->plan;
	const char *shell[] = {task->shell, NULL};
	int err;

	/* the hooks have run that needed it: see step_close() */
	if (task->proc_fd >= 0)
		(void)close(task->proc_fd);
	hygiene_unblock();
	if (plan->seccomp && sysfilter_load(plan->seccomp, e) < 0)
		return;
	(void)execve(task->command, (char *const *)(task->shell ? shell : plan->args.v),
		     (char *const *)plan->config->process.env.v);
	err = errno;
	if (plan->seccomp && !can_explain(plan->seccomp)) {
		e->step = TS_STEP_EXEC;
		(void)ts_fail(e, err, "execute", task->command);
		return;
	}
	(void)command_fail_exec(e, err, task->command);
}

/* A client that is gone has opened the gate all the same. Returns 0, or -1: it lives, and cannot be told. */
static int say_started(int client, const struct channel_go *go)
{
	int tries = 3;
	ssize_t n;

	do
		n = send(client, go->line, go->length, MSG_NOSIGNAL);
	while (n < 0 && errno != EPIPE && --tries > 0);
	return n < 0 && errno != EPIPE && errno != ECONNRESET ? -1 : 0;
}

static void run_unmonitored(const struct task *task, const struct channel_go *go, uid_t owner)
	__attribute__((noreturn));
static void run_unmonitored(const struct task *task, const struct channel_go *go, uid_t owner)
{
	struct ts_error e = {0};
	char line[MESSAGE_MAX];
	int client = wait_at_gate(task, owner);
	ssize_t n;

	if (hooks_run_start_container(task, &e) == 0) {
		if (say_started(client, go) < 0)
			_exit(125); /* who is told that the start failed must not find the command running */
		exec_command(task, &e);
	}
	n = message_error(line, &e);
	if (n > 0 && (!task->plan->seccomp || sysfilter_lets(task->plan->seccomp, SYS_sendto)))
		(void)send(client, line, (size_t)n, MSG_NOSIGNAL);
	if (task->plan->seccomp)
		fail_filtered(task, &e);
	_exit(command_exit_status(&e));
}

static void run_monitored(const struct task *task) __attribute__((noreturn));
static void run_monitored(const struct task *task)
{
	struct ts_error e = {0};

	if (hooks_run_start_container(task, &e) < 0)
		fail(task, &e);
	tell_or_end(task, CHANNEL_HOT);
	exec_command(task, &e);
	if (task->plan->seccomp)
		fail_filtered(task, &e);
	fail(task, &e);
}

static void init_main(const struct plan *plan, int channel, int gate_fd, int end_fd, uid_t owner)
	__attribute__((noreturn));
static void init_main(const struct plan *plan, int channel, int gate_fd, int end_fd, uid_t owner)
{
	struct task task = {
		.plan = plan,
		.pid = getpid(),
		.root_fd = -1,
		.dev_fd = -1,
		.terminal_fd = -1,
		.master_fd = -1,
		.channel = channel,
		.gate_fd = gate_fd,
		.proc_fd = -1,
		.sync_fd = -1,
		.signal_fd = -1,
		.end_fd = end_fd,
	};
	struct timespec begun = plan->explain_begun;
	struct ts_error e = {0};
	struct channel_go go;

	explain_end(plan->explain_fd, &begun, TS_STEP_NAMESPACES, EXPLAIN_FORK, true);
	if (steps_run(&task, &e) < 0)
		fail(&task, &e);
	if (task.command_pid)
		reaper_run(&task);
	if (reaper_await(&task, &e) < 0)
		fail(&task, &e);
	tell_or_end(&task, CHANNEL_READY);
	hear_or_end(&task, CHANNEL_GO, &go);
	if (gate_fd >= 0)
		run_unmonitored(&task, &go, owner);
	run_monitored(&task);
}

static int fail_clone(const struct plan *plan, int err, struct ts_error *e)
{
	for (size_t i = 0; plan->unified_fd >= 0 && i < plan->n_cgroups; i++)
		if (plan->cgroups[i].fd == plan->unified_fd &&
		    (err == EBUSY || err == EOPNOTSUPP || err == ENODEV || err == EACCES))
			return cgroup_fail_join(e, err, plan->cgroups[i].path);
	e->step = TS_STEP_NAMESPACES;
	if (err == ENOMEM && plan->namespace_fds[OCI_NS_PID] >= 0)
		return ts_fail(e, err, "clone3: process 1 of the pid namespace has ended",
			       plan->config->linux_.namespaces[OCI_NS_PID].path);
	return ts_fail(e, err, "clone3", err == EPERM ? "new namespaces need CAP_SYS_ADMIN" : NULL);
}

static void end_child(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* With the child in a pid namespace that is joined. */
static long clone_in_pid_namespace(const struct plan *plan, struct clone_args *args,
				   struct ts_error *e)
{
	_cleanup_fd_ int own = namespaces_enter_pid(plan, e);
	long pid;

	if (own < 0)
		return -1;
	pid = syscall(SYS_clone3, args, sizeof *args);
	if (pid == 0)
		return 0;
	if (pid < 0)
		(void)fail_clone(plan, errno, e);
	if (namespaces_leave_pid(own, e) < 0 && pid > 0) {
		end_child((pid_t)pid);
		return -1;
	}
	return pid;
}

/* Forks. Returns as clone3(2) does, or -1 with @e filled. */
static long clone_init(const struct plan *plan, struct clone_args *args, struct ts_error *e)
{
	bool told = false;
	long pid;

	if (joiner_is_needed(plan))
		pid = joiner_clone(plan, args, &told, e);
	else if (plan->namespace_fds[OCI_NS_PID] >= 0)
		return clone_in_pid_namespace(plan, args, e);
	else /* raw clone3: one thread, and libc has no wrapper that takes a cgroup */
		pid = syscall(SYS_clone3, args, sizeof *args);
	if (pid < 0 && !told)
		(void)fail_clone(plan, errno, e);
	return pid;
}

/* Whether others than the host's root may meet init before step_session(). */
static bool is_in_reach(const struct plan *plan)
{
	return userns_is_set(plan->config) || plan->namespace_fds[OCI_NS_PID] >= 0;
}

/* Who is uid 0 on the host, be it without any capability, owns each user namespace that root makes, and could trace init there,
 * which has descriptors of the host, until step_session() (CVE-2016-9962). So init is born undumpable. Not for another caller:
 * he could not write the map, and who could trace is he himself. */
static long clone_hidden_init(const struct plan *plan, struct clone_args *args, struct ts_error *e)
{
	int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	long pid = -1;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return ts_fail(e, errno, "clear the dumpable flag", NULL);
	pid = clone_init(plan, args, e);
	if (pid != 0 && dumpable == 1)
		(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	return pid;
}

/* A task with a user namespace waits for it to be mapped. */
static int set_up_userns(const struct plan *plan, const struct init *init, struct ts_error *e)
{
	/* struct channel_go without its line, which would stay on the monitor's stack */
	const uint32_t done[] = {CHANNEL_SET_UP, 0};

	if (!userns_is_set(plan->config))
		return 0;
	_Static_assert(sizeof done == offsetof(struct channel_go, line), "kind and length");
	if (userns_set_up(plan, init->pid, e) == 0 &&
	    idmap_hand_over(plan, init->pidfd, init->channel, e) == 0 &&
	    userns_make_task_dirs(plan, init->pid, init->channel, e) == 0) {
		if (write(init->channel, done, sizeof done) >= 0)
			return 0;
		e->step = TS_STEP_NAMESPACES;
		(void)ts_fail(e, errno, "write to", "init");
	}
	end_child(init->pid);
	return -1;
}

/* taskshim.init with a monitor: for the command's wait status. */
static int open_end(const struct plan *plan, int ret[static 2])
{
	ret[0] = ret[1] = -1;
	return plan->config->taskshim.init && plan->config->taskshim.monitor ? pipe2(ret, O_CLOEXEC)
									     : 0;
}

int init_launch(const struct plan *plan, int gate_fd, struct init *ret, struct ts_error *e)
{
	uid_t owner = geteuid();
	int pair[2], end[2], pidfd = -1;
	struct clone_args args = {
		.flags = plan->clone_flags | CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid;

	if (plan->unified_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)plan->unified_fd;
	}
	e->step = TS_STEP_NAMESPACES;
	if (open_end(plan, end) < 0)
		return ts_fail(e, errno, "pipe", "taskshim.init");
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return ts_fail(e, errno, "socketpair", NULL);
	pid = is_in_reach(plan) && owner == 0 ? clone_hidden_init(plan, &args, e)
					      : clone_init(plan, &args, e);
	if (pid < 0) {
		(void)close(pair[0]);
		(void)close(pair[1]);
		ts_fd_closep(&end[0]);
		ts_fd_closep(&end[1]);
		return -1;
	}
	if (pid == 0) {
		(void)close(pair[0]);
		ts_fd_closep(&end[0]);
		init_main(plan, pair[1], gate_fd, end[1], owner);
	}
	(void)close(pair[1]);
	ts_fd_closep(&end[1]);
	*ret = (struct init){
		.pid = (pid_t)pid, .pidfd = pidfd, .channel = pair[0], .end_fd = end[0]};
	return set_up_userns(plan, ret, e);
}
