/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of a policy in the kernel (bpf/police_xdp.h). */
#ifndef WEIR_DATAPATH_POLICY_MAPS_H
#define WEIR_DATAPATH_POLICY_MAPS_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct meter_bucket;
struct pins;
struct policy_tables;

/* Descriptors of maps; -1: none. In `policy_slots` those of the maps of maps that they go into. */
struct policy_maps {
	int policy, decisions, source_slots, source_ranges, refused_blocks, refused_lines;
	uint32_t flags; /* of the policy */
};
#define POLICY_MAPS_NONE                  \
	(struct policy_maps)              \
	{                                 \
		-1, -1, -1, -1, -1, -1, 0 \
	}

struct policy_slots {
	int policy, decisions, source_slots, source_ranges, refused_blocks, refused_lines;
};

/* What a policy with these flags has of the word `tables` (bpf/abi.h). */
uint32_t policy_bits(uint32_t flags);

/* Makes and fills the maps. NULL: of no policy, which has none. -errno. */
int policy_maps_open(struct policy_maps *m, const struct policy_tables *p, struct err *err);
void policy_maps_close(struct policy_maps *m);

/* Puts them into one slot of the maps of maps, or empties that. They stay open. The kernel waits
 * for all packets that are under way, for each map, and for one that was not there it does not. */
int policy_maps_put(const struct policy_maps *m, const struct policy_slots *to, uint32_t slot,
		    struct err *err);

/* Token buckets of limits: a map that is pinned, and in slot 0 of a map of maps. Control thread. */
struct policy_meters {
	int map;
	uint32_t entries; /* 0: there is none */
	bool put;         /* it is in the slot */
};

/* Takes what a daemon before has pinned, if there is none yet. */
void policy_meters_inherit(struct policy_meters *m, const struct pins *pins);

/* The descriptor of a new map for so many sources. Any thread. -ENOMEM. */
int policy_meters_make(uint32_t entries, struct err *err);

/* Puts those in force, or with -1 the ones that there are. Takes over `map` in any case. */
int policy_meters_put(struct policy_meters *m, const struct pins *pins, int all_meters, int map,
		      uint32_t entries, struct err *err);

/* Those, as memory to be read; NULL: there are none. */
const struct meter_bucket *policy_meters_open(const struct policy_meters *m, uint64_t *mask);
void policy_meters_close(const struct meter_bucket *meters, uint64_t mask);

#endif
