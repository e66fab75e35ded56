// SPDX-License-Identifier: BSD-2-Clause
/*
 * The packet table through lb_process() and through the XDP program, and every length of some
 * packets.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lb/reason.h"
#include "lb/registry.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_table.h"
#include "tests/unit/xdp_run.h"
#include "tools/weir/offline.h"

static struct offline balancer;
static struct xdp_run xdp;
static const char *no_xdp; /* why not */

static int open_all(void **state)
{
	packet_table_open(&balancer);
	no_xdp = xdp_run_open(&xdp, &balancer);
	return 0;
}

static int close_all(void **state)
{
	xdp_run_close(&xdp);
	offline_close(&balancer);
	return 0;
}

static void need_xdp(void)
{
	if (!no_xdp)
		return;
	print_message("# skipped: %s\n", no_xdp);
	skip();
}

/* --- the table ------------------------------------------------------------------------------- */

static const char *case_name; /* for messages */

static void expect_number(const char *what, uint32_t got, uint32_t want)
{
	if (got != want)
		fail_msg("%s: %s %u; expected %u", case_name, what, got, want);
}

static void expect_reason(enum reason got, enum reason want)
{
	if (got != want)
		fail_msg("%s: reason %s; expected %s", case_name, reason_word(got),
			 reason_word(want));
}

static void expect_name(const char *what, const char *got, const char *want)
{
	if (strcmp(got ? got : "-", want ? want : "-") != 0)
		fail_msg("%s: %s %s; expected %s", case_name, what, got ? got : "none",
			 want ? want : "none");
}

static void expect_bytes(const struct frame *got, const struct frame *want)
{
	expect_number("length", got->length, want->length);
	for (uint32_t i = 0; i < got->length; i++)
		if (got->bytes[i] != want->bytes[i])
			fail_msg("%s: byte %u is %02x; expected %02x", case_name, i, got->bytes[i],
				 want->bytes[i]);
}

static void expect_case(const struct packet_case *c, const struct frame *in)
{
	struct frame out, want;
	struct lb_packet p = packet_judge(&balancer, in, xdp_run_now_ns(), &out);
	const char *backend = registry_name(balancer.backends, p.backend);
	case_name = c->name;
	expect_number("verdict", p.verdict, c->verdict);
	if (p.verdict == LB_DROP)
		expect_reason(p.reason, c->reason);
	expect_name("service", registry_name(balancer.services, p.service), c->service);
	expect_name("backend", backend ? strchr(backend, '/') + 1 : NULL, c->backend);
	packet_case_expect(c, in, &out, &want);
	expect_bytes(&out, &want);
	if (p.verdict == LB_TRANSMIT)
		expect_number("egress", p.egress, 0);
}

static void test_table_in_user_space(void **state)
{
	for (size_t i = 0; i < packet_case_count; i++) {
		struct frame in;
		packet_build(&packet_cases[i].in, &in);
		expect_case(&packet_cases[i], &in);
	}
	fixture_expect_ledger(&balancer);
}

static enum xdp_outcome expected_outcome(const struct packet_case *c)
{
	if (c->verdict == LB_PASS)
		return OUTCOME_PASSED;
	return c->verdict == LB_DROP && !c->by_worker ? OUTCOME_DROPPED : OUTCOME_STEERED;
}

/* Runs a case's packet, of which nothing may be changed. */
static struct xdp_verdict run_case(const struct packet_case *c)
{
	struct frame in, out;
	packet_build(&c->in, &in);
	struct xdp_verdict v = xdp_run_packet(&xdp, &in, &out);
	case_name = c->name;
	expect_bytes(&out, &in);
	return v;
}

static void test_table_in_kernel(void **state)
{
	need_xdp();
	for (size_t i = 0; i < packet_case_count; i++) {
		const struct packet_case *c = &packet_cases[i];
		struct xdp_verdict v = run_case(c);
		expect_number("XDP outcome", v.outcome, expected_outcome(c));
		if (v.outcome == OUTCOME_DROPPED)
			expect_reason(v.reason, c->reason);
	}
	xdp_run_expect_ledger(&xdp);
}

