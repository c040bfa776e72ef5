/* The inside of a task's handle: what the public calls and the command's verbs share.
 *
 * A handle comes from task_claim() + task_spawn() (this process starts the task) or from task_open() (it was started
 * before). The first has a spawn-daemon as its child; the second has only what the state directory and the ID string
 * say. Functions return 0 or -1 with @e filled, step included. */
#ifndef SHIM_TASK_H
#define SHIM_TASK_H

#include "protocol/id_string.h"
#include "protocol/message.h"
#include "protocol/state.h"
#include "shim/cgroup.h"
#include "shim/statedir.h"
#include "shim/taskshim.h"
#include "util/error.h"

#include <json-c/json_types.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_MOUNT "/sys/fs/cgroup"

/* For the planning of cgroups on this machine. */
static inline struct cgroup_host task_cgroup_host(bool none, enum ts_cgroup_layout layout)
{
	return (struct cgroup_host){.mount = none ? NULL : CGROUP_MOUNT,
				    .layout = none ? TS_CGROUP_NONE : layout};
}

enum {
	TASK_GONE = -2, /* for a pidfd: the process was looked for, and has ended */
	LINES_MAX = 4 * MESSAGE_MAX, /* created, started, exited, and one that should not be */
	REMOVE_TIMEOUT_MS = 5000, /* how long rmdir of a cgroup is tried again */
	LOCK_TIMEOUT_MS = 10000, /* for whoever creates or removes the task */
	TASK_FILE_MAX = 1024 * 1024, /* state.json, exit.json: annotations may be long */
	END_TIMEOUT_MS = 5000, /* for spawn-daemon to undo what it did */
	KILL_TIMEOUT_MS = 10000, /* what a kill may take at most */
	PAUSE_TIMEOUT_MS = 10000, /* until all processes of a task that is paused stand still */
};

struct taskshim_task {
	struct statedir dir; /* .fd -1: a PID: string, no state directory */
	struct cgroup_refs cgroups;
	struct warner warner;
	unsigned flags; /* enum taskshim_flags */
	enum ts_cgroup_layout layout; /* of a task that we start */
	bool no_poststop; /* it is known that there are no poststop hooks */

	/* Our own child, spawn-daemon. */
	pid_t daemon_pid; /* 0: not our child, or reaped */
	int daemon_pidfd;
	int control_fd; /* its standard input */
	int status_fd; /* its standard output */
	int explain_fd; /* where it tells of the steps (borrowed, until it runs); -1: nowhere */
	int console_fd; /* taskshim.consoleSocket of a terminal (borrowed, until it runs); -1: none is made */
	int cancel_fd; /* readable: the start is given up (borrowed, until it runs); -1: never */
	int64_t start_deadline_ms; /* of ts_boottime_ms(), likewise; 0: none */
	int console_number; /* what spawn-daemon has it as; 0: none */
	bool daemon_ended;
	int daemon_status; /* its exit status; -1: none, it was killed or another has reaped it */
	int daemon_signal; /* that killed it; 0: none */
	char *lines; /* its output so far, LINES_MAX bytes */
	size_t lines_len, lines_read; /* how much there is, how much was decoded */

	/* What is known of the task. */
	bool has_id;
	struct id_string id;
	char *id_string;
	bool has_state;
	struct state state;
	bool started;
	bool has_exited;
	struct exit_record exited;
	int init_pidfd, monitor_pidfd; /* -1: not opened yet; TASK_GONE */
	char boot_id[TS_BOOT_ID_LEN + 1]; /* of the machine, now; "" until it was asked for */
	bool init_alone; /* its monitor is looked for only when it is asked about */

	struct stats *stats; /* shim/stats.h; NULL: none were asked for yet */
};

/* --- starting (task_create.c, task_spawn.c) --- */

/* Claims the id: a new handle with a locked state directory and a run id. */
int task_claim(const struct taskshim_options *options, taskshim_task **ret, struct ts_error *e);

/* Starts spawn-daemon, which reads its config from then on. */
int task_spawn(taskshim_task *task, const struct taskshim_options *options, struct ts_error *e);

/* Checks @document, plans, makes and limits the cgroups, writes config.json and sends the document, with @gate ("true")
 * behind it in the same write or without (NULL). @document is edited. */
int task_configure(taskshim_task *task, const struct taskshim_options *options,
		   struct json_object *document, const char *gate, struct ts_error *e);

/* The same for a command in a task that runs, which has nothing of its own: sends the document. */
int task_send(taskshim_task *task, const struct taskshim_options *options,
	      struct json_object *document, struct ts_error *e);

/* Makes /run/notify for a task that may use sd_notify(3), and adds it to @document. */
int task_add_notify(taskshim_task *task, struct json_object *document, struct ts_error *e);

/* The socket there, as taskshim_task_notify_fd(). */
int task_listen_notify(taskshim_task *task, struct ts_error *e);

/* Sends the gate. */
int task_send_gate(taskshim_task *task, bool start, struct ts_error *e);

