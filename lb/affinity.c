// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "lb/affinity.h"

uint64_t affinity_source_hash(const struct service *s, const struct addr *source)
{
	const struct flow_key key = {
		.source = *source,
		.destination = {{s->identity >> 32, s->identity}},
	};
	return flow_hash(&key, &affinity_seed);
}
