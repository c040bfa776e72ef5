/* taskshim kill: send a signal to a task. */
#include "shim/cmd/cmd.h"

#include "protocol/config.h"

#include <signal.h>

static int kill_main(const struct global *global, int argc, char **argv);

const struct verb verb_kill = {
	.name = "kill",
	.run = kill_main,
	.failed = EXIT_FAILED,
	.synopsis = "kill [-a] ID [SIGNAL]",
	.summary = "send a signal to a task",
	.help = "Sends SIGNAL (SIGTERM; a name with or without SIG, or a number) to the command.\n"
		"A task that is paused gets it when it is resumed; SIGKILL resumes it.\n"
		"  -a, --all   to every process in the task's cgroup, also when the command itself "
		"has ended\n",
};

static int send_signal(const struct global *global, taskshim_task *task, int signo, bool all)
{
	struct taskshim_error error;
	struct ts_error e = {0};
	int reached = 0;

	if (all && task->cgroups.n > 0) {
		reached = cgroup_signal(&task->cgroups, signo, &e);
		if (reached >= 0 && signo == SIGKILL)
			reached = task_thaw(task, &e);
		if (reached < 0)
			report_error(global, &e);
		return reached < 0 ? EXIT_FAILED : 0;
	}
	if (taskshim_task_signal(task, signo, &error) == 0)
		return 0;
	report_public(global, &error);
	return EXIT_FAILED;
}

static int kill_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {
		{"all", no_argument, NULL, 'a'}, {"help", no_argument, NULL, 'h'}, {0}};
	taskshim_task *task;
	bool all = false;
	int option, signo, status = 0;

	while ((option = option_next(global, argc, argv, "+:ha", options, &status)) >= 0)
		all = true;
	if (option == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 1, 2) < 0)
		return EXIT_FAILED;
	signo = argc - optind == 2 ? signal_parse(argv[optind + 1]) : SIGTERM;
	if (signo < 0)
		return usage_error(global, "%s: no such signal", argv[optind + 1]);
	task = task_of_argument(global, argv);
	if (!task)
		return EXIT_FAILED;
	status = send_signal(global, task, signo, all);
	taskshim_task_free(task);
	return status;
}
