// SPDX-License-Identifier: BSD-2-Clause
/*
 * What becomes of flows: who makes an entry and for how long, where new ones go, what is counted.
 * Verdicts on single packets are in test_packets.c, changes under way in test_process_changes.c.
 */
#include "lb/process.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tests/unit/clients.h"
#include "tests/unit/fixture.h"
#include "tools/weir/offline.h"

#define SECOND 1000000000ull
/* --- who makes an entry ------------------------------------------------------------------------
 */

static void test_only_syn_and_udp_make_entries(void **state)
{
	static const uint8_t flags[] = {0,
					TCP_ACK,
					TCP_RST,
					TCP_RST | TCP_ACK,
					TCP_FIN,
					TCP_FIN | TCP_ACK,
					TCP_SYN | TCP_ACK,
					TCP_SYN | TCP_RST,
					TCP_SYN | TCP_FIN,
					TCP_PSH | TCP_ACK};
	struct offline o;
	client_start(&o, client_world);
	for (uint32_t n = 0; n < sizeof(flags); n++) {
		uint32_t first = client_tcp_backend(&o, OLD, n, flags[n]);
		assert_int_equal(client_tcp_backend(&o, OLD, n, flags[n]), first);
	}
	assert_int_equal(client_flow_count(&o), 0);
	assert_int_equal(o.counters->flow_inserts, 0);
	client_tcp(&o, OLD, 1, TCP_SYN);
	assert_int_equal(client_flow_count(&o), 1);
	assert_int_equal(client_flows(&o).entries[FLOW_HANDSHAKE], 1);
	client_udp(&o, OLD, 1);
	assert_int_equal(client_flow_count(&o), 2);
	assert_int_equal(client_flows(&o).entries[FLOW_UDP], 1);
	assert_int_equal(o.counters->flow_inserts, 2);
	offline_close(&o);
}

/* A packet in the middle goes where the SYN of its flow would have gone: other nodes do so too. */
static void test_middle_goes_where_the_syn_would(void **state)
{
	struct offline o, other;
	client_start(&o, client_world);
	client_start(&other, client_world);
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++)
		assert_int_equal(client_tcp_backend(&o, OLD, n, TCP_SYN),
				 client_tcp_backend(&other, OLD, n, TCP_ACK));
	offline_close(&o);
	offline_close(&other);
}

static void expect_state(struct offline *o, enum flow_state want)
{
	assert_int_equal(client_flows(o).entries[want], 1);
	assert_int_equal(client_flow_count(o), 1);
}

static void test_states_of_a_connection(void **state)
{
	struct offline o;
	client_start(&o, client_world);
	client_tcp(&o, OLD, 1, TCP_SYN);
	expect_state(&o, FLOW_HANDSHAKE);
	client_tcp(&o, OLD, 1, TCP_SYN);
	expect_state(&o, FLOW_HANDSHAKE);
	client_tcp(&o, OLD, 1, TCP_ACK);
	expect_state(&o, FLOW_ESTABLISHED);
	client_tcp(&o, OLD, 1, TCP_SYN);
	expect_state(&o, FLOW_ESTABLISHED);
	client_tcp(&o, OLD, 1, TCP_FIN | TCP_ACK);
	expect_state(&o, FLOW_CLOSING);
	client_tcp(&o, OLD, 1, TCP_ACK);
	expect_state(&o, FLOW_CLOSING);
	client_tcp(&o, OLD, 1, TCP_SYN);
	expect_state(&o, FLOW_HANDSHAKE);
	client_tcp(&o, OLD, 1, TCP_RST);
	expect_state(&o, FLOW_CLOSING);
	offline_close(&o);
}

/* The timeouts are those of the configuration, to two ticks of the table's clock. */
static void expect_lifetime(uint8_t last_flags, bool udp, uint64_t seconds)
{
	struct offline o;
	client_start(&o, client_world);
	if (udp) {
		client_udp(&o, OLD, 1);
	} else {
		client_tcp(&o, OLD, 1, TCP_SYN);
		if (last_flags)
			client_tcp(&o, OLD, 1, last_flags);
	}
	o.now_ns += (seconds - 1) * SECOND;
	assert_int_equal(client_flow_count(&o), 1);
	o.now_ns += 2 * SECOND;
	assert_int_equal(client_flow_count(&o), 0);
	offline_close(&o);
}

