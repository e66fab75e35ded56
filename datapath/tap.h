/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two ends of a ring of capture records (struct tap_ring): that of the control thread, the only
 * consumer, and that of a producer in user space, a worker. A record that finds no room is lost;
 * the producer never waits.
 */
#ifndef WEIR_DATAPATH_TAP_H
#define WEIR_DATAPATH_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/capture.h"

/* Called with each record and its `record->captured` bytes, valid during the call only. */
typedef void tap_fn(void *context, const struct tap_record *record, const void *bytes);

/* An empty one, for free(); NULL: no memory. `size` is a power of two, 4096 or more. */
struct tap_ring *tap_ring_new(uint32_t size);

/* False: there is no room. */
bool tap_ring_push(struct tap_ring *r, const struct tap_record *record, const void *bytes);

/* Hands out what records there are until CLOCK_MONOTONIC is `until_ns`; how many. NULL too. */
unsigned int tap_ring_drain(struct tap_ring *r, tap_fn *fn, void *context, uint64_t until_ns);

/* Writes *from for taps that look at *to at any time; what they see is of one or the other. */
void tap_control_set(struct tap_control *to, const struct tap_control *from);

#endif
