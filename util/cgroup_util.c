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

/* @value of [@min, @max], or what is nearest to it there, on v2's scale of 1 to 10000. 0 means none and stays so. */
static uint64_t weight_of(uint64_t value, uint64_t min, uint64_t max)
{
	if (value == 0)
		return 0;
	if (value < min)
		value = min;
	if (value > max)
		value = max;
	return 1 + (value - min) * 9999 / (max - min);
}

uint64_t ts_cgroup_weight_from_shares(uint64_t shares)
{
	return weight_of(shares, 2, 262144);
}

uint64_t ts_cgroup_io_weight_from_blkio(uint64_t weight)
{
	return weight_of(weight, 10, 1000);
}
