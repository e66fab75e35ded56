/* SPDX-License-Identifier: BSD-2-Clause */
/* Two runs of the same benchmarks, figure by figure. */
#ifndef WEIR_BENCH_COMPARE_H
#define WEIR_BENCH_COMPARE_H

#include <jansson.h>

struct err;

/*
 * Lists of reports; adds a table to `out` of the figures that both have: tables are matched by
 * benchmark and name, rows by their names. -EINVAL: they have none in common.
 */
int compare_reports(json_t *before, json_t *after, json_t *out, struct err *err);

#endif
