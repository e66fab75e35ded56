// SPDX-License-Identifier: BSD-2-Clause
/* What the stream of a capture brings: packets, losses, statistics; how it begins and ends. */
#include "tools/weir/capture.h"

#include "tests/unit/capture_bed.h"

static void test_stream_begins_at_once(void **state)
{
	struct bed *bed = *state;
	struct client c;
	client_open(bed, &c, "");
	struct seen s = {0};
	for (int i = 0; s.interfaces < PORTS; i++) {
		assert_true(i < TURNS_MAX);
		turn(bed);
		client_read(&c);
		s = client_see(&c);
	}
	assert_non_null(strstr((char *)c.raw, "HTTP/1.1 200 "));
	assert_non_null(strstr((char *)c.raw, "Content-Type: application/x-pcapng\r\n"));
	client_close(&c);
	await_captures(bed, 0);
}

static void test_packet_says_what_is_known(void **state)
{
	struct bed *bed = *state;
	struct client c;
	registry_assign(bed->daemon.services, "dns");
	int64_t web = registry_assign(bed->daemon.services, "web");
	int64_t b1 = registry_assign(bed->daemon.backends, "web/b1");
	client_open(bed, &c, "");
	await_captures(bed, 1);
	uint64_t before_ns = clock_ns(CLOCK_REALTIME);
	struct tap_record *r = drop(REASON_NO_NEXT_HOP, 80, 60);
	r->service = (uint32_t)web;
	r->backend = (uint32_t)b1;
	r->rule = (uint32_t)registry_assign(bed->daemon.rules, "no-blocked");
	r->source = TAP_WORKER;
	r->worker = 3;
	r->port = 1;
	struct seen s = await_packets(bed, &c, 1);
	assert_string_equal(
		s.comment,
		"reason=no-next-hop rule=no-blocked service=web backend=b1 source=worker "
		"worker=3: the backend's link address is not known (yet)");
	assert_int_equal(s.last.interface, 1);
	assert_int_equal(s.last.captured, 60);
	assert_int_equal(s.last.length, 60);
	assert_true(s.last.time_ns + 1000000 >= before_ns);
	assert_true(s.last.time_ns <= clock_ns(CLOCK_REALTIME) + 1000000);
	drop(REASON_TRUNCATED, 80, 60)->source = TAP_XDP;
	s = await_packets(bed, &c, 2);
	assert_string_equal(s.comment,
			    "reason=truncated source=xdp: the frame ends inside a header");
	client_close(&c);
}

static void test_each_client_gets_what_it_asked_for(void **state)
{
	struct bed *bed = *state;
	struct client reason, two, filter, all;
	client_open(bed, &reason, "?reason=no-backend");
	client_open(bed, &two, "?reason=no-backend&reason=truncated");
	client_open(bed, &filter, "?filter=udp%20port%2053&reason=tx-full");
	client_open(bed, &all, "?filter=udp%20and%20dst%20host%20203.0.113.10");
	await_captures(bed, 4);
	drop(REASON_NO_BACKEND, 80, 60);
	drop(REASON_TRUNCATED, 80, 60);
	drop(REASON_TX_FULL, 53, 61);
	drop(REASON_TX_FULL, 54, 62);
	struct seen s = await_packets(bed, &all, 4);
	assert_int_equal(s.packets, 4);
	s = await_packets(bed, &reason, 1);
	assert_int_equal(s.packets, 1);
	s = await_packets(bed, &two, 2);
	assert_int_equal(s.packets, 2);
	s = await_packets(bed, &filter, 1);
	assert_int_equal(s.packets, 1);
	assert_int_equal(s.last.captured, 61);
	client_close(&reason);
	client_close(&two);
	client_close(&filter);
	client_close(&all);
}

static void test_snaplen_cuts(void **state)
{
	struct bed *bed = *state;
	struct client c;
	client_open(bed, &c, "?snaplen=40&filter=len%20%3e%20100");
	await_captures(bed, 1);
	drop(REASON_NO_BACKEND, 80, 60);
	drop(REASON_NO_BACKEND, 80, 1500);
	struct seen s = await_packets(bed, &c, 1);
	assert_int_equal(s.packets, 1);
	assert_int_equal(s.last.captured, 40);
	assert_int_equal(s.last.length, 1500);
	client_close(&c);
}

