/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP (RFC 792) and ICMPv6 (RFC 4443), as far as a balancer needs it. An error quotes the packet
 * that could not be delivered: for us it belongs to the flow that packet is of. Included by
 * packet.h, in the middle: it needs the cursor and the IP parsers, and parse_packet() needs this.
 */
#ifndef WEIR_BPF_QUOTE_H
#define WEIR_BPF_QUOTE_H

#include <linux/icmp.h>

#define QUOTE_IPV6_HEADERS 4 /* extension headers followed in a quoted packet */
#define QUOTE_L4           8 /* bytes quoted at least behind the IP header, RFC 792 */

/*
 * The quoted packet's addresses and protocol, which is that of the fragment where the quote holds
 * no transport header. `*left` is what there is of the quote, before and after.
 */
static __always_inline int parse_quoted_ipv4(struct cursor *c, struct flow_key *quoted, __u32 *left)
{
	const struct iphdr *ip = (const void *)c->pos;
	if (*left < sizeof(*ip) || (const char *)(ip + 1) > c->end)
		return REASON_MALFORMED_ICMP;
	__u32 header = ip->ihl * 4u;
	if (ip->version != 4 || header < sizeof(*ip) || header > *left)
		return REASON_MALFORMED_ICMP;
	addr_set_v4(&quoted->source, ip->saddr);
	addr_set_v4(&quoted->destination, ip->daddr);
	quoted->protocol = ip->protocol;
	if (ip->frag_off & bpf_htons(PACKET_IPV4_OFFSET))
		quoted->protocol = IPPROTO_FRAGMENT;
	*left -= header;
	c->pos += header;
	return REASON_NONE;
}

static __always_inline int parse_quoted_ipv6(struct cursor *c, struct flow_key *quoted, __u32 *left)
{
	const struct ipv6hdr *ip = (const void *)c->pos;
	struct packet unused;
	__u32 rest = *left, length, fragment;
	if (rest < sizeof(*ip) || (const char *)(ip + 1) > c->end || ip->version != 6)
		return REASON_MALFORMED_ICMP;
	addr_set_v6(&quoted->source, &ip->saddr);
	addr_set_v6(&quoted->destination, &ip->daddr);
	__u8 next = ip->nexthdr;
	rest -= sizeof(*ip);
	c->pos = (const char *)(ip + 1);
#ifdef __bpf__
#pragma unroll /* else its end falls into its head, which Linux 6.1 refuses (test_back_edges) */
#endif
	for (int i = 0; i <= QUOTE_IPV6_HEADERS; i++) {
		if (parse_ipv6_extension(c, &unused, &next, &length, &fragment) || length > rest)
			return REASON_MALFORMED_ICMP;
		if (!length)
			break;
		if (fragment & PACKET_IPV6_OFFSET) {
			next = IPPROTO_FRAGMENT;
			break;
		}
		if (i == QUOTE_IPV6_HEADERS)
			return REASON_HEADER_CHAIN;
		rest -= length;
		c->pos += length;
		if (c->pos > c->end)
			return REASON_MALFORMED_ICMP;
	}
	quoted->protocol = next;
	*left = rest;
	return REASON_NONE;
}

static __always_inline int quote_same_address(const struct addr *a, const struct addr *b)
{
	return !((a->word[0] ^ b->word[0]) | (a->word[1] ^ b->word[1]) | (a->word[2] ^ b->word[2]) |
		 (a->word[3] ^ b->word[3]));
}

/*
 * Behind an error's header. If it quotes a TCP or UDP packet that the error's destination has
 * sent, leaves in `p` the key of the flow this answered: the quoted packet's, turned round.
 */
static __always_inline int parse_quote(struct cursor *c, struct packet *p, __u32 left)
{
	struct flow_key quoted = {};
	int reason = p->ethertype == bpf_htons(ETH_P_IP) ? parse_quoted_ipv4(c, &quoted, &left)
							 : parse_quoted_ipv6(c, &quoted, &left);
	if (reason)
		return reason;
	if (quoted.protocol != IPPROTO_TCP && quoted.protocol != IPPROTO_UDP)
		return REASON_NONE;
	if (!quote_same_address(&quoted.source, &p->key.destination))
		return REASON_NONE;
	/* Nobody's flow (see addr_is_mapped()), and one of IPv4 may have its hash. */
	if (p->ethertype == bpf_htons(ETH_P_IPV6) && addr_is_mapped(&quoted.destination))
		return REASON_NONE;
	/* Ports are at the same place in both. */
	const struct udphdr *ports = (const void *)c->pos;
	if (left < QUOTE_L4 || (const char *)(ports + 1) > c->end)
		return REASON_MALFORMED_ICMP;
	p->key.source = quoted.destination;
	p->key.source_port = ports->dest;
	p->key.destination_port = ports->source;
	p->key.protocol = quoted.protocol;
	p->icmp = PACKET_ICMP_ERROR;
	return REASON_NONE;
}
_Static_assert(sizeof(struct udphdr) == QUOTE_L4, "what RFC 792 quotes is as long as UDP's header");

static __always_inline int icmp_is_error(const struct packet *p, __u8 type)
{
	if (p->ethertype == bpf_htons(ETH_P_IPV6))
		return type >= ICMPV6_DEST_UNREACH && type <= ICMPV6_PARAMPROB;
	return type == ICMP_DEST_UNREACH || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETERPROB;
}

/* One that could be answered in place: extension headers would have to be answered too. */
static __always_inline int icmp_is_echo(const struct packet *p, __u8 type, __u8 code)
{
	if (code != 0)
		return 0;
	if (p->ethertype == bpf_htons(ETH_P_IPV6))
		return type == ICMPV6_ECHO_REQUEST &&
		       p->l4_offset - p->l3_offset == sizeof(struct ipv6hdr);
	return type == ICMP_ECHO;
}

/* Says which of enum packet_icmp it is. The cursor stays where it is. */
static __always_inline int parse_icmp(const struct cursor *c, struct packet *p, __u32 payload)
{
	struct cursor quote = *c;
	const struct icmphdr *icmp = (const void *)c->pos;
	if (payload < sizeof(*icmp) || (const char *)(icmp + 1) > c->end)
		return REASON_TRUNCATED;
	p->icmp = PACKET_ICMP_OTHER;
	if (icmp_is_echo(p, icmp->type, icmp->code))
		p->icmp = PACKET_ICMP_ECHO;
	if (!icmp_is_error(p, icmp->type))
		return REASON_NONE;
	quote.pos = (const char *)(icmp + 1);
	return parse_quote(&quote, p, payload - sizeof(*icmp));
}

#endif
