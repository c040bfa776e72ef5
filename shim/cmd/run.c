/* taskshim run: a command with flags, or a bundle; in the foreground or detached. */
#include "shim/cmd/cmd.h"
#include "shim/cmd/progress.h"
#include "shim/cmd/relay.h"
#include "shim/cmd/run_explain.h"

#include "protocol/config.h"
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

struct run {
	const struct global *global;
	struct flags flags;
	struct bundle_options bundle; /* .bundle NULL: the form with flags */
	const char *flag_only,
		*bundle_only; /* an option that fits one form only, for the message */
	struct taskshim_options options;
	int *fds; /* of descriptors_hand_over() */
	struct run_explain explain;
	const struct shell_options *shell; /* NULL: the command itself */
};

/* --- options --- */

enum {
	OPT_ID = 300,
	OPT_ID_FILE,
	OPT_TASK_DIR,
	OPT_ALLOC_DIR,
	OPT_CHROOT,
	OPT_USER,
	OPT_ENV,
	OPT_ENV_FILE,
	OPT_ARGS_FILE,
	OPT_CWD,
	OPT_MEMORY,
	OPT_MEMORY_SWAP,
	OPT_CPUS,
	OPT_CPU_SHARES,
	OPT_PIDS_LIMIT,
	OPT_BLKIO_WEIGHT,
	OPT_MOUNT,
	OPT_NET,
	OPT_PID,
	OPT_IPC,
	OPT_UTS,
	OPT_USERNS,
	OPT_HOSTNAME,
	OPT_CAP_ADD,
	OPT_CAP_DROP,
	OPT_READ_ONLY,
	OPT_INIT,
	OPT_TIMEOUT,
	OPT_KEEP,
	OPT_STDOUT,
	OPT_STDERR,
	OPT_RLIMIT,
	OPT_NO_NEW_PRIVS,
	OPT_PID_FILE,
	OPT_NO_PIVOT,
	OPT_NO_SUBREAPER,
	OPT_PRESERVE_FDS,
	OPT_DEVICE,
	OPT_SECCOMP,
	OPT_CONSOLE_SOCKET,
	OPT_NO_NEW_KEYRING,
	OPT_EXPLAIN,
	OPT_LOG_MAX_FILES,
	OPT_LOG_MAX_SIZE,
};

