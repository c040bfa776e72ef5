/* Finds a task that was started before, by its id or its ID string. What an ID string says is input: task_proof.c proves it. */
#include "shim/task.h"

#include "protocol/config.h"
#include "protocol/stream.h"
#include "util/fd.h"
#include "util/path.h"
#include "util/proc.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_STATE;
	return ts_fail(e, err, what, object);
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

/* --- the state directory --- */

/* A start that died before state.json: config.json says which cgroups it was about to make. */
static int load_config(taskshim_task *task, struct ts_error *e)
{
	struct json_object *document = NULL, *taskshim, *map, *run_id;
	int r = 0;

	if (task_read_json(task, STATEDIR_CONFIG, STREAM_DOCUMENT_MAX, &document, e) < 0 &&
	    task_read_json(task, STATEDIR_UNFINISHED, STREAM_DOCUMENT_MAX, &document, e) < 0)
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
	if (task_read_json(task, STATEDIR_STATE, TASK_FILE_MAX, &object, e) < 0)
		return -1;
	r = state_decode(object, &task->state, e);
	json_object_put(object);
	if (r < 0)
		e->step = TS_STEP_STATE;
	task->has_state = r == 0;
	return r;
}

int task_refresh(taskshim_task *task, struct ts_error *e)
{
	if (task->has_id)
		return 0;
	if (task_load_state(task, e) < 0)
		return -1;
	task->id_string = strdup(task->state.id_string);
	if (!task->id_string)
		return fail(e, ENOMEM, "state", NULL);
	if (id_string_decode(task->id_string, &task->id, e) < 0)
		return -1;
	task->has_id = true;
	if (task->id.monitor_pid == 0)
		task->flags |= TASKSHIM_UNMONITORED;
	cgroup_refs_done(&task->cgroups); /* what config.json said, without inodes */
	return add_cgroups(task, e) < 0 ? -1 : task_look(task, e);
}

static int load(taskshim_task *task, struct ts_error *e)
{
	if (task_refresh(task, e) == 0)
		return 0;
	return !task->has_state && e->err == ENOENT ? load_config(task, e) : -1;
}

static int open_by_id(taskshim_task *task, const struct task_finder *finder, const char *id,
		      struct ts_error *e)
{
	if (statedir_find(finder->root, finder->root_fd, id, &task->dir, e) < 0)
		return -1;
	memcpy(task->boot_id, finder->boot_id, sizeof task->boot_id);
	task->init_alone = finder->init_alone;
	return load(task, e);
}

/* --- by ID string --- */

/* The directory the string names must be the one that its id has below our root. */
static int check_dir(const char *root, const struct id_string *id, struct ts_error *e)
{
	char path[PATH_MAX];

	if (id->id && snprintf(path, sizeof path, "%s/%s", root, id->id) < PATH_MAX &&
	    strcmp(path, id->state_dir) == 0)
		return 0;
	return fail(e, EPERM, "the ID string's state directory is not below this root (see --root)",
		    id->state_dir);
}

/* The string alone, when it has no state directory or that is gone: takes @id over. */
static int open_alone(taskshim_task *task, struct id_string *id, const char *text,
		      struct ts_error *e)
{
	task->id = *id;
	*id = (struct id_string){0};
	task->has_id = true;
	task->id_string = strndup(text, strcspn(text, "\n"));
	if (!task->id_string)
		return fail(e, ENOMEM, "ID string", NULL);
	if (task->id.monitor_pid == 0 && task->id.run_id[0])
		task->flags |= TASKSHIM_UNMONITORED;
	if (add_cgroups(task, e) < 0)
		return -1;
	return task_prove(task, e);
}

/* The state directory holds another run of the same id. The one that is asked for may live all the same: its directory was
 * deleted under it. */
static int open_beside_other_run(taskshim_task **task, struct id_string *id, const char *text,
				 struct ts_error *e)
{
	char name[TASK_ID_MAX + 1];
	bool other =
		(*task)->cgroups.run_id[0]; /* else it is empty, as one that is being removed */

	(void)snprintf(name, sizeof name, "%s", id->id);
	taskshim_task_free(*task);
	*task = task_new();
	if (!*task)
		return fail(e, ENOMEM, "task", text);
	if (open_alone(*task, id, text, e) == 0)
		return 0;
	/* Its cgroups have the names of the other run's: only a process is what may be foreign here. */
	if (task_init_lives(*task) || !other)
		return -1;
	return fail(e, ESTALE, "another run has this task id now", name);
}

static bool has_cgroup(const struct id_string *id, const struct id_cgroup *wanted)
{
	for (size_t i = 0; i < id->n_cgroups; i++)
		if (strcmp(id->cgroups[i].controller, wanted->controller) == 0)
			return strcmp(id->cgroups[i].path, wanted->path) == 0 &&
			       id->cgroups[i].inode == wanted->inode;
	return false;
}

/* Whether two strings of one run say the same of it. The run id is no secret: a string that was edited is found out here. */
static bool agree(const struct id_string *a, const struct id_string *b)
{
	bool same = a->pid == b->pid && a->start_time == b->start_time &&
		    a->pidfd_inode == b->pidfd_inode && a->monitor_pid == b->monitor_pid &&
		    a->monitor_start_time == b->monitor_start_time &&
		    strcmp(a->boot_id, b->boot_id) == 0 && a->n_cgroups == b->n_cgroups;

	for (size_t i = 0; same && i < a->n_cgroups; i++)
		same = has_cgroup(b, &a->cgroups[i]);
	return same;
}

