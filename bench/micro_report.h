/* SPDX-License-Identifier: BSD-2-Clause */
/* The result of `weir-bench micro` as a report. */
#ifndef WEIR_BENCH_MICRO_REPORT_H
#define WEIR_BENCH_MICRO_REPORT_H

#include <jansson.h>

struct micro_result;

void micro_report(const struct micro_result *r, json_t *report);

#endif