static void test_count_ends_the_stream(void **state)
{
	struct bed *bed = *state;
	struct client c;
	fake_engine.counters[1].rx_packets = 1000;
	client_open(bed, &c, "?count=3");
	await_captures(bed, 1);
	fake_engine.counters[1].rx_packets = 1010;
	for (int i = 0; i < 5; i++)
		drop(REASON_NO_BACKEND, 80, 60)->port = 1;
	struct seen s = await_end(bed, &c);
	assert_int_equal(s.packets, 3);
	assert_int_equal(s.statistics, PORTS);
	assert_int_equal(s.stat[0].received, 0);
	assert_int_equal(s.stat[0].delivered, 0);
	assert_int_equal(s.stat[1].received, 10);
	assert_int_equal(s.stat[1].delivered, 3);
	assert_int_equal(s.stat[1].dropped, 0);
	assert_memory_equal(c.raw + c.length - 5, "0\r\n\r\n", 5);
	assert_int_equal(captures_count(bed->daemon.captures), 0);
	assert_int_equal(fake_engine.armed, 0);
	client_close(&c);
}

static void test_duration_ends_the_stream(void **state)
{
	struct bed *bed = *state;
	struct client c;
	client_open(bed, &c, "?duration=1");
	await_captures(bed, 1);
	drop(REASON_NO_BACKEND, 80, 60);
	struct seen s = await_end(bed, &c);
	assert_int_equal(s.packets, 1);
	assert_int_equal(s.statistics, PORTS);
	client_close(&c);
}

/* A client that does not read loses packets, and every one of them is accounted for. */
static void test_slow_client_is_told_its_losses(void **state)
{
	struct bed *bed = *state;
	struct client c;
	uint32_t sent = 0;
	client_open(bed, &c, "?duration=2");
	await_captures(bed, 1);
	for (int i = 0; i < 70; i++) {
		for (int n = 0; n < 100; n++, sent++)
			drop(REASON_NO_BACKEND, 80, 1500);
		while (fake_engine.count)
			turn(bed);
	}
	client_read(&c);
	idle(bed);
	client_read(&c);
	drop(REASON_NO_BACKEND, 80, 60);
	sent++;
	struct seen s = await_end(bed, &c);
	assert_true(s.packets < sent);
	assert_true(s.reported > 0);
	assert_int_equal(s.packets + s.reported, sent);
	assert_int_equal(s.stat[0].dropped, s.reported);
	assert_int_equal(s.stat[0].delivered, s.packets);
	client_close(&c);
}

static void test_full_taps_are_reported(void **state)
{
	struct bed *bed = *state;
	struct client c;
	fake_engine.lost = 100; /* before the capture: not its loss */
	client_open(bed, &c, "?count=3");
	await_captures(bed, 1);
	drop(REASON_NO_BACKEND, 80, 60);
	await_packets(bed, &c, 1);
	fake_engine.lost = 107;
	idle(bed);
	drop(REASON_NO_BACKEND, 80, 60);
	struct seen s = await_packets(bed, &c, 2);
	assert_int_equal(s.last.dropped, 7);
	drop(REASON_NO_BACKEND, 80, 60);
	s = await_end(bed, &c);
	assert_int_equal(s.last.dropped, 0);
	assert_int_equal(s.stat[0].dropped, 7);
	client_close(&c);
}

/* What was dropped when no packet was left of it: lost for who wants all, nobody's for others. */
static void test_unseen_drops_are_lost(void **state)
{
	struct bed *bed = *state;
	struct client all, other, filtered;
	fake_engine.unseen = 40;
	client_open(bed, &all, "?duration=1");
	client_open(bed, &other, "?duration=1&reason=no-backend");
	client_open(bed, &filtered, "?duration=1&service=web");
	await_captures(bed, 2);
	drop(REASON_NO_BACKEND, 80, 60);
	await_packets(bed, &all, 1);
	fake_engine.unseen = 45;
	struct seen s = await_end(bed, &all);
	assert_int_equal(s.stat[0].dropped, 5);
	assert_int_equal(s.stat[0].delivered, 1);
	assert_int_equal(s.stat[1].dropped, 0);
	s = await_end(bed, &other);
	assert_int_equal(s.stat[0].dropped, 0);
	client_close(&all);
	client_close(&other);
	client_close(&filtered);
}

