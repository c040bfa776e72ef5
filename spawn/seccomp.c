/* The step "seccomp": planning the filter, proving that the command can be executed under it, loading it. */
#include "spawn/seccomp.h"
#include "spawn/capabilities.h"
#include "spawn/seccomp_filter.h"
#include "spawn/steps.h"
#include "spawn/userns.h"

#include "util/fd.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/* --- the plan --- */

int sysfilter_set(const struct seccomp *seccomp, unsigned flags)
{
	struct sock_fprog program = {
		.len = (unsigned short)seccomp->n,
		.filter = seccomp->filter,
	};

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, seccomp->flags | flags, &program);
}

/* The kernel looks at the flags before it looks at the program. */
static int check_kernel(const struct seccomp *seccomp, struct ts_error *e)
{
	unsigned flags = seccomp->flags;

	flags |= seccomp->listener.path ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
	(void)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL);
	if (errno == EFAULT)
		return 0;
	if (errno == ENOSYS || (errno == EINVAL && !flags))
		return ts_fail(e, errno, "this kernel has no seccomp filters", NULL);
	if (errno == EINVAL)
		return ts_fail(e, errno, "this kernel does not know SCMP_ACT_NOTIFY, or one of",
			       "linux.seccomp.flags");
	return ts_fail(e, errno, "ask the kernel about", "seccomp");
}

/* Without no_new_privs the kernel asks for CAP_SYS_ADMIN, which init then keeps up to the exec: that takes it away from a command
 * that shall not have it, whoever its user is, for it is in none of the sets that an exec looks at. */
static int plan_privilege(struct plan *plan, struct ts_error *e)
{
	const uint64_t admin = 1ULL << CAP_SYS_ADMIN;
	uint64_t have = 0;

	if (plan->config->process.no_new_privileges)
		return 0;
	plan->capability_for_seccomp = admin;
	if (userns_is_set(plan->config)) /* all of them are ours there */
		return 0;
	if (capabilities_available(admin, &have) < 0)
		return ts_fail(e, errno, "read our own capabilities", NULL);
	return have & admin ? 0
			    : ts_fail(e, EPERM,
				      "needs process.noNewPrivileges, for we lack CAP_SYS_ADMIN",
				      "linux.seccomp");
}

static int share_memory(struct seccomp *seccomp, struct ts_error *e)
{
	seccomp->shared_size = sizeof *seccomp->shared + listener_message_size(&seccomp->listener);
	seccomp->shared = mmap(NULL, seccomp->shared_size, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seccomp->shared != MAP_FAILED)
		return 0;
	seccomp->shared = NULL;
	return ts_fail(e, errno, "mmap", "shared memory");
}

static int make_filter(const struct plan *plan, struct seccomp *seccomp, struct ts_error *e)
{
	const struct oci_capabilities *caps = &plan->capabilities;

	if (plan->config->linux_.seccomp.set)
		return sysfilter_compile(&plan->config->linux_.seccomp, &seccomp->filter,
					 &seccomp->n, e);
	return sysfilter_default(caps->bounding | caps->permitted | caps->effective |
					 caps->inheritable | caps->ambient,
				 &seccomp->filter, &seccomp->n, e);
}

int sysfilter_plan(struct plan *plan, struct ts_error *e)
{
	const struct oci_seccomp *config = &plan->config->linux_.seccomp;
	struct seccomp *seccomp;

	if (!config->set && !plan->config->taskshim.seccomp_default)
		return 0;
	e->step = TS_STEP_SECCOMP;
	seccomp = calloc(1, sizeof *seccomp);
	if (!seccomp)
		return ts_fail(e, ENOMEM, "linux.seccomp", NULL);
	plan->seccomp = seccomp;
	seccomp->listener.fd = -1;
	seccomp->listener.path = config->notifies ? config->listener_path : NULL;
	/* There is one thread, and the one that seccomp_notify.c starts must stay without the filter. */
	seccomp->flags = (unsigned)config->flags & ~SECCOMP_FILTER_FLAG_TSYNC;
	if (check_kernel(seccomp, e) < 0 || plan_privilege(plan, e) < 0 ||
	    make_filter(plan, seccomp, e) < 0)
		return -1;
	if (seccomp->listener.path && listener_open(&seccomp->listener, plan, e) < 0)
		return -1;
	return share_memory(seccomp, e);
}

void sysfilter_close_inits(struct seccomp *seccomp)
{
	ts_fd_closep(&seccomp->listener.fd);
}

void sysfilter_set_pid(struct seccomp *seccomp, pid_t pid)
{
	const struct seccomp_listener *listener = &seccomp->listener;
	struct seccomp_shared *shared = seccomp->shared;

	if (listener->path)
		shared->length =
			(uint32_t)snprintf(shared->message, listener_message_size(listener),
					   "%s%d,\"state\":{\"status\":\"created\",\"pid\":%d,%s}",
					   listener->head, (int)pid, (int)pid, listener->state);
}

bool sysfilter_has_failed(const struct seccomp *seccomp, struct ts_error *e)
{
	if (seccomp->shared->failed)
		*e = seccomp->shared->error;
	return seccomp->shared->failed;
}

void sysfilter_done(struct seccomp *seccomp)
{
	sysfilter_close_inits(seccomp);
	if (seccomp->shared)
		(void)munmap(seccomp->shared, seccomp->shared_size);
	seccomp->shared = NULL;
}

/* --- what the filter will say --- */

static uint32_t answer(const struct seccomp *seccomp, const struct seccomp_data *data)
{
	return sysfilter_run(seccomp->filter, seccomp->n, data) & SECCOMP_RET_ACTION_FULL;
}

bool sysfilter_lets(const struct seccomp *seccomp, long nr)
{
	const struct seccomp_data data = {.nr = (int)nr, .arch = sysfilter_own_arch()};
	uint32_t action = answer(seccomp, &data);

	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

/* A filter that denies the command itself is no use to anybody, and better known before the gate. */
int step_seccomp(struct task *task, struct ts_error *e)
{
	const struct plan *plan = task->plan;
	struct seccomp_data data = {.nr = SYS_execve};

	if (!plan->seccomp)
		return 0;
	data.arch = sysfilter_own_arch();
	data.args[0] = (uintptr_t)task->command;
	data.args[1] = (uintptr_t)plan->args.v;
	data.args[2] = (uintptr_t)plan->config->process.env.v;
	switch (answer(plan->seccomp, &data)) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_USER_NOTIF:
		return 0;
	default:
		return ts_fail(e, EPERM, "the filter denies execve, so no command can be executed",
			       task->command);
	}
}

/* --- loading --- */

int sysfilter_load(const struct seccomp *seccomp, struct ts_error *e)
{
	e->step = TS_STEP_SECCOMP;
	if (seccomp->listener.path)
		return listener_load(seccomp, e);
	return sysfilter_set(seccomp, 0) == 0 ? 0 : ts_fail(e, errno, "load", "the filter");
}

void sysfilter_tell(const struct seccomp *seccomp, const struct ts_error *e)
{
	seccomp->shared->error = *e;
	seccomp->shared->failed = true;
}

/* libc's _exit() would try for ever. A fault ends process 1 of a pid namespace as well. */
void sysfilter_exit(const struct seccomp *seccomp, int status)
{
	if (sysfilter_lets(seccomp, SYS_exit_group))
		(void)syscall(SYS_exit_group, status);
	for (;;)
		__builtin_trap();
}
