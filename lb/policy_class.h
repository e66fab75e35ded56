/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Classes of values that no rule tells apart, for the compiler of the policy (lb/policy.c):
 * numbered sets of bits, each set once.
 */
#ifndef WEIR_LB_POLICY_CLASS_H
#define WEIR_LB_POLICY_CLASS_H

#include <stdbool.h>
#include <stdint.h>

struct policy_classes {
	uint32_t words; /* 64-bit ones, of each set */
	uint32_t count, room;
	uint64_t *sets;
	uint32_t *index; /* open addressing: number + 1; 0: free */
	uint32_t index_mask;
};

int policy_classes_init(struct policy_classes *c, uint32_t words); /* -ENOMEM */
void policy_classes_fini(struct policy_classes *c);                /* a zeroed one too */

static inline uint64_t *policy_classes_set(const struct policy_classes *c, uint32_t number)
{
	return c->sets + (uint64_t)number * c->words;
}

/* The number of a set, which is added if it is new; or -ENOMEM. */
int64_t policy_classes_add(struct policy_classes *c, const uint64_t *set);

#endif
