/* Parses cgroup files and /proc for statistics. Pure. */
#include "shim/stats_util.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DEVICES_FIRST = 8 };

/* PAGE_COUNTER_MAX of v1 is LONG_MAX rounded down to a page, of at most 64 KB. */
#define V1_NO_LIMIT ((uint64_t)INT64_MAX - 0xffff)

/* Digits up to something else than a digit; *@end is left there. UNKNOWN: there are none, or too many. */
static uint64_t digits(const char *at, const char **end)
{
	uint64_t value = 0;
	const char *first = at;

	for (; *at >= '0' && *at <= '9'; at++) {
		unsigned digit = (unsigned)(*at - '0');

		if (value > (TASKSHIM_NO_LIMIT - 1 - digit) / 10) {
			*end = first;
			return TASKSHIM_UNKNOWN;
		}
		value = value * 10 + digit;
	}
	*end = at;
	return at > first ? value : TASKSHIM_UNKNOWN;
}

/* A number that ends with its line, its word or the text. */
static uint64_t number(const char *at, const char *stops)
{
	const char *end;
	uint64_t value = digits(at, &end);

	return *end == '\0' || strchr(stops, *end) ? value : TASKSHIM_UNKNOWN;
}

uint64_t stats_number_parse(const char *text)
{
	uint64_t value;

	if (strcmp(text, "max\n") == 0 || strcmp(text, "max") == 0)
		return TASKSHIM_NO_LIMIT;
	value = number(text, "\n");
	return value != TASKSHIM_UNKNOWN && value >= V1_NO_LIMIT ? TASKSHIM_NO_LIMIT : value;
}

static const char *next_line(const char *line)
{
	line = strchr(line, '\n');
	return line ? line + 1 : "";
}

void stats_each_key(const char *text,
		    void (*found)(const char *key, size_t len, uint64_t value, void *arg),
		    void *arg)
{
	for (const char *line = text; *line; line = next_line(line)) {
		size_t len = strcspn(line, " \n");
		uint64_t value;

		if (len == 0 || line[len] != ' ')
			continue;
		value = number(line + len + 1, "\n");
		if (value != TASKSHIM_UNKNOWN)
			found(line, len, value, arg);
	}
}

struct key_search {
	const struct stats_key *keys;
	size_t n;
};

static void take_key(const char *key, size_t len, uint64_t value, void *arg)
{
	const struct key_search *search = arg;

	for (size_t i = 0; i < search->n; i++)
		if (strncmp(search->keys[i].key, key, len) == 0 && !search->keys[i].key[len])
			*search->keys[i].ret = value;
}

void stats_keys_parse(const char *text, const struct stats_key *keys, size_t n)
{
	struct key_search search = {keys, n};

	stats_each_key(text, take_key, &search);
}

/* --- devices --- */

/* The row of device @major:@minor, added when it is new; NULL: no memory. */
static struct taskshim_device_stats *device_row(struct stats_devices *devices, unsigned major,
						unsigned minor)
{
	struct taskshim_device_stats *v = devices->v;

	for (size_t i = 0; i < devices->n; i++)
		if (v[i].major == major && v[i].minor == minor)
			return &v[i];
	if (devices->n == devices->size) {
		size_t size = devices->size ? devices->size * 2 : DEVICES_FIRST;

		v = reallocarray(v, size, sizeof *v);
		if (!v)
			return NULL;
		devices->v = v;
		devices->size = size;
	}
	v[devices->n] = (struct taskshim_device_stats){
		.major = major,
		.minor = minor,
		.rbytes = TASKSHIM_UNKNOWN,
		.wbytes = TASKSHIM_UNKNOWN,
		.rios = TASKSHIM_UNKNOWN,
		.wios = TASKSHIM_UNKNOWN,
	};
	return &v[devices->n++];
}

/* "8:0" before a blank or a line's end. Returns what follows it, or NULL: something else stands there. */
static const char *device_number(const char *at, unsigned *major, unsigned *minor)
{
	uint64_t a = digits(at, &at), b;

	if (a > UINT32_MAX || *at != ':')
		return NULL;
	b = digits(at + 1, &at);
	if (b > UINT32_MAX || (*at != ' ' && *at != '\n' && *at != '\0'))
		return NULL;
	*major = (unsigned)a;
	*minor = (unsigned)b;
	return at;
}

static uint64_t *io_value(struct taskshim_device_stats *row, const char *key, size_t len)
{
	const struct {
		const char *key;
		uint64_t *value;
	} values[] = {
		{"rbytes", &row->rbytes},
		{"wbytes", &row->wbytes},
		{"rios", &row->rios},
		{"wios", &row->wios},
	};

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		if (strlen(values[i].key) == len && memcmp(values[i].key, key, len) == 0)
			return values[i].value;
	return NULL;
}

/* Word by word: some kernels print the number of a device that did nothing, and neither values nor a new line behind it. */
int stats_io_parse(const char *text, struct stats_devices *devices)
{
	unsigned major = 0, minor = 0;
	bool in_device = false;

	for (const char *at = text; *at;) {
		size_t len = strcspn(at, " \n"), key_len = strcspn(at, "= \n");
		struct taskshim_device_stats probe = {0}, *row;

		if (device_number(at, &major, &minor)) {
			in_device = true;
		} else if (in_device && key_len < len && io_value(&probe, at, key_len)) {
			row = device_row(devices, major, minor);
			if (!row)
				return -ENOMEM;
			*io_value(row, at, key_len) = number(at + key_len + 1, " \n");
		} else if (at > text && at[-1] == '\n') {
			in_device = false; /* a line that begins with no device */
		}
		at += len + strspn(at + len, " ");
		if (*at == '\n')
			at++;
	}
	return 0;
}

