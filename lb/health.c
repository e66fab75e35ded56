// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "lb/health.h"

#define FIRST_NS 1000000000ull

/* An interval, longer or shorter by up to the rule's jitter. */
static uint64_t jittered(uint64_t interval_ns, uint32_t percent, uint64_t random)
{
	uint64_t span = interval_ns / 100 * percent;
	return interval_ns - span + random % (2 * span + 1);
}

static uint64_t interval(const struct health *h, const struct health_rule *rule, uint64_t random)
{
	bool doubtful = h->streak > 0 || h->state == HEALTH_UNKNOWN;
	return jittered(doubtful ? rule->fast_interval_ns : rule->interval_ns, rule->jitter_percent,
			random);
}

void health_init(struct health *h, const struct health_rule *rule, enum health_state state,
		 uint64_t now_ns, uint64_t random)
{
	uint64_t spread = rule->interval_ns < FIRST_NS ? rule->interval_ns : FIRST_NS;
	*h = (struct health){
		.state = state, .since_ns = now_ns, .due_ns = now_ns + random % (spread + 1)};
}

void health_begin(struct health *h, const struct health_rule *rule, uint64_t now_ns,
		  uint64_t random)
{
	h->due_ns = now_ns + interval(h, rule, random);
}

static void enter(struct health *h, enum health_state state, uint64_t now_ns)
{
	h->state = state;
	h->streak = 0;
	h->since_ns = now_ns;
}

bool health_result(struct health *h, const struct health_rule *rule, bool good, uint64_t now_ns,
		   uint64_t random)
{
	enum health_state seen = good ? HEALTH_UP : HEALTH_DOWN;
	if (h->state == seen) {
		h->streak = 0;
		return false;
	}
	h->streak++;
	if (h->state == HEALTH_UNKNOWN || h->streak >= (good ? rule->rise : rule->fall)) {
		enter(h, seen, now_ns);
		return true;
	}
	uint64_t soon = now_ns + interval(h, rule, random);
	if (soon < h->due_ns)
		h->due_ns = soon;
	return false;
}
