/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rings by which BPF programs hand capture records to the control thread: for each CPU its own,
 * so that taps on two CPUs share nothing. They are memory of the kernel that this process has too,
 * and are there only while somebody captures.
 */
#ifndef WEIR_DATAPATH_TAP_RINGS_H
#define WEIR_DATAPATH_TAP_RINGS_H

#include <stdint.h>

#include "datapath/tap.h"

struct bpf_map;
struct err;
struct tap_rings;

/* The size of the rings of so many CPUs. */
uint32_t tap_rings_size(uint32_t cpus);

/* Before a program is loaded: its map of rings is one of rings of that size. 0 or -errno. */
int tap_rings_shape(struct bpf_map *map, uint32_t size);

/* Makes the rings of a kind, TAP_RING_*, for `cpus` CPUs and puts them into the map, `map`. */
int tap_rings_open(struct tap_rings **out, int map, uint32_t kind, uint32_t cpus, struct err *err);

/* Takes them out of the map again; records in them are gone. NULL too. */
void tap_rings_close(struct tap_rings *r);

/* Calls `fn` for what records there are until CLOCK_MONOTONIC is `until_ns`. NULL too. */
void tap_rings_drain(struct tap_rings *r, tap_fn *fn, void *context, uint64_t until_ns);

#endif
