// SPDX-License-Identifier: BSD-2-Clause
/*
 * Connections by nat in the fast path: the bytes that the XDP program sends are those that
 * lb_process() sends, and those that packet_build() makes; and what it leaves to workers.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lb/snapshot.h"
#include "tests/unit/fixture.h"
#include "tests/unit/nat_talk.h"
#include "tests/unit/xdp_run.h"
#include "tools/weir/offline.h"

static struct offline balancer;
static struct xdp_run xdp;
static const char *no_xdp; /* why not */

static int open_all(void **state)
{
	fixture_open(&balancer, nat_talk_yaml);
	no_xdp = xdp_run_open(&xdp, &balancer);
	nat_talk_now_ns = xdp_run_now_ns();
	if (!no_xdp)
		xdp_run_set_fast_path(&xdp, FAST_PATH_ALWAYS);
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

/* Has both sides send it; the test fails if that is not `want`. */
static void expect_both(const char *name, const struct recipe *in, const struct recipe *want)
{
	struct frame frame, out;
	nat_talk_expect(&balancer, in, want);
	packet_build(in, &frame);
	struct xdp_verdict v = xdp_run_packet(&xdp, &frame, &out);
	if (v.outcome != OUTCOME_SENT)
		fail_msg("%s, from %s to %s: XDP outcome %u", name, in->from, in->to, v.outcome);
	nat_talk_expect_frame(&out, want);
}

static void expect_steered(const char *name, const struct recipe *in)
{
	struct frame frame, out;
	packet_build(in, &frame);
	struct xdp_verdict v = xdp_run_packet(&xdp, &frame, &out);
	if (v.outcome != OUTCOME_STEERED)
		fail_msg("%s, from %s to %s: XDP outcome %u", name, in->from, in->to, v.outcome);
	assert_int_equal(out.length, frame.length);
	assert_memory_equal(out.bytes, frame.bytes, frame.length);
}

static uint16_t establish(const struct nat_talk *t)
{
	uint16_t port = nat_talk_open(&balancer, t);
	struct recipe in = nat_talk_from_backend(t, port, TCP_SYN | TCP_ACK, 0);
	struct recipe want = nat_talk_to_client(t, TCP_SYN | TCP_ACK, 0);
	nat_talk_expect(&balancer, &in, &want);
	in = nat_talk_from_client(t, TCP_ACK, 0);
	want = nat_talk_to_backend(t, port, TCP_ACK, 0);
	nat_talk_expect(&balancer, &in, &want);
	return port;
}

static void test_every_kind(void **state)
{
	need_xdp();
	for (size_t i = 0; i < nat_talk_count; i++) {
		const struct nat_talk *t = &nat_talks[i];
		uint16_t port = establish(t);
		for (uint16_t payload = 0; payload < 1400; payload += 41) {
			struct recipe in = nat_talk_from_client(t, TCP_ACK, payload);
			struct recipe want = nat_talk_to_backend(t, port, TCP_ACK, payload);
			expect_both(t->name, &in, &want);
			in = nat_talk_from_backend(t, port, TCP_ACK | TCP_PSH, payload);
			want = nat_talk_to_client(t, TCP_ACK | TCP_PSH, payload);
			expect_both(t->name, &in, &want);
		}
	}
	xdp_run_expect_ledger(&xdp);
}

static void test_what_workers_see(void **state)
{
	need_xdp();
	for (size_t i = 0; i < nat_talk_count; i++) {
		const struct nat_talk *t = &nat_talks[i];
		uint16_t port = establish(t);
		struct recipe in = nat_talk_from_client(t, TCP_ACK, 5);
		in.hop_limit = 1;
		expect_steered("hop limit", &in);
		in = nat_talk_from_client(t, TCP_ACK, 5);
		in.mac_from = "06:00:00:00:00:99";
		expect_steered("another last hop", &in);
		in = nat_talk_from_client(t, TCP_ACK, 5);
		in.tags[0].type = 0x8100;
		in.tags[0].tci = 42;
		expect_steered("a VLAN", &in);
		in = nat_talk_from_backend(t, port, TCP_ACK, 5);
		in.from_port++;
		expect_steered("another port", &in);
		if (t->protocol != IPPROTO_TCP)
			continue;
		in = nat_talk_from_backend(t, port, TCP_FIN | TCP_ACK, 0);
		expect_steered("FIN", &in);
		in = nat_talk_from_client(t, TCP_SYN, 0);
		expect_steered("SYN", &in);
	}
}

/* A backend that got another address, or a record that was never written. */
static void test_stale_records(void **state)
{
	const struct nat_talk *t = &nat_talks[0];
	need_xdp();
	uint16_t port = establish(t);
	memset(balancer.flows.translations, 0, xdp.translations_size);
	struct recipe in = nat_talk_from_client(t, TCP_ACK, 5);
	expect_steered("zeroed", &in);
	in = nat_talk_from_backend(t, port, TCP_ACK, 5);
	expect_steered("zeroed", &in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind),
		cmocka_unit_test(test_what_workers_see),
		cmocka_unit_test(test_stale_records),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
