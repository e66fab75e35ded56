/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts what comes back over wires: bpf/sink.bpf.c. */
#ifndef WEIR_BENCH_SINK_H
#define WEIR_BENCH_SINK_H

#include <stdint.h>

#include "bpf/traffic.h"

struct err;
struct sink_bpf;

#define SINK_LINKS 8u

struct sink {
	struct sink_bpf *skeleton;
	int links[SINK_LINKS];
	unsigned int link_count;
};

/* Watches which backend each of so many flows goes to; 0: does not. */
int sink_open(struct sink *s, uint32_t watched, struct err *err);
void sink_close(struct sink *s); /* lets go of its interfaces too */

/* Takes everything that comes in on an interface. It may take from several. */
int sink_attach(struct sink *s, int ifindex, struct err *err);

/* What it has seen since it was opened. */
void sink_read(const struct sink *s, struct traffic_seen *out);

#endif
