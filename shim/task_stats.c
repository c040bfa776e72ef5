/* What a task uses: samples of its cgroups' files and of its processes. */
#include "shim/stats.h"

#include "util/cgroup.h"
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { TEXT_FIRST = 8192, TEXT_MAX = 16 * 1024 * 1024, PROCESSES_FIRST = 8 };

/* Where each file is. A v1 hierarchy may have two controllers, and the ID string names it by one of them. */
static const struct {
	const char *v2, *v1; /* NULL: that version has no such file */
	const char *controllers[2]; /* of v1 */
} files[STATS_FILES] = {
	[STATS_MEMORY_USAGE] = {"memory.current", "memory.usage_in_bytes", {"memory"}},
	[STATS_MEMORY_MAX_USAGE] = {"memory.peak", "memory.max_usage_in_bytes", {"memory"}},
	[STATS_MEMORY_LIMIT] = {"memory.max", "memory.limit_in_bytes", {"memory"}},
	[STATS_MEMORY_STAT] = {"memory.stat", "memory.stat", {"memory"}},
	[STATS_MEMORY_EVENTS] = {"memory.events", "memory.oom_control", {"memory"}},
	[STATS_MEMORY_FAILCNT] = {NULL, "memory.failcnt", {"memory"}},
	[STATS_SWAP_USAGE] = {"memory.swap.current", NULL, {"memory"}},
	[STATS_SWAP_LIMIT] = {"memory.swap.max", "memory.memsw.limit_in_bytes", {"memory"}},
	[STATS_KERNEL_USAGE] = {NULL, "memory.kmem.usage_in_bytes", {"memory"}},
	[STATS_KERNEL_MAX_USAGE] = {NULL, "memory.kmem.max_usage_in_bytes", {"memory"}},
	[STATS_CPU_STAT] = {"cpu.stat", NULL, {NULL}},
	[STATS_CPU_THROTTLED] = {NULL, "cpu.stat", {"cpu", "cpuacct"}},
	[STATS_CPU_USAGE] = {NULL, "cpuacct.usage", {"cpuacct", "cpu"}},
	[STATS_CPU_USAGE_USER] = {NULL, "cpuacct.usage_user", {"cpuacct", "cpu"}},
	[STATS_CPU_USAGE_SYSTEM] = {NULL, "cpuacct.usage_sys", {"cpuacct", "cpu"}},
	[STATS_PIDS_CURRENT] = {"pids.current", "pids.current", {"pids"}},
	[STATS_PIDS_LIMIT] = {"pids.max", "pids.max", {"pids"}},
	[STATS_IO] = {"io.stat", NULL, {NULL}},
	[STATS_IO_BYTES] = {NULL, "blkio.throttle.io_service_bytes_recursive", {"blkio"}},
	[STATS_IO_OPERATIONS] = {NULL, "blkio.throttle.io_serviced_recursive", {"blkio"}},
	[STATS_CPU_PRESSURE] = {"cpu.pressure", NULL, {NULL}},
	[STATS_MEMORY_PRESSURE] = {"memory.pressure", NULL, {NULL}},
	[STATS_IO_PRESSURE] = {"io.pressure", NULL, {NULL}},
	/* STATS_PROCESSES: open_processes() */
	[STATS_MEMSW_USAGE] = {NULL, "memory.memsw.usage_in_bytes", {"memory"}},
	[STATS_SWAP_MAX_USAGE] = {NULL, "memory.memsw.max_usage_in_bytes", {"memory"}},
	[STATS_SWAP_FAILCNT] = {NULL, "memory.memsw.failcnt", {"memory"}},
	[STATS_KERNEL_LIMIT] = {NULL, "memory.kmem.limit_in_bytes", {"memory"}},
	[STATS_KERNEL_FAILCNT] = {NULL, "memory.kmem.failcnt", {"memory"}},
	[STATS_TCP_USAGE] = {NULL, "memory.kmem.tcp.usage_in_bytes", {"memory"}},
	[STATS_TCP_MAX_USAGE] = {NULL, "memory.kmem.tcp.max_usage_in_bytes", {"memory"}},
	[STATS_TCP_LIMIT] = {NULL, "memory.kmem.tcp.limit_in_bytes", {"memory"}},
	[STATS_TCP_FAILCNT] = {NULL, "memory.kmem.tcp.failcnt", {"memory"}},
	[STATS_CPU_USAGE_PERCPU] = {NULL, "cpuacct.usage_percpu", {"cpuacct", "cpu"}},
	[STATS_CPU_USAGE_PERCPU_USER] = {NULL, "cpuacct.usage_percpu_user", {"cpuacct", "cpu"}},
	[STATS_CPU_USAGE_PERCPU_SYSTEM] = {NULL, "cpuacct.usage_percpu_sys", {"cpuacct", "cpu"}},
};

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_STATS;
	return ts_fail(e, err, what, object);
}

