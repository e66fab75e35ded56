// SPDX-License-Identifier: BSD-2-Clause
/*
 * ICMP errors that change their family with the connection they are about: each type and code, as
 * the tables of RFC 7915 (4.2, 5.2 and their figures) have them, about both directions of TCP and
 * UDP. Checksums, lengths and what is quoted are taken from the frame that came out, byte by byte.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lb/process.h"
#include "lb/reason.h"
#include "tests/unit/fixture.h"
#include "tests/unit/nat_talk.h"
#include "tests/unit/packet_build.h"
#include "tools/weir/offline.h"

#define ROUTER4 "192.0.2.77"
#define ROUTER6 "2001:db8:77::1"
#define NONE    0xff /* as a type: it is not translated */

static struct offline o;

static int open_balancer(void **state)
{
	fixture_open(&o, nat_talk_yaml);
	return 0;
}

static int close_balancer(void **state)
{
	offline_close(&o);
	return 0;
}

/* --- what has to come out ----------------------------------------------------------------------
 */

struct message {
	uint8_t type, code;
	uint32_t word; /* the second one of the message */
};

static struct message say(uint8_t type, uint8_t code, uint32_t word)
{
	return (struct message){type, code, word};
}

/* RFC 7915, figure 3: which octet of IPv6's header stands for one of IPv4's; -1: none. */
static int octet_of_v6(int octet)
{
	if (octet < 2)
		return octet;
	if (octet < 4)
		return 4; /* total length: payload length */
	if (octet == 8)
		return 7; /* time to live: hop limit */
	if (octet == 9)
		return 6; /* protocol: next header */
	if (octet >= 12 && octet < 16)
		return 8; /* source */
	if (octet >= 16 && octet < 20)
		return 24; /* destination */
	return -1;
}

/* RFC 7915, figure 6. */
static int octet_of_v4(uint32_t octet)
{
	if (octet < 2)
		return octet;
	if (octet == 4 || octet == 5)
		return 2;
	if (octet == 6)
		return 9;
	if (octet == 7)
		return 8;
	if (octet >= 8 && octet < 24)
		return 12;
	if (octet >= 24 && octet < 40)
		return 16;
	return -1;
}

/* RFC 1191, 7.1. */
static uint32_t lower_plateau(uint32_t length)
{
	static const uint32_t all[] = {68, 296, 508, 1006, 1492, 2002, 4352, 8166, 17914, 32000};
	uint32_t best = 68;
	for (int i = 0; i < 10; i++)
		if (all[i] < length)
			best = all[i];
	return best;
}

static struct message unreachable_in_v6(uint8_t code)
{
	switch (code) {
	case 2:
		return say(4, 1, 6);
	case 3:
		return say(1, 4, 0);
	case 9:
	case 10:
	case 13:
	case 15:
		return say(1, 1, 0);
	case 14:
		return say(NONE, 0, 0);
	default:
		return code <= 12 ? say(1, 0, 0) : say(NONE, 0, 0);
	}
}

static struct message in_v6(struct message m, uint32_t quoted_length)
{
	uint32_t mtu = m.word & 0xffff;
	int octet = octet_of_v6(m.word >> 24);
	if (m.type == 3 && m.code == 4) {
		mtu = (mtu ? mtu : lower_plateau(quoted_length)) + 20;
		return say(2, 0, mtu > 1280 ? mtu : 1280);
	}
	if (m.type == 3)
		return unreachable_in_v6(m.code);
	if (m.type == 11)
		return say(3, m.code, 0);
	if (m.code == 1 || m.code > 2 || octet < 0)
		return say(NONE, 0, 0);
	return say(4, 0, octet);
}

static struct message in_v4(struct message m)
{
	static const int unreachable[] = {1, 10, 1, 1, 3};
	int octet = octet_of_v4(m.word);
	if (m.type == 1)
		return m.code < 5 ? say(3, unreachable[m.code], 0) : say(NONE, 0, 0);
	if (m.type == 2) {
		uint32_t mtu = m.word < 1280 ? 1280 : m.word > 65535 ? 65535 : m.word;
		return say(3, 4, mtu - 20);
	}
	if (m.type == 3)
		return say(11, m.code, 0);
	if (m.code == 1)
		return say(3, 2, 0);
	if (m.code != 0 || octet < 0)
		return say(NONE, 0, 0);
	return say(12, 0, (uint32_t)octet << 24);
}

/* --- what came out -----------------------------------------------------------------------------
 */

static uint32_t get(const uint8_t *at, int bytes)
{
	uint32_t n = 0;
	for (int i = 0; i < bytes; i++)
		n = n << 8 | at[i];
	return n;
}

static uint32_t sum16(const uint8_t *at, uint32_t length)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i < length; i++)
		sum += i % 2 ? at[i] : at[i] << 8;
	return sum;
}

