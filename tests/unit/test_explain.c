// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is explained is what happens: 10,000 packets made at random are explained and then decided
 * about, in a flow table that fills, among backends that come and go, and by one random policy
 * after the other, with limits that are reached; and explaining changes nothing. WEIR_SEED takes
 * the place of the seed, which is printed.
 */
#include "lb/explain.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/packet.h"
#include "lb/snapshot.h"
#include "tests/unit/dice.h"
#include "tests/unit/fixture.h"
#include "tests/unit/nat_talk.h"
#include "tests/unit/packet_build.h"
#include "tests/unit/packet_random.h"
#include "tests/unit/packet_table.h"
#include "tests/unit/policy_naive.h"
#include "tools/weir/offline.h"

#define PACKETS 30000
#define EACH    250 /* packets by one policy */
#define RULES   12
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

/* Random rules, and behind them a limit that packets which come every 10 ms do reach. */
static void open_policy(struct dice *d)
{
	static const char limit[] =
		"    - {name: tight, to: any, limit: {per: source, rate: 3/s, burst: 2}}\n";
	static char yaml[65536];
	snprintf(yaml, sizeof(yaml), "%s", packet_table_yaml);
	naive_policy(d, yaml, sizeof(yaml) - sizeof(limit), RULES);
	if (!strstr(yaml, "rules: []"))
		strcat(yaml, limit);
	fixture_reload(&balancer, yaml);
}

static uint64_t counted(void)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < ABI_MAX_RULES; i++)
		sum += balancer.policing.traffic[i].packets;
	return sum;
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

static void explain_now(const struct frame *f, uint64_t now_ns, struct explanation *x)
{
	const struct explain_basis basis = {
		balancer.snapshot,
		&balancer.flows,
		{balancer.policing.meters, balancer.policing.meter_mask,
		 balancer.policing.half_open},
	};
	explain_packet(explain, &basis, f->bytes, f->length, 0, now_ns, x);
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
	unsigned int known = 0, compared = 0, denied = 0, limited = 0, early = 0;
	print_message("# WEIR_SEED=%#llx\n", (unsigned long long)dice.random);
	for (int i = 0; i < PACKETS; i++) {
		struct frame f, out;
		if (i % EACH == 0)
			open_policy(&dice);
		packet_random(&dice, &f);
		if (dice_once_in(&dice, 4))
			packet_mutate(&dice, &f);
		if (dice_once_in(&dice, 500))
			change_something(&dice);
		/* The balancer's clock is a second ahead of what it is told. */
		uint64_t now_ns = i * 10 * MS, its_ns = now_ns + 1000 * MS;
		if (f.length > EXPLAIN_FRAME)
			continue;
		explain_now(&f, its_ns, &x);
		uint64_t rules = counted();
		struct lb_packet did = packet_judge(&balancer, &f, now_ns, &out);
		assert_int_equal(x.trace.policing.count, counted() - rules);
		/* What was known of its datagram is not asked about. */
		if (x.trace.parsed.fragment)
			continue;
		known += x.trace.entry == LB_ENTRY_STANDS;
		compared++;
		denied += did.reason == REASON_POLICY_DENIED;
		limited += did.reason == REASON_RATE_LIMITED;
		early += x.trace.policing.by_source;
		expect_same(&x.packet, &did, &out);
	}
	assert_true(known > 50);
	assert_true(compared >= 10000);
	assert_true(denied > 100 && limited > 100 && early > 10);
	print_message("# %u packets, %u of known flows; %u denied, %u of them for their source, "
		      "%u limited\n",
		      compared, known, denied, early, limited);
}

static void test_nothing_changes(void **state)
{
	static struct explanation x;
	struct dice dice = {.random = 1};
	int32_t *connections = calloc(ABI_MAX_BACKENDS, sizeof(*connections));
	assert_non_null(connections);
	flow_table_count(&balancer.flows, connections);
	uint64_t before = table_sum(), rx = balancer.counters->rx_packets, rules = counted();
	for (int i = 0; i < 1000; i++) {
		struct frame f;
		packet_random(&dice, &f);
		if (f.length <= EXPLAIN_FRAME)
			explain_now(&f, balancer.now_ns + i * 1000 * MS, &x);
	}
	assert_int_equal(table_sum(), before);
	assert_int_equal(balancer.counters->rx_packets, rx);
	assert_int_equal(counted(), rules);
	balancer.flows.connections = NULL;
	free(connections);
}

/*
 * The copy has room for few buckets: that of a connection and that of its answers may be one in it
 * where they are two in the table. What is said of both directions stays right.
 */
static void test_both_flows_in_one_bucket(void **state)
{
	static struct explanation x;
	const struct nat_talk *t = &nat_talks[1];
	const uint64_t mask = 1023; /* of the copy's buckets */
	unsigned int shared = 0;
	for (int i = 0; i < 4000; i++) {
		if (i % (NAT_TALK_PORTS - 10) == 0) {
			offline_close(&balancer);
			fixture_open(&balancer, nat_talk_yaml);
		}
		struct recipe first = nat_talk_from_client(t, 0, 20), next;
		struct frame f, out;
		first.from_port = next.from_port = 1024 + i;
		struct lb_packet p = nat_talk_send(&balancer, &first, &out);
		assert_int_equal(p.verdict, LB_TRANSMIT);
		uint16_t port = bpf_ntohs(*(const uint16_t *)(out.bytes + 34));
		next = nat_talk_from_backend(t, port, 0, 20);
		struct packet a = {}, b = {};
		packet_build(&first, &f);
		parse_packet(f.bytes, f.bytes + f.length, &a);
		uint64_t ahead = flow_hash(&a.key, &balancer.flows.seed);
		struct frame back;
		packet_build(&next, &back);
		parse_packet(back.bytes, back.bytes + back.length, &b);
		uint64_t answers = flow_hash(&b.key, &balancer.flows.seed);
		if ((ahead ^ answers) & mask || !((ahead ^ answers) & balancer.flows.mask))
			continue;
		shared++;
		explain_now(&f, nat_talk_now_ns + MS, &x);
		assert_int_equal(x.trace.entry, LB_ENTRY_STANDS);
		struct lb_packet did = packet_judge(&balancer, &f, nat_talk_now_ns + MS, &out);
		expect_same(&x.packet, &did, &out);
		explain_now(&back, nat_talk_now_ns + MS, &x);
		assert_int_equal(x.trace.entry, LB_ENTRY_STANDS);
		did = packet_judge(&balancer, &back, nat_talk_now_ns + MS, &out);
		expect_same(&x.packet, &did, &out);
	}
	assert_true(shared > 0);
	print_message("# %u connections with both flows in one bucket of the copy\n", shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_explained_happens),
		cmocka_unit_test(test_nothing_changes),
		cmocka_unit_test(test_both_flows_in_one_bucket),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
