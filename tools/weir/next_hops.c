// SPDX-License-Identifier: BSD-2-Clause
/*
 * Level-triggered: an event of the kernel says nothing but which destinations to look at again, a
 * moment later. So no order of events, and no lost one, can leave a wrong next hop behind.
 * Control thread.
 */
#include "tools/weir/next_hops.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lb/addr.h"
#include "lb/err.h"
#include "tools/weir/destination.h"
#include "tools/weir/log.h"

#define SETTLE_S 0.005 /* events come in swarms: look when one is over */
#define TICK_S   1.0   /* between two askings for one link address */
#define LOOK_MAX 512u  /* destinations looked at in one turn of the loop */
#define NOWHERE  UINT32_MAX
#define GROUPS                                                                                    \
	(RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE | \
	 RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE | 1u << (RTNLGRP_IPV6_RULE - 1) |                 \
	 1u << (RTNLGRP_NEXTHOP - 1))

struct watched {
	struct destination destination;
	bool dirty; /* may have changed: to be looked at */
};

/* What is watched. */
struct set {
	struct watched *members; /* by address, ascending, none twice */
	uint32_t count;
	uint32_t *by_id; /* backend id -> index of its member, or NOWHERE */
	uint32_t id_end;
};

struct next_hops {
	struct ev_loop *loop;
	next_hops_fn *on_change;
	void *context;
	struct destination_ways ways;
	struct rtnetlink events;
	ev_io readable;
	ev_timer settle, tick;
	struct set set;
};

/* --- sets ------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	const struct watched *x = a, *y = b;
	return memcmp(&x->destination.address, &y->destination.address, sizeof(struct addr));
}

static struct watched *set_find(const struct set *s, const struct addr *a)
{
	const struct watched key = {.destination.address = *a};
	return s->count ? bsearch(&key, s->members, s->count, sizeof(key), compare) : NULL;
}

static void set_fini(struct set *s)
{
	free(s->members);
	free(s->by_id);
}

static uint32_t end_of_ids(const struct next_hop_wanted *wanted, uint32_t count)
{
	uint32_t end = 0;
	for (uint32_t i = 0; i < count; i++)
		if (wanted[i].id >= end && wanted[i].id < ABI_MAX_BACKENDS)
			end = wanted[i].id + 1;
	return end;
}

/* Sorts and leaves each address once. Returns how many there are. */
static uint32_t make_unique(struct watched *members, uint32_t count)
{
	uint32_t kept = 0;
	qsort(members, count, sizeof(*members), compare);
	for (uint32_t i = 0; i < count; i++)
		if (!kept || compare(&members[kept - 1], &members[i]))
			members[kept++] = members[i];
	return kept;
}

static int set_init(struct set *s, const struct next_hop_wanted *wanted, uint32_t count)
{
	s->id_end = end_of_ids(wanted, count);
	s->by_id = malloc((s->id_end + 1) * sizeof(*s->by_id));
	s->members = calloc(count + 1, sizeof(*s->members));
	if (!s->by_id || !s->members) {
		set_fini(s);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++)
		s->members[i].destination.address = wanted[i].address;
	s->count = make_unique(s->members, count);
	memset(s->by_id, 0xff, s->id_end * sizeof(*s->by_id));
	for (uint32_t i = 0; i < count; i++)
		if (wanted[i].id < s->id_end)
			s->by_id[wanted[i].id] = set_find(s, &wanted[i].address) - s->members;
	return 0;
}

static const struct destination *set_get(const struct set *s, uint32_t id)
{
	if (id >= s->id_end || s->by_id[id] == NOWHERE)
		return NULL;
	return &s->members[s->by_id[id]].destination;
}

/* --- following -------------------------------------------------------------------------------- */

static void look_soon(struct next_hops *n)
{
	if (ev_is_active(&n->settle))
		return;
	ev_timer_set(&n->settle, SETTLE_S, 0.);
	ev_timer_start(n->loop, &n->settle);
}

static void mark(struct next_hops *n, struct watched *w)
{
	w->dirty = true;
	look_soon(n);
}

static void mark_all(struct next_hops *n)
{
	for (uint32_t i = 0; i < n->set.count; i++)
		mark(n, &n->set.members[i]);
}

static bool is_in_prefix(const struct addr *a, const struct addr *prefix, unsigned int bits)
{
	unsigned int whole = bits / 32, rest = bits % 32;
	if (memcmp(a, prefix, whole * sizeof(a->word[0])))
		return false;
	return !rest || (ntohl(a->word[whole]) ^ ntohl(prefix->word[whole])) >> (32 - rest) == 0;
}

static void mark_prefix(struct next_hops *n, const struct addr *prefix, unsigned int bits)
{
	for (uint32_t i = 0; i < n->set.count; i++)
		if (is_in_prefix(&n->set.members[i].destination.address, prefix, bits))
			mark(n, &n->set.members[i]);
}

static void on_event(void *context, const struct rtnetlink_event *event)
{
	struct next_hops *n = context;
	struct watched *w;
	switch (event->kind) {
	case RTNETLINK_NEIGHBOR:
		w = set_find(&n->set, &event->address);
		if (w && w->destination.ifindex == event->ifindex)
			mark(n, w);
		break;
	case RTNETLINK_ROUTE:
		mark_prefix(n, &event->address, event->prefix);
		break;
	case RTNETLINK_LINK:
	case RTNETLINK_OTHER:
		mark_all(n);
		break;
	}
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct next_hops *n = watcher->data;
	if (rtnetlink_drain(&n->events, on_event, n))
		mark_all(n);
}

