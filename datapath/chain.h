/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets that are longer than a frame (AF_XDP multi-buffer, Linux 6.6): each a chain of frames,
 * which is put together in memory of its own for whoever decides about it, and written back into
 * its frames to be sent. A packet of one frame is a chain too, and is not copied. Of one worker,
 * its thread alone.
 */
#ifndef WEIR_DATAPATH_CHAIN_H
#define WEIR_DATAPATH_CHAIN_H

#include <linux/if_ether.h>
#include <stdbool.h>
#include <stdint.h>

#include "lb/process.h"

struct frame_pool;
struct xsk;

#define CHAIN_FRAMES 40u                     /* more than the kernel makes of its longest packet */
#define CHAIN_BYTES  (65535u + ETH_HLEN + 8) /* of an IP packet, with two VLAN tags */

struct chain {
	uint32_t count;  /* frames */
	uint32_t length; /* bytes in them */
	uint8_t *bytes;  /* as it came, where there are several frames */
	struct {
		uint64_t address;
		uint32_t length;
	} frames[CHAIN_FRAMES];
};

struct chains {
	struct chain of[LB_BURST]; /* by place in the burst */
	uint8_t *memory;
};

struct chains *chains_new(void);    /* NULL: no memory */
void chains_free(struct chains *c); /* NULL too */

/*
 * Takes a burst of whole packets from a socket: data and length of each; how many. `base` is the
 * packet memory.
 */
uint32_t chains_receive(struct chains *c, struct xsk *x, uint8_t *base, struct lb_packet *burst);

/*
 * Writes a packet's bytes back into its frames and stages those at `to`; the frames it needs no
 * more go to the pool. False: there is no room, or it has become too long; its frames are still the
 * caller's.
 */
bool chain_stage(struct chain *k, struct xsk *to, uint8_t *base, const struct lb_packet *p,
		 struct frame_pool *pool);

/* Gives all frames back. */
void chain_put(struct chain *k, struct frame_pool *pool);

#endif
