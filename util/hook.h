/* Runs OCI hooks: each is a program that gets the task's state as JSON on standard input and is waited for.
 *
 * A process of its own starts the hook and watches it, the runner: it is the reaper of all that comes of the hook, so that it can
 * end all of it when the time is up, when the hook has failed, or when whoever wanted the hook is gone. A hook that went well
 * may leave processes behind: they go on.
 *
 * Safe in a process with threads, and after fork(): the runner makes system calls only, and sends no SIGCHLD. */
#ifndef UTIL_HOOK_H
#define UTIL_HOOK_H

#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct hook {
	const char *path; /* absolute */
	const char *const *args, *const *env; /* NULL-terminated */
	int64_t timeout_ms; /* on CLOCK_BOOTTIME; -1: none */
};

struct hook_place {
	const char *kind; /* "createRuntime": what errors call the hooks */
	const char *status; /* OCI's word for the task's status */
	pid_t pid; /* of the task as the hook sees it; 0: none */
	const char *state; /* the other members of the state: `"id":"x",...}` */
	int cwd_fd; /* the hook's working directory; -1: ours */
	int proc_fd; /* a procfs that shows our pids or those of an outer namespace; -1: /proc */
	int pidfd; /* when this process ends the hook is ended; -1: none */
	int cancel_fd; /* when its other end is closed the hook is ended; -1: nothing ends it but its timeout */
	bool (*is_cancelled)(
		void *arg); /* asked then; false: not so, and never mind. NULL: it is */
	void *arg;
	bool let_go; /* what a hook leaves behind shall not become ours, although we are a subreaper */
};

/* Runs @n hooks one after the other, each to its end. What they print goes to the error's message if they fail, else nowhere.
 * Without @warn the first that fails is the end of it; with it, @warn is told of each and the others are run. Returns 0, or -1
 * with @e filled, step included: "createRuntime[0]: PATH: exited with status 1: last words". e->err is ETIMEDOUT when the
 * time was up, and ECANCELED, which ends it in any case, when the hook was cancelled. */
int hooks_run(const struct hook *hooks, size_t n, const struct hook_place *place,
	      void (*warn)(const struct ts_error *e, void *arg), void *arg, struct ts_error *e);

#endif
