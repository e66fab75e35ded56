// SPDX-License-Identifier: BSD-2-Clause
/*
 * Connections by nat that another node has opened: two balancers, the very code of lb/, that share
 * flows. What the first has begun the second goes on with, byte for byte, whichever end speaks
 * first.
 */
#include "lb/sync.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lb/flow_ring.h"
#include "lb/process.h"
#include "lb/sync_names.h"
#include "tests/unit/fixture.h"
#include "tests/unit/nat_talk.h"
#include "tools/weir/offline.h"

#define SECOND 1000000000ull

struct node {
	struct offline balancer;
	struct flow_ring *ring;
	struct sync_names *names;
	struct sync *sync;
};
static struct node nodes[2];
static const struct sync_member members[2] = {{1, 100}, {2, 200}};
static unsigned int asked; /* for ways */
static bool way_is_known;

static bool find_way(void *context, const struct addr *client, struct translation *out)
{
	asked++;
	mac_parse(CLIENT_MAC, out->link.destination);
	mac_parse(PORT_MAC, out->link.source);
	out->egress = 0;
	out->vlan = 0;
	return way_is_known;
}

static void node_open(struct node *n, unsigned int index, const char *yaml)
{
	struct offline *o = &n->balancer;
	fixture_open(o, yaml);
	for (int i = 0; i < FLOW_SEED_WORDS; i++)
		o->flows.seed.k[i] = flow_mix(index * 100 + i + 1);
	o->flows.keys = calloc(o->flows.mask + 1, sizeof(*o->flows.keys));
	n->ring = aligned_alloc(64, sizeof(*n->ring));
	assert_true(o->flows.keys && n->ring);
	o->lb.ring = memset(n->ring, 0, sizeof(*n->ring));
	n->names = sync_names_new(o->config, o->backends);
	n->sync = sync_new(&o->flows, index ? "n2" : "n1", 100000);
	assert_true(n->names && n->sync);
	sync_use(n->sync, n->names);
	sync_find_ways(n->sync, find_way, NULL);
	sync_members(n->sync, members, 2, members[index]);
}

static void begin(const char *other_yaml)
{
	nat_talk_now_ns = 1000 * SECOND;
	asked = 0;
	way_is_known = true;
	node_open(&nodes[0], 0, nat_talk_yaml);
	node_open(&nodes[1], 1, other_yaml);
}

static void end(void)
{
	for (int i = 0; i < 2; i++) {
		struct node *n = &nodes[i];
		sync_free(n->sync);
		sync_names_free(n->names);
		free(n->balancer.flows.keys);
		n->balancer.flows.keys = NULL;
		offline_close(&n->balancer);
		free(n->ring);
	}
}

static void run(double seconds)
{
	const uint8_t *bytes;
	size_t length;
	uint64_t end_ns = nat_talk_now_ns + seconds * SECOND;
	for (; nat_talk_now_ns < end_ns; nat_talk_now_ns += SYNC_TURN_NS)
		for (int i = 0; i < 2; i++) {
			sync_drain(nodes[i].sync, nodes[i].ring, nat_talk_now_ns);
			sync_turn(nodes[i].sync, nat_talk_now_ns);
			for (; (bytes = sync_outgoing(nodes[i].sync, &length));
			     sync_sent(nodes[i].sync))
				for (int to = 0; to < 2; to++)
					sync_deliver(nodes[to].sync, members[i], bytes, length,
						     nat_talk_now_ns);
		}
}

/* --- packets ---------------------------------------------------------------------------------- */

static void from_client(int node, const struct nat_talk *t, uint16_t port, uint8_t flags)
{
	struct recipe in = nat_talk_from_client(t, flags, 10);
	struct recipe want = nat_talk_to_backend(t, port, flags, 10);
	nat_talk_expect(&nodes[node].balancer, &in, &want);
}

static void from_backend(int node, const struct nat_talk *t, uint16_t port, uint8_t flags)
{
	struct recipe in = nat_talk_from_backend(t, port, flags, 20);
	struct recipe want = nat_talk_to_client(t, flags, 20);
	nat_talk_expect(&nodes[node].balancer, &in, &want);
}

