/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program that gives every port of a range on the VIPs to one socket, for `weir backend`: on
 * this network namespace by a pinned link. Sockets are put in by whoever finds them; the kernel
 * takes one out when it is closed.
 */
#ifndef WEIR_DATAPATH_PORT_RANGES_H
#define WEIR_DATAPATH_PORT_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "bpf/port_range.h"

struct err;
struct pins;

/* Attaches it, or finds it attached. At most PORT_RANGE_MAX ranges. */
int port_ranges_attach(const struct pins *pins, const struct port_range *ranges, uint32_t count,
		       const struct addr *vips, uint32_t vip_count, struct err *err);

/* Gives the range of that index to a socket, for IPv4 or for IPv6. */
int port_ranges_set_socket(const struct pins *pins, uint32_t range, bool v6, int socket,
			   struct err *err);

/* Whether there is one. */
bool port_ranges_has_socket(const struct pins *pins, uint32_t range, bool v6);

#endif