static const struct option options[] = {
	{"id", required_argument, NULL, OPT_ID},
	{"id-file", required_argument, NULL, OPT_ID_FILE},
	{"task-dir", required_argument, NULL, OPT_TASK_DIR},
	{"alloc-dir", required_argument, NULL, OPT_ALLOC_DIR},
	{"chroot", required_argument, NULL, OPT_CHROOT},
	{"user", required_argument, NULL, OPT_USER},
	{"env", required_argument, NULL, OPT_ENV},
	{"env-file", required_argument, NULL, OPT_ENV_FILE},
	{"args-file", required_argument, NULL, OPT_ARGS_FILE},
	{"cwd", required_argument, NULL, OPT_CWD},
	{"memory", required_argument, NULL, OPT_MEMORY},
	{"memory-swap", required_argument, NULL, OPT_MEMORY_SWAP},
	{"cpus", required_argument, NULL, OPT_CPUS},
	{"cpu-shares", required_argument, NULL, OPT_CPU_SHARES},
	{"pids-limit", required_argument, NULL, OPT_PIDS_LIMIT},
	{"blkio-weight", required_argument, NULL, OPT_BLKIO_WEIGHT},
	{"mount", required_argument, NULL, OPT_MOUNT},
	{"net", required_argument, NULL, OPT_NET},
	{"pid", required_argument, NULL, OPT_PID},
	{"ipc", required_argument, NULL, OPT_IPC},
	{"uts", required_argument, NULL, OPT_UTS},
	{"userns", required_argument, NULL, OPT_USERNS},
	{"hostname", required_argument, NULL, OPT_HOSTNAME},
	{"cap-add", required_argument, NULL, OPT_CAP_ADD},
	{"cap-drop", required_argument, NULL, OPT_CAP_DROP},
	{"read-only", no_argument, NULL, OPT_READ_ONLY},
	{"init", no_argument, NULL, OPT_INIT},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"interactive", no_argument, NULL, 'i'},
	{"detach", no_argument, NULL, 'd'},
	{"keep", no_argument, NULL, OPT_KEEP},
	{"stdout", required_argument, NULL, OPT_STDOUT},
	{"stderr", required_argument, NULL, OPT_STDERR},
	{"log-max-files", required_argument, NULL, OPT_LOG_MAX_FILES},
	{"log-max-size", required_argument, NULL, OPT_LOG_MAX_SIZE},
	{"rlimit", required_argument, NULL, OPT_RLIMIT},
	{"no-new-privs", required_argument, NULL, OPT_NO_NEW_PRIVS},
	{"bundle", required_argument, NULL, 'b'},
	{"pid-file", required_argument, NULL, OPT_PID_FILE},
	{"no-pivot", no_argument, NULL, OPT_NO_PIVOT},
	{"no-subreaper", no_argument, NULL, OPT_NO_SUBREAPER},
	{"preserve-fds", required_argument, NULL, OPT_PRESERVE_FDS},
	{"tty", no_argument, NULL, 't'},
	{"device", required_argument, NULL, OPT_DEVICE},
	{"seccomp", required_argument, NULL, OPT_SECCOMP},
	{"console-socket", required_argument, NULL, OPT_CONSOLE_SOCKET},
	{"no-new-keyring", no_argument, NULL, OPT_NO_NEW_KEYRING},
	{"explain", optional_argument, NULL, OPT_EXPLAIN},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static const char help[] =
	"Runs CMD as a task made from flags, or the task of an OCI bundle. Without options CMD "
	"runs as nobody, in a\n"
	"private root with the host's programs read-only, with private mount, pid, ipc and uts "
	"namespaces, the host's\n"
	"network, no capabilities, no_new_privs and the environment PATH HOME USER LANG TERM. In "
	"the foreground the\n"
	"task dies with taskshim, signals are passed on, and the exit status is the command's: "
	"128+N when killed by\n"
	"signal N, 126 not executable, 127 not found, 125 when taskshim failed.\n\n"
	"the task:\n"
	"  --id ID                task id (a new one)          --id-file FILE   write the ID "
	"string there\n"
	"  --pid-file FILE        write the command's pid there\n"
	"  --user USER[:GROUP]    name or number, in the root (nobody)\n"
	"  --chroot host|none|DIR root: the preset, the host's own, or DIR (host)\n"
	"  --read-only            the root cannot be written\n"
	"  --mount SRC:DST[:ro]   or type=bind,source=SRC,target=DST[,ro]; may be repeated\n"
	"  --device HOST[:TASK[:PERMS]]  a device of the host, or all in a directory; PERMS of "
	"rwm; may be repeated\n"
	"  --task-dir DIR         its local, secrets and tmp appear as /local, /secrets, /tmp\n"
	"  --alloc-dir DIR        appears as /alloc\n"
	"  --cwd DIR              working directory (/)\n"
	"  --env K=V, --env K     set, or pass on; may be repeated   --env-file FILE  lines K=V\n"
	"  --args-file FILE       more arguments, one a line: nothing secret in the command line\n"
	"  --hostname NAME\n"
	"  --net host|none|PATH   a new network namespace with lo alone, or one that is there\n"
	"  --pid, --ipc, --uts host|private|PATH\n"
	"  --userns host|FIRST:SIZE|PATH  ids 0 to SIZE-1 of the task are FIRST and up on the "
	"host\n"
	"  --cap-add CAP, --cap-drop CAP       (none)\n"
	"  --no-new-privs true|false           (true)\n"
	"  --rlimit NAME=SOFT[:HARD]\n"
	"  --seccomp none|default|FILE         (none); default: what ordinary tasks call; FILE as "
	"linux.seccomp or of docker\n"
	"  --init                 a reaper is process 1 and passes signals on to CMD\n"
	"limits:\n"
	"  --memory SIZE  --memory-swap SIZE   bytes, k, m, g; swap counts memory too, -1 is "
	"unlimited\n"
	"  --cpus N  --cpu-shares N (2 and up)  --pids-limit N  --blkio-weight N (10 to 1000)\n"
	"  --timeout TIME         the task is stopped after it: 500ms, 5s, 2m\n"
	"running:\n"
	"  -i, --interactive      the task reads taskshim's standard input (null)\n"
	"  -t, --tty              the task has a terminal of its own; with -i the caller's is raw "
	"meanwhile\n"
	"  -d, --detach           in the background: prints the ID string; output goes to the "
	"state directory\n"
	"  --keep                 keep the exit record and the state directory until `taskshim "
	"delete`\n"
	"  --stdout FILE, --stderr FILE        append there\n"
	"  --log-max-size SIZE, --log-max-files N  rotate them at SIZE (10M), keep N (5)\n"
	"  --explain[=json]       print each step on standard error as it happens, with its time "
	"and "
	"result\n"
	"bundles, as runc has them:\n"
	"  -b, --bundle DIR (.)  -d, --detach  --keep  --pid-file FILE  --no-pivot  "
	"--no-subreaper\n"
	"  --no-new-keyring  --console-socket PATH (with -d and process.terminal: where the "
	"terminal's master is sent)\n"
	"either:\n"
	"  --preserve-fds N       the task gets descriptors 3 to N+2, too\n";

static int run_main(const struct global *global, int argc, char **argv);

