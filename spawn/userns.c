/* User namespaces. The parent maps the ids of a new one, as root by writing the files itself, else through newuidmap(1) and
 * newgidmap(1), or, where there is nothing to map but its own ids, itself as well. Meanwhile init waits. */
#include "spawn/userns.h"
#include "spawn/init.h"
#include "spawn/taskdir.h"

#include "util/fd.h"
#include "util/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE = 3 * 10 + 3 + 1 /* "ID ID SIZE\n" */ };

/* --- writing to /proc/PID --- */

static int write_to(int proc_fd, pid_t pid, const char *file, const char *text)
{
	char path[64];
	_cleanup_fd_ int fd = -1;
	size_t len = strlen(text);

	(void)snprintf(path, sizeof path, "%d/%s", (int)pid, file);
	fd = ts_open_proc_file(proc_fd, path, O_WRONLY);
	if (fd < 0)
		return -1;
	return write(fd, text, len) == (ssize_t)len ? 0 : -1; /* in one, as the kernel wants it */
}

int userns_write_map(int proc_fd, pid_t pid, const char *file,
		     const struct oci_id_mapping *mappings, size_t n, struct ts_error *e)
{
	_cleanup_free_ char *text = calloc(n + 1, LINE + 1);
	size_t used = 0;

	if (!text)
		return ts_fail(e, ENOMEM, "map", file);
	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(text + used, LINE + 1, "%u %u %u\n",
					 mappings[i].container_id, mappings[i].host_id,
					 mappings[i].size);
	return write_to(proc_fd, pid, file, text) < 0 ? ts_fail(e, errno, "write", file) : 0;
}

/* --- newuidmap(1), newgidmap(1) --- */

struct helper {
	const char *program, *file;
	const struct oci_id_mapping *mappings;
	size_t n;
	id_t own;
};

/* "newuidmap PID ID ID SIZE...". The strings follow the pointers. */
static char **make_arguments(const struct helper *h, pid_t pid)
{
	enum { WORD = 12 };
	size_t n_words = 1 + 3 * h->n;
	char **argv = calloc(1, (n_words + 2) * sizeof *argv + n_words * WORD);
	char *word = argv ? (char *)(argv + n_words + 2) : NULL;
	size_t at = 0;

	if (!argv)
		return NULL;
	argv[at++] = (char *)h->program;
	for (size_t i = 0; i < n_words; i++, word += WORD) {
		const struct oci_id_mapping *m = &h->mappings[i ? (i - 1) / 3 : 0];
		unsigned number = i == 0       ? (unsigned)pid
				  : i % 3 == 1 ? m->container_id
				  : i % 3 == 2 ? m->host_id
					       : m->size;

		(void)snprintf(word, WORD, "%u", number);
		argv[at++] = word;
	}
	return argv;
}

