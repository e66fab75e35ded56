/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether this host has SNAT addresses itself. Weir takes all TCP and UDP to them for answers, so
 * whoever listens there would be cut off, ssh too.
 */
#ifndef WEIR_TOOLS_SNAT_HOST_H
#define WEIR_TOOLS_SNAT_HOST_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct err;

/*
 * Looks at the host's addresses and at its routes of type local. -EINVAL: one of nat.addresses is
 * among them; the words name both.
 */
int snat_host_check(const struct config *c, struct err *err);

/* The same while the daemon runs: somebody may give the host such an address later. */
struct snat_host_watch {
	uint64_t next_ns; /* CLOCK_MONOTONIC; when to look again */
	bool told;        /* the log says so already */
};

/* To be called often; looks every five seconds, and says in the log what has changed. */
void snat_host_tick(struct snat_host_watch *w, const struct config *c, uint64_t now_ns);

#endif