static void test_lifetimes(void **state)
{
	expect_lifetime(0, false, 10);
	expect_lifetime(TCP_ACK, false, 3600);
	expect_lifetime(TCP_FIN, false, 30);
	expect_lifetime(TCP_RST, false, 30);
	expect_lifetime(0, true, 60);
}

static void test_traffic_keeps_a_flow_alive(void **state)
{
	struct offline o;
	client_start(&o, client_world);
	for (int i = 0; i < 100; i++) {
		client_udp(&o, OLD, 1);
		client_now_ns += 50 * SECOND;
	}
	assert_int_equal(o.counters->flow_inserts, 1);
	/* Over gaps of any length, a flow that is dead stays dead. */
	for (uint64_t gap = 100; gap < 100000; gap += 777) {
		uint64_t inserts = o.counters->flow_inserts;
		client_now_ns += gap * SECOND;
		client_udp(&o, OLD, 1);
		assert_int_equal(o.counters->flow_inserts, inserts + 1);
	}
	offline_close(&o);
}

/* --- new connections of the same addresses and ports -------------------------------------------
 */

/* A flow that is on a backend to which the table of the service would not send it any more. */
static uint32_t find_misplaced(struct offline *o, uint32_t n)
{
	for (;; n++) {
		uint32_t before = client_tcp_backend(o, OLD, n, TCP_SYN);
		client_tcp_backend(o, OLD, n, TCP_ACK);
		if (before == fixture_backend(o, "web/b2"))
			return n;
	}
}

static void test_syn_after_the_end_is_decided_anew(void **state)
{
	static const uint8_t ends[] = {TCP_FIN | TCP_ACK, TCP_RST};
	for (size_t i = 0; i < sizeof(ends); i++) {
		struct offline o;
		client_start(&o, client_world);
		uint32_t n = find_misplaced(&o, 0), b2 = fixture_backend(&o, "web/b2");
		client_set_state(&o, "b2", STATE_DRAIN);
		/* A SYN alone, a late one say, opens nothing. */
		assert_int_equal(client_tcp_backend(&o, OLD, n, TCP_SYN), b2);
		assert_int_equal(client_tcp_backend(&o, OLD, n, ends[i]), b2);
		assert_int_equal(client_tcp_backend(&o, OLD, n, TCP_ACK), b2);
		uint32_t next = client_tcp_backend(&o, OLD, n, TCP_SYN);
		assert_int_not_equal(next, b2);
		assert_int_equal(client_tcp_backend(&o, OLD, n, TCP_ACK), next);
		offline_close(&o);
	}
}

static void test_udp_flows_stay(void **state)
{
	uint32_t backends[CLIENT_FLOWS];
	struct offline o;
	client_start(&o, client_world);
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++)
		backends[n] = client_udp_backend(&o, OLD, n);
	client_set_state(&o, "b1", STATE_DRAIN);
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++)
		assert_int_equal(client_udp_backend(&o, OLD, n), backends[n]);
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++)
		assert_int_not_equal(client_udp_backend(&o, NEW, n), fixture_backend(&o, "dns/b1"));
	offline_close(&o);
}

/* --- where new ones go ---------------------------------------------------------------------------
 */

static void test_spread_by_weight(void **state)
{
	enum { ALL = 100000 };
	static const uint32_t weights[] = {100, 200, 300, 50, 0};
	uint32_t sum = 0;
	struct offline o;
	client_start(&o,
		     CLIENT_HEAD CLIENT_WEB "      - {name: b0, address: 10.0.0.1, weight: 100}\n"
					    "      - {name: b1, address: 10.0.0.2, weight: 200}\n"
					    "      - {name: b2, address: 10.0.0.3, weight: 300}\n"
					    "      - {name: b3, address: 10.0.0.4, weight: 50}\n"
					    "      - {name: b4, address: 10.0.0.5, weight: 0}\n");
	for (uint32_t n = 0; n < ALL; n++)
		client_tcp(&o, OLD, n, TCP_SYN);
	for (int i = 0; i < 5; i++)
		sum += weights[i];
	for (int i = 0; i < 5; i++) {
		char key[16];
		snprintf(key, sizeof(key), "web/b%d", i);
		double want = (double)ALL * weights[i] / sum;
		double got = o.counters->backends[fixture_backend(&o, key)].flows;
		if (got < want * 0.98 || got > want * 1.02)
			fail_msg("%s: %.0f flows; expected %.0f", key, got, want);
	}
	offline_close(&o);
}

