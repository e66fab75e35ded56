// SPDX-License-Identifier: BSD-2-Clause
/* Damping beside a naive one, that keeps the whole past and looks through it each time. */
#include "lb/damping.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/fixture.h"

#define MS      1000000ull
#define HOLD_MS 100u
#define STEP_MS 10u
#define STEPS   4000

/* --- a naive second one ----------------------------------------------------------------------- */

struct past {
	bool well[STEPS], told[STEPS];
	int count;
};

/* How long it has been so, the step at hand included as none. */
static int run_of(const bool *what, int at)
{
	int n = 0;
	while (n < at && what[at - 1 - n] == what[at])
		n++;
	return n;
}

/* Doublings by the times that it was told before `at`, from the first on. */
static unsigned int doublings_before(const struct past *p, int at)
{
	unsigned int doublings = 0;
	int since = -1;
	for (int i = 0; i < at; i++) {
		bool before = i && p->told[i - 1];
		if (p->told[i] && !before)
			since = i;
		if (!p->told[i] && before) {
			bool calm = (unsigned int)(i - since) * STEP_MS > HOLD_MS * 10;
			doublings = calm ? 0 : doublings < 4 ? doublings + 1 : 4;
		}
	}
	return doublings;
}

static bool was_ever_told(const struct past *p)
{
	for (int i = 0; i < p->count; i++)
		if (p->told[i])
			return true;
	return false;
}

static bool model_step(struct past *p, bool well)
{
	int at = p->count;
	p->well[at] = well;
	bool told = well && (!was_ever_told(p) || (at && p->told[at - 1]));
	if (well && !told)
		told = run_of(p->well, at) * STEP_MS >= HOLD_MS << doublings_before(p, at);
	p->told[at] = told;
	p->count++;
	return told;
}

static void test_like_the_model(void **state)
{
	uint64_t random = 0x9e3779b97f4a7c15;
	for (int round = 0; round < 6; round++) {
		static struct past p;
		struct damping d = {0};
		bool well = false;
		unsigned int changes = 2 + fixture_random(&random) % 200; /* of a thousand steps */
		memset(&p, 0, sizeof(p));
		for (int i = 0; i < STEPS; i++) {
			if (fixture_random(&random) % 1000 < changes)
				well = !well;
			uint64_t now_ns = (7 + i) * STEP_MS * MS;
			assert_int_equal(damping_step(&d, well, now_ns, HOLD_MS),
					 model_step(&p, well));
		}
	}
}

/* --- by hand ---------------------------------------------------------------------------------- */

static void test_first_time_at_once(void **state)
{
	struct damping d = {0};
	assert_int_equal(damping_due_ns(&d, HOLD_MS), UINT64_MAX);
	assert_false(damping_step(&d, false, 5 * MS, HOLD_MS));
	assert_true(damping_step(&d, true, 6 * MS, HOLD_MS));
	assert_int_equal(damping_due_ns(&d, HOLD_MS), UINT64_MAX);
}

static void test_hold(void **state)
{
	struct damping d = {0};
	damping_step(&d, true, 10 * MS, HOLD_MS);
	assert_false(damping_step(&d, false, 5000 * MS, HOLD_MS));
	assert_false(damping_step(&d, true, 5010 * MS, HOLD_MS));
	assert_int_equal(damping_due_ns(&d, HOLD_MS), 5110 * MS);
	assert_false(damping_step(&d, true, 5109 * MS, HOLD_MS));
	assert_true(damping_step(&d, true, 5110 * MS, HOLD_MS));
	/* It goes at once again: twice as long. */
	assert_false(damping_step(&d, false, 5120 * MS, HOLD_MS));
	damping_step(&d, true, 5130 * MS, HOLD_MS);
	assert_int_equal(damping_due_ns(&d, HOLD_MS), 5330 * MS);
	/* A loss in between begins it anew. */
	damping_step(&d, false, 5300 * MS, HOLD_MS);
	damping_step(&d, true, 5310 * MS, HOLD_MS);
	assert_int_equal(damping_due_ns(&d, HOLD_MS), 5510 * MS);
}

static void test_without_hold(void **state)
{
	struct damping d = {0};
	for (int i = 0; i < 20; i++)
		assert_int_equal(damping_step(&d, i & 1, i * MS, 0), i & 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_like_the_model),
		cmocka_unit_test(test_first_time_at_once),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_without_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
