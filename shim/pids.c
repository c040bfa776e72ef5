/* Lists the processes of a cgroup, or the descendants of a process. */
#include "shim/pids.h"

#include "util/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	FIRST = 64,
	DEPTH_MAX = 64, /* of cgroups that a task made below its own */
	CHUNK = 4096,
};

int pid_list_add(struct pid_list *list, pid_t pid)
{
	if (list->n == list->size) {
		size_t size = list->size ? list->size * 2 : FIRST;
		pid_t *v = reallocarray(list->v, size, sizeof *v);

		if (!v)
			return -1;
		list->v = v;
		list->size = size;
	}
	list->v[list->n++] = pid;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* Without the ones that are there twice: a process that moved while the list was read. */
void pid_list_sort(struct pid_list *list)
{
	size_t n = 0;

	if (list->n > 1)
		qsort(list->v, list->n, sizeof list->v[0], by_number);
	for (size_t i = 0; i < list->n; i++)
		if (n == 0 || list->v[n - 1] != list->v[i])
			list->v[n++] = list->v[i];
	list->n = n;
}

bool pid_list_has(const struct pid_list *list, pid_t pid)
{
	return list->n > 0 && bsearch(&pid, list->v, list->n, sizeof list->v[0], by_number);
}

void pid_list_done(struct pid_list *list)
{
	free(list->v);
	*list = (struct pid_list){0};
}

/* --- of a cgroup --- */

/* Adds the numbers of @fd, separated by blanks or newlines; a piece of the file may end within one. */
static int add_numbers(int fd, struct pid_list *ret)
{
	char text[CHUNK];
	off_t at = 0;
	ssize_t n;
	pid_t pid = 0;

	while ((n = pread(fd, text, sizeof text, at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		for (ssize_t i = 0; i < n; i++) {
			if (text[i] >= '0' && text[i] <= '9') {
				pid = pid * 10 + (text[i] - '0');
				continue;
			}
			/* 0: in a pid namespace that is not ours */
			if (pid > 0 && pid_list_add(ret, pid) < 0)
				return -1;
			pid = 0;
		}
	}
	return 0;
}

static int add_tree(int dir_fd, int procs_fd, struct pid_list *ret, int depth);

static int add_child(int dir_fd, const char *name, struct pid_list *ret, int depth)
{
	_cleanup_fd_ int child =
		openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_fd_ int procs =
		child < 0 ? -1 : openat(child, "cgroup.procs", O_RDONLY | O_CLOEXEC);

	if (procs < 0)
		return errno == ENOENT || errno == ENODEV ? 0 : -1;
	/* It may have been removed since. */
	return add_tree(child, procs, ret, depth) < 0 && errno != ENODEV ? -1 : 0;
}

static int add_children(int dir_fd, struct pid_list *ret, int depth)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int keep, r = 0;

	if (!dir) {
		ts_fd_closep(&fd);
		return errno == ENOENT ? 0 : -1;
	}
	while (r == 0 && (errno = 0, entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			r = add_child(dir_fd, entry->d_name, ret, depth);
	if (r == 0 && errno) /* not the end of the directory */
		r = -1;
	keep = errno;
	(void)closedir(dir);
	errno = keep;
	return r;
}

static int add_tree(int dir_fd, int procs_fd, struct pid_list *ret, int depth)
{
	struct stat st;

	/* EOPNOTSUPP: a threaded cgroup, whose processes stand in the one above it. */
	if (add_numbers(procs_fd, ret) < 0 && errno != EOPNOTSUPP)
		return -1;
	if (fstat(dir_fd, &st) < 0)
		return -1;
	/* A cgroup has as many links as directories below it, and two more. */
	return st.st_nlink > 2 && depth < DEPTH_MAX ? add_children(dir_fd, ret, depth + 1) : 0;
}

int pids_of_cgroup(int dir_fd, int procs_fd, struct pid_list *ret)
{
	ret->n = 0;
	if (add_tree(dir_fd, procs_fd, ret, 0) < 0)
		return -1;
	pid_list_sort(ret);
	return 0;
}

/* --- of a process --- */

/* Those that a thread of @pid has forked; none if it has ended. */
static int add_forked(pid_t pid, struct pid_list *ret)
{
	char path[64];
	struct dirent *entry;
	DIR *dir;
	int keep, r = 0;

	(void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -1;
	while (r == 0 && (errno = 0, entry = readdir(dir))) {
		_cleanup_fd_ int fd = -1;

		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof path, "%.20s/children", entry->d_name);
		fd = openat(dirfd(dir), path, O_RDONLY | O_CLOEXEC);
		r = fd < 0 ? -1 : add_numbers(fd, ret);
		if (r < 0 && (errno == ENOENT || errno == ESRCH))
			r = 0;
	}
	if (r == 0 && errno && errno != ENOENT && errno != ESRCH)
		r = -1;
	keep = errno;
	(void)closedir(dir);
	errno = keep;
	return r;
}

int pids_of_descendants(pid_t pid, struct pid_list *ret)
{
	ret->n = 0;
	if (pid_list_add(ret, pid) < 0)
		return -1;
	for (size_t i = 0; i < ret->n; i++) /* it grows */
		if (add_forked(ret->v[i], ret) < 0)
			return -1;
	pid_list_sort(ret);
	return 0;
}
