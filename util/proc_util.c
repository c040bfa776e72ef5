/* Parses /proc/PID/stat and /proc/PID/status. Pure. */
#include "util/proc.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

int ts_proc_stat_parse(const char *line, uint64_t *ret_start, char *ret_state)
{
	enum { STATE = 3, STARTTIME = 22 };
	const char *at = strrchr(line, ')'); /* the last one ends the name: numbers alone follow */
	char *end;

	if (!at || at[1] != ' ' || !at[2])
		return -EINVAL;
	at += 2;
	if (ret_state)
		*ret_state = *at;
	for (int field = STATE; field < STARTTIME; field++) {
		at = strchr(at, ' ');
		if (!at)
			return -EINVAL;
		at++;
	}
	errno = 0;
	uint64_t start = strtoull(at, &end, 10);

	if (end == at || errno)
		return -EINVAL;
	*ret_start = start;
	return 0;
}

/* "\nNSpid:\t812\t1\n": outermost first. */
static bool is_process_1_of_its_own(const char *status)
{
	const char *numbers = strstr(status, "\nNSpid:\t");
	size_t len;

	if (!numbers)
		return false;
	numbers += strlen("\nNSpid:\t");
	len = strcspn(numbers, "\n");
	return len > 2 && numbers[len - 2] == '\t' && numbers[len - 1] == '1';
}

bool ts_proc_status_drops_signal(const char *status, int signo)
{
	static const char *const masks[] = {"\nSigBlk:\t", "\nSigIgn:\t", "\nSigCgt:\t"};

	if (signo == SIGKILL || signo == SIGSTOP || !is_process_1_of_its_own(status))
		return false;
	for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
		const char *line = strstr(status, masks[i]);

		/* a list of groups may be so long that the masks were cut off */
		if (!line || strtoull(line + strlen(masks[i]), NULL, 16) & 1ULL << (signo - 1))
			return false;
	}
	return true;
}
