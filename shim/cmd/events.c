/* taskshim events: runc's events of a task, its statistics and OOM kills, one JSON object a line. */
#include "shim/cmd/cmd.h"
#include "shim/cmd/events.h"
#include "shim/oom_watch.h"

#include "protocol/config.h"
#include "util/clock.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <string.h>

static int events_main(const struct global *global, int argc, char **argv);

const struct verb verb_events = {
	.name = "events",
	.run = events_main,
	.failed = EXIT_FAILED,
	.synopsis = "events [--interval TIME] [--stats] ID",
	.summary = "print a task's statistics and OOM kills as events",
	.help = "Prints {\"type\":\"stats\",\"id\":ID,\"data\":{...}} every interval, and "
		"{\"type\":\"oom\",\"id\":ID} for each process that the\n"
		"OOM killer ends, until the task has ended. The data are runc's.\n"
		"  --interval TIME  (5s)\n"
		"  --stats          print the statistics once, and end\n",
};

struct events {
	taskshim_task *task;
	const char *id;
	struct stats stats;
	struct oom_watch oom;
	uint64_t interval_ms;
};

static int print_event(const char *type, const char *id, struct json_object *data,
		       struct ts_error *e)
{
	struct json_object *event = event_json(type, id, data);
	int r = event ? print_json_line(event) : -1;

	json_object_put(event);
	if (r == 0)
		return 0;
	e->step = TS_STEP_STATS;
	return ts_fail(e, event ? EIO : ENOMEM, "print an event of", id);
}

/* Returns 0, 1: the task has ended; or -1 with @e filled. */
static int print_stats(struct events *events, struct ts_error *e)
{
	struct json_object *data;

	if (stats_sample(&events->stats, events->task, e) < 0)
		return e->err == ESRCH ? 1 : -1;
	if (event_stats_json(&events->stats, &data, e) < 0)
		return -1;
	return print_event("stats", events->id, data, e);
}

static int print_kills(const struct events *events, uint64_t n, struct ts_error *e)
{
	for (; n > 0; n--)
		if (print_event("oom", events->id, NULL, e) < 0)
			return -1;
	return 0;
}

static int take_kills(struct events *events, bool woken, struct ts_error *e)
{
	uint64_t n;

	if (oom_watch_take(&events->oom, &events->stats, woken, &n, e) < 0)
		return -1;
	return print_kills(events, n, e);
}

/* The cgroup may be gone by now; the record has what it counted. */
static int take_last_kills(struct events *events, struct ts_error *e)
{
	uint64_t told;
	int r;

	if (take_kills(events, false, e) < 0)
		return -1;
	told = events->oom.told;
	r = task_load_exit(events->task, e);
	if (r <= 0 || told == TASKSHIM_UNKNOWN || !events->task->exited.oom_known ||
	    events->task->exited.oom_kills <= told)
		return r < 0 ? -1 : 0;
	return print_kills(events, events->task->exited.oom_kills - told, e);
}

/* Until when to sleep: a negative time is in the past. */
static int timeout_ms(const struct events *events, int64_t next_ms)
{
	int64_t left = next_ms - ts_boottime_ms();
	int look = oom_watch_timeout_ms(&events->oom);

	if (left < 0)
		left = 0;
	return look >= 0 && look < left ? look : (int)left;
}

/* Until the task has ended. */
static int follow(struct events *events, struct ts_error *e)
{
	int64_t next = ts_boottime_ms() + (int64_t)events->interval_ms;
	int r = 0;

	while (r == 0) {
		struct pollfd fds[] = {
			{.fd = taskshim_task_fd(events->task), .events = POLLIN},
			{.fd = events->oom.fd, .events = events->oom.events},
		};

		if (poll(fds, 2, timeout_ms(events, next)) < 0 && errno != EINTR) {
			e->step = TS_STEP_STATS;
			return ts_fail(e, errno, "wait for events of", events->id);
		}
		if (fds[0].fd < 0 || fds[0].revents)
			r = 1;
		else if (take_kills(events, fds[1].revents != 0, e) < 0)
			return -1;
		if (r == 0 && ts_boottime_ms() >= next) {
			r = print_stats(events, e);
			next = ts_boottime_ms() + (int64_t)events->interval_ms;
			/* The sample has read the counter's file too, which then wakes nobody. */
			if (r == 0 && take_kills(events, false, e) < 0)
				return -1;
		}
	}
	return r < 0 ? -1 : take_last_kills(events, e);
}

static int run(const struct global *global, struct events *events, bool once, struct ts_error *e)
{
	int r;

	if (!events->task->has_id || !task_goes_on(events->task)) {
		e->step = TS_STEP_STATS;
		return ts_fail(e, ESRCH, "the task is not running", events->id);
	}
	events->stats.scope = STATS_OF_EVENTS;
	if (stats_open(&events->stats, events->task, e) < 0)
		return -1;
	if (once)
		return print_stats(events, e) == 0 ? 0 : -1;
	if (oom_watch_open(&events->oom, &events->stats, events->task, e) < 0)
		return -1;
	if (events->oom.fd < 0)
		report_warning("the task has no memory cgroup that tells of OOM kills",
			       (void *)global);
	r = follow(events, e);
	oom_watch_close(&events->oom);
	return r;
}

static int events_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {{"interval", required_argument, NULL, 'i'},
						{"stats", no_argument, NULL, 's'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct events events = {.interval_ms = 5000};
	struct ts_error e = {0};
	bool once = false;
	int option, status = 0;

	while ((option = option_next(global, argc, argv, "+:h", options, &status)) >= 0) {
		once |= option == 's';
		if (option == 'i' && (duration_parse(optarg, &events.interval_ms) < 0 ||
				      events.interval_ms == 0 || events.interval_ms > INT32_MAX))
			return usage_error(global, "--interval %s: expected a time such as 500ms",
					   optarg);
	}
	if (option == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 1, 1) < 0)
		return EXIT_FAILED;
	events.task = task_of_argument(global, argv);
	if (!events.task)
		return EXIT_FAILED;
	events.id = taskshim_task_id(events.task)[0] ? taskshim_task_id(events.task) : argv[optind];
	if (run(global, &events, once, &e) < 0) {
		report_error(global, &e);
		status = EXIT_FAILED;
	}
	stats_done(&events.stats);
	taskshim_task_free(events.task);
	return status;
}
