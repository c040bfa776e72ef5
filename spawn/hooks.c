/* Runs the task's hooks. */
#include "spawn/hooks.h"
#include "spawn/init.h"
#include "spawn/steps.h"

#include "protocol/hooks_record.h"
#include "protocol/json_write.h"
#include "protocol/state_files.h"
#include "protocol/stream.h"
#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* --- the plan --- */

int hooks_plan(struct plan *plan, struct ts_error *e)
{
	const struct config *config = plan->config;
	char bundle[PATH_MAX];

	if (!hooks_has_any(config))
		return 0;
	e->step = TS_STEP_HOOK;
	if (!getcwd(bundle, sizeof bundle))
		return ts_fail(e, errno, "find working directory", NULL);
	plan->hook_state = hooks_state(
		config, config->taskshim.id ? config->taskshim.id : plan->run_id, bundle);
	if (!plan->hook_state)
		return ts_fail(e, ENOMEM, "hooks", NULL);
	for (int kind = 0; kind < OCI_HOOK_COUNT; kind++) {
		if (config->hooks[kind].n == 0)
			continue;
		plan->hooks[kind] = hooks_prepare(&config->hooks[kind]);
		if (!plan->hooks[kind])
			return ts_fail(e, ENOMEM, "hooks", NULL);
	}
	return 0;
}

bool hooks_are_awaited(const struct plan *plan)
{
	return plan->hooks[OCI_HOOK_PRESTART] || plan->hooks[OCI_HOOK_CREATE_RUNTIME];
}

/* --- running them --- */

static void warn(const struct ts_error *e, void *arg)
{
	(void)arg;
	(void)dprintf(STDERR_FILENO, "spawn-daemon: warning: hook: %s%s%s\n", e->msg,
		      e->err ? ": " : "", ts_errno_text(e->err));
}

static int run(const struct plan *plan, enum oci_hook_kind kind, struct hook_place *place,
	       struct ts_error *e)
{
	if (!plan->hooks[kind])
		return 0;
	place->kind = hooks_kind_name(kind);
	place->state = plan->hook_state;
	return hooks_run(plan->hooks[kind], plan->config->hooks[kind].n, place,
			 kind == OCI_HOOK_POSTSTART ? warn : NULL, NULL, e);
}

int hooks_run_create(const struct plan *plan, pid_t pid, int pidfd, bool (*cancelled)(void *arg),
		     void *arg, struct ts_error *e)
{
	struct hook_place place = {
		.status = "creating",
		.pid = pid,
		.cwd_fd = -1,
		.proc_fd = -1,
		.pidfd = pidfd,
		.cancel_fd = STDIN_FILENO,
		.is_cancelled = cancelled,
		.arg = arg,
		.let_go = true,
	};

	if (run(plan, OCI_HOOK_PRESTART, &place, e) < 0)
		return -1;
	return run(plan, OCI_HOOK_CREATE_RUNTIME, &place, e);
}

void hooks_run_poststart(const struct plan *plan, pid_t pid)
{
	/* What such a hook leaves behind may become ours: to let go of it would let go of the task's orphans, too. */
	struct hook_place place = {
		.status = "running",
		.pid = pid,
		.cwd_fd = -1,
		.proc_fd = -1,
		.pidfd = -1,
		.cancel_fd = plan->config->taskshim.kill_on_parent_death ? STDIN_FILENO : -1,
	};
	struct ts_error ignored;

	(void)run(plan, OCI_HOOK_POSTSTART, &place, &ignored);
}

/* The end of the channel is the death of the monitor; spawn-daemon of an unmonitored task has left when it starts. */
int step_hooks(struct task *task, struct ts_error *e)
{
	const struct plan *plan = task->plan;
	struct hook_place place = {
		.status = "creating",
		.pid = task->pid,
		.cwd_fd = -1,
		.pidfd = -1,
		.cancel_fd = task->channel,
	};

	if (!plan->hook_state)
		return 0;
	task->proc_fd = ts_open_proc();
	if (task->proc_fd < 0)
		return ts_fail(e, errno, "open", "/proc");
	place.proc_fd = task->proc_fd;
	if (hooks_are_awaited(plan) && init_await_hooks(task, e) < 0)
		return -1;
	return run(plan, OCI_HOOK_CREATE_CONTAINER, &place, e);
}

int hooks_run_start_container(const struct task *task, struct ts_error *e)
{
	struct hook_place place = {
		.status = "created",
		.pid = task->pid,
		.cwd_fd = -1,
		.proc_fd = task->proc_fd,
		.pidfd = -1,
		.cancel_fd = task->plan->config->taskshim.monitor ? task->channel : -1,
	};

	return run(task->plan, OCI_HOOK_START_CONTAINER, &place, e);
}

