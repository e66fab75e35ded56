/* SPDX-License-Identifier: BSD-2-Clause */
/* The classes of IPv4 sources by octets of their address: struct policy_near (bpf/policy.h). */
#ifndef WEIR_LB_POLICY_NEAR_H
#define WEIR_LB_POLICY_NEAR_H

#include <stdint.h>

struct policy_near;
struct source_family;
struct source_table;

/* Of IPv4, whose family is `f`; `classes` by identity, below POLICY_NEAR_MORE. */
void policy_near_fill(struct policy_near *near, const struct source_table *sources,
		      const struct source_family *f, const uint16_t *classes);

#endif
