/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The policy in the XDP program. Its tables are maps that user space fills before they are in
 * force; in `tables` (abi.h) stands which of the two slots is, so that all of them, and those of
 * services, change with one store. Included by weir.bpf.c, after its maps.
 */
#ifndef WEIR_BPF_POLICE_XDP_H
#define WEIR_BPF_POLICE_XDP_H

#include "bpf/cookie.h"
#include "bpf/meter.h"
#include "bpf/policy.h"

/* Which tables are in force, and what is in them. Written by user space alone, enum tables_bits. */
volatile __u32 tables = 0;

#define POLICE_ARRAY(name, flags, entry) POLICE_ARRAY_OF(name, flags, entry, 1)
#define POLICE_ARRAY_OF(name, flags, entry, count)         \
	struct name {                                      \
		__uint(type, BPF_MAP_TYPE_ARRAY);          \
		__uint(map_flags, BPF_F_MMAPABLE | flags); \
		__uint(max_entries, count);                \
		__uint(key_size, sizeof(__u32));           \
		__uint(value_size, sizeof(entry));         \
	}
#define POLICE_SLOTS(count, shape)                        \
	{                                                 \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); \
		__uint(max_entries, count);               \
		__type(key, __u32);                       \
		__array(values, struct shape);            \
	}

/* Rules, and classes of packets. */
POLICE_ARRAY(policy_map, 0, struct policy);
struct POLICE_SLOTS(TABLES_SLOTS, policy_map) policies SEC(".maps");

/* What is done with a class of parties and one of packets, four in a word. */
POLICE_ARRAY(decision_map, BPF_F_INNER_MAP, __u64);
struct POLICE_SLOTS(TABLES_SLOTS, decision_map) decisions SEC(".maps");

/* Sources: where to look, and what is there. */
POLICE_ARRAY(source_slot_map, BPF_F_INNER_MAP, struct source_slot);
struct POLICE_SLOTS(TABLES_SLOTS, source_slot_map) source_slots SEC(".maps");
POLICE_ARRAY(source_range_map, BPF_F_INNER_MAP, struct source_range);
struct POLICE_SLOTS(TABLES_SLOTS, source_range_map) source_ranges SEC(".maps");

/* Of IPv4 sources, those that are dropped whatever they send. */
POLICE_ARRAY_OF(refused_map, 0, struct refused_block, REFUSED_BLOCKS);
struct POLICE_SLOTS(TABLES_SLOTS, refused_map) refused_blocks SEC(".maps");
POLICE_ARRAY(line_map, BPF_F_INNER_MAP, struct refused_line);
struct POLICE_SLOTS(TABLES_SLOTS, line_map) refused_lines SEC(".maps");

/* Token buckets; they stay when the policy changes. */
POLICE_ARRAY(meter_map, BPF_F_INNER_MAP, struct meter_bucket);
struct POLICE_SLOTS(1, meter_map) meters SEC(".maps");

/* Half-open flows, by service id: buckets as bpf/meter.h has them. Workers write them as memory. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ABI_MAX_SERVICES);
	__type(key, __u32);
	__type(value, __u64);
} half_open SEC(".maps");

/* What each rule decided about, by its id. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ABI_MAX_RULES);
	__type(key, __u32);
	__type(value, struct rule_traffic);
} rule_traffic SEC(".maps");

struct policing {
	__u32 slot; /* that is in force */
	__u32 meter_mask;
	struct port_counters *ledger;
};

static __always_inline void *police_find(void *slots, __u32 slot, __u32 i)
{
	void *map = bpf_map_lookup_elem(slots, &slot);
	return map ? bpf_map_lookup_elem(map, &i) : 0;
}

static __always_inline const struct source_slot *policy_slot(const struct policing *t, __u32 i)
{
	return police_find(&source_slots, t->slot, i);
}

