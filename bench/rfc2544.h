/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tests of RFC 2544 that need no more than a device's loss at a load: throughput (26.1), frame
 * loss rate (26.3), back-to-back frames (26.4). Pure: they ask for trials.
 */
#ifndef WEIR_BENCH_RFC2544_H
#define WEIR_BENCH_RFC2544_H

#include <stdbool.h>

#include "bench/search.h"

struct err;

/* Makes a trial of a load for some seconds. */
struct rfc2544 {
	search_measure_fn *measure;
	void *context;
	double min, max; /* loads */
	double trial_s;  /* RFC 2544, 24: 60 */
	double width;    /* of the throughput's interval, relative */
};

/* The highest load without loss, by halving; 0: even `min` had some. */
int rfc2544_throughput(const struct rfc2544 *r, double *pps, struct err *err);

/* From the highest load down in steps of a tenth of it, until two in a row lost nothing. */
typedef void rfc2544_step_fn(void *context, const struct search_trial *trial);
int rfc2544_frame_loss(const struct rfc2544 *r, rfc2544_step_fn *step, void *context,
		       struct err *err);

/* The longest burst at the highest load without loss, in seconds of it; at most `trial_s`. */
int rfc2544_back_to_back(const struct rfc2544 *r, double *seconds, struct err *err);

#endif
