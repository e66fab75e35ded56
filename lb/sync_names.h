/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What backends are called between nodes: by service, address and port, since ids differ from node
 * to node. Made by the control thread for each configuration, immutable from then on.
 */
#ifndef WEIR_LB_SYNC_NAMES_H
#define WEIR_LB_SYNC_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "lb/sync_message.h"

struct config;
struct registry;

struct sync_names {
	uint64_t config; /* digest of what services and backends there are, in any order */
	uint32_t end;    /* one more than the highest id */
	struct sync_backend *backends; /* by id; those without a service are not shared */
	uint64_t *identities;          /* by id: a hash of that, alike on every node */
	uint32_t mask;
	uint32_t *slots;   /* by identity: id + 1; 0: none */
	struct addr *snat; /* addresses that connections by nat may come from, of all nodes */
	uint32_t snat_count;
};

/*
 * Those of all services whose flows can be shared: remembered ones. Ids must have been given out.
 * NULL without memory.
 */
struct sync_names *sync_names_new(const struct config *config, const struct registry *backends);
void sync_names_free(struct sync_names *n); /* NULL too */

/* The id of a backend, and its identity; ABI_NO_BACKEND: not here. */
uint32_t sync_names_find(const struct sync_names *n, const struct sync_backend *b,
			 uint64_t *identity);

/* Whether connections by nat may come from there. */
bool sync_names_has_snat(const struct sync_names *n, const struct addr *a);

/* The backend of an id, or NULL: its flows are not shared. */
static inline const struct sync_backend *sync_names_backend(const struct sync_names *n, uint32_t id)
{
	return id < n->end && *n->backends[id].service ? &n->backends[id] : NULL;
}

#endif
