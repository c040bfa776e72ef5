/* What the command says: errors, warnings, results. No stdio: a message is one write(2). */
#include "shim/cmd/cmd.h"

#include "util/fd.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

enum { TEXT_MAX = 1024 };

static void say(const struct global *global, const char *level, const char *prefix,
		const char *text)
{
	char line[TEXT_MAX + 64];
	int n = snprintf(line, sizeof line, "taskshim: %s%s\n", prefix, text);

	if (n >= (int)sizeof line) {
		n = (int)sizeof line - 1;
		line[n - 1] = '\n';
	}
	(void)ts_write_all(STDERR_FILENO, line, (size_t)n);
	log_line(global, level, text);
}

/* What a person would ask next, and who answers; NULL: the message says all. err 0: whatever it is. @part: of the message. */
static const char *hint_for(const struct ts_error *e)
{
	static const struct {
		enum ts_step step;
		int err;
		const char *part, *hint;
	} rows[] = {
		{TS_STEP_COMMAND, ENOENT, "not found",
		 "it is looked for in the task's root, by the task's PATH"},
		{TS_STEP_COMMAND, ENOENT, "no shell in the root",
		 "--busybox binds a static one in (Debian: package busybox-static)"},
		{TS_STEP_EXEC, ENOENT, "is not in the root",
		 "bring it in with --mount or taskshim.chroot, or build the program static"},
		{TS_STEP_USER, 0, "not found in the root's",
		 "names are looked up in the task's root; a number needs no entry there"},
		{TS_STEP_MONITOR, ENOENT, "execute: ",
		 "spawn-daemon belongs beside taskshim; --spawn-daemon and TASKSHIM_SPAWN_DAEMON "
		 "name another"},
		{TS_STEP_NAMESPACES, EPERM, "", "`taskshim doctor` says what forbids it"},
		{TS_STEP_NAMESPACES, ENOSPC, "", "`taskshim doctor` says what forbids it"},
		{TS_STEP_CGROUP, ENOENT, "no cgroup filesystem",
		 "`taskshim doctor` says how to get one"},
		{TS_STEP_CGROUP, EPERM, "make cgroup",
		 "`taskshim doctor` says what is missing, --cgroup-manager disabled does without"},
		{TS_STEP_CGROUP, EACCES, "make cgroup",
		 "`taskshim doctor` says what is missing, --cgroup-manager disabled does without"},
		{TS_STEP_CGROUP, EPERM, "mark cgroup",
		 "`taskshim doctor` says what is missing, --cgroup-manager disabled does without"},
		{TS_STEP_CGROUP, EROFS, "", "`taskshim doctor` says what of them is writable"},
		{TS_STEP_STATE, EROFS, "", "--root DIR has the state directories elsewhere"},
		{TS_STEP_STATE, EACCES, "", "--root DIR has the state directories elsewhere"},
		{TS_STEP_STATE, EEXIST, "",
		 "`taskshim list` shows that task, `taskshim delete` frees its id"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].step == (enum ts_step)e->step &&
		    (rows[i].err == 0 || rows[i].err == e->err) && strstr(e->msg, rows[i].part))
			return rows[i].hint;
	return NULL;
}

void report_error(const struct global *global, const struct ts_error *e)
{
	const char *hint = hint_for(e);
	char text[TEXT_MAX];
	/* A config that is wrong is no system call that failed. */
	bool reason = e->err != 0 && !(e->err == EINVAL && e->step == TS_STEP_CONFIG);

	(void)snprintf(text, sizeof text, "%s: %s%s%s", ts_step_name(e->step), e->msg,
		       reason ? ": " : "", reason ? ts_errno_text(e->err) : "");
	say(global, "error", "", text);
	if (hint) /* not to --log, of which callers read the last error back */
		(void)dprintf(STDERR_FILENO, "taskshim: hint: %s\n", hint);
}

void report_public(const struct global *global, const struct taskshim_error *error)
{
	struct ts_error e = {.step = ts_step_from_name(error->step), .err = error->err};

	(void)snprintf(e.msg, sizeof e.msg, "%s", error->message);
	report_error(global, &e);
}

int usage_error(const struct global *global, const char *format, ...)
{
	const struct verb *verb = global->verb;
	char text[TEXT_MAX], line[TEXT_MAX + 64];
	va_list ap;
	int n = snprintf(text, sizeof text, "usage: ");

	va_start(ap, format);
	(void)vsnprintf(text + n, sizeof text - (size_t)n, format, ap);
	va_end(ap);
	(void)snprintf(line, sizeof line, "taskshim: %s (see `taskshim %s%s--help`)\n", text,
		       verb ? verb->name : "", verb ? " " : "");
	(void)ts_write_all(STDERR_FILENO, line, strlen(line));
	log_line(global, "error", text); /* where help is, is for who reads the other */
	return verb ? verb->failed : EXIT_FAILED;
}

void report_warning(const char *text, void *arg)
{
	say(arg, "warning", "warning: ", text);
}

/* All of the vector, which is changed. */
static int write_vector(struct iovec *v, int n)
{
	int tries = 3; /* a detached task is removed if its ID string cannot be told */

	while (n > 0) {
		ssize_t done = writev(STDOUT_FILENO, v, n);

		if (done < 0 && (errno == EINTR || (errno != EPIPE && --tries > 0)))
			continue;
		if (done < 0)
			return -1;
		for (; n > 0 && (size_t)done >= v->iov_len; v++, n--)
			done -= (ssize_t)v->iov_len;
		if (n > 0) {
			v->iov_base = (char *)v->iov_base + done;
			v->iov_len -= (size_t)done;
		}
	}
	return 0;
}

int print_text(const char *text, bool newline)
{
	char end[] = "\n";
	struct iovec v[] = {{(char *)text, strlen(text)}, {end, 1}};

	if (write_vector(v, newline ? 2 : 1) == 0)
		return 0;
	(void)dprintf(STDERR_FILENO, "taskshim: usage: write to standard output: %s\n",
		      ts_errno_text(errno));
	return -1;
}

int print_json(struct json_object *object)
{
	const char *text = json_object_to_json_string_ext(
		object,
		JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);

	return text ? print_text(text, true) : -1;
}

int print_json_line(struct json_object *object)
{
	const char *text = json_object_to_json_string_ext(
		object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	return text ? print_text(text, true) : -1;
}
