// SPDX-License-Identifier: BSD-2-Clause
/* What nodes that share flows make of each other: by a network that has no faults but those made
 * here. */
#include "lb/sync.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/sync_net.h"

#define SERVICES(backends)                                                                      \
	"interfaces: [{name: eth0}]\n"                                                          \
	"services:\n"                                                                           \
	"  - {name: web, address: 203.0.113.10, protocol: tcp, ports: 80, backends: [" backends \
	"]}\n"                                                                                  \
	"  - {name: dns, address: 203.0.113.53, protocol: udp, ports: 53, backends: "           \
	"[{name: d1, address: 10.0.0.21}]}\n"
#define B1 "{name: b1, address: 10.0.0.11}"
#define B2 "{name: b2, address: 10.0.0.12}"
#define B3 "{name: b3, address: 10.0.0.13}"

static struct net net;

/* Three nodes, the first two in the group. */
static void begin(uint32_t entries)
{
	net_open(&net, entries);
	net_configure(&net, 0, SERVICES(B1 ", " B2), 0);
	net_configure(&net, 1, SERVICES(B2 ", " B1), 7);
	net_configure(&net, 2, SERVICES(B1 ", " B2), 3);
	net_configure(&net, 3, SERVICES(B1 ", " B2), 1);
	net_members(&net, 3);
	net_run(&net, 6); /* what there is was told */
}

static const struct sync_counters *counters(unsigned int node)
{
	return sync_counters(net.nodes[node].sync);
}

static void expect_backend(unsigned int node, unsigned int number, const char *wanted)
{
	const char *got = net_backend(&net, node, number, false, NULL);
	if (!got || strcmp(got, wanted))
		fail_msg("node %u sends flow %u to %s, not %s", node, number, got ? got : "nobody",
			 wanted);
}

/* --- telling ---------------------------------------------------------------------------------- */

static void test_established_and_closing(void **state)
{
	enum flow_state is;
	begin(1024);
	net_open_flow(&net, 0, 1, "web/b2", FLOW_HANDSHAKE);
	net_open_flow(&net, 0, 2, "web/b2", FLOW_ESTABLISHED);
	net_open_flow(&net, 1, 3, "web/b1", FLOW_ESTABLISHED);
	net_run(&net, 0.1);
	assert_null(net_backend(&net, 1, 1, false, NULL));
	expect_backend(1, 2, "web/b2");
	expect_backend(0, 3, "web/b1");
	assert_int_equal(counters(1)->learned, 1);
	net_run(&net, 10);
	assert_null(net_backend(&net, 1, 1, false, NULL));

	net_close_flow(&net, 0, 2);
	net_run(&net, 0.1);
	net_backend(&net, 1, 2, false, &is);
	assert_int_equal(is, FLOW_CLOSING);
	assert_int_equal(counters(0)->ends, 1);
	net_close(&net);
}

/* Over before its turn: nobody is bothered with it. */
static void test_brief(void **state)
{
	begin(1024);
	net_open_flow(&net, 0, 1, "web/b1", FLOW_ESTABLISHED);
	net_close_flow(&net, 0, 1);
	uint64_t messages = net.messages;
	net_run(&net, 9);
	assert_int_equal(net.messages, messages);
	assert_int_equal(counters(0)->brief, 2);
	net_close(&net);
}

/* A question and its answer are no flow worth telling; one that goes on is. */
static void test_udp(void **state)
{
	begin(1024);
	net_open_flow(&net, 0, 1, "dns/d1", FLOW_UDP);
	net_open_flow(&net, 0, 2, "dns/d1", FLOW_UDP);
	for (int i = 0; i < 12; i++) {
		net_run(&net, 1);
		net_see(&net, 0, 2, true);
	}
	net_run(&net, 6);
	assert_null(net_backend(&net, 1, 1, true, NULL));
	assert_non_null(net_backend(&net, 1, 2, true, NULL));
	net_close(&net);
}

