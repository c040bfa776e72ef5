/* State directories: <root>/<id>, 0700, ours, never reached through a symlink. design.md section 5.
 *
 * Lifecycle: statedir_create() (which claims the id) or statedir_find() -> read and write names below .fd ->
 * statedir_remove() or not -> statedir_done(). An flock on the directory is held while a task is being created or
 * deleted. */
#ifndef SHIM_STATEDIR_H
#define SHIM_STATEDIR_H

#include "protocol/state_files.h"
#include "util/error.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct statedir {
	int root_fd, fd; /* -1: not open */
	bool root_is_borrowed; /* whoever has opened it closes it, later than this */
	char path[PATH_MAX]; /* <root>/<id> */
	size_t root_len; /* of <root> in path; the id is at path + root_len + 1 */
};

#define STATEDIR_INIT                                                                              \
	{                                                                                          \
		.root_fd = -1, .fd = -1                                                            \
	}

/* The root that is meant by @root: NULL is /run/taskshim, or $XDG_RUNTIME_DIR/taskshim for other users than root; a given
 * one is the caller's word, so symlinks in it are resolved here, once. Returns 0, or -1 with @e filled. */
int statedir_root(const char *root, char ret[static PATH_MAX], struct ts_error *e);

/* Makes <root>/<id> (the root too, 0700) and locks it. Exactly one of any number of callers gets it; the others get
 * EEXIST. Returns 0 and fills *@ret, or -1 with @e filled. */
int statedir_create(const char *root, const char *id, struct statedir *ret, struct ts_error *e);

/* Opens @root, if it is ours alone to write. Returns an fd, or -1 with @e filled (ENOENT: there is none). */
int statedir_open_root(const char *root, struct ts_error *e);

/* Opens an existing one after the checks above. @root_fd: of statedir_open_root(), borrowed until statedir_done(); -1: it is
 * opened here. Returns 0, or -1 with @e filled (ENOENT: no such task). */
int statedir_find(const char *root, int root_fd, const char *id, struct statedir *ret,
		  struct ts_error *e);

/* Takes the lock, which whoever creates or removes the directory holds. Waits at most @timeout_ms for it. The lock that one
 * already holds is taken again at once. Returns 0, or -1 and errno (EWOULDBLOCK: another has it). */
int statedir_lock(const struct statedir *dir, int timeout_ms);
void statedir_unlock(const struct statedir *dir);

/* Whether the name <root>/<id> still is the directory that is open. */
bool statedir_is_current(const struct statedir *dir);

/* Writes a new file (mode 0600). Returns 0, or -1 with @e filled. */
int statedir_write(const struct statedir *dir, const char *name, const void *data, size_t len,
		   struct ts_error *e);

/* Removes all files of it and the directory itself; what is gone already is fine. Returns 0, or -1 with @e filled. */
int statedir_remove(struct statedir *dir, struct ts_error *e);

/* Calls @found with each id below @root until it returns other than 0. Returns 0, or -1 with @e filled. */
int statedir_each(const char *root, int (*found)(const char *id, void *arg), void *arg,
		  struct ts_error *e);

void statedir_done(struct statedir *dir);

#endif
