/* mounts[] with idmap, ridmap or mappings. MOUNT_ATTR_IDMAP takes its mapping from a user namespace, and the only way to make
 * one is to make a process in it: a child that waits until it has been mapped and its namespace opened, then ends. It waits
 * on a pipe, so that it ends as well when we die. */
#include "spawn/idmap.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
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

/* Writes @mappings to /proc/PID/@file in one write(2), as the kernel wants them. */
static int write_map(pid_t pid, const char *file, const struct oci_id_mapping *mappings, size_t n,
		     struct ts_error *e)
{
	enum { LINE = 3 * 10 + 3 + 1 };
	_cleanup_free_ char *text = malloc(n * LINE + 1);
	_cleanup_fd_ int fd = -1;
	struct statfs fs;
	char path[64];
	size_t used = 0;

	if (!text)
		return ts_fail(e, ENOMEM, "map", file);
	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(text + used, LINE + 1, "%u %u %u\n",
					 mappings[i].container_id, mappings[i].host_id,
					 mappings[i].size);
	(void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return ts_fail(e, errno, "open", path);
	if (fs.f_type != PROC_SUPER_MAGIC)
		return ts_fail(e, EMEDIUMTYPE, "not a procfs", "/proc");
	if (write(fd, text, used) < 0)
		return ts_fail(e, errno, "map ids of a mount: write", file);
	return 0;
}

struct mapping {
	const struct oci_id_mapping *uids, *gids;
	size_t n_uids, n_gids;
};

static int open_mapped(pid_t pid, const struct mapping *m, struct ts_error *e)
{
	char path[64];
	int fd;

	if (write_map(pid, "uid_map", m->uids, m->n_uids, e) < 0 ||
	    write_map(pid, "gid_map", m->gids, m->n_gids, e) < 0)
		return -1;
	(void)snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
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

static int open_for_mount(const struct config *config, const struct oci_mount *mount,
			  struct ts_error *e)
{
	const struct oci_linux *l = &config->linux_;
	const char *path = l->namespaces[OCI_NS_USER].path;
	struct mapping own = {mount->uid_mappings, mount->gid_mappings, mount->n_uid_mappings,
			      mount->n_gid_mappings};
	struct mapping tasks = {l->uid_mappings, l->gid_mappings, l->n_uid_mappings,
				l->n_gid_mappings};
	int fd;

	if (own.n_uids > 0)
		return make_namespace(&own, e);
	if (!path)
		return make_namespace(&tasks, e);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? ts_fail(e, errno, "open user namespace", path) : fd;
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
		plan->idmap_fds[i] = open_for_mount(config, &config->mounts[i], e);
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
