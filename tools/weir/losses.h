/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every place between wire and wire where a packet can be lost: in the NIC and the kernel in front
 * of Weir, by the reasons of bpf/abi.h, and behind. Each with how many, how fast, since when, what
 * it means and what mends it. A timer looks at all counters once a second. Control thread.
 */
#ifndef WEIR_TOOLS_LOSSES_H
#define WEIR_TOOLS_LOSSES_H

#include <stdint.h>

#define LOSSES_MAX      256u /* places */
#define LOSSES_NAME     48u
#define LOSSES_WINDOW_S 10 /* that rates are of */

struct daemon;
struct losses;

enum loss_place {
	LOSS_IN_FRONT, /* not in the ledger: Weir never had the packet */
	LOSS_REASON,   /* a reason of bpf/abi.h */
	LOSS_BEHIND,   /* in the ledger too, without a reason of its own */
};

struct loss {
	enum loss_place place;
	char name[LOSSES_NAME];
	const char *interface; /* NULL: of all */
	uint64_t packets, before;
	double rate;    /* packets a second */
	int64_t last_s; /* time of day when it was last seen to change; 0: not since the start */
	const char *text, *mend;
	uint64_t samples[LOSSES_WINDOW_S]; /* of `packets`, by second */
};

struct losses *losses_new(struct daemon *d); /* NULL without memory; starts its timer */
void losses_free(struct losses *l);          /* NULL too */

/* Looks at all counters now. */
void losses_look(struct losses *l);

uint32_t losses_count(const struct losses *l);
const struct loss *losses_get(const struct losses *l, uint32_t index);

/* What mends the drops of a reason, in a sentence. */
const char *losses_mend(int reason);

#endif
