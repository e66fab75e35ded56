// SPDX-License-Identifier: BSD-2-Clause
/* Connections by nat through lb_process(): what each end gets, and how they begin and end. */
#include "lb/process.h"

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
#include "tools/weir/offline.h"

#define SECOND 1000000000ull

static struct offline balancer;

static int open_balancer(void **state)
{
	fixture_open(&balancer, nat_talk_yaml);
	return 0;
}

static int close_balancer(void **state)
{
	fixture_expect_ledger(&balancer);
	offline_close(&balancer);
	return 0;
}

static void expect_client_packet(const struct nat_talk *t, uint16_t port, uint8_t flags,
				 uint16_t payload)
{
	struct recipe in = nat_talk_from_client(t, flags, payload);
	struct recipe want = nat_talk_to_backend(t, port, flags, payload);
	nat_talk_expect(&balancer, &in, &want);
}

static void expect_answer(const struct nat_talk *t, uint16_t port, uint8_t flags, uint16_t payload)
{
	struct recipe in = nat_talk_from_backend(t, port, flags, payload);
	struct recipe want = nat_talk_to_client(t, flags, payload);
	nat_talk_expect(&balancer, &in, &want);
}

static void expect_drop(const struct recipe *in, enum reason reason)
{
	struct frame out;
	struct lb_packet p = nat_talk_send(&balancer, in, &out);
	assert_int_equal(p.verdict, LB_DROP);
	assert_int_equal(p.reason, reason);
}

/* --- both ways -------------------------------------------------------------------------------- */

static void test_every_kind(void **state)
{
	for (size_t i = 0; i < nat_talk_count; i++) {
		const struct nat_talk *t = &nat_talks[i];
		uint16_t port = nat_talk_open(&balancer, t);
		expect_answer(t, port, TCP_SYN | TCP_ACK, 0);
		expect_client_packet(t, port, TCP_ACK, 0);
		for (uint16_t payload = 0; payload < 1400; payload += 37) {
			expect_client_packet(t, port, TCP_ACK, payload);
			expect_answer(t, port, TCP_ACK, payload);
		}
	}
}

static void test_what_is_counted(void **state)
{
	const struct nat_talk *t = &nat_talks[0];
	uint32_t id = fixture_backend(&balancer, "web/b1");
	uint16_t port = nat_talk_open(&balancer, t);
	expect_answer(t, port, TCP_SYN | TCP_ACK, 0);
	expect_client_packet(t, port, TCP_ACK, 10);
	assert_int_equal(balancer.counters->forwarded, 2);
	assert_int_equal(balancer.counters->returned, 1);
	assert_int_equal(balancer.counters->backends[id].packets, 2);
	assert_int_equal(balancer.counters->backends[id].flows, 1);
}

/* Neither side gets to a client or backend by what it says of itself alone. */
static void test_unknown(void **state)
{
	const struct nat_talk *t = &nat_talks[0];
	struct recipe in = nat_talk_from_client(t, TCP_ACK, 5);
	expect_drop(&in, REASON_NAT_UNKNOWN);
	in = nat_talk_from_backend(t, 5000, TCP_SYN | TCP_ACK, 0);
	expect_drop(&in, REASON_NAT_UNKNOWN);
	uint16_t port = nat_talk_open(&balancer, t);
	in = nat_talk_from_backend(t, port ^ 1, TCP_ACK, 0);
	expect_drop(&in, REASON_NAT_UNKNOWN);
	in = nat_talk_from_backend(t, port, TCP_ACK, 0);
	in.from = "10.0.0.112";
	expect_drop(&in, REASON_NAT_UNKNOWN);
	in = nat_talk_from_backend(t, port, TCP_ACK, 0);
	in.from_port++;
	expect_drop(&in, REASON_NAT_UNKNOWN);
}

/* To each port of a service a connection of its own, though both go to one port of the backend. */
static void test_ports_of_a_service(void **state)
{
	struct nat_talk other = nat_talks[0];
	other.vip_port = 81;
	uint16_t first = nat_talk_open(&balancer, &nat_talks[0]);
	uint16_t second = nat_talk_open(&balancer, &other);
	assert_int_not_equal(first, second);
	expect_answer(&nat_talks[0], first, TCP_SYN | TCP_ACK, 0);
	expect_answer(&other, second, TCP_SYN | TCP_ACK, 0);
}

