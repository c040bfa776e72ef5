/* The default devices and links of OCI ("Default Devices", "Dev symbolic links") in a /dev that is the task's own: a
 * filesystem that mounts[] put there. A /dev that is bound in, or that lies in the root's directory, is left as it is: the
 * host's disk and the host's /dev are not ours to change (OCI's text would have nodes made there as well). */
#include "spawn/steps.h"

#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static const struct {
	const char *name;
	unsigned major, minor;
} devices[] = {{"null", 1, 3},	 {"zero", 1, 5},    {"full", 1, 7},
	       {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

static const struct {
	const char *name, *target;
} links[] = {{"fd", "/proc/self/fd"},
	     {"stdin", "/proc/self/fd/0"},
	     {"stdout", "/proc/self/fd/1"},
	     {"stderr", "/proc/self/fd/2"}};

static bool has_own_dev(const struct plan *plan)
{
	for (size_t i = plan->n_mounts; i-- > 0;) {
		const struct oci_mount *mount = &plan->mounts[i];

		if (strcmp(mount->destination, "/dev") == 0)
			return mount->type && strcmp(mount->type, "tmpfs") == 0 &&
			       !(mount->parsed.flags & MS_BIND);
	}
	return false;
}

static bool has_mount(const struct plan *plan, const char *destination)
{
	for (size_t i = 0; i < plan->n_mounts; i++)
		if (strcmp(plan->mounts[i].destination, destination) == 0)
			return true;
	return false;
}

static int make_link(int dev_fd, const char *target, const char *name, struct ts_error *e)
{
	if (symlinkat(target, dev_fd, name) < 0 && errno != EEXIST)
		return ts_fail(e, errno, "make link in /dev", name);
	return 0;
}

int step_devices(struct task *task, struct ts_error *e)
{
	_cleanup_fd_ int dev_fd = -1;

	if (task->root_fd < 0 || !has_own_dev(task->plan))
		return 0;
	dev_fd = ts_open_in_root(task->root_fd, "/dev", O_PATH | O_DIRECTORY);
	if (dev_fd < 0)
		return ts_fail(e, errno, "open", "/dev");
	for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++)
		/* EEXIST: mounts[] bound one of its own there */
		if (mknodat(dev_fd, devices[i].name, S_IFCHR | 0666,
			    makedev(devices[i].major, devices[i].minor)) < 0 &&
		    errno != EEXIST)
			return ts_fail(e, errno, "make device in /dev", devices[i].name);
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
		if (make_link(dev_fd, links[i].target, links[i].name, e) < 0)
			return -1;
	return has_mount(task->plan, "/dev/pts") ? make_link(dev_fd, "pts/ptmx", "ptmx", e) : 0;
}
