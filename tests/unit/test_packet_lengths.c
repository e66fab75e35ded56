// SPDX-License-Identifier: BSD-2-Clause
/* Every length of some packets, cut short, on both sides: each length has its reason. */
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fixture.h"
#include "tests/unit/packet_table.h"
#include "tests/unit/sides.h"

#define CLIENT  "198.51.100.7"
#define CLIENT6 "2001:db8:99::7"
#define VIP     "203.0.113.10"
#define VIP6    "2001:db8:1::10"

/* A packet that is cut is passed up to some length, then dropped for reasons by length. */
struct cut_case {
	const char *name;
	struct recipe in;
	bool mend; /* the IP header's length says what is left */
	struct {
		uint32_t from;
		enum reason reason;
	} steps[3];
};

#define TCP(from_, to_, ...)                                                                      \
	{                                                                                         \
		.from = (from_), .to = (to_), .protocol = IPPROTO_TCP, .to_port = 80, __VA_ARGS__ \
	}
#define UDP(from_, to_, ...)                                                                      \
	{                                                                                         \
		.from = (from_), .to = (to_), .protocol = IPPROTO_UDP, .to_port = 53, __VA_ARGS__ \
	}
#define ONE_TAG  .tags = {{0x8100, 42}}
#define TWO_TAGS .tags = {{0x88a8, 7}, {0x8100, 42}}

static const struct recipe quoted = {
	.from = VIP, .to = CLIENT, .protocol = IPPROTO_TCP, .from_port = 80, .to_port = 41000};
static const struct recipe quoted6 = {.from = VIP6,
				      .to = CLIENT6,
				      .extensions = "D",
				      .protocol = IPPROTO_TCP,
				      .from_port = 80,
				      .to_port = 41000};

/* clang-format off */
static const struct cut_case cut_cases[] = {
	{"v4 tcp", TCP(CLIENT, VIP), false, {{34, REASON_MALFORMED_IPV4}}},
	{"v4 tcp, mended", TCP(CLIENT, VIP), true, {{34, REASON_TRUNCATED}}},
	{"v4 options", TCP(CLIENT, VIP, .ipv4_options = 40), false,
	 {{34, REASON_TRUNCATED}, {74, REASON_MALFORMED_IPV4}}},
	{"v4 options, mended", TCP(CLIENT, VIP, .ipv4_options = 40), true,
	 {{34, REASON_MALFORMED_IPV4}, {74, REASON_TRUNCATED}}},
	{"v4 udp", UDP(CLIENT, VIP, .payload = 30), false, {{34, REASON_MALFORMED_IPV4}}},
	{"v4 udp, mended", UDP(CLIENT, VIP, .payload = 30), true,
	 {{34, REASON_TRUNCATED}, {42, REASON_MALFORMED_UDP}}},
	{"v4 vlan", TCP(CLIENT, VIP, ONE_TAG), false, {{38, REASON_MALFORMED_IPV4}}},
	{"v4 qinq, mended", TCP(CLIENT, VIP, TWO_TAGS), true, {{42, REASON_TRUNCATED}}},
	{"v6 tcp", TCP(CLIENT6, VIP6), false, {{54, REASON_MALFORMED_IPV6}}},
	{"v6 tcp, mended", TCP(CLIENT6, VIP6), true, {{54, REASON_TRUNCATED}}},
	{"v6 udp, mended", UDP(CLIENT6, VIP6, .payload = 9), true,
	 {{54, REASON_TRUNCATED}, {62, REASON_MALFORMED_UDP}}},
	{"v6 extensions", TCP(CLIENT6, VIP6, .extensions = "hda"), false,
	 {{54, REASON_MALFORMED_IPV6}}},
	/* hop-by-hop ends at 62, destination options at 70; then 24 bytes that say so. */
	{"v6 extensions, mended", TCP(CLIENT6, VIP6, .extensions = "hda"), true,
	 {{54, REASON_TRUNCATED}, {78, REASON_MALFORMED_IPV6}, {94, REASON_TRUNCATED}}},
	{"v6 qinq", TCP(CLIENT6, VIP6, TWO_TAGS), false, {{62, REASON_MALFORMED_IPV6}}},
	{"arp", {.arp_op = 1, .from = CLIENT, .to = VIP}, false, {}},
	{"arp vlan", {.arp_op = 1, .from = CLIENT, .to = VIP, ONE_TAG}, false, {}},
	{"solicitation", {.from = CLIENT6, .to = VIP6, .protocol = IPPROTO_ICMPV6, .nd_type = 135,
			  .nd_target = VIP6}, false, {{54, REASON_MALFORMED_IPV6}}},
	/* Without its target it is just some ICMPv6. */
	{"solicitation, mended", {.from = CLIENT6, .to = VIP6, .protocol = IPPROTO_ICMPV6,
				  .nd_type = 135, .nd_target = VIP6}, true,
	 {{54, REASON_TRUNCATED}, {62, REASON_NONE}}},
	{"v4 error, mended", {.from = CLIENT, .to = VIP, .protocol = IPPROTO_ICMP, .icmp_type = 3,
			      .quote = &quoted, .quote_length = 28}, true,
	 {{34, REASON_TRUNCATED}, {42, REASON_MALFORMED_ICMP}}},
	{"v6 error, mended", {.from = CLIENT6, .to = VIP6, .protocol = IPPROTO_ICMPV6,
			      .icmp_type = 2, .quote = &quoted6, .quote_length = 72}, true,
	 {{54, REASON_TRUNCATED}, {62, REASON_MALFORMED_ICMP}}},
};
/* clang-format on */

