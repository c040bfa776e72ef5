/* Statistics as a table and as JSON. */
#include "shim/cmd/cmd.h"
#include "shim/cmd/stats.h"
#include "shim/cmd/text.h"

#include "protocol/exit_record.h"
#include "protocol/json_write.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

/* --- the table --- */

enum { CELL = 48 };

/* "12.3M"; "-" where it is not known. */
static const char *bytes_text(uint64_t bytes, char cell[static CELL])
{
	static const char units[] = "BKMGTPE";
	double value = (double)bytes;
	size_t unit = 0;

	if (bytes == TASKSHIM_UNKNOWN)
		return "-";
	if (bytes == TASKSHIM_NO_LIMIT)
		return "none";
	for (; value >= 1023.95; unit++)
		value /= 1024;
	(void)snprintf(cell, CELL, unit == 0 ? "%.0f%c" : "%.1f%c", value, units[unit]);
	return cell;
}

static const char *count_text(uint64_t count, char cell[static CELL])
{
	if (count == TASKSHIM_UNKNOWN)
		return "-";
	if (count == TASKSHIM_NO_LIMIT)
		return "none";
	(void)snprintf(cell, CELL, "%" PRIu64, count);
	return cell;
}

static const char *time_text(uint64_t ns, char cell[static CELL])
{
	if (ns == TASKSHIM_UNKNOWN)
		return "-";
	(void)snprintf(cell, CELL, "%.2fs", (double)ns / 1e9);
	return cell;
}

static const char *percent_text(double percent, char cell[static CELL])
{
	if (percent < 0)
		return "-";
	(void)snprintf(cell, CELL, "%.1f", percent);
	return cell;
}

/* Of all devices; unknown where one is. */
static uint64_t io_sum(const struct taskshim_stats *stats, bool written)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < stats->n_devices; i++) {
		uint64_t value = written ? stats->devices[i].wbytes : stats->devices[i].rbytes;

		if (value == TASKSHIM_UNKNOWN)
			return TASKSHIM_UNKNOWN;
		sum += value;
	}
	return stats->io_known ? sum : TASKSHIM_UNKNOWN;
}

static void add_task(struct table *table, const struct stats_row *row)
{
	const struct taskshim_stats *s = row->stats;
	char cell[CELL];

	table_cell(table, row->id);
	table_cell(table, count_text(s->n_processes, cell));
	table_cell(table, percent_text(s->cpu.percent, cell));
	table_cell(table, time_text(s->cpu.user_ns, cell));
	table_cell(table, time_text(s->cpu.system_ns, cell));
	table_cell(table, bytes_text(s->memory.rss, cell));
	table_cell(table, bytes_text(s->memory.cache, cell));
	table_cell(table, bytes_text(s->memory.swap, cell));
	table_cell(table, bytes_text(s->memory.usage, cell));
	table_cell(table, bytes_text(s->memory.max_usage, cell));
	table_cell(table, bytes_text(s->memory.limit, cell));
	table_cell(table, bytes_text(io_sum(s, false), cell));
	table_cell(table, bytes_text(io_sum(s, true), cell));
}

/* A process may call itself anything; a terminal should not be told. */
static const char *comm_text(const char *comm, char cell[static CELL])
{
	size_t i;

	for (i = 0; i < CELL - 1 && comm[i]; i++)
		cell[i] = comm[i] >= ' ' && comm[i] <= '~' ? comm[i] : '?';
	cell[i] = '\0';
	return cell;
}

static void add_processes(struct table *table, const struct stats_row *row)
{
	for (size_t i = 0; i < row->stats->n_processes; i++) {
		const struct taskshim_process *p = &row->stats->processes[i];
		const char state[2] = {p->state, '\0'};
		char cell[CELL];

		table_cell(table, row->id);
		table_cell(table, count_text((uint64_t)p->pid, cell));
		table_cell(table, state);
		table_cell(table, percent_text(p->percent, cell));
		table_cell(table, time_text(p->user_ns, cell));
		table_cell(table, time_text(p->system_ns, cell));
		table_cell(table, bytes_text(p->rss, cell));
		table_cell(table, comm_text(p->comm, cell));
	}
}

