// SPDX-License-Identifier: BSD-2-Clause
#include "bench/rfc2544.h"

#include <math.h>

#define STEPS           10
#define SHORTEST_BURST  1e-4 /* seconds */
#define BURST_PRECISION 0.01

static int try(const struct rfc2544 *r, double load, double seconds, struct search_trial *out,
	       struct err *err)
{
	*out = (struct search_trial){.load = load, .seconds = seconds};
	return r->measure(r->context, out, err);
}

int rfc2544_throughput(const struct rfc2544 *r, double *pps, struct err *err)
{
	struct search_trial t;
	double low = 0, high = r->max;
	int code = try(r, r->max, r->trial_s, &t, err);
	*pps = !code && t.loss <= 0 ? r->max : 0;
	if (code || *pps > 0)
		return code;
	code = try(r, r->min, r->trial_s, &t, err);
	if (code || t.loss > 0)
		return code;
	for (low = r->min; (high - low) / high > r->width;) {
		double middle = sqrt(low * high);
		code = try(r, middle, r->trial_s, &t, err);
		if (code)
			return code;
		if (t.loss > 0)
			high = middle;
		else
			low = middle;
	}
	*pps = low;
	return 0;
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
	double low = 0, high = r->trial_s;
	int code = try(r, r->max, high, &t, err);
	*seconds = !code && t.loss <= 0 ? high : 0;
	if (code || *seconds > 0)
		return code;
	while (high - low > fmax(SHORTEST_BURST, BURST_PRECISION * high)) {
		double middle = (low + high) / 2;
		code = try(r, r->max, middle, &t, err);
		if (code)
			return code;
		if (t.loss > 0)
			high = middle;
		else
			low = middle;
	}
	*seconds = low;
	return 0;
}
