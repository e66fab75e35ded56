// SPDX-License-Identifier: BSD-2-Clause
/*
 * What becomes of flows: that they stay where they are while the configuration and the health of
 * backends change, who makes an entry, where new ones go. Verdicts on single packets are in
 * test_packets.c. The ledger's equation is asserted after every packet.
 */
#include "lb/process.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lb/config.h"
#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_table.h"
#include "tools/weir/offline.h"

#define SECOND 1000000000ull
#define FLOWS  2000u

#define HEAD "interfaces: [{name: eth0}, {name: eth1}]\nservices:\n"
#define WEB                                                             \
	"  - name: web\n    address: 203.0.113.10\n    protocol: tcp\n" \
	"    ports: 80\n    announce: neighbor\n    backends:\n"
#define DNS                                                                            \
	"  - name: dns\n    address: 203.0.113.10\n    protocol: udp\n    ports: 53\n" \
	"    backends:\n"
#define B1 "      - {name: b1, address: 10.0.0.1}\n"
#define B2 "      - {name: b2, address: 10.0.0.2}\n"
#define B3 "      - {name: b3, address: 10.0.0.3}\n"
#define B4 "      - {name: b4, address: 10.0.0.4}\n"
#define B5 "      - {name: b5, address: 10.0.0.5}\n"

static const char world[] = HEAD WEB B1 B2 B3 DNS B1 B2 B3;

/* The lists of clients, one of which each flow has; the same one again is the same flow. */
enum clients { OLD = 51, NEW = 52, OTHER = 53 };

static uint64_t now_ns;

static struct lb_packet send_frame(struct offline *o, struct frame *f)
{
	struct lb_packet p = {.data = f->bytes, .length = f->length};
	offline_process(o, &p, 1, now_ns);
	fixture_expect_ledger(o);
	return p;
}

static void build(struct frame *f, enum clients list, uint32_t n, uint8_t protocol, uint8_t flags)
{
	char from[32];
	snprintf(from, sizeof(from), "198.%u.%u.%u", list, n >> 8 & 255, n & 255);
	struct recipe r = {
		.from = from,
		.to = "203.0.113.10",
		.protocol = protocol,
		.from_port = 1024 + (n >> 16),
		.to_port = protocol == IPPROTO_TCP ? 80 : 53,
		.tcp_flags = flags,
	};
	packet_build(&r, f);
}

static struct lb_packet send_tcp(struct offline *o, enum clients list, uint32_t n, uint8_t flags)
{
	struct frame f;
	build(&f, list, n, IPPROTO_TCP, flags);
	return send_frame(o, &f);
}

static struct lb_packet send_udp(struct offline *o, enum clients list, uint32_t n)
{
	struct frame f;
	build(&f, list, n, IPPROTO_UDP, 0);
	return send_frame(o, &f);
}

/* The backend that a TCP packet is forwarded to. */
static uint32_t tcp_backend(struct offline *o, enum clients list, uint32_t n, uint8_t flags)
{
	struct lb_packet p = send_tcp(o, list, n, flags);
	assert_int_equal(p.verdict, LB_TRANSMIT);
	return p.backend;
}

static uint32_t udp_backend(struct offline *o, enum clients list, uint32_t n)
{
	struct lb_packet p = send_udp(o, list, n);
	assert_int_equal(p.verdict, LB_TRANSMIT);
	return p.backend;
}

static void start(struct offline *o, const char *yaml)
{
	now_ns = 1000 * SECOND;
	fixture_open(o, yaml);
}

static void set_state(struct offline *o, const char *name, enum config_state state)
{
	for (unsigned int i = 0; i < o->config->service_count; i++)
		for (unsigned int j = 0; j < o->config->services[i].backend_count; j++)
			if (!strcmp(o->config->services[i].backends[j].name, name))
				o->config->services[i].backends[j].state = state;
	fixture_publish(o);
}

static struct flow_sweep count_flows(struct offline *o)
{
	struct flow_sweep seen = {0};
	uint64_t position = 0;
	flow_table_sweep(&o->flows, &position, UINT64_MAX, NULL, o->now_ns, &seen);
	return seen;
}

static uint64_t all_flows(struct offline *o)
{
	struct flow_sweep seen = count_flows(o);
	uint64_t sum = 0;
	for (int state = 0; state < FLOW_STATES; state++)
		sum += seen.entries[state];
	return sum;
}

