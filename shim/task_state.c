/* The state of a task as OCI has it, with what OCI does not say in an object `taskshim`; the list; checking a config. */
#include "shim/json_put.h"
#include "shim/task.h"

#include "protocol/config.h"
#include "protocol/exit_record.h"
#include "protocol/stream.h"
#include "util/cgroup_freeze.h"
#include "util/fd.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_STATE;
	return ts_fail(e, err, what, object);
}

struct json_object *task_cgroup_map(const taskshim_task *task)
{
	struct json_object *map = json_object_new_object();

	for (size_t i = 0; map && task->has_id && i < task->id.n_cgroups; i++)
		if (json_put_string(map, task->id.cgroups[i].controller, task->id.cgroups[i].path) <
		    0) {
			json_object_put(map);
			return NULL;
		}
	return map;
}

static int put_limits(const taskshim_task *task, struct json_object *ours)
{
	struct json_object *limits;

	if (task_limits(task, &limits) < 0)
		return -1;
	return limits ? json_put(ours, "limits", limits) : 0;
}

static int put_extension(taskshim_task *task, struct json_object *state, enum task_status status,
			 bool limits)
{
	struct json_object *ours = json_object_new_object();

	if (json_put(state, "taskshim", ours) < 0)
		return -1;
	if (task->has_id &&
	    (json_put(ours, "monitorPid", json_object_new_int(task->id.monitor_pid)) < 0 ||
	     json_put_string(ours, "idString", task->id_string) < 0 ||
	     json_put(ours, "startTime", json_object_new_uint64(task->id.start_time)) < 0 ||
	     json_put(ours, "cgroup", task_cgroup_map(task)) < 0))
		return -1;
	if (limits && task->has_id && status != TASK_STOPPED && put_limits(task, ours) < 0)
		return -1;
	if (status == TASK_STOPPED && task->has_exited)
		return json_put(ours, "exit", exit_record_encode(&task->exited));
	return 0;
}

/* As with runc, a paused task is called that, whatever it would be else. NULL with @e filled: it cannot be known. */
static const char *status_text(const taskshim_task *task, enum task_status status,
			       struct ts_error *e)
{
	int paused = status == TASK_RUNNING || status == TASK_CREATED
			     ? cgroup_is_paused(&task->cgroups)
			     : 0;

	if (paused < 0)
		(void)fail(e, errno, "look whether it is paused", taskshim_task_id(task));
	return paused < 0 ? NULL : paused ? "paused" : task_status_name(status);
}

static int put_oci(taskshim_task *task, struct json_object *state, const char *status)
{
	pid_t pid = task->has_id && task_init_lives(task) ? task->id.pid : 0;
	char created[32];

	if (json_put_string(state, "ociVersion", "1.2.0") < 0 ||
	    json_put_string(state, "id", taskshim_task_id(task)) < 0 ||
	    json_put(state, "pid", json_object_new_int(pid)) < 0 ||
	    json_put_string(state, "status", status) < 0)
		return -1;
	if (!task->has_state)
		return json_put_string(state, "bundle", "");
	time_format(&task->state.created_at, created);
	if (json_put_string(state, "bundle", task->state.bundle) < 0 ||
	    json_put_string(state, "created", created) < 0)
		return -1;
	return task->state.annotations
		       ? json_put(state, "annotations", json_object_get(task->state.annotations))
		       : 0;
}

struct json_object *task_state_object(taskshim_task *task, unsigned parts, struct task_owner *owner,
				      struct ts_error *e)
{
	enum task_status status = task_status(task);
	struct json_object *state;
	const char *word;

	/* A record that cannot be read now is no record that is not there. */
	if (status == TASK_STOPPED && task_load_exit(task, e) < 0)
		return NULL;
	word = status_text(task, status, e);
	if (!word)
		return NULL;
	state = json_object_new_object();
	if (!state || put_oci(task, state, word) < 0)
		(void)fail(e, ENOMEM, "encode the state of", taskshim_task_id(task));
	else if ((!(parts & TASK_STATE_ROOTFS) || task_put_rootfs(task, state, e) == 0) &&
		 task_put_owner(task, owner, state, e) == 0) {
		if (put_extension(task, state, status, parts & TASK_STATE_LIMITS) == 0)
			return state;
		(void)fail(e, ENOMEM, "encode the state of", taskshim_task_id(task));
	}
	json_object_put(state);
	return NULL;
}

int taskshim_task_state(taskshim_task *task, char **ret, struct taskshim_error *error)
{
	struct ts_error e = {0};
	struct task_owner owner = {.uid = 0};
	struct json_object *state = task_state_object(task, TASK_STATE_ALL, &owner, &e);
	const char *text =
		state ? json_object_to_json_string_ext(
				state, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
					       JSON_C_TO_STRING_NOSLASHESCAPE)
		      : NULL;
	char *copy = text ? strdup(text) : NULL;

	if (state && !copy)
		(void)fail(&e, ENOMEM, "encode the state of", taskshim_task_id(task));
	json_object_put(state);
	if (!copy)
		return task_fail_public(&e, error);
	*ret = copy;
	return 0;
}

int taskshim_task_list(const char *root, int (*found)(const char *id, void *arg), void *arg,
		       struct taskshim_error *error)
{
	char path[PATH_MAX];
	struct ts_error e;

	if (statedir_root(root, path, &e) < 0 || statedir_each(path, found, arg, &e) < 0)
		return task_fail_public(&e, error);
	return 0;
}

/* Their ranges, and what this machine's layout has; where it has no cgroups, what v2 would have. */
static int check_limits(const struct config *config, struct ts_error *e)
{
	const struct oci_resources *resources = &config->linux_.resources;
	struct cgroup_host host = task_cgroup_host(false, ts_cgroup_layout(CGROUP_MOUNT));
	struct cgroup_plan plan;

	if (host.layout == TS_CGROUP_NONE || host.layout == TS_CGROUP_UNKNOWN)
		host.layout = TS_CGROUP_V2;
	cgroup_host_look(&host, resources);
	if (cgroup_plan_build(&host, config->linux_.cgroups_path, "x", resources,
			      device_rules_needed(config), &plan, e) < 0)
		return -1;
	cgroup_plan_done(&plan);
	return 0;
}

int taskshim_config_validate(const char *text, size_t len,
			     void (*unknown)(const char *path, void *arg), void *arg,
			     struct taskshim_error *error)
{
	struct ts_error e = {.step = TS_STEP_CONFIG};
	struct json_object *document;
	struct config *config;
	int r;

	if (document_parse(text, len, &document, &e) < 0)
		return task_fail_public(&e, error);
	r = config_decode(document, &config, &e);
	if (r == 0) {
		r = config_check_supported(config, &e);
		if (r == 0)
			r = check_limits(config, &e);
		if (r == 0 && unknown)
			config_list_unknown(document, unknown, arg);
		config_free(config);
	}
	json_object_put(document);
	return r < 0 ? task_fail_public(&e, error) : 0;
}
