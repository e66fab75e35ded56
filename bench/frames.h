/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packet memory as a worker has it: 2048-byte frames, one packet in each behind the kernel's
 * headroom. They are walked in one fixed random order, which no hardware prefetcher can guess: a
 * worker's frames come in no order either, once they have gone round for a while.
 *
 * All packets are alike but for the client's address and port, which come from a flow number; one
 * number is one flow, for ever.
 */
#ifndef WEIR_BENCH_FRAMES_H
#define WEIR_BENCH_FRAMES_H

#include <stdint.h>

#include "datapath/frame_pool.h"
#include "datapath/memory.h"

struct err;

#define FRAMES_COUNT    8192u /* `frames_per_queue` when nothing else is configured */
#define FRAMES_HEADROOM 256u  /* XDP_PACKET_HEADROOM */
#define FRAMES_FLOWS    (1u << 24)

/* What they are addressed to. */
#define FRAMES_VIP_IPV4 "203.0.113.10"
#define FRAMES_VIP_IPV6 "2001:db8::10"
#define FRAMES_VIP_PORT 443

enum frames_family { FRAMES_IPV4, FRAMES_IPV6 };

struct frames {
	struct memory memory;
	uint32_t *offsets; /* of the packets in the memory, in the order in which they are walked */
	enum frames_family family;
	uint8_t protocol;
	uint16_t length;             /* of a packet */
	_Alignas(4) uint8_t lead[2]; /* so that what follows the Ethernet header is aligned */
	uint8_t packet[126];
};

int frames_open(struct frames *f, struct err *err);
void frames_close(struct frames *f);

/*
 * Which packets frames_write() makes. `tcp_flags` is byte 13 of the TCP header. They are as short
 * as Ethernet allows: 60 bytes, IPv6 UDP 62, IPv6 TCP 74.
 */
void frames_shape(struct frames *f, enum frames_family family, uint8_t protocol, uint8_t tcp_flags);

/* Writes the packet of flow `flow`, below FRAMES_FLOWS, where the `index`-th packet is. */
void frames_write(struct frames *f, uint32_t index, uint32_t flow);

static inline uint8_t *frames_packet(const struct frames *f, uint32_t index)
{
	return (uint8_t *)f->memory.base + f->offsets[index];
}

#endif