static int open_full_string(taskshim_task **task, const struct task_finder *finder,
			    const char *text, struct id_string *id, struct ts_error *e)
{
	if (!id->state_dir)
		return open_alone(*task, id, text, e);
	if (check_dir(finder->root, id, e) < 0)
		return -1;
	if (open_by_id(*task, finder, id->id, e) < 0)
		return e->err == ENOENT && (*task)->dir.fd < 0 ? open_alone(*task, id, text, e)
							       : -1;
	/* A start that died before state.json has its run id in config.json. */
	if (strcmp(id->run_id, (*task)->cgroups.run_id) != 0)
		return open_beside_other_run(task, id, text, e);
	if ((*task)->has_id && !agree(id, &(*task)->id))
		return fail(e, EPERM, "the ID string contradicts the state directory", id->id);
	return 0;
}

/* --- by the forms that prove nothing by themselves: a task below our root must match --- */

struct search {
	const struct task_finder *finder;
	const struct id_string *wanted;
	taskshim_task *found;
};

/* Whether @path, as a task has it, is what a 2015 string means: a whole path, or "/parent/name" in any hierarchy. */
static bool names_cgroup(const struct id_cgroup *wanted, const char *path)
{
	size_t len = strlen(path), tail = strlen(wanted->path);

	if (wanted->controller[0])
		return strcmp(wanted->path, path) == 0;
	return len > tail && strcmp(path + len - tail, wanted->path) == 0;
}

static bool matches(taskshim_task *task, const struct id_string *wanted)
{
	if (!wanted->is_2015) {
		if (task->id.pid == wanted->pid)
			return task_init_pidfd(task) >= 0;
		return task->id.monitor_pid == wanted->pid && task_monitor_pidfd(task) >= 0;
	}
	for (size_t i = 0; i < wanted->n_cgroups; i++)
		for (size_t k = 0; k < task->id.n_cgroups; k++)
			if (names_cgroup(&wanted->cgroups[i], task->id.cgroups[k].path))
				return true;
	return false;
}

static int try_task(const char *id, void *arg)
{
	struct search *search = arg;
	struct ts_error ignored;
	taskshim_task *task = NULL;

	if (task_find(search->finder, id, &task, &ignored) < 0 || !task)
		return 0;
	if (task->has_id && matches(task, search->wanted)) {
		search->found = task;
		return 1;
	}
	taskshim_task_free(task);
	return 0;
}

static int open_by_search(taskshim_task **task, const struct task_finder *finder, const char *text,
			  const struct id_string *id, struct ts_error *e)
{
	struct search search = {.finder = finder, .wanted = id};

	if (statedir_each(finder->root, try_task, &search, e) < 0)
		return -1;
	if (!search.found)
		return fail(e, EPERM, "no task below this root is proven to be the one of", text);
	taskshim_task_free(*task);
	*task = search.found;
	return 0;
}

static int open_by_string(taskshim_task **task, const struct task_finder *finder, const char *text,
			  struct ts_error *e)
{
	struct id_string id;
	int r;

	if (id_string_decode(text, &id, e) < 0) {
		struct ts_error why = *e;

		e->step = TS_STEP_STATE;
		return ts_failf(e, EINVAL, "not an ID string: %s", why.msg);
	}
	if (id.is_2015 || id.start_time == 0 || !id.boot_id[0])
		r = open_by_search(task, finder, text, &id, e);
	else
		r = open_full_string(task, finder, text, &id, e);
	id_string_done(&id);
	return r;
}

int task_finder_open(struct task_finder *finder, const char *root, struct ts_error *e)
{
	struct ts_error ignored;

	*finder = (struct task_finder){.root_fd = -1};
	if (statedir_root(root, finder->root, e) < 0)
		return -1;
	finder->root_fd = statedir_open_root(finder->root, &ignored);
	if (ts_boot_id(finder->boot_id) < 0)
		finder->boot_id[0] = '\0';
	return 0;
}

void task_finder_done(struct task_finder *finder)
{
	ts_fd_closep(&finder->root_fd);
}

int task_find(const struct task_finder *finder, const char *id, taskshim_task **ret,
	      struct ts_error *e)
{
	taskshim_task *task = task_new();
	int r;

	if (!task)
		return fail(e, ENOMEM, "task", id);
	e->step = TS_STEP_NONE;
	r = id_string_is(id) ? open_by_string(&task, finder, id, e)
			     : open_by_id(task, finder, id, e);
	if (r < 0) {
		if (e->step == TS_STEP_NONE)
			e->step = TS_STEP_STATE;
		taskshim_task_free(task);
		return -1;
	}
	*ret = task;
	return 0;
}

int task_open(const char *root, const char *id, taskshim_task **ret, struct ts_error *e)
{
	struct task_finder finder = {.root_fd = -1};

	return statedir_root(root, finder.root, e) < 0 ? -1 : task_find(&finder, id, ret, e);
}

int taskshim_task_open(const char *root, const char *id, taskshim_task **ret,
		       struct taskshim_error *error)
{
	struct ts_error e = {0};

	return task_open(root, id, ret, &e) < 0 ? task_fail_public(&e, error) : 0;
}
