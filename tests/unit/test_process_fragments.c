// SPDX-License-Identifier: BSD-2-Clause
/*
 * Datagrams in fragments through the balancer: in every order, with every fault, in one burst and
 * over several. long file: all that can befall a datagram.
 */
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lb/fragments.h"
#include "lb/held.h"
#include "lb/process.h"
#include "lb/snapshot.h"
#include "tests/unit/clients.h"
#include "tests/unit/fixture.h"
#include "tools/weir/offline.h"

#define MS      1000000ull
#define PIECES  41u /* 60 KB in frames of 1500 bytes */
#define PAYLOAD 1480u

static const char world[] = CLIENT_HEAD CLIENT_DNS CLIENT_B1 CLIENT_B2 CLIENT_B3
	"  - name: dns6\n    address: \"2001:db8:1::10\"\n    protocol: udp\n    ports: 53\n"
	"    backends:\n"
	"      - {name: b1, address: \"2001:db8:2::1\"}\n"
	"      - {name: b2, address: \"2001:db8:2::2\"}\n"
	"      - {name: b3, address: \"2001:db8:2::3\"}\n" CLIENT_WEB CLIENT_B1;

enum family { V4, V6 };

/* Piece `n` of a datagram of so many; the first one has a UDP header. */
static void build_piece(struct frame *f, enum family family, uint16_t id, uint16_t port,
			unsigned int n, unsigned int pieces)
{
	bool last = n + 1 == pieces;
	uint32_t field = n * (PAYLOAD / 8);
	struct recipe r = {
		.from = family == V4 ? "198.51.100.7" : "2001:db8:99::7",
		.to = family == V4 ? "203.0.113.10" : "2001:db8:1::10",
		.protocol = IPPROTO_UDP,
		.from_port = port,
		.to_port = 53,
		.fragment_id = id,
		.payload = last ? 100 : PAYLOAD - 8,
		.ipv4_fragment = field | (last ? 0 : 0x2000),
		.ipv6_fragment = field << 3 | !last,
		.extensions = family == V6 ? "x" : NULL,
	};
	packet_build(&r, f);
	/* What stands where the ports of others are must not matter. */
	if (n)
		memset(f->bytes + f->l4, n, 8);
}

static struct lb_packet send_piece(struct offline *o, enum family family, uint16_t id,
				   unsigned int n)
{
	struct frame f;
	build_piece(&f, family, id, 1000 + id, n, PIECES);
	return client_send(o, &f);
}

static void expect_dropped(const struct lb_packet *p, enum reason reason)
{
	assert_int_equal(p->verdict, LB_DROP);
	assert_int_equal(p->reason, reason);
}

static unsigned int release(struct offline *o, struct lb_packet *packets, unsigned int max)
{
	fixture_expect_ledger(o);
	return offline_release(o, packets, max, client_now_ns);
}

/* Where a whole datagram of the same ports goes. */
static uint32_t backend_of(struct offline *o, enum family family, uint16_t id)
{
	struct recipe r = {
		.from = family == V4 ? "198.51.100.7" : "2001:db8:99::7",
		.to = family == V4 ? "203.0.113.10" : "2001:db8:1::10",
		.protocol = IPPROTO_UDP,
		.from_port = 1000 + id,
		.to_port = 53,
	};
	struct frame f;
	packet_build(&r, &f);
	struct lb_packet p = client_send(o, &f);
	assert_int_equal(p.verdict, LB_TRANSMIT);
	return p.backend;
}

/* --- orders ---------------------------------------------------------------------------------- */

static void test_in_order(void **state)
{
	struct offline o;
	client_start(&o, world);
	for (uint16_t id = 1; id <= 100; id++) {
		enum family family = id % 2 ? V4 : V6;
		uint32_t want = backend_of(&o, family, id);
		for (unsigned int n = 0; n < PIECES; n++) {
			struct lb_packet p = send_piece(&o, family, id, n);
			assert_int_equal(p.verdict, LB_TRANSMIT);
			assert_int_equal(p.backend, want);
		}
	}
	assert_int_equal(lb_held(&o.lb), 0);
	assert_int_equal(o.counters->flow_inserts, 100);
	offline_close(&o);
}

