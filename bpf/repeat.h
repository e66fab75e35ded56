/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The fast path: a worker has decided about a flow and written it into the flow table; here the
 * decision is repeated, without waking user space. Included by weir.bpf.c, after its maps.
 *
 * Only packets that change nothing about a flow are repeated: of TCP those without SYN, FIN and
 * RST, once a worker has seen the connection established; of UDP all; and ICMP errors about such
 * flows, which have their keys. Everything else goes the long way.
 */
#ifndef WEIR_BPF_REPEAT_H
#define WEIR_BPF_REPEAT_H

#include "bpf/flow.h"
#include "bpf/packet.h"
#include "bpf/rewrite.h"

/* Returned where there is nothing to repeat. */
#define REPEAT_NOTHING (-1)
/* There was, but the policy has not allowed it, or another one than that in force. */
#define REPEAT_STALE (-2)
/* There is nothing, and it need not be asked again: a plain packet of a flow that is not known. */
#define REPEAT_UNKNOWN (-4)
/* translate_frame() is to do it. */
#define REPEAT_TRANSLATED (-3)

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
	__u32 state = meta & FLOW_META_STATE;
	__u16 timeout;
	if (state == FLOW_ESTABLISHED)
		timeout = flow_timeout_established;
	else if (state == FLOW_UDP)
		timeout = flow_timeout_udp;
	else
		return 0;
	return flow_age(meta, tick) <= timeout;
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
	__u32 now = flow_meta_seen(meta, tick), stamp = generation & 0xff;
	int stamped = stamp && (meta >> FLOW_META_POLICY & 0xff) != stamp;
	if (stamped)
		now = (now & ~(0xffu << FLOW_META_POLICY)) | stamp << FLOW_META_POLICY;
	if (stamped || flow_age(meta, tick) >= REPEAT_TOUCH_TICKS)
		__sync_val_compare_and_swap(&b->meta[entry], meta, now);
}

/*
 * The first `words` words of the way to a backend, as user space wrote them: `sequence` is odd
 * while it writes, and another one after it has. False: not now, or not at all.
 */
static __always_inline int repeat_read_words(__u32 id, __u64 *out, int words, __u32 *service)
{
	const volatile struct fast_backend *from = bpf_map_lookup_elem(&fast_backends, &id);
	if (!from)
		return 0;
	__u32 sequence = from->sequence;
	__u64 read = 0;
	from = flow_after(from, sequence);
#pragma GCC unroll 7
	for (int i = 0; i < words; i++) {
		out[i] = from->words[i];
		read ^= out[i];
	}
	*service = from->service;
	from = flow_after(from, read);
	return ((const struct way *)out)->usable && !(sequence & 1) && from->sequence == sequence;
}

static __always_inline int repeat_read_backend(__u32 id, struct fast_backend *out)
{
	return repeat_read_words(id, out->words, WAY_WORDS, &out->service);
}

/*
 * What goes by a way that is not plain, or came with VLAN tags, gets another length. Returns its
 * egress port, or REPEAT_NOTHING where a worker has to see to it: then the frame is as it was.
 * After this it lies elsewhere. In weir.bpf.c.
 */
int rebuild_frame(struct xdp_md *ctx, __u32 backend, __u32 l3_offset, __u64 hash);

/*
 * Takes note of a flow that is translated, for translate_frame() (bpf/repeat_nat.h), which is not
 * called from here because the stack would not hold them all. Returns REPEAT_TRANSLATED.
 */
static __always_inline int nat_note(const struct packet *p, __u64 hash, __u64 tag, __u32 meta,
				    __u32 entry);

static __always_inline void repeat_count(__u32 backend, __u64 bytes)
{
	struct fast_traffic *t = bpf_map_lookup_elem(&fast_traffic, &backend);
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

/*
 * The XDP action for a packet whose flow is known, REPEAT_NOTHING otherwise. `data` to `end` is
 * ctx's frame, `p` what parse_packet() made of it without finding fault. `generation`: the policy's
 * that must have allowed the flow, or with REPEAT_POLICED has allowed this packet just now (0 then:
 * but not those behind it); 0: there is no policy.
 */
#define REPEAT_POLICED 0x100u

static __always_inline int repeat_decision(struct xdp_md *ctx, void *data, const void *end,
					   const struct packet *p, struct port_counters *ledger,
					   __u32 generation)
{
	if (!repeat_is_plain(p) || (char *)data + ETH_HLEN > (const char *)end)
		return REPEAT_NOTHING;
	struct flow_seed seed = repeat_seed();
	__u64 hash = flow_hash(&p->key, &seed);
	__u32 index = hash & flow_mask;
	struct flow_bucket *b = bpf_map_lookup_elem(&flows, &index);
	__u16 tick = flow_tick(repeat_clock(ledger));
	__u64 words[2]; /* of the way: all that a plain one needs, and the stack is short */
	const struct way *to = (const void *)words;
	__u32 service;
	__u64 tag = 0;
	__u32 meta = 0;
	if (!b)
		return REPEAT_NOTHING;
	int entry = flow_bucket_find(b, hash, &tag, &meta);
	if (entry < 0 || entry >= FLOW_BUCKET_ENTRIES || !repeat_is_live(meta, tick))
		return REPEAT_NOTHING;
	if (__builtin_expect(generation, 0) && !(generation & REPEAT_POLICED) &&
	    (meta >> FLOW_META_POLICY & 0xff) != generation)
		return REPEAT_STALE;
	__u32 backend = tag & FLOW_TAG_BACKEND;
	if (!repeat_read_words(backend, words, 2, &service))
		return REPEAT_NOTHING;
	int plain = to->plain && p->l3_offset == ETH_HLEN;
	if (!plain && meta & FLOW_META_TRANSLATED)
		return nat_note(p, hash, tag, meta, entry);
	if (plain && (char *)data + ETH_HLEN + to->mtu < (const char *)end)
		return REPEAT_NOTHING; /* the client has to be told */
	__u32 action = to->egress == port_index ? XDP_TX : XDP_REDIRECT;
	tap_before(ctx, service, backend, action);
	if (__builtin_expect(plain, 1))
		rewrite_link(data, &to->link);
	else if (!rebuild_frame(ctx, backend, p->l3_offset, hash))
		return REPEAT_NOTHING;
	tap_tx(ctx, to->egress, service, backend, action);
	if (!p->icmp) /* anybody can send errors about a flow: they don't keep it alive */
		repeat_touch(b, entry, meta, tick, generation);
	ledger->transmitted++;
	repeat_count(backend, (__u64)ctx->data_end - ctx->data);
	if (action == XDP_TX)
		return XDP_TX;
	return bpf_redirect_map(&egress_ports, to->egress, XDP_ABORTED);
}

#endif
