/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Refuses a connection or datagram in the name of the address it was for, as a host without a
 * listener does: TCP is reset (RFC 9293, 3.10.7.1), UDP gets "port unreachable". Pure; a worker's
 * thread.
 */
#ifndef WEIR_LB_REFUSAL_H
#define WEIR_LB_REFUSAL_H

#include <linux/if_ether.h>
#include <stdbool.h>
#include <stdint.h>

struct lb_packet;
struct packet;

/*
 * Turns the packet into its refusal, to be sent out of the port it came in on by `mac`: data and
 * length change, within LB_HEADROOM. False, and nothing has changed, for what must not be answered:
 * resets, ICMP errors, fragments, what a group or no host sent.
 */
bool refusal_answer(struct lb_packet *p, const struct packet *parsed, const uint8_t mac[ETH_ALEN]);

#endif
