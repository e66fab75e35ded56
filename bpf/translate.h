/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * `forward: nat`: a packet's addresses and ports become those of its flow's struct translation,
 * from IPv4 to IPv6 and back too (RFC 7915). Checksums change by what was computed when the
 * connection began (RFC 1624): the bytes they cover are not looked at. The same steps in the
 * workers and in the XDP program:
 *
 *   translate_check()   can it be done? Nothing was changed if not
 *   translate_growth()  by how much the frame gets longer in front
 *   translate_same()    within a family: new IP and transport headers where they are
 *   translate_head()    from one family to the other: takes what the new IP header is made from,
 *   translate_cross()   and, once the frame's beginning was moved, writes it
 *   translate_link()    the frame's new beginning
 *
 * The transport header and all behind it stay where they are in memory. VLAN tags are replaced by
 * the one of the way out. As in a router the hop limit goes down.
 */
#ifndef WEIR_BPF_TRANSLATE_H
#define WEIR_BPF_TRANSLATE_H

#include "bpf/checksum.h"
#include "bpf/packet.h"
#include "bpf/translation.h"

#define TRANSLATE_VLAN_ID  0x0fff /* of a tag control: what is not priority */
#define TRANSLATE_V4_DF    0x4000 /* RFC 791, 3.1 */
#define TRANSLATE_V4_SMALL 1260u  /* RFC 7915, 5.1: up to here no IPv6 host can make it smaller */

/* Lossless, as no frame is that long; the verifier wants to know. */
#define TRANSLATE_OFFSET_MASK 0x3fff

static __always_inline int translate_is_v4(const struct packet *p)
{
	return p->ethertype == bpf_htons(ETH_P_IP);
}

/* Whether the packet is to be of the other family. */
static __always_inline int translate_is_cross(const struct packet *p, const struct translation *x)
{
	return translate_is_v4(p) != addr_is_mapped(&x->destination);
}

static __always_inline void *translate_at(void *data, __u32 offset)
{
	return (char *)data + (offset & TRANSLATE_OFFSET_MASK);
}

/* The VLAN of a frame whose IP header is at that offset, as struct translation has it. */
static __always_inline __be16 translate_vlan(const void *data, __u32 l3_offset)
{
	const struct vlan_tag *tag = (const void *)((const struct ethhdr *)data + 1);
	return l3_offset == ETH_HLEN ? 0 : tag->tci & bpf_htons(TRANSLATE_VLAN_ID);
}

/* Leaves the packet's hop limit in *hop_limit. False: the frame is too short for its header. */
static __always_inline int translate_reads_hop_limit(const void *l3, const void *end,
						     const struct packet *p, __u8 *hop_limit)
{
	const struct iphdr *v4 = l3;
	const struct ipv6hdr *v6 = l3;
	if (translate_is_v4(p)) {
		if ((const void *)(v4 + 1) > end)
			return 0;
		*hop_limit = v4->ttl;
		return 1;
	}
	if ((const void *)(v6 + 1) > end)
		return 0;
	*hop_limit = v6->hop_limit;
	return 1;
}

/*
 * Whether a TCP or UDP packet in which parse_packet() found no fault can be translated:
 * REASON_NONE, or why not. Of both families, but not of fragments and UDP packets without a
 * checksum (RFC 7915 has both; the latter has to be computed first).
 */
static __always_inline int translate_check(void *data, const void *end, const struct packet *p,
					   const struct translation *x)
{
	__u8 hop_limit;
	if (!translate_reads_hop_limit(translate_at(data, p->l3_offset), end, p, &hop_limit))
		return REASON_TRUNCATED;
	if (hop_limit <= 1)
		return REASON_HOP_LIMIT;
	if (!translate_is_cross(p, x))
		return REASON_NONE;
	if (p->fragment)
		return REASON_UNTRANSLATABLE;
	const struct udphdr *udp = translate_at(data, p->l4_offset);
	if ((const void *)(udp + 1) > end)
		return REASON_TRUNCATED;
	return p->key.protocol == IPPROTO_UDP && !udp->check ? REASON_UNTRANSLATABLE : REASON_NONE;
}

static __always_inline int translate_link_length(const struct translation *x)
{
	return ETH_HLEN + (x->vlan ? (int)sizeof(struct vlan_tag) : 0);
}

/* So many bytes more are needed in front of what the frame has now; negative: fewer. */
static __always_inline int translate_growth(const struct packet *p, const struct translation *x)
{
	int length = translate_link_length(x) - (int)p->l3_offset;
	if (!translate_is_cross(p, x))
		return length;
	length += translate_is_v4(p) ? (int)sizeof(struct ipv6hdr) : (int)sizeof(struct iphdr);
	return length - ((int)p->l4_offset - (int)p->l3_offset);
}

/* --- the transport header -------------------------------------------------------------------- */

/* Leaves the new checksum in *check. False: it is not all there, and nothing was changed. */
static __always_inline int translate_ports(void *l4, const void *end, __u8 protocol,
					   const struct translation *x, __u16 *check)
{
	struct tcphdr *tcp = l4;
	struct udphdr *udp = l4;
	if ((const void *)(udp + 1) > end)
		return 0;
	if (protocol == IPPROTO_TCP) {
		if ((const void *)(tcp + 1) > end)
			return 0;
		*check = checksum_shift(tcp->check, x->l4_delta);
		tcp->check = *check;
	} else {
		*check = udp->check ? checksum_shift(udp->check, x->l4_delta) : 0;
		if (udp->check && !*check)
			*check = 0xffff; /* RFC 768: 0 is none */
		udp->check = *check;
	}
	/* Ports are at the same place in both. */
	udp->source = x->source_port;
	udp->dest = x->destination_port;
	return 1;
}

