/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What parsing alone costs a packet, by kind of packet, and its share of lb_process(). Each burst
 * is in the CPU's caches: what is measured is the work, not the memory.
 */
#ifndef WEIR_BENCH_PARSER_H
#define WEIR_BENCH_PARSER_H

#include <jansson.h>

#include "bench/stats.h"

struct err;

#define PARSER_KINDS 8u

struct parser_row {
	const char *name;
	double parse_ns[STATS_MAX], process_ns[STATS_MAX], share[STATS_MAX]; /* by trial */
};

/* Takes each figure `trials` times. TCP packets are of established flows. */
int parser_measure(struct parser_row rows[PARSER_KINDS], unsigned int trials, struct err *err);

/* Adds a table of them. */
void parser_report(const struct parser_row rows[PARSER_KINDS], unsigned int trials, json_t *report);

#endif
