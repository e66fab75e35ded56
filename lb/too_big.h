/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The answer to a packet that does not fit its way to the backend: "fragmentation needed" (RFC 792,
 * 1191) or "packet too big" (RFC 4443, 3.2), from the VIP to the client, in the packet's own frame.
 */
#ifndef WEIR_LB_TOO_BIG_H
#define WEIR_LB_TOO_BIG_H

#include <linux/if_ether.h>
#include <stdbool.h>
#include <stdint.h>

struct lb_packet;
struct packet;

/*
 * Whether a packet may be answered at all: no ICMP error, no later fragment, and from an address
 * that is one host's (RFC 1122, 3.2.2; RFC 4443, 2.4).
 */
bool too_big_may_answer(const struct lb_packet *p, const struct packet *parsed);

/*
 * Turns the packet into the answer, to be sent out of the port it came in on by `mac`: data and
 * length change, within LB_HEADROOM. `mtu` is how long the client's IP packets may be.
 */
void too_big_answer(struct lb_packet *p, const struct packet *parsed, uint32_t mtu,
		    const uint8_t mac[ETH_ALEN]);

#endif
