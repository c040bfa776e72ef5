/* A directory that several processes make, use and remove: who has it, whether its name is still its own, emptying it. Calls
 * that fail with an error that does not last are made again. */
#ifndef UTIL_DIR_H
#define UTIL_DIR_H

#include <stdbool.h>

/* Takes the flock(2) of the directory @fd, exclusively. Waits at most @timeout_ms for it. One that @fd already holds is taken
 * again at once. Returns 0, or -1 and errno (EWOULDBLOCK: another has it). */
int ts_dir_lock(int fd, int timeout_ms);

/* Whether the name @name below @parent_fd is that of the directory @fd. */
bool ts_dir_has_name(int fd, int parent_fd, const char *name);

/* Removes what is in it, and in directories in it. Returns 0, or -1 and errno of the last that could not be removed. */
int ts_dir_clear(int fd);

#endif
