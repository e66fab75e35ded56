/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of a packet for a service, or to a SNAT address: which backend it goes to, what is
 * remembered of that, and how it is sent there or to the client. Included by process.c, which is
 * compiled twice (lb/trace.h); for nobody else.
 */
#ifndef WEIR_LB_FORWARDING_H
#define WEIR_LB_FORWARDING_H

#include "bpf/rewrite.h"
#include "lb/checksums.h"
#include "lb/flow_ring.h"
#include "lb/half_open.h"
#include "lb/icmp_error.h"
#include "lb/mss.h"
#include "lb/nat.h"
#include "lb/process.h"
#include "lb/quic.h"
#include "lb/refusal.h"
#include "lb/scheduler.h"
#include "lb/snapshot.h"
#include "lb/trace.h"
#include "lb/work.h"

/* --- what is counted ------------------------------------------------------------------------- */

static void count_traffic(struct lb_traffic *t, uint32_t length)
{
	work_count(&t->packets, 1);
	work_count(&t->bytes, length);
}

static void drop(struct lb *lb, struct lb_packet *p, enum reason reason)
{
	p->verdict = LB_DROP;
	p->reason = reason;
	work_count(&lb->counters->dropped[reason], 1);
	work_count(&lb->counters->dropped_bytes[reason], p->length);
}

static void note_unfinished(struct lb *lb, const struct lb_packet *p, const struct packet *parsed)
{
	if (checksums_are_unfinished(p->data, p->length, parsed))
		work_count(&lb->counters->unfinished[p->ingress], 1);
}

/* --- which backend --------------------------------------------------------------------------- */

/* A flow is established now, or closing: seldom. */
static void note_change(struct lb *lb, const struct work *w, const struct flow_hit *hit,
			enum flow_state next)
{
	if (next == FLOW_CLOSING)
		flow_table_closes(lb->flows, hit);
	if (!lb->ring)
		return;
	const struct flow_event e = {
		.key = w->parsed.key, .hash = w->hash, .backend = hit->backend, .state = next};
	flow_ring_put(lb->ring, &e);
}

/*
 * The backend that the table holds for a flow, or ABI_NO_BACKEND. An entry does not count when its
 * backend no longer serves, or when the connection was closed and a SYN opens a new one. An ICMP
 * error, which anybody can send, leaves the entry as it is.
 */
static uint32_t known_backend(struct lb *lb, const struct snapshot *s, struct work *w,
			      uint64_t now_ns)
{
	struct flow_hit hit;
	if (!w->service->tracked || !flow_table_find(lb->flows, w->hash, now_ns, &hit))
		return ABI_NO_BACKEND;
	const struct backend *b = &s->backends[hit.backend];
	if (hit.backend >= s->backend_end || !b->present || b->state == STATE_DOWN ||
	    b->service != w->packet->service ||
	    (hit.state == FLOW_CLOSING && work_is_syn(&w->parsed)) ||
	    (b->way.forward == FORWARD_NAT && !nat_find(lb, s, w, &hit, now_ns))) {
		TELL(lb, entry = LB_ENTRY_STALE);
		TELL(lb, entry_backend = hit.backend);
		if (!w->parsed.icmp && !w->busy)
			flow_table_remove(lb->flows, w->hash, hit.backend);
		return ABI_NO_BACKEND;
	}
	TELL(lb, entry = LB_ENTRY_STANDS);
	TELL(lb, entry_backend = hit.backend);
	TELL(lb, entry_state = hit.state);
	enum flow_state next = work_next_state(hit.state, &w->parsed);
	if (!w->parsed.icmp && b->way.forward != FORWARD_NAT &&
	    flow_table_touch(&hit, next, now_ns)) {
		half_open_end(lb->flows, &hit, w->service, w->packet->service);
		note_change(lb, w, &hit, next);
	}
	return hit.backend;
}

/*
 * The backend that a packet's QUIC connection id names, if it serves; or ABI_NO_BACKEND. What an
 * ICMP error quotes has the client's ids, not ours.
 */
static uint32_t named_backend(const struct snapshot *s, const struct work *w)
{
	const struct lb_packet *p = w->packet;
	if (!w->service->quic || w->parsed.icmp)
		return ABI_NO_BACKEND;
	const struct udphdr *udp = (const void *)(p->data + w->parsed.l4_offset);
	size_t length = bpf_ntohs(udp->len) - sizeof(*udp);
	/* What UDP says its length is need not be in this frame: the parser's business, not ours.
	 */
	size_t in_frame = p->length - w->parsed.l4_offset - sizeof(*udp);
	uint32_t id = quic_backend(w->service->quic, (const uint8_t *)(udp + 1),
				   length < in_frame ? length : in_frame);
	return id == ABI_NO_BACKEND || s->backends[id].state == STATE_DOWN ? ABI_NO_BACKEND : id;
}

/*
 * Which backend a flow goes to that is not known. *adopt: it began before a change, and is to be
 * remembered though this packet opens nothing.
 */