/* --- poststop --- */

static void run_record(const struct hooks_record *record)
{
	_cleanup_fd_ int bundle_fd =
		record->bundle ? open(record->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	const struct hook_place place = {
		.kind = hooks_kind_name(OCI_HOOK_POSTSTOP),
		.status = "stopped",
		.state = record->state,
		.cwd_fd = bundle_fd,
		.proc_fd = -1,
		.pidfd = -1,
		.cancel_fd = -1,
	};
	_cleanup_free_ struct hook *hooks = hooks_prepare(&record->poststop);
	struct ts_error e = {.err = ENOMEM, .msg = "poststop hooks"};

	if (hooks)
		(void)hooks_run(hooks, record->poststop.n, &place, warn, NULL, &e);
	else
		warn(&e, NULL);
}

static void run_text(const char *text, size_t len)
{
	struct json_object *object;
	struct hooks_record record = {0};
	struct ts_error e = {0};
	int r = document_parse(text, len, &object, &e);

	if (r == 0) {
		r = hooks_record_decode(object, &record, &e);
		json_object_put(object);
	}
	if (r < 0) {
		warn(&e, NULL);
		return;
	}
	run_record(&record);
	hooks_record_done(&record);
}

void hooks_run_owed(int state_dir_fd)
{
	_cleanup_free_ char *text = NULL;
	struct ts_error e = {0};
	size_t len;

	if (ts_read_file_at(state_dir_fd, STATEDIR_HOOKS, STREAM_DOCUMENT_MAX, &text, &len) == 0) {
		run_text(text, len);
		(void)unlinkat(state_dir_fd, STATEDIR_HOOKS, 0);
	} else if (errno != ENOENT) {
		(void)ts_fail(&e, errno, "read", STATEDIR_HOOKS);
		warn(&e, NULL);
	}
}

void hooks_run_kept(int fd)
{
	_cleanup_free_ char *text = malloc(STREAM_DOCUMENT_MAX);
	ssize_t len = -1;

	if (text && lseek(fd, 0, SEEK_SET) == 0)
		len = ts_read_text(fd, text, STREAM_DOCUMENT_MAX);
	if (len > 0)
		run_text(text, (size_t)len);
}

/* --- for later --- */

/* Calls @write with the text of hooks.json. */
static int with_record(const struct plan *plan,
		       int (*write)(const struct plan *, const char *text, size_t len, void *arg),
		       void *arg, struct ts_error *e)
{
	const struct config *config = plan->config;
	const char *id = config->taskshim.id ? config->taskshim.id : plan->run_id;
	struct json_object *object = NULL;
	_cleanup_free_ char *text = NULL;
	char bundle[PATH_MAX];
	int r;

	e->step = TS_STEP_HOOK;
	if (getcwd(bundle, sizeof bundle))
		object = hooks_record_encode(config, id, bundle, !config->taskshim.monitor);
	text = json_print_new(object);
	json_object_put(object);
	r = text ? write(plan, text, strlen(text), arg) : -1;
	return r < 0 ? ts_fail(e, text ? errno : ENOMEM, "write", STATEDIR_HOOKS) : 0;
}

static int write_to_directory(const struct plan *plan, const char *text, size_t len, void *arg)
{
	(void)arg;
	return ts_write_file_atomic(plan->state_dir_fd, STATEDIR_HOOKS, text, len,
				    plan->config->taskshim.durable);
}

static int write_to_memory(const struct plan *plan, const char *text, size_t len, void *arg)
{
	_cleanup_fd_ int fd = memfd_create("hooks", MFD_CLOEXEC);

	(void)plan;
	if (fd < 0 || ts_write_all(fd, text, len) < 0)
		return -1;
	*(int *)arg = ts_fd_take(&fd);
	return 0;
}

int hooks_write(const struct plan *plan, struct ts_error *e)
{
	bool poststart = plan->hooks[OCI_HOOK_POSTSTART] && !plan->config->taskshim.monitor;

	if (plan->state_dir_fd < 0 || (!plan->hooks[OCI_HOOK_POSTSTOP] && !poststart))
		return 0;
	return with_record(plan, write_to_directory, NULL, e);
}

int hooks_keep(const struct plan *plan, int *ret, struct ts_error *e)
{
	*ret = -1;
	if (plan->config->taskshim.state_dir || !plan->hooks[OCI_HOOK_POSTSTOP])
		return 0;
	return with_record(plan, write_to_memory, ret, e);
}
