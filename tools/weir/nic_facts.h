/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts of one interface, for `weir doctor`. */
#ifndef WEIR_TOOLS_NIC_FACTS_H
#define WEIR_TOOLS_NIC_FACTS_H

#include "tools/weir/facts.h"

struct rtnetlink;

/* Fills all but what the configuration and the daemon say; what can't be found out stays unknown.
 */
void nic_facts_look(struct nic_facts *n, const char *name, struct rtnetlink *r);

#endif
