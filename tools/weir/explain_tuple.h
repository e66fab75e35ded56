/* SPDX-License-Identifier: BSD-2-Clause */
/* A packet to be explained that is given by who sends it to whom. */
#ifndef WEIR_TOOLS_EXPLAIN_TUPLE_H
#define WEIR_TOOLS_EXPLAIN_TUPLE_H

#include <stdint.h>

#include "bpf/abi.h"

#define EXPLAIN_TUPLE_FRAME 128u /* bytes, at most */
#define EXPLAIN_FROM_PORT   40000u

struct err;

struct explain_tuple {
	struct addr from, to;
	uint16_t from_port, to_port; /* host byte order */
	uint8_t protocol;            /* IPPROTO_TCP, IPPROTO_UDP, or IPPROTO_ICMP for a ping */
	uint8_t tcp_flags;
};

/*
 * Reads it from words: addresses with or without a port ("192.0.2.1:53", "[2001:db8::1]:53"), which
 * is needed in `to` unless it is a ping; `from` is EXPLAIN_FROM_PORT without one. `protocol` is
 * tcp, udp or icmp; `flags` are of TCP, letters of "SAFRPU", or NULL: a SYN. -EINVAL says what is
 * wrong.
 */
int explain_tuple_parse(struct explain_tuple *t, const char *from, const char *to,
			const char *protocol, const char *flags, struct err *err);

/* Writes its frame, with right checksums; how many bytes. */
uint32_t explain_tuple_frame(const struct explain_tuple *t, uint8_t frame[EXPLAIN_TUPLE_FRAME]);

#endif
