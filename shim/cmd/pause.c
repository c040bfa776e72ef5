/* taskshim pause: stop all processes of a task where they are. */
#include "shim/cmd/cmd.h"

static int pause_main(const struct global *global, int argc, char **argv);

const struct verb verb_pause = {
	.name = "pause",
	.run = pause_main,
	.failed = EXIT_FAILED,
	.synopsis = "pause ID",
	.summary = "stop all processes of a task where they are",
	.help = "Freezes the task's cgroup and waits until all processes in it stand still, at "
		"most "
		"10 s; if they do not, they\n"
		"are let go again. `state` then says paused. `resume` lets them go on; so do stop, "
		"kill -KILL and delete.\n",
};

static int pause_main(const struct global *global, int argc, char **argv)
{
	return on_task(global, argc, argv, taskshim_task_pause);
}