const struct verb verb_run = {
	.name = "run",
	.run = run_main,
	.failed = EXIT_RUN_FAILED,
	.synopsis = "run [options] -- CMD [ARG...]\n       taskshim [global options] run [-d] [-b "
		    "DIR] ID",
	.summary = "run a command, or a bundle",
	.help = help,
};

static const char *option_name(int value)
{
	for (const struct option *o = options; o->name; o++)
		if (o->val == value)
			return o->name;
	return "";
}

/* Where an option's value goes, for those that are kept as they stand. NULL: not one of them. */
static const char **value_of(struct flags *f, int option)
{
	switch (option) {
	case OPT_ID:
		return &f->id;
	case OPT_ID_FILE:
		return &f->id_file;
	case OPT_TASK_DIR:
		return &f->task_dir;
	case OPT_ALLOC_DIR:
		return &f->alloc_dir;
	case OPT_CHROOT:
		return &f->chroot;
	case OPT_USER:
		return &f->user;
	case OPT_ARGS_FILE:
		return &f->args_file;
	case OPT_CWD:
		return &f->cwd;
	case OPT_MEMORY:
		return &f->memory;
	case OPT_MEMORY_SWAP:
		return &f->memory_swap;
	case OPT_CPUS:
		return &f->cpus;
	case OPT_CPU_SHARES:
		return &f->cpu_shares;
	case OPT_PIDS_LIMIT:
		return &f->pids_limit;
	case OPT_BLKIO_WEIGHT:
		return &f->blkio_weight;
	case OPT_NET:
		return &f->net;
	case OPT_PID:
		return &f->pid;
	case OPT_IPC:
		return &f->ipc;
	case OPT_UTS:
		return &f->uts;
	case OPT_USERNS:
		return &f->userns;
	case OPT_SECCOMP:
		return &f->seccomp;
	case OPT_HOSTNAME:
		return &f->hostname;
	case OPT_TIMEOUT:
		return &f->timeout;
	case OPT_STDOUT:
		return &f->stdout_path;
	case OPT_STDERR:
		return &f->stderr_path;
	case OPT_LOG_MAX_FILES:
		return &f->log_max_files;
	case OPT_LOG_MAX_SIZE:
		return &f->log_max_size;
	case OPT_NO_NEW_PRIVS:
		return &f->no_new_privs;
	default:
		return NULL;
	}
}

static struct words *words_of(struct flags *f, int option)
{
	switch (option) {
	case OPT_ENV:
		return &f->env;
	case OPT_ENV_FILE:
		return &f->env_files;
	case OPT_MOUNT:
		return &f->mounts;
	case OPT_DEVICE:
		return &f->devices;
	case OPT_CAP_ADD:
		return &f->cap_add;
	case OPT_CAP_DROP:
		return &f->cap_drop;
	case OPT_RLIMIT:
		return &f->rlimits;
	default:
		return NULL;
	}
}

/* Options without a value. Returns whether it is one. */
static bool take_switch(struct run *run, int option)
{
	switch (option) {
	case OPT_READ_ONLY:
		run->flags.read_only = true;
		run->flag_only = "read-only";
		return true;
	case OPT_INIT:
		run->flags.init = true;
		run->flag_only = "init";
		return true;
	case 'i':
		run->flags.interactive = true;
		run->flag_only = "interactive";
		return true;
	case 't':
		run->flags.tty = true;
		run->flag_only = "tty";
		return true;
	case 'd':
		run->flags.detach = run->bundle.detach = true;
		return true;
	case OPT_KEEP:
		run->flags.keep = run->bundle.keep = true;
		return true;
	case OPT_NO_PIVOT:
		run->bundle.no_pivot = true;
		run->bundle_only = "no-pivot";
		return true;
	case OPT_NO_NEW_KEYRING:
		run->bundle.no_new_keyring = true;
		run->bundle_only = "no-new-keyring";
		return true;
	default:
		return option == OPT_NO_SUBREAPER;
	}
}

static int take_option(struct run *run, int option)
{
	const char **value = value_of(&run->flags, option);
	struct words *words = words_of(&run->flags, option);

	if (value || words) {
		run->flag_only = option_name(option);
		if (value)
			*value = optarg;
		return value || words_add(words, optarg) == 0
			       ? 0
			       : usage_error(run->global, "out of memory");
	}
	if (take_switch(run, option))
		return 0;
	switch (option) {
	case 'b':
		run->bundle.bundle = optarg;
		run->bundle_only = "bundle";
		return 0;
	case OPT_PID_FILE:
		run->bundle.pid_file = optarg;
		return 0;
	case OPT_CONSOLE_SOCKET:
		run->bundle.console_socket = optarg;
		run->bundle_only = "console-socket";
		return 0;
	case OPT_EXPLAIN:
		return run_explain_option(&run->explain, optarg) == 0
			       ? 0
			       : usage_error(run->global,
					     "--explain=%s: expected json, or no value", optarg);
	case OPT_PRESERVE_FDS:
		return descriptors_parse(run->global, optarg, &run->bundle.preserve_fds);
	default:
		return usage_error(run->global, "--%s: not supported yet", option_name(option));
	}
}