/* Undoes a start that failed: ends spawn-daemon and what it started, removes cgroups and the state directory. What
 * lasts is told to the warner. Keeps @task, with nothing in it. */
void task_discard(taskshim_task *task);

/* --- what spawn-daemon says (task_messages.c) --- */

/* Reads what is there, blocking for the first byte. Returns 1, 0 at end of file, or -1. */
int task_read(taskshim_task *task, struct ts_error *e);

/* Takes the next whole line that was read into the handle. Returns its message type, -2 when there is none yet, or -1
 * with @e filled: the line was an error of spawn-daemon's, or not to be understood. */
int task_take_line(taskshim_task *task, struct ts_error *e);

/* Reads until a line of @type was taken. An end without one is an error, also `aborted`. */
int task_await(taskshim_task *task, enum message_type type, struct ts_error *e);

/* Takes all lines up to the end of file, as far as it can read. Returns 0, or -1 with @e filled: spawn-daemon has reported an error. */
int task_take_all(taskshim_task *task, struct ts_error *e);

/* Waits for spawn-daemon's end and reaps it. @timeout_ms -1: no limit. ETIMEDOUT in @e->err. */
int task_reap(taskshim_task *task, int timeout_ms, struct ts_error *e);

/* Ends spawn-daemon, if it is our child: end of file on its input makes it give up before the gate, and after it end a task that is
 * to die with its parent. What does not end is killed. */
void task_end_daemon(taskshim_task *task);

/* --- finding (task_open.c) --- */

int task_open(const char *root, const char *id, taskshim_task **ret, struct ts_error *e);

/* What is the same for all tasks below a root, asked for once by who opens many. */
struct task_finder {
	char root[PATH_MAX];
	int root_fd; /* -1: each task opens it, and says why that fails */
	char boot_id[TS_BOOT_ID_LEN + 1]; /* "": each task asks */
	bool init_alone; /* as of struct taskshim_task; false at first */
};

/* @root as of statedir_root(). Returns 0, or -1 with @e filled. */
int task_finder_open(struct task_finder *finder, const char *root, struct ts_error *e);

/* task_open() below the finder's root. @finder must outlive the task. */
int task_find(const struct task_finder *finder, const char *id, taskshim_task **ret,
	      struct ts_error *e);

void task_finder_done(struct task_finder *finder);

/* Reads state.json into the handle, once. ENOENT in @e->err: there is none (yet). */
int task_load_state(taskshim_task *task, struct ts_error *e);

/* The same with all that comes of it, for a task that was being created when its handle was opened. */
int task_refresh(taskshim_task *task, struct ts_error *e);

/* --- its processes (task_proof.c) --- */

/* A pidfd of init, opened and proven now; kept in the handle. Returns it, or -1 and errno (ESRCH: it has ended). */
int task_init_pidfd(taskshim_task *task);
int task_monitor_pidfd(taskshim_task *task);

/* Opens both, for a handle that is to say truly what lives. Returns 0, or -1 with @e filled: that cannot be known now. */
int task_look(taskshim_task *task, struct ts_error *e);

/* What cannot be looked at counts as alive: a task is never given up because a call failed. */
bool task_init_lives(taskshim_task *task);
bool task_monitor_lives(taskshim_task *task);

/* For a handle that comes from an ID string alone: proves that what the string names is a task of ours. Returns 0, or -1
 * with @e filled (ENOENT: nothing of it is left; EPERM: what there is may be another's). */
int task_prove(taskshim_task *task, struct ts_error *e);

/* Whether the task has not ended: init lives, or others do whom its monitor waits for (waitFor "all"). */
bool task_goes_on(taskshim_task *task);

enum task_status { TASK_CREATING, TASK_CREATED, TASK_RUNNING, TASK_STOPPED };

/* Worked out from the kernel, now. */
enum task_status task_status(taskshim_task *task);
const char *task_status_name(enum task_status status);

/* --- its exit record (task_exit.c, task_wait.c, task_kernel.c) --- */

/* Parses @name of the state directory, of at most @max bytes. ENOENT in @e->err when there is none. */
int task_read_json(const taskshim_task *task, const char *name, size_t max,
		   struct json_object **ret, struct ts_error *e);

/* Reads exit.json into the handle if there is one of this run. Returns whether the handle has a record, 1 or 0, or -1 with
 * @e filled: it cannot be read now, which says nothing. */
int task_load_exit(taskshim_task *task, struct ts_error *e);

/* Whether somebody saw the end: the handle's record, or exit.json, says so. 1, 0, or -1 with @e filled. */
int task_end_is_known(taskshim_task *task, struct ts_error *e);

/* Takes @record over as the handle's. */
void task_set_exit(taskshim_task *task, struct exit_record *record);

/* Writes @record (taken over) to exit.json unless that knows as much; the lock of the state directory must be held. */
int task_settle(taskshim_task *task, struct exit_record *record, struct ts_error *e);

