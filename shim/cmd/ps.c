/* taskshim ps: the processes of a task, through ps(1) as runc has it, or their numbers alone. */
#include "shim/cmd/cmd.h"
#include "shim/cmd/text.h"
#include "shim/stats.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int ps_main(const struct global *global, int argc, char **argv);

const struct verb verb_ps = {
	.name = "ps",
	.run = ps_main,
	.failed = EXIT_FAILED,
	.synopsis = "ps [-f table|json] ID [ps options]",
	.summary = "list the processes of a task",
	.help = "Runs ps(1) with the options that follow the ID (-ef) and prints the lines of "
		"the task's processes. Their numbers\n"
		"are those that the caller's pid namespace has.\n"
		"  -f, --format table|json  (table); json: the numbers alone, without ps(1)\n",
};

static int fail(struct ts_error *e, int err, const char *what, const char *object)
{
	e->step = TS_STEP_STATS;
	return ts_fail(e, err, what, object);
}

static int list_pids(taskshim_task *task, struct pid_list *ret, struct ts_error *e)
{
	struct stats stats = {.scope = STATS_OF_PROCESSES};
	int r = -1;

	if (!task->has_id || !task_goes_on(task))
		return fail(e, ESRCH, "the task is not running", taskshim_task_id(task));
	if (stats_open(&stats, task, e) < 0)
		return -1;
	if (stats_list_processes(&stats, task, ret) < 0)
		(void)fail(e, errno, "list the processes of", taskshim_task_id(task));
	else if (ret->n == 0) /* it has ended since */
		(void)fail(e, ESRCH, "the task is not running", taskshim_task_id(task));
	else
		r = 0;
	stats_close(&stats);
	return r;
}

static int print_pids(const struct pid_list *pids)
{
	struct json_object *array = json_object_new_array();
	int r = array ? 0 : -1;

	for (size_t i = 0; r == 0 && i < pids->n; i++) {
		struct json_object *pid = json_object_new_int(pids->v[i]);

		r = pid ? json_object_array_add(array, pid) : -1;
		if (r < 0)
			json_object_put(pid);
	}
	r = r == 0 ? print_json_line(array) : -1;
	json_object_put(array);
	return r;
}

/* --- ps(1) --- */

/* Starts ps(1) with its output in a pipe, whose reading end is *@ret_fd. */
static int start_ps(char **argv, int *ret_fd, pid_t *ret_pid, struct ts_error *e)
{
	_cleanup_fd_ int reader = -1, writer = -1;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t ours;
	int fds[2], err;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return fail(e, errno, "pipe", NULL);
	reader = fds[0];
	writer = fds[1];
	(void)sigemptyset(&ours);
	(void)sigaddset(&ours, SIGPIPE); /* which we ignore */
	if (posix_spawn_file_actions_init(&actions) != 0)
		return fail(e, ENOMEM, "run ps", NULL);
	if (posix_spawnattr_init(&attr) != 0) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return fail(e, ENOMEM, "run ps", NULL);
	}
	err = posix_spawn_file_actions_adddup2(&actions, writer, STDOUT_FILENO);
	if (err == 0)
		err = posix_spawnattr_setsigdefault(&attr, &ours);
	if (err == 0)
		err = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	if (err == 0)
		err = posix_spawnp(ret_pid, "ps", &actions, &attr, argv, environ);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (err != 0)
		return fail(e, err, "run ps", NULL);
	*ret_fd = ts_fd_take(&reader);
	return 0;
}

/* Waits for it. A failure of ps(1) has been told by itself. */
static int reap_ps(pid_t pid, struct ts_error *e)
{
	int status;
	pid_t r;

	do
		r = waitpid(pid, &status, 0);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return fail(e, errno, "wait for ps", NULL);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	e->step = TS_STEP_STATS;
	if (WIFSIGNALED(status))
		return ts_failf(e, 0, "ps was killed by signal %d", WTERMSIG(status));
	return ts_failf(e, 0, "ps has failed with status %d", WEXITSTATUS(status));
}

