/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * So many a second: a token bucket that holds a tenth of a second's worth, and one. Zeroed, it is
 * full. Its owner alone writes it.
 */
#ifndef WEIR_LB_BUDGET_H
#define WEIR_LB_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#define BUDGET_NS_PER_S 1000000000ull

struct budget {
	uint64_t credit;  /* tokens in it, in 1/BUDGET_NS_PER_S */
	uint64_t seen_ns; /* when credit was last given */
};

/* Takes a token, if there is one. `now_ns` does not go back. */
static inline bool budget_take(struct budget *b, uint32_t per_second, uint64_t now_ns)
{
	uint64_t full = per_second * (BUDGET_NS_PER_S / 10) + BUDGET_NS_PER_S;
	uint64_t passed_ns = now_ns - b->seen_ns;
	if (passed_ns > BUDGET_NS_PER_S)
		passed_ns = BUDGET_NS_PER_S;
	b->seen_ns = now_ns;
	b->credit += passed_ns * per_second;
	if (b->credit > full)
		b->credit = full;
	if (b->credit < BUDGET_NS_PER_S)
		return false;
	b->credit -= BUDGET_NS_PER_S;
	return true;
}

#endif
