// SPDX-License-Identifier: BSD-2-Clause
/*
 * Quartiles against those of R and Python, and against a naive second implementation, which counts
 * instead of sorting and works in whole numbers.
 */
#include "bench/stats.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect_close(double got, double want)
{
	if (fabs(got - want) > 1e-9)
		fail_msg("%.12g, not %.12g", got, want);
}

static void expect_stats(struct stats s, double min, double q1, double median, double q3,
			 double max)
{
	expect_close(s.min, min);
	expect_close(s.q1, q1);
	expect_close(s.median, median);
	expect_close(s.q3, q3);
	expect_close(s.max, max);
}

static void test_one_value(void **state)
{
	expect_stats(stats_of((const double[]){7.5}, 1), 7.5, 7.5, 7.5, 7.5, 7.5);
}

static void test_two_values(void **state)
{
	expect_stats(stats_of((const double[]){4, 2}, 2), 2, 2.5, 3, 3.5, 4);
}

/* R: quantile(c(30, 10, 50, 20, 40), type = 7). */
static void test_five_values(void **state)
{
	expect_stats(stats_of((const double[]){30, 10, 50, 20, 40}, 5), 10, 20, 30, 40, 50);
}

/* R's data set `rivers` begins so; Python: statistics.quantiles(rivers, method='inclusive'). */
static void test_eight_values(void **state)
{
	const double rivers[] = {735, 320, 325, 392, 524, 450, 1459, 135};
	expect_stats(stats_of(rivers, 8), 135, 323.75, 421, 576.75, 1459);
}

static void test_input_stays(void **state)
{
	const double values[] = {3, 1, 2};
	stats_of(values, 3);
	assert_true(values[0] == 3 && values[1] == 1 && values[2] == 2);
}

/* The k-th smallest (from 0): the value that fewer than k + 1 and no fewer than k are below. */
static int kth(const int *values, unsigned int count, unsigned int k)
{
	for (unsigned int i = 0; i < count; i++) {
		unsigned int below = 0, same = 0;
		for (unsigned int j = 0; j < count; j++) {
			below += values[j] < values[i];
			same += values[j] == values[i];
		}
		if (below <= k && k < below + same)
			return values[i];
	}
	return -1;
}

/* In quarters: `part` quarters of the way from the smallest to the largest. */
static double naive_quartile(const int *values, unsigned int count, unsigned int part)
{
	unsigned int quarters = part * (count - 1), k = quarters / 4, rest = quarters % 4;
	int below = kth(values, count, k);
	int above = rest ? kth(values, count, k + 1) : below;
	return ((4 - (int)rest) * below + (int)rest * above) / 4.0;
}

static void test_against_naive(void **state)
{
	srandom(1);
	for (unsigned int count = 1; count <= 60; count++) {
		int values[60];
		double doubles[60];
		for (unsigned int i = 0; i < count; i++) {
			values[i] = random() % 40;
			doubles[i] = values[i];
		}
		expect_stats(stats_of(doubles, count), naive_quartile(values, count, 0),
			     naive_quartile(values, count, 1), naive_quartile(values, count, 2),
			     naive_quartile(values, count, 3), naive_quartile(values, count, 4));
	}
}

/* The tables of any textbook, to three digits. */
static void test_t95(void **state)
{
	static const struct {
		double degrees, t;
	} table[] = {{1, 12.706}, {2, 4.303},  {3, 3.182},  {4, 2.776},   {5, 2.571},
		     {8, 2.306},  {10, 2.228}, {30, 2.042}, {120, 1.980}, {1000, 1.962}};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (fabs(stats_t95(table[i].degrees) - table[i].t) > 0.0006)
			fail_msg("%.0f degrees: %.4f, not %.3f", table[i].degrees,
				 stats_t95(table[i].degrees), table[i].t);
}

/* Of samples with a known ratio the interval holds it in 95 of 100 cases, and a bit. */
static void test_compare(void **state)
{
	struct stats_change c;
	unsigned int holds = 0, runs = 4000;
	uint64_t random = 88172645463325252ull;
	for (unsigned int run = 0; run < runs; run++) {
		double values[2][5];
		for (unsigned int i = 0; i < 10; i++) {
			double sum = 0;
			for (int n = 0; n < 12; n++) {
				random ^= random << 13;
				random ^= random >> 7;
				random ^= random << 17;
				sum += (random >> 11) * 0x1p-53;
			}
			/* The sum of 12 is nearly normal; the second sample is twice the first. */
			values[i / 5][i % 5] =
				exp((sum - 6) * (i < 5 ? 0.02 : 0.05)) * (i < 5 ? 1 : 2);
		}
		assert_true(stats_compare(values[0], 5, values[1], 5, &c));
		assert_true(c.low <= c.ratio && c.ratio <= c.high);
		holds += c.low <= 2 && 2 <= c.high;
	}
	/* Five standard deviations of a binomial around 95 %. */
	assert_in_range(holds, 0.95 * runs - 70, 0.95 * runs + 70);
	assert_false(stats_compare((double[]){1}, 1, (double[]){1, 2}, 2, &c));
	assert_false(stats_compare((double[]){1, 0}, 2, (double[]){1, 2}, 2, &c));
	assert_true(stats_compare((double[]){3, 3}, 2, (double[]){6, 6}, 2, &c));
	assert_true(fabs(c.low - 2) < 1e-9 && fabs(c.high - 2) < 1e-9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_value),   cmocka_unit_test(test_two_values),
		cmocka_unit_test(test_five_values), cmocka_unit_test(test_eight_values),
		cmocka_unit_test(test_input_stays), cmocka_unit_test(test_against_naive),
		cmocka_unit_test(test_t95),         cmocka_unit_test(test_compare),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
