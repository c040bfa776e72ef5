/* taskshim.init: process 1 of the task's pid namespace is not the command, but a reaper that spawn-daemon has left there. It passes
 * signals on to the command, reaps what is orphaned in the namespace, and ends with the command's status, or, with waitFor
 * "all", when nothing else is left; then the kernel ends the rest. */
#ifndef SPAWN_REAPER_H
#define SPAWN_REAPER_H

#include "spawn/plan.h"

/* In the command's process: waits until the reaper is what it shall be. Returns 0, or -1 with @e filled. */
int reaper_await(const struct task *task, struct ts_error *e);

/* In the reaper: stays as such. */
void reaper_run(const struct task *task) __attribute__((noreturn));

#endif
