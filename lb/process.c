// SPDX-License-Identifier: BSD-2-Clause
/*
 * A burst goes through in stages, each over all its packets: parse and match; hash, and fetch the
 * flow's cache line; look up, and fetch where a new flow's key will go; decide and rewrite. So the
 * cache misses of a burst overlap.
 *
 * long file: all that becomes of a packet, in the order in which it does.
 *
 * Runs on a worker's thread, which alone writes its struct lb. The flow table is shared and
 * guards itself (lb/flow_table.h).
 */
#include "lb/process.h"

#include <stdlib.h>
#include <string.h>

#include "lb/checksums.h"
#include "lb/fragments.h"
#include "lb/held.h"
#include "lb/nat.h"
#include "lb/policing.h"
#include "lb/policy.h"
#include "lb/quic.h"
#include "lb/refusal.h"
#include "lb/scheduler.h"
#include "lb/snapshot.h"
#include "lb/target_table.h"
#include "lb/too_big.h"
#include "lb/trace.h"
#include "lb/work.h"

static const struct target *target_find(const void *table, const struct target_key *key)
{
	return target_table_find(table, key);
}

static const struct target_key *prefix_find(const void *table, const struct addr *address,
					    uint32_t longest)
{
	return target_table_find_prefix(table, address, longest);
}

#include "bpf/cookie.h"
#include "bpf/icmp.h"
#include "bpf/match.h"
#include "bpf/neighbor.h"
#include "bpf/rewrite.h"

#ifndef LB_TRACED

void lb_init(struct lb *lb, struct flow_table *flows, struct lb_counters *counters,
	     uint32_t insert_limit)
{
	*lb = (struct lb){.flows = flows, .counters = counters, .insert_limit = insert_limit};
}

void lb_use_fragments(struct lb *lb, struct fragments *fragments, struct held *held)
{
	lb->fragments = fragments;
	lb->held = held;
}

void lb_use_policing(struct lb *lb, struct policing *policing)
{
	lb->policing = policing;
}

uint32_t lb_held(const struct lb *lb)
{
	return lb->held ? held_count(lb->held) : 0;
}

struct lb_counters *lb_counters_new(void)
{
	return calloc(1, sizeof(struct lb_counters));
}

#endif

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

static void pass(struct lb *lb, struct lb_packet *p)
{
	p->verdict = LB_PASS;
	work_count(&lb->counters->passed, 1);
}

/* The reply may be longer than the request: frames have that room behind them (lb/process.h). */
static void reply_to_neighbor(struct lb *lb, const struct snapshot *s, struct work *w)
{
	struct lb_packet *p = w->packet;
	int reason = neighbor_check(p->data, p->data + p->length, &w->parsed);
	uint32_t length = neighbor_reply_length(&w->parsed, p->length);
	if (!reason)
		reason = neighbor_reply(p->data, p->data + length, &w->parsed,
					s->ports[p->ingress].source);
	if (reason) {
		drop(lb, p, reason);
		return;
	}
	p->length = length;
	p->verdict = LB_TRANSMIT;
	p->egress = p->ingress;
	work_count(&lb->counters->neighbor_replies, 1);
}

/* The limit comes first: a flood shall not cost its checksums. */
static void reply_to_echo(struct lb *lb, const struct snapshot *s, struct work *w, uint64_t now_ns)
{
	struct lb_packet *p = w->packet;
	int reason = REASON_ECHO_LIMITED;
	if (budget_take(&lb->echoes, s->echo_limit, now_ns))
		reason = icmp_check(p->data, p->data + p->length, &w->parsed);
	if (!reason)
		reason = icmp_reply(p->data, p->data + p->length, &w->parsed,
				    s->ports[p->ingress].source);
	if (reason) {
		drop(lb, p, reason);
		return;
	}
	p->verdict = LB_TRANSMIT;
	p->egress = p->ingress;
	work_count(&lb->counters->echo_replies, 1);
}

