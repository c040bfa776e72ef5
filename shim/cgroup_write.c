/* Writes limits into cgroup files, says why one is not taken, and takes back what a failed update has written. */
#include "shim/cgroup.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_MAX = 4096 };

enum outcome { PENDING, DONE, LACKING /* and that is fine */ };

/* What becomes of one write. */
struct progress {
	enum outcome outcome;
	int err; /* PENDING: of the last try */
	bool alternative; /* the other file is the one that is there */
	char *before; /* what the file said; NULL: not asked, or no value that could be written back */
};

static void path_of(const struct cgroup_plan *plan, const struct cgroup_write *w, const char *file,
		    char ret[static PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s/%s", plan->dirs[w->dir].path, file);
}

static const char *file_of(const struct cgroup_write *w, const struct progress *p)
{
	return p->alternative ? w->alternative : w->file;
}

static const char *value_of(const struct cgroup_write *w, const struct progress *p)
{
	return p->alternative && w->alternative_value ? w->alternative_value : w->value;
}

/* --- why --- */

static const struct {
	const char *file; /* how its name begins */
	int err;
	const char *reason;
} reasons[] = {
	{"memory.limit_in_bytes", EINVAL, "it is more than the limit of memory and swap"},
	{"memory.limit_in_bytes", EBUSY, "more is in use, and cannot be reclaimed"},
	{"memory.memsw.", EINVAL, "it is less than the memory limit"},
	{"memory.memsw.", EBUSY, "more is in use, and cannot be reclaimed"},
	{"memory.kmem.limit_in_bytes", EOPNOTSUPP, "kernels limit it no longer: set memory.limit"},
	{"memory.kmem.", ENOENT, "this kernel limits it no longer: set memory.limit"},
	{"memory.use_hierarchy", EINVAL, "this kernel always counts with what is below"},
	{"cpu.cfs_quota_us", EINVAL, "the cgroup above allows less"},
	{"cpu.rt_", EINVAL, "the cgroup above has less real-time runtime to give"},
	{"cpu.rt_", ENOENT, "this kernel has no real-time limits (RT_GROUP_SCHED)"},
	{"cpuset.", EACCES, "the cgroup above does not have them"},
	{"cpuset.", EINVAL, "this machine does not have them"},
	{"cpuset.", ERANGE, "this machine does not have them"},
	{"cpuset.", ENOSPC, "the processes would have none left"},
	{"blkio.leaf_weight", ENOENT, "leaf weights went with the scheduler CFQ"},
	{"blkio.weight", ENOENT, "no I/O scheduler with weights is there, such as bfq"},
	{"blkio.bfq.weight", ENOENT, "no I/O scheduler with weights is there, such as bfq"},
	{"io.weight", ENOENT, "no I/O scheduler with weights is there, such as bfq"},
	{"blkio.", ENODEV, "there is no such disk, or it is a partition"},
	{"io.", ENODEV, "there is no such disk, or it is a partition"},
	{"blkio.bfq.weight", EINVAL, "the disk does not use the scheduler bfq"},
	{"blkio.bfq.weight", EOPNOTSUPP, "the disk does not use the scheduler bfq"},
	{"io.bfq.weight", EOPNOTSUPP, "the disk does not use the scheduler bfq"},
	{"hugetlb.", ENOENT, "this machine has no huge pages of that size"},
	{"net_prio.", ENODEV, "there is no such interface"},
	{"net_prio.", EINVAL, "there is no such interface"},
	{"rdma.", ENODEV, "there is no such device"},
	{"", ENOENT, "this kernel has no such file"},
	{"", ENODEV, "the cgroup has been removed"},
};

static int fail_write(const struct cgroup_plan *plan, const struct cgroup_write *w,
		      const struct progress *p, struct ts_error *e)
{
	const char *file = file_of(w, p), *reason = NULL;
	char path[PATH_MAX];

	for (size_t i = 0; !reason && i < sizeof reasons / sizeof reasons[0]; i++)
		if (reasons[i].err == p->err &&
		    strncmp(reasons[i].file, file, strlen(reasons[i].file)) == 0)
			reason = reasons[i].reason;
	path_of(plan, w, file, path);
	e->step = TS_STEP_CGROUP;
	return ts_failf(e, p->err, "linux.resources.%s: write \"%s\" to %s%s%s%s", w->field,
			value_of(w, p), path, reason ? " (" : "", reason ? reason : "",
			reason ? ")" : "");
}

static void warn_lack(const struct cgroup_write *w, const struct warner *warner)
{
	char text[256];

	if (!warner->warn)
		return;
	(void)snprintf(text, sizeof text,
		       "linux.resources.%s: this kernel counts no swap, the limit is not set",
		       w->field);
	warner->warn(text, warner->arg);
}

/* --- one value --- */

/* checkBeforeUpdate. As well as can be: what cannot be read is not asked. */
static int check_usage(const struct cgroup_plan *plan, const struct cgroup_write *w,
		       struct ts_error *e)
{
	char path[PATH_MAX];
	uint64_t usage;

	if (!w->not_below)
		return 0;
	path_of(plan, w, w->usage_file, path);
	if (ts_cgroup_read_u64(AT_FDCWD, path, &usage) < 0 || usage < w->not_below)
		return 0;
	e->step = TS_STEP_CGROUP;
	return ts_failf(e, EBUSY,
			"linux.resources.%s: %" PRIu64 " is not above the %" PRIu64
			" in use (checkBeforeUpdate)",
			w->field, w->not_below, usage);
}

/* One line, which can be written as it was read. */
static void remember(const char *path, struct progress *p)
{
	char text[VALUE_MAX], *newline;

	if (p->before || ts_read_text_at(AT_FDCWD, path, text, sizeof text) < 0)
		return;
	newline = strchr(text, '\n');
	if (newline && newline[1] == '\0')
		p->before = strndup(text, (size_t)(newline - text));
}

static int write_file(const struct cgroup_plan *plan, const struct cgroup_write *w,
		      struct progress *p, bool keep)
{
	char path[PATH_MAX];
	uint64_t limit;

	path_of(plan, w, file_of(w, p), path);
	if (keep)
		remember(path, p);
	if (ts_write_value_at(AT_FDCWD, path, value_of(w, p)) < 0)
		return -1;
	/* memory.kmem.limit_in_bytes of Linux 6 takes any value, and has no effect */
	if (w->at_most && ts_cgroup_read_u64(AT_FDCWD, path, &limit) == 0 && limit > w->at_most) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return 0;
}

static void write_one(const struct cgroup_plan *plan, const struct cgroup_write *w,
		      struct progress *p, bool keep)
{
	int r = write_file(plan, w, p, keep);

	if (r < 0 && errno == ENOENT && w->alternative && !p->alternative) {
		p->alternative = true;
		r = write_file(plan, w, p, keep);
	}
	if (r == 0)
		p->outcome = DONE;
	else if (w->lack != LACK_IS_ERROR &&
		 (errno == ENOENT || (errno == EOPNOTSUPP && w->lack == LACK_IS_FINE)))
		p->outcome = LACKING;
	else
		p->err = errno;
}

/* --- all of them --- */

/* Returns how many have got through this time. What fails but for an order that may yet come ends the round. */
static size_t write_round(const struct cgroup_plan *plan, struct progress *progress,
			  const struct warner *warner, bool keep, size_t *ret_failed)
{
	size_t n = 0;

	*ret_failed = plan->n_writes;
	for (size_t i = 0; i < plan->n_writes; i++) {
		const struct cgroup_write *w = &plan->writes[i];
		struct progress *p = &progress[i];

		if (p->outcome != PENDING)
			continue;
		write_one(plan, w, p, keep);
		if (p->outcome == LACKING && w->lack == LACK_IS_WARNING)
			warn_lack(w, warner);
		if (p->outcome != PENDING) {
			n++;
			continue;
		}
		if (*ret_failed == plan->n_writes || p->err != EINVAL)
			*ret_failed = i;
		if (p->err != EINVAL)
			return 0;
	}
	return n;
}

/* In the reverse order, and twice, as going back may have an order of its own. */
static void take_back(const struct cgroup_plan *plan, const struct progress *progress)
{
	char path[PATH_MAX];

	for (int round = 0; round < 2; round++)
		for (size_t i = plan->n_writes; i-- > 0;) {
			if (progress[i].outcome != DONE || !progress[i].before)
				continue;
			path_of(plan, &plan->writes[i], file_of(&plan->writes[i], &progress[i]),
				path);
			(void)ts_write_value_at(AT_FDCWD, path, progress[i].before);
		}
}

static int write_all(const struct cgroup_plan *plan, const struct warner *warner, bool update,
		     struct ts_error *e)
{
	struct progress *progress = calloc(plan->n_writes + 1, sizeof *progress);
	size_t failed = plan->n_writes;
	int r = 0;

	if (!progress) {
		e->step = TS_STEP_CGROUP;
		return ts_fail(e, ENOMEM, "linux.resources", NULL);
	}
	for (size_t i = 0; r == 0 && i < plan->n_writes; i++)
		r = check_usage(plan, &plan->writes[i], e);
	if (r == 0) {
		while (write_round(plan, progress, warner, update, &failed) > 0 &&
		       failed < plan->n_writes)
			;
		if (failed < plan->n_writes)
			r = fail_write(plan, &plan->writes[failed], &progress[failed], e);
		if (r < 0 && update)
			take_back(plan, progress);
	}
	for (size_t i = 0; i < plan->n_writes; i++)
		free(progress[i].before);
	free(progress);
	return r;
}

int cgroup_write_limits(const struct cgroup_plan *plan, const struct warner *warner,
			struct ts_error *e)
{
	return plan->n_writes ? write_all(plan, warner, false, e) : 0;
}

int cgroup_update_limits(const struct cgroup_plan *plan, const struct warner *warner,
			 struct ts_error *e)
{
	for (size_t i = 0; i < plan->n_dirs; i++)
		if (plan->dirs[i].v2 && plan->v2_required &&
		    cgroup_enable(plan, &plan->dirs[i], e) < 0)
			return -1;
	return write_all(plan, warner, true, e);
}
