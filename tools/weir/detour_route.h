/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's part of a detour (tools/weir/detour.h): packets with a mark leave by a device. The
 * mark is the number of the routing table too, and made of the device's index, so that instances of
 * Weir in one network namespace have their own. Control thread.
 */
#ifndef WEIR_TOOLS_DETOUR_ROUTE_H
#define WEIR_TOOLS_DETOUR_ROUTE_H

#include <stdint.h>

struct err;

static inline uint32_t detour_mark(int ifindex)
{
	return 0x57450000u | (ifindex & 0xffff);
}

/* For AF_INET or AF_INET6; removes what killed daemons left. */
int detour_route_add(int family, int ifindex, struct err *err);
void detour_route_remove(int family, int ifindex);

#endif
