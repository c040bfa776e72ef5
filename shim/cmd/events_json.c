/* Statistics under the names, and in the units, that `runc events` has. What is not known is left out: who reads it as Go does
 * has a 0 there, as with runc. */
#include "shim/cmd/events.h"

#include "protocol/json_write.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_known(struct json_writer *w, const char *key, uint64_t value)
{
	if (value == TASKSHIM_UNKNOWN)
		return;
	/* A limit that is none is the largest number there is. */
	json_add_u64(w, key, value == TASKSHIM_NO_LIMIT ? UINT64_MAX : value);
}

static void add_file(struct json_writer *w, const char *key, struct stats *stats,
		     enum stats_file file, struct ts_error *e)
{
	uint64_t value;

	if (stats_number(stats, file, &value, e) < 0)
		json_add(w, key, NULL); /* which fails the whole; @e says why */
	else
		add_known(w, key, value);
}

/* --- CPU --- */

/* "12 34 56 \n": nanoseconds of each CPU. */
static void add_percpu(struct json_writer *w, const char *key, struct stats *stats,
		       enum stats_file file, struct ts_error *e)
{
	struct json_object *array;
	const char *at;
	char *end;
	int r = stats_text(stats, file, &at, e);

	if (r == 0)
		return;
	array = r < 0 ? NULL : json_object_new_array();
	for (; array && *at >= '0' && *at <= '9'; at = *end == ' ' ? end + 1 : end) {
		struct json_object *value = json_object_new_uint64(strtoull(at, &end, 10));

		if (!value || json_object_array_add(array, value) < 0) {
			json_object_put(value);
			json_object_put(array);
			array = NULL;
		}
	}
	json_add(w, key, array);
}

/* Two digits are all that the kernel writes. */
static struct json_object *decimal(double value)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%.2f", value);
	return json_object_new_double_s(value, text);
}

static void add_pressure_line(struct json_writer *w, const char *key,
			      const struct taskshim_pressure_line *line)
{
	struct json_writer of_line;

	if (line->total_us == TASKSHIM_UNKNOWN)
		return;
	of_line = json_writer_new();
	json_add(&of_line, "avg10", decimal(line->avg10));
	json_add(&of_line, "avg60", decimal(line->avg60));
	json_add(&of_line, "avg300", decimal(line->avg300));
	json_add_u64(&of_line, "total", line->total_us);
	json_add(w, key, of_line.object);
}

static void add_psi(struct json_writer *w, const struct taskshim_pressure *pressure)
{
	struct json_writer psi;

	if (pressure->some.total_us == TASKSHIM_UNKNOWN)
		return;
	psi = json_writer_new();
	add_pressure_line(&psi, "some", &pressure->some);
	add_pressure_line(&psi, "full", &pressure->full);
	json_add(w, "psi", psi.object);
}

static struct json_object *cpu_json(struct stats *stats, struct ts_error *e)
{
	const struct taskshim_cpu_stats *c = &stats->sample.cpu;
	struct json_writer w = json_writer_new(), usage = json_writer_new(),
			   throttling = json_writer_new();

	add_known(&usage, "total", c->total_ns);
	add_percpu(&usage, "percpu", stats, STATS_CPU_USAGE_PERCPU, e);
	add_percpu(&usage, "percpu_kernel", stats, STATS_CPU_USAGE_PERCPU_SYSTEM, e);
	add_percpu(&usage, "percpu_user", stats, STATS_CPU_USAGE_PERCPU_USER, e);
	add_known(&usage, "kernel", c->system_ns);
	add_known(&usage, "user", c->user_ns);
	add_known(&throttling, "periods", c->periods);
	add_known(&throttling, "throttledPeriods", c->throttled_periods);
	add_known(&throttling, "throttledTime", c->throttled_ns);
	json_add(&w, "usage", usage.object);
	json_add(&w, "throttling", throttling.object);
	add_psi(&w, &stats->sample.cpu_pressure);
	return w.object;
}

/* --- memory --- */

struct entry {
	uint64_t limit, usage, max, failcnt;
};

static void add_entry(struct json_writer *w, const char *key, const struct entry *entry)
{
	struct json_writer of_entry = json_writer_new();

	add_known(&of_entry, "limit", entry->limit);
	add_known(&of_entry, "usage", entry->usage);
	add_known(&of_entry, "max", entry->max);
	add_known(&of_entry, "failcnt", entry->failcnt);
	json_add(w, key, of_entry.object);
}

static void add_entry_files(struct json_writer *w, const char *key, struct stats *stats,
			    const enum stats_file files[4], struct ts_error *e)
{
	struct json_writer of_entry = json_writer_new();

	add_file(&of_entry, "limit", stats, files[0], e);
	add_file(&of_entry, "usage", stats, files[1], e);
	add_file(&of_entry, "max", stats, files[2], e);
	add_file(&of_entry, "failcnt", stats, files[3], e);
	json_add(w, key, of_entry.object);
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	if (a == TASKSHIM_UNKNOWN || b == TASKSHIM_UNKNOWN)
		return TASKSHIM_UNKNOWN;
	return a == TASKSHIM_NO_LIMIT || b == TASKSHIM_NO_LIMIT ? TASKSHIM_NO_LIMIT : a + b;
}

