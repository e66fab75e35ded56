// SPDX-License-Identifier: BSD-2-Clause
#include "bench/stats.h"

#include <assert.h>
#include <math.h>
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

/* --- two measurements ------------------------------------------------------------------------- */

#define SLICES 512 /* of an integral, by Simpson's rule */

/* The integral of cos^power from 0 to `to`. */
static double integrate(double power, double to)
{
	double sum = 0, h = to / SLICES;
	for (int i = 0; i <= SLICES; i++) {
		double weight = i == 0 || i == SLICES ? 1 : i % 2 ? 4 : 2;
		sum += weight * pow(cos(i * h), power);
	}
	return sum * h / 3;
}

/*
 * With t = sqrt(degrees) tan(a) the distribution's density becomes cos(a)^(degrees - 1), which is
 * smooth over a finite range.
 */
double stats_t95(double degrees)
{
	double whole = integrate(degrees - 1, M_PI / 2), low = 0, high = M_PI / 2;
	for (int i = 0; i < 60; i++) {
		double middle = (low + high) / 2;
		if (integrate(degrees - 1, middle) < 0.95 * whole)
			low = middle;
		else
			high = middle;
	}
	return sqrt(degrees) * tan(low);
}

struct moments {
	double mean, error; /* of the logarithms; the variance of their mean */
};

static bool moments_of(const double *values, unsigned int count, struct moments *m)
{
	*m = (struct moments){};
	for (unsigned int i = 0; i < count; i++) {
		if (!(values[i] > 0))
			return false;
		m->mean += log(values[i]) / count;
	}
	for (unsigned int i = 0; i < count; i++)
		m->error += pow(log(values[i]) - m->mean, 2) / (count - 1) / count;
	return count >= 2;
}

bool stats_compare(const double *first, unsigned int first_count, const double *second,
		   unsigned int second_count, struct stats_change *out)
{
	struct moments a, b;
	if (first_count < 2 || second_count < 2 || !moments_of(first, first_count, &a) ||
	    !moments_of(second, second_count, &b))
		return false;
	double both = a.error + b.error, apart = 0;
	if (both > 0) {
		/* Welch and Satterthwaite's degrees of freedom. */
		double degrees = both * both /
				 (a.error * a.error / (first_count - 1) +
				  b.error * b.error / (second_count - 1));
		apart = stats_t95(degrees) * sqrt(both);
	}
	*out = (struct stats_change){.ratio = exp(b.mean - a.mean),
				     .low = exp(b.mean - a.mean - apart),
				     .high = exp(b.mean - a.mean + apart)};
	return true;
}
