/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One trial: packets at a rate for some seconds, and what came of them. Counted where they arrive,
 * after they had time to; what should have been sent and was not is lost (RFC 2544, 26).
 */
#ifndef WEIR_BENCH_TRIAL_H
#define WEIR_BENCH_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct receiver;
struct sender;

/* Sender and receiver, and the pauses between trials. */
struct trial_setup {
	struct sender *sender;
	struct receiver *receiver;
	double settle_s;          /* before each trial: queues run empty, timers expire */
	uint64_t *latency_before; /* HISTOGRAM_SLOTS counters, or NULL: latencies are not read */
};

struct trial {
	/* Asked for. */
	double pps; /* 0: as fast as it goes */
	double seconds;
	uint64_t count; /* 0: as the two above say */

	/* Found. */
	uint64_t wanted, sent, received; /* packets: each received once */
	uint64_t reordered, duplicates;
	double took_s;
	double loss;       /* ratio of `wanted` */
	double rate;       /* received a second of the time that was asked for */
	uint64_t *latency; /* HISTOGRAM_SLOTS counters to be added to, or NULL */
};

int trial_run(const struct trial_setup *s, struct trial *t, struct err *err);

#endif