int stats_print_table(const struct stats_row *rows, size_t n, bool processes)
{
	static const char *const head[] = {"ID",    "PROCS", "CPU%", "USER",  "SYSTEM",
					   "RSS",   "CACHE", "SWAP", "USAGE", "MAX",
					   "LIMIT", "READ",  "WRITE"};
	static const char *const process_head[] = {"ID",   "PID",    "S",   "CPU%",
						   "USER", "SYSTEM", "RSS", "COMMAND"};
	struct table table = {.columns = sizeof head / sizeof head[0], .gap = 2};
	struct table of_processes = {.columns = sizeof process_head / sizeof process_head[0],
				     .gap = 2};

	table_cells(&table, head);
	for (size_t i = 0; i < n; i++)
		add_task(&table, &rows[i]);
	if (table_print(&table) < 0)
		return -1;
	if (!processes)
		return 0;
	table_cells(&of_processes, process_head);
	for (size_t i = 0; i < n; i++)
		add_processes(&of_processes, &rows[i]);
	return print_text("\n", false) < 0 ? -1 : table_print(&of_processes);
}

/* --- JSON --- */

/* null: not known; -1: no limit, as OCI has it. */
static void add_number(struct json_writer *w, const char *key, uint64_t value)
{
	if (value == TASKSHIM_UNKNOWN)
		json_add_null(w, key);
	else if (value == TASKSHIM_NO_LIMIT)
		json_add_i64(w, key, -1);
	else
		json_add_u64(w, key, value);
}

/* json-c would print 17 digits. */
static void add_decimal(struct json_writer *w, const char *key, double value)
{
	char text[CELL];

	if (value < 0) {
		json_add_null(w, key);
		return;
	}
	(void)snprintf(text, sizeof text, "%.2f", value);
	json_add(w, key, json_object_new_double_s(value, text));
}

static struct json_object *memory_json(const struct taskshim_memory_stats *m)
{
	struct json_writer w = json_writer_new();

	add_number(&w, "usage", m->usage);
	add_number(&w, "maxUsage", m->max_usage);
	add_number(&w, "limit", m->limit);
	add_number(&w, "rss", m->rss);
	add_number(&w, "cache", m->cache);
	add_number(&w, "swap", m->swap);
	add_number(&w, "swapLimit", m->swap_limit);
	add_number(&w, "kernel", m->kernel);
	add_number(&w, "maxKernel", m->max_kernel);
	add_number(&w, "limitHits", m->limit_hits);
	add_number(&w, "oomKills", m->oom_kills);
	return w.object;
}

static struct json_object *cpu_json(const struct taskshim_cpu_stats *c)
{
	struct json_writer w = json_writer_new();

	add_number(&w, "totalNs", c->total_ns);
	add_number(&w, "userNs", c->user_ns);
	add_number(&w, "systemNs", c->system_ns);
	add_decimal(&w, "percent", c->percent);
	add_decimal(&w, "ticks", c->ticks);
	add_number(&w, "periods", c->periods);
	add_number(&w, "throttledPeriods", c->throttled_periods);
	add_number(&w, "throttledNs", c->throttled_ns);
	return w.object;
}

static struct json_object *pids_json(const struct taskshim_pids_stats *p)
{
	struct json_writer w = json_writer_new();

	add_number(&w, "current", p->current);
	add_number(&w, "limit", p->limit);
	return w.object;
}

/* Adds @value to @array; takes it over, and the array if that fails. */
static struct json_object *push(struct json_object *array, struct json_object *value)
{
	if (array && value && json_object_array_add(array, value) == 0)
		return array;
	json_object_put(value);
	json_object_put(array);
	return NULL;
}

