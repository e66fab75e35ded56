/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a decision does to a packet's bytes. The same source rewrites in the workers and in the
 * XDP program, so both give the same bytes.
 */
#ifndef WEIR_BPF_REWRITE_H
#define WEIR_BPF_REWRITE_H

#include <linux/if_ether.h>

#include "bpf/abi.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/*
 * Direct server return: only the link addresses change. `frame` holds at least a struct ethhdr. In
 * words, because clang makes of a memcpy() to where it knows no alignment twelve stores of one
 * byte.
 */
static __always_inline void rewrite_link(void *frame, const struct link_addresses *to)
{
	const __u64 *from8 = (const void *)to;
	const __u32 *from4 = (const void *)to;
	__u64 *to8 = frame;
	__u32 *to4 = frame;
	to8[0] = from8[0];
	to4[2] = from4[2];
}

#endif
