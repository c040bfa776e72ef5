/* The exit record as JSON and back. */
#include "protocol/exit_record.h"

#include "protocol/json_write.h"
#include "protocol/record_read.h"

#include <json-c/json.h>
#include <stdlib.h>

enum { VERSION = 1 };

static const struct json_word causes[] = {
	{"unknown", EXIT_CAUSE_UNKNOWN},	   {"exited", EXIT_CAUSE_EXITED},
	{"stopped", EXIT_CAUSE_STOPPED},	   {"timeout", EXIT_CAUSE_TIMEOUT},
	{"monitor-lost", EXIT_CAUSE_MONITOR_LOST}, {NULL, 0},
};

/* --- encoding: what is not known is null --- */

static void add_time(struct json_writer *w, const char *key, const struct timespec *t)
{
	char text[32];

	if (t->tv_sec == 0) {
		json_add_null(w, key);
		return;
	}
	time_format(t, text);
	json_add_text(w, key, text);
}

static struct json_object *encode_usage(const struct exit_usage *u)
{
	struct json_writer w = json_writer_new();

	json_add_u64(&w, "userUs", u->user_us);
	json_add_u64(&w, "systemUs", u->system_us);
	json_add_u64(&w, "maxRssBytes", u->max_rss_bytes);
	json_add_u64(&w, "majorFaults", u->major_faults);
	json_add_u64(&w, "minorFaults", u->minor_faults);
	json_add_u64(&w, "voluntarySwitches", u->voluntary_switches);
	json_add_u64(&w, "involuntarySwitches", u->involuntary_switches);
	if (u->memory_peak_known)
		json_add_u64(&w, "memoryPeakBytes", u->memory_peak_bytes);
	else
		json_add_null(&w, "memoryPeakBytes");
	return w.object;
}

static void add_end(struct json_writer *w, const struct exit_record *record)
{
	json_add_bool(w, "known", record->known);
	if (record->known) {
		json_add_i64(w, "exitCode", record->exit_code);
		json_add_i64(w, "signal", record->signal);
		json_add_bool(w, "coreDumped", record->core_dumped);
	} else {
		json_add_null(w, "exitCode");
		json_add_null(w, "signal");
		json_add_null(w, "coreDumped");
	}
	if (record->oom_known) {
		json_add_bool(w, "oomKilled", record->oom_killed);
		json_add_u64(w, "oomKills", record->oom_kills);
	} else {
		json_add_null(w, "oomKilled");
		json_add_null(w, "oomKills");
	}
}

static struct json_object *encode_logs(const struct exit_logs *logs)
{
	struct json_writer w = json_writer_new();

	json_add_u64(&w, "writtenBytes", logs->written_bytes);
	json_add_u64(&w, "droppedBytes", logs->dropped_bytes);
	json_add_u64(&w, "rotations", logs->rotations);
	return w.object;
}

static struct json_object *encode(struct json_writer w, const struct exit_record *record)
{
	bool cause_known = (unsigned)record->cause < EXIT_CAUSE_COUNT;

	json_add_text(&w, "id", record->id);
	json_add_text(&w, "runId", record->run_id);
	json_add_text(&w, "bootId", record->boot_id);
	add_end(&w, record);
	json_add_text(&w, "cause", causes[cause_known ? record->cause : EXIT_CAUSE_UNKNOWN].name);
	if (record->stop_signal != 0) {
		json_add_i64(&w, "stopSignal", record->stop_signal);
		json_add_u64(&w, "stopGraceMs", record->stop_grace_ms);
	}
	add_time(&w, "startedAt", &record->started_at);
	add_time(&w, "finishedAt", &record->finished_at);
	if (record->usage_known) {
		json_add_u64(&w, "runtimeMs", record->runtime_ms);
		json_add(&w, "usage", encode_usage(&record->usage));
	} else {
		json_add_null(&w, "runtimeMs");
		json_add_null(&w, "usage");
	}
	if (record->logs.known)
		json_add(&w, "logs", encode_logs(&record->logs));
	return w.object;
}

struct json_object *exit_record_encode(const struct exit_record *record)
{
	struct json_writer w = json_writer_new();

	json_add_i64(&w, "version", VERSION);
	return encode(w, record);
}

struct json_object *exit_record_encode_message(const struct exit_record *record)
{
	struct json_writer w = json_writer_new();

	json_add_text(&w, "type", "exited");
	return encode(w, record);
}

/* --- decoding --- */

static int read_memory_peak(const struct json_reader *r, const struct json_path *at,
			    struct json_object *value, const struct json_field *field, void *object)
{
	((struct exit_usage *)object)->memory_peak_known = true;
	return json_read_u64(r, at, value, field, object);
}

