/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receives stamped packets on interfaces, in an XDP program that counts and drops them
 * (bpf/receiver.bpf.c), or by AF_XDP sockets and a thread that does the same. What has no stamp
 * goes to the kernel.
 */
#ifndef WEIR_BENCH_RECEIVER_H
#define WEIR_BENCH_RECEIVER_H

#include <net/if.h> /* libc's before the kernel's */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/place.h"
#include "bpf/received.h"

struct err;
struct receiver;

/* What is done with packets beside counting. Only the first tells those with a stamp from others.
 */
enum receiver_ear {
	RECEIVER_READS,  /* their stamps are read */
	RECEIVER_COUNTS, /* nothing: what receiving costs at the least */
	RECEIVER_TIMES,  /* noted when the first and the last came */
};

struct receiver_wanted {
	enum receiver_ear ear;
	const struct place *places;
	unsigned int place_count; /* at most PLACES_MAX */
	uint32_t flows;           /* numbers of flows that are told apart: 0 to flows - 1 */
	bool sockets;             /* AF_XDP instead of XDP alone */
	bool generic;             /* XDP in generic mode */
	bool all;                 /* packets without a stamp are counted and dropped, too */
};

/* -EPERM, -EBUSY (another XDP program), -EOPNOTSUPP, each with what to do about it. */
int receiver_open(struct receiver **out, const struct receiver_wanted *wanted, struct err *err);
void receiver_close(struct receiver *r); /* NULL too */

/* Sums over all interfaces since it was opened. */
void receiver_read(const struct receiver *r, struct received *out);

/* Adds the latencies since it was opened to HISTOGRAM_SLOTS counters. */
void receiver_read_latency(const struct receiver *r, uint64_t *counts);

/* Stamped packets by queue of an interface: RECEIVED_QUEUES counters. */
void receiver_read_queues(const struct receiver *r, unsigned int place, uint64_t *counts);

/* A flow, false where none of its packets came. */
bool receiver_read_flow(const struct receiver *r, uint32_t flow, struct received_flow *out);

#endif
