/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maglev consistent hashing: Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load
 * Balancer", NSDI 2016, 3.4; weights by the algorithm of Envoy (a backend takes a slot in a round
 * when its accumulated weight has reached the heaviest's).
 *
 * A table depends on the members' names and weights alone, not on their order: every node with
 * the same configuration has the same table. It covers the whole configured set; who is up is the
 * caller's bitmap, so that a health flap rebuilds nothing (maglev_pick).
 */
#ifndef WEIR_LB_MAGLEV_H
#define WEIR_LB_MAGLEV_H

#include <stdbool.h>
#include <stdint.h>

struct err;

/*
 * Slots of a table: at least a hundred for each member where there are up to 655, so that members
 * of one weight differ by one in a hundred at most. Two sizes only, as with another size all slots
 * move.
 */
#define MAGLEV_PRIME       65537u
#define MAGLEV_SMALL_PRIME 16381u
#define MAGLEV_FEW         160u /* members that the small one is for */

#define MAGLEV_SIZE_MAX (1u << 21)
#define MAGLEV_ID_MAX   UINT16_MAX

struct maglev_member {
	const char *name; /* unique; what the table depends on */
	uint32_t weight;  /* 0: has no slot */
	uint32_t id;      /* what a slot yields; up to MAGLEV_ID_MAX */
};

/* 32 or 128 KiB. */
struct maglev {
	uint32_t size; /* slots, a prime */
	uint16_t slots[];
};

/* How many slots the table of a service has, by how many backends are configured. */
uint32_t maglev_size(unsigned int count);

/* As maglev_build() takes them: where a member's permutation starts and its stride. */
struct maglev_step {
	uint32_t offset, skip;
};

/* The offset and skip of a name, by XXH64 with seeds 0 and 1. */
struct maglev_step maglev_step(const char *name, uint32_t size);

/*
 * Builds the table of `count` members over `size` slots, a prime up to MAGLEV_SIZE_MAX. NULL
 * without memory, without a member of weight above 0, or with a size below the number of such
 * members.
 */
struct maglev *maglev_new(const struct maglev_member *members, unsigned int count, uint32_t size);

/* The same from given steps (one per member), in the order of the members: for published vectors.
 */
struct maglev *maglev_new_from_steps(const struct maglev_member *members,
				     const struct maglev_step *steps, unsigned int count,
				     uint32_t size);

void maglev_free(struct maglev *m); /* NULL too */

static inline uint32_t maglev_slot(const struct maglev *m, uint64_t hash)
{
	return hash % m->size;
}

/* Whether a member may be picked. */
static inline bool maglev_is_up(const uint64_t *up, uint32_t id)
{
	return up[id / 64] >> (id % 64) & 1;
}

/*
 * The member for a hash: its slot's, or that of the next slot in the table whose member is up by
 * the bitmap `up` (indexed by id). UINT32_MAX when none is. No slot of a member that is up yields
 * another because some other is down. Walks the whole table when none is up: where that can be, ask
 * before.
 */
uint32_t maglev_pick(const struct maglev *m, const uint64_t *up, uint64_t hash);

#endif
