/* What the command says: errors, warnings, results. No stdio: a message is one write(2). */
#include "shim/cmd/cmd.h"

#include "protocol/exit_record.h"
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

enum { TEXT_MAX = 1024 };

/* --log: what runc writes there, because its callers (containerd, conmon) read the last "error" back. */
static void log_line(const struct global *global, const char *level, const char *text)
{
	_cleanup_fd_ int fd = -1;
	struct json_object *object;
	struct timespec now;
	char stamp[32], line[TEXT_MAX + 128];

	if (!global->log)
		return;
	fd = open(global->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);
	if (fd < 0)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	time_format(&now, stamp);
	if (!global->log_json) {
		(void)snprintf(line, sizeof line, "time=\"%s\" level=%s msg=\"%s\"\n", stamp, level,
			       text);
		(void)ts_write_all(fd, line, strlen(line));
		return;
	}
	object = json_object_new_object();
	if (object && json_object_object_add(object, "level", json_object_new_string(level)) == 0 &&
	    json_object_object_add(object, "msg", json_object_new_string(text)) == 0 &&
	    json_object_object_add(object, "time", json_object_new_string(stamp)) == 0) {
		const char *json = json_object_to_json_string_ext(
			object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

		(void)snprintf(line, sizeof line, "%s\n", json ? json : "");
		(void)ts_write_all(fd, line, strlen(line));
	}
	json_object_put(object);
}

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

void report_error(const struct global *global, const struct ts_error *e)
{
	char text[TEXT_MAX];
	/* A config that is wrong is no system call that failed. */
	bool reason = e->err != 0 && !(e->err == EINVAL && e->step == TS_STEP_CONFIG);

	(void)snprintf(text, sizeof text, "%s: %s%s%s", ts_step_name(e->step), e->msg,
		       reason ? ": " : "", reason ? ts_errno_text(e->err) : "");
	say(global, "error", "", text);
}

void report_public(const struct global *global, const struct taskshim_error *error)
{
	struct ts_error e = {.step = ts_step_from_name(error->step), .err = error->err};

	(void)snprintf(e.msg, sizeof e.msg, "%s", error->message);
	report_error(global, &e);
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
