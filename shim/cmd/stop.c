/* taskshim stop: end a task, with grace. */
#include "shim/cmd/cmd.h"

#include "protocol/config.h"

#include <string.h>

static int stop_main(const struct global *global, int argc, char **argv);

const struct verb verb_stop = {
	.name = "stop",
	.run = stop_main,
	.failed = EXIT_RUN_FAILED,
	.synopsis = "stop [--signal S] [--time T] [--scope main|pgrp|cgroup] ID",
	.summary = "end a task, with grace",
	.help = "Sends a signal, gives the task time, then kills everything in its cgroup and "
		"waits at most 10 s more; what\n"
		"cannot die is named. Returns 0 when all is gone. The state directory stays, with "
		"the exit record.\n"
		"  --signal S      the first signal (the config's killSignal, SIGTERM)\n"
		"  --time T        how long it is given: 500ms, 5s, 2m (the config's killTimeout, "
		"5s)\n"
		"  --scope WHAT    whom it goes to: main, the command; pgrp, its process group; "
		"cgroup, all (main)\n",
};

static int parse_scope(const char *text, enum taskshim_stop_scope *ret)
{
	static const char *const names[] = {[TASKSHIM_STOP_MAIN] = "main",
					    [TASKSHIM_STOP_PGRP] = "pgrp",
					    [TASKSHIM_STOP_CGROUP] = "cgroup"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i], text) == 0) {
			*ret = (enum taskshim_stop_scope)i;
			return 0;
		}
	return -1;
}

static int stop_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {{"signal", required_argument, NULL, 's'},
						{"time", required_argument, NULL, 't'},
						{"scope", required_argument, NULL, 'c'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	enum taskshim_stop_scope scope = TASKSHIM_STOP_MAIN;
	struct taskshim_error error;
	taskshim_task *task;
	int64_t grace_ms = -1;
	int option, signo = 0, status = 0;

	while ((option = option_next(global, argc, argv, "+:hs:t:", options, &status)) >= 0) {
		uint64_t ms;

		if (option == 's' && (signo = signal_parse(optarg)) <= 0)
			return usage_error(global, "--signal %s: no such signal", optarg);
		if (option == 'c' && parse_scope(optarg, &scope) < 0)
			return usage_error(global, "--scope %s: expected main, pgrp or cgroup",
					   optarg);
		if (option != 't')
			continue;
		if (duration_parse(optarg, &ms) < 0 || ms > INT64_MAX / 2)
			return usage_error(global, "--time %s: expected a time such as 5s", optarg);
		grace_ms = (int64_t)ms;
	}
	if (option == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 1, 1) < 0)
		return EXIT_RUN_FAILED;
	task = task_of_argument(global, argv);
	if (!task)
		return EXIT_RUN_FAILED;
	if (taskshim_task_stop(task, signo, grace_ms, scope, &error) < 0) {
		report_public(global, &error);
		status = EXIT_RUN_FAILED;
	}
	taskshim_task_free(task);
	return status;
}
