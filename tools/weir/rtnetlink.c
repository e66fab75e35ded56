// SPDX-License-Identifier: BSD-2-Clause
/*
 * Holds no state but the socket and a sequence number. Control thread. long file: requests and
 * their answers are one protocol, and share how they are written.
 */
#include "tools/weir/rtnetlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "bpf/packet.h"
#include "lb/addr.h"
#include "lb/err.h"

#define BUFFER_SIZE      8192       /* the kernel's messages fit (MNL_SOCKET_BUFFER_SIZE) */
#define EVENT_BUFFER     (1u << 20) /* bytes of events the kernel keeps for us */
#define DRAIN_MAX        256        /* datagrams taken in one go */
#define ANSWER_TIMEOUT_S 1          /* never reached: see rtnetlink.h */

int rtnetlink_open(struct rtnetlink *r, uint32_t groups, struct err *err)
{
	const struct timeval timeout = {.tv_sec = ANSWER_TIMEOUT_S};
	const int room = EVENT_BUFFER;
	struct mnl_socket *s =
		mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | (groups ? SOCK_NONBLOCK : 0));
	if (!s || mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) < 0) {
		int code = errno;
		if (s)
			mnl_socket_close(s);
		return err_set(err, code, "cannot open a netlink socket: %s", strerror(code));
	}
	int fd = mnl_socket_get_fd(s);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (groups)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	*r = (struct rtnetlink){.socket = s};
	return 0;
}

void rtnetlink_close(struct rtnetlink *r)
{
	if (r->socket)
		mnl_socket_close(r->socket);
	r->socket = NULL;
}

int rtnetlink_fd(const struct rtnetlink *r)
{
	return mnl_socket_get_fd(r->socket);
}

/* --- requests --------------------------------------------------------------------------------- */

struct request {
	union {
		struct nlmsghdr header;
		char bytes[256];
	};
};

static void *request_init(struct request *q, uint16_t type, uint16_t flags, size_t extra)
{
	memset(q, 0, sizeof(*q));
	mnl_nlmsg_put_header(q);
	q->header.nlmsg_type = type;
	q->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	return mnl_nlmsg_put_extra_header(&q->header, extra);
}

/* Sends the request, calls `fn` for what comes back, and returns the kernel's verdict. */
static int request_run(struct rtnetlink *r, struct request *q, mnl_cb_t fn, void *data)
{
	unsigned int id = mnl_socket_get_portid(r->socket);
	char buffer[BUFFER_SIZE];
	q->header.nlmsg_seq = ++r->sequence;
	if (mnl_socket_sendto(r->socket, q, q->header.nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(r->socket, buffer, sizeof(buffer));
		if (n < 0)
			return -errno;
		int more = mnl_cb_run(buffer, n, r->sequence, id, fn, data);
		if (more < 0)
			return -errno;
		if (more == MNL_CB_STOP)
			return 0;
	}
}

static uint8_t family_of(const struct addr *a)
{
	return addr_is_v4(a) ? AF_INET : AF_INET6;
}

static void put_addr(struct request *q, uint16_t type, const struct addr *a)
{
	if (addr_is_v4(a))
		mnl_attr_put(&q->header, type, 4, &a->word[3]);
	else
		mnl_attr_put(&q->header, type, sizeof(*a), a);
}

/* False for what is neither an IPv4 nor an IPv6 address. */
static bool read_addr(const void *bytes, size_t length, struct addr *out)
{
	__be32 v4;
	if (length == sizeof(v4)) {
		memcpy(&v4, bytes, sizeof(v4));
		addr_set_v4(out, v4);
	} else if (length == sizeof(*out)) {
		memcpy(out, bytes, sizeof(*out));
	}
	return length == sizeof(v4) || length == sizeof(*out);
}

static bool read_addr_attr(const struct nlattr *attr, struct addr *out)
{
	return read_addr(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr), out);
}

/* --- routes ----------------------------------------------------------------------------------- */

/* RTA_VIA: a gateway of the other family, behind two bytes that say which. */
static void read_via(const struct nlattr *attr, struct kernel_route *route)
{
	const char *bytes = mnl_attr_get_payload(attr);
	size_t length = mnl_attr_get_payload_len(attr), head = sizeof(struct rtvia);
	route->has_gateway =
		length > head && read_addr(bytes + head, length - head, &route->gateway);
}

static void read_metrics(const struct nlattr *metrics, struct kernel_route *route)
{
	const struct nlattr *attr;
	mnl_attr_for_each_nested(attr, metrics)
	{
		if (mnl_attr_get_type(attr) == RTAX_MTU)
			route->mtu = mnl_attr_get_u32(attr);
	}
}

