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
#include "lb/policing.h"
#include "lb/policy.h"
#include "lb/quic.h"
#include "lb/refusal.h"
#include "lb/scheduler.h"
#include "lb/snapshot.h"
#include "lb/target_table.h"

static const struct target *target_find(const void *table, const struct target_key *key)
{
	return target_table_find(table, key);
}

static const struct target_key *prefix_find(const void *table, const struct addr *address,
					    uint32_t longest)
{
	return target_table_find_prefix(table, address, longest);
}

#include "bpf/icmp.h"
#include "bpf/match.h"
#include "bpf/neighbor.h"

/* A packet between the stages. */
struct work {
	struct lb_packet *packet;
	const struct service *service;
	struct packet parsed;
	uint64_t hash;
	uint32_t backend; /* the flow table's, or ABI_NO_BACKEND */
};

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

/* Counters have one writer; readers of other threads see each whole. */
static inline void count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static void count_traffic(struct lb_traffic *t, uint32_t length)
{
	count(&t->packets, 1);
	count(&t->bytes, length);
}

static void drop(struct lb *lb, struct lb_packet *p, enum reason reason)
{
	p->verdict = LB_DROP;
	p->reason = reason;
	count(&lb->counters->dropped[reason], 1);
}

static void pass(struct lb *lb, struct lb_packet *p)
{
	p->verdict = LB_PASS;
	count(&lb->counters->passed, 1);
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
	count(&lb->counters->neighbor_replies, 1);
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
	count(&lb->counters->echo_replies, 1);
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
	count(&lb->counters->redirected, 1);
}

/* True: it may go on. */
static bool obey(struct lb *lb, const struct snapshot *s, struct lb_packet *p,
		 const struct policy_verdict *v)
{
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
	default:
		return true;
	}
}

/* What the XDP program does before it steers (bpf/weir.bpf.c). True: it may go on. */
static bool police_source(struct lb *lb, const struct snapshot *s, struct work *w)
{
	struct lb_packet *p = w->packet;
	struct policy_verdict v;
	return !policing_refuses(lb->policing, p->data, p->length, &w->parsed, &v) ||
	       obey(lb, s, p, &v);
}

static bool police(struct lb *lb, const struct snapshot *s, struct work *w,
		   const struct target *service)
{
	struct lb_packet *p = w->packet;
	struct policy_verdict v;
	const struct target *t = match_whose(s->targets, &w->parsed, service);
	policing_judge(lb->policing, p->data, p->length, &w->parsed, t ? t->row : 0,
		       t ? t->service : ABI_NO_SERVICE, &v);
	return obey(lb, s, p, &v);
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
		count(&lb->counters->unfinished[p->ingress], 1);
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
	bool policed = lb->policing && !reason;
	if (policed && !police_source(lb, s, w))
		return false;
	enum match match = match_packet(s->targets, &w->parsed, &reason, &target);
	if (policed && match != MATCH_DROP && !police(lb, s, w, target))
		return false;
	if (!act(lb, s, w, match, reason, now_ns))
		return false;
	w->service = NULL;
	if (target) {
		p->service = target->service;
		w->service = &s->services[target->service];
		if (__builtin_expect(w->service->verified, 0))
			return verify(lb, p, &w->parsed);
	}
	return true;
}

/* The state a flow is in once this packet of it has passed. */
static enum flow_state next_state(enum flow_state state, const struct packet *parsed)
{
	if (parsed->key.protocol == IPPROTO_UDP)
		return FLOW_UDP;
	if (parsed->tcp_flags & (PACKET_TCP_FIN | PACKET_TCP_RST))
		return FLOW_CLOSING;
	if (state == FLOW_HANDSHAKE && !(parsed->tcp_flags & PACKET_TCP_SYN))
		return FLOW_ESTABLISHED;
	return state;
}

/* One that a host would open a connection for. */
static bool is_syn(const struct packet *parsed)
{
	const uint8_t flags = PACKET_TCP_SYN | PACKET_TCP_ACK | PACKET_TCP_FIN | PACKET_TCP_RST;
	return (parsed->tcp_flags & flags) == PACKET_TCP_SYN;
}

/* Only a SYN or a UDP packet makes a flow known; not an ICMP error about it. */
static bool opens_flow(const struct packet *parsed)
{
	if (parsed->icmp)
		return false;
	return parsed->key.protocol == IPPROTO_UDP || is_syn(parsed);
}

/*
 * The backend that the table holds for a flow, or ABI_NO_BACKEND. An entry does not count when its
 * backend no longer serves, or when the connection was closed and a SYN opens a new one. An ICMP
 * error, which anybody can send, leaves the entry as it is.
 */
