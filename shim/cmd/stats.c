/* taskshim stats: what tasks use, once or again and again. */
#include "shim/cmd/cmd.h"
#include "shim/cmd/stats.h"
#include "shim/stats.h"

#include "protocol/config.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static int stats_main(const struct global *global, int argc, char **argv);

const struct verb verb_stats = {
	.name = "stats",
	.run = stats_main,
	.failed = EXIT_FAILED,
	.synopsis = "stats [--watch TIME] [--format table|json|openmetrics] [-p] [ID...]",
	.summary = "print what tasks use: memory, CPU, pids, disks, pressure",
	.help = "Prints what the tasks use that are named, or all that run. What this machine or "
		"the task's cgroups do not tell is\n"
		"`-` in the table, null in JSON, and left out in OpenMetrics.\n"
		"  -f, --format table|json|openmetrics  (table); json: one object a line for each "
		"task and sample\n"
		"  -p, --processes   also each process (JSON always has them)\n"
		"  -w, --watch TIME  a sample every TIME (500ms, 5s), until the named tasks have "
		"ended\n",
};

/* A task that is looked at. */
struct watched {
	char *id; /* as it is printed */
	taskshim_task *task; /* NULL: looked at once, and let go of; then stats is ours */
	struct stats *stats;
};

struct watch {
	const struct global *global;
	struct task_finder finder;
	char parent[PATH_MAX]; /* of stats_add_up(), in this round */
	int (*print)(const struct stats_row *rows, size_t n, bool processes);
	bool processes, all, again, failed;
	enum stats_scope scope;
	uint64_t interval_ms;
	struct watched *v;
	size_t n, n_sorted; /* the first ones are those of earlier rounds, by id */
	double mhz; /* of struct stats: asked for once */
};

static void watched_done(struct watched *w)
{
	if (w->task)
		taskshim_task_free(w->task);
	else
		stats_free(w->stats);
	free(w->id);
}

static bool is_watched(const struct watch *watch, const char *id)
{
	for (size_t i = 0; i < watch->n; i++)
		if (strcmp(watch->v[i].id, id) == 0)
			return true;
	return false;
}

/* Adds the task that @word, a task id or an ID string, opens. Returns 0, or -1: it cannot be opened, which is told, or was
 * named twice. */
static int add_task(struct watch *watch, const char *word)
{
	struct ts_error e = {0};
	struct watched *v = reallocarray(watch->v, watch->n + 1, sizeof *v), *w;

	if (!v) {
		watch->failed = true;
		return -1;
	}
	watch->v = v;
	w = &v[watch->n];
	*w = (struct watched){0};
	if (task_find(&watch->finder, word, &w->task, &e) < 0) {
		if (!watch->all || e.err != ENOENT) { /* else it has been removed since */
			report_error(watch->global, &e);
			watch->failed = true;
		}
		return -1;
	}
	w->id = strdup(taskshim_task_id(w->task)[0] ? taskshim_task_id(w->task) : word);
	if (!w->id || (!watch->all && is_watched(watch, w->id))) {
		free(w->id);
		taskshim_task_free(w->task);
		return -1;
	}
	watch->n++;
	return 0;
}

/* Takes a sample. Returns whether there is one; the reason for none is told, unless the task just does not run and nobody
 * said that it did. */
static bool sample(struct watch *watch, struct watched *w, bool first)
{
	taskshim_task *task = w->task;
	struct ts_error e = {0};

	if (!task->stats && !(task->stats = calloc(1, sizeof *task->stats))) {
		watch->failed = true;
		return false;
	}
	w->stats = task->stats;
	if (watch->all)
		stats_add_up(task, watch->parent);
	w->stats->mhz = watch->mhz;
	w->stats->scope = watch->scope;
	if (stats_sample(w->stats, task, &e) == 0) {
		watch->mhz = w->stats->mhz;
		return true;
	}
	if ((e.err != ESRCH && e.err != EAGAIN) || (first && !watch->all)) {
		report_error(watch->global, &e);
		watch->failed = true;
	}
	return false;
}

/* Keeps what a sample said and nothing else, as many tasks have many descriptors. */
static void let_go(struct watched *w)
{
	stats_close(w->stats);
	w->task->stats = NULL;
	taskshim_task_free(w->task);
	w->task = NULL;
}

/* Samples the task at @i, which is removed where that fails: the last one takes its place. */
static bool sample_at(struct watch *watch, size_t i, bool first)
{
	struct watched *w = &watch->v[i];

	if (!sample(watch, w, first)) {
		watched_done(w);
		*w = watch->v[--watch->n];
		return false;
	}
	if (!watch->again)
		let_go(w);
	return true;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct watched *)a)->id, ((const struct watched *)b)->id);
}

static int add_new(const char *id, void *arg)
{
	struct watch *watch = arg;
	const struct watched key = {.id = (char *)id};

	if (watch->n_sorted > 0 && bsearch(&key, watch->v, watch->n_sorted, sizeof key, by_id))
		return 0;
	if (add_task(watch, id) == 0 && !watch->again)
		(void)sample_at(watch, watch->n - 1, true);
	return 0;
}

