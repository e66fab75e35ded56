/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Parsers for what comes off the wire, shared by the XDP program and user space.
 *
 * The contract of each parser: it takes a cursor, checks everything about its header, advances
 * past all of it (options too) and returns REASON_NONE; or it returns what is wrong and leaves its
 * output unset. Fields stay in network byte order. Nothing is read outside [pos, end).
 *
 * Ethernet with up to two VLAN tags (IEEE 802.1Q, 802.1ad), ARP (RFC 826), IPv4 (RFC 791) with
 * options, IPv6 (RFC 8200) with extension headers in any order, TCP (RFC 9293), UDP (RFC 768),
 * ICMP and ICMPv6 with what they quote (bpf/quote.h), neighbour discovery (RFC 4861). Fragments of
 * both families: a first one must hold all headers up to the end of the transport header (RFC 1858,
 * 7112), a later one has no ports.
 */
#ifndef WEIR_BPF_PACKET_H
#define WEIR_BPF_PACKET_H

#include <linux/if_ether.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>

#include "bpf/abi.h"
#include "bpf/flow.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define PACKET_VLAN_DEPTH   2
#define PACKET_IPV6_HEADERS 8   /* extension headers followed, RFC 8200 lists six kinds */
#define PACKET_ARP_REQUEST  1   /* RFC 826, ares_op$REQUEST */
#define PACKET_ARP_ETHERNET 1   /* RFC 826, ares_hrd$Ethernet */
#define PACKET_ND_SOLICIT   135 /* RFC 4861, 4.3 */
#define PACKET_TCP_FIN      0x01
#define PACKET_TCP_SYN      0x02
#define PACKET_TCP_RST      0x04
#define PACKET_TCP_ACK      0x10
#define PACKET_IPV4_MF      0x2000
#define PACKET_IPV4_OFFSET  0x1fff
#define PACKET_IPV6_NO_NEXT 59
#define PACKET_IPV6_MORE    0x0001 /* RFC 8200, 4.5 */
#define PACKET_IPV6_OFFSET  0xfff8
#define PACKET_MAX_DATAGRAM 65535u /* RFC 791, 3.1; RFC 8200, 4.5 */

struct cursor {
	const char *pos;
	const char *end;
	__u32 beyond; /* bytes of the frame that lie behind `end`, elsewhere */
};

enum packet_fragment {
	PACKET_WHOLE = 0, /* an atomic fragment too, RFC 6946 */
	PACKET_FIRST_FRAGMENT,
	PACKET_LATER_FRAGMENT, /* key's ports are 0 */
};

/* What an ICMP message is to us. */
enum packet_icmp {
	PACKET_ICMP_NONE = 0, /* no ICMP */
	PACKET_ICMP_OTHER,
	PACKET_ICMP_ECHO,  /* a request */
	PACKET_ICMP_ERROR, /* packet.key is that of the flow it is about */
};

/* The frame as parsed. Offsets count from the frame's first byte. */
struct packet {
	struct flow_key key; /* set as far as known: see has_addresses */
	__be16 ethertype;    /* behind the VLAN tags */
	__u16 l3_offset;     /* of the IP or ARP header */
	__u16 l4_offset;     /* of the TCP, UDP or ICMP header */
	__u8 has_addresses;  /* key.source and key.destination are set, even if a fault followed */
	__u8 fragment;       /* enum packet_fragment */
	__u8 tcp_flags;      /* byte 13 of the TCP header */
	__u8 icmp;           /* enum packet_icmp */
	__u8 neighbor_request; /* an ARP request or neighbour solicitation for key.destination */
	/* Of a fragment: which bytes of the datagram's payload it has, and whether more follow. */
	__u8 fragment_more;
	__u16 fragment_offset, fragment_length;
	__be32 fragment_id; /* IPv4: 16 bits of it */
};

struct vlan_tag {
	__be16 tci;
	__be16 ethertype;
};