static void test_hop_limit(void **state)
{
	for (size_t i = 0; i < nat_talk_count; i++) {
		struct recipe in = nat_talk_from_client(&nat_talks[i], TCP_SYN, 0);
		in.hop_limit = 1;
		expect_drop(&in, REASON_HOP_LIMIT);
	}
}

/* --- beginning and end ------------------------------------------------------------------------ */

static struct flow_sweep flows(void)
{
	struct flow_sweep sweep = {0};
	uint64_t position = 0;
	flow_table_sweep(&balancer.flows, &position, UINT64_MAX, NULL, balancer.now_ns, &sweep);
	return sweep;
}

static void test_states(void **state)
{
	const struct nat_talk *t = &nat_talks[0];
	uint16_t port = nat_talk_open(&balancer, t);
	assert_int_equal(flows().entries[FLOW_HANDSHAKE], 1);
	expect_answer(t, port, TCP_SYN | TCP_ACK, 0);
	assert_int_equal(flows().entries[FLOW_HANDSHAKE], 1);
	expect_client_packet(t, port, TCP_ACK, 0);
	assert_int_equal(flows().entries[FLOW_ESTABLISHED], 1);
	/* Who only sends and who only receives: both halves live. */
	for (int i = 0; i < 30; i++) {
		nat_talk_now_ns += 1000 * SECOND;
		if (i % 2)
			expect_client_packet(t, port, TCP_ACK, 100);
		else
			expect_answer(t, port, TCP_ACK, 100);
	}
	for (int i = 0; i < 8; i++) {
		nat_talk_now_ns += 1000 * SECOND;
		expect_client_packet(t, port, TCP_ACK, 100);
	}
	expect_answer(t, port, TCP_ACK | TCP_FIN, 0);
	assert_int_equal(flows().entries[FLOW_CLOSING], 1);
	expect_client_packet(t, port, TCP_ACK, 0);
	assert_int_equal(flows().entries[FLOW_CLOSING], 1);
}

/* The client uses its port again at once; the SNAT port is not used again while it closes. */
static void test_reopened(void **state)
{
	const struct nat_talk *t = &nat_talks[0];
	uint16_t port = nat_talk_open(&balancer, t);
	expect_client_packet(t, port, TCP_RST, 0);
	uint16_t next = nat_talk_open(&balancer, t);
	assert_int_not_equal(port, next);
	struct recipe late = nat_talk_from_backend(t, port, TCP_ACK, 0);
	expect_drop(&late, REASON_NAT_UNKNOWN);
	expect_answer(t, next, TCP_SYN | TCP_ACK, 0);
}

/* Half of a connection is none. */
static void test_half_gone(void **state)
{
	const struct nat_talk *t = &nat_talks[0];
	uint16_t port = nat_talk_open(&balancer, t);
	for (uint64_t i = 0; i <= balancer.flows.mask; i++)
		for (int j = 0; j < FLOW_BUCKET_ENTRIES; j++)
			if (balancer.flows.buckets[i].meta[j] & FLOW_META_ANSWERS)
				balancer.flows.buckets[i].tag[j] = 0;
	struct recipe in = nat_talk_from_client(t, TCP_ACK, 0);
	expect_drop(&in, REASON_NAT_UNKNOWN);
	in = nat_talk_from_backend(t, port, TCP_ACK, 0);
	expect_drop(&in, REASON_NAT_UNKNOWN);
	nat_talk_open(&balancer, t);
}

static void hold_all(uint32_t by)
{
	for (uint64_t i = 0; i <= balancer.flows.mask; i++)
		balancer.flows.buckets[i].sequence += by;
}

