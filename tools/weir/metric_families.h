/* SPDX-License-Identifier: BSD-2-Clause */
/* All metrics by name, in the order in which they are told. */
#ifndef WEIR_TOOLS_METRIC_FAMILIES_H
#define WEIR_TOOLS_METRIC_FAMILIES_H

#include <stddef.h>

#include "tools/weir/metric_rows.h"
#include "tools/weir/metric_text.h"

struct metric_family {
	const char *name;
	const char *type, *help; /* NULL: as the entry before, of the same name */
	enum metric_scope scope;
	unsigned int figure; /* of the scope's rows */
	enum metric_unit unit;
	const char *more;   /* labels that it has besides its row's, or NULL */
	const char *suffix; /* what the samples' name has behind the family's, or NULL */
};

extern const struct metric_family metric_families[];
extern const size_t metric_family_count;

#endif