/* Memory and swap together, as v1 has it. The two highest usages of v2 were at two moments, and have no sum. */
static void add_swap(struct json_writer *w, struct stats *stats, struct ts_error *e)
{
	static const enum stats_file v1[] = {STATS_SWAP_LIMIT, STATS_MEMSW_USAGE,
					     STATS_SWAP_MAX_USAGE, STATS_SWAP_FAILCNT};
	const struct taskshim_memory_stats *m = &stats->sample.memory;
	const struct entry v2 = {sum(m->limit, m->swap_limit), sum(m->usage, m->swap),
				 TASKSHIM_UNKNOWN, TASKSHIM_UNKNOWN};

	if (stats->v2[STATS_MEMORY_STAT])
		add_entry(w, "swap", &v2);
	else
		add_entry_files(w, "swap", stats, v1, e);
}

static void add_raw(const char *key, size_t len, uint64_t value, void *arg)
{
	char name[64];

	if (len >= sizeof name)
		return;
	memcpy(name, key, len);
	name[len] = '\0';
	json_add_copied(arg, name, json_object_new_uint64(value));
}

static struct json_object *memory_json(struct stats *stats, struct ts_error *e)
{
	static const enum stats_file kernel[] = {STATS_KERNEL_LIMIT, STATS_KERNEL_USAGE,
						 STATS_KERNEL_MAX_USAGE, STATS_KERNEL_FAILCNT};
	static const enum stats_file tcp[] = {STATS_TCP_LIMIT, STATS_TCP_USAGE, STATS_TCP_MAX_USAGE,
					      STATS_TCP_FAILCNT};
	const struct taskshim_memory_stats *m = &stats->sample.memory;
	const struct entry usage = {m->limit, m->usage, m->max_usage, m->limit_hits};
	struct json_writer w = json_writer_new(), raw = json_writer_new();
	const char *text = "";

	add_known(&w, "cache", m->cache);
	add_entry(&w, "usage", &usage);
	add_swap(&w, stats, e);
	add_entry_files(&w, "kernel", stats, kernel, e);
	add_entry_files(&w, "kernelTCP", stats, tcp, e);
	if (stats_text(stats, STATS_MEMORY_STAT, &text, e) < 0)
		json_add(&w, "raw", NULL);
	else
		stats_each_key(text, add_raw, &raw);
	json_add(&w, "raw", raw.object);
	add_psi(&w, &stats->sample.memory_pressure);
	return w.object;
}

/* --- the rest --- */

/* 0, here left out, is no limit. */
static struct json_object *pids_json(const struct taskshim_pids_stats *p)
{
	struct json_writer w = json_writer_new();

	add_known(&w, "current", p->current);
	if (p->limit != TASKSHIM_NO_LIMIT)
		add_known(&w, "limit", p->limit);
	return w.object;
}

static int add_operation(struct json_object *array, const struct taskshim_device_stats *d,
			 const char *op, uint64_t value)
{
	struct json_writer w;

	if (value == TASKSHIM_UNKNOWN)
		return 0;
	w = json_writer_new();
	json_add_u64(&w, "major", d->major);
	json_add_u64(&w, "minor", d->minor);
	json_add_text(&w, "op", op);
	json_add_u64(&w, "value", value);
	if (w.object && json_object_array_add(array, w.object) == 0)
		return 0;
	json_object_put(w.object);
	return -1;
}

/* Bytes, or @operations, of each disk. */
static struct json_object *disks_json(const struct taskshim_stats *s, bool operations)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < s->n_devices; i++) {
		const struct taskshim_device_stats *d = &s->devices[i];

		if (add_operation(array, d, "Read", operations ? d->rios : d->rbytes) < 0 ||
		    add_operation(array, d, "Write", operations ? d->wios : d->wbytes) < 0) {
			json_object_put(array);
			array = NULL;
		}
	}
	return array;
}

static struct json_object *blkio_json(const struct taskshim_stats *s)
{
	struct json_writer w = json_writer_new();

	if (s->io_known) {
		json_add(&w, "ioServiceBytesRecursive", disks_json(s, false));
		json_add(&w, "ioServicedRecursive", disks_json(s, true));
	}
	add_psi(&w, &s->io_pressure);
	return w.object;
}

struct json_object *event_json(const char *type, const char *id, struct json_object *data)
{
	struct json_writer w = json_writer_new();

	json_add_text(&w, "type", type);
	json_add(&w, "id", json_text_new(id));
	if (data)
		json_add(&w, "data", data);
	return w.object;
}

int event_stats_json(struct stats *stats, struct json_object **ret, struct ts_error *e)
{
	struct json_writer w = json_writer_new();
	struct ts_error why = {.step = TS_STEP_STATS, .err = ENOMEM, .msg = "statistics"};

	json_add(&w, "cpu", cpu_json(stats, &why));
	json_add(&w, "cpuset", json_object_new_object());
	json_add(&w, "memory", memory_json(stats, &why));
	json_add(&w, "pids", pids_json(&stats->sample.pids));
	json_add(&w, "blkio", blkio_json(&stats->sample));
	json_add(&w, "hugetlb", json_object_new_object());
	json_add(&w, "intel_rdt", json_object_new_object());
	json_add_null(&w, "network_interfaces");
	if (!w.object) {
		*e = why;
		return -1;
	}
	*ret = w.object;
	return 0;
}