/* A capture of nothing but interfaces ends with the last of them, and says which are gone. */
static void test_interfaces_that_vanish_end_it(void **state)
{
	struct bed *bed = *state;
	struct client one, both, drops;
	client_open(bed, &one, "?rx=port1");
	client_open(bed, &both, "?rx=port0&tx=port1");
	client_open(bed, &drops, "?rx=port1&drops=1");
	await_captures(bed, 3);
	fake_engine.ports[1].there = false;
	struct seen s = await_end(bed, &one);
	assert_null(strstr(s.stat_comment[0], "gone=1"));
	assert_non_null(strstr(s.stat_comment[1], "gone=1"));
	idle(bed);
	assert_int_equal(captures_count(bed->daemon.captures), 2);
	fake_engine.ports[0].there = false;
	s = await_end(bed, &both);
	assert_non_null(strstr(s.stat_comment[0], "gone=1"));
	idle(bed);
	assert_int_equal(captures_count(bed->daemon.captures), 1);
	client_close(&one);
	client_close(&both);
	client_close(&drops);
	await_captures(bed, 0);
}

static void test_old_records_are_left_out(void **state)
{
	struct bed *bed = *state;
	struct client c;
	drop(REASON_NO_BACKEND, 80, 60);
	drop(REASON_NO_BACKEND, 80, 60);
	client_open(bed, &c, "");
	await_captures(bed, 1);
	drop(REASON_TX_FULL, 80, 77);
	struct seen s = await_packets(bed, &c, 1);
	assert_int_equal(s.packets, 1);
	assert_int_equal(s.last.length, 77);
	client_close(&c);
}

static void test_records_from_nowhere_are_left_out(void **state)
{
	struct bed *bed = *state;
	struct client c;
	client_open(bed, &c, "");
	await_captures(bed, 1);
	drop(REASON_NO_BACKEND, 80, 60)->port = PORTS;
	drop(REASON_NO_BACKEND, 80, 60)->reason = 200;
	drop(REASON_NO_BACKEND, 80, 77);
	struct seen s = await_packets(bed, &c, 1);
	assert_int_equal(s.packets, 1);
	assert_int_equal(s.last.length, 77);
	client_close(&c);
}

/* The daemon ends: clients get the end of their streams, or are gone already. */
static void test_captures_end_with_the_daemon(void **state)
{
	struct bed *bed = *state;
	struct client read, unread, gone;
	client_open(bed, &read, "");
	client_open(bed, &unread, "?filter=tcp");
	client_open(bed, &gone, "");
	await_captures(bed, 3);
	drop(REASON_NO_BACKEND, 80, 60);
	await_packets(bed, &read, 1);
	client_close(&gone);
	captures_free(bed->daemon.captures);
	bed->daemon.captures = NULL;
	assert_int_equal(fake_engine.armed, 0);
	struct seen s = await_end(bed, &read);
	assert_int_equal(s.statistics, PORTS);
	client_close(&read);
	client_close(&unread);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bed_test(test_stream_begins_at_once),
		bed_test(test_packet_says_what_is_known),
		bed_test(test_each_client_gets_what_it_asked_for),
		bed_test(test_snaplen_cuts),
		bed_test(test_count_ends_the_stream),
		bed_test(test_duration_ends_the_stream),
		bed_test(test_slow_client_is_told_its_losses),
		bed_test(test_full_taps_are_reported),
		bed_test(test_unseen_drops_are_lost),
		bed_test(test_interfaces_that_vanish_end_it),
		bed_test(test_old_records_are_left_out),
		bed_test(test_records_from_nowhere_are_left_out),
		bed_test(test_captures_end_with_the_daemon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
