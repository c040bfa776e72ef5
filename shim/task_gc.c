/* taskshim_gc(): finishes what any crash left, from what is on disk and in the kernel alone. Safe beside live tasks, beside
 * starts and beside another sweep: a state directory is touched only under its lock, which whoever creates or removes one
 * holds, and which the kernel takes from the dead. */
#include "shim/task.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CLAIM_NS = 50 * 1000000 /* what a start takes to lock the directory that it has made */ };

struct sweep {
	struct task_finder finder;
	const struct taskshim_gc_options *options;
	char **ids; /* taken first: the sweep changes what it walks over */
	size_t n;
	struct ts_error e; /* of the last that failed */
	bool failed, has_paused;
};

static int add_id(const char *id, void *arg)
{
	struct sweep *sweep = arg;
	char **ids = reallocarray(sweep->ids, sweep->n + 1, sizeof *ids);
	char *copy = ids ? strdup(id) : NULL;

	if (ids)
		sweep->ids = ids;
	if (!copy) {
		sweep->failed = true;
		sweep->e.step = TS_STEP_DELETE;
		return ts_fail(&sweep->e, ENOMEM, "out of memory", NULL);
	}
	sweep->ids[sweep->n++] = copy;
	return 0;
}

/* Seconds since the end, by the record or, where nobody saw it, by when the record was written. */
static int64_t age_of(taskshim_task *task)
{
	struct ts_error ignored;
	struct timespec now;
	struct stat st;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (task_load_exit(task, &ignored) > 0 && task->exited.finished_at.tv_sec > 0)
		return now.tv_sec - task->exited.finished_at.tv_sec;
	if (fstatat(task->dir.fd, STATEDIR_EXIT, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
	    fstat(task->dir.fd, &st) < 0)
		return 0;
	return now.tv_sec - st.st_mtim.tv_sec;
}

static bool is_old(const struct sweep *sweep, taskshim_task *task)
{
	return sweep->options->ended_before_ms >= 0 &&
	       age_of(task) * 1000 >= sweep->options->ended_before_ms;
}

/* A `stop` that was killed between freezing the cgroup and thawing it: everything in it has its SIGKILL already. */
static bool is_half_killed(const taskshim_task *task)
{
	return task->dir.fd >= 0 &&
	       faccessat(task->dir.fd, STATEDIR_STOP, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
	       !task_has_pause_note(task) && cgroup_is_frozen(&task->cgroups) &&
	       cgroup_populated(&task->cgroups) == 1;
}

/* What a monitor kills when the task ends, but could not: frozen, say. Both are dead. */
static bool has_strays(const taskshim_task *task)
{
	return !(task->flags & TASKSHIM_UNMONITORED) && task->has_state &&
	       task->state.kill_on_monitor_death && cgroup_populated(&task->cgroups) == 1;
}

static int remove_all(taskshim_task *task, struct ts_error *e)
{
	if (task->has_id && task_kill_all(task, e) < 0)
		return -1;
	return task_remove(task, true, e);
}

/* Does what there is to do, under the lock. Returns 0 with *@ret_what (NULL: nothing), or -1. */
static int sweep_locked(const struct sweep *sweep, taskshim_task *task, const char **ret_what,
			struct ts_error *e)
{
	int lost;

	*ret_what = NULL;
	if (!task->has_id || task_is_unfinished(task)) {
		struct ts_error ignored;

		/* Opened before its creator had finished, and locked after. */
		if (!task->has_id && task_load_state(task, &ignored) == 0)
			return 0;
		*ret_what = "removed: its start had died";
		return remove_all(task, e);
	}
	if (is_half_killed(task)) {
		*ret_what = "killed: its stop had died";
		return task_kill_all(task, e);
	}
	if (task_monitor_lives(task))
		return 0;
	lost = task_is_lost(task, e);
	if (lost < 0)
		return -1;
	if (lost) {
		*ret_what = "ended: its monitor had died";
		if (task_finish_lost(task, e) < 0)
			return -1;
	}
	if (task_init_lives(task))
		return 0;
	if (has_strays(task)) {
		*ret_what = "killed: what had outlived it";
		if (task_kill_all(task, e) < 0)
			return -1;
	}
	if (task->has_state && task->state.clean_up) {
		*ret_what = "removed: its taskshim had died";
		return remove_all(task, e);
	}
	if (!is_old(sweep, task))
		return 0;
	*ret_what = "removed: it ended long ago";
	return remove_all(task, e);
}

static void report(struct sweep *sweep, const char *id, const char *what, const struct ts_error *e)
{
	struct taskshim_error public;

	if (e) {
		sweep->e = *e;
		sweep->failed = true;
		(void)task_fail_public(e, &public);
	}
	if (sweep->options->report && (what || e))
		sweep->options->report(id, what, e ? &public : NULL, sweep->options->report_arg);
}

/* Between making a directory and locking it a start looks like a dead one. The ids were taken first, so that one pause is
 * enough for all of them. */
static void let_it_be_claimed(struct sweep *sweep)
{
	const struct timespec pause = {.tv_nsec = CLAIM_NS};

	if (!sweep->has_paused)
		(void)nanosleep(&pause, NULL);
	sweep->has_paused = true;
}

struct warning {
	const struct sweep *sweep;
	const char *id;
};

/* A hook that has failed: the task is removed all the same. */
static void pass_warning(const char *text, void *arg)
{
	const struct warning *w = arg;

	if (w->sweep->options->report)
		w->sweep->options->report(w->id, text, NULL, w->sweep->options->report_arg);
}

static void sweep_one(struct sweep *sweep, const char *id)
{
	struct warning warning = {sweep, id};
	struct ts_error e = {0};
	const char *what = NULL;
	taskshim_task *task;

	if (task_find(&sweep->finder, id, &task, &e) < 0) {
		if (e.err != ENOENT)
			report(sweep, id, NULL, &e);
		return;
	}
	if (!task->has_id)
		let_it_be_claimed(sweep);
	task->warner = (struct warner){pass_warning, &warning};
	/* Who holds the lock is alive and does the rest, or another sweep does. */
	if (statedir_lock(&task->dir, 0) == 0 && statedir_is_current(&task->dir)) {
		if (sweep_locked(sweep, task, &what, &e) == 0)
			report(sweep, id, what, NULL);
		else
			report(sweep, id, what, &e);
	}
	taskshim_task_free(task);
}

int taskshim_gc(const struct taskshim_gc_options *options, struct taskshim_error *error)
{
	struct sweep sweep = {.finder.root_fd = -1, .options = options};

	if (options->size != sizeof *options) {
		sweep.e.step = TS_STEP_USAGE;
		(void)ts_fail(&sweep.e, EINVAL, "options.size is not of this library",
			      taskshim_version());
		return task_fail_public(&sweep.e, error);
	}
	if (task_finder_open(&sweep.finder, options->root, &sweep.e) < 0 ||
	    statedir_each(sweep.finder.root, add_id, &sweep, &sweep.e) < 0)
		sweep.failed = true;
	for (size_t i = 0; i < sweep.n; i++) {
		if (options->progress)
			options->progress(i, sweep.n, options->report_arg);
		sweep_one(&sweep, sweep.ids[i]);
		free(sweep.ids[i]);
	}
	free(sweep.ids);
	task_finder_done(&sweep.finder);
	cgroup_sweep_parents(CGROUP_MOUNT);
	return sweep.failed ? task_fail_public(&sweep.e, error) : 0;
}
