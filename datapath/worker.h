/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker: one thread, pinned to a CPU, that serves its receive queues of every port with one
 * packet memory and transmits on its own queue of the egress port. It takes no lock, allocates
 * nothing and logs nothing; it speaks in counters.
 */
#ifndef WEIR_DATAPATH_WORKER_H
#define WEIR_DATAPATH_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "datapath/frame_pool.h"
#include "datapath/memory.h"
#include "datapath/patience.h"
#include "datapath/worker_tap.h"
#include "datapath/xsk.h"
#include "lb/process.h"

struct chains;
struct flow_ring;
struct fragments;
struct held;
struct pollfd;
struct snapshot;

#define WORKER_BURST_TIMES   16
#define WORKER_BURST_NS_LOG2 10

/*
 * What turns with packets are made of. What they cost is counted in ticks of the CPU's clock (x86:
 * TSC, so cycles at the nominal frequency; arm64: cntvct), and what waits or interrupts the worker
 * is in it.
 */
enum worker_stage {
	WORKER_RINGS,  /* frames taken back, refilled, received */
	WORKER_DECIDE, /* lb_process() */
	WORKER_PLACE,  /* each packet's frame to its next owner, taps */
	WORKER_SEND,   /* the kernel told */
	WORKER_STAGES,
};

/*
 * What a worker did with frames, beside its lb_counters. Written by the worker, read by anyone.
 * For all sockets of a worker together:
 *   rx == lb.rx_packets (of which lb_held() are still to come out)
 *   lb.forwarded + lb.returned + lb.neighbor_replies + lb.echo_replies + lb.too_big_replies +
 *       lb.refusals == tx_packets + tx_full + held
 *   lb.passed == not_served
 * (lb.redirected and lb.challenges stay 0: what a policy says is done by the XDP program.)
 */
struct worker_counters {
	uint64_t turns;      /* of the loop */
	uint64_t busy_turns; /* with at least one packet */
	uint64_t sleeps;     /* times it waited in poll() */
	uint64_t rx_packets;
	uint64_t tx_packets; /* taken by the kernel (tx_failed is a part of them) */
	uint64_t tx_full;    /* dropped: no room in the transmit ring */
	uint64_t tx_wakeups; /* system calls to transmit */
	uint64_t tx_failed;  /* dropped: the driver refused the frame (EBUSY) */
	uint64_t not_served; /* dropped: lb said pass, but a worker can't hand it to the kernel */
	uint64_t burst_ns;   /* that busy turns took */
	/* How many took up to 1024 ns, 2048 ns, ..., and the last: longer than all of these. */
	uint64_t burst_times[WORKER_BURST_TIMES];
	uint64_t ticks[WORKER_STAGES]; /* over rx_packets: what a packet costs */
};

/* Of one socket: what went through it, and what the kernel lost in front of it (XDP_STATISTICS). */
struct socket_counters {
	uint64_t rx_packets, tx_packets;
	uint64_t rx_no_frame; /* rx_dropped */
	uint64_t rx_full;     /* rx_ring_full */
	uint64_t fill_empty;  /* rx_fill_ring_empty_descs: a hint, not a loss of its own */
	uint64_t tx_invalid;  /* tx_invalid_descs */
};

/* Where the frames of a worker's memory are; the sum is `frames`. */
struct worker_frames {
	uint32_t frames, free, in_fill, in_transmit, elsewhere;
};

/* A worker's counters, kept where they outlive the daemon. */
struct worker_memory {
	struct worker_counters own;
	struct lb_counters lb;
};

/* What all workers look at and the control thread sets. */
struct worker_shared {
	struct snapshot *snapshot; /* see datapath/grace.h */
	struct fragments *fragments;
	struct flow_ring **flow_rings; /* by worker: for other nodes; NULL: there are none */
	struct tap_control tap;        /* of all captures together */
	struct capture_slot *captures; /* what each wants */
	int wake; /* descriptor that can be read when `stop` was set: who sleeps looks again */
	bool stop;
	bool wait; /* those that are started wait until it is false */
};

struct worker {
	/* hot, the worker's own */
	struct worker_shared *shared;
	struct xsk *sockets;
	uint32_t socket_count;
	struct xsk *egress[ABI_MAX_PORTS]; /* port index -> the socket to transmit by */
	struct patience patience;
	struct frame_pool pool;
	struct lb lb;
	struct held *held; /* of lb */
	struct worker_counters *counters;
	/* cold */
	_Alignas(64) struct worker_tap tap;
	struct memory memory; /* of packets */
	struct memory state;  /* what else has to be handed over: `held`, and the pool's list */
	struct xsk_area area;
	uint16_t index;
	int cpu, tid;
	enum config_poll poll;
	struct chains *chains;   /* NULL: no packet is longer than a frame */
	struct pollfd *poll_fds; /* of what wakes it up, then of the sockets in their order */
	struct xsk nowhere;      /* egress of ports that are gone: its ring is always full */
	pthread_t thread;
	bool running;
};

/*
 * Prepares worker `index` (*w zeroed but for its tap, which may be that of one before it) with
 * memory for `socket_count` sockets of `frames` frames each. Sockets are opened by
 * worker_open_socket(), then worker_start() gives it its thread.
 */
int worker_open(struct worker *w, uint16_t index, int cpu, struct worker_shared *shared,
		struct flow_table *flows, struct worker_memory *memory, const struct config *config,
		uint32_t socket_count, int node, struct err *err);
int worker_open_socket(struct worker *w, const struct port *port, uint16_t port_index,
		       uint16_t queue, struct xsk_mode mode, struct err *err);
int worker_start(struct worker *w, struct err *err);

/*
 * The same in the place of another process's worker: with its memory, whose descriptors are taken
 * over on success, and its sockets. worker_catch_up() when that one has stopped for good, with so
 * many frames in its pool, and before this one's thread turns.
 */
struct worker_handed {
	struct memory memory, state; /* as they are there */
	int memory_fd, state_fd;
};
int worker_adopt(struct worker *w, uint16_t index, int cpu, struct worker_shared *shared,
		 struct flow_table *flows, struct worker_memory *memory,
		 const struct config *config, uint32_t socket_count,
		 const struct worker_handed *handed, struct err *err);
int worker_adopt_socket(struct worker *w, uint16_t port_index, uint16_t queue, bool multi_buffer,
			int fd, struct err *err);
void worker_catch_up(struct worker *w, uint32_t frames_free);

/* Waits for the thread to end, after shared->stop was set. */
void worker_join(struct worker *w);
void worker_close(struct worker *w); /* a zeroed one too; its tap stays the caller's */

/* Any thread. */
void worker_frames(const struct worker *w, struct worker_frames *out);

#endif