static __always_inline const struct source_range *policy_range(const struct policing *t, __u32 i)
{
	return police_find(&source_ranges, t->slot, i);
}

/* NULL: there is none. */
static __always_inline const struct policy *police_tables(const struct policing *t)
{
	return police_find(&policies, t->slot, 0);
}

static __always_inline __u64 policy_cells(const struct policing *t, __u32 i)
{
	const __u64 *word = police_find(&decisions, t->slot, i);
	return word ? *word : 0;
}

static __always_inline struct meter_bucket *policy_meter(const struct policing *t, __u64 hash)
{
	return police_find(&meters, 0, hash & t->meter_mask);
}

static __always_inline __u64 *policy_half_open(const struct policing *t, __u32 service)
{
	return bpf_map_lookup_elem(&half_open, &service);
}

static __always_inline void policy_count(const struct policing *t, __u32 rule, __u32 bytes,
					 int refused)
{
	struct rule_traffic *c = bpf_map_lookup_elem(&rule_traffic, &rule);
	if (!c)
		return;
	c->packets++;
	c->bytes += bytes;
	c->refused += refused;
	c->last_ns = repeat_clock(t->ledger);
}

/* Not the coarse clock: in a tick of that a small burst would be all that a limit lets through. */
static __always_inline __u64 policy_now(const struct policing *t)
{
	return bpf_ktime_get_ns() * METER_TICKS;
}

/* Two ticks of the slowest timer after the last one: if that is late, so is somebody's next token.
 */
#define POLICE_TICKS_NS (2 * 10000000ull)

static __always_inline __u64 policy_soon(const struct policing *t)
{
	return (repeat_clock(t->ledger) + POLICE_TICKS_NS) * METER_TICKS;
}

static __always_inline __u64 policy_hash(const struct policing *t, const struct flow_key *key)
{
	struct flow_seed seed = repeat_seed();
	return flow_hash(key, &seed);
}

#include "bpf/police.h"

/* What is asked about a packet, and what the answer is. */
struct police_case {
	__u32 slot;
	__u32 row, service; /* of the target */
	__u8 is_covered;    /* all packets of its flow are to be judged */
	__u8 zero[3];
	struct policy_packet packet;
	struct policy_verdict verdict;
};

/* Not on the stack, of which a program has 512 bytes. A packet is done with before the next one. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct police_case);
} police_cases SEC(".maps");

/* Of the word `tables`. */
static __always_inline __u32 police_slot(__u32 word)
{
	return word >> TABLES_POLICY & 1;
}

static __always_inline struct police_case *police_open(__u32 word)
{
	__u32 zero = 0;
	struct police_case *k = bpf_map_lookup_elem(&police_cases, &zero);
	if (!k)
		return 0;
	__builtin_memset(k, 0, sizeof(*k));
	k->slot = police_slot(word);
	k->service = ABI_NO_SERVICE;
	return k;
}

/* False: the policy has no say about it. */
static __always_inline int police_look(struct xdp_md *ctx, const struct packet *p,
				       struct police_case *k)
{
	const char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	k->packet.length = frame_length(ctx, data, end);
	if (k->packet.length > 65535)
		k->packet.length = 65535;
	return policy_look(data, end, p, &k->packet);
}

/* What the rules say of k's packet for k's target: k->verdict. */
static __always_inline void police_judge(const struct policy *policy, const struct policing *t,
					 struct police_case *k)
{
	__u32 who = policy_who_is(policy, t, &k->packet);
	__u32 decision = policy_decide(policy, t, &k->packet, who, k->row);
	k->is_covered = (decision & POLICY_COVERED) != 0;
	policy_run(policy, t, decision & ~POLICY_COVERED, &k->packet, k->service, &k->verdict);
}

static __always_inline const struct policy *police_begin(struct police_case *k, struct policing *t)
{
	__u32 port = port_index;
	t->slot = k->slot;
	t->ledger = bpf_map_lookup_elem(&counters, &port);
	const struct policy *policy = police_tables(t);
	if (!policy || !t->ledger)
		return 0;
	t->meter_mask = policy->meter_mask;
	return policy;
}

