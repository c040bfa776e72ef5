/* Runs build/spawn-daemon as a parent would, and proves after every test that nothing of it is left.
 *
 * Each test gets a `struct it` (a temporary directory with the probe in it, see probe.c). What a test starts or makes
 * through these functions is released in its teardown, also after a failed assertion; the teardown then fails the test
 * when a mount, a process, a cgroup or a descriptor remains. The test program lives in its own mount namespace in which
 * every mount is shared: what a task's mounts let escape would be seen there, whatever this machine's propagation is.
 *
 * Every wait has a limit (TS_IT_TIMEOUT seconds, 60): reaching it fails the test as a hang. No other time is measured. */
#ifndef TESTS_INTEGRATION_HARNESS_H
#define TESTS_INTEGRATION_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <json-c/json.h>
#include <limits.h>
#include <sys/types.h>

enum {
	IT_MAX_RUNS = 64,
	IT_MAX_CGROUPS = 64,
	IT_MAX_LINES = 64,
	IT_MAX_FDS = 16,
	IT_MAX_CONFIGS = 1024,
	IT_KILLED = 1000, /* + signal: how run_wait() tells a spawn-daemon that a signal killed */
};

/* One spawn-daemon. */
struct run {
	pid_t pid;
	int pidfd;
	int in, out; /* our ends of its standard input and output; -1 once closed */
	int err; /* a memfd: its standard error */
	int task_out,
		task_err; /* memfds, handed over as fd 3 and 4: the task's output and error in it_config() */
	char *buf; /* bytes of standard output that are no whole line yet */
	size_t used, size;
	struct json_object *lines[IT_MAX_LINES];
	size_t n_lines;
	bool reaped;
	int status; /* of waitpid(2) */
};

struct it {
	char dir[64]; /* /tmp/ts-it.XXXXXX, mode 0755, removed in the teardown */
	char root[80]; /* dir/root once it_rootfs() made it */
	char build[PATH_MAX]; /* where the programs are: build or build/asan */
	bool sanitized;
	unsigned n_made; /* for unique names */
	struct run runs[IT_MAX_RUNS];
	size_t n_runs;
	struct json_object *configs[IT_MAX_CONFIGS];
	size_t n_configs;
	char *cgroups[IT_MAX_CGROUPS];
	size_t n_cgroups;
	char **texts; /* freed in the teardown */
	size_t n_texts, max_texts;
	int fds[IT_MAX_LINES];
	size_t n_fds;
	char *mounts_before, *fds_before;
};

/* How to start a spawn-daemon; all zero is the usual. */
struct start {
	const char *args[4]; /* of spawn-daemon, NULL-terminated */
	const char *const
		*wrapper; /* a command and its words put before it (strace ...), NULL-terminated */
	const char *program; /* NULL: build/spawn-daemon */
	const char *cwd; /* NULL: it->dir */
	const char *const *env; /* NULL: PATH only (and the sanitizers' options) */
	int fds[IT_MAX_FDS]; /* handed over as 5, 6, ... ; the first 0 ends the list */
	unsigned closed; /* bit N: descriptor N (0, 1, 2) is closed at entry */
	int out_fd; /* not 0: its standard output, instead of a pipe to us */
	int in_fd; /* not 0: its standard input, likewise */
	unsigned nofile; /* not 0: RLIMIT_NOFILE, soft and hard */
	bool block_signals,
		ignore_signals; /* enters with every signal blocked; with SIGCHLD, SIGTERM, ... ignored */
	uid_t uid; /* not 0: started as this user */
	mode_t umask; /* not 0 */
	int nice;
	bool no_task_fds; /* without 3 and 4 */
	void (*prepare)(void *arg); /* called in the child, last; only system calls */
	void *arg;
};

/* Fixture; IT(test) is the row for cmocka_run_group_tests(tests, it_group_setup, it_group_teardown). */
int it_group_setup(void **state);
int it_group_teardown(void **state);
int it_setup(void **state);
int it_teardown(void **state);
#define IT(test) cmocka_unit_test_setup_teardown(test, it_setup, it_teardown)

/* Skips the running test, and says why. MUST_RUN=1 makes that a failure. Does not return. */
void it_skip(const char *why) __attribute__((noreturn));

