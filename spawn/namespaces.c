/* The namespaces that are set up from inside: uts names, mount propagation; and the clone flags that make them. */
#include "spawn/namespaces.h"
#include "spawn/steps.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static const uint64_t clone_flag[OCI_NS_COUNT] = {
	[OCI_NS_PID] = CLONE_NEWPID, [OCI_NS_NETWORK] = CLONE_NEWNET, [OCI_NS_MOUNT] = CLONE_NEWNS,
	[OCI_NS_IPC] = CLONE_NEWIPC, [OCI_NS_UTS] = CLONE_NEWUTS,
	/* OCI_NS_CGROUP: step_cgroup unshares it, or its root would be the parent's cgroup, not the task's */
};

uint64_t namespaces_clone_flags(const struct config *config)
{
	uint64_t flags = 0;

	for (int i = 0; i < OCI_NS_COUNT; i++)
		if (config->linux_.namespaces[i].set)
			flags |= clone_flag[i];
	/* Without a mount namespace of its own there is no root to build; OCI leaves this open, we do not. */
	if (config->taskshim.isolation != TS_ISOLATION_NONE)
		flags |= CLONE_NEWNS;
	return flags;
}

int step_hostname(struct task *task, struct ts_error *e)
{
	const struct config *config = task->plan->config;

	if (!(task->plan->clone_flags & CLONE_NEWUTS) && (config->hostname || config->domainname))
		return ts_fail(e, EINVAL, "hostname needs a new uts namespace",
			       config->hostname ? config->hostname : config->domainname);
	if (config->hostname && sethostname(config->hostname, strlen(config->hostname)) < 0)
		return ts_fail(e, errno, "set hostname", config->hostname);
	if (config->domainname && setdomainname(config->domainname, strlen(config->domainname)) < 0)
		return ts_fail(e, errno, "set domainname", config->domainname);
	return 0;
}

bool namespaces_stay_shared(const struct config *config)
{
	const char *word = config->linux_.rootfs_propagation;

	return word && (strcmp(word, "shared") == 0 || strcmp(word, "rshared") == 0);
}

int step_propagation(struct task *task, struct ts_error *e)
{
	if (!(task->plan->clone_flags & CLONE_NEWNS))
		return 0;
	/* rootfsPropagation "shared": bind mounts may ask to be peers of the host's mounts. Only the mount that the root is
	 * attached to must not be: what is mounted there would reach the host. */
	if (namespaces_stay_shared(task->plan->config)) {
		if (mount(NULL, "/", NULL, MS_PRIVATE, NULL) < 0)
			return ts_fail(e, errno, "make private the mount", "/");
		return 0;
	}
	/* Slaves, not private: nothing that we mount reaches the host, but a bind mount may ask for "rslave" and then sees
	 * what the host mounts later. All others are made private when they are cloned. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return ts_fail(e, errno, "make mounts slaves", "/");
	return 0;
}
