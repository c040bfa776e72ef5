/* The processes of a task, by their numbers in our pid namespace. */
#ifndef SHIM_PIDS_H
#define SHIM_PIDS_H

#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct pid_list {
	pid_t *v; /* sorted */
	size_t n, size;
};

/* Adds one, unsorted. Returns 0, or -1 and errno. */
int pid_list_add(struct pid_list *list, pid_t pid);
void pid_list_sort(struct pid_list *list);
bool pid_list_has(const struct pid_list *list, pid_t pid);
void pid_list_done(struct pid_list *list);

/* Lists the processes of the cgroup at @dir_fd, whose cgroup.procs is open as @procs_fd, and of those below it. Returns 0, or
 * -1 and errno (ENODEV: the cgroup is gone). */
int pids_of_cgroup(int dir_fd, int procs_fd, struct pid_list *ret);

/* Lists @pid, if it lives, and its descendants: what can be known of a task without cgroups. Returns 0, or -1 and errno. */
int pids_of_descendants(pid_t pid, struct pid_list *ret);

#endif