/* With nobody there to take it, what is for a service is the kernel's; faults still are faults. */
static void test_table_without_socket(void **state)
{
	need_xdp();
	xdp_run_set_socket(&xdp, false);
	for (size_t i = 0; i < packet_case_count; i++) {
		enum xdp_outcome want = expected_outcome(&packet_cases[i]);
		struct xdp_verdict v = run_case(&packet_cases[i]);
		expect_number("XDP outcome", v.outcome,
			      want == OUTCOME_STEERED ? OUTCOME_PASSED : want);
	}
	xdp_run_set_socket(&xdp, true);
	xdp_run_expect_ledger(&xdp);
}

/* --- the fast path ---------------------------------------------------------------------------- */

static bool is_neighbor(const struct packet_case *c)
{
	return c->in.arp_op || c->in.nd_type;
}

static bool is_fragment(const struct packet_case *c)
{
	const char *extensions = c->in.extensions ? c->in.extensions : "";
	return (c->in.ipv4_fragment & 0x3fff) || strpbrk(extensions, "12x");
}

/* Neighbours are answered by the program, and UDP flows are known by now: the worker saw them. */
static enum xdp_outcome expected_fast_outcome(const struct packet_case *c)
{
	enum xdp_outcome slow = expected_outcome(c);
	if (slow != OUTCOME_STEERED)
		return slow;
	if (is_neighbor(c))
		return c->by_worker ? OUTCOME_DROPPED : OUTCOME_SENT;
	if (c->in.protocol != IPPROTO_UDP || c->never_repeated || is_fragment(c))
		return OUTCOME_STEERED;
	return OUTCOME_SENT;
}

/* `otherwise`: what becomes of a packet that is not repeated. */
static void expect_fast_case(const struct packet_case *c, enum xdp_outcome otherwise)
{
	enum xdp_outcome outcome = expected_fast_outcome(c);
	if (outcome == OUTCOME_STEERED)
		outcome = otherwise;
	struct frame in, out, want;
	packet_build(&c->in, &in);
	packet_judge(&balancer, &in, xdp_run_now_ns(), &want);
	case_name = c->name;
	struct xdp_verdict v = xdp_run_packet(&xdp, &in, &out);
	expect_number("XDP outcome", v.outcome, outcome);
	if (v.outcome == OUTCOME_DROPPED)
		expect_reason(v.reason, c->reason);
	if (v.outcome == OUTCOME_SENT)
		packet_case_expect(c, &in, &out, &want);
	expect_bytes(&out, v.outcome == OUTCOME_SENT ? &want : &in);
}

static void test_table_on_fast_path(void **state)
{
	need_xdp();
	xdp_run_set_fast_path(&xdp, FAST_PATH_ALWAYS);
	for (size_t i = 0; i < packet_case_count; i++)
		expect_fast_case(&packet_cases[i], OUTCOME_STEERED);
	xdp_run_set_fast_path(&xdp, FAST_PATH_NEVER);
	xdp_run_expect_ledger(&xdp);
}

/* Workers take everything while they are there, and the program repeats while they are not. */
static void test_table_alone(void **state)
{
	need_xdp();
	xdp_run_set_fast_path(&xdp, FAST_PATH_ALONE);
	test_table_in_kernel(state);
	xdp_run_set_socket(&xdp, false);
	for (size_t i = 0; i < packet_case_count; i++)
		expect_fast_case(&packet_cases[i], OUTCOME_PASSED);
	xdp_run_set_socket(&xdp, true);
	xdp_run_set_fast_path(&xdp, FAST_PATH_NEVER);
	xdp_run_expect_ledger(&xdp);
}

/* The flow's last-seen tick, set back by so many ticks first. */
static uint32_t flow_age_by(const struct flow_key *key, uint16_t ticks)
{
	uint64_t hash = flow_hash(key, &balancer.flows.seed), tag;
	struct flow_bucket *b = flow_table_bucket(&balancer.flows, hash);
	uint32_t meta;
	int entry = flow_bucket_find(b, hash, (__u64 *)&tag, &meta);
	assert_in_range(entry, 0, FLOW_BUCKET_ENTRIES - 1);
	b->meta[entry] -= (uint32_t)ticks << 16;
	return b->meta[entry];
}

