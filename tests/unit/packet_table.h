/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets by name with what must become of them, for all who judge packets: lb_process() and the
 * XDP program.
 */
#ifndef WEIR_TESTS_PACKET_TABLE_H
#define WEIR_TESTS_PACKET_TABLE_H

#include <stddef.h>

#include "bpf/abi.h"
#include "lb/process.h"
#include "tests/unit/outer.h"
#include "tests/unit/packet_build.h"

struct offline;

struct packet_case {
	const char *name;
	struct recipe in;
	enum lb_verdict verdict;
	enum reason reason; /* of LB_DROP */
	/* LB_DROP: only a worker can know that; the XDP program steers. */
	bool by_worker;
	bool never_repeated; /* a worker decides about each packet of the flow, or of this kind */
	bool refused;        /* too big: `reply` tells the sender so */
	bool repeated;       /* TCP of a flow that is established */
	const char *service, *backend; /* NULL: none */
	/* LB_TRANSMIT: the packet with these link addresses, or another packet. */
	const char *mac_to;
	struct outer outer; /* in front of it; without VLAN tags where there is none */
	struct recipe reply;
};

extern const struct packet_case packet_cases[];
extern const size_t packet_case_count;

/* The services that the table's packets are for; the next hop of lost/n1 is to be unknown. */
extern const char packet_table_yaml[];

/* A balancer with all that. Fails the test if it can't. */
void packet_table_open(struct offline *o);

/*
 * Judges a copy of a frame, and leaves in `out` what became of it. It is parsed once more in memory
 * that ends where it ends, so that the address sanitizer sees what is read behind that.
 */
struct lb_packet packet_judge(struct offline *o, const struct frame *in, uint64_t time_ns,
			      struct frame *out);

/* What a case's packet is to become, from the frame that went in; see outer_build() for `got`. */
void packet_case_expect(const struct packet_case *c, const struct frame *in,
			const struct frame *got, struct frame *out);

#endif