/* Opens connections; `backends` says where each went. */
static void connect_all(struct offline *o, uint32_t backends[FLOWS])
{
	for (uint32_t n = 0; n < FLOWS; n++) {
		backends[n] = tcp_backend(o, OLD, n, TCP_SYN);
		assert_int_equal(tcp_backend(o, OLD, n, TCP_ACK), backends[n]);
	}
}

static unsigned int count_moved(struct offline *o, const uint32_t backends[FLOWS])
{
	unsigned int moved = 0;
	for (uint32_t n = 0; n < FLOWS; n++)
		moved += tcp_backend(o, OLD, n, TCP_ACK | TCP_PSH) != backends[n];
	return moved;
}

/* --- changes under way ------------------------------------------------------------------------ */

static void test_flows_stay_when_backends_are_added(void **state)
{
	static const char more[] = HEAD WEB B5 B1 B4 B2 B3;
	uint32_t backends[FLOWS], fresh = 0;
	struct offline o, other;
	start(&o, world);
	start(&other, more);
	connect_all(&o, backends);
	fixture_reload(&o, more);
	assert_int_equal(count_moved(&o, backends), 0);
	/* Those without an entry, on another node say, would be moved: two of five. */
	for (uint32_t n = 0; n < FLOWS; n++) {
		const char *was = registry_name(o.backends, backends[n]);
		const char *is =
			registry_name(other.backends, tcp_backend(&other, OLD, n, TCP_ACK));
		fresh += strcmp(was, is) != 0;
	}
	assert_in_range(fresh, FLOWS / 3, FLOWS / 2);
	/* New ones use all five. */
	uint32_t to_b4 = fixture_backend(&o, "web/b4"), seen = 0;
	for (uint32_t n = 0; n < FLOWS; n++)
		seen += tcp_backend(&o, NEW, n, TCP_SYN) == to_b4;
	assert_in_range(seen, FLOWS / 6, FLOWS / 4);
	offline_close(&o);
	offline_close(&other);
}

static void test_draining_backend_keeps_its_flows(void **state)
{
	uint32_t backends[FLOWS];
	struct offline o;
	start(&o, world);
	connect_all(&o, backends);
	set_state(&o, "b2", STATE_DRAIN);
	assert_int_equal(count_moved(&o, backends), 0);
	for (uint32_t n = 0; n < FLOWS; n++)
		assert_int_not_equal(tcp_backend(&o, NEW, n, TCP_SYN),
				     fixture_backend(&o, "web/b2"));
	offline_close(&o);
}

/* Expects that the flows of one backend went elsewhere, and no others. */
static void expect_moved(struct offline *o, const uint32_t backends[FLOWS], uint32_t gone)
{
	for (uint32_t n = 0; n < FLOWS; n++) {
		uint32_t is = tcp_backend(o, OLD, n, TCP_ACK);
		if (backends[n] == gone)
			assert_int_not_equal(is, gone);
		else
			assert_int_equal(is, backends[n]);
	}
}

static void test_dead_backend_loses_its_flows(void **state)
{
	uint32_t backends[FLOWS];
	struct offline o;
	start(&o, world);
	uint32_t gone = fixture_backend(&o, "web/b2");
	connect_all(&o, backends);
	set_state(&o, "b2", STATE_DOWN);
	expect_moved(&o, backends, gone);
	/* Their entries went too: nothing but the table of the service leads them back. */
	uint64_t lost = 0;
	for (uint32_t n = 0; n < FLOWS; n++)
		lost += backends[n] == gone;
	assert_int_equal(all_flows(&o), FLOWS - lost);
	offline_close(&o);
}

static void test_removed_backend_loses_its_flows(void **state)
{
	uint32_t backends[FLOWS];
	struct offline o;
	start(&o, world);
	uint32_t gone = fixture_backend(&o, "web/b2");
	connect_all(&o, backends);
	fixture_reload(&o, HEAD WEB B1 B3);
	expect_moved(&o, backends, gone);
	offline_close(&o);
}