/* Functions of their own, so that the verifier looks at all their ways only once. */

/* The rule by which its source alone is reason to drop a packet, which is counted; -1: none. */
__attribute__((noinline)) int police_source(struct xdp_md *ctx, struct port_counters *ledger,
					    __u32 slot)
{
	const char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct policing t = {.slot = slot, .ledger = ledger};
	struct addr source;
	if (!ledger || !policy_read_source(data, end, &source))
		return -1;
	const struct policy *policy = police_tables(&t);
	if (!policy)
		return -1;
	int rule = policy_early(policy, &t, &source);
	if (rule >= 0)
		policy_count(&t, rule, frame_length(ctx, data, end), 1);
	return rule;
}

/* The mask is for Linux 6.1's verifier; the compiler, which would do without, is not to see why. */
static __always_inline __u32 police_lower(const struct refused_line *l, __u32 at)
{
	__asm__ volatile("" : "+r"(at));
	return l->lower[at & (REFUSED_LINE - 1)];
}

/* How many of a line are `lower` or less; without branches, which could not be foreseen. */
static __always_inline __u32 police_count_in_line(const struct refused_line *l, __u32 lower)
{
	__u32 n = 0;
#pragma GCC unroll 6
	for (int step = REFUSED_LINE / 2, last = 0; !last; step /= 2) {
		n += step & (int)(police_lower(l, n + step - 1) - lower - 1) >> 31;
		last = step == 1;
	}
	return n + (1 & (int)(police_lower(l, n) - lower - 1) >> 31);
}

/* Whether the lower half of an address is among those that its block refuses. */
__attribute__((noinline)) int police_in_block(__u32 slot, __u32 first, __u32 count, __u32 lower)
{
	void *lines = bpf_map_lookup_elem(&refused_lines, &slot);
	__u32 low = 0, high = ((count & 0xffff) + REFUSED_LINE - 1) / REFUSED_LINE, index;
	const struct refused_line *l;
	if (!lines)
		return 0;
	/* The last line that begins with `lower` or less. */
	for (int i = 0; i < REFUSED_STEPS && high - low > 1; i++) {
		__u32 middle = (low + high) / 2;
		index = first + middle;
		l = bpf_map_lookup_elem(lines, &index);
		if (!l)
			return 0;
		if (l->lower[0] <= lower)
			low = middle;
		else
			high = middle;
	}
	index = first + low;
	l = bpf_map_lookup_elem(lines, &index);
	if (!l)
		return 0;
	__u32 n = police_count_in_line(l, lower), before = low * REFUSED_LINE;
	/* The address of all ones is that of what is behind the last, too. */
	if (n + before > (count & 0xffff))
		n = (count & 0xffff) - before;
	if (count & REFUSED_ALONE << 1)
		return n && police_lower(l, n - 1) == lower;
	return (n + before) & 1;
}

/* Whether it is among those that stand in the block. Without branches, as above. */
static __always_inline int police_is_near(const struct refused_block *b, __u32 lower)
{
	__u32 same = 0, before = 0, count = b->count;
#pragma GCC unroll 12
	for (int i = 0; i < REFUSED_NEAR; i++) {
		same |= (b->lower[i] ^ lower) - 1;
		before += (b->lower[i] - lower - 1) >> 31;
	}
	if (b->rule & REFUSED_ALONE)
		return same >> 31;
	return (before < count ? before : count) & 1;
}