/* What a ring had no room for is found by the walk. */
static void test_overflow(void **state)
{
	const unsigned int flows = FLOW_RING_EVENTS + 500;
	begin(65536);
	for (unsigned int i = 0; i < flows; i++)
		net_open_flow(&net, 0, i, "web/b1", FLOW_ESTABLISHED);
	assert_true(net.nodes[0].ring->lost > 0);
	/* A few in a hundred found their bucket full. */
	unsigned int known = net_known(&net, 0, flows, false);
	assert_true(known > flows * 95 / 100);
	net_run(&net, 12);
	assert_true(net_known(&net, 1, flows, false) > known * 95 / 100);
	net_close(&net);
}

/* The walk tells no more a second than it may; events do not wait for it. */
static void test_rate(void **state)
{
	begin(262144);
	net_members(&net, 1);
	for (unsigned int i = 0; i < 20000; i++) {
		net_open_flow(&net, 0, i, "web/b1", FLOW_ESTABLISHED);
		if (i % 5000 == 0)
			net_run(&net, 0.05);
	}
	net_run(&net, 0.05);
	net_members(&net, 3);
	net_run(&net, 1);
	assert_true(counters(0)->told > NET_RATE && counters(0)->told <= 2 * NET_RATE + 200);
	net_open_flow(&net, 0, 70000, "web/b2", FLOW_ESTABLISHED);
	net_run(&net, 0.1);
	expect_backend(1, 70000, "web/b2");
	net_run(&net, 12);
	assert_int_equal(net_known(&net, 1, 20000, false), net_known(&net, 0, 20000, false));
	net_close(&net);
}

/* Nothing is told on, and nothing twice: once all is said, nobody speaks of flows. */
static void test_quiet(void **state)
{
	begin(8192);
	net_members(&net, 7);
	for (unsigned int i = 0; i < 300; i++)
		net_open_flow(&net, i % 3, i, i % 2 ? "web/b1" : "web/b2", FLOW_ESTABLISHED);
	net_run(&net, 15);
	uint64_t messages = net.messages, sent = net.nodes[0].told;
	for (unsigned int n = 0; n < 3; n++)
		assert_int_equal(net_known(&net, n, 300, false), 300);
	net_run(&net, 100);
	assert_int_equal(net.messages, messages);
	assert_int_equal(net.nodes[0].told - sent, 20); /* ten rounds of digests */
	for (unsigned int n = 0; n < 3; n++)
		assert_int_equal(counters(n)->differences, 0);
	net_close(&net);
}

/* --- in use ----------------------------------------------------------------------------------- */

/* A flow that is used at one node does not time out at the other. */
static void test_refresh(void **state)
{
	begin(1024);
	net_open_flow(&net, 0, 1, "web/b1", FLOW_ESTABLISHED);
	net_open_flow(&net, 0, 2, "web/b1", FLOW_ESTABLISHED);
	for (int minutes = 0; minutes < 90; minutes++) {
		net_run(&net, 60);
		net_see(&net, 0, 1, false);
	}
	expect_backend(1, 1, "web/b1");
	assert_null(net_backend(&net, 0, 2, false, NULL));
	assert_null(net_backend(&net, 1, 2, false, NULL));
	assert_true(counters(0)->told < 20);
	net_close(&net);
}

/* Where its packets go now is who cares for it: also when the node it came from is gone. */
static void test_moved(void **state)
{
	begin(1024);
	net_open_flow(&net, 0, 1, "web/b1", FLOW_ESTABLISHED);
	net_run(&net, 6);
	uint64_t told = counters(1)->told;
	net_see(&net, 1, 1, false);
	net_run(&net, 6);
	assert_int_equal(counters(1)->told, told + 1);
	net_run(&net, 30);
	assert_int_equal(counters(1)->told, told + 1);
	assert_int_equal(counters(0)->told, 1);
	/* Its end is told by who sees it. */
	enum flow_state is;
	net_close_flow(&net, 1, 1);
	net_run(&net, 0.1);
	net_backend(&net, 0, 1, false, &is);
	assert_int_equal(is, FLOW_CLOSING);
	net_close(&net);
}

