/* What spawn-daemon is about to do, and what init has done of it.
 *
 * The plan is built by the parent (plan_*.c) and const from then on: everything that can be opened, read or computed before
 * the fork is in it. The task is init's own: what its steps hand to each other. */
#ifndef SPAWN_PLAN_H
#define SPAWN_PLAN_H

#include "protocol/config.h"
#include "spawn/logs.h"
#include "util/error.h"
#include "util/hook.h"
#include "util/proc.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum { PLAN_MAX_CGROUPS = 24 };

struct plan_cgroup {
	const char *controller; /* "memory", "systemd", "unified" */
	const char *path;
	int fd; /* directory, verified */
	uint64_t inode;
};

struct plan {
	const struct config *config;
	int explain_fd; /* see explain.h, or -1 ... */
	struct timespec explain_begun; /* ... and since when init was being made */
	uint64_t clone_flags; /* CLONE_NEW* */
	int namespace_fds[OCI_NS_COUNT]; /* those that are joined by path, or -1 */
	const char
		*executable; /* 2015 form: what is executed whatever args[0] says; NULL: args[0] */
	struct str_list args; /* after interpolation */
	struct oci_capabilities capabilities; /* what is asked for and can be granted */
	const struct oci_mount *mounts;
	size_t n_mounts;
	int *idmap_fds; /* for mounts[i]: see idmap.h, or -1; NULL: none is mapped */
	struct str_list masked_paths, readonly_paths;
	uint64_t callers_ns
		[OCI_NS_COUNT]; /* inode of our own where the task joins one to set sysctls in it, or 0 */
	int base_ns_fd; /* see base_namespace_open(), or -1 */
	int stdio_fd[3];
	unsigned n_preserved; /* descriptors 3 and up that the task gets as they are */
	struct logs logs;
	int console_fd; /* process.terminal: the socket that its master is sent to; or -1 */
	int task_dir_fd, alloc_dir_fd; /* O_PATH directories, or -1 */
	struct plan_cgroup cgroups[PLAN_MAX_CGROUPS];
	size_t n_cgroups;
	int unified_fd, memory_fd; /* borrowed from cgroups[], or -1 */
	bool memory_is_v2;
	int kill_fd; /* unified_fd where it carries our mark: only then cgroup.kill is ours to write; or -1 */
	int state_dir_fd; /* or -1 */
	bool state_dir_locked; /* by us */
	struct hook *hooks[OCI_HOOK_COUNT]; /* as hooks_run() takes them; NULL: none of that kind */
	char *hook_state; /* what does not change of the state that they get; NULL: no hooks at all */
	struct seccomp *seccomp; /* NULL: no filter */
	uint64_t capability_for_seccomp; /* what init keeps up to the exec to load it; 0: nothing */
	char run_id[TS_RUN_ID_LEN + 1];
	char boot_id[TS_BOOT_ID_LEN + 1];
	bool keep_credentials; /* 2015 form: user and capabilities stay the caller's ... */
	bool set_user; /* ... but for what its Credential says, which is in config->process.user */
};

struct credentials {
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t n_groups;
};

struct task { /* init's */
	const struct plan *plan;
	pid_t pid; /* of init, in its own pid namespace */
	int root_fd; /* the new root's mount, until the pivot; -1 with isolation "none" */
	int dev_fd; /* the new tmpfs that mounts[] put on /dev, until step_devices; or -1 */
	int terminal_fd, master_fd; /* process.terminal, until it is in place and sent; or -1 */
	int channel; /* to the parent: records; from it: the gate's byte, or end of file when it dies */
	int gate_fd; /* unmonitored: the listening socket in the state directory; else -1 */
	int proc_fd; /* the host's /proc, with hooks; else -1 */
	pid_t command_pid; /* taskshim.init, in process 1: the command's process; else 0 */
	int sync_fd; /* taskshim.init: between the two, until process 1 is ready; else -1 */
	int signal_fd; /* taskshim.init, in process 1: all signals; else -1 */
	int end_fd; /* taskshim.init: to the monitor, see struct monitor; else -1 */
	bool groups_denied; /* the user namespace does not allow setgroups(2) */
	unsigned made_task_dirs; /* bits of step_taskdir: which directories it made ... */
	int made_task_dir_fds[3]; /* ... and these, until they are given to the user */
	struct credentials credentials;
	char command[PATH_MAX]; /* what execve gets */
	const char *
		shell; /* taskshim.shell: the name that was found, all of its arguments; else NULL */
};

/* Builds the plan from @config (borrowed; must outlive it): checks what spawn-daemon does not do, opens and makes what
 * is needed outside the root. @explain_fd is kept open, or -1. Returns 0 and fills *@ret, or -1 with @e filled, step included. */
int plan_build(const struct config *config, int explain_fd, struct plan *ret, struct ts_error *e);

/* Closes all that the plan opened. */
void plan_done(struct plan *plan);

/* Closes what only init needs, once it runs: standard streams, task directories, v1 cgroups that the exit record does
 * not read. */
void plan_close_inits(struct plan *plan);

#endif
