/* Inside of taskshim_task_stats(): the files of a task's cgroups that tell what it uses, kept open between samples.
 *
 * Lifecycle: stats_open() -> stats_sample(), stats_text() -> stats_close(), after which the last sample can still be read
 * -> stats_free(). A sample costs a pread(2) for each file; opening them costs three times as much. */
#ifndef SHIM_STATS_H
#define SHIM_STATS_H

#include "shim/pids.h"
#include "shim/stats_util.h"
#include "shim/task.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In an order that lets who wants less open the first ones alone. */
enum stats_file {
	STATS_MEMORY_USAGE,
	STATS_MEMORY_MAX_USAGE,
	STATS_MEMORY_LIMIT,
	STATS_MEMORY_STAT,
	STATS_SWAP_USAGE, /* v2; v1 has it in STATS_MEMORY_STAT */
	STATS_CPU_STAT, /* v2: usage, which every cgroup counts; throttling */
	STATS_CPU_USAGE, /* v1 */
	STATS_CPU_USAGE_USER,
	STATS_CPU_USAGE_SYSTEM,
	STATS_IO, /* v2 */
	STATS_IO_BYTES, /* v1 */
	STATS_IO_OPERATIONS,
	STATS_TABLE_FILES,
	/* What the table has no column for. */
	STATS_MEMORY_EVENTS = STATS_TABLE_FILES,
	STATS_MEMORY_FAILCNT,
	STATS_SWAP_LIMIT, /* v2; of v1, memory and swap together */
	STATS_KERNEL_USAGE,
	STATS_KERNEL_MAX_USAGE,
	STATS_CPU_THROTTLED, /* v1: throttling */
	STATS_PIDS_CURRENT,
	STATS_PIDS_LIMIT,
	STATS_CPU_PRESSURE,
	STATS_MEMORY_PRESSURE,
	STATS_IO_PRESSURE,
	STATS_SAMPLE_FILES,
	/* What only `events` tells. */
	STATS_MEMSW_USAGE = STATS_SAMPLE_FILES, /* v1: memory and swap together */
	STATS_SWAP_MAX_USAGE,
	STATS_SWAP_FAILCNT,
	STATS_KERNEL_LIMIT,
	STATS_KERNEL_FAILCNT,
	STATS_TCP_USAGE,
	STATS_TCP_MAX_USAGE,
	STATS_TCP_LIMIT,
	STATS_TCP_FAILCNT,
	STATS_CPU_USAGE_PERCPU,
	STATS_CPU_USAGE_PERCPU_USER,
	STATS_CPU_USAGE_PERCPU_SYSTEM,
	STATS_EVENTS_FILES,
	/* Opened in any case. */
	STATS_PROCESSES = STATS_EVENTS_FILES,
	STATS_FILES
};

/* How much is wanted. */
enum stats_scope {
	STATS_OF_TASK, /* all that struct taskshim_stats has */
	STATS_OF_PROCESSES, /* the list of processes alone: no samples */
	STATS_OF_TABLE, /* what the table of `taskshim stats` shows; processes are counted, and .processes is NULL */
	STATS_OF_EVENTS, /* as STATS_OF_TASK, and the files that only `events` reads */
};

struct stats {
	struct taskshim_stats sample; /* the last one */
	int fds[STATS_FILES]; /* -1: not there */
	bool v2[STATS_FILES]; /* which of the file's two forms is open */
	bool is_open;
	enum stats_scope scope; /* set by who wants less, or more, before the first sample */
	int processes_dir_fd; /* of the cgroup that has all processes of the task; -1 */
	char *text; /* of the file that was read last */
	size_t text_size;
	struct stats_devices devices;
	struct pid_list pids, pids_after;
	struct taskshim_process *processes, *earlier; /* room for processes_size each */
	size_t processes_size, n_processes, n_earlier;
	int64_t at_ns, earlier_at_ns; /* CLOCK_BOOTTIME; 0: no earlier one */
	int64_t earlier_cpu_at_ns; /* of this: the last sample that got so far */
	uint64_t earlier_cpu_ns;
	double mhz; /* 0: not asked for yet; negative: not known */
};

/* Takes a sample of a task that runs into @stats, zeroed for the first; opens what is not open. Returns 0, or -1 with @e
 * filled (ESRCH: it does not run). */
int stats_sample(struct stats *stats, taskshim_task *task, struct ts_error *e);

/* Has the kernel add up what @task's cgroups and all beside them have used: before a sample of each of them. Else each first
 * read is of a cgroup that is looked for among all of its siblings that were not added up yet (Linux 6.18: one list for each
 * CPU; 5,000 tasks took 1.2 s more). @parent, "" at first: of which parent's that was done last; nothing is done again. */
void stats_add_up(const taskshim_task *task, char parent[static PATH_MAX]);

/* Opens the files of the task's cgroups that are proven to be its own. Returns 0, or -1 with @e filled. */
int stats_open(struct stats *stats, const taskshim_task *task, struct ts_error *e);

/* Opens the directory of one of the task's cgroups. Returns an fd, or -1 and errno (ENOENT: it is gone, or not proven to be the
 * task's). */
int stats_open_cgroup(const taskshim_task *task, const struct id_cgroup *cgroup);

/* Lists the processes of the task: those in its cgroup; without one, the descendants of its monitor, or of init when it has
 * none. Returns 0, or -1 and errno. */
int stats_list_processes(struct stats *stats, taskshim_task *task, struct pid_list *ret);

/* Reads @file. *@ret, "" where there is nothing, holds until the next call. Returns 1, 0: it is not there, or
 * gone by now; or -1 with @e filled. */
int stats_text(struct stats *stats, enum stats_file file, const char **ret, struct ts_error *e);

/* The number in @file. Returns 0 and *@ret, TASKSHIM_UNKNOWN where it is not there; or -1 with @e filled. */
int stats_number(struct stats *stats, enum stats_file file, uint64_t *ret, struct ts_error *e);

/* Closes the files. */
void stats_close(struct stats *stats);

/* Frees its contents; itself as well, and NULL is fine. */
void stats_done(struct stats *stats);
void stats_free(struct stats *stats);

#endif
