/* Times as RFC 3339 text in UTC. Pure: gmtime_r(3) would read the time zone's file. */
#include "protocol/exit_record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { DAY = 24 * 60 * 60 };

static const int64_t latest = 253402300799; /* 9999-12-31T23:59:59 */

/* Days since 1970-01-01 of a date of the Gregorian calendar. The year is taken to begin in March, so that a leap day is
 * its last. */
static int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	unsigned m = month > 2 ? month - 3 : month + 9;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static unsigned month_days(int64_t year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

void time_format(const struct timespec *t, char ret[static 32])
{
	int64_t seconds = t->tv_sec < 0 ? 0 : t->tv_sec > latest ? latest : t->tv_sec;
	int64_t days = seconds / DAY, rest = seconds % DAY;
	int64_t year = 1970 + days / 366; /* a little early */
	unsigned month = 1;

	while (days_from_date(year + 1, 1, 1) <= days)
		year++;
	days -= days_from_date(year, 1, 1);
	while (days >= month_days(year, month))
		days -= month_days(year, month++);
	(void)snprintf(ret, 32, "%04d-%02u-%02uT%02u:%02u:%02u.%09uZ", (int)(year % 10000),
		       month % 100, (unsigned)(days + 1) % 100, (unsigned)(rest / 3600) % 100,
		       (unsigned)(rest / 60 % 60), (unsigned)(rest % 60),
		       (unsigned)t->tv_nsec % 1000000000u);
}

/* Takes exactly @n digits. Returns the number, or -1. */
static int64_t take_digits(const char **text, int n)
{
	int64_t value = 0;

	for (; n > 0; n--, ++*text) {
		if (**text < '0' || **text > '9')
			return -1;
		value = value * 10 + (**text - '0');
	}
	return value;
}

/* Takes @n digits and the byte @after. Returns the number, or -1. */
static int64_t take_part(const char **text, int n, char after)
{
	int64_t value = take_digits(text, n);

	if (value < 0 || **text != after)
		return -1;
	++*text;
	return value;
}

/* ".123456789" or nothing, then Z. Returns nanoseconds, or -1. */
static int64_t take_fraction(const char *text)
{
	int64_t nanoseconds = 0, unit = 100000000;

	if (*text == '.') {
		text++;
		if (*text < '0' || *text > '9')
			return -1;
		for (; *text >= '0' && *text <= '9'; text++, unit /= 10)
			nanoseconds += (*text - '0') * unit;
	}
	return strcmp(text, "Z") == 0 ? nanoseconds : -1;
}

int time_parse(const char *text, struct timespec *ret)
{
	int64_t year = take_part(&text, 4, '-');
	int64_t month = year < 0 ? -1 : take_part(&text, 2, '-');
	int64_t day = month < 0 ? -1 : take_part(&text, 2, 'T');
	int64_t hour = day < 0 ? -1 : take_part(&text, 2, ':');
	int64_t minute = hour < 0 ? -1 : take_part(&text, 2, ':');
	int64_t second = minute < 0 ? -1 : take_digits(&text, 2);
	int64_t nanoseconds = second < 0 ? -1 : take_fraction(text);

	if (nanoseconds < 0 || year < 1970 || month < 1 || month > 12 || day < 1 ||
	    day > month_days(year, (unsigned)month) || hour > 23 || minute > 59 || second > 59)
		return -EINVAL;
	ret->tv_sec = days_from_date(year, (unsigned)month, (unsigned)day) * DAY + hour * 3600 +
		      minute * 60 + second;
	ret->tv_nsec = nanoseconds;
	return 0;
}
