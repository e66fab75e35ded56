/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A balancer on no network: configuration in, verdicts out. For commands that ask what Weir would
 * do, and for tests. All it does can be done again with the same outcome: the flow table's seed is
 * fixed, and link addresses are made up by rule:
 *
 *   interface number n, from 0       02:00:00:00:00:NN
 *   next hop of backend a.b.c.d      02:04:AA:BB:CC:DD
 *   next hop of an IPv6 backend      02:06 and the last four bytes of its address
 *
 * Every next hop is known, and reached by the first interface.
 */
#ifndef WEIR_TOOLS_OFFLINE_H
#define WEIR_TOOLS_OFFLINE_H

#include <linux/if_ether.h>
#include <stdint.h>

#include "lb/policing.h"
#include "lb/process.h"

struct backend_control;
struct config;
struct err;
struct next_hop;
struct registry;
struct snapshot;

struct offline {
	struct config *config;
	struct registry *services, *backends, *rules;
	struct next_hop *next_hops; /* by backend id; offline_publish() puts changes in force */
	const struct backend_control *controls; /* by backend id, the caller's, or NULL */
	struct snapshot *snapshot;
	int32_t *connections; /* of flows, or NULL */
	uint8_t port_macs[ABI_MAX_PORTS][ETH_ALEN];
	void *flow_memory;
	struct flow_table flows;
	struct lb lb;
	struct lb_counters *counters; /* of lb */
	struct fragments *fragments;
	struct held *held;
	struct policing policing;
	struct policy_tables *policy; /* NULL: everything is allowed */
	uint64_t now_ns;              /* never goes back */
	uint64_t swept_ns;            /* when the flow table was last looked through */
};

/* Takes the configuration over, on failure too. -ENOMEM, -ENOSPC. */
int offline_open(struct offline *o, struct config *config, struct err *err);
void offline_close(struct offline *o); /* a zeroed one too */

/* Puts another configuration in force, and takes it over on success. The flow table stays. */
int offline_reload(struct offline *o, struct config *config, struct err *err);

/* Puts what was changed in `config` (states, weights) or `next_hops` in force. */
int offline_publish(struct offline *o, struct err *err);

/*
 * lb_process() at a time that may be any, say a capture's: one that is before the last is taken as
 * the last, and flows time out over long gaps too.
 */
void offline_process(struct offline *o, struct lb_packet *packets, unsigned int count,
		     uint64_t time_ns);

/* lb_release() at such a time. */
unsigned int offline_release(struct offline *o, struct lb_packet *packets, unsigned int max,
			     uint64_t time_ns);

#endif
