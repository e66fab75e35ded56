// SPDX-License-Identifier: BSD-2-Clause
#include "bench/latency_rows.h"

#include <math.h>

#include "bench/quantiles.h"
#include "bench/report.h"

void latency_fill_row(json_t *row, const uint64_t *counts)
{
	static const struct {
		const char *key;
		double part;
	} figures[] = {{"p50_us", 0.5},
		       {"p90_us", 0.9},
		       {"p99_us", 0.99},
		       {"p999_us", 0.999},
		       {"max_us", 1}};
	if (!quantiles_count(counts))
		return;
	for (unsigned int i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		report_number(row, figures[i].key, quantiles_at(counts, figures[i].part) / 1e3);
}

/* The x axis is 1/(1 - part), by which HdrHistogram's plots are drawn: 2, 10, 100, 1000... */
void latency_fill_curve(json_t *curve, const uint64_t *counts)
{
	for (double x = 1; x <= 10000; x *= 1.2589254117941673)
		report_point(curve, x, quantiles_at(counts, 1 - 1 / x) / 1e3);
}
