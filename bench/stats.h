/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said about the trials of one measurement: its median and how far the trials lie apart. */
#ifndef WEIR_BENCH_STATS_H
#define WEIR_BENCH_STATS_H

#define STATS_MAX 1000u /* values */

struct stats {
	double min, q1, median, q3, max;
};

/*
 * Of 1 to STATS_MAX values, in any order. Quartiles by linear interpolation between the two nearest
 * values (Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996: definition 7).
 */
struct stats stats_of(const double *values, unsigned int count);

#endif
