// SPDX-License-Identifier: BSD-2-Clause
/* Addresses are gone through in ascending order, and the ranges beside them. Pure. */
#include "lb/policy_near.h"

#include <stdbool.h>

#include "bpf/policy.h"
#include "lb/sources.h"

struct maker {
	struct policy_near *near;
	const struct source_range *ranges;
	uint32_t count, at; /* the last range that begins at the address or before, if any does */
	const uint16_t *classes;
	uint32_t blocks; /* in use */
};

static void advance(struct maker *m, uint64_t address)
{
	while (m->at + 1 < m->count && m->ranges[m->at + 1].first <= address)
		m->at++;
}

static uint16_t class_at(const struct maker *m, uint64_t address)
{
	bool known = m->at < m->count && m->ranges[m->at].first <= address;
	return m->classes[known ? m->ranges[m->at].value : 0];
}

/* Whether all addresses up to `end` are of the class of the one at hand. */
static bool is_alike(const struct maker *m, uint64_t address, uint64_t end)
{
	uint16_t class = class_at(m, address);
	for (uint32_t i = m->at; i < m->count && m->ranges[i].first < end; i++)
		if (m->ranges[i].first > address && m->classes[m->ranges[i].value] != class)
			return false;
	return true;
}

/* The cell of the 2^bits addresses from `first` on. Calls itself once at most: for the last octet.
 */
static uint16_t cell_of(struct maker *m, uint64_t first, uint32_t bits)
{
	advance(m, first);
	if (is_alike(m, first, first + (1ull << bits)))
		return class_at(m, first);
	if (m->blocks == POLICY_NEAR_BLOCKS)
		return POLICY_NEAR_FAR;
	uint32_t block = m->blocks++;
	for (uint64_t i = 0; i < 256; i++)
		m->near->blocks[block][i] = cell_of(m, first + (i << (bits - 8)), bits - 8);
	return POLICY_NEAR_MORE | block;
}

void policy_near_fill(struct policy_near *near, const struct source_table *sources,
		      const struct source_family *f, const uint16_t *classes)
{
	struct maker m = {.near = near, .classes = classes};
	if (f->slots) {
		const struct source_slot *last = &sources->slots[f->slot + f->slots - 1];
		uint32_t first = sources->slots[f->slot].first;
		m.ranges = sources->ranges + first;
		m.count = last->first + last->more + 1 - first;
	}
	for (uint64_t i = 0; i < 65536; i++)
		near->upper[i] = cell_of(&m, i << 16, 16);
}
