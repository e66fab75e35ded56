/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a study found, for people and as JSON. Alike for the same seed, but for what was measured by
 * the clock or by the allocator: in the text the line of `built`, in JSON `build_ms` and
 * `snapshot_bytes`.
 */
#ifndef WEIR_SIM_REPORT_H
#define WEIR_SIM_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "sim/study.h"

void report_head(const struct study_settings *s, FILE *out);

/* -ENOMEM, -EIO. */
int report_size(const struct study_result *r, FILE *out);

/* Of all sizes; NULL without memory. */
json_t *report_json(const struct study_settings *s, const struct study_result *results,
		    unsigned int count);

#endif
