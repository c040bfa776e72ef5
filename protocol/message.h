/* Standard output of spawn-daemon: one JSON object a line, at most 4096 bytes each. design.md section 3. */
#ifndef PROTOCOL_MESSAGE_H
#define PROTOCOL_MESSAGE_H

#include "protocol/exit_record.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { MESSAGE_MAX = 4096 /* bytes of a line, its newline included */ };

enum message_type {
	MESSAGE_CREATED,
	MESSAGE_STARTED,
	MESSAGE_EXITED,
	MESSAGE_ERROR,
	MESSAGE_ABORTED,
	MESSAGE_TYPE_COUNT
};

enum abort_reason { ABORT_GATE_FALSE, ABORT_PARENT_GONE };

/* JSON text is UTF-8, paths need not be: in every string of these lines (and of records and state files) a byte that is not
 * part of valid UTF-8 stands as the four characters \xHH, its backslash doubled by JSON. ID strings, which must be read
 * back, refuse such paths instead.
 *
 * Each writes a line with its newline into @line and returns its length, or -1 when it does not fit or memory ran out. */
ssize_t message_created(char line[static MESSAGE_MAX], pid_t pid, pid_t monitor_pid,
			const char *id_string);
ssize_t message_started(char line[static MESSAGE_MAX], pid_t pid, uint64_t start_time,
			const char *id_string);
ssize_t message_exited(char line[static MESSAGE_MAX], const struct exit_record *record);
ssize_t message_error(char line[static MESSAGE_MAX],
		      const struct ts_error *error); /* always fits */
ssize_t message_aborted(char line[static MESSAGE_MAX], enum abort_reason reason);

/* A decoded line. Which fields count follows from type. */
struct message {
	enum message_type type;
	pid_t pid, monitor_pid; /* created, started */
	uint64_t start_time; /* started */
	char *id_string; /* created, started */
	struct exit_record exited; /* exited */
	struct ts_error error; /* error */
	enum abort_reason reason; /* aborted */
};

/* Decodes one line (@len bytes without the newline). Unknown properties are ignored, an unknown type is an error.
 * Returns 0 and fills *@ret (to message_done()), or -1 with @e filled. */
int message_decode(const char *line, size_t len, struct message *ret, struct ts_error *e);

void message_done(struct message *message);

#endif
