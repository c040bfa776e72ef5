/* spawn-daemon: runs one task. See spawn-daemon(8). */
#include "spawn/explain.h"
#include "spawn/protect.h"
#include "spawn/run.h"
#include "spawn/steps.h"
#include "util/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { START_HEAP_PAGES = 11, START_STACK_PAGES = 3 }; /* up to the fork */

static const char usage[] =
	"usage: spawn-daemon [--no-gate] [--await-cgroups] [--explain-fd=N]\n"
	"       spawn-daemon 'QUOTED-2015-DOCUMENT'\n"
	"Reads a task's config and the gate (true or false) as JSON from standard input, starts "
	"the task, reports its\n"
	"start and its exit as JSON lines on standard output and exits with its status.\n"
	"  --no-gate   start at once, without reading the gate\n"
	"  --await-cgroups  a newline behind the config says that its cgroups are there\n"
	"  --explain-fd=N  tell on descriptor N what each step did and how long it took\n"
	"  --help, --version\n";

static int say(const char *text, int fd, int status)
{
	(void)!write(fd, text, strlen(text));
	return status;
}

/* The usage and the steps of setting a task up, whose names stand in errors. */
static int help(void)
{
	const char *step, *what;

	(void)dprintf(STDOUT_FILENO, "%ssteps, in order:\n", usage);
	for (size_t i = 0; (step = steps_describe(i, &what)); i++)
		(void)dprintf(STDOUT_FILENO, "  %-12s  %s\n", step, what);
	return 0;
}

int main(int argc, char **argv)
{
	struct spawn_options options = {.handed_over = -1, .explain_fd = -1};

	heap_populate(START_HEAP_PAGES, START_STACK_PAGES);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--no-gate") == 0)
			options.no_gate = true;
		else if (strcmp(argv[i], AWAIT_CGROUPS_OPTION) == 0)
			options.await_cgroups = true;
		else if (i == 1 && strncmp(argv[i], PROTECT_OPTION, sizeof PROTECT_OPTION - 1) == 0)
			options.handed_over =
				(int)strtol(argv[i] + sizeof PROTECT_OPTION - 1, NULL, 10);
		else if (strncmp(argv[i], EXPLAIN_OPTION, sizeof EXPLAIN_OPTION - 1) == 0)
			options.explain_fd =
				(int)strtol(argv[i] + sizeof EXPLAIN_OPTION - 1, NULL, 10);
		else if (strcmp(argv[i], "--help") == 0)
			return help();
		else if (strcmp(argv[i], "--version") == 0)
			return say("spawn-daemon " TASKSHIM_VERSION "\n", STDOUT_FILENO, 0);
		else if (argv[i][0] == '-' || options.argument)
			return say(usage, STDERR_FILENO, 125);
		else
			options.argument = argv[i];
	}
	return spawn_run(&options);
}
