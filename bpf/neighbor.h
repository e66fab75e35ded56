/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Answers to "who has this VIP?": an ARP request (RFC 826, RFC 5227) or a neighbour solicitation
 * (RFC 4861) becomes its reply in place, to be sent out of the port it came in on. For packets
 * that match_packet() called MATCH_NEIGHBOR, in three steps:
 *
 *   neighbor_check()         is it one to answer?
 *   neighbor_reply_length()  make the frame that long, pointers into it may change
 *   neighbor_reply()         write the reply
 *
 * VLAN tags stay as they are.
 */
#ifndef WEIR_BPF_NEIGHBOR_H
#define WEIR_BPF_NEIGHBOR_H

#include "bpf/checksum.h"
#include "bpf/packet.h"

#define NEIGHBOR_ARP_REPLY     2           /* RFC 826, ares_op$REPLY */
#define NEIGHBOR_ADVERTISE     136         /* RFC 4861, 4.4 */
#define NEIGHBOR_SOLICITED     0x40000000u /* flags of an advertisement, host byte order */
#define NEIGHBOR_OVERRIDE      0x20000000u
#define NEIGHBOR_SOURCE_LINK   1 /* options, RFC 4861, 4.6.1 */
#define NEIGHBOR_TARGET_LINK   2
#define NEIGHBOR_HOP_LIMIT     255
#define NEIGHBOR_OPTIONS_MAX   64u /* bytes of options read; what hosts send has 8 or 16 */
#define NEIGHBOR_L3_MASK       31  /* lossless: see neighbor_l3_offset() */
#define NEIGHBOR_IS_GROUP(mac) ((mac)[0] & 1)

struct neighbor_link_option {
	__u8 type;
	__u8 length; /* in units of 8 bytes */
	__u8 mac[ETH_ALEN];
};
_Static_assert(sizeof(struct neighbor_link_option) == 8, "link-layer address option");

struct neighbor_advertisement {
	struct nd_message nd;
	struct neighbor_link_option link;
};
_Static_assert(sizeof(struct neighbor_advertisement) == 32, "advertisement with its option");

_Static_assert(ETH_HLEN + PACKET_VLAN_DEPTH * sizeof(struct vlan_tag) <= NEIGHBOR_L3_MASK,
	       "NEIGHBOR_L3_MASK has to be larger");

/* The mask tells the verifier how far into the frame this can be. */
static __always_inline __u32 neighbor_l3_offset(const struct packet *p)
{
	return p->l3_offset & NEIGHBOR_L3_MASK;
}

/* ff02::1 */
static __always_inline void neighbor_all_nodes(struct addr *a)
{
	a->word[0] = bpf_htonl(0xff020000);
	a->word[1] = 0;
	a->word[2] = 0;
	a->word[3] = bpf_htonl(1);
}

/* ff02::1:ffXX:XXXX: where a solicitation for `a` is sent to (RFC 4291, 2.7.1). */
static __always_inline void neighbor_solicited_node(struct addr *group, const struct addr *a)
{
	group->word[0] = bpf_htonl(0xff020000);
	group->word[1] = 0;
	group->word[2] = bpf_htonl(1);
	group->word[3] = a->word[3] | bpf_htonl(0xff000000);
}

static __always_inline int neighbor_is_solicited_node(const struct addr *a)
{
	return a->word[0] == bpf_htonl(0xff020000) && a->word[1] == 0 &&
	       a->word[2] == bpf_htonl(1) &&
	       (a->word[3] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000);
}

static __always_inline int neighbor_is_unspecified(const struct addr *a)
{
	return !(a->word[0] | a->word[1] | a->word[2] | a->word[3]);
}

/* 33:33 and the low 32 bits of an IPv6 group (RFC 2464, 7). */
static __always_inline void neighbor_group_mac(__u8 mac[ETH_ALEN], const struct addr *group)
{
	mac[0] = 0x33;
	mac[1] = 0x33;
	__builtin_memcpy(mac + 2, &group->word[3], 4);
}

/*
 * The ICMPv6 checksum of a message of `length` bytes, a multiple of four, right behind `ip`
 * (RFC 4443, 2.3). Of a message that holds its checksum it is 0 if that is right.
 */
