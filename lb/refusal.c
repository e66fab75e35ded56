// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "lb/refusal.h"

#include <string.h>

#include "bpf/icmp.h"
#include "lb/icmp_error.h"
#include "lb/process.h"

static const struct icmp_error port_unreachable = {
	.v4_type = 3,
	.v4_code = 3, /* RFC 792 */
	.v6_type = 1,
	.v6_code = 4, /* RFC 4443, 3.1 */
};

/* How much of the sequence space a segment takes, with its SYN and FIN. */
static uint32_t segment_length(const struct tcphdr *tcp, uint32_t l4_length)
{
	uint32_t header = tcp->doff * 4u;
	return (l4_length > header ? l4_length - header : 0) + tcp->syn + tcp->fin;
}

/* The reset of a segment, over it. */
static void write_reset(struct tcphdr *tcp, uint32_t l4_length)
{
	struct tcphdr reset = {
		.source = tcp->dest, .dest = tcp->source, .doff = sizeof(reset) / 4, .rst = 1};
	if (tcp->ack) {
		reset.seq = tcp->ack_seq;
	} else {
		reset.ack = 1;
		reset.ack_seq = bpf_htonl(bpf_ntohl(tcp->seq) + segment_length(tcp, l4_length));
	}
	*tcp = reset;
}

static uint16_t tcp_checksum(const struct tcphdr *tcp, const void *addresses, uint32_t length)
{
	uint64_t sum = checksum_add(addresses, length);
	sum += (uint64_t)bpf_htonl(sizeof(*tcp)) + bpf_htonl(IPPROTO_TCP);
	return ~checksum_fold(sum + checksum_add(tcp, sizeof(*tcp)));
}

/* Without IP options: the TCP header moves to where they were. */
static void reset_ipv4(struct lb_packet *p, const struct packet *parsed)
{
	struct iphdr *ip = (void *)(p->data + parsed->l3_offset);
	struct tcphdr *tcp = (void *)(ip + 1);
	uint32_t l4_length = bpf_ntohs(ip->tot_len) - ip->ihl * 4u;
	memmove(tcp, p->data + parsed->l4_offset, sizeof(*tcp));
	write_reset(tcp, l4_length);
	*ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(*ip) / 4,
		.tot_len = bpf_htons(sizeof(*ip) + sizeof(*tcp)),
		.frag_off = bpf_htons(0x4000), /* DF, as hosts do */
		.ttl = ICMP_HOP_LIMIT,
		.protocol = IPPROTO_TCP,
		.saddr = ip->daddr,
		.daddr = ip->saddr,
	};
	ip->check = ~checksum_fold(checksum_add(ip, sizeof(*ip)));
	tcp->check = tcp_checksum(tcp, &ip->saddr, 2 * sizeof(ip->saddr));
	p->length = parsed->l3_offset + sizeof(*ip) + sizeof(*tcp);
}

static void reset_ipv6(struct lb_packet *p, const struct packet *parsed)
{
	struct ipv6hdr *ip = (void *)(p->data + parsed->l3_offset);
	struct tcphdr *tcp = (void *)(ip + 1);
	struct in6_addr vip = ip->daddr;
	uint32_t before = parsed->l4_offset - parsed->l3_offset - sizeof(*ip);
	uint32_t l4_length = bpf_ntohs(ip->payload_len) - before;
	memmove(tcp, p->data + parsed->l4_offset, sizeof(*tcp));
	write_reset(tcp, l4_length);
	ip->daddr = ip->saddr;
	ip->saddr = vip;
	ip->payload_len = bpf_htons(sizeof(*tcp));
	ip->nexthdr = IPPROTO_TCP;
	ip->hop_limit = ICMP_HOP_LIMIT;
	tcp->check = tcp_checksum(tcp, &ip->saddr, 2 * sizeof(ip->saddr));
	p->length = parsed->l3_offset + sizeof(*ip) + sizeof(*tcp);
}

static void reset(struct lb_packet *p, const struct packet *parsed, const uint8_t mac[ETH_ALEN])
{
	struct ethhdr *eth = (void *)p->data;
	memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	memcpy(eth->h_source, mac, ETH_ALEN);
	if (parsed->ethertype == bpf_htons(ETH_P_IPV6))
		reset_ipv6(p, parsed);
	else
		reset_ipv4(p, parsed);
}

bool refusal_answer(struct lb_packet *p, const struct packet *parsed, const uint8_t mac[ETH_ALEN])
{
	if (parsed->fragment || !icmp_error_is_allowed(p, parsed))
		return false;
	if (parsed->key.protocol == IPPROTO_UDP) {
		icmp_error_answer(p, parsed, &port_unreachable, mac);
		return true;
	}
	if (parsed->tcp_flags & PACKET_TCP_RST)
		return false;
	reset(p, parsed, mac);
	return true;
}
