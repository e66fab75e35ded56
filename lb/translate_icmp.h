/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP errors about packets of a `nat` flow, on the way to who sent those packets. Any thread.
 *
 * What an error quotes is a packet that its receiver knows by other addresses and ports: it is
 * translated back (RFC 5508, 4.2), and from one family to the other with the error itself (RFC
 * 7915, 4.2 to 4.5, 5.2 to 5.5). The error comes from the address that all of the flow's packets
 * come from: so it reaches a backend that has no route to whatever router made it, and says nothing
 * of routers behind Weir to clients.
 */
#ifndef WEIR_LB_TRANSLATE_ICMP_H
#define WEIR_LB_TRANSLATE_ICMP_H

#include "bpf/abi.h"

struct lb_packet;
struct packet;
struct translation;

/*
 * Of an error that parse_packet() gave a flow's key. As translate_packet(); REASON_MALFORMED_ICMP:
 * a checksum is wrong, which must not become right.
 */
enum reason translate_icmp(struct lb_packet *p, const struct packet *parsed,
			   const struct translation *x);

#endif
