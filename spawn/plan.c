/* Turns a config into a plan: all that can be refused, opened or computed before the fork, but for the cgroups. */
#include "spawn/plan.h"
#include "spawn/capabilities.h"
#include "spawn/hooks.h"
#include "spawn/idmap.h"
#include "spawn/interpolate.h"
#include "spawn/label.h"
#include "spawn/namespaces.h"
#include "spawn/seccomp.h"
#include "spawn/statedir.h"
#include "spawn/stdio.h"
#include "spawn/sysctl.h"
#include "spawn/taskdir.h"
#include "spawn/terminal.h"
#include "spawn/userns.h"

#include "protocol/defaults.h"
#include "protocol/hooks_record.h"
#include "util/fd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int refuse(struct ts_error *e, const char *field, const char *why)
{
	e->step = TS_STEP_CONFIG;
	return ts_fail(e, EINVAL, field, why);
}

/* What `taskshim` does before it starts us, and what a person who starts us by hand would wait for in vain. */
static int check_scope(const struct config *config, struct ts_error *e)
{
	if (config->linux_.cgroups_path)
		return refuse(
			e, "linux.cgroupsPath",
			"spawn-daemon makes no cgroups: use \"taskshim run\", or taskshim.cgroup");
	if (config->linux_.resources.set)
		return refuse(
			e, "linux.resources",
			"spawn-daemon sets no limits: use \"taskshim run\", or taskshim.cgroup");
	if (!config->taskshim.monitor && !config->taskshim.state_dir && hooks_has_any(config))
		return refuse(e, "taskshim.monitor",
			      "false needs taskshim.stateDir, where there are hooks");
	if (config->taskshim.clean_up && !config->taskshim.state_dir)
		return refuse(
			e, "taskshim.cleanUp",
			"needs taskshim.stateDir: state.json in it says what there is to remove");
	return 0;
}

/* OCI: capabilities that cannot be granted are a warning, not a failure. */
static void warn_capabilities(uint64_t mask, const char *why)
{
	if (mask)
		(void)dprintf(STDERR_FILENO,
			      "spawn-daemon: warning: capabilities 0x%llx %s: left out\n",
			      (unsigned long long)mask, why);
}

/* capabilities(7): what a set cannot have without another. */
static void fit_capabilities(const struct oci_capabilities *want, uint64_t have,
			     struct oci_capabilities *ret)
{
	ret->effective = want->effective & ret->permitted;
	ret->inheritable = want->inheritable & ret->bounding;
	ret->ambient = want->ambient & ret->permitted & ret->inheritable;
	warn_capabilities(want->effective & have & ~ret->effective,
			  "are to be effective and are not permitted");
	warn_capabilities(want->inheritable & have & ~ret->inheritable,
			  "are to be inheritable and are not in the bounding set");
	warn_capabilities(want->ambient & have & ~ret->ambient,
			  "are to be ambient and are not permitted and inheritable");
}

/* OCI: what cannot be granted is a warning. */
static int grant_capabilities(struct plan *plan, struct ts_error *e)
{
	const struct oci_capabilities *want = &plan->config->process.capabilities;
	uint64_t all = want->bounding | want->permitted | want->effective | want->inheritable |
		       want->ambient;
	uint64_t have = 0;

	e->step = TS_STEP_CAPS;
	if (userns_is_set(plan->config)) /* all of them are ours there */
		have = capabilities_known();
	else if (all && capabilities_available(all, &have) < 0)
		return ts_fail(e, errno, "read our own capabilities", NULL);
	warn_capabilities(all & ~have, "are not ours to grant");
	plan->capabilities = (struct oci_capabilities){
		.set = want->set,
		.bounding = want->bounding & have,
		.permitted = want->permitted & have,
	};
	fit_capabilities(want, have, &plan->capabilities);
	return 0;
}

static int prepare_args(struct plan *plan, struct ts_error *e)
{
	const struct oci_process *process = &plan->config->process;

	plan->args = process->args;
	if (plan->config->taskshim.interpolate &&
	    interpolate(&process->args, &process->env, &plan->args) < 0) {
		e->step = TS_STEP_CONFIG;
		return ts_fail(e, ENOMEM, "process.args", "interpolate");
	}
	return 0;
}