static int read_route(const struct nlmsghdr *header, void *data)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(header);
	struct kernel_route *route = data;
	const struct nlattr *attr;
	if (header->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	route->type = rt->rtm_type;
	mnl_attr_for_each(attr, header, sizeof(*rt))
	{
		switch (mnl_attr_get_type(attr)) {
		case RTA_OIF:
			route->ifindex = mnl_attr_get_u32(attr);
			break;
		case RTA_GATEWAY:
			route->has_gateway = read_addr_attr(attr, &route->gateway);
			break;
		case RTA_VIA:
			read_via(attr, route);
			break;
		case RTA_PREFSRC:
			route->has_source = read_addr_attr(attr, &route->source);
			break;
		case RTA_METRICS:
			read_metrics(attr, route);
			break;
		}
	}
	return MNL_CB_OK;
}

int rtnetlink_get_route(struct rtnetlink *r, const struct addr *to, struct kernel_route *out)
{
	struct request q;
	struct kernel_route route = {0};
	struct rtmsg *rt = request_init(&q, RTM_GETROUTE, 0, sizeof(*rt));
	rt->rtm_family = family_of(to);
	rt->rtm_dst_len = addr_is_v4(to) ? 32 : 128;
	put_addr(&q, RTA_DST, to);
	int rc = request_run(r, &q, read_route, &route);
	if (!rc)
		*out = route;
	return rc;
}

/* --- neighbours ------------------------------------------------------------------------------- */

static int read_neighbor(const struct nlmsghdr *header, void *data)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(header);
	struct kernel_neighbor *neighbor = data;
	const struct nlattr *attr;
	if (header->nlmsg_type != RTM_NEWNEIGH)
		return MNL_CB_OK;
	neighbor->state = nd->ndm_state;
	neighbor->flags = nd->ndm_flags;
	mnl_attr_for_each(attr, header, sizeof(*nd))
	{
		switch (mnl_attr_get_type(attr)) {
		case NDA_LLADDR:
			neighbor->has_mac = mnl_attr_get_payload_len(attr) == ETH_ALEN;
			if (neighbor->has_mac)
				memcpy(neighbor->mac, mnl_attr_get_payload(attr), ETH_ALEN);
			break;
		case NDA_FLAGS_EXT:
			neighbor->managed = mnl_attr_get_u32(attr) & NTF_EXT_MANAGED;
			break;
		case NDA_PROTOCOL:
			neighbor->protocol = mnl_attr_get_u8(attr);
			break;
		}
	}
	return MNL_CB_OK;
}

static struct ndmsg *neighbor_request(struct request *q, uint16_t type, uint16_t flags, int ifindex,
				      const struct addr *a)
{
	struct ndmsg *nd = request_init(q, type, flags, sizeof(*nd));
	nd->ndm_family = family_of(a);
	nd->ndm_ifindex = ifindex;
	put_addr(q, NDA_DST, a);
	return nd;
}

int rtnetlink_get_neighbor(struct rtnetlink *r, int ifindex, const struct addr *a,
			   struct kernel_neighbor *out)
{
	struct request q;
	struct kernel_neighbor neighbor = {0};
	neighbor_request(&q, RTM_GETNEIGH, 0, ifindex, a);
	int rc = request_run(r, &q, read_neighbor, &neighbor);
	if (!rc)
		*out = neighbor;
	return rc;
}

/*
 * NTF_USE has the kernel ask now, whatever its version; a kernel that does not know NDA_FLAGS_EXT
 * passes over it.
 */
static int manage_neighbor(struct rtnetlink *r, uint16_t flags, uint8_t protocol, int ifindex,
			   const struct addr *a)
{
	struct request q;
	neighbor_request(&q, RTM_NEWNEIGH, flags, ifindex, a)->ndm_flags = NTF_USE;
	mnl_attr_put_u32(&q.header, NDA_FLAGS_EXT, NTF_EXT_MANAGED);
	if (protocol)
		mnl_attr_put_u8(&q.header, NDA_PROTOCOL, protocol);
	return request_run(r, &q, NULL, NULL);
}

int rtnetlink_make_neighbor(struct rtnetlink *r, int ifindex, const struct addr *a)
{
	return manage_neighbor(r, NLM_F_CREATE | NLM_F_EXCL, RTNETLINK_PROTOCOL, ifindex, a);
}

int rtnetlink_adopt_neighbor(struct rtnetlink *r, int ifindex, const struct addr *a)
{
	return manage_neighbor(r, 0, 0, ifindex, a);
}

