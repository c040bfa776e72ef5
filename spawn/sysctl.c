/* linux.sysctl. Which file of /proc/sys is whose depends on the namespaces of who opens it, not on where the procfs is mounted: so
 * they are written from init, when it is in all of them, and through a procfs that nobody else can reach. */
#include "spawn/sysctl.h"
#include "spawn/mount_sys.h"
#include "spawn/steps.h"

#include "protocol/sysctl.h"
#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>

/* Those that sysctl_namespace() knows. */
static const struct {
	enum oci_namespace_type type;
	const char *path; /* below /proc */
} kinds[] = {
	{OCI_NS_NETWORK, "thread-self/ns/net"},
	{OCI_NS_IPC, "thread-self/ns/ipc"},
	{OCI_NS_UTS, "thread-self/ns/uts"},
};

static int check_joined(const struct plan *plan, int proc_fd, size_t kind, struct ts_error *e)
{
	enum oci_namespace_type type = kinds[kind].type;
	struct stat own, joined;

	if (fstatat(proc_fd, kinds[kind].path, &own, 0) < 0 ||
	    fstat(plan->namespace_fds[type], &joined) < 0)
		return ts_fail(e, errno, "stat the namespace",
			       plan->config->linux_.namespaces[type].path);
	if (own.st_ino == joined.st_ino && own.st_dev == joined.st_dev)
		return ts_fail(e, EINVAL,
			       "linux.sysctl: it would change the host, whose namespace is",
			       plan->config->linux_.namespaces[type].path);
	return 0;
}

int sysctl_plan(const struct plan *plan, struct ts_error *e)
{
	_cleanup_fd_ int proc_fd = -1;

	if (plan->config->linux_.sysctl.n == 0)
		return 0;
	e->step = TS_STEP_SYSCTL;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (plan->namespace_fds[kinds[i].type] < 0)
			continue;
		if (proc_fd < 0)
			proc_fd = ts_open_proc();
		if (proc_fd < 0)
			return ts_fail(e, errno, "open", "/proc");
		if (check_joined(plan, proc_fd, i, e) < 0)
			return -1;
	}
	return 0;
}

/* One of our own, detached. Without the right to mount there is the host's, if nothing covers it. */
static int open_private_proc(struct ts_error *e)
{
	const uint64_t attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	struct ts_error own = {0};
	int fd = mount_new("proc", NULL, attributes, &own);

	if (fd >= 0)
		return fd;
	if (own.err != EPERM) {
		*e = own;
		return -1;
	}
	fd = ts_open_proc();
	return fd < 0 ? ts_fail(e, errno, "open", "/proc") : fd;
}

static int fail(struct ts_error *e, int err, const char *what, const struct key_value *sysctl)
{
	char text[sizeof e->msg];
	size_t room = sizeof text - 1, used = 0;
	const char *const parts[] = {sysctl->key, " to ", sysctl->value};

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		size_t n = strnlen(parts[i], room - used);

		memcpy(text + used, parts[i], n);
		used += n;
	}
	text[used] = '\0';
	return ts_fail(e, err, what, text);
}

static int set(int proc_fd, const struct key_value *sysctl, struct ts_error *e)
{
	/* no bytes at all are no write */
	const char *value = *sysctl->value ? sysctl->value : "\n";
	size_t len = strlen(value);
	_cleanup_fd_ int fd = -1;
	char path[SYSCTL_PATH_MAX];
	ssize_t n;

	if (sysctl_path(sysctl->key, path) < 0)
		return ts_fail(e, EINVAL, "not the name of a sysctl", sysctl->key);
	/* Only uid 0 of the machine may write to that file, while the call takes CAP_SYS_ADMIN of the uts namespace. */
	if (strcmp(path, "kernel/domainname") == 0)
		return setdomainname(sysctl->value, strlen(sysctl->value)) == 0
			       ? 0
			       : fail(e, errno, "set sysctl", sysctl);
	fd = ts_open_sysctl(proc_fd, path, O_WRONLY);
	if (fd < 0 && errno == ENOENT)
		return ts_fail(e, ENOENT, "no such sysctl in the task's namespace", sysctl->key);
	n = fd < 0 ? -1 : write(fd, value, len);
	if (n < 0)
		return fail(e, errno, "set sysctl", sysctl);
	return (size_t)n == len ? 0 : fail(e, EIO, "set sysctl", sysctl);
}

int step_sysctl(struct task *task, struct ts_error *e)
{
	const struct key_value_list *list = &task->plan->config->linux_.sysctl;
	_cleanup_fd_ int proc_fd = -1;

	if (list->n == 0)
		return 0;
	proc_fd = open_private_proc(e);
	if (proc_fd < 0)
		return -1;
	for (size_t i = 0; i < list->n; i++)
		if (set(proc_fd, &list->v[i], e) < 0)
			return -1;
	return 0;
}