static void log_change(const struct destination *d)
{
	const uint8_t *mac = d->hop.mac;
	char to[ADDR_TEXT], why[256];
	addr_format(&d->address, to);
	destination_describe(d, why, sizeof(why));
	if (d->hop.known)
		log_info("next hop found", "address=%s mac=%02x:%02x:%02x:%02x:%02x:%02x", to,
			 mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	else
		log_warn("next hop lost", "address=%s why=\"%s\"", to, why);
}

static bool look(struct next_hops *n, struct watched *w)
{
	w->dirty = false;
	return destination_look(&w->destination, &n->ways);
}

static void on_settled(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct next_hops *n = timer->data;
	uint32_t looked = 0;
	bool changed = false;
	for (uint32_t i = 0; i < n->set.count; i++) {
		struct watched *w = &n->set.members[i];
		if (!w->dirty)
			continue;
		if (looked++ == LOOK_MAX) {
			look_soon(n);
			break;
		}
		if (look(n, w)) {
			log_change(&w->destination);
			changed = true;
		}
	}
	if (changed)
		n->on_change(n->context);
}

/* Who was asked, or is at fault, may be asked again now. */
static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct next_hops *n = timer->data;
	for (uint32_t i = 0; i < n->set.count; i++) {
		struct watched *w = &n->set.members[i];
		if (w->destination.asked || w->destination.fault)
			mark(n, w);
		w->destination.asked = false;
	}
}

/* --- interface -------------------------------------------------------------------------------- */

int next_hops_open(struct next_hops **out, struct ev_loop *loop, const int *ifindexes,
		   uint32_t port_count, next_hops_fn *on_change, void *context, struct err *err)
{
	struct next_hops *n = calloc(1, sizeof(*n));
	if (!n)
		return err_set(err, ENOMEM, "not enough memory");
	n->loop = loop;
	n->on_change = on_change;
	n->context = context;
	n->ways.port_count = port_count;
	memcpy(n->ways.ports, ifindexes, port_count * sizeof(*ifindexes));
	int rc = rtnetlink_open(&n->ways.requests, 0, err);
	rc = rc ? rc : rtnetlink_open(&n->events, GROUPS, err);
	if (rc) {
		rtnetlink_close(&n->ways.requests);
		free(n);
		return rc;
	}
	ev_io_init(&n->readable, on_readable, rtnetlink_fd(&n->events), EV_READ);
	ev_timer_init(&n->settle, on_settled, SETTLE_S, 0.);
	ev_timer_init(&n->tick, on_tick, TICK_S, TICK_S);
	n->readable.data = n->settle.data = n->tick.data = n;
	ev_io_start(loop, &n->readable);
	ev_timer_start(loop, &n->tick);
	*out = n;
	return 0;
}

void next_hops_close(struct next_hops *n)
{
	if (!n)
		return;
	for (uint32_t i = 0; i < n->set.count; i++)
		destination_release(&n->set.members[i].destination, &n->ways);
	set_fini(&n->set);
	ev_io_stop(n->loop, &n->readable);
	ev_timer_stop(n->loop, &n->settle);
	ev_timer_stop(n->loop, &n->tick);
	rtnetlink_close(&n->events);
	rtnetlink_close(&n->ways.requests);
	free(n);
}

int next_hops_watch(struct next_hops *n, const struct next_hop_wanted *wanted, uint32_t count,
		    struct err *err)
{
	struct set set, old = n->set;
	if (set_init(&set, wanted, count))
		return err_set(err, ENOMEM, "not enough memory");
	for (uint32_t i = 0; i < old.count; i++) {
		struct watched *stays = set_find(&set, &old.members[i].destination.address);
		if (stays)
			*stays = old.members[i];
		else
			destination_release(&old.members[i].destination, &n->ways);
	}
	n->set = set;
	for (uint32_t i = 0; i < set.count; i++)
		if (!set_find(&old, &set.members[i].destination.address))
			look(n, &set.members[i]);
	set_fini(&old);
	return 0;
}

void next_hops_get(const struct next_hops *n, uint32_t id, struct next_hop *hop)
{
	const struct destination *d = set_get(&n->set, id);
	*hop = d ? d->hop : (struct next_hop){0};
}

const char *next_hops_why(const struct next_hops *n, uint32_t id, char *text, size_t size)
{
	const struct destination *d = set_get(&n->set, id);
	if (d)
		destination_describe(d, text, size);
	else
		snprintf(text, size, "nobody asked for it");
	return text;
}

bool next_hops_read(const struct next_hops *n, uint32_t index, struct next_hop_address *out)
{
	if (index >= n->set.count)
		return false;
	const struct destination *d = &n->set.members[index].destination;
	*out = (struct next_hop_address){.address = d->address,
					 .hop = d->hop,
					 .gateway = d->route.gateway,
					 .has_gateway = d->route.has_gateway};
	destination_describe(d, out->why, sizeof(out->why));
	return true;
}
