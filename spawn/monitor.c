/* Waits for the task's end with as little as possible, and tells of it. */
#include "spawn/monitor.h"
#include "spawn/children.h"
#include "spawn/hooks.h"
#include "spawn/remains.h"
#include "spawn/slim.h"
#include "spawn/statedir.h"

#include "protocol/form2015.h"
#include "util/cgroup.h"
#include "util/fd.h"
#include "util/heap.h"
#include "util/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

/* A cgroup that was made before us may have seen other runs. */
static int read_oom_kills(const struct monitor *m, uint64_t *ret)
{
	return ts_cgroup_read_key(m->memory_fd,
				  m->memory_is_v2 ? "memory.events" : "memory.oom_control",
				  "oom_kill", ret);
}

void monitor_init(struct monitor *m, struct plan *plan, const struct report *report, pid_t pid,
		  int pidfd, int successor_fd)
{
	const struct ts_extension *taskshim = &plan->config->taskshim;

	*m = (struct monitor){
		.report = *report,
		.pid = pid,
		.command_pid = pid,
		.pidfd = pidfd,
		.signal_fd = -1,
		.timer_fd = -1,
		.state_dir_fd = ts_fd_take(&plan->state_dir_fd),
		.successor_fd = successor_fd,
		.kill_fd = plan->kill_fd,
		.memory_fd = plan->memory_fd,
		.logs = plan->logs,
		.memory_is_v2 = plan->memory_is_v2,
		.own_pid_namespace = plan->clone_flags & CLONE_NEWPID,
		.keep_strays = taskshim->keep_strays,
		.wait_for_all = taskshim->wait_for_all && !taskshim->init, /* the reaper does */
		.watch_parent = taskshim->kill_on_parent_death,
		.clean_up = taskshim->clean_up,
		.durable = taskshim->durable,
		.kill_signal = taskshim->kill_signal,
		.kill_timeout_ms = taskshim->kill_timeout_ms,
		.timeout_ms = taskshim->timeout_ms,
		.hooks_fd = -1,
		.end_fd = -1,
		.exit_status_dir = -1,
	};
	plan->logs = (struct logs){.null_fd = -1};
	if (taskshim->id)
		memcpy(m->id, taskshim->id,
		       strlen(taskshim->id) + 1); /* 200 bytes at most: task_id_is_valid() */
	memcpy(m->run_id, plan->run_id, sizeof m->run_id);
	memcpy(m->boot_id, plan->boot_id, sizeof m->boot_id);
	if (m->memory_fd >= 0)
		(void)read_oom_kills(m, &m->oom_kills_before);
}

int monitor_prepare(struct monitor *m, struct ts_error *e)
{
	sigset_t child;

	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	m->signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	e->step = TS_STEP_MONITOR;
	if (m->signal_fd < 0)
		return ts_fail(e, errno, "signalfd", NULL);
	if (!m->timeout_ms.set)
		return 0;
	m->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	return m->timer_fd < 0 ? ts_fail(e, errno, "timerfd_create", NULL) : 0;
}

/* --- slimming --- */

/* Lets go of what is the caller's: working directory, standard error, standard input unless it is watched. */
static void let_go(const struct monitor *m)
{
	_cleanup_fd_ int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)!chdir("/");
	if (null_fd < 0)
		return;
	if (m->hooks_fd < 0) /* their failures are told there */
		(void)dup3(null_fd, STDERR_FILENO, O_CLOEXEC);
	if (!m->watch_parent)
		(void)dup3(null_fd, STDIN_FILENO, O_CLOEXEC);
}

/* --- waiting --- */

enum { GONE = POLLHUP | POLLRDHUP | POLLERR | POLLNVAL };

bool monitor_parent_is_gone(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLRDHUP};

	return poll(&in, 1, 0) == 1 && in.revents & GONE;
}

enum wake { WAKE_CHILD = 1, WAKE_PARENT_GONE = 2, WAKE_TIMER = 4 };