/* Waits while another process creates the task, and so holds the lock of a directory without state.json, or removes it.
 * @deadline: ts_boottime_ms(), -1: none. Returns 0 when the handle has the task's state, or its start is over without
 * one; -1 when the time is up. */
int task_await_created(taskshim_task *task, int64_t deadline);

/* Where no monitor was left to see the end of init: lets the kernel tell it, if it still knows, and writes the record.
 * @had_gate: task_has_gate() said so before init ended. Then a status counts only if init got through, as one that did not
 * was never the command. */
void task_ask_kernel(taskshim_task *task, bool had_gate);

/* Whether the task waits at its gate, or did when it ended. */
bool task_has_gate(taskshim_task *task);

/* --- what crashes left (task_recover.c, task_gc.c) --- */

/* Whether a monitored task's monitor is gone without having recorded the end, the task is not to go on without it, and
 * that is not settled: something of it is left, or its record does not say so. 1, 0, or -1 with @e filled. */
int task_is_lost(taskshim_task *task, struct ts_error *e);

/* Ends such a task: kills what is left of it, removes its cgroups, and lets exit.json say that the monitor was lost. Takes
 * the lock. */
int task_finish_lost(taskshim_task *task, struct ts_error *e);

/* Whether the task is one whose creator died before it had done its part. The lock must be held. */
bool task_is_unfinished(const taskshim_task *task);

/* --- ending --- */

/* Sends init @signo, one that ends a process by default (TERM, INT, HUP, QUIT). The kernel drops it silently when init is
 * process 1 of a pid namespace and has no handler; init is then killed, as any other process would be by that signal.
 * Returns 0, 1 when it was killed instead, or -1 and errno. */
int task_terminate(taskshim_task *task, int signo);

/* Notes in the state directory that the task is being stopped by @signo with @grace_ms of grace: the exit record then
 * says so (STATEDIR_STOP). Never fails: without the note the record says "exited", which is no lie. */
void task_leave_note(const taskshim_task *task, int signo, int64_t grace_ms);

/* Kills every process of the task and waits for the monitor to record it. */
int task_kill_all(taskshim_task *task, struct ts_error *e);

/* --- pausing, limits (task_pause.c, task_limits.c) --- */

/* Whether somebody has paused it, and nobody has resumed it. */
bool task_has_pause_note(const taskshim_task *task);

/* Lets what is paused go on, and forgets that it was. Returns 0, or -1 with @e filled. */
int task_thaw(const taskshim_task *task, struct ts_error *e);

/* The files of the task's cgroups that limit something, and what they say: a new object in *@ret, NULL when that cannot be
 * known. Returns 0, or -1 and ENOMEM. */
int task_limits(const taskshim_task *task, struct json_object **ret);

/* The task's cgroups, by controller: a new object, or NULL (no memory). */
struct json_object *task_cgroup_map(const taskshim_task *task);

/* Whose name was looked for last: who asks of many tasks has them look once. */
struct task_owner {
	char name[256]; /* "": nobody's */
	uid_t uid;
};

/* (task_origin.c) Add to a state the user who has started the task, by name or else by number, and its root as an absolute path;
 * nothing where it has none. Return 0, or -1 with @e filled. */
int task_put_owner(const taskshim_task *task, struct task_owner *owner, struct json_object *state,
		   struct ts_error *e);
int task_put_rootfs(const taskshim_task *task, struct json_object *state, struct ts_error *e);

/* What takes a while for many tasks. */
enum task_state_parts {
	TASK_STATE_LIMITS = 1 << 0,
	TASK_STATE_ROOTFS = 1 << 1, /* read from the config */
	TASK_STATE_ALL = TASK_STATE_LIMITS | TASK_STATE_ROOTFS,
};

/* The state as taskshim_task_state() gives it, of those with @parts alone. A new object, or NULL with @e filled. */
struct json_object *task_state_object(taskshim_task *task, unsigned parts, struct task_owner *owner,
				      struct ts_error *e);

/* Removes cgroups, gate and state directory of a task whose processes are gone or to be killed. */
int task_remove(taskshim_task *task, bool kill, struct ts_error *e);

/* Removes the cgroup of detached monitors if this one's was the last. It ends a moment after its task, and is waited for. */
void task_remove_monitors(taskshim_task *task);

/* --- its hooks (task_hooks.c) --- */

/* Run what hooks.json says. A hook that fails is a warning. */
void task_run_poststart(taskshim_task *task);
void task_run_poststop(taskshim_task *task);

/* Opens the gate of an unmonitored task through its socket, or sends `false`. */
int gate_send(taskshim_task *task, bool start, struct ts_error *e);

/* Tells the warner. */
void task_warn(const taskshim_task *task, const struct ts_error *e);

/* Whether an unmonitored task's init waits behind its gate. */
bool gate_is_closed(taskshim_task *task);

/* --- the edge to the public interface --- */

/* Fills @public from @e and returns -1. */
int task_fail_public(const struct ts_error *e, struct taskshim_error *public);

taskshim_task *task_new(void);

#endif
