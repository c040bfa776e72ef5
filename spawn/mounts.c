/* mounts[]: OCI "Mounts", in the order of the list. Sources are the operator's paths on the host, targets are the task's and
 * resolved inside the root alone. */
#include "spawn/mounts.h"
#include "spawn/copy_tree.h"
#include "spawn/idmap.h"
#include "spawn/mount_sys.h"
#include "spawn/source.h"
#include "spawn/steps.h"
#include "spawn/userns.h"

#include "protocol/mount_options.h"
#include "util/cgroup.h"
#include "util/fd.h"
#include "util/passwd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#ifndef MQUEUE_MAGIC
#define MQUEUE_MAGIC 0x19800202 /* of the kernel's ipc/mqueue.c */
#endif

bool mounts_is_bind(const struct oci_mount *mount)
{
	return mount->parsed.flags & MS_BIND || (mount->type && strcmp(mount->type, "bind") == 0);
}

/* A /dev of the task's own, which step_devices fills: if mounts[] says "ro", it becomes so after that. */
static bool is_own_dev(const struct oci_mount *mount)
{
	return mount->type && strcmp(mount->type, "tmpfs") == 0 && !mounts_is_bind(mount) &&
	       !(mount->parsed.flags & MS_REMOUNT) && strcmp(mount->destination, "/dev") == 0;
}

/* Bind mounts take their recursion from rbind; a plain bind leaves out what is mounted below. */
int mounts_clone_source(const struct task *task, const struct oci_mount *mount, struct ts_error *e)
{
	bool recursive = mount->parsed.flags & MS_REC;
	_cleanup_fd_ int fd = -1;

	if (!mount->source)
		return ts_fail(e, EINVAL, "bind mount without a source on", mount->destination);
	fd = source_clone(task, mount->source, recursive);
	if (fd < 0 && errno == EINVAL && !recursive && userns_is_set(task->plan->config))
		return ts_fail(
			e, EINVAL,
			"bind source has mounts below it that a user namespace may not leave "
			"out (rbind takes them along)",
			mount->source);
	if (fd < 0)
		return source_fail(e, "bind source", mount->source);
	/* a clone starts as a slave or a peer of the host's mount: see step_propagation() */
	if (!mount->parsed.propagation && mount_set(fd, 0, 0, MS_PRIVATE, true) < 0)
		return ts_fail(e, errno, "make private the bind of", mount->source);
	return ts_fd_take(&fd);
}

/* --- words for the filesystem --- */

struct words {
	struct mount_parameter *parameters; /* with room for all that is added, and the end */
	size_t n;
	char *copies; /* what the parameters point into */
};

static void words_done(struct words *words)
{
	free(words->parameters);
	free(words->copies);
}

/* "size=64k" -> {"size", "64k"}, "newinstance" -> {"newinstance", NULL}. */
static int words_split(const struct str_list *data, struct words *ret)
{
	enum { SOURCE = 1, READ_ONLY = 1, LABEL = 1, END = 1 };
	size_t len = 1;
	char *at;

	for (size_t i = 0; i < data->n; i++)
		len += strlen(data->v[i]) + 1;
	ret->parameters =
		calloc(data->n + MOUNT_SUPERBLOCK_WORDS + SOURCE + READ_ONLY + LABEL + END,
		       sizeof *ret->parameters);
	ret->copies = at = malloc(len);
	if (!ret->parameters || !ret->copies)
		return -1;
	for (size_t i = 0; i < data->n; i++) {
		char *equals = strchr(strcpy(at, data->v[i]), '=');

		if (equals)
			*equals = '\0';
		ret->parameters[ret->n++] =
			(struct mount_parameter){at, equals ? equals + 1 : NULL};
		at += strlen(data->v[i]) + 1;
	}
	return 0;
}

/* devpts "gid=5": the group tty, of which a user namespace may know nothing. Terminals have their user's group then. */
static void words_drop_unmapped_gid(struct words *words)
{
	size_t kept = 0;

	for (size_t i = 0; i < words->n; i++) {
		const struct mount_parameter *word = &words->parameters[i];
		unsigned gid;
		bool drop = strcmp(word->key, "gid") == 0 && word->value &&
			    ts_id_parse(word->value, strlen(word->value), &gid) &&
			    !userns_has_gid(gid);

		if (!drop)
			words->parameters[kept++] = *word;
	}
	for (size_t i = kept; i < words->n; i++)
		words->parameters[i] = (struct mount_parameter){NULL, NULL};
	words->n = kept;
}

