// SPDX-License-Identifier: BSD-2-Clause
/* Open addressing with linear probing, never more than half full, so every search ends. */
#include "lb/target_table.h"

#include <stdlib.h>

struct target_table *target_table_new(uint32_t capacity)
{
	uint64_t slots = 16;
	while (slots < 2ull * capacity)
		slots *= 2;
	struct target_table *t = calloc(1, sizeof(*t) + slots * sizeof(t->entries[0]));
	if (t)
		t->mask = slots - 1;
	return t;
}

void target_table_free(struct target_table *t)
{
	free(t);
}

void target_table_put(struct target_table *t, const struct target_key *key,
		      const struct target *value)
{
	uint32_t i = target_key_hash(key) & t->mask;
	while (t->entries[i].used && memcmp(&t->entries[i].key, key, sizeof(*key)))
		i = (i + 1) & t->mask;
	t->count += !t->entries[i].used;
	t->entries[i] = (struct target_entry){.key = *key, .value = *value, .used = 1};
}

bool target_table_equal(const struct target_table *a, const struct target_table *b)
{
	return a->mask == b->mask && a->count == b->count &&
	       !memcmp(a->entries, b->entries, (a->mask + 1ul) * sizeof(a->entries[0]));
}
