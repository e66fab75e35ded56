/* SPDX-License-Identifier: BSD-2-Clause */
/* A table of targets in the kernel: the maps that the XDP program finds services in. */
#ifndef WEIR_DATAPATH_TARGET_MAPS_H
#define WEIR_DATAPATH_TARGET_MAPS_H

#include <stdint.h>

struct err;
struct target_table;

struct target_maps {
	int targets;  /* hash: struct target_key -> struct target */
	int prefixes; /* trie: struct prefix_key -> struct target_key; -1: there are no prefixes */
};

/* Makes and fills the maps. -errno. */
int target_maps_open(struct target_maps *m, const struct target_table *t, struct err *err);

/* Puts them into one slot of these maps of maps, which is not in force yet, and closes them. */
int target_maps_put(struct target_maps *m, int all_targets, int all_prefixes, uint32_t slot,
		    struct err *err);

#endif