static void test_traffic_is_counted(void **state)
{
	struct offline o;
	client_start(&o, CLIENT_HEAD CLIENT_WEB CLIENT_B1 CLIENT_DNS CLIENT_B1);
	struct lb_traffic *web = &o.counters->services[registry_find(o.services, "web")];
	struct lb_traffic *b1 = &o.counters->backends[fixture_backend(&o, "web/b1")];
	struct lb_traffic *dns = &o.counters->services[registry_find(o.services, "dns")];
	client_tcp(&o, OLD, 1, TCP_SYN);
	client_tcp(&o, OLD, 1, TCP_ACK);
	client_tcp(&o, OLD, 2, TCP_ACK);
	client_udp(&o, OLD, 1);
	assert_int_equal(web->packets, 3);
	assert_int_equal(web->bytes, 3 * 54);
	assert_int_equal(web->flows, 1);
	assert_memory_equal(web, b1, sizeof(*web));
	assert_int_equal(dns->packets, 1);
	assert_int_equal(dns->bytes, 42);
	assert_int_equal(dns->flows, 1);
	/* What is dropped is the service's, and no backend's. */
	client_set_state(&o, "b1", STATE_DOWN);
	client_tcp(&o, OLD, 3, TCP_SYN);
	assert_int_equal(web->packets, 4);
	assert_int_equal(b1->packets, 3);
	assert_int_equal(o.counters->rx_bytes, 4 * 54 + 42);
	offline_close(&o);
}

/* --- next hops ---------------------------------------------------------------------------------
 */

static void test_flow_waits_for_its_next_hop(void **state)
{
	uint32_t backends[CLIENT_FLOWS];
	struct offline o;
	client_start(&o, client_world);
	uint32_t b2 = fixture_backend(&o, "web/b2");
	client_connect_all(&o, backends);
	o.next_hops[b2].known = false;
	fixture_publish(&o);
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++) {
		struct lb_packet p = client_tcp(&o, OLD, n, TCP_ACK);
		assert_int_equal(p.backend, backends[n]);
		assert_int_equal(p.verdict, backends[n] == b2 ? LB_DROP : LB_TRANSMIT);
		if (p.verdict == LB_DROP)
			assert_int_equal(p.reason, REASON_NO_NEXT_HOP);
	}
	/* One that was never sent makes no entry. */
	uint64_t before = client_flow_count(&o);
	for (uint32_t n = 0; n < 100; n++)
		if (client_tcp(&o, NEW, n, TCP_SYN).verdict == LB_TRANSMIT)
			before++;
	assert_int_equal(client_flow_count(&o), before);
	o.next_hops[b2].known = true;
	fixture_publish(&o);
	assert_int_equal(client_count_moved(&o, backends), 0);
	offline_close(&o);
}

static void test_way_out_is_the_next_hops(void **state)
{
	static const uint8_t mac[] = {6, 5, 4, 3, 2, 1}, port[] = {2, 0, 0, 0, 0, 1};
	struct offline o;
	client_start(&o, CLIENT_HEAD CLIENT_WEB CLIENT_B1);
	struct next_hop *hop = &o.next_hops[fixture_backend(&o, "web/b1")];
	struct frame f;
	hop->egress = 1;
	memcpy(hop->mac, mac, sizeof(mac));
	fixture_publish(&o);
	client_build(&f, OLD, 1, IPPROTO_TCP, TCP_SYN);
	struct lb_packet p = client_send(&o, &f);
	assert_int_equal(p.egress, 1);
	assert_memory_equal(f.bytes, mac, sizeof(mac));
	assert_memory_equal(f.bytes + 6, port, sizeof(port));
	offline_close(&o);
}

