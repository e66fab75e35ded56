/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs of the benchmarks and user space say to each other: the generator's knobs, the
 * sink's counters, and how a flow's number becomes an address, so that the sink can tell it again.
 */
#ifndef WEIR_BPF_TRAFFIC_H
#define WEIR_BPF_TRAFFIC_H

#include <linux/types.h>

#define TRAFFIC_FRAME 60 /* bytes: Ethernet's shortest, without the frame check sequence */

/* Flow n is client 10.0.0.0 + n / 16, port 32768 + n % 16. */
#define TRAFFIC_CLIENTS          0x0a000000u
#define TRAFFIC_FLOWS_PER_CLIENT 16u
#define TRAFFIC_FIRST_PORT       32768u
#define TRAFFIC_MAX_FLOWS        (1u << 24)

/* The flood comes from anywhere in 198.18.0.0/15 (RFC 2544: for benchmarks), any port. */
#define TRAFFIC_FLOOD      0xc6120000u
#define TRAFFIC_FLOOD_MASK 0x0001ffffu

/* Scattered, flow n is all of address n times this, which is odd: no two have the same. */
#define TRAFFIC_SCATTER 0x9e3779b1u

enum traffic_kind {
	TRAFFIC_FLOW, /* of the flows that are measured */
	TRAFFIC_SYN,  /* of the flood */
	TRAFFIC_KINDS
};

/* A right frame, of which the generator makes others by another source address and port. */
struct traffic_frame {
	__u64 words[TRAFFIC_FRAME / 8];
	__u32 tail, pad;
};
_Static_assert(sizeof(struct traffic_frame) == 64, "a frame and the padding of words");

/* What user space sets between two runs of the generator. */
struct traffic_knobs {
	struct traffic_frame frames[TRAFFIC_KINDS];
	__u32 ifindex; /* where the frames go */
	__u32 first, count;
	__u32 in_order; /* flows one after another, from first on; else drawn at random */
	__u32 flood;    /* of 256 frames so many are the flood's, on average */
	__u32 scatter;  /* flows come from everywhere, each from an address of its own */
	__u32 pad;
	__u64 flood_ns; /* between two frames of the flood, instead of `flood`; 0: by that */
	__u64 pause_ns; /* between two frames at least; 0: as fast as it goes */
	__u64 left;     /* so many frames more are sent; what is run after that does nothing */
};

/* What the sink received, per CPU. */
struct traffic_seen {
	__u64 packets[TRAFFIC_KINDS];
	__u64 moved; /* packets of flows that were with another backend before */
};

#endif
