/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens to a fleet of balancers: rows of events, each at its time. */
#ifndef WEIR_SIM_SCENARIO_H
#define WEIR_SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

enum event_kind {
	EVENT_NODE_LOST,      /* a random one, with its flow table */
	EVENT_NODE_BACK,      /* the one that was lost, with an empty table */
	EVENT_NODE_JOINS,     /* one more than there were */
	EVENT_BACKENDS_JOIN,  /* a reload that each balancer does in its own time */
	EVENT_BACKENDS_LEAVE, /* the same */
	EVENT_BACKENDS_FAIL,  /* their checks say so, to each balancer in its own time */
};

struct event {
	enum event_kind kind;
	double at_s;
	double share; /* of all backends, which it concerns; 0: one */
};

#define SCENARIO_EVENTS 8u

struct scenario {
	const char *name;
	bool quick; /* one of those of --quick */
	unsigned int count;
	struct event events[SCENARIO_EVENTS]; /* ascending */
};

extern const struct scenario scenarios[];
extern const unsigned int scenario_count;

/* "balancer lost" */
const char *event_word(enum event_kind kind);

/* Whether it changes the set of next hops of the router. */
static inline bool event_moves_flows(enum event_kind kind)
{
	return kind <= EVENT_NODE_JOINS;
}

/* How many backends an event concerns; 0: none. */
uint32_t event_backends(const struct event *e, uint32_t backends);

/* The shortest time between two events that change what balancers know; or infinite. */
double scenario_least_gap_s(const struct scenario *s);

#endif
