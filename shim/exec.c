/* Starts and ends a command in a task that runs. */
#include "shim/exec.h"
#include "shim/pids.h"

#include "util/cgroup.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int fail(struct ts_error *e, enum ts_step step, int err, const char *what,
		const char *object)
{
	e->step = step;
	return ts_fail(e, err, what, object);
}

/* --- a cgroup of the command's own, by which it is killed with all that it has started --- */

/* The hierarchy for it: cgroup2, where spawn-daemon kills by it at once, else the v1 freezer, where we do when that has ended. NULL:
 * the task is in neither. */
static const char *find_hierarchy(struct json_object *map)
{
	static const char *const names[] = {TS_CGROUP_UNIFIED, "freezer"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (json_object_object_get(map, names[i]))
			return names[i];
	return NULL;
}

static struct json_object *cgroup_map(struct json_object *document)
{
	return json_object_object_get(json_object_object_get(document, "taskshim"), "cgroup");
}

/* The task's own cgroup of cgroup2, if that is where the command is to go and the task has made it an inner node, where no process may
 * be: else NULL. */
static const char *find_inner_node(const taskshim_task *task, struct json_object *map)
{
	const char *path = json_object_get_string(json_object_object_get(map, TS_CGROUP_UNIFIED));
	_cleanup_fd_ int fd = -1;
	char controllers[4096];

	for (size_t i = 0; path && i < task->id.n_cgroups; i++) {
		const struct id_cgroup *own = &task->id.cgroups[i];

		if (strcmp(own->controller, TS_CGROUP_UNIFIED) != 0 || strcmp(own->path, path) != 0)
			continue;
		fd = ts_cgroup_open(path, true);
		if (fd >= 0 && ts_read_text_at(fd, "cgroup.subtree_control", controllers,
					       sizeof controllers) > 1)
			return path;
	}
	return NULL;
}

/* A task that manages its cgroup itself (systemd, kind) has its processes below. As in runc the command is put to init then. */
static int leave_inner_node(const taskshim_task *task, struct json_object *document,
			    struct ts_error *e)
{
	struct json_object *map = cgroup_map(document);
	const char *inner = find_inner_node(task, map);
	char below[PATH_MAX], path[2 * PATH_MAX];

	if (!inner || ts_cgroup_v2_of(task->id.pid, below) < 0)
		return 0;
	(void)snprintf(path, sizeof path, "%s%s%s", CGROUP_MOUNT,
		       ts_cgroup_layout(CGROUP_MOUNT) == TS_CGROUP_HYBRID ? "/unified" : "", below);
	if (!ts_path_is_normal(path) || !ts_path_is_below(path, inner))
		return 0; /* spawn-daemon says what is wrong with the other */
	return json_object_set_string(json_object_object_get(map, TS_CGROUP_UNIFIED), path) == 1
		       ? 0
		       : fail(e, TS_STEP_CGROUP, ENOMEM, "cgroup", path);
}

/* Below the task's, with the command's run id as its mark. Where none can be made the command is in the task's cgroup, and is killed
 * alone. */
static int make_cgroup(taskshim_task *exec, struct json_object *document, struct ts_error *e)
{
	struct json_object *map = cgroup_map(document);
	const char *hierarchy = find_hierarchy(map);
	struct json_object *value = hierarchy ? json_object_object_get(map, hierarchy) : NULL;
	char path[PATH_MAX];
	struct stat st;

	if (!value ||
	    (size_t)snprintf(path, sizeof path, "%s/exec-%.12s", json_object_get_string(value),
			     exec->cgroups.run_id) >= sizeof path)
		return 0;
	if (mkdir(path, 0755) < 0)
		return 0;
	if (ts_cgroup_set_mark(path, exec->cgroups.run_id, TS_RUN_ID_LEN) < 0 ||
	    stat(path, &st) < 0) {
		(void)rmdir(path);
		return 0;
	}
	if (cgroup_refs_add(&exec->cgroups, hierarchy, path, st.st_ino) == 0 &&
	    json_object_set_string(value, path) == 1)
		return 0;
	(void)rmdir(path);
	return fail(e, TS_STEP_CGROUP, ENOMEM, "cgroup", path);
}

static int list(int dir_fd, struct pid_list *ret)
{
	_cleanup_fd_ int procs_fd = openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);

	return procs_fd < 0 ? -1 : pids_of_cgroup(dir_fd, procs_fd, ret);
}

/* With those in cgroups below. The number of one that has ended since may be a stranger's: it is looked for again, just before. */
static void move_all(int from, int to)
{
	struct pid_list pids = {0}, now = {0};

	if (list(from, &pids) == 0) {
		for (size_t i = 0; i < pids.n; i++) {
			char number[24];

			(void)snprintf(number, sizeof number, "%d", (int)pids.v[i]);
			if (list(from, &now) == 0 && pid_list_has(&now, pids.v[i]))
				(void)ts_write_value_at(to, "cgroup.procs", number);
		}
	}
	pid_list_done(&pids);
	pid_list_done(&now);
}

/* What the command has left behind belongs to the task from now on, not to the only cgroup of @refs. One that does not become empty
 * goes with the task's. */
