/* mounts[] with idmap, ridmap or mappings. MOUNT_ATTR_IDMAP takes its mapping from a user namespace, and the only way to make
 * one is to make a process in it: a child that waits until it has been mapped and its namespace opened, then ends. It waits
 * on a pipe, so that it ends as well when we die. */
#include "spawn/idmap.h"
#include "spawn/init.h"
#include "spawn/mount_sys.h"
#include "spawn/mounts.h"
#include "spawn/userns.h"

#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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
		plan->idmap_fds[i] = open_for_mount(plan, &config->mounts[i], e);
		if (plan->idmap_fds[i] < 0)
			return -1;
	}
	return 0;
}

/* --- binds, for a task with a user namespace --- */

bool idmap_is_done_before(const struct config *config, const struct oci_mount *mount)
{
	return mount->parsed.idmap && userns_is_set(config) && mounts_is_bind(mount);
}

/* The mount takes the place of the user namespace, under the same number. */
static int map_one(const struct task *task, size_t i, struct ts_error *e)
{
	const struct plan *plan = task->plan;
	const struct oci_mount *mount = &plan->config->mounts[i];
	_cleanup_fd_ int tree = mounts_clone_source(task, mount, e);

	if (tree < 0)
		return -1;
	if (mount_map(tree, plan->idmap_fds[i], mount->parsed.ridmap) < 0)
		return ts_fail(e, errno, "map the ids of the mount on", mount->destination);
	return dup3(tree, plan->idmap_fds[i], O_CLOEXEC) < 0
		       ? ts_fail(e, errno, "keep the mount on", mount->destination)
		       : 0;
}

/* In the helper. To enter a mount namespace is to go to its root. */
static int map_all(const struct plan *plan, int pidfd, struct ts_error *e)
{
	const char *root = plan->config->root.path;
	struct task task = {.plan = plan, .root_fd = -1};
	char cwd[PATH_MAX];

	if (!getcwd(cwd, sizeof cwd))
		return ts_fail(e, errno, "find working directory", NULL);
	if (setns(pidfd, CLONE_NEWNS) < 0 || chdir(cwd) < 0)
		return ts_fail(e, errno, "enter the mount namespace of", "init");
	if (root)
		task.root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root && task.root_fd < 0)
		return ts_fail(e, errno, "open root", root);
	for (size_t i = 0; i < plan->config->n_mounts; i++)
		if (idmap_is_done_before(plan->config, &plan->config->mounts[i]) &&
		    map_one(&task, i, e) < 0)
			return -1;
	ts_fd_closep(&task.root_fd);
	return 0;
}

/* Runs map_all() in a process that shares our descriptors, but is not with us in a mount namespace when it is done. */
static int run_helper(const struct plan *plan, int pidfd, struct ts_error *e)
{
	struct clone_args args = {.flags = CLONE_FILES, .exit_signal = SIGCHLD};
	struct ts_error *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	long pid;

	if (shared == MAP_FAILED)
		return ts_fail(e, errno, "map memory for", "mounts");
	*shared = *e;
	pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0)
		_exit(map_all(plan, pidfd, shared) < 0);
	while (pid > 0 && waitpid((pid_t)pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0)
		(void)ts_fail(e, errno, "fork", "for mapped mounts");
	else if (WIFSIGNALED(status))
		(void)ts_fail(e, ESRCH, "who maps mounts was killed", NULL);
	else if (status != 0)
		*e = *shared;
	(void)munmap(shared, sizeof *shared);
	return pid > 0 && status == 0 ? 0 : -1;
}

int idmap_hand_over(const struct plan *plan, int pidfd, int channel, struct ts_error *e)
{
	const struct config *config = plan->config;
	bool any = false;

	for (size_t i = 0; plan->idmap_fds && i < config->n_mounts; i++)
		any = any || idmap_is_done_before(config, &config->mounts[i]);
	if (!any)
		return 0;
	e->step = TS_STEP_MOUNT;
	if (run_helper(plan, pidfd, e) < 0)
		return -1;
	for (size_t i = 0; i < config->n_mounts; i++)
		if (idmap_is_done_before(config, &config->mounts[i]) &&
		    channel_send_fd(channel, CHANNEL_MOUNT, (uint32_t)i, plan->idmap_fds[i]) < 0)
			return ts_fail(e, errno, "hand over the mount on",
				       config->mounts[i].destination);
	return 0;
}

void idmap_done(struct plan *plan)
{
	for (size_t i = 0; plan->idmap_fds && i < plan->config->n_mounts; i++)
		ts_fd_closep(&plan->idmap_fds[i]);
	free(plan->idmap_fds);
	plan->idmap_fds = NULL;
}
