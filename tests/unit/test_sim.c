// SPDX-License-Identifier: BSD-2-Clause
/*
 * The parts of weir-sim: routers against naive ones, distributions against sums and against what
 * their papers say, whole scenarios against a second look at each flow by lb/ itself.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lb/err.h"
#include "lb/maglev.h"
#include "lb/snapshot.h"
#include "sim/chance.h"
#include "sim/distribution.h"
#include "sim/ecmp.h"
#include "sim/estate.h"
#include "sim/fleet.h"
#include "sim/play.h"
#include "sim/traffic.h"

#define HASHES 200000u

/* --- distributions ------------------------------------------------------------------------------
 */

static void expect_near(double found, double wanted, double part)
{
	if (fabs(found - wanted) > wanted * part)
		fail_msg("found %g, wanted %g", found, wanted);
}

/* The mean is the area over the cumulative curve: summed up in thin strips. */
static double area(const struct distribution *d)
{
	double sum = 0;
	const int strips = 2000000;
	for (int i = 0; i < strips; i++)
		sum += distribution_quantile(d, (i + 0.5) / strips);
	return sum / strips;
}

static void test_means(void **state)
{
	const struct distribution *all[] = {&distribution_sizes, &distribution_durations};
	for (int i = 0; i < 2; i++) {
		struct chance c = chance_of(7, i);
		double sum = 0;
		expect_near(distribution_mean(all[i]), area(all[i]), 0.001);
		for (int n = 0; n < 2000000; n++)
			sum += distribution_draw(all[i], &c);
		expect_near(sum / 2000000, distribution_mean(all[i]), 0.03);
	}
}

/* Of the paper: 45 % last less than 2 seconds, some 1.5 % more than 15 minutes. */
static void test_durations_published(void **state)
{
	struct chance c = chance_of(1, 2);
	unsigned int dragonflies = 0, tortoises = 0;
	for (int i = 0; i < 1000000; i++) {
		double s = distribution_draw(&distribution_durations, &c);
		dragonflies += s < 2;
		tortoises += s > 900;
	}
	expect_near(dragonflies, 450000, 0.01);
	expect_near(tortoises, 15000, 0.05);
}

/* Draws by chance, and keeps each with a chance of its size: slow, and plainly what is meant. */
static void test_met(void **state)
{
	struct chance c = chance_of(3, 4);
	for (int which = 0; which < 2; which++) {
		const struct distribution *d =
			which ? &distribution_durations : &distribution_sizes;
		double most = d->points[d->count - 1].value, sum = 0, met = 0;
		unsigned int kept = 0;
		for (int i = 0; i < 4000000; i++) {
			double x = distribution_draw(d, &c);
			if (chance_real(&c) >= x / most)
				continue;
			kept++;
			sum += x;
		}
		for (int i = 0; i < 400000; i++)
			met += distribution_draw_met(d, &c);
		expect_near(met / 400000, sum / kept, 0.03);
	}
}

/* --- routers ------------------------------------------------------------------------------------
 */

/* How many of many hashes have another next hop in `b`. */
static double moved(const struct ecmp *a, const struct ecmp *b)
{
	struct chance c = chance_of(5, 6);
	unsigned int count = 0;
	for (uint32_t i = 0; i < HASHES; i++) {
		uint32_t hash = chance_next(&c) >> 32;
		count += ecmp_pick(a, hash) != ecmp_pick(b, hash);
	}
	return (double)count / HASHES;
}

static void expect_even(const struct ecmp *e, double part)
{
	struct chance c = chance_of(8, 9);
	uint32_t at[ECMP_MAX] = {};
	for (uint32_t i = 0; i < HASHES; i++)
		at[ecmp_pick(e, chance_next(&c) >> 32)]++;
	for (uint32_t i = 0; i < e->count; i++)
		expect_near(at[e->members[i]], (double)HASHES / e->count, part);
}

