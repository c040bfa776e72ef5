/* The exit record: what is known of a task's end. design.md section 5. It is evidence: what nobody saw stays unknown. */
#ifndef PROTOCOL_EXIT_RECORD_H
#define PROTOCOL_EXIT_RECORD_H

#include "util/error.h"
#include "util/proc.h"

#include <json-c/json_types.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum exit_cause {
	EXIT_CAUSE_UNKNOWN, /* nobody saw the end */
	EXIT_CAUSE_EXITED, /* by itself, or by a signal that is not ours */
	EXIT_CAUSE_STOPPED, /* by `stop`, `kill`, `delete` or a parent's death */
	EXIT_CAUSE_TIMEOUT, /* taskshim.timeout ran out */
	EXIT_CAUSE_MONITOR_LOST, /* the monitor died before it could see */
	EXIT_CAUSE_COUNT
};

struct exit_usage {
	uint64_t user_us, system_us; /* of init and the children it waited for */
	uint64_t max_rss_bytes;
	uint64_t major_faults, minor_faults, voluntary_switches, involuntary_switches;
	uint64_t memory_peak_bytes; /* of the cgroup; 0 with memory_peak_known false */
	bool memory_peak_known;
};

/* Of taskshim.logs: both streams together. */
struct exit_logs {
	bool known; /* false: there are none */
	uint64_t written_bytes, dropped_bytes, rotations;
};

struct exit_record {
	char *id; /* NULL: none */
	char run_id[TS_RUN_ID_LEN + 1];
	char boot_id[TS_BOOT_ID_LEN + 1];
	bool known; /* false: exit_code and signal say nothing */
	int exit_code; /* 0..255; 128 + signal when killed, as a shell has it */
	int signal; /* 0: not killed by one */
	bool core_dumped;
	bool oom_known; /* false: no memory cgroup to read it from */
	uint64_t oom_kills; /* processes of the task that the OOM killer has ended */
	bool oom_killed; /* init was among them: a child alone that was does not count */
	enum exit_cause cause;
	int stop_signal; /* the first signal of the stop, 0: none */
	uint64_t stop_grace_ms; /* how long it was given */
	struct timespec started_at, finished_at; /* CLOCK_REALTIME; tv_sec 0: unknown */
	uint64_t runtime_ms; /* by CLOCK_BOOTTIME */
	bool usage_known; /* false: runtime_ms and usage say nothing */
	struct exit_usage usage;
	struct exit_logs logs;
};

/* The record as a JSON object (exit.json, `taskshim wait`): a new reference, or NULL (out of memory). */
struct json_object *exit_record_encode(const struct exit_record *record);

/* The `exited` line of the wire: {"type":"exited",...}: a new reference, or NULL. */
struct json_object *exit_record_encode_message(const struct exit_record *record);

/* Decodes exit.json. Returns 0 and fills *@ret (to exit_record_done()), or -1 with @e filled. */
int exit_record_decode(struct json_object *object, struct exit_record *ret, struct ts_error *e);

void exit_record_done(struct exit_record *record);

/* "2026-11-23T10:00:00.123456789Z". Pure (no time zone). */
void time_format(const struct timespec *t, char ret[static 32]);

/* The reverse. Returns 0 or -EINVAL. */
int time_parse(const char *text, struct timespec *ret);

#endif
