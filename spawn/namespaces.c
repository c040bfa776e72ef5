/* The task's namespaces: new ones, made by clone3(2), and those that are there and joined by path; and what is set up from
 * inside of them: loopback, uts names, mount propagation. namespaces(7). */
#include "spawn/namespaces.h"
#include "spawn/joiner.h"
#include "spawn/steps.h"
#include "spawn/userns.h"

#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

static const struct {
	int flag;
	const char *name;
} kinds[OCI_NS_COUNT] = {
	[OCI_NS_PID] = {CLONE_NEWPID, "pid"},	       [OCI_NS_NETWORK] = {CLONE_NEWNET, "network"},
	[OCI_NS_MOUNT] = {CLONE_NEWNS, "mount"},       [OCI_NS_IPC] = {CLONE_NEWIPC, "ipc"},
	[OCI_NS_UTS] = {CLONE_NEWUTS, "uts"},	       [OCI_NS_USER] = {CLONE_NEWUSER, "user"},
	[OCI_NS_CGROUP] = {CLONE_NEWCGROUP, "cgroup"}, [OCI_NS_TIME] = {CLONE_NEWTIME, "time"},
};

/* --- the plan --- */

static const char *kind_name(int flag)
{
	for (size_t i = 0; i < OCI_NS_COUNT; i++)
		if (kinds[i].flag == flag)
			return kinds[i].name;
	return "other";
}

static bool is_nsfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == NSFS_MAGIC;
}

/* With O_PATH first: what is no namespace is not even opened, since a FIFO would block and a device might act. */
static int open_one(enum oci_namespace_type type, const char *path, struct ts_error *e)
{
	_cleanup_fd_ int place = open(path, O_PATH | O_CLOEXEC);
	_cleanup_fd_ int fd = -1;
	char link[48];
	int flag;

	if (place < 0)
		return ts_fail(e, errno, "open namespace", path);
	if (!is_nsfs(place))
		return ts_fail(e, EINVAL, "not a namespace", path);
	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", place);
	fd = open(link, O_RDONLY | O_CLOEXEC);
	flag = fd < 0 ? -1 : ioctl(fd, NS_GET_NSTYPE);
	if (flag < 0)
		return ts_fail(e, errno, "open namespace", path);
	if (flag != kinds[type].flag)
		return ts_failf(e, EINVAL, "namespace is of type %s, not %s: %.300s",
				kind_name(flag), kinds[type].name, path);
	return ts_fd_take(&fd);
}

/* A new cgroup namespace is unshared by step_cgroup, or its root would be the parent's cgroup, not the task's. A new time
 * namespace takes its offsets before there is a process in it. */
static uint64_t clone_flags(const struct config *config)
{
	uint64_t flags = 0;

	for (int i = 0; i < OCI_NS_COUNT; i++)
		if (config->linux_.namespaces[i].set && !config->linux_.namespaces[i].path &&
		    i != OCI_NS_CGROUP && i != OCI_NS_TIME)
			flags |= (uint64_t)kinds[i].flag;
	/* Without a mount namespace of its own there is no root to build; OCI leaves this open, we do not. */
	if (config->taskshim.isolation != TS_ISOLATION_NONE)
		flags |= CLONE_NEWNS;
	return flags;
}

/* Whether taskshim.baseMountNamespace is asked for and can do: in a user namespace init may not join it; peers and hooks
 * have to do with the namespace that is left; and an unbindable mount could not come along. */
static bool takes_base(const struct plan *plan)
{
	const struct config *config = plan->config;

	if (!config->taskshim.base_mount_ns || config->taskshim.isolation != TS_ISOLATION_PIVOT ||
	    config->linux_.namespaces[OCI_NS_MOUNT].path || userns_is_set(config) ||
	    namespaces_stay_shared(config) || plan->hook_state)
		return false;
	for (size_t i = 0; i < config->n_mounts; i++)
		if (config->mounts[i].parsed.propagation == MS_UNBINDABLE)
			return false;
	return true;
}

int namespaces_plan(struct plan *plan, struct ts_error *e)
{
	const struct oci_namespace *wanted = plan->config->linux_.namespaces;

	e->step = TS_STEP_NAMESPACES;
	plan->clone_flags = clone_flags(plan->config);
	for (size_t i = 0; i < OCI_NS_COUNT; i++) {
		if (!wanted[i].path)
			continue;
		plan->namespace_fds[i] = open_one((enum oci_namespace_type)i, wanted[i].path, e);
		if (plan->namespace_fds[i] < 0)
			return -1;
	}
	if (takes_base(plan)) {
		plan->base_ns_fd = open_one(OCI_NS_MOUNT, plan->config->taskshim.base_mount_ns, e);
		if (plan->base_ns_fd < 0)
			return -1;
	}
	return 0;
}

