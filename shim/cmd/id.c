/* taskshim id: print a task's ID string. */
#include "shim/cmd/cmd.h"

static int id_main(const struct global *global, int argc, char **argv);

const struct verb verb_id = {
	.name = "id",
	.run = id_main,
	.failed = EXIT_FAILED,
	.synopsis = "id ID",
	.summary = "print a task's ID string",
	.help = "Prints the ID string: all that is needed to find, wait for, signal or remove the "
		"task again.\n",
};

static int id_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
	struct ts_error e = {.step = TS_STEP_STATE};
	taskshim_task *task;
	int status = 0;

	if (option_next(global, argc, argv, "+:h", options, &status) == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 1, 1) < 0)
		return EXIT_FAILED;
	task = task_of_argument(global, argv);
	if (!task)
		return EXIT_FAILED;
	if (!task->has_id) {
		(void)ts_fail(&e, 0, "the task is being created, or its start has died",
			      taskshim_task_id(task));
		report_error(global, &e);
		status = EXIT_FAILED;
	} else if (print_text(taskshim_task_id_string(task), true) < 0) {
		status = EXIT_FAILED;
	}
	taskshim_task_free(task);
	return status;
}
