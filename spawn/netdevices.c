/* Moves network devices. What the kernel does to one that changes its namespace: it takes it down, out of its bridge or bond, and
 * drops its addresses and routes. Addresses that were set for good are set again; routes follow from them, as far as they do. */
#include "spawn/netdevices.h"
#include "spawn/init.h"
#include "spawn/steps.h"

#include "util/fd.h"
#include "util/path.h"
#include "util/rtnetlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

_Static_assert(RTNL_NAME == IF_NAMESIZE, "names of links");

struct net_device {
	const char *host_name;
	char name[RTNL_NAME]; /* in the task */
	struct rtnl_link before; /* what it was */
	struct rtnl_address *addresses;
	size_t n_addresses;
	int index; /* in the task; 0: not known to be there */
};

int step_netdevices(struct task *task, struct ts_error *e)
{
	return task->plan->config->linux_.n_net_devices > 0 ? init_await_netdevices(task, e) : 0;
}

/* --- both namespaces --- */

static int open_namespace(int proc_fd, const char *path, struct stat *ret, struct ts_error *e)
{
	_cleanup_fd_ int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, ret) < 0)
		return ts_fail(e, errno, "open network namespace", path);
	return ts_fd_take(&fd);
}

/* A socket of the task's namespace. The way there and back is short, and must not end there. */
static int open_socket_in(int ns_fd, int host_ns_fd, struct ts_error *e)
{
	_cleanup_fd_ int fd = -1;
	int err = 0, tries = 2;

	if (setns(ns_fd, CLONE_NEWNET) < 0)
		return ts_fail(e, errno, "enter", "the task's network namespace");
	fd = rtnl_open();
	if (fd < 0)
		err = errno;
	while (setns(host_ns_fd, CLONE_NEWNET) < 0)
		if (--tries == 0)
			return ts_fail(e, errno, "return from", "the task's network namespace");
	return fd < 0 ? ts_fail(e, err, "open rtnetlink in", "the task's network namespace")
		      : ts_fd_take(&fd);
}

/* Fills the descriptors of @ret; the namespace of the task: *@ret_ns. */
static int open_both(pid_t pid, struct netdevices *ret, int *ret_ns, struct ts_error *e)
{
	_cleanup_fd_ int proc_fd = ts_open_proc();
	struct stat host = {0}, task = {0};
	char path[32];

	if (proc_fd < 0)
		return ts_fail(e, errno, "open", "/proc");
	(void)snprintf(path, sizeof path, "%d/ns/net", (int)pid);
	ret->host_ns_fd = open_namespace(proc_fd, "thread-self/ns/net", &host, e);
	if (ret->host_ns_fd < 0)
		return -1;
	*ret_ns = open_namespace(proc_fd, path, &task, e);
	if (*ret_ns < 0)
		return -1;
	if (host.st_ino == task.st_ino && host.st_dev == task.st_dev)
		return ts_fail(e, EINVAL, "linux.netDevices",
			       "the task's network namespace is the host's");
	ret->host_fd = rtnl_open();
	if (ret->host_fd < 0)
		return ts_fail(e, errno, "open rtnetlink", NULL);
	ret->task_fd = open_socket_in(*ret_ns, ret->host_ns_fd, e);
	return ret->task_fd < 0 ? -1 : 0;
}

/* --- there --- */

static int fail_device(const struct net_device *d, int err, const char *what, struct ts_error *e)
{
	return ts_failf(e, err, "%s: network device %s", what, d->host_name);
}

/* Whether the name is free in the task: the kernel, too, would say that it is not, but maybe after the move. */
static int expect_free(int task_fd, const struct net_device *d, struct ts_error *e)
{
	struct rtnl_link link;

	if (rtnl_link_by_name(task_fd, d->name, &link) == 0)
		return ts_failf(e, EEXIST, "the task has a network device %s: move %s", d->name,
				d->host_name);
	return errno == ENODEV ? 0 : fail_device(d, errno, "look for the new name of", e);
}

/* "eth%d": the first that is free. */
static int choose_name(int task_fd, const char *wanted, struct net_device *d, struct ts_error *e)
{
	enum { TRIES = 4096 };
	const char *percent = strchr(wanted, '%');
	struct rtnl_link link;

	if (!percent) {
		(void)snprintf(d->name, sizeof d->name, "%s", wanted);
		return expect_free(task_fd, d, e);
	}
	for (int i = 0; i < TRIES; i++) {
		int n = snprintf(d->name, sizeof d->name, "%.*s%d", (int)(percent - wanted), wanted,
				 i);

		if (n >= (int)sizeof d->name)
			break;
		if (rtnl_link_by_name(task_fd, d->name, &link) == 0)
			continue;
		return errno == ENODEV ? 0 : fail_device(d, errno, "find a new name for", e);
	}
	return fail_device(d, EEXIST, "find a new name for", e);
}

static int move_link(const struct netdevices *all, int ns_fd, struct net_device *d,
		     struct ts_error *e)
{
	struct rtnl_link link;

	if (rtnl_link_move(all->host_fd, d->before.index, ns_fd, d->name) < 0)
		return ts_failf(e, errno, "move network device %s into the task as %s",
				d->host_name, d->name);
	if (rtnl_link_by_name(all->task_fd, d->name, &link) < 0)
		return fail_device(d, errno, "find in the task", e);
	d->index = link.index;
	return 0;
}

