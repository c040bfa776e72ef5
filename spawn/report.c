/* Writes the wire's lines. */
#include "spawn/report.h"

#include "protocol/form2015.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nobody waits behind a file on a full disk for the line, as one may behind a pipe. */
static bool is_full_disk(int fd, int err)
{
	struct stat st;

	return (err == ENOSPC || err == EDQUOT) && fstat(fd, &st) == 0 && !S_ISFIFO(st.st_mode) &&
	       !S_ISSOCK(st.st_mode);
}

/* The descriptor is the caller's and may be shared: no O_NONBLOCK on it. A pipe that is writable takes a line of
 * PIPE_BUF bytes whole. Returns 0 also when the reader is slow or gone or its disk full, and -1 and errno when the call
 * itself failed. */
static int write_line(const struct report *report, const char *line, ssize_t len)
{
	struct pollfd out = {.fd = report->fd, .events = POLLOUT};
	int tries = 3; /* who waits for the line would wait for ever */

	while (len > 0 && tries-- > 0) {
		int n = poll(&out, 1, 0);

		if (n == 0 || (n > 0 && !(out.revents & POLLOUT)))
			return 0;
		if (n > 0 && write(report->fd, line, (size_t)len) >= 0)
			return 0;
		if (n > 0 && (errno == EPIPE || errno == EAGAIN || is_full_disk(report->fd, errno)))
			return 0;
	}
	if (len <= 0)
		errno = E2BIG;
	return -1;
}

int report_created(const struct report *report, pid_t pid, pid_t monitor_pid, const char *id_string,
		   struct ts_error *e)
{
	char line[MESSAGE_MAX];

	if (report->form2015 ||
	    write_line(report, line, message_created(line, pid, monitor_pid, id_string)) == 0)
		return 0;
	e->step = TS_STEP_GATE;
	return ts_fail(e, errno, "write to standard output", "created");
}

void report_started(const struct report *report, pid_t pid, uint64_t start_time,
		    const char *id_string)
{
	char line[MESSAGE_MAX];

	if (report->form2015)
		(void)write_line(report, line, form2015_start_status(line, sizeof line, pid, ""));
	else
		(void)write_line(report, line, message_started(line, pid, start_time, id_string));
}

void report_exited(const struct report *report, const struct exit_record *record)
{
	char line[MESSAGE_MAX];

	if (report->form2015)
		(void)write_line(report, line,
				 form2015_exit_status(line, sizeof line,
						      record->known && record->exit_code == 0));
	else
		(void)write_line(report, line, message_exited(line, record));
}

void report_aborted(const struct report *report, enum abort_reason reason)
{
	char line[MESSAGE_MAX];

	if (!report->form2015)
		(void)write_line(report, line, message_aborted(line, reason));
}

void report_error(const struct report *report, const struct ts_error *e)
{
	char line[MESSAGE_MAX];

	if (report->form2015) {
		char text[sizeof e->msg + 128];

		(void)snprintf(text, sizeof text, "%s%s%s", e->msg, e->err ? ": " : "",
			       ts_errno_text(e->err));
		(void)write_line(report, line, form2015_start_status(line, sizeof line, 0, text));
	} else {
		(void)write_line(report, line, message_error(line, e));
	}
}