static unsigned wait_for_event(struct monitor *m, bool watch_parent)
{
	/* No POLLIN on standard input: what is written there after the gate is nobody's, only its end counts. */
	struct pollfd fds[] = {
		{.fd = m->signal_fd, .events = POLLIN},
		{.fd = watch_parent ? STDIN_FILENO : -1, .events = POLLRDHUP},
		{.fd = m->timer_fd, .events = POLLIN},
		{.fd = -1, .events = POLLIN},
		{.fd = -1, .events = POLLIN},
	};
	unsigned wake = 0;

	_Static_assert(LOGS_MAX == 2, "fds");
	for (size_t i = 0; i < m->logs.n; i++)
		fds[3 + i].fd = m->logs.v[i].pipe_fd;
	while (poll(fds, 3 + m->logs.n, -1) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < m->logs.n; i++)
		if (fds[3 + i].revents)
			(void)logs_relay(&m->logs, i, fds[3 + i].revents);
	if (fds[0].revents)
		wake |= WAKE_CHILD;
	if (fds[1].revents & GONE)
		wake |= WAKE_PARENT_GONE;
	if (fds[2].revents)
		wake |= WAKE_TIMER;
	return wake;
}

struct ending {
	bool main_ended, none_left; /* init has been reaped; no child is left to reap */
	bool killed; /* by us */
	bool parent_gone;
	int status;
	struct rusage usage;
	enum exit_cause cause;
	int stop_signal;
};

/* Reaps every child that has ended: init, and strays that came to us as the subreaper. */
static void reap(const struct monitor *m, struct ending *end)
{
	struct signalfd_siginfo ignored;
	int tries = 16;

	(void)!read(m->signal_fd, &ignored, sizeof ignored);
	for (;;) {
		struct rusage usage;
		int status;
		pid_t pid = wait4(-1, &status, WNOHANG, &usage);

		/* The signal is consumed: no other will wake us, so a call that fails is made again. */
		if (pid < 0 && errno != ECHILD && tries-- > 0)
			continue;
		if (pid <= 0) {
			end->none_left = pid < 0 && errno == ECHILD;
			return;
		}
		if (pid == m->pid) {
			end->status = status;
			end->usage = usage;
			end->main_ended = true;
			/* of the command, where process 1 was not the command */
			if (m->end_fd >= 0 &&
			    read(m->end_fd, &status, sizeof status) == (ssize_t)sizeof status)
				end->status = status;
		}
	}
}

/* One shot on CLOCK_BOOTTIME: the wall clock may be set, the machine may sleep. Returns an fd, or -1 without a timer. */
static void arm(int timer_fd, uint64_t ms)
{
	struct itimerspec at = {.it_value = {.tv_sec = (time_t)(ms / 1000),
					     .tv_nsec = (long)(ms % 1000) * 1000000 + 1}};

	if (timerfd_settime(timer_fd, 0, &at, NULL) < 0)
		(void)timerfd_settime(timer_fd, 0, &at, NULL);
}

/* --- ending the task --- */

static void kill_everything(const struct monitor *m, struct ending *end)
{
	struct remains remains;

	end->killed = true;
	if (m->kill_fd >= 0)
		(void)ts_write_value_at(m->kill_fd, "cgroup.kill", "1");
	if (ts_pidfd_kill(m->pidfd, SIGKILL) < 0)
		(void)ts_pidfd_kill(m->pidfd, SIGKILL);
	/* v1 has no cgroup.kill, and a frozen process there dies only when it is thawed. */
	if (m->state_dir_fd >= 0 && remains_read(m->state_dir_fd, &remains) == 0) {
		remains_kill(&remains);
		remains_done(&remains);
	}
}

/* The first signal of a stop. init gone, it goes to who is left of the task. */
static void terminate(const struct monitor *m, struct ending *end)
{
	int r;

	if (end->main_ended) {
		(void)children_signal(m->kill_signal);
		return;
	}
	r = ts_pidfd_terminate(m->pidfd, m->pid, m->kill_signal);
	if (r < 0)
		r = ts_pidfd_terminate(m->pidfd, m->pid, m->kill_signal);
	end->killed = r == 1;
}

/* Whether the command has, whatever has not. */
static bool command_has_ended(const struct monitor *m, const struct ending *end)
{
	struct pollfd status = {.fd = m->end_fd, .events = POLLIN};

	return end->main_ended || (m->end_fd >= 0 && poll(&status, 1, 0) == 1);
}

