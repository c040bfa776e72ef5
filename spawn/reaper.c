/* The minimal process 1. */
#include "spawn/reaper.h"
#include "spawn/slim.h"
#include "spawn/steps.h"

#include "util/fd.h"
#include "util/heap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* A signal that process 1 neither handles nor blocks is nothing: the kernel drops it. All of them are blocked since spawn-daemon
 * began, and so they wait for us. Not by sigwaitinfo(2), which unblocks them in /proc/PID/status, where others look
 * (ts_proc_drops_signal()); not by libc's call, which leaves out signals of its own. */
static int open_signals(void)
{
	const uint64_t all = UINT64_MAX;

	return (int)syscall(SYS_signalfd4, -1, &all, sizeof all, SFD_CLOEXEC);
}

/* Both go on with the steps: this process with those that take its privileges away, the new one with all. The fork comes before the
 * steps that would make it fail, or that are for the command alone (limits, scheduler), and after those that both share. */
int step_init(struct task *task, struct ts_error *e)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	int sync[2];
	long pid;

	if (!task->plan->config->taskshim.init)
		return 0;
	if (pipe2(sync, O_CLOEXEC) < 0)
		return ts_fail(e, errno, "pipe", "taskshim.init");
	pid = syscall(SYS_clone3, &args, sizeof args);
	task->sync_fd = sync[pid != 0];
	(void)close(sync[pid == 0]);
	if (pid < 0)
		return ts_fail(e, errno, "clone3", "taskshim.init");
	task->command_pid = (pid_t)pid;
	task->signal_fd = pid > 0 ? open_signals() : -1;
	if (pid > 0 && task->signal_fd < 0)
		return ts_fail(e, errno, "signalfd", "taskshim.init");
	/* A session of the command's own: what is sent to its group shall not come to the reaper, and twice to it. */
	if (pid == 0 && setsid() < 0)
		return ts_fail(e, errno, "setsid", "taskshim.init");
	return 0;
}

int reaper_await(const struct task *task, struct ts_error *e)
{
	char ready;
	ssize_t n;

	if (task->sync_fd < 0)
		return 0;
	do
		n = read(task->sync_fd, &ready, 1);
	while (n < 0 && errno == EINTR);
	e->step = TS_STEP_INIT;
	if (n < 0)
		return ts_fail(e, errno, "wait for process 1", NULL);
	if (n == 0)
		_exit(0); /* it has failed, and told why; the kernel is about to kill us */
	return 0;
}

/* --- process 1 --- */

struct reaper {
	pid_t command;
	int signal_fd;
	int end_fd; /* where the monitor learns the command's wait status; -1: none */
	bool wait_for_all;
	bool ended, alone; /* the command has; nothing is left to reap */
	int status; /* of the command, as wait(2) has it */
};

static void reap(struct reaper *r)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid < 0 && errno == EINTR)
			continue;
		r->alone = pid < 0;
		if (pid <= 0)
			return;
		if (pid != r->command)
			continue;
		r->ended = true;
		r->status = status;
		if (r->end_fd >= 0)
			(void)!write(r->end_fd, &status, sizeof status);
	}
}

/* To the command; when it has ended, to whoever is left. */
static void pass_on(const struct reaper *r, const struct signalfd_siginfo *from)
{
	siginfo_t info = {.si_signo = (int)from->ssi_signo, .si_code = from->ssi_code};

	info.si_pid = (pid_t)from->ssi_pid;
	info.si_uid = from->ssi_uid;
	info.si_value.sival_ptr = (void *)(uintptr_t)from->ssi_ptr;
	if (!r->ended && info.si_code == SI_QUEUE &&
	    syscall(SYS_rt_sigqueueinfo, r->command, info.si_signo, &info) == 0)
		return;
	(void)kill(r->ended ? -1 : r->command, info.si_signo);
}

static void wait_and_pass_on(const struct reaper *r)
{
	struct signalfd_siginfo info;

	if (read(r->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	/* the kernel's own word of a child is for us */
	if (info.ssi_signo != SIGCHLD || info.ssi_code <= 0)
		pass_on(r, &info);
}

void reaper_run(const struct task *task)
{
	struct reaper r = {
		.command = task->command_pid,
		.signal_fd = task->signal_fd,
		.end_fd = task->end_fd,
		.wait_for_all = task->plan->config->taskshim.wait_for_all,
	};

	(void)!chdir("/");
	(void)!write(task->sync_fd, "", 1);
	/* What is open is the task's or the monitor's: a reader of the task's output shall see its end. */
	(void)ts_close_all_but(0, (const int[]){r.end_fd, r.signal_fd}, 2);
	heap_release();
	trim_stack();
	trim_stack_above();
	for (reap(&r); !r.ended || (r.wait_for_all && !r.alone); reap(&r))
		wait_and_pass_on(&r);
	_exit(WIFSIGNALED(r.status) ? 128 + WTERMSIG(r.status) : WEXITSTATUS(r.status));
}
