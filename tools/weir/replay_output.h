/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `weir replay` writes: the packets that would be sent, as a pcap with nanoseconds, and a line
 * of JSON for each packet:
 *
 *   {"frame":1,"verdict":"drop","reason":"no-backend","rule":null,"service":"web",
 *    "backend":null,"egress":null}
 */
#ifndef WEIR_TOOLS_REPLAY_OUTPUT_H
#define WEIR_TOOLS_REPLAY_OUTPUT_H

#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>

#include "lb/held.h"

struct err;
struct lb_packet;
struct offline;

/* What the capture says of a packet that is held. */
struct replay_held {
	uint64_t frame; /* 0: none */
	struct pcap_pkthdr header;
};

struct replay_output {
	const char *packets_path, *verdicts_path; /* "-": standard output; NULL: not wanted */
	pcap_t *shape;                            /* what libpcap wants to know of a file */
	pcap_dumper_t *packets;
	FILE *verdicts;
	struct replay_held held[HELD_PACKETS];
};

/* `in` is the capture that is read: it is not overwritten. -EIO, -EINVAL. */
int replay_output_open(struct replay_output *o, pcap_t *in, const char *packets,
		       const char *verdicts, struct err *err);

/* -EIO when something was not written. A zeroed one too, and one that is closed already. */
int replay_output_close(struct replay_output *o, struct err *err);

/*
 * A packet that was judged; its cookie is its frame, which count from 1. `header` is what the
 * capture says of it. One that is held comes a second time, without it. -EIO.
 */
int replay_output_write(struct replay_output *o, const struct offline *balancer,
			const struct lb_packet *p, const struct pcap_pkthdr *header,
			struct err *err);

#endif