static void words_add(struct words *words, const char *key, const char *value)
{
	words->parameters[words->n++] = (struct mount_parameter){key, value};
}

/* What mount(2) takes as flags of the superblock, fsconfig(2) takes as words. */
static void words_add_flags(struct words *words, const struct mount_options *o)
{
	for (size_t i = 0; i < MOUNT_SUPERBLOCK_WORDS; i++) {
		const struct mount_superblock_word *word = &mount_superblock_words[i];

		if (o->flags & word->flag)
			words_add(words, word->word, NULL);
		else if (o->flags & MS_REMOUNT && o->flags_clr & word->flag)
			words_add(words, word->opposite, NULL);
	}
}

/* Whether "ro" concerns the filesystem too, as with mount(2): it then may lie on a disk that is read-only. Those that lie
 * nowhere are not told: a tmpfs is filled first, the others are the kernel's and shared. */
static bool wants_read_only_superblock(const struct oci_mount *mount)
{
	static const char *const nowhere[] = {"tmpfs",	"proc",	  "sysfs",  "devpts",
					      "mqueue", "cgroup", "cgroup2"};

	if (!mount->parsed.ro_superblock)
		return false;
	for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++)
		if (strcmp(mount->type, nowhere[i]) == 0)
			return false;
	return true;
}

static const char *type_of(const struct oci_mount *mount)
{
	return mount->parsed.flags & MS_REMOUNT ? "remount" : mount->type;
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
				type_of(mount), mount->destination, said, hint);
	return ts_failf(e, e->err, "mount %s on %s: %.300s", type_of(mount), mount->destination,
			said);
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

/* A user namespace gets a proc or sysfs that is read-only where the host's is, if it asks for no other at once. */
static uint64_t attributes_of_birth(const char *type, const struct oci_mount *mount)
{
	bool shown = strcmp(type, "proc") == 0 || strcmp(type, "sysfs") == 0;

	return shown ? mount->parsed.attr_set & MOUNT_ATTR_RDONLY : 0;
}

/* @type: of the filesystem, where it is not the mount's. */
static int new_filesystem(const struct task *task, const struct oci_mount *mount, const char *type,
			  struct ts_error *e)
{
	__attribute__((cleanup(words_done))) struct words words = {0};
	const char *label = task->plan->config->linux_.mount_label;
	int fd;

	if (words_split(&mount->parsed.data, &words) < 0)
		return ts_fail(e, ENOMEM, "mount on", mount->destination);
	if (userns_is_set(task->plan->config) && strcmp(type, "devpts") == 0)
		words_drop_unmapped_gid(&words);
	words_add_flags(&words, &mount->parsed);
	if (wants_read_only_superblock(mount))
		words_add(&words, "ro", NULL);
	words_add(&words, "source", mount->source ? mount->source : type);
	if (label && takes_label(type))
		words_add(&words, "context", label);
	fd = mount_new(type, words.parameters, attributes_of_birth(type, mount), e);
	return fd < 0 ? explain_option(mount, e) : fd;
}

/* --- what is done to a mount before anybody sees it --- */

static bool has_word(const struct oci_mount *mount, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < mount->parsed.data.n; i++)
		if (strncmp(mount->parsed.data.v[i], key, len) == 0 &&
		    mount->parsed.data.v[i][len] == '=')
			return true;
	return false;
}

/* tmpcopyup: fills the new tmpfs @fd with what lies under its target; a target that is not there yet is empty. */
static int copy_up(const struct task *task, const struct oci_mount *mount, int fd,
		   struct ts_error *e)
{
	_cleanup_fd_ int under =
		ts_open_in_root(task->root_fd, mount->destination, O_RDONLY | O_DIRECTORY);
	struct stat st;

	if (under < 0 && errno == ENOENT)
		return 0;
	if (under < 0 || fstat(under, &st) < 0)
		return ts_fail(e, errno, "open what is to be copied from under",
			       mount->destination);
	if (copy_tree(under, fd, COPY_ALL, e) < 0)
		return -1;
	if (has_word(mount, "mode") || has_word(mount, "uid") || has_word(mount, "gid"))
		return 0;
	if (fchownat(fd, "", st.st_uid, st.st_gid, AT_EMPTY_PATH) < 0 ||
	    fchmodat(fd, ".", st.st_mode & 07777, 0) < 0)
		return ts_fail(e, errno, "set owner and mode of the copy on", mount->destination);
	return 0;
}

