/* One task from its config to its monitor: read, plan, launch, created, gate, started, monitor. */
#include "spawn/run.h"
#include "spawn/cgroup.h"
#include "spawn/children.h"
#include "spawn/command.h"
#include "spawn/config2015.h"
#include "spawn/explain.h"
#include "spawn/hooks.h"
#include "spawn/hygiene.h"
#include "spawn/init.h"
#include "spawn/monitor.h"
#include "spawn/netdevices.h"
#include "spawn/plan.h"
#include "spawn/protect.h"
#include "spawn/remains.h"
#include "spawn/seccomp.h"
#include "spawn/statedir.h"
#include "spawn/stdio.h"

#include "protocol/id_string.h"
#include "protocol/stream.h"
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Everything about the run that is not the plan. Freed never: the process ends, or gives its heap back whole. */
struct run {
	const struct spawn_options *options;
	struct report report;
	struct stream stream;
	struct config *config;
	struct form2015 *form; /* 2015 form only */
	struct json_object *document; /* as it was read */
	struct plan plan;
	pid_t pid; /* init; 0 before the launch */
	int pidfd, channel;
	int gate_fd; /* unmonitored: the listening gate */
	int successor_fd; /* of exit.json */
	int end_fd; /* taskshim.init: see struct monitor; else -1 */
	struct netdevices devices;
	int hooks_fd; /* poststop hooks of a task without a state directory, or -1 */
	uint64_t start_time, monitor_start_time;
	struct timespec begun; /* of what is told next, see explain.h */
	char *id_string;
	bool cgroups_unfinished; /* their maker died over them */
	bool aborted;
	enum abort_reason reason;
};

static int read_config_argument(struct run *run, struct json_object **ret, struct ts_error *e)
{
	char *text;
	size_t len;

	run->report.form2015 = true;
	if (form2015_unquote(run->options->argument, &text, &len, e) < 0)
		return -1;
	return document_parse(text, len, ret, e);
}

static int read_document(struct run *run, struct json_object **ret, struct ts_error *e)
{
	if (run->options->argument)
		return read_config_argument(run, ret, e);
	switch (stream_read(&run->stream, ret, e)) {
	case STREAM_DOCUMENT:
		return 0;
	case STREAM_EOF:
		return ts_fail(e, 0, "standard input ended before the config", NULL);
	default:
		return -1;
	}
}

static int read_config(struct run *run, struct ts_error *e)
{
	struct json_object *document;

	if (run->options->handed_over >= 0 &&
	    protect_take_over(run->options->handed_over, &run->stream, e) < 0)
		return -1;
	e->step = TS_STEP_CONFIG;
	if (read_document(run, &document, e) < 0)
		return -1;
	run->document = document;
	if (run->options->argument || form2015_is(document)) {
		run->report.form2015 = true;
		return form2015_decode(document, &run->form, e) < 0
			       ? -1
			       : config_from_form2015(run->form, &run->config, e);
	}
	if (config_decode(document, &run->config, e) < 0)
		return -1;
	return config_check_supported(run->config, e);
}

/* --- after the launch --- */

static int identify(struct run *run, struct ts_error *e)
{
	const struct plan *plan = &run->plan;
	const struct ts_extension *taskshim = &run->config->taskshim;
	struct id_cgroup cgroups[PLAN_MAX_CGROUPS];
	struct id_string id = {
		.id = (char *)taskshim->id,
		.pid = run->pid,
		.state_dir = (char *)taskshim->state_dir,
		.cgroups = cgroups,
		.n_cgroups = plan->n_cgroups,
	};
	struct stat st;

	e->step = TS_STEP_MONITOR;
	if (ts_proc_start_time(run->pid, &run->start_time) < 0)
		return ts_fail(e, errno, "read start time of", "init");
	if (fstat(run->pidfd, &st) < 0)
		return ts_fail(e, errno, "stat the pidfd of", "init");
	id.pidfd_inode = st.st_ino;
	if (taskshim->monitor) {
		id.monitor_pid = getpid();
		if (ts_proc_start_time(id.monitor_pid, &run->monitor_start_time) < 0)
			return ts_fail(e, errno, "read start time of", "the monitor");
		id.monitor_start_time = run->monitor_start_time;
	}
	id.start_time = run->start_time;
	memcpy(id.run_id, plan->run_id, sizeof id.run_id);
	memcpy(id.boot_id, plan->boot_id, sizeof id.boot_id);
	for (size_t i = 0; i < plan->n_cgroups; i++)
		cgroups[i] = (struct id_cgroup){
			.controller = (char *)plan->cgroups[i].controller,
			.path = (char *)plan->cgroups[i].path,
			.inode = plan->cgroups[i].inode,
		};
	return id_string_encode(&id, &run->id_string, e);
}

