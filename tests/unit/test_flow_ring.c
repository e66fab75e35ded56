// SPDX-License-Identifier: BSD-2-Clause
/* What workers note down for other nodes, and the ring that it goes through. */
#include "lb/flow_ring.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/packet.h"
#include "lb/flow_table.h"
#include "tests/unit/clients.h"
#include "tests/unit/fixture.h"
#include "tests/unit/nat_talk.h"

#include "tools/weir/offline.h"

static struct flow_ring *ring_new(void)
{
	struct flow_ring *r = aligned_alloc(64, sizeof(*r));
	assert_non_null(r);
	return memset(r, 0, sizeof(*r));
}

/* --- the ring --------------------------------------------------------------------------------- */

static void test_order_and_overflow(void **state)
{
	struct flow_ring *r = ring_new();
	struct flow_event e = {};
	/* Round and round, and over where the positions wrap. */
	r->written = r->read = UINT32_MAX - FLOW_RING_EVENTS / 2;
	assert_false(flow_ring_take(r, &e));
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < FLOW_RING_EVENTS + 10; i++) {
			e.hash = i;
			flow_ring_put(r, &e);
		}
		assert_int_equal(r->lost, 10 * (round + 1));
		for (uint32_t i = 0; i < FLOW_RING_EVENTS; i++) {
			assert_true(flow_ring_take(r, &e));
			assert_int_equal(e.hash, i);
		}
		assert_false(flow_ring_take(r, &e));
	}
	free(r);
}

#define EVENTS 2000000u

static void *write_events(void *argument)
{
	struct flow_ring *r = argument;
	for (uint64_t i = 1; i <= EVENTS; i++) {
		const struct flow_event e = {
			.hash = i, .backend = i, .state = ~i, .key.source.word = {i, i, i, i}};
		flow_ring_put(r, &e);
	}
	return NULL;
}

/* What arrives is whole and in order, and what does not is counted. */
static void test_two_threads(void **state)
{
	struct flow_ring *r = ring_new();
	struct flow_event e;
	pthread_t writer;
	uint64_t taken = 0, last = 0;
	assert_int_equal(pthread_create(&writer, NULL, write_events, r), 0);
	while (taken + __atomic_load_n(&r->lost, __ATOMIC_RELAXED) < EVENTS) {
		if (!flow_ring_take(r, &e)) {
			sched_yield();
			continue;
		}
		assert_true(e.hash > last && e.backend == (uint32_t)e.hash &&
			    e.state == (uint32_t)~e.hash &&
			    e.key.source.word[3] == (uint32_t)e.hash);
		last = e.hash;
		taken++;
	}
	pthread_join(writer, NULL);
	assert_false(flow_ring_take(r, &e));
	free(r);
}

/* --- what is noted ---------------------------------------------------------------------------- */

static struct offline o;
static struct flow_ring *ring;

static void begin(void)
{
	client_start(&o, client_world);
	o.lb.ring = ring = ring_new();
}

static void end(void)
{
	struct flow_event e;
	assert_false(flow_ring_take(ring, &e));
	offline_close(&o);
	free(ring);
}

static void expect_event(enum clients list, uint32_t n, uint32_t backend, enum flow_state state)
{
	struct flow_event e;
	struct frame f;
	struct packet p = {};
	client_build(&f, list, n, IPPROTO_TCP, TCP_ACK);
	assert_int_equal(parse_packet(f.bytes, f.bytes + f.length, &p), 0);
	assert_true(flow_ring_take(ring, &e));
	assert_int_equal(e.state, state);
	assert_int_equal(e.backend, backend);
	assert_memory_equal(&e.key, &p.key, sizeof(e.key));
	assert_true(e.hash == flow_hash(&p.key, &o.flows.seed));
}

/* Once each, whatever else comes; a half-open connection is nobody else's concern. */
static void test_life_of_a_connection(void **state)
{
	begin();
	uint32_t backend = client_tcp_backend(&o, OLD, 1, TCP_SYN);
	client_tcp_backend(&o, OLD, 2, TCP_SYN);
	client_tcp_backend(&o, OLD, 1, TCP_SYN);
	client_tcp_backend(&o, OLD, 1, TCP_ACK);
	expect_event(OLD, 1, backend, FLOW_ESTABLISHED);
	client_tcp_backend(&o, OLD, 1, TCP_ACK);
	client_tcp_backend(&o, OLD, 1, TCP_ACK);
	client_tcp_backend(&o, OLD, 1, TCP_FIN | TCP_ACK);
	expect_event(OLD, 1, backend, FLOW_CLOSING);
	client_tcp_backend(&o, OLD, 1, TCP_ACK);
	client_tcp_backend(&o, OLD, 1, TCP_RST);
	end();
}

/* Of these nothing: strays, and UDP, which is told of once it was seen for a while. */
static void test_nothing_to_note(void **state)
{
	begin();
	client_tcp_backend(&o, OLD, 1, TCP_ACK);
	client_tcp_backend(&o, OLD, 2, TCP_RST);
	client_udp_backend(&o, OLD, 3);
	client_udp_backend(&o, OLD, 3);
	end();
}

static void expect_talk(const struct nat_talk *t, enum flow_state state)
{
	struct recipe r = nat_talk_from_client(t, TCP_ACK, 0);
	struct flow_event e;
	struct packet p = {};
	struct frame f;
	packet_build(&r, &f);
	assert_int_equal(parse_packet(f.bytes, f.bytes + f.length, &p), 0);
	assert_true(flow_ring_take(ring, &e));
	assert_int_equal(e.state, state);
	assert_memory_equal(&e.key, &p.key, sizeof(e.key));
	assert_true(e.hash == flow_hash(&p.key, &o.flows.seed));
}

/* By nat the client's flow is told of, also when it is the backend that closes it. */
static void test_nat(void **state)
{
	fixture_open(&o, nat_talk_yaml);
	o.lb.ring = ring = ring_new();
	for (size_t i = 0; i < nat_talk_count; i++) {
		const struct nat_talk *t = &nat_talks[i];
		uint16_t port = nat_talk_open(&o, t);
		struct recipe ack = nat_talk_from_client(t, TCP_ACK, 0);
		struct recipe fin = nat_talk_from_backend(t, port, TCP_FIN | TCP_ACK, 0);
		struct frame out;
		nat_talk_send(&o, &ack, &out);
		nat_talk_send(&o, &fin, &out);
		if (t->protocol != IPPROTO_TCP)
			continue;
		expect_talk(t, FLOW_ESTABLISHED);
		expect_talk(t, FLOW_CLOSING);
	}
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_overflow),
		cmocka_unit_test(test_two_threads),
		cmocka_unit_test(test_life_of_a_connection),
		cmocka_unit_test(test_nothing_to_note),
		cmocka_unit_test(test_nat),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
