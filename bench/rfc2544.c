// SPDX-License-Identifier: BSD-2-Clause
#include "bench/rfc2544.h"

#include <math.h>
#include <stdbool.h>

#define STEPS           10
#define SHORTEST_BURST  1e-4 /* seconds */
#define BURST_PRECISION 0.01

/* What is halved: the load of trials that are equally long, or the length of those at most load. */
enum halved { LOADS, BURSTS };

static int try(const struct rfc2544 *r, double load, double seconds, struct search_trial *out,
	       struct err *err)
{
	*out = (struct search_trial){.load = load, .seconds = seconds};
	return r->measure(r->context, out, err);
}

static bool is_wide(const struct rfc2544 *r, enum halved what, double low, double high)
{
	return what == LOADS ? (high - low) / high > r->width
			     : high - low > fmax(SHORTEST_BURST, BURST_PRECISION * high);
}

/* The highest between `low`, which lost nothing, and `high`, which did, that loses nothing. */
static int halve(const struct rfc2544 *r, enum halved what, double low, double high, double *found,
		 struct err *err)
{
	struct search_trial t;
	while (is_wide(r, what, low, high)) {
		double middle = what == LOADS ? sqrt(low * high) : (low + high) / 2;
		int code = what == LOADS ? try(r, middle, r->trial_s, &t, err)
					 : try(r, r->max, middle, &t, err);
		if (code)
			return code;
		*(t.loss > 0 ? &high : &low) = middle;
	}
	*found = low;
	return 0;
}

int rfc2544_throughput(const struct rfc2544 *r, double *pps, struct err *err)
{
	struct search_trial t;
	int code = try(r, r->max, r->trial_s, &t, err);
	*pps = !code && t.loss <= 0 ? r->max : 0;
	if (code || *pps > 0)
		return code;
	code = try(r, r->min, r->trial_s, &t, err);
	if (code || t.loss > 0)
		return code;
	return halve(r, LOADS, r->min, r->max, pps, err);
}

int rfc2544_frame_loss(const struct rfc2544 *r, rfc2544_step_fn *step, void *context,
		       struct err *err)
{
	int clean = 0;
	for (int i = 0; i < STEPS && clean < 2; i++) {
		struct search_trial t;
		int code = try(r, r->max * (STEPS - i) / STEPS, r->trial_s, &t, err);
		if (code)
			return code;
		step(context, &t);
		clean = t.loss > 0 ? 0 : clean + 1;
	}
	return 0;
}

int rfc2544_back_to_back(const struct rfc2544 *r, double *seconds, struct err *err)
{
	struct search_trial t;
	int code = try(r, r->max, r->trial_s, &t, err);
	*seconds = !code && t.loss <= 0 ? r->trial_s : 0;
	if (code || *seconds > 0)
		return code;
	return halve(r, BURSTS, 0, r->trial_s, seconds, err);
}
