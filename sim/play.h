/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plays a scenario: flows through a router to a fleet, while things happen. Of the packets of a
 * flow only those are sent that can go another way than the one before: the first two after each
 * event, and after its balancer has taken a change over.
 */
#ifndef WEIR_SIM_PLAY_H
#define WEIR_SIM_PLAY_H

#include <stdint.h>

#include "sim/ecmp.h"
#include "sim/fleet.h"
#include "sim/scenario.h"
#include "sim/traffic.h"

struct err;
struct estate;
struct snapshot;

/* What keeps a flow on its backend when another balancer gets it. */
enum persistence {
	PERSISTENCE_PLAIN,  /* Maglev alone: every reload forgets the table before */
	PERSISTENCE_TABLES, /* the table before is kept beside the new one */
	PERSISTENCE_SYNC,   /* that, and each balancer learns the flows of all others */
	PERSISTENCES,
};

const char *persistence_word(enum persistence p);

struct play_settings {
	uint32_t balancers;
	uint64_t seed;
	double skew_s;    /* a reload or check's result reaches all balancers within that time */
	double batch_s;   /* flows are told to others so often */
	double observe_s; /* it is looked on for so long after the last event */
};

/* What came of an event, until the next one. */
struct outcome {
	uint64_t live;    /* flows there were */
	uint64_t moved;   /* of them: to another balancer */
	uint64_t broken;  /* sent to another backend, though their own served */
	uint64_t orphans; /* their backend served no longer */
};

struct result {
	struct outcome events[SCENARIO_EVENTS];
	uint64_t flows; /* all that there were at any time: the sum of the next */
	uint64_t fates[FATES];
	uint64_t packets; /* sent */
};

struct play;

/* All is the caller's, and stands as long. The estate is left as it was. NULL without memory. */
struct play *play_new(const struct play_settings *settings, struct estate *estate,
		      struct fleet *fleet, struct traffic *traffic, const struct snapshot *base);
void play_free(struct play *p); /* NULL too */

/* Brings the population to their backends, by way of a router of that kind. -errno. */
int play_populate(struct play *p, enum ecmp_kind kind, struct err *err);

/* Plays a scenario from there on; any number of times. -errno. */
int play_run(struct play *p, const struct scenario *s, enum persistence persistence,
	     struct result *out, struct err *err);

/* Flows of the population at the fullest balancer, over their mean. */
double play_balancer_imbalance(const struct play *p);

/* Of the population: flows that found no room in their balancer's table. */
uint32_t play_untracked(const struct play *p);

#endif
