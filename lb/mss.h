/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The maximum segment size that a TCP SYN tells its receiver (RFC 9293, 3.7.1), lowered on its way
 * to what fits. Pure; a worker's thread.
 */
#ifndef WEIR_LB_MSS_H
#define WEIR_LB_MSS_H

#include <stdbool.h>
#include <stdint.h>

struct lb_packet;
struct packet;

/* Payload of a segment without options (RFC 6691) in an IP packet of `mtu` bytes. */
uint32_t mss_of(uint32_t mtu, bool v4);

/*
 * Lowers what a SYN says to `most`; its checksum stays as right or wrong as it was. What says less,
 * or nothing, stays as it is: then its receiver sends the default, which is less than any `most`
 * of use. True when something changed.
 */
bool mss_clamp(struct lb_packet *p, const struct packet *parsed, uint32_t most);

#endif