/*
 * RFC 826, the fixed part. <linux/if_arp.h> has it too, but takes in libc's socket headers, which
 * can't be compiled for BPF without a 32-bit libc.
 */
struct arp_header {
	__be16 ar_hrd;
	__be16 ar_pro;
	__u8 ar_hln;
	__u8 ar_pln;
	__be16 ar_op;
};
_Static_assert(sizeof(struct arp_header) == 8, "ARP head");

/* RFC 826 over Ethernet and IPv4, behind the fixed part. */
struct arp_ipv4 {
	__u8 sender_mac[ETH_ALEN];
	__u8 sender_ip[4];
	__u8 target_mac[ETH_ALEN];
	__u8 target_ip[4];
};
_Static_assert(sizeof(struct arp_ipv4) == 20, "ARP body");

/* RFC 4861, 4.3 and 4.4: neighbour solicitation and advertisement up to the options. */
struct nd_message {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be32 flags;
	struct addr target;
};
_Static_assert(sizeof(struct nd_message) == 24, "neighbour discovery message");

/*
 * Written as two halves, as keys are hashed: a CPU that reads a half out of two words it has just
 * written waits until both are in its cache. Little endian, as all that Weir runs on.
 */
static __always_inline void addr_set_v4(struct addr *a, __be32 v4)
{
	const __u64 halves[2] = {0, (__u64)v4 << 32 | bpf_htonl(0xffff)};
	__builtin_memcpy(a, halves, sizeof(*a));
}

static __always_inline void addr_set_v6(struct addr *a, const struct in6_addr *v6)
{
	__builtin_memcpy(a, v6, sizeof(*a));
}

/* An IPv4 address, as it stands in keys. In an IPv6 packet it is nobody's: RFC 6890, 2.2.3. */
static __always_inline int addr_is_mapped(const struct addr *a)
{
	return a->word[0] == 0 && a->word[1] == 0 && a->word[2] == bpf_htonl(0xffff);
}

/* Bytes of the frame from here on. The verifier forbids sums of pointers to its end. */
static __always_inline __u64 cursor_left(const struct cursor *c)
{
	__u64 left = c->end - c->pos;
#ifdef __bpf__
	__asm__ volatile("" : "+r"(left));
#endif
	return left + c->beyond;
}

static __always_inline int parse_ethernet(struct cursor *c, __be16 *ethertype)
{
	const struct ethhdr *eth = (const void *)c->pos;
	if ((const char *)(eth + 1) > c->end)
		return REASON_TRUNCATED;
	__be16 type = eth->h_proto;
	c->pos = (const char *)(eth + 1);
#pragma GCC unroll 2
	for (int i = 0; i < PACKET_VLAN_DEPTH; i++) {
		const struct vlan_tag *tag = (const void *)c->pos;
		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		if ((const char *)(tag + 1) > c->end)
			return REASON_TRUNCATED;
		type = tag->ethertype;
		c->pos = (const char *)(tag + 1);
	}
	*ethertype = type;
	return REASON_NONE;
}

/* Anything but an Ethernet/IPv4 request is nobody's business here and leaves `p` untouched. */
static __always_inline int parse_arp(struct cursor *c, struct packet *p)
{
	const struct arp_header *arp = (const void *)c->pos;
	if ((const char *)(arp + 1) > c->end)
		return REASON_TRUNCATED;
	const struct arp_ipv4 *body = (const void *)(arp + 1);
	if ((const char *)(body + 1) > c->end)
		return REASON_TRUNCATED;
	if (arp->ar_hrd != bpf_htons(PACKET_ARP_ETHERNET) || arp->ar_pro != bpf_htons(ETH_P_IP) ||
	    arp->ar_hln != ETH_ALEN || arp->ar_pln != 4 ||
	    arp->ar_op != bpf_htons(PACKET_ARP_REQUEST))
		return REASON_NONE;
	__be32 sender, target;
	__builtin_memcpy(&sender, body->sender_ip, 4);
	__builtin_memcpy(&target, body->target_ip, 4);
	addr_set_v4(&p->key.source, sender);
	addr_set_v4(&p->key.destination, target);
	p->has_addresses = 1;
	p->neighbor_request = 1;
	c->pos = (const char *)(body + 1);
	return REASON_NONE;
}