static uint32_t known_backend(struct lb *lb, const struct snapshot *s, const struct work *w,
			      uint64_t now_ns)
{
	struct flow_hit hit;
	if (!w->service->tracked || !flow_table_find(lb->flows, w->hash, now_ns, &hit))
		return ABI_NO_BACKEND;
	const struct backend *b = &s->backends[hit.backend];
	if (hit.backend >= s->backend_end || !b->present || b->state == STATE_DOWN ||
	    b->service != w->packet->service || (hit.state == FLOW_CLOSING && is_syn(&w->parsed))) {
		if (!w->parsed.icmp)
			flow_table_remove(lb->flows, w->hash, hit.backend);
		return ABI_NO_BACKEND;
	}
	enum flow_state next = next_state(hit.state, &w->parsed);
	if (!w->parsed.icmp && flow_table_touch(&hit, next, now_ns) && next == FLOW_CLOSING)
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
	if (!w->service->before || w->parsed.key.protocol != IPPROTO_TCP || is_syn(&w->parsed))
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
	if (!adopt && !opens_flow(&w->parsed))
		return;
	if (!adopt)
		note_unfinished(lb, w->packet, &w->parsed);
	if (!w->service->tracked)
		return;
	count(&lb->counters->services[w->packet->service].flows, !adopt);
	count(&lb->counters->backends[backend].flows, !adopt);
	/* This bounds what a flood of new flows costs those that are there. */
	if (!budget_take(&lb->inserts, lb->insert_limit, now_ns)) {
		count(&lb->counters->flow_guarded, 1);
		return;
	}
	switch (flow_table_insert(lb->flows, w->hash, backend, udp ? FLOW_UDP : FLOW_HANDSHAKE,
				  now_ns, &w->parsed.key)) {
	case FLOW_EVICTED:
		count(&lb->counters->flow_evictions, 1);
		/* fall through */
	case FLOW_INSERTED:
		count(&lb->counters->flow_inserts, 1);
		break;
	case FLOW_FULL:
	case FLOW_TAKEN: /* of a claim */
		count(&lb->counters->flow_untracked, 1);
		break;
	}
}

/* Does to a packet what its backend's method says. Each of them is a function of its own. */
static enum reason rewrite(struct lb_packet *p, const struct way *way)
{
	if (__builtin_expect(way->forward == FORWARD_DSR, 1)) {
		rewrite_link(p->data, &way->link);
		return REASON_NONE;
	}
	return REASON_NO_BACKEND; /* no other method gets past config_parse() */
}

/* p->backend is `b`'s id. */
static void send_to_backend(struct lb *lb, struct lb_packet *p, const struct backend *b)
{
	enum reason reason = rewrite(p, &b->way);
	if (reason) {
		drop(lb, p, reason);
		return;
	}
	p->verdict = LB_TRANSMIT;
	p->egress = b->way.egress;
	count_traffic(&lb->counters->backends[p->backend], p->length);
	count(&lb->counters->forwarded, 1);
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
	count(&lb->counters->refusals, 1);
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
	if (!known)
		remember(lb, w, id, adopt, now_ns);
	send_to_backend(lb, p, b);
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

/* Of a fragment, parsed anew: what was held is no packet of the burst. */
static enum reason checksum_fault(const struct snapshot *s, const struct lb_packet *p)
{
	struct packet parsed = {0};
	if (p->service >= s->service_end || !s->services[p->service].verified)
		return REASON_NONE;
	parse_packet(p->data, p->data + p->length, &parsed);
	return checksums_are_right(p->data, p->length, &parsed) ? REASON_NONE : REASON_BAD_CHECKSUM;
}

/* Sends a fragment after its first, or drops it for the same reason. */
static void follow(struct lb *lb, const struct snapshot *s, struct lb_packet *p,
		   const struct fragment_decision *d)
{
	enum reason reason = d->reason ? d->reason : backend_fault(s, d);
	p->service = d->service;
	p->backend = d->backend;
	if (p->service < s->service_end)
		count_traffic(&lb->counters->services[p->service], p->length);
	if (!reason)
		reason = checksum_fault(s, p);
	if (reason) {
		drop(lb, p, reason);
		return;
	}
	send_to_backend(lb, p, &s->backends[d->backend]);
}

/* The first one is a packet like others, but that the rest of its datagram shares its fate. */
static void lead(struct lb *lb, const struct snapshot *s, struct work *w, const struct fragment *x,
		 uint64_t now_ns)
{
	struct lb_packet *p = w->packet;
	if (p->service == ABI_NO_SERVICE)
		drop(lb, p, REASON_FRAGMENT_UNMATCHED);
	else
		forward(lb, s, w, now_ns);
	struct fragment_decision d = {p->service, p->backend, p->reason, false};
	count(&lb->counters->fragments.first, 1);
	if (!fragments_remember(lb->fragments, x, &d, now_ns))
		count(&lb->counters->fragments.forgotten, 1);
}

/* One that comes before its first waits for it. */
static void hold(struct lb *lb, struct lb_packet *p, const struct fragment *x, uint64_t now_ns)
{
	if (held_put(lb->held, p, x, now_ns)) {
		p->verdict = LB_HOLD;
		count(&lb->counters->fragments.waited, 1);
	} else {
		drop(lb, p, REASON_FRAGMENT_UNMATCHED);
		count(&lb->counters->fragments.refused, 1);
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
		follow(lb, s, p, &d);
		count(&lb->counters->fragments.followed, 1);
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
		packets[n].rule = ABI_NO_RULE;
		follow(lb, s, &packets[n++], &d);
		count(d.orphan ? &lb->counters->fragments.timed_out
			       : &lb->counters->fragments.followed,
		      1);
	}
	return n;
}

/* --- the burst ------------------------------------------------------------------------------- */

static void look_up(struct lb *lb, const struct snapshot *s, struct work *w, uint64_t now_ns)
{
	w->backend = ABI_NO_BACKEND;
	if (w->parsed.fragment)
		return;
	w->backend = named_backend(s, w);
	if (w->backend == ABI_NO_BACKEND)
		w->backend = known_backend(lb, s, w, now_ns);
	if (w->backend == ABI_NO_BACKEND && w->service->tracked && opens_flow(&w->parsed))
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
		else
			forward(lb, s, &work[i], now_ns);
	count(&lb->counters->rx_packets, count_in);
	count(&lb->counters->rx_bytes, bytes);
}
