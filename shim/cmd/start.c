/* taskshim start: run the command of a created task. */
#include "shim/cmd/cmd.h"

static int start_main(const struct global *global, int argc, char **argv);

const struct verb verb_start = {
	.name = "start",
	.run = start_main,
	.failed = EXIT_FAILED,
	.synopsis = "start ID",
	.summary = "run the command of a created task",
	.help = "Opens the gate of a task that `create` has set up and returns when the command "
		"runs, or says why its exec\n"
		"failed. Prints nothing.\n"
		"With NOTIFY_SOCKET, as at `create`: returns when the task has said READY=1, or "
		"has "
		"ended.\n",
};

static int start_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	taskshim_task *task;
	int status = 0;

	if (option_next(global, argc, argv, "+:h", options, &status) == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 1, 1) < 0)
		return verb_start.failed;
	task = task_of_argument(global, argv);
	if (!task)
		return verb_start.failed;
	if (notify_start(global, task) < 0)
		status = EXIT_FAILED;
	taskshim_task_free(task);
	return status;
}
