/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The fast path of what nearly all packets are, with as few instructions as may be: TCP or UDP over
 * IPv4, without options, tags and faults, while nobody captures. Everything else, and what is not
 * known, takes the long way: parse_packet() and repeat_decision() do the same with it. Included by
 * weir.bpf.c behind repeat.h.
 */
#ifndef WEIR_BPF_REPEAT_PLAIN_H
#define WEIR_BPF_REPEAT_PLAIN_H

#include "bpf/repeat.h"

/* A plain frame, whose fields lie where they always do: all aligned to 16 bits only. */
struct plain_frame {
	__be16 link[6];
	__be16 ethertype;
	__u8 version_ihl, dscp;
	__be16 total;
	__be16 id, fragment;
	__u8 ttl, protocol;
	__be16 checksum;
	__be16 source[2], destination[2];
	__be16 ports[2];
	__be16 udp_length, udp_checksum; /* or the sequence number of TCP */
	__be16 acknowledgement[2];
	__u8 tcp_header, tcp_flags;
	__be16 rest[3];
};
_Static_assert(sizeof(struct plain_frame) == ETH_HLEN + 20 + 20, "IPv4 and TCP, without options");

static __always_inline __u32 plain_word(const __be16 *field)
{
	return *(const __u32 *)(const void *)field;
}

/* Whether it is one, in which parse_packet() would find no fault. */
static __always_inline int plain_frame_is(const struct plain_frame *f, __u32 length)
{
	__u32 total = bpf_ntohs(f->total);
	if (f->ethertype != bpf_htons(ETH_P_IP) || f->version_ihl != 0x45 ||
	    f->fragment & bpf_htons(PACKET_IPV4_MF | PACKET_IPV4_OFFSET) ||
	    total + ETH_HLEN > length)
		return 0;
	if (f->protocol == IPPROTO_UDP) {
		__u32 udp = bpf_ntohs(f->udp_length);
		return udp >= sizeof(struct udphdr) && udp + sizeof(struct iphdr) <= total;
	}
	__u32 header = f->tcp_header >> 2 & 60;
	return f->protocol == IPPROTO_TCP && header >= sizeof(struct tcphdr) &&
	       header + sizeof(struct iphdr) <= total;
}

/* Whether it is none that changes something about its flow. */
static __always_inline int plain_frame_goes_on(const struct plain_frame *f)
{
	return f->protocol != IPPROTO_TCP ||
	       !(f->tcp_flags & (PACKET_TCP_SYN | PACKET_TCP_FIN | PACKET_TCP_RST));
}

static __always_inline int plain_note(const struct plain_frame *f, __u64 hash, __u64 tag,
				      __u32 meta, __u32 entry)
{
	struct packet *noted = nat_note(hash, tag, meta, entry);
	if (!noted)
		return REPEAT_NOTHING;
	addr_set_v4(&noted->key.source, plain_word(f->source));
	noted->key.protocol = f->protocol;
	noted->ethertype = f->ethertype;
	noted->l3_offset = ETH_HLEN;
	noted->l4_offset = ETH_HLEN + sizeof(struct iphdr);
	return REPEAT_TRANSLATED;
}

/*
 * A plain frame of a flow that goes by a tunnel, or is translated by other means than
 * translate_plain(). `at`: which entry of its bucket, and above 8 bits the tick. A function of its
 * own, so that repeat_plain() is short and the stack holds it.
 */
__attribute__((noinline)) int repeat_rebuilt(struct xdp_md *ctx, __u64 hash, __u64 tag, __u32 meta,
					     __u32 at)
{
	const struct plain_frame *f = (void *)(long)ctx->data;
	__u32 port = port_index, index = hash & flow_mask, entry = at & 0xff;
	struct port_counters *ledger = bpf_map_lookup_elem(&counters, &port);
	struct flow_bucket *b = bpf_map_lookup_elem(&flows, &index);
	if (!ledger || !b || entry >= FLOW_BUCKET_ENTRIES ||
	    (const void *)(f + 1) > (void *)(long)ctx->data_end)
		return REPEAT_NOTHING;
	if (meta & FLOW_META_TRANSLATED)
		return plain_note(f, hash, tag, meta, entry);
	int egress = rebuild_frame(ctx, tag & FLOW_TAG_BACKEND, ETH_HLEN, hash);
	if (egress < 0)
		return REPEAT_NOTHING;
	repeat_touch(b, entry, meta, at >> 8, 0);
	return repeat_leave(tag & FLOW_TAG_BACKEND, egress, ledger, frame_bytes(ctx));
}

