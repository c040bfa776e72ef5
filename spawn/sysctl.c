/* linux.sysctl. Which file of /proc/sys is whose depends on the namespaces of who opens it, not on where the procfs is mounted: so
 * they are written from init, when it is in all of them, and through a procfs that nobody else can reach. A namespace that was
 * joined by path and is the caller's own is found out here: what would be set in it is the host's. */
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
	const char *name, *path; /* below /proc */
} kinds[] = {
	{OCI_NS_NETWORK, "network", "thread-self/ns/net"},
	{OCI_NS_IPC, "ipc", "thread-self/ns/ipc"},
	{OCI_NS_UTS, "uts", "thread-self/ns/uts"},
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

int sysctl_plan(struct plan *plan, struct ts_error *e)
{
	const struct oci_linux *l = &plan->config->linux_;
	_cleanup_fd_ int proc_fd = -1;
	struct stat st;

	if (l->sysctl.n == 0)
		return 0;
	e->step = TS_STEP_SYSCTL;
	for (size_t i = 0; i < N_KINDS; i++) {
		if (!l->namespaces[kinds[i].type].path)
			continue;
		if (proc_fd < 0)
			proc_fd = ts_open_proc();
		if (proc_fd < 0 || fstatat(proc_fd, kinds[i].path, &st, 0) < 0)
			return ts_fail(e, errno, "stat our own namespace", kinds[i].name);
		plan->callers_ns[kinds[i].type] = st.st_ino;
	}
	return 0;
}

static int check_own(const struct plan *plan, int proc_fd, struct ts_error *e)
{
	struct stat st;

	for (size_t i = 0; i < N_KINDS; i++) {
		uint64_t callers = plan->callers_ns[kinds[i].type];

		if (callers == 0)
			continue;
		if (fstatat(proc_fd, kinds[i].path, &st, 0) < 0)
			return ts_fail(e, errno, "stat the namespace", kinds[i].name);
		if (st.st_ino == callers)
			return ts_fail(e, EINVAL,
				       "the host's own namespace was joined: no sysctl "
				       "may be set in it",
				       kinds[i].name);
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
	if (proc_fd < 0 || check_own(task->plan, proc_fd, e) < 0)
		return -1;
	for (size_t i = 0; i < list->n; i++)
		if (set(proc_fd, &list->v[i], e) < 0)
			return -1;
	return 0;
}
