/* libtaskshim: starts a command as a task (own root, namespaces, cgroups, user), finds it again after a restart, signals,
 * stops, waits for and removes it. libtaskshim(3); the config and the wire are in taskshim-config(5) and
 * taskshim-protocol(7).
 *
 * Lifecycle: taskshim_task_create() or taskshim_task_open() -> the calls on the handle -> taskshim_task_free(). Freeing
 * a handle neither stops nor removes a task (but see TASKSHIM_KILL_ON_PARENT_DEATH). The library never prints, exits,
 * starts threads, installs signal handlers or waits for children that are not its own; a handle is for one thread at a
 * time. It does not need SIGCHLD: a caller that ignores it or reaps all children loses nothing.
 *
 * Calls that can fail return 0, or -1 with *@error filled (@error may be NULL). Strings returned as `const char *`
 * belong to the handle; those returned through `char **` are the caller's to free(3). Times are milliseconds. */
#ifndef TASKSHIM_H
#define TASKSHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TASKSHIM_API __attribute__((visibility("default")))

typedef struct taskshim_task taskshim_task;

/* What went wrong: where (a step of taskshim-protocol(7), "cgroup"), the errno (0: none) and what on which object. */
struct taskshim_error {
	const char *step; /* static storage, never NULL */
	int err;
	char message[504];
};

enum taskshim_flags {
	TASKSHIM_START =
		1, /* start at once: taskshim_task_create() returns when the command runs */
	TASKSHIM_KILL_ON_PARENT_DEATH =
		2, /* the task dies with this process or when the handle is freed */
	TASKSHIM_UNMONITORED =
		4, /* no monitor stays: init becomes a child of the caller's subreaper */
	TASKSHIM_DETACHED =
		8, /* the monitor goes to the cgroup taskshim/monitors, out of the caller's */
	TASKSHIM_NO_CGROUPS = 16, /* make none; limits in the config are then an error */
	TASKSHIM_LOG_FILES =
		32, /* stdout and stderr that the config leaves open go to files in the state directory */
	TASKSHIM_CLEAN_UP =
		64, /* with TASKSHIM_KILL_ON_PARENT_DEATH: it leaves no cgroup and no state directory either */
	TASKSHIM_ROOTLESS =
		128, /* cgroups that are not ours to make are left out, unless a limit needs one */
	TASKSHIM_NOTIFY = 256, /* the task has sd_notify(3): see taskshim_task_notify_fd() */
};

struct taskshim_options {
	size_t size; /* sizeof(struct taskshim_options), so that fields can be added */
	unsigned flags; /* enum taskshim_flags */
	const char *
		root; /* where state directories are; NULL: /run/taskshim, or $XDG_RUNTIME_DIR/taskshim */
	const char *id; /* task id; NULL: a new, unique one */
	const char *
		bundle; /* what relative paths of the config are relative to; NULL: the state directory */
	const char *
		spawn_daemon; /* the program; NULL: $TASKSHIM_SPAWN_DAEMON, else beside the calling one */
	int stdio
		[3]; /* handed over as the task's 0, 1, 2 where the config does not say; -1: null. Borrowed */
	int monitor_stderr; /* where spawn-daemon's own diagnostics go; -1: /dev/null. Borrowed */
	void (*warn)(const char *message,
		     void *arg); /* what is missing but no error; may be NULL */
	void *warn_arg;
	const int *fds; /* become the task's 3, 4, ...: no directories. Borrowed */
	size_t n_fds; /* at most 1024; taskshim.preserveFds is set to it */
};

#define TASKSHIM_OPTIONS_INIT                                                                      \
	{                                                                                          \
		.size = sizeof(struct taskshim_options), .stdio = {-1, -1, -1},                    \
		.monitor_stderr = -1                                                               \
	}

/* What is known of a task's end. The whole record is in the state's taskshim.exit. */
struct taskshim_exit {
	bool known; /* false: nobody saw the end, and the fields below say nothing */
	int exit_code; /* 0 to 255; 128 + signal when killed */
	int signal; /* 0: not killed by one */
	bool core_dumped, oom_killed;
	struct timespec started_at, finished_at; /* CLOCK_REALTIME; 0: unknown */
};

