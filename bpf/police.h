/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a packet may do, by the tables of bpf/policy.h. Both sides include this file after they have
 * defined struct policing and
 *
 *   static const struct source_slot *policy_slot(const struct policing *t, __u32 i);
 *   static const struct source_range *policy_range(const struct policing *t, __u32 i);
 *   static __u64 policy_cells(const struct policing *t, __u32 i);  // of decisions, four
 *                                                   // where they have a map of their own
 *   static struct meter_bucket *policy_meter(const struct policing *t, __u64 hash);
 *   static __u64 *policy_half_open(const struct policing *t, __u32 service);
 *   static void policy_count(const struct policing *t, __u32 rule, __u32 bytes, int refused);
 *   static __u64 policy_now(const struct policing *t);             // in meter time
 *   static __u64 policy_soon(const struct policing *t);            // not before it, and cheaper
 *   static __u64 policy_hash(const struct policing *t, const struct flow_key *key);
 *
 * the XDP program over maps, user space over memory.
 */
#ifndef WEIR_BPF_POLICE_H
#define WEIR_BPF_POLICE_H

#include "bpf/meter.h"
#include "bpf/packet.h"
#include "bpf/policy.h"

/* --- what a packet is ------------------------------------------------------------------------- */

struct policy_packet {
	struct addr source;
	__u32 length; /* of the frame, up to 65535 */
	__u16 protocol;
	__u16 vlan;
	__u16 port; /* destination, in host order */
	__u8 flags;
	__u8 has_source;
};

static __always_inline int policy_invalid_flags(__u8 flags)
{
	__u8 f = flags & (PACKET_TCP_FIN | PACKET_TCP_SYN | PACKET_TCP_RST | PACKET_TCP_ACK);
	return !(f == PACKET_TCP_ACK || f == PACKET_TCP_SYN ||
		 f == (PACKET_TCP_SYN | PACKET_TCP_ACK) || f == (PACKET_TCP_FIN | PACKET_TCP_ACK) ||
		 f == PACKET_TCP_RST || f == (PACKET_TCP_RST | PACKET_TCP_ACK));
}

static __always_inline __u16 policy_vlan(const char *data, const char *end)
{
	const struct ethhdr *eth = (const void *)data;
	const struct vlan_tag *tag = (const void *)(eth + 1);
	if ((const char *)(tag + 1) > end ||
	    (eth->h_proto != bpf_htons(ETH_P_8021Q) && eth->h_proto != bpf_htons(ETH_P_8021AD)))
		return 0;
	return bpf_ntohs(tag->tci) & (POLICY_VLANS - 1);
}

/* Where TCP's header begins there is all of it: the parser has seen to that. */
static __always_inline int policy_has_data(const char *data, const char *end,
					   const struct packet *p, __u32 ip_end)
{
	const struct tcphdr *tcp = (const void *)(data + (p->l4_offset & POLICY_OFFSET));
	if ((const char *)(tcp + 1) > end)
		return 0;
	return (p->l4_offset & POLICY_OFFSET) + tcp->doff * 4u < ip_end;
}

/* What a TCP segment is of POLICY_FLAGS. */
static __always_inline __u8 policy_tcp_flags(__u8 tcp, int has_data)
{
	const __u8 opening = PACKET_TCP_SYN | PACKET_TCP_ACK | PACKET_TCP_FIN | PACKET_TCP_RST;
	__u8 flags = policy_invalid_flags(tcp) ? POLICY_INVALID : 0;
	if ((tcp & opening) == PACKET_TCP_SYN)
		flags |= has_data ? POLICY_SYN | POLICY_SYN_DATA : POLICY_SYN;
	return flags;
}

/* Neighbour discovery (RFC 4861) is to IPv6 what ARP is to IPv4: without it there is no network. */
static __always_inline int policy_is_discovery(const char *data, const char *end,
					       const struct packet *p, __u8 hop_limit)
{
	const __u8 *type = (const void *)(data + (p->l4_offset & POLICY_OFFSET));
	if (!p->icmp || hop_limit != 255 || (const char *)(type + 1) > end)
		return 0;
	return *type >= 133 && *type <= 137;
}