/* --- within a family ------------------------------------------------------------------------- */

static __always_inline void translate_v4(struct iphdr *ip, const struct translation *x)
{
	ip->ttl--;
	ip->saddr = x->source.word[3];
	ip->daddr = x->destination.word[3];
	ip->check = checksum_shift(ip->check, x->l3_delta);
}

static __always_inline void translate_v6(struct ipv6hdr *ip, const struct translation *x)
{
	ip->hop_limit--;
	__builtin_memcpy(&ip->saddr, &x->source, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &x->destination, sizeof(ip->daddr));
}

/* False: the frame is too short for its headers, and nothing was changed. */
static __always_inline int translate_same(void *data, const void *end, const struct packet *p,
					  const struct translation *x)
{
	void *l3 = translate_at(data, p->l3_offset), *l4 = translate_at(data, p->l4_offset);
	__u32 length = translate_is_v4(p) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	if ((const char *)l3 + length > (const char *)end)
		return 0;
	__u16 check;
	if (p->fragment != PACKET_LATER_FRAGMENT &&
	    !translate_ports(l4, end, p->key.protocol, x, &check))
		return 0;
	if (translate_is_v4(p)) {
		if ((const char *)l3 + sizeof(struct iphdr) > (const char *)end)
			return 0;
		translate_v4(l3, x);
	} else {
		if ((const char *)l3 + sizeof(struct ipv6hdr) > (const char *)end)
			return 0;
		translate_v6(l3, x);
	}
	return 1;
}

/* --- from one family to the other ------------------------------------------------------------ */

/* What an IP header is made from, in either family. */
struct translate_head {
	__u32 length; /* of the transport header and what follows it */
	__u8 traffic_class, hop_limit, protocol;
};

/* False: the frame is too short. */
static __always_inline int translate_head(void *data, const void *end, const struct packet *p,
					  struct translate_head *h)
{
	const void *l3 = translate_at(data, p->l3_offset);
	__u32 headers = p->l4_offset - p->l3_offset;
	const struct iphdr *v4 = l3;
	const struct ipv6hdr *v6 = l3;
	if (translate_is_v4(p)) {
		if ((const void *)(v4 + 1) > end)
			return 0;
		h->traffic_class = v4->tos;
		h->hop_limit = v4->ttl;
		h->length = bpf_ntohs(v4->tot_len) - headers;
	} else {
		if ((const void *)(v6 + 1) > end)
			return 0;
		h->traffic_class = bpf_ntohl(*(const __be32 *)v6) >> 20;
		h->hop_limit = v6->hop_limit;
		h->length = bpf_ntohs(v6->payload_len) + sizeof(*v6) - headers;
	}
	h->protocol = p->key.protocol;
	return 1;
}

/* RFC 7915, 4.1. */
static __always_inline void translate_write_v6(struct ipv6hdr *ip, const struct translate_head *h,
					       const struct translation *x)
{
	*(__be32 *)ip = bpf_htonl(6u << 28 | (__u32)h->traffic_class << 20);
	ip->payload_len = bpf_htons(h->length);
	ip->nexthdr = h->protocol;
	ip->hop_limit = h->hop_limit - 1;
	__builtin_memcpy(&ip->saddr, &x->source, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &x->destination, sizeof(ip->daddr));
}

/*
 * RFC 7915, 5.1. Small packets may be fragmented on their way, and have an id for that which both
 * sides find without asking each other: the transport checksum is about as good as chance.
 */
static __always_inline void translate_write_v4(struct iphdr *ip, const struct translate_head *h,
					       const struct translation *x, __be16 id)
{
	__u32 total = h->length + sizeof(*ip);
	*(__be16 *)ip = bpf_htons(0x4500 | h->traffic_class);
	ip->tot_len = bpf_htons(total);
	ip->id = total > TRANSLATE_V4_SMALL ? 0 : id;
	ip->frag_off = total > TRANSLATE_V4_SMALL ? bpf_htons(TRANSLATE_V4_DF) : 0;
	ip->ttl = h->hop_limit - 1;
	ip->protocol = h->protocol;
	ip->check = 0;
	ip->saddr = x->source.word[3];
	ip->daddr = x->destination.word[3];
	ip->check = ~checksum_fold(checksum_add(ip, sizeof(*ip)));
}

/*
 * Writes the headers of the other family, once the frame has its new length: `data` is its new
 * beginning. False: the frame is too short.
 */
static __always_inline int translate_cross(void *data, const void *end,
					   const struct translate_head *h,
					   const struct translation *x)
{
	void *l3 = translate_at(data, translate_link_length(x));
	int v4 = addr_is_mapped(&x->destination);
	void *l4 = (char *)l3 + (v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
	__u16 check;
	if (l4 > end || !translate_ports(l4, end, h->protocol, x, &check))
		return 0;
	if (v4)
		translate_write_v4(l3, h, x, check);
	else
		translate_write_v6(l3, h, x);
	return 1;
}

/* --- the link header ------------------------------------------------------------------------- */

/* What the frame begins with; the caller has seen that it is that long. */
static __always_inline void translate_link(void *data, const struct translation *x)
{
	struct ethhdr *eth = data;
	__be16 type = addr_is_mapped(&x->destination) ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	struct vlan_tag *tag = (void *)(eth + 1);
	__builtin_memcpy(eth, &x->link, sizeof(x->link));
	eth->h_proto = x->vlan ? bpf_htons(ETH_P_8021Q) : type;
	if (x->vlan) {
		tag->tci = x->vlan;
		tag->ethertype = type;
	}
}

#endif
