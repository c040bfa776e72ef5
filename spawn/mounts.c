/* mounts[]: OCI "Mounts", in the order of the list. Sources are the operator's paths on the host, targets are the task's and
 * resolved inside the root alone. */
#include "spawn/mount_sys.h"
#include "spawn/steps.h"

#include "protocol/mount_options.h"
#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static bool is_bind(const struct oci_mount *mount)
{
	return mount->parsed.flags & MS_BIND || (mount->type && strcmp(mount->type, "bind") == 0);
}

/* Bind mounts take their recursion from rbind; a plain bind leaves out what is mounted below. */
static int clone_source(const struct oci_mount *mount, struct ts_error *e)
{
	_cleanup_fd_ int fd = -1;

	if (!mount->source)
		return ts_fail(e, EINVAL, "bind mount without a source on", mount->destination);
	fd = mount_clone(AT_FDCWD, mount->source, mount->parsed.flags & MS_REC);
	if (fd < 0)
		return ts_fail(e, errno, "bind source", mount->source);
	/* a clone starts as a slave of the host's mount: see step_propagation() */
	if (!mount->parsed.propagation && mount_set(fd, 0, 0, MS_PRIVATE, true) < 0)
		return ts_fail(e, errno, "make private the bind of", mount->source);
	return ts_fd_take(&fd);
}

/* "size=64k" -> {"size", "64k"}, "newinstance" -> {"newinstance", NULL}: cuts @words, which it was given a copy of. */
static void split_parameters(char **words, size_t n, struct mount_parameter *parameters)
{
	for (size_t i = 0; i < n; i++) {
		char *equals = strchr(words[i], '=');

		if (equals)
			*equals = '\0';
		parameters[i] = (struct mount_parameter){words[i], equals ? equals + 1 : NULL};
	}
}

/* What mount(2) takes as flags of the superblock, fsconfig(2) takes as words. */
static size_t add_flag_words(uint64_t flags, struct mount_parameter *parameters)
{
	static const struct {
		uint64_t flag;
		const char *word;
	} words[] = {{MS_SYNCHRONOUS, "sync"},
		     {MS_DIRSYNC, "dirsync"},
		     {MS_LAZYTIME, "lazytime"},
		     {MS_MANDLOCK, "mand"}};
	size_t n = 0;

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (flags & words[i].flag)
			parameters[n++] = (struct mount_parameter){words[i].word, NULL};
	return n;
}

static int explain_option(const struct oci_mount *mount, struct ts_error *e)
{
	char said[sizeof e->msg];
	const char *hint = NULL;

	for (size_t i = 0; !hint && i < mount->parsed.data.n; i++)
		hint = mount_option_hint(mount->parsed.data.v[i]);
	(void)snprintf(said, sizeof said, "%s", e->msg);
	if (hint)
		return ts_failf(e, e->err, "mount %s on %s: %.300s (did you mean \"%s\"?)",
				mount->type, mount->destination, said, hint);
	return ts_failf(e, e->err, "mount %s on %s: %.300s", mount->type, mount->destination, said);
}

/* The kernel labels what these hold by itself, and takes no other label for the whole. */
static bool takes_label(const char *type)
{
	static const char *const own[] = {"proc", "sysfs", "mqueue", "cgroup", "cgroup2"};

	for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
		if (strcmp(type, own[i]) == 0)
			return false;
	return true;
}

/* @label: linux.mountLabel, or NULL. */
static int new_filesystem(const struct oci_mount *mount, const char *label, struct ts_error *e)
{
	size_t n = mount->parsed.data.n, used;
	enum { FLAG_WORDS = 4, SOURCE = 1, LABEL = 1, END = 1 };
	_cleanup_free_ struct mount_parameter *parameters =
		calloc(n + FLAG_WORDS + SOURCE + LABEL + END, sizeof *parameters);
	_cleanup_free_ char **words = calloc(n + 1, sizeof *words);
	const char *type = mount->type;
	int fd;

	if (!parameters || !words)
		return ts_fail(e, ENOMEM, "mount on", mount->destination);
	if (strcmp(type, "cgroup") == 0)
		type = "cgroup2"; /* plan_build() has refused it on v1 */
	for (size_t i = 0; i < n; i++) {
		words[i] = strdup(mount->parsed.data.v[i]);
		if (!words[i])
			return ts_fail(e, ENOMEM, "mount on", mount->destination);
	}
	split_parameters(words, n, parameters);
	used = n + add_flag_words(mount->parsed.flags, parameters + n);
	parameters[used++] =
		(struct mount_parameter){"source", mount->source ? mount->source : type};
	if (label && takes_label(type))
		parameters[used] = (struct mount_parameter){"context", label};
	fd = mount_new(type, parameters, 0, e);
	for (size_t i = 0; i < n; i++)
		free(words[i]);
	return fd < 0 ? explain_option(mount, e) : fd;
}

static int apply_attributes(int fd, const struct oci_mount *mount, struct ts_error *e)
{
	const struct mount_options *o = &mount->parsed;

	if ((o->attr_set || o->attr_clr) && mount_set(fd, o->attr_set, o->attr_clr, 0, false) < 0)
		return ts_fail(e, errno, "set options of the mount on", mount->destination);
	if ((o->rec_attr_set || o->rec_attr_clr) &&
	    mount_set(fd, o->rec_attr_set, o->rec_attr_clr, 0, true) < 0)
		return ts_fail(e, errno, "set recursive options of the mount on",
			       mount->destination);
	if (o->propagation && mount_set(fd, 0, 0, o->propagation, o->propagation_rec) < 0)
		return ts_fail(e, errno, "set propagation of the mount on", mount->destination);
	return 0;
}

static int mount_one(int root_fd, const struct oci_mount *mount, const char *label,
		     struct ts_error *e)
{
	_cleanup_fd_ int fd =
		is_bind(mount) ? clone_source(mount, e) : new_filesystem(mount, label, e);
	_cleanup_fd_ int target = -1;
	struct stat st;

	if (fd < 0 || apply_attributes(fd, mount, e) < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return ts_fail(e, errno, "stat the mount for", mount->destination);
	target = S_ISDIR(st.st_mode) ? ts_mkdir_in_root(root_fd, mount->destination, 0755, NULL)
				     : ts_mkfile_in_root(root_fd, mount->destination);
	if (target < 0)
		return ts_fail(e, errno, "make mount point", mount->destination);
	if (mount_move(fd, target) < 0)
		return ts_fail(e, errno, "mount on", mount->destination);
	return 0;
}

int step_mounts(struct task *task, struct ts_error *e)
{
	const char *label = task->plan->config->linux_.mount_label;

	if (task->root_fd < 0)
		return 0;
	for (size_t i = 0; i < task->plan->n_mounts; i++)
		if (mount_one(task->root_fd, &task->plan->mounts[i], label, e) < 0)
			return -1;
	return 0;
}