/*
 * What a parsed packet is to the rules. False: nothing, it is of those without which the host would
 * not be on its network (ARP, neighbour discovery), or too short to have an IP header.
 */
static __always_inline int policy_look(const char *data, const char *end, const struct packet *p,
				       struct policy_packet *out)
{
	const struct iphdr *v4 = (const void *)(data + (p->l3_offset & 63));
	const struct ipv6hdr *v6 = (const void *)v4;
	__u32 ip_end = p->l3_offset & 63;
	out->vlan = policy_vlan(data, end);
	out->protocol = POLICY_NOT_IP;
	if (p->ethertype == bpf_htons(ETH_P_IP)) {
		if ((const char *)(v4 + 1) > end)
			return 0;
		out->protocol = v4->protocol;
		addr_set_v4(&out->source, v4->saddr); /* an ICMP error's key is not its own */
		if (v4->ihl > 5)
			out->flags |= POLICY_OPTIONS;
		ip_end += bpf_ntohs(v4->tot_len);
	} else if (p->ethertype == bpf_htons(ETH_P_IPV6)) {
		if ((const char *)(v6 + 1) > end)
			return 0;
		if (policy_is_discovery(data, end, p, v6->hop_limit))
			return 0;
		out->protocol = 256 + (p->icmp ? IPPROTO_ICMPV6 : p->key.protocol);
		addr_set_v6(&out->source, &v6->saddr);
		if (v6->nexthdr == IPPROTO_HOPOPTS || v6->nexthdr == IPPROTO_ROUTING ||
		    v6->nexthdr == IPPROTO_DSTOPTS)
			out->flags |= POLICY_OPTIONS;
		ip_end += sizeof(*v6) + bpf_ntohs(v6->payload_len);
	} else {
		return p->ethertype != bpf_htons(ETH_P_ARP);
	}
	out->has_source = p->has_addresses;
	if (p->fragment)
		out->flags |= POLICY_FRAGMENT;
	if (p->fragment == PACKET_LATER_FRAGMENT)
		out->flags |= POLICY_LATER;
	if (p->icmp == PACKET_ICMP_ERROR) {
		out->flags |= POLICY_ICMP_ERROR;
	} else {
		out->port = bpf_ntohs(p->key.destination_port);
		if (p->key.protocol == IPPROTO_TCP && p->fragment != PACKET_LATER_FRAGMENT)
			out->flags |= policy_tcp_flags(p->tcp_flags,
						       policy_has_data(data, end, p, ip_end));
	}
	return 1;
}

/*
 * The source of a frame, of which no more than the IP header is looked at; false where there is
 * none, or where it might be neighbour discovery, which only the whole packet tells.
 */
static __always_inline int policy_read_source(const char *data, const char *end, struct addr *out)
{
	struct cursor c = {.pos = data, .end = end};
	__be16 type;
	if (parse_ethernet(&c, &type))
		return 0;
	const struct iphdr *v4 = (const void *)c.pos;
	const struct ipv6hdr *v6 = (const void *)c.pos;
	if (type == bpf_htons(ETH_P_IP)) {
		if ((const char *)(v4 + 1) > end || v4->version != 4)
			return 0;
		addr_set_v4(out, v4->saddr);
		return 1;
	}
	if (type != bpf_htons(ETH_P_IPV6) || (const char *)(v6 + 1) > end || v6->version != 6 ||
	    v6->hop_limit == 255)
		return 0;
	struct addr to;
	addr_set_v6(&to, &v6->daddr);
	addr_set_v6(out, &v6->saddr);
	return !addr_is_mapped(out) && !addr_is_mapped(&to);
}

/* --- looking up ------------------------------------------------------------------------------- */

/* The value of the last of the ranges `low` to `high` that begins at `key` or before. */
static __always_inline const struct source_range *policy_find_range(const struct policing *t,
								    __u64 key, __u32 low,
								    __u32 high)
{
	for (int i = 0; i < SOURCE_STEPS && low < high; i++) {
		__u32 middle = low + (high - low + 1) / 2;
		const struct source_range *r = policy_range(t, middle);
		if (!r)
			return 0;
		if (r->first <= key)
			low = middle;
		else
			high = middle - 1;
	}
	return policy_range(t, low);
}