void namespaces_done(struct plan *plan)
{
	for (size_t i = 0; i < OCI_NS_COUNT; i++)
		ts_fd_closep(&plan->namespace_fds[i]);
	ts_fd_closep(&plan->base_ns_fd);
}

/* --- joining --- */

static int fail_join(const struct plan *plan, enum oci_namespace_type type, int err,
		     struct ts_error *e)
{
	char what[64];

	(void)snprintf(what, sizeof what, "join %s namespace", kinds[type].name);
	return ts_fail(e, err, what, plan->config->linux_.namespaces[type].path);
}

int namespaces_join(const struct plan *plan, enum oci_namespace_type type, struct ts_error *e)
{
	int fd = plan->namespace_fds[type];

	return fd >= 0 && setns(fd, kinds[type].flag) < 0 ? fail_join(plan, type, errno, e) : 0;
}

/* A process never changes its pid namespace: setns(2) says where its children are born. Those of the monitor, hooks, are not
 * to be born there. */
int namespaces_enter_pid(const struct plan *plan, struct ts_error *e)
{
	_cleanup_fd_ int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);

	if (own < 0)
		return ts_fail(e, errno, "open", "/proc/self/ns/pid");
	if (namespaces_join(plan, OCI_NS_PID, e) < 0)
		return -1;
	return ts_fd_take(&own);
}

int namespaces_leave_pid(int own, struct ts_error *e)
{
	int tries = 2; /* the monitor would run its hooks there */

	while (setns(own, CLONE_NEWPID) < 0)
		if (--tries == 0)
			return ts_fail(e, errno, "return to our pid namespace", NULL);
	return 0;
}

/* By a socket of any family, since the kernel may have no IPv4: what the family does not know goes to the devices. */
static int bring_up_loopback(struct ts_error *e)
{
	struct ifreq request = {.ifr_name = "lo"};
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return ts_fail(e, errno, "read flags of network device", "lo");
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return ts_fail(e, errno, "bring up network device", "lo");
	return 0;
}

static int write_offsets(const struct oci_linux *l, int proc_fd, struct ts_error *e)
{
	_cleanup_fd_ int fd = ts_open_proc_file(proc_fd, "self/timens_offsets", O_WRONLY);
	char line[64];

	if (fd < 0)
		return ts_fail(e, errno, "open", "/proc/self/timens_offsets");
	for (size_t i = 0; i < l->n_time_offsets; i++) {
		const struct oci_time_offset *offset = &l->time_offsets[i];
		int n = snprintf(line, sizeof line, "%s %lld %u\n", offset->clock,
				 (long long)offset->secs, offset->nanosecs);

		if (write(fd, line, (size_t)n) != n)
			return ts_fail(e, errno,
				       errno == ERANGE
					       ? "offset takes the clock below zero or too far"
					       : "set time offset",
				       line);
	}
	return 0;
}

/* unshare(2) makes it for children; when it has its offsets, we follow. */
static int make_time_namespace(const struct oci_linux *l, struct ts_error *e)
{
	_cleanup_fd_ int proc_fd = ts_open_proc();
	_cleanup_fd_ int fd = -1;

	if (proc_fd < 0)
		return ts_fail(e, errno, "open", "/proc");
	if (unshare(CLONE_NEWTIME) < 0)
		return ts_fail(e, errno, "unshare", "time namespace");
	if (write_offsets(l, proc_fd, e) < 0)
		return -1;
	fd = openat(proc_fd, "self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWTIME) < 0)
		return ts_fail(e, errno, "enter the new", "time namespace");
	return 0;
}

static int join_others(const struct plan *plan, struct ts_error *e)
{
	static const enum oci_namespace_type here[] = {OCI_NS_NETWORK, OCI_NS_IPC, OCI_NS_UTS,
						       OCI_NS_TIME};

	for (size_t i = 0; i < sizeof here / sizeof here[0]; i++)
		if (namespaces_join(plan, here[i], e) < 0)
			return -1;
	return 0;
}

/* pid: namespaces_enter_pid(), or joiner_clone(). cgroup: step_cgroup. mount: step_pivot. */
int step_namespaces(struct task *task, struct ts_error *e)
{
	const struct plan *plan = task->plan;
	const struct oci_namespace *time = &plan->config->linux_.namespaces[OCI_NS_TIME];

	if (!joiner_is_needed(plan) && join_others(plan, e) < 0)
		return -1;
	if (time->set && !time->path && make_time_namespace(&plan->config->linux_, e) < 0)
		return -1;
	if (userns_is_set(plan->config) && userns_enter(task, e) < 0)
		return -1;
	return plan->clone_flags & CLONE_NEWNET ? bring_up_loopback(e) : 0;
}

/* --- what is set up inside --- */

int step_hostname(struct task *task, struct ts_error *e)
{
	const struct config *config = task->plan->config;

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
