// SPDX-License-Identifier: BSD-2-Clause
/*
 * The flow table's entries and their translations are all there is of a connection. Whatever they
 * hold, packets go to no other place than a backend's way or a port that there is.
 */
#include "lb/nat.h"

#include <arpa/inet.h>
#include <string.h>

#include "bpf/translate.h"
#include "lb/addr.h"
#include "lb/flow_ring.h"
#include "lb/fragments.h"
#include "lb/mss.h"
#include "lb/process.h"
#include "lb/half_open.h"
#include "lb/snapshot.h"
#include "lb/snapshot_snat.h"
#include "lb/snat.h"
#include "lb/trace.h"
#include "lb/translate.h"
#include "lb/work.h"

/* --- the client's side ----------------------------------------------------------------------- */

/* Where a client's packet came from, as answers go there. */
static void set_last_hop(struct translation *x, const struct snapshot *s, const struct work *w)
{
	const struct lb_packet *p = w->packet;
	const struct ethhdr *eth = (const void *)p->data;
	memcpy(x->link.destination, eth->h_source, ETH_ALEN);
	memcpy(x->link.source, s->ports[p->ingress].source, ETH_ALEN);
	x->egress = p->ingress;
	x->vlan = translate_vlan(p->data, w->parsed.l3_offset);
}

static bool same_last_hop(const struct translation *a, const struct translation *b)
{
	return !memcmp(&a->link, &b->link, sizeof(a->link)) && a->egress == b->egress &&
	       a->vlan == b->vlan;
}

/* --- connections ------------------------------------------------------------------------------ */

/*
 * A writer that was put to sleep may hold the bucket for longer than a packet can wait: then
 * nothing is known to be wrong with the connection.
 */
static bool read_translation(const struct lb *lb, struct work *w, const struct flow_hit *hit,
			     struct translation *x)
{
	bool got = flow_table_translation(lb->flows, hit, x);
	w->busy |= !got;
	return got;
}

/* The flow the other way, if it is there and knows this one. */
static bool find_peer(const struct lb *lb, struct work *w, const struct flow_hit *hit,
		      const struct translation *x, uint64_t now_ns, struct flow_hit *peer,
		      struct translation *peer_x)
{
	return flow_table_find(lb->flows, x->peer, now_ns, peer) && peer->backend == hit->backend &&
	       flow_hit_is_translated(peer) && flow_hit_answers(peer) != flow_hit_answers(hit) &&
	       read_translation(lb, w, peer, peer_x) && peer_x->peer == w->hash;
}

/* Whether it is the same as after the last packet: then its other half need not be looked at. */
static bool is_settled(const struct flow_hit *hit, enum flow_state next, uint64_t now_ns)
{
	return next == hit->state && (next == FLOW_ESTABLISHED || next == FLOW_UDP) &&
	       flow_meta_seen(hit->meta_seen, flow_tick(now_ns)) == hit->meta_seen;
}

/* Other nodes are told of the client's flow, whichever way the packet went that changed it. */
static void note_change(const struct lb *lb, const struct work *w, uint32_t backend,
			enum flow_state next)
{
	const struct translation *x = &w->translation;
	struct flow_event e = {
		.key = w->parsed.key, .hash = w->hash, .backend = backend, .state = next};
	if (w->answers) {
		e.key = (struct flow_key){.source = x->destination,
					  .destination = x->source,
					  .source_port = x->destination_port,
					  .destination_port = x->source_port,
					  .protocol = w->parsed.key.protocol};
		e.hash = x->peer;
	}
	if (lb->ring)
		flow_ring_put(lb->ring, &e);
}

static void touch(const struct lb *lb, const struct snapshot *s, const struct work *w,
		  const struct flow_hit *hit, enum flow_state next, uint64_t now_ns)
{
	uint32_t service = s->backends[hit->backend].service;
	if (!flow_table_touch(hit, next, now_ns))
		return;
	if (!flow_hit_answers(hit)) {
		half_open_end(lb->flows, hit, &s->services[service], service);
		note_change(lb, w, hit->backend, next);
	}
	if (next == FLOW_CLOSING)
		flow_table_closes(lb->flows, hit);
}

/* Has both flows say that this packet was seen. False: the other one is gone. */
static bool touch_both(const struct lb *lb, const struct snapshot *s, struct work *w,
		       const struct flow_hit *hit, uint64_t now_ns)
{
	struct flow_hit peer;
	struct translation peer_x;
	enum flow_state next = work_next_state(hit->state, &w->parsed);
	if (!w->parsed.icmp && is_settled(hit, next, now_ns))
		return true;
	if (!find_peer(lb, w, hit, &w->translation, now_ns, &peer, &peer_x))
		return false;
	if (w->parsed.icmp)
		return true;
	touch(lb, s, w, &peer, next == hit->state ? peer.state : next, now_ns);
	touch(lb, s, w, hit, next, now_ns);
	return true;
}

