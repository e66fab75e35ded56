// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/packet_random.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "tests/unit/dice.h"
#include "tests/unit/packet_build.h"

#define EXTENSIONS_MAX 10

/* --- addresses ------------------------------------------------------------------------------- */

/* The VIPs of the packet table more often than others; then who is nobody or everybody. */
static const char *const v4_to[] = {
	"203.0.113.10", "203.0.113.10", "203.0.113.10", "203.0.113.11", "203.0.113.11",
	"203.0.113.12", "203.0.113.13", "203.0.113.14", "203.0.113.15", "203.0.113.16",
	"203.0.113.99", "198.51.100.7", "224.0.0.5",    "0.0.0.0",      "255.255.255.255",
	"203.0.113.50", "203.0.113.51", "203.0.113.52", "203.0.113.53", "203.0.113.54",
	"203.0.113.55", "203.0.113.56", "203.0.113.60", "192.0.2.200",
};
static const char *const v6_to[] = {
	"2001:db8:1::10",
	"2001:db8:1::10",
	"2001:db8:1::10",
	"2001:db8:1::11",
	"2001:db8:1::11",
	"2001:db8:1::50",
	"2001:db8:1::51",
	"2001:db8:1::52",
	"2001:db8:1::53",
	"2001:db8:1::54",
	"2001:db8:1::55",
	"2001:db8:1::60",
	"2001:db8:9::200",
	"2001:db8:1::99",
	"2001:db8:99::7",
	"::ffff:203.0.113.10",
	"ff02::1",
	"ff02::1:ff00:10",
	"::",
};
static const char *const v4_from[] = {
	"198.51.100.7", "198.51.100.8", "192.0.2.1", "10.0.0.11",
	"203.0.113.10", "0.0.0.0",      "127.0.0.1", "224.0.0.5",
};
static const char *const v6_from[] = {
	"2001:db8:99::7",      "2001:db8:99::8", "fe80::1",
	"2001:db8:2::11",      "2001:db8:1::10", "::",
	"::ffff:198.51.100.7", "ff02::1",
};

static bool is_v6(const char *address)
{
	return strchr(address, ':');
}

static void draw_addresses(struct dice *d, struct recipe *r)
{
	if (dice_roll(d, 2)) {
		r->to = DICE_PICK(d, v6_to);
		r->from = DICE_PICK(d, v6_from);
	} else {
		r->to = DICE_PICK(d, v4_to);
		r->from = DICE_PICK(d, v4_from);
	}
}