static void test_bytes_and_way_of_later_ones(void **state)
{
	static const uint8_t port[] = {2, 0, 0, 0, 0, 0};
	struct frame f, before;
	struct offline o;
	client_start(&o, world);
	struct lb_packet first = send_piece(&o, V4, 1, 0);
	build_piece(&before, V4, 1, 1001, 1, PIECES);
	f = before;
	struct lb_packet p = client_send(&o, &f);
	assert_int_equal(p.egress, first.egress);
	assert_int_equal(f.bytes[5], o.snapshot->backends[first.backend].way.remote.word[3] >> 24);
	assert_memory_equal(f.bytes + 6, port, 6);
	assert_memory_equal(f.bytes + 12, before.bytes + 12, before.length - 12);
	const struct lb_traffic *t = &o.counters->backends[first.backend];
	assert_int_equal(t->packets, 2);
	assert_int_equal(t->flows, 1);
	assert_int_equal(o.counters->services[first.service].packets, 2);
	offline_close(&o);
}

/* All but the first wait, and come out in the order they came, with what the caller gave them. */
static void expect_reversed(struct offline *o, enum family family, uint16_t id)
{
	struct lb_packet out[LB_BURST];
	uint32_t want = backend_of(o, family, id);
	for (unsigned int n = PIECES - 1; n > 0; n--) {
		struct frame f;
		build_piece(&f, family, id, 1000 + id, n, PIECES);
		struct lb_packet p = {.data = f.bytes, .length = f.length, .cookie = n};
		offline_process(o, &p, 1, client_now_ns);
		assert_int_equal(p.verdict, LB_HOLD);
		assert_int_equal(release(o, out, LB_BURST), 0);
	}
	assert_int_equal(lb_held(&o->lb), PIECES - 1);
	assert_int_equal(send_piece(o, family, id, 0).backend, want);
	assert_int_equal(release(o, out, LB_BURST), PIECES - 1);
	assert_int_equal(lb_held(&o->lb), 0);
	for (unsigned int i = 0; i < PIECES - 1; i++) {
		struct frame f;
		build_piece(&f, family, id, 1000 + id, PIECES - 1 - i, PIECES);
		assert_int_equal(out[i].cookie, PIECES - 1 - i);
		assert_int_equal(out[i].verdict, LB_TRANSMIT);
		assert_int_equal(out[i].backend, want);
		assert_int_equal(out[i].length, f.length);
		assert_memory_equal(out[i].data + 12, f.bytes + 12, f.length - 12);
	}
}

static void test_reversed(void **state)
{
	struct offline o;
	client_start(&o, world);
	for (uint16_t id = 1; id <= 100; id++)
		expect_reversed(&o, id % 2 ? V4 : V6, id);
	offline_close(&o);
}

static void test_interleaved(void **state)
{
	struct offline o;
	struct lb_packet out[LB_BURST];
	client_start(&o, world);
	uint32_t even = backend_of(&o, V4, 2), odd = backend_of(&o, V4, 3);
	/* One forwards, one backwards. */
	for (unsigned int n = 0; n < PIECES; n++) {
		assert_int_equal(send_piece(&o, V4, 2, n).backend, even);
		struct lb_packet p = send_piece(&o, V4, 3, PIECES - 1 - n);
		assert_int_equal(p.verdict, n + 1 < PIECES ? LB_HOLD : LB_TRANSMIT);
	}
	unsigned int count = release(&o, out, LB_BURST);
	assert_int_equal(count, PIECES - 1);
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(out[i].backend, odd);
	offline_close(&o);
}

/* Within one burst; the first one last. */
static void test_one_burst(void **state)
{
	static struct frame frames[PIECES];
	struct lb_packet packets[PIECES], out[LB_BURST];
	struct offline o;
	client_start(&o, world);
	for (unsigned int n = 0; n < PIECES; n++) {
		build_piece(&frames[n], V4, 1, 1001, (n + 1) % PIECES, PIECES);
		packets[n] =
			(struct lb_packet){.data = frames[n].bytes, .length = frames[n].length};
	}
	offline_process(&o, packets, PIECES, client_now_ns);
	for (unsigned int n = 0; n < PIECES; n++)
		assert_int_equal(packets[n].verdict, n + 1 < PIECES ? LB_HOLD : LB_TRANSMIT);
	/* In parts, as where frames are rare. */
	assert_int_equal(release(&o, out, 10), 10);
	assert_int_equal(release(&o, out, LB_BURST), PIECES - 11);
	offline_close(&o);
}

