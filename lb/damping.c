// SPDX-License-Identifier: BSD-2-Clause
/* See the header. */
#include "lb/damping.h"

static uint64_t hold_ns(const struct damping *d, uint32_t hold_ms)
{
	return d->known ? ((uint64_t)hold_ms * 1000000u) << d->doublings : 0;
}

uint64_t damping_due_ns(const struct damping *d, uint32_t hold_ms)
{
	return d->told || !d->well ? UINT64_MAX : d->well_since_ns + hold_ns(d, hold_ms);
}

/* Whether it went soon after it had come decides how long its next return takes. */
static void lose(struct damping *d, uint64_t now_ns, uint32_t hold_ms)
{
	uint64_t stayed_ns = now_ns - d->told_since_ns;
	if (stayed_ns > (uint64_t)hold_ms * 1000000u * DAMPING_CALM)
		d->doublings = 0;
	else if (d->doublings < DAMPING_DOUBLINGS)
		d->doublings++;
	d->told = false;
}

bool damping_step(struct damping *d, bool well, uint64_t now_ns, uint32_t hold_ms)
{
	if (well && !d->well)
		d->well_since_ns = now_ns;
	d->well = well;
	if (!well && d->told)
		lose(d, now_ns, hold_ms);
	if (now_ns >= damping_due_ns(d, hold_ms)) {
		d->told = d->known = true;
		d->told_since_ns = now_ns;
	}
	return d->told;
}