/* Makes it one for a service of the packet table, from a client. */
static void aim(struct dice *d, struct recipe *r)
{
	static const struct {
		const char *from, *to;
		uint8_t protocol;
		uint16_t port;
		uint16_t from_port; /* 0: any */
	} services[] = {
		{"198.51.100.7", "203.0.113.10", IPPROTO_TCP, 80, 0},
		{"198.51.100.7", "203.0.113.10", IPPROTO_TCP, 443, 0},
		{"198.51.100.8", "203.0.113.10", IPPROTO_TCP, 8005, 0},
		{"198.51.100.7", "203.0.113.10", IPPROTO_UDP, 53, 0},
		{"198.51.100.7", "203.0.113.11", IPPROTO_UDP, 4433, 0},
		{"198.51.100.7", "203.0.113.12", IPPROTO_TCP, 80, 0},
		{"198.51.100.7", "203.0.113.13", IPPROTO_TCP, 80, 0},
		{"198.51.100.7", "203.0.113.16", IPPROTO_TCP, 80, 0},
		{"198.51.100.7", "203.0.113.19", IPPROTO_TCP, 80, 0},
		{"198.51.100.7", "203.0.113.19", IPPROTO_UDP, 53, 0},
		{"2001:db8:99::7", "2001:db8:1::10", IPPROTO_TCP, 80, 0},
		{"2001:db8:99::8", "2001:db8:1::10", IPPROTO_TCP, 443, 0},
		{"2001:db8:99::7", "2001:db8:1::10", IPPROTO_UDP, 53, 0},
		{"2001:db8:99::7", "2001:db8:1::11", IPPROTO_UDP, 4433, 0},
		{"198.51.100.7", "203.0.113.50", IPPROTO_TCP, 80, 0},
		{"198.51.100.7", "203.0.113.50", IPPROTO_UDP, 9, 0},
		{"198.51.100.7", "203.0.113.51", IPPROTO_UDP, 9, 0},
		{"198.51.100.7", "203.0.113.53", IPPROTO_UDP, 9, 0},
		{"198.51.100.7", "203.0.113.54", IPPROTO_UDP, 9, 0},
		{"198.51.100.7", "203.0.113.55", IPPROTO_UDP, 9, 0},
		{"2001:db8:99::7", "2001:db8:1::51", IPPROTO_UDP, 9, 0},
		{"2001:db8:99::7", "2001:db8:1::52", IPPROTO_UDP, 9, 0},
		{"2001:db8:99::7", "2001:db8:1::54", IPPROTO_UDP, 9, 0},
		{"2001:db8:99::7", "2001:db8:1::19", IPPROTO_TCP, 80, 0},
		{"2001:db8:99::7", "2001:db8:1::19", IPPROTO_UDP, 53, 0},
		/* By nat, each of one client, as there is one port to come from. */
		{"198.51.100.7", "203.0.113.60", IPPROTO_UDP, 9, 40000},
		{"198.51.100.7", "203.0.113.60", IPPROTO_TCP, 80, 40000},
		{"198.51.100.7", "203.0.113.61", IPPROTO_UDP, 9, 40000},
		{"198.51.100.7", "203.0.113.61", IPPROTO_TCP, 80, 40000},
		{"198.51.100.7", "203.0.113.62", IPPROTO_UDP, 9, 40000},
		{"198.51.100.7", "203.0.113.63", IPPROTO_UDP, 9, 40000},
		{"2001:db8:99::7", "2001:db8:1::60", IPPROTO_UDP, 9, 40000},
		{"2001:db8:99::7", "2001:db8:1::60", IPPROTO_TCP, 80, 40000},
		{"2001:db8:99::7", "2001:db8:1::61", IPPROTO_UDP, 9, 40000},
		{"2001:db8:99::7", "2001:db8:1::61", IPPROTO_TCP, 80, 40000},
		/* And the answers. */
		{"10.0.0.60", "192.0.2.200", IPPROTO_UDP, 5000, 9},
		{"10.0.0.61", "192.0.2.200", IPPROTO_TCP, 5000, 8080},
		{"2001:db8:2::62", "2001:db8:9::200", IPPROTO_UDP, 5000, 9},
		{"2001:db8:2::63", "2001:db8:9::200", IPPROTO_TCP, 5000, 8080},
		{"2001:db8:2::60", "2001:db8:9::200", IPPROTO_UDP, 5000, 9},
		{"2001:db8:2::61", "2001:db8:9::200", IPPROTO_TCP, 5000, 8080},
		{"10.0.0.62", "192.0.2.200", IPPROTO_UDP, 5000, 9},
		{"10.0.0.63", "192.0.2.200", IPPROTO_TCP, 5000, 8080},
	};
	uint32_t i = dice_roll(d, sizeof(services) / sizeof(services[0]));
	r->from = services[i].from;
	r->to = services[i].to;
	r->protocol = services[i].protocol;
	r->to_port = services[i].port;
	if (services[i].from_port)
		r->from_port = services[i].from_port;
}

/* --- headers --------------------------------------------------------------------------------- */

static void draw_tags(struct dice *d, struct recipe *r)
{
	static const uint16_t types[] = {0x8100, 0x8100, 0x8100, 0x88a8, 0x88a8, 0x9100};
	static const uint8_t counts[] = {0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3};
	uint8_t count = DICE_PICK(d, counts);
	for (uint8_t i = 0; i < count; i++) {
		r->tags[i].type = DICE_PICK(d, types);
		r->tags[i].tci = dice_roll(d, 65536);
	}
}

static void draw_ipv4(struct dice *d, struct recipe *r)
{
	static const uint16_t fragments[] = {0x4000, 0x2000, 0x2001, 0x2005,
					     0x0005, 0x1fff, 0x8000};
	if (dice_once_in(d, 4))
		r->ipv4_options = 4 * dice_roll(d, 11);
	if (dice_once_in(d, 8))
		r->ipv4_fragment = DICE_PICK(d, fragments);
}

/* `letters` holds them while the recipe is used. */
static void draw_ipv6(struct dice *d, struct recipe *r, char letters[EXTENSIONS_MAX + 1])
{
	static const char kinds[] = {'h', 'r', 'd', 'D', 'a', 'f', 'h', 'd', '1', '2'};
	uint32_t count = dice_once_in(d, 3) ? dice_roll(d, EXTENSIONS_MAX + 1) : 0;
	for (uint32_t i = 0; i < count; i++)
		letters[i] = DICE_PICK(d, kinds);
	letters[count] = 0;
	r->extensions = letters;
}

