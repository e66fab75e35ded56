/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prefixes of addresses. Lengths count in the IPv6 form that addresses are held in (bpf/abi.h): an
 * IPv4 prefix /28 has 124. Length 0 stands for the address alone.
 */
#ifndef WEIR_LB_PREFIX_H
#define WEIR_LB_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "lb/addr.h"

#define PREFIX_TEXT (ADDR_TEXT + 4)
#define PREFIX_FULL 128u

/*
 * "192.0.2.0/24" or "2001:db8::/32", or an address alone, whose length is PREFIX_FULL. Bits behind
 * the length are left as they are. -EINVAL for all else.
 */
int prefix_parse(const char *text, struct addr *base, uint32_t *length);

/* The address with all bits behind `length` zero. */
struct addr prefix_mask(const struct addr *a, uint32_t length);

/* Whether the prefix (or the one address) has `a`. */
bool prefix_holds(const struct addr *base, uint32_t length, const struct addr *a);

/* How many addresses it has; UINT32_MAX stands for those and more. */
uint32_t prefix_size(uint32_t length);

/* Its n-th address, from 0. */
struct addr prefix_address(const struct addr *base, uint32_t n);

/* "203.0.113.0/28", or the address alone, in `text`, which it returns. */
const char *prefix_format(const struct addr *base, uint32_t length, char text[PREFIX_TEXT]);

#endif