/* A writer that is put to sleep costs packets of its bucket's connections, and not those. */
static void test_held_for_long(void **state)
{
	for (size_t i = 0; i < nat_talk_count; i++) {
		const struct nat_talk *t = &nat_talks[i];
		uint16_t port = nat_talk_open(&balancer, t);
		struct recipe in = nat_talk_from_client(t, TCP_ACK, 0);
		struct recipe back = nat_talk_from_backend(t, port, TCP_ACK, 0);
		struct recipe again = nat_talk_from_client(t, TCP_SYN, 0);
		hold_all(1);
		expect_drop(&in, REASON_NAT_UNKNOWN);
		expect_drop(&again, REASON_NAT_UNKNOWN);
		expect_drop(&back, REASON_NAT_UNKNOWN);
		hold_all(1);
		expect_answer(t, port, TCP_SYN | TCP_ACK, 0);
		expect_client_packet(t, port, TCP_ACK, 0);
	}
}

static struct recipe syn_from(uint16_t client_port)
{
	struct recipe in = nat_talk_from_client(&nat_talks[0], TCP_SYN, 0);
	in.from_port = client_port;
	return in;
}

static void test_exhausted(void **state)
{
	struct frame out;
	for (int i = 0; i < NAT_TALK_PORTS; i++) {
		struct recipe in = syn_from(20000 + i);
		assert_int_equal(nat_talk_send(&balancer, &in, &out).verdict, LB_TRANSMIT);
	}
	struct recipe in = syn_from(30000);
	expect_drop(&in, REASON_NAT_EXHAUSTED);
	/* Those that are there go on, and other backends have ports of their own. */
	in = syn_from(20042);
	assert_int_equal(nat_talk_send(&balancer, &in, &out).verdict, LB_TRANSMIT);
	nat_talk_open(&balancer, &nat_talks[6]);
	nat_talk_now_ns += 13 * SECOND;
	in = syn_from(30000);
	assert_int_equal(nat_talk_send(&balancer, &in, &out).verdict, LB_TRANSMIT);
}

static void test_guarded(void **state)
{
	struct recipe in = syn_from(20000);
	balancer.lb.insert_limit = 0;
	balancer.lb.inserts.credit = 0;
	expect_drop(&in, REASON_NAT_UNTRACKED);
	assert_int_equal(balancer.counters->flow_guarded, 1);
}

/* --- the way back ------------------------------------------------------------------------------
 */

static void test_last_hop_changes(void **state)
{
	const struct nat_talk *t = &nat_talks[0];
	uint16_t port = nat_talk_open(&balancer, t);
	struct recipe in = nat_talk_from_client(t, TCP_ACK, 0);
	struct recipe want = nat_talk_to_backend(t, port, TCP_ACK, 0);
	in.mac_from = "06:00:00:00:00:99";
	nat_talk_expect(&balancer, &in, &want);
	in = nat_talk_from_backend(t, port, TCP_ACK, 0);
	want = nat_talk_to_client(t, TCP_ACK, 0);
	want.mac_to = "06:00:00:00:00:99";
	nat_talk_expect(&balancer, &in, &want);
}

static void test_client_in_a_vlan(void **state)
{
	for (size_t i = 0; i < nat_talk_count; i++) {
		const struct nat_talk *t = &nat_talks[i];
		uint16_t port = nat_talk_open(&balancer, t);
		struct recipe in = nat_talk_from_client(t, TCP_ACK, 9);
		struct recipe want = nat_talk_to_backend(t, port, TCP_ACK, 9);
		in.tags[0].type = 0x8100;
		in.tags[0].tci = 0x6000 | 42;
		nat_talk_expect(&balancer, &in, &want);
		in = nat_talk_from_backend(t, port, TCP_ACK, 9);
		want = nat_talk_to_client(t, TCP_ACK, 9);
		want.tags[0].type = 0x8100;
		want.tags[0].tci = 42;
		nat_talk_expect(&balancer, &in, &want);
	}
}

/* --- what is odd -------------------------------------------------------------------------------
 */

