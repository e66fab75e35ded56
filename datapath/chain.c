// SPDX-License-Identifier: BSD-2-Clause
/*
 * A balancer changes what is in front of a packet and leaves the rest alone, so of a chain that
 * keeps its length only the first frame is written back.
 */
#include "datapath/chain.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/frame_pool.h"
#include "datapath/xsk.h"

#define DESCRIPTORS 256u /* looked at in one turn */
#define HEAD        XDP_PACKET_HEADROOM
#define STRIDE      ((HEAD + CHAIN_BYTES + LB_TAILROOM + 63) & ~63u)

_Static_assert(LB_HEADROOM <= HEAD, "lb_process() moves the start of packets");

struct chains *chains_new(void)
{
	struct chains *c = calloc(1, sizeof(*c));
	if (c)
		c->memory = malloc((size_t)LB_BURST * STRIDE);
	if (c && !c->memory) {
		free(c);
		return NULL;
	}
	return c;
}

void chains_free(struct chains *c)
{
	if (c)
		free(c->memory);
	free(c);
}

/* --- in --------------------------------------------------------------------------------------- */

static void put_together(struct chain *k, uint8_t *memory, const uint8_t *base)
{
	uint8_t *to = memory + HEAD;
	k->bytes = to;
	for (uint32_t i = 0; i < k->count; i++) {
		memcpy(to, base + k->frames[i].address, k->frames[i].length);
		to += k->frames[i].length;
	}
}

static void hand_out(struct chains *c, uint32_t index, uint8_t *base, struct lb_packet *p)
{
	struct chain *k = &c->of[index];
	k->bytes = NULL;
	p->length = k->length;
	p->data = base + k->frames[0].address;
	if (k->count == 1)
		return;
	put_together(k, c->memory + (size_t)index * STRIDE, base);
	p->data = k->bytes;
}

uint32_t chains_receive(struct chains *c, struct xsk *x, uint8_t *base, struct lb_packet *burst)
{
	uint32_t index, packets = 0, used = 0;
	/* Else it would not be looked for more while a part of a packet is left over. */
	x->rx.cached_prod = __atomic_load_n(x->rx.producer, __ATOMIC_ACQUIRE);
	uint32_t there = xsk_ring_cons__peek(&x->rx, DESCRIPTORS, &index);
	struct chain *k = &c->of[0];
	k->count = k->length = 0;
	for (uint32_t i = 0; i < there && packets < LB_BURST; i++) {
		const struct xdp_desc *d = xsk_ring_cons__rx_desc(&x->rx, index + i);
		if (k->count == CHAIN_FRAMES || k->length + d->len > CHAIN_BYTES)
			break; /* no kernel makes such a one, or its worker would stand still */
		k->frames[k->count].address = d->addr;
		k->frames[k->count++].length = d->len;
		k->length += d->len;
		if (d->options & XDP_PKT_CONTD)
			continue;
		hand_out(c, packets, base, &burst[packets]);
		used = i + 1;
		if (++packets < LB_BURST) {
			k = &c->of[packets];
			k->count = k->length = 0;
		}
	}
	/* The rest of the last one is still to come. */
	xsk_ring_cons__cancel(&x->rx, there - used);
	xsk_ring_cons__release(&x->rx, used);
	return packets;
}

/* --- out -------------------------------------------------------------------------------------- */

/* Leaves in the frames what each has of the packet as it is now; how many it needs, 0: too long. */
static uint32_t share_out(struct chain *k, const struct lb_packet *p)
{
	int32_t grown = (k->bytes ? k->bytes : p->data) - p->data;
	uint32_t left = p->length, count = 0;
	k->frames[0].address -= grown;
	k->frames[0].length += grown;
	while (left && count < k->count) {
		if (k->frames[count].length > left)
			k->frames[count].length = left;
		left -= k->frames[count++].length;
	}
	return left ? 0 : count;
}

static void write_back(const struct chain *k, uint8_t *base, const struct lb_packet *p,
		       uint32_t count)
{
	bool same = p->length == k->length + (k->bytes - p->data);
	const uint8_t *from = p->data;
	for (uint32_t i = 0; i < count && (!i || !same); i++) {
		memcpy(base + k->frames[i].address, from, k->frames[i].length);
		from += k->frames[i].length;
	}
}

bool chain_stage(struct chain *k, struct xsk *to, uint8_t *base, const struct lb_packet *p,
		 struct frame_pool *pool)
{
	uint32_t index;
	if (k->count == 1)
		return xsk_stage(to, p->data - base, p->length);
	uint32_t count = share_out(k, p);
	if (!count || xsk_ring_prod__reserve(&to->tx, count, &index) != count)
		return false;
	write_back(k, base, p, count);
	for (uint32_t i = 0; i < count; i++)
		*xsk_ring_prod__tx_desc(&to->tx, index + i) = (struct xdp_desc){
			.addr = k->frames[i].address,
			.len = k->frames[i].length,
			.options = i + 1 < count ? XDP_PKT_CONTD : 0,
		};
	to->staged += count;
	to->continued += count - 1;
	for (uint32_t i = count; i < k->count; i++)
		frame_pool_put(pool, k->frames[i].address);
	return true;
}

void chain_put(struct chain *k, struct frame_pool *pool)
{
	for (uint32_t i = 0; i < k->count; i++)
		frame_pool_put(pool, k->frames[i].address);
}
