/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `weir-bench net`: Weir as it is installed, over virtual Ethernet in namespaces, beside a baseline
 * that is measured in turns with it. All packets are counted where they come back to.
 */
#ifndef WEIR_BENCH_NET_H
#define WEIR_BENCH_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/setting.h"
#include "bench/stats.h"

struct err;

#define NET_TRIALS_MAX  100u
#define NET_ROWS_MAX    SETTING_COUNTS
#define NET_METHODS_MAX 16u /* rows of methods of forwarding */
#define NET_FILTER_ROWS 8u  /* of what is refused */

/* What there is to measure. */
#define NET_FAST    (1u << 0)
#define NET_METHODS (1u << 1)
#define NET_WORKERS (1u << 2)
#define NET_FLOOD   (1u << 3)
#define NET_FILTER  (1u << 4)
#define NET_CAPTURE (1u << 5)
#define NET_ALL     ((1u << 6) - 1)

struct net_options {
	struct setting_counts flows;
	uint32_t trials;
	uint32_t seconds;       /* of each trial */
	uint32_t flood_seconds; /* 0: no flood */
	uint32_t flood_flows;
	uint32_t parts; /* NET_* */
	const char *weir, *folder;
	int generator_cpu, worker_cpu;
};

/* One line of the result: Weir beside its baseline. */
struct net_row {
	const char *way, *baseline;
	const char *forward; /* NULL: dsr */
	bool by_workers;     /* without the fast path */
	uint32_t flows;
	uint64_t tracked; /* of them, in the flow table */
	double target;    /* the ratio that is wanted */
	double mpps[NET_TRIALS_MAX], baseline_mpps[NET_TRIALS_MAX], ratio[NET_TRIALS_MAX];
	char missing[256]; /* why there is no baseline; "": there is */
};

/* Established TCP connections while SYNs from everywhere come as fast as the generator can. */
struct net_flood {
	bool measured;
	uint32_t flows, seconds;
	uint64_t before, after; /* established, in the flow table */
	uint64_t moved;         /* packets that went to another backend than those before */
	uint64_t missed_before; /* of one packet of each: not repeated, so not known */
	uint64_t missed_after;  /* the same after the flood */
	double calm_mpps,
		calm_share; /* of their packets, without a flood: rate, and part delivered */
	double mpps, share; /* with it */
	double syn_mpps, syn_share; /* of the SYNs */
};

/* Of flows beside packets that are dropped: delivered a second, and which part of what was sent. */
struct net_beside {
	double mpps, share;
	double dropped_mpps;
};

/* Flows forwarded while other packets are dropped, and all drops captured: all trials together. */
struct net_capture {
	bool measured;
	uint64_t dropped, captured, lost;
	/* Of each trial, without the capture and with it. */
	struct net_beside calm[NET_TRIALS_MAX], armed[NET_TRIALS_MAX];
};

struct net_result {
	struct net_options options;
	unsigned int row_count;
	struct net_row rows[2 * NET_ROWS_MAX + NET_METHODS_MAX + NET_FILTER_ROWS + 2];
	struct net_flood flood;
	struct net_capture capture;
	double load_seconds; /* of a list of a million prefixes; 0: not measured */
};

/* Measures what out->options says; the thread stays in another network namespace. */
int net_measure(struct net_result *out, struct err *err);
int net_measure_capture(struct net_result *out, struct err *err);
int net_measure_filter(struct net_result *out, struct err *err);
int net_measure_flood(const struct net_options *o, struct net_flood *out, struct err *err);

#endif
