/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which backend a flow goes to that is in no table yet. Pure; a worker's thread.
 *
 *   maglev             the table's, by the hash of lb/affinity.h: the same on every node
 *   least-connections  of two that the table yields for two hashes, the one with fewer connections
 *                      for its weight (Mitzenmacher, "The Power of Two Choices in Randomized Load
 *                      Balancing", 2001); the table has slots by weight, so draws are by weight
 *
 * A backend in its slow start takes a flow with a probability that grows with time, by a hash, so
 * that every node decides alike; what it does not take goes to the next of the table.
 */
#ifndef WEIR_LB_SCHEDULER_H
#define WEIR_LB_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

struct flow_key;
struct service;
struct snapshot;

/* For a new flow. `connections` by backend id, for least-connections. ABI_NO_BACKEND: none. */
uint32_t scheduler_pick(const struct snapshot *s, const struct service *service,
			const struct flow_key *key, const int32_t *connections, uint64_t now_ns);

/*
 * For a packet in the middle of a TCP connection that is not known here. While a changed set of
 * backends is new, its connection may have begun by the table before: where that has another
 * backend in the slot, which still keeps its flows, it is that one's, and *adopt says that the flow
 * is to be remembered. It is so too where the slot's own backend drains: then the connection has
 * most likely begun before that.
 */
uint32_t scheduler_pick_stray(const struct snapshot *s, const struct service *service,
			      const struct flow_key *key, uint64_t now_ns, bool *adopt);

#endif
