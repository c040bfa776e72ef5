/* Messages of rtnetlink(7): what we make, and what we read, with every length wrong in turn. */
#include "tests/unit/unit.h"

#include "util/rtnetlink.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

static void make_link(struct rtnl_request *r)
{
	const struct ifinfomsg info = {.ifi_index = 7, .ifi_flags = 0x1043};
	const uint32_t master = 9;

	rtnl_start(r, RTM_NEWLINK, 0, &info, sizeof info);
	rtnl_put(r, IFLA_IFNAME, "eth0", 5);
	rtnl_put(r, IFLA_IFALIAS, "x", 1);
	rtnl_put(r, IFLA_MASTER, &master, sizeof master);
	assert_false(r->full);
}

static void make_address(struct rtnl_request *r)
{
	const struct ifaddrmsg info = {.ifa_family = 2,
				       .ifa_prefixlen = 24,
				       .ifa_flags = 1,
				       .ifa_scope = 253,
				       .ifa_index = 7};
	const uint32_t flags = 0x281, priority = 100;

	rtnl_start(r, RTM_NEWADDR, 0, &info, sizeof info);
	rtnl_put(r, IFA_LOCAL, "\1\2\3\4", 4);
	rtnl_put(r, IFA_ADDRESS, "\5\6\7\10", 4);
	rtnl_put(r, IFA_BROADCAST, "\1\2\3\377", 4);
	rtnl_put(r, IFA_FLAGS, &flags, sizeof flags);
	rtnl_put(r, IFA_RT_PRIORITY, &priority, sizeof priority);
	assert_false(r->full);
}

static void test_rtnl_parse_link_takes_what_it_says(void **state)
{
	struct rtnl_request r;
	struct rtnl_link link;

	(void)state;
	make_link(&r);
	assert_int_equal(rtnl_parse_link(&r.header, &link), 0);
	assert_int_equal(link.index, 7);
	assert_int_equal(link.flags, 0x1043);
	assert_int_equal(link.master, 9);
	assert_string_equal(link.name, "eth0");
}

static void test_rtnl_parse_address_takes_what_it_says(void **state)
{
	struct rtnl_request r;
	struct rtnl_address a;

	(void)state;
	make_address(&r);
	assert_int_equal(rtnl_parse_address(&r.header, &a), 0);
	assert_int_equal(a.index, 7);
	assert_int_equal(a.family, 2);
	assert_int_equal(a.prefix, 24);
	assert_int_equal(a.scope, 253);
	assert_int_equal(a.length, 4);
	assert_true(a.has_local && a.has_address && a.has_broadcast && a.has_priority);
	assert_memory_equal(a.local, "\1\2\3\4", 4);
	assert_memory_equal(a.address, "\5\6\7\10", 4);
	assert_memory_equal(a.broadcast, "\1\2\3\377", 4);
	assert_int_equal(a.flags, 0x281);
	assert_int_equal(a.priority, 100);
}

static void test_rtnl_parse_refuses_wrong_lengths(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
		const char *data;
		size_t len;
	} links[] =
		{
			{"empty name", IFLA_IFNAME, "", 0},
			{"name without an end", IFLA_IFNAME, "0123456789abcdef", 16},
			{"long name", IFLA_IFNAME, "0123456789abcdef", 17},
			{"no name", IFLA_IFALIAS, "x", 1},
			{"short master", IFLA_MASTER, "abc", 3},
			{"long master", IFLA_MASTER, "abcde", 5},
		},
	  addresses[] = {
		  {"short local", IFA_LOCAL, "abc", 3},
		  {"long address", IFA_ADDRESS, "0123456789abcdef", 16},
		  {"empty flags", IFA_FLAGS, "", 0},
		  {"long priority", IFA_RT_PRIORITY, "01234567", 8},
		  {"long broadcast", IFA_BROADCAST, "01234567", 8},
		  {"no address", IFA_LABEL, "x", 2},
	  };
	const struct ifinfomsg link = {.ifi_index = 1};
	struct ifaddrmsg address = {.ifa_family = 2};
	struct rtnl_address ignored_address;
	struct rtnl_link ignored_link;
	struct rtnl_request r;

	(void)state;
	for (size_t i = 0; i < COUNT(links); i++) {
		rtnl_start(&r, RTM_NEWLINK, 0, &link, sizeof link);
		if (links[i].type == IFLA_MASTER)
			rtnl_put(&r, IFLA_IFNAME, "x", 2);
		rtnl_put(&r, links[i].type, links[i].data, links[i].len);
		assert_row(links[i].name, rtnl_parse_link(&r.header, &ignored_link) == -EBADMSG);
	}
	for (size_t i = 0; i < COUNT(addresses); i++) {
		rtnl_start(&r, RTM_NEWADDR, 0, &address, sizeof address);
		if (addresses[i].type == IFA_FLAGS || addresses[i].type == IFA_RT_PRIORITY)
			rtnl_put(&r, IFA_LOCAL, "abcd", 4);
		rtnl_put(&r, addresses[i].type, addresses[i].data, addresses[i].len);
		assert_row(addresses[i].name,
			   rtnl_parse_address(&r.header, &ignored_address) == -EBADMSG);
	}
	address.ifa_family = 7; /* neither IPv4 nor IPv6 */
	rtnl_start(&r, RTM_NEWADDR, 0, &address, sizeof address);
	rtnl_put(&r, IFA_LOCAL, "abcd", 4);
	assert_int_equal(rtnl_parse_address(&r.header, &ignored_address), -EBADMSG);
	make_link(&r);
	assert_int_equal(rtnl_parse_address(&r.header, &ignored_address), -EBADMSG);
}

