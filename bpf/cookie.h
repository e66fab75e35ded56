/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who sends SYNs from an address that is not his own never sees what is sent back to it. So a SYN
 * is answered by a SYN-ACK which acknowledges what was not sent: a cookie. A TCP that has asked to
 * be connected answers that by a reset with the cookie as its sequence number, and asks again (RFC
 * 9293, 3.10.7.3; Linux at once, others when they have waited for long enough); then its address is
 * known to be its own. Nothing is remembered for the SYN, and no packet of the connection has to be
 * changed, so that this goes with every method of forwarding.
 *
 * Cookies are SipHash-1-3 (Aumasson and Bernstein, INDOCRYPT 2012) of addresses, ports and time
 * under a key of this instance; one is good for 34 to 69 seconds.
 */
#ifndef WEIR_BPF_COOKIE_H
#define WEIR_BPF_COOKIE_H

#include "bpf/checksum.h"
#include "bpf/flow.h"
#include "bpf/packet.h"

#define COOKIE_PERIOD_SHIFT 35 /* of nanoseconds */
#define COOKIE_HOP_LIMIT    64
#define COOKIE_L3_MASK      31

#define COOKIE_ROTATE(x, bits) ((x) << (bits) | (x) >> (64 - (bits)))

static __always_inline void cookie_round(__u64 v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = COOKIE_ROTATE(v[1], 13) ^ v[0];
	v[3] = COOKIE_ROTATE(v[3], 16) ^ v[2];
	v[0] = COOKIE_ROTATE(v[0], 32) + v[3];
	v[2] += v[1];
	v[1] = COOKIE_ROTATE(v[1], 17) ^ v[2];
	v[3] = COOKIE_ROTATE(v[3], 21) ^ v[0];
	v[2] = COOKIE_ROTATE(v[2], 32);
}

/* SipHash-1-3 of five words. */
static __always_inline __u64 cookie_siphash(const __u64 words[5], __u64 k0, __u64 k1)
{
	__u64 v[4] = {k0 ^ 0x736f6d6570736575ull, k1 ^ 0x646f72616e646f6dull,
		      k0 ^ 0x6c7967656e657261ull, k1 ^ 0x7465646279746573ull};
#pragma GCC unroll 5
	for (int i = 0; i < 5; i++) {
		v[3] ^= words[i];
		cookie_round(v);
		v[0] ^= words[i];
	}
	v[3] ^= 40ull << 56;
	cookie_round(v);
	v[0] ^= 40ull << 56;
	v[2] ^= 0xff;
	cookie_round(v);
	cookie_round(v);
	cookie_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Of a packet from the client: as it stands in its headers. */
static __always_inline __be32 cookie_make(const struct flow_key *key, const struct flow_seed *seed,
					  __u32 period)
{
	__u64 words[5];
	__builtin_memcpy(words, key, 32);
	words[4] = (__u64)period << 32 | (__u32)key->destination_port << 16 | key->source_port;
	return cookie_siphash(words, seed->k[4], seed->k[5]);
}

static __always_inline __u32 cookie_period(__u64 now_ns)
{
	return now_ns >> COOKIE_PERIOD_SHIFT;
}

/* Whether the sequence number of a client's reset is a cookie. */
static __always_inline int cookie_is_right(const struct flow_key *key, const struct flow_seed *seed,
					   __be32 sequence, __u64 now_ns)
{
	__u32 period = cookie_period(now_ns);
	return sequence == cookie_make(key, seed, period) ||
	       sequence == cookie_make(key, seed, period - 1);
}

/* The TCP header of a packet without IP options, where the parser found it; or NULL. */
static __always_inline struct tcphdr *cookie_tcp(void *data, const void *end,
						 const struct packet *p)
{
	__u32 l3 = p->l3_offset & COOKIE_L3_MASK, size = sizeof(struct iphdr);
	if (p->ethertype == bpf_htons(ETH_P_IPV6))
		size = sizeof(struct ipv6hdr);
	struct tcphdr *tcp = (void *)((char *)data + l3 + size);
	if (p->l4_offset != l3 + size || p->key.protocol != IPPROTO_TCP || p->fragment || p->icmp ||
	    (const void *)(tcp + 1) > end)
		return 0;
	return tcp;
}

static __always_inline __u64 cookie_write_ipv4(struct iphdr *ip)
{
	__be32 client = ip->saddr;
	*(__u32 *)ip = bpf_htonl(0x45000000 | (sizeof(*ip) + sizeof(struct tcphdr)));
	ip->id = 0;
	ip->frag_off = bpf_htons(0x4000); /* DF, as hosts do */
	ip->ttl = COOKIE_HOP_LIMIT;
	ip->protocol = IPPROTO_TCP;
	ip->check = 0;
	ip->saddr = ip->daddr;
	ip->daddr = client;
	ip->check = ~checksum_fold(checksum_add(ip, sizeof(*ip)));
	return (__u64)ip->saddr + ip->daddr;
}

static __always_inline __u64 cookie_write_ipv6(struct ipv6hdr *ip)
{
	struct in6_addr client = ip->saddr;
	ip->payload_len = bpf_htons(sizeof(struct tcphdr));
	ip->hop_limit = COOKIE_HOP_LIMIT;
	ip->saddr = ip->daddr;
	ip->daddr = client;
	return checksum_add(&ip->saddr, 2 * sizeof(client));
}

/*
 * Makes of a SYN the answer with that cookie, to be sent out of the port that it came in on.
 * Returns how long the frame is then, which is no longer than it was; or 0: this one is not
 * answered, as it has IP options.
 */
static __always_inline __u32 cookie_answer(void *data, const void *end, const struct packet *p,
					   __be32 cookie, const __u8 mac[ETH_ALEN])
{
	struct ethhdr *eth = data;
	struct tcphdr *tcp = cookie_tcp(data, end, p);
	__u32 l3 = p->l3_offset & COOKIE_L3_MASK;
	if (!tcp || (void *)(eth + 1) > end)
		return 0;
	void *ip = (char *)data + l3;
	__u64 sum = p->ethertype == bpf_htons(ETH_P_IPV6) ? cookie_write_ipv6(ip)
							  : cookie_write_ipv4(ip);
	__be16 client = tcp->source;
	__u32 *words = (void *)tcp;
	tcp->source = tcp->dest;
	tcp->dest = client;
	words[1] = ~cookie; /* nobody gets to use it: any will do */
	words[2] = cookie;
	words[3] = bpf_htonl(0x50120000 | 0xffff); /* no options, SYN and ACK, a window */
	words[4] = 0;
	sum += bpf_htonl(IPPROTO_TCP) + (__u64)bpf_htonl(sizeof(*tcp));
	tcp->check = ~checksum_fold(sum + checksum_add(tcp, sizeof(*tcp)));
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
	/* Ethernet has no shorter ones; what is behind the segment is padding. */
	__u32 length = (char *)(tcp + 1) - (char *)data, was = (char *)end - (char *)data;
	if (length < ETH_ZLEN)
		length = was < ETH_ZLEN ? was : ETH_ZLEN;
	return length;
}

#endif
