/* SPDX-License-Identifier: BSD-2-Clause */
/* Which interface of this host has an address. */
#ifndef WEIR_TOOLS_LOCAL_ADDRESS_H
#define WEIR_TOOLS_LOCAL_ADDRESS_H

#include <net/if.h>
#include <stdbool.h>

struct addr;

/* False: none, or the kernel does not say. */
bool local_address_find(const struct addr *a, char interface[IF_NAMESIZE]);

#endif
