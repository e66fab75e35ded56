/* SPDX-License-Identifier: BSD-2-Clause */
/* `weir-bench micro`: what lb_process() costs a packet, beside only touching the same packets. */
#ifndef WEIR_BENCH_MICRO_H
#define WEIR_BENCH_MICRO_H

#include <stdint.h>

#include "bench/calls.h"
#include "bench/frames.h"
#include "bench/parser.h"
#include "bench/stats.h"
#include "datapath/memory.h"

/* One line of the result: one sort of traffic. */
struct micro_row {
	enum frames_family family;
	uint8_t protocol;
	uint32_t flows;   /* known ones, drawn at random; 0: each packet opens a new flow */
	uint64_t tracked; /* how many of them found a place in the flow table */
	double touch_ns[STATS_MAX], process_ns[STATS_MAX], ratio[STATS_MAX]; /* by trial */
};

struct micro_result {
	int cpu; /* that it ran on */
	uint32_t trials;
	uint32_t entries;                        /* of the flow table */
	const char *packet_memory, *flow_memory; /* what kind */
	struct calls calls;
	unsigned int row_count;
	struct micro_row *rows;
	struct parser_row parser[PARSER_KINDS];
};

int command_micro(int argc, char **argv);

#endif
