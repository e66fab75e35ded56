/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last drops, kept before anybody asks: so many records at most, and none older than so many
 * seconds. Control thread.
 */
#ifndef WEIR_TOOLS_BLACKBOX_H
#define WEIR_TOOLS_BLACKBOX_H

#include <stdint.h>

#include "datapath/tap.h"

#define BLACKBOX_BYTES 256u /* of a packet, at most */

struct blackbox;

struct blackbox *blackbox_new(uint32_t packets, uint32_t seconds); /* NULL without memory */
void blackbox_free(struct blackbox *b);                            /* NULL too */

/* Keeps a record, in the place of the oldest one when it is full. */
void blackbox_put(struct blackbox *b, const struct tap_record *r, const void *bytes);

/* Calls `fn` for what is kept and not too old at `now_ns` (CLOCK_MONOTONIC), the oldest first. */
void blackbox_replay(const struct blackbox *b, uint64_t now_ns, tap_fn *fn, void *context);

uint32_t blackbox_capacity(const struct blackbox *b);

#endif
