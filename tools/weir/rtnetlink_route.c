// SPDX-License-Identifier: BSD-2-Clause
/* Routes of a table that Weir makes or looks at. Control thread. */
#include "tools/weir/rtnetlink_request.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "bpf/packet.h"
#include "lb/addr.h"
#include "lb/prefix.h"

#define V4_BITS 96u /* in front of an IPv4 address */

static void put_prefix(struct rtnetlink_request *q, struct rtmsg *rt, const struct addr *base,
		       uint32_t length)
{
	bool v4 = addr_is_v4(base);
	rt->rtm_family = v4 ? AF_INET : AF_INET6;
	rt->rtm_dst_len = v4 ? length - V4_BITS : length;
	mnl_attr_put(&q->header, RTA_DST, v4 ? 4 : sizeof(*base), v4 ? &base->word[3] : base->word);
}

/* Numbers above 255 fit the attribute alone. */
static void put_table(struct rtnetlink_request *q, struct rtmsg *rt, uint32_t table)
{
	rt->rtm_table = table <= UINT8_MAX ? table : RT_TABLE_UNSPEC;
	mnl_attr_put_u32(&q->header, RTA_TABLE, table);
}

static int change_route(struct rtnetlink *r, uint16_t type, uint16_t flags, uint32_t table,
			const struct addr *base, uint32_t length)
{
	struct rtnetlink_request q;
	struct rtmsg *rt = rtnetlink_request_init(&q, type, flags, sizeof(*rt));
	rt->rtm_protocol = RTNETLINK_PROTOCOL;
	rt->rtm_scope = RT_SCOPE_UNIVERSE;
	rt->rtm_type = RTN_BLACKHOLE;
	put_prefix(&q, rt, base, length);
	put_table(&q, rt, table);
	return rtnetlink_request_run(r, &q, NULL, NULL);
}

int rtnetlink_add_blackhole(struct rtnetlink *r, uint32_t table, const struct addr *base,
			    uint32_t length)
{
	return change_route(r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, table, base, length);
}

int rtnetlink_delete_blackhole(struct rtnetlink *r, uint32_t table, const struct addr *base,
			       uint32_t length)
{
	return change_route(r, RTM_DELROUTE, 0, table, base, length);
}

/* --- looking ---------------------------------------------------------------------------------- */

struct look {
	uint32_t table;
	rtnetlink_table_fn *fn;
	void *context;
};

static int read_table_route(const struct nlmsghdr *header, void *data)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(header);
	const struct look *look = data;
	struct kernel_table_route route = {.protocol = rt->rtm_protocol, .length = rt->rtm_dst_len};
	const struct nlattr *attr;
	uint32_t table = rt->rtm_table;
	if (header->nlmsg_type != RTM_NEWROUTE || rt->rtm_flags & RTM_F_CLONED)
		return MNL_CB_OK;
	if (rt->rtm_family == AF_INET) {
		addr_set_v4(&route.base, 0);
		route.length += V4_BITS;
	}
	mnl_attr_for_each(attr, header, sizeof(*rt))
	{
		if (mnl_attr_get_type(attr) == RTA_TABLE)
			table = mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == RTA_DST)
			rtnetlink_read_addr(attr, &route.base);
	}
	if (table == look->table)
		look->fn(look->context, &route);
	return MNL_CB_OK;
}

/* Kernels that do not filter (before 4.20) send the routes of all tables. */
static int each_route(struct rtnetlink *r, int family, struct look *look)
{
	struct rtnetlink_request q;
	struct rtmsg *rt = rtnetlink_request_init(&q, RTM_GETROUTE, NLM_F_DUMP, sizeof(*rt));
	rt->rtm_family = family;
	put_table(&q, rt, look->table);
	int rc = rtnetlink_request_run(r, &q, read_table_route, look);
	return rc == -ENOENT ? 0 : rc; /* no such table: nobody has put a route into it */
}

int rtnetlink_each_route(struct rtnetlink *r, uint32_t table, rtnetlink_table_fn *fn, void *context)
{
	struct look look = {table, fn, context};
	const int on = 1;
	setsockopt(rtnetlink_fd(r), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	int rc = each_route(r, AF_INET, &look);
	int rc6 = each_route(r, AF_INET6, &look);
	const int off = 0;
	setsockopt(rtnetlink_fd(r), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &off, sizeof(off));
	return rc ? rc : rc6;
}
