/* The first half of a start: the id is claimed, spawn-daemon runs, the cgroups are made, the config is handed over. */
#include "shim/task.h"

#include "protocol/config.h"
#include "shim/document.h"
#include "shim/launch.h"
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	NEW_ID_LEN = 12, /* digits of the run id: enough to be unique on one machine */
	OWN_FDS = 8, /* at most: spawn-daemon's 0, 1, 2, the task's, explain's, the console's */
};

static int fail(struct ts_error *e, enum ts_step step, int err, const char *what,
		const char *object)
{
	e->step = step;
	return ts_fail(e, err, what, object);
}

int task_claim(const struct taskshim_options *options, taskshim_task **ret, struct ts_error *e)
{
	char root[PATH_MAX], new_id[NEW_ID_LEN + 1];
	const char *id = options->id;
	taskshim_task *task;

	if (id && strcmp(id, "monitors") == 0) /* the cgroup beside the tasks' */
		return fail(e, TS_STEP_STATE, EINVAL, "this task id is reserved", id);
	if (statedir_root(options->root, root, e) < 0)
		return -1;
	task = task_new();
	if (!task)
		return fail(e, TS_STEP_STATE, ENOMEM, "task", id);
	task->flags = options->flags;
	task->warner = (struct warner){options->warn, options->warn_arg};
	if (ts_run_id_new(task->cgroups.run_id) < 0) {
		taskshim_task_free(task);
		return fail(e, TS_STEP_STATE, errno, "getrandom", NULL);
	}
	if (!id) {
		(void)snprintf(new_id, sizeof new_id, "%.*s", NEW_ID_LEN, task->cgroups.run_id);
		id = new_id;
	}
	if (statedir_create(root, id, &task->dir, e) < 0) {
		taskshim_task_free(task);
		return -1;
	}
	*ret = task;
	return 0;
}

/* Standard input of spawn-daemon is a socket, so that a write to a dead one answers EPIPE without SIGPIPE, which belongs
 * to the driver; its output is a pipe. */
static int open_channels(int control[static 2], int status[static 2], struct ts_error *e)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0 ||
	    pipe2(status, O_CLOEXEC) < 0)
		return fail(e, TS_STEP_MONITOR, errno, "make the channels to spawn-daemon", NULL);
	return 0;
}

/* The descriptors of spawn-daemon: channels, diagnostics, then the task's own from 3 on: those that keep their numbers first. */
static void plan_fds(const struct taskshim_options *options, int control, int status, int null_fd,
		     struct launch *launch)
{
	launch->fds[0] = control;
	launch->fds[1] = status;
	launch->fds[2] = options->monitor_stderr >= 0 ? options->monitor_stderr : null_fd;
	launch->n_fds = 3;
	for (size_t i = 0; i < options->n_fds; i++)
		launch->fds[launch->n_fds++] = options->fds[i];
	for (size_t i = 0; i < 3; i++)
		if (options->stdio[i] >= 0)
			launch->fds[launch->n_fds++] = options->stdio[i];
}

/* The monitor of a detached task is born in a cgroup of its own kind. The end of another task may remove that cgroup while
 * it is empty, between our opening and the clone. */
static int launch_in_cgroup(taskshim_task *task, struct launch *launch, struct ts_error *e)
{
	enum { TRIES = 16 };
	int r = -1;

	for (int tries = 0; r < 0 && tries < TRIES; tries++) {
		_cleanup_fd_ int cgroup_fd = -1;
		_cleanup_fd_ int tasks_fd = -1;

		if (task->flags & TASKSHIM_DETACHED && !(task->flags & TASKSHIM_ROOTLESS) &&
		    cgroup_open_monitors(CGROUP_MOUNT, task->layout, task->dir.fd, &cgroup_fd,
					 &tasks_fd, e) < 0)
			return -1;
		launch->cgroup_fd = cgroup_fd;
		launch->tasks_fd = tasks_fd;
		r = launch_start(launch, &task->daemon_pid, &task->daemon_pidfd, e);
		/* ENOENT: so says clone3 of a cgroup that is on its way out */
		if (r < 0 &&
		    ((cgroup_fd < 0 && tasks_fd < 0) || (e->err != ENODEV && e->err != ENOENT)))
			return -1;
	}
	return r;
}

