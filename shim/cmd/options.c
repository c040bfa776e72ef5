/* Options: global ones, a verb's, their errors and their help. */
#include "shim/cmd/cmd.h"
#include "shim/cmd/text.h"

#include "protocol/values.h"
#include "util/fd.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	OPT_HELP = 1000,
	OPT_VERSION,
	OPT_ROOT,
	OPT_LOG,
	OPT_LOG_FORMAT,
	OPT_DEBUG,
	OPT_SYSTEMD,
	OPT_MANAGER,
	OPT_ROOTLESS,
	OPT_SPAWN_DAEMON
};

const struct verb *const verbs[] = {
	&verb_run,    &verb_create,   &verb_start,   &verb_state,    &verb_kill,  &verb_delete,
	&verb_list,   &verb_wait,     &verb_stop,    &verb_id,	     &verb_open,  &verb_gc,
	&verb_spec,   &verb_validate, &verb_explain, &verb_features, &verb_stats, &verb_ps,
	&verb_events, &verb_exec,     &verb_logs,    &verb_update,   &verb_pause, &verb_resume,
	&verb_doctor, &verb_shell,    NULL,
};

static const char overview_head[] =
	"usage: taskshim [global options] VERB [options] [arguments]\n"
	"Runs commands as tasks: each in its own root, namespaces and cgroups, as its own user.\n\n"
	"  taskshim run -- /bin/sh -c 'id; ls /'     run a command, with safe defaults\n"
	"  taskshim run -d --memory 64m -- CMD       in the background; prints the ID string\n"
	"  taskshim run -b BUNDLE ID                 run an OCI bundle\n\n"
	"verbs:\n";

static const char overview_tail[] =
	"\nglobal options:\n"
	"  --root DIR              state directories (/run/taskshim; $XDG_RUNTIME_DIR/taskshim "
	"when not root)\n"
	"  --log FILE              write errors and warnings there as well\n"
	"  --log-format text|json  form of --log (text)\n"
	"  --debug                 accepted for runc's callers\n"
	"  --cgroup-manager M      cgroupfs (default) or disabled: make no cgroups\n"
	"  --rootless auto|true|false  whether a task does without the cgroups that are not ours "
	"to make "
	"(auto: if not root)\n"
	"  --spawn-daemon FILE     the helper program (beside taskshim; $TASKSHIM_SPAWN_DAEMON)\n"
	"  --help, --version\n\n"
	"Where an ID is wanted, a task id or an ID string will do. `taskshim VERB --help` tells "
	"more.\n";

int print_overview(void)
{
	struct text text = {0};
	int r;

	text_addf(&text, "%s", overview_head);
	for (size_t i = 0; verbs[i]; i++)
		text_addf(&text, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
	text_addf(&text, "%s", overview_tail);
	r = text_print(&text);
	text_done(&text);
	return r;
}

unsigned cgroup_flags(const struct global *global)
{
	return (global->no_cgroups ? TASKSHIM_NO_CGROUPS : 0) |
	       (global->rootless ? TASKSHIM_ROOTLESS : 0);
}

/* What is wrong with the options before the verb: the first of it. */
struct refusal {
	char text[512]; /* empty: nothing */
};

static void refusef(struct refusal *refusal, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void refusef(struct refusal *refusal, const char *format, ...)
{
	va_list ap;

	if (refusal->text[0])
		return;
	va_start(ap, format);
	(void)vsnprintf(refusal->text, sizeof refusal->text, format, ap);
	va_end(ap);
}

/* Whether @value is @yes; refused if it is neither that nor @no. @option: its name and, for the message, what is expected. */
static bool is_word(struct refusal *refusal, const char *option, const char *value, const char *yes,
		    const char *no, const char *expected)
{
	bool is_yes = strcmp(value, yes) == 0;

	if (!is_yes && strcmp(value, no) != 0)
		refusef(refusal, "--%s %s: expected %s", option, value, expected);
	return is_yes;
}

static void take_manager(struct global *global, const char *value, struct refusal *refusal)
{
	if (strcmp(value, "systemd") == 0)
		refusef(refusal, "--cgroup-manager systemd: not supported yet: taskshim makes "
				 "cgroups itself (cgroupfs)");
	else
		global->no_cgroups = is_word(refusal, "cgroup-manager", value, "disabled",
					     "cgroupfs", "cgroupfs or disabled");
}

static void global_value(struct global *global, int option, const char *value,
			 struct refusal *refusal)
{
	switch (option) {
	case OPT_ROOT:
		global->root = value;
		break;
	case OPT_LOG:
		global->log = value;
		break;
	case OPT_LOG_FORMAT:
		global->log_json =
			is_word(refusal, "log-format", value, "json", "text", "text or json");
		break;
	case OPT_DEBUG:
		global->debug = true;
		break;
	case OPT_SYSTEMD:
		refusef(refusal,
			"--systemd-cgroup: not supported yet: taskshim makes cgroups itself");
		break;
	case OPT_MANAGER:
		take_manager(global, value, refusal);
		break;
	case OPT_ROOTLESS:
		if (strcmp(value, "auto") != 0)
			global->rootless = is_word(refusal, "rootless", value, "true", "false",
						   "auto, true or false");
		break;
	case OPT_SPAWN_DAEMON:
		global->spawn_daemon = value;
		break;
	}
}

/* The option that getopt_long(3) has just refused, as it was written. @ret: room for a letter. */
static const char *refused_option(int argc, char **argv, const char *short_options,
				  char ret[static 3])
{
	const char *text = optind > 0 && optind <= argc ? argv[optind - 1] : "";
	bool is_letter = optopt > 0 && optopt < 256;

	if (!is_letter || (!strchr(short_options, optopt) && strncmp(text, "--", 2) == 0))
		return text;
	ret[0] = '-';
	ret[1] = (char)optopt;
	ret[2] = '\0';
	return ret;
}

static const char *refused_because(int result)
{
	return result == ':' ? "needs a value" : "unknown option";
}

/* --help and --version, before the verb. Returns the exit status. */
static int answer(int option)
{
	if (option == OPT_HELP || option == 'h')
		return print_overview() < 0;
	return print_text("taskshim version " TASKSHIM_VERSION "\nspec: " OCI_VERSION_MAX, true) <
	       0;
}

static bool is_question(int option)
{
	return option == OPT_HELP || option == 'h' || option == OPT_VERSION || option == 'v';
}

int global_parse(struct global *global, int argc, char **argv, int *ret_status)
{
	static const struct option options[] = {
		{"root", required_argument, NULL, OPT_ROOT},
		{"log", required_argument, NULL, OPT_LOG},
		{"log-format", required_argument, NULL, OPT_LOG_FORMAT},
		{"debug", no_argument, NULL, OPT_DEBUG},
		{"systemd-cgroup", no_argument, NULL, OPT_SYSTEMD},
		{"cgroup-manager", required_argument, NULL, OPT_MANAGER},
		{"rootless", required_argument, NULL, OPT_ROOTLESS},
		{"spawn-daemon", required_argument, NULL, OPT_SPAWN_DAEMON},
		{"help", no_argument, NULL, OPT_HELP},
		{"version", no_argument, NULL, OPT_VERSION},
		{0},
	};
	struct refusal refusal = {0};
	char letter[3];
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "+:hv", options, NULL)) != -1) {
		if (option == '?' || option == ':') {
			refusef(&refusal, "%s: %s", refused_option(argc, argv, "hv", letter),
				refused_because(option));
		} else if (!is_question(option)) {
			global_value(global, option, optarg, &refusal);
		} else if (!refusal.text[0]) {
			*ret_status = answer(option);
			return -1;
		}
	}
	if (optind == argc)
		refusef(&refusal, "no verb given");
	if (!refusal.text[0])
		return optind;
	*ret_status = usage_error(global, "%s", refusal.text);
	return -1;
}