/*
 * Takes note of a fragment, and tells whether there can be one like that: all but the last carry
 * whole units of 8 bytes, and the datagram (with `before`, the bytes of it in front of the
 * fragments) must not become too long.
 */
static __always_inline int packet_set_fragment(struct packet *p, __u32 offset, __u32 more,
					       __u32 length, __u32 before)
{
	p->fragment = offset ? PACKET_LATER_FRAGMENT : PACKET_FIRST_FRAGMENT;
	p->fragment_more = more != 0;
	p->fragment_offset = offset;
	p->fragment_length = length;
	return length && !(more && length % 8) && before + offset + length <= PACKET_MAX_DATAGRAM;
}

/* Leaves the length of the IP payload in *payload. */
static __always_inline int parse_ipv4(struct cursor *c, struct packet *p, __u32 *payload)
{
	const struct iphdr *ip = (const void *)c->pos;
	if ((const char *)(ip + 1) > c->end)
		return REASON_TRUNCATED;
	addr_set_v4(&p->key.source, ip->saddr);
	addr_set_v4(&p->key.destination, ip->daddr);
	p->has_addresses = 1;
	__u32 header = ip->ihl * 4u, total = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header < sizeof(*ip) || total < header)
		return REASON_MALFORMED_IPV4;
	if (c->pos + header > c->end)
		return REASON_TRUNCATED;
	if (total > cursor_left(c))
		return REASON_MALFORMED_IPV4;
	p->key.protocol = ip->protocol;
	*payload = total - header;
	__u32 field = bpf_ntohs(ip->frag_off);
	if (field & (PACKET_IPV4_MF | PACKET_IPV4_OFFSET)) {
		p->fragment_id = ip->id;
		if (!packet_set_fragment(p, (field & PACKET_IPV4_OFFSET) * 8,
					 field & PACKET_IPV4_MF, total - header, header))
			return REASON_MALFORMED_IPV4;
	}
	c->pos += header;
	return REASON_NONE;
}

/*
 * A length of at most 4095, of which the verifier no longer knows more than that. Where paths with
 * different lengths meet, in a loop above all, it then goes on with one of them and not with each:
 * their number would be three to the power of the headers, and too much for the kernel.
 */
static __always_inline __u32 packet_forget(__u32 length, __u32 unknown)
{
#ifdef __bpf__
	__asm__ volatile("%0 += %1\n\t%0 -= %1" : "+r"(length) : "r"(unknown));
#endif
	return length & 4095;
}

/*
 * One extension header (RFC 8200, 4.2 to 4.6; AH: RFC 4302). Returns its length in *length, 0 for
 * what is no extension header; of a fragment that is not atomic, its id in `p` and the offset with
 * the M flag in *fragment.
 */
static __always_inline int parse_ipv6_extension(const struct cursor *c, struct packet *p,
						__u8 *next, __u32 *length, __u32 *fragment)
{
	const __u8 *ext = (const void *)c->pos;
	*length = 0;
	*fragment = 0;
	if (*next != IPPROTO_HOPOPTS && *next != IPPROTO_ROUTING && *next != IPPROTO_DSTOPTS &&
	    *next != IPPROTO_FRAGMENT && *next != IPPROTO_AH)
		return REASON_NONE;
	if ((const char *)ext + 8 > c->end)
		return REASON_TRUNCATED;
	if (*next == IPPROTO_FRAGMENT) {
		__be16 offset;
		__builtin_memcpy(&offset, ext + 2, 2);
		*fragment = bpf_ntohs(offset) & (PACKET_IPV6_OFFSET | PACKET_IPV6_MORE);
		if (*fragment)
			__builtin_memcpy(&p->fragment_id, ext + 4, 4);
		*length = 8;
	} else if (*next == IPPROTO_AH) {
		*length = (ext[1] + 2u) * 4u;
	} else {
		*length = (ext[1] + 1u) * 8u;
	}
	*length = packet_forget(*length, ext[1]);
	*next = ext[0];
	return REASON_NONE;
}

