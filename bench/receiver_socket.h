/* SPDX-License-Identifier: BSD-2-Clause */
/* AF_XDP sockets on all queues of an interface, and the thread that counts what comes by them. */
#ifndef WEIR_BENCH_RECEIVER_SOCKET_H
#define WEIR_BENCH_RECEIVER_SOCKET_H

#include <stdint.h>

#include "bpf/received.h"

struct err;
struct place;
struct receiver_socket;

/* `map` is where the program finds the sockets by queue. */
int receiver_socket_open(struct receiver_socket **out, const struct place *place, uint32_t flows,
			 int map, struct err *err);
void receiver_socket_close(struct receiver_socket *s); /* NULL too */

/* What it has counted; the thread goes on writing it. */
const struct received *receiver_socket_counts(const struct receiver_socket *s);
const uint64_t *receiver_socket_latency(const struct receiver_socket *s);
const struct received_flow *receiver_socket_flow(const struct receiver_socket *s, uint32_t flow);
uint64_t receiver_socket_queue(const struct receiver_socket *s, uint32_t queue);

#endif
