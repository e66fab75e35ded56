/* SPDX-License-Identifier: BSD-2-Clause */
/* One rule of the policy, from how the user wrote it to how the XDP program has it. */
#ifndef WEIR_LB_POLICY_RULE_H
#define WEIR_LB_POLICY_RULE_H

struct config;
struct config_rule;
struct policy_rule;
struct registry;

/* `backends` has the next hops of redirects, by policy_hop_key(). `out` is zeroed. */
void policy_rule_fill(const struct config *c, const struct registry *backends,
		      const struct config_rule *from, struct policy_rule *out);

#endif
