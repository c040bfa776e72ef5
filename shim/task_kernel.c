/* The end of an init that was not its monitor's to reap, from the kernel: its record is written here. */
#include "shim/task.h"

#include "util/clock.h"
#include "util/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000, POLL_MS = 10 };

/* What cannot be found out counts as there: then no status is made up. */
static bool has_gate_file(const taskshim_task *task)
{
	return faccessat(task->dir.fd, STATEDIR_GATE, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	       errno != ENOENT;
}

bool task_has_gate(taskshim_task *task)
{
	return task->dir.fd >= 0 && has_gate_file(task) &&
	       (!task_init_lives(task) || task_status(task) == TASK_CREATED);
}

/* Whether init got through the gate that it had. Who opens it removes it, a moment later; a start that is called off
 * removes state.json as well. */
static bool has_run(const taskshim_task *task)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};

	for (int waited = 0; has_gate_file(task); waited += POLL_MS) {
		if (waited >= PATIENCE_MS)
			return false;
		(void)nanosleep(&pause, NULL);
	}
	return faccessat(task->dir.fd, STATEDIR_STATE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void task_ask_kernel(taskshim_task *task, bool had_gate)
{
	struct exit_record record = {.cause = EXIT_CAUSE_EXITED, .known = true};
	struct ts_error ignored;
	int status;

	if (task->init_pidfd < 0 || ts_pidfd_wait(task->init_pidfd, 0) != 1 ||
	    (had_gate && !has_run(task)) ||
	    ts_pidfd_exit_status(task->init_pidfd, task->id.pid, task->id.start_time, &status) < 0)
		return;
	record.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	record.exit_code = record.signal ? 128 + record.signal : WEXITSTATUS(status);
	if (record.signal == SIGKILL && task->has_state && task->id.monitor_pid != 0 &&
	    task->state.kill_on_monitor_death)
		record.cause = EXIT_CAUSE_MONITOR_LOST;
	record.core_dumped = record.signal && WCOREDUMP(status);
	(void)clock_gettime(CLOCK_REALTIME, &record.finished_at);
	/* What is known is told, also where it cannot be written: somebody removes the task, or the disk is full. */
	if (task->dir.fd < 0 || statedir_lock(&task->dir, PATIENCE_MS) < 0) {
		task_set_exit(task, &record);
		return;
	}
	(void)task_settle(task, &record, &ignored);
	statedir_unlock(&task->dir);
}
