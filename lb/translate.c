// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "lb/translate.h"

#include <arpa/inet.h>
#include <string.h>

#include "bpf/translate.h"
#include "lb/process.h"
#include "lb/translate_icmp.h"

#define OPTION_LOOSE_ROUTE  131 /* RFC 791, 3.1 */
#define OPTION_STRICT_ROUTE 137

/* --- what is computed once ------------------------------------------------------------------- */

/* Mapped addresses add 0xffff, which is zero to such a sum. */
static uint64_t sum_of(const struct addr *a, const struct addr *b, __be16 c, __be16 d)
{
	return checksum_add(a, sizeof(*a)) + checksum_add(b, sizeof(*b)) + c + d;
}

void translation_prepare(struct translation *x, const struct flow_key *from)
{
	uint16_t addresses = checksum_fold(sum_of(&from->source, &from->destination, 0, 0));
	uint16_t ports = checksum_fold((uint64_t)from->source_port + from->destination_port);
	uint64_t to = sum_of(&x->source, &x->destination, 0, 0) + (uint16_t)~addresses;
	/* The hop limit is the upper byte of its word, and goes down by one. */
	x->l3_delta = checksum_fold(to + (uint16_t)~htons(0x0100));
	x->l4_delta = checksum_fold(to + x->source_port + x->destination_port + (uint16_t)~ports);
}

/* --- what only workers translate ------------------------------------------------------------- */

/* RFC 7915, 4.1: a packet with a source route that has not ended is not translated. */
static bool has_source_route(const struct iphdr *ip)
{
	const uint8_t *option = (const void *)(ip + 1);
	const uint8_t *end = (const uint8_t *)ip + ip->ihl * 4;
	while (option < end && option[0] != 0) {
		if (option[0] == 1) {
			option++;
			continue;
		}
		if (end - option < 3 || option[1] < 2)
			return false;
		if (option[0] == OPTION_LOOSE_ROUTE || option[0] == OPTION_STRICT_ROUTE)
			return option[2] <= option[1];
		option += option[1];
	}
	return false;
}

/* RFC 7915, 5.1: the same of a routing header. parse_packet() has found the headers whole. */
static bool has_route_left(const struct ipv6hdr *ip, const uint8_t *l4)
{
	const uint8_t *header = (const void *)(ip + 1);
	uint8_t next = ip->nexthdr;
	while (header + 8 <= l4) {
		uint32_t length = (header[1] + 1u) * 8u;
		if (next == IPPROTO_ROUTING && header[3])
			return true;
		if (next == IPPROTO_AH)
			return true; /* it would be wrong at the other end */
		if (next == IPPROTO_FRAGMENT)
			length = 8;
		next = header[0];
		header += length;
	}
	return false;
}

static bool can_cross(const struct lb_packet *p, const struct packet *parsed)
{
	const void *l3 = p->data + parsed->l3_offset;
	if (translate_is_v4(parsed))
		return !has_source_route(l3);
	return !has_route_left(l3, p->data + parsed->l4_offset);
}

/* RFC 7915, 4.5: IPv6 wants a checksum where IPv4 does without. */
static void fill_in_checksum(struct lb_packet *p, const struct packet *parsed)
{
	struct udphdr *udp = (void *)(p->data + parsed->l4_offset);
	const struct flow_key *key = &parsed->key;
	if (key->protocol != IPPROTO_UDP || !translate_is_v4(parsed) || udp->check)
		return;
	uint64_t sum = checksum_add(&key->source, sizeof(key->source)) +
		       checksum_add(&key->destination, sizeof(key->destination)) +
		       htons(IPPROTO_UDP) + udp->len + checksum_add(udp, ntohs(udp->len));
	uint16_t check = ~checksum_fold(sum);
	udp->check = check ? check : 0xffff;
}

/* --- frames ---------------------------------------------------------------------------------- */

static void move_start(struct lb_packet *p, int growth)
{
	p->data -= growth;
	p->length += growth;
}

static enum reason translate_to_other_family(struct lb_packet *p, const struct packet *parsed,
					     const struct translation *x, uint32_t mtu)
{
	struct translate_head head;
	uint32_t header = translate_is_v4(parsed) ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	if (!translate_head(p->data, p->data + p->length, parsed, &head))
		return REASON_TRUNCATED;
	if (header + head.length > mtu)
		return REASON_TOO_BIG;
	move_start(p, translate_growth(parsed, x));
	translate_cross(p->data, p->data + p->length, &head, x);
	translate_link(p->data, x);
	return REASON_NONE;
}

static uint32_t ip_length(const struct lb_packet *p, const struct packet *parsed)
{
	const void *l3 = p->data + parsed->l3_offset;
	if (translate_is_v4(parsed))
		return ntohs(((const struct iphdr *)l3)->tot_len);
	return ntohs(((const struct ipv6hdr *)l3)->payload_len) + sizeof(struct ipv6hdr);
}

enum reason translate_packet(struct lb_packet *p, const struct packet *parsed,
			     const struct translation *x, uint32_t mtu)
{
	bool cross = translate_is_cross(parsed, x);
	if (parsed->icmp)
		return translate_icmp(p, parsed, x);
	if (cross && !parsed->fragment && can_cross(p, parsed))
		fill_in_checksum(p, parsed);
	else if (cross)
		return REASON_UNTRANSLATABLE;
	enum reason reason = translate_check(p->data, p->data + p->length, parsed, x);
	if (reason)
		return reason;
	if (cross)
		return translate_to_other_family(p, parsed, x, mtu);
	if (ip_length(p, parsed) > mtu)
		return REASON_TOO_BIG;
	if (!translate_same(p->data, p->data + p->length, parsed, x))
		return REASON_TRUNCATED;
	move_start(p, translate_growth(parsed, x));
	translate_link(p->data, x);
	return REASON_NONE;
}
