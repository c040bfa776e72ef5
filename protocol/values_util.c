/* Durations, sizes, signals, task ids and other words of the config. Pure. */
#include "protocol/config.h"
#include "protocol/values.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool task_id_is_valid(const char *id)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+.-";
	size_t n = strspn(id, allowed);

	return n >= 1 && n <= TASK_ID_MAX && id[n] == '\0' && id[0] != '-' &&
	       strcmp(id, ".") != 0 && strcmp(id, "..") != 0;
}

/* --- durations --- */

/* What fits a timer as nanoseconds in an int64_t. */
static const uint64_t duration_max_ms = INT64_MAX / 1000000;

int duration_from_seconds(double seconds, uint64_t *ret_ms)
{
	double ms = seconds * 1000 + 0.5;

	if (!isfinite(seconds) || seconds < 0)
		return -EINVAL;
	if (ms > (double)duration_max_ms)
		return -ERANGE;
	*ret_ms = (uint64_t)ms;
	return 0;
}

/* Milliseconds of the unit at *@text, which is moved on; 0 when there is none of that name. */
static uint64_t take_unit(const char **text)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {/* "ms" before "m" */
		     {"ms", 1},
		     {"s", 1000},
		     {"m", 60 * 1000},
		     {"h", 60 * 60 * 1000},
		     {"d", 24 * 60 * 60 * 1000}};

	if (**text == '\0') /* plain seconds */
		return 1000;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		size_t n = strlen(units[i].name);

		if (strncmp(*text, units[i].name, n) == 0) {
			*text += n;
			return units[i].ms;
		}
	}
	return 0;
}

/* Takes one "1.5s" of "1m1.5s" and adds it to *@sum. At most nine digits after the point count. */
static int take_part(const char **text, uint64_t *sum)
{
	uint64_t whole = 0, fraction = 0, scale = 1, unit, ms;

	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	for (; isdigit((unsigned char)**text); ++*text)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(**text - '0'), &whole))
			return -ERANGE;
	if (**text == '.') {
		++*text;
		if (!isdigit((unsigned char)**text))
			return -EINVAL;
		for (; isdigit((unsigned char)**text); ++*text) {
			if (scale < 1000000000) {
				fraction = fraction * 10 + (uint64_t)(**text - '0');
				scale *= 10;
			}
		}
	}
	unit = take_unit(text);
	if (unit == 0)
		return -EINVAL;
	if (__builtin_mul_overflow(whole, unit, &ms) || ms > duration_max_ms)
		return -ERANGE;
	*sum += ms + (fraction * unit + scale / 2) / scale;
	return *sum > duration_max_ms ? -ERANGE : 0;
}

int duration_parse(const char *text, uint64_t *ret_ms)
{
	uint64_t sum = 0;

	do {
		int result = take_part(&text, &sum);

		if (result < 0)
			return result;
	} while (*text);
	*ret_ms = sum;
	return 0;
}

/* --- sizes --- */

int size_parse(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "kmgt";
	unsigned long long number;
	unsigned shift = 0;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno == ERANGE)
		return -ERANGE;
	if (*end) {
		const char *unit = strchr(units, tolower((unsigned char)*end));

		if (!unit || end[1] != '\0')
			return -EINVAL;
		shift = 10 * (unsigned)(unit - units + 1);
	}
	if (number > UINT64_MAX >> shift)
		return -ERANGE;
	*ret_bytes = (uint64_t)number << shift;
	return 0;
}

/* --- lists of numbers --- */

/* Takes the number at *@text, which is moved on. */
static int take_number(const char **text, unsigned *ret)
{
	unsigned number = 0;

	if (!isdigit((unsigned char)**text))
		return -EINVAL;
	for (; isdigit((unsigned char)**text); ++*text) {
		number = number * 10 + (unsigned)(**text - '0');
		if (number > NUMBER_LIST_MAX)
			return -ERANGE;
	}
	*ret = number;
	return 0;
}

int number_list_parse(const char *text, uint8_t bits[static NUMBER_LIST_BYTES])
{
	memset(bits, 0, NUMBER_LIST_BYTES);
	for (;; text++) {
		unsigned first = 0, last;
		int r = take_number(&text, &first);

		last = first;
		if (r == 0 && *text == '-') {
			text++;
			r = take_number(&text, &last);
		}
		if (r < 0)
			return r;
		if (last < first)
			return -EINVAL;
		for (unsigned i = first; i <= last; i++)
			bits[i / 8] |= (uint8_t)(1u << i % 8);
		if (*text == '\0')
			return 0;
		if (*text != ',')
			return -EINVAL;
	}
}

/* --- signals --- */

