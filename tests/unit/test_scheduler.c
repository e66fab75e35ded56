// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who gets new flows: slow start, backups, least connections, and connections from before a change
 * of the backends.
 */
#include "lb/scheduler.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lb/registry.h"
#include "lb/snapshot.h"
#include "tests/unit/clients.h"
#include "tests/unit/fixture.h"
#include "tools/weir/offline.h"

#define SECOND 1000000000ull
#define FLOWS  20000u

static struct flow_key key_of(uint32_t n)
{
	return (struct flow_key){
		.source = {{0, 0, htonl(0xffff), htonl(0xc6330000 + n)}},
		.destination = {{0, 0, htonl(0xffff), htonl(0xcb00710a)}},
		.source_port = htons(1024 + n % 50000),
		.destination_port = htons(80),
		.protocol = IPPROTO_TCP,
	};
}

static const struct service *web(const struct offline *o)
{
	return &o->snapshot->services[registry_find(o->services, "web")];
}

/* Of FLOWS new flows at a time, where each goes. */
static void pick_all(const struct offline *o, uint64_t now_ns, uint32_t backends[FLOWS])
{
	for (uint32_t n = 0; n < FLOWS; n++) {
		struct flow_key key = key_of(n);
		backends[n] = scheduler_pick(o->snapshot, web(o), &key, o->connections, now_ns);
	}
}

static uint32_t count_of(const uint32_t backends[FLOWS], uint32_t backend)
{
	uint32_t count = 0;
	for (uint32_t n = 0; n < FLOWS; n++)
		count += backends[n] == backend;
	return count;
}

/* --- slow start ------------------------------------------------------------------------------ */

#define SLOW "    slow_start: 10s\n    backends:\n"
#define SLOW_WORLD(extra)                                                                      \
	CLIENT_HEAD "  - name: web\n    address: 203.0.113.10\n    protocol: tcp\n    ports: " \
		    "80\n" SLOW CLIENT_B1 CLIENT_B2 CLIENT_B3 extra

/* A backend that comes back: its share grows as time goes, and nobody else's flow moves. */
static void test_slow_start_ramps(void **state)
{
	static uint32_t full[FLOWS], now[FLOWS], before[FLOWS];
	struct backend_control controls[16] = {{0}};
	struct offline o;
	client_start(&o, SLOW_WORLD(CLIENT_B4));
	uint32_t b4 = fixture_backend(&o, "web/b4");
	pick_all(&o, 0, full);
	o.controls = controls;
	controls[b4].failed = 1;
	fixture_publish(&o);
	pick_all(&o, 0, before);
	assert_int_equal(count_of(before, b4), 0);
	controls[b4].failed = 0;
	o.now_ns = 1000 * SECOND;
	fixture_publish(&o);
	uint32_t share = count_of(full, b4);
	for (int tenth = 0; tenth <= 11; tenth++) {
		pick_all(&o, (1000 + tenth) * SECOND, now);
		uint32_t got = count_of(now, b4), wanted = share * (tenth < 10 ? tenth : 10) / 10;
		assert_in_range(got, wanted > 200 ? wanted - 200 : 0, wanted + 200);
		for (uint32_t n = 0; n < FLOWS; n++) {
			/* Whose the flow is anyway, or who takes it while the new one doesn't. */
			if (full[n] != b4)
				assert_int_equal(now[n], full[n]);
			if (before[n] == b4)
				assert_int_equal(now[n], b4);
		}
		memcpy(before, now, sizeof(before));
	}
	assert_memory_equal(now, full, sizeof(now));
	offline_close(&o);
}

