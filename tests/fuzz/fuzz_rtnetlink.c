/* Fuzzes what is read of rtnetlink(7): names must end, lengths must be those of a family. */
#include "util/rtnetlink.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct nlmsghdr *message;
	struct rtnl_address address;
	struct rtnl_link link;
	void *buf = malloc(size ? size : 1); /* aligned */
	size_t at = 0, before = 0;

	memcpy(buf, data, size);
	while (rtnl_next(buf, size, &at, &message) > 0) {
		if (at <= before || at > size)
			abort();
		before = at;
		if (at % NLMSG_ALIGNTO != 0 && at != size)
			abort();
		if (rtnl_parse_link(message, &link) == 0 &&
		    (link.index <= 0 || strnlen(link.name, RTNL_NAME) == RTNL_NAME))
			abort();
		if (rtnl_parse_address(message, &address) == 0 && address.length != 4 &&
		    address.length != 16)
			abort();
	}
	free(buf);
	return 0;
}
