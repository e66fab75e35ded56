// SPDX-License-Identifier: BSD-2-Clause
/*
 * A burst goes through in stages, each over all its packets: parse and match; hash, and fetch the
 * flow's cache line; look up, and fetch where a new flow's key will go; decide and rewrite. So the
 * cache misses of a burst overlap. What becomes of packets to balance stands in lb/forwarding.h,
 * and of fragments in lb/fragmentation.h.
 *
 * Runs on a worker's thread, which alone writes its struct lb. The flow table is shared and
 * guards itself (lb/flow_table.h).
 */
#include "lb/process.h"

#include <stdlib.h>
#include <string.h>

#include "lb/checksums.h"
#include "lb/forwarding.h"
#include "lb/fragmentation.h"
#include "lb/policing.h"
#include "lb/policy.h"
#include "lb/snapshot.h"
#include "lb/target_table.h"
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

/* --- the burst ------------------------------------------------------------------------------- */

static void look_up(struct lb *lb, const struct snapshot *s, struct work *w, uint64_t now_ns)
{
	w->backend = ABI_NO_BACKEND;
	w->translated = ABI_NO_BACKEND;
	w->busy = false;
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
