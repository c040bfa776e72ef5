/* linux.netDevices: network devices of the caller that the task gets. spawn-daemon moves them, between two words of init, and holds on
 * to the task's network namespace until the command runs: a start that fails gives them back. */
#ifndef SPAWN_NETDEVICES_H
#define SPAWN_NETDEVICES_H

#include "spawn/plan.h"

struct net_device;

struct netdevices { /* zeroed, but for the descriptors: -1 */
	int host_fd, task_fd; /* sockets of rtnetlink in either namespace */
	int host_ns_fd;
	struct net_device *v;
	size_t n; /* those that may have moved */
};
#define NETDEVICES_NONE                                                                            \
	{                                                                                          \
		.host_fd = -1, .task_fd = -1, .host_ns_fd = -1                                     \
	}

/* Moves the config's devices into the network namespace of process @pid, a child that has not been reaped, in their order; gives them
 * their new names and their old addresses, and brings them up. Returns 0, or -1 with @e filled; in both cases @ret is for one of
 * those below. */
int netdevices_move(const struct config *config, pid_t pid, struct netdevices *ret,
		    struct ts_error *e);

/* The start has failed: they are moved back, last first, with the name, master, addresses and state that they had. What cannot be is
 * named on standard error. */
void netdevices_undo(struct netdevices *devices);

/* The command runs: from now on they are the task's. */
void netdevices_keep(struct netdevices *devices);

#endif