/* What the record says is the command's: what happens to others after its end is not in it. The first cause counts. */
static void set_cause(const struct monitor *m, struct ending *end, enum exit_cause cause,
		      int stop_signal)
{
	if (command_has_ended(m, end) || end->cause != EXIT_CAUSE_EXITED)
		return;
	end->cause = cause;
	end->stop_signal = stop_signal;
}

static void handle_timer(const struct monitor *m, bool *in_grace, struct ending *end)
{
	uint64_t ignored;

	(void)!read(m->timer_fd, &ignored, sizeof ignored);
	if (*in_grace) {
		kill_everything(m, end);
		return;
	}
	*in_grace = true;
	set_cause(m, end, EXIT_CAUSE_TIMEOUT, m->kill_signal);
	terminate(m, end);
	arm(m->timer_fd, m->kill_timeout_ms);
}

static bool is_over(const struct monitor *m, const struct ending *end)
{
	return end->main_ended && (!m->wait_for_all || end->none_left || end->killed);
}

static void wait_for_end(struct monitor *m, struct ending *end)
{
	bool watch_parent = m->watch_parent, in_grace = false;

	if (m->timer_fd >= 0)
		arm(m->timer_fd, m->timeout_ms.value);
	while (!is_over(m, end)) {
		unsigned wake = wait_for_event(m, watch_parent);

		if (wake & WAKE_CHILD)
			reap(m, end);
		if (is_over(m, end)) /* nobody is left for the other events */
			return;
		if (wake & WAKE_PARENT_GONE) {
			watch_parent = false;
			end->parent_gone = true;
			set_cause(m, end, EXIT_CAUSE_STOPPED, SIGKILL);
			kill_everything(m, end);
		}
		if (wake & WAKE_TIMER)
			handle_timer(m, &in_grace, end);
	}
}

/* --- strays: without a pid namespace of its own, what the task left behind outlives init --- */

static void end_strays(const struct monitor *m, const struct ending *end)
{
	if (m->own_pid_namespace || (m->keep_strays && end->cause == EXIT_CAUSE_EXITED))
		return;
	if (m->kill_fd >= 0)
		(void)ts_write_value_at(m->kill_fd, "cgroup.kill", "1");
	children_end(m->signal_fd);
}

/* --- the record --- */

