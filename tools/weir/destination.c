// SPDX-License-Identifier: BSD-2-Clause
/*
 * Nothing of the kernel's tables is mirrored here: looking means to ask what is true now.
 *
 * The neighbour entries that Weir makes are marked as such in the kernel, so that those of a daemon
 * that was killed are known to its successor.
 */
#include "tools/weir/destination.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "lb/addr.h"

/* States in which the link address may be used, and those in which there's no need to ask. */
#define USABLE (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_DELAY | NUD_PROBE | NUD_STALE)
#define CALM   (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_DELAY | NUD_PROBE | NUD_INCOMPLETE)

static bool is_same_hop(const struct next_hop *a, const struct next_hop *b)
{
	return a->known == b->known && a->egress == b->egress && a->vlan == b->vlan &&
	       a->mtu == b->mtu && addr_equal(&a->local, &b->local) &&
	       !memcmp(a->source, b->source, ETH_ALEN) && !memcmp(a->mac, b->mac, ETH_ALEN);
}

/* The index of the port with that interface, or -1. */
static int find_port(const struct destination_ways *ways, int ifindex)
{
	for (uint32_t i = 0; i < ways->port_count; i++)
		if (ways->ports[i] == ifindex)
			return i;
	return -1;
}

/*
 * The port among the members of a bond by which packets leave: the one that sends now, where the
 * bond has one, else the first that is up. -1: there is none.
 */
static int find_member(struct destination_ways *ways, int bond, int active)
{
	int found = -1;
	for (uint32_t i = 0; i < ways->port_count; i++) {
		struct kernel_link member;
		if (!ways->ports[i] ||
		    rtnetlink_get_link(&ways->requests, ways->ports[i], &member) ||
		    member.master != bond || !member.up)
			continue;
		if (ways->ports[i] == active)
			return i;
		if (found < 0 && !active)
			found = i;
	}
	return found;
}

/* The port behind an interface that packets leave by: that interface itself, or a bond's member. */
static int find_port_behind(struct destination_ways *ways, int ifindex,
			    enum destination_fault *fault)
{
	struct kernel_link link;
	int port = find_port(ways, ifindex);
	if (port >= 0 || rtnetlink_get_link(&ways->requests, ifindex, &link))
		return port;
	if (link.is_bridge)
		*fault = DESTINATION_BRIDGE;
	if (!link.is_bond)
		return -1;
	*fault = DESTINATION_BOND;
	return find_member(ways, ifindex, link.active);
}

/* Leaves in d->hop how packets leave by the route's interface: a port, or a VLAN on one. */
static enum destination_fault find_egress(struct destination *d, struct destination_ways *ways)
{
	enum destination_fault fault = DESTINATION_NO_PORT;
	struct kernel_link link = {0};
	if (rtnetlink_get_link(&ways->requests, d->route.ifindex, &link))
		return fault;
	int port = find_port_behind(ways, d->route.ifindex, &fault);
	if (port < 0 && link.vlan)
		port = find_port_behind(ways, link.lower, &fault);
	else
		link.vlan = 0;
	if (port < 0)
		return fault;
	uint32_t mtu = d->route.mtu ? d->route.mtu : link.mtu;
	d->hop.egress = port;
	d->hop.vlan = link.vlan;
	if (d->path_mtu && d->path_mtu < mtu)
		mtu = d->path_mtu;
	d->hop.mtu = mtu < WAY_MTU_MAX ? mtu : WAY_MTU_MAX;
	memcpy(d->hop.source, link.mac, ETH_ALEN);
	return DESTINATION_OK;
}

static enum destination_fault find_route(struct destination *d, struct destination_ways *ways)
{
	memset(&d->route, 0, sizeof(d->route));
	d->error = rtnetlink_get_route(&ways->requests, &d->address, &d->route);
	if (d->error)
		return DESTINATION_NO_ROUTE;
	if (d->route.type != RTN_UNICAST)
		return DESTINATION_NO_HOST;
	d->hop.local = d->route.source;
	return find_egress(d, ways);
}

/*
 * Whether the kernel is to be asked to look after an entry. Those that somebody else looks after,
 * by hand or with a routing daemon, stay as they are.
 */
static bool needs_asking(const struct kernel_neighbor *neighbor, bool adopted)
{
	if (neighbor->state & (NUD_PERMANENT | NUD_NOARP) || neighbor->flags & NTF_EXT_LEARNED)
		return false;
	return !(neighbor->state & CALM) || (!neighbor->managed && !adopted);
}

/* A refusal needs no words of its own: it is asked again, and silent meanwhile. */
static void ask(struct destination *d, struct destination_ways *ways, bool exists, bool managed)
{
	if (d->asked || ways->quiet)
		return;
	d->asked = true;
	if (!exists)
		rtnetlink_make_neighbor(&ways->requests, d->ifindex, &d->neighbor);
	else if (!rtnetlink_adopt_neighbor(&ways->requests, d->ifindex, &d->neighbor) && !managed)
		d->adopted = true;
}

