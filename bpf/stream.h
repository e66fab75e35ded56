/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How the bench's packets are written, by its BPF program and by user space: one template a size,
 * into which go a flow's addresses and ports, a stamp, and the checksums, from sums that were taken
 * before. Every checksum is right.
 *
 * Which flow a packet is of, and which size it has, is drawn beforehand: an order that is gone
 * through again and again.
 */
#ifndef WEIR_BPF_STREAM_H
#define WEIR_BPF_STREAM_H

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "bpf/pacer.h"
#include "bpf/stamp.h"

#define STREAM_MIN      60   /* bytes of a frame, without its check sequence */
#define STREAM_MAX      9018 /* Ethernet's 9000 and its headers */
#define STREAM_SIZES    16u  /* different ones */
#define STREAM_FLOWS    (1u << 22)
#define STREAM_ORDER    (1u << 23)
#define STREAM_HEADER   80 /* the longest: VLAN, IPv6, TCP, rounded up to words */
#define STREAM_ONE_COPY 56 /* bytes of header written in any case: less than the shortest frame */

/* Which headers there are. */
struct stream_shape {
	__u8 vlan, ipv6, tcp, stamps;
};

static __always_inline __u32 stream_l3(const struct stream_shape *s)
{
	return ETH_HLEN + (s->vlan ? 4 : 0);
}

static __always_inline __u32 stream_l4(const struct stream_shape *s)
{
	return stream_l3(s) + (s->ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
}

static __always_inline __u32 stream_payload(const struct stream_shape *s)
{
	return stream_l4(s) + (s->tcp ? sizeof(struct tcphdr) : sizeof(struct udphdr));
}

/* The shortest frame of that shape, with a stamp or without. */
static __always_inline __u32 stream_shortest(const struct stream_shape *s)
{
	__u32 length = stream_payload(s) + (s->stamps ? STAMP_SIZE : 0);
	return length < STREAM_MIN ? STREAM_MIN : length;
}

/* A template. The sums are folded ones of all that no flow or stamp changes. */
struct stream_size {
	__u32 length; /* of the frame */
	__u16 ip_sum, l4_sum;
	__u64 header[STREAM_HEADER / 8];
};

/* Addresses and ports in network byte order; IPv4 has word 0 of each alone. */
struct stream_flow {
	__u32 source[4], destination[4];
	__u16 source_port, destination_port;
	__u16 address_sum; /* over the addresses */
	__u16 sum;         /* over the ports too */
};
_Static_assert(sizeof(struct stream_flow) == 40, "flow");

/* One entry of the order. */
#define STREAM_FLOW_BITS 24
static __always_inline __u32 stream_entry(__u32 flow, __u32 size)
{
	return size << STREAM_FLOW_BITS | flow;
}

/* What user space tells the sending program. */
struct stream_knobs {
	struct pacer pacer; /* in nanoseconds */
	__u64 start_ns;     /* when the pacer's time begins */
	__u64 left;         /* packets that are still to be sent */
	__u32 ifindex;      /* where they go */
	__u32 order;        /* entries of it */
	__u32 epoch;
	__u32 pad;
};

/* Written by the sending program alone. */
struct stream_sent {
	__u64 packets, bytes;
	__u64 last_ns; /* when the last one was sent */
};

static __always_inline __u16 stream_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static __always_inline void stream_copy(void *frame, const struct stream_size *size, __u32 length)
{
	__u64 *to = frame;
	for (int i = 0; i < STREAM_ONE_COPY / 8; i++)
		to[i] = size->header[i];
	for (__u32 at = STREAM_ONE_COPY; at + 2 <= length && at < STREAM_HEADER; at += 2)
		*(__u16 *)((char *)frame + at) = *(const __u16 *)((const char *)size->header + at);
}

static __always_inline void stream_put_addresses(void *l3, const struct stream_shape *shape,
						 const struct stream_size *size,
						 const struct stream_flow *flow)
{
	if (shape->ipv6) {
		struct ipv6hdr *ip = l3;
		__builtin_memcpy(&ip->saddr, flow->source, sizeof(ip->saddr));
		__builtin_memcpy(&ip->daddr, flow->destination, sizeof(ip->daddr));
	} else {
		struct iphdr *ip = l3;
		ip->saddr = flow->source[0];
		ip->daddr = flow->destination[0];
		ip->check = ~stream_fold(size->ip_sum + flow->address_sum);
	}
}

/* The ports come first in both. */
static __always_inline void stream_put_l4(void *l4, const struct stream_shape *shape,
					  const struct stream_flow *flow, __u32 sum)
{
	__u16 check = ~stream_fold(sum);
	struct udphdr *udp = l4;
	udp->source = flow->source_port;
	udp->dest = flow->destination_port;
	if (shape->tcp)
		((struct tcphdr *)l4)->check = check;
	else
		udp->check = check ? check : 0xffff; /* RFC 768: 0 would mean that there is none */
}

/*
 * Writes the headers and the stamp of a packet (NULL: none), whose payload is zeros or a stamp and
 * zeros. Nothing where `end` leaves no room.
 */
static __always_inline void stream_write(void *frame, const void *end,
					 const struct stream_shape *shape,
					 const struct stream_size *size,
					 const struct stream_flow *flow, const struct stamp *stamp)
{
	__u32 payload = stream_payload(shape), shortest = stream_shortest(shape);
	__u32 sum = size->l4_sum + flow->sum;
	if ((const char *)frame + shortest > (const char *)end)
		return;
	stream_copy(frame, size, payload);
	if (stamp)
		sum += stamp_write((char *)frame + payload, stamp);
	stream_put_addresses((char *)frame + stream_l3(shape), shape, size, flow);
	stream_put_l4((char *)frame + stream_l4(shape), shape, flow, sum);
}

#endif
