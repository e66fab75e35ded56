/* SPDX-License-Identifier: BSD-2-Clause */
/* A plot of a report (bench/report.h) as SVG, by gnuplot. */
#ifndef WEIR_BENCH_PLOT_H
#define WEIR_BENCH_PLOT_H

#include <jansson.h>
#include <stdio.h>

/* Writes the <svg> element. -ENOENT: there is no gnuplot; -EIO. */
int plot_write_svg(json_t *plot, FILE *out);

#endif
