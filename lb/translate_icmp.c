// SPDX-License-Identifier: BSD-2-Clause
/*
 * An error is an IP header, eight bytes of ICMP, and the quoted packet: its own IP header, and the
 * rest. The rest stays where it is in the frame (but for ports and a checksum); all in front of it
 * is written anew, and the frame's start moves by the difference.
 */
#include "lb/translate_icmp.h"

#include <arpa/inet.h>
#include <linux/icmp.h>
#include <string.h>

#include "bpf/icmp.h"
#include "bpf/translate.h"
#include "lb/process.h"

#define V4_LARGEST     576u  /* bytes of an ICMP error, RFC 1812, 4.3.2.3 */
#define V6_LARGEST     1280u /* of an ICMPv6 error, RFC 4443, 2.4 */
#define V6_LEAST_MTU   1280u
#define FAMILY_GAP     20u /* bytes by which an IPv6 header is longer */
#define NO_COUNTERPART 0xff

/* An error as it came in. */
struct error {
	const void *l3, *quote; /* IP headers */
	const struct icmphdr *icmp;
	uint8_t *rest; /* of the quoted packet, behind the header that is written anew */
	uint8_t *l4;   /* in it, the transport header */
	uint32_t rest_length;
	uint8_t protocol;           /* of the quoted packet */
	struct translate_head head; /* of the IP header; but for the length */
};

/* What is said: the first eight bytes of ICMP. */
struct message {
	uint8_t type, code;
	uint32_t word; /* host byte order */
};

/* --- what is said, in the other family ------------------------------------------------------- */

/* RFC 7915, figure 3: where in an IPv6 header stands what is at fault in an IPv4 one. */
static uint8_t pointer_to_v6(uint8_t pointer)
{
	static const uint8_t to[20] = {0,   1,   4, 4, 255, 255, 255, 255, 7,  6,
				       255, 255, 8, 8, 8,   8,   24,  24,  24, 24};
	return pointer < sizeof(to) ? to[pointer] : NO_COUNTERPART;
}

/* RFC 7915, figure 6. */
static uint8_t pointer_to_v4(uint32_t pointer)
{
	static const uint8_t to[8] = {0, 1, 255, 255, 2, 2, 9, 8};
	if (pointer < sizeof(to))
		return to[pointer];
	if (pointer < 24)
		return 12;
	return pointer < 40 ? 16 : NO_COUNTERPART;
}

/* RFC 7915, 4.2. False: it is not to be translated. */
static bool unreachable_to_v6(struct message *m)
{
	switch (m->code) {
	case ICMP_PROT_UNREACH:
		*m = (struct message){ICMPV6_PARAMPROB, ICMPV6_UNK_NEXTHDR, 6};
		return true;
	case ICMP_PORT_UNREACH:
		*m = (struct message){ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH, 0};
		return true;
	case ICMP_NET_ANO:
	case ICMP_HOST_ANO:
	case ICMP_PKT_FILTERED:
	case ICMP_PREC_CUTOFF:
		*m = (struct message){ICMPV6_DEST_UNREACH, ICMPV6_ADM_PROHIBITED, 0};
		return true;
	case ICMP_PREC_VIOLATION:
		return false;
	default:
		if (m->code > ICMP_PREC_CUTOFF)
			return false;
		*m = (struct message){ICMPV6_DEST_UNREACH, ICMPV6_NOROUTE, 0};
		return true;
	}
}

/* Of routers that do not say how much fits (RFC 1191, 7.1): the next plateau below. */
static uint32_t plateau(uint32_t length)
{
	static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296};
	for (size_t i = 0; i < sizeof(plateaus) / sizeof(plateaus[0]); i++)
		if (plateaus[i] < length)
			return plateaus[i];
	return 68;
}

