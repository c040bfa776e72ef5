/* The formats of what a task's statistics are read from: cgroup files of v1 and v2, /proc/PID/stat. Pure.
 *
 * A kernel may leave anything out, and writes what we do not know as well. What a text does not tell in the form that is
 * documented is TASKSHIM_UNKNOWN: the parsers below never fail but for want of memory, and never make up a 0. */
#ifndef SHIM_STATS_UTIL_H
#define SHIM_STATS_UTIL_H

#include "shim/taskshim.h"

#include <stddef.h>
#include <stdint.h>

/* A file of one number; "max" and what v1 writes instead (the largest multiple of a page) are TASKSHIM_NO_LIMIT. */
uint64_t stats_number_parse(const char *text);

/* One pass over a file of lines "KEY NUMBER": fills *ret of each key that is there. The others keep what they have. */
struct stats_key {
	const char *key;
	uint64_t *ret;
};
void stats_keys_parse(const char *text, const struct stats_key *keys, size_t n);

/* Calls @found with each line "KEY NUMBER" that is well formed. */
void stats_each_key(const char *text,
		    void (*found)(const char *key, size_t len, uint64_t value, void *arg),
		    void *arg);

struct stats_devices {
	struct taskshim_device_stats *v;
	size_t n, size;
};

/* Adds what io.stat of v2 says ("8:0 rbytes=4096 wbytes=0 rios=1 wios=0 ..."). Returns 0, or -ENOMEM. */
int stats_io_parse(const char *text, struct stats_devices *devices);

/* Adds what blkio.throttle.io_service_bytes and io_serviced of v1 say ("8:0 Read 4096"), @operations: the latter. Returns 0, or
 * -ENOMEM. */
int stats_blkio_parse(const char *text, bool operations, struct stats_devices *devices);

/* Both lines of a *.pressure file. */
void stats_pressure_parse(const char *text, struct taskshim_pressure *ret);

/* A line of /proc/PID/stat, whose name may hold any bytes. @ticks: per second. Returns 0, or -EINVAL: then *@ret is
 * untouched. .percent is not set. */
int stats_process_parse(const char *line, long ticks, long page_size, struct taskshim_process *ret);

/* The clock rate in MHz by the first "cpu MHz" of /proc/cpuinfo; negative where there is none. */
double stats_mhz_parse(const char *text);

#endif