static int write_state(struct run *run, struct ts_error *e)
{
	char bundle[PATH_MAX] = "/";

	if (run->plan.state_dir_fd < 0)
		return 0;
	e->step = TS_STEP_STATE;
	if (!getcwd(bundle, sizeof bundle))
		return ts_fail(e, errno, "find working directory", NULL);
	return statedir_write_state(&run->plan, run->id_string, bundle, e);
}

/* init has closed its end of the channel before it became the command: what it said last, or how it died. */
static int fail_dead_init(const struct run *run, enum ts_step step, struct ts_error *e)
{
	struct channel_record record;
	siginfo_t info = {0};

	while (channel_read(run->channel, &record) > 0) {
		if (record.kind == CHANNEL_FAILED) {
			*e = record.error;
			return -1;
		}
	}
	e->step = step;
	if (waitid(P_PIDFD, (id_t)run->pidfd, &info, WEXITED | WNOWAIT) < 0 || info.si_pid == 0)
		return ts_fail(e, ESRCH, "init is gone", NULL);
	if (info.si_code == CLD_EXITED)
		return ts_failf(e, 0, "init ended with status %d before it became the command",
				info.si_status);
	return ts_failf(e, 0, "init was killed by signal %d before it became the command",
			info.si_status);
}

/* The channel failed otherwise: init may be alive, and is not waited for but killed by undo(). */
static int fail_channel(enum ts_step step, const char *what, struct ts_error *e)
{
	e->step = step;
	return ts_fail(e, errno, what, "init");
}

/* Waits for init's word. Returns 0 when it is @kind, else -1 with @e filled. */
static int expect(const struct run *run, enum channel_kind kind, enum ts_step step,
		  struct ts_error *e)
{
	struct channel_record record;
	int r = channel_read(run->channel, &record);

	if (r < 0)
		return fail_channel(step, "read from", e);
	if (r == 0)
		return fail_dead_init(run, step, e);
	if (record.kind == CHANNEL_FAILED) {
		*e = record.error;
		return -1;
	}
	if (record.kind == (uint32_t)kind)
		return 0;
	e->step = step;
	return ts_fail(e, EPROTO, "init said something unexpected", NULL);
}

/* What was read ahead of the gate, without white space before it. */
static const char *read_ahead(const struct stream *stream, size_t *ret_len)
{
	size_t at = 0;

	while (at < stream->used && strchr(" \t\r\n", stream->data[at]))
		at++;
	*ret_len = stream->used - at;
	return stream->data + at;
}

/* Whether the gate says `true` already: it came with the config. Then init is told before it is ready, and no time is lost
 * with waiting for each other. */
static bool gate_is_open(const struct run *run)
{
	size_t len;
	const char *text;

	if (run->options->no_gate)
		return true;
	if (run->stream.used == 0)
		return false;
	text = read_ahead(&run->stream, &len);
	return len >= 4 && memcmp(text, "true", 4) == 0 && (len == 4 || strchr(" \t\r\n", text[4]));
}

/* Returns 1 for true, 0 when the start is called off (run->aborted), -1 with @e filled. */
static int read_gate(struct run *run, struct ts_error *e)
{
	struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			       {.fd = run->channel, .events = POLLIN}};
	struct json_object *gate;
	size_t ahead = 0;

	e->step = TS_STEP_GATE;
	if (run->stream.used > 0)
		(void)read_ahead(&run->stream, &ahead);
	/* Until the gate begins, the death of init is noticed as well: also after the newline behind the config, if that comes
	 * by itself. */
	while (ahead == 0) {
		int n = poll(fds, 2, -1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break; /* the read waits as well */
		if (fds[1].revents)
			return fail_dead_init(run, TS_STEP_GATE, e);
		ahead = stream_begins(&run->stream);
	}
	switch (stream_read(&run->stream, &gate, e)) {
	case STREAM_ERROR:
		e->step =
			TS_STEP_GATE; /* not the config's: what is broken is the second document */
		return -1;
	case STREAM_EOF:
		if (run->report.form2015)
			return ts_fail(e, 0, "failed reading the start signal: EOF", NULL);
		run->aborted = true;
		run->reason = ABORT_PARENT_GONE;
		return 0;
	default:
		if (!json_object_is_type(gate, json_type_boolean))
			return ts_fail(e, EINVAL, "the gate must be true or false",
				       json_object_to_json_string(gate));
		run->aborted = !json_object_get_boolean(gate);
		run->reason = ABORT_GATE_FALSE;
		return run->aborted ? 0 : 1;
	}
}

