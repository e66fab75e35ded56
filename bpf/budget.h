/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * So many a second: a token bucket that holds a tenth of a second's worth, and one. Zeroed, it is
 * full. Its owner alone writes it.
 */
#ifndef WEIR_BPF_BUDGET_H
#define WEIR_BPF_BUDGET_H

#include <linux/types.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define BUDGET_NS_PER_S 1000000000ull

struct budget {
	__u64 credit;  /* tokens in it, in 1/BUDGET_NS_PER_S */
	__u64 seen_ns; /* when credit was last given */
};

/* Takes a token, if there is one. `now_ns` does not go back. */
static __always_inline int budget_take(struct budget *b, __u32 per_second, __u64 now_ns)
{
	__u64 full = per_second * (BUDGET_NS_PER_S / 10) + BUDGET_NS_PER_S;
	__u64 passed_ns = now_ns - b->seen_ns;
	if (passed_ns > BUDGET_NS_PER_S)
		passed_ns = BUDGET_NS_PER_S;
	b->seen_ns = now_ns;
	b->credit += passed_ns * per_second;
	if (b->credit > full)
		b->credit = full;
	if (b->credit < BUDGET_NS_PER_S)
		return 0;
	b->credit -= BUDGET_NS_PER_S;
	return 1;
}

#endif
