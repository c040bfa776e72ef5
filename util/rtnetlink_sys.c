/* Calls of rtnetlink(7): one request, its answers, its end. See rtnetlink.h. */
#include "util/rtnetlink.h"

#include "util/fd.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* As large as the kernel makes parts of a dump for those who do not ask for less. */
enum { ANSWER = 32768 };

int rtnl_open(void)
{
	_cleanup_fd_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};

	if (fd < 0 || bind(fd, (const void *)&address, sizeof address) < 0)
		return -1;
	return ts_fd_take(&fd);
}

static int send_request(int fd, const struct rtnl_request *request)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t n;

	if (request->full) {
		errno = EMSGSIZE;
		return -1;
	}
	do
		n = sendto(fd, request->bytes, request->header.nlmsg_len, 0, (const void *)&kernel,
			   sizeof kernel);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

/* One datagram of the kernel's. */
static ssize_t receive(int fd, void *buf, size_t size)
{
	struct sockaddr_nl from = {0};
	struct iovec part = {.iov_base = buf, .iov_len = size};
	struct msghdr message = {
		.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1};
	ssize_t n;

	do
		n = recvmsg(fd, &message, 0);
	while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0));
	if (n >= 0 && message.msg_flags & MSG_TRUNC) {
		errno = EMSGSIZE;
		return -1;
	}
	return n;
}

/* What is called with each answer: 0, or -1 and errno, which ends the exchange. */
typedef int answer_fn(const struct nlmsghdr *answer, void *arg);

/* How the kernel ends its answers: 0, or its errno as -1. */
static int end_of(const struct nlmsghdr *message)
{
	int error;

	if (message->nlmsg_len < NLMSG_HDRLEN + sizeof error) {
		errno = EBADMSG;
		return -1;
	}
	memcpy(&error, (const uint8_t *)message + NLMSG_HDRLEN, sizeof error);
	if (error == 0)
		return 0;
	errno = -error;
	return -1;
}

/* Reads what is in one datagram. Returns 1: there is more to come; 0: that was all; -1 and errno. */
static int read_answers(const void *buf, size_t len, answer_fn *answer, void *arg)
{
	const struct nlmsghdr *message;
	size_t at = 0;
	int r;

	while ((r = rtnl_next(buf, len, &at, &message)) > 0) {
		if (message->nlmsg_flags & NLM_F_DUMP_INTR) {
			errno = EAGAIN;
			return -1;
		}
		if (message->nlmsg_type == NLMSG_ERROR || message->nlmsg_type == NLMSG_DONE)
			return end_of(message);
		if (answer && answer(message, arg) < 0)
			return -1;
	}
	if (r == 0)
		return 1;
	errno = -r;
	return -1;
}

/* No other request is under way, and no group of messages is listened to: all answers are to this one. After an error there may be
 * some left: the socket's next exchange would take them for its own, so they are read away. */
static int converse(int fd, struct rtnl_request *request, void *buf, answer_fn *answer, void *arg)
{
	int r, err;

	request->header.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (send_request(fd, request) < 0)
		return -1;
	do {
		ssize_t n = receive(fd, buf, ANSWER);

		r = n < 0 ? -1 : read_answers(buf, (size_t)n, answer, arg);
	} while (r > 0);
	err = errno;
	while (r < 0 && recv(fd, buf, ANSWER, MSG_DONTWAIT) > 0)
		;
	errno = err;
	return r;
}

static int exchange(int fd, struct rtnl_request *request, answer_fn *answer, void *arg)
{
	void *buf = malloc(ANSWER);
	int r = buf ? converse(fd, request, buf, answer, arg) : -1;

	ts_freep(&buf);
	return r;
}

/* --- links --- */

static int take_link(const struct nlmsghdr *answer, void *arg)
{
	int r = rtnl_parse_link(answer, arg);

	if (r == 0)
		return 0;
	errno = -r;
	return -1;
}

static int get_link(int fd, int index, const char *name, struct rtnl_link *ret)
{
	const struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = index};
	struct rtnl_link link = {0};
	struct rtnl_request request;

	rtnl_start(&request, RTM_GETLINK, 0, &info, sizeof info);
	if (name)
		rtnl_put(&request, IFLA_IFNAME, name, strlen(name) + 1);
	if (exchange(fd, &request, take_link, &link) < 0)
		return -1;
	if (link.index <= 0) {
		errno = ENODEV;
		return -1;
	}
	*ret = link;
	return 0;
}

