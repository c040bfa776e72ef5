/* The little of rtnetlink(7) that moves network devices: links and their addresses. A socket speaks of the network namespace it was
 * made in, wherever its process goes later. Messages are the kernel's, and every length in them is checked all the same. */
#ifndef UTIL_RTNETLINK_H
#define UTIL_RTNETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RTNL_NAME = 16, RTNL_ADDRESS = 16, RTNL_REQUEST = 512 };

struct rtnl_link {
	int index;
	uint32_t flags; /* IFF_* */
	int master; /* index of its bridge, bond, ...; or 0 */
	char name[RTNL_NAME];
};

/* What of an address can be given to the kernel again. */
struct rtnl_address {
	int index;
	uint8_t family, prefix, scope;
	uint8_t length; /* of each below: 4 or 16 */
	bool has_local, has_address, has_broadcast, has_priority;
	uint8_t local[RTNL_ADDRESS], address[RTNL_ADDRESS], broadcast[RTNL_ADDRESS];
	uint32_t flags; /* IFA_F_* */
	uint32_t priority; /* of the route to its network */
};

/* A message in the making, zeroed first. */
struct rtnl_request {
	union {
		struct nlmsghdr header;
		uint8_t bytes[RTNL_REQUEST];
	};
	bool full; /* something did not fit: rtnl_send() says so */
};

/* --- pure (rtnetlink_util.c) --- */

/* Starts a message with @len bytes of its own header. */
void rtnl_start(struct rtnl_request *request, uint16_t type, uint16_t flags, const void *header,
		size_t len);
void rtnl_put(struct rtnl_request *request, uint16_t type, const void *data, size_t len);

/* The next message in @buf of @len bytes (aligned for one), from *@at on, which is moved behind it. Returns 1 and *@ret, 0 at the end,
 * or -EBADMSG. */
int rtnl_next(const void *buf, size_t len, size_t *at, const struct nlmsghdr **ret);

/* An RTM_NEWLINK, RTM_NEWADDR as rtnl_next() gives it. Returns 0, or -EBADMSG. */
int rtnl_parse_link(const struct nlmsghdr *message, struct rtnl_link *ret);
int rtnl_parse_address(const struct nlmsghdr *message, struct rtnl_address *ret);

/* --- calls (rtnetlink_sys.c): 0 or an fd, or -1 and errno --- */

int rtnl_open(void);

/* ENODEV: there is none. */
int rtnl_link_by_name(int fd, const char *name, struct rtnl_link *ret);
int rtnl_link_by_index(int fd, int index, struct rtnl_link *ret);

/* Moves the link to the namespace @ns_fd and names it @name there. EEXIST: that one is taken; the link may then have moved and kept its
 * old name. */
int rtnl_link_move(int fd, int index, int ns_fd, const char *name);
int rtnl_link_set_up(int fd, int index);
int rtnl_link_set_master(int fd, int index, int master);

/* All addresses of the link: *@ret is malloc'ed. */
int rtnl_addresses(int fd, int index, struct rtnl_address **ret, size_t *ret_n);

/* Adds the address to the link @index. */
int rtnl_address_add(int fd, int index, const struct rtnl_address *address);

#endif