static __always_inline __u16 neighbor_checksum(const struct ipv6hdr *ip, const void *end,
					       __u32 length)
{
	/* The two addresses of the pseudo-header lie right in front of the message. */
	__u64 sum = checksum_sum(&ip->saddr, end, 2 * sizeof(struct addr) + length);
	return ~checksum_fold(sum + bpf_htonl(length) + bpf_htonl(IPPROTO_ICMPV6));
}

/* RFC 4861, 7.1.1, for `length` bytes of options. */
static __always_inline int neighbor_check_options(const char *pos, const void *end, __u32 length,
						  int unspecified)
{
	for (__u32 i = 0; i < NEIGHBOR_OPTIONS_MAX / 8 && length; i++) {
		const struct neighbor_link_option *option = (const void *)pos;
		if ((const void *)(option + 1) > end)
			return REASON_TRUNCATED;
		__u32 size = option->length * 8u;
		if (!size || size > length)
			return REASON_MALFORMED_NEIGHBOR;
		if (unspecified && option->type == NEIGHBOR_SOURCE_LINK)
			return REASON_MALFORMED_NEIGHBOR;
		pos += size;
		length -= size;
	}
	return REASON_NONE;
}

/*
 * Who asks is a host, not a group, or one that tests whether the address is free (RFC 4862, 5.4),
 * which it asks the solicited-node group.
 */
