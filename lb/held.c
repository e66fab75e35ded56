// SPDX-License-Identifier: BSD-2-Clause
/*
 * Packets are copied, instead of keeping their frames: so no flood of fragments takes frames from
 * the receive path, a frame has the owners it always had, and who has no frames (replay) can hold
 * packets too. What waits is rare; the copy costs less than what it waits for.
 *
 * A datagram has a list of its packets, in the order they came. Its time runs from the first of
 * them. Worker thread; others may read the count.
 */
#include "lb/held.h"

#include <stdlib.h>
#include <string.h>

#include "lb/fragments.h"
#include "lb/process.h"

#define NONE UINT16_MAX

struct slot {
	struct lb_packet packet; /* its data in `bytes` */
	struct fragment fragment;
	uint16_t next;
	uint8_t bytes[LB_HEADROOM + HELD_BYTES + LB_TAILROOM];
};

struct waiting {
	struct flow_key key;
	uint64_t deadline_ns;
	uint16_t first, last; /* slots, if there is a packet */
	uint16_t count;       /* 0: the entry is free */
};

struct held {
	struct held *self; /* where it was when the slots' packets were pointed into it */
	uint32_t count;
	uint32_t used;        /* slots that were ever used: the memory of the rest is not touched */
	uint16_t free;        /* list of slots */
	uint64_t version;     /* of the table of datagrams, when all were looked at */
	uint64_t deadline_ns; /* the first one, if any packet is here */
	struct waiting datagrams[HELD_DATAGRAMS];
	struct slot slots[HELD_PACKETS];
};

struct held *held_new(void)
{
	void *memory = calloc(1, held_size());
	return memory ? held_init(memory) : NULL;
}

size_t held_size(void)
{
	return sizeof(struct held);
}

struct held *held_init(void *memory)
{
	struct held *h = memory;
	h->free = NONE;
	h->self = h;
	return h;
}

struct held *held_adopt(void *memory)
{
	struct held *h = memory;
	intptr_t moved = (uint8_t *)h - (uint8_t *)h->self;
	for (uint32_t i = 0; i < h->used; i++)
		h->slots[i].packet.data += moved;
	h->self = h;
	return h;
}

void held_free(struct held *h)
{
	free(h);
}

uint32_t held_count(const struct held *h)
{
	return __atomic_load_n(&h->count, __ATOMIC_RELAXED);
}

static void set_count(struct held *h, uint32_t count)
{
	__atomic_store_n(&h->count, count, __ATOMIC_RELAXED);
}

/* --- putting in ------------------------------------------------------------------------------ */

/* The datagram's entry, or a free one, or NULL. */
static struct waiting *find_room(struct held *h, const struct flow_key *key)
{
	struct waiting *room = NULL;
	for (unsigned int i = 0; i < HELD_DATAGRAMS; i++) {
		struct waiting *d = &h->datagrams[i];
		if (!d->count)
			room = room ? room : d;
		else if (!memcmp(&d->key, key, sizeof(*key)))
			return d;
	}
	return room;
}

static uint16_t take_slot(struct held *h)
{
	uint16_t slot = h->free;
	if (slot == NONE)
		return h->used < HELD_PACKETS ? h->used++ : NONE;
	h->free = h->slots[slot].next;
	return slot;
}

static void append(struct held *h, struct waiting *d, uint16_t slot)
{
	h->slots[slot].next = NONE;
	if (d->count)
		h->slots[d->last].next = slot;
	else
		d->first = slot;
	d->last = slot;
	d->count++;
	set_count(h, h->count + 1);
}

bool held_put(struct held *h, const struct lb_packet *p, const struct fragment *x, uint64_t now_ns)
{
	struct waiting *d = find_room(h, &x->key);
	if (p->length > HELD_BYTES || !d || d->count == HELD_OF_ONE)
		return false;
	uint16_t slot = take_slot(h);
	if (slot == NONE)
		return false;
	struct slot *to = &h->slots[slot];
	to->packet = *p;
	to->packet.data = to->bytes + LB_HEADROOM;
	to->fragment = *x;
	memcpy(to->packet.data, p->data, p->length);
	if (!d->count) {
		d->key = x->key;
		d->deadline_ns = now_ns + HELD_NS;
		if (!h->count)
			h->deadline_ns = d->deadline_ns;
	}
	append(h, d, slot);
	return true;
}

/* --- taking out ------------------------------------------------------------------------------ */

static void take_first(struct held *h, struct waiting *d, struct lb_packet *out)
{
	struct slot *s = &h->slots[d->first];
	uint16_t slot = d->first;
	*out = s->packet;
	d->first = s->next;
	d->count--;
	s->next = h->free;
	h->free = slot;
	set_count(h, h->count - 1);
}

static bool take_from(struct held *h, struct waiting *d, struct fragments *known, uint64_t now_ns,
		      struct lb_packet *out, struct fragment_decision *decision)
{
	if (!d->count)
		return false;
	if (!fragments_follow(known, &h->slots[d->first].fragment, now_ns, decision)) {
		if (now_ns < d->deadline_ns)
			return false;
		*decision = (struct fragment_decision){
			.service = ABI_NO_SERVICE,
			.backend = ABI_NO_BACKEND,
			.reason = REASON_FRAGMENT_UNMATCHED,
			.orphan = true,
		};
	}
	take_first(h, d, out);
	return true;
}

/* The next moment at which something has to be dropped. */
static uint64_t next_deadline(const struct held *h)
{
	uint64_t next = UINT64_MAX;
	for (unsigned int i = 0; i < HELD_DATAGRAMS; i++)
		if (h->datagrams[i].count && h->datagrams[i].deadline_ns < next)
			next = h->datagrams[i].deadline_ns;
	return next;
}

bool held_take(struct held *h, struct fragments *known, uint64_t now_ns, struct lb_packet *out,
	       struct fragment_decision *decision)
{
	uint64_t version = fragments_version(known);
	if (!h->count || (version == h->version && now_ns < h->deadline_ns))
		return false;
	for (unsigned int i = 0; i < HELD_DATAGRAMS; i++)
		if (take_from(h, &h->datagrams[i], known, now_ns, out, decision))
			return true;
	h->version = version;
	h->deadline_ns = next_deadline(h);
	return false;
}
