/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The fast path: a worker has decided about a flow and written it into the flow table; here the
 * decision is repeated, without waking user space. Included by weir.bpf.c, after its maps.
 *
 * Only packets that change nothing about a flow are repeated: of TCP those without SYN, FIN and
 * RST, once a worker has seen the connection established, also when one side has closed; of UDP
 * all; and ICMP errors about such flows, which have their keys. Everything else goes the long way.
 */
#ifndef WEIR_BPF_REPEAT_H
#define WEIR_BPF_REPEAT_H

#include <stddef.h>

#include "bpf/flow.h"
#include "bpf/packet.h"
#include "bpf/rewrite.h"

/* Returned where there is nothing to repeat. */
#define REPEAT_NOTHING (-1)
/* There was, but the policy has not allowed it, or another one than that in force. */
#define REPEAT_STALE (-2)
/* translate_frame() is to do it. */
#define REPEAT_TRANSLATED (-3)
/* The flow was not looked up. */
#define REPEAT_UNSEEN (-4)

/* An IPv6 packet from or to a mapped address may have an IPv4 flow's hash, and is nobody's. */
static __always_inline int repeat_is_plain(const struct packet *p)
{
	if (p->fragment || !p->has_addresses)
		return 0;
	if (p->key.protocol == IPPROTO_UDP)
		return 1;
	return p->key.protocol == IPPROTO_TCP &&
	       !(p->tcp_flags & (PACKET_TCP_SYN | PACKET_TCP_FIN | PACKET_TCP_RST));
}

/* Whether a decision stands: the flow is open, and was seen within its timeout. */
static __always_inline int repeat_is_live(__u32 meta, __u16 tick)
{
	return flow_skewed_age(meta, tick) < flow_limits[meta & FLOW_META_SORT];
}

/*
 * An entry is written that often at most, because a line that was written has to go back to memory.
 * It is no more than the shortest timeout (1 s), so a flow that is used never ends; one that is
 * idle may end that much before its time.
 */
#define REPEAT_TOUCH_TICKS 4 /* 1.07 s */

/*
 * Seen now. A worker that changes the entry meanwhile has the last word: then the swap finds
 * something else, and does nothing.
 */
static __always_inline void repeat_touch(struct flow_bucket *b, int entry, __u32 meta, __u16 tick,
					 __u32 generation)
{
	__u32 stamp = generation & 0xff, was = meta >> FLOW_META_POLICY & 0xff;
	if (__builtin_expect(flow_skewed_age(meta, tick) < REPEAT_TOUCH_TICKS + FLOW_SKEW_TICKS &&
				     (!stamp || stamp == was),
			     1))
		return;
	__u32 now = flow_meta_seen(meta, tick);
	if (stamp)
		now = (now & ~(0xffu << FLOW_META_POLICY)) | stamp << FLOW_META_POLICY;
	__sync_val_compare_and_swap(&b->meta[entry], meta, now);
}

/*
 * The first two words of a struct way, which are all that is read of a plain one: in registers,
 * because the stack is short.
 */
struct plain_way {
	__u64 first, second;
};
_Static_assert(offsetof(struct way, egress) == 12 && offsetof(struct way, mtu) == 14 &&
		       __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "struct plain_way knows which bits they are");

static __always_inline __u32 plain_way_egress(const struct plain_way *w)
{
	return w->second >> 32 & 0xff;
}

static __always_inline __u32 plain_way_mtu(const struct plain_way *w)
{
	return w->second >> 48;
}

/* Whether its words are all of it: of a way that is usable. */
static __always_inline int plain_way_is(const struct plain_way *w)
{
	return (w->second >> 41 & 1) != 0;
}

/*
 * The way to a backend is read between these two, as user space wrote it: `sequence` is odd while
 * it writes, and another one after it has.
 */