static void cut(const struct cut_case *c, struct frame *f, uint32_t length)
{
	uint32_t l3 = f->l3, header = strchr(c->in.to, ':') ? 40 : 0;
	uint32_t at = header ? l3 + 4 : l3 + 2;
	f->length = length;
	if (!c->mend || length < l3 + (header ? header : 20))
		return;
	f->bytes[at] = (length - l3 - header) >> 8;
	f->bytes[at + 1] = length - l3 - header;
}

static enum reason cut_reason(const struct cut_case *c, uint32_t length)
{
	enum reason reason = REASON_NONE;
	for (int i = 0; i < 3 && c->steps[i].from; i++)
		if (length >= c->steps[i].from)
			reason = c->steps[i].reason;
	return reason;
}

static void expect_cut(const struct cut_case *c, const struct frame *in, bool whole)
{
	struct frame out;
	struct lb_packet p = packet_judge(&balancer, in, xdp_run_now_ns(), &out);
	enum reason reason = cut_reason(c, in->length);
	enum xdp_outcome outcome = whole    ? OUTCOME_STEERED
				   : reason ? OUTCOME_DROPPED
					    : OUTCOME_PASSED;
	char name[96];
	snprintf(name, sizeof(name), "%s of %u bytes", c->name, in->length);
	case_name = name;
	expect_number("verdict", p.verdict, whole ? LB_TRANSMIT : reason ? LB_DROP : LB_PASS);
	if (p.verdict == LB_DROP)
		expect_reason(p.reason, reason);
	if (no_xdp || in->length < XDP_RUN_MIN)
		return;
	struct xdp_verdict v = xdp_run_packet(&xdp, in, &out);
	expect_number("XDP outcome", v.outcome, outcome);
	if (outcome == OUTCOME_DROPPED)
		expect_reason(v.reason, reason);
}

static void test_every_length(void **state)
{
	for (size_t i = 0; i < sizeof(cut_cases) / sizeof(cut_cases[0]); i++) {
		const struct cut_case *c = &cut_cases[i];
		struct frame whole;
		packet_build(&c->in, &whole);
		for (uint32_t length = 0; length <= whole.length; length++) {
			struct frame f = whole;
			cut(c, &f, length);
			expect_cut(c, &f, length == whole.length);
		}
	}
	fixture_expect_ledger(&balancer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_length)};
	return cmocka_run_group_tests(tests, sides_open, sides_close);
}
