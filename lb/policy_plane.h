/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One dimension of the policy at a time: which rules a value is for. Part of the compiler
 * (lb/policy.c).
 *
 * A set has two bits for each rule, in the order of the configuration, behind which stand the
 * default verdict, "no rule", which is for everything, and the guards of services
 * (lb/policy_ids.h):
 *   match    the rule is for such a packet
 *   covers   it is for some packets of such a packet's flow, of those that the XDP program would
 *            repeat: what differs within a flow (length, options, ...) is not asked for
 * and one bit for each kind of packet that has such a value: a packet whose fields have none in
 * common does not exist.
 */
#ifndef WEIR_LB_POLICY_PLANE_H
#define WEIR_LB_POLICY_PLANE_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/policy.h"

struct config;
struct config_rule;

/* A rule with its names looked up. */
struct policy_plan {
	const struct config_rule *rule; /* of guards the same one; NULL: the default, or none */
	uint8_t *from, *to;             /* bitmaps of identities and rows; NULL: all */
};

struct policy_planes {
	const struct config *config;
	struct policy_plan *plans;
	uint32_t rules;                     /* configured: behind them the default, then none */
	uint32_t guards;                    /* index of the first guard's plan */
	uint32_t count;                     /* of plans */
	uint32_t words;                     /* of one plane; a set has two, and one word of kinds */
	uint32_t values[POLICY_DIMENSIONS]; /* how many each dimension has */
	uint8_t port_edges[8193], length_edges[8193];
};

int policy_planes_init(struct policy_planes *p, const struct config *c); /* -ENOMEM */
void policy_planes_fini(struct policy_planes *p);

static inline uint32_t policy_planes_words(const struct policy_planes *p)
{
	return 2 * p->words + 1;
}

/* The set of a value. */
void policy_planes_set(const struct policy_planes *p, enum policy_dimension d, uint32_t value,
		       uint64_t *set);

/* Whether the set of a value may differ from that of the one before it. */
bool policy_planes_changes(const struct policy_planes *p, enum policy_dimension d, uint32_t value);

/* Whether a rule's decision is the same for all packets of a flow that it is for. */
bool policy_plan_is_static(const struct policy_plan *plan);

/* Whether it is for sources of that identity, and whether for all of their packets. */
bool policy_plan_is_from(const struct policy_plan *plan, uint32_t identity);
bool policy_plan_is_for_all(const struct policy_plan *plan);

#endif