static void draw_nd(struct dice *d, struct recipe *r)
{
	static const uint8_t types[] = {135, 135, 135, 136, 133, 134, 137};
	static const uint8_t options[] = {0, 1, 1, 2, 14};
	r->nd_type = DICE_PICK(d, types);
	r->nd_option = DICE_PICK(d, options);
	r->nd_target = dice_once_in(d, 4) ? DICE_PICK(d, v6_to) : "2001:db8:1::10";
}

static void draw_l4(struct dice *d, struct recipe *r)
{
	static const uint8_t protocols[] = {
		IPPROTO_TCP,    IPPROTO_TCP,      IPPROTO_TCP,  IPPROTO_TCP, IPPROTO_TCP,
		IPPROTO_UDP,    IPPROTO_UDP,      IPPROTO_UDP,  IPPROTO_UDP, IPPROTO_ICMP,
		IPPROTO_ICMPV6, IPPROTO_SCTP,     IPPROTO_GRE,  IPPROTO_ESP, IPPROTO_NONE,
		IPPROTO_AH,     IPPROTO_FRAGMENT, IPPROTO_IPIP,
	};
	static const uint16_t ports[] = {80, 80, 80, 53, 53, 443, 8000, 8009, 8010, 22, 0, 4433};
	r->protocol = DICE_PICK(d, protocols);
	r->to_port = dice_once_in(d, 16) ? dice_roll(d, 65536) : DICE_PICK(d, ports);
	r->from_port = dice_once_in(d, 4) ? dice_roll(d, 65536) : 1024 + dice_roll(d, 16);
}

static void draw_flags(struct dice *d, struct recipe *r)
{
	static const uint8_t flags[] = {
		TCP_SYN,           TCP_SYN,           TCP_ACK, TCP_ACK,
		TCP_ACK | TCP_PSH, TCP_FIN | TCP_ACK, TCP_RST, 0,
		TCP_SYN | TCP_ACK, TCP_SYN | TCP_FIN, 0xff,
	};
	r->tcp_flags = DICE_PICK(d, flags);
}

static void draw_ip(struct dice *d, struct recipe *r, char letters[EXTENSIONS_MAX + 1])
{
	static const uint8_t hop_limits[] = {64, 64, 64, 1, 0, 254, 255};
	static const uint16_t payloads[] = {0, 0, 1, 8, 20, 30, 100, 1400};
	r->hop_limit = DICE_PICK(d, hop_limits);
	draw_addresses(d, r);
	draw_l4(d, r);
	if (!dice_once_in(d, 4))
		aim(d, r);
	if (r->protocol == IPPROTO_TCP)
		draw_flags(d, r);
	r->payload = DICE_PICK(d, payloads);
	if (is_v6(r->to))
		draw_ipv6(d, r, letters);
	else
		draw_ipv4(d, r);
}

static void draw_arp(struct dice *d, struct recipe *r)
{
	static const uint8_t operations[] = {1, 1, 1, 2, 3};
	r->arp_op = DICE_PICK(d, operations);
	r->from = DICE_PICK(d, v4_from);
	r->to = dice_once_in(d, 4) ? DICE_PICK(d, v4_to) : "203.0.113.10";
}

static void draw_solicitation(struct dice *d, struct recipe *r, char letters[EXTENSIONS_MAX + 1])
{
	static const uint8_t hop_limits[] = {255, 255, 255, 254};
	r->from = DICE_PICK(d, v6_from);
	r->to = dice_once_in(d, 2) ? "ff02::1:ff00:10" : DICE_PICK(d, v6_to);
	r->protocol = IPPROTO_ICMPV6;
	r->hop_limit = DICE_PICK(d, hop_limits);
	draw_nd(d, r);
	if (dice_once_in(d, 8))
		draw_ipv6(d, r, letters);
}

/* The answer that a backend has sent in a flow to one of the services. */
static void draw_answer(struct dice *d, struct recipe *answer, char letters[EXTENSIONS_MAX + 1])
{
	struct recipe asked = {0};
	draw_addresses(d, &asked);
	draw_l4(d, &asked);
	if (!dice_once_in(d, 8))
		aim(d, &asked);
	*answer = (struct recipe){
		.from = asked.to,
		.to = asked.from,
		.protocol = asked.protocol,
		.from_port = asked.to_port,
		.to_port = asked.from_port,
		.payload = 28 + dice_roll(d, 40), /* as long as any of `lengths` below */
	};
	if (is_v6(asked.to))
		draw_ipv6(d, answer, letters);
	else
		draw_ipv4(d, answer);
}

