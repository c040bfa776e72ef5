/* Files, cgroups and processes for the tests. harness.h */
#include "tests/integration/harness.h"

#include "util/cgroup.h"
#include "util/fd.h"
#include "util/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>

void write_file(const char *path, const char *text, mode_t mode)
{
	_cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	if (fd < 0 || ts_write_all(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0)
		fail_msg("write %s: %s", path, strerror(errno));
}

void copy_file(const char *from, const char *to, mode_t mode)
{
	_cleanup_fd_ int in = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_fd_ int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	ssize_t n;

	if (in < 0 || out < 0)
		fail_msg("copy %s to %s: %s", from, to, strerror(errno));
	while ((n = sendfile(out, in, NULL, 1 << 20)) > 0)
		;
	assert_int_equal(n, 0);
	assert_int_equal(fchmod(out, mode), 0);
}

char *read_file(struct it *t, const char *path)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_free_ char *buf = malloc(1 << 20);
	ssize_t n;

	assert_non_null(buf);
	if (fd < 0)
		return NULL;
	n = ts_read_text(fd, buf, 1 << 20);
	return n < 0 ? NULL : (char *)(uintptr_t)it_text(t, "%s", buf);
}

char *read_link(struct it *t, const char *path)
{
	char buf[PATH_MAX];
	ssize_t n = readlink(path, buf, sizeof buf - 1);

	if (n < 0)
		return NULL;
	buf[n] = '\0';
	return (char *)(uintptr_t)it_text(t, "%s", buf);
}

void make_dir(const char *path, mode_t mode)
{
	if (mkdir(path, mode) < 0 || chmod(path, mode) < 0)
		fail_msg("mkdir %s: %s", path, strerror(errno));
}

void make_link(const char *target, const char *path)
{
	if (symlink(target, path) < 0)
		fail_msg("symlink %s: %s", path, strerror(errno));
}

bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

int own_fd(struct it *t, int fd)
{
	assert_true(t->n_fds < sizeof t->fds / sizeof t->fds[0]);
	t->fds[t->n_fds++] = fd;
	return fd;
}

int open_fd(struct it *t, const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0666);

	if (fd < 0)
		fail_msg("open %s: %s", path, strerror(errno));
	return own_fd(t, fd);
}

const char *it_rootfs(struct it *t)
{
	static const char *const dirs[] = {"bin", "etc", "dev", "proc", "sys", "tmp"};

	if (t->root[0])
		return t->root;
	(void)snprintf(t->root, sizeof t->root, "%s/root", t->dir);
	make_dir(t->root, 0755);
	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
		make_dir(it_text(t, "%s/%s", t->root, dirs[i]), 0755);
	copy_file(it_text(t, "%s/bin/probe", t->dir), it_text(t, "%s/bin/probe", t->root), 0755);
	copy_file(it_text(t, "%s/etc/passwd", t->dir), it_text(t, "%s/etc/passwd", t->root), 0644);
	copy_file(it_text(t, "%s/etc/group", t->dir), it_text(t, "%s/etc/group", t->root), 0644);
	return t->root;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static const char *tree(struct it *t, const char *dir, const char *text)
{
	struct dirent **list;
	int n = scandir(dir, &list, NULL, by_name);

	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		const char *path = it_text(t, "%s/%s", dir, name);
		struct stat st;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && lstat(path, &st) == 0) {
			text = it_text(t, "%s%s %o %u:%u %lld\n", text, path, st.st_mode, st.st_uid,
				       st.st_gid,
				       S_ISDIR(st.st_mode) ? 0LL : (long long)st.st_size);
			if (S_ISDIR(st.st_mode))
				text = tree(t, path, text);
		}
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return text;
}

const char *it_tree(struct it *t, const char *dir)
{
	return tree(t, dir, "");
}

