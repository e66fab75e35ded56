/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is said about a packet in a capture, as words:
 *
 *   reason=no-backend service=web source=worker worker=0: no backend of the service can take ...
 *   sent service=web backend=b1 source=xdp
 *   kernel-reason=NO_SOCKET at=__udp4_lib_rcv+0x5a source=kernel: the kernel dropped it ...
 *
 * Words of the form key=value come first, and are for programs; a sentence behind a colon is for
 * people. Packets that come one after the other mostly have the same comment: it is made once.
 */
#ifndef WEIR_TOOLS_CAPTURE_COMMENT_H
#define WEIR_TOOLS_CAPTURE_COMMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/capture.h"

#define COMMENT_MAX 512u

struct daemon;
struct kernel_reasons;

struct capture_comment {
	struct tap_record of;          /* the record it was made of */
	uint64_t generation;           /* of the configuration then */
	size_t length;                 /* 0: none was made */
	struct kernel_reasons *kernel; /* found out when they are needed */
	bool no_kernel;                /* in vain */
	char text[COMMENT_MAX];
};

void capture_comment_fini(struct capture_comment *c); /* a zeroed one, too */

/* Makes `c`, zeroed or an earlier comment, the one of a record. */
void capture_comment_make(struct capture_comment *c, const struct daemon *d,
			  const struct tap_record *r);

#endif
