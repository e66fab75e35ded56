/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rings by which BPF programs hand capture records to the control thread: one for each CPU, so
 * that taps on two CPUs share nothing. They are in the kernel only while somebody captures.
 */
#ifndef WEIR_DATAPATH_TAP_RINGS_H
#define WEIR_DATAPATH_TAP_RINGS_H

#include <stdint.h>

#include "datapath/tap.h"

struct err;
struct tap_rings;

/* Makes rings for `cpus` CPUs and puts them into the map of rings, `map`. */
int tap_rings_open(struct tap_rings **out, int map, uint32_t cpus, struct err *err);

/* Takes them out of the map again; records in them are gone. NULL too. */
void tap_rings_close(struct tap_rings *r);

/* Calls `fn` for what records there are until CLOCK_MONOTONIC is `until_ns`. */
void tap_rings_drain(struct tap_rings *r, tap_fn *fn, void *context, uint64_t until_ns);

#endif
