/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `weir-bench ndr`: the rates at which a path loses nothing, or not more than is allowed, found by
 * trials (bench/search.h, bench/rfc2544.h), which are all kept.
 */
#ifndef WEIR_BENCH_NDR_H
#define WEIR_BENCH_NDR_H

#include <stddef.h>

#include "bench/path.h"
#include "bench/rate.h"
#include "bench/report.h"
#include "bench/search.h"
#include "bench/trial.h"

struct err;

enum ndr_method { NDR_MLRSEARCH, NDR_RFC2544 };

struct ndr_losses {
	double ratio[SEARCH_GOALS];
	unsigned int count;
};

struct ndr_options {
	struct path_settings path;
	enum ndr_method method;
	struct ndr_losses losses;
	double trial_s, duration_sum, exceed, width; /* ratios */
	struct rate min, max;
	double warm_up_s, settle_s;
	struct setting_counts frames; /* a search for each size; none: one, of the mix */
	struct report_files files;
};

/* One search: of one size of frames, or the mix. */
struct ndr {
	const struct ndr_options *options;
	struct path path;
	struct trial_setup setup;
	struct search search; /* goals, loads; of RFC 2544 the loads alone */
	struct trial *trials;
	size_t trial_count, trial_room;
	double started_s, length;
};

/* Opens the path and warms it up, which also finds the highest load where none was given. */
int ndr_open(struct ndr *n, struct ndr_options *o, uint32_t frame, struct err *err);
void ndr_close(struct ndr *n);

/* The trial that all methods ask for; the context is the struct ndr. */
int ndr_measure(void *context, struct search_trial *t, struct err *err);

/* Adds what was found to a report. */
void ndr_report_head(const struct ndr *n, json_t *report);
int ndr_mlrsearch(struct ndr *n, json_t *report, struct err *err);
int ndr_rfc2544(struct ndr *n, json_t *report, struct err *err);
void ndr_report_trials(const struct ndr *n, json_t *report);

#endif