static int apply_attributes(int fd, const struct oci_mount *mount, struct ts_error *e)
{
	const struct mount_options *o = &mount->parsed;
	uint64_t set = o->attr_set;

	if (is_own_dev(mount))
		set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	if ((set || o->attr_clr) && mount_set(fd, set, o->attr_clr, 0, false) < 0)
		return ts_fail(e, errno, "set options of the mount on", mount->destination);
	if ((o->rec_attr_set || o->rec_attr_clr) &&
	    mount_set(fd, o->rec_attr_set, o->rec_attr_clr, 0, true) < 0)
		return ts_fail(e, errno, "set recursive options of the mount on",
			       mount->destination);
	if (o->propagation && mount_set(fd, 0, 0, o->propagation, o->propagation_rec) < 0)
		return ts_fail(e, errno, "set propagation of the mount on", mount->destination);
	return 0;
}

/* What proc, sysfs and mqueue show belongs to a namespace. In a user namespace none can be made of one that it does not own, but
 * the host's mount shows the same; or, with a network namespace that is joined, all but its devices. */
static const struct shown {
	const char *type, *path;
	unsigned long magic;
	enum oci_namespace_type of;
	bool also_joined;
} all_shown[] = {{"proc", "/proc", PROC_SUPER_MAGIC, OCI_NS_PID, false},
		 {"sysfs", "/sys", SYSFS_MAGIC, OCI_NS_NETWORK, true},
		 {"mqueue", "/dev/mqueue", MQUEUE_MAGIC, OCI_NS_IPC, false}};

/* NULL: nothing of the host's stands for it. */
static const struct shown *find_shown(const struct config *config, const struct oci_mount *mount)
{
	for (size_t i = 0; i < sizeof all_shown / sizeof all_shown[0]; i++) {
		const struct shown *shown = &all_shown[i];
		const struct oci_namespace *of = &config->linux_.namespaces[shown->of];

		if (strcmp(mount->type, shown->type) == 0)
			return !of->set || (of->path && shown->also_joined) ? shown : NULL;
	}
	return NULL;
}

static int clone_hosts(const struct shown *shown, struct ts_error *e)
{
	_cleanup_fd_ int fd = mount_clone(AT_FDCWD, shown->path, true);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return ts_fail(e, errno, "bind the host's", shown->path);
	if ((unsigned long)fs.f_type != shown->magic)
		return ts_fail(e, ENOENT, "the host has not mounted its own on", shown->path);
	if (mount_set(fd, 0, 0, MS_PRIVATE, true) < 0)
		return ts_fail(e, errno, "bind the host's", shown->path);
	return ts_fd_take(&fd);
}

static int make_filesystem(const struct task *task, const struct oci_mount *mount,
			   struct ts_error *e)
{
	const struct config *config = task->plan->config;
	const struct shown *shown;
	struct ts_error why = *e;
	int fd = new_filesystem(task, mount, mount->type, &why);

	if (fd < 0 && why.err == EPERM && userns_is_set(config)) {
		(void)ts_fail(
			&why, EPERM,
			"a user namespace may mount only what is its own, proc and sysfs only "
			"where nothing covers parts of the host's: mount on",
			mount->destination);
		shown = find_shown(config, mount);
		fd = shown ? clone_hosts(shown, &why) : -1;
	}
	if (fd < 0)
		*e = why;
	return fd;
}

/* The mount before its attributes. */
static int make_bare(const struct task *task, const struct oci_mount *mount, struct ts_error *e)
{
	const struct plan *plan = task->plan;
	size_t i = (size_t)(mount - plan->mounts);
	_cleanup_fd_ int fd = -1;

	if (idmap_is_done_before(plan->config, mount))
		return ts_fd_take(&plan->idmap_fds[i]);
	fd = mounts_is_bind(mount) ? mounts_clone_source(task, mount, e)
				   : make_filesystem(task, mount, e);
	if (fd < 0)
		return -1;
	if (mount->parsed.tmpcopyup && copy_up(task, mount, fd, e) < 0)
		return -1;
	if (mount->parsed.idmap && mount_map(fd, plan->idmap_fds[i], mount->parsed.ridmap) < 0)
		return ts_fail(e, errno, "map the ids of the mount on", mount->destination);
	return ts_fd_take(&fd);
}

static int make_mount(const struct task *task, const struct oci_mount *mount, struct ts_error *e)
{
	_cleanup_fd_ int fd = make_bare(task, mount, e);

	if (fd < 0 || apply_attributes(fd, mount, e) < 0)
		return -1;
	return ts_fd_take(&fd);
}