static void give_back(const struct cgroup_refs *refs)
{
	enum { TRIES = 500 };
	const struct timespec pause = {.tv_nsec = 1000000};
	const struct cgroup_ref *ref = &refs->v[0];
	char parent[PATH_MAX];
	struct ts_error ignored;

	(void)snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(ref->path, '/') - ref->path),
		       ref->path);
	for (int tries = 0; tries < TRIES && cgroup_remove(refs, false, 0, &ignored) < 0; tries++) {
		_cleanup_fd_ int from = ts_cgroup_open(ref->path, ref->v2);
		_cleanup_fd_ int to = ts_cgroup_open(parent, ref->v2);

		if (from >= 0 && to >= 0)
			move_all(from, to);
		if (tries > 2) /* the dead are on their way out */
			(void)nanosleep(&pause, NULL);
	}
}

/* --- starting --- */

/* process.execCPUAffinity, which OCI has for commands that are added to a container: what holds in the end is `final`, or `initial`
 * where that is all there is. */
static int set_affinity(struct json_object *document, struct ts_error *e)
{
	struct json_object *affinity = json_object_object_get(
		json_object_object_get(document, "process"), "execCPUAffinity");
	struct json_object *cpus = json_object_object_get(affinity, "final");
	struct json_object *taskshim = json_object_object_get(document, "taskshim");

	if (!cpus)
		cpus = json_object_object_get(affinity, "initial");
	if (!cpus || json_object_object_add(taskshim, "cpuAffinity", json_object_get(cpus)) == 0)
		return 0;
	return fail(e, TS_STEP_CONFIG, ENOMEM, "make the config", NULL);
}

/* The paths in the document are of a pid. That they were opened while the task's own process had it is sure if that lives now. */
static int check_still_there(taskshim_task *task, struct ts_error *e)
{
	if (task_init_lives(task))
		return 0;
	return fail(e, TS_STEP_STATE, ESRCH, "the task has ended meanwhile",
		    taskshim_task_id(task));
}

static int start(taskshim_task *task, taskshim_task *exec, const struct taskshim_options *options,
		 struct json_object *document, struct ts_error *e)
{
	if (leave_inner_node(task, document, e) < 0)
		return -1;
	/* with a monitor: else nobody would remove it */
	if (!(exec->flags & TASKSHIM_UNMONITORED) && make_cgroup(exec, document, e) < 0)
		return -1;
	if (set_affinity(document, e) < 0 || task_spawn(exec, options, e) < 0 ||
	    task_send(exec, options, document, e) < 0 || task_await(exec, MESSAGE_CREATED, e) < 0 ||
	    check_still_there(task, e) < 0)
		return -1;
	if (task_send_gate(exec, true, e) < 0 || task_await(exec, MESSAGE_STARTED, e) < 0)
		return -1;
	return exec->flags & TASKSHIM_UNMONITORED ? task_reap(exec, -1, e) : 0;
}

int exec_start(taskshim_task *task, const struct taskshim_options *options,
	       struct json_object *document, const struct exec_how *how, taskshim_task **ret,
	       int *ret_status, struct ts_error *e)
{
	taskshim_task *exec = task_new();

	if (!exec)
		return fail(e, TS_STEP_STATE, ENOMEM, "exec", taskshim_task_id(task));
	exec->flags = options->flags | TASKSHIM_NO_CGROUPS;
	exec->console_fd = how->console_fd;
	exec->cancel_fd = how->cancel_fd;
	if (how->timeout_ms > 0 && how->timeout_ms < INT64_MAX / 2) /* more is never over */
		exec->start_deadline_ms = ts_boottime_ms() + how->timeout_ms;
	exec->warner = (struct warner){options->warn, options->warn_arg};
	if (ts_run_id_new(exec->cgroups.run_id) < 0) {
		(void)fail(e, TS_STEP_STATE, errno, "getrandom", NULL);
	} else if (start(task, exec, options, document, e) == 0) {
		exec->cancel_fd = -1;
		exec->start_deadline_ms = 0;
		*ret = exec;
		return 0;
	}
	task_end_daemon(exec);
	*ret_status = exec->daemon_status >= 126 ? exec->daemon_status : 125;
	exec_end(exec);
	return -1;
}

/* Whether what the command has started is to end with it: it was killed, for its time or for our end, or nobody knows how it ended,
 * since its monitor was killed, which has then killed nobody. */
static bool is_to_be_killed(taskshim_task *exec)
{
	struct ts_error ignored;

	if (exec->status_fd >= 0) /* its last words, if nobody has read them */
		(void)task_take_all(exec, &ignored);
	return exec->has_exited ? exec->exited.cause != EXIT_CAUSE_EXITED : exec->daemon_status < 0;
}

void exec_end(taskshim_task *exec)
{
	struct ts_error e;

	if (!(exec->flags & TASKSHIM_UNMONITORED) || !exec->started)
		task_end_daemon(exec);
	if (exec->cgroups.n > 0 && is_to_be_killed(exec) &&
	    cgroup_kill(&exec->cgroups, KILL_TIMEOUT_MS, &e) < 0)
		task_warn(exec, &e);
	if (exec->cgroups.n > 0)
		give_back(&exec->cgroups);
	taskshim_task_free(exec);
}