/* --- coming and going ------------------------------------------------------------------------- */

static void test_join(void **state)
{
	begin(8192);
	for (unsigned int i = 0; i < 400; i++)
		net_open_flow(&net, i % 2, i, "web/b2", FLOW_ESTABLISHED);
	net_run(&net, 20);
	net_members(&net, 7);
	net_run(&net, 6);
	assert_int_equal(net_known(&net, 2, 400, false), 400);
	expect_backend(2, 399, "web/b2");
	net_close(&net);
}

/* What a node left behind is told to who comes later by who knows it. */
static void test_left_behind(void **state)
{
	begin(8192);
	net_members(&net, 7);
	for (unsigned int i = 0; i < 100; i++)
		net_open_flow(&net, 0, i, "web/b1", FLOW_ESTABLISHED);
	net_run(&net, 1);
	net_members(&net, 6);
	net_run(&net, 1);
	net_members(&net, 6 | 8);
	net_run(&net, 11);
	assert_int_equal(net_known(&net, 3, 100, false), 100);
	assert_int_equal(counters(2)->told, 0);
	net_close(&net);
}

/* Also where who comes would be the first in line, and knows of nothing. */
static void test_left_to_a_stranger(void **state)
{
	begin(8192);
	net_members(&net, 2 | 8);
	for (unsigned int i = 0; i < 100; i++)
		net_open_flow(&net, 3, i, "web/b1", FLOW_ESTABLISHED);
	net_run(&net, 6);
	net_members(&net, 2 | 4);
	net_run(&net, 1);
	net_members(&net, 1 | 2 | 4);
	net_run(&net, 20);
	assert_int_equal(net_known(&net, 0, 100, false), 100);
	net_close(&net);
}

/* With nobody else left, who comes is told at once. */
static void test_left_alone(void **state)
{
	begin(8192);
	for (unsigned int i = 0; i < 100; i++)
		net_open_flow(&net, 0, i, "web/b1", FLOW_ESTABLISHED);
	net_run(&net, 6);
	net_members(&net, 2);
	net_run(&net, 1);
	net_members(&net, 2 | 4);
	net_run(&net, 1.1);
	assert_int_equal(net_known(&net, 2, 100, false), 100);
	net_close(&net);
}

/* A node that lost its group and joins again tells what is new meanwhile, and is told. */
static void test_apart(void **state)
{
	begin(8192);
	net_members(&net, 0);
	for (unsigned int i = 0; i < 100; i++)
		net_open_flow(&net, i % 2, i, "web/b1", FLOW_ESTABLISHED);
	net_run(&net, 3);
	assert_int_equal(net_known(&net, 0, 100, false), 50);
	net_members(&net, 3);
	net_run(&net, 6);
	assert_int_equal(net_known(&net, 0, 100, false), 100);
	assert_int_equal(net_known(&net, 1, 100, false), 100);
	net_close(&net);
}

/* --- digests ---------------------------------------------------------------------------------- */

static void test_mending(void **state)
{
	begin(8192);
	for (unsigned int i = 0; i < 200; i++)
		net_open_flow(&net, 0, i, "web/b1", FLOW_ESTABLISHED);
	net_run(&net, 11);
	for (unsigned int i = 0; i < 200; i += 10)
		net_lose(&net, 1, i, false);
	assert_int_equal(net_known(&net, 1, 200, false), 180);
	net_run(&net, 45);
	assert_int_equal(net_known(&net, 1, 200, false), 200);
	assert_true(counters(1)->differences >= 10 && counters(1)->differences <= 20);
	uint64_t messages = net.messages;
	net_run(&net, 60);
	assert_int_equal(net.messages, messages);
	net_close(&net);
}

