/* What spawn-daemon says on standard output: protocol/message.h, or the documents of the 2015 form. A reader that is slow or
 * gone never stops the task: a line that does not fit at once is dropped. design.md section 3. */
#ifndef SPAWN_REPORT_H
#define SPAWN_REPORT_H

#include "protocol/message.h"

#include <stdbool.h>

struct report {
	int fd; /* standard output; its flags are left alone */
	bool form2015; /* answer in the 2015 form */
};

/* Returns 0, also when the line was dropped; -1 with @e filled when it could not be written: whoever waits for it would
 * never open the gate. */
int report_created(const struct report *report, pid_t pid, pid_t monitor_pid, const char *id_string,
		   struct ts_error *e);
void report_started(const struct report *report, pid_t pid, uint64_t start_time,
		    const char *id_string);
void report_exited(const struct report *report, const struct exit_record *record);
void report_aborted(const struct report *report, enum abort_reason reason);

void report_error(const struct report *report, const struct ts_error *e);

#endif