static int fail_not_running(const taskshim_task *task, struct ts_error *e)
{
	return fail(e, ESRCH, "the task is not running", taskshim_task_id(task));
}

/* --- opening --- */

/* Whether the cgroup that is open is the task's: by the inode that was recorded, or by its mark. 1, 0, or -1 and errno. */
static int is_the_tasks(int fd, const struct id_cgroup *cgroup, const char *run_id)
{
	char mark[TS_RUN_ID_LEN];
	struct stat st;
	ssize_t n;

	if (cgroup->inode != 0)
		return fstat(fd, &st) < 0 ? -1 : st.st_ino == cgroup->inode;
	n = ts_cgroup_get_mark_of(fd, mark, sizeof mark);
	if (n < 0)
		return errno == ENODATA || errno == ERANGE ? 0 : -1;
	return n == TS_RUN_ID_LEN && memcmp(mark, run_id, TS_RUN_ID_LEN) == 0;
}

int stats_open_cgroup(const taskshim_task *task, const struct id_cgroup *cgroup)
{
	_cleanup_fd_ int fd =
		ts_cgroup_open(cgroup->path, strcmp(cgroup->controller, TS_CGROUP_UNIFIED) == 0);

	int r = fd < 0 ? -1 : is_the_tasks(fd, cgroup, task->id.run_id);

	if (r > 0)
		return ts_fd_take(&fd);
	if (r == 0)
		errno = ENOENT;
	return -1;
}

static bool has_cgroup(const taskshim_task *task, const char *controller)
{
	for (size_t i = 0; i < task->id.n_cgroups; i++)
		if (strcmp(task->id.cgroups[i].controller, controller) == 0)
			return true;
	return false;
}

/* The name of @file in a cgroup of the task; NULL: it is not there. A controller is in one hierarchy, so that where the task
 * has a v1 cgroup of it there is nothing to look for in cgroup2. */
static const char *file_in(enum stats_file file, const taskshim_task *task, const char *controller,
			   bool v2)
{
	const char *const *controllers = files[file].controllers;

	if (v2)
		return controllers[0] && has_cgroup(task, controllers[0]) ? NULL : files[file].v2;
	for (size_t i = 0; i < 2; i++)
		if (controllers[i] && strcmp(controllers[i], controller) == 0)
			return files[file].v1;
	return NULL;
}

/* A kernel may have less than another, so a file that is not there is no error. */
static int open_files(struct stats *stats, const taskshim_task *task, int dir_fd,
		      const char *controller, size_t n)
{
	bool v2 = strcmp(controller, TS_CGROUP_UNIFIED) == 0;

	for (size_t i = 0; i < n; i++) {
		const char *name = file_in(i, task, controller, v2);

		if (!name || stats->fds[i] >= 0)
			continue;
		stats->fds[i] = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
		stats->v2[i] = v2;
		if (stats->fds[i] < 0 && errno != ENOENT && errno != ENODEV)
			return -1;
	}
	return 0;
}