static void test_removed_service_is_the_kernels(void **state)
{
	struct offline o;
	start(&o, world);
	assert_int_equal(send_tcp(&o, OLD, 1, TCP_SYN).verdict, LB_TRANSMIT);
	fixture_reload(&o, HEAD DNS B1);
	assert_int_equal(send_tcp(&o, OLD, 1, TCP_ACK).verdict, LB_PASS);
	/* It comes back under another name: the entry's backend is not one of its own. */
	fixture_reload(&o, HEAD "  - {name: www, address: 203.0.113.10, protocol: tcp, ports: 80,\n"
				"     backends: [{name: w1, address: 10.0.0.9}]}\n");
	assert_int_equal(tcp_backend(&o, OLD, 1, TCP_ACK), fixture_backend(&o, "www/w1"));
	offline_close(&o);
}

static void test_last_backend_dies(void **state)
{
	struct offline o;
	start(&o, HEAD WEB B1);
	assert_int_equal(send_tcp(&o, OLD, 1, TCP_SYN).verdict, LB_TRANSMIT);
	set_state(&o, "b1", STATE_DOWN);
	struct lb_packet p = send_tcp(&o, OLD, 1, TCP_ACK);
	assert_int_equal(p.verdict, LB_DROP);
	assert_int_equal(p.reason, REASON_NO_BACKEND);
	assert_int_equal(p.backend, ABI_NO_BACKEND);
	set_state(&o, "b1", STATE_UP);
	assert_int_equal(send_tcp(&o, OLD, 1, TCP_ACK).verdict, LB_TRANSMIT);
	offline_close(&o);
}

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
					TCP_PSH | TCP_ACK};
	struct offline o;
	start(&o, world);
	for (uint32_t n = 0; n < sizeof(flags); n++) {
		uint32_t first = tcp_backend(&o, OLD, n, flags[n]);
		assert_int_equal(tcp_backend(&o, OLD, n, flags[n]), first);
	}
	assert_int_equal(all_flows(&o), 0);
	assert_int_equal(o.counters->flow_inserts, 0);
	send_tcp(&o, OLD, 1, TCP_SYN);
	assert_int_equal(all_flows(&o), 1);
	assert_int_equal(count_flows(&o).entries[FLOW_HANDSHAKE], 1);
	send_udp(&o, OLD, 1);
	assert_int_equal(all_flows(&o), 2);
	assert_int_equal(count_flows(&o).entries[FLOW_UDP], 1);
	assert_int_equal(o.counters->flow_inserts, 2);
	offline_close(&o);
}

/* A packet in the middle goes where the SYN of its flow would have gone: other nodes do so too. */
static void test_middle_goes_where_the_syn_would(void **state)
{
	struct offline o, other;
	start(&o, world);
	start(&other, world);
	for (uint32_t n = 0; n < FLOWS; n++)
		assert_int_equal(tcp_backend(&o, OLD, n, TCP_SYN),
				 tcp_backend(&other, OLD, n, TCP_ACK));
	offline_close(&o);
	offline_close(&other);
}

static void expect_state(struct offline *o, enum flow_state want)
{
	assert_int_equal(count_flows(o).entries[want], 1);
	assert_int_equal(all_flows(o), 1);
}

static void test_states_of_a_connection(void **state)
{
	struct offline o;
	start(&o, world);
	send_tcp(&o, OLD, 1, TCP_SYN);
	expect_state(&o, FLOW_HANDSHAKE);
	send_tcp(&o, OLD, 1, TCP_SYN);
	expect_state(&o, FLOW_HANDSHAKE);
	send_tcp(&o, OLD, 1, TCP_ACK);
	expect_state(&o, FLOW_ESTABLISHED);
	send_tcp(&o, OLD, 1, TCP_SYN);
	expect_state(&o, FLOW_ESTABLISHED);
	send_tcp(&o, OLD, 1, TCP_FIN | TCP_ACK);
	expect_state(&o, FLOW_CLOSING);
	send_tcp(&o, OLD, 1, TCP_ACK);
	expect_state(&o, FLOW_CLOSING);
	send_tcp(&o, OLD, 1, TCP_SYN);
	expect_state(&o, FLOW_HANDSHAKE);
	send_tcp(&o, OLD, 1, TCP_RST);
	expect_state(&o, FLOW_CLOSING);
	offline_close(&o);
}