/* Answers are to go where the client's packets come from now. */
static void follow_last_hop(struct lb *lb, const struct snapshot *s, struct work *w,
			    const struct flow_hit *hit, uint64_t now_ns)
{
	struct translation x = w->translation, peer_x;
	struct flow_hit peer;
	set_last_hop(&x, s, w);
	if (same_last_hop(&x, &w->translation) ||
	    !find_peer(lb, w, hit, &x, now_ns, &peer, &peer_x))
		return;
	peer_x.link = x.link;
	peer_x.egress = x.egress;
	peer_x.vlan = x.vlan;
	flow_table_retranslate(lb->flows, &peer, &peer_x);
	flow_table_retranslate(lb->flows, hit, &x);
}

bool nat_find(struct lb *lb, const struct snapshot *s, struct work *w, const struct flow_hit *hit,
	      uint64_t now_ns)
{
	const struct backend *b = &s->backends[hit->backend];
	w->busy = false;
	if (!flow_hit_is_translated(hit) || flow_hit_answers(hit) ||
	    !read_translation(lb, w, hit, &w->translation) ||
	    !addr_equal(&w->translation.destination, &b->way.remote) ||
	    !touch_both(lb, s, w, hit, now_ns))
		return false;
	if (!w->parsed.icmp)
		follow_last_hop(lb, s, w, hit, now_ns);
	w->translated = hit->backend;
	return true;
}

/* --- new ones --------------------------------------------------------------------------------- */

/* What answers to a client's packet look like when they come, and what they become. */
static struct snat_wanted wanted_for(const struct snapshot *s, const struct work *w,
				     uint32_t backend)
{
	const struct flow_key *key = &w->parsed.key;
	const struct way *way = &s->backends[backend].way;
	struct snat_wanted wanted = {
		.key = {.source = way->remote,
			.source_port = way->port ? way->port : key->destination_port,
			.protocol = key->protocol},
		.backend = backend,
		.state = key->protocol == IPPROTO_UDP ? FLOW_UDP : FLOW_HANDSHAKE,
		.translation = {.source = key->destination,
				.source_port = key->destination_port,
				.destination = key->source,
				.destination_port = key->source_port,
				.peer = w->hash},
	};
	set_last_hop(&wanted.translation, s, w);
	return wanted;
}

/* What the client's packets become: answers turned round. */
static void set_translation(struct work *w, const struct snat_wanted *claimed, uint64_t answers)
{
	struct translation *x = &w->translation;
	*x = claimed->translation;
	x->source = claimed->key.destination;
	x->source_port = claimed->key.destination_port;
	x->destination = claimed->key.source;
	x->destination_port = claimed->key.source_port;
	x->peer = answers;
	translation_prepare(x, &w->parsed.key);
	w->translated = claimed->backend;
}

static void count_insert(struct lb *lb, enum flow_insert result)
{
	work_count(&lb->counters->flow_inserts, 1);
	if (result == FLOW_EVICTED)
		work_count(&lb->counters->flow_evictions, 1);
}

static void tell_remembered(struct lb *lb, enum lb_remembered how)
{
	if (lb->trace)
		lb->trace->remembered = how;
}

static enum reason untracked(struct lb *lb)
{
	work_count(&lb->counters->flow_untracked, 1);
	tell_remembered(lb, LB_NOT_REMEMBERED_FULL);
	return REASON_NAT_UNTRACKED;
}

/* Who only asks what would be claims nothing. */
static enum snat_claim claim(struct lb *lb, const struct snapshot *s, const struct work *w,
			     uint64_t now_ns, struct snat_wanted *wanted, uint64_t *answers)
{
	const struct snat_pool *pool = &s->snat->pools[!addr_is_v4(&wanted->key.source)];
	struct snat_taken *taken = s->snat->taken[wanted->backend];
	if (__builtin_expect(!!lb->trace, 0))
		return snat_look(pool, taken, lb->trace->flows, w->hash, now_ns, wanted, answers);
	return snat_claim(pool, taken, lb->flows, w->hash, now_ns, wanted, answers);
}