static __always_inline const volatile struct fast_backend *repeat_begin_way(__u32 id,
									    __u32 *sequence)
{
	const volatile struct fast_backend *from = bpf_map_lookup_elem(&fast_backends, &id);
	if (!from)
		return 0;
	*sequence = from->sequence;
	return flow_after(from, *sequence);
}

/* Whether it may be used as it was read: `second` is its second word, `read` made of all of it. */
static __always_inline int repeat_way_stands(const volatile struct fast_backend *from,
					     __u32 sequence, __u64 second, __u64 read)
{
	from = flow_after(from, read);
	return (second >> 40 & 1) && !(sequence & 1) && from->sequence == sequence;
}

/* False: not now, or not at all. */
static __always_inline int repeat_read_plain(__u32 id, struct plain_way *to, __u32 *service)
{
	__u32 sequence;
	const volatile struct fast_backend *from = repeat_begin_way(id, &sequence);
	if (!from)
		return 0;
	to->first = from->words[0];
	to->second = from->words[1];
	*service = from->service;
	return repeat_way_stands(from, sequence, to->second, to->first ^ to->second ^ *service);
}

/* All of it. */
static __always_inline int repeat_read_backend(__u32 id, struct fast_backend *out)
{
	__u32 sequence;
	__u64 read = 0;
	const volatile struct fast_backend *from = repeat_begin_way(id, &sequence);
	if (!from)
		return 0;
#pragma GCC unroll 7
	for (int i = 0; i < WAY_WORDS; i++) {
		out->words[i] = from->words[i];
		read ^= out->words[i];
	}
	out->service = from->service;
	return repeat_way_stands(from, sequence, out->words[1], read ^ out->service);
}

/*
 * What goes by a way that is not plain, or came with VLAN tags, gets another length. Returns its
 * egress port, or REPEAT_NOTHING where a worker has to see to it: then the frame is as it was.
 * After this it lies elsewhere. In weir.bpf.c.
 */
int rebuild_frame(struct xdp_md *ctx, __u32 backend, __u32 l3_offset, __u64 hash);

/*
 * Takes note of a flow that is translated, for translate_frame() (bpf/repeat_nat.h), which is not
 * called from here because the stack would not hold them all. Where the caller writes what is
 * needed of the packet, or NULL.
 */
static __always_inline struct packet *nat_note(__u64 hash, __u64 tag, __u32 meta, __u32 entry);

static __always_inline void repeat_count(__u32 backend, __u64 bytes)
{
	__u32 index = bpf_get_smp_processor_id() * ABI_MAX_BACKENDS + backend;
	struct fast_traffic *t = bpf_map_lookup_elem(&fast_counts, &index);
	if (!t)
		return;
	t->packets++;
	t->bytes += bytes;
}

/*
 * The time. The clock is asked only when the kernel's timer has ticked since: that can be seen
 * without a call, which would cost as much as all the rest here.
 */
static __always_inline __u64 repeat_clock(struct port_counters *ledger)
{
	__u64 jiffies = bpf_jiffies64();
	if (jiffies != ledger->clock_jiffies) {
		ledger->clock_ns = bpf_ktime_get_coarse_ns();
		ledger->clock_jiffies = jiffies;
	}
	return ledger->clock_ns;
}

/* Copied, as it is volatile: else the compiler takes what stands in the source for it. */
static __always_inline struct flow_seed repeat_seed(void)
{
	struct flow_seed seed;
#pragma GCC unroll 6
	for (int i = 0; i < FLOW_SEED_WORDS; i++)
		seed.k[i] = flow_seed.k[i];
	return seed;
}

/* A flow that is known: its entry, and the way that its packets go. */
struct repeat {
	__u64 hash, tag;
	struct flow_bucket *bucket;
	__u32 meta, entry, service;
	__u16 tick;
	struct plain_way to;
};

/*
 * The `generation` of what follows: the policy's that must have allowed the flow, or with
 * REPEAT_POLICED has allowed this packet just now (0 then: but not those behind it); 0: there is no
 * policy.
 */
#define REPEAT_POLICED 0x100u

