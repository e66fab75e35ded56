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

static const struct flow_seed affinity_seed = {{0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9,
						0x94d049bb133111eb, 0xd6e8feb86659fd93,
						0xa0761d6478bd642f, 0xe7037ed1a0b428db}};

/*
 * The client's address and the service alone: neither ports nor the VIP that was asked for. Of an
 * IPv4 flow the hash takes the last word of the destination only.
 */
static inline struct flow_key affinity_source_key(const struct service *s, const struct flow_key *k)
{
	uint32_t high = s->identity >> 32, low = s->identity;
	return (struct flow_key){.source = k->source, .destination = {{high, low, high, low}}};
}

static inline uint64_t affinity_hash(const struct service *s, const struct flow_key *k)
{
	if (s->affinity != AFFINITY_SOURCE)
		return flow_hash(k, &affinity_seed);
	struct flow_key source = affinity_source_key(s, k);
	return flow_hash(&source, &affinity_seed);
}

#endif
