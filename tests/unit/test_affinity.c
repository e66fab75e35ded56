// SPDX-License-Identifier: BSD-2-Clause
/*
 * `affinity: source`: clients stay together, over all their ports. `tracking: none`: no entries.
 * `affinity: quic`: connection ids decide.
 */
#include "lb/affinity.h"

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

#define HEAD "interfaces: [{name: eth0}]\nservices:\n"
#define SERVICE(name, address, protocol, backends)                                        \
	"  - {name: " name ", address: " address ", protocol: " protocol ", ports: any, " \
	"affinity: source,\n     backends: [" backends "]}\n"
#define FOUR                                                             \
	"{name: b1, address: 10.0.0.1}, {name: b2, address: 10.0.0.2}, " \
	"{name: b3, address: 10.0.0.3}, {name: b4, address: 10.0.0.4}"
#define FIVE FOUR ", {name: b5, address: 10.0.0.5}"
#define FOUR6                                                                  \
	"{name: b1, address: \"fd00::1\"}, {name: b2, address: \"fd00::2\"}, " \
	"{name: b3, address: \"fd00::3\"}, {name: b4, address: \"fd00::4\"}"

#define SHOP  SERVICE("shop", "203.0.113.10", "tcp", FOUR)
#define MEDIA SERVICE("media", "203.0.113.10", "udp", FOUR)
#define SHOP6 SERVICE("shop6", "\"2001:db8::10\"", "tcp", FOUR6)

#define CLIENTS 400u
#define PORTS   20u

static const char world[] = HEAD SHOP MEDIA SHOP6;

/* The name of the backend that a client's packet went to. */
static const char *backend_of(struct offline *o, uint8_t protocol, bool v6, uint32_t client,
			      uint16_t port)
{
	char from[48];
	struct frame f;
	snprintf(from, sizeof(from), v6 ? "2001:db8:99::%x:%x" : "198.51.%u.%u", client >> 8,
		 client & 255);
	struct recipe r = {
		.from = from,
		.to = v6 ? "2001:db8::10" : "203.0.113.10",
		.protocol = protocol,
		.from_port = 1024 + port,
		.to_port = 80 + port % 3,
		.tcp_flags = TCP_SYN,
	};
	packet_build(&r, &f);
	struct lb_packet p = client_send(o, &f);
	assert_int_equal(p.verdict, LB_TRANSMIT);
	return strchr(registry_name(o->backends, p.backend), '/') + 1;
}

static void expect_clients_together(uint8_t protocol, bool v6)
{
	struct offline o;
	unsigned int seen[4] = {0};
	client_start(&o, world);
	for (uint32_t client = 0; client < CLIENTS; client++) {
		const char *first = backend_of(&o, protocol, v6, client, 0);
		seen[first[1] - '1']++;
		for (uint16_t port = 1; port < PORTS; port++)
			assert_string_equal(backend_of(&o, protocol, v6, client, port), first);
	}
	/* Five standard deviations of a binomial distribution around 100. */
	for (int i = 0; i < 4; i++)
		assert_in_range(seen[i], 100 - 44, 100 + 44);
	assert_int_equal(client_flow_count(&o), CLIENTS * PORTS);
	offline_close(&o);
}

static void test_a_clients_flows_are_together(void **state)
{
	expect_clients_together(IPPROTO_TCP, false);
	expect_clients_together(IPPROTO_UDP, false);
	expect_clients_together(IPPROTO_TCP, true);
}

/* Else the clients of one service's busiest backend would meet again at that of the next one. */
static void test_services_share_clients_out_differently(void **state)
{
	struct offline o;
	unsigned int same = 0;
	client_start(&o, world);
	for (uint32_t client = 0; client < CLIENTS; client++)
		same += !strcmp(backend_of(&o, IPPROTO_TCP, false, client, 0),
				backend_of(&o, IPPROTO_UDP, false, client, 0));
	assert_in_range(same, 100 - 44, 100 + 44);
	offline_close(&o);
}

