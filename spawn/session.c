/* What init resets or sets of the process itself: session, keyring, dumpable, umask, oom_score_adj, no_new_privs, rlimits,
 * the signal that its parent's death sends. Signal dispositions are reset before the fork (hygiene.c). */
#include "spawn/label.h"
#include "spawn/steps.h"
#include "spawn/userns.h"

#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Keyring and keys of the caller are out of the task's reach then. */
static int new_keyring(const struct config *config, struct ts_error *e)
{
	const char *label = config->process.selinux_label;

	if (config->taskshim.inherit_keyring)
		return 0;
	if (label && label_keys(label, e) < 0)
		return -1;
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		return ts_fail(e, errno, "join a new session keyring", NULL);
	return label ? label_keys(NULL, e) : 0;
}

int step_session(struct task *task, struct ts_error *e)
{
	if (setsid() < 0)
		return ts_fail(e, errno, "setsid", NULL);
	(void)umask(
		0); /* devices and directories get the mode they are made with; step_privileges sets the task's */
	if (task->plan->keep_credentials)
		return 0; /* the 2015 form keeps what the caller had */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) <
	    0) /* until exec, no process of the task may trace us */
		return ts_fail(e, errno, "clear the dumpable flag", NULL);
	return new_keyring(task->plan->config, e);
}

int step_oom(struct task *task, struct ts_error *e)
{
	const struct opt_i64 *adj = &task->plan->config->process.oom_score_adj;
	_cleanup_fd_ int proc_fd = -1;
	_cleanup_fd_ int fd = -1;
	char text[16];

	if (!adj->set || userns_is_set(task->plan->config)) /* userns_set_up() has */
		return 0;
	proc_fd = ts_open_proc();
	fd = proc_fd < 0 ? -1 : ts_open_proc_file(proc_fd, "self/oom_score_adj", O_WRONLY);
	if (fd < 0)
		return ts_fail(e, errno, "open", "/proc/self/oom_score_adj");
	(void)snprintf(text, sizeof text, "%d", (int)adj->value);
	if (ts_write_all(fd, text, strlen(text)) < 0)
		return ts_fail(e, errno, "set oom_score_adj to", text);
	return 0;
}

int step_rlimits(struct task *task, struct ts_error *e)
{
	const struct oci_process *process = &task->plan->config->process;

	for (size_t i = 0; i < process->n_rlimits; i++) {
		const struct oci_rlimit *limit = &process->rlimits[i];
		struct rlimit value = {.rlim_cur = limit->soft, .rlim_max = limit->hard};

		if (setrlimit(limit->resource, &value) < 0)
			return ts_fail(e, errno, "set resource limit", limit->name);
	}
	return 0;
}

int step_privileges(struct task *task, struct ts_error *e)
{
	const struct oci_process *process = &task->plan->config->process;

	(void)umask(process->user.umask.set ? (mode_t)process->user.umask.value : 022);
	if (process->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return ts_fail(e, errno, "set no_new_privs", NULL);
	return 0;
}

int step_deathsig(struct task *task, struct ts_error *e)
{
	const struct ts_extension *taskshim = &task->plan->config->taskshim;
	struct pollfd parent = {.fd = task->channel};

	if (!taskshim->monitor || !taskshim->kill_on_monitor_death)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return ts_fail(e, errno, "set the parent death signal", NULL);
	/* A parent that died before the prctl sends nothing, but its end of the channel is closed. */
	if (poll(&parent, 1, 0) > 0 && parent.revents & (POLLHUP | POLLERR))
		return ts_fail(e, ESRCH, "the monitor is gone", NULL);
	return 0;
}