static int identify(struct plan *plan, struct ts_error *e)
{
	const char *run_id = plan->config->taskshim.run_id;

	e->step = TS_STEP_MONITOR;
	if (run_id)
		memcpy(plan->run_id, run_id, sizeof plan->run_id);
	else if (ts_run_id_new(plan->run_id) < 0)
		return ts_fail(e, errno, "make a run id", NULL);
	if (ts_boot_id(plan->boot_id) < 0)
		return ts_fail(e, errno, "read boot id", NULL);
	return 0;
}

/* The config's mounts and paths, or the default ones where it has taskshim.chroot and leaves them out (an empty list is not
 * left out). */
static void choose_mounts(struct plan *plan)
{
	const struct config *config = plan->config;
	bool fill = config->taskshim.chroot != TS_CHROOT_NONE;

	plan->mounts = config->mounts;
	plan->n_mounts = config->n_mounts;
	plan->masked_paths = config->linux_.masked_paths;
	plan->readonly_paths = config->linux_.readonly_paths;
	if (fill && !config->mounts_set) {
		plan->mounts = default_mounts;
		plan->n_mounts = DEFAULT_MOUNTS;
	}
	if (fill && !config->linux_.masked_paths_set)
		plan->masked_paths = default_masked_paths;
	if (fill && !config->linux_.readonly_paths_set)
		plan->readonly_paths = default_readonly_paths;
}

int plan_build(const struct config *config, int explain_fd, struct plan *ret, struct ts_error *e)
{
	_Static_assert(OCI_NS_COUNT == 8, "namespace_fds starts as -1");
	*ret = (struct plan){
		.config = config,
		.explain_fd = explain_fd,
		.base_ns_fd = -1,
		.logs = {.null_fd = -1},
		.stdio_fd = {-1, -1, -1},
		.console_fd = -1,
		.task_dir_fd = -1,
		.alloc_dir_fd = -1,
		.unified_fd = -1,
		.memory_fd = -1,
		.kill_fd = -1,
		.state_dir_fd = -1,
		.namespace_fds = {-1, -1, -1, -1, -1, -1, -1, -1},
	};
	/* stdio_take_fds closes what the caller left open: nothing of ours may be open yet */
	if (check_scope(config, e) < 0 || label_check(config, e) < 0 ||
	    stdio_take_fds(ret, e) < 0 || prepare_args(ret, e) < 0 || taskdir_plan(ret, e) < 0 ||
	    stdio_open(ret, e) < 0 || terminal_plan(ret, e) < 0 || statedir_open(ret, e) < 0 ||
	    identify(ret, e) < 0 || grant_capabilities(ret, e) < 0 || hooks_plan(ret, e) < 0 ||
	    namespaces_plan(ret, e) < 0 || idmap_plan(ret, e) < 0 || sysctl_plan(ret, e) < 0 ||
	    sysfilter_plan(ret, e) < 0) {
		plan_done(ret);
		return -1;
	}
	choose_mounts(ret);
	return 0;
}

void plan_close_inits(struct plan *plan)
{
	for (int i = 0; i < 3; i++)
		ts_fd_closep(&plan->stdio_fd[i]);
	stdio_close_preserved(plan);
	ts_fd_closep(&plan->console_fd);
	ts_fd_closep(&plan->task_dir_fd);
	ts_fd_closep(&plan->alloc_dir_fd);
	idmap_done(plan);
	namespaces_done(plan);
	if (plan->seccomp)
		sysfilter_close_inits(plan->seccomp);
	for (size_t i = 0; i < plan->n_cgroups; i++)
		if (plan->cgroups[i].fd != plan->unified_fd &&
		    plan->cgroups[i].fd != plan->memory_fd)
			ts_fd_closep(&plan->cgroups[i].fd);
}

void plan_done(struct plan *plan)
{
	plan_close_inits(plan);
	for (size_t i = 0; i < plan->n_cgroups; i++)
		ts_fd_closep(&plan->cgroups[i].fd);
	plan->unified_fd = plan->memory_fd = -1;
	ts_fd_closep(&plan->state_dir_fd);
	logs_done(&plan->logs);
	if (plan->seccomp)
		sysfilter_done(plan->seccomp);
}
