/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring of capture records from one worker (the only producer) to the control thread (the only
 * consumer). A record that finds no room is lost; the producer never waits.
 */
#ifndef WEIR_DATAPATH_TAP_H
#define WEIR_DATAPATH_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/capture.h"

/* Called with each record and its `record->captured` bytes, valid during the call only. */
typedef void tap_fn(void *context, const struct tap_record *record, const void *bytes);

struct tap_ring {
	uint8_t *bytes;
	uint64_t size;              /* a power of two */
	_Alignas(64) uint64_t head; /* written by the producer */
	_Alignas(64) uint64_t tail; /* written by the consumer */
};

int tap_ring_init(struct tap_ring *r, size_t size); /* -ENOMEM, -EINVAL: not a power of two */
void tap_ring_fini(struct tap_ring *r);

/* False: there is no room. */
bool tap_ring_push(struct tap_ring *r, const struct tap_record *record, const void *bytes);

/* Hands out what records there are until CLOCK_MONOTONIC is `until_ns`; how many. */
unsigned int tap_ring_drain(struct tap_ring *r, tap_fn *fn, void *context, uint64_t until_ns);

/* Writes *from for taps that look at *to at any time; what they see is of one or the other. */
void tap_control_set(struct tap_control *to, const struct tap_control *from);

#endif
