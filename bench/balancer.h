/* SPDX-License-Identifier: BSD-2-Clause */
/* All that lb_process() needs, made from a configuration: one service with 16 backends. */
#ifndef WEIR_BENCH_BALANCER_H
#define WEIR_BENCH_BALANCER_H

#include <stdint.h>

#include "bench/frames.h"
#include "datapath/memory.h"
#include "datapath/pins.h"
#include "lb/flow_table.h"
#include "lb/process.h"

struct err;

#define BALANCER_BACKENDS 16u

struct balancer {
	struct config *config;
	struct registry *services, *backends;
	struct snapshot *snapshot;
	struct shared_array buckets, keys; /* the flow table's, as the daemon has it */
	struct memory memory;              /* where BPF arrays are not allowed: the buckets alone */
	struct flow_table flows;
	struct lb lb;
	struct lb_counters *counters; /* of lb */
};

/* Serves the VIP of bench/frames.h; its flow table has `entries` entries. -errno. */
int balancer_open(struct balancer *b, enum frames_family family, uint8_t protocol, uint32_t entries,
		  struct err *err);
void balancer_close(struct balancer *b); /* a zeroed one too */

/* What the flow table's memory is. */
const char *balancer_memory(const struct balancer *b);

/* Empties the flow table. */
void balancer_forget(struct balancer *b);

/* How many flows the table holds. */
uint64_t balancer_tracked(struct balancer *b, uint64_t now_ns);

#endif
