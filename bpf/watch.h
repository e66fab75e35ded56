/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tracepoint programs (bpf/watch.bpf.c) and user space say to each other. */
#ifndef WEIR_BPF_WATCH_H
#define WEIR_BPF_WATCH_H

#include "bpf/capture.h"

/*
 * What became of packets of a port behind the XDP program, where the kernel keeps no count that can
 * be read. Shared by all CPUs.
 */
struct watch_counters {
	__u64 not_steered; /* no socket's counter has them: neither full nor without a frame */
	__u64 tx_failed;   /* what the program sent, or had redirected, and was not sent */
};

/* A copy of a packet on its way to a worker, by CPU: the kernel may fail to hand it over. */
struct steered_packet {
	__u32 length, captured;
	__u8 bytes[2048];
};
_Static_assert(sizeof(struct steered_packet) == 2056, "struct steered_packet is a map value");

#endif
