/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections by nat of every kind, as frames: what goes in at either end, and what has to come out
 * at the other. Frames are built anew, and with checksums taken anew, by packet_build().
 */
#ifndef WEIR_TESTS_NAT_TALK_H
#define WEIR_TESTS_NAT_TALK_H

#include <stddef.h>
#include <stdint.h>

#include "tests/unit/packet_build.h"

struct lb_packet;
struct offline;

#define NAT_TALK_PORTS 100 /* SNAT ports that nat_talk_yaml has */

/* A service of each of them, and a few SNAT ports. */
extern const char nat_talk_yaml[];

struct nat_talk {
	const char *name;
	const char *client, *vip, *snat, *backend;
	const char *backend_mac;
	uint16_t vip_port, backend_port;
	uint8_t protocol;
};

/* TCP and UDP: of IPv4, of IPv6, from IPv4 to IPv6, from IPv6 to IPv4. */
extern const struct nat_talk nat_talks[];
extern const size_t nat_talk_count;

#define NAT_TALK_CLIENT_PORT 40000

/* A client's packet; `flags` are TCP's. */
struct recipe nat_talk_from_client(const struct nat_talk *t, uint8_t flags, uint16_t payload);
/* The same on its way to the backend, from SNAT port `port`. */
struct recipe nat_talk_to_backend(const struct nat_talk *t, uint16_t port, uint8_t flags,
				  uint16_t payload);
/* The answer, and the same on its way to the client. */
struct recipe nat_talk_from_backend(const struct nat_talk *t, uint16_t port, uint8_t flags,
				    uint16_t payload);
struct recipe nat_talk_to_client(const struct nat_talk *t, uint8_t flags, uint16_t payload);

/* Whether the packet changes its family on the way. */
bool nat_talk_crosses(const struct nat_talk *t);

/* Has the balancer judge a packet; what came out is in *out. */
struct lb_packet nat_talk_send(struct offline *o, const struct recipe *r, struct frame *out);

/* The same; the test fails if it is not sent on just as `want` says. */
void nat_talk_expect(struct offline *o, const struct recipe *in, const struct recipe *want);
void nat_talk_expect_frame(const struct frame *got, const struct recipe *want);

/* Has a client open a connection; its SNAT port. */
uint16_t nat_talk_open(struct offline *o, const struct nat_talk *t);

/* When packets are sent. */
extern uint64_t nat_talk_now_ns;

#endif
