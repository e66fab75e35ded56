// SPDX-License-Identifier: BSD-2-Clause
/* Pure. */
#include "sim/distribution.h"

#include <math.h>

#include "sim/chance.h"

const struct distribution distribution_sizes = {
	.name = "web search",
	.source = "Alizadeh et al., \"Data Center TCP\", SIGCOMM 2010, figure 4; the points are "
		  "those "
		  "that simulators of later papers (pFabric, HPCC) use",
	.count = 12,
	.points = {{0, 0},
		   {10e3, 0.15},
		   {20e3, 0.2},
		   {30e3, 0.3},
		   {50e3, 0.4},
		   {80e3, 0.53},
		   {200e3, 0.6},
		   {1e6, 0.7},
		   {2e6, 0.8},
		   {5e6, 0.9},
		   {10e6, 0.97},
		   {30e6, 1}},
};

/* The paper gives 2 seconds, 15 minutes and "hours to days"; the two ends are ours. */
const struct distribution distribution_durations = {
	.name = "dragonflies and tortoises",
	.source = "Brownlee and Claffy, \"Understanding Internet Traffic Streams: Dragonflies and "
		  "Tortoises\", IEEE Communications Magazine, October 2002",
	.logarithmic = true,
	.count = 4,
	.points = {{0.05, 0}, {2, 0.45}, {900, 0.985}, {86400, 1}},
};

static double segment_quantile(const struct distribution *d, unsigned int i, double part)
{
	double low = d->points[i].value, high = d->points[i + 1].value;
	return d->logarithmic ? low * pow(high / low, part) : low + (high - low) * part;
}

double distribution_quantile(const struct distribution *d, double share)
{
	unsigned int i = 0;
	while (i + 2 < d->count && share > d->points[i + 1].share)
		i++;
	double low = d->points[i].share, high = d->points[i + 1].share;
	return segment_quantile(d, i, (share - low) / (high - low));
}

/* Its part of the mean. */
static double segment_mean(const struct distribution *d, unsigned int i)
{
	double low = d->points[i].value, high = d->points[i + 1].value;
	double share = d->points[i + 1].share - d->points[i].share;
	return share * (d->logarithmic ? (high - low) / log(high / low) : (low + high) / 2);
}

double distribution_mean(const struct distribution *d)
{
	double sum = 0;
	for (unsigned int i = 0; i + 1 < d->count; i++)
		sum += segment_mean(d, i);
	return sum;
}

double distribution_draw(const struct distribution *d, struct chance *c)
{
	return distribution_quantile(d, chance_real(c));
}

/* Of density 1/x, times x, is a flat one; of a flat one, one that rises with x. */
double distribution_draw_met(const struct distribution *d, struct chance *c)
{
	double at = chance_real(c) * distribution_mean(d), part = chance_real(c);
	unsigned int i = 0;
	while (i + 2 < d->count && at > segment_mean(d, i))
		at -= segment_mean(d, i++);
	double low = d->points[i].value, high = d->points[i + 1].value;
	if (d->logarithmic)
		return low + (high - low) * part;
	return sqrt(low * low + (high * high - low * low) * part);
}