static __always_inline __u64 policy_half(const struct addr *a, int lower)
{
	return (__u64)bpf_ntohl(a->word[2 * lower]) << 32 | bpf_ntohl(a->word[2 * lower + 1]);
}

static __always_inline __u32 policy_identity(const struct policy *policy, const struct policing *t,
					     const struct addr *a)
{
	int v6 = !addr_is_mapped(a);
	const struct source_family *f = &policy->families[v6];
	__u64 key = v6 ? policy_half(a, 0) : bpf_ntohl(a->word[3]);
	if (!f->slots || key < f->origin)
		return 0;
	__u64 at = (key - f->origin) >> (f->shift & 63);
	if (at >= f->slots)
		at = f->slots - 1;
	const struct source_slot *slot = policy_slot(t, f->slot + at);
	if (!slot)
		return 0;
	const struct source_range *r =
		policy_find_range(t, key, slot->first, slot->first + slot->more);
	if (r && r->count)
		r = policy_find_range(t, policy_half(a, 1), r->value, r->value + r->count - 1);
	return r ? r->value : 0;
}

static __always_inline __u32 policy_cell(const struct policy *policy, __u32 at)
{
	return policy->cells[at & (POLICY_CELLS - 1)];
}

static __always_inline __u32 policy_class(const struct policy *policy, enum policy_dimension d,
					  __u32 value)
{
	return policy_cell(policy, policy->fields[d].classes + value);
}

/* The class of a source. */
static __always_inline __u32 policy_who(const struct policy *policy, const struct policing *t,
					const struct addr *a)
{
	if (addr_is_mapped(a)) {
		__u32 v4 = bpf_ntohl(a->word[3]), cell = policy->near_v4.upper[v4 >> 16];
		if (cell & POLICY_NEAR_MORE && cell != POLICY_NEAR_FAR)
			cell = policy->near_v4
				       .blocks[cell & (POLICY_NEAR_BLOCKS - 1)][v4 >> 8 & 255];
		if (cell & POLICY_NEAR_MORE && cell != POLICY_NEAR_FAR)
			cell = policy->near_v4.blocks[cell & (POLICY_NEAR_BLOCKS - 1)][v4 & 255];
		if (cell != POLICY_NEAR_FAR)
			return cell;
	}
	return policy_class(policy, POLICY_SOURCE, policy_identity(policy, t, a));
}

/* That of a packet's; what has none is of no group. */
static __always_inline __u32 policy_who_is(const struct policy *policy, const struct policing *t,
					   const struct policy_packet *k)
{
	return k->has_source ? policy_who(policy, t, &k->source)
			     : policy_class(policy, POLICY_SOURCE, 0);
}

/* The class of what is known so far, and of one more field. */
static __always_inline __u32 policy_join(const struct policy *policy, __u32 before,
					 enum policy_dimension d, __u32 value)
{
	const struct policy_field *f = &policy->fields[d];
	if (!f->used)
		return before;
	return policy_cell(policy, f->join + before * f->width + policy_class(policy, d, value));
}

/* The packet's own class: all of it but source and target. */
static __always_inline __u32 policy_kind(const struct policy *policy, const struct policy_packet *k)
{
	__u32 c = policy_class(policy, POLICY_PROTOCOL, k->protocol);
	c = policy_join(policy, c, POLICY_FLAG, k->flags);
	c = policy_join(policy, c, POLICY_PORT, k->port);
	c = policy_join(policy, c, POLICY_VLAN, k->vlan);
	return policy_join(policy, c, POLICY_LENGTH, k->length);
}

/*
 * The decision for a packet of a class of sources to a target's row (struct target; 0: nobody's):
 * the cell of a chain, and POLICY_COVERED.
 */
