// SPDX-License-Identifier: BSD-2-Clause
/*
 * Connections by nat on other nodes. They are told of by the client's flow, and the SNAT address
 * and port, from which both flows follow. Nodes open connections from addresses or ports of their
 * own, so those that they learn are in nobody's way; where two meet all the same, the one that is
 * there stays.
 *
 * Which way a client is, a node finds with the client's first packet, or, where the client is
 * silent and the backend speaks, in the kernel's tables, as soon as there is something to be sent.
 */
#include <arpa/inet.h>

#include "lb/addr.h"
#include "lb/nat_pair.h"
#include "lb/sync_state.h"

#define LEARN_TRIES 2 /* the second once what stood in the way is gone */

/* Whether the client's flow that was found is the connection that was told of. */
static bool is_same(const struct sync *s, const struct heard *h, const struct flow_hit *hit)
{
	struct translation x;
	return hit->backend == h->backend && flow_hit_is_translated(hit) &&
	       !flow_hit_answers(hit) && flow_table_translation(s->flows, hit, &x) &&
	       x.source_port == h->flow.snat_port && addr_equal(&x.source, &h->flow.snat);
}

/* The other flow of a connection. */
static bool find_peer(const struct sync *s, const struct flow_hit *hit, uint64_t now_ns,
		      struct flow_hit *peer, struct translation *x)
{
	return flow_hit_is_translated(hit) && flow_table_translation(s->flows, hit, x) &&
	       flow_table_find(s->flows, x->peer, now_ns, peer) && peer->backend == hit->backend &&
	       flow_hit_is_translated(peer) && flow_hit_answers(peer) != flow_hit_answers(hit);
}

void sync_close_answers(struct sync *s, const struct flow_hit *client, uint64_t now_ns)
{
	struct flow_hit answers;
	struct translation x;
	if (find_peer(s, client, now_ns, &answers, &x))
		flow_table_touch(&answers, FLOW_CLOSING, now_ns);
}

static void refresh(struct sync *s, const struct heard *h, const struct flow_hit *hit)
{
	struct flow_hit answers;
	struct translation x;
	if (!sync_is_newer(h, hit, 0) && hit->state != FLOW_HANDSHAKE)
		return;
	if (find_peer(s, hit, h->now_ns, &answers, &x))
		flow_table_touch(&answers, h->flow.state, sync_seen_ns(h));
	flow_table_touch(hit, h->flow.state, sync_seen_ns(h));
	sync_count(&s->counters.refreshed);
}

/* A connection that is there, or one flow: both of it go. */
static void forget(struct sync *s, const struct heard *h, const struct flow_hit *hit)
{
	struct flow_hit peer;
	struct translation x;
	if (find_peer(s, hit, h->now_ns, &peer, &x))
		flow_table_remove(s->flows, x.peer, peer.backend);
	flow_table_remove(s->flows, h->hash, hit->backend);
}

/* True: the client's flow is not there, or no more. */
static bool makes_way(struct sync *s, const struct heard *h)
{
	struct flow_hit hit;
	if (!flow_table_find(s->flows, h->hash, h->now_ns, &hit))
		return true;
	if (is_same(s, h, &hit) && hit.state != FLOW_CLOSING) {
		refresh(s, h, &hit);
		return false;
	}
	if (hit.state != FLOW_HANDSHAKE && !sync_is_newer(h, &hit, SYNC_SLACK_TICKS)) {
		sync_count(&s->counters.kept);
		return false;
	}
	forget(s, h, &hit);
	sync_count(&s->counters.replaced);
	return true;
}

static enum flow_insert learn_half(struct sync *s, const struct heard *h,
				   const struct nat_half *half, bool answers)
{
	return flow_table_learn(s->flows, half->hash, h->backend, h->flow.state, h->now_ns,
				h->idle_ticks, &half->key, &half->translation, answers);
}

/* Both flows, or neither. */
static enum flow_insert learn_both(struct sync *s, const struct heard *h,
				   const struct nat_pair *pair)
{
	enum flow_insert r = learn_half(s, h, &pair->answers, true);
	if (r == FLOW_TAKEN || r == FLOW_FULL)
		return r;
	r = learn_half(s, h, &pair->client, false);
	if (r == FLOW_TAKEN || r == FLOW_FULL)
		flow_table_remove(s->flows, pair->answers.hash, h->backend);
	return r;
}

/* Answers whose client's flow was given up: they are of no use, and in the way. */
static bool clear_orphan(struct sync *s, const struct heard *h, const struct nat_pair *pair)
{
	struct flow_hit hit;
	struct translation x;
	if (!flow_table_find(s->flows, pair->answers.hash, h->now_ns, &hit) ||
	    hit.backend != h->backend || !flow_hit_is_translated(&hit) ||
	    !flow_table_translation(s->flows, &hit, &x) || x.peer != h->hash)
		return false;
	flow_table_remove(s->flows, pair->answers.hash, h->backend);
	return true;
}

void sync_learn_pair(struct sync *s, const struct heard *h)
{
	const __be16 port = h->port ? htons(h->port) : h->flow.key.destination_port;
	enum flow_insert r = FLOW_FULL;
	struct nat_pair pair;
	if (!makes_way(s, h))
		return;
	nat_pair_make(&pair, &h->flow.key, &h->address, port, &h->flow.snat, h->flow.snat_port,
		      &s->flows->seed);
	for (int tries = 0; s->flows->translations && tries < LEARN_TRIES; tries++) {
		r = learn_both(s, h, &pair);
		if (r != FLOW_TAKEN || !clear_orphan(s, h, &pair))
			break;
	}
	if (r == FLOW_FULL)
		sync_count(&s->counters.no_room);
	else if (r == FLOW_TAKEN)
		sync_count(&s->counters.kept);
	else
		sync_count(&s->counters.learned);
}

/* --- ways to clients -------------------------------------------------------------------------- */

static void set_way(struct sync *s, const struct flow_hit *hit, struct translation *x,
		    const struct translation *way)
{
	x->link = way->link;
	x->egress = way->egress;
	x->vlan = way->vlan;
	flow_table_retranslate(s->flows, hit, x);
}

void sync_want_way(struct sync *s, const struct flow_event *e, uint64_t now_ns)
{
	struct flow_hit answers, client;
	struct translation x, client_x, way = {.egress = NAT_NO_EGRESS};
	if (!s->find_way || !flow_table_find(s->flows, e->hash, now_ns, &answers) ||
	    !flow_hit_answers(&answers) || !find_peer(s, &answers, now_ns, &client, &x) ||
	    x.egress != NAT_NO_EGRESS || !flow_table_translation(s->flows, &client, &client_x) ||
	    !s->find_way(s->context, &x.destination, &way))
		return;
	set_way(s, &client, &client_x, &way);
	set_way(s, &answers, &x, &way);
	sync_count(&s->counters.ways);
}
