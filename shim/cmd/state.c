/* taskshim state: print a task's state as JSON. */
#include "shim/cmd/cmd.h"

#include <stdlib.h>

static int state_main(const struct global *global, int argc, char **argv);

const struct verb verb_state = {
	.name = "state",
	.run = state_main,
	.failed = EXIT_FAILED,
	.synopsis = "state ID",
	.summary = "print a task's state as JSON",
	.help = "Prints OCI's state (ociVersion, id, pid, status, bundle, annotations), created, "
		"rootfs, owner, and an object `taskshim`\n"
		"with monitorPid, idString, startTime, cgroup and, once the task has ended, its "
		"exit record. The status is\n"
		"creating, created, running or stopped; it is worked out from the kernel each "
		"time.\n",
};

static int state_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	struct taskshim_error error;
	taskshim_task *task;
	char *text;
	int status = 0;

	if (option_next(global, argc, argv, "+:h", options, &status) == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 1, 1) < 0)
		return verb_state.failed;
	task = task_of_argument(global, argv);
	if (!task)
		return verb_state.failed;
	if (taskshim_task_state(task, &text, &error) < 0) {
		report_public(global, &error);
		status = EXIT_FAILED;
	} else {
		status = print_text(text, true) < 0 ? EXIT_FAILED : 0;
		free(text);
	}
	taskshim_task_free(task);
	return status;
}
