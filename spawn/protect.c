/* Executes spawn-daemon from a file that nobody can write to. */
#include "spawn/protect.h"
#include "spawn/explain.h"
#include "spawn/mount_sys.h"

#include "util/fd.h"
#include "util/passwd.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

static const char own_file[] = "/proc/self/exe";

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

/* --- for whom --- */

/* A name may stand for uid 0: it is looked up in the root, later. */
static bool user_may_be_root(const struct config *config)
{
	const char *user = config->taskshim.user;
	unsigned uid;

	if (user)
		return !ts_id_parse(user, strcspn(user, ":"), &uid) || uid == 0;
	return config->process.user.set && config->process.user.uid == 0; /* else it is nobody */
}

/* Without privileges, and without the means to gain any: no capability, no set-user-ID program. */
static bool stays_unprivileged(const struct oci_process *process)
{
	const struct oci_capabilities *caps = &process->capabilities;

	return process->no_new_privileges &&
	       !(caps->permitted | caps->effective | caps->inheritable | caps->ambient);
}

/* The uid 0 of a user namespace of its own is nobody on the host, unless it is mapped to uid 0 there. */
static bool is_mapped(const struct oci_linux *l)
{
	const struct oci_namespace *user = &l->namespaces[OCI_NS_USER];

	if (!user->set || user->path)
		return false;
	for (size_t i = 0; i < l->n_uid_mappings; i++)
		if (l->uid_mappings[i].host_id == 0)
			return false;
	return true;
}

bool protect_is_needed(const struct config *config, uid_t caller)
{
	const struct oci_namespace *ns = config->linux_.namespaces;

	/* With the host's root nobody is in reach who is not there anyway, unless a task is entered. */
	if (caller != 0 || (config->taskshim.isolation == TS_ISOLATION_NONE &&
			    !ns[OCI_NS_MOUNT].path && !ns[OCI_NS_PID].path))
		return false;
	return !is_mapped(&config->linux_) &&
	       (user_may_be_root(config) || !stays_unprivileged(&config->process));
}

/* --- a file that cannot be written to --- */

static int open_clone(void)
{
	_cleanup_fd_ int fd = mount_clone(AT_FDCWD, own_file, false);

	if (fd < 0 || mount_set(fd, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE, false) < 0)
		return -1;
	return ts_fd_take(&fd);
}

static int new_memfd(const char *name, unsigned flags)
{
	int fd = memfd_create(name, flags | MFD_EXEC);

	return fd < 0 && errno == EINVAL ? memfd_create(name, flags) : fd;
}

static int open_copy(void)
{
	_cleanup_fd_ int from = open(own_file, O_RDONLY | O_CLOEXEC);
	_cleanup_fd_ int to = new_memfd("spawn-daemon", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat st;

	if (from < 0 || to < 0 || fstat(from, &st) < 0)
		return -1;
	for (off_t left = st.st_size; left > 0;) {
		ssize_t n = sendfile(to, from, NULL, (size_t)left);

		if (n <= 0) {
			errno = n < 0 ? errno : EIO;
			return -1;
		}
		left -= n;
	}
	return fcntl(to, F_ADD_SEALS, SEALS) < 0 ? -1 : ts_fd_take(&to);
}

static bool is_protected(void)
{
	_cleanup_fd_ int fd = open(own_file, O_RDONLY | O_CLOEXEC);
	struct statvfs fs;

	return fd >= 0 && ((fstatvfs(fd, &fs) == 0 && fs.f_flag & ST_RDONLY) ||
			   fcntl(fd, F_GET_SEALS) == SEALS);
}

/* --- from one process to the next --- */

static int hand_over(struct json_object *document, const struct stream *ahead, struct ts_error *e)
{
	_cleanup_fd_ int fd = memfd_create("config", 0);
	size_t len = 0;
	const char *text =
		document ? json_object_to_json_string_length(
				   document,
				   JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len)
			 : "";

	if (!text)
		return ts_fail(e, ENOMEM, "encode the config", NULL);
	if (fd < 0 || ts_write_all(fd, text, len) < 0 ||
	    ts_write_all(fd, ahead->data, ahead->used) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return ts_fail(e, errno, "hand the config over", NULL);
	return ts_fd_take(&fd);
}

static void execute(int fd, const struct spawn_options *options, int config_fd)
{
	char name[] = "spawn-daemon", no_gate[] = "--no-gate";
	char handed_over[sizeof PROTECT_OPTION + 16];
	char explain[sizeof EXPLAIN_OPTION + 16];
	char await_cgroups[] = AWAIT_CGROUPS_OPTION;
	char *argv[7] = {name, handed_over};
	size_t n = 2;

	(void)snprintf(handed_over, sizeof handed_over, PROTECT_OPTION "%d", config_fd);
	if (options->no_gate)
		argv[n++] = no_gate;
	if (options->await_cgroups)
		argv[n++] = await_cgroups;
	(void)snprintf(explain, sizeof explain, EXPLAIN_OPTION "%d", options->explain_fd);
	if (options->explain_fd >= 0)
		argv[n++] = explain;
	if (options->argument)
		argv[n++] = (char *)options->argument;
	(void)syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
}

int protect(const struct spawn_options *options, struct json_object *document,
	    const struct stream *ahead, struct ts_error *e)
{
	_cleanup_fd_ int clone_fd = open_clone();
	_cleanup_fd_ int copy_fd = -1;
	_cleanup_fd_ int config_fd = -1;

	e->step = TS_STEP_MONITOR;
	config_fd = hand_over(document, ahead, e);
	if (config_fd < 0)
		return -1;
	if (options->explain_fd >= 0)
		(void)fcntl(options->explain_fd, F_SETFD, 0); /* it goes along */
	if (clone_fd >= 0)
		execute(clone_fd, options, config_fd);
	copy_fd = open_copy();
	if (copy_fd >= 0)
		execute(copy_fd, options, config_fd);
	return ts_fail(e, errno, "execute spawn-daemon from a read-only copy", own_file);
}

int protect_take_over(int fd, struct stream *ret, struct ts_error *e)
{
	struct stat st;

	e->step = TS_STEP_MONITOR;
	/* execveat(2) has named us after the descriptor */
	(void)prctl(PR_SET_NAME, "spawn-daemon", 0, 0, 0);
	if (!is_protected())
		return ts_fail(e, EPERM, "the copy of spawn-daemon can be written to", own_file);
	if (fd < 3 || fstat(fd, &st) < 0 || st.st_size > STREAM_DOCUMENT_MAX * 4)
		return ts_fail(e, EINVAL, "take the config over", NULL);
	ret->size = (size_t)st.st_size + 1;
	ret->data = malloc(ret->size);
	if (!ret->data)
		return ts_fail(e, ENOMEM, "take the config over", NULL);
	while (ret->used < (size_t)st.st_size) {
		ssize_t n = read(fd, ret->data + ret->used, (size_t)st.st_size - ret->used);

		if (n <= 0)
			return ts_fail(e, n < 0 ? errno : EIO, "take the config over", NULL);
		ret->used += (size_t)n;
	}
	(void)close(fd);
	return 0;
}
