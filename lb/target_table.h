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
	struct target_entry entries[];
};

struct target_table *target_table_new(uint32_t capacity); /* NULL without memory */
void target_table_free(struct target_table *t);           /* NULL too */

/* Adds a target, or replaces the one of that key. No more than `capacity` may be added. */
void target_table_put(struct target_table *t, const struct target_key *key,
		      const struct target *value);

/* Whether both hold the same, put in the same order. */
bool target_table_equal(const struct target_table *a, const struct target_table *b);

static inline uint32_t target_key_hash(const struct target_key *k)
{
	uint64_t words[2], h;
	memcpy(words, &k->address, sizeof(words));
	h = (words[0] ^ ((uint64_t)k->port << 8 | k->protocol)) * 0x9e3779b97f4a7c15ull;
	h = (h ^ h >> 32 ^ words[1]) * 0x9e3779b97f4a7c15ull;
	return h >> 32;
}

static inline const struct target *target_table_find(const struct target_table *t,
						     const struct target_key *key)
{
	for (uint32_t i = target_key_hash(key);; i++) {
		const struct target_entry *e = &t->entries[i & t->mask];
		if (!e->used)
			return NULL;
		if (!memcmp(&e->key, key, sizeof(*key)))
			return &e->value;
	}
}

#endif
