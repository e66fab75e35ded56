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
	return a->known == b->known && a->egress == b->egress && !memcmp(a->mac, b->mac, ETH_ALEN);
}

/* Leaves the egress port in d->hop. */
static enum destination_fault find_route(struct destination *d, struct destination_ways *ways)
{
	memset(&d->route, 0, sizeof(d->route));
	d->error = rtnetlink_get_route(&ways->requests, &d->address, &d->route);
	if (d->error)
		return DESTINATION_NO_ROUTE;
	if (d->route.type != RTN_UNICAST)
		return DESTINATION_NO_HOST;
	for (uint32_t i = 0; i < ways->port_count; i++) {
		if (ways->ports[i] != d->route.ifindex)
			continue;
		d->hop.egress = i;
		return d->route.has_gateway ? DESTINATION_GATEWAY : DESTINATION_OK;
	}
	return DESTINATION_NO_PORT;
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
	if (d->asked)
		return;
	d->asked = true;
	if (!exists)
		rtnetlink_make_neighbor(&ways->requests, d->ifindex, &d->address);
	else if (!rtnetlink_adopt_neighbor(&ways->requests, d->ifindex, &d->address) && !managed)
		d->adopted = true;
}

/* Leaves the link address in d->hop. */
static enum destination_fault find_neighbor(struct destination *d, struct destination_ways *ways)
{
	struct kernel_neighbor neighbor = {0};
	bool exists = !rtnetlink_get_neighbor(&ways->requests, d->ifindex, &d->address, &neighbor);
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
	d->fault = find_route(d, ways);
	int ifindex = d->fault ? 0 : d->route.ifindex;
	if (ifindex != d->ifindex)
		destination_release(d, ways);
	d->ifindex = ifindex;
	if (!d->fault)
		d->fault = find_neighbor(d, ways);
	d->hop.known = !d->fault;
	if (!d->hop.known)
		d->hop = none;
	return !is_same_hop(&before, &d->hop);
}

void destination_release(struct destination *d, struct destination_ways *ways)
{
	struct kernel_neighbor neighbor;
	if (d->ifindex &&
	    !rtnetlink_get_neighbor(&ways->requests, d->ifindex, &d->address, &neighbor) &&
	    neighbor.managed) {
		if (neighbor.protocol == RTNETLINK_PROTOCOL)
			rtnetlink_delete_neighbor(&ways->requests, d->ifindex, &d->address);
		else if (d->adopted)
			rtnetlink_leave_neighbor(&ways->requests, d->ifindex, &d->address);
	}
	d->ifindex = 0;
	d->adopted = false;
	d->asked = false;
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

void destination_describe(const struct destination *d, char *text, size_t size)
{
	char name[IF_NAMESIZE], to[ADDR_TEXT], gateway[ADDR_TEXT];
	const char *interface = if_indextoname(d->route.ifindex, name);
	if (!interface)
		interface = "an interface that is gone";
	addr_format(&d->address, to);
	switch (d->fault) {
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
	case DESTINATION_GATEWAY:
		snprintf(text, size,
			 "the route to %s goes through a gateway, %s: dsr needs the backend on the "
			 "link",
			 to, addr_format(&d->route.gateway, gateway));
		break;
	case DESTINATION_SILENT:
		snprintf(text, size, "%s does not answer %s on %s", to,
			 addr_is_v4(&d->address) ? "ARP" : "neighbour solicitations", interface);
		break;
	}
}
