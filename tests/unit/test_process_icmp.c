// SPDX-License-Identifier: BSD-2-Clause
/*
 * ICMP for VIPs over time: where errors about a flow go, that they change nothing about it, how
 * many echo requests are answered, and what the configuration changes.
 */
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/clients.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_build.h"
#include "tools/weir/offline.h"

#define SECOND 1000000000ull
#define VIP    "203.0.113.10"
#define PREFIX                                                                 \
	"  - {name: web, address: 203.0.113.0/24, protocol: tcp, ports: 80,\n" \
	"     backends: [{name: b1, address: 10.0.0.1}]}\n"

static struct offline o;

static int start(void **state)
{
	client_start(&o, client_world);
	return 0;
}

static int end(void **state)
{
	offline_close(&o);
	return 0;
}

/* "Too big", about what a backend sent in the flow of that number (client_build()). */
static struct lb_packet send_error(struct offline *to, uint32_t n, uint8_t protocol)
{
	char client[32];
	struct frame f;
	snprintf(client, sizeof(client), "198.%u.%u.%u", OLD, n >> 8 & 255, n & 255);
	struct recipe quote = {
		.from = VIP,
		.to = client,
		.protocol = protocol,
		.from_port = protocol == IPPROTO_TCP ? 80 : 53,
		.to_port = 1024 + (n >> 16),
	};
	struct recipe r = {
		.from = "192.0.2.1",
		.to = VIP,
		.protocol = IPPROTO_ICMP,
		.icmp_type = 3,
		.icmp_code = 4,
		.quote = &quote,
		.quote_length = 28,
	};
	packet_build(&r, &f);
	return client_send(to, &f);
}

static uint32_t error_backend(struct offline *to, uint32_t n, uint8_t protocol)
{
	struct lb_packet p = send_error(to, n, protocol);
	assert_int_equal(p.verdict, LB_TRANSMIT);
	return p.backend;
}

static struct lb_packet send_echo(void)
{
	struct recipe r = {.from = "198.51.100.7", .to = VIP, .protocol = IPPROTO_ICMP};
	struct frame f;
	packet_build(&r, &f);
	return client_send(&o, &f);
}

/* --- errors ---------------------------------------------------------------------------------- */

static void test_errors_follow_their_flows(void **state)
{
	uint32_t backends[CLIENT_FLOWS];
	client_connect_all(&o, backends);
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++)
		assert_int_equal(error_backend(&o, n, IPPROTO_TCP), backends[n]);
	/* New flows go elsewhere now, two of five; these do not, and neither do errors. */
	fixture_reload(&o,
		       CLIENT_HEAD CLIENT_WEB CLIENT_B5 CLIENT_B1 CLIENT_B4 CLIENT_B2 CLIENT_B3);
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++)
		assert_int_equal(error_backend(&o, n, IPPROTO_TCP), backends[n]);
}

/* Another node, which does not know the flow, sends the error where it would send its packets. */
static void test_errors_without_a_flow(void **state)
{
	struct offline other;
	client_start(&other, client_world);
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++) {
		assert_int_equal(error_backend(&o, n, IPPROTO_TCP),
				 client_tcp_backend(&other, OLD, n, TCP_SYN));
		assert_int_equal(error_backend(&o, n, IPPROTO_UDP),
				 client_udp_backend(&other, OLD, n));
	}
	assert_int_equal(client_flow_count(&o), 0);
	assert_int_equal(o.counters->flow_inserts, 0);
	offline_close(&other);
}

/* Where clients stay together, the error goes to the client's backend, whatever its port was. */
static void test_errors_by_source(void **state)
{
	static const char *const settings[] = {"affinity: source", "tracking: none",
					       "affinity: source\n    tracking: none"};
	char yaml[1024];
	for (unsigned int i = 0; i < 3; i++) {
		snprintf(yaml, sizeof(yaml),
			 CLIENT_HEAD CLIENT_DNS CLIENT_B1 CLIENT_B2 CLIENT_B3 "    %s\n",
			 settings[i]);
		fixture_reload(&o, yaml);
		for (uint32_t n = 0; n < CLIENT_FLOWS; n++)
			assert_int_equal(error_backend(&o, n, IPPROTO_UDP),
					 client_udp_backend(&o, OLD, n));
	}
}

