/* What a task's cgroups are limited to, as their files say now: for the state. */
#include "shim/task.h"

#include "util/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

/* The files that limit something, and what they say when they do not. A number near the end of the range is no limit
 * anywhere. */
static const struct {
	const char *pattern, *none;
} files[] = {
	{"memory.max", "max"},
	{"memory.high", "max"},
	{"memory.low", "0"},
	{"memory.min", "0"},
	{"memory.swap.max", "max"},
	{"memory.swap.high", "max"},
	{"memory.zswap.max", "max"},
	{"memory.oom.group", "0"},
	{"memory.limit_in_bytes", "-1"},
	{"memory.soft_limit_in_bytes", "-1"},
	{"memory.memsw.limit_in_bytes", "-1"},
	{"memory.kmem.limit_in_bytes", "-1"},
	{"memory.kmem.tcp.limit_in_bytes", "-1"},
	{"memory.swappiness", "60"},
	{"memory.oom_control", "oom_kill_disable 0"},
	{"cpu.max", "max 100000"},
	{"cpu.max.burst", "0"},
	{"cpu.weight", "100"},
	{"cpu.idle", "0"},
	{"cpu.shares", "1024"},
	{"cpu.cfs_quota_us", "-1"},
	{"cpu.cfs_period_us", "100000"},
	{"cpu.cfs_burst_us", "0"},
	{"cpu.rt_runtime_us", "0"},
	{"cpu.rt_period_us", "1000000"},
	{"cpuset.cpus", ""},
	{"cpuset.mems", ""},
	{"pids.max", "max"},
	{"io.max", ""},
	{"io.weight", "default 100"},
	{"io.bfq.weight", "default 100"},
	{"blkio.weight", "500"},
	{"blkio.leaf_weight", "500"},
	{"blkio.bfq.weight", "100"},
	{"blkio.*weight_device", ""},
	{"blkio.throttle.*_device", ""},
	{"hugetlb.*.max", "max"},
	{"hugetlb.*.limit_in_bytes", "-1"},
	{"net_cls.classid", "0"},
	{"net_prio.ifpriomap", ""},
	{"rdma.max", ""},
	{"misc.max", ""},
	{"cgroup.max.*", "max"},
};

/* The row of @name; NULL: it limits nothing. hugetlb.*.rsvd.* are of the row of hugetlb. */
static const char *none_of(const char *name)
{
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (fnmatch(files[i].pattern, name, 0) == 0)
			return files[i].none;
	return NULL;
}

/* Drops the lines of interfaces that have no priority, and what the kernel only tells with a limit. */
static void tidy(const char *name, char *text)
{
	char *to = text, *save = NULL;
	size_t whole = strlen(text);

	if (strcmp(name, "memory.oom_control") == 0)
		text[strcspn(text, "\n")] = '\0';
	else if (whole > 0 && text[whole - 1] == '\n')
		text[whole - 1] = '\0';
	if (strcmp(name, "net_prio.ifpriomap") != 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t len = strlen(line);

		if (len > 2 && strcmp(line + len - 2, " 0") == 0)
			continue;
		if (to > text)
			*to++ = '\n';
		memmove(to, line, len);
		to += len;
	}
	*to = '\0';
}

static bool is_limit(const char *text, const char *none)
{
	char *end;
	long long number;

	if (strcmp(text, none) == 0)
		return false;
	errno = 0;
	number = strtoll(text, &end, 10);
	return end == text || *end || (errno == 0 && number < INT64_MAX / 2);
}

static int add_file(struct json_object *limits, int dir_fd, const char *name)
{
	const char *none = none_of(name);
	struct json_object *value;
	char text[8192];

	if (!none)
		return 0;
	if (ts_read_text_at(dir_fd, name, text, sizeof text) < 0)
		return errno == ENOENT ? 0 : -1;
	tidy(name, text);
	if (!is_limit(text, none))
		return 0;
	value = json_object_new_string(text);
	if (value && json_object_object_add(limits, name, value) == 0)
		return 0;
	json_object_put(value);
	errno = ENOMEM;
	return -1;
}

static int add_cgroup(struct json_object *limits, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int keep, r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -1;
	while (r == 0 && (errno = 0, entry = readdir(dir)))
		r = add_file(limits, dirfd(dir), entry->d_name);
	if (r == 0 && errno != 0) /* not the end of the directory */
		r = -1;
	keep = errno;
	(void)closedir(dir);
	errno = keep;
	return r;
}

int task_limits(const taskshim_task *task, struct json_object **ret)
{
	struct json_object *limits = json_object_new_object();
	int r = limits ? 0 : -1;

	if (!limits)
		errno = ENOMEM;
	for (size_t i = 0; r == 0 && i < task->cgroups.n; i++) {
		r = cgroup_is_the_tasks(&task->cgroups, task->cgroups.v[i].path);
		if (r > 0)
			r = add_cgroup(limits, task->cgroups.v[i].path);
	}
	*ret = NULL;
	if (r == 0) {
		*ret = limits;
		return 0;
	}
	json_object_put(limits);
	return errno == ENOMEM ? -1 : 0;
}
