/* Starting spawn-daemon. vfork semantics: the caller's memory is not copied, however large the driver is. */
#ifndef SHIM_LAUNCH_H
#define SHIM_LAUNCH_H

#include "util/error.h"

#include <sys/types.h>

struct launch {
	const char *path; /* of the program */
	int *fds; /* what become its descriptors 0, 1, 2, ...; nothing else is passed on */
	unsigned n_fds;
	int *scratch; /* room for as many */
	int explain_fd; /* the number, among those, where it tells of its steps; 0: nowhere */
	int cwd_fd; /* -1: stay */
	int cgroup_fd; /* cgroup2 directory to be born in; -1: none */
	int tasks_fd; /* `tasks` file of a v1 hierarchy to join before the exec; -1: none */
};

/* Starts it with an empty environment and all signals blocked (spawn-daemon sets its own mask). Returns 0, *@ret_pid and
 * *@ret_pidfd (the caller's) once the exec has happened, or -1 with @e filled. */
int launch_start(const struct launch *launch, pid_t *ret_pid, int *ret_pidfd, struct ts_error *e);

/* The program's path: @given, else $TASKSHIM_SPAWN_DAEMON, else `spawn-daemon` in the directory of the running
 * executable. Returns 0, or -1 with @e filled. */
int launch_find(const char *given, char *buf, size_t size, struct ts_error *e);

#endif
