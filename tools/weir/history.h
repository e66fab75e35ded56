/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the last minutes were like: packets a second, sampled from the counters, for the plots of
 * who begins to look only now. Control thread.
 */
#ifndef WEIR_TOOLS_HISTORY_H
#define WEIR_TOOLS_HISTORY_H

#include <jansson.h>
#include <stdint.h>

#define HISTORY_LENGTH     300u /* samples */
#define HISTORY_INTERVAL_S 2u

struct engine;

/* Counters, and the same as rates. */
struct history_sample {
	uint64_t received, fast, worker, passed, dropped;
};

struct history {
	struct history_sample rates[HISTORY_LENGTH]; /* a ring */
	uint32_t next, count;
	struct history_sample last; /* counters at `last_ns` */
	uint64_t last_ns;           /* 0: none yet */
};

/* To be called often: takes a sample when it is time. */
void history_tick(struct history *h, const struct engine *e, uint64_t now_ns);

/* Adds the rates since the counters that it was given before. */
void history_add(struct history *h, const struct history_sample *now, uint64_t now_ns);

/* {"interval_s", "length", "received": [...], ...}, the oldest first; NULL without memory. */
json_t *history_json(const struct history *h);

#endif
