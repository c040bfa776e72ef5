/* Readers of what messages, records and state files share: process ids, times, boot and run ids. Inside protocol/. */
#ifndef PROTOCOL_RECORD_READ_H
#define PROTOCOL_RECORD_READ_H

#include "protocol/json_read.h"

/* The largest pid: PID_MAX_LIMIT of the kernel. */
enum { PID_LARGEST = 4 * 1024 * 1024 };

json_read_fn json_read_pid; /* pid_t; 0 when unknown is allowed by field->min */
json_read_fn json_read_time; /* struct timespec */
json_read_fn json_read_run_id; /* char[TS_RUN_ID_LEN + 1]; "" is unknown */
json_read_fn json_read_boot_id; /* char[TS_BOOT_ID_LEN + 1]; "" is unknown */

bool run_id_is_valid(const char *text);
bool boot_id_is_valid(const char *text);

/* Refuses an object whose `version`, when there is one, is not @known; both numbers are named. */
int json_check_version(const struct json_reader *r, struct json_object *object, int known);

#endif
