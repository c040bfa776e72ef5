/* Namespaces that are joined have to be joined by who has the right to, and new ones have to be made by who is in the user
 * namespace that shall own them: joined before a new user namespace is made, and made after an old one is joined. Neither can
 * spawn-daemon do, which would not come back, nor init, which would come too late. So a process in between does both, and
 * leaves init to spawn-daemon with CLONE_PARENT. */
#include "spawn/joiner.h"
#include "spawn/namespaces.h"
#include "spawn/userns.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The one page that spawn-daemon and the joiner share. */
struct shared {
	pid_t pid; /* of init, written by the kernel */
	int pidfd; /* likewise: their descriptors are shared as well */
	int clone_errno;
	bool failed;
	struct ts_error error; /* if so */
};

static const enum oci_namespace_type others[] = {OCI_NS_NETWORK, OCI_NS_IPC, OCI_NS_UTS,
						 OCI_NS_TIME, OCI_NS_PID};
enum { N_OTHERS = sizeof others / sizeof others[0] };

bool joiner_is_needed(const struct plan *plan)
{
	if (!userns_is_set(plan->config))
		return false;
	for (size_t i = 0; i < N_OTHERS; i++)
		if (plan->namespace_fds[others[i]] >= 0)
			return true;
	return plan->namespace_fds[OCI_NS_USER] >= 0;
}

/* Who is root in the user namespace that is joined could trace us there, with all the descriptors that we have of the host
 * (CVE-2016-9962). From here on that takes rights on the host, and so does much else of /proc/PID, which is done before. */
static int hide(const struct plan *plan, struct ts_error *e)
{
	if (userns_set_oom_score_adj(plan->config, getpid(), e) < 0)
		return -1;
	e->step = TS_STEP_NAMESPACES;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0
		       ? ts_fail(e, errno, "clear the dumpable flag", NULL)
		       : 0;
}

/* What the caller has no right to join may belong to the user namespace: it is tried again inside. */
static int join_all(const struct plan *plan, struct ts_error *e)
{
	bool later[N_OTHERS] = {false};
	bool user = plan->namespace_fds[OCI_NS_USER] >= 0;

	if (user && hide(plan, e) < 0)
		return -1;
	for (size_t i = 0; i < N_OTHERS; i++) {
		if (namespaces_join(plan, others[i], e) == 0)
			continue;
		if (e->err != EPERM || !user)
			return -1;
		later[i] = true;
	}
	if (namespaces_join(plan, OCI_NS_USER, e) < 0)
		return -1;
	for (size_t i = 0; i < N_OTHERS; i++)
		if (later[i] && namespaces_join(plan, others[i], e) < 0)
			return -1;
	return 0;
}

/* Returns 0 in init, and does not return in the joiner. */
static long join_and_clone(const struct plan *plan, const struct clone_args *args,
			   struct shared *shared)
{
	struct clone_args own = *args;

	own.flags |= CLONE_PARENT | CLONE_PARENT_SETTID;
	own.exit_signal = 0; /* with CLONE_PARENT it is the joiner's: SIGCHLD */
	own.parent_tid = (uintptr_t)&shared->pid;
	own.pidfd = (uintptr_t)&shared->pidfd;
	if (join_all(plan, &shared->error) < 0) {
		shared->failed = true;
		_exit(1);
	}
	if (syscall(SYS_clone3, &own, sizeof own) == 0)
		return 0;
	shared->clone_errno = errno;
	_exit(0);
}

static long run_joiner(const struct plan *plan, const struct clone_args *args,
		       struct shared *shared, bool *ret_told, struct ts_error *e)
{
	struct clone_args joiner = {.flags = CLONE_FILES, .exit_signal = SIGCHLD};
	long pid = syscall(SYS_clone3, &joiner, sizeof joiner);

	if (pid == 0)
		return join_and_clone(plan, args, shared);
	if (pid < 0)
		return -1;
	while (waitpid((pid_t)pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (shared->pid > 0) {
		*(int *)(uintptr_t)args->pidfd = shared->pidfd;
		return shared->pid;
	}
	*ret_told = shared->failed;
	if (shared->failed)
		*e = shared->error;
	errno = shared->clone_errno ? shared->clone_errno : ESRCH;
	return -1;
}

long joiner_clone(const struct plan *plan, const struct clone_args *args, bool *ret_told,
		  struct ts_error *e)
{
	struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long pid;

	*ret_told = false;
	if (shared == MAP_FAILED)
		return -1;
	shared->error.step = TS_STEP_NAMESPACES;
	pid = run_joiner(plan, args, shared, ret_told, e);
	int err = errno;

	(void)munmap(shared, sizeof *shared);
	errno = err;
	return pid;
}
