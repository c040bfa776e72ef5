/* Statistics as an OpenMetrics exposition (openmetrics.io, version 1.0.0): one per call, families one after another. */
#include "shim/cmd/cmd.h"
#include "shim/cmd/stats.h"
#include "shim/cmd/text.h"

#include "protocol/json_write.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* How a number that we have becomes one of a base unit. */
enum scale { AS_IT_IS, FROM_NS, FROM_US, FROM_PERCENT, FROM_MHZ };

struct metric {
	const char *name, *unit; /* "": none; else the name ends with it */
	const char *help;
	size_t offset; /* of the number in its struct */
	enum scale scale; /* FROM_PERCENT and FROM_MHZ are of a double */
	bool counter;
};

#define METRIC(name, unit, member, scale, counter, help)                                           \
	{                                                                                          \
		name, unit, help, offsetof(struct OF, member), scale, counter                      \
	}

#define OF taskshim_stats
static const struct metric task_metrics[] = {
	METRIC("memory_usage_bytes", "bytes", memory.usage, AS_IT_IS, false,
	       "All memory that is charged to the task."),
	METRIC("memory_max_usage_bytes", "bytes", memory.max_usage, AS_IT_IS, false,
	       "The highest usage so far."),
	METRIC("memory_limit_bytes", "bytes", memory.limit, AS_IT_IS, false, "The memory limit."),
	METRIC("memory_rss_bytes", "bytes", memory.rss, AS_IT_IS, false, "Anonymous memory."),
	METRIC("memory_cache_bytes", "bytes", memory.cache, AS_IT_IS, false, "Pages of files."),
	METRIC("memory_swap_bytes", "bytes", memory.swap, AS_IT_IS, false,
	       "Memory that is swapped out."),
	METRIC("memory_swap_limit_bytes", "bytes", memory.swap_limit, AS_IT_IS, false,
	       "The swap limit."),
	METRIC("memory_kernel_bytes", "bytes", memory.kernel, AS_IT_IS, false,
	       "What the kernel has allocated for the task."),
	METRIC("memory_max_kernel_bytes", "bytes", memory.max_kernel, AS_IT_IS, false,
	       "The most that the kernel has allocated for the task so far."),
	METRIC("memory_limit_hits", "", memory.limit_hits, AS_IT_IS, true,
	       "How often the memory limit was hit."),
	METRIC("memory_oom_kills", "", memory.oom_kills, AS_IT_IS, true,
	       "Processes that the OOM killer has ended."),
	METRIC("cpu_seconds", "seconds", cpu.total_ns, FROM_NS, true, "CPU time."),
	METRIC("cpu_user_seconds", "seconds", cpu.user_ns, FROM_NS, true, "CPU time in user mode."),
	METRIC("cpu_system_seconds", "seconds", cpu.system_ns, FROM_NS, true,
	       "CPU time in the kernel."),
	METRIC("cpu_usage_ratio", "ratio", cpu.percent, FROM_PERCENT, false,
	       "CPUs used, since the start."),
	METRIC("cpu_usage_hertz", "hertz", cpu.ticks, FROM_MHZ, false,
	       "The same, times the clock rate."),
	METRIC("cpu_periods", "", cpu.periods, AS_IT_IS, true, "Periods of the CPU quota."),
	METRIC("cpu_throttled_periods", "", cpu.throttled_periods, AS_IT_IS, true,
	       "Periods in which the quota ran out."),
	METRIC("cpu_throttled_seconds", "seconds", cpu.throttled_ns, FROM_NS, true,
	       "Time that the task was kept from running by its quota."),
	METRIC("pids", "", pids.current, AS_IT_IS, false, "Processes and threads."),
	METRIC("pids_limit", "", pids.limit, AS_IT_IS, false,
	       "The limit of processes and threads."),
	METRIC("pressure_cpu_waiting_seconds", "seconds", cpu_pressure.some.total_us, FROM_US, true,
	       "Time in which some process waited for a CPU."),
	METRIC("pressure_cpu_stalled_seconds", "seconds", cpu_pressure.full.total_us, FROM_US, true,
	       "Time in which every process waited for a CPU."),
	METRIC("pressure_memory_waiting_seconds", "seconds", memory_pressure.some.total_us, FROM_US,
	       true, "Time in which some process waited for memory."),
	METRIC("pressure_memory_stalled_seconds", "seconds", memory_pressure.full.total_us, FROM_US,
	       true, "Time in which every process waited for memory."),
	METRIC("pressure_io_waiting_seconds", "seconds", io_pressure.some.total_us, FROM_US, true,
	       "Time in which some process waited for a disk."),
	METRIC("pressure_io_stalled_seconds", "seconds", io_pressure.full.total_us, FROM_US, true,
	       "Time in which every process waited for a disk."),
};
#undef OF

#define OF taskshim_device_stats
static const struct metric device_metrics[] = {
	METRIC("io_read_bytes", "bytes", rbytes, AS_IT_IS, true, "Bytes read from a disk."),
	METRIC("io_written_bytes", "bytes", wbytes, AS_IT_IS, true, "Bytes written to a disk."),
	METRIC("io_reads", "", rios, AS_IT_IS, true, "Read operations."),
	METRIC("io_writes", "", wios, AS_IT_IS, true, "Write operations."),
};
#undef OF

