/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The XDP program on one packet at a time (BPF_PROG_RUN), with the targets of a balancer. Port 0
 * has a socket on its queue, an AF_XDP one that is bound to nothing; port 1 has none.
 */
#ifndef WEIR_TESTS_XDP_RUN_H
#define WEIR_TESTS_XDP_RUN_H

#include <stdint.h>

#include "bpf/abi.h"

struct offline;
struct program;

#define XDP_RUN_MIN 14u /* shorter frames the kernel does not take */

struct xdp_run {
	struct program *program;
	int socket;
	uint64_t dropped[2][ABI_REASON_SLOTS]; /* by port, so far */
};

/* Names of our own: <linux/bpf.h> and libpcap don't go together. */
enum xdp_outcome { OUTCOME_PASSED, OUTCOME_DROPPED, OUTCOME_STEERED, OUTCOME_OTHER };

struct xdp_verdict {
	enum xdp_outcome outcome;
	enum reason reason; /* of OUTCOME_DROPPED */
};

/* NULL, or why this host can't. */
const char *xdp_run_open(struct xdp_run *x, const struct offline *o);
void xdp_run_close(struct xdp_run *x); /* a zeroed one too */

/* Fails the test if the program changes the packet, or counts it wrongly. */
struct xdp_verdict xdp_run_packet(struct xdp_run *x, uint32_t port, const void *bytes,
				  uint32_t length);

/* The equation of struct port_counters (bpf/abi.h). */
void xdp_run_expect_ledger(const struct xdp_run *x, uint32_t port);

#endif
