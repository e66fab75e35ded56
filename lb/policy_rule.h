/* SPDX-License-Identifier: BSD-2-Clause */
/* One rule of the policy, from how the user wrote it to how the XDP program has it. */
#ifndef WEIR_LB_POLICY_RULE_H
#define WEIR_LB_POLICY_RULE_H

#include <stdint.h>

struct config;
struct config_rule;
struct config_service;
struct policy_rule;
struct registry;

/* `backends` has the next hops of redirects, by policy_hop_key(). `out` is zeroed. */
void policy_rule_fill(const struct config *c, const struct registry *backends,
		      const struct config_rule *from, struct policy_rule *out);

/* The guard of a service (lb/policy_ids.h). */
void policy_rule_fill_guard(const struct config *c, const struct config_service *s,
			    struct policy_rule *out);

/* What a half-open flow of a service costs its guard, in meter time; 0: it has none. */
uint64_t policy_half_open_cost(const struct config *c, const struct config_service *s);

#endif
