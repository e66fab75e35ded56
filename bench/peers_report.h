/* SPDX-License-Identifier: BSD-2-Clause */
/* What `weir-bench peers` found: the table, and in words who is ahead of whom. */
#ifndef WEIR_BENCH_PEERS_REPORT_H
#define WEIR_BENCH_PEERS_REPORT_H

#include <jansson.h>

#include "bench/peers.h"

/* `all`: by peers_ways. */
void peers_report(const struct peers_options *o, const struct peers_measured *all, json_t *report);

#endif