static void test_who_starts_slowly(void **state)
{
	static uint32_t now[FLOWS];
	struct backend_control controls[16] = {{0}};
	struct offline o;
	/* At the start all have served for ever. */
	client_start(&o, SLOW_WORLD(""));
	assert_int_equal(web(&o)->ramp_until_ns, 0);
	/* One that is added begins. */
	o.now_ns = 500 * SECOND;
	fixture_reload(&o, SLOW_WORLD(CLIENT_B4));
	uint32_t b4 = fixture_backend(&o, "web/b4");
	assert_int_equal(web(&o)->ramp_until_ns, 510 * SECOND);
	pick_all(&o, 500 * SECOND, now);
	assert_int_equal(count_of(now, b4), 0);
	/* Another publication does not begin it anew, nor does draining. */
	o.controls = controls;
	o.now_ns = 505 * SECOND;
	fixture_publish(&o);
	assert_int_equal(web(&o)->ramp_until_ns, 510 * SECOND);
	controls[b4].force = FORCE_DRAIN;
	fixture_publish(&o);
	controls[b4].force = FORCE_NONE;
	fixture_publish(&o);
	assert_int_equal(web(&o)->ramp_until_ns, 510 * SECOND);
	/* When all begin at once, they share as ever. */
	for (int failed = 1; failed >= 0; failed--) {
		for (int id = 0; id < 16; id++)
			controls[id].failed = failed;
		o.now_ns = 600 * SECOND;
		fixture_publish(&o);
	}
	pick_all(&o, 600 * SECOND, now);
	for (int b = 1; b <= 4; b++) {
		char name[] = "web/b0";
		name[5] = '0' + b;
		assert_in_range(count_of(now, fixture_backend(&o, name)), FLOWS / 4 - 400,
				FLOWS / 4 + 400);
	}
	offline_close(&o);
}

/* --- backups --------------------------------------------------------------------------------- */

static void test_backups(void **state)
{
	static uint32_t now[FLOWS];
	struct backend_control controls[16] = {{0}};
	struct offline o;
	client_start(&o, CLIENT_HEAD
		     "  - name: web\n    address: 203.0.113.10\n    protocol: tcp\n    ports: 80\n"
		     "    min_up: 2\n    backends:\n" CLIENT_B1 CLIENT_B2
		     "      - {name: b3, address: 10.0.0.3, backup: true}\n");
	uint32_t b1 = fixture_backend(&o, "web/b1"), b2 = fixture_backend(&o, "web/b2");
	uint32_t b3 = fixture_backend(&o, "web/b3");
	o.controls = controls;
	assert_int_equal(web(&o)->up_count, 2);
	pick_all(&o, 0, now);
	assert_int_equal(count_of(now, b3), 0);
	/* Its slots are shared out, not quite evenly: the next slot is no random one. */
	assert_in_range(count_of(now, b1), FLOWS / 2 - 1000, FLOWS / 2 + 1000);
	const struct maglev *table = web(&o)->maglev;
	controls[b2].failed = 1;
	fixture_publish(&o);
	pick_all(&o, 0, now);
	assert_int_equal(count_of(now, b2), 0);
	assert_in_range(count_of(now, b3), FLOWS / 2 - 1000, FLOWS / 2 + 1000);
	assert_ptr_equal(web(&o)->maglev, table);
	/* Their flows stay when the others are back. */
	uint32_t n = 0;
	while (client_tcp_backend(&o, OLD, n, TCP_SYN) != b3)
		n++;
	controls[b2].failed = 0;
	fixture_publish(&o);
	assert_int_equal(client_tcp_backend(&o, OLD, n, TCP_ACK), b3);
	assert_int_not_equal(client_tcp_backend(&o, NEW, n, TCP_SYN), b3);
	offline_close(&o);
}

/* --- a changed set of backends ------------------------------------------------------------------
 */

#define SMALL            "flow_table: {entries: 16384}\n"
#define WEB_OF(backends) SMALL CLIENT_HEAD CLIENT_WEB backends

/*
 * Connections that this node has not seen begin, while the backends change: those that began by the
 * table before keep their backend, and are remembered from then on.
 */
static void test_strays_go_by_the_table_before(void **state)
{
	uint32_t moved = 0;
	struct offline here, there;
	client_start(&there, WEB_OF(CLIENT_B1 CLIENT_B2 CLIENT_B3));
	client_start(&here, WEB_OF(CLIENT_B1 CLIENT_B2 CLIENT_B3));
	here.now_ns = client_now_ns;
	fixture_reload(&here, WEB_OF(CLIENT_B1 CLIENT_B2 CLIENT_B3 CLIENT_B4));
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++) {
		const char *was =
			registry_name(there.backends, client_tcp_backend(&there, OLD, n, TCP_SYN));
		uint64_t known = client_flow_count(&here);
		const char *is =
			registry_name(here.backends, client_tcp_backend(&here, OLD, n, TCP_ACK));
		assert_string_equal(was, is);
		/* A new one goes by the new table, and may go elsewhere. */
		uint32_t fresh = client_tcp_backend(&here, NEW, n, TCP_SYN);
		(void)fresh;
		bool adopted = client_flow_count(&here) == known + 2;
		moved += adopted;
	}
	/* About a quarter of the slots is the new one's. */
	assert_in_range(moved, CLIENT_FLOWS / 5, CLIENT_FLOWS / 3);
	/* Adopted ones stay when the table before is gone; others would go by the new one. */
	client_now_ns += 3599 * SECOND;
	here.now_ns = client_now_ns;
	fixture_publish(&here);
	assert_non_null(web(&here)->before);
	client_now_ns += 2 * SECOND;
	here.now_ns = client_now_ns;
	fixture_publish(&here);
	assert_null(web(&here)->before);
	assert_int_equal(here.snapshot->stale_ns, UINT64_MAX);
	offline_close(&here);
	offline_close(&there);
}