enum taskshim_stop_scope { TASKSHIM_STOP_MAIN, TASKSHIM_STOP_PGRP, TASKSHIM_STOP_CGROUP };

/* "0.1.0". Static storage. */
TASKSHIM_API const char *taskshim_version(void);

/* Starts a task from @config (@len bytes of JSON: an OCI runtime config with the object `taskshim`): claims the state
 * directory, starts spawn-daemon, makes, marks and limits the cgroups, hands the config over and waits until the task is
 * set up; it then waits at the gate for taskshim_task_start(), or has started with TASKSHIM_START. After a failure
 * nothing is left. Origin of the sequence: Nomad 0.1 to 0.3, spawn-daemon.
 * Returns 0 and *@ret, or -1 (step "state", EEXIST: the id is taken; step "config": see the message). */
TASKSHIM_API int taskshim_task_create(const struct taskshim_options *options, const char *config,
				      size_t len, taskshim_task **ret,
				      struct taskshim_error *error);

/* Makes a mount namespace with nothing in it but an empty, read-only root, for taskshim.baseMountNamespace of the tasks that
 * this process starts: "/proc/<its pid>/fd/<*ret_fd>". Theirs are then copies of it, and their start does without
 * pivot_root(2), which visits every process of the machine: with 10,000 of them that is 3 ms. One does for all tasks; close(2)
 * it when no more are to be started. Needs CAP_SYS_ADMIN. Returns 0 and *@ret_fd (close-on-exec, the caller's), or -1. */
TASKSHIM_API int taskshim_base_mount_namespace(int *ret_fd, struct taskshim_error *error);

/* Makes the socket that a task started with TASKSHIM_NOTIFY has in $NOTIFY_SOCKET, and returns its other end: each datagram is a
 * message of sd_notify(3), such as "READY=1". What the task says before there is the socket, or when its descriptor is closed, is
 * refused to it; another call makes a new socket. To be called before taskshim_task_start(). Origin: runc's notify socket. Returns
 * a descriptor (close-on-exec, non-blocking, the caller's), or -1 (ENOENT: the task was started without the flag). */
TASKSHIM_API int taskshim_task_notify_fd(taskshim_task *task, struct taskshim_error *error);

/* Opens the handle of a task that exists, and changes nothing. @id: a task id or an ID string, which is input and not
 * proof: processes are checked by start time and boot id, cgroups by inode and mark, a state directory must be <root>/<id>
 * and private; a string whose state directory is gone is proven by the cgroup or the monitor that the process belongs to.
 * PID:<pid> and the CGROUP: strings of 2015 open the task below @root that they mean, if there is one. @root as in the
 * options. Returns 0 and *@ret, or -1 (ENOENT: no such task; ESTALE: another run has its id now; EPERM: not proven). */
TASKSHIM_API int taskshim_task_open(const char *root, const char *id, taskshim_task **ret,
				    struct taskshim_error *error);

/* What has become of a task. */
enum taskshim_answer {
	TASKSHIM_RUNNING, /* reattached: wait, signal, stop, delete all work */
	TASKSHIM_EXITED, /* it has ended; taskshim_task_wait() tells how, if anybody saw it */
	TASKSHIM_LOST, /* monitor and record are gone: what was left was killed and removed */
	TASKSHIM_FOREIGN, /* not proven to be ours: nothing was touched */
};

enum taskshim_open_flags {
	TASKSHIM_DESTROY =
		1, /* the recovery of 2015: kill everything of that ID, remove all it had */
};

/* Recovers a task after a restart of the driver. @id as in taskshim_task_open(). Waits for a monitor that is about to
 * record an end, and for whoever creates or removes the task. Returns 0 and *@ret_answer; *@ret_task is then the handle, or NULL where there is nothing to hold
 * (foreign, lost without a trace): *@error says why. Returns -1 where there is no answer (a malformed ID string; no such
 * task id; EBUSY: it is being created or removed, for 10 s; ETIMEDOUT: what must die does not). */
