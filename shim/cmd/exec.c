/* taskshim exec: another command in a task that runs. */
#include "shim/cmd/cmd.h"
#include "shim/cmd/relay.h"
#include "shim/exec.h"

#include "protocol/config.h"
#include "util/fd.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

static int exec_main(const struct global *global, int argc, char **argv);

const struct verb verb_exec = {
	.name = "exec",
	.run = exec_main,
	.failed = EXIT_RUN_FAILED,
	.synopsis = "exec [-dt] [-e NAME=VALUE]... [--cwd DIR] [--user USER] ID COMMAND [ARG...]",
	.summary = "run another command in a running task",
	.help = "Runs COMMAND in the task's namespaces and cgroups, as its user, with its "
		"capabilities, "
		"seccomp filter, limits\n"
		"and environment, hands it standard input, output and error, and exits with its "
		"status. "
		"Signals are passed on.\n"
		"  -d, --detach            return when it runs; it becomes a child of the caller's "
		"subreaper\n"
		"  -t, --tty               a terminal of its own, in the task's /dev/pts; the "
		"caller's is raw meanwhile\n"
		"  --console-socket PATH   with -d and -t: where the terminal's master is sent\n"
		"  -e, --env NAME=VALUE    add a variable, or change one\n"
		"  --cwd DIR               working directory in the task\n"
		"  -u, --user USER         NAME, UID, NAME:GROUP or UID:GID of the task's root\n"
		"  -g, --additional-gids GID\n"
		"  -c, --cap CAP           add a capability\n"
		"  --no-new-privs          set no_new_privs, whatever the task has\n"
		"  -p, --process FILE      an OCI process object with all of that, instead of the "
		"task's; - is standard input\n"
		"  --cgroup [CONTROLLERS:]PATH  a cgroup that exists below the task's\n"
		"  --timeout TIME          kill the command after TIME, with all that it has "
		"started\n"
		"  --apparmor PROFILE  --process-label LABEL\n"
		"  --pid-file FILE         write the command's pid there\n"
		"  --ignore-paused         also in a task that is paused: it waits until that goes "
		"on\n"
		"  --preserve-fds N        the command gets descriptors 3 to N+2, too\n",
};

struct exec_flags {
	const char *cwd, *user, *process, *timeout, *pid_file, *apparmor, *label, *console_socket;
	struct words env, caps, gids, cgroups;
	bool detach, no_new_privs, ignore_paused, tty, shell;
	unsigned preserve_fds;
};

enum {
	OPT_CWD = 300,
	OPT_NO_NEW_PRIVS,
	OPT_CONSOLE_SOCKET,
	OPT_CGROUP,
	OPT_TIMEOUT,
	OPT_PID_FILE,
	OPT_IGNORE_PAUSED,
	OPT_PRESERVE_FDS,
	OPT_APPARMOR,
	OPT_LABEL,
};

static int take_option(const struct global *global, struct exec_flags *f, int option)
{
	switch (option) {
	case 'd':
		f->detach = true;
		return 0;
	case 't':
		f->tty = true;
		return 0;
	case OPT_CONSOLE_SOCKET:
		f->console_socket = optarg;
		return 0;
	case 'e':
		return words_add(&f->env, optarg);
	case 'u':
		f->user = optarg;
		return 0;
	case 'g':
		return words_add(&f->gids, optarg);
	case 'c':
		return words_add(&f->caps, optarg);
	case 'p':
		f->process = optarg;
		return 0;
	case OPT_CWD:
		f->cwd = optarg;
		return 0;
	case OPT_NO_NEW_PRIVS:
		f->no_new_privs = true;
		return 0;
	case OPT_CGROUP:
		return words_add(&f->cgroups, optarg);
	case OPT_TIMEOUT:
		f->timeout = optarg;
		return 0;
	case OPT_PID_FILE:
		f->pid_file = optarg;
		return 0;
	case OPT_IGNORE_PAUSED:
		f->ignore_paused = true;
		return 0;
	case OPT_APPARMOR:
		f->apparmor = optarg;
		return 0;
	case OPT_LABEL:
		f->label = optarg;
		return 0;
	default:
		return descriptors_parse(global, optarg, &f->preserve_fds);
	}
}

/* --- the config --- */

static int fail_usage(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_USAGE;
	return ts_fail(e, err, what, object);
}

