/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a packet arrived with the checksums it was sent with. For packets in which parse_packet()
 * found no fault, of `length` bytes from `frame`.
 */
#ifndef WEIR_LB_CHECKSUMS_H
#define WEIR_LB_CHECKSUMS_H

#include <stdbool.h>
#include <stdint.h>

struct packet;

/*
 * The IPv4 header's, and that of TCP, UDP or ICMP; of fragments the header's alone, as the other
 * one covers the whole datagram. UDP over IPv4 need not have one (RFC 768), over IPv6 it must (RFC
 * 8200, 8.1). The pseudo-header's destination is the IP header's, so what is source-routed on from
 * here has a wrong one.
 */
bool checksums_are_right(const uint8_t *frame, uint32_t length, const struct packet *p);

/*
 * TCP or UDP whose checksum field holds the pseudo-header's sum, and which is wrong: the sender's
 * kernel left it to a device that has not done it.
 */
bool checksums_are_unfinished(const uint8_t *frame, uint32_t length, const struct packet *p);

#endif