int mounts_attach(const struct task *task, int fd, const struct oci_mount *mount,
		  struct ts_error *e)
{
	_cleanup_fd_ int target = -1;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ts_fail(e, errno, "stat the mount for", mount->destination);
	target = S_ISDIR(st.st_mode)
			 ? ts_mkdir_in_root(task->root_fd, mount->destination, 0755, NULL)
			 : ts_mkfile_in_root(task->root_fd, mount->destination);
	if (target < 0)
		return ts_fail(e, errno, "make mount point", mount->destination);
	if (mount_move(fd, target) < 0)
		return ts_fail(e, errno, "mount on", mount->destination);
	return 0;
}

/* --- the kinds of mounts --- */

/* remount: changes what is mounted at the target. Words of the filesystem change that; all others, "ro" too, change this
 * one mount, since the filesystem may be the host's. */
static int change_mount(const struct task *task, const struct oci_mount *mount, struct ts_error *e)
{
	__attribute__((cleanup(words_done))) struct words words = {0};
	_cleanup_fd_ int fd = ts_open_in_root(task->root_fd, mount->destination, O_PATH);
	int is_root;

	if (fd < 0)
		return ts_fail(e, errno, "open the mount to change", mount->destination);
	is_root = mount_is_root(fd);
	if (is_root <= 0)
		return ts_fail(e, is_root < 0 ? errno : EINVAL, "nothing to remount on",
			       mount->destination);
	if (words_split(&mount->parsed.data, &words) < 0)
		return ts_fail(e, ENOMEM, "mount on", mount->destination);
	words_add_flags(&words, &mount->parsed);
	if (words.n > 0 && mount_reconfigure(fd, words.parameters, e) < 0)
		return explain_option(mount, e);
	return apply_attributes(fd, mount, e);
}

/* Type "cgroup": what the hierarchies of this machine make of it. */
static int mount_cgroup(const struct task *task, const struct oci_mount *mount, struct ts_error *e)
{
	enum ts_cgroup_layout layout = ts_cgroup_layout("/sys/fs/cgroup");
	bool v1 = layout == TS_CGROUP_V1 || layout == TS_CGROUP_HYBRID;
	_cleanup_fd_ int fd = -1;

	if (v1)
		return mounts_attach_cgroups(task, mount, e);
	/* Without a namespace that hides the rest a new mount would show the host's whole hierarchy. */
	if (!task->plan->config->linux_.namespaces[OCI_NS_CGROUP].set &&
	    task->plan->unified_fd >= 0)
		fd = mounts_clone_cgroup(task->plan, TS_CGROUP_UNIFIED, e);
	else
		fd = new_filesystem(task, mount, "cgroup2", e);
	if (fd < 0)
		return -1;
	if (mount_set(fd, MOUNTS_CGROUP_ALWAYS, 0, 0, false) < 0)
		return ts_fail(e, errno, "set options of the mount on", mount->destination);
	if (apply_attributes(fd, mount, e) < 0)
		return -1;
	return mounts_attach(task, fd, mount, e);
}

/* The default mount of message queues: of those of another ipc namespace a user namespace could make none. */
static bool is_left_out(const struct config *config, const struct oci_mount *mount)
{
	const struct oci_namespace *ipc = &config->linux_.namespaces[OCI_NS_IPC];

	return userns_is_set(config) && !config->mounts_set && strcmp(mount->type, "mqueue") == 0 &&
	       (!ipc->set || ipc->path);
}

static int mount_one(struct task *task, const struct oci_mount *mount, struct ts_error *e)
{
	_cleanup_fd_ int fd = -1;

	if (mount->parsed.flags & MS_REMOUNT)
		return change_mount(task, mount, e);
	if (!mounts_is_bind(mount) && strcmp(mount->type, "cgroup") == 0)
		return mount_cgroup(task, mount, e);
	if (is_left_out(task->plan->config, mount))
		return 0;
	fd = make_mount(task, mount, e);
	if (fd < 0 || mounts_attach(task, fd, mount, e) < 0)
		return -1;
	if (strcmp(mount->destination, "/dev") == 0)
		ts_fd_closep(&task->dev_fd);
	/* By this descriptor step_devices reaches it, whatever the root's /dev is by then. */
	if (is_own_dev(mount))
		task->dev_fd = ts_fd_take(&fd);
	return 0;
}

int step_mounts(struct task *task, struct ts_error *e)
{
	if (task->root_fd < 0)
		return 0;
	for (size_t i = 0; i < task->plan->n_mounts; i++)
		if (mount_one(task, &task->plan->mounts[i], e) < 0)
			return -1;
	return 0;
}
