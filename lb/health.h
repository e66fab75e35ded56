/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a row of check results says about a backend, and when it is to be checked next. Pure: time
 * and random bits are passed in. As in HAProxy: `fall` failures in a row take an up backend down,
 * `rise` successes in a row take it up again; the first result of all decides alone.
 */
#ifndef WEIR_LB_HEALTH_H
#define WEIR_LB_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

struct health_rule {
	uint64_t interval_ns;      /* from the beginning of a check to that of the next */
	uint64_t fast_interval_ns; /* the same while results contradict the state */
	uint32_t rise, fall;       /* at least 1 */
	uint32_t jitter_percent; /* an interval is longer or shorter by up to so much; below 100 */
};

enum health_state {
	HEALTH_UNKNOWN, /* no result yet */
	HEALTH_UP,
	HEALTH_DOWN,
};

struct health {
	uint8_t state;     /* enum health_state */
	uint32_t streak;   /* results in a row that contradict the state */
	uint64_t since_ns; /* when it got into its state */
	uint64_t due_ns;   /* when the next check begins */
};

/*
 * Begins in a state: UP for a backend that is known to have served. The first check is due at a
 * random moment of the next interval, or second where that is shorter, so that many spread.
 */
void health_init(struct health *h, const struct health_rule *rule, enum health_state state,
		 uint64_t now_ns, uint64_t random);

/* A check begins now: sets when the next one is due. */
void health_begin(struct health *h, const struct health_rule *rule, uint64_t now_ns,
		  uint64_t random);

/*
 * The result of a check. True when the state changed. The next check is due earlier, but not before
 * now, when this result makes the state doubtful.
 */
bool health_result(struct health *h, const struct health_rule *rule, bool good, uint64_t now_ns,
		   uint64_t random);

#endif