/* By the text: the list of those that live, and its hash-th. */
static uint32_t naive_modulo(const bool *lives, uint32_t all, uint32_t hash)
{
	uint32_t count = 0, n;
	for (uint32_t i = 0; i < all; i++)
		count += lives[i];
	n = hash % count;
	for (uint32_t i = 0;; i++)
		if (lives[i] && !n--)
			return i;
}

/* RFC 2992, 2: regions of equal size, by going through them. */
static uint32_t naive_threshold(const bool *lives, uint32_t all, uint32_t hash)
{
	uint32_t count = 0, region = 0;
	for (uint32_t i = 0; i < all; i++)
		count += lives[i];
	for (uint32_t i = 0;; i++) {
		if (!lives[i])
			continue;
		region++;
		if ((double)hash < ldexp(region, 32) / count)
			return i;
	}
}

static void test_routers_naive(void **state)
{
	bool lives[10] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	struct ecmp modulo, threshold;
	struct chance c = chance_of(1, 1);
	assert_int_equal(ecmp_init(&modulo, ECMP_MODULO, 10), 0);
	assert_int_equal(ecmp_init(&threshold, ECMP_THRESHOLD, 10), 0);
	static const int leaves[] = {3, 0, 9, 5};
	for (int i = 0; i <= 4; i++) {
		for (int n = 0; n < 20000; n++) {
			uint32_t hash = chance_next(&c) >> 32;
			assert_int_equal(ecmp_pick(&modulo, hash), naive_modulo(lives, 10, hash));
			assert_int_equal(ecmp_pick(&threshold, hash),
					 naive_threshold(lives, 10, hash));
		}
		if (i == 4)
			break;
		lives[leaves[i]] = false;
		ecmp_remove(&modulo, leaves[i]);
		ecmp_remove(&threshold, leaves[i]);
	}
	ecmp_fini(&modulo);
	ecmp_fini(&threshold);
}

/*
 * What moves when one of `n` leaves: modulo, all but one in n (exactly those whose two remainders
 * agree, which is (n - 1) of n (n - 1) of all); threshold, by RFC 2992 (2.1), the sum of the
 * shares; resilient, its own alone.
 */
static void test_moves(void **state)
{
	static const uint32_t sizes[] = {3, 8, 64};
	for (int s = 0; s < 3; s++) {
		uint32_t n = sizes[s], k = n / 2; /* the k-th from 0 leaves */
		double shift = 0;
		for (uint32_t i = 0; i < n; i++) /* how far the border at the end of i shifts */
			shift += i < k ? (i + 1.0) / (n - 1) - (i + 1.0) / n
				       : (i + 1.0) / n - (double)i / (n - 1);
		double wanted[ECMP_KINDS] = {1 - 1.0 / n, 0, 1.0 / n};
		/* What left, and what lies between the old and the new border of the others. */
		wanted[ECMP_THRESHOLD] = shift;
		for (int kind = 0; kind < ECMP_KINDS; kind++) {
			struct ecmp before, after;
			assert_int_equal(ecmp_init(&before, kind, n), 0);
			assert_int_equal(ecmp_init(&after, kind, n), 0);
			ecmp_remove(&after, k);
			expect_near(moved(&before, &after), wanted[kind], 0.06);
			expect_even(&after, 0.15);
			ecmp_fini(&before);
			ecmp_fini(&after);
		}
	}
}

