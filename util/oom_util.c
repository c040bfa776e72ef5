/* Parses records of /dev/kmsg (Documentation/ABI/testing/dev-kmsg). Pure. */
#include "util/oom.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FACILITY_SHIFT = 3 /* of the prefix: 0 is the kernel, which nobody else can set */ };

int ts_kmsg_time(const char *record, uint64_t *ret_us)
{
	const char *at = record;
	char *end;

	for (int comma = 0; comma < 2; comma++) {
		at = strchr(at, ',');
		if (!at)
			return -EINVAL;
		at++;
	}
	errno = 0;
	*ret_us = strtoull(at, &end, 10);
	return errno || end == at || (*end != ',' && *end != ';') ? -EINVAL : 0;
}

/* Whether the number at @at is @pid, and @after follows. */
static bool is_pid(const char *at, pid_t pid, char after)
{
	char *end;

	return strtol(at, &end, 10) == pid && *end == after;
}

/* "oom-kill:constraint=...,task=NAME,pid=N,uid=N": the name is the victim's to choose, so the last ",pid=" counts. It is
 * written before the process is killed, unless the kernel has written too much already. */
static bool is_choice(const char *text, pid_t pid)
{
	static const char before[] = ",pid=";
	const char *at = NULL;

	if (strncmp(text, "oom-kill:", strlen("oom-kill:")) != 0)
		return false;
	for (const char *next = text; (next = strstr(next, before)); next += strlen(before))
		at = next;
	return at && is_pid(at + strlen(before), pid, ',');
}

/* "Memory cgroup out of memory: Killed process N (NAME) ...": always written, after the kill. */
static bool is_kill(const char *text, pid_t pid)
{
	static const char cgroup[] = "Memory cgroup out of memory", machine[] = "Out of memory",
			  before[] = ": Killed process ";
	const char *at = strstr(text, before);

	if (strncmp(text, cgroup, strlen(cgroup)) != 0 &&
	    strncmp(text, machine, strlen(machine)) != 0)
		return false;
	return at && is_pid(at + strlen(before), pid, ' ');
}

bool ts_kmsg_is_oom_kill(const char *record, pid_t pid)
{
	const char *text = strchr(record, ';');

	if (!text || strtoul(record, NULL, 10) >> FACILITY_SHIFT != 0)
		return false;
	return is_choice(text + 1, pid) || is_kill(text + 1, pid);
}