/* Nothing in an error is the connection id of a client: here it would name b2, read as QUIC. */
static void test_errors_have_no_connection_id(void **state)
{
	fixture_reload(&o, CLIENT_HEAD CLIENT_DNS
		       "      - {name: b1, address: 10.0.0.1, server_id: 0x0001}\n"
		       "      - {name: b2, address: 10.0.0.2, server_id: 0x001c}\n"
		       "      - {name: b3, address: 10.0.0.3, server_id: 0x0003}\n"
		       "    affinity: quic\n");
	for (uint32_t n = 0; n < 100; n++)
		assert_int_equal(error_backend(&o, n, IPPROTO_UDP), client_udp_backend(&o, OLD, n));
}

static void test_errors_change_no_state(void **state)
{
	static const uint8_t flags[] = {TCP_SYN, TCP_ACK, TCP_FIN | TCP_ACK};
	static const enum flow_state states[] = {FLOW_HANDSHAKE, FLOW_ESTABLISHED, FLOW_CLOSING};
	for (int i = 0; i < 3; i++) {
		uint32_t backend = client_tcp_backend(&o, OLD, 1, flags[i]);
		assert_int_equal(error_backend(&o, 1, IPPROTO_TCP), backend);
		assert_int_equal(client_flows(&o).entries[states[i]], 1);
		assert_int_equal(client_flow_count(&o), 1);
	}
}

static void expect_not_kept_alive(uint8_t protocol, uint64_t timeout_s)
{
	if (protocol == IPPROTO_UDP)
		client_udp(&o, OLD, 1);
	else
		client_tcp(&o, OLD, 1, TCP_SYN);
	for (uint64_t s = 0; s < timeout_s + 1; s++) {
		error_backend(&o, 1, protocol);
		client_now_ns += SECOND;
	}
	error_backend(&o, 1, protocol);
	assert_int_equal(client_flow_count(&o), 0);
}

static void test_errors_keep_nothing_alive(void **state)
{
	expect_not_kept_alive(IPPROTO_TCP, 10);
	expect_not_kept_alive(IPPROTO_UDP, 60);
}

static void test_errors_about_flows_of_the_dead(void **state)
{
	client_tcp(&o, OLD, 1, TCP_SYN);
	uint32_t backend = client_tcp_backend(&o, OLD, 1, TCP_ACK);
	const char *names[] = {"b1", "b2", "b3"};
	for (int i = 0; i < 3; i++)
		client_set_state(&o, names[i], STATE_DOWN);
	struct lb_packet p = send_error(&o, 1, IPPROTO_TCP);
	assert_int_equal(p.verdict, LB_DROP);
	assert_int_equal(p.reason, REASON_NO_BACKEND);
	/* They don't take the flow away either. */
	assert_int_equal(client_flows(&o).entries[FLOW_ESTABLISHED], 1);
	for (int i = 0; i < 3; i++)
		client_set_state(&o, names[i], STATE_UP);
	assert_int_equal(error_backend(&o, 1, IPPROTO_TCP), backend);
}

/* --- echo requests ---------------------------------------------------------------------------- */

#define LIMITED "icmp: {echo_limit: 200}\n" CLIENT_HEAD CLIENT_WEB CLIENT_B1

static unsigned int answered(unsigned int requests)
{
	unsigned int count = 0;
	for (unsigned int i = 0; i < requests; i++) {
		struct lb_packet p = send_echo();
		count += p.verdict == LB_TRANSMIT;
		if (p.verdict == LB_DROP)
			assert_int_equal(p.reason, REASON_ECHO_LIMITED);
		assert_int_equal(p.service, ABI_NO_SERVICE);
	}
	return count;
}

static void test_echo_limit(void **state)
{
	fixture_reload(&o, LIMITED);
	assert_int_equal(answered(500), 21);
	assert_int_equal(o.counters->echo_replies, 21);
	assert_int_equal(o.counters->dropped[REASON_ECHO_LIMITED], 479);
	client_now_ns += SECOND / 100;
	assert_int_equal(answered(10), 2);
	unsigned int sum = 0;
	for (int ms = 0; ms < 1000; ms++) {
		client_now_ns += 1000000;
		sum += answered(3);
	}
	assert_int_equal(sum, 200);
}

