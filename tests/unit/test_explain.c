// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is explained is what happens: 10,000 packets made at random are explained and then decided
 * about, in a flow table that fills and among backends that come and go; and explaining changes
 * nothing. WEIR_SEED takes the place of the seed, which is printed.
 */
#include "lb/explain.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lb/snapshot.h"
#include "tests/unit/dice.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_random.h"
#include "tests/unit/packet_table.h"
#include "tools/weir/offline.h"

#define PACKETS 12000
#define MS      1000000ull

static struct offline balancer;
static struct explain *explain;

static int open_all(void **state)
{
	packet_table_open(&balancer);
	explain = explain_new();
	return explain ? 0 : -1;
}

static int close_all(void **state)
{
	explain_free(explain);
	offline_close(&balancer);
	return 0;
}

static uint64_t sum_of(const void *memory, size_t bytes, uint64_t sum)
{
	const uint64_t *words = memory;
	for (size_t i = 0; i < bytes / sizeof(*words); i++)
		sum = sum * 31 + words[i];
	return sum;
}

/* Of all that the balancer remembers. */
static uint64_t table_sum(void)
{
	const struct flow_table *t = &balancer.flows;
	uint64_t sum = sum_of(t->buckets, (t->mask + 1) * sizeof(*t->buckets), 0);
	sum = sum_of(t->translations, (t->mask + 1) * sizeof(*t->translations), sum);
	return sum_of(t->connections, ABI_MAX_BACKENDS * sizeof(*t->connections), sum);
}

static void expect_same(const struct lb_packet *would, const struct lb_packet *did,
			const struct frame *out)
{
	assert_int_equal(would->verdict, did->verdict);
	assert_int_equal(would->reason, did->reason);
	assert_int_equal(would->service, did->service);
	assert_int_equal(would->backend, did->backend);
	assert_int_equal(would->rule, did->rule);
	if (did->verdict != LB_TRANSMIT)
		return;
	assert_int_equal(would->egress, did->egress);
	assert_int_equal(would->length, out->length);
	assert_memory_equal(would->data, out->bytes, out->length);
}

static void change_something(struct dice *d)
{
	uint32_t id = dice_roll(d, balancer.snapshot->backend_end);
	balancer.next_hops[id].known = dice_roll(d, 4) != 0;
	fixture_publish(&balancer);
}

static void test_what_is_explained_happens(void **state)
{
	static struct explanation x;
	const char *seed = getenv("WEIR_SEED");
	struct dice dice = {.random = seed ? strtoull(seed, NULL, 0) : 0x6578706c61696e};
	unsigned int known = 0, compared = 0;
	print_message("# WEIR_SEED=%#llx\n", (unsigned long long)dice.random);
	for (int i = 0; i < PACKETS; i++) {
		struct frame f, out;
		packet_random(&dice, &f);
		if (dice_once_in(&dice, 4))
			packet_mutate(&dice, &f);
		if (dice_once_in(&dice, 500))
			change_something(&dice);
		/* The balancer's clock is a second ahead of what it is told. */
		uint64_t now_ns = i * 10 * MS, its_ns = now_ns + 1000 * MS;
		if (f.length > EXPLAIN_FRAME)
			continue;
		explain_packet(explain, balancer.snapshot, &balancer.flows, f.bytes, f.length, 0,
			       its_ns, &x);
		struct lb_packet did = packet_judge(&balancer, &f, now_ns, &out);
		/* What was known of its datagram is not asked about. */
		if (x.trace.parsed.fragment)
			continue;
		known += x.trace.entry == LB_ENTRY_STANDS;
		compared++;
		expect_same(&x.packet, &did, &out);
	}
	assert_true(known > 100);
	assert_true(compared >= 10000);
	print_message("# %u packets, %u of known flows\n", compared, known);
}

static void test_nothing_changes(void **state)
{
	static struct explanation x;
	struct dice dice = {.random = 1};
	int32_t *connections = calloc(ABI_MAX_BACKENDS, sizeof(*connections));
	assert_non_null(connections);
	flow_table_count(&balancer.flows, connections);
	uint64_t before = table_sum(), rx = balancer.counters->rx_packets;
	for (int i = 0; i < 1000; i++) {
		struct frame f;
		packet_random(&dice, &f);
		if (f.length <= EXPLAIN_FRAME)
			explain_packet(explain, balancer.snapshot, &balancer.flows, f.bytes,
				       f.length, 0, balancer.now_ns + i * 1000 * MS, &x);
	}
	assert_int_equal(table_sum(), before);
	assert_int_equal(balancer.counters->rx_packets, rx);
	balancer.flows.connections = NULL;
	free(connections);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_explained_happens),
		cmocka_unit_test(test_nothing_changes),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
