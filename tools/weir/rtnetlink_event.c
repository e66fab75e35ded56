// SPDX-License-Identifier: BSD-2-Clause
/* What the kernel says by itself, when something has changed. Control thread. */
#include "tools/weir/rtnetlink_request.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "bpf/packet.h"

#define DRAIN_MAX 256 /* datagrams taken in one go */

struct drain {
	rtnetlink_fn *fn;
	void *context;
};

/* The prefix of a route; a default route has no RTA_DST. False for what is no IP route. */
static bool read_route_event(const struct nlmsghdr *header, struct rtnetlink_event *event)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(header);
	const struct nlattr *attr;
	if ((rt->rtm_family != AF_INET && rt->rtm_family != AF_INET6) ||
	    rt->rtm_flags & RTM_F_CLONED)
		return false;
	event->prefix = rt->rtm_dst_len;
	if (rt->rtm_family == AF_INET) {
		addr_set_v4(&event->address, 0);
		event->prefix += 96;
	}
	mnl_attr_for_each(attr, header, sizeof(*rt)) if (mnl_attr_get_type(attr) == RTA_DST)
		rtnetlink_read_addr(attr, &event->address);
	return true;
}

/* Bridges' forwarding entries come as neighbours too; they have no address. */
static bool read_neighbor_event(const struct nlmsghdr *header, struct rtnetlink_event *event)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(header);
	const struct nlattr *attr;
	bool found = false;
	event->ifindex = nd->ndm_ifindex;
	if (nd->ndm_family != AF_INET && nd->ndm_family != AF_INET6)
		return false;
	mnl_attr_for_each(attr, header, sizeof(*nd)) if (mnl_attr_get_type(attr) == NDA_DST) found =
		rtnetlink_read_addr(attr, &event->address);
	return found;
}

static bool read_event(const struct nlmsghdr *header, struct rtnetlink_event *event)
{
	const struct ifinfomsg *info;
	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		info = mnl_nlmsg_get_payload(header);
		event->kind = RTNETLINK_LINK;
		event->ifindex = info->ifi_index;
		rtnetlink_read_link(header, &event->link);
		return true;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		event->kind = RTNETLINK_ROUTE;
		return read_route_event(header, event);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		event->kind = RTNETLINK_NEIGHBOR;
		return read_neighbor_event(header, event);
	default:
		event->kind = RTNETLINK_OTHER;
		return true;
	}
}

static int hand_on(const struct nlmsghdr *header, void *data)
{
	const struct drain *d = data;
	struct rtnetlink_event event = {0};
	if (read_event(header, &event))
		d->fn(d->context, &event);
	return MNL_CB_OK;
}

int rtnetlink_drain(struct rtnetlink *r, rtnetlink_fn *fn, void *context)
{
	struct drain d = {.fn = fn, .context = context};
	char buffer[RTNETLINK_BUFFER];
	bool lost = false;
	for (int i = 0; i < DRAIN_MAX; i++) {
		ssize_t n = mnl_socket_recvfrom(r->socket, buffer, sizeof(buffer));
		if (n < 0 && errno == EAGAIN)
			break;
		/* No room for events (ENOBUFS), or in the buffer for one (ENOSPC). */
		if (n < 0 || mnl_cb_run(buffer, n, 0, 0, hand_on, &d) < 0)
			lost = true;
	}
	return lost ? -ENOBUFS : 0;
}
