/* Parses /proc/PID/stat and /proc/PID/status. Pure. */
#include "util/proc.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Field @n, 3 or above, of a line of /proc/PID/stat; NULL when there is none. */
static const char *stat_field(const char *line, int n)
{
	const char *at = strrchr(line, ')'); /* the last one ends the name: numbers alone follow */

	if (!at || at[1] != ' ' || !at[2])
		return NULL;
	at += 2;
	for (int field = 3; field < n; field++) {
		at = strchr(at, ' ');
		if (!at)
			return NULL;
		at++;
	}
	return at;
}

int ts_proc_stat_parse(const char *line, uint64_t *ret_start, char *ret_state)
{
	enum { STATE = 3, STARTTIME = 22 };
	const char *at = stat_field(line, STARTTIME);
	char *end;

	if (!at)
		return -EINVAL;
	errno = 0;
	uint64_t start = strtoull(at, &end, 10);

	if (end == at || errno)
		return -EINVAL;
	*ret_start = start;
	if (ret_state)
		*ret_state = *stat_field(line, STATE);
	return 0;
}

int ts_proc_stat_exit_code(const char *line, int *ret_status)
{
	enum { EXIT_CODE = 52 };
	const char *at = stat_field(line, EXIT_CODE);
	char *end;

	if (!at)
		return -EINVAL;
	errno = 0;
	unsigned long status = strtoul(at, &end, 10);

	if (end == at || errno || status > 0xffff)
		return -EINVAL;
	*ret_status = (int)status;
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
