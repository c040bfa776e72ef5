/* The monitor: what spawn-daemon is from the start of its task to the end of it. One thread, no ticking timer, and as little
 * memory as can be: everything that it needs is in this struct, nothing points into the heap, which is given back. */
#ifndef SPAWN_MONITOR_H
#define SPAWN_MONITOR_H

#include "spawn/logs.h"
#include "spawn/plan.h"
#include "spawn/report.h"

#include <time.h>

struct monitor {
	struct report report;
	pid_t pid; /* init */
	pid_t command_pid; /* the same but for taskshim.init; 0: not known */
	int pidfd;
	int signal_fd; /* SIGCHLD */
	int timer_fd; /* taskshim.timeout; -1: none */
	int state_dir_fd; /* -1: by hand, nothing is recorded */
	int successor_fd; /* of exit.json */
	int end_fd; /* taskshim.init: the command's wait status comes there at its end; else -1 */
	int hooks_fd; /* poststop hooks that are ours to run at the end, or -1: see spawn/hooks.h */
	int kill_fd, memory_fd; /* as in the plan */
	struct logs logs; /* taskshim.logs; none: n is 0 */
	bool memory_is_v2;
	uint64_t oom_kills_before; /* what the cgroup counted before this run */
	bool own_pid_namespace; /* the kernel ends everything in it with init */
	bool keep_strays; /* taskshim.strays: "keep" */
	bool wait_for_all; /* the task ends with the last of its processes, not with init */
	bool watch_parent; /* end of file on standard input kills the task */
	bool clean_up; /* with watch_parent: once it is dead nothing is left behind */
	bool durable;
	int kill_signal;
	uint64_t kill_timeout_ms;
	struct opt_u64 timeout_ms;
	char id[201], run_id[TS_RUN_ID_LEN + 1], boot_id[TS_BOOT_ID_LEN + 1];
	int exit_status_dir; /* 2015 form: where {"ExitCode":N} goes, or -1 ... */
	char exit_status_name[256]; /* ... and the file's name in it */
	struct timespec started_at, started_boottime;
};

/* Copies what the monitor needs from @plan, the descriptors included (the plan's are then -1). */
void monitor_init(struct monitor *m, struct plan *plan, const struct report *report, pid_t pid,
		  int pidfd, int successor_fd);

/* Opens the signalfd and the timer; to be called before init may exit. Returns 0, or -1 with @e filled. */
int monitor_prepare(struct monitor *m, struct ts_error *e);

/* Whether standard input, a pipe or a socket, has nobody at its other end. */
bool monitor_parent_is_gone(void);

/* Gives memory and descriptors back, waits for the end of the task, records and reports it. From its first line on the
 * process may no longer fail. Returns the exit status: the command's own, or 128 + signal. */
int monitor_run(struct monitor *m);

#endif
