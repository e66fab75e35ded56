// SPDX-License-Identifier: BSD-2-Clause
/*
 * The logarithmic histogram against sorted lists of all values: a quantile read back is the true
 * one or at most 0.1 % above it.
 */
#include "bench/quantiles.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <math.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bpf/histogram.h"

#define PRECISION 0.001
#define VALUES    20000

static uint64_t counts[HISTOGRAM_SLOTS];

/* Counts bits by hand. */
static unsigned int naive_log2(uint64_t value)
{
	unsigned int log = 0;
	while (value >>= 1)
		log++;
	return log;
}

/* Each power of two with its neighbours, and what lies between. */
static void test_slots(void **state)
{
	for (unsigned int bit = 0; bit < HISTOGRAM_TOP; bit++) {
		for (int off = -3; off <= 3; off++) {
			uint64_t value = (1ull << bit) + off;
			if (!value || value >> HISTOGRAM_TOP)
				continue;
			assert_int_equal(histogram_log2(value), naive_log2(value));
			uint32_t slot = histogram_slot(value);
			uint64_t back = histogram_value(slot);
			assert_in_range(slot, 0, HISTOGRAM_SLOTS - 1);
			assert_true(back >= value && back - value <= value * PRECISION);
		}
	}
}

/* Slots follow one another without a hole: the value behind the last one of a slot is the next's.
 */
static void test_order(void **state)
{
	for (uint32_t slot = 0; slot + 1 < HISTOGRAM_SLOTS; slot++) {
		assert_int_equal(histogram_slot(histogram_value(slot)), slot);
		assert_int_equal(histogram_slot(histogram_value(slot) + 1), slot + 1);
	}
	assert_int_equal(histogram_slot(UINT64_MAX), HISTOGRAM_SLOTS - 1);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void expect_quantile(const uint64_t *sorted, unsigned int count, double part)
{
	unsigned int rank = ceil(part * count);
	uint64_t want = sorted[rank ? rank - 1 : 0], got = quantiles_at(counts, part);
	if (got < want || got - want > want * PRECISION)
		fail_msg("%u values, %.4f: %llu, not %llu", count, part, (unsigned long long)got,
			 (unsigned long long)want);
}

static void test_quantiles(void **state)
{
	static const double parts[] = {0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1};
	static uint64_t values[VALUES];
	uint64_t random = 88172645463325252ull;
	for (unsigned int count = 1; count <= VALUES; count = count * 7 + 3) {
		for (uint32_t i = 0; i < HISTOGRAM_SLOTS; i++)
			counts[i] = 0;
		for (unsigned int i = 0; i < count; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			/* From nanoseconds to seconds, all magnitudes alike. */
			values[i] = random >> (34 + random % 30);
			counts[histogram_slot(values[i])]++;
		}
		qsort(values, count, sizeof(*values), compare);
		assert_int_equal(quantiles_count(counts), count);
		for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++)
			expect_quantile(values, count, parts[p]);
	}
}

static void test_empty(void **state)
{
	for (uint32_t i = 0; i < HISTOGRAM_SLOTS; i++)
		counts[i] = 0;
	assert_int_equal(quantiles_count(counts), 0);
	assert_int_equal(quantiles_at(counts, 0.5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
