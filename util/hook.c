/* Runs hooks, each below a runner. */
#include "util/hook.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

enum { GONE = POLLHUP | POLLRDHUP | POLLERR | POLLNVAL, LAST_WORDS = 200, KERNEL_NSIG = 64 };

/* What the runner says of the hook: one packet. */
struct verdict {
	enum { WENT_WELL, EXITED, KILLED, TIMED_OUT, NOT_EXECUTED, NOT_RUN } kind;
	int value; /* status, signal, errno */
	char words[LAST_WORDS + 1]; /* the end of its output */
};

/* A process of ours without a signal at its end: whoever reaps all children of this process does not take it. */
static pid_t fork_unnoticed(uint64_t exit_signal, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uintptr_t)ret_pidfd,
		.exit_signal = exit_signal,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

/* --- the hook's process --- */

struct kernel_sigaction { /* rt_sigaction(2) as the kernel has it: libc hides two signals of its own from us */
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

static void reset_signals(void)
{
	static const struct kernel_sigaction to_default;
	const uint64_t none = 0;

	for (int signo = 1; signo <= KERNEL_NSIG; signo++)
		(void)syscall(SYS_rt_sigaction, signo, &to_default, NULL, sizeof to_default.mask);
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
}

/* @said: where the errno goes if it cannot be executed. */
static void hook_main(const struct hook *hook, const struct hook_place *place, int in, int out,
		      int said, pid_t runner) __attribute__((noreturn));
static void hook_main(const struct hook *hook, const struct hook_place *place, int in, int out,
		      int said, pid_t runner)
{
	int err;

	(void)setsid();
	(void)umask(022);
	/* The runner ends us in good order; killed, it cannot. What is open could be reached by a path of a task's root:
	 * see step_close(). */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != runner ||
	    (place->cwd_fd >= 0 && fchdir(place->cwd_fd) < 0) || dup2(in, STDIN_FILENO) < 0 ||
	    dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0 ||
	    ts_close_all_but(3, &said, 1) < 0)
		goto fail;
	reset_signals();
	(void)execve(hook->path, (char *const *)(uintptr_t)hook->args,
		     (char *const *)(uintptr_t)hook->env);
fail:
	err = errno;
	(void)!write(said, &err, sizeof err);
	_exit(127);
}

/* --- the runner: ending all that came of the hook --- */

/* Kills every child of ours, each through its directory in the procfs: its pid there may be another one here. None is reaped
 * meanwhile, so that no number can be a stranger's. */
