/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's netdev family of generic netlink (Documentation/netlink/specs/netdev.yaml,
 * Linux 6.3): what a driver announces about XDP.
 */
#ifndef WEIR_TOOLS_NETDEV_H
#define WEIR_TOOLS_NETDEV_H

#include <stdbool.h>

struct netdev_xdp {
	bool native, zerocopy, transmits; /* redirected packets too */
};

/* -ENOENT where the kernel has no such family or driver, else -errno. */
int netdev_xdp_features(int ifindex, struct netdev_xdp *out);

#endif