/* Where there is no room asking does not help: it is done less and less often. */
static void test_no_room(void **state)
{
	begin(8192);
	net_close(&net);
	net_open(&net, 8192);
	net.nodes[1].flows.mask = 0; /* one bucket: as if the others were full */
	net_configure(&net, 0, SERVICES(B1 ", " B2), 0);
	net_configure(&net, 1, SERVICES(B1 ", " B2), 0);
	net_members(&net, 3);
	for (unsigned int i = 0; i < 200; i++)
		net_open_flow(&net, 0, i, "web/b1", FLOW_ESTABLISHED);
	net_run(&net, 600);
	assert_int_equal(net_known(&net, 1, 200, false), FLOW_BUCKET_ENTRIES);
	assert_true(counters(1)->no_room >= 195);
	assert_true(counters(1)->differences < 195 * 8);
	net_close(&net);
}

/* --- what does not agree ---------------------------------------------------------------------- */

static void test_conflicts(void **state)
{
	begin(1024);
	/* Seen there last. */
	net_members(&net, 1);
	net_open_flow(&net, 1, 1, "web/b1", FLOW_ESTABLISHED);
	net_open_flow(&net, 0, 2, "web/b1", FLOW_ESTABLISHED);
	net_run(&net, 30);
	net_open_flow(&net, 0, 1, "web/b2", FLOW_ESTABLISHED);
	net_open_flow(&net, 1, 2, "web/b2", FLOW_ESTABLISHED);
	/* Half-open here, established there. */
	net_open_flow(&net, 1, 3, "web/b1", FLOW_HANDSHAKE);
	net_open_flow(&net, 0, 3, "web/b2", FLOW_ESTABLISHED);
	net_members(&net, 3);
	net_run(&net, 6);
	for (unsigned int n = 0; n < 2; n++)
		for (unsigned int i = 1; i <= 3; i++)
			expect_backend(n, i, "web/b2");
	assert_true(counters(0)->replaced == 1 && counters(1)->replaced == 2);
	net_close(&net);
}

/* A port that is used again, for a connection to another backend. */
static void test_used_again(void **state)
{
	enum flow_state is;
	begin(1024);
	net_open_flow(&net, 0, 1, "web/b1", FLOW_ESTABLISHED);
	net_run(&net, 1);
	net_close_flow(&net, 0, 1);
	net_run(&net, 3);
	net_lose(&net, 0, 1, false); /* as a SYN does */
	net_open_flow(&net, 0, 1, "web/b2", FLOW_ESTABLISHED);
	net_run(&net, 1);
	expect_backend(1, 1, "web/b2");
	net_close_flow(&net, 0, 1);
	net_run(&net, 3);
	net_lose(&net, 0, 1, false);
	net_open_flow(&net, 0, 1, "web/b2", FLOW_ESTABLISHED);
	net_run(&net, 1);
	assert_string_equal(net_backend(&net, 1, 1, false, &is), "web/b2");
	assert_int_equal(is, FLOW_ESTABLISHED);
	net_close(&net);
}

static void test_other_configuration(void **state)
{
	struct sync_node_status nodes[SYNC_NODES_MAX];
	begin(1024);
	assert_int_equal(sync_nodes(net.nodes[0].sync, nodes), 2);
	assert_string_equal(nodes[0].name, "n0");
	assert_true(nodes[0].self && !nodes[0].differs && !nodes[1].self && !nodes[1].differs);
	assert_true(nodes[1].member.node == 11 && nodes[1].member.pid == 3999);

	net_configure(&net, 1, SERVICES(B1 ", " B2 ", " B3), 0);
	net_run(&net, 0.2);
	sync_nodes(net.nodes[0].sync, nodes);
	assert_true(!nodes[0].differs && nodes[1].differs);
	sync_nodes(net.nodes[1].sync, nodes);
	assert_true(nodes[0].differs && !nodes[1].differs);
	/* Flows of a backend that is not there are counted, and the others are learned. */
	net_open_flow(&net, 1, 1, "web/b3", FLOW_ESTABLISHED);
	net_open_flow(&net, 1, 2, "web/b2", FLOW_ESTABLISHED);
	net_run(&net, 0.1);
	assert_int_equal(counters(0)->unknown_backend, 1);
	assert_null(net_backend(&net, 0, 1, false, NULL));
	expect_backend(0, 2, "web/b2");

	net_configure(&net, 0, SERVICES(B3 ", " B1 ", " B2), 0);
	net_run(&net, 45);
	sync_nodes(net.nodes[0].sync, nodes);
	assert_true(!nodes[0].differs && !nodes[1].differs);
	expect_backend(0, 1, "web/b3");
	net_close(&net);
}