/* Ids depend on the order of the file, or on what there was before; decisions must not. */
static void test_nodes_agree(void **state)
{
	struct offline o, other;
	client_start(&o, world);
	client_start(&other, HEAD SHOP6 MEDIA SHOP);
	for (uint32_t client = 0; client < CLIENTS; client++)
		assert_string_equal(backend_of(&o, IPPROTO_TCP, false, client, 0),
				    backend_of(&other, IPPROTO_TCP, false, client, 9));
	offline_close(&o);
	offline_close(&other);
}

static void test_known_flows_stay_when_maglev_changes(void **state)
{
	static const char grown[] = HEAD SERVICE("shop", "203.0.113.10", "tcp", FIVE);
	const char *was[CLIENTS];
	struct offline o;
	unsigned int moved = 0;
	client_start(&o, world);
	for (uint32_t client = 0; client < CLIENTS; client++)
		was[client] = backend_of(&o, IPPROTO_TCP, false, client, 0);
	fixture_reload(&o, grown);
	for (uint32_t client = 0; client < CLIENTS; client++) {
		assert_string_equal(backend_of(&o, IPPROTO_TCP, false, client, 0), was[client]);
		const char *now = backend_of(&o, IPPROTO_TCP, false, client, 1);
		moved += strcmp(now, was[client]) != 0;
		assert_string_equal(backend_of(&o, IPPROTO_TCP, false, client, 2), now);
	}
	/* New flows of a fifth of the clients, and those that the table's rebuilding costs. */
	assert_in_range(moved, CLIENTS / 8, CLIENTS / 3);
	offline_close(&o);
}

/* --- tracking: none ----------------------------------------------------------------------------
 */

#define LOG(tracking, backends)                                                                 \
	"  - {name: log, address: 203.0.113.10, protocol: udp, ports: any, tracking: " tracking \
	",\n     backends: [" backends "]}\n"

/* Each packet goes by Maglev as it is then; nothing is remembered. */
static void test_untracked_flows_follow_maglev(void **state)
{
	const char *was[CLIENTS];
	struct offline o, other;
	unsigned int moved = 0;
	client_start(&o, HEAD LOG("none", FOUR));
	client_start(&other, HEAD LOG("flow", FIVE));
	for (uint32_t client = 0; client < CLIENTS; client++)
		was[client] = backend_of(&o, IPPROTO_UDP, false, client, 0);
	fixture_reload(&o, HEAD LOG("none", FIVE));
	for (uint32_t client = 0; client < CLIENTS; client++) {
		const char *now = backend_of(&o, IPPROTO_UDP, false, client, 0);
		assert_string_equal(now, backend_of(&other, IPPROTO_UDP, false, client, 0));
		moved += strcmp(now, was[client]) != 0;
	}
	assert_in_range(moved, CLIENTS / 8, CLIENTS / 3);
	assert_int_equal(client_flow_count(&o), 0);
	assert_int_equal(o.counters->flow_inserts, 0);
	assert_int_equal(o.counters->services[0].flows, 0);
	assert_int_equal(o.counters->services[0].packets, 2 * CLIENTS);
	offline_close(&o);
	offline_close(&other);
}

/* What was remembered before a reload says so decides nothing any more. */
static void test_tracking_can_be_turned_off(void **state)
{
	struct offline o, fresh;
	client_start(&o, HEAD LOG("flow", FOUR));
	client_start(&fresh, HEAD LOG("none", FIVE));
	for (uint32_t client = 0; client < CLIENTS; client++)
		backend_of(&o, IPPROTO_UDP, false, client, 0);
	fixture_reload(&o, HEAD LOG("none", FIVE));
	uint32_t id = fixture_backend(&o, "log/b1");
	assert_false(backend_keeps_flows(&o.snapshot->backends[id]));
	assert_false(backend_is_repeatable(&o.snapshot->backends[id]));
	for (uint32_t client = 0; client < CLIENTS; client++)
		assert_string_equal(backend_of(&o, IPPROTO_UDP, false, client, 0),
				    backend_of(&fresh, IPPROTO_UDP, false, client, 0));
	offline_close(&o);
	offline_close(&fresh);
}

