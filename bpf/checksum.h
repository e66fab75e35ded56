/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The Internet checksum (RFC 1071): sums taken, and changed with what they cover (RFC 1624). Sums
 * are of 16-bit words as they stand in memory, so nothing is turned round for the machine: RFC
 * 1071, 2 (B).
 */
#ifndef WEIR_BPF_CHECKSUM_H
#define WEIR_BPF_CHECKSUM_H

#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>

#include "bpf/packet.h"

/* The verifier follows each round of a loop; no frame of an XDP program is longer. */
#define CHECKSUM_MAX 4096u

/*
 * The sum over `length` bytes, not folded; an odd last byte is padded. All of them lie in front of
 * `end`. In BPF they are CHECKSUM_MAX at most, and the rest is found anew behind the loop, so that
 * the verifier need not follow what is there once for each round.
 */
static __always_inline __u64 checksum_sum(const void *bytes, const void *end, __u32 length)
{
	const __u8 *at = bytes, *last = end, *rest;
	__u32 whole = length & ~3u;
	__u64 sum = 0;
#ifdef __bpf__
	whole &= CHECKSUM_MAX - 1;
#endif
	for (__u32 i = 0; i < whole && at + i + 4 <= last; i += 4)
		sum += *(const __u32 *)(at + i);
	rest = at + whole;
	if (length & 2 && rest + 2 <= last) {
		sum += *(const __u16 *)rest;
		rest += 2;
	}
	if (length & 1 && rest + 1 <= last)
		sum += bpf_htons(*rest << 8);
	return sum;
}

/* The same over bytes that are all known to be there. */
static __always_inline __u64 checksum_add(const void *bytes, __u32 length)
{
	return checksum_sum(bytes, (const char *)bytes + length, length);
}

/* Carries come round until there is none: the sum of two words of 16 bits may need a second go. */
static __always_inline __u16 checksum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* The checksum after one 16-bit word of what it covers has changed (RFC 1624, equation 3). */
static __always_inline __u16 checksum_adjust(__u16 checksum, __u16 from, __u16 to)
{
	return ~checksum_fold((__u64)(__u16)~checksum + (__u16)~from + to);
}

/*
 * The sum over the pseudo-header of a message of `length` bytes (RFC 9293, 3.1; RFC 768; RFC 8200,
 * 8.1), with the destination that stands in the header. `l3` to `end` has the whole IP header.
 */
static __always_inline __u64 checksum_pseudo_ipv4(const struct iphdr *ip, __u8 protocol,
						  __u32 length)
{
	return (__u64)ip->saddr + ip->daddr + bpf_htons(protocol) + bpf_htons(length);
}

static __always_inline __u64 checksum_pseudo_ipv6(const struct ipv6hdr *ip, const void *end,
						  __u8 protocol, __u32 length)
{
	return checksum_sum(&ip->saddr, end, 2 * sizeof(struct addr)) + bpf_htonl(protocol) +
	       bpf_htonl(length);
}

static __always_inline __u64 checksum_pseudo(const void *l3, const void *end,
					     const struct packet *p, __u8 protocol, __u32 length)
{
	if (p->ethertype == bpf_htons(ETH_P_IPV6))
		return checksum_pseudo_ipv6(l3, end, protocol, length);
	return checksum_pseudo_ipv4(l3, protocol, length);
}

/* The length of what is behind the IP headers, which parse_packet() found to be in the frame. */
static __always_inline __u32 checksum_payload(const void *l3, const struct packet *p)
{
	__u32 header = p->l4_offset - p->l3_offset;
	if (p->ethertype == bpf_htons(ETH_P_IPV6))
		return bpf_ntohs(((const struct ipv6hdr *)l3)->payload_len) +
		       sizeof(struct ipv6hdr) - header;
	return bpf_ntohs(((const struct iphdr *)l3)->tot_len) - header;
}

/* IPv6 has none. */
static __always_inline int checksum_of_header_is_right(const void *l3, const void *end,
						       const struct packet *p)
{
	if (p->ethertype != bpf_htons(ETH_P_IP))
		return 1;
	return checksum_fold(checksum_sum(l3, end, ((const struct iphdr *)l3)->ihl * 4u)) == 0xffff;
}

/* Of an ICMP message; over IPv6 the pseudo-header is part of it (RFC 4443, 2.3). */
static __always_inline int checksum_of_icmp_is_right(const void *l3, const void *l4,
						     const void *end, const struct packet *p)
{
	__u32 length = checksum_payload(l3, p);
	__u64 sum = checksum_sum(l4, end, length);
	if (p->ethertype == bpf_htons(ETH_P_IPV6))
		sum += checksum_pseudo_ipv6(l3, end, IPPROTO_ICMPV6, length);
	return checksum_fold(sum) == 0xffff;
}

#endif
