/* The order in which init sets up the task: one table, one loop. */
#include "spawn/steps.h"
#include "spawn/explain.h"

/* Order is policy:
 * cgroup first: all that follows is charged to the task.
 * oom before session and root: it writes to the host's /proc, which a process that is not dumpable may not.
 * taskdir before mounts: mounts[] may lie below /local or /alloc.
 * terminal after mounts, one of which is its devpts, and before devices, which bind it on /dev/console.
 * devices after mounts: they go into the /dev that a mount made. mask after all mounts, or a later one would uncover.
 * init before all that is the command's alone, and that could make a fork fail.
 * console after the user lookup, as the terminal is given to him; before init, which has no part in it; control after init, as the
 * session is the command's.
 * user lookup before rlimits: it opens files, for which a task may have left no descriptor.
 * close after the last that needs a descriptor of the host's, before all that follows paths which are the task's.
 * netdevices before hooks, which may look for them.
 * hooks when all is mounted, and the host's files are in reach; label after them, or it would be theirs.
 * sysctl after hooks, which may have brought network devices that have sysctls of their own; before pivot, after which /proc is
 * what the root has there.
 * label before pivot: it is written through the host's /proc.
 * scheduling late, since the set-up shall not run as a task of low priority, nor as one of real time; before bounding, which
 * takes CAP_SYS_NICE away.
 * bounding before user: dropping needs CAP_SETPCAP, which leaving uid 0 may clear.
 * capabilities after user: leaving uid 0 clears the effective and ambient sets.
 * cwd and command after user: looked up with the task's own rights.
 * deathsig last: changing uid or capabilities clears it. seccomp needs the command; the filter is loaded after the gate. */
static const struct {
	enum ts_step id;
	int (*run)(struct task *, struct ts_error *);
	const char *what;
} steps[] = {
	{TS_STEP_CGROUP, step_cgroup, "join the task's v1 cgroups (v2: clone3 has done it)"},
	{TS_STEP_OOM, step_oom, "write oom_score_adj"},
	{TS_STEP_NAMESPACES, step_namespaces,
	 "join namespaces by path, make a time namespace, become root of the user namespace, "
	 "bring up lo in a new network namespace"},
	{TS_STEP_SESSION, step_session, "new session and session keyring, not dumpable, umask 0"},
	{TS_STEP_HOSTNAME, step_hostname, "set hostname and domainname"},
	{TS_STEP_PROPAGATION, step_propagation, "cut mount propagation to the host"},
	{TS_STEP_ROOT, step_root, "make or open the root and fill it"},
	{TS_STEP_TASKDIR, step_taskdir, "mount /local, /secrets, /tmp and /alloc"},
	{TS_STEP_MOUNT, step_mounts, "mount what mounts[] lists, in order"},
	{TS_STEP_TERMINAL, step_terminal, "make the terminal in the root's devpts"},
	{TS_STEP_DEVICES, step_devices,
	 "make the devices, and default ones and links in a fresh /dev"},
	{TS_STEP_MASK, step_mask, "cover masked paths, make read-only ones read-only"},
	{TS_STEP_NETDEVICES, step_netdevices,
	 "wait until spawn-daemon has moved network devices here"},
	{TS_STEP_HOOK, step_hooks,
	 "wait for prestart and createRuntime hooks, run createContainer hooks"},
	{TS_STEP_SYSCTL, step_sysctl, "write sysctls of the task's namespaces"},
	{TS_STEP_LABEL, step_label, "set the AppArmor profile and the SELinux label of the exec"},
	{TS_STEP_PIVOT, step_pivot, "pivot_root or chroot, detach the host's tree"},
	{TS_STEP_TERMINAL, step_joined_terminal, "make the terminal in a root that was joined"},
	{TS_STEP_STDIO, step_stdio, "put standard input, output and error in place"},
	{TS_STEP_USER, step_lookup, "look up the user in the root"},
	{TS_STEP_STDIO, step_give, "give pipes that are standard streams to the user"},
	{TS_STEP_TERMINAL, step_console,
	 "give the terminal to the user, send its master to the console socket"},
	{TS_STEP_STDIO, step_close,
	 "close all that is open but 0, 1, 2 and the way to the monitor"},
	{TS_STEP_INIT, step_init, "with taskshim.init, fork: process 1 stays, the other goes on"},
	{TS_STEP_TERMINAL, step_control, "make it the controlling terminal"},
	{TS_STEP_RLIMITS, step_rlimits, "set resource limits"},
	{TS_STEP_SCHEDULING, step_scheduling, "set cpu affinity, I/O priority and scheduler"},
	{TS_STEP_MEMPOLICY, step_mempolicy, "set the memory policy"},
	{TS_STEP_PERSONALITY, step_personality, "set the personality"},
	{TS_STEP_CAPS, step_bounding, "drop the bounding set"},
	{TS_STEP_USER, step_user, "set groups, gid, uid"},
	{TS_STEP_CAPS, step_capabilities, "set permitted, effective, inheritable, ambient"},
	{TS_STEP_PRIVILEGES, step_privileges, "set no_new_privs"},
	{TS_STEP_USER, step_verify, "read ids and capabilities back and compare"},
	{TS_STEP_CWD, step_cwd, "change to the working directory, prove it is inside the root"},
	{TS_STEP_COMMAND, step_command, "look up the command"},
	{TS_STEP_DEATHSIG, step_deathsig, "die with the monitor"},
	{TS_STEP_SECCOMP, step_seccomp,
	 "prove that the seccomp filter lets the command be executed; loaded just before that"},
};

enum { N_STEPS = sizeof steps / sizeof steps[0] };

/* Process 1 of taskshim.init stays what it is, with no more rights than the command: what limits those is for it as well. */
static bool is_for_reaper(int (*run)(struct task *, struct ts_error *))
{
	return run == step_bounding || run == step_user || run == step_capabilities ||
	       run == step_privileges || run == step_verify || run == step_deathsig;
}

int steps_run(struct task *task, struct ts_error *e)
{
	struct timespec begun = {0};
	int r = 0;

	explain_begin(task->plan->explain_fd, &begun);
	for (size_t i = 0; r == 0 && i < N_STEPS; i++) {
		if (task->command_pid && !is_for_reaper(steps[i].run))
			continue;
		r = steps[i].run(task, e);
		if (r < 0)
			e->step = steps[i].id;
		if (r < 0 || !task->command_pid) /* the command's process tells of them as well */
			explain_end(task->plan->explain_fd, &begun, steps[i].id, steps[i].what,
				    r == 0);
	}
	return r < 0 ? -1 : 0;
}

const char *steps_describe(size_t i, const char **ret_what)
{
	if (i >= N_STEPS)
		return NULL;
	*ret_what = steps[i].what;
	return ts_step_name(steps[i].id);
}
