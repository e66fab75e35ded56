/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A policy on its way into the kernel. What takes long is done beside what is in force and on any
 * one thread, as the kernel waits for each of its maps, and long lists take it memory: tables are
 * made, filled, and put into the slot that no packet looks at. To bring them into force then is one
 * store (program_commit()), after which the slot of those before is emptied, by any one thread
 * again.
 */
#ifndef WEIR_DATAPATH_POLICY_STAGE_H
#define WEIR_DATAPATH_POLICY_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/policy_maps.h"

struct err;
struct policy_tables;

struct policy_stage {
	struct policy_slots all;        /* of its own */
	uint32_t slot;                  /* not in force */
	bool filled;                    /* something may be in it */
	const struct policy_tables *of; /* those that are in it, until they are in force */
	uint32_t bits;                  /* of the word `tables` (bpf/abi.h), without a generation */
	uint32_t meters_there;          /* how many there are */
	uint32_t meter_entries;         /* how many that policy takes; 0: it has no say */
	int meters;                     /* a map of so many, where that differs; or -1 */
};

/* Takes duplicates of the descriptors. Control thread, one at a time. -EMFILE. */
int policy_stage_open(struct policy_stage *s, const struct policy_slots *all, uint32_t slot,
		      uint32_t meters_there, struct err *err);

/* Any thread. NULL: no policy. -ENOMEM and others: the kernel can't, and nothing is in the slot. */
int policy_stage_fill(struct policy_stage *s, const struct policy_tables *p, struct err *err);

/* Control thread: these are in force now, those of the other slot are to be emptied. */
void policy_stage_commit(struct policy_stage *s);

/* Any thread: empties the slot, and closes. A zeroed one too. */
void policy_stage_close(struct policy_stage *s);

#endif