/* The timeouts are those of the configuration, to two ticks of the table's clock. */
static void expect_lifetime(uint8_t last_flags, bool udp, uint64_t seconds)
{
	struct offline o;
	start(&o, world);
	if (udp) {
		send_udp(&o, OLD, 1);
	} else {
		send_tcp(&o, OLD, 1, TCP_SYN);
		if (last_flags)
			send_tcp(&o, OLD, 1, last_flags);
	}
	o.now_ns += (seconds - 1) * SECOND;
	assert_int_equal(all_flows(&o), 1);
	o.now_ns += 2 * SECOND;
	assert_int_equal(all_flows(&o), 0);
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
	start(&o, world);
	for (int i = 0; i < 100; i++) {
		send_udp(&o, OLD, 1);
		now_ns += 50 * SECOND;
	}
	assert_int_equal(o.counters->flow_inserts, 1);
	/* Over gaps of any length, a flow that is dead stays dead. */
	for (uint64_t gap = 100; gap < 100000; gap += 777) {
		uint64_t inserts = o.counters->flow_inserts;
		now_ns += gap * SECOND;
		send_udp(&o, OLD, 1);
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
		uint32_t before = tcp_backend(o, OLD, n, TCP_SYN);
		tcp_backend(o, OLD, n, TCP_ACK);
		if (before == fixture_backend(o, "web/b2"))
			return n;
	}
}

static void test_syn_after_the_end_is_decided_anew(void **state)
{
	static const uint8_t ends[] = {TCP_FIN | TCP_ACK, TCP_RST};
	for (size_t i = 0; i < sizeof(ends); i++) {
		struct offline o;
	start(&o, world);
		uint32_t n = find_misplaced(&o, 0), b2 = fixture_backend(&o, "web/b2");
		set_state(&o, "b2", STATE_DRAIN);
		/* A SYN alone, a late one say, opens nothing. */
		assert_int_equal(tcp_backend(&o, OLD, n, TCP_SYN), b2);
		assert_int_equal(tcp_backend(&o, OLD, n, ends[i]), b2);
		assert_int_equal(tcp_backend(&o, OLD, n, TCP_ACK), b2);
		uint32_t next = tcp_backend(&o, OLD, n, TCP_SYN);
		assert_int_not_equal(next, b2);
		assert_int_equal(tcp_backend(&o, OLD, n, TCP_ACK), next);
		offline_close(&o);
	}
}

static void test_udp_flows_stay(void **state)
{
	uint32_t backends[FLOWS];
	struct offline o;
	start(&o, world);
	for (uint32_t n = 0; n < FLOWS; n++)
		backends[n] = udp_backend(&o, OLD, n);
	set_state(&o, "b1", STATE_DRAIN);
	for (uint32_t n = 0; n < FLOWS; n++)
		assert_int_equal(udp_backend(&o, OLD, n), backends[n]);
	for (uint32_t n = 0; n < FLOWS; n++)
		assert_int_not_equal(udp_backend(&o, NEW, n), fixture_backend(&o, "dns/b1"));
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
	start(&o, HEAD WEB "      - {name: b0, address: 10.0.0.1, weight: 100}\n"
					  "      - {name: b1, address: 10.0.0.2, weight: 200}\n"
					  "      - {name: b2, address: 10.0.0.3, weight: 300}\n"
					  "      - {name: b3, address: 10.0.0.4, weight: 50}\n"
					  "      - {name: b4, address: 10.0.0.5, weight: 0}\n");
	for (uint32_t n = 0; n < ALL; n++)
		send_tcp(&o, OLD, n, TCP_SYN);
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
	start(&o, HEAD WEB B1 DNS B1);
	struct lb_traffic *web = &o.counters->services[registry_find(o.services, "web")];
	struct lb_traffic *b1 = &o.counters->backends[fixture_backend(&o, "web/b1")];
	struct lb_traffic *dns = &o.counters->services[registry_find(o.services, "dns")];
	send_tcp(&o, OLD, 1, TCP_SYN);
	send_tcp(&o, OLD, 1, TCP_ACK);
	send_tcp(&o, OLD, 2, TCP_ACK);
	send_udp(&o, OLD, 1);
	assert_int_equal(web->packets, 3);
	assert_int_equal(web->bytes, 3 * 54);
	assert_int_equal(web->flows, 1);
	assert_memory_equal(web, b1, sizeof(*web));
	assert_int_equal(dns->packets, 1);
	assert_int_equal(dns->bytes, 42);
	assert_int_equal(dns->flows, 1);
	/* What is dropped is the service's, and no backend's. */
	set_state(&o, "b1", STATE_DOWN);
	send_tcp(&o, OLD, 3, TCP_SYN);
	assert_int_equal(web->packets, 4);
	assert_int_equal(b1->packets, 3);
	assert_int_equal(o.counters->rx_bytes, 4 * 54 + 42);
	offline_close(&o);
}

