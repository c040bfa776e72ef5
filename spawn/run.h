/* From the config on standard input to the exit status. */
#ifndef SPAWN_RUN_H
#define SPAWN_RUN_H

#include <stdbool.h>

#define AWAIT_CGROUPS_OPTION "--await-cgroups"

struct spawn_options {
	bool no_gate; /* start at once, without reading the gate */
	bool await_cgroups; /* white space behind the config says that its cgroups are there */
	int explain_fd; /* where the steps are told, see explain.h; or -1 */
	int handed_over; /* descriptor with what was read of standard input already, see protect.h; or -1 */
	const char *
		argument; /* the 2015 form's Go-quoted document, or NULL: the config is on standard input */
};

/* Runs one task as design.md section 3 says. Returns spawn-daemon's exit status. */
int spawn_run(const struct spawn_options *options);

#endif
