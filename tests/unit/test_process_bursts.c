// SPDX-License-Identifier: BSD-2-Clause
/* A burst is what its packets are one by one, whatever its size. */
#include "lb/process.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/clients.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_table.h"
#include "tools/weir/offline.h"

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
			client_build(&frames[i], OTHER, r >> 8 & 7, IPPROTO_UDP, 0);
		else
			client_build(&frames[i], OTHER, r >> 8 & 15, IPPROTO_TCP,
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
		offline_process(o, packets + i, i + size <= STREAM ? size : STREAM - i,
				client_now_ns);
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
	client_start(&o, client_world);
	run_stream(&o, first, single, 1);
	for (unsigned int size = 2; size <= LB_BURST; size++) {
		struct frame *frames = build_stream();
		struct offline other;
		client_start(&other, client_world);
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
	client_start(&o, client_world);
	offline_process(&o, NULL, 0, client_now_ns);
	assert_int_equal(o.counters->rx_packets, 0);
	offline_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bursts_of_every_size),
		cmocka_unit_test(test_empty_burst),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