#define OF taskshim_process
static const struct metric process_metrics[] = {
	METRIC("process_threads", "", threads, AS_IT_IS, false, "Threads of a process."),
	METRIC("process_rss_bytes", "bytes", rss, AS_IT_IS, false, "Resident memory of a process."),
	METRIC("process_cpu_user_seconds", "seconds", user_ns, FROM_NS, true,
	       "CPU time of a process in user mode."),
	METRIC("process_cpu_system_seconds", "seconds", system_ns, FROM_NS, true,
	       "CPU time of a process in the kernel."),
};
#undef OF

/* The number as text. False: it is not known. */
static bool number_text(const struct metric *metric, const void *object, char text[static 48])
{
	const void *at = (const char *)object + metric->offset;
	double decimal = 0;
	uint64_t value = 0;

	if (metric->scale == FROM_PERCENT || metric->scale == FROM_MHZ) {
		memcpy(&decimal, at, sizeof decimal);
		if (decimal < 0)
			return false;
	} else {
		memcpy(&value, at, sizeof value);
		if (value == TASKSHIM_UNKNOWN)
			return false;
	}
	if (value == TASKSHIM_NO_LIMIT)
		(void)snprintf(text, 48, "+Inf");
	else if (metric->scale == FROM_NS)
		(void)snprintf(text, 48, "%" PRIu64 ".%09" PRIu64, value / 1000000000,
			       value % 1000000000);
	else if (metric->scale == FROM_US)
		(void)snprintf(text, 48, "%" PRIu64 ".%06" PRIu64, value / 1000000,
			       value % 1000000);
	else if (metric->scale == FROM_PERCENT)
		(void)snprintf(text, 48, "%.4f", decimal / 100);
	else if (metric->scale == FROM_MHZ)
		(void)snprintf(text, 48, "%.0f", decimal * 1e6);
	else
		(void)snprintf(text, 48, "%" PRIu64, value);
	return true;
}

/* A label's value: UTF-8, with a backslash before what would end it. */
static void add_label(struct text *text, const char *name, const char *value)
{
	struct json_object *valid = json_text_new(value);

	if (!valid) {
		text->failed = true;
		return;
	}
	text_addf(text, "%s=\"", name);
	for (const char *c = json_object_get_string(valid); *c; c++) {
		if (*c == '\n')
			text_addf(text, "\\n");
		else
			text_addf(text, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	}
	text_addf(text, "\"");
	json_object_put(valid);
}

static void add_head(struct text *text, const struct metric *metric)
{
	text_addf(text, "# TYPE taskshim_%s %s\n", metric->name,
		  metric->counter ? "counter" : "gauge");
	if (metric->unit[0])
		text_addf(text, "# UNIT taskshim_%s %s\n", metric->name, metric->unit);
	text_addf(text, "# HELP taskshim_%s %s\n", metric->name, metric->help);
}

/* A sample's beginning: name, and the label that all have. */
static void begin_sample(struct text *text, const struct metric *metric, const char *id)
{
	text_addf(text, "taskshim_%s%s{", metric->name, metric->counter ? "_total" : "");
	add_label(text, "id", id);
}

static void add_of_task(struct text *text, const struct metric *metric, const struct stats_row *row)
{
	char number[48];

	if (!number_text(metric, row->stats, number))
		return;
	begin_sample(text, metric, row->id);
	text_addf(text, "} %s\n", number);
}

static void add_of_devices(struct text *text, const struct metric *metric,
			   const struct stats_row *row)
{
	for (size_t i = 0; i < row->stats->n_devices; i++) {
		const struct taskshim_device_stats *d = &row->stats->devices[i];
		char number[48];

		if (!number_text(metric, d, number))
			continue;
		begin_sample(text, metric, row->id);
		text_addf(text, ",device=\"%u:%u\"} %s\n", d->major, d->minor, number);
	}
}

static void add_of_processes(struct text *text, const struct metric *metric,
			     const struct stats_row *row)
{
	for (size_t i = 0; i < row->stats->n_processes; i++) {
		const struct taskshim_process *p = &row->stats->processes[i];
		char number[48];

		if (!number_text(metric, p, number))
			continue;
		begin_sample(text, metric, row->id);
		text_addf(text, ",pid=\"%d\",", (int)p->pid);
		add_label(text, "comm", p->comm);
		text_addf(text, "} %s\n", number);
	}
}

/* A family: its head, and the samples of all tasks. */
static void add_families(struct text *text, const struct metric *metrics, size_t n_metrics,
			 void (*add)(struct text *text, const struct metric *metric,
				     const struct stats_row *row),
			 const struct stats_row *rows, size_t n)
{
	for (size_t i = 0; i < n_metrics; i++) {
		add_head(text, &metrics[i]);
		for (size_t k = 0; k < n; k++)
			add(text, &metrics[i], &rows[k]);
	}
}

int stats_print_openmetrics(const struct stats_row *rows, size_t n, bool processes)
{
	struct text text = {0};

	add_families(&text, task_metrics, sizeof task_metrics / sizeof task_metrics[0], add_of_task,
		     rows, n);
	add_families(&text, device_metrics, sizeof device_metrics / sizeof device_metrics[0],
		     add_of_devices, rows, n);
	if (processes)
		add_families(&text, process_metrics,
			     sizeof process_metrics / sizeof process_metrics[0], add_of_processes,
			     rows, n);
	text_addf(&text, "# EOF\n");
	return text_print(&text);
}