/* --- next hops ---------------------------------------------------------------------------------
 */

static void test_flow_waits_for_its_next_hop(void **state)
{
	uint32_t backends[FLOWS];
	struct offline o;
	start(&o, world);
	uint32_t b2 = fixture_backend(&o, "web/b2");
	connect_all(&o, backends);
	o.next_hops[b2].known = false;
	fixture_publish(&o);
	for (uint32_t n = 0; n < FLOWS; n++) {
		struct lb_packet p = send_tcp(&o, OLD, n, TCP_ACK);
		assert_int_equal(p.backend, backends[n]);
		assert_int_equal(p.verdict, backends[n] == b2 ? LB_DROP : LB_TRANSMIT);
		if (p.verdict == LB_DROP)
			assert_int_equal(p.reason, REASON_NO_NEXT_HOP);
	}
	/* One that was never sent makes no entry. */
	uint64_t before = all_flows(&o);
	for (uint32_t n = 0; n < 100; n++)
		if (send_tcp(&o, NEW, n, TCP_SYN).verdict == LB_TRANSMIT)
			before++;
	assert_int_equal(all_flows(&o), before);
	o.next_hops[b2].known = true;
	fixture_publish(&o);
	assert_int_equal(count_moved(&o, backends), 0);
	offline_close(&o);
}

static void test_way_out_is_the_next_hops(void **state)
{
	static const uint8_t mac[] = {6, 5, 4, 3, 2, 1}, port[] = {2, 0, 0, 0, 0, 1};
	struct offline o;
	start(&o, HEAD WEB B1);
	struct next_hop *hop = &o.next_hops[fixture_backend(&o, "web/b1")];
	struct frame f;
	hop->egress = 1;
	memcpy(hop->mac, mac, sizeof(mac));
	fixture_publish(&o);
	build(&f, OLD, 1, IPPROTO_TCP, TCP_SYN);
	struct lb_packet p = send_frame(&o, &f);
	assert_int_equal(p.egress, 1);
	assert_memory_equal(f.bytes, mac, sizeof(mac));
	assert_memory_equal(f.bytes + 6, port, sizeof(port));
	offline_close(&o);
}

/* It goes back by the port it came in on, from that port's address. */
static void test_neighbor_is_answered_where_it_asked(void **state)
{
	struct offline o;
	start(&o, world);
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
	offline_process(&o, &p, 1, now_ns);
	assert_int_equal(p.verdict, LB_TRANSMIT);
	assert_int_equal(p.egress, 1);
	assert_int_equal(p.length, want.length);
	assert_memory_equal(f.bytes, want.bytes, want.length);
	assert_int_equal(o.counters->neighbor_replies, 1);
	assert_int_equal(o.counters->forwarded, 0);
	offline_close(&o);
}

/* --- floods
 * ---------------------------------------------------------------------------------------- */

static void test_flood_costs_established_flows_nothing(void **state)
{
	enum { FLOOD = 50000 };
	uint32_t backends[FLOWS];
	struct offline o;
	start(&o, "interfaces: [{name: a}]\nflow_table: {entries: 4096}\n"
				 "services:\n" WEB B1 B2 B3);
	connect_all(&o, backends);
	uint64_t untracked = o.counters->flow_untracked;
	for (uint32_t n = 0; n < FLOOD; n++)
		assert_int_equal(send_tcp(&o, NEW, n, TCP_SYN).verdict, LB_TRANSMIT);
	assert_true(o.counters->flow_evictions > 0);
	/* Whoever had found an entry has it still. */
	assert_in_range(count_flows(&o).entries[FLOW_ESTABLISHED], FLOWS - untracked, FLOWS);
	set_state(&o, "b1", STATE_DRAIN);
	assert_in_range(count_moved(&o, backends), 0, untracked);
	offline_close(&o);
}

