/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy at work in user space, over the tables that the XDP program has as maps: for `weir
 * replay`, explanations and tests. Workers of a daemon have none: what comes to them was policed in
 * the kernel.
 */
#ifndef WEIR_LB_POLICING_H
#define WEIR_LB_POLICING_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "bpf/flow.h"

struct meter_bucket;
struct packet;
struct policy_packet;
struct policy_tables;
struct policy_verdict;

#define POLICING_RULES 16u /* that one packet meets, at most */

/* What the policy had to say about one packet, for who explains it. */
struct policing_trace {
	bool asked;        /* it had a say */
	bool by_source;    /* ... and the source alone decided */
	uint32_t identity; /* of the source: its group's index in the configuration + 1, or 0 */
	uint32_t count;
	struct {
		uint16_t rule;
		bool refused;    /* by it, or if it were no dry run */
	} rules[POLICING_RULES]; /* in the order in which they were asked */
};

/* Token buckets that are looked at and not taken from: those that others police by. */
struct policing_peek {
	const struct meter_bucket *meters; /* NULL: all are full */
	uint64_t mask;
	const __u64 *half_open; /* the same */
};

struct policing {
	const struct policy_tables *tables; /* NULL: everything is allowed */
	void *meter_memory;
	struct meter_bucket *meters; /* in it, aligned */
	uint64_t meter_mask;
	struct rule_traffic *traffic; /* by id of the rule */
	__u64 *half_open;             /* by id of the service: its bucket (bpf/police.h) */
	struct flow_seed seed;
	uint64_t now_ns;
	/* Of who explains: `meters` then has copies. */
	struct policing_trace *trace;
	const struct policing_peek *peek;
};

/* Room for limits of so many sources, all unknown, and counters at zero. -ENOMEM. */
int policing_init(struct policing *p, uint32_t sources, const struct flow_seed *seed);
void policing_fini(struct policing *p); /* a zeroed one too */

/*
 * What the policy says of a packet before it is known what it is, whole or not: true, and why in
 * *out, when its source is not wanted anywhere.
 */
bool policing_refuses(struct policing *p, const uint8_t *data, uint32_t length,
		      struct policy_verdict *out);

/*
 * What it says of one for a target (struct target: its row, and the id of the service or
 * ABI_NO_SERVICE); row 0: for the kernel.
 */
void policing_judge(struct policing *p, const uint8_t *data, uint32_t length,
		    const struct packet *parsed, uint32_t row, uint32_t service,
		    struct policy_verdict *out);

/*
 * Whether a packet to a service is the answer to a cookie; then its source is known from now on.
 * `cookies`: the seed that they were made with.
 */
bool policing_proves(struct policing *p, uint8_t *data, uint32_t length,
		     const struct packet *parsed, const struct flow_seed *cookies);

/* The identity of a source address: its group's index in the configuration + 1, or 0. */
uint32_t policing_identity(const struct policy_tables *t, const struct addr *a);

#endif
