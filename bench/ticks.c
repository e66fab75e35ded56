// SPDX-License-Identifier: BSD-2-Clause
#include "bench/ticks.h"

#define LOOKS 20

/* The pair of looks with the least time between them: nothing came in between. */
static void look(uint64_t *ns, uint64_t *ticks)
{
	uint64_t best = UINT64_MAX;
	for (int i = 0; i < LOOKS; i++) {
		uint64_t before = ticks_now(), now = ticks_clock_ns(), took = ticks_now() - before;
		if (took >= best)
			continue;
		best = took;
		*ns = now;
		*ticks = before + took / 2;
	}
}

struct ticks ticks_compare(unsigned int milliseconds)
{
	struct ticks t;
	uint64_t ns, at;
	look(&ns, &at);
	nanosleep(&(struct timespec){.tv_nsec = milliseconds * 1000000l}, NULL);
	look(&t.at_ns, &t.at_ticks);
	t.hz = (t.at_ticks - at) * 1e9 / (t.at_ns - ns);
	return t;
}
