/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring of capture records from one worker (the only producer) to the control thread (the only
 * consumer). A record that finds no room is lost and counted; the producer never waits.
 */
#ifndef WEIR_DATAPATH_TAP_H
#define WEIR_DATAPATH_TAP_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

/* Called with each record and its `record->captured` bytes, valid during the call only. */
typedef void tap_fn(void *context, const struct tap_record *record, const void *bytes);

struct tap_ring {
	uint8_t *bytes;
	uint64_t size;              /* a power of two */
	_Alignas(64) uint64_t head; /* written by the producer */
	uint64_t lost;
	_Alignas(64) uint64_t tail; /* written by the consumer */
};

int tap_ring_init(struct tap_ring *r, size_t size); /* -ENOMEM, -EINVAL: not a power of two */
void tap_ring_fini(struct tap_ring *r);

void tap_ring_push(struct tap_ring *r, const struct tap_record *record, const void *bytes);
unsigned int tap_ring_drain(struct tap_ring *r, tap_fn *fn, void *context);

#endif