static __always_inline __u32 policy_decide(const struct policy *policy, const struct policing *t,
					   const struct policy_packet *k, __u32 who, __u32 row)
{
	__u32 at = policy_join(policy, who, POLICY_TARGET, row) * policy->classes +
		   policy_kind(policy, k);
	if (policy->decisions)
		return policy_cell(policy, policy->decisions + at);
	return policy_cells(t, at / 4) >> at % 4 * 16 & 0xffff;
}

/* --- doing ------------------------------------------------------------------------------------ */

/* The bucket of tokens of that hash, made if there is none; NULL: no memory at all. */
static __always_inline __u64 *policy_tokens(const struct policing *t, __u64 hash)
{
	__u64 tag = hash | 1ull << 63;
	struct meter_bucket *b = policy_meter(t, hash);
	__u64 *found = b ? meter_find(b, tag) : 0;
	if (found || !b)
		return found;
	__s64 left, left_there;
	__u64 now = policy_now(t);
	int at = meter_quietest(b, now, &left);
	struct meter_bucket *second = left > 0 ? policy_meter(t, hash >> 32) : 0;
	if (!second)
		return meter_make(b, at, tag, now);
	found = meter_find(second, tag);
	if (found)
		return found;
	int there = meter_quietest(second, now, &left_there);
	return left_there < left ? meter_make(second, there, tag, now)
				 : meter_make(b, at, tag, now);
}

static __always_inline int policy_within_limit(const struct policing *t,
					       const struct policy_rule *r, __u32 id,
					       const struct policy_packet *k, __u32 service)
{
	struct flow_key key = {};
	__u64 cost = r->cost * (r->flags & POLICY_BYTES ? k->length : 1) >> (r->shift & 63);
	if (r->per == POLICY_PER_SOURCE) {
		key.source = k->source;
		if (addr_is_mapped(&k->source))
			key.source.word[3] &= r->mask4;
		else
			for (int i = 0; i < 4; i++)
				key.source.word[i] &= r->mask6[i];
	} else if (r->per == POLICY_PER_SERVICE) {
		key.destination.word[0] = service;
	}
	/* Not flow_key_is_v4(): a rule's id must be in the hash of an IPv4 source too. */
	key.destination.word[3] = id + 1;
	key.source_port = id;
	__u64 *full_at = policy_tokens(t, policy_hash(t, &key));
	if (!full_at)
		return 1;
	/* Who is far beyond the limit is so without asking the clock. */
	if ((__s64)(FLOW_LOAD(full_at) - policy_soon(t) + cost - r->window) > 0)
		return 0;
	return meter_take(full_at, policy_now(t), cost, r->window);
}

/*
 * Sources that have answered a cookie are remembered beside the buckets of limits: as one that is
 * not full until then. Only who has an address gets an entry, so no flood fills the memory.
 */
#define POLICY_PROOF_NS (300 * 1000000000ull)

static __always_inline __u64 policy_proof_hash(const struct policing *t, const struct addr *source)
{
	struct flow_key key = {.source = *source, .protocol = IPPROTO_TCP};
	return policy_hash(t, &key);
}

static __always_inline int policy_is_proven(const struct policing *t, const struct addr *source)
{
	__u64 hash = policy_proof_hash(t, source), now = policy_now(t), tag = hash | 1ull << 63;
	const struct meter_bucket *b = policy_meter(t, hash);
	if (b && meter_is_busy(b, tag, now))
		return 1;
	b = policy_meter(t, hash >> 32);
	return b && meter_is_busy(b, tag, now);
}

static __always_inline void policy_prove(const struct policing *t, const struct addr *source)
{
	__u64 *full_at = policy_tokens(t, policy_proof_hash(t, source));
	if (full_at)
		*(volatile __u64 *)full_at = policy_now(t) + POLICY_PROOF_NS * METER_TICKS;
}

/*
 * How many flows of a service are half open is a bucket of its own: a SYN takes, the client's next
 * packet gives back (lb/half_open.h), and what nobody gives back is there again by the time that
 * half-open flows are forgotten. So it holds as many as the guard's limit says, at any rate, and no
 * flow has to be counted when it leaves. Who has proven his address takes too, beyond the limit.
 */