static int send_go(const struct run *run, struct ts_error *e)
{
	struct channel_go go = {.kind = CHANNEL_GO};
	ssize_t n = 0;

	e->step = TS_STEP_GATE;
	if (!run->config->taskshim.monitor)
		n = message_started(go.line, run->pid, run->start_time, run->id_string);
	if (n < 0)
		return ts_fail(e, E2BIG, "encode the started line", NULL);
	go.length = (uint32_t)n;
	if (write(run->channel, &go, offsetof(struct channel_go, line) + go.length) >= 0)
		return 0;
	return errno == EPIPE || errno == ECONNRESET ? fail_dead_init(run, TS_STEP_GATE, e)
						     : fail_channel(TS_STEP_GATE, "write to", e);
}

/* Reads what init said until its end of the channel was closed, by the exec or by its death: HOT as the last word is a start.
 * *@ret_ready: whether all steps were done. */
static int wait_for_exec(const struct run *run, bool *ret_ready, struct ts_error *e)
{
	struct channel_record record = {.kind = CHANNEL_FAILED};
	int r;

	while ((r = channel_read(run->channel, &record)) > 0) {
		if (record.kind == CHANNEL_FAILED) {
			*e = record.error;
			return -1;
		}
		*ret_ready = true;
	}
	if (r < 0)
		return fail_channel(TS_STEP_GATE, "read from", e);
	if (run->plan.seccomp && sysfilter_has_failed(run->plan.seccomp, e))
		return -1;
	return record.kind == CHANNEL_HOT ? 0 : fail_dead_init(run, TS_STEP_GATE, e);
}

/* --- failing --- */

