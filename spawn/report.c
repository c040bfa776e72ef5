/* Writes the wire's lines. */
#include "spawn/report.h"

#include "protocol/form2015.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum { TRIES = 3 /* a start hangs on its lines: an error that does not last is none */ };

static bool is_writable(int fd)
{
	struct pollfd out = {.fd = fd, .events = POLLOUT};
	int r = -1;

	for (int tries = 0; r < 0 && tries < TRIES; tries++)
		r = poll(&out, 1, 0);
	return r == 1 && out.revents & POLLOUT;
}

/* The descriptor is the caller's and may be shared: no O_NONBLOCK on it. A pipe that is writable takes a line of
 * PIPE_BUF bytes whole. */
static void write_line(const struct report *report, const char *line, ssize_t len)
{
	ssize_t n = -1;

	for (int tries = 0; len > 0 && n < 0 && tries < TRIES && is_writable(report->fd); tries++)
		n = write(report->fd, line, (size_t)len);
}

void report_created(const struct report *report, pid_t pid, pid_t monitor_pid,
		    const char *id_string)
{
	char line[MESSAGE_MAX];

	if (!report->form2015)
		write_line(report, line, message_created(line, pid, monitor_pid, id_string));
}

void report_started(const struct report *report, pid_t pid, uint64_t start_time,
		    const char *id_string)
{
	char line[MESSAGE_MAX];

	if (report->form2015)
		write_line(report, line, form2015_start_status(line, sizeof line, pid, ""));
	else
		write_line(report, line, message_started(line, pid, start_time, id_string));
}

void report_exited(const struct report *report, const struct exit_record *record)
{
	char line[MESSAGE_MAX];

	if (report->form2015)
		write_line(report, line,
			   form2015_exit_status(line, sizeof line,
						record->known && record->exit_code == 0));
	else
		write_line(report, line, message_exited(line, record));
}

void report_aborted(const struct report *report, enum abort_reason reason)
{
	char line[MESSAGE_MAX];

	if (!report->form2015)
		write_line(report, line, message_aborted(line, reason));
}

void report_error(const struct report *report, const struct ts_error *e)
{
	char line[MESSAGE_MAX];

	if (report->form2015) {
		char text[sizeof e->msg + 128];

		(void)snprintf(text, sizeof text, "%s%s%s", e->msg, e->err ? ": " : "",
			       ts_errno_text(e->err));
		write_line(report, line, form2015_start_status(line, sizeof line, 0, text));
	} else {
		write_line(report, line, message_error(line, e));
	}
}