static int read_oom_kills(const struct json_reader *r, const struct json_path *at,
			  struct json_object *value, const struct json_field *field, void *object)
{
	((struct exit_record *)object)->oom_known = true;
	return json_read_u64(r, at, value, field, object);
}

static const struct json_field usage_fields[] = {
	JSON_ROW(struct exit_usage, "userUs", user_us, json_read_u64),
	JSON_ROW(struct exit_usage, "systemUs", system_us, json_read_u64),
	JSON_ROW(struct exit_usage, "maxRssBytes", max_rss_bytes, json_read_u64),
	JSON_ROW(struct exit_usage, "majorFaults", major_faults, json_read_u64),
	JSON_ROW(struct exit_usage, "minorFaults", minor_faults, json_read_u64),
	JSON_ROW(struct exit_usage, "voluntarySwitches", voluntary_switches, json_read_u64),
	JSON_ROW(struct exit_usage, "involuntarySwitches", involuntary_switches, json_read_u64),
	JSON_ROW(struct exit_usage, "memoryPeakBytes", memory_peak_bytes, read_memory_peak),
};
static JSON_TABLE(usage_table, usage_fields, struct exit_usage);

static int read_usage(const struct json_reader *r, const struct json_path *at,
		      struct json_object *value, const struct json_field *field, void *object)
{
	((struct exit_record *)object)->usage_known = true;
	return json_read_object(r, at, value, field, object);
}

static const struct json_field logs_fields[] = {
	JSON_ROW(struct exit_logs, "writtenBytes", written_bytes, json_read_u64),
	JSON_ROW(struct exit_logs, "droppedBytes", dropped_bytes, json_read_u64),
	JSON_ROW(struct exit_logs, "rotations", rotations, json_read_u64),
};
static JSON_TABLE(logs_table, logs_fields, struct exit_logs);

static int read_logs(const struct json_reader *r, const struct json_path *at,
		     struct json_object *value, const struct json_field *field, void *object)
{
	((struct exit_record *)object)->logs.known = true;
	return json_read_object(r, at, value, field, object);
}

/* "known" must not be true without an exit code: that would be a made-up 0. */
static int check_record(const struct json_reader *r, const struct json_path *at, void *object)
{
	struct exit_record *record = object;
	struct json_path code = {.up = at, .key = "exitCode"};

	if (record->known && record->exit_code < 0)
		return json_fail(r, &code, "missing, though \"known\" is true");
	if (!record->known) {
		record->exit_code = record->signal = 0;
		record->core_dumped = false;
	}
	return 0;
}

static const struct json_field record_fields[] = {
	JSON_ROW(struct exit_record, "id", id, json_read_copy),
	JSON_ROW(struct exit_record, "runId", run_id, json_read_run_id),
	JSON_ROW(struct exit_record, "bootId", boot_id, json_read_boot_id),
	JSON_ROW(struct exit_record, "known", known, json_read_bool, .required = true),
	JSON_ROW(struct exit_record, "exitCode", exit_code, json_read_int, .max = 255),
	JSON_ROW(struct exit_record, "signal", signal, json_read_int, .max = 64),
	JSON_ROW(struct exit_record, "coreDumped", core_dumped, json_read_bool),
	JSON_ROW(struct exit_record, "oomKilled", oom_killed, json_read_bool),
	JSON_ROW(struct exit_record, "oomKills", oom_kills, read_oom_kills),
	JSON_ROW(struct exit_record, "cause", cause, json_read_word, .words = causes),
	JSON_ROW(struct exit_record, "stopSignal", stop_signal, json_read_int, .max = 64),
	JSON_ROW(struct exit_record, "stopGraceMs", stop_grace_ms, json_read_u64),
	JSON_ROW(struct exit_record, "startedAt", started_at, json_read_time),
	JSON_ROW(struct exit_record, "finishedAt", finished_at, json_read_time),
	JSON_ROW(struct exit_record, "runtimeMs", runtime_ms, json_read_u64),
	JSON_ROW(struct exit_record, "usage", usage, read_usage, .table = &usage_table),
	JSON_ROW(struct exit_record, "logs", logs, read_logs, .table = &logs_table),
};
static JSON_TABLE(record_table, record_fields, struct exit_record, .check = check_record);

int exit_record_decode(struct json_object *object, struct exit_record *ret, struct ts_error *e)
{
	void *none = NULL;
	struct json_reader reader = {.e = e, .allocations = &none};
	struct exit_record record = {.exit_code = -1};

	if (json_check_version(&reader, object, VERSION) < 0 ||
	    json_read_members(&reader, NULL, object, &record_table, &record) < 0) {
		exit_record_done(&record);
		return -1;
	}
	*ret = record;
	return 0;
}

void exit_record_done(struct exit_record *record)
{
	free(record->id);
	record->id = NULL;
}
