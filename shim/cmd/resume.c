/* taskshim resume: let a paused task go on. */
#include "shim/cmd/cmd.h"

static int resume_main(const struct global *global, int argc, char **argv);

const struct verb verb_resume = {
	.name = "resume",
	.run = resume_main,
	.failed = EXIT_FAILED,
	.synopsis = "resume ID",
	.summary = "let a paused task go on",
	.help = "Thaws the task's cgroup. A task that is not paused stays as it is.\n",
};

static int resume_main(const struct global *global, int argc, char **argv)
{
	return on_task(global, argc, argv, taskshim_task_resume);
}