/* --- the policy ----------------------------------------------------------------------------- */

/* Out by another way than the kernel's: that to a next hop, or an interface as it is. */
static void redirect(struct lb *lb, const struct snapshot *s, struct lb_packet *p,
		     const struct policy_verdict *v)
{
	p->egress = v->redirect;
	if (!(v->flags & POLICY_TO_PORT)) {
		const struct backend *hop =
			v->redirect < s->backend_end ? &s->backends[v->redirect] : NULL;
		if (!hop || !hop->reachable) {
			drop(lb, p, REASON_NO_NEXT_HOP);
			return;
		}
		rewrite_link(p->data, &hop->way.link);
		p->egress = hop->way.egress;
	}
	p->verdict = LB_TRANSMIT;
	work_count(&lb->counters->redirected, 1);
}

/* Whom it is from is to be proven (bpf/cookie.h). */
static void challenge(struct lb *lb, const struct snapshot *s, struct work *w,
		      const struct policy_verdict *v)
{
	struct lb_packet *p = w->packet;
	__be32 cookie =
		cookie_make(&w->parsed.key, &lb->flows->seed, cookie_period(lb->policing->now_ns));
	uint32_t length = cookie_answer(p->data, p->data + p->length, &w->parsed, cookie,
					s->ports[p->ingress].source);
	if (!length) {
		drop(lb, p, v->reason);
		return;
	}
	p->length = length;
	p->verdict = LB_TRANSMIT;
	p->egress = p->ingress;
	work_count(&lb->counters->challenges, 1);
}

/* True: it may go on. */
static bool obey(struct lb *lb, const struct snapshot *s, struct work *w,
		 const struct policy_verdict *v)
{
	struct lb_packet *p = w->packet;
	p->rule = v->rule == POLICY_NO_RULE ? ABI_NO_RULE : v->rule;
	switch (v->action) {
	case POLICY_DROP:
		drop(lb, p, v->reason);
		return false;
	case POLICY_PASS:
		pass(lb, p);
		return false;
	case POLICY_REDIRECT:
		redirect(lb, s, p, v);
		return false;
	case POLICY_CHALLENGE:
		challenge(lb, s, w, v);
		return false;
	default:
		return true;
	}
}

/* What the XDP program does before it steers (bpf/weir.bpf.c). True: it may go on. */
static bool police_source(struct lb *lb, const struct snapshot *s, struct work *w)
{
	struct lb_packet *p = w->packet;
	struct policy_verdict v;
	return !policing_refuses(lb->policing, p->data, p->length, &v) || obey(lb, s, w, &v);
}

static bool police(struct lb *lb, const struct snapshot *s, struct work *w,
		   const struct target *service)
{
	struct lb_packet *p = w->packet;
	struct policy_verdict v;
	const struct target *t = match_whose(s->targets, &w->parsed, service);
	if (service &&
	    policing_proves(lb->policing, p->data, p->length, &w->parsed, &lb->flows->seed)) {
		p->service = service->service;
		drop(lb, p, REASON_SYN_PROOF);
		return false;
	}
	policing_judge(lb->policing, p->data, p->length, &w->parsed, t ? t->row : 0,
		       t ? t->service : ABI_NO_SERVICE, &v);
	return obey(lb, s, w, &v);
}

/* --- parsing and matching ------------------------------------------------------------------- */

/* What is not to be balanced is done with here; true for the rest. */
static bool act(struct lb *lb, const struct snapshot *s, struct work *w, enum match match,
		int reason, uint64_t now_ns)
{
	switch (match) {
	case MATCH_KERNEL:
		pass(lb, w->packet);
		return false;
	case MATCH_DROP:
		drop(lb, w->packet, reason);
		return false;
	case MATCH_NEIGHBOR:
		reply_to_neighbor(lb, s, w);
		return false;
	case MATCH_ECHO:
		reply_to_echo(lb, s, w, now_ns);
		return false;
	default:
		return true;
	}
}

