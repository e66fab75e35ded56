// SPDX-License-Identifier: BSD-2-Clause
/* Pure; any thread. */
#include "lb/policy_class.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define FIRST_ROOM 64u

static size_t set_bytes(const struct policy_classes *c)
{
	return c->words * sizeof(uint64_t);
}

int policy_classes_init(struct policy_classes *c, uint32_t words)
{
	*c = (struct policy_classes){
		.words = words, .room = FIRST_ROOM, .index_mask = 2 * FIRST_ROOM - 1};
	c->sets = calloc(c->room, set_bytes(c));
	c->index = calloc(c->index_mask + 1, sizeof(*c->index));
	return c->sets && c->index ? 0 : -ENOMEM;
}

void policy_classes_fini(struct policy_classes *c)
{
	free(c->sets);
	free(c->index);
	*c = (struct policy_classes){};
}

/* Where a set's number stands in the index, or would. */
static uint32_t find(const struct policy_classes *c, const uint64_t *set)
{
	uint32_t at = XXH64(set, set_bytes(c), 0);
	while (c->index[at & c->index_mask] &&
	       memcmp(policy_classes_set(c, c->index[at & c->index_mask] - 1), set, set_bytes(c)))
		at++;
	return at & c->index_mask;
}

static int grow(struct policy_classes *c)
{
	uint64_t *sets = realloc(c->sets, 2ul * c->room * set_bytes(c));
	if (!sets)
		return -ENOMEM;
	c->sets = sets;
	uint32_t *index = calloc(4ul * c->room, sizeof(*index));
	if (!index)
		return -ENOMEM;
	free(c->index);
	c->index = index;
	c->room *= 2;
	c->index_mask = 2 * c->room - 1;
	for (uint32_t i = 0; i < c->count; i++)
		c->index[find(c, policy_classes_set(c, i))] = i + 1;
	return 0;
}

int64_t policy_classes_add(struct policy_classes *c, const uint64_t *set)
{
	uint32_t at = find(c, set);
	if (c->index[at])
		return c->index[at] - 1;
	if (c->count == c->room) {
		int r = grow(c);
		if (r)
			return r;
		at = find(c, set);
	}
	memcpy(policy_classes_set(c, c->count), set, set_bytes(c));
	c->index[at] = ++c->count;
	return c->count - 1;
}
