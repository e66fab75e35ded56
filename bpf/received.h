/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the bench's receiver counts, and how it finds a stamp, for its BPF program and for user
 * space. A stamp is found behind UDP and TCP over IPv4 and IPv6, with a VLAN tag, and inside of
 * the tunnels that a balancer puts around its packets (IP in IP, GUE).
 */
#ifndef WEIR_BPF_RECEIVED_H
#define WEIR_BPF_RECEIVED_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "bpf/histogram.h"
#include "bpf/sequence.h"
#include "bpf/stamp.h"

#define RECEIVED_QUEUES     256u
#define RECEIVED_GUE        6080 /* the port that IANA gave to GUE */
#define RECEIVED_GUE_HEADER 4

/* Of one CPU. */
struct received {
	struct sequence_counts stamped; /* of packets with a stamp */
	__u64 bytes;                    /* of those, whole frames */
	__u64 others;                   /* packets without one */
	__u64 misaddressed;             /* stamped, to another link address than the interface's */
	__u64 unknown;           /* stamped, of a flow with a higher number than was asked for */
	__u64 early;             /* stamped later than they came: the clocks differ */
	__u64 first_ns, last_ns; /* when the first and the last one came */
};

/* Of one flow. */
struct received_flow {
	struct sequence sequence;
	struct sequence_counts counts;
};

static __always_inline void received_add(struct sequence_counts *to,
					 const struct sequence_counts *from)
{
	to->received += from->received;
	to->skipped += from->skipped;
	to->filled += from->filled;
	to->reordered += from->reordered;
	to->duplicates += from->duplicates;
	to->stale += from->stale;
	if (from->farthest > to->farthest)
		to->farthest = from->farthest;
}

/* Where a search for a stamp stands: in front of an IP header, or of what its `protocol` says. */
struct received_cursor {
	const char *pos, *end;
	__u8 protocol;
};

static __always_inline int received_skip_link(struct received_cursor *c)
{
	const struct ethhdr *eth = (const void *)c->pos;
	if (c->pos + ETH_HLEN + 4 > c->end)
		return 0;
	__u16 type = eth->h_proto;
	c->pos += ETH_HLEN;
	if (type == bpf_htons(ETH_P_8021Q)) {
		type = *(const __u16 *)(c->pos + 2);
		c->pos += 4;
	}
	c->protocol = type == bpf_htons(ETH_P_IP)     ? IPPROTO_IPIP
		      : type == bpf_htons(ETH_P_IPV6) ? IPPROTO_IPV6
						      : IPPROTO_RAW;
	return c->protocol != IPPROTO_RAW;
}

/* Past the IP header that `protocol` promises. Options, extensions and fragments bear no stamps. */
static __always_inline int received_skip_ip(struct received_cursor *c)
{
	if (c->protocol == IPPROTO_IPIP) {
		const struct iphdr *ip = (const void *)c->pos;
		c->pos += sizeof(*ip);
		if (c->pos > c->end || ip->ihl != 5)
			return 0;
		c->protocol = ip->protocol;
	} else {
		const struct ipv6hdr *ip = (const void *)c->pos;
		c->pos += sizeof(*ip);
		if (c->pos > c->end)
			return 0;
		c->protocol = ip->nexthdr;
	}
	return 1;
}

/* Past a GUE header, where there is one: then `protocol` is that of what is inside. */
static __always_inline int received_skip_gue(struct received_cursor *c)
{
	const struct udphdr *udp = (const void *)c->pos;
	const char *gue = c->pos + sizeof(*udp);
	if (gue + RECEIVED_GUE_HEADER > c->end || udp->dest != bpf_htons(RECEIVED_GUE))
		return 0;
	c->protocol = gue[1];
	c->pos = gue + RECEIVED_GUE_HEADER;
	return 1;
}

static __always_inline int received_is_tunnel(const struct received_cursor *c)
{
	return c->protocol == IPPROTO_IPIP || c->protocol == IPPROTO_IPV6;
}

/* Past the transport header. */
static __always_inline int received_skip_l4(struct received_cursor *c)
{
	const struct tcphdr *tcp = (const void *)c->pos;
	if (c->protocol == IPPROTO_UDP) {
		c->pos += sizeof(struct udphdr);
		return 1;
	}
	c->pos += sizeof(*tcp);
	return c->protocol == IPPROTO_TCP && c->pos <= c->end && tcp->doff == sizeof(*tcp) / 4;
}

/* False: the packet bears no stamp. */
static __always_inline int received_find(const void *data, const void *end, struct stamp *out)
{
	struct received_cursor c = {data, end, 0};
	if (!received_skip_link(&c) || !received_skip_ip(&c))
		return 0;
	if (c.protocol == IPPROTO_UDP)
		received_skip_gue(&c);
	if (received_is_tunnel(&c) && !received_skip_ip(&c))
		return 0;
	if (!received_skip_l4(&c) || c.pos + STAMP_SIZE > c.end)
		return 0;
	return stamp_read(c.pos, out);
}

#endif
