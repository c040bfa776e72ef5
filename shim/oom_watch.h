/* Hears of the OOM kills in a task's memory cgroup. The cgroup's counter is what counts; what it is woken by, a changed
 * memory.events of v2 or an eventfd of v1, only says when to look: v1 tells before the kill, and when the cgroup is removed.
 *
 * Lifecycle: oom_watch_open() -> poll .fd for .events, or for at most oom_watch_timeout_ms() -> oom_watch_take() ->
 * oom_watch_close(). */
#ifndef SHIM_OOM_WATCH_H
#define SHIM_OOM_WATCH_H

#include "shim/stats.h"

#include <stdbool.h>
#include <stdint.h>

struct oom_watch {
	int fd; /* -1: nothing tells of OOM kills */
	bool is_eventfd; /* ours to close; else it belongs to the struct stats */
	short events; /* to poll for */
	uint64_t told; /* the counter, as far as it was taken */
	int64_t look_until_ms; /* after a wake-up by v1: the kill is about to be counted */
};

/* @stats must be open, and outlive the watch. What was counted before is not told. Returns 0, also where nothing tells of OOM
 * kills, or -1 with @e filled. */
int oom_watch_open(struct oom_watch *watch, struct stats *stats, const taskshim_task *task,
		   struct ts_error *e);

/* After how many milliseconds oom_watch_take() is to be called although .fd is silent; -1: need not be. */
int oom_watch_timeout_ms(const struct oom_watch *watch);

/* Looks. @woken: .fd was readable. Returns the number of kills since the last time in *@ret, and 0; or -1 with @e filled. */
int oom_watch_take(struct oom_watch *watch, struct stats *stats, bool woken, uint64_t *ret,
		   struct ts_error *e);

void oom_watch_close(struct oom_watch *watch);

#endif
