/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Answers to "are you there?": an ICMP echo request (RFC 792, RFC 4443) becomes its reply in
 * place, to be sent out of the port it came in on. For packets that match_packet() called
 * MATCH_ECHO, in two steps:
 *
 *   icmp_check()  is it one to answer?
 *   icmp_reply()  write the reply
 *
 * VLAN tags, IPv4 options, identifier, sequence and data stay as they are, and so does the length.
 */
#ifndef WEIR_BPF_ICMP_H
#define WEIR_BPF_ICMP_H

#include "bpf/checksum.h"
#include "bpf/packet.h"

#define ICMP_HOP_LIMIT     64
#define ICMP_IS_GROUP(mac) ((mac)[0] & 1)

/* The length of the ICMP message, which parse_packet() found to be inside the frame. */
static __always_inline __u32 icmp_length(const void *l3, const struct packet *p)
{
	__u32 header = p->l4_offset - p->l3_offset;
	if (p->ethertype == bpf_htons(ETH_P_IPV6))
		return bpf_ntohs(((const struct ipv6hdr *)l3)->payload_len) +
		       sizeof(struct ipv6hdr) - header;
	return bpf_ntohs(((const struct iphdr *)l3)->tot_len) - header;
}

/* Nobody's address, everybody's, or one's own: answers to those do harm (RFC 1122, 3.2.1.3). */
static __always_inline int icmp_is_bad_source(const struct addr *a, const struct addr *vip)
{
	int same = !((a->word[0] ^ vip->word[0]) | (a->word[1] ^ vip->word[1]) |
		     (a->word[2] ^ vip->word[2]) | (a->word[3] ^ vip->word[3]));
	if (same)
		return 1;
	if (addr_is_mapped(a)) {
		__u8 first = bpf_ntohl(a->word[3]) >> 24;
		return first == 0 || first == 127 || first >= 224;
	}
	if ((a->word[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000))
		return 1;
	return !(a->word[0] | a->word[1] | a->word[2]) &&
	       (a->word[3] == 0 || a->word[3] == bpf_htonl(1));
}

/* The message's checksum; over IPv6 the pseudo-header is part of it (RFC 4443, 2.3). */
static __always_inline int icmp_checksums_are_right(const void *l3, const void *l4,
						    const struct packet *p)
{
	__u32 length = icmp_length(l3, p);
	__u64 sum = checksum_add(l4, length);
	if (p->ethertype == bpf_htons(ETH_P_IPV6)) {
		const struct ipv6hdr *ip = l3;
		sum += checksum_add(&ip->saddr, 2 * sizeof(struct addr));
		sum += (__u64)bpf_htonl(length) + bpf_htonl(IPPROTO_ICMPV6);
	} else if (checksum_fold(checksum_add(l3, p->l4_offset - p->l3_offset)) != 0xffff) {
		return 0;
	}
	return checksum_fold(sum) == 0xffff;
}

/*
 * Whether the request may be answered: REASON_NONE, or why it is to be dropped. `data` to `end` is
 * the whole frame, in which parse_packet() found no fault.
 */
static __always_inline int icmp_check(const void *data, const void *end, const struct packet *p)
{
	const struct ethhdr *eth = data;
	const char *l3 = (const char *)data + p->l3_offset;
	const char *l4 = (const char *)data + p->l4_offset;
	if (l4 + sizeof(struct icmphdr) > (const char *)end ||
	    l4 + icmp_length(l3, p) > (const char *)end)
		return REASON_TRUNCATED;
	if (ICMP_IS_GROUP(eth->h_source) ||
	    icmp_is_bad_source(&p->key.source, &p->key.destination) ||
	    !icmp_checksums_are_right(l3, l4, p))
		return REASON_MALFORMED_ICMP;
	return REASON_NONE;
}

static __always_inline void icmp_reply_ipv4(struct iphdr *ip)
{
	__be32 vip = ip->daddr;
	__u16 before, after;
	/* Addresses that change places leave the sum alone. */
	ip->daddr = ip->saddr;
	ip->saddr = vip;
	__builtin_memcpy(&before, &ip->ttl, 2);
	ip->ttl = ICMP_HOP_LIMIT;
	__builtin_memcpy(&after, &ip->ttl, 2);
	ip->check = checksum_adjust(ip->check, before, after);
}

static __always_inline void icmp_reply_ipv6(struct ipv6hdr *ip)
{
	struct in6_addr vip = ip->daddr;
	ip->daddr = ip->saddr;
	ip->saddr = vip;
	ip->hop_limit = ICMP_HOP_LIMIT;
}

/* Turns a request that icmp_check() let through into the reply, sent by `mac`. */
static __always_inline void icmp_reply(void *data, const struct packet *p, const __u8 mac[ETH_ALEN])
{
	struct ethhdr *eth = data;
	struct icmphdr *icmp = (void *)((char *)data + p->l4_offset);
	void *l3 = (char *)data + p->l3_offset;
	int v6 = p->ethertype == bpf_htons(ETH_P_IPV6);
	__u16 before, after;
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
	if (v6)
		icmp_reply_ipv6(l3);
	else
		icmp_reply_ipv4(l3);
	__builtin_memcpy(&before, icmp, 2);
	icmp->type = v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHOREPLY;
	__builtin_memcpy(&after, icmp, 2);
	icmp->checksum = checksum_adjust(icmp->checksum, before, after);
}

#endif
