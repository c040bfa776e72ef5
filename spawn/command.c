/* Looks up args[0] as execvp(3) does, with the task's rights inside its root, before the gate. */
#include "spawn/command.h"
#include "spawn/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin" /* where the task has no PATH */

/* Returns 0 when @path can be executed by its mode, else -1 and errno. */
static int check_executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -1;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		errno = EACCES;
		return -1;
	}
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS);
}

static bool is_missing(int err)
{
	return err == ENOENT || err == ENOTDIR;
}

/* The first candidate that is there but cannot be executed. */
struct refused {
	int err; /* 0: none */
	const char *dir;
	size_t len;
};

/* Tries @dir/@name. */
static bool try_candidate(struct task *task, const char *dir, size_t len, const char *name,
			  struct refused *first)
{
	int n = snprintf(task->command, sizeof task->command, "%.*s/%s", (int)len, dir, name);

	if (n < 0 || (size_t)n >= sizeof task->command)
		errno = ENAMETOOLONG;
	else if (check_executable(task->command) == 0)
		return true;
	if (!is_missing(errno) && first->err == 0)
		*first = (struct refused){errno, dir, len};
	return false;
}

static const char *task_path(const struct task *task)
{
	const struct str_list *env = &task->plan->config->process.env;

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], "PATH=", 5) == 0)
			return env->v[i] + 5;
	return DEFAULT_PATH;
}

static bool search_path(struct task *task, const char *name, struct refused *first)
{
	for (const char *dir = task_path(task);; dir++) {
		size_t len = strcspn(dir, ":");

		/* POSIX reads an empty entry as the working directory */
		if (try_candidate(task, len ? dir : ".", len ? len : 1, name, first))
			return true;
		dir += len;
		if (!*dir)
			return false;
	}
}

/* @first: where @name was found and refused. */
static int fail_lookup(struct task *task, const struct refused *first, const char *name,
		       struct ts_error *e)
{
	if (first->err == 0)
		return command_fail_lookup(e, ENOENT, name);
	if (first->err != ENAMETOOLONG)
		(void)snprintf(task->command, sizeof task->command, "%.*s/%s", (int)first->len,
			       first->dir, name);
	return command_fail_lookup(e, first->err,
				   first->err == ENAMETOOLONG ? name : task->command);
}

/* The first that can be executed. One that is there, and cannot be, is worth more to know than that there is none. */
static int find_shell(struct task *task, const struct str_list *shells, struct ts_error *e)
{
	const char *refused = NULL;
	int err = ENOENT;

	for (size_t i = 0; i < shells->n; i++) {
		if (strlen(shells->v[i]) < sizeof task->command &&
		    check_executable(shells->v[i]) == 0) {
			strcpy(task->command, shells->v[i]);
			task->shell = strrchr(task->command, '/') + 1;
			return 0;
		}
		if (!refused && !is_missing(errno)) {
			refused = shells->v[i];
			err = errno;
		}
	}
	return refused ? command_fail_lookup(e, err, refused)
		       : ts_fail(e, ENOENT, "no shell in the root", shells->v[0]);
}

int step_command(struct task *task, struct ts_error *e)
{
	const struct plan *plan = task->plan;
	const char *name = plan->executable ? plan->executable : plan->args.v[0];
	struct refused first = {0};

	if (plan->config->taskshim.shell.n > 0)
		return find_shell(task, &plan->config->taskshim.shell, e);
	/* Nomad's order: a task brings its own binaries in /local, then the root, then PATH. */
	if (plan->task_dir_fd >= 0 && name[0] != '/') {
		if (try_candidate(task, "/local", 6, name, &first) ||
		    try_candidate(task, "", 0, name, &first))
			return 0;
	}
	if (!strchr(name, '/')) {
		if (search_path(task, name, &first))
			return 0;
		return fail_lookup(task, &first, name, e);
	}
	if (strlen(name) >= sizeof task->command)
		return command_fail_lookup(e, ENAMETOOLONG, name);
	strcpy(task->command, name);
	if (check_executable(name) == 0)
		return 0;
	return first.err ? fail_lookup(task, &first, name, e) : command_fail_lookup(e, errno, name);
}

int command_exit_status(const struct ts_error *e)
{
	if (e->step == TS_STEP_COMMAND)
		return is_missing(e->err) ? 127 : 126;
	return e->step == TS_STEP_EXEC ? 126 : 125;
}
