/* SPDX-License-Identifier: BSD-2-Clause */
/* What a histogram of latencies says (bpf/histogram.h): HISTOGRAM_SLOTS counters. */
#ifndef WEIR_BENCH_QUANTILES_H
#define WEIR_BENCH_QUANTILES_H

#include <stdint.h>

uint64_t quantiles_count(const uint64_t *counts);

/*
 * The smallest value that at least `part` (0 to 1) of all values do not exceed; it is at most 0.1 %
 * too large. 0 of an empty histogram.
 */
uint64_t quantiles_at(const uint64_t *counts, double part);

#endif
