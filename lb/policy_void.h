/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules that no packet is for, whatever stands before them. */
#ifndef WEIR_LB_POLICY_VOID_H
#define WEIR_LB_POLICY_VOID_H

#include <stdbool.h>

struct config;
struct config_rule;

/* Whether it names services alone, none of which has such a protocol and port. */
bool policy_rule_is_void(const struct config *c, const struct config_rule *r);

#endif