/* The digest of a configuration is of what flows depend on. */
static void test_digest_of_configuration(void **state)
{
	static const struct {
		const char *yaml;
		bool same;
	} others[] = {
		{SERVICES(B2 ", " B1), true},
		{SERVICES("{name: b1, address: 10.0.0.11, state: drain}, " B2), true},
		{SERVICES(B1), false},
		{SERVICES("{name: b1, address: 10.0.0.19}, " B2), false},
		{SERVICES("{name: b1, address: 10.0.0.11, weight: 99}, " B2), false},
		{SERVICES("{name: b9, address: 10.0.0.11}, " B2), false},
	};
	begin(1024);
	uint64_t config = net.nodes[0].names->config;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		net_configure(&net, 0, others[i].yaml, 0);
		assert_int_equal(net.nodes[0].names->config == config, others[i].same);
	}
	net_close(&net);
}

static void test_strange_messages(void **state)
{
	uint8_t bytes[SYNC_MESSAGE_MAX];
	begin(1024);
	size_t length = sync_write_hello(bytes, "n9", 1, 2);
	struct sync *s = net.nodes[0].sync;
	sync_deliver(s, net.nodes[1].member, bytes, length - 1, net.now_ns);
	sync_deliver(s, net.nodes[1].member, bytes, 0, net.now_ns);
	assert_int_equal(counters(0)->malformed, 2);
	bytes[4] = 2;
	sync_deliver(s, net.nodes[1].member, bytes, length, net.now_ns);
	assert_int_equal(counters(0)->other_version, 1);
	bytes[4] = 1;
	struct sync_node_status nodes[SYNC_NODES_MAX];
	sync_deliver(s, net.nodes[2].member, bytes, length, net.now_ns);
	assert_int_equal(sync_nodes(s, nodes), 2);
	assert_string_equal(nodes[1].name, "n1");
	sync_deliver(s, net.nodes[1].member, bytes, length, net.now_ns);
	sync_nodes(s, nodes);
	assert_string_equal(nodes[1].name, "n9");
	assert_true(nodes[1].differs);
	net_close(&net);
}

/* Many come and go, more than there are places for: the flows of those that left stay. */
static void test_many_members(void **state)
{
	struct sync_member members[2] = {{10, 4000}};
	begin(1024);
	net_open_flow(&net, 1, 1, "web/b1", FLOW_ESTABLISHED);
	net_run(&net, 0.1);
	for (uint32_t i = 0; i < 300; i++) {
		members[1] = (struct sync_member){50 + i, 1};
		sync_members(net.nodes[0].sync, members, 2, members[0]);
		struct sync_node_status nodes[SYNC_NODES_MAX];
		assert_int_equal(sync_nodes(net.nodes[0].sync, nodes), 2);
	}
	expect_backend(0, 1, "web/b1");
	net_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_established_and_closing),
		cmocka_unit_test(test_brief),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_left_behind),
		cmocka_unit_test(test_left_to_a_stranger),
		cmocka_unit_test(test_left_alone),
		cmocka_unit_test(test_apart),
		cmocka_unit_test(test_mending),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_conflicts),
		cmocka_unit_test(test_used_again),
		cmocka_unit_test(test_other_configuration),
		cmocka_unit_test(test_digest_of_configuration),
		cmocka_unit_test(test_strange_messages),
		cmocka_unit_test(test_many_members),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
