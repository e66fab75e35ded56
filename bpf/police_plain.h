/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The policy, for what nearly all packets are, a flood's above all: TCP or UDP over IPv4, without
 * options, tags and faults, to a service of that very address. It is judged by the fields where
 * they lie, before it is parsed; everything else takes the long way, which judges by the same
 * tables. Included by weir.bpf.c, behind obey().
 */
#ifndef WEIR_BPF_POLICE_PLAIN_H
#define WEIR_BPF_POLICE_PLAIN_H

#include "bpf/repeat_plain.h"

/* Returned in place of an XDP action. */
#define POLICE_UNSEEN  (-1) /* it has to go the long way to be judged */
#define POLICE_ALLOWED (-2)
#define POLICE_COVERED (-3) /* that, and all of its flow are to be judged */

/*
 * A flow that is known has been judged, so it is looked up first, which costs each packet of a
 * flood a cache line. While most packets are refused it is the other way round: what is refused is
 * not looked up. It says so by a vote of the last packets on each CPU and port: each that is
 * refused is one for it, each that was judged and is not one against.
 */
#define POLICE_VOTES 64u

static __always_inline int police_is_first(const struct port_counters *ledger)
{
	return ledger->refusing > POLICE_VOTES / 2;
}

static __always_inline void police_vote(struct port_counters *ledger, int refused)
{
	if (refused)
		ledger->refusing += ledger->refusing < POLICE_VOTES;
	else
		ledger->refusing -= ledger->refusing != 0;
}

static __always_inline void police_read_plain(const struct plain_frame *f, __u32 length,
					      struct policy_packet *out)
{
	addr_set_v4(&out->source, plain_word(f->source));
	out->has_source = 1;
	out->length = length < 65535 ? length : 65535;
	out->protocol = f->protocol;
	out->port = bpf_ntohs(f->ports[1]);
	if (f->protocol != IPPROTO_TCP)
		return;
	__u32 headers = sizeof(struct iphdr) + (f->tcp_header >> 2 & 60);
	out->flags = policy_tcp_flags(f->tcp_flags, headers < bpf_ntohs(f->total));
}

/* As match_service(), without prefixes. */
static __always_inline const struct target *police_target(const struct plain_frame *f, __u32 table)
{
	struct target_key key = {.protocol = f->protocol};
	addr_set_v4(&key.address, plain_word(f->destination));
	return match_port(&table, f->ports[1], &key);
}

/* Whether a cookie may be the answer to it, or it the answer to one. */
static __always_inline int police_is_of_cookies(const struct plain_frame *f, __u32 word)
{
	return word & TABLES_COOKIES && f->protocol == IPPROTO_TCP &&
	       f->tcp_flags & (PACKET_TCP_SYN | PACKET_TCP_RST);
}

/* The rules that are to be gone through, gone through. */
static __always_inline int police_run(struct xdp_md *ctx, const struct policy *policy,
				      const struct policing *t, __u32 word,
				      const struct policy_packet *packet, __u32 service,
				      __u32 decision)
{
	struct police_case *k = police_open(word);
	if (!k)
		return POLICE_UNSEEN;
	k->service = service;
	k->packet = *packet;
	policy_run(policy, t, decision & ~POLICY_COVERED, &k->packet, k->service, &k->verdict);
	int action = obey(ctx, t->ledger, k, k->verdict.action);
	police_vote(t->ledger, action == XDP_DROP);
	if (action >= 0)
		return action;
	return decision & POLICY_COVERED ? POLICE_COVERED : POLICE_ALLOWED;
}

/*
 * The XDP action for a packet that no rule lets go on; or one of POLICE_*. `word` of `tables`.
 * `first`: the flow has not been looked up yet, so only what is to be judged in any case is.
 */
__attribute__((noinline)) int police_plain(struct xdp_md *ctx, __u32 word, int first)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct plain_frame *f = data;
	__u32 length = frame_length(ctx, data, end), port = port_index;
	struct port_counters *ledger = bpf_map_lookup_elem(&counters, &port);
	struct policing t = {.slot = police_slot(word), .ledger = ledger};
	if (!ledger || (const void *)(f + 1) > end || !plain_frame_is(f, length) ||
	    police_is_of_cookies(f, word))
		return POLICE_UNSEEN;
	const struct policy *policy = police_tables(&t);
	struct policy_packet packet = {};
	if (!policy)
		return POLICE_UNSEEN;
	police_read_plain(f, length, &packet);
	/* The source is looked up first, as its memory may be far, and what follows needs it last.
	 */
	__u32 who = policy_who(policy, &t, &packet.source);
	const struct target *target = police_target(f, word & TABLES_SLOT);
	if (!target || (!target->row && !(word & TABLES_ANYWHERE)))
		return POLICE_UNSEEN;
	__u32 decision = policy_decide(policy, &t, &packet, who, target->row);
	__u32 cell = policy_cell(policy, decision & ~POLICY_COVERED);
	if (cell & POLICY_CHAIN_DROP) {
		__u32 rule = cell & (ABI_MAX_RULES - 1);
		policy_count(&t, rule, packet.length, 1);
		police_vote(ledger, 1);
		return drop_by_rule(ctx, ledger, REASON_POLICY_DENIED, target->service, rule);
	}
	if (first && !(decision & POLICY_COVERED)) {
		police_vote(ledger, 0);
		return POLICE_UNSEEN;
	}
	t.meter_mask = policy->meter_mask;
	return police_run(ctx, policy, &t, word, &packet, target->service, decision);
}

#endif
