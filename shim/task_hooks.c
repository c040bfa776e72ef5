/* The hooks that are left when spawn-daemon has done its part: poststart of an unmonitored task, for who starts it, and poststop,
 * for who removes it. hooks.json in the state directory says which. */
#include "shim/task.h"

#include "protocol/hooks_record.h"
#include "protocol/stream.h"
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>

static void warn(const struct ts_error *e, void *arg)
{
	task_warn(arg, e);
}

/* Returns whether there are any; what cannot be read is a warning. */
static bool load(taskshim_task *task, struct hooks_record *ret)
{
	struct json_object *object = NULL;
	struct ts_error e;
	int r;

	if (task_read_json(task, STATEDIR_HOOKS, STREAM_DOCUMENT_MAX, &object, &e) < 0) {
		if (e.err != ENOENT)
			task_warn(task, &e);
		return false;
	}
	r = hooks_record_decode(object, ret, &e);
	json_object_put(object);
	if (r < 0) {
		e.step = TS_STEP_HOOK;
		task_warn(task, &e);
	}
	return r == 0;
}

static void run(taskshim_task *task, const struct hooks_record *record, enum oci_hook_kind kind,
		const char *status)
{
	const struct oci_hook_list *list =
		kind == OCI_HOOK_POSTSTOP ? &record->poststop : &record->poststart;
	_cleanup_free_ struct hook *hooks = list->n > 0 ? hooks_prepare(list) : NULL;
	_cleanup_fd_ int bundle_fd =
		record->bundle ? open(record->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	const struct hook_place place = {
		.kind = hooks_kind_name(kind),
		.status = status,
		.pid = kind == OCI_HOOK_POSTSTOP ? 0 : task->id.pid,
		.state = record->state,
		.cwd_fd = bundle_fd,
		.proc_fd = -1,
		.pidfd = -1,
		.cancel_fd = -1,
	};
	struct ts_error e = {.step = TS_STEP_HOOK};

	if (hooks)
		(void)hooks_run(hooks, list->n, &place, warn, task, &e);
	else if (list->n > 0 && ts_fail(&e, ENOMEM, place.kind, NULL) < 0)
		task_warn(task, &e);
}

void task_run_poststart(taskshim_task *task)
{
	struct hooks_record record;

	if (!load(task, &record))
		return;
	run(task, &record, OCI_HOOK_POSTSTART, "running");
	hooks_record_done(&record);
}

void task_run_poststop(taskshim_task *task)
{
	struct hooks_record record;

	if (task->dir.fd < 0 || task->no_poststop || !load(task, &record))
		return;
	run(task, &record, OCI_HOOK_POSTSTOP, "stopped");
	hooks_record_done(&record);
	/* Should what follows fail, the next who removes the task does not run them again. */
	(void)unlinkat(task->dir.fd, STATEDIR_HOOKS, 0);
}