TASKSHIM_API int taskshim_open(const char *root, const char *id, unsigned flags,
			       enum taskshim_answer *ret_answer, taskshim_task **ret_task,
			       struct taskshim_error *error);

struct taskshim_gc_options {
	size_t size; /* sizeof(struct taskshim_gc_options) */
	const char *root; /* as in struct taskshim_options */
	int64_t ended_before_ms; /* also remove tasks that ended that long ago, records included; -1: none */
	/* Called for each task that something was done about (@error NULL) or could not be; may be NULL. */
	void (*report)(const char *id, const char *what, const struct taskshim_error *error,
		       void *arg);
	void *report_arg;
	void (*progress)(size_t done, size_t all,
			 void *arg); /* called before each task, with report_arg; may be NULL */
};

#define TASKSHIM_GC_OPTIONS_INIT                                                                   \
	{                                                                                          \
		.size = sizeof(struct taskshim_gc_options), .ended_before_ms = -1                  \
	}

/* Finishes what crashes left below a root: removes starts that died, and foreground tasks whose taskshim died; ends what
 * dead monitors left, whose record then says so. Records of tasks that ended stay until taskshim_task_delete() or
 * @ended_before_ms. Safe at any time, beside live tasks and beside another sweep. Returns 0, or -1 with @error filled for
 * the last task that could not be finished. */
TASKSHIM_API int taskshim_gc(const struct taskshim_gc_options *options,
			     struct taskshim_error *error);

/* Opens the gate of a created task and waits until the command runs or its exec failed. An unmonitored task may be
 * started by any process, a monitored one through the handle that created it. */
TASKSHIM_API int taskshim_task_start(taskshim_task *task, struct taskshim_error *error);

/* Ends a task that was not started and removes all it had. EALREADY: it was started; nothing is done. */
TASKSHIM_API int taskshim_task_abort(taskshim_task *task, struct taskshim_error *error);

/* Waits at most @timeout_ms (-1: no limit) for the end. Any number of callers may wait. Returns 0 and *@ret, whose
 * known is false when nobody saw the end; or -1 (ETIMEDOUT: still running). */
TASKSHIM_API int taskshim_task_wait(taskshim_task *task, int64_t timeout_ms,
				    struct taskshim_exit *ret, struct taskshim_error *error);

/* A descriptor that polls readable when taskshim_task_wait() will not block, for event loops; owned by the handle.
 * -1: no process is left to wait for. */
TASKSHIM_API int taskshim_task_fd(taskshim_task *task);

/* Sends @signo to the command, through a pidfd that was proven to be its own. ESRCH: it has ended. */
TASKSHIM_API int taskshim_task_signal(taskshim_task *task, int signo, struct taskshim_error *error);

/* Sends @signo (0: the config's killSignal) to @scope, waits @grace_ms (-1: the config's killTimeout), then kills
 * everything in the task's cgroup (the command alone when it has none) and waits at most 10 s more. Returns 0 when all
 * is gone, or -1 (ETIMEDOUT: the message names what cannot die). */
TASKSHIM_API int taskshim_task_stop(taskshim_task *task, int signo, int64_t grace_ms,
				    enum taskshim_stop_scope scope, struct taskshim_error *error);

/* Kills every process of the task with SIGKILL, without grace, and waits at most 10 s. */
TASKSHIM_API int taskshim_task_kill(taskshim_task *task, struct taskshim_error *error);

/* Stops all processes of the task where they are, and waits until they stand still, at most 10 s; after a failure they go on.
 * Paused tasks have the status "paused"; they can be signalled, which takes effect when they go on, stopped, killed and
 * deleted, which lets them go on. Pausing one that is paused is fine. Returns 0, or -1 (ESRCH: it is not running; ENOENT: it
 * has no cgroup to do it by; ETIMEDOUT). */
TASKSHIM_API int taskshim_task_pause(taskshim_task *task, struct taskshim_error *error);

/* Lets a paused task go on; one that is not paused is fine. EBUSY: a cgroup above is frozen. */
TASKSHIM_API int taskshim_task_resume(taskshim_task *task, struct taskshim_error *error);