static void test_strays_of_a_lost_backend(void **state)
{
	struct offline o;
	client_start(&o, WEB_OF(CLIENT_B1 CLIENT_B2 CLIENT_B3));
	uint32_t b3 = fixture_backend(&o, "web/b3");
	o.now_ns = client_now_ns;
	fixture_reload(&o, WEB_OF(CLIENT_B1 CLIENT_B2 CLIENT_B4));
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++)
		assert_int_not_equal(client_tcp_backend(&o, OLD, n, TCP_ACK), b3);
	/* Errors and resets open nothing. */
	uint64_t known = client_flow_count(&o);
	for (uint32_t n = 0; n < CLIENT_FLOWS; n++)
		client_tcp_backend(&o, OTHER, n, TCP_RST | TCP_ACK);
	assert_int_equal(client_flow_count(&o), known);
	offline_close(&o);
}

#define CLIENT_B3_DRAINS "      - {name: b3, address: 10.0.0.3, state: drain}\n"

/*
 * Connections of a backend that drains come to a node that has not seen them begin: they stay with
 * it, and are remembered; new ones do not go there. Also while a table before is kept.
 */
static void test_strays_of_a_draining_backend(void **state)
{
	for (int reloads = 1; reloads <= 2; reloads++) {
		uint32_t moved = 0;
		struct offline here, there;
		client_start(&there, WEB_OF(CLIENT_B1 CLIENT_B2 CLIENT_B3));
		client_start(&here, WEB_OF(CLIENT_B1 CLIENT_B2 CLIENT_B3));
		here.now_ns = client_now_ns;
		if (reloads == 2)
			fixture_reload(&here, WEB_OF(CLIENT_B1 CLIENT_B2 CLIENT_B3 CLIENT_B4));
		fixture_reload(&here,
			       reloads == 2 ? WEB_OF(CLIENT_B1 CLIENT_B2 CLIENT_B3_DRAINS CLIENT_B4)
					    : WEB_OF(CLIENT_B1 CLIENT_B2 CLIENT_B3_DRAINS));
		uint32_t b3 = fixture_backend(&here, "web/b3");
		for (uint32_t n = 0; n < CLIENT_FLOWS; n++) {
			const char *was = registry_name(
				there.backends, client_tcp_backend(&there, OLD, n, TCP_SYN));
			uint32_t is = client_tcp_backend(&here, OLD, n, TCP_ACK);
			assert_string_equal(was, registry_name(here.backends, is));
			assert_int_equal(client_tcp_backend(&here, OLD, n, TCP_ACK), is);
			moved += is == b3;
			assert_int_not_equal(client_tcp_backend(&here, NEW, n, TCP_SYN), b3);
		}
		assert_in_range(moved, CLIENT_FLOWS / 4, CLIENT_FLOWS / 2);
		offline_close(&here);
		offline_close(&there);
	}
}

/* --- least connections ---------------------------------------------------------------------------
 */

#define LEAST(backends)                                                                            \
	CLIENT_HEAD "  - name: web\n    address: 203.0.113.10\n    protocol: tcp\n    ports: 80\n" \
		    "    scheduler: least-connections\n    backends:\n" backends

/* Counts by a look at all entries. */
static void expect_counts(const struct offline *o)
{
	static int32_t naive[ABI_MAX_BACKENDS];
	memset(naive, 0, sizeof(naive));
	for (uint64_t at = 0; at <= o->flows.mask; at++)
		for (int i = 0; i < FLOW_BUCKET_ENTRIES; i++) {
			const struct flow_bucket *b = &o->flows.buckets[at];
			if (b->tag[i] > FLOW_TAG_BACKEND &&
			    (b->meta[i] & FLOW_META_STATE) != FLOW_CLOSING)
				naive[b->tag[i] & FLOW_TAG_BACKEND]++;
		}
	assert_memory_equal(naive, o->connections, sizeof(naive));
}