static bool is_whole(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

struct came_out {
	const uint8_t *icmp, *quote;
	uint32_t length; /* of the message */
	bool v4;
};

/* Lengths and checksums are right. */
static struct came_out read_frame(const struct frame *f)
{
	const uint8_t *ip = f->bytes + 14;
	struct came_out c = {.v4 = get(f->bytes + 12, 2) == 0x0800};
	uint32_t header = c.v4 ? 20 : 40, sum = 0;
	c.icmp = ip + header;
	c.quote = c.icmp + 8;
	if (c.v4) {
		assert_int_equal(ip[0], 0x45);
		assert_int_equal(ip[9], 1);
		assert_true(is_whole(sum16(ip, 20)));
		c.length = get(ip + 2, 2) - 20;
	} else {
		assert_int_equal(ip[6], 58);
		c.length = get(ip + 4, 2);
		sum = sum16(ip + 8, 32) + c.length + 58;
	}
	assert_int_equal(14 + header + c.length, f->length);
	assert_true(is_whole(sum + sum16(c.icmp, c.length)));
	return c;
}

/* The packet that its receiver has sent: addresses and ports. */
static void expect_quote(const struct came_out *c, const struct recipe *sent)
{
	struct frame want;
	packet_build(sent, &want);
	const uint8_t *ip = want.bytes + want.l3, *l4 = want.bytes + want.l4;
	uint32_t header = c->v4 ? 20 : 40, at = c->v4 ? 12 : 8, addresses = c->v4 ? 8 : 32;
	assert_int_equal(c->quote[0] >> 4, c->v4 ? 4 : 6);
	assert_int_equal(c->quote[c->v4 ? 9 : 6], sent->protocol);
	assert_memory_equal(c->quote + at, ip + at, addresses);
	assert_memory_equal(c->quote + header, l4, 4);
	assert_int_equal(get(c->quote + (c->v4 ? 2 : 4), 2), get(ip + (c->v4 ? 2 : 4), 2));
	if (c->v4)
		assert_true(is_whole(sum16(c->quote, 20)));
}

/* --- the tables --------------------------------------------------------------------------------
 */

/* A packet that Weir has sent on, and the same as its receiver's peer sent it. */
struct about {
	struct recipe quoted, sent;
	const char *to; /* whom the error is sent to: an address of Weir's */
};

static bool is_v6(const char *address)
{
	return strchr(address, ':');
}

static struct lb_packet tell(const struct about *a, struct message m, struct frame *out)
{
	bool v6 = is_v6(a->quoted.from);
	const struct recipe r = {
		.from = v6 ? ROUTER6 : ROUTER4,
		.to = a->to,
		.protocol = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
		.icmp_type = m.type,
		.icmp_code = m.code,
		.icmp_rest = m.word,
		.quote = &a->quoted,
	};
	return nat_talk_send(&o, &r, out);
}

static uint32_t told, refused;

static void expect_told(const struct about *a, struct message m)
{
	struct frame built, out;
	packet_build(&a->quoted, &built);
	struct message want =
		is_v6(a->quoted.from) ? in_v4(m) : in_v6(m, get(built.bytes + built.l3 + 2, 2));
	struct lb_packet p = tell(a, m, &out);
	if (want.type == NONE) {
		if (p.verdict != LB_DROP || p.reason != REASON_UNTRANSLATABLE)
			fail_msg("type %u code %u word %#x: translated", m.type, m.code, m.word);
		refused++;
		return;
	}
	if (p.verdict != LB_TRANSMIT)
		fail_msg("type %u code %u word %#x: %s", m.type, m.code, m.word,
			 reason_word(p.reason));
	struct came_out c = read_frame(&out);
	struct message got = say(c.icmp[0], c.icmp[1], get(c.icmp + 4, 4));
	if (got.type != want.type || got.code != want.code || got.word != want.word)
		fail_msg("type %u code %u word %#x: %u %u %#x instead of %u %u %#x", m.type, m.code,
			 m.word, got.type, got.code, got.word, want.type, want.code, want.word);
	expect_quote(&c, &a->sent);
	told++;
}

static void tell_all_of_v4(const struct about *a)
{
	static const uint16_t mtus[] = {0, 1, 68, 576, 1259, 1260, 1261, 1480, 1500, 9000, 65535};
	for (int code = 0; code < 20; code++)
		if (code != 4)
			expect_told(a, say(3, code, 0));
	for (size_t i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++)
		expect_told(a, say(3, 4, mtus[i]));
	for (int code = 0; code < 2; code++)
		expect_told(a, say(11, code, 0));
	for (int code = 0; code < 4; code++)
		for (uint32_t octet = 0; octet < 24; octet++)
			expect_told(a, say(12, code, octet << 24));
}

static void tell_all_of_v6(const struct about *a)
{
	static const uint32_t mtus[] = {0, 68, 1279, 1280, 1281, 1500, 9000, 65535, 65536, ~0u};
	for (int code = 0; code < 9; code++)
		expect_told(a, say(1, code, 0));
	for (size_t i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++)
		expect_told(a, say(2, 0, mtus[i]));
	for (int code = 0; code < 2; code++)
		expect_told(a, say(3, code, 0));
	for (int code = 0; code < 4; code++)
		for (uint32_t octet = 0; octet < 64; octet++)
			expect_told(a, say(4, code, octet));
	expect_told(a, say(4, 0, ~0u));
}

static void tell_all(const struct about *a)
{
	if (is_v6(a->quoted.from))
		tell_all_of_v6(a);
	else
		tell_all_of_v4(a);
}

static void test_each_type_and_code(void **state)
{
	for (size_t i = 0; i < nat_talk_count; i++) {
		const struct nat_talk *t = &nat_talks[i];
		if (!nat_talk_crosses(t))
			continue;
		uint16_t port = nat_talk_open(&o, t);
		const struct about behind = {nat_talk_to_backend(t, port, TCP_ACK, 100),
					     nat_talk_from_client(t, TCP_ACK, 100), t->snat};
		const struct about in_front = {nat_talk_to_client(t, TCP_ACK, 100),
					       nat_talk_from_backend(t, port, TCP_ACK, 100),
					       t->vip};
		tell_all(&behind);
		tell_all(&in_front);
	}
	assert_true(told > 500 && refused > 500);
	print_message("# %u errors told, %u not to be told\n", told, refused);
	fixture_expect_ledger(&o);
}

/* --- what is quoted ----------------------------------------------------------------------------
 */

static const struct nat_talk *talk_named(const char *name)
{
	size_t i = 0;
	while (strcmp(nat_talks[i].name, name))
		i++;
	return &nat_talks[i];
}

/* An IPv6 packet with extension headers is quoted in IPv4 without them. */
static void test_quoted_extensions(void **state)
{
	static const char *const chains[] = {"h", "d", "D", "a", "f", "hd", "hDaf", "rd"};
	const struct nat_talk *t = talk_named("TCP from IPv4 to IPv6");
	uint16_t port = nat_talk_open(&o, t);
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
		struct about a = {nat_talk_to_backend(t, port, TCP_ACK, 100),
				  nat_talk_from_client(t, TCP_ACK, 100), t->snat};
		a.quoted.extensions = chains[i];
		expect_told(&a, say(1, 0, 0));
	}
}