/* --- the life of a task --- */

static void write_id_file(const struct run *run, const taskshim_task *task)
{
	const char *path = run->flags.id_file;
	struct ts_error e = {0};

	if (path && id_file_write(path, taskshim_task_id_string(task), &e) < 0)
		report_error(run->global, &e);
}

/* Returns 0, or -1 with @e filled: who waits for the file cannot do without it, and the task is to end. */
static int write_pid_file(const struct run *run, const taskshim_task *task, struct ts_error *e)
{
	const char *path = run->bundle.pid_file;

	return path ? pid_file_write(path, taskshim_task_pid(task), e) : 0;
}

/* The wait for the end costs one wake-up: spawn-daemon's lines stay in the pipe (they fit, PIPE_BUF is the least of it) and
 * are read only when somebody needs what they say. */
struct foreground {
	struct run *run;
	taskshim_task *task;
	sigset_t signals; /* that are passed on */
	int signal_fd;
	uint64_t pending; /* bit N: signal N came before there was anybody to pass it to */
	struct relay relay; /* to the task's terminal, if it has one */
	struct progress progress; /* of a start that copies its root */
	int notify_fd; /* until the task has said that it is ready; else -1 */
	bool asked_to_end; /* by a signal */
	int ended_by; /* the signal that gave up the start, or that process 1 could not take; 0: none */
};

/* Takes what spawn-daemon has said so far, without blocking. Returns 0, or -1 with @e filled: it reported an error. */
static int take_lines(struct foreground *fg, struct ts_error *e)
{
	struct pollfd more = {.fd = fg->task->status_fd, .events = POLLIN};
	bool was_known = fg->task->has_id;
	int got;

	while (poll(&more, 1, 0) == 1 && task_read(fg->task, e) == 1)
		;
	while ((got = task_take_line(fg->task, e)) != -2)
		if (got == -1)
			return -1;
	if (was_known || !fg->task->has_id)
		return 0;
	write_id_file(fg->run, fg->task);
	return write_pid_file(fg->run, fg->task, e);
}

/* Also when the command has ended: somebody may wait for the file, however short that was. */
static bool owes_file(const struct foreground *fg)
{
	return (fg->run->flags.id_file || fg->run->bundle.pid_file) && !fg->task->has_id;
}

/* Returns 0, or -1 and errno. */
static int pass_one_on(struct foreground *fg, int signo)
{
	int pidfd = task_init_pidfd(fg->task), r;

	if (pidfd < 0)
		return -1;
	if (!relay_is_end(signo))
		return ts_pidfd_kill(pidfd, signo);
	r = task_terminate(fg->task, signo);
	if (r == 1) {
		fg->ended_by = signo;
		task_leave_note(fg->task, signo, 0);
	}
	return r < 0 ? -1 : 0;
}

/* A signal is sent once, and somebody may wait for what comes of it: what fails for a moment is tried again. */
static void pass_on(struct foreground *fg)
{
	struct ts_error e = {.step = TS_STEP_WAIT};

	if (!fg->pending || !fg->task->started)
		return;
	for (int signo = 1; signo < 64; signo++) {
		int tries = 3, r;

		if (!(fg->pending & 1ULL << signo))
			continue;
		do
			r = pass_one_on(fg, signo);
		while (r < 0 && errno != ESRCH && --tries > 0);
		if (r == 0 || errno == ESRCH)
			continue;
		(void)ts_fail(&e, errno, "pass a signal on to", taskshim_task_id(fg->task));
		report_error(fg->run->global, &e);
	}
	fg->pending = 0;
}