static uint32_t choose_backend(const struct lb *lb, const struct snapshot *s, const struct work *w,
			       uint64_t now_ns, bool *adopt)
{
	*adopt = false;
	if (w->parsed.key.protocol != IPPROTO_TCP || work_is_syn(&w->parsed))
		return scheduler_pick(s, w->service, &w->parsed.key, lb->flows->connections,
				      now_ns);
	uint32_t id = scheduler_pick_stray(s, w->service, &w->parsed.key, now_ns, adopt);
	/* Anybody can send errors and resets. */
	if (w->parsed.icmp || w->parsed.tcp_flags & PACKET_TCP_RST)
		*adopt = false;
	return id;
}

/*
 * Makes a flow known. Only a SYN or a UDP packet does: what comes in the middle of a connection
 * goes where the table of the service says, and leaves no trace for an attacker to fill us with;
 * one that is adopted is half-open until its next packet.
 */
static void remember(struct lb *lb, const struct work *w, uint32_t backend, bool adopt,
		     uint64_t now_ns)
{
	bool udp = w->parsed.key.protocol == IPPROTO_UDP;
	if (!adopt && !work_opens_flow(&w->parsed))
		return;
	if (!adopt)
		note_unfinished(lb, w->packet, &w->parsed);
	if (!w->service->tracked)
		return;
	work_count(&lb->counters->services[w->packet->service].flows, !adopt);
	work_count(&lb->counters->backends[backend].flows, !adopt);
	/* This bounds what a flood of new flows costs those that are there. */
	if (!budget_take(&lb->inserts, lb->insert_limit, now_ns)) {
		work_count(&lb->counters->flow_guarded, 1);
		TELL(lb, remembered = LB_NOT_REMEMBERED_GUARD);
		return;
	}
	switch (flow_table_insert(lb->flows, w->hash, backend, udp ? FLOW_UDP : FLOW_HANDSHAKE,
				  now_ns, &w->parsed.key)) {
	case FLOW_EVICTED:
		work_count(&lb->counters->flow_evictions, 1);
		/* fall through */
	case FLOW_INSERTED:
		work_count(&lb->counters->flow_inserts, 1);
		TELL(lb, remembered = LB_REMEMBERED);
		break;
	case FLOW_FULL:
	case FLOW_TAKEN: /* of a claim */
		work_count(&lb->counters->flow_untracked, 1);
		TELL(lb, remembered = LB_NOT_REMEMBERED_FULL);
		break;
	}
}

/* --- the way there ---------------------------------------------------------------------------- */

/* `most`: the largest segments that fit the way. Where the service wants it, SYNs say no more. */
static void clamp_segments(struct lb *lb, const struct snapshot *s, struct work *w, uint32_t most)
{
	const struct service *service = &s->services[w->packet->service];
	if (__builtin_expect(!service->mss_clamp, 1) || !(w->parsed.tcp_flags & PACKET_TCP_SYN))
		return;
	if (most > service->mss_clamp)
		most = service->mss_clamp;
	if (mss_clamp(w->packet, &w->parsed, most))
		TELL(lb, mss = most);
}

/* By a way that changes more than link addresses: VLAN tags, or a tunnel. */
static enum reason rebuild(struct lb *lb, const struct snapshot *s, struct work *w,
			   const struct way *way)
{
	struct lb_packet *p = w->packet;
	uint32_t l3_offset = w->parsed.l3_offset;
	const uint8_t *end = p->data + p->length;
	struct tunnel_inner inner;
	if (!tunnel_read(p->data + l3_offset, end, &inner))
		return REASON_TRUNCATED;
	if (!rewrite_fits(way, &inner))
		return REASON_TOO_BIG;
	clamp_segments(lb, s, w, mss_of(way->mtu - tunnel_overhead(way), !inner.is_v6));
	int growth = rewrite_growth(way, l3_offset);
	p->data -= growth;
	p->length += growth;
	rewrite_frame(p->data, end, way, &inner, w->hash);
	return REASON_NONE;
}

/* Does to a packet what the way to its backend says. Each method is a function of its own. */
static enum reason rewrite(struct lb *lb, const struct snapshot *s, struct work *w,
			   const struct way *way)
{
	struct lb_packet *p = w->packet;
	if (way->forward == FORWARD_NAT) {
		TELL(lb, translated = true);
		TELL(lb, translation = w->translation);
		clamp_segments(lb, s, w, nat_mss(s, w, p->ingress, way));
		return nat_to_backend(w, way);
	}
	if (__builtin_expect(!way->plain || w->parsed.l3_offset != ETH_HLEN, 0))
		return rebuild(lb, s, w, way);
	if (p->length > way->mtu + (uint32_t)ETH_HLEN)
		return REASON_TOO_BIG;
	rewrite_link(p->data, &way->link);
	return REASON_NONE;
}

/*
 * Tells the sender how long its packets may be, if it may be told. The reason stays with the
 * packet, so that later fragments of it share its fate.
 */
