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
#include <sys/queue.h>
#include <xxhash.h>

#include "lb/addr.h"
#include "lb/err.h"
#include "tools/weir/destination.h"
#include "tools/weir/log.h"

#define SETTLE_S 0.005 /* events come in swarms: look when one is over */
#define TICK_S   1.0   /* between two askings for one link address */
#define LOOK_MAX 512u  /* destinations looked at in one turn of the loop */
#define NARROW_S 600.  /* how long a router's word on the path's MTU is believed */
#define NOWHERE  UINT32_MAX

#define LEAST_MTU_V4 552u
#define LEAST_MTU_V6 1280u
#define GROUPS                                                                                    \
	(RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE | \
	 RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE | 1u << (RTNLGRP_IPV6_RULE - 1) |                 \
	 1u << (RTNLGRP_NEXTHOP - 1))

struct watched {
	struct destination destination;
	LIST_ENTRY(watched) chain; /* of those whose neighbour has the same hash */
	bool chained;
	bool dirty;             /* may have changed: to be looked at */
	bool on_link;           /* somebody wants it there */
	ev_tstamp narrow_until; /* when its path_mtu is forgotten */
};

/* Who wants it. */
struct wish {
	uint32_t member; /* index, or NOWHERE */
	bool on_link;
};

LIST_HEAD(chain, watched);

/* What is watched. */
struct set {
	struct watched *members; /* by address, ascending, none twice */
	uint32_t count;
	struct chain *chains; /* by neighbour: a gateway may be that of all, or each have its own */
	uint32_t chain_mask;
	struct wish *by_id; /* by backend id */
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
	free(s->chains);
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
	uint32_t chains = 1;
	while (chains < count)
		chains *= 2;
	s->chain_mask = chains - 1;
	s->id_end = end_of_ids(wanted, count);
	s->by_id = malloc((s->id_end + 1) * sizeof(*s->by_id));
	s->members = calloc(count + 1, sizeof(*s->members));
	s->chains = calloc(chains, sizeof(*s->chains));
	if (!s->by_id || !s->members || !s->chains) {
		set_fini(s);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++)
		s->members[i].destination.address = wanted[i].address;
	s->count = make_unique(s->members, count);
	for (uint32_t id = 0; id < s->id_end; id++)
		s->by_id[id] = (struct wish){.member = NOWHERE};
	for (uint32_t i = 0; i < count; i++) {
		struct watched *w = set_find(s, &wanted[i].address);
		w->on_link |= wanted[i].on_link;
		if (wanted[i].id < s->id_end)
			s->by_id[wanted[i].id] = (struct wish){w - s->members, wanted[i].on_link};
	}
	return 0;
}

static const struct destination *set_get(const struct set *s, uint32_t id, bool *on_link)
{
	if (id >= s->id_end || s->by_id[id].member == NOWHERE)
		return NULL;
	*on_link = s->by_id[id].on_link;
	return &s->members[s->by_id[id].member].destination;
}

/* --- by neighbour ----------------------------------------------------------------------------- */

/* NULL: nothing is watched. */
static struct chain *chain_of(const struct set *s, int ifindex, const struct addr *neighbor)
{
	return s->chains ? &s->chains[XXH64(neighbor, sizeof(*neighbor), ifindex) & s->chain_mask]
			 : NULL;
}

static struct watched *first_of(const struct chain *c)
{
	return c ? LIST_FIRST(c) : NULL;
}

static void unchain(struct watched *w)
{
	if (w->chained)
		LIST_REMOVE(w, chain);
	w->chained = false;
}

static void enchain(struct set *s, struct watched *w)
{
	const struct destination *d = &w->destination;
	if (!d->ifindex)
		return;
	LIST_INSERT_HEAD(chain_of(s, d->ifindex, &d->neighbor), w, chain);
	w->chained = true;
}

static bool is_behind(const struct watched *w, int ifindex, const struct addr *neighbor)
{
	return w->destination.ifindex == ifindex && addr_equal(&w->destination.neighbor, neighbor);
}

/*
 * For struct destination_ways: those behind one gateway share its neighbour entry. `d` itself is
 * in no chain meanwhile.
 */
