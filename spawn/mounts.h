/* What mounts.c, mount_cgroup.c and idmap.c, which do mounts[] together, call of each other. */
#ifndef SPAWN_MOUNTS_H
#define SPAWN_MOUNTS_H

#include "spawn/plan.h"

#include <sys/mount.h>

/* What every OCI tool gives mounts of type cgroup, whatever the options say. */
enum { MOUNTS_CGROUP_ALWAYS = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };

/* Moves the detached mount @fd onto the target of @mount, which is made if it is missing: a directory or a file, as what
 * is mounted is. Returns 0, or -1 with @e filled. */
int mounts_attach(const struct task *task, int fd, const struct oci_mount *mount,
		  struct ts_error *e);

bool mounts_is_bind(const struct oci_mount *mount);

/* A detached clone of what a bind mount has as its source, in the mount namespace of the caller. Returns an fd, or -1 with @e
 * filled. */
int mounts_clone_source(const struct task *task, const struct oci_mount *mount, struct ts_error *e);

/* v1 and hybrid: a tmpfs with the task's own cgroups at the target of @mount. Returns 0, or -1 with @e filled. */
int mounts_attach_cgroups(const struct task *task, const struct oci_mount *mount,
			  struct ts_error *e);

/* A detached bind mount of the task's own cgroup of @controller, which must be in the plan, or -1 with @e filled. */
int mounts_clone_cgroup(const struct plan *plan, const char *controller, struct ts_error *e);

#endif