/* The first came to another worker: both have the table, each holds its own. */
static void test_two_workers(void **state)
{
	struct offline o;
	struct lb_packet out[LB_BURST];
	struct lb other;
	struct held *held = held_new();
	struct lb_counters *counters = lb_counters_new();
	struct frame f;
	client_start(&o, world);
	lb_init(&other, &o.flows, counters, UINT32_MAX);
	lb_use_fragments(&other, o.fragments, held);
	for (unsigned int n = PIECES - 1; n > 0; n--) {
		build_piece(&f, V4, 1, 1001, n, PIECES);
		struct lb_packet p = {.data = f.bytes, .length = f.length};
		lb_process(&other, o.snapshot, &p, 1, client_now_ns);
		assert_int_equal(p.verdict, LB_HOLD);
		assert_int_equal(lb_release(&other, o.snapshot, out, LB_BURST, client_now_ns), 0);
	}
	uint32_t want = send_piece(&o, V4, 1, 0).backend;
	unsigned int count = lb_release(&other, o.snapshot, out, LB_BURST, client_now_ns + MS);
	assert_int_equal(count, PIECES - 1);
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(out[i].backend, want);
	assert_int_equal(counters->forwarded, count);
	held_free(held);
	free(counters);
	offline_close(&o);
}

/* --- what goes wrong ------------------------------------------------------------------------- */

static void test_first_is_lost(void **state)
{
	struct lb_packet out[LB_BURST];
	struct offline o;
	client_start(&o, world);
	for (unsigned int n = 1; n < PIECES; n++) {
		assert_int_equal(send_piece(&o, V4, 1, n).verdict, LB_HOLD);
		client_now_ns += MS;
	}
	client_now_ns = 1000000 * MS + HELD_NS - 1;
	assert_int_equal(release(&o, out, LB_BURST), 0);
	client_now_ns++;
	unsigned int count = release(&o, out, LB_BURST);
	assert_int_equal(count, PIECES - 1);
	for (unsigned int i = 0; i < count; i++)
		expect_dropped(&out[i], REASON_FRAGMENT_UNMATCHED);
	assert_int_equal(o.counters->dropped[REASON_FRAGMENT_UNMATCHED], PIECES - 1);
	offline_close(&o);
}

static void test_duplicates(void **state)
{
	struct offline o;
	client_start(&o, world);
	uint32_t want = backend_of(&o, V6, 1);
	for (unsigned int n = 0; n + 1 < PIECES; n++) {
		assert_int_equal(send_piece(&o, V6, 1, n).backend, want);
		assert_int_equal(send_piece(&o, V6, 1, n).backend, want);
		assert_int_equal(send_piece(&o, V6, 1, n / 2).backend, want);
	}
	assert_int_equal(send_piece(&o, V6, 1, PIECES - 1).backend, want);
	/* Now it is whole, and the id may be another datagram's. */
	assert_int_equal(send_piece(&o, V6, 1, 1).verdict, LB_HOLD);
	offline_close(&o);
}

/* The same id again, from another port. */
static void test_id_is_used_again(void **state)
{
	struct offline o;
	client_start(&o, world);
	for (uint16_t port = 1; port < 200; port++) {
		struct frame f;
		build_piece(&f, V4, 7, port, 0, 2);
		struct lb_packet first = client_send(&o, &f);
		build_piece(&f, V4, 7, port, 1, 2);
		struct lb_packet second = client_send(&o, &f);
		assert_int_equal(second.verdict, LB_TRANSMIT);
		assert_int_equal(second.backend, first.backend);
	}
	offline_close(&o);
}