static uint64_t microseconds(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

static void read_cgroup(const struct monitor *m, struct exit_record *record)
{
	if (m->memory_fd < 0)
		return;
	record->oom_known = read_oom_kills(m, &record->oom_kills) == 0 &&
			    record->oom_kills >= m->oom_kills_before;
	record->oom_kills -= record->oom_known ? m->oom_kills_before : 0;
	record->usage.memory_peak_known =
		ts_cgroup_read_u64(m->memory_fd,
				   m->memory_is_v2 ? "memory.peak" : "memory.max_usage_in_bytes",
				   &record->usage.memory_peak_bytes) == 0;
}

/* The cgroup counts kills and does not say of whom: a child may have been killed by the OOM killer, and the command by
 * somebody else. Where the log does not tell, it was the OOM killer unless somebody says that it was he. */
static bool was_oom_killed(const struct monitor *m, const struct ending *end,
			   const struct exit_record *record)
{
	if (!record->oom_known || record->oom_kills == 0 || record->signal != SIGKILL)
		return false;
	switch (m->command_pid ? ts_oom_has_killed(m->command_pid, record->runtime_ms)
			       : TS_OOM_UNKNOWN) {
	case TS_OOM_YES:
		return true;
	case TS_OOM_NO:
		return false;
	case TS_OOM_UNKNOWN:
		break;
	}
	return !end->killed && record->cause != EXIT_CAUSE_STOPPED;
}

static void fill_record(const struct monitor *m, const struct ending *end,
			struct exit_record *record)
{
	const struct rusage *usage = &end->usage;
	struct timespec now;

	*record = (struct exit_record){
		.id = (char *)(m->id[0] ? m->id : NULL),
		.known = true,
		.exit_code = WIFSIGNALED(end->status) ? 128 + WTERMSIG(end->status)
						      : WEXITSTATUS(end->status),
		.signal = WIFSIGNALED(end->status) ? WTERMSIG(end->status) : 0,
		.core_dumped = WIFSIGNALED(end->status) && WCOREDUMP(end->status),
		.cause = end->cause,
		.stop_signal = end->stop_signal,
		.stop_grace_ms = end->cause == EXIT_CAUSE_TIMEOUT ? m->kill_timeout_ms : 0,
		.started_at = m->started_at,
		.usage_known = true,
		.usage =
			{
				.user_us = microseconds(usage->ru_utime),
				.system_us = microseconds(usage->ru_stime),
				.max_rss_bytes = (uint64_t)usage->ru_maxrss * 1024,
				.major_faults = (uint64_t)usage->ru_majflt,
				.minor_faults = (uint64_t)usage->ru_minflt,
				.voluntary_switches = (uint64_t)usage->ru_nvcsw,
				.involuntary_switches = (uint64_t)usage->ru_nivcsw,
			},
	};
	memcpy(record->run_id, m->run_id, sizeof record->run_id);
	memcpy(record->boot_id, m->boot_id, sizeof record->boot_id);
	(void)clock_gettime(CLOCK_REALTIME, &record->finished_at);
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	record->runtime_ms = (uint64_t)((now.tv_sec - m->started_boottime.tv_sec) * 1000 +
					(now.tv_nsec - m->started_boottime.tv_nsec) / 1000000);
	record->logs = (struct exit_logs){
		.known = m->logs.n > 0,
		.written_bytes = m->logs.written,
		.dropped_bytes = m->logs.dropped,
		.rotations = m->logs.rotations,
	};
	if (m->state_dir_fd >= 0)
		statedir_add_stop(m->state_dir_fd, record);
	read_cgroup(m, record);
	record->oom_killed = was_oom_killed(m, end, record);
}

static int write_record(const struct monitor *m, const struct exit_record *record)
{
	struct json_object *object = exit_record_encode(record);
	const char *text =
		object ? json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN) : NULL;
	int r = -1;

	if (text)
		r = statedir_commit_record(m->state_dir_fd, m->successor_fd, text, strlen(text),
					   m->durable);
	json_object_put(object);
	return r;
}

static void write_exit_status_file(const struct monitor *m, int exit_code)
{
	char line[64];
	ssize_t n = form2015_exit_code(line, sizeof line, exit_code);

	if (n > 0)
		(void)ts_write_file_atomic(m->exit_status_dir, m->exit_status_name, line, (size_t)n,
					   false);
}

/* A parent that lives removes the task itself. */
static void clean_up(const struct monitor *m, const struct ending *end)
{
	enum { LOCK_MS = 1000 /* a process that dies lets go of its files one after the other */ };
	struct remains remains;

	if (!m->clean_up || !end->parent_gone || remains_read(m->state_dir_fd, &remains) < 0)
		return;
	remains_remove(&remains, m->state_dir_fd, LOCK_MS);
	remains_done(&remains);
}

int monitor_run(struct monitor *m)
{
	struct ending end = {.cause = EXIT_CAUSE_EXITED};
	struct exit_record record;

	let_go(m);
	heap_release();
	trim_stack();
	wait_for_end(m, &end);
	end_strays(m, &end);
	logs_finish(&m->logs);
	fill_record(m, &end, &record);
	/* A second try costs nothing; when both fail, exit.json still says that the exit is not known, and the exit
	 * status and the `exited` line tell whoever listens. */
	if (m->state_dir_fd >= 0 && write_record(m, &record) < 0)
		(void)write_record(m, &record);
	if (m->exit_status_dir >= 0)
		write_exit_status_file(m, record.exit_code);
	end.parent_gone = end.parent_gone || (m->clean_up && monitor_parent_is_gone());
	/* `taskshim run` sees this, and removes the task's cgroups and state directory while we end. */
	if (m->watch_parent)
		(void)close(STDIN_FILENO);
	report_exited(&m->report, &record);
	if (m->hooks_fd >= 0)
		hooks_run_kept(m->hooks_fd);
	clean_up(m, &end);
	return record.exit_code;
}
