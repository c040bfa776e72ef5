/* The lines of run --explain. */
#include "shim/cmd/run_explain.h"

#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

int run_explain_option(struct run_explain *x, const char *value)
{
	x->on = true;
	x->json = value != NULL;
	return !value || strcmp(value, "json") == 0 ? 0 : -1;
}

int run_explain_open(struct run_explain *x, int *ret_fd, struct ts_error *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0) {
		e->step = TS_STEP_MONITOR;
		return ts_fail(e, errno, "make the pipe of --explain", NULL);
	}
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	x->fd = ends[0];
	*ret_fd = ends[1];
	return 0;
}

static void print(const struct run_explain *x, const char *step, const char *does, int64_t us,
		  bool ok)
{
	char line[640];
	int n;

	if (x->json)
		n = snprintf(line, sizeof line,
			     "{\"step\":\"%s\",\"does\":\"%s\",\"microseconds\":%lld,\"ok\":%s}\n",
			     step, does, (long long)us, ok ? "true" : "false");
	else
		n = snprintf(line, sizeof line, "%5lld.%03lld ms  %-6s  %-12s %s\n",
			     (long long)us / 1000, (long long)us % 1000, ok ? "ok" : "FAILED", step,
			     does);
	if (n > 0 && (size_t)n < sizeof line)
		(void)ts_write_all(STDERR_FILENO, line, (size_t)n);
}

/* One of spawn-daemon's. */
static void print_line(const struct run_explain *x, const char *text)
{
	struct json_object *line = json_tokener_parse(text), *step, *does, *us, *ok;

	if (json_object_object_get_ex(line, "step", &step) &&
	    json_object_object_get_ex(line, "does", &does) &&
	    json_object_object_get_ex(line, "microseconds", &us) &&
	    json_object_object_get_ex(line, "ok", &ok))
		print(x, json_object_get_string(step), json_object_get_string(does),
		      json_object_get_int64(us), json_object_get_boolean(ok));
	json_object_put(line);
}

void run_explain_begin(struct run_explain *x)
{
	if (x->on)
		(void)clock_gettime(CLOCK_MONOTONIC, &x->begun);
}

void run_explain_own(struct run_explain *x, enum ts_step step, const char *does, bool ok)
{
	struct timespec now;

	if (!x->on)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	print(x, ts_step_name(step), does,
	      (now.tv_sec - x->begun.tv_sec) * 1000000LL + (now.tv_nsec - x->begun.tv_nsec) / 1000,
	      ok);
	x->begun = now;
}

void run_explain_read(struct run_explain *x)
{
	while (x->fd >= 0) {
		ssize_t n = read(x->fd, x->text + x->used, sizeof x->text - 1 - x->used);
		char *start = x->text, *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			ts_fd_closep(&x->fd);
			return;
		}
		x->used += (size_t)n;
		x->text[x->used] = '\0';
		for (; (end = strchr(start, '\n')); start = end + 1) {
			*end = '\0';
			print_line(x, start);
		}
		x->used -= (size_t)(start - x->text);
		memmove(x->text, start, x->used);
	}
}

void run_explain_done(struct run_explain *x)
{
	run_explain_read(x);
	ts_fd_closep(&x->fd);
}