enum reason nat_open(struct lb *lb, const struct snapshot *s, struct work *w, uint32_t backend,
		     uint64_t now_ns)
{
	struct snat_wanted wanted = wanted_for(s, w, backend);
	uint64_t answers;
	if (!work_opens_flow(&w->parsed))
		return REASON_NAT_UNKNOWN;
	if (!budget_take(&lb->inserts, lb->insert_limit, now_ns)) {
		work_count(&lb->counters->flow_guarded, 1);
		tell_remembered(lb, LB_NOT_REMEMBERED_GUARD);
		return REASON_NAT_UNTRACKED;
	}
	switch (claim(lb, s, w, now_ns, &wanted, &answers)) {
	case SNAT_EXHAUSTED:
		return REASON_NAT_EXHAUSTED;
	case SNAT_NO_ROOM:
		return untracked(lb);
	case SNAT_CLAIMED:
		break;
	}
	set_translation(w, &wanted, answers);
	enum flow_insert result = flow_table_insert_translated(
		lb->flows, w->hash, backend, wanted.state, now_ns, &w->parsed.key, &w->translation);
	if (result == FLOW_FULL) {
		flow_table_remove(lb->flows, answers, backend);
		return untracked(lb);
	}
	count_insert(lb, result);
	tell_remembered(lb, LB_REMEMBERED);
	work_count(&lb->counters->services[w->packet->service].flows, 1);
	work_count(&lb->counters->backends[backend].flows, 1);
	return REASON_NONE;
}

/* --- packets ---------------------------------------------------------------------------------- */

/* Whether a flow that was found is one of answers, of a backend that serves. */
static bool is_answer(const struct snapshot *s, const struct flow_hit *hit,
		      const struct flow_key *key)
{
	const struct backend *b = &s->backends[hit->backend];
	return hit->backend < s->backend_end && backend_keeps_flows(b) &&
	       b->way.forward == FORWARD_NAT && flow_hit_is_translated(hit) &&
	       flow_hit_answers(hit) && addr_equal(&b->way.remote, &key->source);
}

bool nat_find_answer(struct lb *lb, const struct snapshot *s, struct work *w, uint64_t now_ns)
{
	struct flow_hit hit;
	if (!flow_table_find(lb->flows, w->hash, now_ns, &hit) ||
	    !is_answer(s, &hit, &w->parsed.key) ||
	    !flow_table_translation(lb->flows, &hit, &w->translation) ||
	    !touch_both(lb, s, w, &hit, now_ns))
		return false;
	w->packet->backend = hit.backend;
	w->packet->service = s->backends[hit.backend].service;
	if (lb->trace) {
		lb->trace->entry = LB_ENTRY_STANDS;
		lb->trace->entry_backend = hit.backend;
		lb->trace->entry_state = hit.state;
	}
	return true;
}

bool nat_find_fragment(struct lb *lb, struct work *w, const struct fragment_decision *d,
		       uint64_t now_ns)
{
	struct flow_hit hit;
	return flow_table_find(lb->flows, d->flow, now_ns, &hit) && hit.backend == d->backend &&
	       flow_hit_is_translated(&hit) && flow_hit_answers(&hit) == d->answers &&
	       flow_table_translation(lb->flows, &hit, &w->translation);
}

enum reason nat_to_backend(struct work *w, const struct way *way)
{
	struct translation x = w->translation;
	x.link = way->link;
	x.vlan = way->vlan;
	return translate_packet(w->packet, &w->parsed, &x, way->mtu);
}

/* Known again with the client's next packet, or as soon as the kernel was asked (lb/sync.h). */
static enum reason want_way(struct lb *lb, const struct work *w)
{
	const struct flow_event e = {.key = w->parsed.key,
				     .hash = w->hash,
				     .backend = w->packet->backend,
				     .state = FLOW_WAY_WANTED};
	if (lb->ring)
		flow_ring_put(lb->ring, &e);
	return REASON_NO_NEXT_HOP;
}

enum reason nat_to_client(struct lb *lb, const struct snapshot *s, struct work *w)
{
	const struct translation *x = &w->translation;
	if (x->egress >= s->port_count)
		return want_way(lb, w);
	w->packet->egress = x->egress;
	return translate_packet(w->packet, &w->parsed, x, s->port_mtus[x->egress]);
}

uint32_t nat_mss(const struct snapshot *s, const struct work *w, uint16_t client_port,
		 const struct way *way)
{
	bool came_as_v4 = translate_is_v4(&w->parsed);
	bool goes_as_v4 = addr_is_v4(&w->translation.destination);
	uint32_t client_mtu = client_port < s->port_count ? s->port_mtus[client_port] : way->mtu;
	uint32_t client = mss_of(client_mtu, w->answers ? goes_as_v4 : came_as_v4);
	uint32_t backend = mss_of(way->mtu, w->answers ? came_as_v4 : goes_as_v4);
	return client < backend ? client : backend;
}

uint32_t nat_senders_mtu(const struct work *w, uint32_t mtu)
{
	const uint32_t gap = sizeof(struct ipv6hdr) - sizeof(struct iphdr);
	if (!translate_is_cross(&w->parsed, &w->translation))
		return mtu;
	return translate_is_v4(&w->parsed) ? mtu - gap : mtu + gap;
}
