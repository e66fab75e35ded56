/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names to small stable numbers: a service or backend keeps its id as long as its name is
 * configured, over any number of reloads, because flows and counters are kept by id. A number is
 * given out again only after its name was released, and the longest-released first, so that
 * whoever still holds it has time to let go. Control thread.
 */
#ifndef WEIR_LB_REGISTRY_H
#define WEIR_LB_REGISTRY_H

#include <stdint.h>

struct registry;

struct registry *registry_new(uint32_t capacity); /* NULL without memory */
void registry_free(struct registry *r);           /* NULL too */

/* The id of a name, given out now if it has none. -1 when all are taken, or without memory. */
int64_t registry_assign(struct registry *r, const char *name);

/*
 * Gives a name the id it had before, in a registry that has given out none yet: to be called with
 * ids in ascending order. -1 if that is not so, or without memory.
 */
int64_t registry_restore(struct registry *r, const char *name, uint32_t id);

/* The id of a name, or -1. */
int64_t registry_find(const struct registry *r, const char *name);

/* The name an id has, or NULL. Valid until it is released. */
const char *registry_name(const struct registry *r, uint32_t id);

/* Takes an id back; one that nobody has is left alone. */
void registry_release(struct registry *r, uint32_t id);

/* One more than the highest id ever given out. */
uint32_t registry_end(const struct registry *r);

#endif
