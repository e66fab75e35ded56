/* SPDX-License-Identifier: BSD-2-Clause */
/* How reports tell of latencies: the columns that all tables of them have, in microseconds. */
#ifndef WEIR_BENCH_LATENCY_ROWS_H
#define WEIR_BENCH_LATENCY_ROWS_H

#include <jansson.h>
#include <stdint.h>

#define LATENCY_COLUMNS                                                                   \
	{"p50_us", "p50 us", REPORT_REAL, .digits = 1, .better = REPORT_LESS},            \
		{"p90_us", "p90 us", REPORT_REAL, .digits = 1, .better = REPORT_LESS},    \
		{"p99_us", "p99 us", REPORT_REAL, .digits = 1, .better = REPORT_LESS},    \
		{"p999_us", "p99.9 us", REPORT_REAL, .digits = 1, .better = REPORT_LESS}, \
	{                                                                                 \
		"max_us", "max us", REPORT_REAL, .digits = 1                              \
	}

/* Fills them from HISTOGRAM_SLOTS counters; nothing where all are 0. */
void latency_fill_row(json_t *row, const uint64_t *counts);

/* A curve of the latency that so many percent of the packets do not exceed, 50 to 99.99. */
void latency_fill_curve(json_t *curve, const uint64_t *counts);

#endif