/* To say "use it" without "manage it" takes the second away. */
int rtnetlink_leave_neighbor(struct rtnetlink *r, int ifindex, const struct addr *a)
{
	struct request q;
	neighbor_request(&q, RTM_NEWNEIGH, 0, ifindex, a)->ndm_flags = NTF_USE;
	return request_run(r, &q, NULL, NULL);
}

int rtnetlink_delete_neighbor(struct rtnetlink *r, int ifindex, const struct addr *a)
{
	struct request q;
	neighbor_request(&q, RTM_DELNEIGH, 0, ifindex, a);
	return request_run(r, &q, NULL, NULL);
}

/* --- addresses -------------------------------------------------------------------------------- */

static int change_address(struct rtnetlink *r, uint16_t type, uint16_t flags, int ifindex,
			  const struct addr *a)
{
	struct request q;
	struct ifaddrmsg *m = request_init(&q, type, flags, sizeof(*m));
	m->ifa_family = family_of(a);
	m->ifa_prefixlen = addr_is_v4(a) ? 32 : 128;
	m->ifa_flags = addr_is_v4(a) ? 0 : IFA_F_NODAD;
	m->ifa_index = ifindex;
	put_addr(&q, IFA_LOCAL, a);
	return request_run(r, &q, NULL, NULL);
}

int rtnetlink_add_address(struct rtnetlink *r, int ifindex, const struct addr *a)
{
	return change_address(r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, a);
}

int rtnetlink_delete_address(struct rtnetlink *r, int ifindex, const struct addr *a)
{
	return change_address(r, RTM_DELADDR, 0, ifindex, a);
}

/* --- links ------------------------------------------------------------------------------------ */

/* What a VLAN sub-interface says of itself. */
struct vlan_info {
	uint16_t id;
	__be16 protocol;
};

static void read_vlan(const struct nlattr *data, struct vlan_info *vlan)
{
	const struct nlattr *attr;
	mnl_attr_for_each_nested(attr, data)
	{
		if (mnl_attr_get_type(attr) == IFLA_VLAN_ID)
			vlan->id = mnl_attr_get_u16(attr);
		else if (mnl_attr_get_type(attr) == IFLA_VLAN_PROTOCOL)
			vlan->protocol = mnl_attr_get_u16(attr);
	}
}

static void read_bond(const struct nlattr *data, struct kernel_link *link)
{
	const struct nlattr *attr;
	mnl_attr_for_each_nested(attr, data)
	{
		if (mnl_attr_get_type(attr) == IFLA_BOND_ACTIVE_SLAVE)
			link->active = mnl_attr_get_u32(attr);
	}
}

/* IFLA_LINKINFO: what kind of device it is, and then what that kind has to say. */
static void read_link_kind(const struct nlattr *info, struct kernel_link *link)
{
	struct vlan_info vlan = {.protocol = htons(ETH_P_8021Q)};
	const struct nlattr *attr;
	const char *kind = "";
	mnl_attr_for_each_nested(attr, info)
	{
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
			kind = mnl_attr_get_str(attr);
		else if (mnl_attr_get_type(attr) == IFLA_INFO_DATA && !strcmp(kind, "vlan"))
			read_vlan(attr, &vlan);
		else if (mnl_attr_get_type(attr) == IFLA_INFO_DATA && !strcmp(kind, "bond"))
			read_bond(attr, link);
	}
	link->is_bond = !strcmp(kind, "bond");
	link->is_bridge = !strcmp(kind, "bridge");
	if (!strcmp(kind, "vlan") && vlan.protocol == htons(ETH_P_8021Q))
		link->vlan = vlan.id;
}

static void read_link_attr(const struct nlattr *attr, struct kernel_link *link)
{
	switch (mnl_attr_get_type(attr)) {
	case IFLA_CARRIER_UP_COUNT:
		link->up_count = mnl_attr_get_u32(attr);
		break;
	case IFLA_MTU:
		link->mtu = mnl_attr_get_u32(attr);
		break;
	case IFLA_LINK:
		link->lower = mnl_attr_get_u32(attr);
		break;
	case IFLA_MASTER:
		link->master = mnl_attr_get_u32(attr);
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(attr) == ETH_ALEN)
			memcpy(link->mac, mnl_attr_get_payload(attr), ETH_ALEN);
		break;
	case IFLA_LINKINFO:
		read_link_kind(attr, link);
		break;
	}
}

