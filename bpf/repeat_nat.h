/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The fast path of `forward: nat`: both directions, both families and between them. Included by
 * weir.bpf.c behind repeat.h, which finds the flow. What is odd is a worker's: ICMP, IP options and
 * extension headers between the families, VLAN tags that change within one, and a client's packet
 * that comes another way than those before it.
 */
#ifndef WEIR_BPF_REPEAT_NAT_H
#define WEIR_BPF_REPEAT_NAT_H

#include "bpf/repeat.h"
#include "bpf/translate.h"

/* What translate_frame() works on: too much for the stack. */
struct nat_in_use {
	struct packet p;   /* what is needed of it; the rest is zero */
	__u64 hash, tag;   /* of the flow that was found, what is in its entry, */
	__u32 meta, entry; /* and which that is */
	struct translation x;
	struct fast_backend to;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nat_in_use);
} nat_in_use SEC(".maps");

static __always_inline struct packet *nat_note(__u64 hash, __u64 tag, __u32 meta, __u32 entry)
{
	__u32 slot = 0;
	struct nat_in_use *now = bpf_map_lookup_elem(&nat_in_use, &slot);
	if (!now)
		return 0;
	now->hash = hash;
	now->tag = tag;
	now->meta = meta;
	now->entry = entry;
	return &now->p;
}

static __always_inline int nat_same_address(const struct addr *a, const struct addr *b)
{
	return !((a->word[0] ^ b->word[0]) | (a->word[1] ^ b->word[1]) | (a->word[2] ^ b->word[2]) |
		 (a->word[3] ^ b->word[3]));
}

/* Whether the client's packet came the way that its answers go. */
static __always_inline int nat_came_as_before(const void *data, __u32 l3_offset,
					      const struct translation *x)
{
	const __u16 *from = (const void *)((const struct ethhdr *)data)->h_source;
	const __u16 *before = (const void *)x->link.destination;
	return !((from[0] ^ before[0]) | (from[1] ^ before[1]) | (from[2] ^ before[2])) &&
	       x->egress == port_index && !x->vlan && l3_offset == ETH_HLEN;
}

/*
 * Fills in where the packet goes, and finds out whether it still may: the backend is the one that
 * is configured, and answers come from there.
 */
static __always_inline int nat_aim(const void *data, const struct addr *source, __u32 l3_offset,
				   __u32 meta, struct translation *x, const struct way *way)
{
	/* A record that was never written has no other half. */
	if (way->forward != FORWARD_NAT || !x->peer)
		return 0;
	if (meta & FLOW_META_ANSWERS)
		return nat_same_address(source, &way->remote) && x->egress < ABI_MAX_PORTS;
	if (!nat_same_address(&x->destination, &way->remote) ||
	    !nat_came_as_before(data, l3_offset, x))
		return 0;
	x->link = way->link;
	x->egress = way->egress;
	x->vlan = way->vlan;
	return 1;
}

static __always_inline __u32 nat_mtu(__u32 meta, const struct translation *x, const struct way *way)
{
	return meta & FLOW_META_ANSWERS ? port_mtu[x->egress & (ABI_MAX_PORTS - 1)] : way->mtu;
}

