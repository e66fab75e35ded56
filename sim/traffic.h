/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows: TCP connections of random clients to the services, alike in number for each. At the start
 * there is the population of a system that has run for ever; others begin while it is looked at, by
 * a Poisson process of the rate that keeps their number the same (Little's law).
 */
#ifndef WEIR_SIM_TRAFFIC_H
#define WEIR_SIM_TRAFFIC_H

#include <stdint.h>

/* The start, in ns: far from 0, as flows began before it. */
#define TRAFFIC_START_NS (100000ull * 1000000000)

#define TRAFFIC_BYTES_A_PACKET 2920u /* a client acknowledges every second segment of 1460 */
#define TRAFFIC_PACKETS_LEAST  3u    /* SYN, ACK, request */

enum flow_fate {
	FATE_KEPT,    /* all its packets went to one backend */
	FATE_BROKEN,  /* one went to another */
	FATE_ORPHAN,  /* its backend failed or left */
	FATE_REFUSED, /* no backend took its first packet */
	FATES,
};

struct sim_flow {
	uint64_t opened_ns, ends_ns;
	uint64_t gap_ns;    /* between two packets of the client */
	uint64_t synced_ns; /* when others know of it; UINT64_MAX: never */
	uint32_t client;    /* IPv4, host byte order */
	uint16_t port;
	uint16_t service;
	uint32_t backend; /* id; the one it was given */
	uint32_t hash;    /* the router's */
	uint16_t origin;  /* the balancer it began at */
	uint16_t node;    /* the one it is at */
	uint8_t fate;     /* enum flow_fate */
};

struct traffic {
	struct sim_flow *flows; /* the population first */
	uint32_t population, count;
};

/* `population` flows that live at the start, and room for those of `seconds` after it. -ENOMEM. */
int traffic_init(struct traffic *t, uint32_t population, uint32_t services, double seconds,
		 uint64_t seed);
void traffic_fini(struct traffic *t); /* a zeroed one too */

/* Makes those of `seconds` after the start, of another draw for each `stream`. */
void traffic_arrive(struct traffic *t, uint32_t services, double seconds, uint64_t seed,
		    uint64_t stream);

/* A handshake ends that long after its beginning, or after half of a shorter flow. */
#define TRAFFIC_ROUND_TRIP_NS 50000000u

/* When a packet of a flow is sent: number 0 is the SYN, 1 ends the handshake. */
static inline uint64_t sim_flow_time(const struct sim_flow *f, uint64_t number)
{
	uint64_t half_ns = (f->ends_ns - f->opened_ns) / 2;
	uint64_t first_ns = half_ns < TRAFFIC_ROUND_TRIP_NS ? half_ns : TRAFFIC_ROUND_TRIP_NS;
	return f->opened_ns + (number ? first_ns + (number - 1) * f->gap_ns : 0);
}

/* The number of the first packet at or after a time. */
static inline uint64_t sim_flow_packet(const struct sim_flow *f, uint64_t from_ns)
{
	uint64_t first_ns = sim_flow_time(f, 1);
	if (from_ns <= f->opened_ns)
		return 0;
	return from_ns <= first_ns ? 1 : 1 + (from_ns - first_ns + f->gap_ns - 1) / f->gap_ns;
}

#endif