static bool to_v6(struct message *m, const struct iphdr *quoted)
{
	uint32_t mtu = m->word & 0xffff;
	switch (m->type) {
	case ICMP_DEST_UNREACH:
		if (m->code != ICMP_FRAG_NEEDED)
			return unreachable_to_v6(m);
		mtu = (mtu ? mtu : plateau(ntohs(quoted->tot_len))) + FAMILY_GAP;
		*m = (struct message){ICMPV6_PKT_TOOBIG, 0,
				      mtu < V6_LEAST_MTU ? V6_LEAST_MTU : mtu};
		return true;
	case ICMP_TIME_EXCEEDED:
		*m = (struct message){ICMPV6_TIME_EXCEED, m->code, 0};
		return true;
	default: /* a parameter problem; the word begins with its pointer */
		if (m->code != 0 && m->code != 2)
			return false;
		*m = (struct message){ICMPV6_PARAMPROB, ICMPV6_HDR_FIELD,
				      pointer_to_v6(m->word >> 24)};
		return m->word != NO_COUNTERPART;
	}
}

/* RFC 7915, 5.2. */
static bool unreachable_to_v4(struct message *m)
{
	static const uint8_t codes[] = {
		[ICMPV6_NOROUTE] = ICMP_HOST_UNREACH,
		[ICMPV6_ADM_PROHIBITED] = ICMP_HOST_ANO,
		[ICMPV6_NOT_NEIGHBOUR] = ICMP_HOST_UNREACH,
		[ICMPV6_ADDR_UNREACH] = ICMP_HOST_UNREACH,
		[ICMPV6_PORT_UNREACH] = ICMP_PORT_UNREACH,
	};
	if (m->code >= sizeof(codes))
		return false;
	*m = (struct message){ICMP_DEST_UNREACH, codes[m->code], 0};
	return true;
}

static bool to_v4(struct message *m)
{
	switch (m->type) {
	case ICMPV6_DEST_UNREACH:
		return unreachable_to_v4(m);
	case ICMPV6_PKT_TOOBIG:
		if (m->word < V6_LEAST_MTU)
			m->word = V6_LEAST_MTU; /* less means nothing since RFC 8200 */
		if (m->word > 0xffff)
			m->word = 0xffff;
		*m = (struct message){ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, m->word - FAMILY_GAP};
		return true;
	case ICMPV6_TIME_EXCEED:
		*m = (struct message){ICMP_TIME_EXCEEDED, m->code, 0};
		return true;
	default: /* a parameter problem */
		if (m->code == ICMPV6_UNK_NEXTHDR) {
			*m = (struct message){ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0};
			return true;
		}
		if (m->code != ICMPV6_HDR_FIELD || pointer_to_v4(m->word) == NO_COUNTERPART)
			return false;
		*m = (struct message){ICMP_PARAMETERPROB, 0,
				      (uint32_t)pointer_to_v4(m->word) << 24};
		return true;
	}
}

/* --- what came in ---------------------------------------------------------------------------- */

/* Where the quoted packet's transport header is; parse_packet() has followed the headers to it. */
static uint8_t *quoted_transport(const struct ipv6hdr *ip, uint8_t *protocol)
{
	uint8_t *header = (uint8_t *)(ip + 1);
	uint8_t next = ip->nexthdr;
	while (next != IPPROTO_TCP && next != IPPROTO_UDP) {
		uint32_t length = (header[1] + 1u) * 8u;
		if (next == IPPROTO_FRAGMENT)
			length = 8;
		if (next == IPPROTO_AH)
			length = (header[1] + 2u) * 4u;
		next = header[0];
		header += length;
	}
	*protocol = next;
	return header;
}

/* Bytes that the quoted packet has behind its headers, by its own account. */
static uint32_t quoted_length(const struct error *e, bool v4)
{
	const struct iphdr *ip4 = e->quote;
	const struct ipv6hdr *ip6 = e->quote;
	uint32_t headers = e->l4 - (const uint8_t *)e->quote;
	uint32_t all = v4 ? ntohs(ip4->tot_len) : ntohs(ip6->payload_len) + sizeof(*ip6);
	return all > headers ? all - headers : 0;
}

