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
	struct target_key key = {.port = f->ports[1], .protocol = f->protocol};
	addr_set_v4(&key.address, plain_word(f->destination));
	const struct target *t = target_find(&table, &key);
	if (t)
		return t;
	key.port = 0;
	return target_find(&table, &key);
}

/* Whether a cookie may be the answer to it, or it the answer to one. */
static __always_inline int police_is_of_cookies(const struct plain_frame *f, __u32 word)
{
	return word & TABLES_COOKIES && f->protocol == IPPROTO_TCP &&
	       f->tcp_flags & (PACKET_TCP_SYN | PACKET_TCP_RST);
}

/* The XDP action for a packet that no rule lets go on; or one of POLICE_*. `word` of `tables`. */
__attribute__((noinline)) int police_plain(struct xdp_md *ctx, struct port_counters *ledger,
					   __u32 word)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct plain_frame *f = data;
	__u32 length = frame_length(ctx, data, end);
	struct policing t = {.slot = police_slot(word), .ledger = ledger};
	if (!ledger || (const void *)(f + 1) > end || !plain_frame_is(f, length) ||
	    police_is_of_cookies(f, word))
		return POLICE_UNSEEN;
	const struct target *target = police_target(f, word & TABLES_SLOT);
	const struct policy *policy = target ? police_tables(&t) : 0;
	struct police_case *k = police_open(word);
	if (!policy || !k)
		return POLICE_UNSEEN;
	t.meter_mask = policy->meter_mask;
	k->row = target->row;
	k->service = target->service;
	police_read_plain(f, length, &k->packet);
	police_judge(policy, &t, k);
	int action = obey(ctx, ledger, k, k->verdict.action);
	if (action >= 0)
		return action;
	return k->is_covered ? POLICE_COVERED : POLICE_ALLOWED;
}

#endif
