/* Signals, kills and removes a task's cgroups, after proving that they are the task's. */
#include "util/cgroup_remove.h"

#include "util/cgroup.h"
#include "util/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

enum {
	SLEEP_FIRST_US = 50,
	SLEEP_MAX_US = 10000,
	CLEANUP_TRIES = 3, /* clean-up goes on after an error that does not last */
	PARENT_TRIES = 2, /* EBUSY: other tasks are in it, most likely */
	DEPTH_MAX = 64, /* of cgroups that a task made below its own */
};

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_CGROUP;
	return ts_fail(e, err, what, object);
}

int cgroup_refs_add(struct cgroup_refs *refs, const char *controller, const char *path,
		    uint64_t inode)
{
	struct cgroup_ref *ref = &refs->v[refs->n];

	if (refs->n == sizeof refs->v / sizeof refs->v[0]) {
		errno = E2BIG;
		return -1;
	}
	*ref = (struct cgroup_ref){.path = strdup(path),
				   .inode = inode,
				   .v2 = strcmp(controller, TS_CGROUP_UNIFIED) == 0,
				   .freezer = strcmp(controller, "freezer") == 0};
	if (!ref->path)
		return -1;
	refs->n++;
	return 0;
}

void cgroup_refs_done(struct cgroup_refs *refs)
{
	while (refs->n > 0)
		free(refs->v[--refs->n].path);
}

static int64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Sleeps a little longer each time. False when @deadline_us has passed. */
static bool back_off(int64_t deadline_us, unsigned *sleep_us)
{
	struct timespec t = {.tv_nsec = (long)*sleep_us * 1000};

	if (now_us() >= deadline_us)
		return false;
	(void)nanosleep(&t, NULL);
	*sleep_us = *sleep_us * 2 > SLEEP_MAX_US ? SLEEP_MAX_US : *sleep_us * 2;
	return true;
}

/* Tried again, because what cannot be proven ours is not removed. */
static ssize_t read_mark(const char *path, char *buf, size_t size)
{
	ssize_t n = -1;

	for (int tries = 0; n < 0 && tries < CLEANUP_TRIES; tries++) {
		n = ts_cgroup_get_mark(path, buf, size);
		if (n < 0 && (errno == ENOENT || errno == ENODATA))
			break;
	}
	return n;
}

/* Likewise. */
static int read_inode(const char *path, uint64_t *ret)
{
	struct stat st;
	int r = -1;

	for (int tries = 0; r < 0 && tries < CLEANUP_TRIES; tries++) {
		r = lstat(path, &st);
		if (r < 0 && errno == ENOENT)
			break;
	}
	if (r == 0)
		*ret = st.st_ino;
	return r;
}

/* Whether the cgroup is proven to be the task's: the mark, and the inode if one was recorded. errno 0: it is another's;
 * ENOENT: it is gone. */
static bool is_ours(const struct cgroup_ref *ref, const char *run_id)
{
	char mark[TS_RUN_ID_LEN + 1];
	uint64_t inode = 0;
	ssize_t n = read_mark(ref->path, mark, sizeof mark);

	if (n < 0)
		return false;
	errno = 0;
	if (n != TS_RUN_ID_LEN || memcmp(mark, run_id, TS_RUN_ID_LEN) != 0)
		return false;
	if (ref->inode == 0)
		return true;
	if (read_inode(ref->path, &inode) < 0)
		return false;
	errno = 0;
	return inode == ref->inode;
}

/* --- processes --- */

struct pid_visit {
	int (*visit)(pid_t pid, void *arg); /* other than 0 ends the walk */
	void *arg;
};

static int each_pid_in(int dir_fd, const struct pid_visit *v)
{
	int fd = openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char line[32];
	int keep, r = 0;

	if (fd < 0 && errno == ENOENT)
		return 0; /* removed since its directory was opened: nobody was left */
	if (!file) {
		ts_fd_closep(&fd);
		return -1;
	}
	while (r == 0 && fgets(line, sizeof line, file)) {
		long pid = strtol(line, NULL, 10);

		if (pid > 0) /* 0: in a pid namespace that is not ours */
			r = v->visit((pid_t)pid, v->arg);
	}
	if (r == 0 && ferror(file)) /* not the end of the list */
		r = -1;
	keep = errno;
	(void)fclose(file);
	errno = keep;
	return r;
}

