// SPDX-License-Identifier: BSD-2-Clause
/* A socket for each question: they are few. */
#include "tools/weir/netdev.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* From newer headers than Debian 12's (linux/netdev.h). */
#define NETDEV_DEV_GET      1 /* NETDEV_CMD_DEV_GET */
#define NETDEV_DEV_IFINDEX  1 /* NETDEV_A_DEV_IFINDEX */
#define NETDEV_DEV_FEATURES 3 /* NETDEV_A_DEV_XDP_FEATURES */
#define XDP_BASIC           1u
#define XDP_NDO_XMIT        4u
#define XDP_XSK_ZEROCOPY    8u

struct request {
	union {
		struct nlmsghdr header;
		char bytes[256];
	};
};

static void request_init(struct request *q, uint16_t family, uint8_t command)
{
	memset(q, 0, sizeof(*q));
	mnl_nlmsg_put_header(q);
	q->header.nlmsg_type = family;
	q->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	struct genlmsghdr *g = mnl_nlmsg_put_extra_header(&q->header, sizeof(*g));
	g->cmd = command;
	g->version = 1;
}

static int request_run(struct mnl_socket *s, struct request *q, mnl_cb_t fn, void *data)
{
	char buffer[16384];
	int more = MNL_CB_OK;
	if (mnl_socket_sendto(s, q, q->header.nlmsg_len) < 0)
		return -errno;
	while (more == MNL_CB_OK) {
		ssize_t n = mnl_socket_recvfrom(s, buffer, sizeof(buffer));
		if (n < 0)
			return -errno;
		more = mnl_cb_run(buffer, n, 0, mnl_socket_get_portid(s), fn, data);
	}
	return more < 0 ? -errno : 0;
}

static int read_family(const struct nlmsghdr *header, void *data)
{
	const struct nlattr *attr;
	mnl_attr_for_each(attr, header, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			*(uint16_t *)data = mnl_attr_get_u16(attr);
	}
	return MNL_CB_OK;
}

static int read_features(const struct nlmsghdr *header, void *data)
{
	struct netdev_xdp *out = data;
	const struct nlattr *attr;
	mnl_attr_for_each(attr, header, sizeof(struct genlmsghdr))
	{
		if (mnl_attr_get_type(attr) != NETDEV_DEV_FEATURES)
			continue;
		uint64_t features = mnl_attr_get_u64(attr);
		out->native = features & XDP_BASIC;
		out->zerocopy = features & XDP_XSK_ZEROCOPY;
		out->transmits = features & XDP_NDO_XMIT;
	}
	return MNL_CB_OK;
}

static int ask(struct mnl_socket *s, int ifindex, struct netdev_xdp *out)
{
	const struct timeval timeout = {.tv_sec = 1};
	struct request q;
	uint16_t family = 0;
	setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	request_init(&q, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(&q.header, CTRL_ATTR_FAMILY_NAME, "netdev");
	int r = request_run(s, &q, read_family, &family);
	if (r)
		return r;
	request_init(&q, family, NETDEV_DEV_GET);
	mnl_attr_put_u32(&q.header, NETDEV_DEV_IFINDEX, ifindex);
	return request_run(s, &q, read_features, out);
}

int netdev_xdp_features(int ifindex, struct netdev_xdp *out)
{
	struct netdev_xdp found = {0};
	struct mnl_socket *s = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!s)
		return -errno;
	int r = ask(s, ifindex, &found);
	mnl_socket_close(s);
	if (!r)
		*out = found;
	return r;
}