/* With `cross` all of the quoted packet's headers are written anew, else only the fixed one. */
static void read_error(const struct lb_packet *p, const struct packet *parsed, bool cross,
		       struct error *e)
{
	bool v4 = translate_is_v4(parsed);
	uint32_t fixed = v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	e->l3 = p->data + parsed->l3_offset;
	e->icmp = (const void *)(p->data + parsed->l4_offset);
	e->quote = e->icmp + 1;
	if (v4) {
		const struct iphdr *ip = e->quote;
		e->protocol = ip->protocol;
		e->l4 = (uint8_t *)ip + ip->ihl * 4;
	} else {
		e->l4 = quoted_transport(e->quote, &e->protocol);
	}
	e->rest = cross ? e->l4 : (uint8_t *)e->quote + fixed;
	e->rest_length = (const uint8_t *)e->icmp + checksum_payload(e->l3, parsed) - e->rest;
	/* Extensions (RFC 4884) are not translated. */
	if (cross && e->rest_length > quoted_length(e, v4))
		e->rest_length = quoted_length(e, v4);
	translate_head(p->data, p->data + p->length, parsed, &e->head);
}

/* --- what goes out --------------------------------------------------------------------------- */

/* The headers in front of the quoted packet's rest, written from the back. */
struct front {
	uint8_t bytes[ETH_HLEN + sizeof(struct vlan_tag) + 2 * sizeof(struct ipv6hdr) +
		      sizeof(struct icmphdr)];
	uint8_t *begin;
};

static void *front_add(struct front *f, uint32_t length)
{
	f->begin -= length;
	return f->begin;
}

/* Adjusts what the quote has of its transport header: it is on the way that the flow is not. */
static void translate_quoted_transport(const struct error *e, const struct translation *x)
{
	uint32_t there = e->rest + e->rest_length - e->l4;
	struct tcphdr *tcp = (void *)e->l4;
	struct udphdr *udp = (void *)e->l4;
	udp->source = x->destination_port;
	udp->dest = x->source_port;
	if (e->protocol == IPPROTO_UDP && udp->check)
		udp->check = checksum_shift(udp->check, x->l4_delta);
	if (e->protocol == IPPROTO_TCP && there >= offsetof(struct tcphdr, urg_ptr))
		tcp->check = checksum_shift(tcp->check, x->l4_delta);
}

static void add_quoted_v4(struct front *f, const struct error *e, const struct packet *parsed,
			  const struct translation *x)
{
	struct iphdr *ip = front_add(f, sizeof(*ip));
	if (translate_is_v4(parsed)) {
		/* The hop limit stays, which l3_delta takes for one less. */
		memcpy(ip, e->quote, sizeof(*ip));
		ip->check = checksum_shift(checksum_shift(ip->check, x->l3_delta), htons(0x0100));
	} else {
		const struct ipv6hdr *from = e->quote;
		uint32_t headers = e->l4 - (const uint8_t *)e->quote - sizeof(*from);
		*ip = (struct iphdr){
			.version = 4,
			.ihl = sizeof(*ip) / 4,
			.tos = ntohl(*(const __be32 *)from) >> 20,
			.tot_len = htons(sizeof(*ip) + ntohs(from->payload_len) - headers),
			.ttl = from->hop_limit,
			.protocol = e->protocol,
		};
		ip->saddr = x->destination.word[3];
		ip->daddr = x->source.word[3];
		ip->check = ~checksum_fold(checksum_add(ip, sizeof(*ip)));
	}
	ip->saddr = x->destination.word[3];
	ip->daddr = x->source.word[3];
}

static void add_quoted_v6(struct front *f, const struct error *e, const struct packet *parsed,
			  const struct translation *x)
{
	struct ipv6hdr *ip = front_add(f, sizeof(*ip));
	const struct iphdr *from = e->quote;
	if (translate_is_v4(parsed)) {
		*(__be32 *)ip = htonl(6u << 28 | (uint32_t)from->tos << 20);
		ip->payload_len = htons(ntohs(from->tot_len) - from->ihl * 4);
		ip->nexthdr = e->protocol;
		ip->hop_limit = from->ttl;
	} else {
		memcpy(ip, e->quote, sizeof(*ip));
	}
	memcpy(&ip->saddr, &x->destination, sizeof(ip->saddr));
	memcpy(&ip->daddr, &x->source, sizeof(ip->daddr));
}

