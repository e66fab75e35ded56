/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network of `weir-bench peers`: a client, a balancer with two arms, three web servers.
 *
 *     client eth0 10.8.1.1 --- 10.8.1.2 eth0 balancer eth1 10.8.2.2 --- switch --- b1 b2 b3
 *                                                                              10.8.2.11-13
 *
 * Servers answer by way of the balancer's kernel. The VIP is 203.0.113.10.
 */
#ifndef WEIR_BENCH_PEERS_NET_H
#define WEIR_BENCH_PEERS_NET_H

#include "bench/child.h"

struct err;

#define PEERS_SERVERS 3
#define PEERS_VIP     "203.0.113.10"

struct peers_net {
	int client, balancer, swich; /* network namespaces, -1: closed */
	int servers[PEERS_SERVERS];
	struct child web[PEERS_SERVERS];
	const char *folder;
};

/* Files go to `folder`. -errno; peers_net_close() in any case. */
int peers_net_open(struct peers_net *n, const char *folder, struct err *err);
void peers_net_close(struct peers_net *n);

#endif
