/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whom this host must not be cut off from: the gateways of its default routes, and who is connected
 * to its port 22.
 */
#ifndef WEIR_TOOLS_CONTROL_NETWORK_H
#define WEIR_TOOLS_CONTROL_NETWORK_H

struct policy_listener;
struct policy_tables;
struct registry;

/* Says which rule would drop what one of them sends to this host, by name. How many. */
unsigned int control_network_tell(const struct policy_tables *policy, const struct registry *rules,
				  const struct policy_listener *listener);

#endif
