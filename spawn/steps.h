/* The steps of setting up a task, in init, one file each. Every one returns 0, or -1 with @e filled but for its step, which
 * the runner stamps. They run after the fork in a single-threaded process. */
#ifndef SPAWN_STEPS_H
#define SPAWN_STEPS_H

#include "spawn/plan.h"

/* Runs all rows of the table in order. Returns 0, or -1 with @e filled, step included. */
int steps_run(struct task *task, struct ts_error *e);

/* The table's rows as documentation: step @i's name and what it does, or NULL past the last. */
const char *steps_describe(size_t i, const char **ret_what);

int step_cgroup(struct task *task, struct ts_error *e);
int step_session(struct task *task, struct ts_error *e);
int step_oom(struct task *task, struct ts_error *e);
int step_namespaces(struct task *task, struct ts_error *e);
int step_hostname(struct task *task, struct ts_error *e);
int step_propagation(struct task *task, struct ts_error *e);
int step_root(struct task *task, struct ts_error *e);
int step_taskdir(struct task *task, struct ts_error *e);
int step_mounts(struct task *task, struct ts_error *e);
int step_terminal(struct task *task, struct ts_error *e);
int step_devices(struct task *task, struct ts_error *e);
int step_mask(struct task *task, struct ts_error *e);
int step_netdevices(struct task *task, struct ts_error *e);
int step_hooks(struct task *task, struct ts_error *e);
int step_sysctl(struct task *task, struct ts_error *e);
int step_label(struct task *task, struct ts_error *e);
int step_pivot(struct task *task, struct ts_error *e);
int step_stdio(struct task *task, struct ts_error *e);
int step_init(struct task *task, struct ts_error *e);
int step_control(struct task *task, struct ts_error *e);
int step_scheduling(struct task *task, struct ts_error *e);
int step_mempolicy(struct task *task, struct ts_error *e);
int step_personality(struct task *task, struct ts_error *e);
int step_rlimits(struct task *task, struct ts_error *e);
int step_bounding(struct task *task, struct ts_error *e);
int step_lookup(struct task *task, struct ts_error *e);
int step_joined_terminal(struct task *task, struct ts_error *e);
int step_give(struct task *task, struct ts_error *e);
int step_console(struct task *task, struct ts_error *e);
int step_close(struct task *task, struct ts_error *e);
int step_user(struct task *task, struct ts_error *e);
int step_capabilities(struct task *task, struct ts_error *e);
int step_privileges(struct task *task, struct ts_error *e);
int step_verify(struct task *task, struct ts_error *e);
int step_cwd(struct task *task, struct ts_error *e);
int step_command(struct task *task, struct ts_error *e);
int step_deathsig(struct task *task, struct ts_error *e);
int step_seccomp(struct task *task, struct ts_error *e);

#endif