static __always_inline int policy_may_open(const struct policing *t, const struct policy_rule *r,
					   const struct policy_packet *k, __u32 service)
{
	__u64 *full_at = policy_half_open(t, service);
	__u64 now = policy_now(t), window = r->window;
	if (!full_at)
		return 1;
	if ((__s64)(FLOW_LOAD(full_at) - now + r->cost - window) > 0) {
		if (!policy_is_proven(t, &k->source))
			return 0;
		window *= 2;
	}
	return meter_take(full_at, now, r->cost, window) || window != r->window;
}

/* A reset without an acknowledgement: what a cookie is answered by. */
static __always_inline int policy_may_be_proof(const struct packet *p)
{
	const __u8 flags = PACKET_TCP_FIN | PACKET_TCP_SYN | PACKET_TCP_RST | PACKET_TCP_ACK;
	return p->key.protocol == IPPROTO_TCP && !p->fragment && !p->icmp &&
	       (p->tcp_flags & flags) == PACKET_TCP_RST;
}

static __always_inline void policy_refuse(struct policy_verdict *v, const struct policy_rule *r,
					  __u32 id, __u8 reason)
{
	if (r->flags & POLICY_DRY_RUN) {
		v->dry_rule = id;
		v->dry_reason = reason;
		return;
	}
	v->rule = id;
	v->action = r->flags & POLICY_BEYOND_COOKIE ? POLICY_CHALLENGE : POLICY_DROP;
	v->reason = reason;
}

/* One rule of a chain. True: it has decided. */
static __always_inline int policy_apply(const struct policy *policy, const struct policing *t,
					__u32 id, const struct policy_packet *k, __u32 service,
					struct policy_verdict *v)
{
	const struct policy_rule *r = &policy->rules[id & (ABI_MAX_RULES - 1)];
	__u32 action = r->action;
	int refused = action == POLICY_DROP;
	if (action == POLICY_LIMIT && r->flags & POLICY_HALF_OPEN)
		refused = !policy_may_open(t, r, k, service);
	else if (action == POLICY_LIMIT)
		refused = !policy_within_limit(t, r, id, k, service) &&
			  !(r->flags & POLICY_BEYOND_COOKIE && policy_is_proven(t, &k->source));
	if (id != POLICY_NO_RULE)
		policy_count(t, id, k->length, refused);
	if (refused) {
		policy_refuse(v, r, id,
			      action == POLICY_LIMIT ? REASON_RATE_LIMITED : REASON_POLICY_DENIED);
		return !(r->flags & POLICY_DRY_RUN);
	}
	if (action == POLICY_LIMIT || action == POLICY_COUNT || r->flags & POLICY_DRY_RUN)
		return 0;
	v->rule = id;
	v->action = action;
	v->redirect = r->redirect;
	v->flags = r->flags;
	return 1;
}

/* Goes through the rules of a chain. `service`: its id, for limits per service. */
static __always_inline void policy_run(const struct policy *policy, const struct policing *t,
				       __u32 chain, const struct policy_packet *k, __u32 service,
				       struct policy_verdict *v)
{
	*v = (struct policy_verdict){.rule = POLICY_NO_RULE, .dry_rule = POLICY_NO_RULE};
	for (__u32 i = 0; i < POLICY_CHAIN; i++) {
		__u32 cell = policy_cell(policy, chain + i);
		if (policy_apply(policy, t, cell & (ABI_MAX_RULES - 1), k, service, v) ||
		    cell & POLICY_CHAIN_LAST)
			break;
	}
}

/* The rule that drops a source whatever its packet is and where it goes; -1: none. */
static __always_inline int policy_early(const struct policy *policy, const struct policing *t,
					const struct addr *source)
{
	__u32 net = bpf_ntohl(source->word[0]) >> 16;
	if (!addr_is_mapped(source) && !(policy->near_v6[net / 32] >> net % 32 & 1))
		return -1;
	__u32 who = policy_identity(policy, t, source);
	return (int)policy_cell(policy, policy->early + who) - 1;
}

#endif
