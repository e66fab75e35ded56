/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All taps of an engine: those of the XDP programs and those of the workers, and the slots in which
 * they find what captures want (bpf/capture.h). While no slot is in use no tap does anything.
 * Control thread.
 */
#ifndef WEIR_DATAPATH_TAPS_H
#define WEIR_DATAPATH_TAPS_H

#include <stdint.h>

#include "datapath/tap.h"

struct engine;
struct err;

/*
 * Has the capture in a slot that is not in use get what it wants; its credit is `want`'s. Tallies
 * go on from where they were.
 */
int taps_set(struct engine *e, uint32_t slot, const struct capture_slot *want, struct err *err);

/*
 * Nothing more for the slot: what a tap had in hand is in a ring when this returns. One that is not
 * in use, too.
 */
void taps_clear(struct engine *e, uint32_t slot);

/* So many packets more may be taken for the slot, of those that are `limited`. */
void taps_credit(struct engine *e, uint32_t slot, int64_t packets, int64_t most);

/* What became of the packets of a port that the slot wanted, since the start. */
void taps_tally(const struct engine *e, uint32_t slot, uint32_t port, struct capture_tally *out);

/*
 * Drops of a port that such a capture wanted, and of which no packet was left when they were seen:
 * what the XDP program sent and was not sent. None where it has a filter, which can't be asked.
 */
uint64_t taps_unseen(const struct engine *e, const struct capture_slot *want, uint32_t port);

/*
 * Calls `fn` for what records there are until CLOCK_MONOTONIC is `until_ns`; to be called every few
 * milliseconds while a slot is in use.
 */
void taps_drain(struct engine *e, tap_fn *fn, void *context, uint64_t until_ns);

/* Tells what is armed to programs that are new. */
void taps_renew(struct engine *e);

/* Gives back the rings, and what is in them; no slot is in use. */
void taps_close(struct engine *e);

#endif