static __always_inline int parse_ipv6(struct cursor *c, struct packet *p, __u32 *payload)
{
	const struct ipv6hdr *ip = (const void *)c->pos;
	if ((const char *)(ip + 1) > c->end)
		return REASON_TRUNCATED;
	addr_set_v6(&p->key.source, &ip->saddr);
	addr_set_v6(&p->key.destination, &ip->daddr);
	p->has_addresses = !addr_is_mapped(&p->key.source) && !addr_is_mapped(&p->key.destination);
	__u32 all = bpf_ntohs(ip->payload_len), left = all, length, fragment;
	__u8 next = ip->nexthdr;
	if (ip->version != 6)
		return REASON_MALFORMED_IPV6;
	c->pos = (const char *)(ip + 1);
	if (left > cursor_left(c))
		return REASON_MALFORMED_IPV6;
	for (int i = 0; i <= PACKET_IPV6_HEADERS; i++) {
		int reason = parse_ipv6_extension(c, p, &next, &length, &fragment);
		if (reason)
			return p->fragment ? REASON_FRAGMENT_TINY : reason;
		if (!length)
			break;
		if (length > left)
			return p->fragment ? REASON_FRAGMENT_TINY : REASON_MALFORMED_IPV6;
		left -= length;
		c->pos += length;
		if (c->pos > c->end)
			return REASON_TRUNCATED;
		/* A fragment within a fragment is nothing that a sender makes. */
		if (i == PACKET_IPV6_HEADERS || (fragment && p->fragment))
			return REASON_HEADER_CHAIN;
		if (fragment &&
		    !packet_set_fragment(p, fragment & PACKET_IPV6_OFFSET,
					 fragment & PACKET_IPV6_MORE, left, all - left - length))
			return REASON_MALFORMED_IPV6;
		/* The headers after it are in the first one, all of them (RFC 7112). */
		if (p->fragment == PACKET_LATER_FRAGMENT)
			break;
	}
	p->key.protocol = next;
	*payload = left;
	return REASON_NONE;
}

static __always_inline int parse_tcp(struct cursor *c, struct packet *p, __u32 payload)
{
	const struct tcphdr *tcp = (const void *)c->pos;
	if ((const char *)(tcp + 1) > c->end || payload < sizeof(*tcp))
		return p->fragment ? REASON_FRAGMENT_TINY : REASON_TRUNCATED;
	__u32 header = tcp->doff * 4u;
	if (header < sizeof(*tcp))
		return REASON_MALFORMED_TCP;
	if (header > payload)
		return p->fragment ? REASON_FRAGMENT_TINY : REASON_MALFORMED_TCP;
	p->key.source_port = tcp->source;
	p->key.destination_port = tcp->dest;
	p->tcp_flags = ((const __u8 *)tcp)[13];
	c->pos += header;
	return REASON_NONE;
}

static __always_inline int parse_udp(struct cursor *c, struct packet *p, __u32 payload)
{
	const struct udphdr *udp = (const void *)c->pos;
	if ((const char *)(udp + 1) > c->end || payload < sizeof(*udp))
		return p->fragment ? REASON_FRAGMENT_TINY : REASON_TRUNCATED;
	__u32 length = bpf_ntohs(udp->len);
	if (length < sizeof(*udp) || (length > payload && !p->fragment))
		return REASON_MALFORMED_UDP;
	p->key.source_port = udp->source;
	p->key.destination_port = udp->dest;
	c->pos = (const char *)(udp + 1);
	return REASON_NONE;
}