static void note_unfinished(struct lb *lb, const struct lb_packet *p, const struct packet *parsed)
{
	if (checksums_are_unfinished(p->data, p->length, parsed))
		work_count(&lb->counters->unfinished[p->ingress], 1);
}

/* True when the packet may go on. */
static bool verify(struct lb *lb, struct lb_packet *p, const struct packet *parsed)
{
	if (checksums_are_right(p->data, p->length, parsed))
		return true;
	note_unfinished(lb, p, parsed);
	drop(lb, p, REASON_BAD_CHECKSUM);
	return false;
}

/* Parses, polices and matches. True when the packet is one to balance. */
static bool classify(struct lb *lb, const struct snapshot *s, struct work *w, uint64_t now_ns)
{
	struct lb_packet *p = w->packet;
	const struct target *target = NULL;
	p->service = ABI_NO_SERVICE;
	p->backend = ABI_NO_BACKEND;
	p->rule = ABI_NO_RULE;
	p->reason = REASON_NONE;
	memset(&w->parsed, 0, sizeof(w->parsed));
	int reason = parse_packet(p->data, p->data + p->length, &w->parsed);
	TELL(lb, fault = reason);
	TELL(lb, parsed = w->parsed);
	if (lb->policing && !police_source(lb, s, w))
		return false;
	bool policed = lb->policing && !reason;
	enum match match = match_packet(s->targets, &w->parsed, &reason, &target);
	TELL(lb, match = match);
	if (policed && match != MATCH_DROP && !police(lb, s, w, target))
		return false;
	if (!act(lb, s, w, match, reason, now_ns))
		return false;
	w->service = NULL;
	w->answers = target && target->flags & TARGET_SNAT;
	if (target && !w->answers) {
		p->service = target->service;
		w->service = &s->services[target->service];
		if (__builtin_expect(w->service->verified, 0))
			return verify(lb, p, &w->parsed);
	}
	return true;
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
		if (!w->parsed.icmp)
			flow_table_remove(lb->flows, w->hash, hit.backend);
		return ABI_NO_BACKEND;
	}
	TELL(lb, entry = LB_ENTRY_STANDS);
	TELL(lb, entry_backend = hit.backend);
	TELL(lb, entry_state = hit.state);
	enum flow_state next = work_next_state(hit.state, &w->parsed);
	if (!w->parsed.icmp && b->way.forward != FORWARD_NAT &&
	    flow_table_touch(&hit, next, now_ns) && next == FLOW_CLOSING)
		flow_table_closes(lb->flows, &hit);
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
 * Which backend a flow goes to that is not known. *adopt: it began by the table before, and is to
 * be remembered though this packet opens nothing.
 */
