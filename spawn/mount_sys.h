/* The mount API of Linux 5.12 as the steps use it: trees and filesystems are made detached, given their attributes, then
 * moved onto an open target, so that no path is walked twice. open_tree(2), fsopen(2), mount_setattr(2). */
#ifndef SPAWN_MOUNT_SYS_H
#define SPAWN_MOUNT_SYS_H

#include "util/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Clones the mount at @path (below @dir_fd; "" with @dir_fd itself) into a detached tree. @recursive: with what is mounted
 * below. Returns an fd, or -1 and errno. */
int mount_clone(int dir_fd, const char *path, bool recursive);

/* Sets and clears MOUNT_ATTR_* of @mount_fd, and the propagation type (MS_*; 0 = leave). Returns 0, or -1 and errno. */
int mount_set(int mount_fd, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive);

/* Maps the ids of the detached tree @mount_fd as the user namespace @userns_fd does. Returns 0, or -1 and errno. */
int mount_map(int mount_fd, int userns_fd, bool recursive);

/* Whether @fd is the root of a mount. Returns 1, 0, or -1 and errno. */
int mount_is_root(int fd);

/* Moves a detached mount onto @target_fd (O_PATH). Returns 0, or -1 and errno. */
int mount_move(int mount_fd, int target_fd);

/* One key=value or flag for fsconfig(2). */
struct mount_parameter {
	const char *key, *value; /* value NULL: a flag */
};

/* Makes a filesystem of @type with @parameters (ends with a NULL key) and a detached mount of it with @attributes
 * (MOUNT_ATTR_*). Returns an fd, or -1 with @e filled, the kernel's own words in it when it gave any. */
int mount_new(const char *type, const struct mount_parameter *parameters, uint64_t attributes,
	      struct ts_error *e);

/* Changes the filesystem that is mounted at @mount_fd to have @parameters. Returns 0, or -1 with @e filled likewise. */
int mount_reconfigure(int mount_fd, const struct mount_parameter *parameters, struct ts_error *e);

#endif
