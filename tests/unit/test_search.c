// SPDX-License-Identifier: BSD-2-Clause
/*
 * The search for no-drop rates, over devices that are a few lines of arithmetic: what they can do
 * is known, so what is found can be told right from wrong. How loads are classified is compared
 * with a naive second implementation, which tries all ways in which trials still to come may end.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>

#include "bench/search.h"
#include "lb/err.h"

#define RUNS 100

static const struct search_goal no_loss = {
	.loss = 0, .trial_s = 1, .duration_sum = 21, .exceed = 0.5, .width = 0.005};
static const struct search_goal half_percent = {
	.loss = 0.005, .trial_s = 1, .duration_sum = 21, .exceed = 0.5, .width = 0.005};

/* --- devices ---------------------------------------------------------------------------------- */

struct device {
	double capacity; /* packets a second */
	double jitter;   /* of the capacity, from trial to trial: one standard deviation */
	double hiccups;  /* so many trials lose one packet of a hundred, whatever the load */
	uint64_t random;
	unsigned int trials;
};

/* Marsaglia, "Xorshift RNGs", 2003. */
static double draw(struct device *d)
{
	d->random ^= d->random << 13;
	d->random ^= d->random >> 7;
	d->random ^= d->random << 17;
	return (d->random >> 11) * 0x1p-53;
}

/* Box and Muller, 1958. */
static double draw_normal(struct device *d)
{
	return sqrt(-2 * log(1 - draw(d))) * cos(2 * M_PI * draw(d));
}

static int measure(void *context, struct search_trial *t, struct err *err)
{
	struct device *d = context;
	double capacity = d->capacity * (1 + d->jitter * draw_normal(d));
	double lost = draw(d) < d->hiccups ? 0.01 : 0;
	t->loss = fmax(lost, 1 - capacity / t->load);
	t->rate = t->load * (1 - t->loss);
	d->trials++;
	return 0;
}

static struct search search_of(struct device *d)
{
	return (struct search){
		.goals = {no_loss, half_percent},
		.goal_count = 2,
		.min = 1000,
		.max = 10e6,
		.measure = measure,
		.context = d,
	};
}

/* --- classification --------------------------------------------------------------------------- */

/* Whether trials that are `bad` of `count` equally long ones stay within the exceed ratio. */
static bool is_within(unsigned int bad, unsigned int count, double exceed)
{
	return bad <= exceed * count + 1e-9;
}

/* Tries each number of bad ones among the trials that the duration sum has still room for. */
static enum search_class naive_class(unsigned int good, unsigned int bad,
				     const struct search_goal *g)
{
	unsigned int whole = g->duration_sum / g->trial_s, done = good + bad;
	unsigned int left = done < whole ? whole - done : 0;
	bool some = false, all = true;
	for (unsigned int more = 0; more <= left; more++) {
		bool within = is_within(bad + more, done + left, g->exceed);
		some |= within;
		all &= within;
	}
	return all ? SEARCH_LOWER : some ? SEARCH_UNDECIDED : SEARCH_UPPER;
}

static void test_classes(void **state)
{
	static const double exceeds[] = {0.05, 0.25, 0.5, 0.75};
	struct search_trial trials[100];
	for (size_t e = 0; e < sizeof(exceeds) / sizeof(exceeds[0]); e++) {
		struct search_goal g = no_loss;
		g.exceed = exceeds[e];
		for (unsigned int good = 0; good < 45; good++) {
			for (unsigned int bad = 0; bad < 45; bad++) {
				for (unsigned int i = 0; i < good + bad; i++)
					trials[i] =
						(struct search_trial){.load = 1e6,
								      .seconds = 1,
								      .loss = i < bad ? 0.1 : 0};
				enum search_class got =
					search_classify(&g, trials, good + bad, 1e6);
				if (got != naive_class(good, bad, &g))
					fail_msg("%u good, %u bad, exceed %.2f: class %d", good,
						 bad, g.exceed, got);
			}
		}
	}
}