/* Errors about a known flow are repeated like its packets, but it is not seen by that. */
static void test_errors_on_fast_path(void **state)
{
	static const struct recipe flow = {.from = "198.51.100.9",
					   .to = "203.0.113.11",
					   .protocol = IPPROTO_UDP,
					   .from_port = 5,
					   .to_port = 9};
	static const struct recipe answer = {.from = "203.0.113.11",
					     .to = "198.51.100.9",
					     .protocol = IPPROTO_UDP,
					     .from_port = 9,
					     .to_port = 5};
	static const struct recipe error = {.from = "192.0.2.1",
					    .to = "203.0.113.11",
					    .protocol = IPPROTO_ICMP,
					    .icmp_type = 3,
					    .quote = &answer};
	struct frame in, in_flow, out, want;
	const struct flow_key key = {
		.source = {{0, 0, htonl(0xffff), inet_addr("198.51.100.9")}},
		.destination = {{0, 0, htonl(0xffff), inet_addr("203.0.113.11")}},
		.source_port = htons(5),
		.destination_port = htons(9),
		.protocol = IPPROTO_UDP,
	};
	need_xdp();
	packet_build(&flow, &in_flow);
	packet_build(&error, &in);
	packet_judge(&balancer, &in_flow, xdp_run_now_ns(), &out);
	packet_judge(&balancer, &in, xdp_run_now_ns(), &want);
	uint32_t before = flow_age_by(&key, 20);
	case_name = "an error about a known flow";
	for (int alone = 0; alone < 2; alone++) {
		xdp_run_set_fast_path(&xdp, alone ? FAST_PATH_ALONE : FAST_PATH_ALWAYS);
		xdp_run_set_socket(&xdp, !alone);
		struct xdp_verdict v = xdp_run_packet(&xdp, &in, &out);
		expect_number("XDP outcome", v.outcome, OUTCOME_SENT);
		expect_bytes(&out, &want);
		expect_number("seen", flow_age_by(&key, 0), before);
	}
	xdp_run_packet(&xdp, &in_flow, &out);
	assert_int_not_equal(flow_age_by(&key, 0), before);
	xdp_run_set_socket(&xdp, true);
	xdp_run_set_fast_path(&xdp, FAST_PATH_NEVER);
}

/* --- every length ---------------------------------------------------------------------------- */

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

/* --- the XDP program's tap ---------------------------------------------------------------------
 */

struct tapped {
	unsigned int count;
	struct tap_record record;
	uint8_t bytes[512];
};

static void take_record(void *context, const struct tap_record *record, const void *bytes)
{
	struct tapped *t = context;
	t->count++;
	t->record = *record;
	assert_in_range(record->captured, 0, sizeof(t->bytes));
	memcpy(t->bytes, bytes, record->captured);
}

static void run_malformed(struct frame *f)
{
	struct recipe r = TCP(CLIENT, VIP, .payload = 200, .pokes = {POKE(3, 0, 0x44)});
	struct frame out;
	packet_build(&r, f);
	struct xdp_verdict v = xdp_run_packet(&xdp, f, &out);
	assert_int_equal(v.outcome, OUTCOME_DROPPED);
}

static void test_tap_has_what_was_dropped(void **state)
{
	enum { SNAPLEN = 96 };
	struct tapped t = {0};
	struct frame f;
	need_xdp();
	xdp_run_tap(&xdp, 1ull << REASON_MALFORMED_IPV4, SNAPLEN);
	run_malformed(&f);
	xdp_run_drain(&xdp, take_record, &t);
	assert_int_equal(t.count, 1);
	assert_int_equal(t.record.reason, REASON_MALFORMED_IPV4);
	assert_int_equal(t.record.source, TAP_XDP);
	assert_int_equal(t.record.length, f.length);
	assert_int_equal(t.record.captured, SNAPLEN);
	assert_memory_equal(t.bytes, f.bytes, SNAPLEN);

	xdp_run_tap(&xdp, 1ull << REASON_MALFORMED_TCP, SNAPLEN);
	run_malformed(&f);
	xdp_run_drain(&xdp, take_record, &t);
	assert_int_equal(t.count, 1);

	xdp_run_tap(&xdp, ~0ull, 2048);
	run_malformed(&f);
	xdp_run_drain(&xdp, take_record, &t);
	assert_int_equal(t.count, 2);
	assert_int_equal(t.record.captured, f.length);
	assert_memory_equal(t.bytes, f.bytes, f.length);
	xdp_run_tap(&xdp, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_in_user_space),
		cmocka_unit_test(test_table_in_kernel),
		cmocka_unit_test(test_table_without_socket),
		cmocka_unit_test(test_table_on_fast_path),
		cmocka_unit_test(test_table_alone),
		cmocka_unit_test(test_errors_on_fast_path),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_tap_has_what_was_dropped),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
