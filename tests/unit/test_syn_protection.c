// SPDX-License-Identifier: BSD-2-Clause
/*
 * `syn_protection: cookies`: as many flows of a service as its limit says may be half open at a
 * time, by whatever method they are forwarded; beyond that a SYN is answered by a cookie. What
 * rules drop is dropped, and what they allow is asked all the same.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/meter.h"
#include "lb/reason.h"
#include "lb/registry.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_build.h"
#include "tests/unit/packet_table.h"
#include "tests/unit/sides.h"
#include "tools/weir/offline.h"

#define SYN 0x02
#define RST 0x04
#define ACK 0x10

#define DSR          "203.0.113.10"
#define NAT          "203.0.113.11"
#define FREE         "203.0.113.12"
#define LIMIT        3
#define HANDSHAKE_NS 600000000000ull /* long: the XDP program goes by the real clock */

static const char yaml[] =
	"interfaces: [{name: eth0}]\n"
	"flow_table: {timeouts: {tcp_handshake: 10m}}\n"
	"sources: {bad: {prefixes: [198.51.100.66]}}\n"
	"policy: {rules: [{name: no, from: bad, to: dsr, action: drop}, {name: yes, to: dsr, "
	"action: allow}]}\n"
	"nat: {addresses: [10.0.0.200]}\n"
	"services:\n"
	"- {name: dsr, address: " DSR
	", protocol: tcp, ports: 80, syn_protection: cookies, half_open_limit: 3,\n"
	"   backends: [{name: b, address: 10.0.0.1}]}\n"
	"- {name: nat, address: " NAT
	", protocol: tcp, ports: 80, syn_protection: cookies, half_open_limit: 3,\n"
	"   forward: nat, backends: [{name: b, address: 10.0.0.1}]}\n"
	"- {name: free, address: " FREE
	", protocol: tcp, ports: 80, backends: [{name: b, address: 10.0.0.1}]}\n";

static int open_services(void **state)
{
	fixture_open(&balancer, yaml);
	no_xdp = xdp_run_open(&xdp, &balancer);
	return 0;
}

static void segment(struct frame *f, const char *from, const char *to, uint16_t port, uint8_t flags)
{
	const struct recipe r = {
		.from = from,
		.to = to,
		.protocol = IPPROTO_TCP,
		.from_port = port,
		.to_port = 80,
		.tcp_flags = flags,
	};
	packet_build(&r, f);
}

/* --- lb/ ---------------------------------------------------------------------------------------
 */

static uint64_t now_ns;

static struct lb_packet put(const char *to, uint16_t port, uint8_t flags)
{
	struct frame f, out;
	segment(&f, "198.51.100.7", to, port, flags);
	return packet_judge(&balancer, &f, now_ns, &out);
}

static void expect_opened(const char *to, uint16_t port)
{
	struct lb_packet p = put(to, port, SYN);
	if (p.verdict != LB_TRANSMIT || p.backend == ABI_NO_BACKEND)
		fail_msg("%s: the SYN from port %u did not get to a backend", to, port);
}

static void expect_challenged(const char *to, uint16_t port)
{
	uint64_t before = balancer.counters->challenges;
	struct lb_packet p = put(to, port, SYN);
	if (p.verdict != LB_TRANSMIT || balancer.counters->challenges != before + 1)
		fail_msg("%s: the SYN from port %u was not answered by a cookie", to, port);
}

/* By that method of forwarding; nothing is half open when it begins. */
static void try_service(const char *to)
{
	now_ns += 2 * HANDSHAKE_NS;
	for (int i = 0; i < LIMIT; i++)
		expect_opened(to, 1000 + i);
	expect_challenged(to, 2000);
	/* The client goes on with one, and gives up another: so two more may open. */
	put(to, 1000, ACK);
	expect_opened(to, 2001);
	expect_challenged(to, 2002);
	put(to, 1001, RST);
	expect_opened(to, 2003);
	expect_challenged(to, 2004);
	/* Packets of a flow that is not half open any more give nothing back, and other flows none.
	 */
	put(to, 1000, ACK);
	put(to, 1000, RST);
	put(to, 3000, ACK);
	expect_challenged(to, 2005);
	/* Those that nothing follows are forgotten. */
	now_ns += HANDSHAKE_NS;
	for (int i = 0; i < LIMIT; i++)
		expect_opened(to, 4000 + i);
	expect_challenged(to, 5000);
}

static void test_every_method(void **state)
{
	try_service(DSR);
	try_service(NAT);
	fixture_expect_ledger(&balancer);
}

static void test_each_service_has_its_own(void **state)
{
	now_ns += 2 * HANDSHAKE_NS;
	for (int i = 0; i < LIMIT; i++)
		expect_opened(DSR, 6000 + i);
	expect_challenged(DSR, 6100);
	expect_opened(NAT, 6100);
	for (int i = 0; i < 10 * LIMIT; i++)
		expect_opened(FREE, 6000 + i);
}

/* A rule that drops is not asked for a cookie; its packets take nothing either. */
static void test_rules_come_first(void **state)
{
	struct frame f, out;
	now_ns += 2 * HANDSHAKE_NS;
	for (int i = 0; i < 10 * LIMIT; i++) {
		segment(&f, "198.51.100.66", DSR, 7000 + i, SYN);
		struct lb_packet p = packet_judge(&balancer, &f, now_ns, &out);
		assert_int_equal(p.verdict, LB_DROP);
		assert_int_equal(p.reason, REASON_POLICY_DENIED);
	}
	for (int i = 0; i < LIMIT; i++)
		expect_opened(DSR, 8000 + i);
	expect_challenged(DSR, 8100);
}

/* --- XDP ---------------------------------------------------------------------------------------
 */

static enum xdp_outcome put_xdp(const char *to, uint16_t port)
{
	struct frame f, out;
	segment(&f, "198.51.100.7", to, port, SYN);
	return xdp_run_packet(&xdp, &f, &out).outcome;
}

static void test_xdp(void **state)
{
	static const char *const all[] = {DSR, NAT};
	sides_need_xdp();
	for (int s = 0; s < 2; s++) {
		for (int i = 0; i < LIMIT; i++)
			assert_int_equal(put_xdp(all[s], 1000 + i), OUTCOME_STEERED);
		assert_int_equal(put_xdp(all[s], 2000), OUTCOME_SENT);
		assert_int_equal(put_xdp(FREE, 2000), OUTCOME_STEERED);
	}
	/* As a worker gives back, through its own view of the map. */
	xdp_run_give_back(&xdp, registry_find(balancer.services, "nat"),
			  HANDSHAKE_NS * METER_TICKS / LIMIT);
	assert_int_equal(put_xdp(NAT, 2001), OUTCOME_STEERED);
	assert_int_equal(put_xdp(NAT, 2002), OUTCOME_SENT);
	assert_int_equal(put_xdp(DSR, 2001), OUTCOME_SENT);
	xdp_run_expect_ledger(&xdp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_method),
		cmocka_unit_test(test_each_service_has_its_own),
		cmocka_unit_test(test_rules_come_first),
		cmocka_unit_test(test_xdp),
	};
	now_ns = xdp_run_now_ns();
	return cmocka_run_group_tests(tests, open_services, sides_close);
}