/* Of an IPv4 source: the rule that drops all of it, -1: none; REFUSED_MIXED: the ranges tell. */
__attribute__((noinline)) int police_block(__u32 slot, __u32 from)
{
	const struct refused_block *b = police_find(&refused_blocks, slot, from >> 16);
	if (!b || !b->rule)
		return -1;
	__u32 lower = from & 0xffff, count = b->count, rule = b->rule;
	if ((rule & ~REFUSED_ALONE) == REFUSED_MIXED)
		return REFUSED_MIXED;
	int in = 1;
	if (count > REFUSED_NEAR && b->lower[REFUSED_NEAR - 1] <= lower)
		in = police_in_block(slot, b->first, count | (rule & REFUSED_ALONE) << 1, lower);
	else if (count)
		in = police_is_near(b, lower);
	return in ? (int)(rule & ~REFUSED_ALONE) - 1 : -1;
}

/* The same as police_source(), and shorter for what is plain IPv4. */
static __always_inline int police_early(struct xdp_md *ctx, const void *data, const void *end,
					struct port_counters *ledger, __u32 slot)
{
	const struct ethhdr *eth = data;
	const struct iphdr *ip = (const void *)(eth + 1);
	const struct policing t = {.slot = slot, .ledger = ledger};
	if ((const void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->version != 4)
		return police_source(ctx, ledger, slot);
	int rule = police_block(slot, bpf_ntohl(ip->saddr));
	if (rule == REFUSED_MIXED)
		return police_source(ctx, ledger, slot);
	if (rule >= 0)
		policy_count(&t, rule, frame_length(ctx, data, end), 1);
	return rule;
}

/* What the rules say of a packet for k's target: enum policy_action, and k->verdict. */
__attribute__((noinline)) int police_packet(struct xdp_md *ctx, const struct packet *p,
					    struct police_case *k)
{
	struct policing t = {};
	if (!p || !k)
		return POLICY_ALLOW;
	const struct policy *policy = police_begin(k, &t);
	if (!policy)
		return POLICY_ALLOW;
	if (!police_look(ctx, p, k))
		return POLICY_ALLOW;
	police_judge(policy, &t, k);
	return k->verdict.action;
}

/* Answers a SYN by a cookie, in place; false: it can't be. */
__attribute__((noinline)) int police_challenge(struct xdp_md *ctx, const struct packet *p)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct flow_seed seed = repeat_seed();
	__u64 mac = port_mac;
	if (!p)
		return 0;
	__be32 cookie = cookie_make(&p->key, &seed, cookie_period(bpf_ktime_get_ns()));
	__u32 was = frame_length(ctx, data, end);
	__u32 length = cookie_answer(data, end, p, cookie, (const __u8 *)&mac);
	return length && (length == was || !bpf_xdp_adjust_tail(ctx, (int)(length - was)));
}

/* Whether a reset answers a cookie; then its source is known to be its own. */
__attribute__((noinline)) int police_proof(struct xdp_md *ctx, const struct packet *p, __u32 slot)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct policing t = {.slot = slot};
	struct flow_seed seed = repeat_seed();
	if (!p)
		return 0;
	const struct tcphdr *tcp = cookie_tcp(data, end, p);
	if (!tcp || !cookie_is_right(&p->key, &seed, tcp->seq, bpf_ktime_get_ns()))
		return 0;
	const struct policy *policy = police_find(&policies, slot, 0);
	if (!policy)
		return 0;
	t.meter_mask = policy->meter_mask;
	policy_prove(&t, &p->key.source);
	return 1;
}

/* Out by a rule's way, where there is one; else -1. */
__attribute__((noinline)) int police_redirect(struct xdp_md *ctx, __u32 redirect, __u32 to_port)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct plain_way to;
	__u32 service;
	if (!to_port) {
		if (!repeat_read_plain(redirect, &to, &service) ||
		    (char *)data + ETH_HLEN > (char *)end)
			return -1;
		rewrite_words(data, to.first, to.second);
		redirect = plain_way_egress(&to);
	}
	if (redirect == port_index)
		return XDP_TX;
	return bpf_redirect_map(&egress_ports, redirect, XDP_ABORTED);
}

#endif
