/* The one error record, from the failing system call to the JSON on standard output.
 *
 * It has no pointers, so that it crosses the pipe between init and the monitor as it is. Functions that can fail return 0
 * or -1 and take a struct ts_error last; it is untouched on success. */
#ifndef UTIL_ERROR_H
#define UTIL_ERROR_H

#include <limits.h>
#include <stdint.h>

/* Where a task's start (or end) failed. step_name() gives the word that stands in messages. */
enum ts_step {
	TS_STEP_NONE,
	TS_STEP_USAGE, /* the command line */
	TS_STEP_CONFIG, /* reading, decoding or checking the config */
	TS_STEP_STATE, /* the state directory, state.json, exit.json */
	TS_STEP_CGROUP, /* making, verifying or joining a cgroup */
	TS_STEP_MONITOR, /* what concerns spawn-daemon itself */
	TS_STEP_STDIO, /* standard input, output, error */
	TS_STEP_NAMESPACES, /* clone3 */
	TS_STEP_SESSION, /* setsid, umask, signals, keyring */
	TS_STEP_HOSTNAME, /* hostname, domainname */
	TS_STEP_PROPAGATION, /* making the mount namespace private */
	TS_STEP_ROOT, /* opening, making or filling the root */
	TS_STEP_TASKDIR, /* taskDir, allocDir */
	TS_STEP_MOUNT, /* mounts[] */
	TS_STEP_TERMINAL, /* process.terminal */
	TS_STEP_DEVICES, /* /dev and what is in it */
	TS_STEP_MASK, /* maskedPaths, readonlyPaths */
	TS_STEP_PIVOT, /* pivot_root or chroot */
	TS_STEP_CWD,
	TS_STEP_RLIMITS,
	TS_STEP_OOM, /* oomScoreAdj */
	TS_STEP_USER, /* user lookup, groups, gid, uid */
	TS_STEP_CAPS,
	TS_STEP_PRIVILEGES, /* no_new_privs */
	TS_STEP_INIT, /* taskshim.init */
	TS_STEP_SCHEDULING, /* scheduler, ioPriority, cpuAffinity */
	TS_STEP_MEMPOLICY, /* memoryPolicy */
	TS_STEP_PERSONALITY,
	TS_STEP_HOOK, /* hooks of all kinds */
	TS_STEP_NETDEVICES, /* linux.netDevices */
	TS_STEP_SYSCTL, /* linux.sysctl */
	TS_STEP_LABEL, /* apparmorProfile, selinuxLabel, mountLabel */
	TS_STEP_COMMAND, /* looking up args[0] */
	TS_STEP_DEATHSIG,
	TS_STEP_SECCOMP, /* linux.seccomp */
	TS_STEP_GATE,
	TS_STEP_EXEC,
	TS_STEP_WAIT, /* waiting, signalling, stopping */
	TS_STEP_DELETE, /* removing what a task had */
	TS_STEP_STATS, /* what a task uses: stats, events, ps */
	TS_STEP_COUNT
};

struct ts_error {
	uint32_t step; /* enum ts_step, stamped by whoever runs the step */
	int32_t err; /* errno, positive; 0 = not an OS error */
	char msg[504]; /* what failed, on which object; no strerror() text; NUL-terminated */
};
_Static_assert(sizeof(struct ts_error) + 8 <= 4096, "kind + error must go in one atomic write()");

/* Fills err and msg ("WHAT: OBJECT", or "WHAT" when @object is NULL), keeps step, returns -1. A text too long ends
 * in "...". No stdio, no malloc: also safe after fork(). */
int ts_fail(struct ts_error *e, int err, const char *what, const char *object);

/* The same with a printf(3) format: for the decoders and the command, not after fork(). */
int ts_failf(struct ts_error *e, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The word for @step ("mount"), "none" for TS_STEP_NONE and what is out of range. Static storage. */
const char *ts_step_name(uint32_t step);

/* The step of that name, TS_STEP_NONE when there is none. */
enum ts_step ts_step_from_name(const char *name);

/* "ENOENT" for 2; "" for 0, "E?" for an unknown number. Static storage. */
const char *ts_errno_name(int err);

/* The reason for people: strerror(3), "" for 0. Static storage. */
const char *ts_errno_text(int err);

#endif
