/* SPDX-License-Identifier: BSD-2-Clause */
/* What a driver says of its NIC, by the ethtool ioctl. It sees the caller's network namespace. */
#ifndef WEIR_TOOLS_ETHTOOL_H
#define WEIR_TOOLS_ETHTOOL_H

#include "tools/weir/facts.h"

/* Fills driver, bus, queues, rings, RSS and offloads of the NIC `n->name`; unknown stays as it is.
 */
void ethtool_look(int fd, struct nic_facts *n);

/* One of the older offload settings, ETHTOOL_GTXCSUM say. */
enum fact ethtool_offload(int fd, const char *name, uint32_t command);

/* The ifindex of a veth's other end, 0 where the driver tells none. */
int ethtool_peer(int fd, const char *name);

#endif
