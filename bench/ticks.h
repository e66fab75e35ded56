/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPU's own clock, cheaper to look at than the kernel's: the time stamp counter, which on all
 * CPUs of today goes at a constant rate and alike on all cores. Where there is none we know, it is
 * CLOCK_MONOTONIC.
 */
#ifndef WEIR_BENCH_TICKS_H
#define WEIR_BENCH_TICKS_H

#include <stdint.h>
#include <time.h>

static inline uint64_t ticks_clock_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static inline uint64_t ticks_now(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
	uint64_t now;
	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(now));
	return now;
#else
	return ticks_clock_ns();
#endif
}

/* What the two clocks say of each other. */
struct ticks {
	double hz;
	uint64_t at_ns, at_ticks; /* of the same moment */
};

/* Compares them for `milliseconds`; with 100 the rate is right to one part in a million. */
struct ticks ticks_compare(unsigned int milliseconds);

static inline uint64_t ticks_of(const struct ticks *t, uint64_t ns)
{
	return t->at_ticks + (int64_t)(((double)ns - t->at_ns) * t->hz / 1e9);
}

#endif