/* OCI: addresses that were set for good and are known everywhere. The others are the kernel's, or of some program that is not there. */
static bool is_moved(const struct rtnl_address *address)
{
	return address->flags & IFA_F_PERMANENT && address->scope == RT_SCOPE_UNIVERSE;
}

static int set_up(const struct netdevices *all, const struct net_device *d, struct ts_error *e)
{
	for (size_t i = 0; i < d->n_addresses; i++)
		if (is_moved(&d->addresses[i]) &&
		    rtnl_address_add(all->task_fd, d->index, &d->addresses[i]) < 0)
			return fail_device(d, errno, "set an address in the task", e);
	if (rtnl_link_set_up(all->task_fd, d->index) < 0)
		return fail_device(d, errno, "bring up in the task", e);
	return 0;
}

static int move_one(struct netdevices *all, int ns_fd, const struct oci_net_device *wanted,
		    struct ts_error *e)
{
	struct net_device *d = &all->v[all->n];

	d->host_name = wanted->host_name;
	if (rtnl_link_by_name(all->host_fd, d->host_name, &d->before) < 0)
		return errno == ENODEV ? ts_fail(e, ENODEV, "no such network device", d->host_name)
				       : fail_device(d, errno, "look for", e);
	if (rtnl_addresses(all->host_fd, d->before.index, &d->addresses, &d->n_addresses) < 0)
		return fail_device(d, errno, "list the addresses of", e);
	if (choose_name(all->task_fd, wanted->name ? wanted->name : wanted->host_name, d, e) < 0)
		return -1;
	all->n++; /* from here on it may have moved */
	return move_link(all, ns_fd, d, e) < 0 || set_up(all, d, e) < 0 ? -1 : 0;
}

int netdevices_move(const struct config *config, pid_t pid, struct netdevices *ret,
		    struct ts_error *e)
{
	const struct oci_linux *l = &config->linux_;
	_cleanup_fd_ int ns_fd = -1;

	e->step = TS_STEP_NETDEVICES;
	ret->v = calloc(l->n_net_devices, sizeof *ret->v);
	if (!ret->v)
		return ts_fail(e, ENOMEM, "linux.netDevices", NULL);
	if (open_both(pid, ret, &ns_fd, e) < 0)
		return -1;
	for (size_t i = 0; i < l->n_net_devices; i++)
		if (move_one(ret, ns_fd, &l->net_devices[i], e) < 0)
			return -1;
	return 0;
}

/* --- and back --- */

/* Where it is in the task: a hook may have renamed it; a move that failed half-way has left it with its old name. */
static int find_index(const struct netdevices *all, const struct net_device *d)
{
	struct rtnl_link link;

	if (d->index > 0)
		return d->index;
	if (rtnl_link_by_name(all->task_fd, d->name, &link) == 0 ||
	    rtnl_link_by_name(all->task_fd, d->host_name, &link) == 0)
		return link.index;
	return -1;
}

static int move_back(const struct netdevices *all, const struct net_device *d)
{
	struct rtnl_link link;
	int index;

	/* it has not moved, or has come back in the try before */
	if (rtnl_link_by_name(all->host_fd, d->host_name, &link) == 0)
		return 0;
	if (errno != ENODEV)
		return -1;
	index = find_index(all, d);
	return index < 0 ? -1 : rtnl_link_move(all->task_fd, index, all->host_ns_fd, d->host_name);
}

/* Of addresses that the kernel makes itself, as those of the link, it may have been faster. */
static int restore(const struct netdevices *all, const struct net_device *d)
{
	struct rtnl_link link;

	if (rtnl_link_by_name(all->host_fd, d->host_name, &link) < 0)
		return -1;
	if (d->before.master > 0 && link.master != d->before.master &&
	    rtnl_link_set_master(all->host_fd, link.index, d->before.master) < 0)
		return -1;
	for (size_t i = 0; i < d->n_addresses; i++)
		if (d->addresses[i].flags & IFA_F_PERMANENT &&
		    rtnl_address_add(all->host_fd, link.index, &d->addresses[i]) < 0 &&
		    errno != EEXIST)
			return -1;
	return d->before.flags & IFF_UP ? rtnl_link_set_up(all->host_fd, link.index) : 0;
}

static void undo_one(const struct netdevices *all, const struct net_device *d)
{
	int tries = 3;

	while (move_back(all, d) < 0 || restore(all, d) < 0)
		if (--tries == 0) {
			(void)dprintf(STDERR_FILENO,
				      "spawn-daemon: warning: netdevices: give back %s: %s\n",
				      d->host_name, ts_errno_text(errno));
			return;
		}
}

void netdevices_undo(struct netdevices *devices)
{
	while (devices->n > 0)
		undo_one(devices, &devices->v[--devices->n]);
	netdevices_keep(devices);
}

/* The memory goes with the rest of the start's, all at once. */
void netdevices_keep(struct netdevices *devices)
{
	ts_fd_closep(&devices->host_fd);
	ts_fd_closep(&devices->task_fd);
	ts_fd_closep(&devices->host_ns_fd);
}