static void test_new_flows_a_second_are_limited(void **state)
{
	struct offline o;
	start(&o, world);
	lb_init(&o.lb, &o.flows, o.counters, 1000);
	for (uint32_t n = 0; n < FLOWS; n++)
		assert_int_equal(send_tcp(&o, OLD, n, TCP_SYN).verdict, LB_TRANSMIT);
	/* A tenth of a second's worth at once, and one. */
	assert_int_equal(o.counters->flow_inserts, 101);
	assert_int_equal(o.counters->flow_guarded, FLOWS - 101);
	assert_int_equal(o.counters->services[0].flows, FLOWS);
	now_ns += SECOND / 20;
	for (uint32_t n = 0; n < FLOWS; n++)
		send_tcp(&o, NEW, n, TCP_SYN);
	assert_in_range(o.counters->flow_inserts, 101 + 49, 101 + 51);
	offline_close(&o);
}

/* --- bursts
 * ------------------------------------------------------------------------------------------ */

#define STREAM 700u

/* Packets of all kinds, few flows with all that can befall them, several of a flow near each other.
 */
static struct frame *build_stream(void)
{
	static const uint8_t flags[] = {TCP_SYN, TCP_SYN, TCP_ACK, TCP_ACK, TCP_FIN, TCP_RST, 0};
	struct frame *frames = calloc(STREAM, sizeof(*frames));
	uint64_t random = 0x6275727374;
	assert_non_null(frames);
	for (uint32_t i = 0; i < STREAM; i++) {
		uint64_t r = fixture_random(&random);
		if (r % 4 == 0)
			packet_build(&packet_cases[(r >> 8) % packet_case_count].in, &frames[i]);
		else if (r % 4 == 1)
			build(&frames[i], OTHER, r >> 8 & 7, IPPROTO_UDP, 0);
		else
			build(&frames[i], OTHER, r >> 8 & 15, IPPROTO_TCP,
			      flags[(r >> 16) % sizeof(flags)]);
	}
	return frames;
}

/* Runs the stream, changing it, in bursts of at most `size`. */
static void run_stream(struct offline *o, struct frame *frames, struct lb_packet *packets,
		       unsigned int size)
{
	for (uint32_t i = 0; i < STREAM; i++)
		packets[i] = (struct lb_packet){
			.data = frames[i].bytes, .length = frames[i].length, .ingress = i % 2};
	for (uint32_t i = 0; i < STREAM; i += size)
		offline_process(o, packets + i, i + size <= STREAM ? size : STREAM - i, now_ns);
	fixture_expect_ledger(o);
}

static void expect_same(const struct lb_packet *a, const struct lb_packet *b)
{
	for (uint32_t i = 0; i < STREAM; i++) {
		assert_int_equal(a[i].verdict, b[i].verdict);
		assert_int_equal(a[i].reason, b[i].reason);
		assert_int_equal(a[i].service, b[i].service);
		assert_int_equal(a[i].backend, b[i].backend);
		assert_int_equal(a[i].length, b[i].length);
		if (a[i].verdict == LB_TRANSMIT)
			assert_int_equal(a[i].egress, b[i].egress);
		assert_memory_equal(a[i].data, b[i].data, a[i].length);
	}
}

static void test_bursts_of_every_size(void **state)
{
	struct lb_packet single[STREAM], burst[STREAM];
	struct frame *first = build_stream();
	struct offline o;
	start(&o, world);
	run_stream(&o, first, single, 1);
	for (unsigned int size = 2; size <= LB_BURST; size++) {
		struct frame *frames = build_stream();
		struct offline other;
	start(&other, world);
		run_stream(&other, frames, burst, size);
		expect_same(burst, single);
		assert_memory_equal(other.counters, o.counters, sizeof(*o.counters));
		offline_close(&other);
		free(frames);
	}
	free(first);
	offline_close(&o);
}

static void test_empty_burst(void **state)
{
	struct offline o;
	start(&o, world);
	offline_process(&o, NULL, 0, now_ns);
	assert_int_equal(o.counters->rx_packets, 0);
	offline_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flows_stay_when_backends_are_added),
		cmocka_unit_test(test_draining_backend_keeps_its_flows),
		cmocka_unit_test(test_dead_backend_loses_its_flows),
		cmocka_unit_test(test_removed_backend_loses_its_flows),
		cmocka_unit_test(test_removed_service_is_the_kernels),
		cmocka_unit_test(test_last_backend_dies),
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
		cmocka_unit_test(test_bursts_of_every_size),
		cmocka_unit_test(test_empty_burst),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
