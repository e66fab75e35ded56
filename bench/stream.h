/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a sender sends: which flows, which sizes, in which order. Made once from what was asked for,
 * then read by the engines (bpf/stream.h has the format, and writes the packets).
 */
#ifndef WEIR_BENCH_STREAM_H
#define WEIR_BENCH_STREAM_H

#include <net/if.h> /* libc's before the kernel's */
#include <netinet/in.h>
#include <linux/if_ether.h>
#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "bpf/stream.h"

struct err;

enum stream_pick { STREAM_IN_TURN, STREAM_RANDOM, STREAM_ZIPF };

struct stream_sizes {
	uint32_t length[STREAM_SIZES], weight[STREAM_SIZES];
	unsigned int count;
};

struct stream_range {
	struct addr first, last;
};

struct stream_wanted {
	struct addr destination;
	uint16_t destination_port;
	struct stream_range sources;    /* of the destination's family */
	uint16_t first_port, last_port; /* of the sources */
	uint32_t flows;
	const char
		*flow_list; /* a file of "SOURCE:PORT DESTINATION:PORT" lines instead; NULL: none */
	enum stream_pick pick;
	double zipf; /* exponent */
	bool tcp;
	uint8_t tcp_flags;
	uint16_t vlan; /* 0: no tag */
	bool no_stamps;
	struct stream_sizes sizes;
	uint8_t to_mac[ETH_ALEN], from_mac[ETH_ALEN];
	uint32_t seed;
};

struct stream {
	struct stream_shape shape;
	struct stream_size sizes[STREAM_SIZES];
	unsigned int size_count;
	struct stream_flow *flows;
	uint32_t flow_count;
	uint32_t *order; /* stream_entry()s */
	uint32_t order_count;
	double mean_length; /* of a frame, over the order */
};

/* -EINVAL with what would be right, -ENOMEM; of a flow list also file and line. */
int stream_open(struct stream *s, const struct stream_wanted *wanted, struct err *err);
void stream_close(struct stream *s); /* a zeroed one too */

/* Those of its flows that are `which` of `parts`, with an order of their own: for one thread. */
int stream_split(const struct stream *s, uint32_t which, uint32_t parts, struct stream *out,
		 struct err *err);

#endif
