/* SPDX-License-Identifier: BSD-2-Clause */
/* Rates as the command line names them: "250kpps", "1.5Mpps", "10Gbit", "80%", "max". */
#ifndef WEIR_BENCH_RATE_H
#define WEIR_BENCH_RATE_H

#include <stdint.h>

#include "bench/setting.h"

struct err;

enum rate_unit { RATE_MAX, RATE_PPS, RATE_BITS, RATE_LINE };

struct rate {
	enum rate_unit unit;
	double value; /* packets or bits a second, or part of the line's rate */
};

setting_fn rate_read; /* struct rate */

#define RATE_WANTED "packets (250kpps, 1.5Mpps), bits (10Gbit) a second, % of the line, or max"

/* What Ethernet takes beside a frame: check sequence, preamble, gap (IEEE 802.3). */
#define RATE_OVERHEAD 24

/*
 * In packets a second, of frames that are `length` bytes long; 0: as fast as it goes. Bits are
 * those on the line, with RATE_OVERHEAD. -ERANGE: beyond the line's rate, `line_bps`, where that is
 * known; -EINVAL: a part of a rate that is not known.
 */
int rate_in_pps(const struct rate *r, double length, uint64_t line_bps, double *pps,
		struct err *err);

double rate_bps(double pps, double length); /* on the line */

#endif