/* A message that was cut anywhere, in a block of just that size: with ASan nothing is read behind it. */
static void test_rtnl_parse_of_cut_messages_reads_nothing_else(void **state)
{
	struct rtnl_address address;
	struct rtnl_request r;

	(void)state;
	make_address(&r);
	for (uint32_t len = sizeof r.header; len < r.header.nlmsg_len; len++) {
		struct nlmsghdr *copy = malloc(len);

		assert_non_null(copy);
		memcpy(copy, r.bytes, len);
		copy->nlmsg_len = len;
		(void)rtnl_parse_address(copy, &address);
		free(copy);
	}
}

/* All attributes that say to be longer than they are. */
static void test_rtnl_parse_of_attributes_that_lie(void **state)
{
	struct rtnl_address address;
	struct rtnl_request r;
	struct nlattr *first;

	(void)state;
	for (uint32_t len = 0; len <= UINT16_MAX; len += len < 64 ? 1 : 1021) {
		make_address(&r);
		first = (void *)(r.bytes + NLMSG_HDRLEN + sizeof(struct ifaddrmsg));
		first->nla_len = (uint16_t)len;
		if (len != 8)
			assert_int_equal(rtnl_parse_address(&r.header, &address), -EBADMSG);
	}
}

static void test_rtnl_next_walks_and_ends(void **state)
{
	struct rtnl_request one, two;
	const struct nlmsghdr *message;
	_Alignas(struct nlmsghdr) uint8_t buf[2 * RTNL_REQUEST];
	size_t first, len, at = 0;

	(void)state;
	make_link(&one);
	make_address(&two);
	first = NLMSG_ALIGN(one.header.nlmsg_len);
	memset(buf, 0, sizeof buf);
	memcpy(buf, one.bytes, one.header.nlmsg_len);
	memcpy(buf + first, two.bytes, two.header.nlmsg_len);
	len = first + two.header.nlmsg_len;
	assert_int_equal(rtnl_next(buf, len, &at, &message), 1);
	assert_int_equal(message->nlmsg_type, RTM_NEWLINK);
	assert_int_equal(rtnl_next(buf, len, &at, &message), 1);
	assert_int_equal(message->nlmsg_type, RTM_NEWADDR);
	assert_int_equal(rtnl_next(buf, len, &at, &message), 0);
	for (size_t cut = first + 1; cut < len; cut++) {
		at = first;
		assert_int_equal(rtnl_next(buf, cut, &at, &message), -EBADMSG);
	}
	for (uint32_t lie = 0; lie < NLMSG_HDRLEN; lie++) {
		memcpy(buf, &lie, sizeof lie);
		at = 0;
		assert_int_equal(rtnl_next(buf, len, &at, &message), -EBADMSG);
	}
	memset(buf, 0xff, sizeof(uint32_t));
	at = 0;
	assert_int_equal(rtnl_next(buf, len, &at, &message), -EBADMSG);
}

static void test_rtnl_put_says_when_it_is_full(void **state)
{
	const struct ifinfomsg info = {0};
	static const char data[RTNL_REQUEST];
	struct rtnl_request r;

	(void)state;
	rtnl_start(&r, RTM_NEWLINK, 0, &info, sizeof info);
	rtnl_put(&r, 1, data, RTNL_REQUEST - NLMSG_HDRLEN - sizeof info - NLA_HDRLEN);
	assert_false(r.full);
	assert_int_equal(r.header.nlmsg_len, RTNL_REQUEST);
	rtnl_put(&r, 1, data, 0);
	assert_true(r.full);
	rtnl_start(&r, RTM_NEWLINK, 0, &info, sizeof info);
	rtnl_put(&r, 1, data, SIZE_MAX);
	assert_true(r.full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rtnl_parse_link_takes_what_it_says),
		cmocka_unit_test(test_rtnl_parse_address_takes_what_it_says),
		cmocka_unit_test(test_rtnl_parse_refuses_wrong_lengths),
		cmocka_unit_test(test_rtnl_parse_of_cut_messages_reads_nothing_else),
		cmocka_unit_test(test_rtnl_parse_of_attributes_that_lie),
		cmocka_unit_test(test_rtnl_next_walks_and_ends),
		cmocka_unit_test(test_rtnl_put_says_when_it_is_full),
	};

	return cmocka_run_group_tests_name("rtnetlink", tests, NULL, NULL);
}