/* One cgroup has all processes of the task: as for signals, cgroup2 before the freezer before any other. */
static int choose_processes(struct stats *stats, int *dir_fd, const char *controller, bool v2,
			    int *rank)
{
	int this_rank = v2 ? 3 : strcmp(controller, "freezer") == 0 ? 2 : 1;
	int fd;

	if (this_rank <= *rank)
		return 0;
	fd = openat(*dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENODEV ? 0 : -1;
	ts_fd_closep(&stats->fds[STATS_PROCESSES]);
	ts_fd_closep(&stats->processes_dir_fd);
	stats->fds[STATS_PROCESSES] = fd;
	stats->processes_dir_fd = ts_fd_take(dir_fd);
	*rank = this_rank;
	return 0;
}

static int open_cgroup(struct stats *stats, const taskshim_task *task,
		       const struct id_cgroup *cgroup, size_t n_files, int *rank)
{
	bool v2 = strcmp(cgroup->controller, TS_CGROUP_UNIFIED) == 0;
	_cleanup_fd_ int fd = stats_open_cgroup(task, cgroup);

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (open_files(stats, task, fd, cgroup->controller, n_files) < 0)
		return -1;
	return choose_processes(stats, &fd, cgroup->controller, v2, rank);
}

int stats_open(struct stats *stats, const taskshim_task *task, struct ts_error *e)
{
	static const size_t n_files[] = {
		[STATS_OF_TASK] = STATS_SAMPLE_FILES,
		[STATS_OF_PROCESSES] = 0,
		[STATS_OF_TABLE] = STATS_TABLE_FILES,
		[STATS_OF_EVENTS] = STATS_EVENTS_FILES,
	};
	int rank = 0;

	for (size_t i = 0; i < STATS_FILES; i++)
		stats->fds[i] = -1;
	stats->processes_dir_fd = -1;
	stats->is_open = true;
	for (size_t i = 0; i < task->id.n_cgroups; i++)
		if (open_cgroup(stats, task, &task->id.cgroups[i], n_files[stats->scope], &rank) <
		    0) {
			(void)fail(e, errno, "open the files of cgroup", task->id.cgroups[i].path);
			stats_close(stats);
			return -1;
		}
	return 0;
}

void stats_close(struct stats *stats)
{
	if (!stats->is_open)
		return;
	for (size_t i = 0; i < STATS_FILES; i++)
		ts_fd_closep(&stats->fds[i]);
	ts_fd_closep(&stats->processes_dir_fd);
	free(stats->text);
	stats->text = NULL;
	stats->text_size = 0;
	pid_list_done(&stats->pids);
	pid_list_done(&stats->pids_after);
	stats->is_open = false;
}

void stats_done(struct stats *stats)
{
	stats_close(stats);
	free(stats->devices.v);
	free(stats->processes);
	free(stats->earlier);
}

void stats_free(struct stats *stats)
{
	if (stats)
		stats_done(stats);
	free(stats);
}

/* --- reading --- */

static int grow_text(struct stats *stats)
{
	size_t size = stats->text_size ? stats->text_size * 2 : TEXT_FIRST;
	char *text = size > TEXT_MAX ? NULL : realloc(stats->text, size);

	if (!text) {
		errno = size > TEXT_MAX ? EFBIG : ENOMEM;
		return -1;
	}
	stats->text = text;
	stats->text_size = size;
	return 0;
}

/* The whole file by one pread(2), or it might tell of two moments. Returns 1, 0: the cgroup, or what counts, is gone; or -1
 * and errno. */
static int read_text(struct stats *stats, int fd)
{
	ssize_t n;

	do {
		if (!stats->text && grow_text(stats) < 0)
			return -1;
		do
			n = pread(fd, stats->text, stats->text_size - 1, 0);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return errno == ENODEV || errno == EOPNOTSUPP ? 0 : -1;
		if ((size_t)n < stats->text_size - 1) {
			stats->text[n] = '\0';
			return 1;
		}
	} while (grow_text(stats) == 0);
	return -1;
}

int stats_text(struct stats *stats, enum stats_file file, const char **ret, struct ts_error *e)
{
	int r = stats->fds[file] < 0 ? 0 : read_text(stats, stats->fds[file]);

	*ret = r > 0 ? stats->text : "";
	if (r < 0)
		return fail(e, errno, "read", stats->v2[file] ? files[file].v2 : files[file].v1);
	return r;
}

int stats_number(struct stats *stats, enum stats_file file, uint64_t *ret, struct ts_error *e)
{
	const char *text;
	int r = stats_text(stats, file, &text, e);

	if (r < 0)
		return -1;
	*ret = r > 0 ? stats_number_parse(text) : TASKSHIM_UNKNOWN;
	return 0;
}

/* Keys of one file. */
static int read_keys(struct stats *stats, enum stats_file file, const struct stats_key *keys,
		     size_t n, struct ts_error *e)
{
	const char *text;
	int r = stats_text(stats, file, &text, e);

	if (r > 0)
		stats_keys_parse(text, keys, n);
	return r < 0 ? -1 : 0;
}

/* --- before many samples --- */

/* What is read is of no interest: reading it adds up. */
static void read_beside(const struct id_cgroup *cgroup, size_t parent_len, const char *file)
{
	char path[PATH_MAX], text[16];
	int n = snprintf(path, sizeof path, "%.*s/%s", (int)parent_len, cgroup->path, file);

	if (n > 0 && (size_t)n < sizeof path)
		(void)ts_read_text_at(AT_FDCWD, path, text, sizeof text);
}

void stats_add_up(const taskshim_task *task, char parent[static PATH_MAX])
{
	for (size_t i = 0; i < task->id.n_cgroups; i++) {
		const struct id_cgroup *cgroup = &task->id.cgroups[i];
		size_t len = (size_t)(strrchr(cgroup->path, '/') - cgroup->path);
		bool v2 = strcmp(cgroup->controller, TS_CGROUP_UNIFIED) == 0;

		if (i == 0) {
			if (strlen(parent) == len && memcmp(parent, cgroup->path, len) == 0)
				return;
			(void)snprintf(parent, PATH_MAX, "%.*s", (int)len, cgroup->path);
		}
		if (v2)
			read_beside(cgroup, len, "cpu.stat");
		if (v2 || strcmp(cgroup->controller, "memory") == 0)
			read_beside(cgroup, len, "memory.stat");
	}
}

/* --- a sample --- */

static bool is_known(uint64_t value)
{
	return value < TASKSHIM_NO_LIMIT;
}

/* v1 limits memory and swap together. */
static uint64_t swap_limit_of_v1(uint64_t both, uint64_t memory)
{
	if (!is_known(both) || memory == TASKSHIM_UNKNOWN)
		return both;
	return is_known(memory) && both > memory ? both - memory : 0;
}

static int sample_memory(struct stats *stats, struct ts_error *e)
{
	struct taskshim_memory_stats *m = &stats->sample.memory;
	bool v2 = stats->v2[STATS_MEMORY_STAT];
	/* In v1 the names without total_ are for the cgroup itself and not for what a task makes below it. */
	const struct stats_key stat_keys[] = {
		{v2 ? "anon" : "total_rss", &m->rss},
		{v2 ? "file" : "total_cache", &m->cache},
		{v2 ? "kernel" : "total_swap", v2 ? &m->kernel : &m->swap},
	};
	const struct stats_key events_keys[] = {{"oom_kill", &m->oom_kills},
						{"max", &m->limit_hits}};

	if (stats_number(stats, STATS_MEMORY_USAGE, &m->usage, e) < 0 ||
	    stats_number(stats, STATS_MEMORY_MAX_USAGE, &m->max_usage, e) < 0 ||
	    stats_number(stats, STATS_MEMORY_LIMIT, &m->limit, e) < 0 ||
	    stats_number(stats, STATS_SWAP_LIMIT, &m->swap_limit, e) < 0 ||
	    stats_number(stats, STATS_KERNEL_USAGE, &m->kernel, e) < 0 ||
	    stats_number(stats, STATS_KERNEL_MAX_USAGE, &m->max_kernel, e) < 0 ||
	    stats_number(stats, STATS_MEMORY_FAILCNT, &m->limit_hits, e) < 0 ||
	    read_keys(stats, STATS_MEMORY_STAT, stat_keys, 3, e) < 0 ||
	    read_keys(stats, STATS_MEMORY_EVENTS, events_keys, 2, e) < 0)
		return -1;
	if (v2)
		return stats_number(stats, STATS_SWAP_USAGE, &m->swap, e);
	m->swap_limit = swap_limit_of_v1(m->swap_limit, m->limit);
	return 0;
}

static void times_1000(uint64_t *us)
{
	if (is_known(*us))
		*us *= 1000;
}

/* cgroup2 counts for every cgroup, with a controller or without; the counters of v1 are used where there is no cgroup2. */
static int sample_cpu(struct stats *stats, struct ts_error *e)
{
	struct taskshim_cpu_stats *c = &stats->sample.cpu;
	const struct stats_key v2_keys[] = {
		{"usage_usec", &c->total_ns},	      {"user_usec", &c->user_ns},
		{"system_usec", &c->system_ns},	      {"nr_periods", &c->periods},
		{"throttled_usec", &c->throttled_ns}, {"nr_throttled", &c->throttled_periods},
	};
	const struct stats_key v1_keys[] = {{"nr_periods", &c->periods},
					    {"nr_throttled", &c->throttled_periods},
					    {"throttled_time", &c->throttled_ns}};

	if (read_keys(stats, STATS_CPU_STAT, v2_keys, 6, e) < 0)
		return -1;
	times_1000(&c->total_ns);
	times_1000(&c->user_ns);
	times_1000(&c->system_ns);
	times_1000(&c->throttled_ns);
	if (read_keys(stats, STATS_CPU_THROTTLED, v1_keys, 3, e) < 0)
		return -1;
	if (stats->fds[STATS_CPU_STAT] >= 0)
		return 0;
	return stats_number(stats, STATS_CPU_USAGE, &c->total_ns, e) < 0 ||
			       stats_number(stats, STATS_CPU_USAGE_USER, &c->user_ns, e) < 0 ||
			       stats_number(stats, STATS_CPU_USAGE_SYSTEM, &c->system_ns, e) < 0
		       ? -1
		       : 0;
}

static int sample_pids(struct stats *stats, struct ts_error *e)
{
	struct taskshim_pids_stats *p = &stats->sample.pids;

	return stats_number(stats, STATS_PIDS_CURRENT, &p->current, e) < 0 ||
			       stats_number(stats, STATS_PIDS_LIMIT, &p->limit, e) < 0
		       ? -1
		       : 0;
}

/* v1 counts for a disk only once somebody has set a limit on it: no row says nothing there. */
static int sample_io(struct stats *stats, struct ts_error *e)
{
	static const enum stats_file v1[] = {STATS_IO_BYTES, STATS_IO_OPERATIONS};
	struct taskshim_stats *s = &stats->sample;
	const char *text;
	int r;

	stats->devices.n = 0;
	r = stats_text(stats, STATS_IO, &text, e);
	s->io_known = r > 0;
	if (r > 0)
		r = stats_io_parse(text, &stats->devices);
	else
		for (size_t i = 0; r == 0 && i < 2; i++) {
			r = stats_text(stats, v1[i], &text, e);
			if (r > 0)
				r = stats_blkio_parse(text, i == 1, &stats->devices);
		}
	if (r == -ENOMEM)
		return fail(e, ENOMEM, "statistics", NULL);
	s->io_known |= stats->devices.n > 0;
	s->devices = stats->devices.v;
	s->n_devices = stats->devices.n;
	return r < 0 ? -1 : 0;
}

static int sample_pressure(struct stats *stats, struct ts_error *e)
{
	struct taskshim_stats *s = &stats->sample;
	const struct {
		enum stats_file file;
		struct taskshim_pressure *ret;
	} rows[] = {{STATS_CPU_PRESSURE, &s->cpu_pressure},
		    {STATS_MEMORY_PRESSURE, &s->memory_pressure},
		    {STATS_IO_PRESSURE, &s->io_pressure}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *text = "";

		if (stats_text(stats, rows[i].file, &text, e) < 0)
			return -1;
		stats_pressure_parse(text, rows[i].ret);
	}
	return 0;
}

/* --- processes --- */

/* Whoever loses his parent in the task becomes a child of its monitor, or of process 1 of its pid namespace. */
static int list_descendants(taskshim_task *task, struct pid_list *ret)
{
	pid_t monitor = task->id.monitor_pid;
	size_t n = 0;

	if (monitor == 0 || !task_monitor_lives(task))
		return pids_of_descendants(task->id.pid, ret);
	if (pids_of_descendants(monitor, ret) < 0)
		return -1;
	for (size_t i = 0; i < ret->n; i++)
		if (ret->v[i] != monitor)
			ret->v[n++] = ret->v[i];
	ret->n = n;
	return 0;
}

int stats_list_processes(struct stats *stats, taskshim_task *task, struct pid_list *ret)
{
	int r;

	if (stats->fds[STATS_PROCESSES] >= 0) {
		r = pids_of_cgroup(stats->processes_dir_fd, stats->fds[STATS_PROCESSES], ret);
		if (r < 0 && errno == ENODEV)
			ret->n = 0;
		return r < 0 && errno != ENODEV ? -1 : 0;
	}
	return list_descendants(task, ret);
}

/* Room for as many rows as there are processes, in both arrays. */
static int make_room(struct stats *stats, size_t n)
{
	size_t size = stats->processes_size ? stats->processes_size : PROCESSES_FIRST;
	struct taskshim_process *p, *q;

	while (size < n)
		size *= 2;
	if (size == stats->processes_size)
		return 0;
	p = reallocarray(stats->processes, size, sizeof *p);
	if (!p)
		return -1;
	stats->processes = p;
	q = reallocarray(stats->earlier, size, sizeof *q);
	if (!q)
		return -1;
	stats->earlier = q;
	stats->processes_size = size;
	return 0;
}

static double percent_of(uint64_t used_ns, int64_t time_ns)
{
	return time_ns > 0 ? (double)used_ns * 100 / (double)time_ns : -1;
}

static uint64_t cpu_of(const struct taskshim_process *process)
{
	return process->user_ns + process->system_ns;
}

static int by_pid(const void *a, const void *b)
{
	pid_t x = ((const struct taskshim_process *)a)->pid;
	pid_t y = ((const struct taskshim_process *)b)->pid;

	return (x > y) - (x < y);
}

static void set_percent(const struct stats *stats, struct taskshim_process *process, long ticks)
{
	const struct taskshim_process *before =
		stats->n_earlier == 0 ? NULL
				      : bsearch(process, stats->earlier, stats->n_earlier,
						sizeof *process, by_pid);
	int64_t start_ns = (int64_t)(process->start_time * (1000000000U / (uint64_t)ticks));

	if (before && before->start_time == process->start_time &&
	    cpu_of(process) >= cpu_of(before))
		process->percent = percent_of(cpu_of(process) - cpu_of(before),
					      stats->at_ns - stats->earlier_at_ns);
	else
		process->percent = percent_of(cpu_of(process), stats->at_ns - start_ns);
}

/* Adds a row for @pid. 0 also when it has ended since. */
static int sample_process(struct stats *stats, pid_t pid, long ticks, long page_size)
{
	struct taskshim_process *row = &stats->processes[stats->n_processes];
	char path[32], line[1024];

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (ts_read_text_at(AT_FDCWD, path, line, sizeof line) < 0)
		return errno == ENOENT || errno == ESRCH ? 0 : -1;
	if (stats_process_parse(line, ticks, page_size, row) < 0)
		return 0;
	set_percent(stats, row, ticks);
	stats->n_processes++;
	return 0;
}

/* Keeps the rows of processes that still are the task's: the number of one that ended meanwhile may have passed to a
 * stranger before it was looked at. */
static void confirm_processes(struct stats *stats)
{
	size_t n = 0;

	for (size_t i = 0; i < stats->n_processes; i++)
		if (pid_list_has(&stats->pids_after, stats->processes[i].pid))
			stats->processes[n++] = stats->processes[i];
	stats->n_processes = n;
}

static int sample_processes(struct stats *stats, taskshim_task *task, struct ts_error *e)
{
	long ticks = sysconf(_SC_CLK_TCK), page_size = sysconf(_SC_PAGESIZE);
	struct taskshim_process *keep = stats->earlier;

	stats->earlier = stats->processes;
	stats->processes = keep;
	stats->n_earlier = stats->n_processes;
	stats->n_processes = 0;
	if (stats_list_processes(stats, task, &stats->pids) < 0)
		return fail(e, errno, "list the processes of", taskshim_task_id(task));
	stats->sample.n_processes = stats->pids.n;
	if (stats->scope == STATS_OF_TABLE)
		return 0;
	if (make_room(stats, stats->pids.n) < 0)
		return fail(e, errno, "list the processes of", taskshim_task_id(task));
	for (size_t i = 0; i < stats->pids.n; i++)
		if (sample_process(stats, stats->pids.v[i], ticks, page_size) < 0)
			return fail(e, errno, "read the status of a process of",
				    taskshim_task_id(task));
	if (stats_list_processes(stats, task, &stats->pids_after) < 0)
		return fail(e, errno, "list the processes of", taskshim_task_id(task));
	confirm_processes(stats);
	stats->sample.processes = stats->processes;
	stats->sample.n_processes = stats->n_processes;
	return 0;
}

/* --- rates --- */

/* The highest rate where the kernel says it, as the one of the moment moves with the load. */
static double read_mhz(void)
{
	char text[4096];
	uint64_t khz;

	if (ts_read_text_at(AT_FDCWD, "/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", text,
			    sizeof text) > 0) {
		khz = stats_number_parse(text);
		if (is_known(khz) && khz > 0)
			return (double)khz / 1000;
	}
	if (ts_read_text_at(AT_FDCWD, "/proc/cpuinfo", text, sizeof text) > 0)
		return stats_mhz_parse(text);
	return -1;
}

static void set_rates(struct stats *stats, const taskshim_task *task)
{
	struct taskshim_cpu_stats *c = &stats->sample.cpu;
	int64_t start_ns =
		(int64_t)(task->id.start_time * (1000000000U / (uint64_t)sysconf(_SC_CLK_TCK)));

	c->percent = c->ticks = -1;
	if (!is_known(c->total_ns))
		return;
	if (stats->earlier_cpu_at_ns > 0 && c->total_ns >= stats->earlier_cpu_ns)
		c->percent = percent_of(c->total_ns - stats->earlier_cpu_ns,
					stats->at_ns - stats->earlier_cpu_at_ns);
	else
		c->percent = percent_of(c->total_ns, stats->at_ns - start_ns);
	stats->earlier_cpu_ns = c->total_ns;
	stats->earlier_cpu_at_ns = stats->at_ns;
	if (stats->mhz == 0)
		stats->mhz = read_mhz();
	if (c->percent >= 0 && stats->mhz > 0)
		c->ticks = c->percent / 100 * stats->mhz;
}

static int64_t boottime_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Nothing is known of anything. */
static void forget(struct taskshim_stats *s)
{
	/* Every byte of UINT64_MAX is 0xff. */
	memset(&s->memory, 0xff, sizeof s->memory);
	memset(&s->cpu, 0xff, sizeof s->cpu);
	memset(&s->pids, 0xff, sizeof s->pids);
	s->cpu.percent = s->cpu.ticks = -1;
}

int stats_sample(struct stats *stats, taskshim_task *task, struct ts_error *e)
{
	if (!task->has_id)
		return fail(e, EAGAIN, "the task is being created", taskshim_task_id(task));
	if (!task_goes_on(task))
		return fail_not_running(task, e);
	if (!stats->is_open && stats_open(stats, task, e) < 0)
		return -1;
	forget(&stats->sample);
	(void)clock_gettime(CLOCK_REALTIME, &stats->sample.time);
	stats->earlier_at_ns = stats->at_ns;
	stats->at_ns = boottime_ns();
	if (sample_cpu(stats, e) < 0 || sample_memory(stats, e) < 0 || sample_pids(stats, e) < 0 ||
	    sample_io(stats, e) < 0 || sample_pressure(stats, e) < 0 ||
	    sample_processes(stats, task, e) < 0)
		return -1;
	set_rates(stats, task);
	/* What was read while it ended may be of nothing. */
	return task_goes_on(task) ? 0 : fail_not_running(task, e);
}

int taskshim_task_stats(taskshim_task *task, const struct taskshim_stats **ret,
			struct taskshim_error *error)
{
	struct ts_error e = {0};

	if (!task->stats)
		task->stats = calloc(1, sizeof *task->stats);
	if (!task->stats) {
		(void)fail(&e, ENOMEM, "statistics", taskshim_task_id(task));
		return task_fail_public(&e, error);
	}
	if (stats_sample(task->stats, task, &e) < 0)
		return task_fail_public(&e, error);
	*ret = &task->stats->sample;
	return 0;
}
