/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sends frames into a wire from within the kernel: bpf/generator.bpf.c, on this thread's CPU, in
 * this thread's network namespace. On a wire of virtual Ethernet what they meet there (the program
 * at the far end, the sink if the frames come back by XDP_TX) runs on this CPU too, in between.
 */
#ifndef WEIR_BENCH_GENERATOR_H
#define WEIR_BENCH_GENERATOR_H

#include <stdint.h>

#include "bpf/traffic.h"

struct err;
struct generator_bpf;

#define GENERATOR_BATCH 64u /* frames sent at a time, a NAPI poll's worth */

struct generator {
	struct generator_bpf *skeleton;
};

int generator_open(struct generator *g, struct err *err);
void generator_close(struct generator *g);

/* The knobs, to be set while it doesn't run. */
struct traffic_knobs *generator_knobs(struct generator *g);

/* What packets of a kind are: `protocol` IPPROTO_UDP or IPPROTO_TCP with these flags. */
int generator_shape(struct generator *g, enum traffic_kind kind, uint8_t protocol,
		    uint8_t tcp_flags, struct err *err);

/* Flows first to first + count - 1, from now on one after another. */
void generator_in_order(struct generator *g, uint32_t first, uint32_t count);

/* As fast as it goes. A call costs some 20 ms before the first frame: make it worth that. */
int generator_send(struct generator *g, uint32_t frames, struct err *err);

/* So many frames, with a pause before each. */
int generator_send_slowly(struct generator *g, uint32_t frames, uint64_t pause_ns, struct err *err);

/* Frames sent since it was opened. */
uint64_t generator_sent(const struct generator *g, enum traffic_kind kind);

#endif
