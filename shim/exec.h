/* Another command in a task that runs: in its namespaces and cgroups, as its user, with its rights and limits.
 *
 * exec_document() makes of the recorded config one that does that, the caller edits the process in it, exec_start() starts it:
 * spawn-daemon joins what the document names by path. The result is a handle as that of a task, but without a state directory:
 * the command has no name by which it is found again. exec_end() after its end. */
#ifndef SHIM_EXEC_H
#define SHIM_EXEC_H

#include "shim/task.h"

/* A config for a command in @task: `process` is what was recorded, without its args and terminal. Returns 0 and *@ret
 * (json_object_put() it), or -1 with @e filled (ESRCH: the task is not running; EBUSY: it is paused, and not @while_paused). */
int exec_document(taskshim_task *task, bool while_paused, struct json_object **ret,
		  struct ts_error *e);

/* Edits of it. Each returns 0, or -1 with @e filled. */
int exec_set_args(struct json_object *document, const char *const *args, size_t n,
		  struct ts_error *e);
int exec_set_env(struct json_object *document, const char *variable,
		 struct ts_error *e); /* "K=V"; one of that name is replaced */
int exec_set_cwd(struct json_object *document, const char *cwd, struct ts_error *e);
int exec_set_user(struct json_object *document, const char *user,
		  struct ts_error *e); /* NAME, UID, NAME:GROUP, UID:GID */
int exec_set_timeout(struct json_object *document, int64_t ms, struct ts_error *e);

/* Takes @process (borrowed), an object as `process` of a config, instead of the recorded one, user included. */
int exec_set_process(struct json_object *document, struct json_object *process, struct ts_error *e);

/* Adds @name ("CAP_KILL", "kill") to all five sets: so it is there for who is not root, too. */
int exec_add_capability(struct json_object *document, const char *name, struct ts_error *e);

/* Puts the command into @path, below the task's cgroup of @controllers ("a,b") or, NULL, of all. It must exist. */
int exec_set_cgroup(struct json_object *document, const char *controllers, size_t len,
		    const char *path, struct ts_error *e);

/* Makes the command the first of these paths that the root has: taskshim.shell. */
int exec_set_shell(struct json_object *document, const char *const *paths, size_t n,
		   struct ts_error *e);

/* What a start does not find in the document. */
struct exec_how {
	int console_fd; /* where the master of its terminal is sent (borrowed); -1: none */
	int cancel_fd; /* the start is given up when this is readable (borrowed); -1: never */
	int64_t timeout_ms; /* what the start may take; 0: as long as it likes */
};

/* Starts it and returns when it runs (ECANCELED: it was given up; ETIMEDOUT). @options: stdio, monitor_stderr, spawn_daemon, warn; of the flags,
 * TASKSHIM_KILL_ON_PARENT_DEATH or TASKSHIM_UNMONITORED. Returns 0 and *@ret, or -1 with @e filled and in *@ret_status what a
 * shell would say (127: not found, 126: not executable, 125): nothing is left. */
int exec_start(taskshim_task *task, const struct taskshim_options *options,
	       struct json_object *document, const struct exec_how *how, taskshim_task **ret,
	       int *ret_status, struct ts_error *e);

/* Ends @exec, if it has not ended, and frees it. What the command has left behind goes on in the task, unless it was killed. */
void exec_end(taskshim_task *exec);

#endif