static void add_message(struct front *f, const struct message *m)
{
	struct icmphdr *icmp = front_add(f, sizeof(*icmp));
	*icmp = (struct icmphdr){.type = m->type, .code = m->code, .un.gateway = htonl(m->word)};
}

/* `length`: of all that follows the IP header. */
static void add_ip(struct front *f, const struct error *e, bool v4, uint32_t length,
		   const struct translation *x)
{
	const struct icmphdr *icmp = (void *)f->begin;
	struct translate_head h = e->head;
	h.length = length;
	h.protocol = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	if (v4)
		translate_write_v4(front_add(f, sizeof(struct iphdr)), &h, x, icmp->checksum);
	else
		translate_write_v6(front_add(f, sizeof(struct ipv6hdr)), &h, x);
}

/* Of the message at f->begin, which is all there but for `rest`. */
static void fill_in_checksum(struct front *f, const struct error *e, bool v4, uint32_t length,
			     const struct translation *x)
{
	struct icmphdr *icmp = (void *)f->begin;
	uint32_t written = f->bytes + sizeof(f->bytes) - f->begin;
	uint64_t sum = checksum_add(icmp, written) + checksum_add(e->rest, e->rest_length);
	if (!v4)
		sum += checksum_add(&x->source, sizeof(x->source)) +
		       checksum_add(&x->destination, sizeof(x->destination)) + htonl(length) +
		       htonl(IPPROTO_ICMPV6);
	icmp->checksum = ~checksum_fold(sum);
}

/* Errors are cut to what their family lets them be. */
static void cut(struct error *e, bool v4, bool cross)
{
	uint32_t most = v4 ? V4_LARGEST - 2 * sizeof(struct iphdr) - sizeof(struct icmphdr)
			   : V6_LARGEST - 2 * sizeof(struct ipv6hdr) - sizeof(struct icmphdr);
	if (cross && e->rest_length > most)
		e->rest_length = most;
}

static void write_error(struct lb_packet *p, const struct packet *parsed, const struct error *e,
			const struct message *m, const struct translation *x)
{
	bool v4 = addr_is_mapped(&x->destination);
	struct front f;
	f.begin = f.bytes + sizeof(f.bytes);
	translate_quoted_transport(e, x);
	if (v4)
		add_quoted_v4(&f, e, parsed, x);
	else
		add_quoted_v6(&f, e, parsed, x);
	add_message(&f, m);
	uint32_t length = f.bytes + sizeof(f.bytes) - f.begin + e->rest_length;
	fill_in_checksum(&f, e, v4, length, x);
	add_ip(&f, e, v4, length, x);
	translate_link(front_add(&f, translate_link_length(x)), x);
	uint32_t in_front = f.bytes + sizeof(f.bytes) - f.begin;
	memcpy(e->rest - in_front, f.begin, in_front);
	p->data = e->rest - in_front;
	p->length = in_front + e->rest_length;
}

enum reason translate_icmp(struct lb_packet *p, const struct packet *parsed,
			   const struct translation *x)
{
	bool cross = translate_is_cross(parsed, x);
	struct error e = {0};
	read_error(p, parsed, cross, &e);
	struct message m = {e.icmp->type, e.icmp->code, ntohl(e.icmp->un.gateway)};
	if (e.head.hop_limit <= 1)
		return REASON_HOP_LIMIT;
	if (!checksum_of_header_is_right(e.l3, p->data + p->length, parsed) ||
	    !checksum_of_icmp_is_right(e.l3, e.icmp, p->data + p->length, parsed))
		return REASON_MALFORMED_ICMP;
	if (cross && !(translate_is_v4(parsed) ? to_v6(&m, e.quote) : to_v4(&m)))
		return REASON_UNTRANSLATABLE;
	cut(&e, addr_is_mapped(&x->destination), cross);
	write_error(p, parsed, &e, &m, x);
	return REASON_NONE;
}
