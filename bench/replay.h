/* SPDX-License-Identifier: BSD-2-Clause */
/* The packets of a pcap or pcapng file, to be sent again. Ethernet only. */
#ifndef WEIR_BENCH_REPLAY_H
#define WEIR_BENCH_REPLAY_H

#include <stdint.h>

struct err;

struct replay_packet {
	uint8_t *bytes;
	uint32_t length;
	uint64_t at_ns; /* after the first one */
};

struct replay {
	struct replay_packet *packets;
	uint32_t count;
	double mean_length;
	uint32_t longest;
};

/* -EINVAL: no such file, none of Ethernet, or an empty one; packets that were cut are refused. */
int replay_open(struct replay *r, const char *path, struct err *err);
void replay_close(struct replay *r); /* a zeroed one too */

#endif