/* Buckets of others stay where they are; one that comes has its share of them. */
static void test_resilient(void **state)
{
	struct ecmp e;
	assert_int_equal(ecmp_init(&e, ECMP_RESILIENT, 7), 0);
	uint16_t *before = malloc(e.bucket_count * sizeof(*before));
	memcpy(before, e.buckets, e.bucket_count * sizeof(*before));
	ecmp_remove(&e, 2);
	for (uint32_t i = 0; i < e.bucket_count; i++) {
		assert_int_not_equal(e.buckets[i], 2);
		if (before[i] != 2)
			assert_int_equal(e.buckets[i], before[i]);
	}
	memcpy(before, e.buckets, e.bucket_count * sizeof(*before));
	ecmp_add(&e, 7);
	uint32_t held = 0;
	for (uint32_t i = 0; i < e.bucket_count; i++) {
		held += e.buckets[i] == 7;
		if (e.buckets[i] != 7)
			assert_int_equal(e.buckets[i], before[i]);
	}
	assert_int_equal(held, e.bucket_count / 7);
	free(before);
	ecmp_fini(&e);
}

/* --- scenarios ----------------------------------------------------------------------------------
 */

static const struct play_settings settings = {
	.balancers = 4, .seed = 3, .skew_s = 0.3, .batch_s = 0.05, .observe_s = 100};

struct stage {
	struct estate estate;
	struct fleet fleet;
	struct traffic traffic;
	struct snapshot *base;
	struct play *play;
};

static void set_up(struct stage *s, enum ecmp_kind kind)
{
	struct err err;
	*s = (struct stage){};
	if (estate_open(&s->estate, 2, 60, &err) ||
	    estate_snapshot(&s->estate, NULL, false, TRAFFIC_START_NS, &s->base, &err) ||
	    fleet_init(&s->fleet, settings.balancers, 20000, 3, &err))
		fail_msg("%s", err.text);
	assert_int_equal(traffic_init(&s->traffic, 20000, 2, 62, 3), 0);
	s->play = play_new(&settings, &s->estate, &s->fleet, &s->traffic, s->base);
	assert_non_null(s->play);
	if (play_populate(s->play, kind, &err))
		fail_msg("%s", err.text);
}

static void tear_down(struct stage *s)
{
	play_free(s->play);
	snapshot_free(s->base);
	traffic_fini(&s->traffic);
	fleet_fini(&s->fleet);
	estate_close(&s->estate);
}

static const struct scenario *scenario_named(const char *name)
{
	for (unsigned int i = 0; i < scenario_count; i++)
		if (!strcmp(scenarios[i].name, name))
			return &scenarios[i];
	fail_msg("no scenario %s", name);
	return NULL;
}

static void run(struct stage *s, const char *name, enum persistence p, struct result *out)
{
	struct err err;
	if (play_run(s->play, scenario_named(name), p, out, &err))
		fail_msg("%s", err.text);
}

/* Each flow has one fate, and each event's are those of the flows. */
static void expect_sums(const struct result *r, uint32_t flows)
{
	uint64_t fates = 0, broken = 0, orphans = 0;
	for (int i = 0; i < FATES; i++)
		fates += r->fates[i];
	for (unsigned int i = 0; i < SCENARIO_EVENTS; i++) {
		broken += r->events[i].broken;
		orphans += r->events[i].orphans;
	}
	assert_int_equal(fates, flows);
	assert_int_equal(broken, r->fates[FATE_BROKEN]);
	assert_int_equal(orphans, r->fates[FATE_ORPHAN]);
	assert_int_equal(r->fates[FATE_REFUSED], 0);
}

static void test_sums(void **state)
{
	for (int kind = 0; kind < ECMP_KINDS; kind++) {
		struct stage s;
		set_up(&s, kind);
		for (unsigned int i = 0; i < scenario_count; i++) {
			double last_s = scenarios[i].events[scenarios[i].count - 1].at_s;
			traffic_arrive(&s.traffic, 2, last_s + 1, 3, 50 + i);
			for (int p = 0; p < PERSISTENCES; p++) {
				struct result r, again;
				run(&s, scenarios[i].name, p, &r);
				expect_sums(&r, s.traffic.count);
				run(&s, scenarios[i].name, p, &again);
				assert_memory_equal(&r, &again, sizeof(r));
			}
		}
		tear_down(&s);
	}
}