static void test_overlap(void **state)
{
	static const uint16_t shifts[] = {1, PAYLOAD / 8 - 1, PAYLOAD / 8 + 1};
	for (size_t i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++) {
		for (enum family family = V4; family <= V6; family++) {
			struct recipe r = {
				.from = family == V4 ? "198.51.100.7" : "2001:db8:99::7",
				.to = family == V4 ? "203.0.113.10" : "2001:db8:1::10",
				.protocol = IPPROTO_UDP,
				.payload = PAYLOAD - 8,
				.fragment_id = 1,
				.ipv4_fragment = shifts[i] | 0x2000,
				.ipv6_fragment = shifts[i] << 3 | 1,
				.extensions = family == V6 ? "x" : NULL,
			};
			struct frame f;
			struct offline o;
			client_start(&o, world);
			send_piece(&o, family, 1, 0);
			send_piece(&o, family, 1, 1);
			packet_build(&r, &f);
			struct lb_packet p = client_send(&o, &f);
			expect_dropped(&p, REASON_FRAGMENT_OVERLAP);
			p = send_piece(&o, family, 1, 0);
			expect_dropped(&p, REASON_FRAGMENT_OVERLAP);
			p = send_piece(&o, family, 1, 5);
			expect_dropped(&p, REASON_FRAGMENT_OVERLAP);
			assert_int_equal(send_piece(&o, family, 2, 0).verdict, LB_TRANSMIT);
			offline_close(&o);
		}
	}
}

static void test_lifetime(void **state)
{
	struct offline o;
	client_start(&o, world);
	send_piece(&o, V4, 1, 0);
	client_now_ns += FRAGMENTS_LIFETIME_NS - 1;
	assert_int_equal(send_piece(&o, V4, 1, 1).verdict, LB_TRANSMIT);
	client_now_ns++;
	assert_int_equal(send_piece(&o, V4, 1, 2).verdict, LB_HOLD);
	offline_close(&o);
}

/* A port that is not served: the kernel could make nothing of the first alone. */
static void test_port_that_is_not_served(void **state)
{
	struct frame f;
	struct offline o;
	client_start(&o, world);
	for (unsigned int n = 0; n < 2; n++) {
		build_piece(&f, V4, 1, 1001, n, PIECES);
		if (!n)
			f.bytes[f.l4 + 3] = 54;
		struct lb_packet p = client_send(&o, &f);
		expect_dropped(&p, REASON_FRAGMENT_UNMATCHED);
		assert_int_equal(p.service, ABI_NO_SERVICE);
	}
	assert_int_equal(lb_held(&o.lb), 0);
	offline_close(&o);
}

/* The later ones are dropped at once, for what their first was dropped for. */
static void test_backends_that_are_not_there(void **state)
{
	struct offline o;
	client_start(&o, world);
	uint32_t id = send_piece(&o, V4, 1, 0).backend;
	o.next_hops[id].known = false;
	fixture_publish(&o);
	struct lb_packet p = send_piece(&o, V4, 1, 1);
	expect_dropped(&p, REASON_NO_NEXT_HOP);
	for (const char *name = "b1\0b2\0b3\0"; *name; name += 3)
		client_set_state(&o, name, STATE_DOWN);
	p = send_piece(&o, V4, 1, 2);
	expect_dropped(&p, REASON_NO_BACKEND);
	p = send_piece(&o, V4, 2, 0);
	expect_dropped(&p, REASON_NO_BACKEND);
	p = send_piece(&o, V4, 2, 1);
	expect_dropped(&p, REASON_NO_BACKEND);
	offline_close(&o);
}

/* --- bounds --------------------------------------------------------------------------------- */

static void test_held_datagrams_are_bounded(void **state)
{
	struct lb_packet out[LB_BURST];
	struct offline o;
	client_start(&o, world);
	for (uint16_t id = 1; id <= HELD_DATAGRAMS; id++)
		assert_int_equal(send_piece(&o, V4, id, 1).verdict, LB_HOLD);
	struct lb_packet p = send_piece(&o, V4, HELD_DATAGRAMS + 1, 1);
	expect_dropped(&p, REASON_FRAGMENT_UNMATCHED);
	send_piece(&o, V4, 5, 0);
	assert_int_equal(release(&o, out, LB_BURST), 1);
	assert_int_equal(send_piece(&o, V4, HELD_DATAGRAMS + 1, 1).verdict, LB_HOLD);
	client_now_ns += HELD_NS;
	assert_int_equal(release(&o, out, LB_BURST), HELD_DATAGRAMS);
	assert_int_equal(lb_held(&o.lb), 0);
	offline_close(&o);
}