/* It goes back by the port it came in on, from that port's address. */
static void test_neighbor_is_answered_where_it_asked(void **state)
{
	struct offline o;
	client_start(&o, client_world);
	struct recipe ask = {.arp_op = 1, .from = "203.0.113.1", .to = "203.0.113.10"};
	struct recipe answer = {.arp_op = 2,
				.from = "203.0.113.10",
				.to = "203.0.113.1",
				.mac_from = "02:00:00:00:00:01",
				.mac_to = CLIENT_MAC,
				.arp_target_mac = CLIENT_MAC};
	struct frame f, want;
	packet_build(&ask, &f);
	packet_build(&answer, &want);
	struct lb_packet p = {.data = f.bytes, .length = f.length, .ingress = 1};
	offline_process(&o, &p, 1, client_now_ns);
	assert_int_equal(p.verdict, LB_TRANSMIT);
	assert_int_equal(p.egress, 1);
	assert_int_equal(p.length, want.length);
	assert_memory_equal(f.bytes, want.bytes, want.length);
	assert_int_equal(o.counters->neighbor_replies, 1);
	assert_int_equal(o.counters->forwarded, 0);
	offline_close(&o);
}

/* --- floods ------------------------------------------------------------------------------- */

static void test_flood_costs_established_flows_nothing(void **state)
{
	enum { FLOOD = 50000 };
	uint32_t backends[CLIENT_FLOWS];
	struct offline o;
	client_start(&o, "interfaces: [{name: a}]\nflow_table: {entries: 4096}\n"
			 "services:\n" CLIENT_WEB CLIENT_B1 CLIENT_B2 CLIENT_B3);
	client_connect_all(&o, backends);
	uint64_t untracked = o.counters->flow_untracked;
	for (uint32_t n = 0; n < FLOOD; n++)
		assert_int_equal(client_tcp(&o, NEW, n, TCP_SYN).verdict, LB_TRANSMIT);
	assert_true(o.counters->flow_evictions > 0);
	/* Whoever had found an entry has it still. */
	assert_in_range(client_flows(&o).entries[FLOW_ESTABLISHED], CLIENT_FLOWS - untracked,
			CLIENT_FLOWS);
	client_set_state(&o, "b1", STATE_DRAIN);
	assert_in_range(client_count_moved(&o, backends), 0, untracked);
	offline_close(&o);
}

static void test_new_flows_a_second_are_limited(void **state)
{
	struct offline o;
	client_start(&o, client_world);
	lb_init(&o.lb, &o.flows, o.counters, 1000);
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++)
		assert_int_equal(client_tcp(&o, OLD, n, TCP_SYN).verdict, LB_TRANSMIT);
	/* A tenth of a second's worth at once, and one. */
	assert_int_equal(o.counters->flow_inserts, 101);
	assert_int_equal(o.counters->flow_guarded, CLIENT_FLOWS - 101);
	assert_int_equal(o.counters->services[0].flows, CLIENT_FLOWS);
	client_now_ns += SECOND / 20;
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++)
		client_tcp(&o, NEW, n, TCP_SYN);
	assert_in_range(o.counters->flow_inserts, 101 + 49, 101 + 51);
	offline_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_syn_and_udp_make_entries),
		cmocka_unit_test(test_middle_goes_where_the_syn_would),
		cmocka_unit_test(test_states_of_a_connection),
		cmocka_unit_test(test_lifetimes),
		cmocka_unit_test(test_traffic_keeps_a_flow_alive),
		cmocka_unit_test(test_syn_after_the_end_is_decided_anew),
		cmocka_unit_test(test_udp_flows_stay),
		cmocka_unit_test(test_spread_by_weight),
		cmocka_unit_test(test_traffic_is_counted),
		cmocka_unit_test(test_flow_waits_for_its_next_hop),
		cmocka_unit_test(test_way_out_is_the_next_hops),
		cmocka_unit_test(test_neighbor_is_answered_where_it_asked),
		cmocka_unit_test(test_flood_costs_established_flows_nothing),
		cmocka_unit_test(test_new_flows_a_second_are_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
