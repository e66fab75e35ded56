/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers a packet with an ICMP error from the address it was for (RFC 792, RFC 4443), in the
 * packet's own frame. Pure; a worker's thread.
 */
#ifndef WEIR_LB_ICMP_ERROR_H
#define WEIR_LB_ICMP_ERROR_H

#include <linux/if_ether.h>
#include <stdbool.h>
#include <stdint.h>

struct lb_packet;
struct packet;

/* What it says, in either family: the first eight bytes, but for the checksum. */
struct icmp_error {
	uint8_t v4_type, v4_code;
	uint8_t v6_type, v6_code;
	uint32_t v4_rest, v6_rest; /* host byte order */
};

/* "Fragmentation needed" (RFC 1191), "packet too big" (RFC 4443, 3.2): what would fit, in bytes. */
struct icmp_error icmp_error_too_big(uint32_t mtu);

/*
 * Whether a packet may be answered at all: no ICMP error, no later fragment, and from an address
 * that is one host's (RFC 1122, 3.2.2; RFC 4443, 2.4).
 */
bool icmp_error_is_allowed(const struct lb_packet *p, const struct packet *parsed);

/*
 * Turns the packet into the answer, to be sent out of the port it came in on by `mac`: data and
 * length change, within LB_HEADROOM.
 */
void icmp_error_answer(struct lb_packet *p, const struct packet *parsed,
		       const struct icmp_error *error, const uint8_t mac[ETH_ALEN]);

#endif
