// SPDX-License-Identifier: BSD-2-Clause
#include "bench/stats.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The value at `part` of the way through the sorted ones. */
static double quantile(const double *sorted, unsigned int count, double part)
{
	double position = part * (count - 1);
	unsigned int below = position;
	if (below + 1 >= count)
		return sorted[count - 1];
	return sorted[below] + (position - below) * (sorted[below + 1] - sorted[below]);
}

struct stats stats_of(const double *values, unsigned int count)
{
	double sorted[STATS_MAX];
	assert(count >= 1 && count <= STATS_MAX);
	memcpy(sorted, values, count * sizeof(*values));
	qsort(sorted, count, sizeof(*sorted), compare);
	return (struct stats){
		.min = sorted[0],
		.q1 = quantile(sorted, count, 0.25),
		.median = quantile(sorted, count, 0.5),
		.q3 = quantile(sorted, count, 0.75),
		.max = sorted[count - 1],
	};
}