static int print_help(const struct verb *verb)
{
	struct text text = {0};
	int r;

	text_addf(&text, "usage: taskshim [global options] %s\n%s", verb->synopsis, verb->help);
	r = text_print(&text);
	text_done(&text);
	return r;
}

int option_next(const struct global *global, int argc, char **argv, const char *short_options,
		const struct option *options, int *ret_status)
{
	int option = getopt_long(argc, argv, short_options, options, NULL);
	char letter[3];

	if (option == 'h') {
		*ret_status = print_help(global->verb) < 0;
		return OPTION_EXIT;
	}
	if (option == '?' || option == ':') {
		*ret_status = usage_error(global, "%s: %s",
					  refused_option(argc, argv, short_options, letter),
					  refused_because(option));
		return OPTION_EXIT;
	}
	return option == -1 ? OPTION_END : option;
}

int arguments_check(const struct global *global, int argc, int min, int max)
{
	int n = argc - optind;

	if (n >= min && n <= max)
		return 0;
	(void)usage_error(global, n < min ? "an argument is missing" : "too many arguments");
	return -1;
}

int on_task(const struct global *global, int argc, char **argv,
	    int (*act)(taskshim_task *task, struct taskshim_error *error))
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	struct taskshim_error error;
	taskshim_task *task;
	int status = 0;

	if (option_next(global, argc, argv, "+:h", options, &status) == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 1, 1) < 0)
		return global->verb->failed;
	task = task_of_argument(global, argv);
	if (!task)
		return global->verb->failed;
	if (act(task, &error) < 0) {
		report_public(global, &error);
		status = global->verb->failed;
	}
	taskshim_task_free(task);
	return status;
}

taskshim_task *task_of_argument(const struct global *global, char **argv)
{
	struct ts_error e = {0};
	taskshim_task *task;

	if (task_open(global->root, argv[optind], &task, &e) == 0) {
		task->warner = (struct warner){report_warning, (void *)global};
		return task;
	}
	report_error(global, &e);
	return NULL;
}

int words_add(struct words *words, const char *word)
{
	const char **v = reallocarray(words->v, words->n + 1, sizeof *v);

	if (!v)
		return -1;
	words->v = v;
	words->v[words->n++] = word;
	return 0;
}

sigset_t passed_signals(void)
{
	static const int passed[] = {SIGHUP,  SIGINT,	SIGQUIT, SIGTERM, SIGUSR1,
				     SIGUSR2, SIGWINCH, SIGCONT, SIGALRM};
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++)
		(void)sigaddset(&set, passed[i]);
	return set;
}
