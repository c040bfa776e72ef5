/* Security labels: AppArmor profile and SELinux label of the command, SELinux label of its mounts and keyring. They are given to
 * the kernel through the attributes of our own thread in a procfs that is proven to be one: written to a file that somebody had
 * put there, a label would be lost (CVE-2019-16884). A kernel without the module is an error that names it. */
#include "spawn/label.h"
#include "spawn/steps.h"

#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { LABEL_MAX = 4096 };

/* --- which module there is --- */

/* Compiled in and not enabled, it has attributes as well. */
static bool apparmor_is_enabled(void)
{
	char text[8] = "";

	return ts_read_text_at(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", text,
			       sizeof text) > 0 &&
	       text[0] == 'Y';
}

/* The filesystem is registered when the module is enabled, whether it is mounted or not. */
static bool selinux_is_enabled(void)
{
	char text[LABEL_MAX];

	return ts_read_text_at(AT_FDCWD, "/proc/filesystems", text, sizeof text) > 0 &&
	       strstr(text, "\tselinuxfs\n");
}

static int fail_module(const char *field, const char *module, const char *label, struct ts_error *e)
{
	e->step = TS_STEP_LABEL;
	return ts_failf(e, ENOTSUP, "%s: %s is not enabled in this kernel: %s", field, module,
			label);
}

int label_check(const struct config *config, struct ts_error *e)
{
	const char *profile = config->process.apparmor_profile;
	const char *label = config->process.selinux_label;
	const char *mounts = config->linux_.mount_label;

	if (profile && !apparmor_is_enabled())
		return fail_module("process.apparmorProfile", "AppArmor", profile, e);
	if ((label || mounts) && !selinux_is_enabled())
		return fail_module(label ? "process.selinuxLabel" : "linux.mountLabel", "SELinux",
				   label ? label : mounts, e);
	return 0;
}

/* --- labels of the exec and of new keys --- */

/* The kernel wants it in one write. Returns 0, or -1 and errno. */
static int write_attribute(int proc_fd, const char *path, const char *text, size_t len)
{
	_cleanup_fd_ int fd = ts_open_proc_file(proc_fd, path, O_WRONLY);
	ssize_t n = fd < 0 ? -1 : write(fd, text, len);

	if (n >= 0 && (size_t)n != len)
		errno = EIO;
	return n == (ssize_t)len ? 0 : -1;
}

int label_apparmor(int proc_fd, const char *profile, struct ts_error *e)
{
	char text[LABEL_MAX];
	int n = snprintf(text, sizeof text, "exec %s", profile);

	if (n < 0 || (size_t)n >= sizeof text)
		return ts_fail(e, ENAMETOOLONG, "AppArmor profile", profile);
	if (write_attribute(proc_fd, "thread-self/attr/apparmor/exec", text, (size_t)n) == 0)
		return 0;
	return ts_fail(e, errno,
		       errno == ENOENT ? "no such AppArmor profile is loaded"
				       : "set AppArmor profile",
		       profile);
}

int label_selinux(int proc_fd, const char *label, struct ts_error *e)
{
	if (write_attribute(proc_fd, "thread-self/attr/exec", label, strlen(label)) == 0)
		return 0;
	return ts_fail(e, errno, errno == EINVAL ? "no such SELinux label" : "set SELinux label",
		       label);
}

int label_keys(const char *label, struct ts_error *e)
{
	_cleanup_fd_ int proc_fd = ts_open_proc();

	/* a NUL alone takes the label away again */
	if (proc_fd < 0 || write_attribute(proc_fd, "thread-self/attr/keycreate",
					   label ? label : "", label ? strlen(label) : 1) < 0)
		return ts_fail(e, errno, "set the SELinux label of new keys", label);
	return 0;
}

int step_label(struct task *task, struct ts_error *e)
{
	const struct oci_process *process = &task->plan->config->process;
	_cleanup_fd_ int proc_fd = -1;

	if (!process->apparmor_profile && !process->selinux_label)
		return 0;
	proc_fd = ts_open_proc();
	if (proc_fd < 0)
		return ts_fail(e, errno, "open", "/proc");
	if (process->apparmor_profile && label_apparmor(proc_fd, process->apparmor_profile, e) < 0)
		return -1;
	return process->selinux_label ? label_selinux(proc_fd, process->selinux_label, e) : 0;
}