static int read_link(const struct nlmsghdr *header, void *data)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(header);
	struct kernel_link *link = data;
	const struct nlattr *attr;
	if (header->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	link->up = info->ifi_flags & IFF_UP && info->ifi_flags & IFF_RUNNING;
	mnl_attr_for_each(attr, header, sizeof(*info)) read_link_attr(attr, link);
	return MNL_CB_OK;
}

int rtnetlink_get_link(struct rtnetlink *r, int ifindex, struct kernel_link *out)
{
	struct request q;
	struct kernel_link link = {0};
	struct ifinfomsg *info = request_init(&q, RTM_GETLINK, 0, sizeof(*info));
	info->ifi_index = ifindex;
	int rc = request_run(r, &q, read_link, &link);
	if (!rc)
		*out = link;
	return rc;
}

static int read_kind(const struct nlattr *attr, void *data)
{
	struct kernel_interface *link = data;
	if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
		snprintf(link->kind, sizeof(link->kind), "%.*s", mnl_attr_get_payload_len(attr),
			 mnl_attr_get_str(attr));
	return MNL_CB_OK;
}

static int read_interface(const struct nlmsghdr *header, void *data)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(header);
	struct kernel_interface *link = data;
	const struct nlattr *attr;
	if (header->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	link->up = info->ifi_flags & IFF_UP;
	link->running = info->ifi_flags & IFF_RUNNING;
	link->ethernet = info->ifi_type == ARPHRD_ETHER;
	mnl_attr_for_each(attr, header, sizeof(*info))
	{
		switch (mnl_attr_get_type(attr)) {
		case IFLA_MTU:
			link->mtu = mnl_attr_get_u32(attr);
			break;
		case IFLA_MASTER:
			link->master = mnl_attr_get_u32(attr);
			break;
		case IFLA_LINK_NETNSID:
			link->peer_namespace = mnl_attr_get_u32(attr);
			break;
		case IFLA_LINKINFO:
			mnl_attr_parse_nested(attr, read_kind, link);
			break;
		}
	}
	return MNL_CB_OK;
}

int rtnetlink_get_interface(struct rtnetlink *r, int ifindex, struct kernel_interface *out)
{
	struct request q;
	struct kernel_interface link = {.peer_namespace = -1};
	struct ifinfomsg *info = request_init(&q, RTM_GETLINK, 0, sizeof(*info));
	info->ifi_index = ifindex;
	int rc = request_run(r, &q, read_interface, &link);
	if (!rc)
		*out = link;
	return rc;
}

static int read_nsid(const struct nlmsghdr *header, void *data)
{
	const struct nlattr *attr;
	if (header->nlmsg_type != RTM_NEWNSID)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, header, sizeof(struct rtgenmsg))
	{
		if (mnl_attr_get_type(attr) == NETNSA_NSID)
			*(int *)data = (int)mnl_attr_get_u32(attr);
	}
	return MNL_CB_OK;
}

int rtnetlink_get_nsid(struct rtnetlink *r, int fd, int *out)
{
	struct request q;
	int nsid = -1;
	struct rtgenmsg *any = request_init(&q, RTM_GETNSID, 0, sizeof(*any));
	any->rtgen_family = AF_UNSPEC;
	mnl_attr_put_u32(&q.header, NETNSA_FD, fd);
	int rc = request_run(r, &q, read_nsid, &nsid);
	if (!rc)
		*out = nsid;
	return rc;
}

/* --- events ----------------------------------------------------------------------------------- */

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
		read_addr_attr(attr, &event->address);
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
		read_addr_attr(attr, &event->address);
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
		read_link(header, &event->link);
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
	char buffer[BUFFER_SIZE];
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

/* --- counters --------------------------------------------------------------------------------- */

static int read_statistics(const struct nlmsghdr *header, void *data)
{
	const struct nlattr *attr;
	if (header->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, header, sizeof(struct ifinfomsg))
	{
		size_t length = mnl_attr_get_payload_len(attr);
		if (mnl_attr_get_type(attr) != IFLA_STATS64)
			continue;
		if (length > sizeof(struct rtnl_link_stats64))
			length = sizeof(struct rtnl_link_stats64);
		memcpy(data, mnl_attr_get_payload(attr), length);
	}
	return MNL_CB_OK;
}

int rtnetlink_get_statistics(struct rtnetlink *r, int ifindex, struct rtnl_link_stats64 *out)
{
	struct request q;
	struct rtnl_link_stats64 read = {0};
	struct ifinfomsg *link = request_init(&q, RTM_GETLINK, 0, sizeof(*link));
	link->ifi_family = AF_UNSPEC;
	link->ifi_index = ifindex;
	int rc = request_run(r, &q, read_statistics, &read);
	if (!rc)
		*out = read;
	return rc;
}