int task_spawn(taskshim_task *task, const struct taskshim_options *options, struct ts_error *e)
{
	int control[2] = {-1, -1}, status[2] = {-1, -1};
	_cleanup_fd_ int null_fd = -1;
	_cleanup_fd_ int bundle_fd = -1;
	char program[PATH_MAX];
	int fds[CONFIG_PRESERVE_FDS_MAX + OWN_FDS], scratch[CONFIG_PRESERVE_FDS_MAX + OWN_FDS];
	struct launch launch = {.path = program, .fds = fds, .scratch = scratch};
	int r = -1;

	if (options->n_fds > CONFIG_PRESERVE_FDS_MAX)
		return fail(e, TS_STEP_USAGE, EINVAL, "more descriptors than a task can be given",
			    taskshim_task_id(task));
	if (launch_find(options->spawn_daemon, program, sizeof program, e) < 0)
		return -1;
	if (options->monitor_stderr < 0) {
		null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (null_fd < 0)
			return fail(e, TS_STEP_MONITOR, errno, "open", "/dev/null");
	}
	if (options->bundle) {
		bundle_fd = open(options->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (bundle_fd < 0)
			return fail(e, TS_STEP_CONFIG, errno, "open bundle", options->bundle);
	}
	task->layout =
		task->flags & TASKSHIM_NO_CGROUPS ? TS_CGROUP_NONE : ts_cgroup_layout(CGROUP_MOUNT);
	if (task->layout == TS_CGROUP_UNKNOWN)
		return fail(e, TS_STEP_CGROUP, errno, "find the cgroup hierarchies below",
			    CGROUP_MOUNT);
	if (open_channels(control, status, e) == 0) {
		plan_fds(options, control[1], status[1], null_fd, &launch);
		if (task->explain_fd >= 0) {
			launch.explain_fd = (int)launch.n_fds;
			launch.fds[launch.n_fds++] = task->explain_fd;
		}
		if (task->console_fd >= 0) {
			task->console_number = (int)launch.n_fds;
			launch.fds[launch.n_fds++] = task->console_fd;
		}
		launch.cwd_fd = bundle_fd >= 0 ? bundle_fd : task->dir.fd;
		r = launch_in_cgroup(task, &launch, e);
	}
	if (r == 0) {
		task->control_fd = ts_fd_take(&control[0]);
		task->status_fd = ts_fd_take(&status[0]);
	}
	for (size_t i = 0; i < 2; i++) {
		ts_fd_closep(&control[i]);
		ts_fd_closep(&status[i]);
	}
	return r;
}

/* --- the config --- */

static int plan_cgroups(taskshim_task *task, const struct config *config, struct cgroup_plan *plan,
			struct ts_error *e)
{
	const struct oci_resources *resources = &config->linux_.resources;
	struct cgroup_host host = task_cgroup_host(task->flags & TASKSHIM_NO_CGROUPS, task->layout);

	if (config->taskshim.cgroups.n == 0 && task->flags & TASKSHIM_ROOTLESS) {
		cgroup_host_look(&host, resources);
		return cgroup_plan_rootless(&host, config, taskshim_task_id(task), &task->warner,
					    plan, e);
	}
	if (config->taskshim.cgroups.n == 0) {
		if (host.mount && host.layout == TS_CGROUP_NONE)
			return fail(
				e, TS_STEP_CGROUP, ENOENT,
				"no cgroup filesystem is mounted (--cgroup-manager disabled does "
				"without)",
				host.mount);
		cgroup_host_look(&host, resources);
		return cgroup_plan_build(&host, config->linux_.cgroups_path, taskshim_task_id(task),
					 resources, device_rules_needed(config), plan, e) < 0
			       ? -1
			       : cgroup_resolve(plan, e);
	}
	/* Pre-created ones are joined as they are: their limits are whoever's made them. */
	if (config->linux_.cgroups_path || cgroup_resources_ask(resources))
		return fail(e, TS_STEP_CONFIG, 0,
			    "taskshim.cgroup excludes linux.cgroupsPath and linux.resources", NULL);
	return 0;
}

/* Decodes and plans; the config does not outlive this, since the document is edited next. */
static int read_document(taskshim_task *task, const struct taskshim_options *options,
			 struct json_object *document, struct cgroup_plan *plan, struct ts_error *e)
{
	struct config *config;
	int r;

	if (config_decode(document, &config, e) < 0)
		return -1;
	r = config_check_supported(config, e);
	if (r == 0)
		r = plan_cgroups(task, config, plan, e);
	if (!config->taskshim.monitor)
		task->flags |= TASKSHIM_UNMONITORED;
	task->no_poststop = config->hooks[OCI_HOOK_POSTSTOP].n == 0;
	if (r == 0 && task->flags & TASKSHIM_UNMONITORED &&
	    task->flags & TASKSHIM_KILL_ON_PARENT_DEATH)
		r = fail(e, TS_STEP_CONFIG, 0,
			 "taskshim.monitor: false cannot be run in the foreground", "use -d");
	if (r == 0 && config->taskshim.preserve_fds > 0 &&
	    config->taskshim.preserve_fds != options->n_fds)
		r = ts_failf(e, 0,
			     "taskshim.preserveFds: %u, but %zu are handed over (--preserve-fds)",
			     config->taskshim.preserve_fds, options->n_fds);
	config_free(config);
	return r;
}

static int edit_document(const taskshim_task *task, const struct taskshim_options *options,
			 const struct cgroup_plan *plan, struct json_object *document,
			 struct ts_error *e)
{
	char fds[3][16], paths[3][PATH_MAX + 16], console[16];
	struct document_edit edit = {
		.id = taskshim_task_id(task),
		.run_id = task->cgroups.run_id,
		.state_dir = task->dir.fd >= 0 ? task->dir.path : NULL,
		.unmonitored = task->flags & TASKSHIM_UNMONITORED,
		.kill_on_parent_death = task->flags & TASKSHIM_KILL_ON_PARENT_DEATH,
		.clean_up = task->flags & TASKSHIM_CLEAN_UP,
		.n_fds = options->n_fds,
		.plan = plan,
	};
	int next = 3 + (int)options->n_fds;

	for (size_t i = 0; i < 3; i++) {
		if (options->stdio[i] >= 0) {
			(void)snprintf(fds[i], sizeof fds[i], "fd:%d", next++);
			edit.stdio[i] = fds[i];
		} else if (i > 0 && task->flags & TASKSHIM_LOG_FILES) {
			(void)snprintf(paths[i], sizeof paths[i], "%s/%s", task->dir.path,
				       i == 1 ? STATEDIR_STDOUT : STATEDIR_STDERR);
			edit.stdio[i] = paths[i];
		}
	}
	if (task->console_number > 0) {
		(void)snprintf(console, sizeof console, "fd:%d", task->console_number);
		edit.console = console;
	}
	return document_edit(document, &edit, e);
}

/* Sends all of it. What spawn-daemon said before it died is worth more than EPIPE. */
static int send_all(taskshim_task *task, const char *text, size_t len, struct ts_error *e)
{
	while (len > 0) {
		ssize_t n = send(task->control_fd, text, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int err = errno;

			/* Should it live, it must not wait for what will not come. */
			(void)shutdown(task->control_fd, SHUT_WR);
			if ((err == EPIPE || err == ECONNRESET) &&
			    task_await(task, MESSAGE_TYPE_COUNT, e) < 0 &&
			    e->step != TS_STEP_MONITOR)
				return -1;
			return fail(e, TS_STEP_MONITOR, err, "send the config to spawn-daemon",
				    NULL);
		}
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The document on one line, the newline, and @gate, if there is one: malloc'ed, *@ret_len of the document alone; or NULL with @e
 * filled. */
static char *encode(struct json_object *document, const char *gate, size_t *ret_len,
		    struct ts_error *e)
{
	const char *text = json_object_to_json_string_length(
		document, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, ret_len);
	char *buffer;

	if (text && asprintf(&buffer, "%s\n%s", text, gate ? gate : "") >= 0)
		return buffer;
	(void)fail(e, TS_STEP_CONFIG, ENOMEM, "encode the config", NULL);
	return NULL;
}

int task_configure(taskshim_task *task, const struct taskshim_options *options,
		   struct json_object *document, const char *gate, struct ts_error *e)
{
	_cleanup_free_ char *text = NULL;
	struct cgroup_plan plan = {0};
	const char *config;
	size_t len;
	int r = -1;

	if ((task->flags & TASKSHIM_NOTIFY && task_add_notify(task, document, e) < 0) ||
	    read_document(task, options, document, &plan, e) < 0 ||
	    edit_document(task, options, &plan, document, e) < 0 ||
	    !(text = encode(document, gate, &len, e)))
		goto out;
	/* config.json names the cgroups before there are any: whoever finds the directory of a crashed start knows what to
	 * look for. */
	config = task->flags & TASKSHIM_UNMONITORED ? STATEDIR_UNFINISHED : STATEDIR_CONFIG;
	if (statedir_write(&task->dir, config, text, len, e) == 0 &&
	    send_all(task, text, len, e) == 0 && /* and meanwhile ... */
	    cgroup_make(&plan, &task->cgroups, task->dir.fd, &task->warner, e) == 0)
		r = send_all(task, text + len, strlen(text + len), e);
out:
	cgroup_plan_done(&plan);
	return r;
}

int task_send(taskshim_task *task, const struct taskshim_options *options,
	      struct json_object *document, struct ts_error *e)
{
	_cleanup_free_ char *text = NULL;
	const struct cgroup_plan no_plan = {0};
	size_t len;

	if (edit_document(task, options, &no_plan, document, e) < 0 ||
	    !(text = encode(document, NULL, &len, e)))
		return -1;
	return send_all(task, text, strlen(text), e);
}

int task_send_gate(taskshim_task *task, bool start, struct ts_error *e)
{
	const char *text = start ? "true\n" : "false\n";

	return send_all(task, text, strlen(text), e);
}
