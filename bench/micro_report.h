/* SPDX-License-Identifier: BSD-2-Clause */
/* The result of `weir-bench micro` for people, for programs and for documents. */
#ifndef WEIR_BENCH_MICRO_REPORT_H
#define WEIR_BENCH_MICRO_REPORT_H

#include <stdio.h>

struct micro_result;

/* -ENOMEM, or -EIO when `out` takes no more. */
int micro_print(const struct micro_result *r, FILE *out);
int micro_write_json(const struct micro_result *r, FILE *out);
int micro_write_markdown(const struct micro_result *r, FILE *out);

#endif
