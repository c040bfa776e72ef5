/* Hears of OOM kills: poll(2) of memory.events on v2, cgroup.event_control on v1. */
#include "shim/oom_watch.h"

#include "util/cgroup.h"
#include "util/clock.h"
#include "util/fd.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

enum {
	LOOK_MS = 1000, /* from v1's word to the kill at most, for all that is known */
	LOOK_EVERY_MS = 10,
};

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_STATS;
	return ts_fail(e, err, what, object);
}

/* The counter; UNKNOWN: there is none, or no longer. */
static int read_kills(struct stats *stats, uint64_t *ret, struct ts_error *e)
{
	const struct stats_key key = {"oom_kill", ret};
	const char *text = "";

	*ret = TASKSHIM_UNKNOWN;
	if (stats_text(stats, STATS_MEMORY_EVENTS, &text, e) < 0)
		return -1;
	stats_keys_parse(text, &key, 1);
	return 0;
}

/* "EVENTFD FD-OF-memory.oom_control": the kernel then adds 1 to the eventfd for each OOM. */
static int ask_v1(struct oom_watch *watch, const struct stats *stats, int dir_fd)
{
	_cleanup_fd_ int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	char text[32];

	if (fd < 0)
		return -1;
	(void)snprintf(text, sizeof text, "%d %d", fd, stats->fds[STATS_MEMORY_EVENTS]);
	if (ts_write_value_at(dir_fd, "cgroup.event_control", text) < 0)
		return errno == ENOENT || errno == ENODEV ? 0 : -1;
	watch->fd = ts_fd_take(&fd);
	watch->is_eventfd = true;
	watch->events = POLLIN;
	return 0;
}

static int open_v1(struct oom_watch *watch, const struct stats *stats, const taskshim_task *task)
{
	for (size_t i = 0; i < task->id.n_cgroups; i++) {
		_cleanup_fd_ int dir_fd = -1;

		if (strcmp(task->id.cgroups[i].controller, "memory") != 0)
			continue;
		dir_fd = stats_open_cgroup(task, &task->id.cgroups[i]);
		if (dir_fd < 0)
			return errno == ENOENT ? 0 : -1;
		return ask_v1(watch, stats, dir_fd);
	}
	return 0;
}

int oom_watch_open(struct oom_watch *watch, struct stats *stats, const taskshim_task *task,
		   struct ts_error *e)
{
	*watch = (struct oom_watch){.fd = -1};
	if (read_kills(stats, &watch->told, e) < 0)
		return -1;
	if (watch->told == TASKSHIM_UNKNOWN)
		return 0;
	if (stats->v2[STATS_MEMORY_EVENTS]) {
		watch->fd = stats->fds[STATS_MEMORY_EVENTS];
		watch->events = POLLPRI;
		return 0;
	}
	if (open_v1(watch, stats, task) < 0)
		return fail(e, errno, "watch for OOM kills of", taskshim_task_id(task));
	return 0;
}

int oom_watch_timeout_ms(const struct oom_watch *watch)
{
	return watch->look_until_ms > 0 ? LOOK_EVERY_MS : -1;
}

int oom_watch_take(struct oom_watch *watch, struct stats *stats, bool woken, uint64_t *ret,
		   struct ts_error *e)
{
	uint64_t kills, wakes;

	if (woken && watch->is_eventfd && read(watch->fd, &wakes, sizeof wakes) == sizeof wakes)
		watch->look_until_ms = ts_boottime_ms() + LOOK_MS;
	*ret = 0;
	if (watch->told == TASKSHIM_UNKNOWN)
		return 0;
	if (read_kills(stats, &kills, e) < 0)
		return -1;
	if (kills == TASKSHIM_UNKNOWN) /* the cgroup is gone: it would wake us for ever */
		oom_watch_close(watch);
	else if (kills > watch->told) {
		*ret = kills - watch->told;
		watch->told = kills;
	}
	if (watch->look_until_ms > 0 && (*ret > 0 || ts_boottime_ms() > watch->look_until_ms))
		watch->look_until_ms = 0;
	return 0;
}

void oom_watch_close(struct oom_watch *watch)
{
	if (watch->is_eventfd)
		ts_fd_closep(&watch->fd);
	watch->fd = -1;
}
