/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The XDP program on one packet at a time (BPF_PROG_RUN), beside a balancer that is the worker: it
 * has the balancer's targets, flow table and ways to backends. Nothing is attached or pinned.
 */
#ifndef WEIR_TESTS_XDP_RUN_H
#define WEIR_TESTS_XDP_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "datapath/policy_maps.h"
#include "datapath/tap.h"
#include "tests/unit/packet_build.h"

struct offline;
struct tap_rings;
struct weir_bpf;

#define XDP_RUN_MIN 14u /* what frames the kernel takes */
#define XDP_RUN_MAX 3000u

struct xdp_run {
	struct weir_bpf *program;
	uint32_t generation; /* of the policy */
	struct policy_meters meters;
	int socket;
	void *flows;
	uint64_t flows_size;
	void *translations;
	uint64_t translations_size;
	uint64_t dropped[ABI_REASON_SLOTS]; /* so far */
	struct tap_rings *rings;
	uint32_t drained; /* records, by who counts them */
};

/* Names of our own: <linux/bpf.h> and libpcap don't go together. */
enum xdp_outcome { OUTCOME_PASSED, OUTCOME_DROPPED, OUTCOME_STEERED, OUTCOME_SENT, OUTCOME_OTHER };

struct xdp_verdict {
	enum xdp_outcome outcome;
	enum reason reason; /* of OUTCOME_DROPPED */
};

/*
 * NULL, or why this host can't. The balancer's flow table moves to where the program sees it, and
 * must not be used any more once the program is closed.
 */
const char *xdp_run_open(struct xdp_run *x, struct offline *o);
/* Puts what the balancer has in force now in force here too. */
void xdp_run_publish(struct xdp_run *x, const struct offline *o);
void xdp_run_close(struct xdp_run *x); /* a zeroed one too */

/* Whether there is a socket to steer to (at first there is): an AF_XDP one, bound to nothing. */
void xdp_run_set_socket(struct xdp_run *x, bool there);

/* When the program repeats decisions (at first: never). */
void xdp_run_set_fast_path(struct xdp_run *x, enum fast_path when);

/* Whether it takes the packets of late for a flood (bpf/police_plain.h). */
void xdp_run_set_refusing(struct xdp_run *x, bool most);

/* Echo requests a second that it answers where there is no socket (at first: the balancer's). */
void xdp_run_set_echo_limit(struct xdp_run *x, uint32_t limit);

/* Now, on the clock that flows are timed by. */
uint64_t xdp_run_now_ns(void);

/* The frame that came out is in `out`. The ledger's counts of drops are checked. */
struct xdp_verdict xdp_run_packet(struct xdp_run *x, const struct frame *in, struct frame *out);

/* What the first `count` rules of the policy have counted, by id. */
void xdp_run_rules(const struct xdp_run *x, struct rule_traffic *out, uint32_t count);

/* Does as a worker does for a half-open flow of a service that has been followed up. */
void xdp_run_give_back(const struct xdp_run *x, uint32_t service, uint64_t cost);

/* Runs the program on a frame `count` times; how often it sent it out again itself. */
uint64_t xdp_run_many(struct xdp_run *x, const struct frame *in, uint32_t count);

/* The equation of struct port_counters (bpf/abi.h). */
void xdp_run_expect_ledger(const struct xdp_run *x);

/* Captures what is dropped for the reasons of a bitmap, or what a slot wants; in the first slot. */
void xdp_run_tap(struct xdp_run *x, uint64_t reasons, uint32_t snaplen);
void xdp_run_capture(struct xdp_run *x, const struct capture_slot *slot);
struct capture_tally xdp_run_tally(const struct xdp_run *x);
void xdp_run_drain(struct xdp_run *x, tap_fn *fn, void *context);

#endif
