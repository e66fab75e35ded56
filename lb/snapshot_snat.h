/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where connections to `nat` backends come from, as the snapshots of one configuration share it, by
 * a reference count that the control thread alone touches.
 */
#ifndef WEIR_LB_SNAPSHOT_SNAT_H
#define WEIR_LB_SNAPSHOT_SNAT_H

#include "lb/snat.h"

struct config_nat;
struct config_snat;
struct snapshot;
struct target_table;

struct snapshot_snat {
	uint32_t references;
	struct addr *addresses;    /* of both pools */
	struct snat_pool pools[2]; /* of IPv4, of IPv6 */
	uint32_t count;            /* of `taken` */
	struct snat_taken **taken; /* by backend id; NULL: it is not reached by nat */
};

/* For a snapshot whose backends are filled in. NULL without memory. */
struct snapshot_snat *snapshot_snat_new(const struct snapshot *s, const struct config_nat *nat);
struct snapshot_snat *snapshot_snat_hold(struct snapshot_snat *snat);
void snapshot_snat_free(struct snapshot_snat *snat); /* lets go of it; NULL too */

/* Makes targets of the SNAT addresses; `flags` are those of a VIP. */
void snapshot_put_snat(struct target_table *t, const struct config_snat *list, uint32_t flags);

#endif