#include "bpf/quote.h"

/* A neighbour solicitation that RFC 4861, 7.1.1 lets through is marked; all else is left alone. */
static __always_inline int parse_icmpv6(struct cursor *c, struct packet *p, __u32 payload,
					__u8 hop_limit)
{
	const struct nd_message *nd = (const void *)c->pos;
	if (payload < sizeof(*nd) || (const char *)(nd + 1) > c->end)
		return REASON_NONE;
	if (nd->type != PACKET_ND_SOLICIT || nd->code != 0 || hop_limit != 255)
		return REASON_NONE;
	struct addr target;
	__builtin_memcpy(&target, &nd->target, sizeof(target));
	if (addr_is_mapped(&target))
		return REASON_NONE;
	p->key.destination = target;
	p->neighbor_request = 1;
	c->pos = (const char *)(nd + 1);
	return REASON_NONE;
}

/* One at offset 8 would write over a TCP header's flags (RFC 3128). */
static __always_inline int parse_later_fragment(const struct packet *p)
{
	if (p->key.protocol == IPPROTO_TCP && p->fragment_offset == 8)
		return REASON_FRAGMENT_TINY;
	return REASON_NONE;
}

static __always_inline int parse_l4(struct cursor *c, struct packet *p, __u32 payload,
				    __u8 hop_limit)
{
	if (p->fragment == PACKET_LATER_FRAGMENT)
		return parse_later_fragment(p);
	if (p->key.protocol == IPPROTO_TCP)
		return parse_tcp(c, p, payload);
	if (p->key.protocol == IPPROTO_UDP)
		return parse_udp(c, p, payload);
	/* Of a fragmented message it is not all there. Neighbour discovery never is (RFC 6980). */
	if (p->fragment)
		return REASON_NONE;
	if (p->key.protocol == IPPROTO_ICMP && p->ethertype == bpf_htons(ETH_P_IP))
		return parse_icmp(c, p, payload);
	if (p->key.protocol == IPPROTO_ICMPV6 && p->ethertype == bpf_htons(ETH_P_IPV6)) {
		int reason = parse_icmp(c, p, payload);
		return reason ? reason : parse_icmpv6(c, p, payload, hop_limit);
	}
	return REASON_NONE;
}

/*
 * A frame whose last `beyond` bytes are not there to be read; headers that are not all in front of
 * them are faults. `p` must be zeroed. On a fault it holds what was understood before it.
 */
static __always_inline int parse_packet_head(const void *data, const void *end, __u32 beyond,
					     struct packet *p)
{
	struct cursor c = {.pos = data, .end = end, .beyond = beyond};
	__u32 payload = 0;
	__u8 hop_limit = 0;
	int reason = parse_ethernet(&c, &p->ethertype);
	if (reason)
		return reason;
	const char *l3 = c.pos;
	p->l3_offset = l3 - (const char *)data;
	if (p->ethertype == bpf_htons(ETH_P_IP)) {
		reason = parse_ipv4(&c, p, &payload);
	} else if (p->ethertype == bpf_htons(ETH_P_IPV6)) {
		reason = parse_ipv6(&c, p, &payload);
		if (!reason)
			hop_limit = ((const struct ipv6hdr *)l3)->hop_limit;
	} else if (p->ethertype == bpf_htons(ETH_P_ARP)) {
		return parse_arp(&c, p);
	} else {
		return REASON_NONE;
	}
	if (reason)
		return reason;
	p->l4_offset = c.pos - (const char *)data;
	return parse_l4(&c, p, payload, hop_limit);
}

/* The whole frame. */
static __always_inline int parse_packet(const void *data, const void *end, struct packet *p)
{
	return parse_packet_head(data, end, 0, p);
}

#endif
