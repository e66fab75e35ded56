// SPDX-License-Identifier: BSD-2-Clause
/*
 * Limits: what a token bucket lets through, against its rate, within 2 % over ten seconds. In lb/
 * the seconds are counted; in the XDP program they pass, and two CPUs share the flood (RSS spreads
 * what one source sends). And whom a full table of buckets forgets.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/meter.h"
#include "lb/policy.h"
#include "lb/registry.h"
#include "tests/unit/fixture.h"
#include "tests/unit/packet_build.h"
#include "tests/unit/packet_table.h"
#include "tests/unit/xdp_run.h"
#include "tools/weir/offline.h"

#define SECOND 1000000000ull
#define RUN_NS (10 * SECOND)

static char yaml[65536];

static const char *with_limit(const char *limit)
{
	snprintf(yaml, sizeof(yaml), "%spolicy: {rules: [{name: r, limit: {%s}}]}\n",
		 packet_table_yaml, limit);
	return yaml;
}

static void frame_from(const char *from, uint16_t payload, struct frame *f)
{
	const struct recipe r = {.from = from,
				 .to = "203.0.113.11",
				 .protocol = 17,
				 .from_port = 1024,
				 .to_port = 4433,
				 .payload = payload};
	packet_build(&r, f);
}

static void expect_about(double got, double wanted)
{
	print_message("#   let through %.0f, wanted %.0f\n", got, wanted);
	if (got < wanted * 0.98 || got > wanted * 1.02)
		fail_msg("%.0f is not within 2 %% of %.0f", got, wanted);
}

static const struct {
	const char *limit;
	uint16_t payload;
	uint64_t every_ns; /* a packet */
	double wanted;     /* packets in ten seconds: the rate's, and one burst */
} rows[] = {
	{"per: source, rate: 1000/s, burst: 100", 0, 100000, 10000 + 100},
	{"per: source, rate: 1000/s, burst: 1", 0, 77777, 10000 + 1},
	{"per: rule, rate: 7/s, burst: 5", 0, 1000003, 70 + 5},
	{"per: service, rate: 33k/s, burst: 10", 0, 11111, 330000 + 10},
	{"per: source, rate: 1MB/s, burst: 100kB", 958, 500000, (10000000 + 100000) / 1000.0},
	{"per: source, rate: 10MB/s, burst: 2kB", 1400, 70001, (100000000 + 2000) / 1442.0},
};

static void test_rates_in_lb(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct offline o;
		struct frame f, out;
		uint64_t passed = 0;
		fixture_open(&o, with_limit(rows[i].limit));
		frame_from("198.51.100.7", rows[i].payload, &f);
		for (uint64_t t = 0; t < RUN_NS; t += rows[i].every_ns) {
			struct lb_packet p = packet_judge(&o, &f, SECOND + t, &out);
			passed += p.reason != REASON_RATE_LIMITED;
		}
		print_message("# %s\n", rows[i].limit);
		expect_about(passed, rows[i].wanted);
		offline_close(&o);
	}
}

static uint64_t pass_of(struct offline *o, const char *from, unsigned int count)
{
	struct frame f, out;
	uint64_t passed = 0;
	frame_from(from, 0, &f);
	for (unsigned int i = 0; i < count; i++)
		passed += packet_judge(o, &f, SECOND, &out).reason != REASON_RATE_LIMITED;
	return passed;
}

static void test_whose_bucket(void **state)
{
	struct offline o;
	fixture_open(&o, with_limit("per: source, rate: 10/s, burst: 3, ipv4_prefix: 24"));
	assert_int_equal(pass_of(&o, "198.51.100.7", 2), 2);
	assert_int_equal(pass_of(&o, "198.51.100.8", 9), 1); /* the same /24 */
	assert_int_equal(pass_of(&o, "192.0.2.1", 9), 3);
	offline_close(&o);
	fixture_open(&o, with_limit("per: source, rate: 10/s, burst: 3"));
	assert_int_equal(pass_of(&o, "198.51.100.7", 9), 3);
	assert_int_equal(pass_of(&o, "198.51.100.8", 9), 3);
	offline_close(&o);
	fixture_open(&o, with_limit("per: rule, rate: 10/s, burst: 3"));
	assert_int_equal(pass_of(&o, "198.51.100.7", 2), 2);
	assert_int_equal(pass_of(&o, "192.0.2.1", 9), 1);
	offline_close(&o);
}

/* As policy_tokens() (bpf/police.h) does it. */
static __u64 *entry_of(struct meter_bucket b[2], uint64_t tag, uint64_t now)
{
	__s64 left[2];
	__u64 *found = meter_find(&b[0], tag);
	int at = meter_quietest(&b[0], now, &left[0]);
	if (found || left[0] <= 0)
		return found ? found : meter_make(&b[0], at, tag, now);
	found = meter_find(&b[1], tag);
	int there = meter_quietest(&b[1], now, &left[1]);
	if (found)
		return found;
	return left[1] < left[0] ? meter_make(&b[1], there, tag, now)
				 : meter_make(&b[0], at, tag, now);
}

