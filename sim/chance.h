/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is drawn by chance: the same row of numbers from the same seed (splitmix64: Steele, Lea and
 * Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
 */
#ifndef WEIR_SIM_CHANCE_H
#define WEIR_SIM_CHANCE_H

#include <math.h>
#include <stdint.h>

#include "bpf/flow.h"

struct chance {
	uint64_t state;
};

/* A row of its own for each `stream` of one seed. */
static inline struct chance chance_of(uint64_t seed, uint64_t stream)
{
	return (struct chance){flow_mix(seed ^ flow_mix(stream + 1))};
}

static inline uint64_t chance_next(struct chance *c)
{
	c->state += 0x9e3779b97f4a7c15ull;
	return flow_mix(c->state);
}

/* From 0 on, below 1. */
static inline double chance_real(struct chance *c)
{
	return (chance_next(c) >> 11) * 0x1p-53;
}

static inline uint32_t chance_below(struct chance *c, uint32_t n)
{
	return (chance_next(c) >> 32) * n >> 32;
}

static inline double chance_exponential(struct chance *c, double mean)
{
	return -mean * log1p(-chance_real(c));
}

#endif
