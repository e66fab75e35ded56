/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the harness measures itself: a sender and a receiver at the two ends of one wire. The
 * thread that opens it stays in the sender's namespace.
 */
#ifndef WEIR_BENCH_ENGINES_H
#define WEIR_BENCH_ENGINES_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/place.h"
#include "bench/receiver.h"
#include "bench/sender.h"
#include "bench/wire.h"

struct err;

struct engines {
	struct wire wire;
	struct place from, to;
	struct receiver *receiver;
	enum receiver_ear ear; /* of it */
};

/* `threads`: of a sender, at most: so many queues there are. engines_close() in any case. */
int engines_open(struct engines *e, unsigned int threads, struct err *err);
void engines_close(struct engines *e);

/* One trial. UDP over IPv4. */
struct engines_trial {
	enum sender_engine engine;
	bool stamps;
	enum receiver_ear ear;
	uint32_t size;    /* bytes of a frame; 0: 60 */
	uint32_t threads; /* from the first CPU on, one each; 0: one, anywhere */
	double pps;       /* 0: as fast as it goes */
	double seconds;
};

/*
 * Packets a second that arrived: over the trial's time, or with RECEIVER_TIMES over that between
 * the first and the last one.
 */
int engines_try(struct engines *e, const struct engines_trial *trial, double *pps, struct err *err);

#endif
