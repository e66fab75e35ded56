/* SPDX-License-Identifier: BSD-2-Clause */
/* Published distributions of flows' sizes and durations, as points of their cumulative form. */
#ifndef WEIR_SIM_DISTRIBUTION_H
#define WEIR_SIM_DISTRIBUTION_H

#include <stdbool.h>
#include <stdint.h>

struct chance;

#define DISTRIBUTION_POINTS 16u

struct distribution {
	const char *name;
	const char *source; /* who published it */
	unsigned int count;
	bool logarithmic; /* between two points; else linear */
	struct {
		double value, share; /* `share` of all are at most `value`; ascending, 0 to 1 */
	} points[DISTRIBUTION_POINTS];
};

extern const struct distribution distribution_sizes;     /* bytes */
extern const struct distribution distribution_durations; /* seconds */

/* The value that `share` of all are at most. */
double distribution_quantile(const struct distribution *d, double share);

double distribution_mean(const struct distribution *d);

double distribution_draw(const struct distribution *d, struct chance *c);

/*
 * One that a glance at a random moment meets: by as much more likely as it is larger (the
 * inspection paradox), which is how long flows live that are alive right now.
 */
double distribution_draw_met(const struct distribution *d, struct chance *c);

#endif
