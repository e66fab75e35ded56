/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP errors about the outer packets of tunnels (RFC 2003, 4; RFC 2473, 8). They come to this
 * host, whose address the outer packets have, and no client knows of them: a router on the way says
 * how wide it is, or a backend that it takes no such packets. Control thread.
 */
#ifndef WEIR_TOOLS_TUNNEL_ERRORS_H
#define WEIR_TOOLS_TUNNEL_ERRORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

struct err;
struct ev_loop;
struct tunnel_errors;

struct tunnel_error {
	struct addr from, to; /* of the outer packet */
	uint32_t mtu;         /* 0: the error is another than "too big" */
	uint8_t type, code;   /* of ICMP or, with IPv6 addresses, ICMPv6 */
};

/*
 * Reads an error as a raw socket gives it: with IPv4's header, without IPv6's. False for all that
 * is no error about a packet in a tunnel of ours.
 */
bool tunnel_error_read(const uint8_t *bytes, size_t length, bool v6, struct tunnel_error *out);

/* What it is, in words: "protocol unreachable". */
const char *tunnel_error_words(const struct tunnel_error *e);

typedef void tunnel_error_fn(void *context, const struct tunnel_error *e);

/* Calls `fn` from the loop for each that comes. -EPERM. */
int tunnel_errors_open(struct tunnel_errors **out, struct ev_loop *loop, tunnel_error_fn *fn,
		       void *context, struct err *err);
void tunnel_errors_close(struct tunnel_errors *t); /* NULL too */

#endif