static __always_inline int neighbor_check_addresses(const struct addr *source,
						    const struct addr *destination)
{
	if ((source->word[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000))
		return REASON_MALFORMED_NEIGHBOR;
	if (neighbor_is_unspecified(source) && !neighbor_is_solicited_node(destination))
		return REASON_MALFORMED_NEIGHBOR;
	return REASON_NONE;
}

static __always_inline int neighbor_check_solicitation(const struct ipv6hdr *ip, const void *end,
						       const struct packet *p)
{
	const struct nd_message *nd = (const void *)(ip + 1);
	if (p->l4_offset != p->l3_offset + sizeof(*ip))
		return REASON_HEADER_CHAIN;
	if ((const void *)(nd + 1) > end)
		return REASON_TRUNCATED;
	__u32 length = bpf_ntohs(ip->payload_len);
	if (length < sizeof(*nd) || length > sizeof(*nd) + NEIGHBOR_OPTIONS_MAX || length % 8)
		return REASON_MALFORMED_NEIGHBOR;
	struct addr destination;
	addr_set_v6(&destination, &ip->daddr);
	int reason = neighbor_check_addresses(&p->key.source, &destination);
	if (!reason)
		reason = neighbor_check_options((const char *)(nd + 1), end, length - sizeof(*nd),
						neighbor_is_unspecified(&p->key.source));
	if (!reason && neighbor_checksum(ip, end, length) != 0)
		reason = REASON_MALFORMED_NEIGHBOR;
	return reason;
}

/*
 * Whether the request may be answered: REASON_NONE, or why it is to be dropped. A solicitation
 * behind extension headers is not answered: no host sends one.
 */
static __always_inline int neighbor_check(const void *data, const void *end, const struct packet *p)
{
	const struct ethhdr *eth = data;
	const void *l3 = (const char *)data + neighbor_l3_offset(p);
	if ((const void *)(eth + 1) > end)
		return REASON_TRUNCATED;
	if (NEIGHBOR_IS_GROUP(eth->h_source))
		return REASON_MALFORMED_NEIGHBOR;
	if (p->ethertype == bpf_htons(ETH_P_IPV6))
		return neighbor_check_solicitation(l3, end, p);
	const struct arp_header *arp = l3;
	const struct arp_ipv4 *body = (const void *)(arp + 1);
	if ((const void *)(body + 1) > end)
		return REASON_TRUNCATED;
	return NEIGHBOR_IS_GROUP(body->sender_mac) ? REASON_MALFORMED_NEIGHBOR : REASON_NONE;
}

/* The length of the reply's frame, given that of the request's. */
static __always_inline __u32 neighbor_reply_length(const struct packet *p, __u32 length)
{
	if (p->ethertype == bpf_htons(ETH_P_IPV6))
		return p->l3_offset + sizeof(struct ipv6hdr) +
		       sizeof(struct neighbor_advertisement);
	return length;
}

/*
 * All of an IPv6 header and an advertisement for `vip` behind it. To the unspecified address means
 * to all nodes, unsolicited (RFC 4861, 7.2.4 and 7.2.6). Returns what the Ethernet header needs to
 * know: whether it goes to all nodes.
 */
static __always_inline int neighbor_write_advertisement(struct ipv6hdr *ip, const struct addr *vip,
							const struct addr *to,
							const __u8 mac[ETH_ALEN])
{
	struct neighbor_advertisement *na = (void *)(ip + 1);
	struct addr destination = *to;
	__u32 flags = NEIGHBOR_OVERRIDE | NEIGHBOR_SOLICITED;
	int all = neighbor_is_unspecified(to);
	if (all) {
		neighbor_all_nodes(&destination);
		flags = NEIGHBOR_OVERRIDE;
	}
	*(__be32 *)ip = bpf_htonl(6u << 28);
	ip->payload_len = bpf_htons(sizeof(*na));
	ip->nexthdr = IPPROTO_ICMPV6;
	ip->hop_limit = NEIGHBOR_HOP_LIMIT;
	__builtin_memcpy(&ip->saddr, vip, sizeof(*vip));
	__builtin_memcpy(&ip->daddr, &destination, sizeof(destination));
	na->nd.type = NEIGHBOR_ADVERTISE;
	na->nd.code = 0;
	na->nd.checksum = 0;
	na->nd.flags = bpf_htonl(flags);
	__builtin_memcpy(&na->nd.target, vip, sizeof(*vip));
	na->link.type = NEIGHBOR_TARGET_LINK;
	na->link.length = sizeof(na->link) / 8;
	__builtin_memcpy(na->link.mac, mac, ETH_ALEN);
	na->nd.checksum = neighbor_checksum(ip, na + 1, sizeof(*na));
	return all;
}

static __always_inline int neighbor_reply_arp(struct ethhdr *eth, struct arp_header *arp,
					      const void *end, const __u8 mac[ETH_ALEN])
{
	const struct arp_ipv4 *asked = (const void *)(arp + 1);
	struct arp_ipv4 body;
	if ((const void *)(asked + 1) > end)
		return REASON_TRUNCATED;
	__builtin_memcpy(body.sender_mac, mac, ETH_ALEN);
	__builtin_memcpy(body.sender_ip, asked->target_ip, 4);
	__builtin_memcpy(body.target_mac, asked->sender_mac, ETH_ALEN);
	__builtin_memcpy(body.target_ip, asked->sender_ip, 4);
	__builtin_memcpy(eth->h_dest, body.target_mac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
	arp->ar_op = bpf_htons(NEIGHBOR_ARP_REPLY);
	__builtin_memcpy(arp + 1, &body, sizeof(body));
	return REASON_NONE;
}

static __always_inline int neighbor_reply_advertisement(struct ethhdr *eth, struct ipv6hdr *ip,
							const void *end, const struct packet *p,
							const __u8 mac[ETH_ALEN])
{
	const struct neighbor_advertisement *na = (const void *)(ip + 1);
	if ((const void *)(na + 1) > end)
		return REASON_TRUNCATED;
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
	if (neighbor_write_advertisement(ip, &p->key.destination, &p->key.source, mac)) {
		struct addr group;
		neighbor_all_nodes(&group);
		neighbor_group_mac(eth->h_dest, &group);
	}
	return REASON_NONE;
}

/*
 * Turns a request that neighbor_check() let through, in a frame that now has the length of
 * neighbor_reply_length(), into the reply: "`mac` has it". REASON_TRUNCATED, with nothing
 * written, if the frame is too short.
 */
static __always_inline int neighbor_reply(void *data, const void *end, const struct packet *p,
					  const __u8 mac[ETH_ALEN])
{
	struct ethhdr *eth = data;
	void *l3 = (char *)data + neighbor_l3_offset(p);
	if ((const void *)(eth + 1) > end)
		return REASON_TRUNCATED;
	if (p->ethertype == bpf_htons(ETH_P_IPV6))
		return neighbor_reply_advertisement(eth, l3, end, p, mac);
	return neighbor_reply_arp(eth, l3, end, mac);
}

#endif
