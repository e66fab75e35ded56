/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Outer headers, for backends that are reached through a tunnel: an IP header (IP in IP: RFC 2003,
 * 2473, 4213), or IP and UDP (GUE variant 1, draft-ietf-intarea-gue, 4: what follows the UDP header
 * is an IP packet, whose version tells it from variant 0).
 *
 *   DS field, ECN   copied from the packet (RFC 6040, normal mode)
 *   IPv4            don't fragment, id 0 (atomic: RFC 6864); the header's checksum is right
 *   UDP checksum    zero, over IPv6 too: the packet inside has its own (RFC 6935, 5; RFC 6936)
 *   flows           told apart by the UDP source port; with ipip by low bits of the source address
 *                   where `spread` says so; over IPv6 by the flow label too (RFC 6438)
 *
 * The packet inside stays as it is, its TTL too, as with dsr.
 */
#ifndef WEIR_BPF_TUNNEL_H
#define WEIR_BPF_TUNNEL_H

#include "bpf/checksum.h"
#include "bpf/packet.h"

#define TUNNEL_GUE_PORT   6080
#define TUNNEL_HOP_LIMIT  64
#define TUNNEL_PORT_FIRST 0xc000u /* dynamic ports, RFC 6335: 49152 to 65535 */
#define TUNNEL_IPV4_DF    0x4000
#define TUNNEL_IPV4_MIN   20u /* bytes that every IP packet has */

/* What outer headers are made from. */
struct tunnel_inner {
	__u16 length; /* of the IP packet */
	__u8 traffic_class;
	__u8 is_v6;
};

/* The IP packet at `l3`, which parse_packet() found no fault in. False: it is not in the frame. */
static __always_inline int tunnel_read(const void *l3, const void *end, struct tunnel_inner *in)
{
	const struct iphdr *v4 = l3;
	const struct ipv6hdr *v6 = l3;
	const __u8 *bytes = l3;
	if ((const char *)l3 + TUNNEL_IPV4_MIN > (const char *)end)
		return 0;
	in->is_v6 = bytes[0] >> 4 == 6;
	in->traffic_class = in->is_v6 ? bytes[0] << 4 | bytes[1] >> 4 : bytes[1];
	in->length = in->is_v6 ? bpf_ntohs(v6->payload_len) + sizeof(*v6) : bpf_ntohs(v4->tot_len);
	return 1;
}

/* Bytes that a way puts in front of a packet. */
static __always_inline __u32 tunnel_overhead(const struct way *way)
{
	__u32 ip = addr_is_mapped(&way->remote) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	if (way->forward == FORWARD_IPIP)
		return ip;
	return way->forward == FORWARD_GUE ? ip + sizeof(struct udphdr) : 0;
}

static __always_inline __u8 tunnel_protocol(const struct way *way, const struct tunnel_inner *in)
{
	if (way->forward == FORWARD_GUE)
		return IPPROTO_UDP;
	return in->is_v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
}

static __always_inline void tunnel_write_udp(struct udphdr *udp, __u32 length, __u64 hash)
{
	udp->source = bpf_htons(TUNNEL_PORT_FIRST | hash >> 50);
	udp->dest = bpf_htons(TUNNEL_GUE_PORT);
	udp->len = bpf_htons(sizeof(*udp) + length);
	udp->check = 0;
}

/* The outer source: the last 32 bits of `local`, some of them the flow's. */
static __always_inline __be32 tunnel_source(const struct way *way, __u64 hash)
{
	__u32 mask = (1ull << (way->spread & 63)) - 1;
	return way->local.word[3] | bpf_htonl((__u32)(hash >> 32) & mask);
}

static __always_inline void *tunnel_write_ipv4(struct iphdr *ip, const struct way *way,
					       const struct tunnel_inner *in, __u64 hash)
{
	*ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(*ip) / 4,
		.tos = in->traffic_class,
		.tot_len = bpf_htons(tunnel_overhead(way) + in->length),
		.frag_off = bpf_htons(TUNNEL_IPV4_DF),
		.ttl = TUNNEL_HOP_LIMIT,
		.protocol = tunnel_protocol(way, in),
		.saddr = tunnel_source(way, hash),
		.daddr = way->remote.word[3],
	};
	ip->check = ~checksum_fold(checksum_add(ip, sizeof(*ip)));
	return ip + 1;
}

static __always_inline void *tunnel_write_ipv6(struct ipv6hdr *ip, const struct way *way,
					       const struct tunnel_inner *in, __u64 hash)
{
	__be32 *first = (void *)ip;
	*first = bpf_htonl(6u << 28 | in->traffic_class << 20 | hash >> 44);
	ip->payload_len = bpf_htons(tunnel_overhead(way) - sizeof(*ip) + in->length);
	ip->nexthdr = tunnel_protocol(way, in);
	ip->hop_limit = TUNNEL_HOP_LIMIT;
	__builtin_memcpy(&ip->saddr, &way->local, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &way->remote, sizeof(ip->daddr));
	ip->saddr.s6_addr32[3] = tunnel_source(way, hash);
	return ip + 1;
}

/*
 * Writes the outer headers at `l3`, in front of a packet. False: there is no room for them before
 * `end`, which can't be.
 */
static __always_inline int tunnel_write(void *l3, const void *end, const struct way *way,
					const struct tunnel_inner *in, __u64 hash)
{
	char *behind;
	if (addr_is_mapped(&way->remote)) {
		if ((char *)l3 + sizeof(struct iphdr) + sizeof(struct udphdr) > (const char *)end)
			return 0;
		behind = tunnel_write_ipv4(l3, way, in, hash);
	} else {
		if ((char *)l3 + sizeof(struct ipv6hdr) + sizeof(struct udphdr) > (const char *)end)
			return 0;
		behind = tunnel_write_ipv6(l3, way, in, hash);
	}
	if (way->forward == FORWARD_GUE)
		tunnel_write_udp((void *)behind, in->length, hash);
	return 1;
}

#endif