static struct json_object *devices_json(const struct taskshim_stats *s)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < s->n_devices; i++) {
		const struct taskshim_device_stats *d = &s->devices[i];
		struct json_writer w = json_writer_new();
		char device[CELL];

		(void)snprintf(device, sizeof device, "%u:%u", d->major, d->minor);
		json_add_text(&w, "device", device);
		add_number(&w, "rbytes", d->rbytes);
		add_number(&w, "wbytes", d->wbytes);
		add_number(&w, "rios", d->rios);
		add_number(&w, "wios", d->wios);
		array = push(array, w.object);
	}
	return array;
}

static void add_pressure_line(struct json_writer *w, const char *key,
			      const struct taskshim_pressure_line *line)
{
	struct json_writer of_line;

	if (line->total_us == TASKSHIM_UNKNOWN) {
		json_add_null(w, key);
		return;
	}
	of_line = json_writer_new();
	add_decimal(&of_line, "avg10", line->avg10);
	add_decimal(&of_line, "avg60", line->avg60);
	add_decimal(&of_line, "avg300", line->avg300);
	add_number(&of_line, "totalUs", line->total_us);
	json_add(w, key, of_line.object);
}

static void add_pressure(struct json_writer *w, const char *key,
			 const struct taskshim_pressure *pressure)
{
	struct json_writer both;

	if (pressure->some.total_us == TASKSHIM_UNKNOWN &&
	    pressure->full.total_us == TASKSHIM_UNKNOWN) {
		json_add_null(w, key);
		return;
	}
	both = json_writer_new();
	add_pressure_line(&both, "some", &pressure->some);
	add_pressure_line(&both, "full", &pressure->full);
	json_add(w, key, both.object);
}

static struct json_object *pressure_json(const struct taskshim_stats *s)
{
	struct json_writer w = json_writer_new();

	add_pressure(&w, "cpu", &s->cpu_pressure);
	add_pressure(&w, "memory", &s->memory_pressure);
	add_pressure(&w, "io", &s->io_pressure);
	return w.object;
}

static struct json_object *processes_json(const struct taskshim_stats *s)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < s->n_processes; i++) {
		const struct taskshim_process *p = &s->processes[i];
		const char state[2] = {p->state, '\0'};
		struct json_writer w = json_writer_new();

		json_add_i64(&w, "pid", p->pid);
		json_add(&w, "comm", json_text_new(p->comm));
		json_add_text(&w, "state", state);
		add_number(&w, "threads", p->threads);
		add_number(&w, "rss", p->rss);
		add_number(&w, "userNs", p->user_ns);
		add_number(&w, "systemNs", p->system_ns);
		add_decimal(&w, "percent", p->percent);
		array = push(array, w.object);
	}
	return array;
}

static struct json_object *stats_json(const struct stats_row *row)
{
	const struct taskshim_stats *s = row->stats;
	struct json_writer w = json_writer_new();
	char time[32];

	time_format(&s->time, time);
	json_add(&w, "id", json_text_new(row->id));
	json_add_text(&w, "time", time);
	json_add(&w, "memory", memory_json(&s->memory));
	json_add(&w, "cpu", cpu_json(&s->cpu));
	json_add(&w, "pids", pids_json(&s->pids));
	if (s->io_known)
		json_add(&w, "io", devices_json(s));
	else
		json_add_null(&w, "io");
	json_add(&w, "pressure", pressure_json(s));
	json_add(&w, "processes", processes_json(s));
	return w.object;
}

/* One object a line. */
int stats_print_json(const struct stats_row *rows, size_t n, bool processes)
{
	(void)processes;
	for (size_t i = 0; i < n; i++) {
		struct json_object *object = stats_json(&rows[i]);
		int r = object ? print_json_line(object) : -1;

		json_object_put(object);
		if (r < 0)
			return -1;
	}
	return 0;
}
