/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes that share flows, without a network: a row of messages that all members see in the same
 * order, as corosync gives it. Each node has a flow table with a seed of its own and gives other
 * ids to the same backends.
 */
#ifndef WEIR_TESTS_SYNC_NET_H
#define WEIR_TESTS_SYNC_NET_H

#include <stdbool.h>
#include <stdint.h>

#include "lb/flow_ring.h"
#include "lb/flow_table.h"
#include "lb/sync.h"
#include "lb/sync_names.h"

#define NET_NODES 4
#define NET_RATE  2000 /* flows a second that the walk may tell */

struct net_node {
	struct sync *sync;
	struct flow_table flows;
	struct flow_ring *ring;
	struct sync_names *names;
	struct registry *services, *backends;
	struct sync_member member;
	bool here;
	uint64_t told; /* messages it sent */
};

struct net {
	struct net_node nodes[NET_NODES];
	uint64_t now_ns;
	uint64_t messages; /* that have flows in them */
};

/* `entries` of each table. Nobody is in the group yet. */
void net_open(struct net *net, uint32_t entries);
void net_close(struct net *net);

/* Configures a node by YAML; ids are given out from `first` on. */
void net_configure(struct net *net, unsigned int node, const char *yaml, unsigned int first);

/* In the group are the nodes of the bitmap from now on. */
void net_members(struct net *net, unsigned int bitmap);

/* All turn, for so long, and what they say arrives at once. */
void net_run(struct net *net, double seconds);

/* Flow `number` of a service ("web": TCP, "dns": UDP): one more packet of it is seen at a node. */
void net_open_flow(struct net *net, unsigned int node, unsigned int number, const char *backend,
		   enum flow_state state);
void net_see(struct net *net, unsigned int node, unsigned int number, bool udp);
void net_close_flow(struct net *net, unsigned int node, unsigned int number);
void net_lose(struct net *net, unsigned int node, unsigned int number, bool udp);

/* "web/b1", or NULL: the node does not know the flow; *state, where wanted. */
const char *net_backend(struct net *net, unsigned int node, unsigned int number, bool udp,
			enum flow_state *state);

/* How many flows of numbers below `count` the node knows. */
unsigned int net_known(struct net *net, unsigned int node, unsigned int count, bool udp);

#endif
