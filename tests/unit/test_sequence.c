// SPDX-License-Identifier: BSD-2-Clause
/*
 * How a receiver accounts for numbered packets, against a naive second implementation that
 * remembers each number that ever came.
 */
#include "bpf/sequence.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NUMBERS 4096

/* --- the naive one ---------------------------------------------------------------------------- */

/* Numbers are those of a world that does not go round: they are counted from `base` on. */
struct naive {
	bool came[NUMBERS];
	bool begun;
	int highest, first;
	struct sequence_counts counts;
};

static int count_missing(const struct naive *n)
{
	int missing = 0;
	for (int i = n->first; i < n->highest; i++)
		missing += !n->came[i];
	return missing;
}

static void naive_note(struct naive *n, int number)
{
	struct sequence_counts *c = &n->counts;
	c->received++;
	if (!n->begun) {
		n->begun = true;
		n->highest = n->first = number;
	} else if (number > n->highest) {
		n->highest = number;
	} else {
		int late = n->highest - number;
		if (late < (int)SEQUENCE_WINDOW && n->came[number]) {
			c->duplicates++;
			return;
		}
		c->reordered++;
		c->stale += late >= (int)SEQUENCE_WINDOW;
		if (late > (int)c->farthest)
			c->farthest = late;
		if (late >= (int)SEQUENCE_WINDOW)
			return; /* nobody keeps that it came */
	}
	n->came[number] = true;
}

/* --- both ------------------------------------------------------------------------------------- */

static uint64_t random_state;

static uint32_t draw(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 33) % below;
}

static void expect_same(const struct naive *n, const struct sequence_counts *got, uint32_t base)
{
	const struct sequence_counts *want = &n->counts;
	uint64_t missing = got->skipped - got->filled;
	if (got->received != want->received || got->duplicates != want->duplicates ||
	    got->reordered != want->reordered || got->stale != want->stale ||
	    got->farthest != want->farthest || (int)missing != count_missing(n))
		fail_msg("base %u: %llu received, %llu missing (%d), %llu reordered (%llu), %llu "
			 "twice (%llu)",
			 base, (unsigned long long)got->received, (unsigned long long)missing,
			 count_missing(n), (unsigned long long)got->reordered,
			 (unsigned long long)want->reordered, (unsigned long long)got->duplicates,
			 (unsigned long long)want->duplicates);
}

/* A stream with losses, duplicates and packets that are overtaken, some by far. */
static unsigned int make_stream(int *stream, unsigned int room)
{
	unsigned int count = 0;
	for (int number = 100; number < NUMBERS && count + 2 < room; number++) {
		uint32_t fate = draw(100);
		if (fate < 5)
			continue;
		stream[count++] = number;
		if (fate < 10)
			stream[count++] = number;
	}
	for (unsigned int i = 0; i + 200 < count; i++) {
		uint32_t fate = draw(100), by = fate < 3 ? draw(180) : fate < 20 ? draw(4) : 0;
		int number = stream[i];
		memmove(&stream[i], &stream[i + 1], by * sizeof(*stream));
		stream[i + by] = number;
	}
	return count;
}

/* From each of these numbers on, so that they go round in the middle of some. */
static void test_streams(void **state)
{
	static const uint32_t bases[] = {0, 1000, 0x7ffff800, UINT32_MAX - 1000, UINT32_MAX - 150};
	static int stream[3 * NUMBERS];
	for (unsigned int seed = 1; seed <= 200; seed++) {
		random_state = seed * 0x9e3779b97f4a7c15;
		unsigned int count = make_stream(stream, 3 * NUMBERS);
		uint32_t base = bases[seed % (sizeof(bases) / sizeof(bases[0]))];
		struct sequence s = {};
		struct sequence_counts got = {};
		struct naive n = {};
		for (unsigned int i = 0; i < count; i++) {
			sequence_note(&s, base + stream[i], 1, &got);
			naive_note(&n, stream[i]);
			expect_same(&n, &got, base);
		}
	}
}

/* A gap of the window's size, and one less and more: no bit is left over or lost. */
static void test_gaps(void **state)
{
	for (uint32_t gap = 0; gap < 3 * SEQUENCE_WINDOW; gap++) {
		struct sequence s = {};
		struct sequence_counts got = {};
		struct naive n = {};
		int numbers[] = {0, 1, 1 + gap + 1, 0, 1, 1 + gap, 1 + gap + 2};
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			sequence_note(&s, numbers[i], 1, &got);
			naive_note(&n, numbers[i]);
			expect_same(&n, &got, gap);
		}
	}
}

/* A sender that starts anew loses nothing by it. */
static void test_epochs(void **state)
{
	struct sequence s = {};
	struct sequence_counts c = {};
	for (uint32_t epoch = 1; epoch <= 3; epoch++)
		for (uint32_t i = 0; i < 1000; i++)
			sequence_note(&s, i, epoch, &c);
	assert_int_equal(c.received, 3000);
	assert_int_equal(c.skipped + c.reordered + c.duplicates, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_epochs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
