// SPDX-License-Identifier: BSD-2-Clause
/* Links: what they are, where they are and what they count. Control thread. */
#include "tools/weir/rtnetlink_request.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>

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

int rtnetlink_read_link(const struct nlmsghdr *header, void *data)
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
	struct rtnetlink_request q;
	struct kernel_link link = {0};
	struct ifinfomsg *info = rtnetlink_request_init(&q, RTM_GETLINK, 0, sizeof(*info));
	info->ifi_index = ifindex;
	int rc = rtnetlink_request_run(r, &q, rtnetlink_read_link, &link);
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
	struct rtnetlink_request q;
	struct kernel_interface link = {.peer_namespace = -1};
	struct ifinfomsg *info = rtnetlink_request_init(&q, RTM_GETLINK, 0, sizeof(*info));
	info->ifi_index = ifindex;
	int rc = rtnetlink_request_run(r, &q, read_interface, &link);
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
	struct rtnetlink_request q;
	int nsid = -1;
	struct rtgenmsg *any = rtnetlink_request_init(&q, RTM_GETNSID, 0, sizeof(*any));
	any->rtgen_family = AF_UNSPEC;
	mnl_attr_put_u32(&q.header, NETNSA_FD, fd);
	int rc = rtnetlink_request_run(r, &q, read_nsid, &nsid);
	if (!rc)
		*out = nsid;
	return rc;
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
	struct rtnetlink_request q;
	struct rtnl_link_stats64 read = {0};
	struct ifinfomsg *link = rtnetlink_request_init(&q, RTM_GETLINK, 0, sizeof(*link));
	link->ifi_family = AF_UNSPEC;
	link->ifi_index = ifindex;
	int rc = rtnetlink_request_run(r, &q, read_statistics, &read);
	if (!rc)
		*out = read;
	return rc;
}