/* 0, or why there is nothing to repeat of the flow of that hash: REPEAT_NOTHING or REPEAT_STALE. */
static __always_inline int repeat_find(struct repeat *r, __u64 hash, struct port_counters *ledger,
				       __u32 generation)
{
	__u32 index = hash & flow_mask;
	r->bucket = bpf_map_lookup_elem(&flows, &index);
	if (!r->bucket)
		return REPEAT_NOTHING;
	r->hash = hash;
	r->tick = flow_tick(repeat_clock(ledger));
	int entry = flow_bucket_find(r->bucket, hash, &r->tag, &r->meta);
	if (entry < 0 || entry >= FLOW_BUCKET_ENTRIES || !repeat_is_live(r->meta, r->tick))
		return REPEAT_NOTHING;
	r->entry = entry;
	if (__builtin_expect(generation, 0) && !(generation & REPEAT_POLICED) &&
	    (r->meta >> FLOW_META_POLICY & 0xff) != generation)
		return REPEAT_STALE;
	__u32 backend = r->tag & FLOW_TAG_BACKEND;
	return repeat_read_plain(backend, &r->to, &r->service) ? 0 : REPEAT_NOTHING;
}

/* The packet is as it has to be, and goes. */
static __always_inline int repeat_leave(__u32 backend, __u32 egress, struct port_counters *ledger,
					__u64 bytes)
{
	ledger->transmitted++;
	repeat_count(backend, bytes);
	if (egress == port_index)
		return XDP_TX;
	return bpf_redirect_map(&egress_ports, egress, XDP_ABORTED);
}

static __always_inline int repeat_note(const struct packet *p, const struct repeat *r)
{
	struct packet *noted = nat_note(r->hash, r->tag, r->meta, r->entry);
	if (!noted)
		return REPEAT_NOTHING;
	noted->key.source = p->key.source;
	noted->key.protocol = p->key.protocol;
	noted->ethertype = p->ethertype;
	noted->l3_offset = p->l3_offset;
	noted->l4_offset = p->l4_offset;
	return REPEAT_TRANSLATED;
}

/*
 * The XDP action for a packet whose flow is known, REPEAT_NOTHING otherwise. `data` to `end` is
 * ctx's frame, `p` what parse_packet() made of it without finding fault.
 */
static __always_inline int repeat_decision(struct xdp_md *ctx, void *data, const void *end,
					   const struct packet *p, struct port_counters *ledger,
					   __u32 generation)
{
	if (!repeat_is_plain(p) || (char *)data + ETH_HLEN > (const char *)end)
		return REPEAT_NOTHING;
	struct flow_seed seed = repeat_seed();
	struct repeat r;
	int failed = repeat_find(&r, flow_hash(&p->key, &seed), ledger, generation);
	if (failed)
		return failed;
	__u32 backend = r.tag & FLOW_TAG_BACKEND, egress = plain_way_egress(&r.to);
	int plain = plain_way_is(&r.to) && p->l3_offset == ETH_HLEN;
	if (!plain && r.meta & FLOW_META_TRANSLATED)
		return p->icmp ? REPEAT_NOTHING : repeat_note(p, &r);
	if (plain && ETH_HLEN + plain_way_mtu(&r.to) < frame_length(ctx, data, end))
		return REPEAT_NOTHING; /* the client has to be told */
	__u32 action = egress == port_index ? XDP_TX : XDP_REDIRECT;
	tap_before(ctx, r.service, backend, action);
	if (plain)
		rewrite_words(data, r.to.first, r.to.second);
	else if (rebuild_frame(ctx, backend, p->l3_offset, r.hash) < 0)
		return REPEAT_NOTHING;
	tap_tx(ctx, egress, r.service, backend, action);
	if (!p->icmp) /* anybody can send errors about a flow: they don't keep it alive */
		repeat_touch(r.bucket, r.entry, r.meta, r.tick, generation);
	return repeat_leave(backend, egress, ledger, frame_bytes(ctx));
}

#endif
