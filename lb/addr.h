/* SPDX-License-Identifier: BSD-2-Clause */
/* Text to address and back. IPv4 is held IPv4-mapped (bpf/abi.h). */
#ifndef WEIR_LB_ADDR_H
#define WEIR_LB_ADDR_H

#include <stdbool.h>
#include <stddef.h>

#include "bpf/abi.h"

#define ADDR_TEXT 46 /* INET6_ADDRSTRLEN */

/* "192.0.2.1" or "2001:db8::1"; -EINVAL for all else (a mapped address in IPv6 notation too). */
int addr_parse(const char *text, struct addr *out);

/* Canonical text (RFC 5952 for IPv6) in `text`, which it returns. */
const char *addr_format(const struct addr *a, char text[ADDR_TEXT]);

bool addr_is_v4(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);

#endif
