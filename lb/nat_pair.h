/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection by `forward: nat` as the flow table has it: two flows that know each other
 * (bpf/translation.h). This is what a node makes of a connection that another one has opened. Pure;
 * any thread.
 */
#ifndef WEIR_LB_NAT_PAIR_H
#define WEIR_LB_NAT_PAIR_H

#include <stdint.h>

#include "bpf/translation.h"

/* The way to a client of whom this node has seen no packet yet. */
#define NAT_NO_EGRESS UINT16_MAX

struct nat_half {
	struct flow_key key;
	uint64_t hash;
	struct translation translation;
};

struct nat_pair {
	struct nat_half client, answers;
};

/*
 * Of a client's flow to a VIP whose backend, at this address and port, sees it come from that SNAT
 * address and port (network byte order). The way to the client is not known.
 */
void nat_pair_make(struct nat_pair *out, const struct flow_key *client, const struct addr *backend,
		   __be16 backend_port, const struct addr *snat, __be16 snat_port,
		   const struct flow_seed *seed);

#endif