static enum reason dropped_from_backend(int node, const struct nat_talk *t, uint16_t port)
{
	struct recipe in = nat_talk_from_backend(t, port, TCP_ACK, 20);
	struct frame out;
	struct lb_packet p = nat_talk_send(&nodes[node].balancer, &in, &out);
	assert_int_equal(p.verdict, LB_DROP);
	return p.reason;
}

/* At the first node; its SNAT port. */
static uint16_t open_talk(const struct nat_talk *t)
{
	uint16_t port = nat_talk_open(&nodes[0].balancer, t);
	from_backend(0, t, port, TCP_SYN | TCP_ACK);
	from_client(0, t, port, TCP_ACK);
	return port;
}

/* All kinds, told; UDP's go on until the walk has seen them in use. */
static void open_all(uint16_t *ports)
{
	for (size_t i = 0; i < nat_talk_count; i++)
		ports[i] = open_talk(&nat_talks[i]);
	for (int turn = 0; turn < 12; turn++) {
		run(1);
		for (size_t i = 0; i < nat_talk_count; i++)
			if (nat_talks[i].protocol == IPPROTO_UDP)
				from_client(0, &nat_talks[i], ports[i], 0);
	}
	run(6);
	assert_int_equal(sync_counters(nodes[1].sync)->learned, nat_talk_count);
}