static int add_gids(struct json_object *process, const struct exec_flags *f, struct ts_error *e)
{
	struct json_object *user = json_object_object_get(process, "user"), *gids;

	if (f->gids.n == 0)
		return 0;
	if (f->user || !user)
		return fail_usage(e, EINVAL,
				  "--additional-gids needs a user by number in the config: "
				  "with --user the groups are those of /etc/group",
				  NULL);
	if (!json_object_is_type(user, json_type_object))
		return 0; /* spawn-daemon says what is wrong with it */
	gids = json_object_object_get(user, "additionalGids");
	if (!gids && json_put(user, "additionalGids", gids = json_object_new_array()) < 0)
		return fail_usage(e, ENOMEM, "--additional-gids", NULL);
	if (!json_object_is_type(gids, json_type_array))
		return 0;
	for (size_t i = 0; i < f->gids.n; i++) {
		int64_t gid;

		if (flag_parse_number(f->gids.v[i], &gid) < 0 || gid < 0)
			return fail_usage(e, EINVAL, "--additional-gids: not a gid", f->gids.v[i]);
		if (json_object_array_add(gids, json_object_new_int64(gid)) < 0)
			return fail_usage(e, ENOMEM, "--additional-gids", NULL);
	}
	return 0;
}

static int put_text(struct json_object *process, const char *key, const char *text)
{
	return text ? json_put(process, key, json_object_new_string(text)) : 0;
}

static int edit_process(struct json_object *document, const struct exec_flags *f,
			struct ts_error *e)
{
	struct json_object *process = json_object_object_get(document, "process");

	for (size_t i = 0; i < f->env.n; i++)
		if (exec_set_env(document, f->env.v[i], e) < 0)
			return -1;
	for (size_t i = 0; i < f->caps.n; i++)
		if (exec_add_capability(document, f->caps.v[i], e) < 0)
			return -1;
	if ((f->cwd && exec_set_cwd(document, f->cwd, e) < 0) ||
	    (f->user && exec_set_user(document, f->user, e) < 0) || add_gids(process, f, e) < 0)
		return -1;
	if (put_text(process, "apparmorProfile", f->apparmor) < 0 ||
	    put_text(process, "selinuxLabel", f->label) < 0 ||
	    (f->no_new_privs &&
	     json_put(process, "noNewPrivileges", json_object_new_boolean(1)) < 0))
		return fail_usage(e, ENOMEM, "process", NULL);
	return 0;
}

static int edit_task(struct json_object *document, const struct exec_flags *f, struct ts_error *e)
{
	uint64_t ms;

	for (size_t i = 0; i < f->cgroups.n; i++) {
		const char *colon = strchr(f->cgroups.v[i], ':');

		if (exec_set_cgroup(document, colon ? f->cgroups.v[i] : NULL,
				    colon ? (size_t)(colon - f->cgroups.v[i]) : 0,
				    colon ? colon + 1 : f->cgroups.v[i], e) < 0)
			return -1;
	}
	if (!f->timeout)
		return 0;
	if (duration_parse(f->timeout, &ms) < 0 || ms == 0)
		return fail_usage(e, EINVAL, "--timeout: not a time (500ms, 5s, 2m)", f->timeout);
	return exec_set_timeout(document, (int64_t)ms, e);
}

static int put_terminal(struct json_object *document, const struct exec_flags *f,
			struct ts_error *e)
{
	struct json_object *process = json_object_object_get(document, "process");
	char path[PATH_MAX];

	if (f->tty && process_put_terminal(process) < 0)
		return fail_usage(e, ENOMEM, "--tty", NULL);
	if (!f->console_socket)
		return 0;
	if (path_make_absolute(f->console_socket, path) < 0)
		return fail_usage(e, errno, "--console-socket", f->console_socket);
	return json_put(json_object_object_get(document, "taskshim"), "consoleSocket",
			json_object_new_string(path)) < 0
		       ? fail_usage(e, ENOMEM, "--console-socket", NULL)
		       : 0;
}

static int set_process(struct json_object *document, const struct exec_flags *f, char **args,
		       size_t n, struct ts_error *e)
{
	struct json_object *process;
	int r;

	if (f->shell)
		return exec_set_shell(document, shell_paths, shell_paths_count(), e);
	if (!f->process)
		return exec_set_args(document, (const char *const *)args, n, e);
	if (config_read(f->process, &process, e) < 0)
		return -1;
	r = exec_set_process(document, process, e);
	json_object_put(process);
	return r;
}

/* --- its life --- */

