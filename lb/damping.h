/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When something that comes and goes is told to others: its loss at once, its return only after it
 * has been well for a while, which is twice as long each time that it went soon after it had come
 * back. So that others do not follow each flap (RFC 2439 does it for routes of others). Pure; any
 * thread.
 */
#ifndef WEIR_LB_DAMPING_H
#define WEIR_LB_DAMPING_H

#include <stdbool.h>
#include <stdint.h>

#define DAMPING_DOUBLINGS 4u  /* at most: sixteen times the hold */
#define DAMPING_CALM      10u /* holds that it has to stay for the next loss to be a first one */

struct damping {    /* all zero is a start: the first time it is told at once */
	bool told;  /* what others know: it is there */
	bool well;  /* as it was last seen */
	bool known; /* it was told before */
	uint8_t doublings;
	uint64_t well_since_ns, told_since_ns;
};

/* What is to be told now. `hold_ms`: how long a return is held back at least. */
bool damping_step(struct damping *d, bool well, uint64_t now_ns, uint32_t hold_ms);

/* When it will be told, if it stays well; UINT64_MAX: it is told, or not well. */
uint64_t damping_due_ns(const struct damping *d, uint32_t hold_ms);

#endif
