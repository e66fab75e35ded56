/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a decision does to a packet's bytes. The same source rewrites in the workers and in the
 * XDP program, so both give the same bytes.
 */
#ifndef WEIR_BPF_REWRITE_H
#define WEIR_BPF_REWRITE_H

#include <linux/if_ether.h>

#include "bpf/abi.h"
#include "bpf/packet.h"
#include "bpf/tunnel.h"

/*
 * A plain way: only the link addresses change. `frame` holds at least a struct ethhdr. In
 * words, because clang makes of a memcpy() to where it knows no alignment twelve stores of one
 * byte.
 */
static __always_inline void rewrite_words(void *frame, __u64 first, __u32 second)
{
	__u64 *to8 = frame;
	__u32 *to4 = frame;
	to8[0] = first;
	to4[2] = second;
}

static __always_inline void rewrite_link(void *frame, const struct link_addresses *to)
{
	const __u64 *from8 = (const void *)to;
	const __u32 *from4 = (const void *)to;
	rewrite_words(frame, from8[0], from4[2]);
}

/* The bytes of link header that packets go out with. */
static __always_inline __u32 rewrite_head_length(const struct way *way)
{
	return way->vlan ? ETH_HLEN + sizeof(struct vlan_tag) : ETH_HLEN;
}

/* Writes them. Returns where they end, or NULL if that is behind `end`. */
static __always_inline void *rewrite_head(void *frame, const void *end, const struct way *way,
					  __be16 ethertype)
{
	struct ethhdr *eth = frame;
	struct vlan_tag *tag = (void *)(eth + 1);
	if ((const char *)(tag + 1) > (const char *)end)
		return 0;
	rewrite_link(frame, &way->link);
	eth->h_proto = ethertype;
	if (!way->vlan)
		return tag;
	eth->h_proto = bpf_htons(ETH_P_8021Q);
	tag->tci = way->vlan;
	tag->ethertype = ethertype;
	return tag + 1;
}

/*
 * Ways that are not plain, dsr with VLAN tags and tunnels, in three steps, because changing where a
 * frame starts moves it:
 *
 *   tunnel_read()      what is to be sent? Does it fit (rewrite_fits())?
 *   rewrite_growth()   by so much the frame's start moves to the front (or back, if negative)
 *   rewrite_frame()    writes all that is in front of the packet
 */
static __always_inline int rewrite_fits(const struct way *way, const struct tunnel_inner *in)
{
	return tunnel_overhead(way) + in->length <= way->mtu;
}

/* `l3_offset` of the frame that came in. */
static __always_inline int rewrite_growth(const struct way *way, __u32 l3_offset)
{
	return (int)(rewrite_head_length(way) + tunnel_overhead(way)) - (int)l3_offset;
}

static __always_inline int rewrite_frame(void *frame, const void *end, const struct way *way,
					 const struct tunnel_inner *in, __u64 hash)
{
	int v6 = way->forward == FORWARD_DSR ? in->is_v6 : !addr_is_mapped(&way->remote);
	void *l3 = rewrite_head(frame, end, way, bpf_htons(v6 ? ETH_P_IPV6 : ETH_P_IP));
	if (!l3)
		return 0;
	return way->forward == FORWARD_DSR || tunnel_write(l3, end, way, in, hash);
}

#endif