/* Visits the processes of the cgroup at @dir_fd (taken over) and below. Returns 0, the visitor's value, or -1. */
static int each_pid(int dir_fd, const struct pid_visit *v, int depth)
{
	DIR *dir;
	struct dirent *entry;
	int keep, r = each_pid_in(dir_fd, v);

	if (r != 0 || depth >= DEPTH_MAX) {
		(void)close(dir_fd);
		return r;
	}
	dir = fdopendir(dir_fd);
	if (!dir) {
		(void)close(dir_fd);
		return -1;
	}
	while (r == 0 && (errno = 0, entry = readdir(dir))) {
		int child;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		child = openat(dir_fd, entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = child < 0 ? (errno == ENOENT ? 0 : -1) : each_pid(child, v, depth + 1);
	}
	if (r == 0 && errno) /* not the end of the directory */
		r = -1;
	keep = errno;
	(void)closedir(dir);
	errno = keep;
	return r;
}

static int visit_ref(const struct cgroup_ref *ref, const struct pid_visit *v)
{
	int fd = open(ref->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	return each_pid(fd, v, 0);
}

enum { BATCH = 128 /* processes that are signalled at once: a descriptor each */ };

/* Processes of a cgroup, pinned. A number that was read from the list may have passed to a stranger before its pidfd was
 * opened; if it stands in the list afterwards as well, the pidfd is of a process that is in the cgroup, or of a dead one. */
struct signal_walk {
	int signo, count;
	size_t skip; /* processes that earlier batches have had */
	size_t seen;
	pid_t pids[BATCH];
	int pidfds[BATCH];
	bool confirmed[BATCH];
	size_t n;
};

/* No descriptor is left: half of the batch is put off to the next one, since reading the list again needs some too. */
static int end_batch_early(struct signal_walk *walk)
{
	size_t keep = walk->n / 2;

	if (keep == 0)
		return -1;
	walk->seen -= walk->n - keep + 1;
	while (walk->n > keep)
		(void)close(walk->pidfds[--walk->n]);
	return 1;
}

static int collect_one(pid_t pid, void *arg)
{
	struct signal_walk *walk = arg;
	int pidfd;

	if (walk->seen++ < walk->skip)
		return 0;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0 && (errno == EMFILE || errno == ENFILE))
		return end_batch_early(walk);
	if (pidfd < 0)
		return errno == ESRCH ? 0 : -1;
	walk->pids[walk->n] = pid;
	walk->pidfds[walk->n] = pidfd;
	walk->confirmed[walk->n++] = false;
	return walk->n == BATCH;
}

static int confirm_one(pid_t pid, void *arg)
{
	struct signal_walk *walk = arg;

	for (size_t i = 0; i < walk->n; i++)
		if (walk->pids[i] == pid)
			walk->confirmed[i] = true;
	return 0;
}

/* Signals what was collected. Returns 0, or -1 and errno when a process that is there could not be. */
static int signal_batch(struct signal_walk *walk)
{
	int err = 0;

	for (size_t i = 0; i < walk->n; i++) {
		if (walk->confirmed[i] && ts_pidfd_kill(walk->pidfds[i], walk->signo) == 0)
			walk->count++;
		else if (walk->confirmed[i] && errno != ESRCH)
			err = errno;
		(void)close(walk->pidfds[i]);
	}
	errno = err;
	return err ? -1 : 0;
}

/* Signals every process once. Returns 0, or -1 and errno; walk->count says how many it reached. */
static int signal_ref(const struct cgroup_ref *ref, struct signal_walk *walk)
{
	struct pid_visit collect = {collect_one, walk}, confirm = {confirm_one, walk};
	int more, err = 0;

	do {
		walk->n = walk->seen = 0;
		more = visit_ref(ref, &collect);
		if (more < 0 || visit_ref(ref, &confirm) < 0)
			err = errno;
		if (signal_batch(walk) < 0)
			err = errno;
		walk->skip = walk->seen;
	} while (more > 0 && !err);
	errno = err;
	return err ? -1 : 0;
}

const struct cgroup_ref *cgroup_main_ref(const struct cgroup_refs *refs)
{
	const struct cgroup_ref *best = NULL;
	int err = 0;

	for (size_t i = 0; i < refs->n; i++) {
		if (!is_ours(&refs->v[i], refs->run_id)) {
			if (errno != 0 && errno != ENOENT && errno != ENODATA)
				err = errno;
			continue;
		}
		if (refs->v[i].v2)
			return &refs->v[i];
		if (!best || refs->v[i].freezer)
			best = &refs->v[i];
	}
	errno = err;
	return best;
}

static int fail_unproven(struct ts_error *e)
{
	return fail(e, errno, "read the mark of the task's cgroups", NULL);
}

int cgroup_signal(const struct cgroup_refs *refs, int signo, struct ts_error *e)
{
	const struct cgroup_ref *ref = cgroup_main_ref(refs);
	struct signal_walk walk = {.signo = signo};

	if (!ref)
		return errno ? fail_unproven(e) : 0;
	if (signal_ref(ref, &walk) < 0)
		return fail(e, errno, "signal the processes of", ref->path);
	return walk.count;
}

static int found_one(pid_t pid, void *arg)
{
	(void)pid;
	(void)arg;
	return 1;
}

int cgroup_populated(const struct cgroup_refs *refs)
{
	const struct cgroup_ref *ref = cgroup_main_ref(refs);
	struct pid_visit visit = {found_one, NULL};

	if (!ref)
		return errno ? -1 : 0;
	return visit_ref(ref, &visit);
}

static int is_pid(pid_t pid, void *arg)
{
	return pid == *(const pid_t *)arg;
}

int cgroup_contains(const struct cgroup_refs *refs, pid_t pid)
{
	const struct cgroup_ref *ref = cgroup_main_ref(refs);
	struct pid_visit visit = {is_pid, &pid};

	if (!ref)
		return errno ? -1 : 0;
	return visit_ref(ref, &visit);
}

int cgroup_is_the_tasks(const struct cgroup_refs *refs, const char *path)
{
	for (size_t i = 0; i < refs->n; i++) {
		if (strcmp(refs->v[i].path, path) != 0)
			continue;
		if (is_ours(&refs->v[i], refs->run_id))
			return 1;
		return errno == 0 || errno == ENOENT || errno == ENODATA ? 0 : -1;
	}
	return 0;
}

bool cgroup_exists(const struct cgroup_refs *refs)
{
	return cgroup_main_ref(refs) != NULL;
}

const char *cgroup_find_stranger(const struct cgroup_refs *refs)
{
	for (size_t i = 0; i < refs->n; i++)
		if (!is_ours(&refs->v[i], refs->run_id) && (errno == 0 || errno == ENODATA))
			return refs->v[i].path;
	return NULL;
}

bool cgroup_is_frozen(const struct cgroup_refs *refs)
{
	char path[PATH_MAX + 32], state[16];

	for (size_t i = 0; i < refs->n; i++) {
		if (!refs->v[i].freezer || !is_ours(&refs->v[i], refs->run_id))
			continue;
		(void)snprintf(path, sizeof path, "%s/freezer.state", refs->v[i].path);
		return ts_read_text_at(AT_FDCWD, path, state, sizeof state) > 0 &&
		       strcmp(state, "THAWED\n") != 0;
	}
	return false;
}

struct name_walk {
	char text[256];
	size_t used;
};

/* Lists "123 (name, D)" for the message about what cannot die. */
static int name_one(pid_t pid, void *arg)
{
	struct name_walk *walk = arg;
	char path[32], line[512], *open_paren, *close_paren;
	int n;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (ts_read_text_at(AT_FDCWD, path, line, sizeof line) < 0)
		return 0;
	open_paren = strchr(line, '(');
	close_paren = strrchr(line, ')');
	if (!open_paren || !close_paren || close_paren[1] != ' ')
		return 0;
	n = snprintf(walk->text + walk->used, sizeof walk->text - walk->used,
		     "%s%d (%.*s, state %c)", walk->used ? ", " : "", (int)pid,
		     (int)(close_paren - open_paren - 1), open_paren + 1, close_paren[2]);
	if (n < 0 || (size_t)n >= sizeof walk->text - walk->used)
		return 1;
	walk->used += (size_t)n;
	return 0;
}

static void write_state(const struct cgroup_ref *ref, const char *state)
{
	char path[PATH_MAX + 32];

	(void)snprintf(path, sizeof path, "%s/freezer.state", ref->path);
	(void)ts_write_value_at(AT_FDCWD, path, state);
}

/* One round of killing. Frozen while the list is read, nothing can fork away; a frozen process dies when thawed. */
static void kill_round(const struct cgroup_ref *ref)
{
	struct signal_walk walk = {.signo = SIGKILL};
	char path[PATH_MAX + 32];

	if (ref->v2) {
		(void)snprintf(path, sizeof path, "%s/cgroup.kill", ref->path);
		if (ts_write_value_at(AT_FDCWD, path, "1") == 0)
			return;
	}
	if (ref->freezer)
		write_state(ref, "FROZEN");
	(void)signal_ref(ref, &walk);
	if (ref->freezer)
		write_state(ref, "THAWED");
}

int cgroup_kill(const struct cgroup_refs *refs, int timeout_ms, struct ts_error *e)
{
	const struct cgroup_ref *ref = cgroup_main_ref(refs);
	struct pid_visit any = {found_one, NULL};
	struct name_walk names = {.used = 0};
	struct pid_visit visit_names = {name_one, &names};
	unsigned sleep_us = SLEEP_FIRST_US;
	int64_t deadline;

	if (!ref)
		return errno ? fail_unproven(e) : 0;
	deadline = now_us() + (int64_t)timeout_ms * 1000;
	do {
		int r = visit_ref(ref, &any);

		if (r == 0)
			return 0;
		if (r < 0 && errno != ENODEV && errno != EOPNOTSUPP)
			return fail(e, errno, "read cgroup.procs of", ref->path);
		kill_round(ref);
	} while (back_off(deadline, &sleep_us));
	(void)visit_ref(ref, &visit_names);
	if (names.used == 0)
		return 0;
	e->step = TS_STEP_WAIT;
	return ts_failf(e, ETIMEDOUT, "cannot be killed: %s in %s", names.text, ref->path);
}

/* --- removal --- */

/* Removes the cgroup and what the task made below it. */
static int remove_tree(const char *path, int depth)
{
	DIR *dir;
	struct dirent *entry;
	int r;

	if (rmdir(path) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY && errno != ENOTEMPTY)
		return -1;
	if (depth >= DEPTH_MAX)
		return -1;
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -1;
	while ((entry = readdir(dir))) {
		char child[PATH_MAX];

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (snprintf(child, sizeof child, "%s/%s", path, entry->d_name) < (int)sizeof child)
			(void)remove_tree(child, depth + 1);
	}
	(void)closedir(dir);
	r = rmdir(path);
	return r < 0 && errno == ENOENT ? 0 : r;
}

/* By its mark alone: an operator may have made a "taskshim" of their own. */
static bool is_parent_of_ours(const char *path)
{
	char mark[16];
	ssize_t n = read_mark(path, mark, sizeof mark);

	return n == 6 && memcmp(mark, "parent", 6) == 0;
}

/* A start that was killed between mkdir and the mark leaves a cgroup without one. It is removed if it lies directly below
 * a parent of ours or has a name of ours, where nobody else makes any, and is empty: rmdir and nothing more. */
static void remove_unmarked(const char *path)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];

	(void)snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
	if (strncmp(slash, TS_CGROUP_V1_NAME, sizeof TS_CGROUP_V1_NAME - 1) == 0 ||
	    is_parent_of_ours(parent))
		(void)rmdir(path);
}

