// SPDX-License-Identifier: BSD-2-Clause
/*
 * Neighbours are mostly known: routers, that the host's own routing talks to. What is known is read
 * and left as it is; only one that is not is asked for, and let go at the end.
 */
#include "tools/weir/client_ways.h"

#include <arpa/inet.h>
#include <string.h>

#include "bpf/translation.h"
#include "lb/addr.h"
#include "lb/err.h"

#define ASK_NS 1000000000ull

/* What was asked for is kept until the end, so there is nobody to leave it to. */
static struct destination *no_partner(void *context, const struct destination *d)
{
	return NULL;
}

int client_ways_open(struct client_ways *w, struct err *err)
{
	memset(w, 0, sizeof(*w));
	w->kernel.partner = no_partner;
	return rtnetlink_open(&w->kernel.requests, 0, err);
}

void client_ways_close(struct client_ways *w)
{
	w->kernel.quiet = false;
	for (uint32_t i = 0; i < w->asked_count; i++)
		destination_release(&w->asked[i], &w->kernel);
	rtnetlink_close(&w->kernel.requests);
	memset(w, 0, sizeof(*w));
}

void client_ways_set_ports(struct client_ways *w, const int *ifindexes, uint32_t count)
{
	memcpy(w->kernel.ports, ifindexes, count * sizeof(*ifindexes));
	w->kernel.port_count = count;
}

void client_ways_turn(struct client_ways *w, uint64_t now_ns)
{
	w->looked = 0;
	if (now_ns - w->asked_ns < ASK_NS)
		return;
	w->asked_ns = now_ns;
	for (uint32_t i = 0; i < w->asked_count; i++)
		w->asked[i].asked = false;
}

static struct destination *find_asked(struct client_ways *w, const struct destination *d)
{
	for (uint32_t i = 0; i < w->asked_count; i++)
		if (w->asked[i].ifindex == d->ifindex &&
		    addr_equal(&w->asked[i].neighbor, &d->neighbor))
			return &w->asked[i];
	if (w->asked_count == CLIENT_WAYS_ASKED)
		return NULL;
	w->asked[w->asked_count].address = d->neighbor;
	return &w->asked[w->asked_count++];
}

/* Has the kernel ask for the next hop's link address. */
static void ask(struct client_ways *w, const struct destination *d)
{
	struct destination *neighbor = find_asked(w, d);
	if (!neighbor)
		return;
	w->kernel.quiet = false;
	destination_look(neighbor, &w->kernel);
}

bool client_ways_find(struct client_ways *w, const struct addr *client, struct translation *out)
{
	struct destination d = {.address = *client};
	if (w->looked++ >= CLIENT_WAYS_TURN)
		return false;
	w->kernel.quiet = true;
	destination_look(&d, &w->kernel);
	if (d.fault == DESTINATION_SILENT)
		ask(w, &d);
	if (d.fault != DESTINATION_OK)
		return false;
	memcpy(out->link.destination, d.hop.mac, ETH_ALEN);
	memcpy(out->link.source, d.hop.source, ETH_ALEN);
	out->egress = d.hop.egress;
	out->vlan = htons(d.hop.vlan);
	return true;
}
