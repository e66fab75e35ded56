// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "lb/affinity.h"

uint64_t affinity_source_hash(const struct service *s, const struct addr *source)
{
	/* Of an IPv4 flow the hash takes the last word of the destination only. */
	uint32_t high = s->identity >> 32, low = s->identity;
	const struct flow_key key = {.source = *source, .destination = {{high, low, high, low}}};
	return flow_hash(&key, &affinity_seed);
}
