/* The task's seccomp filter (sysfilter_*: libseccomp has taken seccomp_*): made before the fork, loaded by init in one call, the last thing before the exec. A filter may deny
 * every call that init could still make after that: what is to be told then is told through memory that it shares with its
 * parent, and the end is a fault where it cannot be a call. */
#ifndef SPAWN_SECCOMP_H
#define SPAWN_SECCOMP_H

#include "spawn/plan.h"

#include <linux/filter.h>

/* Between init and its parent. */
struct seccomp_shared {
	bool failed; /* init did, with the filter loaded ... */
	struct ts_error error; /* ... and this is why */
	uint32_t length;
	char message[]; /* for the listener: "container process state" of OCI */
};

/* Whoever is asked by the kernel about the calls that SCMP_ACT_NOTIFY is for. */
struct seccomp_listener {
	const char *path;
	int fd; /* connected to it; -1: nothing is notified */
	char *head,
		*state; /* of the message: what stands before a pid, what stands behind the second */
};

struct seccomp {
	struct sock_filter *filter;
	size_t n;
	unsigned flags; /* of seccomp(2) */
	struct seccomp_listener listener;
	struct seccomp_shared *shared;
	size_t shared_size;
};

/* Compiles the filter, connects to the listener; plan->seccomp stays NULL without a filter. Returns 0, or -1 with @e filled, step
 * included. */
int sysfilter_plan(struct plan *plan, struct ts_error *e);

/* Closes what only init needs. */
void sysfilter_close_inits(struct seccomp *seccomp);

/* In the parent, once it knows init's @pid, and before the gate: completes the message. */
void sysfilter_set_pid(struct seccomp *seccomp, pid_t pid);

/* In the parent, when init is gone or has become the command: whether init has failed with the filter loaded; then @e is filled. */
bool sysfilter_has_failed(const struct seccomp *seccomp, struct ts_error *e);

/* Gives back what lies outside the heap. */
void sysfilter_done(struct seccomp *seccomp);

/* --- in init --- */

/* Loads the filter; where calls are notified, the listener has the descriptor when this returns. Returns 0, or -1 with @e
 * filled, step included. */
int sysfilter_load(const struct seccomp *seccomp, struct ts_error *e);

/* Whether system call @nr works as if there were no filter. */
bool sysfilter_lets(const struct seccomp *seccomp, long nr);

/* Leaves @e for the parent. No system call. */
void sysfilter_tell(const struct seccomp *seccomp, const struct ts_error *e);

/* Ends init, with @status where the filter lets it. */
void sysfilter_exit(const struct seccomp *seccomp, int status) __attribute__((noreturn));

/* --- seccomp_notify.c, for seccomp.c --- */

/* Connects, and prepares the message. Returns 0, or -1 with @e filled. */
int listener_open(struct seccomp_listener *listener, const struct plan *plan, struct ts_error *e);

/* The most that the message can take. */
size_t listener_message_size(const struct seccomp_listener *listener);

/* Loads the filter and sends the descriptor. Returns 0, or -1 with @e filled. */
int listener_load(const struct seccomp *seccomp, struct ts_error *e);

/* seccomp(2), with all that @seccomp says, and @flags. Returns as it does. */
int sysfilter_set(const struct seccomp *seccomp, unsigned flags);

#endif
