/* Parses /proc/PID/stat. Pure. */
#include "util/proc.h"

#include <errno.h>
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
