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
/* Lossless: they tell the verifier how far into the frame the headers can be. */
#define ICMP_L3(data, p) ((char *)(data) + ((p)->l3_offset & 31))
#define ICMP_L4(data, p) ((char *)(data) + ((p)->l4_offset & 127))
_Static_assert(ETH_HLEN + PACKET_VLAN_DEPTH * sizeof(struct vlan_tag) <= 31, "ICMP_L3's mask");
_Static_assert(ETH_HLEN + PACKET_VLAN_DEPTH * sizeof(struct vlan_tag) + 60 <= 127, "ICMP_L4's");

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

/*
 * Whether the request may be answered: REASON_NONE, or why it is to be dropped. `data` to `end` is
 * the whole frame, in which parse_packet() found no fault.
 */
static __always_inline int icmp_check(const void *data, const void *end, const struct packet *p)
{
	const struct ethhdr *eth = data;
	const char *l3 = ICMP_L3(data, p), *l4 = ICMP_L4(data, p);
	if ((const void *)(eth + 1) > end || l3 + sizeof(struct iphdr) > (const char *)end ||
	    l4 + sizeof(struct icmphdr) > (const char *)end ||
	    l4 + checksum_payload(l3, p) > (const char *)end)
		return REASON_TRUNCATED;
	if (ICMP_IS_GROUP(eth->h_source) ||
	    icmp_is_bad_source(&p->key.source, &p->key.destination) ||
	    !checksum_of_header_is_right(l3, end, p) || !checksum_of_icmp_is_right(l3, l4, end, p))
		return REASON_MALFORMED_ICMP;
	return REASON_NONE;
}

static __always_inline int icmp_reply_ipv4(struct iphdr *ip, const void *end)
{
	__u16 before, after;
	if ((const void *)(ip + 1) > end)
		return REASON_TRUNCATED;
	__be32 vip = ip->daddr;
	/* Addresses that change places leave the sum alone. */
	ip->daddr = ip->saddr;
	ip->saddr = vip;
	__builtin_memcpy(&before, &ip->ttl, 2);
	ip->ttl = ICMP_HOP_LIMIT;
	__builtin_memcpy(&after, &ip->ttl, 2);
	ip->check = checksum_adjust(ip->check, before, after);
	return REASON_NONE;
}

static __always_inline int icmp_reply_ipv6(struct ipv6hdr *ip, const void *end)
{
	if ((const void *)(ip + 1) > end)
		return REASON_TRUNCATED;
	struct in6_addr vip = ip->daddr;
	ip->daddr = ip->saddr;
	ip->saddr = vip;
	ip->hop_limit = ICMP_HOP_LIMIT;
	return REASON_NONE;
}

/*
 * Turns a request that icmp_check() let through into the reply, sent by `mac`. REASON_TRUNCATED,
 * with nothing written, if the headers are not all there.
 */
static __always_inline int icmp_reply(void *data, const void *end, const struct packet *p,
				      const __u8 mac[ETH_ALEN])
{
	struct ethhdr *eth = data;
	struct icmphdr *icmp = (void *)ICMP_L4(data, p);
	void *l3 = ICMP_L3(data, p);
	int v6 = p->ethertype == bpf_htons(ETH_P_IPV6);
	__u16 before, after;
	if ((const void *)(eth + 1) > end || (const void *)(icmp + 1) > end)
		return REASON_TRUNCATED;
	int reason = v6 ? icmp_reply_ipv6(l3, end) : icmp_reply_ipv4(l3, end);
	if (reason)
		return reason;
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
	__builtin_memcpy(&before, icmp, 2);
	icmp->type = v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHOREPLY;
	__builtin_memcpy(&after, icmp, 2);
	icmp->checksum = checksum_adjust(icmp->checksum, before, after);
	return REASON_NONE;
}

#endif
