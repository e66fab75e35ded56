// SPDX-License-Identifier: BSD-2-Clause
/*
 * The packet table through lb_process() and through the XDP program, with and without the fast path
 * and a worker.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_table.h"
#include "tests/unit/sides.h"

/* --- the table ------------------------------------------------------------------------------- */

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
	sides_need_xdp();
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
	sides_need_xdp();
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

/* Neighbours are answered by the program, and flows are known by now: the worker saw them. */
static enum xdp_outcome expected_fast_outcome(const struct packet_case *c)
{
	enum xdp_outcome slow = expected_outcome(c);
	if (slow != OUTCOME_STEERED)
		return slow;
	if (is_neighbor(c))
		return c->by_worker ? OUTCOME_DROPPED : OUTCOME_SENT;
	if (c->repeated)
		return OUTCOME_SENT;
	if (c->in.protocol != IPPROTO_UDP || c->never_repeated || is_fragment(c))
		return OUTCOME_STEERED;
	return OUTCOME_SENT;
}

static bool is_echo(const struct packet_case *c)
{
	return c->reply.icmp_is_reply || (c->by_worker && c->reason == REASON_MALFORMED_ICMP);
}

/* `otherwise`: what becomes of a packet that is not repeated. */
static void expect_fast_case(const struct packet_case *c, enum xdp_outcome otherwise)
{
	enum xdp_outcome outcome = expected_fast_outcome(c);
	if (outcome == OUTCOME_STEERED)
		outcome = otherwise;
	if (otherwise == OUTCOME_PASSED && is_echo(c))
		outcome = c->by_worker ? OUTCOME_DROPPED : OUTCOME_SENT;
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
	sides_need_xdp();
	xdp_run_set_fast_path(&xdp, FAST_PATH_ALWAYS);
	for (size_t i = 0; i < packet_case_count; i++)
		expect_fast_case(&packet_cases[i], OUTCOME_STEERED);
	xdp_run_set_fast_path(&xdp, FAST_PATH_NEVER);
	xdp_run_expect_ledger(&xdp);
}

/* Workers take everything while they are there, and the program repeats while they are not. */
static void test_table_alone(void **state)
{
	sides_need_xdp();
	xdp_run_set_fast_path(&xdp, FAST_PATH_ALONE);
	test_table_in_kernel(state);
	xdp_run_set_socket(&xdp, false);
	for (size_t i = 0; i < packet_case_count; i++)
		expect_fast_case(&packet_cases[i], OUTCOME_PASSED);
	xdp_run_set_socket(&xdp, true);
	xdp_run_set_fast_path(&xdp, FAST_PATH_NEVER);
	xdp_run_expect_ledger(&xdp);
}

/* Of a row of requests that takes no time, those that the bucket had room for. */
static void test_echo_limit_alone(void **state)
{
	static const struct recipe echo = {
		.from = "198.51.100.7", .to = "203.0.113.10", .protocol = IPPROTO_ICMP};
	struct frame in, out;
	struct xdp_verdict v;
	unsigned int sent = 0;
	sides_need_xdp();
	packet_build(&echo, &in);
	xdp_run_set_fast_path(&xdp, FAST_PATH_ALONE);
	xdp_run_set_socket(&xdp, false);
	xdp_run_set_echo_limit(&xdp, 1);
	for (int i = 0; i < 1000; i++) {
		v = xdp_run_packet(&xdp, &in, &out);
		sent += v.outcome == OUTCOME_SENT;
		if (v.outcome != OUTCOME_SENT)
			expect_reason(v.reason, REASON_ECHO_LIMITED);
	}
	assert_in_range(sent, 1, 500);
	xdp_run_set_fast_path(&xdp, FAST_PATH_NEVER);
	assert_int_equal(xdp_run_packet(&xdp, &in, &out).outcome, OUTCOME_PASSED);
	xdp_run_set_echo_limit(&xdp, balancer.snapshot->echo_limit);
	xdp_run_set_socket(&xdp, true);
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
	sides_need_xdp();
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

/* What changes a connection's state is a worker's; what comes between is repeated. */
static void test_states_on_fast_path(void **state)
{
	static const struct {
		const char *name;
		uint8_t flags;
		enum xdp_outcome outcome;
	} steps[] = {
		{"the first SYN", TCP_SYN, OUTCOME_STEERED},
		{"the end of the handshake", TCP_ACK, OUTCOME_STEERED},
		{"established", TCP_ACK | TCP_PSH, OUTCOME_SENT},
		{"a FIN", TCP_FIN | TCP_ACK, OUTCOME_STEERED},
		{"half-closed", TCP_ACK, OUTCOME_SENT},
		{"a FIN again", TCP_FIN | TCP_ACK, OUTCOME_STEERED},
		{"a RST", TCP_RST, OUTCOME_STEERED},
		{"another connection", TCP_SYN, OUTCOME_STEERED},
		{"the end of its handshake", TCP_ACK, OUTCOME_STEERED},
		{"that one", TCP_ACK, OUTCOME_SENT},
	};
	struct frame in, out, want;
	sides_need_xdp();
	xdp_run_set_fast_path(&xdp, FAST_PATH_ALWAYS);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const struct recipe r = {.from = "198.51.100.9",
					 .to = "203.0.113.10",
					 .protocol = IPPROTO_TCP,
					 .from_port = 7,
					 .to_port = 80,
					 .tcp_flags = steps[i].flags};
		packet_build(&r, &in);
		case_name = steps[i].name;
		struct xdp_verdict v = xdp_run_packet(&xdp, &in, &out);
		packet_judge(&balancer, &in, xdp_run_now_ns(), &want);
		expect_number("XDP outcome", v.outcome, steps[i].outcome);
		if (v.outcome == OUTCOME_SENT)
			expect_bytes(&out, &want);
	}
	xdp_run_set_fast_path(&xdp, FAST_PATH_NEVER);
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
	static const struct recipe r = {.from = "198.51.100.7",
					.to = "203.0.113.10",
					.protocol = IPPROTO_TCP,
					.to_port = 80,
					.payload = 200,
					.pokes = {POKE(3, 0, 0x44)}};
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
	sides_need_xdp();
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
		cmocka_unit_test(test_states_on_fast_path),
		cmocka_unit_test(test_echo_limit_alone),
		cmocka_unit_test(test_errors_on_fast_path),
		cmocka_unit_test(test_tap_has_what_was_dropped),
	};
	return cmocka_run_group_tests(tests, sides_open, sides_close);
}