static void refuse_too_big(struct lb *lb, const struct snapshot *s, struct work *w, uint32_t mtu,
			   uint64_t now_ns)
{
	struct lb_packet *p = w->packet;
	const struct icmp_error error = icmp_error_too_big(mtu);
	if (!icmp_error_is_allowed(p, &w->parsed) ||
	    !budget_take(&lb->errors, s->too_big_limit, now_ns)) {
		drop(lb, p, REASON_TOO_BIG);
		return;
	}
	icmp_error_answer(p, &w->parsed, &error, s->ports[p->ingress].source);
	p->verdict = LB_TRANSMIT;
	p->egress = p->ingress;
	p->reason = REASON_TOO_BIG;
	work_count(&lb->counters->too_big_replies, 1);
}

/* How long the packets of a way's senders may be. */
static uint32_t senders_mtu(const struct work *w, const struct way *way)
{
	if (way->forward == FORWARD_NAT)
		return nat_senders_mtu(w, way->mtu);
	return way->mtu - tunnel_overhead(way);
}

/* p->backend is `b`'s id. */
static void send_to_backend(struct lb *lb, const struct snapshot *s, struct work *w,
			    const struct backend *b, uint64_t now_ns)
{
	struct lb_packet *p = w->packet;
	enum reason reason = rewrite(lb, s, w, &b->way);
	if (reason == REASON_TOO_BIG) {
		refuse_too_big(lb, s, w, senders_mtu(w, &b->way), now_ns);
		return;
	}
	if (reason) {
		drop(lb, p, reason);
		return;
	}
	p->verdict = LB_TRANSMIT;
	p->egress = b->way.egress;
	count_traffic(&lb->counters->backends[p->backend], p->length);
	work_count(&lb->counters->forwarded, 1);
}

/* By nat: w->translation is set, and says where to. */
static void send_to_client(struct lb *lb, const struct snapshot *s, struct work *w, uint64_t now_ns)
{
	struct lb_packet *p = w->packet;
	const struct way *way = &s->backends[p->backend].way;
	TELL(lb, translated = true);
	TELL(lb, translation = w->translation);
	clamp_segments(lb, s, w, nat_mss(s, w, w->translation.egress, way));
	enum reason reason = nat_to_client(lb, s, w);
	if (reason == REASON_TOO_BIG) {
		refuse_too_big(lb, s, w, nat_senders_mtu(w, s->port_mtus[p->egress]), now_ns);
		return;
	}
	if (reason) {
		drop(lb, p, reason);
		return;
	}
	p->verdict = LB_TRANSMIT;
	work_count(&lb->counters->returned, 1);
}

/* Makes a flow known to who will need it. Only nat cannot do without. */
static enum reason open_flow(struct lb *lb, const struct snapshot *s, struct work *w, uint32_t id,
			     bool known, bool adopt, uint64_t now_ns)
{
	if (s->backends[id].way.forward != FORWARD_NAT) {
		if (!known)
			remember(lb, w, id, adopt, now_ns);
		return REASON_NONE;
	}
	/* A backend that was named by a connection id need not be the one that the flow has. */
	if (w->translated == id || known_backend(lb, s, w, now_ns) == id)
		return REASON_NONE;
	return w->busy ? REASON_NAT_UNKNOWN : nat_open(lb, s, w, id, now_ns);
}

/* The limit comes first: a flood shall not cost its checksums. */
static void refuse(struct lb *lb, const struct snapshot *s, struct work *w, uint64_t now_ns)
{
	struct lb_packet *p = w->packet;
	if (w->service->no_backend != NO_BACKEND_RESET ||
	    !budget_take(&lb->refusals, LB_REFUSALS_S, now_ns) ||
	    !refusal_answer(p, &w->parsed, s->ports[p->ingress].source)) {
		drop(lb, p, REASON_NO_BACKEND);
		return;
	}
	p->verdict = LB_TRANSMIT;
	p->egress = p->ingress;
	work_count(&lb->counters->refusals, 1);
}

static void forward(struct lb *lb, const struct snapshot *s, struct work *w, uint64_t now_ns)
{
	struct lb_packet *p = w->packet;
	uint32_t id = w->backend;
	/* A packet before it in the burst may have made its flow known. */
	if (id == ABI_NO_BACKEND)
		id = known_backend(lb, s, w, now_ns);
	bool known = id != ABI_NO_BACKEND, adopt = false;
	count_traffic(&lb->counters->services[p->service], p->length);
	if (!known)
		id = choose_backend(lb, s, w, now_ns, &adopt);
	TELL(lb, chosen = known ? ABI_NO_BACKEND : id);
	if (id == ABI_NO_BACKEND) {
		refuse(lb, s, w, now_ns);
		return;
	}
	const struct backend *b = &s->backends[id];
	p->backend = id;
	if (!b->reachable) {
		drop(lb, p, REASON_NO_NEXT_HOP);
		return;
	}
	enum reason reason = open_flow(lb, s, w, id, known, adopt, now_ns);
	if (reason)
		drop(lb, p, reason);
	else
		send_to_backend(lb, s, w, b, now_ns);
}

static void answer(struct lb *lb, const struct snapshot *s, struct work *w, uint64_t now_ns)
{
	if (nat_find_answer(lb, s, w, now_ns))
		send_to_client(lb, s, w, now_ns);
	else
		drop(lb, w->packet, REASON_NAT_UNKNOWN);
}

#endif
