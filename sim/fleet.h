/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The balancers: each has a flow table and a struct lb of its own, and the snapshot it works by.
 * Packets go through lb_process(). Balancers with the same history share a snapshot, which is what
 * they would each have built.
 */
#ifndef WEIR_SIM_FLEET_H
#define WEIR_SIM_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "lb/flow_table.h"
#include "lb/process.h"

struct err;
struct sim_flow;
struct snapshot;

struct node {
	struct lb lb;
	struct flow_table flows;
	const struct snapshot *snapshot;
	const struct snapshot *next; /* from next_ns on; NULL: none */
	uint64_t next_ns;
};

struct fleet {
	struct node *nodes;
	uint32_t count;               /* one more than there are at the beginning */
	uint32_t entries;             /* of one flow table */
	void *tables, *saved;         /* all flow tables, and a copy of them */
	size_t bytes;                 /* of all */
	struct lb_counters *counters; /* of all nodes: one thread */
};

/* `count` balancers and a spare one, for `flows` flows in all. -ENOMEM. */
int fleet_init(struct fleet *f, uint32_t count, uint32_t flows, uint64_t seed, struct err *err);
void fleet_fini(struct fleet *f); /* a zeroed one too */

/* All have empty tables and work by a snapshot. */
void fleet_reset(struct fleet *f, const struct snapshot *s);

/* Keeps what is in the tables, and brings it back. */
void fleet_save(struct fleet *f);
void fleet_load(struct fleet *f);

/* One starts anew. */
void fleet_restart(struct fleet *f, uint32_t node, const struct snapshot *s);

/* A packet of a flow; it opens it, or is in the middle of it. */
struct sim_packet {
	uint64_t at_ns;
	uint32_t flow;
	bool opens;
};

struct sim_answer {
	uint32_t backend; /* id, or ABI_NO_BACKEND */
};

/* Sends up to LB_BURST packets through one balancer, at the time of the first. */
void fleet_process(struct fleet *f, uint32_t node, const struct sim_flow *flows,
		   const struct sim_packet *packets, unsigned int count,
		   struct sim_answer answers[LB_BURST]);

/* Whether a balancer has a flow in its table; and puts it there, as established. */
bool fleet_knows(const struct fleet *f, uint32_t node, const struct sim_flow *flow,
		 uint64_t now_ns);
void fleet_teach(struct fleet *f, uint32_t node, const struct sim_flow *flow, uint64_t now_ns);

#endif
