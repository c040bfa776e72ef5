/* Formats of cgroup files. Pure. */
#include "util/cgroup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ts_cgroup_key_parse(const char *text, const char *key, uint64_t *ret)
{
	size_t len = strlen(key);

	for (const char *line = text; line && *line;
	     line = strchr(line, '\n'), line += line ? 1 : 0) {
		char *end;

		if (strncmp(line, key, len) != 0 || line[len] != ' ')
			continue;
		if (line[len + 1] < '0' || line[len + 1] > '9')
			return -EINVAL;
		errno = 0;
		uint64_t value = strtoull(line + len + 1, &end, 10);

		if (errno || (*end != '\n' && *end != '\0'))
			return -EINVAL;
		*ret = value;
		return 0;
	}
	return -ENODATA;
}

uint64_t ts_cgroup_weight_from_shares(uint64_t shares)
{
	if (shares == 0)
		return 0;
	if (shares < 2)
		shares = 2;
	if (shares > 262144)
		shares = 262144;
	return 1 + (shares - 2) * 9999 / 262142;
}

uint64_t ts_cgroup_io_weight_from_blkio(uint64_t weight)
{
	if (weight == 0)
		return 0;
	if (weight < 10)
		weight = 10;
	if (weight > 1000)
		weight = 1000;
	return 1 + (weight - 10) * 9999 / 990;
}
