/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiple Loss Ratio search (draft-ietf-bmwg-mlrsearch): the highest loads at which a device loses
 * no more than each goal allows, in one row of trials that all goals share. Pure: it asks for
 * trials, and knows nothing of networks.
 *
 * A load is a lower bound of a goal when, however its remaining trials came out, no larger part of
 * the goal's duration sum than the exceed ratio would lie in trials with more loss than the goal's;
 * an upper bound when that can't be reached any more; undecided else. Trials that are shorter than
 * the goal's count as the draft's "Load Classification" says.
 */
#ifndef WEIR_BENCH_SEARCH_H
#define WEIR_BENCH_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define SEARCH_GOALS 4u

struct search_goal {
	double loss;         /* ratio, 0.005 */
	double trial_s;      /* of each trial */
	double duration_sum; /* seconds */
	double exceed;       /* ratio of it */
	double width;        /* (upper - lower) / upper, at the end */
};

struct search_trial {
	double load;    /* packets a second, intended */
	double seconds; /* intended */
	double loss;    /* ratio of what should have been sent; what was not sent is lost */
	double rate;    /* packets a second that were received */
};

/* Makes a trial of that load; fills loss and rate. */
typedef int search_measure_fn(void *context, struct search_trial *trial, struct err *err);

struct search_found {
	bool has_lower, has_upper;
	double lower, upper; /* relevant bounds */
	double throughput;   /* conditional: the rate received at `lower`, at the exceed quantile */
};

struct search {
	struct search_goal goals[SEARCH_GOALS];
	unsigned int goal_count;
	double min, max; /* loads */
	search_measure_fn *measure;
	void *context;

	/* Results. */
	struct search_trial *trials;
	size_t trial_count, capacity;
	struct search_found found[SEARCH_GOALS];
};

enum search_class { SEARCH_UNDECIDED, SEARCH_LOWER, SEARCH_UPPER };

/* What the trials of a load say about it. */
enum search_class search_classify(const struct search_goal *goal, const struct search_trial *trials,
				  size_t count, double load);

/*
 * Runs the search that `s` describes; its results are there after a failure too, as far as it came.
 * What `measure` returned, -ENOMEM, or -ERANGE: more trials than any search needs.
 */
int search_run(struct search *s, struct err *err);
void search_fini(struct search *s);

/* About how many trials are still to come, from where it stands; for a line of progress. */
unsigned int search_trials_left(const struct search *s);

#endif
