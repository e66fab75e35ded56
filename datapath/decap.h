/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program that takes tunnels' outer headers off, for `weir backend`: attached to an interface
 * by a link that is pinned, so it stays when the command has ended.
 */
#ifndef WEIR_DATAPATH_DECAP_H
#define WEIR_DATAPATH_DECAP_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

struct err;
struct pins;

struct decap_input {
	enum forward kind;     /* FORWARD_IPIP or FORWARD_GUE */
	const char *interface; /* its name, and: */
	int ifindex;
	const struct addr *vips;
	uint32_t vip_count;
	const struct prefix_key *balancers; /* whom packets may come from */
	uint32_t balancer_count;
};

/* Attaches it in native mode, or in generic mode where the driver has none; or finds it attached.
 */
int decap_attach(const struct pins *pins, const struct decap_input *in, struct err *err);

struct decap_state {
	bool attached;
	bool generic;
	int ifindex;
	struct decap_counters counters;
};

/* What is pinned there; a zeroed state where nothing is. */
void decap_read(const struct pins *pins, struct decap_state *out);

#endif
