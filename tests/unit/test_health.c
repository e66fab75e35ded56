// SPDX-License-Identifier: BSD-2-Clause
/*
 * The health state machine beside a naive one, that keeps all results and looks for the last run
 * of equal ones; and when checks are due.
 */
#include "lb/health.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fixture.h"

#define SECOND 1000000000ull

/* --- a naive second one ----------------------------------------------------------------------- */

struct model {
	char results[512]; /* 'g' or 'b' */
	size_t count;
	enum health_state state;
};

static void model_result(struct model *m, const struct health_rule *rule, bool good)
{
	size_t run = 0;
	m->results[m->count++] = good ? 'g' : 'b';
	while (run < m->count && m->results[m->count - 1 - run] == m->results[m->count - 1])
		run++;
	if (m->state == HEALTH_UNKNOWN)
		m->state = good ? HEALTH_UP : HEALTH_DOWN;
	else if (good && run >= rule->rise)
		m->state = HEALTH_UP;
	else if (!good && run >= rule->fall)
		m->state = HEALTH_DOWN;
}

static void test_like_the_model(void **state)
{
	uint64_t random = 0x853c49e6748fea9b;
	for (int round = 0; round < 500; round++) {
		struct health_rule rule = {.interval_ns = 2 * SECOND,
					   .fast_interval_ns = SECOND,
					   .rise = 1 + fixture_random(&random) % 4,
					   .fall = 1 + fixture_random(&random) % 4};
		struct model m = {.state = fixture_random(&random) % 3};
		struct health h;
		unsigned int good_of_8 = fixture_random(&random) % 9;
		health_init(&h, &rule, m.state, 0, 0);
		for (uint64_t n = 1; n <= sizeof(m.results); n++) {
			bool good = fixture_random(&random) % 8 < good_of_8;
			enum health_state before = m.state;
			model_result(&m, &rule, good);
			bool changed = health_result(&h, &rule, good, n * SECOND, 0);
			assert_int_equal(h.state, m.state);
			assert_int_equal(changed, m.state != before);
			if (changed)
				assert_int_equal(h.since_ns, n * SECOND);
		}
	}
}

/* --- time ---------------------------------------------------------------------------------------
 */

static void test_due_in_an_interval(void **state)
{
	const struct health_rule rule = {.interval_ns = 10 * SECOND,
					 .fast_interval_ns = SECOND,
					 .rise = 2,
					 .fall = 3,
					 .jitter_percent = 20};
	uint64_t random = 7, least = UINT64_MAX, most = 0;
	struct health h;
	health_init(&h, &rule, HEALTH_UP, 100 * SECOND, 0);
	for (int i = 0; i < 10000; i++) {
		health_begin(&h, &rule, 100 * SECOND, fixture_random(&random));
		uint64_t in_ns = h.due_ns - 100 * SECOND;
		least = in_ns < least ? in_ns : least;
		most = in_ns > most ? in_ns : most;
	}
	assert_in_range(least, 8 * SECOND, 8 * SECOND + SECOND / 10);
	assert_in_range(most, 12 * SECOND - SECOND / 10, 12 * SECOND);
}

/* A result that contradicts the state brings the next check forward, one that agrees does not. */
static void test_fast_while_in_doubt(void **state)
{
	const struct health_rule rule = {
		.interval_ns = 10 * SECOND, .fast_interval_ns = SECOND, .rise = 2, .fall = 2};
	struct health h;
	health_init(&h, &rule, HEALTH_UP, 0, 0);
	health_begin(&h, &rule, 0, 0);
	assert_int_equal(h.due_ns, 10 * SECOND);
	assert_false(health_result(&h, &rule, true, SECOND / 2, 0));
	assert_int_equal(h.due_ns, 10 * SECOND);
	assert_false(health_result(&h, &rule, false, SECOND / 2, 0));
	assert_int_equal(h.due_ns, SECOND / 2 + SECOND);
	health_begin(&h, &rule, 2 * SECOND, 0);
	assert_int_equal(h.due_ns, 3 * SECOND);
	assert_true(health_result(&h, &rule, false, 2 * SECOND, 0));
	assert_int_equal(h.state, HEALTH_DOWN);
	health_begin(&h, &rule, 3 * SECOND, 0);
	assert_int_equal(h.due_ns, 13 * SECOND);
	assert_false(health_result(&h, &rule, true, 4 * SECOND, 0));
	assert_int_equal(h.due_ns, 5 * SECOND);
}

/* Down within fall x interval, from the first check that fails. */
static void test_down_within_fall_intervals(void **state)
{
	const struct health_rule rule = {
		.interval_ns = 2 * SECOND, .fast_interval_ns = 2 * SECOND, .rise = 2, .fall = 3};
	struct health h;
	uint64_t now_ns = 0;
	health_init(&h, &rule, HEALTH_UP, 0, 12345);
	while (h.state == HEALTH_UP) {
		now_ns = h.due_ns;
		health_begin(&h, &rule, now_ns, 0);
		health_result(&h, &rule, false, now_ns, 0);
	}
	assert_in_range(now_ns, 0, 3 * rule.interval_ns);
}

/* The first checks of many backends come one after the other. */
static void test_first_checks_spread(void **state)
{
	const struct health_rule rule = {.interval_ns = 5 * SECOND, .fast_interval_ns = 5 * SECOND};
	unsigned int in_tenth[10] = {0};
	uint64_t random = 99;
	for (int i = 0; i < 10000; i++) {
		struct health h;
		health_init(&h, &rule, HEALTH_UNKNOWN, 0, fixture_random(&random));
		assert_in_range(h.due_ns, 0, SECOND);
		in_tenth[h.due_ns * 10 / (SECOND + 1)]++;
	}
	for (int i = 0; i < 10; i++)
		assert_in_range(in_tenth[i], 850, 1150);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_like_the_model),
		cmocka_unit_test(test_due_in_an_interval),
		cmocka_unit_test(test_fast_while_in_doubt),
		cmocka_unit_test(test_down_within_fall_intervals),
		cmocka_unit_test(test_first_checks_spread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
