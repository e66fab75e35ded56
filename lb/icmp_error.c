// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "lb/icmp_error.h"

#include <string.h>

#include "bpf/icmp.h"
#include "lb/process.h"

#define QUOTE_V4  (576u - sizeof(struct iphdr) - sizeof(struct icmphdr))     /* RFC 1812, 4.3.2.3 */
#define QUOTE_V6  (1280u - sizeof(struct ipv6hdr) - sizeof(struct icmp6hdr)) /* RFC 4443, 2.4 */
#define MTU_LEAST 68u /* RFC 791: every link takes as much */

_Static_assert(sizeof(struct ipv6hdr) + sizeof(struct icmp6hdr) <= LB_HEADROOM, "room in front");

struct icmp_error icmp_error_too_big(uint32_t mtu)
{
	return (struct icmp_error){
		.v4_type = 3, /* RFC 792: unreachable, fragmentation needed and DF set */
		.v4_code = 4,
		.v4_rest = mtu > MTU_LEAST ? mtu : MTU_LEAST,
		.v6_type = 2,
		.v6_rest = mtu,
	};
}

bool icmp_error_is_allowed(const struct lb_packet *p, const struct packet *parsed)
{
	const struct ethhdr *eth = (const void *)p->data;
	return !parsed->icmp && parsed->fragment != PACKET_LATER_FRAGMENT &&
	       !ICMP_IS_GROUP(eth->h_source) && !ICMP_IS_GROUP(eth->h_dest) &&
	       !icmp_is_bad_source(&parsed->key.source, &parsed->key.destination);
}

static void answer_ipv4(uint8_t *l3, const struct icmp_error *error, uint32_t quoted)
{
	struct iphdr *ip = (void *)l3;
	struct icmphdr *icmp = (void *)(ip + 1);
	const struct iphdr *to = (const void *)(icmp + 1);
	*ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(*ip) / 4,
		.tot_len = bpf_htons(sizeof(*ip) + sizeof(*icmp) + quoted),
		.ttl = ICMP_HOP_LIMIT,
		.protocol = IPPROTO_ICMP,
		.saddr = to->daddr,
		.daddr = to->saddr,
	};
	ip->check = ~checksum_fold(checksum_add(ip, sizeof(*ip)));
	*icmp = (struct icmphdr){.type = error->v4_type, .code = error->v4_code};
	icmp->un.gateway = bpf_htonl(error->v4_rest);
	icmp->checksum = ~checksum_fold(checksum_add(icmp, sizeof(*icmp) + quoted));
}

static void answer_ipv6(uint8_t *l3, const struct icmp_error *error, uint32_t quoted)
{
	struct ipv6hdr *ip = (void *)l3;
	struct icmp6hdr *icmp = (void *)(ip + 1);
	const struct ipv6hdr *to = (const void *)(icmp + 1);
	uint32_t length = sizeof(*icmp) + quoted;
	*ip = (struct ipv6hdr){
		.version = 6,
		.payload_len = bpf_htons(length),
		.nexthdr = IPPROTO_ICMPV6,
		.hop_limit = ICMP_HOP_LIMIT,
		.saddr = to->daddr,
		.daddr = to->saddr,
	};
	*icmp = (struct icmp6hdr){.icmp6_type = error->v6_type, .icmp6_code = error->v6_code};
	icmp->icmp6_mtu = bpf_htonl(error->v6_rest);
	uint64_t sum = checksum_add(&ip->saddr, 2 * sizeof(ip->saddr));
	sum += (uint64_t)bpf_htonl(length) + bpf_htonl(IPPROTO_ICMPV6);
	icmp->icmp6_cksum = ~checksum_fold(sum + checksum_add(icmp, length));
}

void icmp_error_answer(struct lb_packet *p, const struct packet *parsed,
		       const struct icmp_error *error, const uint8_t mac[ETH_ALEN])
{
	bool v6 = parsed->ethertype == bpf_htons(ETH_P_IPV6);
	uint32_t grow = v6 ? sizeof(struct ipv6hdr) + sizeof(struct icmp6hdr)
			   : sizeof(struct iphdr) + sizeof(struct icmphdr);
	uint32_t quoted = p->length - parsed->l3_offset, most = v6 ? QUOTE_V6 : QUOTE_V4;
	if (quoted > most)
		quoted = most;
	p->data -= grow;
	p->length = parsed->l3_offset + grow + quoted;
	memmove(p->data, p->data + grow, parsed->l3_offset);
	struct ethhdr *eth = (void *)p->data;
	memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	memcpy(eth->h_source, mac, ETH_ALEN);
	if (v6)
		answer_ipv6(p->data + parsed->l3_offset, error, quoted);
	else
		answer_ipv4(p->data + parsed->l3_offset, error, quoted);
}