/* IPv4 may do without a checksum; over IPv6 there has to be one. */
static void test_udp_without_checksum(void **state)
{
	uint16_t port = nat_talk_open(&balancer, &nat_talks[1]);
	struct recipe in = nat_talk_from_client(&nat_talks[1], 0, 33);
	struct recipe want = nat_talk_to_backend(&nat_talks[1], port, 0, 33);
	const struct poke none[2] = {POKE(4, 6, 0), POKE(4, 7, 0)};
	memcpy(in.pokes, none, sizeof(none));
	memcpy(want.pokes, none, sizeof(none));
	nat_talk_expect(&balancer, &in, &want);
	port = nat_talk_open(&balancer, &nat_talks[5]);
	in = nat_talk_from_client(&nat_talks[5], 0, 33);
	memcpy(in.pokes, none, sizeof(none));
	want = nat_talk_to_backend(&nat_talks[5], port, 0, 33);
	nat_talk_expect(&balancer, &in, &want);
}

/* IPv4 options and IPv6 extension headers stay within a family, and are left out between them. */
static void test_options(void **state)
{
	uint16_t port = nat_talk_open(&balancer, &nat_talks[0]);
	struct recipe in = nat_talk_from_client(&nat_talks[0], TCP_ACK, 3);
	struct recipe want = nat_talk_to_backend(&nat_talks[0], port, TCP_ACK, 3);
	in.ipv4_options = want.ipv4_options = 8;
	nat_talk_expect(&balancer, &in, &want);
	port = nat_talk_open(&balancer, &nat_talks[4]);
	in = nat_talk_from_client(&nat_talks[4], TCP_ACK, 3);
	in.ipv4_options = 8;
	want = nat_talk_to_backend(&nat_talks[4], port, TCP_ACK, 3);
	nat_talk_expect(&balancer, &in, &want);
	port = nat_talk_open(&balancer, &nat_talks[2]);
	in = nat_talk_from_client(&nat_talks[2], TCP_ACK, 3);
	want = nat_talk_to_backend(&nat_talks[2], port, TCP_ACK, 3);
	in.extensions = want.extensions = "hdD";
	nat_talk_expect(&balancer, &in, &want);
	port = nat_talk_open(&balancer, &nat_talks[6]);
	in = nat_talk_from_client(&nat_talks[6], TCP_ACK, 3);
	in.extensions = "hdf";
	want = nat_talk_to_backend(&nat_talks[6], port, TCP_ACK, 3);
	nat_talk_expect(&balancer, &in, &want);
}

/* A route that has not ended can't go on in the other family (RFC 7915, 4.1 and 5.1). */
static void test_source_routes(void **state)
{
	nat_talk_open(&balancer, &nat_talks[4]);
	struct recipe in = nat_talk_from_client(&nat_talks[4], TCP_ACK, 3);
	in.ipv4_options = 8;
	in.pokes[0] = (struct poke)POKE(3, 20, 131);
	in.pokes[1] = (struct poke)POKE(3, 21, 7);
	in.pokes[2] = (struct poke)POKE(3, 22, 4);
	expect_drop(&in, REASON_UNTRANSLATABLE);
	nat_talk_open(&balancer, &nat_talks[6]);
	in = nat_talk_from_client(&nat_talks[6], TCP_ACK, 3);
	in.extensions = "r";
	in.pokes[0] = (struct poke)POKE(3, 43, 1);
	expect_drop(&in, REASON_UNTRANSLATABLE);
}

/* --- fragments ---------------------------------------------------------------------------------
 */

static void expect_fragments(const struct nat_talk *t, struct recipe first,
			     struct recipe want_first, struct recipe later,
			     struct recipe want_later)
{
	bool v6 = strchr(t->client, ':');
	first.fragment_id = later.fragment_id = want_first.fragment_id = want_later.fragment_id =
		77;
	later.from_port = later.to_port = 0;
	if (v6) {
		first.extensions = want_first.extensions = "1";
		later.extensions = want_later.extensions = "x";
		later.ipv6_fragment = want_later.ipv6_fragment = 40;
	} else {
		first.ipv4_fragment = want_first.ipv4_fragment = 0x2000;
		later.ipv4_fragment = want_later.ipv4_fragment = 5;
	}
	nat_talk_expect(&balancer, &first, &want_first);
	/* What looks like a transport header in a later fragment is none. */
	struct frame in, out, want;
	packet_build(&later, &in);
	packet_build(&want_later, &want);
	memcpy(want.bytes + want.l4, in.bytes + in.l4, in.length - in.l4);
	struct lb_packet p = nat_talk_send(&balancer, &later, &out);
	assert_int_equal(p.verdict, LB_TRANSMIT);
	assert_int_equal(out.length, want.length);
	assert_memory_equal(out.bytes, want.bytes, want.length);
}

