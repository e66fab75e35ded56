/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What services and backends have had, by everyone who sends to them: the workers, the fast path,
 * and for a service also what went to backends that are no longer there. Control thread.
 */
#ifndef WEIR_TOOLS_TRAFFIC_H
#define WEIR_TOOLS_TRAFFIC_H

#include <stdint.h>

struct config_backend;
struct config_service;
struct daemon;

struct traffic {
	uint64_t packets, bytes; /* in all */
	uint64_t fast_packets;   /* of them, by the fast path */
	uint64_t flows;          /* new ones */
};

struct traffic traffic_of_service(const struct daemon *d, const struct config_service *s);
struct traffic traffic_of_backend(const struct daemon *d, const struct config_service *s,
				  const struct config_backend *b);

#endif
