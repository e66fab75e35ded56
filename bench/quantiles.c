// SPDX-License-Identifier: BSD-2-Clause
#include "bench/quantiles.h"

#include <math.h>

#include "bpf/histogram.h"

uint64_t quantiles_count(const uint64_t *counts)
{
	uint64_t count = 0;
	for (uint32_t i = 0; i < HISTOGRAM_SLOTS; i++)
		count += counts[i];
	return count;
}

uint64_t quantiles_at(const uint64_t *counts, double part)
{
	uint64_t rank = ceil(part * quantiles_count(counts)), below = 0;
	if (!rank)
		rank = 1;
	for (uint32_t i = 0; i < HISTOGRAM_SLOTS; i++) {
		below += counts[i];
		if (below >= rank)
			return histogram_value(i);
	}
	return 0;
}