/* Our own names, for the programs may be linked with a libc that has no sigabbrev_np(3). */
static const char *const signal_names[] = {
	[SIGHUP] = "HUP",   [SIGINT] = "INT",	    [SIGQUIT] = "QUIT", [SIGILL] = "ILL",
	[SIGTRAP] = "TRAP", [SIGABRT] = "ABRT",	    [SIGBUS] = "BUS",	[SIGFPE] = "FPE",
	[SIGKILL] = "KILL", [SIGUSR1] = "USR1",	    [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",
	[SIGPIPE] = "PIPE", [SIGALRM] = "ALRM",	    [SIGTERM] = "TERM", [SIGSTKFLT] = "STKFLT",
	[SIGCHLD] = "CHLD", [SIGCONT] = "CONT",	    [SIGSTOP] = "STOP", [SIGTSTP] = "TSTP",
	[SIGTTIN] = "TTIN", [SIGTTOU] = "TTOU",	    [SIGURG] = "URG",	[SIGXCPU] = "XCPU",
	[SIGXFSZ] = "XFSZ", [SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF", [SIGWINCH] = "WINCH",
	[SIGIO] = "IO",	    [SIGPWR] = "PWR",	    [SIGSYS] = "SYS",
};

/* As glibc counts, which nearly every task is linked with; SIGRTMIN of musl is 35. */
enum { RTMIN = 34, RTMAX = 64 };

/* "+3" after SIGRTMIN, "-2" after SIGRTMAX, or nothing. Returns the number, or -EINVAL. */
static int realtime_offset(const char *text, int base, char sign)
{
	char *end;
	long offset = 0;

	if (*text) {
		if (*text != sign || !isdigit((unsigned char)text[1]))
			return -EINVAL;
		offset = strtol(text + 1, &end, 10);
		if (*end || offset > RTMAX - RTMIN)
			return -EINVAL;
	}
	return base + (int)(sign == '+' ? offset : -offset);
}

static const char *standard_name(long number)
{
	return number >= 1 && number < (long)(sizeof signal_names / sizeof signal_names[0])
		       ? signal_names[number]
		       : NULL;
}

int signal_parse(const char *text)
{
	static const struct {
		const char *name;
		int number;
	} aliases[] = {{"IOT", SIGABRT}, {"CLD", SIGCHLD}, {"POLL", SIGIO}};

	if (isdigit((unsigned char)*text)) {
		char *end;
		long number = strtol(text, &end, 10);
		bool known = standard_name(number) || (number >= RTMIN && number <= RTMAX);

		return *end == '\0' && known ? (int)number : -EINVAL;
	}
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	if (strncasecmp(text, "RTMIN", 5) == 0)
		return realtime_offset(text + 5, RTMIN, '+');
	if (strncasecmp(text, "RTMAX", 5) == 0)
		return realtime_offset(text + 5, RTMAX, '-');
	for (int signo = 1; standard_name(signo); signo++)
		if (strcasecmp(signal_names[signo], text) == 0)
			return signo;
	for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
		if (strcasecmp(aliases[i].name, text) == 0)
			return aliases[i].number;
	return -EINVAL;
}

const char *signal_name(int signo, char buf[static 16])
{
	const char *name = standard_name(signo);

	if (name)
		(void)snprintf(buf, 16, "SIG%s", name);
	else if (signo == RTMIN)
		(void)snprintf(buf, 16, "SIGRTMIN");
	else if (signo > RTMIN && signo <= RTMAX)
		(void)snprintf(buf, 16, "SIGRTMIN+%d", signo - RTMIN);
	else
		return NULL;
	return buf;
}

/* --- others --- */

bool oci_version_is_known(const char *version)
{
	size_t digits;

	if (strncmp(version, "1.", 2) != 0 || version[2] < OCI_VERSION_MIN[2] ||
	    version[2] > OCI_VERSION_MAX[2] || version[3] != '.')
		return false;
	version += 4;
	digits = strspn(version, "0123456789");
	if (digits == 0)
		return false;
	version += digits;
	return *version == '\0' || ((*version == '-' || *version == '+') && version[1] != '\0');
}

/* A name, or a number below 4294967295. */
static bool user_part_is_valid(const char *text, size_t len)
{
	uint64_t number = 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return true;
		number = number * 10 + (uint64_t)(text[i] - '0');
		if (number >= UINT32_MAX)
			return false;
	}
	return true;
}

bool user_is_valid(const char *user)
{
	const char *colon = strchr(user, ':');

	if (!colon)
		return user_part_is_valid(user, strlen(user));
	return !strchr(colon + 1, ':') && user_part_is_valid(user, (size_t)(colon - user)) &&
	       user_part_is_valid(colon + 1, strlen(colon + 1));
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

unsigned text_distance(const char *a, const char *b)
{
	enum { LONGEST = 32 };
	unsigned rows[3]
		     [LONGEST + 1]; /* optimal string alignment: the last three rows are enough */
	size_t na = strnlen(a, LONGEST + 1), nb = strnlen(b, LONGEST + 1);

	if (na > LONGEST || nb > LONGEST)
		return UINT32_MAX;
	for (size_t j = 0; j <= nb; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *now = rows[i % 3], *before = rows[(i + 2) % 3];
		unsigned *earlier = rows[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			now[j] = min3(before[j] + 1, now[j - 1] + 1,
				      before[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    earlier[j - 2] + 1 < now[j])
				now[j] = earlier[j - 2] + 1;
		}
	}
	return rows[na % 3][nb];
}