/* What ps(1) prints. */
static int run_ps(char **argv, struct text *ret, struct ts_error *e)
{
	_cleanup_fd_ int fd = -1;
	pid_t pid = -1;
	int r = 0;

	if (start_ps(argv, &fd, &pid, e) < 0)
		return -1;
	if (text_read(ret, fd) < 0)
		r = fail(e, errno, "read from ps", NULL);
	ts_fd_closep(&fd); /* one that we read no more ends by SIGPIPE */
	return reap_ps(pid, e) < 0 || r < 0 ? -1 : 0;
}

/* Word @n of a line, cut out of it in place of what was there; NULL: it has fewer. */
static const char *word(const char *line, size_t n, size_t *ret_len)
{
	for (;; n--) {
		line += strspn(line, " \t");
		*ret_len = strcspn(line, " \t\n");
		if (*ret_len == 0)
			return NULL;
		if (n == 0)
			return line;
		line += *ret_len;
	}
}

/* Which word of ps's head is PID. */
static int find_column(const char *head, size_t *ret, struct ts_error *e)
{
	const char *at;
	size_t len;

	for (size_t i = 0; (at = word(head, i, &len)); i++)
		if (len == strlen("PID") && strncmp(at, "PID", len) == 0) {
			*ret = i;
			return 0;
		}
	return fail(e, 0, "there is no column PID in what ps prints", NULL);
}

/* The head, and the lines of @pids. */
static int print_lines(struct text *text, const struct pid_list *pids, struct ts_error *e)
{
	size_t column = 0, len, kept = 0;

	if (find_column(text->v, &column, e) < 0)
		return -1;
	for (char *line = text->v; *line;) {
		size_t line_len = strcspn(line, "\n");
		const char *at = word(line, column, &len);
		char *end = line + line_len + (line[line_len] == '\n');

		/* a line is moved to where the ones before it end */
		if (line == text->v || (at && pid_list_has(pids, (pid_t)strtol(at, NULL, 10)))) {
			memmove(text->v + kept, line, (size_t)(end - line));
			kept += (size_t)(end - line);
		}
		line = end;
	}
	text->v[kept] = '\0';
	return text_print(text) == 0 ? 0 : fail(e, EIO, "print", NULL);
}

static int print_table(char **words, const struct pid_list *pids, struct ts_error *e)
{
	char name[] = "ps", every[] = "-ef";
	char *of_default[] = {name, every, NULL};
	char **argv = of_default;
	struct text text = {0};
	int r;

	if (words[1]) {
		argv = words; /* the ID is where the program's name stands */
		argv[0] = name;
	}
	r = run_ps(argv, &text, e);
	if (r == 0)
		r = print_lines(&text, pids, e);
	text_done(&text);
	return r;
}

static int ps_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {
		{"format", required_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct pid_list pids = {0};
	struct ts_error e = {0};
	taskshim_task *task;
	bool json = false;
	int option, r, status = 0;

	while ((option = option_next(global, argc, argv, "+:hf:", options, &status)) >= 0) {
		json = strcmp(optarg, "json") == 0;
		if (!json && strcmp(optarg, "table") != 0)
			return usage_error(global, "--format %s: expected table or json", optarg);
	}
	if (option == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 1, INT_MAX) < 0)
		return EXIT_FAILED;
	task = task_of_argument(global, argv);
	if (!task)
		return EXIT_FAILED;
	r = list_pids(task, &pids, &e);
	if (r == 0 && json)
		status = print_pids(&pids) < 0 ? EXIT_FAILED : 0;
	else if (r == 0)
		r = print_table(argv + optind, &pids, &e);
	if (r < 0)
		report_error(global, &e);
	pid_list_done(&pids);
	taskshim_task_free(task);
	return r < 0 ? EXIT_FAILED : status;
}
