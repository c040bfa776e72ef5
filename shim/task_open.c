/* Finds a task that was started before, by its id or its ID string, and proves what it finds. */
#include "shim/task.h"

#include "protocol/config.h"
#include "protocol/stop_note.h"
#include "protocol/stream.h"
#include "util/fd.h"
#include "util/path.h"
#include "util/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1024 * 1024 /* state.json, exit.json: annotations may be long */ };

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_STATE;
	return ts_fail(e, err, what, object);
}

/* Parses @name of the state directory. ENOENT in @e->err when there is none. */
static int read_json(const taskshim_task *task, const char *name, size_t max,
		     struct json_object **ret, struct ts_error *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (ts_read_file_at(task->dir.fd, name, max, &text, &len) < 0)
		return fail(e, errno, "read", name);
	if (document_parse(text, len, ret, e) < 0) {
		e->step = TS_STEP_STATE;
		return -1;
	}
	return 0;
}

static int add_cgroups(taskshim_task *task, struct ts_error *e)
{
	for (size_t i = 0; i < task->id.n_cgroups; i++)
		if (cgroup_refs_add(&task->cgroups, task->id.cgroups[i].controller,
				    task->id.cgroups[i].path, task->id.cgroups[i].inode) < 0)
			return fail(e, errno, "cgroup", task->id.cgroups[i].path);
	memcpy(task->cgroups.run_id, task->id.run_id, sizeof task->cgroups.run_id);
	return 0;
}

/* A start that died before state.json: config.json says which cgroups it was about to make. */
static int load_config(taskshim_task *task, struct ts_error *e)
{
	struct json_object *document = NULL, *taskshim, *map, *run_id;
	int r = 0;

	if (read_json(task, STATEDIR_CONFIG, STREAM_DOCUMENT_MAX, &document, e) < 0)
		return 0; /* it died earlier still, or in the middle of writing: there were no cgroups */
	if (json_object_object_get_ex(document, "taskshim", &taskshim) &&
	    json_object_object_get_ex(taskshim, "runId", &run_id) &&
	    json_object_get_string_len(run_id) == TS_RUN_ID_LEN &&
	    json_object_object_get_ex(taskshim, "cgroup", &map) &&
	    json_object_is_type(map, json_type_object)) {
		memcpy(task->cgroups.run_id, json_object_get_string(run_id), TS_RUN_ID_LEN + 1);
		task->cgroups.half_made = true;
		json_object_object_foreach(map, controller, path)
		{
			const char *text = json_object_get_string(path);

			if (r == 0 && text && ts_path_is_normal(text) &&
			    cgroup_refs_add(&task->cgroups, controller, text, 0) < 0)
				r = fail(e, errno, "cgroup", controller);
		}
	}
	json_object_put(document);
	return r;
}

int task_load_state(taskshim_task *task, struct ts_error *e)
{
	struct json_object *object = NULL;
	int r;

	if (task->has_state)
		return 0;
	if (read_json(task, STATEDIR_STATE, FILE_MAX, &object, e) < 0)
		return -1;
	r = state_decode(object, &task->state, e);
	json_object_put(object);
	task->has_state = r == 0;
	return r;
}

static int load_state(taskshim_task *task, struct ts_error *e)
{
	if (task_load_state(task, e) < 0)
		return e->err == ENOENT ? load_config(task, e) : -1;
	task->id_string = strdup(task->state.id_string);
	if (!task->id_string)
		return fail(e, ENOMEM, "state", NULL);
	if (id_string_decode(task->id_string, &task->id, e) < 0)
		return -1;
	task->has_id = true;
	return add_cgroups(task, e);
}

/* --- by ID string --- */

/* The directory the string names must be the one that its id has below our root, and hold the same run. */
static int open_named_dir(taskshim_task *task, const char *root, const struct id_string *id,
			  struct ts_error *e)
{
	char path[PATH_MAX];

	if (!id->id || snprintf(path, sizeof path, "%s/%s", root, id->id) >= PATH_MAX ||
	    strcmp(path, id->state_dir) != 0)
		return fail(e, EPERM,
			    "the ID string's state directory is not below this root (see --root)",
			    id->state_dir);
	if (statedir_find(root, id->id, &task->dir, e) < 0 || load_state(task, e) < 0)
		return -1;
	if (id->run_id[0] && (!task->has_id || strcmp(id->run_id, task->id.run_id) != 0))
		return fail(e, ENOENT, "no such task: another run has this id now", id->id);
	return 0;
}

static int open_by_string(taskshim_task *task, const char *root, const char *text,
			  struct ts_error *e)
{
	struct id_string id;
	int r;

