/* SPDX-License-Identifier: BSD-2-Clause */
/* The result of `weir-bench net` as a report. */
#ifndef WEIR_BENCH_NET_REPORT_H
#define WEIR_BENCH_NET_REPORT_H

#include <jansson.h>

struct net_result;

void net_report(const struct net_result *r, json_t *report);

#endif
