/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where connections to `nat` backends come from: which of our addresses and ports stands for a
 * client. The flow table is the only record of what is in use: an address and port is taken if the
 * flow of the answers to it (backend's address and port, ours, protocol) is in the table and lives,
 * closing ones too. So a port is used once for each backend address and port, whoever forwards to
 * it; all workers share the ports without a lock; and what is in use outlives the daemon.
 */
#ifndef WEIR_LB_SNAT_H
#define WEIR_LB_SNAT_H

#include <stdint.h>

#include "lb/flow_table.h"

/* Addresses of one family, and the ports of each that may be used. */
struct snat_pool {
	const struct addr *addresses;
	uint32_t count;
	uint16_t first_port, last_port; /* host byte order */
};

/*
 * The ports to one backend that were found taken since a while, a bit each: where not to look. It
 * decides nothing, and may be thrown away at any time.
 */
struct snat_taken;

/* For any pool with at most that many addresses and ports; NULL without memory. */
struct snat_taken *snat_taken_new(const struct snat_pool *pool);
void snat_taken_free(struct snat_taken *taken); /* NULL too */

enum snat_claim {
	SNAT_CLAIMED,
	SNAT_EXHAUSTED, /* all are taken, as far as was looked */
	SNAT_NO_ROOM,   /* the flow table has none for the ports that were tried */
};

#define SNAT_TRIES  64u /* ports looked at in the flow table for one claim, at most */
#define SNAT_DOUBTS 8u  /* of those, ports that are believed taken */
#define SNAT_FORGET_NS                                                             \
	1000000000ull /* ports found taken are looked at again, at most that often \
		       */

/* What a claim is for. */
struct snat_wanted {
	struct flow_key key; /* of the answers; destination and its port are filled in */
	uint32_t backend;
	enum flow_state state;
	struct translation translation; /* of the answers; deltas are filled in */
};

/*
 * Takes a free address and port for a connection, and makes its answers known to the flow table.
 * Looks from a place that `hash` picks on, so that workers and clients don't meet. On success
 * leaves the answers' whole key in wanted->key and its hash in *answers. Any thread; bounded by
 * SNAT_TRIES looks at the table and one look at each word of `taken`.
 */
enum snat_claim snat_claim(const struct snat_pool *pool, struct snat_taken *taken,
			   struct flow_table *flows, uint64_t hash, uint64_t now_ns,
			   struct snat_wanted *wanted, uint64_t *answers);

/*
 * What that would take, for who asks only: nothing is taken, and nothing changes. (Whether the
 * answers' flow would find room in the table is not looked at.)
 */
enum snat_claim snat_look(const struct snat_pool *pool, const struct snat_taken *taken,
			  const struct flow_table *flows, uint64_t hash, uint64_t now_ns,
			  struct snat_wanted *wanted, uint64_t *answers);

#endif
