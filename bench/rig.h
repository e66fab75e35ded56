/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One balancer, its packets, and the two ways through them that are compared: `touch` reads each
 * packet's first cache line and writes its link addresses, `process` calls lb_process(). Both walk
 * the same frames, in the same order, in bursts of LB_BURST, and make up the burst as a worker
 * does.
 *
 * A pass is once through all frames. Before each the packets are written anew, off the clock, so
 * that both ways find them in the same caches. What is counted is the CPU time of this thread, so
 * what else runs does not count (what it does to the caches does).
 *
 * The time that lb_process() sees goes on by what it took: a flow's last-seen tick is written as
 * often as at that rate of packets.
 */
#ifndef WEIR_BENCH_RIG_H
#define WEIR_BENCH_RIG_H

#include "bench/balancer.h"
#include "bench/calls.h"
#include "bench/frames.h"

struct err;

#define RIG_PASSES  512u /* of a trial over known flows: about one tick of the flow table */
#define RIG_OPENING 128u /* of a trial of new flows: 2^20 of them */

struct rig {
	struct frames frames;
	struct balancer balancer;
	enum frames_family family;
	uint8_t protocol;
	uint64_t now_ns; /* as lb_process() sees it */
	uint64_t random;
	struct calls calls; /* made between the clock's start and stop */
};

/* Nanoseconds a packet. */
struct trial {
	double touch_ns, process_ns;
};

/* `frames` must be open and stay so; the rig takes a copy. */
int rig_open(struct rig *r, const struct frames *frames, enum frames_family family,
	     uint8_t protocol, uint32_t entries, struct err *err);
void rig_close(struct rig *r);

/* Makes flows 0 to `flows` - 1 known, and no others; TCP connections are established. */
int rig_learn(struct rig *r, uint32_t flows, struct err *err);

/* Packets of random flows among those. */
int rig_try_known(struct rig *r, uint32_t flows, struct trial *out, struct err *err);

/* Packets that open a flow each (a SYN; any UDP packet), from an empty table on. */
int rig_try_new(struct rig *r, struct trial *out, struct err *err);

#endif
