/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The forms of a report (bench/report.h). Each takes any document, from a file too, and leaves out
 * what it does not understand. -ENOMEM, -EIO; those with plots: what gnuplot said is on stderr.
 */
#ifndef WEIR_BENCH_REPORT_WRITE_H
#define WEIR_BENCH_REPORT_WRITE_H

#include <jansson.h>
#include <stdio.h>

int report_write_text(json_t *report, FILE *out);
int report_write_markdown(json_t *report, FILE *out);
int report_write_csv(json_t *report, FILE *out);
int report_write_html(json_t *report, FILE *out); /* one page, nothing of it elsewhere */

/* The page of several reports, one after another. */
int reports_write_html(json_t *const *reports, size_t count, FILE *out);

#endif
