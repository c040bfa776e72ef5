/* A task's processes: found, proven to be the task's, and what its status is by what the kernel says of them now. */
#include "shim/task.h"

#include "util/fd.h"
#include "util/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_this_boot(const taskshim_task *task)
{
	return strcmp(task->boot_id, task->id.boot_id) == 0;
}

/* @pidfd -1: errno says whether that is because the process is gone. */
static bool lives(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int r = -1;

	if (pidfd < 0)
		return errno != ESRCH;
	for (int tries = 0; r < 0 && tries < 3; tries++)
		r = poll(&p, 1, 0);
	return r != 1;
}

static int open_pidfd(taskshim_task *task, int *fd, pid_t pid, uint64_t start, uint64_t inode)
{
	if (*fd >= 0)
		return *fd;
	if (*fd == TASK_GONE) {
		errno = ESRCH;
		return -1;
	}
	if (task->has_id && !task->boot_id[0] && ts_boot_id(task->boot_id) < 0) {
		errno = EIO; /* ENOENT would say that there is no such process */
		return -1;
	}
	if (!task->has_id || pid <= 0 || !is_this_boot(task)) {
		errno = ESRCH;
		return -1;
	}
	*fd = ts_pidfd_open_checked(pid, start, inode);
	if (*fd >= 0)
		return *fd;
	if (errno == ESRCH) /* for good: its number may be another's next */
		*fd = TASK_GONE;
	return -1;
}

int task_init_pidfd(taskshim_task *task)
{
	return open_pidfd(task, &task->init_pidfd, task->id.pid, task->id.start_time,
			  task->id.pidfd_inode);
}

int task_monitor_pidfd(taskshim_task *task)
{
	return open_pidfd(task, &task->monitor_pidfd, task->id.monitor_pid,
			  task->id.monitor_start_time, 0); /* it is waited for, never signalled */
}

int task_look(taskshim_task *task, struct ts_error *e)
{
	bool known = task_init_pidfd(task) >= 0 || errno == ESRCH;

	if (known && !task->init_alone)
		known = task_monitor_pidfd(task) >= 0 || errno == ESRCH;
	if (known)
		return 0;
	e->step = TS_STEP_STATE;
	return ts_fail(e, errno, "look for the processes of", taskshim_task_id(task));
}

bool task_init_lives(taskshim_task *task)
{
	return lives(task_init_pidfd(task));
}

bool task_monitor_lives(taskshim_task *task)
{
	return lives(task_monitor_pidfd(task));
}

/* --- the proof for an ID string that stands alone --- */

/* The parent of @pid, from field 4 of /proc/PID/stat; 0 when that cannot be read. */
static pid_t parent_of(pid_t pid)
{
	char path[32], text[512];
	const char *end;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (ts_read_text_at(AT_FDCWD, path, text, sizeof text) < 0)
		return 0;
	end = strrchr(text, ')'); /* the name may hold anything */
	return end && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

/* Whether @pid is a spawn-daemon of ours. Its name cannot be a task's doing: init's parent is not in the task. */
static bool is_monitor(pid_t pid)
{
	char path[32], comm[32];
	struct stat st;

	(void)snprintf(path, sizeof path, "/proc/%d", (int)pid);
	if (pid <= 0 || stat(path, &st) < 0 || st.st_uid != geteuid())
		return false;
	(void)snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
	return ts_read_text_at(AT_FDCWD, path, comm, sizeof comm) > 0 &&
	       strcmp(comm, "spawn-daemon\n") == 0;
}

/* A process is the task's when it is in a cgroup that carries the run's mark, or the child of its monitor. */
static bool is_proven(const taskshim_task *task)
{
	pid_t parent;

	if (cgroup_contains(&task->cgroups, task->id.pid) == 1)
		return true;
	parent = parent_of(task->id.pid);
	return is_monitor(parent) && (task->id.monitor_pid == 0 || task->id.monitor_pid == parent);
}

static int refuse(const taskshim_task *task, int err, const char *what, struct ts_error *e)
{
	e->step = TS_STEP_STATE;
	return ts_fail(e, err, what, task->id.id ? task->id.id : task->id_string);
}

int task_prove(taskshim_task *task, struct ts_error *e)
{
	if (task_look(task, e) < 0)
		return -1;
	if (!is_this_boot(task))
		return refuse(task, ENOENT,
			      "the task does not exist: the machine was restarted since", e);
	if (task_init_lives(task))
		return is_proven(task) ? 0
				       : refuse(task, EPERM,
						"the process is not proven to be the task's", e);
	if (cgroup_find_stranger(&task->cgroups))
		return refuse(task, EPERM, "the cgroup is not proven to be the task's", e);
	if (task_monitor_lives(task) && !is_monitor(task->id.monitor_pid))
		return refuse(task, EPERM, "the process is not proven to be the task's monitor", e);
	if (task_monitor_lives(task) || cgroup_exists(&task->cgroups))
		return 0;
	return refuse(task, ENOENT, "the task does not exist: nothing of it is left", e);
}

/* --- status --- */

/* The gate stays behind when whoever opened it dies before it is removed: so ask for whoever waits behind it. */
static bool waits_at_gate(taskshim_task *task)
{
	if (task->dir.fd < 0 ||
	    faccessat(task->dir.fd, STATEDIR_GATE, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	return task->flags & TASKSHIM_UNMONITORED ? gate_is_closed(task) : task_monitor_lives(task);
}

bool task_goes_on(taskshim_task *task)
{
	char path[64], text[256], *end;
	long first;

	if (task_init_lives(task))
		return true;
	if (!task_monitor_lives(task) || task->id.monitor_pid == 0)
		return false;
	(void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)task->id.monitor_pid,
		       (int)task->id.monitor_pid);
	if (ts_read_text_at(AT_FDCWD, path, text, sizeof text) <= 0)
		return false;
	first = strtol(text, &end, 10);
	return first != task->id.pid || strtol(end, NULL, 10) > 0; /* init may not be reaped yet */
}

enum task_status task_status(taskshim_task *task)
{
	if (!task->has_id)
		return TASK_CREATING;
	if (!task_init_lives(task))
		return task_goes_on(task) ? TASK_RUNNING : TASK_STOPPED;
	return waits_at_gate(task) ? TASK_CREATED : TASK_RUNNING;
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
