// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pacing against a naive second implementation, which says for each packet when it is due by one
 * division; and the rate that comes out, at all rates and for senders that look at the clock seldom
 * or were held up.
 */
#include "bpf/pacer.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <stdlib.h>

#include <cmocka.h>

#define NANOSECONDS 1e9

static const double rates[] = {1e3, 12345.678, 1e5, 999999, 3.7e6, 14.88e6, 30e6};
static const double clocks[] = {NANOSECONDS, 2445407000.0, 1e8};

#define RATES  (sizeof(rates) / sizeof(rates[0]))
#define CLOCKS (sizeof(clocks) / sizeof(clocks[0]))

/* Packets that are due at tick `now`: number n at n * hz / rate. */
static uint64_t naive_due(long double rate, long double hz, uint64_t now)
{
	return floorl(now * rate / hz) + 1;
}

/* One packet after the other, at looks as far apart as `step` ticks. */
static void test_one_by_one(void **state)
{
	for (size_t i = 0; i < RATES; i++) {
		struct pacer p = pacer_at(rates[i], NANOSECONDS);
		uint64_t sent = 0;
		for (uint64_t now = 0; now < 20000000; now += 1 + now % 37) {
			while (pacer_take(&p, now))
				sent++;
			uint64_t want = naive_due(rates[i], NANOSECONDS, now);
			/* The gap is rounded to 2^-16 ticks: one packet in 20 ms, at most. */
			assert_true(llabs((long long)(sent - want)) <= 1);
		}
	}
}

/* In bursts, with looks that are held up now and then for as long as a scheduler's turn. */
static void test_bursts(void **state)
{
	for (size_t c = 0; c < CLOCKS; c++) {
		for (size_t i = 0; i < RATES; i++) {
			struct pacer p = pacer_at(rates[i], clocks[c]);
			uint64_t sent = 0, now = 0, random = 88172645463325252ull;
			for (int look = 0; look < 20000; look++) {
				random ^= random << 13;
				random ^= random >> 7;
				random ^= random << 17;
				now += look % 1000 ? random % 40000 : 0.004 * clocks[c];
				for (uint32_t due; (due = pacer_due(&p, now, 32));) {
					assert_in_range(due, 1, 32);
					pacer_sent(&p, due);
					sent += due;
				}
			}
			double rate = (sent - 1) / (now / clocks[c]);
			uint64_t want = naive_due(rates[i], clocks[c], now);
			if (fabs(rate / rates[i] - 1) > 0.005 &&
			    llabs((long long)(sent - want)) > 1)
				fail_msg("%.0f pps became %.0f", rates[i], rate);
			assert_true(fabs((double)sent - want) <= 1 + 1e-4 * want);
		}
	}
}

/* Nothing goes before its time, and the gap between two is the rate's, to one tick. */
static void test_gaps(void **state)
{
	struct pacer p = pacer_at(1e6, NANOSECONDS);
	uint64_t last = 0;
	assert_true(pacer_take(&p, 0));
	for (uint64_t now = 0; now < 1000000; now++) {
		if (!pacer_take(&p, now))
			continue;
		assert_int_equal(now - last, 1000);
		last = now;
	}
}

static void test_no_rate(void **state)
{
	struct pacer p = {};
	assert_int_equal(pacer_due(&p, 0, 64), 64);
	assert_int_equal(pacer_due(&p, 12345, 64), 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_by_one),
		cmocka_unit_test(test_bursts),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_no_rate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
