/* SPDX-License-Identifier: BSD-2-Clause */
/* What a packet looks like in a tunnel, written independently of bpf/tunnel.h. */
#ifndef WEIR_TESTS_OUTER_H
#define WEIR_TESTS_OUTER_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/unit/packet_build.h"

struct outer {
	const char *from, *to; /* of one family; NULL: no tunnel, only another link header */
	bool gue;
	uint16_t vlan; /* 0: no tag */
};

/*
 * The frame that `in` becomes behind a link header to `mac_to` and the outer headers. What tells
 * flows apart (UDP source port, flow label) is taken from `got`, where it has to be in its range.
 */
void outer_build(const struct outer *o, const char *mac_to, const struct frame *in,
		 const struct frame *got, struct frame *out);

#endif
