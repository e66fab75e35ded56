/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What nodes that share flows say to each other. All numbers are in network byte order; nothing is
 * padded. Every message begins with a header:
 *
 *   4  "WEIR"            1  version        1  kind        2  zero        4  length of all of it
 *
 *   HELLO    8 digest of services and backends, 4 entries of the flow table, 1 length, name
 *   FLOWS    2 backends, 2 flows, then
 *              backends:  1 length, name of the service, 16 address, 2 port
 *              flows:     16 source, 16 destination, 2 + 2 ports, 1 protocol, 1 state,
 *                         2 which of the backends above, 4 milliseconds since it was seen
 *   TRANSLATED  the same, and behind each flow:
 *              16 SNAT address, 2 SNAT port, from which its backend sees it come
 *   MARK     4 round: digests are of what was said before this
 *   DIGEST   4 round, 8 for each slice
 *   ASK      4 + 4 whose flows (as corosync calls nodes), 1 bit for each slice that is to be told
 * anew
 *
 * Flows are told by their keys, as each node's table has a seed of its own, and backends by what
 * they are, as ids differ. Pure; any thread.
 */
#ifndef WEIR_LB_SYNC_MESSAGE_H
#define WEIR_LB_SYNC_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/flow.h"

#define SYNC_VERSION      1u
#define SYNC_MESSAGE_MAX  32768u /* bytes */
#define SYNC_BACKENDS_MAX 128u   /* of one message */
#define SYNC_NAME_MAX     63u    /* bytes of a service's or a node's name */
#define SYNC_SLICES       1024u  /* that a node's flows are divided into, for digests */

enum sync_kind {
	SYNC_HELLO = 1,
	SYNC_FLOWS,
	SYNC_MARK,
	SYNC_DIGEST,
	SYNC_ASK,
	SYNC_TRANSLATED,
};

struct sync_backend {
	char service[SYNC_NAME_MAX + 1];
	struct addr address;
	uint16_t port;   /* host byte order; 0: the service's own */
	bool translated; /* reached by nat; in no message, as it's each node's own configuration */
};

struct sync_flow {
	struct flow_key key;
	uint8_t state;    /* FLOW_ESTABLISHED, FLOW_CLOSING or FLOW_UDP */
	uint16_t backend; /* index among the message's */
	uint32_t idle_ms;
	/* By nat: where its backend sees it come from. The port in network byte order; 0: no nat.
	 */
	struct addr snat;
	__be16 snat_port;
};

/* A message that is whole. What is not of its kind is 0. */
struct sync_message {
	enum sync_kind kind;
	uint64_t config; /* HELLO: digest of services and backends */
	uint32_t entries;
	char name[SYNC_NAME_MAX + 1];
	uint32_t round;     /* MARK, DIGEST */
	uint32_t node, pid; /* ASK */
	uint16_t backend_count, flow_count;
	const uint8_t *backends[SYNC_BACKENDS_MAX]; /* in the bytes that were parsed */
	const uint8_t *rest;                        /* flows, digests or bits */
};

/* 0; -EBADMSG: it breaks the format; -EPROTONOSUPPORT: it is of another version. */
int sync_message_parse(const void *bytes, size_t length, struct sync_message *out);

/* Items of one that was parsed. */
void sync_message_backend(const struct sync_message *m, uint16_t index, struct sync_backend *out);
void sync_message_flow(const struct sync_message *m, uint16_t index, struct sync_flow *out);
uint64_t sync_message_digest(const struct sync_message *m, uint32_t slice);
int sync_message_asks(const struct sync_message *m, uint32_t slice);

/* Write a message into `out`, SYNC_MESSAGE_MAX bytes; its length. */
size_t sync_write_hello(uint8_t *out, const char *name, uint64_t config, uint32_t entries);
size_t sync_write_mark(uint8_t *out, uint32_t round);
size_t sync_write_digest(uint8_t *out, uint32_t round, const uint64_t digests[SYNC_SLICES]);
size_t sync_write_ask(uint8_t *out, uint32_t node, uint32_t pid,
		      const uint64_t slices[SYNC_SLICES / 64]);

/* Flows on their way into a message. Zeroed but for `translated`: empty. */
struct sync_batch {
	bool translated; /* it is for flows by nat, and for them alone */
	uint16_t backend_count, flow_count;
	uint32_t ids[SYNC_BACKENDS_MAX]; /* of backends, the caller's */
	size_t backend_bytes;
	uint8_t backends[SYNC_BACKENDS_MAX * (1 + SYNC_NAME_MAX + 18)];
	uint8_t flows[SYNC_MESSAGE_MAX];
};

/* Adds a flow (flow->backend is not looked at). -1: no room, write it first. */
int sync_batch_add(struct sync_batch *b, const struct sync_flow *flow, uint32_t id,
		   const struct sync_backend *backend);

void sync_batch_clear(struct sync_batch *b);

/* Writes the message and empties the batch; 0: there is nothing in it. */
size_t sync_batch_write(struct sync_batch *b, uint8_t *out);

#endif
