/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which server a QUIC packet is for, by its destination connection id: what of QUIC does not change
 * between versions (RFC 8999), and the plaintext ids of draft-ietf-quic-load-balancers-21. Their
 * first octet begins with three bits that name the configuration (7: none), then comes the server's
 * id, then a nonce of 4 bytes at least.
 *
 * A client's first packets have an id that it drew by chance. Mostly that names no server; where it
 * does, the connection is that server's from the start.
 */
#ifndef WEIR_LB_QUIC_H
#define WEIR_LB_QUIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUIC_CONFIG_IDS 7u
#define QUIC_ID_MAX     8u /* bytes of a server id; the draft allows 15 */
#define QUIC_NONCE_MIN  4u /* bytes */

struct quic_server {
	uint64_t id; /* its bytes as a number, the first one is the highest */
	uint32_t backend;
};

/* The servers of a service. */
struct quic_servers {
	uint32_t config_id, id_length; /* of 0 to 6, in bytes */
	uint32_t count;
	struct quic_server servers[]; /* ascending ids */
};

/* Room for `count` servers, which the caller fills in any order and has sorted; or NULL. */
struct quic_servers *quic_servers_new(uint32_t config_id, uint32_t id_length, uint32_t count);
void quic_servers_sort(struct quic_servers *q);

/* Reads a UDP payload. False where its connection id names no server of that configuration. */
bool quic_server_id(const uint8_t *payload, size_t length, uint32_t config_id, uint32_t id_length,
		    uint64_t *id);

/* The backend that the payload's connection id names, or ABI_NO_BACKEND. */
uint32_t quic_backend(const struct quic_servers *q, const uint8_t *payload, size_t length);

#endif