int stats_blkio_parse(const char *text, bool operations, struct stats_devices *devices)
{
	for (const char *line = text; *line; line = next_line(line)) {
		unsigned major, minor;
		const char *at = device_number(line, &major, &minor);
		struct taskshim_device_stats *row;
		bool is_read;

		if (!at)
			continue; /* "Total 4096" of all devices */
		is_read = strncmp(at, " Read ", strlen(" Read ")) == 0;
		if (!is_read && strncmp(at, " Write ", strlen(" Write ")) != 0)
			continue;
		at += is_read ? strlen(" Read ") : strlen(" Write ");
		row = device_row(devices, major, minor);
		if (!row)
			return -ENOMEM;
		if (operations)
			*(is_read ? &row->rios : &row->wios) = number(at, "\n");
		else
			*(is_read ? &row->rbytes : &row->wbytes) = number(at, "\n");
	}
	return 0;
}

/* --- pressure --- */

/* "12.34"; by hand, as strtod(3) goes by the caller's locale. Negative: something else. */
static double decimal(const char *at, const char **end)
{
	uint64_t whole = digits(at, end), fraction;
	double unit = 1;
	const char *point = *end;

	if (whole == TASKSHIM_UNKNOWN)
		return -1;
	if (*point != '.')
		return (double)whole;
	fraction = digits(point + 1, end);
	if (fraction == TASKSHIM_UNKNOWN)
		return -1;
	for (const char *p = point + 1; p < *end; p++)
		unit /= 10;
	return (double)whole + (double)fraction * unit;
}

/* " avg10=0.00 avg60=0.00 avg300=0.00 total=0". UNKNOWN as a whole when a part is missing. */
static void pressure_line(const char *at, struct taskshim_pressure_line *ret)
{
	static const char *const names[] = {" avg10=", " avg60=", " avg300="};
	double averages[3];
	uint64_t total;

	for (size_t i = 0; i < 3; i++) {
		if (strncmp(at, names[i], strlen(names[i])) != 0)
			return;
		averages[i] = decimal(at + strlen(names[i]), &at);
		if (averages[i] < 0)
			return;
	}
	if (strncmp(at, " total=", strlen(" total=")) != 0)
		return;
	total = number(at + strlen(" total="), "\n");
	if (total == TASKSHIM_UNKNOWN)
		return;
	*ret = (struct taskshim_pressure_line){averages[0], averages[1], averages[2], total};
}

void stats_pressure_parse(const char *text, struct taskshim_pressure *ret)
{
	const struct taskshim_pressure_line unknown = {-1, -1, -1, TASKSHIM_UNKNOWN};

	ret->some = ret->full = unknown;
	for (const char *line = text; *line; line = next_line(line)) {
		if (strncmp(line, "some ", strlen("some ")) == 0)
			pressure_line(line + strlen("some"), &ret->some);
		else if (strncmp(line, "full ", strlen("full ")) == 0)
			pressure_line(line + strlen("full"), &ret->full);
	}
}

/* --- processes --- */

/* Fields 3 to 24 of proc_pid_stat(5), those with a sign too, as numbers. Returns 0 or -EINVAL. */
enum { STATE = 3, UTIME = 14, STIME = 15, THREADS = 20, STARTTIME = 22, RSS = 24 };

static int stat_fields(const char *at, uint64_t fields[static RSS + 1])
{
	for (int i = STATE + 1; i <= RSS; i++) {
		bool negative;

		if (*at != ' ')
			return -EINVAL;
		negative = at[1] == '-';
		fields[i] = digits(at + 1 + negative, &at);
		if (fields[i] == TASKSHIM_UNKNOWN)
			return -EINVAL;
		if (negative)
			fields[i] = 0; /* of those that are wanted none can be */
	}
	return *at == ' ' || *at == '\n' || *at == '\0' ? 0 : -EINVAL;
}

int stats_process_parse(const char *line, long ticks, long page_size, struct taskshim_process *ret)
{
	const char *open = strchr(line, '('), *close = strrchr(line, ')');
	uint64_t fields[RSS + 1], pid, tick_ns = 1000000000U / (uint64_t)ticks;
	size_t len;

	pid = digits(line, &line);
	if (pid > INT32_MAX || !open || line + 1 != open || *line != ' ' || !close ||
	    close < open || close[1] != ' ' || !close[2] || stat_fields(close + 3, fields) < 0)
		return -EINVAL;
	len = (size_t)(close - open - 1);
	if (len > sizeof ret->comm - 1)
		len = sizeof ret->comm - 1;
	*ret = (struct taskshim_process){
		.pid = (pid_t)pid,
		.state = close[2],
		.threads = fields[THREADS],
		.start_time = fields[STARTTIME],
		.rss = fields[RSS] * (uint64_t)page_size,
		.user_ns = fields[UTIME] * tick_ns,
		.system_ns = fields[STIME] * tick_ns,
		.percent = -1,
	};
	memcpy(ret->comm, open + 1, len);
	return 0;
}

double stats_mhz_parse(const char *text)
{
	static const char key[] = "cpu MHz";
	const char *at = text, *end;
	double mhz;

	while (strncmp(at, key, strlen(key)) != 0) {
		at = next_line(at);
		if (!*at)
			return -1;
	}
	at += strlen(key);
	at += strspn(at, "\t :");
	mhz = decimal(at, &end);
	return mhz > 0 && *end == '\n' ? mhz : -1;
}