/* What is quoted of a long packet is cut to what errors of the family may have. */
static void test_long_quotes_are_cut(void **state)
{
	struct frame out;
	const struct nat_talk *t = talk_named("UDP from IPv4 to IPv6");
	uint16_t port = nat_talk_open(&o, t);
	const struct about behind = {nat_talk_to_backend(t, port, 0, 1100),
				     nat_talk_from_client(t, 0, 1100), t->snat};
	struct lb_packet p = tell(&behind, say(2, 0, 1400), &out);
	assert_int_equal(p.verdict, LB_TRANSMIT);
	struct came_out c = read_frame(&out);
	assert_int_equal(out.length, 14 + 576);
	expect_quote(&c, &behind.sent);
	t = talk_named("UDP from IPv6 to IPv4");
	port = nat_talk_open(&o, t);
	const struct about long_one = {nat_talk_to_backend(t, port, 0, 1400),
				       nat_talk_from_client(t, 0, 1400), t->snat};
	p = tell(&long_one, say(3, 4, 1000), &out);
	assert_int_equal(p.verdict, LB_TRANSMIT);
	c = read_frame(&out);
	assert_int_equal(out.length, 14 + 1280);
	expect_quote(&c, &long_one.sent);
}

/* One that has made its way is not sent on, nor one whose checksum is wrong. */
static void test_not_sent_on(void **state)
{
	struct frame out;
	const struct nat_talk *t = talk_named("UDP from IPv4 to IPv6");
	uint16_t port = nat_talk_open(&o, t);
	const struct recipe quoted = nat_talk_to_backend(t, port, 0, 20);
	struct recipe r = {.from = ROUTER6,
			   .to = t->snat,
			   .protocol = IPPROTO_ICMPV6,
			   .icmp_type = 1,
			   .hop_limit = 1,
			   .quote = &quoted};
	struct lb_packet p = nat_talk_send(&o, &r, &out);
	assert_int_equal(p.verdict, LB_DROP);
	assert_int_equal(p.reason, REASON_HOP_LIMIT);
	r.hop_limit = 64;
	r.pokes[0] = (struct poke)POKE(4, 2, 0xab);
	r.pokes[1] = (struct poke)POKE(4, 3, 0xcd);
	p = nat_talk_send(&o, &r, &out);
	assert_int_equal(p.verdict, LB_DROP);
	assert_int_equal(p.reason, REASON_MALFORMED_ICMP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_type_and_code),
		cmocka_unit_test(test_quoted_extensions),
		cmocka_unit_test(test_long_quotes_are_cut),
		cmocka_unit_test(test_not_sent_on),
	};
	return cmocka_run_group_tests(tests, open_balancer, close_balancer);
}