static struct destination *find_partner(void *context, const struct destination *d)
{
	const struct next_hops *n = context;
	struct watched *w = first_of(chain_of(&n->set, d->ifindex, &d->neighbor));
	while (w && (!is_behind(w, d->ifindex, &d->neighbor) ||
		     addr_equal(&w->destination.address, &d->address)))
		w = LIST_NEXT(w, chain);
	return w ? &w->destination : NULL;
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

/* It may be a gateway of many. */
static void mark_neighbor(struct next_hops *n, const struct addr *a, int ifindex)
{
	for (struct watched *w = first_of(chain_of(&n->set, ifindex, a)); w;
	     w = LIST_NEXT(w, chain))
		if (is_behind(w, ifindex, a))
			mark(n, w);
}

static void on_event(void *context, const struct rtnetlink_event *event)
{
	struct next_hops *n = context;
	switch (event->kind) {
	case RTNETLINK_NEIGHBOR:
		mark_neighbor(n, &event->address, event->ifindex);
		break;
	case RTNETLINK_ROUTE:
		mark_prefix(n, &event->address, event->prefix);
		break;
	case RTNETLINK_LINK:
		/* What was asked while it was down nobody has heard. */
		for (uint32_t i = 0; i < n->set.count; i++)
			n->set.members[i].destination.asked = false;
		mark_all(n);
		break;
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

static void log_change(const struct watched *w)
{
	const struct destination *d = &w->destination;
	const uint8_t *mac = d->hop.mac;
	char to[ADDR_TEXT], why[256];
	addr_format(&d->address, to);
	destination_describe(d, w->on_link, why, sizeof(why));
	if (!destination_fault(d, w->on_link))
		log_info("next hop found", "address=%s mac=%02x:%02x:%02x:%02x:%02x:%02x", to,
			 mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	else
		log_warn("next hop lost", "address=%s why=\"%s\"", to, why);
}

static bool look(struct next_hops *n, struct watched *w)
{
	w->dirty = false;
	unchain(w);
	bool changed = destination_look(&w->destination, &n->ways);
	enchain(&n->set, w);
	return changed;
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
			log_change(w);
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
		if (w->destination.path_mtu && ev_now(loop) >= w->narrow_until) {
			w->destination.path_mtu = 0;
			mark(n, w);
		}
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
	n->ways.partner = find_partner;
	n->ways.context = n;
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

void next_hops_set_ports(struct next_hops *n, const int *ifindexes, uint32_t count)
{
	n->ways.port_count = count;
	memcpy(n->ways.ports, ifindexes, count * sizeof(*ifindexes));
	mark_all(n);
}

void next_hops_close(struct next_hops *n, bool leave)
{
	if (!n)
		return;
	n->ways.quiet = leave;
	for (uint32_t i = 0; i < n->set.count; i++) {
		unchain(&n->set.members[i]);
		destination_release(&n->set.members[i].destination, &n->ways);
	}
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
		if (!stays)
			continue;
		stays->destination = old.members[i].destination;
		stays->dirty = old.members[i].dirty;
		stays->narrow_until = old.members[i].narrow_until;
		enchain(&set, stays);
	}
	n->set = set;
	for (uint32_t i = 0; i < old.count; i++)
		if (!set_find(&set, &old.members[i].destination.address))
			destination_release(&old.members[i].destination, &n->ways);
	for (uint32_t i = 0; i < set.count; i++)
		if (!set_find(&old, &set.members[i].destination.address))
			look(n, &set.members[i]);
	set_fini(&old);
	return 0;
}

bool next_hops_narrow(struct next_hops *n, const struct addr *to, uint32_t mtu)
{
	struct watched *w = set_find(&n->set, to);
	uint32_t least = addr_is_v4(to) ? LEAST_MTU_V4 : LEAST_MTU_V6;
	if (!w)
		return false;
	struct destination *d = &w->destination;
	mtu = mtu < least ? least : mtu;
	if (!d->hop.known || mtu >= d->hop.mtu || (d->path_mtu && mtu >= d->path_mtu))
		return false;
	d->path_mtu = mtu;
	w->narrow_until = ev_now(n->loop) + NARROW_S;
	mark(n, w);
	return true;
}

bool next_hops_has_way(const struct next_hops *n, const struct addr *to, const struct addr *local)
{
	const struct watched *w = set_find(&n->set, to);
	return w && w->destination.hop.known && addr_equal(&w->destination.hop.local, local);
}

void next_hops_get(const struct next_hops *n, uint32_t id, struct next_hop *hop)
{
	bool on_link;
	const struct destination *d = set_get(&n->set, id, &on_link);
	*hop = d && !destination_fault(d, on_link) ? d->hop : (struct next_hop){0};
}

const char *next_hops_why(const struct next_hops *n, uint32_t id, char *text, size_t size)
{
	bool on_link;
	const struct destination *d = set_get(&n->set, id, &on_link);
	if (d)
		destination_describe(d, on_link, text, size);
	else
		snprintf(text, size, "nobody asked for it");
	return text;
}

bool next_hops_read(const struct next_hops *n, uint32_t index, struct next_hop_address *out)
{
	if (index >= n->set.count)
		return false;
	const struct watched *w = &n->set.members[index];
	const struct destination *d = &w->destination;
	*out = (struct next_hop_address){.address = d->address,
					 .gateway = d->route.gateway,
					 .has_gateway = d->route.has_gateway};
	if (!destination_fault(d, w->on_link))
		out->hop = d->hop;
	destination_describe(d, w->on_link, out->why, sizeof(out->why));
	return true;
}
