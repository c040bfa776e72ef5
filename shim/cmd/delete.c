/* taskshim delete: remove what a task has. */
#include "shim/cmd/cmd.h"

#include <errno.h>

static int delete_main(const struct global *global, int argc, char **argv);

const struct verb verb_delete = {
	.name = "delete",
	.run = delete_main,
	.failed = EXIT_FAILED,
	.synopsis = "delete [-f] ID",
	.summary = "remove what a task has",
	.help = "Removes the cgroups (those that are proven to be the task's) and the state "
		"directory, exit record included.\n"
		"A task that was created but not started is killed; one that runs is refused.\n"
		"  -f, --force   kill the task first if it runs; a task that does not exist is no "
		"error\n",
};

static int delete_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {
		{"force", no_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct taskshim_error error;
	struct ts_error e = {0};
	taskshim_task *task;
	bool force = false;
	int option, status = 0;

	while ((option = option_next(global, argc, argv, "+:hf", options, &status)) >= 0)
		force = true;
	if (option == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 1, 1) < 0)
		return EXIT_FAILED;
	if (task_open(global->root, argv[optind], &task, &e) < 0) {
		if (force &&
		    (e.err == ENOENT || e.err == ESTALE)) /* of an earlier run: it is gone */
			return 0;
		report_error(global, &e);
		return EXIT_FAILED;
	}
	task->warner = (struct warner){report_warning, (void *)global};
	if (taskshim_task_delete(task, force, &error) < 0) {
		report_public(global, &error);
		status = EXIT_FAILED;
	}
	taskshim_task_free(task);
	return status;
}