int cgroup_remove_parent(const char *path)
{
	int r = -1;

	for (int tries = 0; r < 0 && tries < PARENT_TRIES; tries++) {
		r = is_parent_of_ours(path) ? rmdir(path) : -1;
		if (r < 0 && errno == ENODATA)
			break; /* it has no mark, and gets none */
	}
	return r;
}

void cgroup_remove_parents(const char *path)
{
	char parent[PATH_MAX], *slash;

	(void)snprintf(parent, sizeof parent, "%s", path);
	while ((slash = strrchr(parent, '/')) && slash > parent) {
		*slash = '\0';
		if (cgroup_remove_parent(parent) < 0)
			return;
	}
}

static int remove_one(const struct cgroup_refs *refs, const struct cgroup_ref *ref, bool kill,
		      int64_t deadline, struct ts_error *e)
{
	unsigned sleep_us = SLEEP_FIRST_US;

	if (!is_ours(ref, refs->run_id)) {
		int err = errno;

		/* 0 and ENODATA: it is not ours. ENOENT: gone, but for parents perhaps. */
		if (err != 0 && err != ENOENT && err != ENODATA)
			return fail(e, err, "read the mark of", ref->path);
		if (err == ENODATA && refs->half_made)
			remove_unmarked(ref->path);
		if (err != 0)
			cgroup_remove_parents(ref->path);
		return 0;
	}
	while (remove_tree(ref->path, 0) < 0) {
		int err = errno;

		if (kill && err == EBUSY)
			kill_round(ref);
		if (!back_off(deadline, &sleep_us))
			return fail(e, err, "remove cgroup", ref->path);
	}
	cgroup_remove_parents(ref->path);
	return 0;
}

int cgroup_remove(const struct cgroup_refs *refs, bool kill, int timeout_ms, struct ts_error *e)
{
	int64_t deadline = now_us() + (int64_t)timeout_ms * 1000;
	int r = 0;

	for (size_t i = 0; i < refs->n; i++)
		if (remove_one(refs, &refs->v[i], kill, deadline, e) < 0)
			r = -1;
	return r;
}