/* Other loads' trials say nothing, and short ones only balance each other. */
static void test_short_trials(void **state)
{
	struct search_goal g = no_loss;
	struct search_trial trials[60];
	g.trial_s = 10;
	g.duration_sum = 10;
	for (int i = 0; i < 60; i++)
		trials[i] =
			(struct search_trial){.load = 1e6, .seconds = 1, .loss = i % 2 ? 0.1 : 0};
	assert_int_equal(search_classify(&g, trials, 60, 1e6), SEARCH_UNDECIDED);
	assert_int_equal(search_classify(&g, trials, 60, 2e6), SEARCH_UNDECIDED);
	for (int i = 0; i < 60; i++)
		trials[i].loss = 0.1;
	assert_int_equal(search_classify(&g, trials, 60, 1e6), SEARCH_UPPER);
	trials[0] = (struct search_trial){.load = 1e6, .seconds = 10, .loss = 0};
	assert_int_equal(search_classify(&g, trials, 1, 1e6), SEARCH_LOWER);
}

/* --- searches --------------------------------------------------------------------------------- */

static void expect_found(const struct search *s, unsigned int goal, double wanted, uint64_t seed)
{
	const struct search_found *f = &s->found[goal];
	double width = s->goals[goal].width;
	if (!f->has_lower || !f->has_upper)
		fail_msg("seed %llu, goal %u: no bounds", (unsigned long long)seed, goal);
	assert_true((f->upper - f->lower) / f->upper <= width);
	if (fabs(f->lower - wanted) > width * wanted || fabs(f->upper - wanted) > width * wanted)
		fail_msg("seed %llu, goal %u: %.0f to %.0f, wanted %.0f", (unsigned long long)seed,
			 goal, f->lower, f->upper, wanted);
}

static void test_devices(void **state)
{
	unsigned int most = 0, all = 0;
	for (uint64_t seed = 1; seed <= RUNS; seed++) {
		struct err err = {};
		struct device d = {
			.random = seed * 0x9e3779b97f4a7c15, .jitter = 0.001, .hiccups = 0.05};
		d.capacity = exp(log(20e3) + draw(&d) * log(9e6 / 20e3));
		struct search s = search_of(&d);
		assert_int_equal(search_run(&s, &err), 0);
		expect_found(&s, 0, d.capacity, seed);
		expect_found(&s, 1, d.capacity / (1 - 0.005), seed);
		assert_int_equal(s.trial_count, d.trials);
		most = d.trials > most ? d.trials : most;
		all += d.trials;
		search_fini(&s);
	}
	print_message(
		"%d of %d devices found within their width; %u trials on average, at most %u\n",
		RUNS, RUNS, all / RUNS, most);
}

/* One that never loses is as fast as the search goes; one that always does has no lower bound. */
static void test_ends_of_the_range(void **state)
{
	struct err err = {};
	struct device fast = {.capacity = 1e9, .random = 1}, dead = {.capacity = 10, .random = 1};
	struct search s = search_of(&fast);
	assert_int_equal(search_run(&s, &err), 0);
	assert_true(s.found[0].has_lower && !s.found[0].has_upper);
	assert_true(s.found[0].lower == s.max);
	assert_true(s.found[0].throughput == s.max);
	search_fini(&s);
	s = search_of(&dead);
	assert_int_equal(search_run(&s, &err), 0);
	assert_false(s.found[0].has_lower);
	assert_true(s.found[0].upper == s.min);
	search_fini(&s);
}

/* The rate that was received at the lower bound, at the median of the loss there. */
static void test_throughput(void **state)
{
	struct err err = {};
	struct device d = {.capacity = 1e6, .random = 7};
	struct search s = search_of(&d);
	assert_int_equal(search_run(&s, &err), 0);
	assert_true(s.found[0].throughput == s.found[0].lower);
	assert_true(fabs(s.found[1].throughput - 1e6) < 5000);
	search_fini(&s);
}

static int refuse(void *context, struct search_trial *t, struct err *err)
{
	return err_set(err, EIO, "no");
}

static void test_failure(void **state)
{
	struct err err = {};
	struct search s = search_of(NULL);
	s.measure = refuse;
	assert_int_equal(search_run(&s, &err), -EIO);
	assert_string_equal(err.text, "no");
	search_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),    cmocka_unit_test(test_short_trials),
		cmocka_unit_test(test_devices),    cmocka_unit_test(test_ends_of_the_range),
		cmocka_unit_test(test_throughput), cmocka_unit_test(test_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
