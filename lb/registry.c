// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names to ids. The registry owns copies of the names. An id is either fresh (never given out),
 * held (it has a name and is in the chain of the name's hash) or released (in the queue of those to
 * be given out again, oldest first). Chains and queue share the links `next`.
 *
 * registry_assign() allocates, against the rule of this layer: a name's length is known only then,
 * and only the control thread calls it.
 */
#include "lb/registry.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define NONE UINT32_MAX

struct registry {
	uint32_t capacity;
	uint32_t end;               /* ids from here on are fresh */
	uint32_t oldest, newest;    /* of the released, or NONE */
	char **names;               /* by id; NULL: not held */
	uint32_t *next;             /* by id */
	uint32_t *heads, head_mask; /* of the chains, a power of two of them */
	uint32_t *guess;            /* the id behind the one found last; any thread */
};

static uint32_t *chain(const struct registry *r, const char *name)
{
	return &r->heads[XXH64(name, strlen(name), 0) & r->head_mask];
}

struct registry *registry_new(uint32_t capacity)
{
	struct registry *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	uint32_t heads = 1;
	while (heads < capacity && heads < 1u << 31)
		heads *= 2;
	r->capacity = capacity;
	r->oldest = r->newest = NONE;
	r->head_mask = heads - 1;
	r->names = calloc(capacity ? capacity : 1, sizeof(*r->names));
	r->next = calloc(capacity ? capacity : 1, sizeof(*r->next));
	r->heads = malloc(heads * sizeof(*r->heads));
	r->guess = calloc(1, sizeof(*r->guess));
	if (!r->names || !r->next || !r->heads || !r->guess)
		goto fail;
	memset(r->heads, 0xff, heads * sizeof(*r->heads));
	return r;
fail:
	registry_free(r);
	return NULL;
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	for (uint32_t id = 0; r->names && id < r->end; id++)
		free(r->names[id]);
	free(r->names);
	free(r->next);
	free(r->heads);
	free(r->guess);
	free(r);
}

static bool has_name(const struct registry *r, uint32_t id, const char *name)
{
	return id < r->end && r->names[id] && strcmp(r->names[id], name) == 0;
}

/* Mostly all are looked for in the order of their ids: the next one costs no look at the chains. */
int64_t registry_find(const struct registry *r, const char *name)
{
	uint32_t id = __atomic_load_n(r->guess, __ATOMIC_RELAXED);
	if (!has_name(r, id, name)) {
		id = *chain(r, name);
		while (id != NONE && !has_name(r, id, name))
			id = r->next[id];
	}
	if (id == NONE)
		return -1;
	__atomic_store_n(r->guess, id + 1, __ATOMIC_RELAXED);
	return id;
}

/* Fresh ids first: that keeps released ones out of use for as long as can be. */
static uint32_t take_id(struct registry *r)
{
	if (r->end < r->capacity)
		return r->end++;
	uint32_t id = r->oldest;
	if (id == NONE)
		return NONE;
	r->oldest = r->next[id];
	if (r->oldest == NONE)
		r->newest = NONE;
	return id;
}

static int64_t hold_id(struct registry *r, uint32_t id, char *name)
{
	uint32_t *head = chain(r, name);
	r->names[id] = name;
	r->next[id] = *head;
	*head = id;
	return id;
}

int64_t registry_assign(struct registry *r, const char *name)
{
	int64_t found = registry_find(r, name);
	if (found >= 0)
		return found;
	char *copy = strdup(name);
	if (!copy)
		return -1;
	uint32_t id = take_id(r);
	if (id == NONE) {
		free(copy);
		return -1;
	}
	return hold_id(r, id, copy);
}

static void queue_released(struct registry *r, uint32_t id)
{
	r->next[id] = NONE;
	if (r->newest == NONE)
		r->oldest = id;
	else
		r->next[r->newest] = id;
	r->newest = id;
}

int64_t registry_restore(struct registry *r, const char *name, uint32_t id)
{
	char *copy = id < r->end || id >= r->capacity ? NULL : strdup(name);
	if (!copy)
		return -1;
	while (r->end < id)
		queue_released(r, r->end++);
	r->end++;
	return hold_id(r, id, copy);
}

const char *registry_name(const struct registry *r, uint32_t id)
{
	return id < r->end ? r->names[id] : NULL;
}

static void unlink_id(struct registry *r, uint32_t id)
{
	uint32_t *link = chain(r, r->names[id]);
	while (*link != id)
		link = &r->next[*link];
	*link = r->next[id];
}

void registry_release(struct registry *r, uint32_t id)
{
	if (!registry_name(r, id))
		return;
	unlink_id(r, id);
	free(r->names[id]);
	r->names[id] = NULL;
	queue_released(r, id);
}

uint32_t registry_end(const struct registry *r)
{
	return r->end;
}
