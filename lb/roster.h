/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backends of a service by position, in the order of their names, as the configuration lists
 * them: what the slots of its Maglev tables stand for. Made at a reload and immutable from then on;
 * snapshots and tables share it. References are counted by the control thread alone.
 */
#ifndef WEIR_LB_ROSTER_H
#define WEIR_LB_ROSTER_H

#include <stdint.h>

struct config_service;
struct quic_servers;
struct registry;

struct roster_entry {
	uint32_t config; /* index in the service's list of backends */
	uint32_t weight; /* as configured */
	uint8_t state;   /* enum config_state, as configured */
	uint8_t backup;  /* see struct config_backend */
};

struct roster {
	uint32_t references;
	uint32_t count;
	uint32_t *ids;              /* by position: backend id */
	struct roster_entry *entry; /* by position */
	struct quic_servers *quic;  /* NULL: connection ids say nothing */
};

/* With one reference. All backends must have ids in `backends`. NULL without memory. */
struct roster *roster_new(const struct config_service *s, const struct registry *backends);

struct roster *roster_hold(struct roster *r); /* returns it */
void roster_drop(struct roster *r);           /* frees it with the last reference; NULL too */

#endif