/* Runs it with its standard error at @err_fd. Returns its status, or -1 and errno. */
static int run_helper(char **argv, int err_fd)
{
	posix_spawn_file_actions_t actions;
	int err, status = 0;
	pid_t pid;

	err = posix_spawn_file_actions_init(&actions);
	if (err == 0) {
		err = posix_spawn_file_actions_adddup2(&actions, err_fd, STDERR_FILENO);
		err = err ? err : posix_spawn_file_actions_adddup2(&actions, err_fd, STDOUT_FILENO);
		err = err ? err : posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
		(void)posix_spawn_file_actions_destroy(&actions);
	}
	if (err) {
		errno = err;
		return -1;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

static int map_by_helper(const struct helper *h, pid_t pid, struct ts_error *e)
{
	_cleanup_free_ char **argv = make_arguments(h, pid);
	int ends[2] = {-1, -1}, status;
	char said[256] = "";

	if (!argv || pipe2(ends, O_CLOEXEC) < 0)
		return ts_fail(e, argv ? errno : ENOMEM, "run", h->program);
	status = run_helper(argv, ends[1]);
	(void)close(ends[1]);
	if (status < 0)
		(void)ts_fail(e, errno,
			      errno == ENOENT ? "not installed (Debian: uidmap), and needed to map "
						"ids that are not the caller's"
					      : "run",
			      h->program);
	else if (status != 0) {
		(void)ts_read_text(ends[0], said, sizeof said);
		said[strcspn(said, "\n")] = '\0';
		(void)ts_fail(e, EPERM, "ids are not the caller's to map (see subuid(5))",
			      *said ? said : h->program);
	}
	(void)close(ends[0]);
	return status == 0 ? 0 : -1;
}

/* The kernel lets everybody map his own id, and nothing else: and his own gid where setgroups(2) is denied, by which a group could
 * be dropped that files deny something to. */
static int map_one(int proc_fd, pid_t pid, const struct helper *h, bool group, struct ts_error *e)
{
	bool own_only = h->n == 1 && h->mappings[0].size == 1 && h->mappings[0].host_id == h->own;

	if (geteuid() != 0 && !own_only)
		return map_by_helper(h, pid, e);
	if (geteuid() != 0 && group && write_to(proc_fd, pid, "setgroups", "deny") < 0)
		return ts_fail(e, errno, "write", "setgroups");
	return userns_write_map(proc_fd, pid, h->file, h->mappings, h->n, e);
}

/* --- what init cannot do --- */

/* To lower it takes CAP_SYS_RESOURCE of the host. */
int userns_set_oom_score_adj(const struct config *config, pid_t pid, struct ts_error *e)
{
	const struct opt_i64 *adj = &config->process.oom_score_adj;
	_cleanup_fd_ int proc_fd = -1;
	char text[16];

	if (!adj->set)
		return 0;
	e->step = TS_STEP_OOM;
	proc_fd = ts_open_proc();
	if (proc_fd < 0)
		return ts_fail(e, errno, "open", "/proc");
	(void)snprintf(text, sizeof text, "%d", (int)adj->value);
	if (write_to(proc_fd, pid, "oom_score_adj", text) < 0)
		return ts_fail(e, errno, "set oom_score_adj to", text);
	return 0;
}

/* Hard limits that are to be higher than the caller's: what init does to them later needs no right. */
static void raise_limits(const struct oci_process *process, pid_t pid)
{
	for (size_t i = 0; i < process->n_rlimits; i++) {
		const struct oci_rlimit *want = &process->rlimits[i];
		struct rlimit limit;

		if (prlimit(pid, want->resource, NULL, &limit) < 0 || limit.rlim_max >= want->hard)
			continue;
		limit.rlim_max = want->hard;
		(void)prlimit(pid, want->resource, &limit, NULL); /* init says what is wrong */
	}
}

int userns_set_up(const struct plan *plan, pid_t pid, struct ts_error *e)
{
	const struct config *config = plan->config;
	const struct oci_linux *l = &config->linux_;
	const struct helper uids = {"newuidmap", "uid_map", l->uid_mappings, l->n_uid_mappings,
				    geteuid()};
	const struct helper gids = {"newgidmap", "gid_map", l->gid_mappings, l->n_gid_mappings,
				    getegid()};
	_cleanup_fd_ int proc_fd = ts_open_proc();

	e->step = TS_STEP_NAMESPACES;
	if (proc_fd < 0)
		return ts_fail(e, errno, "open", "/proc");
	raise_limits(&config->process, pid);
	if (l->namespaces[OCI_NS_USER].path) /* joiner.c did the rest */
		return 0;
	if (map_one(proc_fd, pid, &uids, false, e) < 0 || map_one(proc_fd, pid, &gids, true, e) < 0)
		return -1;
	return userns_set_oom_score_adj(config, pid, e);
}

/* --- the ids of a namespace --- */

struct range {
	unsigned inside, outside, size;
};

/* Calls @take with each line of a uid_map or gid_map, until that returns true. Returns whether it did, or -1 and errno. */
static int each_range(int proc_fd, const char *path,
		      bool (*take)(const struct range *range, struct range *arg), struct range *arg)
{
	_cleanup_fd_ int fd = ts_open_proc_file(proc_fd, path, O_RDONLY);
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (fd < 0 || ts_read_file(fd, 64 * 1024, &text, &len) < 0)
		return -1;
	for (char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		char *at = line;
		struct range range;

		range.inside = (unsigned)strtoul(at, &at, 10);
		range.outside = (unsigned)strtoul(at, &at, 10);
		range.size = (unsigned)strtoul(at, &at, 10);
		if (take(&range, arg))
			return 1;
	}
	return 0;
}

/* Whether it has arg->inside; then what that is outside. */
static bool has_id(const struct range *range, struct range *arg)
{
	if (arg->inside < range->inside || arg->inside - range->inside >= range->size)
		return false;
	arg->outside = range->outside + (arg->inside - range->inside);
	return true;
}

static bool take_first(const struct range *range, struct range *arg)
{
	*arg = *range;
	return true;
}

/* 0 if it is mapped, else the first that is. */
static int choose_id(int proc_fd, const char *path, struct range *ret, struct ts_error *e)
{
	int r;

	*ret = (struct range){.inside = 0};
	r = each_range(proc_fd, path, has_id, ret);
	if (r == 0)
		r = each_range(proc_fd, path, take_first, ret);
	if (r < 0)
		return ts_fail(e, errno, "read", path);
	return r > 0 ? 0 : ts_fail(e, EINVAL, "the user namespace has no ids", path);
}

int userns_make_task_dirs(const struct plan *plan, pid_t pid, int channel, struct ts_error *e)
{
	_cleanup_fd_ int proc_fd = -1;
	struct range uid, gid;
	char path[32];

	if (plan->task_dir_fd < 0 || geteuid() != 0)
		return 0;
	e->step = TS_STEP_TASKDIR;
	proc_fd = ts_open_proc();
	if (proc_fd < 0)
		return ts_fail(e, errno, "open", "/proc");
	(void)snprintf(path, sizeof path, "%d/uid_map", (int)pid);
	if (choose_id(proc_fd, path, &uid, e) < 0)
		return -1;
	(void)snprintf(path, sizeof path, "%d/gid_map", (int)pid);
	if (choose_id(proc_fd, path, &gid, e) < 0)
		return -1;
	return taskdir_make_for(plan, uid.outside, gid.outside, channel, e);
}

/* --- in init --- */

static int read_groups_denied(struct task *task, int proc_fd, struct ts_error *e)
{
	_cleanup_fd_ int fd = ts_open_proc_file(proc_fd, "self/setgroups", O_RDONLY);
	char text[16];

	if (fd < 0 || ts_read_text(fd, text, sizeof text) < 0)
		return ts_fail(e, errno, "read", "/proc/self/setgroups");
	task->groups_denied = strncmp(text, "deny", 4) == 0;
	return 0;
}

/* Files that init makes need an owner that the namespace knows. Its capabilities there it has since it is in it, and keeps: from
 * an id that is not mapped to one that is nothing is cleared. */
int userns_enter(struct task *task, struct ts_error *e)
{
	_cleanup_fd_ int proc_fd = -1;
	struct range uid, gid;

	if (init_await_set_up(task, e) < 0)
		return -1;
	proc_fd = ts_open_proc();
	if (proc_fd < 0)
		return ts_fail(e, errno, "open", "/proc");
	if (choose_id(proc_fd, "self/uid_map", &uid, e) < 0 ||
	    choose_id(proc_fd, "self/gid_map", &gid, e) < 0 ||
	    read_groups_denied(task, proc_fd, e) < 0)
		return -1;
	if (setresgid(gid.inside, gid.inside, gid.inside) < 0)
		return ts_failf(e, errno, "become gid %u of the user namespace", gid.inside);
	if (setresuid(uid.inside, uid.inside, uid.inside) < 0)
		return ts_failf(e, errno, "become uid %u of the user namespace", uid.inside);
	return 0;
}

bool userns_has_gid(unsigned gid)
{
	_cleanup_fd_ int proc_fd = ts_open_proc();
	struct range range = {.inside = gid};

	return proc_fd < 0 || each_range(proc_fd, "self/gid_map", has_id, &range) != 0;
}
