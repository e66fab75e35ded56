/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GET /metrics: everything that is counted, in Prometheus' text format 0.0.4. Names and labels are
 * part of Weir's contract with dashboards and alerts. Control thread.
 */
#ifndef WEIR_TOOLS_METRICS_H
#define WEIR_TOOLS_METRICS_H

#include <microhttpd.h>

struct daemon;
struct metrics;

/* Keeps the memory that it took in `d->scraped` for the next one. */
enum MHD_Result metrics_answer(struct MHD_Connection *connection, struct daemon *d);

void metrics_free(struct metrics *m); /* NULL too */

#endif