const char *mount_at(struct it *t, const char *mountinfo, const char *path)
{
	const char *key = it_text(t, " %s ", path), *found = NULL;

	for (const char *line = mountinfo; *line;
	     line += strcspn(line, "\n"), line += *line == '\n') {
		const char *text = it_text(t, "%.*s", (int)strcspn(line, "\n"), line);
		const char *at = text;

		for (int field = 0; field < 4 && at; field++)
			at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL;
		if (at && strncmp(at - 1, key, strlen(key)) == 0)
			found = text; /* the last one is on top */
	}
	if (!found)
		fail_msg("nothing is mounted on %s:\n%s", path, mountinfo);
	return found;
}

/* --- cgroups --- */

static const char *hierarchy(struct it *t, const char *controller)
{
	const char *path = it_text(t, "/sys/fs/cgroup/%s", controller);
	bool unified = strcmp(controller, "unified") == 0;

	switch (ts_cgroup_layout("/sys/fs/cgroup")) {
	case TS_CGROUP_UNKNOWN:
	case TS_CGROUP_NONE:
		return NULL;
	case TS_CGROUP_V2:
		return unified ? "/sys/fs/cgroup" : NULL;
	case TS_CGROUP_V1:
	case TS_CGROUP_HYBRID:
		break;
	}
	return exists(path) ? path : NULL;
}

static const char *make_cgroup(struct it *t, const char *path)
{
	if (mkdir(path, 0755) < 0)
		fail_msg("mkdir %s: %s", path, strerror(errno));
	assert_true(t->n_cgroups < IT_MAX_CGROUPS);
	t->cgroups[t->n_cgroups++] = (char *)(uintptr_t)path;
	return path;
}

const char *it_cgroup(struct it *t, const char *controller)
{
	const char *parent = hierarchy(t, controller);

	if (!parent)
		return NULL;
	const char *path =
		make_cgroup(t, it_text(t, "%s/ts-it-%d-%u", parent, (int)getpid(), t->n_made++));

	if (strcmp(controller, "cpuset") == 0) { /* v1: empty until somebody fills it */
		write_file(it_text(t, "%s/cpuset.cpus", path),
			   read_file(t, it_text(t, "%s/cpuset.cpus", parent)), 0644);
		write_file(it_text(t, "%s/cpuset.mems", path),
			   read_file(t, it_text(t, "%s/cpuset.mems", parent)), 0644);
	}
	return path;
}

const char *it_cgroup_below(struct it *t, const char *parent, const char *name)
{
	return make_cgroup(t, it_text(t, "%s/%s", parent, name));
}

bool cgroup_has(struct it *t, const char *path, pid_t pid)
{
	const char *text = read_file(t, it_text(t, "%s/cgroup.procs", path));
	const char *line = it_text(t, "\n%d\n", (int)pid);

	assert_non_null(text);
	return strstr(it_text(t, "\n%s", text), line) != NULL;
}

size_t cgroup_count(struct it *t, const char *path)
{
	const char *text = read_file(t, it_text(t, "%s/cgroup.procs", path));
	size_t n = 0;

	assert_non_null(text);
	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* --- processes --- */

const char *proc_file(struct it *t, pid_t pid, const char *name)
{
	char *text = read_file(t, it_text(t, "/proc/%d/%s", (int)pid, name));

	return text ? text : "";
}

bool alive(pid_t pid)
{
	char path[64], line[1024], state;
	uint64_t start;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (ts_read_text_at(AT_FDCWD, path, line, sizeof line) < 0)
		return false;
	return ts_proc_stat_parse(line, &start, &state) == 0 && state != 'Z' && state != 'X';
}

uint64_t start_time(pid_t pid)
{
	uint64_t start = 0;

	assert_int_equal(ts_proc_start_time(pid, &start), 0);
	return start;
}

void wait_until(bool (*done)(void *arg), void *arg, const char *what)
{
	for (int left = it_timeout_ms(); !done(arg); left -= 2) {
		if (left <= 0)
			fail_msg("hang: %s", what);
		(void)poll(NULL, 0, 2);
	}
}

static bool is_gone(void *arg)
{
	return !alive(*(pid_t *)arg);
}

void wait_gone(pid_t pid)
{
	wait_until(is_gone, &pid, "a process does not end");
}
