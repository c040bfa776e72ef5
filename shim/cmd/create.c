/* taskshim create: sets a bundle's task up, to be started by `start`. */
#include "shim/cmd/cmd.h"

#include "util/fd.h"

#include <json-c/json.h>
#include <unistd.h>

static int create_main(const struct global *global, int argc, char **argv);

const struct verb verb_create = {
	.name = "create",
	.run = create_main,
	.failed = EXIT_FAILED,
	.synopsis = "create [-b DIR] [--pid-file FILE] ID",
	.summary = "set a bundle's task up, without starting it",
	.help = "Sets the task of the bundle up to its last step; `taskshim start ID` runs the "
		"command. Prints nothing.\n"
		"No monitor stays: the task's init is a child of the caller's subreaper. The task "
		"has taskshim's standard\n"
		"input, output and error, or a terminal.\n"
		"  -b, --bundle DIR   where config.json is (.)\n"
		"  --pid-file FILE    init's pid is written there\n"
		"  --no-pivot         chroot instead of pivot_root\n"
		"  --no-new-keyring   the task keeps the caller's session keyring\n"
		"  --console-socket PATH  with process.terminal: where the terminal's master is "
		"sent\n"
		"  --preserve-fds N   the task gets descriptors 3 to N+2, too; LISTEN_FDS adds to "
		"them\n",
};

static int create(const struct global *global, const struct bundle_options *bundle, const char *id,
		  struct json_object *document)
{
	struct taskshim_options options = TASKSHIM_OPTIONS_INIT;
	_cleanup_free_ int *fds = NULL;
	struct taskshim_error error;
	struct ts_error e = {0};
	taskshim_task *task;
	size_t len;
	const char *text = json_object_to_json_string_length(
		document, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	int status = 0;

	options.root = global->root;
	options.id = id;
	options.bundle = bundle->bundle;
	options.spawn_daemon = global->spawn_daemon;
	options.flags = TASKSHIM_UNMONITORED | cgroup_flags(global) |
			(notify_socket() ? TASKSHIM_NOTIFY : 0);
	options.monitor_stderr = STDERR_FILENO;
	options.warn = report_warning;
	options.warn_arg = (void *)global;
	for (int i = 0; i < 3; i++)
		options.stdio[i] = i;
	if (descriptors_hand_over(bundle->listen_fds + bundle->preserve_fds, &fds, &options, &e) <
	    0) {
		report_error(global, &e);
		return EXIT_FAILED;
	}
	if (taskshim_task_create(&options, text, len, &task, &error) < 0) {
		report_public(global, &error);
		return EXIT_FAILED;
	}
	if (bundle->pid_file && pid_file_write(bundle->pid_file, taskshim_task_pid(task), &e) < 0) {
		report_error(global, &e);
		(void)taskshim_task_delete(task, true, NULL);
		status = EXIT_FAILED;
	}
	taskshim_task_free(task);
	return status;
}

static int create_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {
		{"bundle", required_argument, NULL, 'b'},
		{"pid-file", required_argument, NULL, 'p'},
		{"no-pivot", no_argument, NULL, 'P'},
		{"console-socket", required_argument, NULL, 'c'},
		{"preserve-fds", required_argument, NULL, 'f'},
		{"no-new-keyring", no_argument, NULL, 'k'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct bundle_options bundle = {.bundle = "."};
	struct json_object *document;
	struct ts_error e = {0};
	int option, status = 0;

	while ((option = option_next(global, argc, argv, "+:hb:", options, &status)) >= 0) {
		if (option == 'b')
			bundle.bundle = optarg;
		else if (option == 'p')
			bundle.pid_file = optarg;
		else if (option == 'P')
			bundle.no_pivot = true;
		else if (option == 'k')
			bundle.no_new_keyring = true;
		else if (option == 'c')
			bundle.console_socket = optarg;
		else if (descriptors_parse(global, optarg, &bundle.preserve_fds) != 0)
			return EXIT_FAILED;
	}
	if (option == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 1, 1) < 0 ||
	    descriptors_listening(global, &bundle.listen_fds) != 0)
		return EXIT_FAILED;
	if (bundle_read(bundle.bundle, &document, &e) < 0) {
		report_error(global, &e);
		return EXIT_FAILED;
	}
	if (bundle_edit(&bundle, document, &e) < 0) {
		report_error(global, &e);
		status = EXIT_FAILED;
	} else {
		status = create(global, &bundle, argv[optind], document);
	}
	json_object_put(document);
	return status;
}