/* printf(3) into memory that lives as long as the test. */
const char *it_text(struct it *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- configs --- */

/* The usual config: the task is `/bin/probe WORDS...` in a private root with /bin and /etc of it->dir, and its output
 * goes to the run's task_out and task_err. No cgroup, no state directory. Owned by the fixture. @words: split at spaces. */
struct json_object *it_config(struct it *t, const char *words);

/* Sets the property @path ("process.user.uid", "mounts[0].type") to a JSON text, printf-formatted, in which ' stands
 * for " (in the format only, not in what %s brings in). Makes missing objects on the way; "mounts[+]" appends. */
void cfg_set(struct json_object *config, const char *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void cfg_set_text(struct json_object *config, const char *path, const char *text); /* no format */
void cfg_del(struct json_object *config, const char *path);
struct json_object *cfg_parse(struct it *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* --- running --- */

struct run *it_start(struct it *t, const struct start *how);
struct run *it_start_config(struct it *t, const struct start *how, struct json_object *config);

void run_send(struct run *r, const char *text); /* to standard input; EPIPE is no failure */
void run_send_bytes(struct run *r, const void *data, size_t len);
void run_close_in(struct run *r);
void run_close_out(struct run *r);

/* The next line of standard output, owned by the run; NULL at end of file. A line that is no JSON object, or is longer
 * than 4096 bytes, fails the test. */
struct json_object *run_line(struct run *r);

/* The next line; fails unless its type is @type. */
struct json_object *run_expect(struct run *r, const char *type);

/* Fails unless end of file comes next on standard output. */
void run_expect_eof(struct run *r);

/* Waits for the end of spawn-daemon (not of its output). Its exit status, or IT_KILLED + signal. */
int run_wait(struct run *r);

/* Whether it has ended already. */
bool run_ended(struct run *r);

/* What it wrote on standard error, what its task wrote on 3 and 4; owned by the fixture. */
const char *run_err(struct it *t, struct run *r);
const char *run_task_out(struct it *t, struct run *r);
const char *run_task_err(struct it *t, struct run *r);

/* Releases the runs, which are all over: for loops of more than IT_MAX_RUNS. */
void it_forget(struct it *t);

/* Starts @config and opens the gate; reads to the end of file and waits. */
struct run *it_run_with(struct it *t, const struct start *how, struct json_object *config);
struct run *it_run(struct it *t, struct json_object *config);

/* Runs @config, which must end well (created, started, exited with 0); the task's output. */
const char *it_output(struct it *t, struct json_object *config);

/* Runs @config, which must end with nothing but one error line: @step, errno @err, and a message with @object in it;
 * and with @status. The files below it->dir must be the same as before. Returns the message. */
const char *it_expect_error_with(struct it *t, const struct start *how, struct json_object *config,
				 int status, const char *step, int err, const char *object);
const char *it_expect_error(struct it *t, struct json_object *config, int status, const char *step,
			    int err, const char *object);

/* Checks an error line. */
void expect_error_line(struct json_object *line, const char *step, int err, const char *object);

/* --- looking at JSON and at texts --- */

const char *js_str(struct json_object *o, const char *path); /* fails when absent or no string */
int64_t js_int(struct json_object *o, const char *path);
bool js_bool(struct json_object *o, const char *path);
struct json_object *js_get(struct json_object *o, const char *path); /* NULL: absent */

/* The rest of the line of @text that starts with "@key "; NULL when there is none. Owned by the fixture. */
const char *fact(struct it *t, const char *text, const char *key);
/* Fails unless that is @value (NULL: no such line). */
void expect_fact(struct it *t, const char *text, const char *key, const char *value);
void expect_contains(const char *text, const char *part);
void expect_not_contains(const char *text, const char *part);

/* --- files --- */

void write_file(const char *path, const char *text, mode_t mode);
char *read_file(struct it *t, const char *path); /* owned by the fixture; NULL when missing */
char *read_link(struct it *t, const char *path);
void make_dir(const char *path, mode_t mode);
void make_link(const char *target, const char *path);
bool exists(const char *path);
int open_fd(struct it *t, const char *path,
	    int flags); /* O_CLOEXEC; fails the test on error; closed in the teardown */
int own_fd(struct it *t, int fd); /* to be closed in the teardown; returns it */
void copy_file(const char *from, const char *to, mode_t mode);

/* Makes it->root: bin/probe, etc/passwd, etc/group, and the empty directories dev proc sys tmp. */
const char *it_rootfs(struct it *t);

/* A root from it->root instead of the map: sets root.path, removes taskshim.chroot, mounts what @mounts says ('d'ev,
 * 'p'roc, 's'ys). */
struct json_object *it_rootfs_config(struct it *t, const char *words, const char *mounts);

/* All paths below @dir with type, mode, owner, size; sorted. Owned by the fixture. */
const char *it_tree(struct it *t, const char *dir);

/* The line of @mountinfo for what is mounted on @path, on top: the options of the mount and of its filesystem. Fails the test
 * when nothing is. Owned by the fixture. */
const char *mount_at(struct it *t, const char *mountinfo, const char *path);

/* --- state directories --- */

#define IT_RUN_ID "00112233445566778899aabbccddeeff"

/* it_config() with a state directory below it->dir, made as `taskshim` would, and the run id above. *@ret_dir: its path. */
struct json_object *it_state_config(struct it *t, const char *words, const char **ret_dir);

/* The JSON file @name in @dir, which must be there. Owned by the fixture. */
struct json_object *it_json_file(struct it *t, const char *dir, const char *name);

/* The names in @dir, sorted, with a space behind each. Owned by the fixture. */
const char *it_names(struct it *t, const char *dir);

/* Starts @c up to `started`. */
struct run *it_start_task(struct it *t, struct json_object *c, pid_t *ret_pid);

/* Waits until the task has said "ready". */
void it_wait_ready(struct it *t, struct run *r);

/* --- cgroups --- */

/* Makes a cgroup in the hierarchy of @controller ("memory", "systemd", "unified") and returns its path, or NULL when
 * this machine has no such hierarchy. Removed in the teardown, which first proves that it is empty. */
const char *it_cgroup(struct it *t, const char *controller);
const char *it_cgroup_below(struct it *t, const char *parent, const char *name);
bool cgroup_has(struct it *t, const char *path, pid_t pid);
size_t cgroup_count(struct it *t, const char *path);

/* --- processes --- */

bool alive(pid_t pid); /* exists and is no zombie */
const char *proc_file(struct it *t, pid_t pid, const char *name);
/* Waits until process @pid, any process, has ended. */
void wait_gone(pid_t pid);
/* Waits until @done(arg) is true. */
void wait_until(bool (*done)(void *arg), void *arg, const char *what);
uint64_t start_time(pid_t pid);
/* Kills and reaps the children that were left to us. The number of them. */
unsigned reap_children(struct it *t);
int it_timeout_ms(void);

#endif