static void test_echo_limit_by_default(void **state)
{
	assert_int_equal(answered(1000), 101);
}

static void test_reload_changes_the_limit(void **state)
{
	fixture_reload(&o, LIMITED);
	answered(500);
	fixture_reload(&o, "icmp: {echo_limit: 2000}\n" CLIENT_HEAD CLIENT_WEB CLIENT_B1);
	client_now_ns += SECOND;
	assert_int_equal(answered(500), 201);
}

static void test_echo_can_be_left_to_the_kernel(void **state)
{
	fixture_reload(&o, "icmp: {echo: false}\n" CLIENT_HEAD CLIENT_WEB CLIENT_B1);
	assert_int_equal(send_echo().verdict, LB_PASS);
	assert_int_equal(o.counters->echo_replies, 0);
}

static void test_other_can_be_dropped(void **state)
{
	fixture_reload(&o, "icmp: {echo: false, other: drop}\n" CLIENT_HEAD CLIENT_WEB CLIENT_B1);
	struct lb_packet p = send_echo();
	assert_int_equal(p.verdict, LB_DROP);
	assert_int_equal(p.reason, REASON_ICMP_REFUSED);
	assert_int_equal(send_error(&o, 1, IPPROTO_TCP).verdict, LB_TRANSMIT);
	/* No service has this port, so this is about no flow of ours. */
	p = send_error(&o, 1, IPPROTO_UDP);
	assert_int_equal(p.verdict, LB_DROP);
	assert_int_equal(p.reason, REASON_ICMP_REFUSED);
}

static void test_switches_hold_for_prefixes(void **state)
{
	fixture_reload(&o, "icmp: {echo: false, other: drop}\n" CLIENT_HEAD PREFIX);
	struct lb_packet p = send_echo();
	assert_int_equal(p.verdict, LB_DROP);
	assert_int_equal(p.reason, REASON_ICMP_REFUSED);
	assert_int_equal(send_error(&o, 1, IPPROTO_TCP).verdict, LB_TRANSMIT);
	fixture_reload(&o, "icmp: {echo: false}\n" CLIENT_HEAD PREFIX);
	assert_int_equal(send_echo().verdict, LB_PASS);
	fixture_reload(&o, CLIENT_HEAD PREFIX);
	assert_int_equal(send_echo().verdict, LB_TRANSMIT);
}

static void test_other_dropped_and_echo_answered(void **state)
{
	fixture_reload(&o, "icmp: {other: drop}\n" CLIENT_HEAD CLIENT_WEB CLIENT_B1);
	assert_int_equal(send_echo().verdict, LB_TRANSMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_errors_follow_their_flows, start, end),
		cmocka_unit_test_setup_teardown(test_errors_without_a_flow, start, end),
		cmocka_unit_test_setup_teardown(test_errors_by_source, start, end),
		cmocka_unit_test_setup_teardown(test_errors_have_no_connection_id, start, end),
		cmocka_unit_test_setup_teardown(test_errors_change_no_state, start, end),
		cmocka_unit_test_setup_teardown(test_errors_keep_nothing_alive, start, end),
		cmocka_unit_test_setup_teardown(test_errors_about_flows_of_the_dead, start, end),
		cmocka_unit_test_setup_teardown(test_echo_limit, start, end),
		cmocka_unit_test_setup_teardown(test_echo_limit_by_default, start, end),
		cmocka_unit_test_setup_teardown(test_reload_changes_the_limit, start, end),
		cmocka_unit_test_setup_teardown(test_echo_can_be_left_to_the_kernel, start, end),
		cmocka_unit_test_setup_teardown(test_other_can_be_dropped, start, end),
		cmocka_unit_test_setup_teardown(test_other_dropped_and_echo_answered, start, end),
		cmocka_unit_test_setup_teardown(test_switches_hold_for_prefixes, start, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