static void test_least_connections_even_out(void **state)
{
	struct offline o;
	client_start(&o, SMALL LEAST(CLIENT_B1 CLIENT_B2 CLIENT_B3
				     "      - {name: b4, address: 10.0.0.4, weight: 300}\n"));
	uint32_t b1 = fixture_backend(&o, "web/b1"), b4 = fixture_backend(&o, "web/b4");
	for (uint32_t n = 0; n < 6000; n++) {
		client_tcp_backend(&o, OLD, n, TCP_SYN);
		client_tcp_backend(&o, OLD, n, TCP_ACK);
	}
	expect_counts(&o);
	/* Maglev alone would be off by up to 5 % of 1000: chance. Two choices are off by a few. */
	assert_in_range(o.connections[b1], 990, 1010);
	assert_in_range(o.connections[b4], 2985, 3015);
	/* Those of b1 end: the next go there. */
	uint32_t ended = 0;
	for (uint32_t n = 0; n < 6000; n++)
		if (client_tcp_backend(&o, OLD, n, TCP_ACK) == b1 && ended < 500) {
			client_tcp_backend(&o, OLD, n, TCP_FIN | TCP_ACK);
			client_tcp_backend(&o, OLD, n, TCP_FIN | TCP_ACK);
			ended++;
		}
	expect_counts(&o);
	assert_in_range(o.connections[b1], 490, 510);
	uint32_t to_b1 = 0;
	for (uint32_t n = 0; n < 1000; n++)
		to_b1 += client_tcp_backend(&o, NEW, n, TCP_SYN) == b1;
	assert_in_range(to_b1, 250, 450);
	expect_counts(&o);
	offline_close(&o);
}

/* Whatever leaves the table is counted: by age, by its backend's end, for others' sake. */
static void test_connections_are_counted(void **state)
{
	uint64_t random = 0x2545f4914f6cdd1d;
	struct offline o;
	client_start(&o, "flow_table: {entries: 1024}\n" LEAST(CLIENT_B1 CLIENT_B2 CLIENT_B3));
	for (int round = 0; round < 40; round++) {
		for (uint32_t i = 0; i < 500; i++) {
			static const uint8_t flags[] = {TCP_SYN, TCP_ACK, TCP_FIN | TCP_ACK,
							TCP_RST};
			client_tcp(&o, OLD, fixture_random(&random) % 3000,
				   flags[fixture_random(&random) % 4]);
		}
		expect_counts(&o);
		client_now_ns += fixture_random(&random) % (20 * SECOND);
		client_set_state(&o, "b2", round % 3 ? STATE_UP : STATE_DOWN);
		if (round % 5 == 0) {
			uint64_t keep[ABI_MAX_BACKENDS / 64] = {fixture_random(&random) % 16};
			uint64_t position = 0;
			struct flow_sweep seen = {0};
			flow_table_sweep(&o.flows, &position, UINT64_MAX, keep, client_now_ns,
					 &seen);
			expect_counts(&o);
		}
	}
	offline_close(&o);
}

/* Counting that begins late begins with what is there. */
static void test_counting_begins_late(void **state)
{
	uint32_t backends[CLIENT_FLOWS];
	struct offline o;
	client_start(&o, WEB_OF(CLIENT_B1 CLIENT_B2 CLIENT_B3));
	client_connect_all(&o, backends);
	assert_null(o.connections);
	fixture_reload(&o, SMALL LEAST(CLIENT_B1 CLIENT_B2 CLIENT_B3));
	assert_non_null(o.connections);
	expect_counts(&o);
	assert_int_equal(client_count_moved(&o, backends), 0);
	expect_counts(&o);
	offline_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow_start_ramps),
		cmocka_unit_test(test_who_starts_slowly),
		cmocka_unit_test(test_backups),
		cmocka_unit_test(test_strays_go_by_the_table_before),
		cmocka_unit_test(test_strays_of_a_lost_backend),
		cmocka_unit_test(test_strays_of_a_draining_backend),
		cmocka_unit_test(test_least_connections_even_out),
		cmocka_unit_test(test_connections_are_counted),
		cmocka_unit_test(test_counting_begins_late),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