/* Sets other limits for a task that runs: @resources (@len bytes of JSON) is an object as linux.resources of the config, and
 * what is not in it stays. Either all of it is done or, but for limits of single devices, nothing. Returns 0, or -1: the
 * message names the field. */
TASKSHIM_API int taskshim_task_update(taskshim_task *task, const char *resources, size_t len,
				      struct taskshim_error *error);

/* Removes the task's cgroups (those that are proven ours) and its state directory. A task that runs is refused (EBUSY)
 * unless @force, which kills it first; one that was not started yet is killed in any case. */
TASKSHIM_API int taskshim_task_delete(taskshim_task *task, bool force,
				      struct taskshim_error *error);

/* The task's state as JSON text: OCI's state and an object `taskshim` {monitorPid, idString, startTime, cgroup, limits, exit}. */
TASKSHIM_API int taskshim_task_state(taskshim_task *task, char **ret, struct taskshim_error *error);

/* --- another command in it --- */

enum taskshim_exec_flags {
	TASKSHIM_EXEC_DETACHED =
		1, /* return when it runs; it becomes a child of the caller's subreaper */
	TASKSHIM_EXEC_WHILE_PAUSED =
		2, /* also in a paused task: it stands still until that goes on */
};

struct taskshim_exec_options {
	size_t size; /* sizeof(struct taskshim_exec_options) */
	unsigned flags; /* enum taskshim_exec_flags */
	const char *const *args; /* the command, NULL-terminated */
	const char *const *
		env; /* "NAME=VALUE", NULL-terminated, beside the task's or in their place; may be NULL */
	const char *cwd,
		*user; /* NULL: the task's. User: NAME, UID, NAME:GROUP or UID:GID of its root */
	const char *
		process; /* JSON of an OCI process, instead of the task's and of all of the above; or NULL */
	const char *spawn_daemon; /* as in struct taskshim_options */
	int64_t timeout_ms; /* after which it is killed with all that it has started; -1: none. The start may take as long (ETIMEDOUT) */
	int stdio[3]; /* its 0, 1, 2, borrowed; -1: null, or for output the result's */
	size_t output_max; /* of the output in the result its last so many bytes, SIZE_MAX: all; fewer when memory is short */
	const int *fds; /* as in struct taskshim_options */
	size_t n_fds;
};

#define TASKSHIM_EXEC_OPTIONS_INIT                                                                 \
	{                                                                                          \
		.size = sizeof(struct taskshim_exec_options), .timeout_ms = -1,                    \
		.stdio = {-1, -1, -1}, .output_max = 65536                                         \
	}

struct taskshim_exec_result {
	struct taskshim_exit exit; /* known false with TASKSHIM_EXEC_DETACHED */
	pid_t pid; /* of the command; with TASKSHIM_EXEC_DETACHED it runs */
	bool timed_out;
	char *output; /* standard output and error where options.stdio gives none, NUL-terminated; free(3) it. NULL: both given, or no memory */
	size_t output_len;
	uint64_t output_dropped; /* bytes that came before these, or, output NULL, all of them */
};

/* Runs a command in @task, in its namespaces and cgroups, as its user, with its capabilities, seccomp filter, limits and
 * environment, and waits for its end. What it leaves running goes on in the task, unless it timed out. The command, the timeout
 * and a failure here do not touch the rest of the task. What timed out is killed with all that it has started, but alone in a task without a cgroup.
 * Origin: libcontainer executor's Exec (Nomad 1.0); runc exec. Returns 0 and *@ret, or -1: it did not run (ESRCH: the task is not
 * running; EBUSY: it is paused; step "command": it was not found). */
TASKSHIM_API int taskshim_exec(taskshim_task *task, const struct taskshim_exec_options *options,
			       struct taskshim_exec_result *ret, struct taskshim_error *error);

/* --- statistics --- */

/* What this machine, or a task's cgroups, do not tell; and a limit that is none. Numbers that are not of this type say so
 * by being negative. */
#define TASKSHIM_UNKNOWN UINT64_MAX
#define TASKSHIM_NO_LIMIT (UINT64_MAX - 1)