static void undo(struct run *run)
{
	if (run->pid > 0) {
		(void)ts_pidfd_kill(run->pidfd, SIGKILL);
		while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	netdevices_undo(&run->devices);
	if (run->plan.hook_state) /* what a hook has left whose own reaper was killed */
		children_end(-1);
	if (run->plan.state_dir_fd >= 0)
		statedir_clear(run->plan.state_dir_fd);
}

/* With taskshim.cleanUp, and the parent dead, what a failed start leaves is ours to remove. Not a cgroup that was made and bears no
 * mark yet: the state directory stays, for who sweeps up. */
static void clean_up(struct run *run)
{
	/* The parent lives if the lock stays taken, and is waited for in vain. A dead one's may outlive its end of our
	 * standard input by a moment. */
	enum { LOCK_MS = 300 };
	bool gone = run->aborted && run->reason == ABORT_PARENT_GONE;
	struct ts_error ignored;
	struct remains remains;

	if (run->cgroups_unfinished || !run->config || !run->config->taskshim.clean_up ||
	    !run->config->taskshim.state_dir || !(gone || monitor_parent_is_gone()))
		return;
	run->plan.config = run->config;
	if (run->plan.state_dir_fd < 0 && statedir_open(&run->plan, &ignored) < 0)
		return;
	if (remains_from_config(run->config, &remains) < 0)
		return;
	remains_remove(&remains, run->plan.state_dir_fd, LOCK_MS);
	remains_done(&remains);
}

/* The end of a start that was called off, or has failed with @e. */
static int give_up(struct run *run, const struct ts_error *e)
{
	undo(run);
	if (run->hooks_fd >= 0)
		hooks_run_kept(run->hooks_fd);
	if (run->aborted)
		report_aborted(&run->report, run->reason);
	else
		report_error(&run->report, e);
	clean_up(run);
	if (run->aborted)
		return 0;
	return run->report.form2015 ? 1 : command_exit_status(e);
}

/* --- the parts of spawn_run() --- */

/* Tells of what has been done with the result @r, and returns it. */
static int explained(struct run *run, enum ts_step step, const char *does, int r)
{
	explain_end(run->options->explain_fd, &run->begun, step, does, r >= 0);
	return r;
}

/* All that can be done without the cgroups is done: whoever makes them says when they are there. */
static int open_cgroups(struct run *run, struct ts_error *e)
{
	if (run->options->await_cgroups && !stream_has_more(&run->stream)) {
		run->cgroups_unfinished = run->aborted = true;
		run->reason = ABORT_PARENT_GONE;
		return -1;
	}
	explain_begin(run->options->explain_fd, &run->begun);
	return explained(run, TS_STEP_CGROUP, "open the cgroups", cgroup_plan(&run->plan, e));
}

static int prepare(struct run *run, struct ts_error *e)
{
	int explain_fd = run->options->explain_fd;

	if (hygiene_reset(e) < 0 || stdio_check_own(e) < 0)
		return -1;
	e->step = TS_STEP_USAGE;
	if (explain_fd >= 0 && !explain_take(explain_fd))
		return ts_fail(e, EBADF, "--explain-fd", NULL);
	explain_begin(explain_fd, &run->begun);
	if (explained(run, TS_STEP_CONFIG, "read and check the config", read_config(run, e)) < 0)
		return -1;
	if (run->options->handed_over < 0 && protect_is_needed(run->config, geteuid()))
		return protect(run->options, run->options->argument ? NULL : run->document,
			       &run->stream, e);
	if (explained(run, TS_STEP_MONITOR,
		      "open streams and directories of the host; compile the seccomp filter",
		      plan_build(run->config, explain_fd, &run->plan, e)) < 0)
		return -1;
	if (run->form) {
		run->plan.keep_credentials = true;
		run->plan.executable =
			run->form->path; /* Go executes Path and passes Args as they are */
		run->plan.set_user = run->form->credential_set;
	}
	e->step = TS_STEP_MONITOR;
	/* A session of our own: signals to the caller's group or from its terminal are not ours. A caller that made us a
	 * group leader has done half of it already. */
	if (setsid() < 0 && errno != EPERM)
		return ts_fail(e, errno, "setsid", NULL);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return ts_fail(e, errno, "become a subreaper", NULL);
	if (!run->config->taskshim.monitor && run->plan.state_dir_fd >= 0) {
		run->gate_fd = statedir_make_gate(run->plan.state_dir_fd, true, e);
		if (run->gate_fd < 0)
			return -1;
	}
	return open_cgroups(run, e);
}

/* init builds the root meanwhile, on another core where there is one: all that only the parent needs is done now. */
static int prepare_records(struct run *run, struct ts_error *e)
{
	if (run->config->taskshim.monitor_cgroup &&
	    cgroup_join_monitor(run->config->taskshim.monitor_cgroup, e) < 0)
		return -1;
	if (run->plan.state_dir_fd >= 0 && statedir_write_unknown(&run->plan, e) < 0)
		return -1;
	if (run->plan.state_dir_fd >= 0 && run->config->taskshim.monitor) {
		run->successor_fd = statedir_preallocate(run->plan.state_dir_fd, e);
		if (run->successor_fd < 0 ||
		    statedir_make_gate(run->plan.state_dir_fd, false, e) < 0)
			return -1;
	}
	if (identify(run, e) < 0 || hooks_write(&run->plan, e) < 0)
		return -1;
	return write_state(run, e);
}

static int create(struct run *run, struct ts_error *e)
{
	struct init init;

	run->plan.explain_begun = run->begun;
	if (init_launch(&run->plan, run->gate_fd, &init, e) < 0)
		return explained(run, TS_STEP_NAMESPACES, EXPLAIN_FORK, -1);
	run->pid = init.pid;
	run->pidfd = init.pidfd;
	run->channel = init.channel;
	run->end_fd = init.end_fd;
	plan_close_inits(&run->plan);
	if (run->plan.seccomp)
		sysfilter_set_pid(run->plan.seccomp, run->pid);
	ts_fd_closep(&run->gate_fd);
	return prepare_records(run, e);
}

/* Unmonitored, with a state directory for the socket that is the gate. Without one the gate is ours, and we end after it. */
static bool waits_at_its_own_gate(const struct run *run)
{
	return !run->config->taskshim.monitor && run->config->taskshim.state_dir;
}

/* Unmonitored: init waits at its own gate from here on, and whoever adopts it reaps it. */
static int hand_over(struct run *run)
{
	struct ts_error e = {0};

	if (expect(run, CHANNEL_READY, TS_STEP_GATE, &e) < 0 ||
	    report_created(&run->report, run->pid, 0, run->id_string, &e) < 0 ||
	    send_go(run, &e) < 0)
		return give_up(run, &e);
	return 0;
}

/* Waits for init's word, or (@events 0) for its end of the channel to close. Where @watch_parent, not for ever once the parent
 * is dead: init may be stuck in a frozen cgroup or a filesystem that does not answer. Returns false when it was. */
static bool wait_for_init(struct run *run, short events, bool watch_parent)
{
	enum { GRACE_MS = 4000 }; /* less than taskshim waits for our end */
	struct pollfd fds[] = {{.fd = run->channel, .events = events},
			       {.fd = watch_parent ? STDIN_FILENO : -1, .events = POLLRDHUP}};
	int unread, timeout = -1;

	for (;;) {
		int n = poll(fds, 2, timeout);

		if (n == 0)
			break;
		if (fds[0].revents || (n < 0 && errno != EINTR))
			return true; /* the read that follows waits as well */
		if (n < 0 || !fds[1].revents)
			continue;
		/* A parent that has written the gate may leave: it is read later. */
		if (!events || ioctl(STDIN_FILENO, FIONREAD, &unread) < 0 || unread == 0)
			timeout = GRACE_MS;
		fds[1].fd = -1;
	}
	run->aborted = true;
	run->reason = ABORT_PARENT_GONE;
	return false;
}

static pid_t monitor_pid(const struct run *run)
{
	return run->config->taskshim.monitor ? getpid() : 0;
}

/* Created, the gate, started. Returns 1 when the command runs, 0 when the start was called off, -1 with @e filled. */
static int start(struct run *run, struct ts_error *e)
{
	bool open = gate_is_open(run), ready = false;
	struct ts_error ignored;
	int go = 1, r;

	if (!open) {
		if (!wait_for_init(run, POLLIN, !run->form))
			return 0;
		if (expect(run, CHANNEL_READY, TS_STEP_GATE, e) < 0 ||
		    report_created(&run->report, run->pid, monitor_pid(run), run->id_string, e) < 0)
			return -1;
		go = read_gate(run, e);
	}
	if (go <= 0)
		return go;
	if (send_go(run, e) < 0)
		return -1;
	/* sleeps once: the end alone wakes, not each word */
	if (!wait_for_init(run, 0, run->config->taskshim.kill_on_parent_death))
		return 0;
	r = wait_for_exec(run, &ready, e);
	if (open && ready) /* nobody waits for it */
		(void)report_created(&run->report, run->pid, monitor_pid(run), run->id_string,
				     &ignored);
	return r < 0 ? -1 : 1;
}

/* Whether the parent is dead and has not said true before. For hooks, which may be waited for without end. */
static bool parent_has_left(void *arg)
{
	struct run *run = arg;
	int unread;

	if (!run->config->taskshim.monitor) /* its gate is elsewhere */
		return false;
	if (!run->config->taskshim.kill_on_parent_death &&
	    (gate_is_open(run) || (ioctl(STDIN_FILENO, FIONREAD, &unread) == 0 && unread > 0)))
		return false;
	run->aborted = true;
	run->reason = ABORT_PARENT_GONE;
	return true;
}

/* init waits for this word. */
static int answer(const struct run *run, enum channel_kind kind, enum ts_step step,
		  struct ts_error *e)
{
	/* struct channel_go without its line, which would stay on the monitor's stack */
	const uint32_t words[] = {kind, 0};

	_Static_assert(sizeof words == offsetof(struct channel_go, line), "kind and length");
	if (write(run->channel, words, sizeof words) >= 0)
		return 0;
	return errno == EPIPE || errno == ECONNRESET ? fail_dead_init(run, step, e)
						     : fail_channel(step, "write to", e);
}

/* init is in all of its namespaces. Returns 0, or -1: aborted, or @e is filled. */
static int move_devices(struct run *run, struct ts_error *e)
{
	if (run->config->linux_.n_net_devices == 0)
		return 0;
	if (!wait_for_init(run, POLLIN, run->config->taskshim.monitor) ||
	    expect(run, CHANNEL_NETDEVICES, TS_STEP_NETDEVICES, e) < 0 ||
	    netdevices_move(run->config, run->pid, &run->devices, e) < 0)
		return -1;
	return answer(run, CHANNEL_NETDEVICES_DONE, TS_STEP_NETDEVICES, e);
}

/* All that is mounted is there, and the task has not entered it. Returns 0, or -1: aborted, or @e is filled. */
static int run_create_hooks(struct run *run, struct ts_error *e)
{
	if (!run->plan.hook_state)
		return 0;
	if (hooks_keep(&run->plan, &run->hooks_fd, e) < 0)
		return -1;
	if (!hooks_are_awaited(&run->plan))
		return 0;
	if (!wait_for_init(run, POLLIN, run->config->taskshim.monitor) ||
	    expect(run, CHANNEL_HOOKS, TS_STEP_HOOK, e) < 0)
		return -1;
	if (hooks_run_create(&run->plan, run->pid, run->pidfd, parent_has_left, run, e) < 0)
		return e->err == ECANCELED && !run->aborted ? fail_dead_init(run, TS_STEP_HOOK, e)
							    : -1;
	return answer(run, CHANNEL_HOOKS_DONE, TS_STEP_HOOK, e);
}

/* The command's process, with taskshim.init: the child of init, or 0. */
static pid_t child_of(pid_t init)
{
	char path[64], text[32];

	(void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)init, (int)init);
	return ts_read_text_at(AT_FDCWD, path, text, sizeof text) > 0
		       ? (pid_t)strtol(text, NULL, 10)
		       : 0;
}