	if (id_string_decode(text, &id, e) < 0)
		return -1;
	if (id.state_dir) {
		r = open_named_dir(task, root, &id, e);
		id_string_done(&id);
		return r;
	}
	task->id = id;
	task->has_id = true;
	task->id_string = strdup(text);
	if (!task->id_string)
		return fail(e, ENOMEM, "ID string", NULL);
	if (id.start_time == 0 || !id.boot_id[0])
		return fail(e, EPERM,
			    "the ID string has no start time and boot id to prove the task by",
			    text);
	return add_cgroups(task, e);
}

int task_open(const char *root, const char *id, taskshim_task **ret, struct ts_error *e)
{
	char root_path[PATH_MAX];
	taskshim_task *task;
	int r;

	if (statedir_root(root, root_path, e) < 0)
		return -1;
	task = task_new();
	if (!task)
		return fail(e, ENOMEM, "task", id);
	task->layout = ts_cgroup_layout(CGROUP_MOUNT);
	if (id_string_is(id))
		r = open_by_string(task, root_path, id, e);
	else
		r = statedir_find(root_path, id, &task->dir, e) < 0 ? -1 : load_state(task, e);
	if (r < 0) {
		if (e->step == TS_STEP_NONE)
			e->step = TS_STEP_STATE;
		taskshim_task_free(task);
		return -1;
	}
	if (task->has_id && task->id.monitor_pid == 0)
		task->flags |= TASKSHIM_UNMONITORED;
	*ret = task;
	return 0;
}

int taskshim_task_open(const char *root, const char *id, taskshim_task **ret,
		       struct taskshim_error *error)
{
	struct ts_error e = {0};

	return task_open(root, id, ret, &e) < 0 ? task_fail_public(&e, error) : 0;
}

/* --- processes --- */

static bool is_this_boot(const taskshim_task *task)
{
	char now[TS_BOOT_ID_LEN + 1];

	return ts_boot_id(now) == 0 && strcmp(now, task->id.boot_id) == 0;
}

static bool has_ended(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static int open_pidfd(const taskshim_task *task, int *fd, pid_t pid, uint64_t start)
{
	if (*fd < 0 && task->has_id && pid > 0) {
		if (!is_this_boot(task)) {
			errno = ESRCH;
			return -1;
		}
		*fd = ts_pidfd_open_checked(pid, start);
	} else if (*fd < 0) {
		errno = ESRCH;
	}
	return *fd;
}

int task_init_pidfd(taskshim_task *task)
{
	return open_pidfd(task, &task->init_pidfd, task->id.pid, task->id.start_time);
}

int task_monitor_pidfd(taskshim_task *task)
{
	return open_pidfd(task, &task->monitor_pidfd, task->id.monitor_pid,
			  task->id.monitor_start_time);
}

enum task_status task_status(taskshim_task *task)
{
	int pidfd;

	if (!task->has_id)
		return TASK_CREATING;
	pidfd = task_init_pidfd(task);
	if (pidfd < 0 || has_ended(pidfd))
		return TASK_STOPPED;
	if (task->dir.fd >= 0 &&
	    faccessat(task->dir.fd, STATEDIR_GATE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return TASK_CREATED;
	return TASK_RUNNING;
}

const char *task_status_name(enum task_status status)
{
	static const char *const names[] = {
		[TASK_CREATING] = "creating",
		[TASK_CREATED] = "created",
		[TASK_RUNNING] = "running",
		[TASK_STOPPED] = "stopped",
	};

	return names[status];
}

/* A task without a monitor ends unseen by who could have read the note that `stop` has left. */
static void add_stop(const taskshim_task *task, struct exit_record *record)
{
	char text[STOP_NOTE_MAX];
	ssize_t n = ts_read_text_at(task->dir.fd, STATEDIR_STOP, text, sizeof text);

	if (n > 0)
		exit_record_add_stop(record, text, (size_t)n);
}

bool task_load_exit(taskshim_task *task)
{
	struct json_object *object = NULL;
	struct exit_record record;
	struct ts_error ignored;
	int r;

	if (task->dir.fd < 0 || read_json(task, STATEDIR_EXIT, FILE_MAX, &object, &ignored) < 0)
		return task->has_exited;
	r = exit_record_decode(object, &record, &ignored);
	json_object_put(object);
	if (r < 0)
		return task->has_exited;
	/* The record of one run is never returned for another. */
	if (strcmp(record.run_id, task->cgroups.run_id) != 0 ||
	    (task->has_exited && !record.known)) {
		exit_record_done(&record);
		return task->has_exited;
	}
	add_stop(task, &record);
	if (task->has_exited)
		exit_record_done(&task->exited);
	task->exited = record;
	task->has_exited = true;
	return true;
}
