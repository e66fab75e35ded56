/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counters of values by their logarithm, 1024 to each power of two, so that a value read back is at
 * most 0.1 % too large (as HdrHistogram does it, with three significant digits). Up to 2047 each
 * value has its own.
 */
#ifndef WEIR_BPF_HISTOGRAM_H
#define WEIR_BPF_HISTOGRAM_H

#include <linux/types.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define HISTOGRAM_BITS  10
#define HISTOGRAM_TOP   40 /* above 2^40 - 1 (of nanoseconds: 18 minutes) the last one counts all */
#define HISTOGRAM_SLOTS ((HISTOGRAM_TOP - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS)

/* Of a value above 0. BPF has no instruction for it. */
static __always_inline __u32 histogram_log2(__u64 value)
{
	__u32 log = 0;
	for (__u32 step = 32; step; step >>= 1) {
		__u32 more = value >> step ? step : 0;
		value >>= more;
		log += more;
	}
	return log;
}

static __always_inline __u32 histogram_slot(__u64 value)
{
	if (value >> HISTOGRAM_TOP)
		return HISTOGRAM_SLOTS - 1;
	if (value >> HISTOGRAM_BITS == 0)
		return value;
	__u32 shift = histogram_log2(value) - HISTOGRAM_BITS;
	return (shift << HISTOGRAM_BITS) + (value >> shift);
}

/* The largest value that a slot counts. */
static __always_inline __u64 histogram_value(__u32 slot)
{
	if (slot >> HISTOGRAM_BITS < 2)
		return slot;
	__u32 shift = (slot >> HISTOGRAM_BITS) - 1;
	__u64 mantissa = (slot & ((1u << HISTOGRAM_BITS) - 1)) | 1u << HISTOGRAM_BITS;
	return ((mantissa + 1) << shift) - 1;
}

#endif