/* Leaves the link address in d->hop. */
static enum destination_fault find_neighbor(struct destination *d, struct destination_ways *ways)
{
	struct kernel_neighbor neighbor = {0};
	bool exists = !rtnetlink_get_neighbor(&ways->requests, d->ifindex, &d->neighbor, &neighbor);
	if (!exists)
		d->adopted = false;
	if (!exists || needs_asking(&neighbor, d->adopted))
		ask(d, ways, exists, neighbor.managed);
	if (!(neighbor.state & USABLE) || !neighbor.has_mac)
		return DESTINATION_SILENT;
	memcpy(d->hop.mac, neighbor.mac, ETH_ALEN);
	return DESTINATION_OK;
}

bool destination_look(struct destination *d, struct destination_ways *ways)
{
	const struct next_hop none = {0}, before = d->hop;
	d->hop = none;
	d->fault = find_route(d, ways);
	int ifindex = d->fault ? 0 : d->route.ifindex;
	const struct addr *neighbor = d->route.has_gateway ? &d->route.gateway : &d->address;
	if (ifindex != d->ifindex || !addr_equal(neighbor, &d->neighbor))
		destination_release(d, ways);
	d->ifindex = ifindex;
	d->neighbor = *neighbor;
	if (!d->fault)
		d->fault = find_neighbor(d, ways);
	d->hop.known = !d->fault;
	if (!d->hop.known)
		d->hop = none;
	return !is_same_hop(&before, &d->hop);
}

static void release_neighbor(const struct destination *d, struct destination_ways *ways)
{
	struct kernel_neighbor neighbor;
	struct destination *partner = ways->partner(ways->context, d);
	if (partner) {
		partner->adopted |= d->adopted;
		return;
	}
	if (rtnetlink_get_neighbor(&ways->requests, d->ifindex, &d->neighbor, &neighbor) ||
	    !neighbor.managed)
		return;
	if (neighbor.protocol == RTNETLINK_PROTOCOL)
		rtnetlink_delete_neighbor(&ways->requests, d->ifindex, &d->neighbor);
	else if (d->adopted)
		rtnetlink_leave_neighbor(&ways->requests, d->ifindex, &d->neighbor);
}

void destination_release(struct destination *d, struct destination_ways *ways)
{
	if (d->ifindex && !ways->quiet)
		release_neighbor(d, ways);
	d->ifindex = 0;
	d->adopted = false;
	d->asked = false;
}

enum destination_fault destination_fault(const struct destination *d, bool on_link)
{
	bool has_way = d->fault == DESTINATION_OK || d->fault == DESTINATION_SILENT;
	return has_way && on_link && d->route.has_gateway ? DESTINATION_GATEWAY : d->fault;
}

/* --- words ------------------------------------------------------------------------------------ */

static const char *type_words(uint8_t type)
{
	switch (type) {
	case RTN_LOCAL:
		return "an address of this host";
	case RTN_BROADCAST:
		return "a broadcast address";
	case RTN_MULTICAST:
		return "a multicast address";
	default:
		return "no host, by the routes of this one";
	}
}

/* As the kernel's fib_props and fib6 have it. */
static const char *error_words(int error)
{
	switch (-error) {
	case EACCES:
		return "its route is of type prohibit";
	case EINVAL:
		return "its route is of type blackhole";
	case EHOSTUNREACH:
		return "its route is of type unreachable";
	default:
		return strerror(-error);
	}
}

void destination_describe(const struct destination *d, bool on_link, char *text, size_t size)
{
	char name[IF_NAMESIZE], to[ADDR_TEXT], neighbor[ADDR_TEXT];
	const char *interface = if_indextoname(d->route.ifindex, name);
	if (!interface)
		interface = "an interface that is gone";
	addr_format(&d->address, to);
	addr_format(&d->neighbor, neighbor);
	switch (destination_fault(d, on_link)) {
	case DESTINATION_OK:
		snprintf(text, size, "%s", "");
		break;
	case DESTINATION_NO_ROUTE:
		if (d->error == -ENETUNREACH)
			snprintf(text, size, "no route to %s", to);
		else
			snprintf(text, size, "no way to %s: %s", to, error_words(d->error));
		break;
	case DESTINATION_NO_HOST:
		snprintf(text, size, "%s is %s", to, type_words(d->route.type));
		break;
	case DESTINATION_NO_PORT:
		snprintf(text, size, "the route to %s leaves by %s, which is not in interfaces", to,
			 interface);
		break;
	case DESTINATION_BRIDGE:
		snprintf(text, size,
			 "the route to %s leaves by %s, a bridge: Weir sends by interfaces alone, "
			 "so "
			 "give one of them the address and the route",
			 to, interface);
		break;
	case DESTINATION_BOND:
		snprintf(text, size,
			 "the route to %s leaves by %s, a bond: the member that sends is down, or "
			 "not in "
			 "interfaces (name all of them)",
			 to, interface);
		break;
	case DESTINATION_GATEWAY:
		snprintf(text, size,
			 "the route to %s goes through a gateway, %s: dsr needs the backend on the "
			 "link",
			 to, neighbor);
		break;
	case DESTINATION_SILENT:
		snprintf(text, size, "%s%s does not answer %s on %s",
			 d->route.has_gateway ? "the gateway " : "", neighbor,
			 addr_is_v4(&d->neighbor) ? "ARP" : "neighbour solicitations", interface);
		break;
	}
}
