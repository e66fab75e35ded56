/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An explanation as a document and as text:
 *
 *   {"would": "transmit", "reason": null, "service": "web", "backend": "b1", "rule": null,
 *    "interface": "eth0", "fast_path": false,
 *    "steps": [{"step": "parse", "says": "..."}, ...], "frame": "HEX"}
 *
 * `would` is transmit, drop, pass (to the host's kernel) or hold; `frame` is what would be sent.
 */
#ifndef WEIR_TOOLS_EXPLAIN_REPORT_H
#define WEIR_TOOLS_EXPLAIN_REPORT_H

#include <jansson.h>

#include "lb/policing.h"

struct config;
struct explanation;
struct flow_table;
struct registry;
struct snapshot;

/* What is asked about: a daemon's, or one that is on no network. */
struct explain_view {
	const struct config *config;
	const struct snapshot *snapshot;
	const struct flow_table *flows;
	const struct registry *services, *backends;
	const struct registry *rules;
	struct policing_peek meters; /* of the policy's limits */
};

/* NULL without memory. */
json_t *explain_report(const struct explain_view *v, const struct explanation *x);

/* Prints a document of explain_report(). */
void explain_report_print(json_t *report);

#endif