/* With stable backends Maglev alone keeps every flow, wherever it goes. */
static void test_lost_alone(void **state)
{
	struct stage s;
	struct result r;
	set_up(&s, ECMP_MODULO);
	run(&s, "balancer lost", PERSISTENCE_PLAIN, &r);
	expect_near(r.events[0].moved, 0.75 * r.events[0].live, 0.05);
	assert_int_equal(r.fates[FATE_BROKEN], 0);
	assert_int_equal(r.fates[FATE_ORPHAN], 0);
	tear_down(&s);
}

/* The backend of a flow by a snapshot, from its Maglev table and the hash of its packet's key. */
static uint32_t backend_by(const struct snapshot *s, const struct sim_flow *f)
{
	const struct service *service = &s->services[f->service];
	const struct flow_key key = {
		.source = {{0, 0, __builtin_bswap32(0xffff), __builtin_bswap32(f->client)}},
		.destination = {{0, 0, __builtin_bswap32(0xffff),
				 __builtin_bswap32(ESTATE_VIPS + f->service)}},
		.source_port = __builtin_bswap16(f->port),
		.destination_port = __builtin_bswap16(ESTATE_PORT),
		.protocol = 6,
	};
	static const struct flow_seed seed = {{0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9,
					       0x94d049bb133111eb, 0xd6e8feb86659fd93,
					       0xa0761d6478bd642f, 0xe7037ed1a0b428db}};
	return service
		->members[service->maglev->slots[flow_hash(&key, &seed) % service->maglev->size]];
}

/*
 * One backend joins, then a balancer is lost: with Maglev alone those flows break that moved, still
 * send, and whose slot is another backend's by the new table.
 */
static void test_broken_naive(void **state)
{
	struct stage s;
	struct result r;
	struct snapshot *after;
	struct err err;
	set_up(&s, ECMP_RESILIENT);
	const struct scenario *sc = scenario_named("backend joins, balancer lost");
	run(&s, sc->name, PERSISTENCE_PLAIN, &r);

	/* The same draws, by hand. */
	struct chance c = chance_of(settings.seed, 2000 + (sc - scenarios));
	assert_int_equal(estate_add(&s.estate, &c, &err), 0);
	assert_int_equal(estate_snapshot(&s.estate, NULL, false, 0, &after, &err), 0);
	for (uint32_t i = 0; i < s.fleet.count; i++)
		chance_real(&c); /* when each takes it over */
	uint32_t lost = chance_below(&c, settings.balancers), broken = 0;
	uint64_t from_ns = TRAFFIC_START_NS + 500000000;
	for (uint32_t i = 0; i < s.traffic.population; i++) {
		const struct sim_flow *f = &s.traffic.flows[i];
		uint64_t next_ns = sim_flow_time(f, sim_flow_packet(f, from_ns));
		assert_int_equal(f->backend, backend_by(s.base, f));
		broken += f->origin == lost && next_ns < f->ends_ns &&
			  next_ns < from_ns + 100ull * 1000000000 &&
			  backend_by(after, f) != f->backend;
	}
	assert_true(broken > 0);
	assert_int_equal(r.events[1].broken, broken);
	assert_int_equal(r.events[0].broken, 0);

	run(&s, sc->name, PERSISTENCE_TABLES, &r);
	assert_int_equal(r.fates[FATE_BROKEN], 0);
	run(&s, sc->name, PERSISTENCE_SYNC, &r);
	assert_int_equal(r.fates[FATE_BROKEN], 0);
	snapshot_free(after);
	tear_down(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_means),        cmocka_unit_test(test_durations_published),
		cmocka_unit_test(test_met),          cmocka_unit_test(test_routers_naive),
		cmocka_unit_test(test_moves),        cmocka_unit_test(test_resilient),
		cmocka_unit_test(test_sums),         cmocka_unit_test(test_lost_alone),
		cmocka_unit_test(test_broken_naive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