static int supervise(struct run *run)
{
	struct ts_error e = {0};
	struct monitor monitor;
	int started;

	monitor_init(&monitor, &run->plan, &run->report, run->pid, run->pidfd, run->successor_fd);
	if (monitor_prepare(&monitor, &e) < 0 ||
	    config2015_open_exit_status(run->form, &monitor, &e) < 0)
		started = -1;
	else
		started = start(run, &e);
	if (started > 0 || (started < 0 && e.step == TS_STEP_EXEC))
		(void)explained(run, TS_STEP_EXEC, "execute the command (time: since the fork)",
				started);
	if (started <= 0) {
		run->plan.state_dir_fd = monitor.state_dir_fd;
		return give_up(run, &e);
	}
	/* From here on nothing may fail. */
	(void)clock_gettime(CLOCK_REALTIME, &monitor.started_at);
	(void)clock_gettime(CLOCK_BOOTTIME, &monitor.started_boottime);
	ts_fd_closep(&run->channel);
	if (run->options->explain_fd >= 0)
		(void)close(run->options->explain_fd);
	netdevices_keep(&run->devices);
	if (monitor.state_dir_fd >= 0)
		statedir_open_gate(monitor.state_dir_fd);
	monitor.hooks_fd = run->hooks_fd;
	if (run->end_fd >= 0) {
		monitor.end_fd = run->end_fd;
		monitor.command_pid = child_of(run->pid);
	}
	if (run->plan.seccomp)
		sysfilter_done(run->plan.seccomp);
	hooks_run_poststart(&run->plan, run->pid);
	report_started(&run->report, run->pid, run->start_time, run->id_string);
	return run->config->taskshim.monitor ? monitor_run(&monitor) : 0;
}

int spawn_run(const struct spawn_options *options)
{
	struct run run = {
		.options = options,
		.report = {.fd = STDOUT_FILENO},
		.stream = {.fd = STDIN_FILENO},
		.plan = {.state_dir_fd = -1},
		.pidfd = -1,
		.channel = -1,
		.gate_fd = -1,
		.successor_fd = -1,
		.end_fd = -1,
		.devices = NETDEVICES_NONE,
		.hooks_fd = -1,
	};
	struct ts_error e = {0};

	if (prepare(&run, &e) < 0 || create(&run, &e) < 0 || move_devices(&run, &e) < 0 ||
	    run_create_hooks(&run, &e) < 0)
		return give_up(&run, &e);
	return waits_at_its_own_gate(&run) ? hand_over(&run) : supervise(&run);
}
