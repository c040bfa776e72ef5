/* What the verbs of the taskshim command share. One file per verb; main.c has the table. */
#ifndef SHIM_CMD_CMD_H
#define SHIM_CMD_CMD_H

#include "shim/json_put.h"
#include "shim/task.h"
#include "util/error.h"

#include <getopt.h>
#include <json-c/json_types.h>
#include <signal.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	EXIT_RUN_FAILED =
		125, /* of run, wait and stop: what failed is taskshim's, not the command's */
	EXIT_FAILED = 1, /* of the OCI verbs, as runc's */
};

/* Global options: before the verb. */
struct global {
	const struct verb *verb; /* that runs; NULL: before there is one */
	const char *root, *log, *spawn_daemon;
	bool log_json, debug, no_cgroups;
	bool rootless; /* what cgroups are not ours to make is left out */
};

struct verb {
	const char *name;
	int (*run)(const struct global *global, int argc, char **argv); /* argv[0] is the verb */
	int failed; /* exit status when taskshim fails */
	const char *synopsis; /* after "taskshim [global options] " */
	const char *summary; /* one line */
	const char *help; /* options and remarks */
};

extern const struct verb verb_run, verb_create, verb_start, verb_state, verb_kill, verb_delete,
	verb_list, verb_wait, verb_stop, verb_id, verb_open, verb_gc, verb_spec, verb_validate,
	verb_explain, verb_features, verb_stats, verb_ps, verb_events, verb_update, verb_pause,
	verb_resume, verb_doctor, verb_shell, verb_exec, verb_logs;

/* --- options (options.c) --- */

/* Parses the options before the verb. Returns the verb's index in argv, or -1 with *@ret_status set: the program ends
 * (help, version, a wrong option). Of wrong ones the first is reported, when all are parsed: --log may follow it. */
int global_parse(struct global *global, int argc, char **argv, int *ret_status);

/* Next option of a verb, as getopt_long(3) but: stops at the first argument, knows --help, and reports what is wrong.
 * @options ends in a zero row; .val is what comes back. Returns it, OPTION_END, or OPTION_EXIT with *@ret_status set. */
enum { OPTION_END = -1, OPTION_EXIT = -2 };
int option_next(const struct global *global, int argc, char **argv, const char *short_options,
		const struct option *options, int *ret_status);

/* Checks that between @min and @max arguments follow the options. Returns 0, or -1 after a message. */
int arguments_check(const struct global *global, int argc, int min, int max);

/* The TASKSHIM_* flags that are about cgroups. */
unsigned cgroup_flags(const struct global *global);

/* The handle of the task that argv[optind] names. NULL after a message. */
taskshim_task *task_of_argument(const struct global *global, char **argv);

/* The whole of a verb that has no options but --help and does @act to the task of its only argument. Returns its exit status. */
int on_task(const struct global *global, int argc, char **argv,
	    int (*act)(taskshim_task *task, struct taskshim_error *error));

/* The signals that run and exec pass on to the command. */
sigset_t passed_signals(void);

/* The table of verbs, NULL-terminated, and the overview: printed, it returns 0, or -1 after a message. */
extern const struct verb *const verbs[];
int print_overview(void);

/* --- messages (report.c) --- */

/* Appends a line to --log, if there is one; what fails is not reported: where? @level: error, warning. (log.c) */
void log_line(const struct global *global, const char *level, const char *message);

/* "taskshim: STEP: OBJECT: REASON" on standard error and in --log. */
void report_error(const struct global *global, const struct ts_error *e);
void report_public(const struct global *global, const struct taskshim_error *error);

