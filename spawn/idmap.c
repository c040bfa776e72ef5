/* mounts[] with idmap, ridmap or mappings. MOUNT_ATTR_IDMAP takes its mapping from a user namespace, and the only way to make
 * one is to make a process in it: a child that waits until it has been mapped and its namespace opened, then ends. It waits
 * on a pipe, so that it ends as well when we die. */
#include "spawn/idmap.h"
#include "spawn/mount_sys.h"
#include "spawn/mounts.h"
#include "spawn/userns.h"

#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static pid_t start_child(int ret_pipe[static 2])
{
	struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
	pid_t pid;
	char byte;

	if (pipe2(ret_pipe, O_CLOEXEC) < 0)
		return -1;
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0) {
		(void)close(ret_pipe[1]);
		while (read(ret_pipe[0], &byte, 1) < 0 && errno == EINTR)
			;
		_exit(0);
	}
	return pid;
}

struct mapping {
	const struct oci_id_mapping *uids, *gids;
	size_t n_uids, n_gids;
};

static int open_mapped(pid_t pid, const struct mapping *m, struct ts_error *e)
{
	_cleanup_fd_ int proc_fd = ts_open_proc();
	char path[64];
	int fd;

	if (proc_fd < 0)
		return ts_fail(e, errno, "open", "/proc");
	if (userns_write_map(proc_fd, pid, "uid_map", m->uids, m->n_uids, e) < 0 ||
	    userns_write_map(proc_fd, pid, "gid_map", m->gids, m->n_gids, e) < 0)
		return -1;
	(void)snprintf(path, sizeof path, "%d/ns/user", (int)pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? ts_fail(e, errno, "open", path) : fd;
}

/* Makes a user namespace of these mappings. Returns an fd of it, or -1 with @e filled. */
static int make_namespace(const struct mapping *m, struct ts_error *e)
{
	int pipe_fds[2] = {-1, -1}, fd = -1;
	pid_t pid = start_child(pipe_fds);

	if (pid < 0)
		(void)ts_fail(e, errno, "make a user namespace for a mapped mount", NULL);
	else
		fd = open_mapped(pid, m, e);
	ts_fd_closep(&pipe_fds[0]);
	ts_fd_closep(&pipe_fds[1]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return fd;
}

static int open_for_mount(const struct plan *plan, const struct oci_mount *mount,
			  struct ts_error *e)
{
	const struct oci_linux *l = &plan->config->linux_;
	int joined = plan->namespace_fds[OCI_NS_USER];
	struct mapping own = {mount->uid_mappings, mount->gid_mappings, mount->n_uid_mappings,
			      mount->n_gid_mappings};
	struct mapping tasks = {l->uid_mappings, l->gid_mappings, l->n_uid_mappings,
				l->n_gid_mappings};
	int fd;

	if (own.n_uids > 0)
		return make_namespace(&own, e);
	if (joined < 0)
		return make_namespace(&tasks, e);
	fd = fcntl(joined, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? ts_fail(e, errno, "duplicate user namespace", NULL) : fd;
}

/* In a user namespace init has no right to map what is mounted on the host. */
static int map_here(const struct plan *plan, const struct oci_mount *mount, int userns_fd,
		    struct ts_error *e)
{
	const char *root = plan->config->root.path;
	_cleanup_fd_ int root_fd = root ? open(root, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	const struct task task = {.plan = plan, .root_fd = root_fd};
	_cleanup_fd_ int tree = -1;

	if (root && root_fd < 0)
		return ts_fail(e, errno, "open root", root);
	tree = mounts_clone_source(&task, mount, e);
	if (tree < 0)
		return -1;
	if (mount_map(tree, userns_fd, mount->parsed.ridmap) < 0)
		return ts_fail(e, errno, "map the ids of the mount on", mount->destination);
	return ts_fd_take(&tree);
}

static int prepare(const struct plan *plan, const struct oci_mount *mount, struct ts_error *e)
{
	_cleanup_fd_ int fd = open_for_mount(plan, mount, e);

	if (fd < 0 || !idmap_is_done_before(plan->config, mount))
		return ts_fd_take(&fd);
	return map_here(plan, mount, fd, e);
}

bool idmap_is_done_before(const struct config *config, const struct oci_mount *mount)
{
	return userns_is_set(config) && mounts_is_bind(mount);
}

static bool is_needed(const struct config *config)
{
	for (size_t i = 0; i < config->n_mounts; i++)
		if (config->mounts[i].parsed.idmap)
			return true;
	return false;
}

int idmap_plan(struct plan *plan, struct ts_error *e)
{
	const struct config *config = plan->config;

	if (!is_needed(config))
		return 0;
	e->step = TS_STEP_MOUNT;
	plan->idmap_fds = calloc(config->n_mounts, sizeof *plan->idmap_fds);
	if (!plan->idmap_fds)
		return ts_fail(e, ENOMEM, "mounts", NULL);
	for (size_t i = 0; i < config->n_mounts; i++)
		plan->idmap_fds[i] = -1;
	for (size_t i = 0; i < config->n_mounts; i++) {
		if (!config->mounts[i].parsed.idmap)
			continue;
		plan->idmap_fds[i] = prepare(plan, &config->mounts[i], e);
		if (plan->idmap_fds[i] < 0)
			return -1;
	}
	return 0;
}

void idmap_done(struct plan *plan)
{
	for (size_t i = 0; plan->idmap_fds && i < plan->config->n_mounts; i++)
		ts_fd_closep(&plan->idmap_fds[i]);
	free(plan->idmap_fds);
	plan->idmap_fds = NULL;
}