/* Buckets of the table that are full forget who has been quiet for longest, and not the busy. */
static void test_the_quiet_are_forgotten(void **state)
{
	struct meter_bucket b[2] = {};
	const uint64_t now = 1000 * SECOND, cost = 10, window = 100;
	for (uint64_t tag = 1; tag <= 2 * METER_ENTRIES; tag++)
		*entry_of(b, tag, now) = now + 1000 * tag;
	for (uint64_t tag = 1; tag <= METER_ENTRIES; tag++) {
		assert_non_null(meter_find(&b[0], tag));
		assert_non_null(meter_find(&b[1], METER_ENTRIES + tag));
	}
	__u64 *busy = entry_of(b, 4, now);
	assert_int_equal(meter_take(busy, now, cost, window), 0);
	*entry_of(b, 99, now) = now + 10000;
	assert_ptr_equal(entry_of(b, 4, now), busy);
	assert_int_equal(meter_take(busy, now, cost, window), 0);
	for (int i = 0; i < METER_ENTRIES; i++)
		assert_int_not_equal(b[0].tag[i], 1);
	/* The first bucket has nobody any more who has been quiet for longer. */
	*meter_find(&b[1], 7) = now - 1;
	entry_of(b, 100, now);
	assert_null(meter_find(&b[1], 7));
	assert_non_null(meter_find(&b[1], 100));
}

/* As many sources as the policy says have a bucket each, and keep it: but for one in a thousand. */
static void test_all_tracked_sources(void **state)
{
	const unsigned int sources = 100000;
	struct offline o;
	uint64_t passed = 0;
	snprintf(yaml, sizeof(yaml),
		 "%spolicy: {tracked_sources: %u, rules: "
		 "[{name: r, limit: {per: source, rate: 1/s, burst: 3}}]}\n",
		 packet_table_yaml, sources);
	fixture_open(&o, yaml);
	for (unsigned int i = 0; i < 5 * sources; i++) {
		char from[16];
		unsigned int n = i % sources;
		snprintf(from, sizeof(from), "10.%u.%u.%u", n >> 16, n >> 8 & 255, n & 255);
		passed += pass_of(&o, from, 1);
	}
	print_message("# %llu of %u sources lost theirs\n",
		      (unsigned long long)(passed - 3 * sources) / 3, sources);
	assert_in_range(passed, 3 * sources, 3 * sources + 3 * sources / 1000);
	offline_close(&o);
}

/* --- the XDP program -------------------------------------------------------------------------- */

static struct xdp_run xdp;
static struct offline balancer;
static uint64_t end_ns;

static void *flood(void *cpu)
{
	struct frame f;
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	frame_from("198.51.100.7", 0, &f);
	while (xdp_run_now_ns() < end_ns)
		xdp_run_many(&xdp, &f, 2000);
	return NULL;
}

static uint64_t let_through(void)
{
	struct rule_traffic rules[8];
	xdp_run_rules(&xdp, rules, 8);
	const struct rule_traffic *r = &rules[registry_find(balancer.rules, "r")];
	return r->packets - r->refused;
}

/* What a thread that came late has left, at the end. */
static void use_up(void)
{
	struct frame f;
	uint64_t before;
	frame_from("198.51.100.7", 0, &f);
	do {
		before = let_through();
		xdp_run_many(&xdp, &f, 2000);
	} while (let_through() - before == 2000);
}

/*
 * The burst is as long as all of it: on a busy machine no packet may come for some time, and then
 * nothing is lost by that.
 */
static void test_rate_over_two_cpus(void **state)
{
	const double rate = 20000, burst = 200000;
	pthread_t threads[2];
	fixture_open(&balancer, with_limit("per: source, rate: 20k/s, burst: 200k"));
	const char *no_xdp = xdp_run_open(&xdp, &balancer);
	if (no_xdp) {
		print_message("# skipped: %s\n", no_xdp);
		skip();
	}
	uint64_t start_ns = xdp_run_now_ns();
	end_ns = start_ns + RUN_NS;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, flood, (void *)i), 0);
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	double least = (xdp_run_now_ns() - start_ns) / (double)SECOND;
	use_up();
	double most = (xdp_run_now_ns() - start_ns) / (double)SECOND;
	uint64_t passed = let_through();
	print_message("# let through %llu in %.2f s, of them %.0f at once\n",
		      (unsigned long long)passed, most, burst);
	assert_in_range(passed, burst + 0.98 * rate * least, burst + 1.02 * rate * most);
	xdp_run_close(&xdp);
	offline_close(&balancer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates_in_lb),
		cmocka_unit_test(test_whose_bucket),
		cmocka_unit_test(test_the_quiet_are_forgotten),
		cmocka_unit_test(test_all_tracked_sources),
		cmocka_unit_test(test_rate_over_two_cpus),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
