/* taskshim gc: finish what crashes left. */
#include "shim/cmd/cmd.h"
#include "shim/cmd/progress.h"

#include "protocol/config.h"

#include <stdio.h>

static int gc_main(const struct global *global, int argc, char **argv);

const struct verb verb_gc = {
	.name = "gc",
	.run = gc_main,
	.failed = EXIT_FAILED,
	.synopsis = "gc [--ended-before TIME]",
	.summary = "finish what crashes left",
	.help = "Removes starts that died and foreground tasks whose taskshim died, and ends what "
		"dead monitors left. Tasks\n"
		"that run, and the exit records of tasks that ended, stay. May be run at any time, "
		"also several at once.\n"
		"Prints a line for each task that it did something about.\n"
		"  --ended-before TIME   also remove tasks that ended that long ago or earlier "
		"(500ms, 5s, 2m), records\n"
		"                        included\n",
};

struct reporter {
	const struct global *global;
	bool told; /* of a task that could not be finished */
	struct progress progress;
};

static void show(size_t done, size_t all, void *arg)
{
	struct reporter *reporter = arg;

	progress_show(&reporter->progress, "gc: %zu of %zu tasks", done, all);
}

static void report(const char *id, const char *what, const struct taskshim_error *error, void *arg)
{
	struct reporter *reporter = arg;
	char line[512];

	progress_clear(&reporter->progress);
	(void)snprintf(line, sizeof line, "%s: %s", id, what ? what : "");
	if (error) {
		report_public(reporter->global, error);
		reporter->told = true;
	} else {
		(void)print_text(line, true);
	}
}

static int gc_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {{"ended-before", required_argument, NULL, 'e'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct taskshim_gc_options gc = TASKSHIM_GC_OPTIONS_INIT;
	struct reporter reporter = {.global = global};
	struct taskshim_error error;
	int option, status = 0;

	gc.root = global->root;
	gc.report = report;
	gc.report_arg = &reporter;
	gc.progress = show;
	while ((option = option_next(global, argc, argv, "+:h", options, &status)) >= 0) {
		uint64_t ms;

		if (duration_parse(optarg, &ms) < 0 || ms > INT64_MAX / 2)
			return usage_error(global, "--ended-before %s: expected a time such as 5s",
					   optarg);
		gc.ended_before_ms = (int64_t)ms;
	}
	if (option == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 0, 0) < 0)
		return EXIT_FAILED;
	progress_begin(&reporter.progress);
	status = taskshim_gc(&gc, &error);
	progress_clear(&reporter.progress);
	if (status == 0)
		return 0;
	if (!reporter.told) /* it failed as a whole, not at a task */
		report_public(global, &error);
	return EXIT_FAILED;
}
