/* Fills and names error records. No system calls. */
#include "util/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const step_names[TS_STEP_COUNT] = {
	[TS_STEP_NONE] = "none",
	[TS_STEP_USAGE] = "usage",
	[TS_STEP_CONFIG] = "config",
	[TS_STEP_STATE] = "state",
	[TS_STEP_CGROUP] = "cgroup",
	[TS_STEP_MONITOR] = "monitor",
	[TS_STEP_STDIO] = "stdio",
	[TS_STEP_NAMESPACES] = "namespaces",
	[TS_STEP_SESSION] = "session",
	[TS_STEP_HOSTNAME] = "hostname",
	[TS_STEP_PROPAGATION] = "propagation",
	[TS_STEP_ROOT] = "root",
	[TS_STEP_TASKDIR] = "taskdir",
	[TS_STEP_MOUNT] = "mount",
	[TS_STEP_DEVICES] = "devices",
	[TS_STEP_MASK] = "mask",
	[TS_STEP_PIVOT] = "pivot",
	[TS_STEP_CWD] = "cwd",
	[TS_STEP_RLIMITS] = "rlimits",
	[TS_STEP_OOM] = "oom",
	[TS_STEP_USER] = "user",
	[TS_STEP_CAPS] = "capabilities",
	[TS_STEP_PRIVILEGES] = "privileges",
	[TS_STEP_COMMAND] = "command",
	[TS_STEP_DEATHSIG] = "deathsig",
	[TS_STEP_GATE] = "gate",
	[TS_STEP_EXEC] = "exec",
	[TS_STEP_WAIT] = "wait",
	[TS_STEP_DELETE] = "delete",
};

/* Appends @text at *@used; what does not fit is left out, the last bytes then read "...". */
static void append(struct ts_error *e, size_t *used, const char *text)
{
	size_t room = sizeof e->msg - 1 - *used;
	size_t n = strlen(text);

	if (n <= room) {
		memcpy(e->msg + *used, text, n);
		*used += n;
	} else {
		memcpy(e->msg + *used, text, room);
		*used += room;
		memcpy(e->msg + *used - 3, "...", 3);
	}
	e->msg[*used] = '\0';
}

int ts_fail(struct ts_error *e, int err, const char *what, const char *object)
{
	size_t used = 0;

	e->err = err;
	append(e, &used, what);
	if (object) {
		append(e, &used, ": ");
		append(e, &used, object);
	}
	return -1;
}

int ts_failf(struct ts_error *e, int err, const char *format, ...)
{
	va_list ap;
	int n;

	e->err = err;
	va_start(ap, format);
	n = vsnprintf(e->msg, sizeof e->msg, format, ap);
	va_end(ap);
	if (n >= (int)sizeof e->msg)
		memcpy(e->msg + sizeof e->msg - 4, "...", 4);
	return -1;
}

const char *ts_step_name(uint32_t step)
{
	return step < TS_STEP_COUNT ? step_names[step] : step_names[TS_STEP_NONE];
}

enum ts_step ts_step_from_name(const char *name)
{
	for (uint32_t i = 0; i < TS_STEP_COUNT; i++)
		if (strcmp(step_names[i], name) == 0)
			return (enum ts_step)i;
	return TS_STEP_NONE;
}

const char *ts_errno_name(int err)
{
	const char *name = err ? strerrorname_np(err) : "";

	return name ? name : "E?";
}

const char *ts_errno_text(int err)
{
	const char *text = err ? strerrordesc_np(err) : "";

	return text ? text : "unknown error";
}
