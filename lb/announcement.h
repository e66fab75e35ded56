/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame that tells a link who has a VIP now. IPv4: an ARP announcement (RFC 5227, 1.1: a
 * request with sender and target address the same). IPv6: an unsolicited neighbour advertisement
 * to all nodes (RFC 4861, 7.2.6).
 */
#ifndef WEIR_LB_ANNOUNCEMENT_H
#define WEIR_LB_ANNOUNCEMENT_H

#include <linux/if_ether.h>
#include <stdint.h>

#include "bpf/abi.h"

#define ANNOUNCEMENT_MAX 86u

/* Writes the frame that says "`mac` has `vip`" and returns its length. */
uint32_t announcement_build(const struct addr *vip, const uint8_t mac[ETH_ALEN],
			    uint8_t frame[ANNOUNCEMENT_MAX]);

#endif
