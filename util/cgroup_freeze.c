/* Freezes and thaws a task's cgroup. */
#include "util/cgroup_freeze.h"

#include "util/cgroup.h"
#include "util/clock.h"
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SLEEP_FIRST_US = 100, SLEEP_MAX_US = 10000, CLEANUP_TRIES = 3 };

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_CGROUP;
	return ts_fail(e, err, what, object);
}

static const char *file_path(const struct cgroup_ref *ref, const char *file,
			     char ret[static PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s/%s", ref->path, file);
	return ret;
}

/* Tells the kernel; it does so at once, or lets processes run on until they can be. */
static int tell(const struct cgroup_ref *ref, bool freeze)
{
	char path[PATH_MAX];

	if (ref->v2)
		return ts_write_value_at(AT_FDCWD, file_path(ref, "cgroup.freeze", path),
					 freeze ? "1" : "0");
	return ts_write_value_at(AT_FDCWD, file_path(ref, "freezer.state", path),
				 freeze ? "FROZEN" : "THAWED");
}

/* Whether all stand still; also when a cgroup above is frozen. 1, 0, or -1 and errno. */
static int stand_still(const struct cgroup_ref *ref)
{
	char path[PATH_MAX], state[16];
	uint64_t frozen;

	if (ref->v2)
		return ts_cgroup_read_key(AT_FDCWD, file_path(ref, "cgroup.events", path), "frozen",
					  &frozen) < 0
			       ? -1
			       : frozen != 0;
	if (ts_read_text_at(AT_FDCWD, file_path(ref, "freezer.state", path), state, sizeof state) <
	    0)
		return -1;
	return strcmp(state, "FROZEN\n") == 0;
}

/* Waits until stand_still() says @wanted. Returns 1, 0 when the time is up, or -1 and errno. The v1 freezer looks at each process when
 * it is told, and at nobody later: one that was on its way into vfork(2) then stays unfrozen for as long as its child, which is
 * frozen (Linux 6.18: 1 in 7 pauses of a shell that forks). So it is told again. */
static int await(const struct cgroup_ref *ref, int wanted, int timeout_ms)
{
	int64_t deadline = ts_boottime_ms() + timeout_ms;
	unsigned sleep_us = SLEEP_FIRST_US;
	int now;

	while ((now = stand_still(ref)) >= 0 && now != wanted) {
		if (ts_boottime_ms() >= deadline)
			return 0;
		(void)usleep(sleep_us);
		if (wanted == 1 && !ref->v2 && tell(ref, true) < 0)
			return -1;
		sleep_us = sleep_us * 2 > SLEEP_MAX_US ? SLEEP_MAX_US : sleep_us * 2;
	}
	return now < 0 ? -1 : 1;
}

/* Nobody is left behind frozen because a call failed once. */
static int let_go(const struct cgroup_ref *ref)
{
	int r = -1;

	for (int tries = 0; r < 0 && tries < CLEANUP_TRIES; tries++)
		r = tell(ref, false);
	return r;
}

/* The cgroup to freeze; NULL with @e filled. */
static const struct cgroup_ref *find(const struct cgroup_refs *refs, struct ts_error *e)
{
	const struct cgroup_ref *ref = cgroup_main_ref(refs);

	if (!ref && errno != 0)
		(void)fail(e, errno, "read the mark of the task's cgroups", NULL);
	else if (!ref)
		(void)fail(e, ENOENT,
			   "the task has no cgroup of taskshim's: it was started without, or it is "
			   "gone",
			   NULL);
	else if (!ref->v2 && !ref->freezer)
		(void)fail(e, ENOENT, "the task is in no freezer cgroup, only in", ref->path);
	else
		return ref;
	return NULL;
}

int cgroup_freeze(const struct cgroup_refs *refs, int timeout_ms, struct ts_error *e)
{
	const struct cgroup_ref *ref = find(refs, e);
	int r;

	if (!ref)
		return -1;
	if (cgroup_contains(refs, getpid()) == 1)
		return fail(e, EDEADLK, "this process is in the cgroup itself", ref->path);
	r = tell(ref, true) < 0 ? -1 : await(ref, 1, timeout_ms);
	if (r == 1)
		return 0;
	if (r < 0)
		(void)fail(e, errno, "freeze", ref->path);
	else
		(void)fail(e, ETIMEDOUT, "not all processes stand still, and all go on, in",
			   ref->path);
	(void)let_go(ref);
	return -1;
}

/* ENODEV: it was removed while its file was open. */
static bool is_gone(int err)
{
	return err == ENOENT || err == ENODEV;
}

int cgroup_thaw(const struct cgroup_refs *refs, int timeout_ms, struct ts_error *e)
{
	const struct cgroup_ref *ref = cgroup_main_ref(refs);
	int r;

	if (!ref && errno != 0)
		return fail(e, errno, "read the mark of the task's cgroups", NULL);
	if (!ref || (!ref->v2 && !ref->freezer))
		return 0;
	if (let_go(ref) < 0)
		return is_gone(errno) ? 0 : fail(e, errno, "thaw", ref->path);
	r = await(ref, 0, timeout_ms);
	if (r < 0)
		return is_gone(errno) ? 0 : fail(e, errno, "thaw", ref->path);
	return r == 1 ? 0 : fail(e, EBUSY, "thawed, but a cgroup above is frozen", ref->path);
}

int cgroup_is_paused(const struct cgroup_refs *refs)
{
	const struct cgroup_ref *ref = cgroup_main_ref(refs);
	char path[PATH_MAX], text[16];

	if (!ref)
		return errno ? -1 : 0;
	if (!ref->v2 && !ref->freezer)
		return 0;
	if (ts_read_text_at(
		    AT_FDCWD,
		    file_path(ref, ref->v2 ? "cgroup.freeze" : "freezer.self_freezing", path), text,
		    sizeof text) < 0)
		return is_gone(errno) ? 0 : -1;
	return text[0] == '1';
}
