/* SPDX-License-Identifier: BSD-2-Clause */
/* A packet between the stages of lb_process(), for the files that share that work. */
#ifndef WEIR_LB_WORK_H
#define WEIR_LB_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/packet.h"
#include "bpf/translation.h"

struct lb_packet;
struct service;

struct work {
	struct lb_packet *packet;
	const struct service *service; /* NULL: none */
	struct packet parsed;
	uint64_t hash;
	uint32_t backend;               /* the flow table's, or ABI_NO_BACKEND */
	bool answers;                   /* sent to a SNAT address: by a backend, to a client */
	bool busy;                      /* its flow's translation could not be read just now */
	uint32_t translated;            /* id of the backend that `translation` is for, or none */
	struct translation translation; /* of its flow, with nat, once that is found or made */
};

/* Counters have one writer; readers of other threads see each whole. */
static inline void work_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* The state a flow is in once this packet of it has passed. */
static inline enum flow_state work_next_state(enum flow_state state, const struct packet *parsed)
{
	if (parsed->key.protocol == IPPROTO_UDP)
		return FLOW_UDP;
	if (parsed->tcp_flags & (PACKET_TCP_FIN | PACKET_TCP_RST))
		return FLOW_CLOSING;
	if (state == FLOW_HANDSHAKE && !(parsed->tcp_flags & PACKET_TCP_SYN))
		return FLOW_ESTABLISHED;
	return state;
}

/* One that a host would open a connection for. */
static inline bool work_is_syn(const struct packet *parsed)
{
	const uint8_t flags = PACKET_TCP_SYN | PACKET_TCP_ACK | PACKET_TCP_FIN | PACKET_TCP_RST;
	return (parsed->tcp_flags & flags) == PACKET_TCP_SYN;
}

/* Only a SYN or a UDP packet makes a flow known; not an ICMP error about it. */
static inline bool work_opens_flow(const struct packet *parsed)
{
	if (parsed->icmp)
		return false;
	return parsed->key.protocol == IPPROTO_UDP || work_is_syn(parsed);
}

#endif