static int print_rows(const struct watch *watch)
{
	struct stats_row *rows = calloc(watch->n + 1, sizeof *rows);
	int r;

	if (!rows)
		return -1;
	for (size_t i = 0; i < watch->n; i++)
		rows[i] = (struct stats_row){watch->v[i].id, &watch->v[i].stats->sample};
	r = watch->print(rows, watch->n, watch->processes);
	free(rows);
	return r;
}

/* One round: a sample of every task, printed. Returns 0, or -1: nothing more can be done. */
static int round_of_all(struct watch *watch, bool first)
{
	struct taskshim_error error;

	watch->parent[0] = '\0';
	if (watch->all && taskshim_task_list(watch->global->root, add_new, watch, &error) < 0) {
		report_public(watch->global, &error);
		return -1;
	}
	for (size_t i = 0; i < watch->n;)
		if (!watch->v[i].task || sample_at(watch, i, first))
			i++;
	if (watch->all && watch->n > 1)
		qsort(watch->v, watch->n, sizeof watch->v[0], by_id);
	watch->n_sorted = watch->again && watch->all ? watch->n : 0;
	return watch->n > 0 || watch->all || first ? print_rows(watch) : 0;
}

/* --- waiting for the next round --- */

static int64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Waits until @until, or until all of the @n polled tasks have ended. */
static void poll_until(struct pollfd *fds, size_t n, int64_t until)
{
	size_t open = n;
	int64_t left;

	while ((left = until - now_ns()) > 0 && (n == 0 || open > 0)) {
		const struct timespec t = {left / 1000000000, left % 1000000000};

		if (ppoll(fds, n, &t, NULL) <= 0)
			continue;
		for (size_t i = 0; i < n; i++) {
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			fds[i].fd = -1;
			open--;
		}
	}
}

/* Who watches named tasks need not wait when the last one has ended. */
static int pause_until(const struct watch *watch, int64_t until)
{
	size_t n = watch->all ? 0 : watch->n;
	struct pollfd *fds = calloc(n + 1, sizeof *fds);

	if (!fds)
		return -1;
	for (size_t i = 0; i < n; i++)
		fds[i] =
			(struct pollfd){.fd = taskshim_task_fd(watch->v[i].task), .events = POLLIN};
	poll_until(fds, n, until);
	free(fds);
	return 0;
}

/* About thirty descriptors a task: as many as we may have. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int watch_all(struct watch *watch, int argc, char **argv)
{
	int64_t next = now_ns();
	struct ts_error e = {0};
	int r;

	if (task_finder_open(&watch->finder, watch->global->root, &e) < 0) {
		report_error(watch->global, &e);
		return EXIT_FAILED;
	}
	watch->finder.init_alone = true;
	if (watch->again) /* the root may be another directory by the next round */
		task_finder_done(&watch->finder);
	for (int i = optind; i < argc; i++)
		(void)add_task(watch, argv[i]);
	r = round_of_all(watch, true);
	while (r == 0 && watch->again && (watch->n > 0 || watch->all)) {
		next += (int64_t)watch->interval_ms * 1000000;
		r = pause_until(watch, next);
		if (next < now_ns()) /* a round that took too long puts the next ones off */
			next = now_ns();
		if (r == 0)
			r = round_of_all(watch, false);
	}
	for (size_t i = 0; i < watch->n; i++)
		watched_done(&watch->v[i]);
	free(watch->v);
	task_finder_done(&watch->finder);
	return r < 0 || watch->failed ? EXIT_FAILED : 0;
}

static const struct {
	const char *name;
	int (*print)(const struct stats_row *rows, size_t n, bool processes);
} formats[] = {{"table", stats_print_table},
	       {"json", stats_print_json},
	       {"openmetrics", stats_print_openmetrics}};

static int choose_format(struct watch *watch, const char *name)
{
	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
		if (strcmp(formats[i].name, name) == 0) {
			watch->print = formats[i].print;
			return 0;
		}
	return -1;
}

static int stats_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {{"format", required_argument, NULL, 'f'},
						{"processes", no_argument, NULL, 'p'},
						{"watch", required_argument, NULL, 'w'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct watch watch = {.global = global, .print = stats_print_table};
	int option, status = 0;

	while ((option = option_next(global, argc, argv, "+:hf:pw:", options, &status)) >= 0) {
		if (option == 'p') {
			watch.processes = true;
		} else if (option == 'f' && choose_format(&watch, optarg) < 0) {
			return usage_error(
				global, "--format %s: expected table, json or openmetrics", optarg);
		} else if (option == 'w') {
			watch.again = true;
			if (duration_parse(optarg, &watch.interval_ms) < 0 ||
			    watch.interval_ms == 0 || watch.interval_ms > INT32_MAX)
				return usage_error(global,
						   "--watch %s: expected a time such as 500ms",
						   optarg);
		}
	}
	if (option == OPTION_EXIT)
		return status;
	if (watch.again && watch.print == stats_print_openmetrics)
		return usage_error(global, "--watch: an OpenMetrics exposition has an end");
	watch.scope = watch.print == stats_print_table && !watch.processes ? STATS_OF_TABLE
									   : STATS_OF_TASK;
	watch.all = optind == argc;
	if (watch.again)
		raise_file_limit();
	return watch_all(&watch, argc, argv);
}
