/* Messages of rtnetlink(7): making and reading them. See rtnetlink.h. */
#include "util/rtnetlink.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

/* --- making --- */

static void append(struct rtnl_request *r, const void *data, size_t len)
{
	size_t at = NLMSG_ALIGN(r->header.nlmsg_len);

	if (r->full || len > sizeof r->bytes || at > sizeof r->bytes - len) {
		r->full = true;
		return;
	}
	memcpy(r->bytes + at, data, len);
	r->header.nlmsg_len = (uint32_t)(at + len);
}

void rtnl_start(struct rtnl_request *request, uint16_t type, uint16_t flags, const void *header,
		size_t len)
{
	memset(request, 0, sizeof *request);
	request->header.nlmsg_len = sizeof request->header;
	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = flags;
	append(request, header, len);
}

void rtnl_put(struct rtnl_request *request, uint16_t type, const void *data, size_t len)
{
	struct nlattr attribute = {.nla_type = type};

	if (len > sizeof request->bytes - sizeof attribute) {
		request->full = true;
		return;
	}
	attribute.nla_len = (uint16_t)(sizeof attribute + len);
	append(request, &attribute, sizeof attribute);
	append(request, data, len);
}

/* --- reading --- */

int rtnl_next(const void *buf, size_t len, size_t *at, const struct nlmsghdr **ret)
{
	const uint8_t *bytes = buf;
	struct nlmsghdr header;
	size_t left = len - *at;

	if (*at >= len)
		return 0;
	if (left < sizeof header)
		return -EBADMSG;
	memcpy(&header, bytes + *at, sizeof header);
	if (header.nlmsg_len < sizeof header || header.nlmsg_len > left)
		return -EBADMSG;
	*ret = (const void *)(bytes + *at);
	*at = NLMSG_ALIGN(header.nlmsg_len) < left ? *at + NLMSG_ALIGN(header.nlmsg_len) : len;
	return 1;
}

/* The attributes behind the @header_len bytes of the message's own header. */
struct attributes {
	const uint8_t *bytes;
	size_t len, at;
};

struct attribute {
	uint16_t type;
	const uint8_t *data;
	size_t len;
};

/* Copies the message's own header. Returns 0, or -EBADMSG. */
static int open_message(const struct nlmsghdr *message, void *header, size_t len,
			struct attributes *ret)
{
	const uint8_t *bytes = (const void *)message;
	size_t total = message->nlmsg_len, start = NLMSG_HDRLEN + NLMSG_ALIGN(len);

	if (total < NLMSG_HDRLEN + len)
		return -EBADMSG;
	memcpy(header, bytes + NLMSG_HDRLEN, len);
	*ret = (struct attributes){
		.bytes = bytes + (start < total ? start : total),
		.len = start < total ? total - start : 0,
	};
	return 0;
}

/* Returns 1 and fills *@ret, 0 at the end, or -EBADMSG. */
static int next_attribute(struct attributes *a, struct attribute *ret)
{
	size_t left = a->len - a->at;
	struct nlattr head;

	if (a->at >= a->len)
		return 0;
	if (left < sizeof head)
		return -EBADMSG;
	memcpy(&head, a->bytes + a->at, sizeof head);
	if (head.nla_len < sizeof head || head.nla_len > left)
		return -EBADMSG;
	*ret = (struct attribute){
		.type = head.nla_type & NLA_TYPE_MASK,
		.data = a->bytes + a->at + sizeof head,
		.len = head.nla_len - sizeof head,
	};
	a->at = NLMSG_ALIGN((size_t)head.nla_len) < left ? a->at + NLMSG_ALIGN((size_t)head.nla_len)
							 : a->len;
	return 1;
}

static int take(const struct attribute *attribute, void *ret, size_t len)
{
	if (attribute->len != len)
		return -EBADMSG;
	memcpy(ret, attribute->data, len);
	return 0;
}

static int take_name(const struct attribute *attribute, char ret[static RTNL_NAME])
{
	if (attribute->len == 0 || attribute->len > RTNL_NAME ||
	    !memchr(attribute->data, '\0', attribute->len))
		return -EBADMSG;
	memcpy(ret, attribute->data, attribute->len);
	return 0;
}

int rtnl_parse_link(const struct nlmsghdr *message, struct rtnl_link *ret)
{
	struct attribute attribute;
	struct attributes list;
	struct ifinfomsg info;
	uint32_t master;
	int r;

	if (message->nlmsg_type != RTM_NEWLINK ||
	    open_message(message, &info, sizeof info, &list) < 0)
		return -EBADMSG;
	*ret = (struct rtnl_link){.index = info.ifi_index, .flags = info.ifi_flags};
	while ((r = next_attribute(&list, &attribute)) > 0) {
		if (attribute.type == IFLA_IFNAME && take_name(&attribute, ret->name) < 0)
			return -EBADMSG;
		if (attribute.type != IFLA_MASTER)
			continue;
		if (take(&attribute, &master, sizeof master) < 0)
			return -EBADMSG;
		ret->master = (int)master;
	}
	return r < 0 || ret->name[0] == '\0' || ret->index <= 0 ? -EBADMSG : 0;
}

static int take_address_attribute(const struct attribute *attribute, struct rtnl_address *ret)
{
	switch (attribute->type) {
	case IFA_LOCAL:
		ret->has_local = true;
		return take(attribute, ret->local, ret->length);
	case IFA_ADDRESS:
		ret->has_address = true;
		return take(attribute, ret->address, ret->length);
	case IFA_BROADCAST:
		ret->has_broadcast = true;
		return take(attribute, ret->broadcast, ret->length);
	case IFA_FLAGS:
		return take(attribute, &ret->flags, sizeof ret->flags);
	case IFA_RT_PRIORITY:
		ret->has_priority = true;
		return take(attribute, &ret->priority, sizeof ret->priority);
	default:
		return 0;
	}
}

int rtnl_parse_address(const struct nlmsghdr *message, struct rtnl_address *ret)
{
	enum { INET = 2, INET6 = 10 }; /* AF_*: of <sys/socket.h> */
	struct attribute attribute;
	struct attributes list;
	struct ifaddrmsg info;
	int r;

	if (message->nlmsg_type != RTM_NEWADDR ||
	    open_message(message, &info, sizeof info, &list) < 0)
		return -EBADMSG;
	*ret = (struct rtnl_address){
		.index = (int)info.ifa_index,
		.family = info.ifa_family,
		.prefix = info.ifa_prefixlen,
		.scope = info.ifa_scope,
		.length = info.ifa_family == INET6 ? 16 : 4,
		.flags = info.ifa_flags,
	};
	if (info.ifa_family != INET && info.ifa_family != INET6)
		return -EBADMSG;
	while ((r = next_attribute(&list, &attribute)) > 0)
		if (take_address_attribute(&attribute, ret) < 0)
			return -EBADMSG;
	return r < 0 || !(ret->has_local || ret->has_address) ? -EBADMSG : 0;
}