/* "taskshim: usage: TEXT" there, on standard error with where help is; returns the verb's exit status for failures. */
int usage_error(const struct global *global, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "taskshim: warning: TEXT"; @arg is the struct global: for struct taskshim_options.warn. */
void report_warning(const char *text, void *arg);

/* Writes all of @text and, if @newline, a newline to standard output. Returns 0, or -1 after a message. */
int print_text(const char *text, bool newline);
int print_json(struct json_object *object);

/* The same without white space, on one line. */
int print_json_line(struct json_object *object);

/* --- bundles and configs (bundle.c) --- */

/* Reads @path: a file, "-" for standard input, or a bundle's directory. Returns 0 and *@ret (malloc'ed, NUL-terminated),
 * or -1 with @e filled. */
int config_read_text(const char *path, char **ret, size_t *ret_len, struct ts_error *e);

/* The same, parsed. Returns 0 and *@ret (json_object_put() it), or -1 with @e filled. */
int config_read(const char *path, struct json_object **ret, struct ts_error *e);

/* @path of the command line as an absolute one. Returns 0, or -1 and errno. */
int path_make_absolute(const char *path, char ret[static PATH_MAX]);

/* Reads BUNDLE/config.json. */
int bundle_read(const char *bundle, struct json_object **ret, struct ts_error *e);

/* What create and the bundle form of run have in common. */
struct bundle_options {
	const char *bundle, *pid_file, *console_socket;
	bool no_pivot, no_new_keyring, detach, keep;
	unsigned listen_fds; /* of the preserved ones those that came by socket activation */
	unsigned preserve_fds; /* the number that follow those */
};

/* Applies --no-pivot, --no-new-keyring, --console-socket and LISTEN_FDS to the document. Returns 0, or -1 with @e filled. */
int bundle_edit(const struct bundle_options *options, struct json_object *document,
		struct ts_error *e);

/* --- files that somebody waits for (files.c) --- */

/* Writes @text to a temporary name and makes that @path. Returns 0, or -1 and errno. */
int file_replace(const char *path, const char *text, mode_t mode);

/* Write @pid to @path so, and the ID string as a line; that one also into what is no file, or a symlink, without replacing it.
 * Return 0, or -1 with @e filled. */
int pid_file_write(const char *path, pid_t pid, struct ts_error *e);
int id_file_write(const char *path, const char *id_string, struct ts_error *e);

/* --- sd_notify(3) (notify.c) --- */

/* Where a service manager listens that has started us; NULL: none does. */
const char *notify_socket(void);

/* Reads what the task has said on @fd, of task_listen_notify(). When it is ready, the service manager is told, with @pid, the task's.
 * @leaving: we end then, and return when he has read it. Returns 1: he was told; 0: not yet; or -1 with @e filled. */
int notify_read(int fd, pid_t pid, bool leaving, struct ts_error *e);

/* Starts a created task. If it is to tell the service manager, returns when it has, or has ended. Returns 0, or -1 after a message. */
int notify_start(const struct global *global, taskshim_task *task);

/* --- descriptors that a task gets (descriptors.c) --- */

/* The number of --preserve-fds; how many sockets the service manager has handed to this process. Return 0, or an exit status after
 * a message. */
int descriptors_parse(const struct global *global, const char *text, unsigned *ret);
int descriptors_listening(const struct global *global, unsigned *ret);

/* Makes our descriptors 3 to @n + 2 the task's, by a list that the caller frees after the start: *@ret. Returns 0, or -1 with @e
 * filled (EBADF: one is not open). */
int descriptors_hand_over(unsigned n, int **ret, struct taskshim_options *options,
			  struct ts_error *e);

/* What `shell` asks of run: the same task, with a shell at a terminal in place of the command. */
struct shell_options {
	const char *busybox; /* of the host, a static one that is bound in; NULL: one of the root */
};

/* `taskshim run` with the arguments of @argv, argv[0] aside. */
int run_shell(const struct global *global, const struct shell_options *shell, int argc,
	      char **argv);

/* An interactive shell in the task that argv[optind] names. */
int exec_shell(const struct global *global, char **argv);

/* Where a shell is looked for. */
extern const char *const shell_paths[];
size_t shell_paths_count(void);

/* Sets process.terminal, and the caller's TERM where the environment has none. Returns 0, or -1: no memory. */
int process_put_terminal(struct json_object *process);

/* Edits the document for that. Returns 0, or -1 with @e filled. */
int shell_edit(const struct shell_options *shell, struct json_object *document, struct ts_error *e);

/* --- flags (flags.c, flags_config.c) --- */

/* Words in the order they were given. */
struct words {
	const char **v;
	size_t n;
};

/* Appends @word, borrowed; free(3) v. Returns 0, or -1 (no memory). */
int words_add(struct words *words, const char *word);

/* `run [flags] -- CMD`, as given; NULL and 0: not given. */
struct flags {
	const char *id, *id_file, *task_dir, *alloc_dir, *chroot, *user, *args_file, *cwd,
		*hostname;
	const char *memory, *memory_swap, *cpus, *cpu_shares, *pids_limit, *blkio_weight;
	const char *net, *pid, *ipc, *uts, *userns, *timeout, *stdout_path, *stderr_path,
		*no_new_privs;
	const char *seccomp, *log_max_files, *log_max_size;
	struct words env, env_files, mounts, devices, cap_add, cap_drop, rlimits;
	bool read_only, interactive, tty, detach, keep, init;
	bool not_root; /* the caller: without --userns there is one all the same */
	const char *const *args; /* the command */
	size_t n_args;
};

/* The config that the flags mean, with the defaults of design.md section 6: preset host, user nobody, private mount, pid,
 * ipc and uts namespaces, host network, no capabilities, no_new_privs. Returns 0 and *@ret, or -1 with @e filled (step
 * usage: the flag is named). */
int flags_config(const struct flags *flags, struct json_object **ret, struct ts_error *e);

/* The user namespace: mappings to the section linux and, where the caller is not root, the user to the section taskshim.
 * *@ret_new: whether there is a new one. One that is joined is not for here. Returns 0, or -1 with @e filled. */
int flags_put_userns(const struct flags *flags, struct json_object *linux_object,
		     struct json_object *taskshim, bool *ret_new, struct ts_error *e);

/* "64m", "1g", "4096", "-1" -> bytes; and plain numbers. Return 0, or -1. */
int flag_parse_size(const char *text, int64_t *ret);
int flag_parse_number(const char *text, int64_t *ret);

/* Adds what --device @flag says to the section linux. Returns 0, or -1 with @e filled (step usage). */
int flags_add_device(const char *flag, struct json_object *linux_object, struct ts_error *e);

/* Adds what --seccomp @flag says to @document, whose sections process, linux and taskshim are there. Returns 0, or -1 with @e
 * filled. */
int flags_add_seccomp(const char *flag, struct json_object *document, struct ts_error *e);

/* A part of it that the verb spec uses too. Returns 0, or -1 (no memory). */
int config_add_masks(struct json_object *document);

#endif
