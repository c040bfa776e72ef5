/* Resets what is inherited through fork and exec. */
#include "spawn/hygiene.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { KERNEL_NSIG = 64 };

struct kernel_sigaction { /* rt_sigaction(2) as the kernel has it: libc hides two signals of its own from us */
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

static void set_mask(uint64_t mask)
{
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

int hygiene_reset(struct ts_error *e)
{
	static const struct kernel_sigaction to_default;

	if (getauxval(AT_SECURE)) {
		e->step = TS_STEP_MONITOR;
		return ts_fail(e, EPERM,
			       "spawn-daemon must not be installed setuid, setgid or with file "
			       "capabilities",
			       NULL);
	}
	set_mask(UINT64_MAX);
	(void)umask(022); /* a log is created 0640, whatever the caller's umask is */
	for (int signo = 1; signo <= KERNEL_NSIG;
	     signo++) /* SIGKILL and SIGSTOP refuse, and are default anyway */
		(void)syscall(SYS_rt_sigaction, signo, &to_default, NULL, sizeof to_default.mask);
	return 0;
}

void hygiene_unblock(void)
{
	set_mask(0);
}