/* Bytes. Of the memory cgroup. */
struct taskshim_memory_stats {
	uint64_t usage, max_usage, limit; /* all that is charged, and its highest so far */
	uint64_t rss, cache; /* anonymous memory, pages of files */
	uint64_t swap, swap_limit;
	uint64_t kernel, max_kernel; /* what the kernel has allocated for the task */
	uint64_t limit_hits, oom_kills; /* how often the limit was hit, and a process killed */
};

/* Of all processes, those that have ended too. */
struct taskshim_cpu_stats {
	uint64_t total_ns, user_ns, system_ns;
	uint64_t periods, throttled_periods, throttled_ns; /* with a quota */
	double percent; /* of one CPU, since the last sample of this handle, else since the start */
	double ticks; /* the same in MHz, as schedulers count who divide machines by clock rate */
};

/* Of threads. */
struct taskshim_pids_stats {
	uint64_t current, limit;
};

struct taskshim_device_stats {
	unsigned major, minor;
	uint64_t rbytes, wbytes, rios, wios;
};

/* Percent of the last 10, 60 and 300 s in which some, or all, processes were waiting; microseconds since the start. */
struct taskshim_pressure_line {
	double avg10, avg60, avg300;
	uint64_t total_us;
};
struct taskshim_pressure {
	struct taskshim_pressure_line some, full;
};

/* One that lives. */
struct taskshim_process {
	pid_t pid; /* as the caller sees it */
	char comm[64]; /* any bytes */
	char state; /* R, S, D, ...: proc_pid_stat(5) */
	uint64_t threads;
	uint64_t start_time; /* clock ticks since boot */
	uint64_t rss; /* bytes */
	uint64_t user_ns, system_ns;
	double percent; /* as above, since the last sample or the process's start */
};

struct taskshim_stats {
	struct timespec time; /* CLOCK_REALTIME */
	struct taskshim_memory_stats memory;
	struct taskshim_cpu_stats cpu;
	struct taskshim_pids_stats pids;
	bool io_known; /* false: nothing counts the task's disk traffic */
	const struct taskshim_device_stats *devices;
	size_t n_devices;
	struct taskshim_pressure cpu_pressure, memory_pressure, io_pressure;
	const struct taskshim_process *processes; /* by pid */
	size_t n_processes;
};

/* Takes a sample of what a task uses. *@ret belongs to the handle and holds until the next sample, or the handle is freed; a
 * later version of the library may add members at its end. The handle keeps the files open that it reads, about twenty. Who
 * samples thousands of tasks reads cpu.stat of the cgroup above theirs first: the kernel then adds all of them up at once, and
 * else looks for each in the list of those that it has not added up (Linux 6.18: 0.2 ms a task with 5,000 of them).
 * Returns 0, or -1 (ESRCH: the task is not running). */
TASKSHIM_API int taskshim_task_stats(taskshim_task *task, const struct taskshim_stats **ret,
				     struct taskshim_error *error);

/* --- the handle --- */

/* Task id ("" when the handle was opened by a PID: string), ID string, pid of the command (0: none). */
TASKSHIM_API const char *taskshim_task_id(const taskshim_task *task);
TASKSHIM_API const char *taskshim_task_id_string(const taskshim_task *task);
TASKSHIM_API pid_t taskshim_task_pid(const taskshim_task *task);

/* Lets go of the handle and of its descriptors, and reaps its spawn-daemon if that has ended. NULL is fine. */
TASKSHIM_API void taskshim_task_free(taskshim_task *task);

/* Calls @found with the id of every task below @root, in no order, until it returns other than 0. Returns 0 (a root that
 * does not exist has none), or -1. */
TASKSHIM_API int taskshim_task_list(const char *root, int (*found)(const char *id, void *arg),
				    void *arg, struct taskshim_error *error);

/* Checks @config as taskshim_task_create() would, without starting anything. @unknown, which may be NULL, is called with
 * the JSON path of every property that nothing reads. Returns 0, or -1 with the path in the message. */
TASKSHIM_API int taskshim_config_validate(const char *config, size_t len,
					  void (*unknown)(const char *path, void *arg), void *arg,
					  struct taskshim_error *error);

#ifdef __cplusplus
}
#endif

#endif
