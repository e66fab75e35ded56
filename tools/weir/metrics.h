/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GET /metrics: everything that is counted, in Prometheus' text format 0.0.4. Names and labels are
 * part of Weir's contract with dashboards and alerts. Control thread.
 */
#ifndef WEIR_TOOLS_METRICS_H
#define WEIR_TOOLS_METRICS_H

#include <microhttpd.h>

struct daemon;

enum MHD_Result metrics_answer(struct MHD_Connection *connection, const struct daemon *d);

#endif
