// SPDX-License-Identifier: BSD-2-Clause
/*
 * Holds no state but the socket and a sequence number. Control thread. Links are in
 * rtnetlink_link.c, events in rtnetlink_event.c.
 */
#include "tools/weir/rtnetlink_request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "bpf/packet.h"
#include "lb/addr.h"
#include "lb/err.h"

#define EVENT_BUFFER     (1u << 20) /* bytes of events the kernel keeps for us */
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

void *rtnetlink_request_init(struct rtnetlink_request *q, uint16_t type, uint16_t flags,
			     size_t extra)
{
	memset(q, 0, sizeof(*q));
	mnl_nlmsg_put_header(q);
	q->header.nlmsg_type = type;
	q->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	return mnl_nlmsg_put_extra_header(&q->header, extra);
}

int rtnetlink_request_run(struct rtnetlink *r, struct rtnetlink_request *q, mnl_cb_t fn, void *data)
{
	unsigned int id = mnl_socket_get_portid(r->socket);
	_Alignas(struct nlmsghdr) char buffer[RTNETLINK_BUFFER];
	q->header.nlmsg_seq = ++r->sequence;
	if (mnl_socket_sendto(r->socket, q, q->header.nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(r->socket, buffer, sizeof(buffer));
		if (n < 0)
			return -errno;
		/* The rest of an answer before, which could not be read to its end. */
		if (((const struct nlmsghdr *)buffer)->nlmsg_seq != r->sequence)
			continue;
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

static void put_addr(struct rtnetlink_request *q, uint16_t type, const struct addr *a)
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

bool rtnetlink_read_addr(const struct nlattr *attr, struct addr *out)
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
			route->has_gateway = rtnetlink_read_addr(attr, &route->gateway);
			break;
		case RTA_VIA:
			read_via(attr, route);
			break;
		case RTA_PREFSRC:
			route->has_source = rtnetlink_read_addr(attr, &route->source);
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
	struct rtnetlink_request q;
	struct kernel_route route = {0};
	struct rtmsg *rt = rtnetlink_request_init(&q, RTM_GETROUTE, 0, sizeof(*rt));
	rt->rtm_family = family_of(to);
	rt->rtm_dst_len = addr_is_v4(to) ? 32 : 128;
	put_addr(&q, RTA_DST, to);
	int rc = rtnetlink_request_run(r, &q, read_route, &route);
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

static struct ndmsg *neighbor_request(struct rtnetlink_request *q, uint16_t type, uint16_t flags,
				      int ifindex, const struct addr *a)
{
	struct ndmsg *nd = rtnetlink_request_init(q, type, flags, sizeof(*nd));
	nd->ndm_family = family_of(a);
	nd->ndm_ifindex = ifindex;
	put_addr(q, NDA_DST, a);
	return nd;
}

int rtnetlink_get_neighbor(struct rtnetlink *r, int ifindex, const struct addr *a,
			   struct kernel_neighbor *out)
{
	struct rtnetlink_request q;
	struct kernel_neighbor neighbor = {0};
	neighbor_request(&q, RTM_GETNEIGH, 0, ifindex, a);
	int rc = rtnetlink_request_run(r, &q, read_neighbor, &neighbor);
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
	struct rtnetlink_request q;
	neighbor_request(&q, RTM_NEWNEIGH, flags, ifindex, a)->ndm_flags = NTF_USE;
	mnl_attr_put_u32(&q.header, NDA_FLAGS_EXT, NTF_EXT_MANAGED);
	if (protocol)
		mnl_attr_put_u8(&q.header, NDA_PROTOCOL, protocol);
	return rtnetlink_request_run(r, &q, NULL, NULL);
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
	struct rtnetlink_request q;
	neighbor_request(&q, RTM_NEWNEIGH, 0, ifindex, a)->ndm_flags = NTF_USE;
	return rtnetlink_request_run(r, &q, NULL, NULL);
}

int rtnetlink_delete_neighbor(struct rtnetlink *r, int ifindex, const struct addr *a)
{
	struct rtnetlink_request q;
	neighbor_request(&q, RTM_DELNEIGH, 0, ifindex, a);
	return rtnetlink_request_run(r, &q, NULL, NULL);
}

/* --- addresses -------------------------------------------------------------------------------- */

static int change_address(struct rtnetlink *r, uint16_t type, uint16_t flags, int ifindex,
			  const struct addr *a)
{
	struct rtnetlink_request q;
	struct ifaddrmsg *m = rtnetlink_request_init(&q, type, flags, sizeof(*m));
	m->ifa_family = family_of(a);
	m->ifa_prefixlen = addr_is_v4(a) ? 32 : 128;
	m->ifa_flags = addr_is_v4(a) ? 0 : IFA_F_NODAD;
	m->ifa_index = ifindex;
	put_addr(&q, IFA_LOCAL, a);
	return rtnetlink_request_run(r, &q, NULL, NULL);
}

int rtnetlink_add_address(struct rtnetlink *r, int ifindex, const struct addr *a)
{
	return change_address(r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, a);
}

int rtnetlink_delete_address(struct rtnetlink *r, int ifindex, const struct addr *a)
{
	return change_address(r, RTM_DELADDR, 0, ifindex, a);
}
