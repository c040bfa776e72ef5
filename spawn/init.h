/* init: the process that spawn-daemon forks and that becomes the user's command. */
#ifndef SPAWN_INIT_H
#define SPAWN_INIT_H

#include "protocol/message.h"
#include "spawn/plan.h"

/* What goes over the channel, a SOCK_SEQPACKET pair: one struct a packet. */
enum channel_kind {
	CHANNEL_NETDEVICES, /* init: it waits for network devices */
	CHANNEL_HOOKS, /* init: all is mounted: it waits for prestart and createRuntime hooks */
	CHANNEL_READY, /* init: all steps are done, waiting for the gate */
	CHANNEL_HOT, /* init: the next thing is execve; end of file after it = started */
	CHANNEL_FAILED, /* init: error */
	CHANNEL_MOUNT, /* parent: a mount for idmap_fds[length] comes along */
	CHANNEL_TASKDIR, /* parent: a directory for made_task_dir_fds[length] does */
	CHANNEL_SET_UP, /* parent: the user namespace is mapped */
	CHANNEL_NETDEVICES_DONE, /* parent: they are there */
	CHANNEL_HOOKS_DONE, /* parent: they went well */
	CHANNEL_GO, /* parent: monitored: exec; unmonitored: wait at the gate's socket, line is `started` */
};

struct channel_record {
	uint32_t kind;
	struct ts_error error; /* FAILED */
};

struct channel_go {
	uint32_t kind;
	uint32_t length; /* of line; 0 when monitored */
	char line[MESSAGE_MAX]; /* what init tells the gate's client just before exec */
};

struct init {
	pid_t pid;
	int pidfd;
	int channel; /* our end of it */
	int end_fd; /* for struct monitor, or -1 */
};

/* Makes init with clone3(2) in the plan's namespaces and v2 cgroup; in the child never returns. @gate_fd: the listening
 * gate of an unmonitored task, or -1. Returns 0 and fills *@ret, or -1 with @e filled. */
int init_launch(const struct plan *plan, int gate_fd, struct init *ret, struct ts_error *e);

/* In init: lets the parent run its hooks, or move network devices here, and waits for it. Returns 0, or -1 with @e filled; ends init
 * when it is gone. */
int init_await_hooks(const struct task *task, struct ts_error *e);
int init_await_netdevices(const struct task *task, struct ts_error *e);

/* In init: waits until the parent has done userns_set_up(), and takes what it sends; ends init when it is gone. Returns 0, or
 * -1 with @e filled. */
int init_await_set_up(struct task *task, struct ts_error *e);

/* Sends @fd, the @i-th of its kind. Returns 0, or -1 and errno. */
int channel_send_fd(int channel, enum channel_kind kind, uint32_t i, int fd);

/* Reads one record. Returns 1, 0 at end of file, or -1 and errno. */
int channel_read(int channel, struct channel_record *ret);

#endif
