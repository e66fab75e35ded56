/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where devices under test are measured: the near namespace with the generator and the sink, and
 * the flows that are sent. The thread that opens it stays in that namespace and on one CPU.
 */
#ifndef WEIR_BENCH_STAGE_H
#define WEIR_BENCH_STAGE_H

#include <stdint.h>

#include "bench/dut.h"
#include "bench/generator.h"
#include "bench/sink.h"

struct err;

struct stage {
	int near; /* the namespace */
	struct generator generator;
	struct sink sink;
};

/* The sink watches which backend each of so many flows goes to; 0: none. */
int stage_open(struct stage *s, uint32_t watched, struct err *err);
void stage_close(struct stage *s);

/* A wire for a device under test, with the sink at its near end. */
int stage_add(struct stage *s, struct dut *d, const char *name, struct err *err);

/* Makes Weir at the far end know UDP or TCP flows 0 to flows - 1, or as many as find a place. */
int stage_learn(struct stage *s, struct dut *d, uint8_t protocol, uint32_t flows, struct err *err);

/* From now on random flows among the first `flows`, and `flood` SYNs in 256 frames. */
void stage_mix(struct stage *s, uint32_t flows, uint32_t flood);

/* What went out and came back in some time. */
struct stage_run {
	double seconds;
	uint64_t sent[TRAFFIC_KINDS], received[TRAFFIC_KINDS];
};

/* Sends to a device as fast as it goes. */
int stage_run(struct stage *s, const struct dut *d, double seconds, struct stage_run *out,
	      struct err *err);

/* The same to one that drops: so many millions of packets a second it has dropped. */
int stage_run_drops(struct stage *s, const struct dut *d, double seconds, double *mpps,
		    struct err *err);

/* Sends each of the first `flows` flows once, slowly enough that nothing gets lost. */
int stage_send_each(struct stage *s, const struct dut *d, uint32_t flows, struct err *err);

#endif