/* Returns whether it asks for the end. */
static bool pass_on(taskshim_task *exec, struct relay *relay, int signal_fd)
{
	struct signalfd_siginfo info;
	int signo;

	if (read(signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
		return false;
	signo = (int)info.ssi_signo;
	if (!relay_take_signal(relay, signo))
		(void)taskshim_task_signal(exec, signo, NULL);
	return relay_is_end(signo);
}

/* Until spawn-daemon has ended. */
static void wait_for_end(taskshim_task *exec, struct relay *relay, int signal_fd)
{
	struct pollfd fds[2 + RELAY_FDS] = {{.fd = exec->daemon_pidfd, .events = POLLIN},
					    {.fd = signal_fd, .events = POLLIN}};
	bool asked = false;

	while (!(fds[0].revents & POLLIN)) {
		int timeout;

		if (relay_wants_terminal(relay))
			relay_take_terminal(relay);
		timeout = relay_prepare(relay, fds + 2);
		fds[0].revents = fds[1].revents = 0;
		(void)poll(fds, 2 + RELAY_FDS, timeout);
		relay_handle(relay, fds + 2);
		if (fds[1].revents)
			asked |= pass_on(exec, relay, signal_fd);
		if (relay->lost)
			relay_hang_up(relay);
	}
	relay_drain(relay, signal_fd, !asked);
	relay_done(relay);
}

/* Returns the command's status. */
static int follow(const struct global *global, taskshim_task *exec, struct relay *relay,
		  int signal_fd)
{
	struct ts_error e = {.step = TS_STEP_MONITOR};
	struct taskshim_exit end;
	struct taskshim_error error;

	wait_for_end(exec, relay, signal_fd);
	if (relay->lost_err) {
		e.step = TS_STEP_TERMINAL;
		(void)ts_fail(&e, relay->lost_err, "write to", "standard output");
		report_error(global, &e);
		return EXIT_RUN_FAILED;
	}
	if (taskshim_task_wait(exec, -1, &end, &error) < 0) {
		report_public(global, &error);
		return EXIT_RUN_FAILED;
	}
	if (end.known)
		return end.exit_code;
	if (exec->daemon_status >= 0)
		return exec->daemon_status;
	(void)ts_fail(&e, 0, "spawn-daemon was killed: how the command ended is not known", NULL);
	report_error(global, &e);
	return EXIT_RUN_FAILED;
}

/* A descriptor that those signals make readable, all of which are blocked, by which a start is given up; -1: none. */
static int end_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	for (int signo = 1; signo < 32; signo++)
		if (relay_is_end(signo))
			(void)sigaddset(&set, signo);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int take_signal(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof info) == (ssize_t)sizeof info &&
			       relay_is_end((int)info.ssi_signo)
		       ? (int)info.ssi_signo
		       : SIGTERM;
}

/* Starts it. Returns 0 and *@ret, or an exit status after a message. */
static int start(const struct global *global, taskshim_task *task, struct json_object *document,
		 const struct exec_flags *f, int console_fd, taskshim_task **ret)
{
	_cleanup_fd_ int cancel_fd = end_signals();
	struct exec_how how = {.console_fd = console_fd, .cancel_fd = cancel_fd};
	uint64_t timeout_ms = 0;
	struct taskshim_options options = TASKSHIM_OPTIONS_INIT;
	_cleanup_free_ int *fds = NULL;
	struct ts_error e = {0};
	int status = EXIT_RUN_FAILED;

	options.spawn_daemon = global->spawn_daemon;
	options.monitor_stderr = STDERR_FILENO;
	options.warn = report_warning;
	options.warn_arg = (void *)global;
	options.flags = f->detach ? TASKSHIM_UNMONITORED : TASKSHIM_KILL_ON_PARENT_DEATH;
	for (int i = 0; console_fd < 0 && i < 3; i++)
		options.stdio[i] = i;
	if (f->timeout && duration_parse(f->timeout, &timeout_ms) == 0)
		how.timeout_ms = (int64_t)timeout_ms;
	if (descriptors_hand_over(f->preserve_fds, &fds, &options, &e) == 0 &&
	    exec_start(task, &options, document, &how, ret, &status, &e) == 0)
		return 0;
	if (e.err == ECANCELED)
		return 128 + take_signal(cancel_fd);
	report_error(global, &e);
	return status;
}

static bool has_terminal(struct json_object *document)
{
	return json_object_get_boolean(
		json_object_object_get(json_object_object_get(document, "process"), "terminal"));
}

static int run(const struct global *global, taskshim_task *task, struct json_object *document,
	       const struct exec_flags *f)
{
	sigset_t signals = passed_signals();
	_cleanup_fd_ int signal_fd = -1;
	_cleanup_fd_ int console_fd = -1;
	struct relay relay = RELAY_NONE;
	struct ts_error e = {.step = TS_STEP_MONITOR};
	taskshim_task *exec = NULL;
	int status;

	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	if (signal_fd < 0) {
		(void)ts_fail(&e, errno, "signalfd", NULL);
		report_error(global, &e);
		return EXIT_RUN_FAILED;
	}
	if (!f->detach && has_terminal(document) &&
	    (relay_open(&relay, true, &console_fd, &e) < 0 ||
	     relay_fit(&relay, document, &e) < 0)) {
		relay_done(&relay);
		report_error(global, &e);
		return EXIT_RUN_FAILED;
	}
	status = start(global, task, document, f, console_fd, &exec);
	ts_fd_closep(&console_fd);
	if (!exec) {
		relay_done(&relay);
		return status;
	}
	if (f->pid_file && pid_file_write(f->pid_file, taskshim_task_pid(exec), &e) < 0) {
		report_error(global, &e);
		(void)taskshim_task_signal(exec, SIGKILL, NULL);
		status = EXIT_RUN_FAILED;
	} else if (!f->detach) {
		status = follow(global, exec, &relay, signal_fd);
	}
	relay_done(&relay);
	exec_end(exec);
	return status;
}

static int exec_in_task(const struct global *global, const struct exec_flags *f, int argc,
			char **argv)
{
	taskshim_task *task = task_of_argument(global, argv);
	struct json_object *document = NULL;
	struct ts_error e = {0};
	int status = EXIT_RUN_FAILED;

	if (!task)
		return status;
	if (exec_document(task, f->ignore_paused, &document, &e) < 0 ||
	    set_process(document, f, argv + optind + 1, (size_t)(argc - optind - 1), &e) < 0 ||
	    edit_process(document, f, &e) < 0 || edit_task(document, f, &e) < 0 ||
	    put_terminal(document, f, &e) < 0)
		report_error(global, &e);
	else
		status = run(global, task, document, f);
	json_object_put(document);
	taskshim_task_free(task);
	return status;
}

int exec_shell(const struct global *global, char **argv)
{
	const struct exec_flags f = {.tty = true, .shell = true};

	return exec_in_task(global, &f, optind + 1, argv);
}

static int parse_and_run(const struct global *global, struct exec_flags *f, int argc, char **argv)
{
	static const struct option options[] = {
		{"detach", no_argument, NULL, 'd'},
		{"tty", no_argument, NULL, 't'},
		{"console-socket", required_argument, NULL, OPT_CONSOLE_SOCKET},
		{"env", required_argument, NULL, 'e'},
		{"cwd", required_argument, NULL, OPT_CWD},
		{"user", required_argument, NULL, 'u'},
		{"additional-gids", required_argument, NULL, 'g'},
		{"cap", required_argument, NULL, 'c'},
		{"no-new-privs", no_argument, NULL, OPT_NO_NEW_PRIVS},
		{"process", required_argument, NULL, 'p'},
		{"cgroup", required_argument, NULL, OPT_CGROUP},
		{"timeout", required_argument, NULL, OPT_TIMEOUT},
		{"apparmor", required_argument, NULL, OPT_APPARMOR},
		{"process-label", required_argument, NULL, OPT_LABEL},
		{"pid-file", required_argument, NULL, OPT_PID_FILE},
		{"ignore-paused", no_argument, NULL, OPT_IGNORE_PAUSED},
		{"preserve-fds", required_argument, NULL, OPT_PRESERVE_FDS},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option, status = 0;

	while ((option = option_next(global, argc, argv, "+:hdte:u:g:c:p:", options, &status)) >= 0)
		if ((status = take_option(global, f, option)) != 0)
			return status < 0 ? usage_error(global, "out of memory") : status;
	if (option == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 1, argc) < 0)
		return verb_exec.failed;
	if (argc - optind == 1 && !f->process)
		return usage_error(global, "no command");
	if (argc - optind > 1 && f->process)
		return usage_error(global, "--process brings its own command");
	if (f->console_socket && !f->detach)
		return usage_error(global, "--console-socket is for -d");
	if (f->detach && f->timeout)
		return usage_error(global, "--timeout needs who waits: not with --detach");
	return exec_in_task(global, f, argc, argv);
}

static int exec_main(const struct global *global, int argc, char **argv)
{
	struct exec_flags f = {0};
	struct words *lists[] = {&f.env, &f.caps, &f.gids, &f.cgroups};
	int status = parse_and_run(global, &f, argc, argv);

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		free(lists[i]->v);
	return status;
}
