/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said about the trials of one measurement: its median and how far the trials lie apart. */
#ifndef WEIR_BENCH_STATS_H
#define WEIR_BENCH_STATS_H

#include <stdbool.h>

#define STATS_MAX 1000u /* values */

struct stats {
	double min, q1, median, q3, max;
};

/*
 * Of 1 to STATS_MAX values, in any order. Quartiles by linear interpolation between the two nearest
 * values (Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996: definition 7).
 */
struct stats stats_of(const double *values, unsigned int count);

/* How much larger the values of one measurement are than those of another. */
struct stats_change {
	double ratio;     /* of the geometric means: second by first */
	double low, high; /* its confidence interval of 95 % */
};

/*
 * Welch's interval of the difference of means (1947), over the logarithms: trials differ by factors
 * rather than by amounts. All values above 0, at least two of each; false: there are not.
 */
bool stats_compare(const double *first, unsigned int first_count, const double *second,
		   unsigned int second_count, struct stats_change *out);

/* What a t-distributed value exceeds, either way, in 5 of 100 cases; of whole or broken degrees. */
double stats_t95(double degrees);

#endif