/* --- affinity: quic ------------------------------------------------------------------------------
 */

#define QUIC_WORLD(state)                                                                         \
	HEAD "  - {name: h3, address: 203.0.113.10, protocol: udp, ports: 443, affinity: quic,\n" \
	     "     backends: [{name: b1, address: 10.0.0.1, server_id: 0x00aa, state: " state     \
	     "},\n      {name: b2, address: 10.0.0.2, server_id: 0x00bb}]}\n"

/* A short header with the server's id in it; 0: a client's own id, of no configuration. */
static const char *quic_backend_of(struct offline *o, uint32_t client, uint8_t server)
{
	char from[32];
	struct frame f;
	snprintf(from, sizeof(from), "198.51.%u.%u", client >> 8, client & 255);
	struct recipe r = {
		.from = from,
		.to = "203.0.113.10",
		.protocol = IPPROTO_UDP,
		.from_port = 5000,
		.to_port = 443,
		.payload = 30,
		.pokes = {POKE(4, 8, 0x40), POKE(4, 9, server ? 0x0f : 0xff), POKE(4, 10, 0),
			  POKE(4, 11, server)},
	};
	packet_build(&r, &f);
	struct lb_packet p = client_send(o, &f);
	assert_int_equal(p.verdict, LB_TRANSMIT);
	return strchr(registry_name(o->backends, p.backend), '/') + 1;
}

/* From any address the id decides, and without one the flow, which does not forget itself. */
static void test_connection_ids_decide(void **state)
{
	struct offline o;
	unsigned int to_b1 = 0;
	client_start(&o, QUIC_WORLD("up"));
	for (uint32_t client = 0; client < CLIENTS; client++) {
		const char *first = quic_backend_of(&o, client, 0);
		assert_string_equal(quic_backend_of(&o, client, 0xaa), "b1");
		assert_string_equal(quic_backend_of(&o, client + CLIENTS, 0xaa), "b1");
		assert_string_equal(quic_backend_of(&o, client, 0xbb), "b2");
		assert_string_equal(quic_backend_of(&o, client, 0xcc), first);
		assert_string_equal(quic_backend_of(&o, client, 0), first);
		to_b1 += first[1] == '1';
	}
	assert_in_range(to_b1, 200 - 50, 200 + 50);
	/* What an id decided about is not remembered. */
	assert_int_equal(client_flow_count(&o), CLIENTS);
	assert_false(backend_is_repeatable(&o.snapshot->backends[fixture_backend(&o, "h3/b1")]));
	offline_close(&o);
}

static void test_connection_ids_and_states(void **state)
{
	struct offline o;
	client_start(&o, QUIC_WORLD("drain"));
	for (uint32_t client = 0; client < CLIENTS; client++) {
		assert_string_equal(quic_backend_of(&o, client, 0), "b2");
		assert_string_equal(quic_backend_of(&o, client, 0xaa), "b1");
	}
	fixture_reload(&o, QUIC_WORLD("down"));
	for (uint32_t client = 0; client < CLIENTS; client++)
		assert_string_equal(quic_backend_of(&o, client, 0xaa), "b2");
	offline_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_clients_flows_are_together),
		cmocka_unit_test(test_services_share_clients_out_differently),
		cmocka_unit_test(test_nodes_agree),
		cmocka_unit_test(test_known_flows_stay_when_maglev_changes),
		cmocka_unit_test(test_untracked_flows_follow_maglev),
		cmocka_unit_test(test_tracking_can_be_turned_off),
		cmocka_unit_test(test_connection_ids_decide),
		cmocka_unit_test(test_connection_ids_and_states),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