/*
 * As translate_frame(), from IPv4 to IPv4 and without VLAN tags, so all of it on the stack. `at` as
 * of repeat_rebuilt(). REPEAT_TRANSLATED: it is another translation.
 */
__attribute__((noinline)) int translate_plain(struct xdp_md *ctx, __u64 hash, __u64 tag, __u32 meta,
					      __u32 at)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct plain_frame *f = data;
	__u32 port = port_index;
	struct port_counters *ledger = bpf_map_lookup_elem(&counters, &port);
	struct translation x;
	struct fast_backend to;
	struct addr source;
	__u16 check;
	if (!ledger || (const void *)(f + 1) > end)
		return REPEAT_NOTHING;
	__u32 length = frame_length(ctx, data, end);
	addr_set_v4(&source, plain_word(f->source));
	if (!nat_read(hash, at & 0xff, tag, &x, &to) ||
	    !nat_aim(data, &source, ETH_HLEN, meta, &x, &to.way))
		return REPEAT_NOTHING;
	if (x.vlan || !addr_is_mapped(&x.destination))
		return REPEAT_TRANSLATED;
	int action = f->ttl <= 1 || length - ETH_HLEN > nat_mtu(meta, &x, &to.way)
			     ? REPEAT_NOTHING
			     : nat_leave(x.egress);
	if (action == REPEAT_NOTHING || !translate_ports(f->ports, end, f->protocol, &x, &check))
		return REPEAT_NOTHING;
	translate_v4((void *)((char *)data + ETH_HLEN), &x);
	rewrite_link(data, &x.link);
	nat_touch_both(hash, x.peer, tag, meta, at);
	ledger->transmitted++;
	if (!(meta & FLOW_META_ANSWERS))
		repeat_count(tag & FLOW_TAG_BACKEND, length);
	return action;
}

/* As repeat_decision(), of a frame that was not parsed; REPEAT_UNSEEN where it is not plain. */
static __always_inline int repeat_plain(struct xdp_md *ctx, void *data, const void *end,
					struct port_counters *ledger, __u32 generation)
{
	const struct plain_frame *f = data;
	const struct flow_seed seed = {{[3] = flow_seed.k[3], flow_seed.k[4], flow_seed.k[5]}};
	__u32 length = frame_length(ctx, data, end);
	struct repeat r;
	if ((const void *)(f + 1) > end || !plain_frame_is(f, length) || !plain_frame_goes_on(f))
		return REPEAT_UNSEEN;
	__u64 hash = flow_hash_v4(plain_word(f->source), plain_word(f->destination),
				  plain_word(f->ports), f->protocol, &seed);
	int failed = repeat_find(&r, hash, ledger, generation);
	if (failed)
		return failed;
	if (!plain_way_is(&r.to)) {
		__u32 at = r.entry | (__u32)r.tick << 8;
		int action = REPEAT_TRANSLATED;
		if (r.meta & FLOW_META_TRANSLATED)
			action = translate_plain(ctx, hash, r.tag, r.meta, at);
		return action == REPEAT_TRANSLATED ? repeat_rebuilt(ctx, hash, r.tag, r.meta, at)
						   : action;
	}
	if (ETH_HLEN + plain_way_mtu(&r.to) < length)
		return REPEAT_NOTHING;
	rewrite_words(data, r.to.first, r.to.second);
	repeat_touch(r.bucket, r.entry, r.meta, r.tick, generation);
	return repeat_leave(r.tag & FLOW_TAG_BACKEND, plain_way_egress(&r.to), ledger, length);
}

#endif
