/* SPDX-License-Identifier: BSD-2-Clause */
/* A table of targets in the kernel: the maps that the XDP program finds services in. */
#ifndef WEIR_DATAPATH_TARGET_MAPS_H
#define WEIR_DATAPATH_TARGET_MAPS_H

struct err;
struct target_table;

struct target_maps {
	int targets;  /* hash: struct target_key -> struct target */
	int prefixes; /* trie: struct prefix_key -> struct target_key; -1: there are no prefixes */
};

/* Makes and fills the maps. -errno. */
int target_maps_open(struct target_maps *m, const struct target_table *t, struct err *err);

/*
 * Puts them in force, in slot 0 of these maps of maps, and closes them. The services change with
 * one store, and then which prefixes there are: a prefix without a target is nobody's.
 */
int target_maps_commit(struct target_maps *m, int all_targets, int all_prefixes, struct err *err);

#endif
