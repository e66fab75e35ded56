// SPDX-License-Identifier: BSD-2-Clause
/* Open addressing with linear probing, never more than half full, so every search ends. */
#include "lb/target_table.h"

#include <stdlib.h>
#include <string.h>

#include "lb/prefix.h"

struct target_table *target_table_new(uint32_t capacity)
{
	uint64_t slots = 16;
	while (slots < 2ull * capacity)
		slots *= 2;
	struct target_table *t = calloc(1, sizeof(*t) + slots * sizeof(t->entries[0]));
	if (!t)
		return NULL;
	t->mask = slots - 1;
	t->references = 1;
	return t;
}

struct target_table *target_table_hold(struct target_table *t)
{
	t->references++;
	return t;
}

static size_t bytes_of(uint32_t mask)
{
	const struct target_table *t = NULL;
	return sizeof(*t) + (mask + 1ul) * sizeof(t->entries[0]);
}

struct target_table *target_table_copy(const struct target_table *t)
{
	struct target_table *copy = malloc(bytes_of(t->mask));
	if (!copy)
		return NULL;
	memcpy(copy, t, bytes_of(t->mask));
	copy->references = 1;
	return copy;
}

void target_table_free(struct target_table *t)
{
	if (t && !--t->references)
		free(t);
}

static void note_length(struct target_table *t, uint8_t length)
{
	uint32_t at = 0;
	while (at < t->length_count && t->lengths[at] > length)
		at++;
	if (at < t->length_count && t->lengths[at] == length)
		return;
	memmove(&t->lengths[at + 1], &t->lengths[at], t->length_count - at);
	t->lengths[at] = length;
	t->length_count++;
}

void target_table_put(struct target_table *t, const struct target_key *key,
		      const struct target *value)
{
	uint32_t i = target_key_hash(key) & t->mask;
	while (t->entries[i].used && memcmp(&t->entries[i].key, key, sizeof(*key)))
		i = (i + 1) & t->mask;
	t->count += !t->entries[i].used;
	if (key->prefix && !key->protocol && !key->port)
		note_length(t, key->prefix);
	t->entries[i] = (struct target_entry){.key = *key, .value = *value, .used = 1};
}

const struct target_key *target_table_find_prefix(const struct target_table *t,
						  const struct addr *address, uint32_t longest)
{
	for (uint32_t i = 0; i < t->length_count; i++) {
		struct target_key key = {.prefix = t->lengths[i]};
		if (key.prefix > longest)
			continue;
		key.address = prefix_mask(address, key.prefix);
		const struct target_entry *e = target_table_entry(t, &key);
		if (e)
			return &e->key;
	}
	return NULL;
}

bool target_table_equal(const struct target_table *a, const struct target_table *b)
{
	return a == b || (a->mask == b->mask && a->count == b->count &&
			  !memcmp(a->entries, b->entries, (a->mask + 1ul) * sizeof(a->entries[0])));
}