static void test_held_packets_are_bounded(void **state)
{
	struct lb_packet out[LB_BURST];
	unsigned int held = 0;
	struct offline o;
	client_start(&o, world);
	for (uint16_t id = 1; id <= 30; id++)
		for (unsigned int n = 0; n < 100; n++)
			held += send_piece(&o, V4, id, 1 + n % 40).verdict == LB_HOLD;
	assert_int_equal(held, HELD_PACKETS);
	assert_int_equal(lb_held(&o.lb), HELD_PACKETS);
	client_now_ns += HELD_NS;
	while (held > 0)
		held -= release(&o, out, LB_BURST);
	assert_int_equal(lb_held(&o.lb), 0);
	/* And once more, with what was given back. */
	for (unsigned int n = 0; n < 100; n++)
		held += send_piece(&o, V4, 1, 1 + n % 40).verdict == LB_HOLD;
	assert_int_equal(held, HELD_OF_ONE);
	offline_close(&o);
}

static void test_long_packets_are_not_held(void **state)
{
	struct recipe r = {.from = "198.51.100.7", .to = "203.0.113.10", .protocol = IPPROTO_UDP};
	struct frame f;
	struct offline o;
	client_start(&o, world);
	r.ipv4_fragment = 0x2010;
	r.payload = 2000;
	packet_build(&r, &f);
	struct lb_packet p = client_send(&o, &f);
	expect_dropped(&p, REASON_FRAGMENT_UNMATCHED);
	offline_close(&o);
}

/* A full table costs the later fragments of new datagrams, and nothing else. */
static void test_table_is_full(void **state)
{
	struct lb_packet out[LB_BURST];
	unsigned int forwarded = 0;
	struct offline o;
	client_start(&o, world);
	for (uint32_t id = 1; id <= 4 * FRAGMENTS_DATAGRAMS; id++) {
		assert_int_equal(send_piece(&o, V4, id, 0).verdict, LB_TRANSMIT);
		forwarded += send_piece(&o, V4, id, 1).verdict == LB_TRANSMIT;
	}
	assert_in_range(forwarded, FRAGMENTS_DATAGRAMS * 9 / 10, FRAGMENTS_DATAGRAMS);
	client_now_ns += FRAGMENTS_LIFETIME_NS;
	while (release(&o, out, LB_BURST))
		;
	assert_int_equal(send_piece(&o, V4, 1, 0).verdict, LB_TRANSMIT);
	assert_int_equal(send_piece(&o, V4, 1, 1).verdict, LB_TRANSMIT);
	offline_close(&o);
}

/* TCP: the first makes its flow known as a whole SYN does. */
static void test_tcp(void **state)
{
	struct recipe first = {.from = "198.51.100.7",
			       .to = "203.0.113.10",
			       .protocol = IPPROTO_TCP,
			       .to_port = 80,
			       .tcp_flags = TCP_SYN,
			       .payload = 4,
			       .ipv4_fragment = 0x2000};
	struct recipe later = first;
	struct frame f;
	struct offline o;
	later.ipv4_fragment = 3;
	client_start(&o, world);
	packet_build(&first, &f);
	assert_int_equal(client_send(&o, &f).verdict, LB_TRANSMIT);
	packet_build(&later, &f);
	assert_int_equal(client_send(&o, &f).verdict, LB_TRANSMIT);
	assert_int_equal(client_flows(&o).entries[FLOW_HANDSHAKE], 1);
	assert_int_equal(client_flow_count(&o), 1);
	offline_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_bytes_and_way_of_later_ones),
		cmocka_unit_test(test_reversed),
		cmocka_unit_test(test_interleaved),
		cmocka_unit_test(test_one_burst),
		cmocka_unit_test(test_two_workers),
		cmocka_unit_test(test_first_is_lost),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_id_is_used_again),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_lifetime),
		cmocka_unit_test(test_port_that_is_not_served),
		cmocka_unit_test(test_backends_that_are_not_there),
		cmocka_unit_test(test_held_datagrams_are_bounded),
		cmocka_unit_test(test_held_packets_are_bounded),
		cmocka_unit_test(test_long_packets_are_not_held),
		cmocka_unit_test(test_table_is_full),
		cmocka_unit_test(test_tcp),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
