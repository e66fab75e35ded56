/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fragments that came before the first of their datagram, copied. They wait until it is known where
 * that went (lb/fragments.h), or for a while. One worker's; bounded in datagrams, packets and time.
 */
#ifndef WEIR_LB_HELD_H
#define WEIR_LB_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fragment;
struct fragment_decision;
struct fragments;
struct held;
struct lb_packet;

#define HELD_DATAGRAMS 64u
#define HELD_PACKETS   1024u /* of all datagrams, in 2 MiB */
#define HELD_OF_ONE    64u   /* 65535 bytes in frames of 1500 are 45 */
#define HELD_BYTES     1792u /* a packet's, at most: what a frame has behind the kernel's headroom */
#define HELD_NS        200000000ull

struct held *held_new(void);    /* NULL without memory */
void held_free(struct held *h); /* NULL too */

/*
 * The same in memory of the caller's, zeroed, of so many bytes; and what another process has left
 * in such memory, which may lie at another address here.
 */
size_t held_size(void);
struct held *held_init(void *memory);
struct held *held_adopt(void *memory);

/* Packets held. Any thread. */
uint32_t held_count(const struct held *h);

/* Copies a packet. False: there is no room for it, or too much of its datagram is here. */
bool held_put(struct held *h, const struct lb_packet *p, const struct fragment *x, uint64_t now_ns);

/*
 * Takes out a packet whose datagram is known by now, or whose time is over: then it is to be
 * dropped. Its bytes stay where they are until the next held_put(). False: there is none.
 */
bool held_take(struct held *h, struct fragments *known, uint64_t now_ns, struct lb_packet *out,
	       struct fragment_decision *decision);

#endif
