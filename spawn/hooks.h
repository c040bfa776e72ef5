/* Who runs which hook, and when: spawn-daemon those of the runtime's namespaces, before `created` (prestart, createRuntime) and
 * before `started` (poststart of a monitored task); init those of the container's, before it enters the root (createContainer)
 * and before its exec (startContainer). poststop hooks are for whoever removes the task: hooks.json in the state directory says
 * which. Without a state directory that is the monitor, at its end. */
#ifndef SPAWN_HOOKS_H
#define SPAWN_HOOKS_H

#include "spawn/plan.h"

/* Makes all that is to be made before the fork. Returns 0, or -1 with @e filled, step included. */
int hooks_plan(struct plan *plan, struct ts_error *e);

/* Whether init has to wait, before it enters the root, for prestart and createRuntime hooks. */
bool hooks_are_awaited(const struct plan *plan);

/* spawn-daemon: runs these. @cancelled is asked when the end of standard input comes; the end of init (@pid, @pidfd) is the end of
 * it as well. Returns 0, or -1 with @e filled. */
int hooks_run_create(const struct plan *plan, pid_t pid, int pidfd, bool (*cancelled)(void *arg),
		     void *arg, struct ts_error *e);

/* spawn-daemon: runs poststart hooks. One that fails is a warning. With onParentDeath "kill" the parent's death ends it. */
void hooks_run_poststart(const struct plan *plan, pid_t pid);

/* init: runs startContainer hooks. Returns 0, or -1 with @e filled. */
int hooks_run_start_container(const struct task *task, struct ts_error *e);

/* Writes hooks.json, where the task has a state directory and hooks for it. Returns 0, or -1 with @e filled. */
int hooks_write(const struct plan *plan, struct ts_error *e);

/* The same in memory, for a task without a state directory that has poststop hooks: an fd in *@ret, else -1. Returns 0, or -1 with
 * @e filled. */
int hooks_keep(const struct plan *plan, int *ret, struct ts_error *e);

/* Runs the poststop hooks that are owed, by hooks.json in the state directory, which is removed then, or by what hooks_keep() has
 * kept. A hook that fails is a warning on standard error. */
void hooks_run_owed(int state_dir_fd);
void hooks_run_kept(int fd);

#endif
