// SPDX-License-Identifier: BSD-2-Clause
#include "sim/scenario.h"

#include <math.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct scenario scenarios[] = {
	{"balancer lost", true, 1, {{EVENT_NODE_LOST, 0, 0}}},
	{"balancer joins", false, 1, {{EVENT_NODE_JOINS, 0, 0}}},
	{"balancer restarted, table lost",
	 false,
	 2,
	 {{EVENT_NODE_LOST, 0, 0}, {EVENT_NODE_BACK, 30, 0}}},
	{"backend fails", false, 1, {{EVENT_BACKENDS_FAIL, 0, 0}}},
	{"backend joins", false, 1, {{EVENT_BACKENDS_JOIN, 0, 0}}},
	{"backend leaves", false, 1, {{EVENT_BACKENDS_LEAVE, 0, 0}}},
	{"backend fails, balancer lost",
	 false,
	 2,
	 {{EVENT_BACKENDS_FAIL, 0, 0}, {EVENT_NODE_LOST, 0.5, 0}}},
	{"backend joins, balancer lost",
	 true,
	 2,
	 {{EVENT_BACKENDS_JOIN, 0, 0}, {EVENT_NODE_LOST, 0.5, 0}}},
	{"1 % of backends join, balancer lost",
	 true,
	 2,
	 {{EVENT_BACKENDS_JOIN, 0, 0.01}, {EVENT_NODE_LOST, 0.5, 0}}},
	{"three reloads of 1 %, balancer lost",
	 true,
	 4,
	 {{EVENT_BACKENDS_JOIN, 0, 0.01},
	  {EVENT_BACKENDS_JOIN, 20, 0.01},
	  {EVENT_BACKENDS_LEAVE, 40, 0.01},
	  {EVENT_NODE_LOST, 60, 0}}},
	{"1 % of backends join, balancer joins",
	 false,
	 2,
	 {{EVENT_BACKENDS_JOIN, 0, 0.01}, {EVENT_NODE_JOINS, 10, 0}}},
};
const unsigned int scenario_count = COUNT(scenarios);

const char *event_word(enum event_kind kind)
{
	static const char *const words[] = {
		[EVENT_NODE_LOST] = "balancer lost",       [EVENT_NODE_BACK] = "balancer back",
		[EVENT_NODE_JOINS] = "balancer joins",     [EVENT_BACKENDS_JOIN] = "backends join",
		[EVENT_BACKENDS_LEAVE] = "backends leave", [EVENT_BACKENDS_FAIL] = "backends fail",
	};
	return words[kind];
}

uint32_t event_backends(const struct event *e, uint32_t backends)
{
	if (event_moves_flows(e->kind))
		return 0;
	uint32_t count = e->share * backends;
	return count ? count : 1;
}

double scenario_least_gap_s(const struct scenario *s)
{
	double least = INFINITY, before = -INFINITY;
	for (unsigned int i = 0; i < s->count; i++) {
		if (event_moves_flows(s->events[i].kind))
			continue;
		least = fmin(least, s->events[i].at_s - before);
		before = s->events[i].at_s;
	}
	return least;
}
