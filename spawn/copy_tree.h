/* Copies a directory tree, both sides by descriptor: no symlink is followed anywhere, so that nothing is read outside of the
 * one or written outside of the other, whoever changes names in them meanwhile. Owners, modes, times, extended attributes,
 * hard links within the tree, holes and symlinks (as they are) are kept; sockets are left out. */
#ifndef SPAWN_COPY_TREE_H
#define SPAWN_COPY_TREE_H

#include "util/error.h"

enum copy_what {
	COPY_ALL, /* devices and FIFOs as well */
	COPY_HARMLESS, /* no devices, no FIFOs; setuid, setgid and file capabilities are dropped */
};

/* Copies what the directory @from_fd (O_RDONLY; borrowed) holds into the directory @to_fd (O_PATH will do). Directories that
 * are there already are merged; files of the same size and time are left alone; other names are replaced. Data is shared
 * with the source where the filesystem can (FICLONE), and never linked to it. Returns 0, or -1 with @e filled. */
int copy_tree(int from_fd, int to_fd, enum copy_what what, struct ts_error *e);

/* Copies the regular file @from_fd (O_RDONLY; borrowed) to @name in the directory @to_fd, likewise. */
int copy_file(int from_fd, int to_fd, const char *name, enum copy_what what, struct ts_error *e);

#endif