static void take_signal(struct foreground *fg)
{
	struct signalfd_siginfo info;
	int signo;

	if (read(fg->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	signo = (int)info.ssi_signo;
	if (relay_take_signal(&fg->relay, signo))
		return;
	fg->pending |= 1ULL << signo;
	fg->asked_to_end |= relay_is_end(signo);
	/* Before the start there is no command to ask: the start is given up instead. */
	if (!fg->task->started && relay_is_end(signo)) {
		fg->ended_by = signo;
		ts_fd_closep(&fg->task->control_fd);
	}
}

/* The monitor lets go of its standard input when all is recorded: what the task had is removed while the monitor ends, on
 * another core. Whatever goes wrong here is for clean_up() to do again. */
static void clean_up_early(const struct foreground *fg)
{
	struct ts_error ignored;

	if (!fg->run->flags.keep && fg->task->no_poststop &&
	    cgroup_remove(&fg->task->cgroups, false, 0, &ignored) == 0)
		(void)statedir_remove(&fg->task->dir, &ignored);
}

enum { PROGRESS_MS = 200 };

static void show_progress(struct foreground *fg)
{
	if (!fg->progress.on)
		return;
	if (!fg->task->started) {
		progress_show(&fg->progress, "copying the root: %lld s",
			      (long long)progress_ms(&fg->progress) / 1000);
		return;
	}
	progress_clear(&fg->progress);
	fg->progress.on = false;
}

/* Whether the start copies a tree, which takes as long as that is large. */
static bool copies(struct json_object *document)
{
	struct json_object *value;

	return json_object_object_get_ex(document, "taskshim", &value) &&
	       json_object_object_get_ex(value, "chrootMethod", &value) && value &&
	       strcmp(json_object_get_string(value), "copy") == 0;
}

/* The service manager learns the task's pid with it, and that is in what spawn-daemon has said by then. */
static void read_notify(struct foreground *fg)
{
	struct ts_error e = {0};

	if (take_lines(fg, &e) < 0 || !fg->task->started)
		return; /* end_of() says it */
	if (notify_read(fg->notify_fd, taskshim_task_pid(fg->task), false, &e) == 0)
		return;
	if (e.msg[0]) /* the task runs on */
		report_error(fg->run->global, &e);
	ts_fd_closep(&fg->notify_fd);
}

/* Until spawn-daemon has ended. Returns 0, or -1 with @e filled: it reported an error. */
static int follow(struct foreground *fg, struct ts_error *e)
{
	enum { FDS = 6 };
	struct pollfd fds[FDS + RELAY_FDS] = {{.fd = fg->task->daemon_pidfd, .events = POLLIN},
					      {.fd = fg->signal_fd, .events = POLLIN},
					      {.fd = -1, .events = POLLIN},
					      {.fd = -1},
					      {.fd = -1, .events = POLLIN},
					      {.fd = -1, .events = POLLIN}};
	bool early = false, hung_up = false;
	int tries = 16, timeout;

	for (;;) {
		bool curious =
			owes_file(fg) || ((fg->pending || fg->progress.on) && !fg->task->started);

		show_progress(fg);

		fds[2].fd = curious ? fg->task->status_fd : -1;
		fds[3].fd = early ? -1 : fg->task->control_fd;
		fds[4].fd = fg->run->explain.fd;
		fds[5].fd = fg->notify_fd;
		if (fg->run->explain.fd < 0 && relay_wants_terminal(&fg->relay))
			relay_take_terminal(&fg->relay);
		timeout = relay_prepare(&fg->relay, fds + FDS);
		if (poll(fds, FDS + RELAY_FDS, fg->progress.on ? PROGRESS_MS : timeout) < 0) {
			if (errno == EINTR || --tries > 0)
				continue; /* a task does not die because memory was short for a moment */
			e->step = TS_STEP_MONITOR;
			return ts_fail(e, errno, "poll", NULL);
		}
		relay_handle(&fg->relay, fds + FDS);
		if (fds[4].revents)
			run_explain_read(&fg->run->explain);
		if (fds[5].revents)
			read_notify(fg);
		if (fds[0].revents)
			return 0;
		if (fds[3].revents & POLLHUP) {
			early = true;
			clean_up_early(fg);
			continue;
		}
		if ((fds[1].revents || fds[2].revents) && take_lines(fg, e) < 0)
			return -1;
		if (fds[1].revents)
			take_signal(fg);
		/* The kernel would drop what a hangup sends where the task is process 1 and does not handle it. */
		if (fg->relay.lost && !hung_up)
			fg->pending |= 1ULL << SIGHUP;
		pass_on(fg);
		hung_up |= fg->relay.lost;
		if (hung_up && !fg->pending)
			relay_hang_up(&fg->relay);
	}
}

/* Every failure of spawn-daemon's has an exit status of this range, which a command may have as well: only then its lines
 * must be read. */
static bool may_have_failed(int status)
{
	return status < 0 || (status >= EXIT_RUN_FAILED && status <= 127);
}

static int fail_killed(int signo, struct ts_error *e)
{
	e->step = TS_STEP_MONITOR;
	return ts_failf(e, 0,
			"spawn-daemon was killed by signal %d: how the task ended is not known",
			signo);
}

/* How spawn-daemon ended: its status, with *@e filled and -1 in *@ret when that is a failure and not the command's. */
static int end_of(struct foreground *fg, int *ret, struct ts_error *e)
{
	taskshim_task *task = fg->task;
	struct ts_error reap_error = {0};

	if (task_reap(task, -1, &reap_error) < 0)
		report_error(fg->run->global, &reap_error);
	if (*ret == 0 && (may_have_failed(task->daemon_status) || fg->ended_by || owes_file(fg)))
		*ret = take_lines(fg, e);
	if (fg->ended_by)
		return 128 + fg->ended_by;
	if (*ret < 0)
		return may_have_failed(task->daemon_status) && task->daemon_status > 0
			       ? task->daemon_status
			       : EXIT_RUN_FAILED;
	if (task->daemon_status >= 0)
		return task->daemon_status;
	if (task->has_exited && task->exited.known)
		return task->exited.exit_code;
	*ret = fail_killed(task->daemon_signal, e);
	return EXIT_RUN_FAILED;
}

/* Cgroups and state directory go with the task; --keep leaves them to `delete`. */
static void clean_up(const struct foreground *fg, bool failed)
{
	struct ts_error e;

	if ((fg->run->flags.keep && !failed) || task_remove(fg->task, true, &e) == 0)
		return;
	report_error(fg->run->global, &e);
}

static int configure(struct foreground *fg, struct json_object *document, struct ts_error *e)
{
	struct run *run = fg->run;
	bool notify = run->options.flags & TASKSHIM_NOTIFY;

	if (!notify)
		return task_configure(fg->task, &run->options, document, "true\n", e);
	if (task_configure(fg->task, &run->options, document, NULL, e) < 0)
		return -1;
	fg->notify_fd = task_listen_notify(fg->task, e);
	return fg->notify_fd < 0 ? -1 : task_send_gate(fg->task, true, e);
}

static int foreground_run(struct foreground *fg, struct json_object *document)
{
	struct ts_error e = {0};
	int status, r = configure(fg, document, &e);

	run_explain_own(&fg->run->explain, r < 0 ? (enum ts_step)e.step : TS_STEP_CGROUP,
			"make and limit the cgroups, hand the config over", r == 0);
	if (r == 0) {
		if (copies(document))
			progress_begin(&fg->progress);
		fg->signal_fd = signalfd(-1, &fg->signals, SFD_CLOEXEC);
		r = follow(fg, &e);
		if (r == 0)
			relay_drain(&fg->relay, fg->signal_fd, !fg->asked_to_end);
	}
	relay_done(&fg->relay); /* before anything is said */
	if (fg->relay.lost_err && r == 0) {
		e.step = TS_STEP_TERMINAL;
		r = ts_fail(&e, fg->relay.lost_err, "write to", "standard output");
	}
	if (r < 0)
		ts_fd_closep(&fg->task->control_fd);
	progress_clear(&fg->progress);
	status = end_of(fg, &r, &e);
	run_explain_done(&fg->run->explain);
	if (fg->relay.lost_err) /* by which we have ended it */
		status = EXIT_RUN_FAILED;
	if (r < 0 && (!fg->ended_by || fg->relay.lost_err))
		report_error(fg->run->global, &e);
	clean_up(fg, r < 0);
	return status;
}

/* The process is about to end: what only the kernel and a leak checker would miss is not worth forty system calls. */
static void release(struct foreground *fg)
{
#ifdef TASKSHIM_SANITIZED
	ts_fd_closep(&fg->signal_fd);
	taskshim_task_free(fg->task);
#else
	(void)fg;
#endif
}

static int claim(struct run *run, taskshim_task **ret, struct ts_error *e)
{
	int r = task_claim(&run->options, ret, e);

	run_explain_own(&run->explain, TS_STEP_STATE, "claim the state directory", r == 0);
	return r;
}

static bool is_bundle(const struct run *run)
{
	return run->bundle.bundle;
}

static int spawn(struct foreground *fg, struct ts_error *e)
{
	struct run *run = fg->run;
	taskshim_task *task = fg->task;
	int r;

	if (run->explain.on && run_explain_open(&run->explain, &task->explain_fd, e) < 0)
		return -1;
	/* What a bundle says is not known yet. */
	if ((run->flags.tty || is_bundle(run)) &&
	    relay_open(&fg->relay, run->flags.interactive || is_bundle(run), &task->console_fd, e) <
		    0)
		return -1;
	r = task_spawn(task, &run->options, e);
	ts_fd_closep(&task->explain_fd);
	ts_fd_closep(&task->console_fd);
	run_explain_own(&run->explain, TS_STEP_MONITOR, "start spawn-daemon", r == 0);
	return r;
}

typedef struct json_object *(*make_fn)(const struct run *run, struct ts_error *e);

static struct json_object *make_document(const struct run *run, make_fn make, struct ts_error *e)
{
	struct json_object *document = make(run, e);

	if (!document || !run->shell || shell_edit(run->shell, document, e) == 0)
		return document;
	json_object_put(document);
	return NULL;
}

static int run_foreground(struct run *run, make_fn make)
{
	struct foreground fg = {.run = run,
				.signals = passed_signals(),
				.signal_fd = -1,
				.notify_fd = -1,
				.relay = RELAY_NONE};
	struct json_object *document = NULL;
	struct ts_error e = {0};
	int status = EXIT_RUN_FAILED;

	run->options.flags |= TASKSHIM_KILL_ON_PARENT_DEATH;
	if (!run->flags.keep)
		run->options.flags |= TASKSHIM_CLEAN_UP;
	(void)sigprocmask(SIG_BLOCK, &fg.signals, NULL);
	run_explain_begin(&run->explain);
	if (claim(run, &fg.task, &e) < 0) {
		report_error(run->global, &e);
		return status;
	}
	/* The helper starts while we make the config, the state and the cgroups. */
	if (spawn(&fg, &e) == 0 && (document = make_document(run, make, &e)) != NULL &&
	    relay_fit(&fg.relay, document, &e) == 0) {
		status = foreground_run(&fg, document);
#ifdef TASKSHIM_SANITIZED
		json_object_put(document);
#endif
	} else {
		relay_done(&fg.relay);
		report_error(run->global, &e);
		task_discard(fg.task);
		json_object_put(document);
	}
	release(&fg);
	return status;
}

/* --- flags --- */

static struct json_object *make_from_flags(const struct run *run, struct ts_error *e)
{
	struct json_object *document;

	return flags_config(&run->flags, &document, e) < 0 ? NULL : document;
}

static int run_detached(struct run *run)
{
	struct ts_error e = {0};
	struct taskshim_error error;
	struct json_object *document = make_from_flags(run, &e);
	const char *text;
	taskshim_task *task;
	size_t len;
	int r;

	if (!document) {
		report_error(run->global, &e);
		return EXIT_RUN_FAILED;
	}
	text = json_object_to_json_string_length(
		document, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	run->options.flags |= TASKSHIM_START | TASKSHIM_DETACHED | TASKSHIM_LOG_FILES;
	r = taskshim_task_create(&run->options, text, len, &task, &error);
	json_object_put(document);
	if (r < 0) {
		report_public(run->global, &error);
		return EXIT_RUN_FAILED;
	}
	write_id_file(run, task);
	r = write_pid_file(run, task, &e);
	if (r < 0)
		report_error(run->global, &e);
	else
		r = print_text(taskshim_task_id_string(task), true);
	if (r < 0) /* who does not learn of the task cannot end it either */
		(void)taskshim_task_delete(task, true, NULL);
	taskshim_task_free(task);
	return r < 0 ? EXIT_RUN_FAILED : 0;
}

/* Returns 0, or an exit status after a message. */
static int hand_over(struct run *run)
{
	struct ts_error e = {0};

	if (descriptors_hand_over(run->bundle.listen_fds + run->bundle.preserve_fds, &run->fds,
				  &run->options, &e) == 0)
		return 0;
	report_error(run->global, &e);
	return EXIT_RUN_FAILED;
}

static int run_flags(struct run *run)
{
	if (hand_over(run) != 0)
		return EXIT_RUN_FAILED;
	run->options.id = run->flags.id;
	if (run->flags.detach && run->flags.interactive)
		return usage_error(run->global, "-i and -d exclude each other");
	if (run->flags.detach && run->flags.tty)
		return usage_error(run->global, "-t and -d exclude each other");
	if (run->flags.detach)
		return run_detached(run);
	if (!run->flags.tty) {
		run->options.stdio[0] = run->flags.interactive ? STDIN_FILENO : -1;
		run->options.stdio[1] = STDOUT_FILENO;
		run->options.stdio[2] = STDERR_FILENO;
	}
	return run_foreground(run, make_from_flags);
}

/* --- bundles --- */

static struct json_object *make_from_bundle(const struct run *run, struct ts_error *e)
{
	struct json_object *document;

	if (bundle_read(run->bundle.bundle, &document, e) < 0)
		return NULL;
	if (bundle_edit(&run->bundle, document, e) == 0)
		return document;
	json_object_put(document);
	return NULL;
}

static int run_bundle_detached(struct run *run)
{
	struct ts_error e = {0};
	struct taskshim_error error;
	struct json_object *document = make_from_bundle(run, &e);
	taskshim_task *task;
	const char *text;
	size_t len;
	int r;

	if (!document) {
		report_error(run->global, &e);
		return EXIT_FAILED;
	}
	text = json_object_to_json_string_length(
		document, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	run->options.flags |= TASKSHIM_UNMONITORED;
	r = taskshim_task_create(&run->options, text, len, &task, &error);
	json_object_put(document);
	if (r < 0) {
		report_public(run->global, &error);
		return EXIT_FAILED;
	}
	r = write_pid_file(run, task, &e);
	if (r < 0)
		report_error(run->global, &e);
	else
		r = notify_start(run->global, task);
	if (r < 0)
		(void)taskshim_task_delete(task, true, NULL);
	taskshim_task_free(task);
	return r < 0 ? EXIT_FAILED : 0;
}

static int run_bundle(struct run *run, const char *id)
{
	if (descriptors_listening(run->global, &run->bundle.listen_fds) != 0)
		return EXIT_RUN_FAILED;
	if (notify_socket())
		run->options.flags |= TASKSHIM_NOTIFY;
	if (hand_over(run) != 0)
		return EXIT_RUN_FAILED;
	if (!run->bundle.bundle)
		run->bundle.bundle = ".";
	run->options.id = id;
	run->options.bundle = run->bundle.bundle;
	for (int i = 0; i < 3; i++)
		run->options.stdio[i] = i;
	if (run->bundle.console_socket && !run->bundle.detach)
		return usage_error(run->global, "--console-socket is for -d");
	if (run->bundle.detach)
		return run_bundle_detached(run);
	return run_foreground(run, make_from_bundle);
}

/* What is said of the command is no matter. */
static int dispatch_shell(struct run *run)
{
	static const char *const args[] = {"sh"};

	if (run->flags.detach)
		return usage_error(run->global, "-d is not for a shell");
	if (run->bundle.bundle)
		return run_bundle(run, NULL);
	run->flags.args = args;
	run->flags.n_args = 1;
	run->flags.args_file = run->flags.stdout_path = run->flags.stderr_path = NULL;
	run->flags.interactive = run->flags.tty = true;
	return run_flags(run);
}

static int dispatch(struct run *run, int argc, char **argv)
{
	bool with_flags = optind > 1 && strcmp(argv[optind - 1], "--") == 0;

	if (run->explain.on && run->flags.detach)
		return usage_error(run->global, "--explain and -d exclude each other");
	if (run->shell)
		return with_flags || optind == argc
			       ? dispatch_shell(run)
			       : usage_error(run->global, "a command needs -- before it");
	if (with_flags && run->bundle_only)
		return usage_error(run->global, "--%s is for bundles: no -- before the ID",
				   run->bundle_only);
	if (!with_flags && run->flag_only)
		return usage_error(run->global, "--%s needs -- before the command", run->flag_only);
	if (with_flags) {
		if (optind == argc && !run->flags.args_file)
			return usage_error(run->global, "no command after --");
		run->flags.args = (const char *const *)argv + optind;
		run->flags.n_args = (size_t)(argc - optind);
		return run_flags(run);
	}
	if (optind == argc)
		return usage_error(run->global, "no command (after --) and no bundle's ID");
	if (argc - optind > 1)
		return usage_error(run->global, "a command needs -- before it");
	return run_bundle(run, argv[optind]);
}

static int parse_and_run(struct run *run, int argc, char **argv)
{
	int option, status = 0;

	while ((option = option_next(run->global, argc, argv, "+:hidtb:", options, &status)) >= 0)
		if ((status = take_option(run, option)) != 0)
			return status;
	return option == OPTION_EXIT ? status : dispatch(run, argc, argv);
}

/* Whether it is runc's form, whose status is never a command's: 0 or 1. A wrong option ends the parsing before its form is known;
 * but the other one has a --. */
static bool is_detached_bundle(const struct run *run, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--") == 0)
			return false;
	return run->bundle.detach && !run->shell;
}

static int run_or_shell(const struct global *global, const struct shell_options *shell, int argc,
			char **argv)
{
	struct run run = {.global = global,
			  .options = TASKSHIM_OPTIONS_INIT,
			  .explain = {.fd = -1},
			  .shell = shell};
	struct words *lists[] = {&run.flags.env,     &run.flags.env_files, &run.flags.mounts,
				 &run.flags.devices, &run.flags.cap_add,   &run.flags.cap_drop,
				 &run.flags.rlimits};
	int status;

	run.flags.not_root = getauxval(AT_EUID) != 0;
	run.options.root = global->root;
	run.options.spawn_daemon = global->spawn_daemon;
	run.options.flags = cgroup_flags(global);
	run.options.monitor_stderr =
		STDERR_FILENO; /* until the start: then the monitor lets go of it */
	run.options.warn = report_warning;
	run.options.warn_arg = (void *)global;
	status = parse_and_run(&run, argc, argv);
	if (status == EXIT_RUN_FAILED && is_detached_bundle(&run, argc, argv))
		status = EXIT_FAILED;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		free(lists[i]->v);
	free(run.fds);
	return status;
}

static int run_main(const struct global *global, int argc, char **argv)
{
	return run_or_shell(global, NULL, argc, argv);
}

int run_shell(const struct global *global, const struct shell_options *shell, int argc, char **argv)
{
	struct global as_run = *global;

	as_run.verb = &verb_run; /* the options are run's, and so is their help */
	return run_or_shell(&as_run, shell, argc, argv);
}
