/* The taskshim command: finds the verb and runs it. */
#include "shim/cmd/cmd.h"

#include "util/heap.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>

enum { START_HEAP_PAGES = 10, START_STACK_PAGES = 11 }; /* of `taskshim run` */

/* A descriptor 0, 1 or 2 that the caller closed must not become one of ours. */
static void fill_standard_fds(void)
{
	struct pollfd fds[3] = {{.fd = 0}, {.fd = 1}, {.fd = 2}};

	if (poll(fds, 3, 0) <= 0)
		return;
	for (int i = 0; i < 3; i++)
		if (fds[i].revents & POLLNVAL)
			(void)open("/dev/null",
				   i == 0 ? O_RDONLY
					  : O_WRONLY); /* the lowest free number: this one */
}

int main(int argc, char **argv)
{
	struct global global = {.rootless = getauxval(AT_EUID) != 0};
	int status = 0, at;

	heap_populate(START_HEAP_PAGES, START_STACK_PAGES);
	fill_standard_fds();
	if (getauxval(AT_SECURE))
		return usage_error(&global, "taskshim must not be installed setuid or setgid");
	(void)umask(022); /* a state directory without its owner's rights would be refused */
	(void)signal(SIGCHLD,
		     SIG_DFL); /* ignored by a caller, it would take our child's status away */
	(void)signal(
		SIGPIPE,
		SIG_IGN); /* a reader of ours that went away must not keep us from cleaning up */
	at = global_parse(&global, argc, argv, &status);
	if (at < 0)
		return status;
	for (size_t i = 0; verbs[i]; i++) {
		if (strcmp(verbs[i]->name, argv[at]) != 0)
			continue;
		optind = 0; /* getopt(3) starts anew, on the verb's own arguments */
		global.verb = verbs[i];
		return verbs[i]->run(&global, argc - at, argv + at);
	}
	if (strcmp(argv[at], "help") == 0)
		return print_overview() < 0;
	return usage_error(&global, "%s: no such verb", argv[at]);
}