/* IP headers without options and extensions. */
static __always_inline int nat_is_bare(const struct packet *p)
{
	__u32 length = p->l4_offset - p->l3_offset;
	return length == (translate_is_v4(p) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
}

/* False: it can't be done here, and nothing was changed. Its stack is a reason not to inline it. */
__attribute__((noinline)) int nat_translate(struct xdp_md *ctx)
{
	__u32 slot = 0;
	struct nat_in_use *now = bpf_map_lookup_elem(&nat_in_use, &slot);
	if (!now)
		return 0;
	const struct translation *x = &now->x;
	const struct packet *p = &now->p;
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	int growth = translate_growth(p, x), cross = translate_is_cross(p, x);
	__u32 length = frame_length(ctx, data, end) + growth - translate_link_length(x);
	struct translate_head head;
	if (length > nat_mtu(now->meta, x, &now->to.way) ||
	    (cross ? !nat_is_bare(p) : growth != 0) || translate_check(data, end, p, x))
		return 0;
	if (!cross) {
		if ((char *)data + ETH_HLEN + sizeof(struct vlan_tag) > (char *)end ||
		    !translate_same(data, end, p, x))
			return 0;
		translate_link(data, x);
		return 1;
	}
	if (!translate_head(data, end, p, &head) || bpf_xdp_adjust_head(ctx, -growth))
		return 0;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if ((char *)data + ETH_HLEN + sizeof(struct vlan_tag) > (char *)end)
		return 0;
	translate_link(data, x);
	return translate_cross(data, end, &head, x);
}

/*
 * The translation of the flow of that hash and tag, and its backend. False: there is none, or it is
 * being changed.
 */
static __always_inline int nat_read(__u64 hash, __u32 entry, __u64 tag, struct translation *x,
				    struct fast_backend *to)
{
	__u32 slot = 0, index = hash & flow_mask;
	const struct flow_bucket *b = bpf_map_lookup_elem(&flows, &index);
	void *records = bpf_map_lookup_elem(&translations, &slot);
	if (!records || !b || entry >= FLOW_BUCKET_ENTRIES)
		return 0;
	const struct flow_translations *of = bpf_map_lookup_elem(records, &index);
	return of && translation_read(b, entry, tag, &of->translation[entry], x) &&
	       repeat_read_backend(tag & FLOW_TAG_BACKEND, to);
}

/* The XDP action for that. A port that is not there must not cost the packet, so it is asked first.
 */
static __always_inline int nat_leave(__u32 egress)
{
	if (egress == port_index)
		return XDP_TX;
	return bpf_redirect_map(&egress_ports, egress, XDP_ABORTED) == XDP_REDIRECT
		       ? XDP_REDIRECT
		       : REPEAT_NOTHING;
}

/*
 * The rest is functions of their own: so the verifier looks at all ways of each only once, and the
 * stack holds them.
 *
 * Finds out where the packet goes, in nat_in_use, and by which XDP action. REPEAT_NOTHING: a worker
 * has to see to it.
 */
__attribute__((noinline)) int nat_prepare(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 slot = 0;
	struct nat_in_use *now = bpf_map_lookup_elem(&nat_in_use, &slot);
	if (!now || (char *)data + ETH_HLEN > (char *)end ||
	    !nat_read(now->hash, now->entry, now->tag, &now->x, &now->to) ||
	    !nat_aim(data, &now->p.key.source, now->p.l3_offset, now->meta, &now->x, &now->to.way))
		return REPEAT_NOTHING;
	return nat_leave(now->x.egress);
}

/* The flow the other way is seen when this one is: they end together. */
static __always_inline void nat_touch_peer(__u64 peer, __u32 backend, __u16 tick)
{
	__u32 index = peer & flow_mask;
	struct flow_bucket *b = bpf_map_lookup_elem(&flows, &index);
	__u64 tag = 0;
	__u32 meta = 0;
	if (!b)
		return;
	int entry = flow_bucket_find(b, peer, &tag, &meta);
	if (entry >= 0 && entry < FLOW_BUCKET_ENTRIES && meta & FLOW_META_TRANSLATED &&
	    (tag & FLOW_TAG_BACKEND) == backend)
		repeat_touch(b, entry, meta, tick, 0);
}

/* Both flows are seen now. `at`: the entry of the first in its bucket, and above 8 bits the tick.
 */
__attribute__((noinline)) int nat_touch(__u64 hash, __u64 peer, __u64 tag, __u32 meta, __u32 at)
{
	__u32 index = hash & flow_mask, entry = at & 0xff;
	struct flow_bucket *b = bpf_map_lookup_elem(&flows, &index);
	if (!b || entry >= FLOW_BUCKET_ENTRIES)
		return 0;
	/* A worker stamps it with the policy's generation; until then each packet is judged. */
	repeat_touch(b, entry, meta, at >> 8, 0);
	nat_touch_peer(peer, tag & FLOW_TAG_BACKEND, at >> 8);
	return 1;
}

/* The same, if that is not known yet. */
static __always_inline void nat_touch_both(__u64 hash, __u64 peer, __u64 tag, __u32 meta, __u32 at)
{
	if (flow_age(meta, at >> 8) >= REPEAT_TOUCH_TICKS)
		nat_touch(hash, peer, tag, meta, at);
}

/*
 * The XDP action for a packet of the translated flow that nat_note() took note of. REPEAT_NOTHING:
 * a worker has to see to it.
 */
__attribute__((noinline)) int translate_frame(struct xdp_md *ctx)
{
	__u32 slot = 0, port = port_index;
	struct nat_in_use *now = bpf_map_lookup_elem(&nat_in_use, &slot);
	struct port_counters *ledger = bpf_map_lookup_elem(&counters, &port);
	if (!now || !ledger)
		return REPEAT_NOTHING;
	__u64 bytes = frame_length(ctx, (void *)(long)ctx->data, (void *)(long)ctx->data_end);
	int action = nat_prepare(ctx);
	if (action == REPEAT_NOTHING)
		return REPEAT_NOTHING;
	__u32 backend = now->tag & FLOW_TAG_BACKEND;
	tap_before(ctx, now->to.service, backend, action);
	if (!nat_translate(ctx))
		return REPEAT_NOTHING;
	tap_tx(ctx, now->x.egress, now->to.service, backend, action);
	nat_touch_both(now->hash, now->x.peer, now->tag, now->meta,
		       now->entry | (__u32)flow_tick(ledger->clock_ns) << 8);
	ledger->transmitted++;
	if (!(now->meta & FLOW_META_ANSWERS))
		repeat_count(backend, bytes);
	return action;
}

#endif
