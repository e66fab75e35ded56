/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of fragments: the later ones share the fate of their first. Included by process.c,
 * as lb/forwarding.h is.
 */
#ifndef WEIR_LB_FRAGMENTATION_H
#define WEIR_LB_FRAGMENTATION_H

#include "lb/forwarding.h"
#include "lb/fragments.h"
#include "lb/held.h"

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

#endif
