/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The other end of bpf/tunnel.h: what a tunnel packet holds, and the packet inside made whole
 * again. For the program that `weir backend` attaches, and for tests of it in user space.
 */
#ifndef WEIR_BPF_DECAP_H
#define WEIR_BPF_DECAP_H

#include "bpf/checksum.h"
#include "bpf/tunnel.h"

enum decap_result {
	DECAP_OTHER = 0, /* no packet of that kind of tunnel */
	DECAP_MALFORMED,
	DECAP_FOUND,
};

/* What decap_parse() found. Offsets count from the frame's first byte. */
struct decap {
	struct addr from;   /* outer source */
	struct addr vip;    /* inner destination */
	__u16 l3_offset;    /* of the outer header */
	__u16 inner_offset; /* of the packet inside */
	__u8 outer_class;   /* DS field and ECN */
	__u8 inner_v6;
};

#define DECAP_ECN    3
#define DECAP_ECN_CE 3
#define DECAP_ECT_1  1
#define DECAP_ECT_0  2

/* The outer IP header: its payload's length in *payload, its protocol in *protocol. */
static __always_inline int decap_parse_outer(struct cursor *c, struct decap *d, __be16 ethertype,
					     __u8 *protocol, __u32 *payload)
{
	const struct iphdr *v4 = (const void *)c->pos;
	const struct ipv6hdr *v6 = (const void *)c->pos;
	__u32 header = sizeof(*v6), all;
	if (ethertype == bpf_htons(ETH_P_IP)) {
		if ((const char *)(v4 + 1) > c->end)
			return DECAP_OTHER;
		header = v4->ihl * 4u;
		all = bpf_ntohs(v4->tot_len);
		if (v4->version != 4 || header < sizeof(*v4) || all < header)
			return DECAP_OTHER; /* the kernel's to complain about */
		/* Weir sends none, and the first one alone would be a lie. */
		if (v4->frag_off & bpf_htons(PACKET_IPV4_MF | PACKET_IPV4_OFFSET))
			return DECAP_OTHER;
		*protocol = v4->protocol;
		d->outer_class = v4->tos;
		addr_set_v4(&d->from, v4->saddr);
	} else {
		if ((const char *)(v6 + 1) > c->end || v6->version != 6)
			return DECAP_OTHER;
		all = header + bpf_ntohs(v6->payload_len);
		*protocol = v6->nexthdr;
		d->outer_class = v6->priority << 4 | v6->flow_lbl[0] >> 4;
		addr_set_v6(&d->from, &v6->saddr);
	}
	if (c->pos + header > c->end || all > (__u64)(c->end - c->pos))
		return DECAP_OTHER;
	*payload = all - header;
	c->pos += header;
	return DECAP_FOUND;
}

/* GUE's UDP header: variant 1 is told by the first two bits of what follows it. */
static __always_inline int decap_parse_udp(struct cursor *c, __u32 *payload)
{
	const struct udphdr *udp = (const void *)c->pos;
	const __u8 *first = (const void *)(udp + 1);
	if (*payload < sizeof(*udp) + 1 || (const char *)(first + 1) > c->end ||
	    udp->dest != bpf_htons(TUNNEL_GUE_PORT))
		return DECAP_OTHER;
	__u32 length = bpf_ntohs(udp->len);
	if (length < sizeof(*udp) || length > *payload || *first >> 6 != 1)
		return DECAP_MALFORMED;
	*payload = length - sizeof(*udp);
	c->pos = (const char *)first;
	return DECAP_FOUND;
}

/* The packet inside, as far as it has to be right to be given to the kernel. */
static __always_inline int decap_parse_inner(const struct cursor *c, struct decap *d, __u32 payload)
{
	const struct iphdr *v4 = (const void *)c->pos;
	const struct ipv6hdr *v6 = (const void *)c->pos;
	if (payload < sizeof(*v4) || (const char *)(v4 + 1) > c->end)
		return DECAP_MALFORMED;
	if (!d->inner_v6) {
		addr_set_v4(&d->vip, v4->daddr);
		return v4->version != 4 || v4->ihl * 4u < sizeof(*v4) ||
				       bpf_ntohs(v4->tot_len) < v4->ihl * 4u ||
				       bpf_ntohs(v4->tot_len) > payload
			       ? DECAP_MALFORMED
			       : DECAP_FOUND;
	}
	if (payload < sizeof(*v6) || (const char *)(v6 + 1) > c->end)
		return DECAP_MALFORMED;
	addr_set_v6(&d->vip, &v6->daddr);
	return v6->version != 6 || bpf_ntohs(v6->payload_len) > payload - sizeof(*v6)
		       ? DECAP_MALFORMED
		       : DECAP_FOUND;
}

/*
 * Looks for a packet in a tunnel of a kind, FORWARD_IPIP or FORWARD_GUE. `d` must be zeroed, and is
 * whole on DECAP_FOUND.
 */
static __always_inline int decap_parse(const void *data, const void *end, enum forward kind,
				       struct decap *d)
{
	struct cursor c = {.pos = data, .end = end};
	__be16 ethertype;
	__u8 protocol;
	__u32 payload;
	if (parse_ethernet(&c, &ethertype) ||
	    (ethertype != bpf_htons(ETH_P_IP) && ethertype != bpf_htons(ETH_P_IPV6)))
		return DECAP_OTHER;
	d->l3_offset = c.pos - (const char *)data;
	int found = decap_parse_outer(&c, d, ethertype, &protocol, &payload);
	if (found != DECAP_FOUND)
		return found;
	if (kind == FORWARD_GUE) {
		if (protocol != IPPROTO_UDP)
			return DECAP_OTHER;
		found = decap_parse_udp(&c, &payload);
		if (found != DECAP_FOUND)
			return found;
		d->inner_v6 = *(const __u8 *)c.pos >> 4 == 6;
	} else {
		if (protocol != IPPROTO_IPIP && protocol != IPPROTO_IPV6)
			return DECAP_OTHER;
		d->inner_v6 = protocol == IPPROTO_IPV6;
	}
	d->inner_offset = c.pos - (const char *)data;
	return decap_parse_inner(&c, d, payload);
}

/*
 * What becomes of the congestion marks of the two headers (RFC 6040, figure 4): those for the
 * packet inside, or -1: it has to be dropped.
 */
static __always_inline int decap_ecn(__u8 outer, __u8 inner)
{
	outer &= DECAP_ECN;
	inner &= DECAP_ECN;
	if (outer == DECAP_ECN_CE)
		return inner ? DECAP_ECN_CE : -1;
	return outer == DECAP_ECT_1 && inner == DECAP_ECT_0 ? DECAP_ECT_1 : inner;
}

/* The marks of the packet at `l3`, and what they are to be. `l3` has an IP header. */
static __always_inline __u8 decap_inner_class(const void *l3, int v6)
{
	const __u8 *bytes = l3;
	return v6 ? bytes[0] << 4 | bytes[1] >> 4 : bytes[1];
}

static __always_inline void decap_set_ecn(void *l3, int v6, __u8 ecn)
{
	__u8 *bytes = l3;
	struct iphdr *v4 = l3;
	__u16 before, after;
	if (v6) {
		bytes[1] = (bytes[1] & ~(DECAP_ECN << 4)) | ecn << 4;
		return;
	}
	__builtin_memcpy(&before, v4, 2);
	v4->tos = (v4->tos & ~DECAP_ECN) | ecn;
	__builtin_memcpy(&after, v4, 2);
	v4->check = checksum_adjust(v4->check, before, after);
}

#endif
