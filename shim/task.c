/* The handle itself: made, asked, freed. */
#include "shim/task.h"

#include "shim/stats.h"
#include "util/fd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *taskshim_version(void)
{
	return TASKSHIM_VERSION;
}

taskshim_task *task_new(void)
{
	taskshim_task *task = calloc(1, sizeof *task);

	if (!task)
		return NULL;
	task->dir.fd = task->dir.root_fd = -1;
	task->daemon_pidfd = task->control_fd = task->status_fd = task->explain_fd = -1;
	task->console_fd = task->cancel_fd = -1;
	task->init_pidfd = task->monitor_pidfd = -1;
	return task;
}

void taskshim_task_free(taskshim_task *task)
{
	struct ts_error ignored;

	if (!task)
		return;
	/* Our child, if it has ended. One that lives is the driver's to reap, as it gets the SIGCHLD. */
	if (task->daemon_pid != 0)
		(void)task_reap(task, 0, &ignored);
	statedir_done(&task->dir);
	cgroup_refs_done(&task->cgroups);
	ts_fd_closep(&task->daemon_pidfd);
	ts_fd_closep(&task->control_fd);
	ts_fd_closep(&task->status_fd);
	ts_fd_closep(&task->init_pidfd);
	ts_fd_closep(&task->monitor_pidfd);
	stats_free(task->stats);
	free(task->lines);
	free(task->id_string);
	if (task->has_id)
		id_string_done(&task->id);
	if (task->has_state)
		state_done(&task->state);
	if (task->has_exited)
		exit_record_done(&task->exited);
	free(task);
}

int task_fail_public(const struct ts_error *e, struct taskshim_error *public)
{
	if (public) {
		public->step = ts_step_name(e->step);
		public->err = e->err;
		(void)snprintf(public->message, sizeof public->message, "%s", e->msg);
	}
	return -1;
}

const char *taskshim_task_id(const taskshim_task *task)
{
	if (task->dir.path[0])
		return task->dir.path + task->dir.root_len + 1;
	return task->has_id && task->id.id ? task->id.id : "";
}

const char *taskshim_task_id_string(const taskshim_task *task)
{
	return task->id_string ? task->id_string : "";
}

pid_t taskshim_task_pid(const taskshim_task *task)
{
	return task->has_id ? task->id.pid : 0;
}

int taskshim_task_fd(taskshim_task *task)
{
	if (task->daemon_pidfd >= 0 && !(task->flags & TASKSHIM_UNMONITORED))
		return task->daemon_pidfd;
	return task_monitor_pidfd(task) >= 0 ? task->monitor_pidfd : task_init_pidfd(task);
}
