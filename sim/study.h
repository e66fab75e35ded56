/* SPDX-License-Identifier: BSD-2-Clause */
/* A study: fleets of several sizes, each with all scenarios, routers and kinds of persistence. */
#ifndef WEIR_SIM_STUDY_H
#define WEIR_SIM_STUDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/imbalance.h"
#include "sim/play.h"

struct err;

#define STUDY_SIZES 4u

struct study_size {
	uint32_t balancers, backends, services, flows;
};

struct study_settings {
	struct study_size sizes[STUDY_SIZES];
	unsigned int size_count;
	bool routers[ECMP_KINDS];
	bool quick;       /* the scenarios for that */
	const char *word; /* only scenarios with it in their names; NULL: all */
	bool progress;    /* on stderr */
	uint64_t seed;
	double skew_s, batch_s, observe_s; /* struct play_settings */
};

struct study_run {
	const struct scenario *scenario;
	enum ecmp_kind router;
	struct result results[PERSISTENCES];
};

/* What a balancer of a size needs, whatever happens. */
struct study_cost {
	uint32_t tables;              /* of Maglev: one a service */
	double build_ms;              /* all of them and the rest of a snapshot, by the clock */
	size_t snapshot_bytes;        /* as the allocator says; 0: it does not */
	size_t flow_bytes;            /* flow table for its own flows */
	size_t sync_bytes;            /* for those of all balancers */
	struct imbalance even;        /* all backends serve */
	struct imbalance torn;        /* one of a hundred has failed */
	uint32_t untracked;           /* flows that found no room in their balancer's table */
	double balancers[ECMP_KINDS]; /* flows at the fullest one over the mean; 0: not looked at */
};

struct study_result {
	struct study_size size;
	struct study_cost cost;
	struct study_run *runs;
	unsigned int run_count;
};

/* Names what can't be done: -EINVAL. */
int study_check(const struct study_settings *s, struct err *err);

/* Studies one size. -errno. */
int study_size(const struct study_settings *s, const struct study_size *size,
	       struct study_result *out, struct err *err);
void study_result_fini(struct study_result *r); /* a zeroed one too */

/* Whether a scenario belongs to a study. */
bool study_has(const struct study_settings *s, const struct scenario *scenario);

#endif
