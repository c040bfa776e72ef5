/* Edits the config on its way to spawn-daemon. */
#include "shim/document.h"
#include "shim/json_put.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

static int fail(struct ts_error *e)
{
	e->step = TS_STEP_CONFIG;
	return ts_fail(e, ENOMEM, "edit the config", NULL);
}

static int add_cgroups(struct json_object *taskshim, const struct cgroup_plan *plan)
{
	struct json_object *map;

	if (plan->n_dirs == 0)
		return 0;
	map = json_object_new_object();
	for (size_t i = 0; map && i < plan->n_dirs; i++)
		if (json_put_string(map, plan->dirs[i].controller, plan->dirs[i].path) < 0) {
			json_object_put(map);
			return -1;
		}
	return json_put(taskshim, "cgroup", map);
}

/* A terminal is all three. */
static int add_streams(struct json_object *taskshim, bool terminal,
		       const struct document_edit *edit)
{
	static const char *const names[] = {"stdin", "stdout", "stderr"};

	if (terminal)
		return edit->console ? json_put_string(taskshim, "consoleSocket", edit->console)
				     : 0;
	for (size_t i = 0; i < 3; i++)
		if (edit->stdio[i] && !json_object_object_get(taskshim, names[i]) &&
		    json_put_string(taskshim, names[i], edit->stdio[i]) < 0)
			return -1;
	return 0;
}

static int edit_taskshim(struct json_object *taskshim, const struct document_edit *edit)
{
	if (json_put_string(taskshim, "runId", edit->run_id) < 0)
		return -1;
	if (edit->state_dir && (json_put_string(taskshim, "id", edit->id) < 0 ||
				json_put_string(taskshim, "stateDir", edit->state_dir) < 0))
		return -1;
	if (edit->unmonitored && json_put(taskshim, "monitor", json_object_new_boolean(0)) < 0)
		return -1;
	if (edit->kill_on_parent_death && json_put_string(taskshim, "onParentDeath", "kill") < 0)
		return -1;
	if (edit->clean_up && json_put(taskshim, "cleanUp", json_object_new_boolean(1)) < 0)
		return -1;
	if (edit->n_fds > 0 &&
	    json_put(taskshim, "preserveFds", json_object_new_int64((int64_t)edit->n_fds)) < 0)
		return -1;
	return add_cgroups(taskshim, edit->plan);
}

int document_edit(struct json_object *document, const struct document_edit *edit,
		  struct ts_error *e)
{
	/* NULL for what is absent and for null, which is the same. */
	struct json_object *linux_object = json_object_object_get(document, "linux");
	struct json_object *taskshim = json_object_object_get(document, "taskshim");
	struct json_object *process = json_object_object_get(document, "process");
	bool terminal = json_object_get_boolean(json_object_object_get(process, "terminal"));

	if (linux_object) {
		json_object_object_del(linux_object, "cgroupsPath");
		json_object_object_del(linux_object, "resources");
	}
	if (!taskshim) {
		taskshim = json_object_new_object();
		if (json_put(document, "taskshim", taskshim) < 0)
			return fail(e);
	}
	return edit_taskshim(taskshim, edit) < 0 || add_streams(taskshim, terminal, edit) < 0
		       ? fail(e)
		       : 0;
}