static const struct sync_counters *heard(void)
{
	return sync_counters(nodes[1].sync);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_client_speaks(void **state)
{
	uint16_t ports[16];
	begin(nat_talk_yaml);
	open_all(ports);
	for (size_t i = 0; i < nat_talk_count; i++) {
		from_client(1, &nat_talks[i], ports[i], TCP_ACK);
		from_backend(1, &nat_talks[i], ports[i], TCP_ACK);
	}
	assert_int_equal(asked, 0);
	end();
}

/* The way to the client is asked of the kernel when the backend speaks first. */
static void test_backend_speaks(void **state)
{
	uint16_t ports[16];
	begin(nat_talk_yaml);
	open_all(ports);
	for (size_t i = 0; i < nat_talk_count; i++)
		assert_int_equal(dropped_from_backend(1, &nat_talks[i], ports[i]),
				 REASON_NO_NEXT_HOP);
	sync_members(nodes[1].sync, &members[1], 1, members[1]); /* it is alone by now */
	way_is_known = false;
	run(0.1);
	assert_int_equal(asked, nat_talk_count);
	assert_int_equal(heard()->ways, 0);
	way_is_known = true;
	for (size_t i = 0; i < nat_talk_count; i++)
		dropped_from_backend(1, &nat_talks[i], ports[i]);
	run(0.1);
	assert_int_equal(heard()->ways, nat_talk_count);
	for (size_t i = 0; i < nat_talk_count; i++) {
		from_backend(1, &nat_talks[i], ports[i], TCP_ACK);
		from_client(1, &nat_talks[i], ports[i], TCP_ACK);
	}
	end();
}

/* Whichever end closes: both flows do, at both nodes. */
static void test_closing(void **state)
{
	struct flow_info flows[FLOW_BUCKET_ENTRIES];
	begin(nat_talk_yaml);
	uint16_t first = open_talk(&nat_talks[0]), second = open_talk(&nat_talks[2]);
	run(0.2);
	assert_int_equal(heard()->learned, 2);
	from_client(0, &nat_talks[0], first, TCP_FIN | TCP_ACK);
	from_backend(0, &nat_talks[2], second, TCP_RST | TCP_ACK);
	run(0.2);
	for (int node = 0; node < 2; node++) {
		const struct flow_table *t = &nodes[node].balancer.flows;
		unsigned int closing = 0;
		for (uint64_t b = 0; b <= t->mask; b++)
			for (unsigned int n = flow_table_read(t, b, nat_talk_now_ns, flows); n; n--)
				closing += flows[n - 1].state == FLOW_CLOSING;
		assert_int_equal(closing, 4);
	}
	end();
}

/* A connection that the second node keeps lives on at the first, and the other way round. */
static void test_refreshed(void **state)
{
	begin(nat_talk_yaml);
	uint16_t port = open_talk(&nat_talks[0]);
	run(0.2);
	for (int i = 0; i < 50; i++) {
		run(200); /* tcp_established is an hour */
		from_client(1, &nat_talks[0], port, TCP_ACK);
	}
	from_client(0, &nat_talks[0], port, TCP_ACK);
	from_backend(0, &nat_talks[0], port, TCP_ACK);
	end();
}

/* Nothing of what is not configured here, and all of it is counted. */
static void expect_unknown(const char *yaml)
{
	begin(yaml);
	open_talk(&nat_talks[0]);
	run(0.2);
	assert_int_equal(heard()->learned, 0);
	assert_int_equal(heard()->unknown_backend, 1);
	end();
}

static void test_not_configured(void **state)
{
	expect_unknown(
		"interfaces: [{name: eth0}]\n"
		"flow_table: {entries: 65536}\n"
		"nat: {addresses: [192.0.2.201]}\n" /* another's is no peer's */
		"services:\n"
		"  - {name: web, address: 203.0.113.20, protocol: tcp, ports: [80, 81],\n"
		"     forward: nat, backends: [{name: b1, address: 10.0.0.111, port: 8080}]}\n");
	expect_unknown("interfaces: [{name: eth0}]\n"
		       "flow_table: {entries: 65536}\n"
		       "services:\n" /* by another method: a backend without a port of its own */
		       "  - {name: web, address: 203.0.113.20, protocol: tcp, ports: 80,\n"
		       "     backends: [{name: b1, address: 10.0.0.111}]}\n");
}

/* Of another node's addresses, which this one opens none from. */
static void test_peers(void **state)
{
	begin("interfaces: [{name: eth0}, {name: eth1}]\n"
	      "flow_table: {entries: 65536}\n"
	      "nat: {addresses: [192.0.2.201], peers: [192.0.2.200]}\n"
	      "sync: {group: weir}\n"
	      "services:\n"
	      "  - {name: web, address: 203.0.113.20, protocol: tcp, ports: [80, 81], forward: "
	      "nat,\n"
	      "     backends: [{name: b1, address: 10.0.0.111, port: 8080}]}\n");
	uint16_t port = open_talk(&nat_talks[0]);
	run(0.2);
	assert_int_equal(heard()->learned, 1);
	from_client(1, &nat_talks[0], port, TCP_ACK);
	from_backend(1, &nat_talks[0], port, TCP_ACK);
	end();
}

/* Both nodes have given the same SNAT port to others: who is there stays, and nobody is mixed up.
 */
static void test_same_port(void **state)
{
	struct nat_talk other = nat_talks[0];
	struct flow_info flows[FLOW_BUCKET_ENTRIES];
	unsigned int answers = 0, clients = 0;
	begin(nat_talk_yaml);
	other.vip_port = 81;
	for (int i = 0; i < NAT_TALK_PORTS; i++) { /* all ports of the second node */
		struct recipe in = nat_talk_from_client(&other, TCP_SYN, 0);
		struct frame out;
		in.from_port = 30000 + i;
		struct lb_packet p = nat_talk_send(&nodes[1].balancer, &in, &out);
		assert_int_equal(p.verdict, LB_TRANSMIT);
		in.tcp_flags = TCP_ACK;
		nat_talk_send(&nodes[1].balancer, &in, &out);
	}
	open_talk(&nat_talks[0]);
	run(0.2);
	assert_int_equal(heard()->learned, 0);
	assert_int_equal(heard()->kept, 1);
	const struct flow_table *t = &nodes[1].balancer.flows;
	for (uint64_t b = 0; b <= t->mask; b++)
		for (unsigned int n = flow_table_read(t, b, nat_talk_now_ns, flows); n; n--) {
			answers += flows[n - 1].answers;
			clients += !flows[n - 1].answers;
		}
	assert_int_equal(answers, NAT_TALK_PORTS);
	assert_int_equal(clients, NAT_TALK_PORTS);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client_speaks),  cmocka_unit_test(test_backend_speaks),
		cmocka_unit_test(test_closing),        cmocka_unit_test(test_refreshed),
		cmocka_unit_test(test_not_configured), cmocka_unit_test(test_peers),
		cmocka_unit_test(test_same_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