/* From a router, mostly to who has sent what it quotes; all of that, or the first bytes. */
static void draw_error(struct dice *d, struct recipe *r, struct recipe *answer,
		       char letters[EXTENSIONS_MAX + 1])
{
	static const uint8_t types[] = {3, 3, 11, 12, 4, 5}, types6[] = {1, 2, 2, 3, 4, 137};
	static const uint16_t lengths[] = {0, 0, 20, 27, 28, 48},
			      lengths6[] = {0, 0, 40, 47, 48, 60};
	draw_answer(d, answer, letters);
	bool v6 = is_v6(answer->from);
	r->from = v6 ? "2001:db8:aa::1" : "192.0.2.1";
	r->to = dice_once_in(d, 16) ? answer->to : answer->from;
	r->protocol = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	r->icmp_type = v6 ? DICE_PICK(d, types6) : DICE_PICK(d, types);
	r->icmp_rest = dice_roll(d, 65536);
	r->quote = answer;
	r->quote_length = v6 ? DICE_PICK(d, lengths6) : DICE_PICK(d, lengths);
}

void packet_random(struct dice *d, struct frame *out)
{
	static const char *const macs[] = {CLIENT_MAC, CLIENT_MAC, CLIENT_MAC, "03:00:00:00:00:01"};
	static const uint16_t types[] = {0x88cc, 0x88b5, 46,     0x0800,
					 0x86dd, 0x0806, 0x8100, 0x8847};
	struct recipe r = {.mac_from = DICE_PICK(d, macs)};
	struct recipe answer;
	char letters[EXTENSIONS_MAX + 1];
	uint32_t kind = dice_roll(d, 16);
	draw_tags(d, &r);
	if (kind == 15) {
		r.ethertype = DICE_PICK(d, types);
		r.payload = dice_roll(d, 64);
	} else if (kind == 14) {
		draw_arp(d, &r);
	} else if (kind >= 12) {
		draw_solicitation(d, &r, letters);
	} else if (kind == 11) {
		draw_error(d, &r, &answer, letters);
	} else {
		draw_ip(d, &r, letters);
	}
	r.padding = dice_once_in(d, 4) ? dice_roll(d, 32) : 0;
	packet_build(&r, out);
}

/* --- changes --------------------------------------------------------------------------------- */

/* Adds to one of the length fields, where they mostly are. */
static void mutate_length(struct dice *d, struct frame *f)
{
	const uint32_t at[] = {f->l3 + 3, f->l3 + 5, f->l3 + 0, f->l4 + 12, f->l4 + 5, f->l4 + 1};
	uint32_t offset = DICE_PICK(d, at);
	int change = (int)dice_roll(d, 16) - 8;
	if (offset < f->length)
		f->bytes[offset] += change;
}

static void mutate_byte(struct dice *d, struct frame *f)
{
	/* Values that mean something in some header. */
	static const uint8_t words[] = {0,    1,    4,    5,    6,    17,   43,   44,   51,
					58,   59,   60,   0x08, 0x45, 0x46, 0x60, 0x81, 0x86,
					0x88, 0xa8, 0xdd, 135,  255,  80,   53};
	uint32_t head = f->length < 128 ? f->length : 128;
	uint32_t at = head ? dice_roll(d, head) : 0;
	switch (dice_roll(d, 3)) {
	case 0:
		f->bytes[at] ^= 1 << dice_roll(d, 8);
		break;
	case 1:
		f->bytes[at] = dice_roll(d, 256);
		break;
	default:
		f->bytes[at] = DICE_PICK(d, words);
	}
}

void packet_mutate(struct dice *d, struct frame *f)
{
	for (uint32_t n = dice_roll(d, 4); n < 4; n++) {
		uint32_t how = dice_roll(d, 6);
		uint32_t room = FRAME_ROOM - 64 - f->length;
		if (how < 3)
			mutate_byte(d, f);
		else if (how == 3)
			f->length = dice_roll(d, f->length + 1);
		else if (how == 4 && room > 64 && f->length < FRAME_ROOM / 2)
			f->length += dice_roll(d, 64);
		else
			mutate_length(d, f);
	}
}