static void kill_children(int proc_fd)
{
	_cleanup_fd_ int list = openat(proc_fd, "thread-self/children", O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n = list < 0 ? -1 : read(list, text, sizeof text - 1);

	if (n <= 0)
		return;
	text[n] = '\0';
	/* More than fit come in the next round; the last number may be cut off. */
	for (char *at = text, *space; (space = strchr(at, ' ')); at = space + 1) {
		_cleanup_fd_ int child = -1;

		*space = '\0';
		child = openat(proc_fd, at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (child >= 0)
			(void)syscall(SYS_pidfd_send_signal, child, SIGKILL, NULL, 0);
	}
}

/* Orphans of what dies come to us: until none is left, or none dies any more. */
static void end_all(int proc_fd, pid_t hook)
{
	enum { ROUNDS = 1000, IDLE_ROUNDS = 100, ROUND_MS = 10 };

	if (hook > 0)
		(void)kill(-hook, SIGKILL); /* its group, also without the procfs */
	for (int rounds = 0, idle = 0; rounds < ROUNDS && idle < IDLE_ROUNDS; rounds++, idle++) {
		pid_t pid;

		kill_children(proc_fd);
		while ((pid = waitpid(-1, NULL, WNOHANG | __WALL)) > 0)
			idle = 0;
		if (pid < 0 && errno == ECHILD)
			return;
		(void)poll(NULL, 0, ROUND_MS);
	}
}

/* --- the runner: watching --- */

struct watch {
	int want; /* to whoever wants the hook: our verdict; its end there: give up */
	int said; /* the errno of an exec that failed; its end: executed */
	int out; /* the hook's output */
	int timer, pidfd, proc_fd;
	pid_t pid;
	char tail[2 * LAST_WORDS]; /* of the output */
	size_t used;
};

static int start_timer(int64_t ms)
{
	const struct itimerspec at = {.it_value = {.tv_sec = (time_t)(ms / 1000),
						   .tv_nsec = (long)(ms % 1000) * 1000000 + 1}};
	_cleanup_fd_ int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);

	return fd < 0 || timerfd_settime(fd, 0, &at, NULL) < 0 ? -1 : ts_fd_take(&fd);
}

/* Takes what is there of the output, and keeps the end of it. Returns false when there is none now. */
static bool take_output(struct watch *w)
{
	char text[1024];
	ssize_t n = read(w->out, text, sizeof text);
	size_t len, room;

	if (n <= 0) {
		if (n == 0)
			ts_fd_closep(&w->out);
		return false;
	}
	len = (size_t)n;
	if (len > sizeof w->tail) {
		memcpy(w->tail, text + len - sizeof w->tail, sizeof w->tail);
		w->used = sizeof w->tail;
		return true;
	}
	room = sizeof w->tail - w->used;
	if (len > room) {
		w->used -= len - room;
		memmove(w->tail, w->tail + (len - room), w->used);
	}
	memcpy(w->tail + w->used, text, len);
	w->used += len;
	return true;
}

/* The end of the output as one line. */
static void put_words(struct watch *w, struct verdict *verdict)
{
	enum { LOT = 64 /* reads: a hook's children may go on writing */ };
	size_t n, from;

	for (int i = 0; i < LOT && w->out >= 0 && take_output(w); i++)
		;
	for (n = w->used; n > 0 && strchr(" \t\r\n", w->tail[n - 1]); n--)
		;
	from = n > LAST_WORDS ? n - LAST_WORDS : 0;
	for (size_t i = from; i < n; i++) {
		unsigned char c = (unsigned char)w->tail[i];

		verdict->words[i - from] = (char)(c < ' ' || c == 0x7f ? ' ' : c);
	}
	verdict->words[n - from] = '\0';
}

/* Returns whether it is over, with @verdict filled. */
static bool look(struct watch *w, const struct pollfd *fds, struct verdict *verdict)
{
	siginfo_t info = {0};

	if (fds[0].revents) { /* nobody wants it any more */
		end_all(w->proc_fd, w->pid);
		_exit(0);
	}
	if (fds[1].revents) {
		if (read(w->said, &verdict->value, sizeof verdict->value) ==
		    (ssize_t)sizeof verdict->value) {
			verdict->kind = NOT_EXECUTED;
			return true;
		}
		ts_fd_closep(&w->said);
	}
	if (fds[2].revents)
		(void)take_output(w);
	if (fds[4].revents) {
		if (waitid(P_PIDFD, (id_t)w->pidfd, &info, WEXITED | WNOWAIT | __WALL) < 0)
			return false;
		verdict->kind = info.si_code != CLD_EXITED ? KILLED
				: info.si_status == 0	   ? WENT_WELL
							   : EXITED;
		verdict->value = info.si_status;
		return true;
	}
	if (fds[3].revents) {
		verdict->kind = TIMED_OUT;
		return true;
	}
	return false;
}

static void watch(struct watch *w, struct verdict *verdict)
{
	for (;;) {
		struct pollfd fds[] = {
			{.fd = w->want, .events = POLLIN | POLLRDHUP},
			{.fd = w->said, .events = POLLIN},
			{.fd = w->out, .events = POLLIN},
			{.fd = w->timer, .events = POLLIN},
			{.fd = w->pidfd, .events = POLLIN},
		};

		if (poll(fds, sizeof fds / sizeof fds[0], -1) < 0) {
			if (errno == EINTR)
				continue;
			*verdict = (struct verdict){.kind = NOT_RUN, .value = errno};
			return;
		}
		if (look(w, fds, verdict))
			return;
	}
}

/* Closes what is not ours to hold open while the hook runs: @keep and what is made from here on remain. */
static void close_others(const int *keep, size_t n)
{
	(void)ts_close_all_but(0, keep, n);
	/* 0, 1 and 2 must be taken, or what is opened next would be taken for them. */
	for (int fd = open("/", O_PATH | O_CLOEXEC); fd >= 0 && fd < 3;)
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static int start_hook(struct watch *w, const struct hook *hook, const struct hook_place *place,
		      int in)
{
	int out[2], said[2];
	pid_t runner = getpid();

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(said, O_CLOEXEC) < 0 ||
	    fcntl(out[0], F_SETFL, O_NONBLOCK) < 0)
		return -1;
	w->pid = fork_unnoticed(SIGCHLD, &w->pidfd);
	if (w->pid == 0)
		hook_main(hook, place, in, out[1], said[1], runner);
	(void)close(out[1]);
	(void)close(said[1]);
	w->out = out[0];
	w->said = said[0];
	return w->pid < 0 ? -1 : 0;
}

static void runner_main(const struct hook *hook, const struct hook_place *place, int want, int in)
	__attribute__((noreturn));
static void runner_main(const struct hook *hook, const struct hook_place *place, int want, int in)
{
	const int keep[] = {want, in, place->cwd_fd, place->proc_fd};
	struct watch w = {.want = want, .said = -1, .out = -1, .timer = -1, .pidfd = -1};
	struct verdict verdict = {.kind = NOT_RUN};
	char end;

	close_others(keep, sizeof keep / sizeof keep[0]);
	in = fcntl(in, F_DUPFD_CLOEXEC, 3); /* 0 would not lose its flag by dup2 to itself */
	w.proc_fd = place->proc_fd >= 0 ? place->proc_fd
					: open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (hook->timeout_ms >= 0)
		w.timer = start_timer(hook->timeout_ms);
	if (in < 0 || (hook->timeout_ms >= 0 && w.timer < 0) || start_hook(&w, hook, place, in) < 0)
		verdict.value = errno;
	else
		watch(&w, &verdict);
	put_words(&w, &verdict);
	if (verdict.kind != WENT_WELL)
		end_all(w.proc_fd, w.pid);
	(void)!write(want, &verdict, sizeof verdict);
	/* Once it is heard, who wants it closes: then what the hook leaves behind may go its way. */
	(void)!read(want, &end, 1);
	_exit(0);
}

/* --- whoever wants the hook --- */

struct call {
	const struct hook *hook;
	const struct hook_place *place;
	size_t index;
};

static int write_state(const struct hook_place *place)
{
	_cleanup_fd_ int fd = memfd_create("state", MFD_CLOEXEC);
	char head[96];
	int n;

	if (place->pid > 0)
		n = snprintf(head, sizeof head, "{\"status\":\"%s\",\"pid\":%d,", place->status,
			     (int)place->pid);
	else
		n = snprintf(head, sizeof head, "{\"status\":\"%s\",", place->status);
	if (fd < 0 || ts_write_all(fd, head, (size_t)n) < 0 ||
	    ts_write_all(fd, place->state, strlen(place->state)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	return ts_fd_take(&fd);
}

static int fail(const struct call *call, int err, const char *what, struct ts_error *e)
{
	e->step = TS_STEP_HOOK;
	return ts_failf(e, err, "%s[%zu]: %s: %s", call->place->kind, call->index, call->hook->path,
			what);
}

static int judge(const struct call *call, const struct verdict *verdict, struct ts_error *e)
{
	const char *words = verdict->words;
	char what[LAST_WORDS + 64];

	switch (verdict->kind) {
	case WENT_WELL:
		return 0;
	case EXITED:
		(void)snprintf(what, sizeof what, "exited with status %d%s%s", verdict->value,
			       *words ? ": " : "", words);
		return fail(call, 0, what, e);
	case KILLED:
		(void)snprintf(what, sizeof what, "killed by signal %d%s%s", verdict->value,
			       *words ? ": " : "", words);
		return fail(call, 0, what, e);
	case TIMED_OUT:
		(void)snprintf(what, sizeof what, "not done after %lld s%s%s",
			       (long long)(call->hook->timeout_ms / 1000), *words ? ": " : "",
			       words);
		return fail(call, ETIMEDOUT, what, e);
	case NOT_EXECUTED:
		return fail(call, verdict->value, "execute", e);
	default:
		return fail(call, verdict->value, "run", e);
	}
}

/* Waits for the runner's word. Returns 1 with it, 0 when it has ended without one, -1 and errno. */
static int hear(const struct hook_place *place, int wanted, struct verdict *ret)
{
	struct pollfd fds[] = {{.fd = wanted, .events = POLLIN},
			       {.fd = place->cancel_fd, .events = POLLRDHUP},
			       {.fd = place->pidfd, .events = POLLIN}};

	for (;;) {
		if (poll(fds, 3, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (fds[0].revents) {
			ssize_t n = read(wanted, ret, sizeof *ret);

			if (n < 0 && errno == EINTR)
				continue;
			return n < 0 ? -1 : n == (ssize_t)sizeof *ret;
		}
		if (fds[2].revents || (fds[1].revents & GONE &&
				       (!place->is_cancelled || place->is_cancelled(place->arg)))) {
			errno = ECANCELED;
			return -1;
		}
		fds[1].fd = fds[1].revents & GONE ? -1 : fds[1].fd;
	}
}

/* Closing the socket tells it to end; the reaping, that all of the hook has ended, or that it is on its own. */
static void dismiss(int *wanted, int pidfd, bool let_go)
{
	siginfo_t info;

	if (let_go)
		(void)prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	ts_fd_closep(wanted);
	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | __WALL) < 0 && errno == EINTR)
		;
	if (let_go)
		(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static pid_t start_runner(const struct call *call, const int pair[static 2], int in, int *ret_pidfd)
{
	sigset_t all, old;
	pid_t pid;

	/* A handler of the driver's must not run in the child. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = fork_unnoticed(0, ret_pidfd);
	if (pid == 0)
		runner_main(call->hook, call->place, pair[1], in);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return pid;
}

static int run(const struct call *call, struct ts_error *e)
{
	_cleanup_fd_ int in = write_state(call->place);
	_cleanup_fd_ int wanted = -1;
	_cleanup_fd_ int pidfd = -1;
	struct verdict verdict = {.kind = NOT_RUN};
	int pair[2], heard, err;
	pid_t pid;

	if (in < 0)
		return fail(call, errno, "write the state", e);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return fail(call, errno, "socketpair", e);
	wanted = pair[0];
	pid = start_runner(call, pair, in, &pidfd);
	err = errno;
	(void)close(pair[1]);
	if (pid < 0)
		return fail(call, err, "clone3", e);
	heard = hear(call->place, wanted, &verdict);
	err = errno;
	dismiss(&wanted, pidfd, call->place->let_go && heard == 1 && verdict.kind == WENT_WELL);
	if (heard < 0)
		return fail(call, err, err == ECANCELED ? "given up" : "wait", e);
	if (heard == 0)
		return fail(call, 0, "whoever ran it was killed", e);
	return judge(call, &verdict, e);
}

int hooks_run(const struct hook *hooks, size_t n, const struct hook_place *place,
	      void (*warn)(const struct ts_error *e, void *arg), void *arg, struct ts_error *e)
{
	for (size_t i = 0; i < n; i++) {
		const struct call call = {.hook = &hooks[i], .place = place, .index = i};

		if (run(&call, e) == 0)
			continue;
		if (!warn || e->err == ECANCELED)
			return -1;
		warn(e, arg);
	}
	return 0;
}