static uint32_t choose_backend(const struct lb *lb, const struct snapshot *s, const struct work *w,
			       uint64_t now_ns, bool *adopt)
{
	*adopt = false;
	if (!w->service->before || w->parsed.key.protocol != IPPROTO_TCP || work_is_syn(&w->parsed))
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

/* By a way that changes more than link addresses: VLAN tags, or a tunnel. */
static enum reason rebuild(struct lb_packet *p, const struct way *way, uint32_t l3_offset,
			   uint64_t hash)
{
	const uint8_t *end = p->data + p->length;
	struct tunnel_inner inner;
	if (!tunnel_read(p->data + l3_offset, end, &inner))
		return REASON_TRUNCATED;
	if (!rewrite_fits(way, &inner))
		return REASON_TOO_BIG;
	int growth = rewrite_growth(way, l3_offset);
	p->data -= growth;
	p->length += growth;
	rewrite_frame(p->data, end, way, &inner, hash);
	return REASON_NONE;
}

/* Does to a packet what the way to its backend says. Each method is a function of its own. */
static enum reason rewrite(struct work *w, const struct way *way)
{
	struct lb_packet *p = w->packet;
	if (way->forward == FORWARD_NAT)
		return nat_to_backend(w, way);
	if (__builtin_expect(!way->plain || w->parsed.l3_offset != ETH_HLEN, 0))
		return rebuild(p, way, w->parsed.l3_offset, w->hash);
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
	if (!too_big_may_answer(p, &w->parsed) ||
	    !budget_take(&lb->errors, s->too_big_limit, now_ns)) {
		drop(lb, p, REASON_TOO_BIG);
		return;
	}
	too_big_answer(p, &w->parsed, mtu, s->ports[p->ingress].source);
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
	enum reason reason = rewrite(w, &b->way);
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
	enum reason reason = nat_to_client(s, w);
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
	return nat_open(lb, s, w, id, now_ns);
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

/* --- fragments ------------------------------------------------------------------------------ */

/* What became of the first fragment's backend since; REASON_NONE: it is there. */
static enum reason backend_fault(const struct snapshot *s, const struct fragment_decision *d)
{
	if (d->backend >= s->backend_end || d->service >= s->service_end)
		return REASON_NO_BACKEND;
	const struct backend *b = &s->backends[d->backend];
	if (!b->present || b->state == STATE_DOWN || b->service != d->service)
		return REASON_NO_BACKEND;
	return b->reachable ? REASON_NONE : REASON_NO_NEXT_HOP;
}

static enum reason checksum_fault(const struct snapshot *s, const struct work *w)
{
	const struct lb_packet *p = w->packet;
	if (p->service >= s->service_end || !s->services[p->service].verified)
		return REASON_NONE;
	return checksums_are_right(p->data, p->length, &w->parsed) ? REASON_NONE
								   : REASON_BAD_CHECKSUM;
}

/* Sends a fragment after its first, or drops it for the same reason. */
static void follow(struct lb *lb, const struct snapshot *s, struct work *w,
		   const struct fragment_decision *d, uint64_t now_ns)
{
	struct lb_packet *p = w->packet;
	enum reason reason = d->reason ? d->reason : backend_fault(s, d);
	p->service = d->service;
	p->backend = d->backend;
	if (p->service < s->service_end)
		count_traffic(&lb->counters->services[p->service], p->length);
	if (!reason)
		reason = checksum_fault(s, w);
	if (reason) {
		drop(lb, p, reason);
		return;
	}
	const struct backend *b = &s->backends[d->backend];
	if (b->way.forward == FORWARD_NAT && !nat_find_fragment(lb, w, d, now_ns))
		drop(lb, p, REASON_NAT_UNKNOWN);
	else if (d->answers)
		send_to_client(lb, s, w, now_ns);
	else
		send_to_backend(lb, s, w, b, now_ns);
}

/* The first one is a packet like others, but that the rest of its datagram shares its fate. */
static void lead(struct lb *lb, const struct snapshot *s, struct work *w, const struct fragment *x,
		 uint64_t now_ns)
{
	struct lb_packet *p = w->packet;
	if (w->answers)
		answer(lb, s, w, now_ns);
	else if (p->service == ABI_NO_SERVICE)
		drop(lb, p, REASON_FRAGMENT_UNMATCHED);
	else
		forward(lb, s, w, now_ns);
	struct fragment_decision d = {p->service, p->backend, w->hash,
				      p->reason,  w->answers, false};
	work_count(&lb->counters->fragments.first, 1);
	if (!fragments_remember(lb->fragments, x, &d, now_ns))
		work_count(&lb->counters->fragments.forgotten, 1);
}

/* One that comes before its first waits for it. */
static void hold(struct lb *lb, struct lb_packet *p, const struct fragment *x, uint64_t now_ns)
{
	if (held_put(lb->held, p, x, now_ns)) {
		p->verdict = LB_HOLD;
		work_count(&lb->counters->fragments.waited, 1);
	} else {
		drop(lb, p, REASON_FRAGMENT_UNMATCHED);
		work_count(&lb->counters->fragments.refused, 1);
	}
}

static void forward_fragment(struct lb *lb, const struct snapshot *s, struct work *w,
			     uint64_t now_ns)
{
	struct lb_packet *p = w->packet;
	struct fragment x = fragment_of(&w->parsed);
	struct fragment_decision d;
	if (!lb->fragments) {
		drop(lb, p, REASON_FRAGMENT_UNMATCHED);
	} else if (fragments_follow(lb->fragments, &x, now_ns, &d)) {
		follow(lb, s, w, &d, now_ns);
		work_count(&lb->counters->fragments.followed, 1);
	} else if (w->parsed.fragment == PACKET_FIRST_FRAGMENT) {
		lead(lb, s, w, &x, now_ns);
	} else {
		hold(lb, p, &x, now_ns);
	}
}

unsigned int lb_release(struct lb *lb, const struct snapshot *s, struct lb_packet *packets,
			unsigned int max, uint64_t now_ns)
{
	struct fragment_decision d;
	unsigned int n = 0;
	while (n < max && lb->held && held_take(lb->held, lb->fragments, now_ns, &packets[n], &d)) {
		struct work w = {.packet = &packets[n++]};
		w.packet->rule = ABI_NO_RULE;
		parse_packet(w.packet->data, w.packet->data + w.packet->length, &w.parsed);
		w.hash = flow_hash(&w.parsed.key, &lb->flows->seed);
		follow(lb, s, &w, &d, now_ns);
		work_count(d.orphan ? &lb->counters->fragments.timed_out
				    : &lb->counters->fragments.followed,
			   1);
	}
	return n;
}

/* --- the burst ------------------------------------------------------------------------------- */

static void look_up(struct lb *lb, const struct snapshot *s, struct work *w, uint64_t now_ns)
{
	w->backend = ABI_NO_BACKEND;
	w->translated = ABI_NO_BACKEND;
	if (w->parsed.fragment || w->answers)
		return;
	w->backend = named_backend(s, w);
	TELL(lb, named = w->backend);
	if (w->backend == ABI_NO_BACKEND)
		w->backend = known_backend(lb, s, w, now_ns);
	if (w->backend == ABI_NO_BACKEND && w->service->tracked && work_opens_flow(&w->parsed))
		flow_table_prefetch_key(lb->flows, w->hash);
}

void lb_process(struct lb *lb, const struct snapshot *s, struct lb_packet *packets,
		unsigned int count_in, uint64_t now_ns)
{
	struct work work[LB_BURST];
	struct flow_seed seed = lb->flows->seed;
	unsigned int to_balance = 0;
	uint64_t bytes = 0;
	if (lb->policing) {
		lb->policing->tables = s->policy;
		lb->policing->now_ns = now_ns;
	}
	for (unsigned int i = 0; i < count_in; i++) {
		struct work *w = &work[to_balance];
		w->packet = &packets[i];
		bytes += packets[i].length;
		if (i + 4 < count_in)
			__builtin_prefetch(packets[i + 4].data);
		to_balance += classify(lb, s, w, now_ns);
	}
	for (unsigned int i = 0; i < to_balance; i++) {
		work[i].hash = flow_hash(&work[i].parsed.key, &seed);
		flow_table_prefetch(lb->flows, work[i].hash);
	}
	for (unsigned int i = 0; i < to_balance; i++)
		look_up(lb, s, &work[i], now_ns);
	for (unsigned int i = 0; i < to_balance; i++)
		if (work[i].parsed.fragment)
			forward_fragment(lb, s, &work[i], now_ns);
		else if (work[i].answers)
			answer(lb, s, &work[i], now_ns);
		else
			forward(lb, s, &work[i], now_ns);
	work_count(&lb->counters->rx_packets, count_in);
	work_count(&lb->counters->rx_bytes, bytes);
}
