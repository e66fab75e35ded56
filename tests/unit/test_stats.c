// SPDX-License-Identifier: BSD-2-Clause
/*
 * Quartiles against those of R and Python, and against a naive second implementation, which counts
 * instead of sorting and works in whole numbers.
 */
#include "bench/stats.h"

#include <stdarg.h>
#include <stddef.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_value),   cmocka_unit_test(test_two_values),
		cmocka_unit_test(test_five_values), cmocka_unit_test(test_eight_values),
		cmocka_unit_test(test_input_stays), cmocka_unit_test(test_against_naive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
