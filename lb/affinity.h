/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of a packet picks its slot in a service's Maglev table. Every node must choose alike, so
 * nothing drawn by chance goes in: the seed is fixed (the flow table's, lb/flow_table.h, is not),
 * and a service is known by its name, not by its id.
 */
#ifndef WEIR_LB_AFFINITY_H
#define WEIR_LB_AFFINITY_H

#include "bpf/flow.h"
#include "lb/snapshot.h"

static const struct flow_seed affinity_seed = {.k0 = 0x57656972, .k1 = 0x4d61676c6576};

/* The client's address and the service alone: neither ports nor the VIP that was asked for. */
static inline struct flow_key affinity_source_key(const struct service *s, const struct flow_key *k)
{
	return (struct flow_key){
		.source = k->source,
		.destination = {{s->identity >> 32, s->identity}},
	};
}

static inline uint64_t affinity_hash(const struct service *s, const struct flow_key *k)
{
	if (s->affinity != AFFINITY_SOURCE)
		return flow_hash(k, &affinity_seed);
	struct flow_key source = affinity_source_key(s, k);
	return flow_hash(&source, &affinity_seed);
}

#endif
