/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What generated tests draw from: the same row of numbers from the same seed, or the bytes that a
 * fuzzer thought up. When those have run out, all rolls are 0.
 */
#ifndef WEIR_TESTS_DICE_H
#define WEIR_TESTS_DICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dice {
	uint64_t random;      /* not 0, or: */
	const uint8_t *bytes; /* what is left of them */
	size_t length;
};

static inline bool dice_has_more(const struct dice *d)
{
	return d->random || d->length;
}

/* xorshift64 (Marsaglia, 2003). */
static inline uint64_t dice_draw(struct dice *d)
{
	d->random ^= d->random << 13;
	d->random ^= d->random >> 7;
	d->random ^= d->random << 17;
	return d->random;
}

/* 0 to below - 1. Takes as many bytes as `below` needs. */
static inline uint32_t dice_roll(struct dice *d, uint32_t below)
{
	uint32_t value = 0;
	if (d->random)
		return (dice_draw(d) >> 32) * below >> 32;
	for (uint32_t top = below - 1; top && d->length; top >>= 8, d->length--)
		value = value << 8 | *d->bytes++;
	return value % below;
}

/* One time in `times`; where the bytes have run out, never. */
static inline bool dice_once_in(struct dice *d, uint32_t times)
{
	return dice_roll(d, times) == times - 1;
}

#define DICE_PICK(d, row) ((row)[dice_roll(d, sizeof(row) / sizeof((row)[0]))])

#endif
