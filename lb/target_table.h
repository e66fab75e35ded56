/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What user space serves, by (address, protocol, port): the same keys and values that the XDP
 * program has in its map. Immutable once filled; readers from any thread.
 */
#ifndef WEIR_LB_TARGET_TABLE_H
#define WEIR_LB_TARGET_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "bpf/abi.h"

struct target_entry {
	struct target_key key;
	struct target value;
	uint32_t used;
};
_Static_assert(sizeof(struct target_entry) == 32, "two to a cache line");

struct target_table {
	uint32_t mask, count;
	uint32_t references; /* counted by the control thread alone */
	uint32_t length_count;
	uint8_t lengths[128]; /* of prefixes there are, longest first */
	struct target_entry entries[];
};

struct target_table *target_table_new(uint32_t capacity); /* NULL without memory */
void target_table_free(struct target_table *t);           /* with the last reference; NULL too */
struct target_table *target_table_hold(struct target_table *t); /* one more; returns it */

struct target_table *target_table_copy(const struct target_table *t); /* NULL without memory */

/* Adds a target, or replaces the one of that key. No more than `capacity` may be added. */
void target_table_put(struct target_table *t, const struct target_key *key,
		      const struct target *value);

/* Whether both hold the same, put in the same order. */
bool target_table_equal(const struct target_table *a, const struct target_table *b);

static inline uint32_t target_key_hash(const struct target_key *k)
{
	const __be32 *a = k->address.word;
	uint64_t h = a[0] | (uint64_t)a[1] << 32;
	h = (h ^ ((uint64_t)k->prefix << 24 | (uint64_t)k->port << 8 | k->protocol)) *
	    0x9e3779b97f4a7c15ull;
	h = (h ^ h >> 32 ^ (a[2] | (uint64_t)a[3] << 32)) * 0x9e3779b97f4a7c15ull;
	return h >> 32;
}

/* By fields and without memcmp(), so that the key wanted can stay in registers. */
static inline bool target_key_equal(const struct target_key *a, const struct target_key *b)
{
	const __be32 *x = a->address.word, *y = b->address.word;
	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) |
		 (uint32_t)(a->port ^ b->port) | (uint32_t)(a->protocol ^ b->protocol) |
		 (uint32_t)(a->prefix ^ b->prefix));
}

static inline const struct target_entry *target_table_entry(const struct target_table *t,
							    const struct target_key *key)
{
	for (uint32_t i = target_key_hash(key);; i++) {
		const struct target_entry *e = &t->entries[i & t->mask];
		if (!e->used)
			return NULL;
		if (target_key_equal(&e->key, key))
			return e;
	}
}

static inline const struct target *target_table_find(const struct target_table *t,
						     const struct target_key *key)
{
	const struct target_entry *e = target_table_entry(t, key);
	return e ? &e->value : NULL;
}

/* The own key of the longest prefix of at most that length which has the address, or NULL. */
const struct target_key *target_table_find_prefix(const struct target_table *t,
						  const struct addr *address, uint32_t longest);

#endif
