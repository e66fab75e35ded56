// SPDX-License-Identifier: BSD-2-Clause
/* A socket for each question: they are few. */
#include "tools/weir/netdev.h"

#include <linux/genetlink.h>

#include "tools/weir/genetlink.h"

/* From newer headers than Debian 12's (linux/netdev.h). */
#define NETDEV_DEV_GET      1 /* NETDEV_CMD_DEV_GET */
#define NETDEV_DEV_IFINDEX  1 /* NETDEV_A_DEV_IFINDEX */
#define NETDEV_DEV_FEATURES 3 /* NETDEV_A_DEV_XDP_FEATURES */
#define XDP_BASIC           1u
#define XDP_NDO_XMIT        4u
#define XDP_XSK_ZEROCOPY    8u

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

int netdev_xdp_features(int ifindex, struct netdev_xdp *out)
{
	struct netdev_xdp found = {0};
	struct genetlink_family family = {0};
	struct genetlink_request q;
	struct mnl_socket *s;
	int r = genetlink_open(&s, "netdev", &family);
	if (r)
		return r;
	genetlink_request(&q, family.id, NETDEV_DEV_GET);
	mnl_attr_put_u32(&q.header, NETDEV_DEV_IFINDEX, ifindex);
	r = genetlink_run(s, &q, read_features, &found);
	mnl_socket_close(s);
	if (!r)
		*out = found;
	return r;
}