int rtnl_link_by_name(int fd, const char *name, struct rtnl_link *ret)
{
	return get_link(fd, 0, name, ret);
}

int rtnl_link_by_index(int fd, int index, struct rtnl_link *ret)
{
	return get_link(fd, index, NULL, ret);
}

static void start_change(struct rtnl_request *request, int index, uint32_t flags)
{
	const struct ifinfomsg info = {.ifi_family = AF_UNSPEC,
				       .ifi_index = index,
				       .ifi_flags = flags,
				       .ifi_change = flags};

	rtnl_start(request, RTM_NEWLINK, 0, &info, sizeof info);
}

int rtnl_link_move(int fd, int index, int ns_fd, const char *name)
{
	struct rtnl_request request;
	uint32_t ns = (uint32_t)ns_fd;

	start_change(&request, index, 0);
	rtnl_put(&request, IFLA_NET_NS_FD, &ns, sizeof ns);
	rtnl_put(&request, IFLA_IFNAME, name, strlen(name) + 1);
	return exchange(fd, &request, NULL, NULL);
}

int rtnl_link_set_up(int fd, int index)
{
	struct rtnl_request request;

	start_change(&request, index, IFF_UP);
	return exchange(fd, &request, NULL, NULL);
}

int rtnl_link_set_master(int fd, int index, int master)
{
	struct rtnl_request request;
	uint32_t value = (uint32_t)master;

	start_change(&request, index, 0);
	rtnl_put(&request, IFLA_MASTER, &value, sizeof value);
	return exchange(fd, &request, NULL, NULL);
}

/* --- addresses --- */

struct found {
	int index;
	struct rtnl_address *v;
	size_t n, room;
};

static int take_address(const struct nlmsghdr *answer, void *arg)
{
	struct found *found = arg;
	struct rtnl_address address, *v = found->v;
	int r = rtnl_parse_address(answer, &address);

	if (r < 0) {
		errno = -r;
		return -1;
	}
	if (address.index != found->index)
		return 0;
	if (found->n == found->room) {
		v = reallocarray(v, found->room ? 2 * found->room : 8, sizeof *v);
		if (!v)
			return -1;
		found->v = v;
		found->room = found->room ? 2 * found->room : 8;
	}
	v[found->n++] = address;
	return 0;
}

/* What changes while it is listed makes the kernel say that the list may be wrong. */
int rtnl_addresses(int fd, int index, struct rtnl_address **ret, size_t *ret_n)
{
	const struct ifaddrmsg info = {.ifa_family = AF_UNSPEC};
	struct found found = {.index = index};
	struct rtnl_request request;
	int tries = 16, r;

	do {
		found.n = 0;
		rtnl_start(&request, RTM_GETADDR, NLM_F_DUMP, &info, sizeof info);
		r = exchange(fd, &request, take_address, &found);
	} while (r < 0 && errno == EAGAIN && --tries > 0);
	if (r < 0) {
		ts_freep(&found.v);
		return -1;
	}
	*ret = found.v;
	*ret_n = found.n;
	return 0;
}

int rtnl_address_add(int fd, int index, const struct rtnl_address *address)
{
	/* what a caller may set; the others tell how the kernel is getting on with it */
	const uint32_t flags =
		address->flags & (IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR |
				  IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN);
	const struct ifaddrmsg info = {
		.ifa_family = address->family,
		.ifa_prefixlen = address->prefix,
		.ifa_scope = address->scope,
		.ifa_index = (uint32_t)index,
	};
	struct rtnl_request request;

	rtnl_start(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
	if (address->has_local)
		rtnl_put(&request, IFA_LOCAL, address->local, address->length);
	if (address->has_address)
		rtnl_put(&request, IFA_ADDRESS, address->address, address->length);
	if (address->has_broadcast)
		rtnl_put(&request, IFA_BROADCAST, address->broadcast, address->length);
	if (address->has_priority)
		rtnl_put(&request, IFA_RT_PRIORITY, &address->priority, sizeof address->priority);
	rtnl_put(&request, IFA_FLAGS, &flags, sizeof flags);
	return exchange(fd, &request, NULL, NULL);
}
