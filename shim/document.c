/* Edits the config on its way to spawn-daemon. */
#include "shim/document.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

static int fail(struct ts_error *e)
{
	e->step = TS_STEP_CONFIG;
	return ts_fail(e, ENOMEM, "edit the config", NULL);
}

/* Adds @value (taken over, NULL is out of memory). */
static int add(struct json_object *object, const char *key, struct json_object *value)
{
	if (!value)
		return -1;
	if (json_object_object_add(object, key, value) == 0)
		return 0;
	json_object_put(value);
	return -1;
}

static int add_string(struct json_object *object, const char *key, const char *value)
{
	return add(object, key, json_object_new_string(value));
}

static int add_cgroups(struct json_object *taskshim, const struct cgroup_plan *plan)
{
	struct json_object *map;

	if (plan->n_dirs == 0)
		return 0;
	map = json_object_new_object();
	for (size_t i = 0; map && i < plan->n_dirs; i++)
		if (add_string(map, plan->dirs[i].controller, plan->dirs[i].path) < 0) {
			json_object_put(map);
			return -1;
		}
	return add(taskshim, "cgroup", map);
}

static int edit_taskshim(struct json_object *taskshim, const struct document_edit *edit)
{
	static const char *const names[] = {"stdin", "stdout", "stderr"};

	if (add_string(taskshim, "id", edit->id) < 0 ||
	    add_string(taskshim, "runId", edit->run_id) < 0 ||
	    add_string(taskshim, "stateDir", edit->state_dir) < 0)
		return -1;
	if (edit->unmonitored && add(taskshim, "monitor", json_object_new_boolean(0)) < 0)
		return -1;
	if (edit->kill_on_parent_death && add_string(taskshim, "onParentDeath", "kill") < 0)
		return -1;
	if (edit->clean_up && add(taskshim, "cleanUp", json_object_new_boolean(1)) < 0)
		return -1;
	for (size_t i = 0; i < 3; i++)
		if (edit->stdio[i] && !json_object_object_get(taskshim, names[i]) &&
		    add_string(taskshim, names[i], edit->stdio[i]) < 0)
			return -1;
	return add_cgroups(taskshim, edit->plan);
}

int document_edit(struct json_object *document, const struct document_edit *edit,
		  struct ts_error *e)
{
	/* NULL for what is absent and for null, which is the same. */
	struct json_object *linux_object = json_object_object_get(document, "linux");
	struct json_object *taskshim = json_object_object_get(document, "taskshim");

	if (linux_object) {
		json_object_object_del(linux_object, "cgroupsPath");
		json_object_object_del(linux_object, "resources");
	}
	if (!taskshim) {
		taskshim = json_object_new_object();
		if (add(document, "taskshim", taskshim) < 0)
			return fail(e);
	}
	return edit_taskshim(taskshim, edit) < 0 ? fail(e) : 0;
}