static void test_fragments(void **state)
{
	for (size_t i = 1; i < 4; i += 2) {
		const struct nat_talk *t = &nat_talks[i];
		uint16_t port = nat_talk_open(&balancer, t);
		expect_fragments(
			t, nat_talk_from_client(t, 0, 32), nat_talk_to_backend(t, port, 0, 32),
			nat_talk_from_client(t, 0, 24), nat_talk_to_backend(t, port, 0, 24));
		expect_fragments(
			t, nat_talk_from_backend(t, port, 0, 32), nat_talk_to_client(t, 0, 32),
			nat_talk_from_backend(t, port, 0, 24), nat_talk_to_client(t, 0, 24));
	}
}

static void test_fragments_do_not_cross(void **state)
{
	nat_talk_open(&balancer, &nat_talks[5]);
	struct recipe in = nat_talk_from_client(&nat_talks[5], 0, 32);
	in.ipv4_fragment = 0x2000;
	expect_drop(&in, REASON_UNTRANSLATABLE);
	in.ipv4_fragment = 5;
	expect_drop(&in, REASON_UNTRANSLATABLE);
}

/* --- reloads ------------------------------------------------------------------------------------
 */

#define ONE_SERVICE(backend_)                                                                    \
	"interfaces: [{name: eth0}, {name: eth1}]\n"                                             \
	"flow_table: {entries: 65536}\n"                                                         \
	"nat: {addresses: [192.0.2.200, \"2001:db8:9::200\"], ports: 5000-5099}\n"               \
	"services:\n"                                                                            \
	"  - {name: web, address: 203.0.113.20, protocol: tcp, ports: [80, 81], forward: nat,\n" \
	"     backends: [{name: b1, " backend_ "}]}\n"

static void test_backend_moves(void **state)
{
	const struct nat_talk *t = &nat_talks[0];
	struct nat_talk moved = *t;
	moved.backend = "10.0.0.119";
	moved.backend_mac = "02:04:0a:00:00:77";
	uint16_t port = nat_talk_open(&balancer, t);
	fixture_reload(&balancer, ONE_SERVICE("address: 10.0.0.111, port: 8080"));
	expect_client_packet(t, port, TCP_ACK, 0);
	fixture_reload(&balancer, ONE_SERVICE("address: 10.0.0.119, port: 8080"));
	struct recipe in = nat_talk_from_backend(t, port, TCP_ACK, 0);
	expect_drop(&in, REASON_NAT_UNKNOWN);
	in = nat_talk_from_client(t, TCP_ACK, 0);
	expect_drop(&in, REASON_NAT_UNKNOWN);
	nat_talk_open(&balancer, &moved);
	fixture_reload(&balancer, ONE_SERVICE("address: 10.0.0.119, port: 8080, state: down"));
	in = nat_talk_from_client(&moved, TCP_SYN, 0);
	expect_drop(&in, REASON_NO_BACKEND);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, open_balancer, close_balancer)
	const struct CMUnitTest tests[] = {
		TEST(test_every_kind),       TEST(test_what_is_counted),
		TEST(test_unknown),          TEST(test_ports_of_a_service),
		TEST(test_hop_limit),        TEST(test_states),
		TEST(test_reopened),         TEST(test_half_gone),
		TEST(test_held_for_long),    TEST(test_exhausted),
		TEST(test_guarded),          TEST(test_last_hop_changes),
		TEST(test_client_in_a_vlan), TEST(test_udp_without_checksum),
		TEST(test_options),          TEST(test_source_routes),
		TEST(test_fragments),        TEST(test_fragments_do_not_cross),
		TEST(test_backend_moves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
