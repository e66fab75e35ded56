/* SPDX-License-Identifier: BSD-2-Clause */
/* The result of `weir-bench net`, for people, documents and programs. 0 or -errno. */
#ifndef WEIR_BENCH_NET_REPORT_H
#define WEIR_BENCH_NET_REPORT_H

#include <stdio.h>

struct net_result;

int net_print(const struct net_result *r, FILE *out);
int net_write_markdown(const struct net_result *r, FILE *out);
int net_write_json(const struct net_result *r, FILE *out);

#endif
