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

/* By the client's address and the service alone: neither ports nor the VIP that was asked for. */
uint64_t affinity_source_hash(const struct service *s, const struct addr *source);

/* The rarer kinds are functions of their own, so that this one stays small. */
static inline uint64_t affinity_hash(const struct service *s, const struct flow_key *k)
{
	if (__builtin_expect(s->affinity == AFFINITY_SOURCE, 0))
		return affinity_source_hash(s, &k->source);
	return flow_hash(k, &affinity_seed);
}

#endif
